package wire

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// NetBIOSName is a name of a NetBIOS node (RFC 1001 section 14).
type NetBIOSName struct {
	Name   string // without the padding
	Suffix byte   // 0x00 workstation, 0x20 file server, 0x1C domain controllers
	Group  bool   // shared by many nodes: a workgroup or domain
	Addr   netip.Addr
}

// Host tells whether the name is that of one computer.
func (n *NetBIOSName) Host() bool {
	return !n.Group && (n.Suffix == 0x00 || n.Suffix == 0x20) && n.Name != "" && n.Name != "*" && !strings.HasPrefix(n.Name, "\x01\x02")
}

// Resource record types of RFC 1002 section 4.2.1.3.
const (
	typeNB     = 0x0020
	typeNBSTAT = 0x0021
)

// ParseNetBIOS reads a name-service message (UDP port 137, RFC 1002 section
// 4.2) and calls fn for each name that it binds to an address: registrations,
// refreshes and releases, positive answers, and the name lists of node status
// responses. For these Addr is invalid: the names are the sender's own.
func ParseNetBIOS(b []byte, fn func(NetBIOSName)) error {
	var p dnsmessage.Parser
	if _, err := p.Start(b); err != nil {
		return err
	}
	if err := p.SkipAllQuestions(); err != nil {
		return err
	}
	if err := netbiosSection(p.AnswerHeader, &p, fn); err != nil {
		return err
	}
	if err := p.SkipAllAuthorities(); err != nil {
		return err
	}
	return netbiosSection(p.AdditionalHeader, &p, fn)
}

func netbiosSection(next func() (dnsmessage.ResourceHeader, error), p *dnsmessage.Parser, fn func(NetBIOSName)) error {
	for {
		h, err := next()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return nil
		}
		if err != nil {
			return err
		}
		r, err := p.UnknownResource()
		if err != nil {
			return err
		}
		switch h.Type {
		case typeNB:
			netbiosAddresses(h.Name, r.Data, fn)
		case typeNBSTAT:
			netbiosStatus(r.Data, fn)
		}
	}
}

// netbiosAddresses reads the data of an NB record: flags and address, several
// times for a group (RFC 1002 section 4.2.1.3).
func netbiosAddresses(owner dnsmessage.Name, data []byte, fn func(NetBIOSName)) {
	label, _, _ := strings.Cut(owner.String(), ".")
	name, suffix, ok := netbiosDecode(label)
	for ; ok && len(data) >= 6; data = data[6:] {
		addr := netip.AddrFrom4([4]byte(data[2:]))
		fn(NetBIOSName{Name: name, Suffix: suffix, Group: data[0]&0x80 != 0, Addr: addr})
	}
}

// netbiosStatus reads the list of a node status response (RFC 1002 section
// 4.2.18): a count, then 16 bytes of name and two of flags each.
func netbiosStatus(data []byte, fn func(NetBIOSName)) {
	if len(data) == 0 {
		return
	}
	n, data := int(data[0]), data[1:]
	for ; n > 0 && len(data) >= 18; n-- {
		fn(NetBIOSName{Name: netbiosText(data[:15]), Suffix: data[15], Group: data[16]&0x80 != 0})
		data = data[18:]
	}
}

// ParseNetBIOSDatagram reads the sender's name and address out of a datagram
// service header (UDP port 138, RFC 1002 section 4.4.1): browser announcements
// and the like.
func ParseNetBIOSDatagram(b []byte) (n NetBIOSName, ok bool) {
	if len(b) < 14+34 || b[0] < 0x10 || b[0] > 0x12 || b[14] != 32 {
		return n, false
	}
	n.Addr = netip.AddrFrom4([4]byte(b[4:]))
	n.Name, n.Suffix, ok = netbiosDecode(string(b[15:47]))
	return n, ok && binary.BigEndian.Uint16(b[10:]) > 0
}

// netbiosDecode undoes the first-level encoding of RFC 1001 section 14.1: each
// byte is two letters from A to P.
func netbiosDecode(label string) (name string, suffix byte, ok bool) {
	if len(label) != 32 {
		return "", 0, false
	}
	var raw [16]byte
	for i := range raw {
		hi, lo := (label[2*i]|0x20)-'a', (label[2*i+1]|0x20)-'a'
		if hi > 15 || lo > 15 {
			return "", 0, false
		}
		raw[i] = hi<<4 | lo
	}
	return netbiosText(raw[:15]), raw[15], true
}

func netbiosText(b []byte) string {
	return strings.TrimRight(cleanText(b), " ")
}
