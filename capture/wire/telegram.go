package wire

import (
	"encoding/binary"
	"math/bits"
)

// MTProtoTransport is one of the ways Telegram frames its messages on TCP
// (core.telegram.org/mtproto/mtproto-transports).
type MTProtoTransport uint8

// The transports. All but MTProtoObfuscated show frame lengths in clear.
const (
	MTProtoNone         MTProtoTransport = iota
	MTProtoAbridged                      // first byte EF, then one or four bytes of length in words
	MTProtoIntermediate                  // EEEEEEEE, then four bytes of length
	MTProtoPadded                        // DDDDDDDD, then four bytes of length with up to 15 bytes of padding
	MTProtoFull                          // length, sequence number, payload, CRC-32
	MTProtoObfuscated                    // 64 random bytes, then one of the others encrypted with a key inside them
)

// ParseMTProto tells the transport from the first bytes of a client's stream.
// wireLen is the length of the first segment. Obfuscated streams look random
// on purpose; for these see looksObfuscated: the answer is a guess.
func ParseMTProto(b []byte, wireLen int) MTProtoTransport {
	switch {
	case string(b) == "\xEE\xEE\xEE\xEE" && wireLen == 4: // the tag in a segment of its own
		return MTProtoIntermediate
	case string(b) == "\xDD\xDD\xDD\xDD" && wireLen == 4:
		return MTProtoPadded
	case len(b) < 12:
		return MTProtoNone
	case b[0] == 0xEF && mtprotoAbridgedFits(b[1:], wireLen-1):
		return MTProtoAbridged
	case binary.LittleEndian.Uint32(b) == 0xEEEEEEEE && mtprotoFits(b[8:], int64(binary.LittleEndian.Uint32(b[4:])), 0):
		return MTProtoIntermediate
	case binary.LittleEndian.Uint32(b) == 0xDDDDDDDD && mtprotoFits(b[8:], int64(binary.LittleEndian.Uint32(b[4:])), 15):
		return MTProtoPadded
	case mtprotoFull(b):
		return MTProtoFull
	case looksObfuscated(b, wireLen):
		return MTProtoObfuscated
	}
	return MTProtoNone
}

// mtprotoAbridgedFits checks the length of the first message: words of four
// bytes in one byte, or 7F and three bytes. Since one byte of tag proves little,
// the message has to end with the segment or fill it.
func mtprotoAbridgedFits(b []byte, wireLen int) bool {
	n, body := int64(b[0]), b[1:]
	if b[0] == 0x7F {
		n, body = int64(b[1])|int64(b[2])<<8|int64(b[3])<<16, b[4:]
	}
	rest := int64(wireLen) - 4*n - int64(len(b)-len(body))
	return b[0] <= 0x7F && mtprotoFits(body, 4*n, 0) && (rest == 0 || rest < 0 && wireLen >= minFullSegment)
}

// minFullSegment is the smallest segment taken for one that a longer message
// filled, in bytes: IPv6 promises 1280 to a packet (RFC 8200 section 5).
const minFullSegment = 1200

// mtprotoFits checks that a message of n bytes can be one of MTProto: 24 bytes
// of key identifier and message key and blocks of 16 (core.telegram.org/mtproto/
// description), or, where the key identifier is zero, 20 bytes of header and
// a plain message.
func mtprotoFits(body []byte, n, padding int64) bool {
	if n < 24 || n > 1<<24 || n%4 != 0 && padding == 0 || len(body) < 4 {
		return false
	}
	if plain := len(body) >= 8 && binary.LittleEndian.Uint64(body) == 0; plain {
		return true
	}
	return n >= 40 && (n-24)%16 <= padding
}

// mtprotoFull checks the full transport: length of the whole frame, sequence
// number 0, then a plain message (key identifier zero) or an encrypted one.
func mtprotoFull(b []byte) bool {
	if len(b) < 20 {
		return false
	}
	n := int64(binary.LittleEndian.Uint32(b))
	plain := binary.LittleEndian.Uint64(b[8:]) == 0
	return binary.LittleEndian.Uint32(b[4:]) == 0 && plain && n%4 == 0 && n >= 12+24 && n <= 1<<20 && binary.LittleEndian.Uint64(b[12:]) != 0
}

