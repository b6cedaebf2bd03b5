package wire

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"envelope/capture"
)

// DHCP is what one DHCP message says of a client's identity (RFC 2131 and
// 2132; for IPv6 RFC 8415).
type DHCP struct {
	V6       bool
	Type     uint8 // option 53 (1 to 18), or the DHCPv6 message type
	Reply    bool  // from a server
	MAC      capture.MAC
	HostName string     // option 12, or the first label of FQDN
	FQDN     string     // option 81 (RFC 4702), DHCPv6 option 39 (RFC 4704)
	Vendor   string     // vendor class, option 60: for Android "android-dhcp-13"
	Assigned netip.Addr // address given or in use: yiaddr, ciaddr, IA address
	Asked    netip.Addr // option 50: address that the client wants
}

// DHCP message types that matter (RFC 2132 section 9.6, RFC 8415 section 7.3).
const (
	DHCPRequest = 3
	DHCPAck     = 5
	DHCPv6Reply = 7
)

// Positions of the fixed part (RFC 2131 section 2).
const (
	dhcpOptions = 240
	dhcpCookie  = 0x63825363
)

// ParseDHCP reads a DHCPv4 message: the payload of UDP between ports 67 and
// 68. Options that do not fit end the reading; what came before stays.
func ParseDHCP(b []byte, d *DHCP) bool {
	if len(b) < dhcpOptions || b[0] < 1 || b[0] > 2 || binary.BigEndian.Uint32(b[236:]) != dhcpCookie {
		return false
	}
	*d = DHCP{Reply: b[0] == 2}
	if b[1] == 1 && b[2] == 6 { // Ethernet
		copy(d.MAC[:], b[28:])
	}
	for _, off := range []int{12, 16} { // ciaddr, yiaddr
		if a := netip.AddrFrom4([4]byte(b[off:])); !a.IsUnspecified() {
			d.Assigned = a
		}
	}
	for o := b[dhcpOptions:]; len(o) >= 2 && o[0] != 255; {
		if o[0] == 0 { // padding
			o = o[1:]
			continue
		}
		n := int(o[1])
		if len(o) < 2+n {
			break
		}
		d.option4(o[0], o[2:2+n])
		o = o[2+n:]
	}
	d.nameFromFQDN()
	return d.Type >= 1 && d.Type <= 18
}

func (d *DHCP) option4(kind byte, v []byte) {
	switch {
	case kind == 12:
		d.HostName = cleanText(v)
	case kind == 60:
		d.Vendor = cleanText(v)
	case kind == 50 && len(v) == 4 && binary.BigEndian.Uint32(v) != 0:
		d.Asked = netip.AddrFrom4([4]byte(v))
	case kind == 53 && len(v) == 1:
		d.Type = v[0]
	case kind == 81 && len(v) > 3 && v[0]&4 != 0: // E bit: wire format
		d.FQDN = labels(v[3:])
	case kind == 81 && len(v) > 3:
		d.FQDN = strings.TrimSuffix(cleanText(v[3:]), ".")
	}
}

// ParseDHCPv6 reads a DHCPv6 message between client and server: the payload
// of UDP between ports 546 and 547. Relayed messages are not opened.
func ParseDHCPv6(b []byte, d *DHCP) bool {
	if len(b) < 4 || b[0] < 1 || b[0] > 11 {
		return false
	}
	*d = DHCP{V6: true, Type: b[0], Reply: b[0] == 2 || b[0] == 7 || b[0] == 10}
	ok := options6(b[4:], d.option6)
	d.nameFromFQDN()
	return ok
}

// options6 calls fn for each option and tells whether all of them fit.
func options6(b []byte, fn func(kind uint16, v []byte)) bool {
	for len(b) >= 4 {
		n := int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < 4+n {
			return false
		}
		fn(binary.BigEndian.Uint16(b), b[4:4+n])
		b = b[4+n:]
	}
	return len(b) == 0
}

func (d *DHCP) option6(kind uint16, v []byte) {
	switch {
	case kind == 1: // client identifier
		d.MAC = duidMAC(v)
	case kind == 3 && len(v) > 12: // IA_NA: identifier, T1, T2, options
		options6(v[12:], d.option6)
	case kind == 5 && len(v) >= 16: // IA address
		d.Assigned = netip.AddrFrom16([16]byte(v))
	case kind == 16 && len(v) > 6: // vendor class: enterprise number, length, text
		d.Vendor = cleanText(v[6:])
	case kind == 39 && len(v) > 1:
		d.FQDN = labels(v[1:])
	}
}

// duidMAC reads the link address out of a DUID of type 1 or 3 (RFC 8415
// section 11.2 and 11.4), where it is an Ethernet address.
func duidMAC(v []byte) (m capture.MAC) {
	switch {
	case len(v) == 14 && binary.BigEndian.Uint32(v) == 0x00010001:
		copy(m[:], v[8:])
	case len(v) == 10 && binary.BigEndian.Uint32(v) == 0x00030001:
		copy(m[:], v[4:])
	}
	return m
}

func (d *DHCP) nameFromFQDN() {
	if d.HostName == "" {
		d.HostName, _, _ = strings.Cut(d.FQDN, ".")
	}
}

// labels reads a name in the wire format of RFC 1035 section 3.1 without
// compression; a name that lacks its last zero is taken as it is (RFC 4704
// section 4.2).
func labels(b []byte) string {
	var s []string
	for len(b) > 0 && b[0] != 0 && len(b) > int(b[0]) && b[0] < 64 {
		s = append(s, cleanText(b[1:1+b[0]]))
		b = b[1+b[0]:]
	}
	return strings.Join(s, ".")
}

// cleanText is the text of a field that a stranger filled in: bytes that are
// no printable ASCII or UTF-8 become '.', a last zero byte is dropped.
func cleanText(b []byte) string {
	s := strings.TrimRight(string(b), "\x00")
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7F || r >= 0x80 && r < 0xA0 || r == '\uFFFD' {
			return '.'
		}
		return r
	}, s)
}
