package wire

import (
	"encoding/binary"
	"net/netip"

	"envelope/capture"
)

// stunCookie is the magic cookie of RFC 5389 section 6, kept by RFC 8489.
const stunCookie = 0x2112A442

// stunHeader is the size of a STUN header in bytes (RFC 8489 section 5).
const stunHeader = 20

// STUN message types: class and method as one number (RFC 8489 section 5, RFC
// 8656 section 17). Those from 0x0800 on are WhatsApp's own (measured in
// captures of 2015 to 2023: they carry no class bits of their own).
const (
	STUNBindingRequest    = 0x0001
	STUNBindingSuccess    = 0x0101
	STUNBindingError      = 0x0111
	STUNBindingIndication = 0x0011
	STUNAllocateRequest   = 0x0003
	STUNAllocateSuccess   = 0x0103
	STUNAllocateError     = 0x0113
	STUNRefreshRequest    = 0x0004
	STUNRefreshSuccess    = 0x0104
	STUNSendIndication    = 0x0016
	STUNDataIndication    = 0x0017
	STUNCreatePermission  = 0x0008
	STUNChannelBind       = 0x0009
	STUNWhatsAppEnd       = 0x0800 // to every relay: the call is over
	STUNWhatsAppKeep      = 0x0801 // relay keepalive, about every 3 s
	STUNWhatsAppKept      = 0x0802 // its answer
	STUNWhatsAppProbe     = 0x0804 // bandwidth probe
	STUNWhatsAppProbed    = 0x0805 // its answer
)

// STUN is the clear fields of one STUN or TURN message (RFC 8489, 8656; ICE
// RFC 8445). Slices point into the parsed bytes.
type STUN struct {
	Type    uint16 // message type, class and method
	Length  int    // bytes after the header, as the header says
	TxID    [12]byte
	Classic bool // RFC 3489: no magic cookie
	Cut     bool // the capture does not hold the whole message
	Bad     bool // an attribute does not fit into the message; those before it are read

	Attrs    capture.AttrSet
	Mapped   netip.AddrPort // XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS
	Relayed  netip.AddrPort // XOR-RELAYED-ADDRESS
	Peer     netip.AddrPort // XOR-PEER-ADDRESS
	Origin   netip.AddrPort // RESPONSE-ORIGIN, else SOURCE-ADDRESS
	Other    netip.AddrPort // OTHER-ADDRESS, else CHANGED-ADDRESS
	Username []byte
	Realm    []byte
	Nonce    []byte
	Software []byte

	Lifetime  int64  // seconds, -1 where absent
	Channel   uint16 // CHANNEL-NUMBER, 0 where absent
	ErrorCode uint16 // 300 to 699, 0 where absent
	Priority  uint32 // ICE PRIORITY, 0 where absent; its top byte tells the candidate type
	Transport uint8  // REQUESTED-TRANSPORT: IP protocol number, 0 where absent
	Data      []byte // value of a DATA attribute: the datagram relayed by Send and Data
	DataLen   int    // its original length; more than len(Data) where the packet was cut

	WhatsAppToken int  // length of attribute 0x4000, 0 where absent
	Google        bool // an attribute of Google's WebRTC library: GOOG-NETWORK-INFO and its like
}

// IsSTUN tells whether b begins with a STUN header that has the magic cookie.
// It looks at the header only, so it holds for packets that were cut.
func IsSTUN(b []byte) bool {
	return len(b) >= stunHeader && b[0]&0xC0 == 0 && binary.BigEndian.Uint32(b[4:]) == stunCookie
}

// ParseSTUN reads the STUN message at the start of b into m. wireLen is the
// original length of what b was captured from. It reports false where b holds
// no STUN message: with the cookie the length must fit, without it (RFC 3489)
// type, length and all attributes must be those of the standard.
//
// With the cookie, lengths that are no multiple of four and attributes without
// padding are taken: WhatsApp's messages of 2015 to 2020 are like that
// (measured).
func ParseSTUN(b []byte, wireLen int, m *STUN) bool {
	if len(b) < stunHeader || b[0]&0xC0 != 0 {
		return false
	}
	*m = STUN{Type: binary.BigEndian.Uint16(b), Length: int(binary.BigEndian.Uint16(b[2:])), Lifetime: -1}
	copy(m.TxID[:], b[8:])
	if stunHeader+m.Length > max(wireLen, len(b)) {
		return false
	}
	m.Cut = stunHeader+m.Length > len(b)
	body := b[stunHeader:min(len(b), stunHeader+m.Length)]
	if binary.BigEndian.Uint32(b[4:]) != stunCookie {
		m.Classic = true
		return stunHeader+m.Length == wireLen && isClassicType(m.Type) && m.readClassic(body)
	}
	m.read(body)
	return true
}

