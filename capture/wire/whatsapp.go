package wire

// WhatsAppPrologue is what a WhatsApp client sends first on a chat connection
// of its own (TCP 5222, 443 or 80; not inside TLS).
type WhatsAppPrologue struct {
	Routing  []byte // edge-routing bytes: the same for hours, a coarse pseudonym; points into the parsed bytes
	Version  uint8  // third byte of "WA": protocol version
	Dict     uint8  // fourth byte: version of the token dictionary
	Consumed int    // bytes up to the first frame
	Legacy   bool   // FunXMPP with RC4 as in 2015 ("WA" 1 5), else Noise
}

// maxWhatsAppRouting bounds the edge-routing bytes; 2 and 4 were measured.
const maxWhatsAppRouting = 256

// ParseWhatsAppPrologue reads the prologue at the start of a client's stream:
// optionally "ED" 0 1, three bytes of length and as many of routing, then "WA",
// version and dictionary version (measured in captures of 2015 to 2022). more
// says that b may be the beginning of a prologue but is too short to tell.
//
// Versions seen: 1.5 (2015, RC4); 2.1 (2019), 5.2 (2022), 6.3 (web clients):
// Noise.
func ParseWhatsAppPrologue(b []byte) (p WhatsAppPrologue, more, ok bool) {
	rest := b
	if hasPrefixSoFar(b, "ED\x00\x01") {
		if len(b) < 7 {
			return p, true, false
		}
		n := uint24(b[4:])
		if n > maxWhatsAppRouting {
			return p, false, false
		}
		end := min(len(b), 7+n)
		p.Routing, rest = b[7:end], b[end:]
	}
	if !hasPrefixSoFar(rest, "WA") {
		return p, false, false
	}
	if len(rest) < 4 {
		return p, true, false
	}
	p.Version, p.Dict, p.Consumed = rest[2], rest[3], len(b)-len(rest)+4
	p.Legacy = p.Version == 1
	plausible := p.Version >= 1 && p.Version < 32 && p.Dict < 32
	return p, false, plausible
}

// hasPrefixSoFar tells whether b begins with s, or s with b.
func hasPrefixSoFar(b []byte, s string) bool {
	n := min(len(b), len(s))
	return string(b[:n]) == s[:n]
}

func uint24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

// WhatsAppFrameHeader is the size of a frame header in bytes.
const WhatsAppFrameHeader = 3

// ParseWhatsAppFrame reads a frame header: three bytes of length. In the
// protocol of 2015 the upper four bits are flags (8 encrypted, 4 compressed);
// Noise frames have none.
func ParseWhatsAppFrame(b []byte, legacy bool) (length int, flags uint8, ok bool) {
	if len(b) < WhatsAppFrameHeader {
		return 0, 0, false
	}
	length = uint24(b)
	if legacy {
		return length & 0x0FFFFF, b[0] >> 4, true
	}
	return length, 0, true
}

// NoiseHello is a message of the Noise handshake of WhatsApp.
type NoiseHello uint8

// Handshake messages. A phone with a kept server key resumes with one round
// trip (pattern IK), otherwise it does the full handshake (XX).
const (
	NoiseNone         NoiseHello = iota
	NoiseClientFull              // XX: ephemeral key only
	NoiseClientResume            // IK: ephemeral, encrypted static key, payload
	NoiseServerFull              // with the server's static key
	NoiseServerResume            // without: the resumption was accepted
	NoiseClientFinish            // third message of XX
)

// ParseNoiseHello tells which handshake message a frame body is. The messages
// are protocol-buffer fields in clear: 2 client hello, 3 server hello, 4 client
// finish, each with 1 ephemeral (32 bytes) and 2 static (48 bytes encrypted)
// as measured. It needs the first six bytes of the body, and 38 to tell full
// from resumed.
func ParseNoiseHello(body []byte) NoiseHello {
	if len(body) < 4 {
		return NoiseNone
	}
	tag := body[0]
	inner, ok := skipVarint(body[1:])
	if !ok || len(inner) < 2 {
		return NoiseNone
	}
	if tag == 0x22 && inner[0] == 0x0A && inner[1] == 48 {
		return NoiseClientFinish
	}
	if inner[0] != 0x0A || inner[1] != 32 {
		return NoiseNone
	}
	static := len(inner) > 35 && inner[34] == 0x12 && inner[35] == 48
	switch {
	case tag == 0x12 && static:
		return NoiseClientResume
	case tag == 0x12:
		return NoiseClientFull
	case tag == 0x1A && static:
		return NoiseServerFull
	case tag == 0x1A:
		return NoiseServerResume
	}
	return NoiseNone
}

// skipVarint gives what follows a protocol-buffer varint of up to three bytes.
func skipVarint(b []byte) ([]byte, bool) {
	for i := range min(3, len(b)) {
		if b[i] < 0x80 {
			return b[i+1:], true
		}
	}
	return nil, false
}
