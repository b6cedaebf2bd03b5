package wire

import (
	"encoding/binary"
	"errors"
)

// Google QUIC before TLS (Q024 to Q050): https://docs.google.com "QUIC Wire
// Layout Specification" and "QUIC Crypto", and Chromium's quiche. The hello
// ("CHLO") of the versions up to Q046 is not encrypted at all; in Q050 it is in
// an Initial packet as in RFC 9001.

// errNoCHLO tells that a packet of Google QUIC holds no hello.
var errNoCHLO = errors.New("quic: no google client hello")

const googleHashLen = 12 // message authentication hash of a packet without encryption

// isGoogleVersion tells "Q0dd".
func isGoogleVersion(b []byte) bool {
	return b[0] == 'Q' && b[1] == '0' && b[2] >= '0' && b[2] <= '9' && b[3] >= '0' && b[3] <= '9'
}

// parseGoogleHeader reads the public header of versions up to Q043, as clients
// send it with a version: flags, 8 bytes of connection ID, version, 1 to 6
// bytes of packet number.
func parseGoogleHeader(b []byte, h *QUICHeader) bool {
	const version, cid = 0x01, 0x08
	if len(b) < 14 || b[0]&(version|cid) != version|cid || b[0]&0xc2 != 0 || !isGoogleVersion(b[9:13]) {
		return false
	}
	h.Type = QUICGoogle
	h.Version = binary.BigEndian.Uint32(b[9:13])
	h.DCID = b[1:9]
	h.Payload = 13 + [...]int{1, 2, 4, 6}[b[0]>>4&3]
	h.End = len(b)
	return h.Payload <= len(b)
}

// parseQ046 reads the long header of Q046: both lengths in one byte, no length
// field, packet number of up to four bytes.
func parseQ046(b []byte, h *QUICHeader) bool {
	lengths := [2]int{googleCIDLen(b[5] >> 4), googleCIDLen(b[5] & 15)}
	number := int(b[0]&3) + 1
	h.Payload = 6 + lengths[0] + lengths[1] + number
	if b[0]&0x40 == 0 || h.Payload > len(b) {
		return false
	}
	h.DCID = b[6:][:lengths[0]]
	h.SCID = b[6+lengths[0]:][:lengths[1]]
	h.Type = quicLongType(h.Version, b[0]>>4&3)
	h.End = len(b)
	return true
}

// googleCIDLen gives the length for four bits: 0 is none, else three more.
func googleCIDLen(bits byte) int {
	if bits == 0 {
		return 0
	}
	return int(bits) + 3
}

// googleFrames looks for the hello in a packet without encryption: behind the
// hash, a STREAM frame of stream 1 at offset 0.
func (q *QUICHello) googleFrames(b []byte, version uint32) error {
	skip := googleHashLen
	if version < 0x51303334 { // before Q034 a byte of private flags follows
		skip++
	}
	if len(b) < skip {
		return errNoCHLO
	}
	for b = b[skip:]; len(b) > 0; {
		data, offset, rest, ok := googleStream(b)
		if !ok {
			// PADDING and PING have no fields; other frames are not opened with.
			if b[0] != 0 && b[0] != 7 {
				return errNoCHLO
			}
			b = b[1:]
			continue
		}
		if offset == 0 && isCHLO(data) {
			return q.readCHLO(data)
		}
		b = rest
	}
	return errNoCHLO
}

// googleStream reads a STREAM frame (1 f d ooo ss) if b begins with one of
// stream 1. The length is missing where the frame fills the packet. Numbers are
// big endian from Q039 on; before, only the data length differs, and a wrong
// one is cut to what is there.
func googleStream(b []byte) (data []byte, offset uint64, rest []byte, ok bool) {
	if b[0]&0x80 == 0 {
		return nil, 0, nil, false
	}
	idLen := int(b[0]&3) + 1
	offLen := int(b[0] >> 2 & 7)
	if offLen > 0 {
		offLen++
	}
	at := 1 + idLen + offLen
	if len(b) < at+2 {
		return nil, 0, nil, false
	}
	for _, c := range b[1+idLen : at] {
		offset = offset<<8 | uint64(c)
	}
	if b[0]&0x20 == 0 {
		return b[at:], offset, nil, true
	}
	n := int(binary.BigEndian.Uint16(b[at:]))
	at += 2
	n = min(n, len(b)-at)
	return b[at:][:n], offset, b[at+n:], true
}

// quicGoogle tells the versions of Google whose first packet is an Initial.
func quicGoogle(version uint32) bool {
	return version == quicQ050 || version == quicT050 || version == quicT051
}

// googleCrypto collects the CRYPTO frames of a Q050, T050 or T051 Initial. They
// have the type 8 there, PING has 7, and what else comes (ACK, in a form of its
// own) is not followed by parts of a first hello.
func (q *QUICHello) googleCrypto(b []byte) error {
	r := frameReader{b: b}
	for len(r.b) > 0 && !r.bad {
		switch r.varint() {
		case 0, 7:
		case 8:
			offset := r.varint()
			if !q.crypto.put(offset, r.bytes(r.varint())) {
				return ErrQUICLimit
			}
		default:
			return q.check()
		}
	}
	return q.check()
}

// isCHLO tells whether b begins with a client hello of the QUIC crypto protocol.
func isCHLO(b []byte) bool { return len(b) >= 8 && string(b[:4]) == "CHLO" }

// readCHLO reads the tags of a hello: "CHLO", number of tags, two bytes of
// padding, then tag and end offset of each, then the values.
func (q *QUICHello) readCHLO(b []byte) error {
	if !isCHLO(b) {
		return errNoCHLO
	}
	count := int(binary.LittleEndian.Uint16(b[4:6]))
	if count > maxHelloList || len(b) < 8+8*count {
		return errNoCHLO
	}
	h := &ClientHello{Kind: HelloGQUIC}
	index, values := b[8:8+8*count], b[8+8*count:]
	start := uint32(0)
	for ; len(index) > 0; index = index[8:] {
		end := binary.LittleEndian.Uint32(index[4:8])
		if end < start || end > uint32(len(values)) {
			h.Truncated = true
			break
		}
		h.readTag(string(index[:4]), values[start:end])
		start = end
	}
	q.hello, q.done = h, true
	q.crypto, q.keys = pieces{}, nil
	return nil
}

// readTag takes what names the server and the client.
func (h *ClientHello) readTag(tag string, value []byte) {
	switch tag {
	case "SNI\x00":
		h.SNI = true
		h.ServerName = hostName(value)
	case "UAID":
		h.UserAgent = printable(value, maxUserAgent)
	}
}