// read walks over the attributes and stops at the first that does not fit.
func (m *STUN) read(body []byte) {
	align := 4
	if !fillsExactly(body, m.Length, 4) && fillsExactly(body, m.Length, 1) {
		align = 1
	}
	for off := 0; off+4 <= len(body); {
		kind, n := binary.BigEndian.Uint16(body[off:]), int(binary.BigEndian.Uint16(body[off+2:]))
		off += 4
		if off+n > m.Length {
			m.Bad = true
			return
		}
		m.attribute(kind, n, body[off:min(len(body), off+n)])
		off += (n + align - 1) &^ (align - 1)
	}
}

// fillsExactly tells whether attributes padded to align bytes fill a message of
// length bytes, of which body was captured.
func fillsExactly(body []byte, length, align int) bool {
	off := 0
	for off+4 <= len(body) {
		off += 4 + (int(binary.BigEndian.Uint16(body[off+2:]))+align-1)&^(align-1)
	}
	return off == length || len(body) < length && off < length
}

// attribute takes over one attribute of n bytes, of which v was captured.
func (m *STUN) attribute(kind uint16, n int, v []byte) {
	m.Attrs |= attrBit(kind)
	if kind == attrData {
		m.Data, m.DataLen = v, n
	}
	if kind == attrWhatsAppToken {
		m.WhatsAppToken = n
	}
	m.Google = m.Google || kind >= 0xC057 && kind <= 0xC060
	if len(v) < n {
		return
	}
	m.text(kind, v)
	m.number(kind, v)
	m.address(kind, v)
}

func (m *STUN) text(kind uint16, v []byte) {
	switch kind {
	case attrUsername:
		m.Username = v
	case attrRealm:
		m.Realm = v
	case attrNonce:
		m.Nonce = v
	case attrSoftware:
		m.Software = v
	}
}

func (m *STUN) number(kind uint16, v []byte) {
	if len(v) < 4 {
		return
	}
	n := binary.BigEndian.Uint32(v)
	switch kind {
	case attrLifetime:
		m.Lifetime = int64(n)
	case attrChannel:
		m.Channel = uint16(n >> 16)
	case attrPriority:
		m.Priority = n
	case attrTransport:
		m.Transport = uint8(n >> 24)
	case attrErrorCode: // class in the third byte, number in the fourth
		if class, number := n>>8&7, n&0xFF; class >= 3 && class <= 6 && number < 100 {
			m.ErrorCode = uint16(class*100 + number)
		}
	}
}

func (m *STUN) address(kind uint16, v []byte) {
	var to *netip.AddrPort
	switch kind {
	case attrMapped, attrXORMapped, attrXORMappedOld:
		to = &m.Mapped
	case attrXORRelayed:
		to = &m.Relayed
	case attrXORPeer:
		to = &m.Peer
	case attrSource, attrOrigin:
		to = &m.Origin
	case attrChanged, attrOther:
		to = &m.Other
	default:
		return
	}
	xor := kind == attrXORMapped || kind == attrXORMappedOld || kind == attrXORRelayed || kind == attrXORPeer
	if to == &m.Mapped && !xor && to.IsValid() {
		return // gateways rewrite the plain address: the other one counts
	}
	if a, ok := m.addrPort(v, xor && !m.Classic); ok {
		*to = a
	}
}

// addrPort reads an address attribute (RFC 8489 section 14.1 and 14.2).
func (m *STUN) addrPort(v []byte, xor bool) (netip.AddrPort, bool) {
	if len(v) < 8 || v[1] == 2 && len(v) < 20 {
		return netip.AddrPort{}, false
	}
	var mask [18]byte
	if xor {
		mask = [18]byte{0x21, 0x12, 0x21, 0x12, 0xA4, 0x42}
		copy(mask[6:], m.TxID[:])
	}
	port := binary.BigEndian.Uint16(v[2:]) ^ binary.BigEndian.Uint16(mask[:])
	var ip [16]byte
	for i := range min(16, len(v)-4) {
		ip[i] = v[4+i] ^ mask[2+i]
	}
	switch v[1] {
	case 1:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[:4])), port), true
	case 2:
		return netip.AddrPortFrom(netip.AddrFrom16(ip), port), true
	}
	return netip.AddrPort{}, false
}
