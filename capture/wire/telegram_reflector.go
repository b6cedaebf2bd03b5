package wire

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

// Reflector is one datagram to or from a Telegram call relay ("reflector",
// measured on UDP ports 521 to 538 in 2020 and 596 to 599 in 2024).
type Reflector struct {
	// Tag is the part of the peer tag that both ends of a call share: its
	// first 12 bytes. libtgvoip sends the same four after them at both ends,
	// tgcalls four that name one end.
	Tag    []byte
	Probe  bool           // one of the reflector's own messages: twelve bytes FF after the tag
	Mapped netip.AddrPort // from an answer: the sender's own public address
	Peer   netip.AddrPort // from an answer of libtgvoip: the public address of the other end

	// For a datagram of tgcalls that carries another one:
	To, From uint32 // which end it goes to and comes from
	Data     []byte // the datagram inside: STUN, DTLS or RTP; points into the parsed bytes
	DataLen  int    // its original length
}

// Sizes in bytes.
const (
	reflectorKey  = 12 // shared part of the tag
	reflectorTag  = 16
	reflectorHead = 24 // tgcalls: tag with the receiver's four bytes, sender's four bytes, length
)

// Answers of a reflector (libtgvoip, VoIPController: TL identifiers).
const (
	reflectorSelfInfo = 0xC01572C7 // date 4, query 8, address 16, port 4
	reflectorPeerInfo = 0x27D9371C // own address 4 and port 4, peer's address 4 and port 4
)

// ParseReflector reads a datagram of a flow that is known to go to a
// reflector; see IsReflector. It reports false where b is shorter than a tag.
func ParseReflector(b []byte, wireLen int, r *Reflector) bool {
	if len(b) < reflectorTag {
		return false
	}
	*r = Reflector{Tag: b[:reflectorKey]}
	if isReflectorProbe(b, wireLen) {
		r.Probe = true
		r.answer(b[reflectorTag+12:])
		return true
	}
	if n, ok := reflectorCarries(b, wireLen); ok {
		r.To, r.From = binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint32(b[16:])
		r.Data, r.DataLen = b[reflectorHead:min(len(b), reflectorHead+n)], n
	}
	return true
}

// IsReflector tells whether one datagram alone proves a reflector: a probe or
// an answer to one, or a STUN message inside tgcalls' framing.
func IsReflector(b []byte, wireLen int) bool {
	if isReflectorProbe(b, wireLen) {
		return true
	}
	_, ok := reflectorCarries(b, wireLen)
	return ok && IsSTUN(b[reflectorHead:])
}

// isReflectorProbe tells a message of the reflector's own: tag, twelve bytes
// FF, then FE FF FF FF (who am I), FF FF FF FF (who is my peer) or the
// identifier of an answer, each of a fixed size. Silence in RTP audio is rows
// of FF too, hence the look at the tag.
func isReflectorProbe(b []byte, wireLen int) bool {
	if len(b) < reflectorTag+16 || bytes.Count(b[:reflectorTag], []byte{0xFF}) > 2 {
		return false
	}
	for _, c := range b[reflectorTag : reflectorTag+12] {
		if c != 0xFF {
			return false
		}
	}
	switch binary.LittleEndian.Uint32(b[reflectorTag+12:]) {
	case 0xFFFFFFFE:
		return wireLen == 40
	case 0xFFFFFFFF:
		return wireLen == 32
	case reflectorSelfInfo:
		return wireLen >= 64
	case reflectorPeerInfo:
		return wireLen >= 48
	}
	return false
}

// answer reads the addresses of an answer: bytes of addresses in network
// order, numbers in little endian.
func (r *Reflector) answer(b []byte) {
	switch id := binary.LittleEndian.Uint32(b); {
	case id == reflectorSelfInfo && len(b) >= 36:
		r.Mapped = addrPortLE(netip.AddrFrom16([16]byte(b[16:])).Unmap(), b[32:])
	case id == reflectorPeerInfo && len(b) >= 20:
		r.Mapped = addrPortLE(netip.AddrFrom4([4]byte(b[4:])), b[8:])
		r.Peer = addrPortLE(netip.AddrFrom4([4]byte(b[12:])), b[16:])
	}
}

// addrPortLE is the zero value for ports that are none.
func addrPortLE(a netip.Addr, port []byte) netip.AddrPort {
	if n := binary.LittleEndian.Uint32(port); n > 0 && n <= 0xFFFF {
		return netip.AddrPortFrom(a, uint16(n))
	}
	return netip.AddrPort{}
}

// reflectorCarries gives the length of the datagram inside tgcalls' framing,
// which is padded to a multiple of four (measured).
func reflectorCarries(b []byte, wireLen int) (int, bool) {
	if len(b) < reflectorHead {
		return 0, false
	}
	n := int64(binary.BigEndian.Uint32(b[20:]))
	padded := (n + 3) &^ 3
	return int(n), n > 0 && int64(max(wireLen, len(b)))-reflectorHead == padded
}