// obfuscatedHead is the random beginning of an obfuscated stream.
const obfuscatedHead = 64

// looksObfuscated guesses whether a client's first segment begins an
// obfuscated stream (core.telegram.org/mtproto/mtproto-transports, transport
// obfuscation): 64 bytes that look random and avoid the beginnings that the
// document forbids (other transports, HTTP, TLS), then nothing or messages of
// 24+16n bytes behind one byte (abridged) or four (intermediate, or abridged from
// 508 bytes on) of length.
func looksObfuscated(b []byte, wireLen int) bool {
	if len(b) < obfuscatedHead || b[0] == 0xEF || forbiddenHead(b) {
		return false
	}
	if rest := wireLen - obfuscatedHead; rest != 0 && !mtprotoLengths(rest) {
		return false
	}
	return looksRandom(b[:obfuscatedHead])
}

// mtprotoLengths tells whether n bytes can be one message, or up to four in the
// abridged transport, as clients send when they have something to say at once.
func mtprotoLengths(n int) bool {
	for k := 1; k <= 4; k++ {
		if rest := n - 25*k; rest >= 16*k && rest%16 == 0 {
			return true
		}
	}
	return MTProtoLength(n)
}

// MTProtoSegment tells whether a segment of n bytes, of which those in b were
// captured, can be one whole encrypted message: it has the length and looks
// random. At least 24 bytes have to be there.
func MTProtoSegment(b []byte, n int) bool {
	return MTProtoLength(n) && looksRandom(b[:min(len(b), obfuscatedHead)])
}

// MTProtoLength tells whether a segment of n bytes can be one whole encrypted
// message of Telegram in the abridged or intermediate transport: 24 bytes, 16
// or more in blocks of 16, behind one or four bytes of length. All segments of
// obfuscated connections in the recordings of 2022 obey (105, 137, 169, 185 ...);
// of other traffic one in eight does. A run of segments that obey, without
// readable bytes, speaks for Telegram where the beginning of the stream is
// missing.
func MTProtoLength(n int) bool {
	return n >= 41 && ((n-25)%16 == 0 || (n-28)%16 == 0)
}

// minRandom is the number of bytes from which looksRandom judges.
const minRandom = 24

// forbiddenHead lists the beginnings that no obfuscated stream has: HEAD,
// POST, GET, OPTI, the other transports, a TLS hello; and a second word of 0.
// All of TLS is added here, for captures that begin in the middle.
func forbiddenHead(b []byte) bool {
	if looksTLS(b) {
		return true
	}
	switch string(b[:4]) {
	case "HEAD", "POST", "GET ", "OPTI", "\xEE\xEE\xEE\xEE", "\xDD\xDD\xDD\xDD", "\x16\x03\x01\x02":
		return true
	}
	return binary.LittleEndian.Uint32(b[4:]) == 0
}

// looksRandom tells whether bytes can come from a uniform source. Of 64 random
// bytes 56.7 are different on average and no fewer than 46 ever in practice;
// of their bits 256 are set, with a deviation of 11.3, of which four are
// allowed; four equal bytes in a row do not come up. Fewer than 24 bytes tell
// nothing.
func looksRandom(b []byte) bool {
	var seen [256]bool
	different, ones, run := 0, 0, 1
	for i, c := range b {
		if !seen[c] {
			seen[c] = true
			different++
		}
		ones += bits.OnesCount8(c)
		if i > 0 && c == b[i-1] {
			run++
		} else {
			run = 1
		}
		if run > 3 {
			return false
		}
	}
	n := len(b)
	if n < minRandom {
		return false
	}
	expected := n - n*(n-1)/512 // n less the pairs that are equal, one in 256
	off := ones - 4*n           // bits are 8n, so the variance is 2n
	return different >= expected-n/6 && off*off <= 16*2*n
}
