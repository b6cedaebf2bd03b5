package wire

import (
	"bytes"
	"encoding/binary"
)

// signReflector recognises Telegram's call relays; see IsReflector.
func signReflector(p *Probe) string {
	if IsReflector(p.Payload, p.WireLen) {
		return "telegram-reflector"
	}
	return ""
}

// signDiscord recognises Discord's voice servers: IP discovery of 74 bytes,
// type 1 or 2 and the length 70 that follows (Discord's documentation for
// developers, Voice Connections), and the client's 8-byte ping 1337CAFE
// (measured).
func signDiscord(p *Probe) string {
	b := p.Payload
	switch {
	case p.WireLen == 74 && len(b) >= 8 && b[0] == 0 && (b[1] == 1 || b[1] == 2) && b[2] == 0 && b[3] == 70:
		return "discord-ip-discovery"
	case p.WireLen == 8 && len(b) == 8 && binary.BigEndian.Uint32(b) == 0x1337CAFE:
		return "discord-voice-keepalive"
	}
	return ""
}

// signOICQ recognises QQ's old protocol: 02, version, command, sequence and
// account number, 03 at the end, on port 8000 (Wireshark's description of
// OICQ; measured).
func signOICQ(p *Probe) string {
	b := p.Payload
	if len(b) < 12 || len(b) != p.WireLen || !p.port(8000) || b[0] != 2 || b[len(b)-1] != 3 {
		return ""
	}
	if version, command := b[1], binary.BigEndian.Uint16(b[3:]); version > 0 && version < 0x60 && command > 0 && command < 0x1000 {
		return "qq-oicq"
	}
	return ""
}

// Zoom's framing (Michel et al., "Enabling Passive Measurement of Zoom
// Performance", IMC 2022): to and from a server, eight bytes in front with
// type 5 for media, then a media header whose first byte is the kind; between
// two clients the media header comes first.
const (
	zoomServerHeader = 8
	zoomMedia        = 5
)

// signZoom recognises datagrams of Zoom's media servers (UDP 8801 to 8810,
// Zoom's documentation for firewalls): session set-up (1 up, 2 down) and media.
func signZoom(p *Probe) string {
	b := p.Payload
	if len(b) < 28 {
		return ""
	}
	if p.ServerPort < 8801 || p.ServerPort > 8810 {
		if zoomMediaFits(b, true) {
			return "zoom-media"
		}
		return ""
	}
	switch {
	case b[0] == zoomMedia && zoomMediaFits(b[zoomServerHeader:], false):
		return "zoom-media"
	case b[0] >= 1 && b[0] <= 7 && b[1] == 0:
		return "zoom-sfu"
	}
	return ""
}

// zoomMediaFits checks that the header which the kind calls for is there: RTP
// of Zoom's payload types, or RTCP. strict asks for what only media of Zoom
// have and leaves the kinds without RTP out.
func zoomMediaFits(b []byte, strict bool) bool {
	var rtp RTP
	var rtcp RTCP
	at := 0
	switch b[0] {
	case 13, 30: // shared screen
		at = 27
	case 15: // audio
		at = 19
	case 16: // video
		at = 24
	case 33, 34, 35:
		return !strict && len(b) > 16 && ParseRTCP(b[16:], &rtcp)
	default:
		return false
	}
	if len(b) <= at || !ParseRTP(b[at:], &rtp) {
		return !strict && b[0] != 15 && b[0] != 16
	}
	return !strict || b[0] != 13 && b[0] != 30 && zoomPayloadType(rtp.PayloadType)
}

// zoomPayloadType lists the RTP payload types of Michel et al., table 3:
// video 98, shared screen 99, error correction 110, audio 112 and 113.
func zoomPayloadType(pt uint8) bool {
	return pt == 98 || pt == 99 || pt == 110 || pt == 112 || pt == 113
}

// signLine recognises set-up messages of LINE's calls: B6, kind, length of what
// follows (nDPI's description gives kind and size of these three).
func signLine(p *Probe) string {
	b := p.Payload
	if len(b) < 4 || b[0] != 0xB6 || int(binary.BigEndian.Uint16(b[2:])) != p.WireLen-4 {
		return ""
	}
	switch [2]int{int(b[1]), p.WireLen} {
	case [2]int{0x07, 8}, [2]int{0x09, 16}, [2]int{0x18, 110}:
		return "line"
	}
	return ""
}

// signViberUDP recognises Viber's call servers: kind in the third byte at a
// fixed size (nDPI's description) on their ports (Viber's documentation for
// firewalls).
func signViberUDP(p *Probe) string {
	b := p.Payload
	if len(b) < 6 || b[3] != 0 || !p.port(5243, 7985, 7987, 9785) {
		return ""
	}
	switch kind := b[2]; {
	case kind == 0x03, kind == 0x01 && b[4] == 5 && b[5] == 0, kind == 0x09 && p.WireLen == 20,
		(kind == 0x19 || kind == 0x1B) && p.WireLen == 34:
		return "viber"
	}
	return ""
}

// signIMO recognises imo's calls: an optional 00 from the server, the length of
// the rest as a big-endian base-128 number, and a kind (measured): 02 and 03
// are a ping of eight bytes that ends in zeros and its echo.
func signIMO(p *Probe) string {
	b := p.Payload
	if len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	if n := p.WireLen - (len(p.Payload) - len(b)); n == 10 && len(b) == 10 && b[0] == 9 && (b[1] == 2 || b[1] == 3) && binary.BigEndian.Uint32(b[6:]) == 0 {
		return "imo"
	}
	return ""
}

// signSnapchat recognises Snapchat's calls of before 2023, which begin with a
// client hello of Google QUIC Q046 that names no server (nDPI's description;
// measured): RTP follows on the same flow. Weak: nothing forbids others to
// leave the name out.
func signSnapchat(p *Probe) string {
	b := p.Payload
	if !p.Up || p.Nth != 0 || len(b) < 1000 || b[0]&0xC0 != 0xC0 || string(b[1:5]) != "Q046" {
		return ""
	}
	if bytes.Contains(b[:64], []byte("CHLO")) && !bytes.Contains(b, []byte("SNI\x00")) {
		return "snapchat-call"
	}
	return ""
}
