package wire

import "encoding/binary"

// RTP is the clear header of an RTP or SRTP packet (RFC 3550 section 5.1, RFC
// 3711: SRTP encrypts only what follows).
type RTP struct {
	Version     uint8
	PayloadType uint8
	Marker      bool
	Seq         uint16
	Timestamp   uint32
	SSRC        uint32
	HeaderLen   int // bytes with contributing sources and extension; more than what was captured where the packet was cut
}

// maxRTPExtension bounds the header extension in words of four bytes: WebRTC's
// are below ten; a random number there passes one time in a thousand.
const maxRTPExtension = 64

// ParseRTP reads the RTP header of a datagram. It tells only that b can be
// RTP: the first byte is in the range that RFC 7983 section 7 leaves to it,
// the payload type is none of those that RFC 5761 section 4 gives to RTCP, and
// the header is of plausible size. It needs 12 bytes of a packet that may have
// been cut. One datagram proves nothing; ciphertexts pass one time in ten. Ask
// for the same SSRC and a rising Seq over several.
func ParseRTP(b []byte, h *RTP) bool {
	if len(b) < 12 || b[0]>>6 != 2 {
		return false
	}
	if pt := b[1] & 0x7F; pt >= 64 && pt <= 95 {
		return false
	}
	n := 12 + 4*int(b[0]&0x0F)
	if n > len(b) {
		return false
	}
	if b[0]&0x10 != 0 {
		words := 0 // where the packet was cut before the extension
		if len(b) >= n+4 {
			words = int(binary.BigEndian.Uint16(b[n+2:]))
		}
		if words > maxRTPExtension {
			return false
		}
		n += 4 + 4*words
	}
	*h = RTP{
		Version: 2, PayloadType: b[1] & 0x7F, Marker: b[1]&0x80 != 0,
		Seq: binary.BigEndian.Uint16(b[2:]), Timestamp: binary.BigEndian.Uint32(b[4:]),
		SSRC: binary.BigEndian.Uint32(b[8:]), HeaderLen: n,
	}
	return true
}

// RTCP is the clear header of the first packet of an RTCP or SRTCP compound
// (RFC 3550 section 6.4).
type RTCP struct {
	Type   uint8 // 200 sender report, 201 receiver report, 202 SDES, 205 and 206 feedback; WhatsApp also 208 and 209
	Count  uint8 // reports, sources or feedback format
	Length int   // bytes of the first packet with its header; compare it with the datagram's length
	SSRC   uint32
}

// maxRTCP bounds one RTCP packet in bytes: it has to fit into an Ethernet frame.
const maxRTCP = 1500

// ParseRTCP reads the RTCP header of a datagram, of which it needs eight bytes:
// version 2, packet type 192 to 223 (RFC 5761 section 4), a plausible length.
func ParseRTCP(b []byte, h *RTCP) bool {
	if len(b) < 8 || b[0]>>6 != 2 || b[1] < 192 || b[1] > 223 {
		return false
	}
	n := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
	if n < 8 || n > maxRTCP {
		return false
	}
	*h = RTCP{Type: b[1], Count: b[0] & 0x1F, Length: n, SSRC: binary.BigEndian.Uint32(b[4:])}
	return true
}
