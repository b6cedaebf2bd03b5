package packet

import (
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"envelope/capture"
)

// filterProtos are the protocol names of expressions (IANA registry).
var filterProtos = map[string]uint8{
	"icmp": ProtoICMP, "igmp": 2, "tcp": ProtoTCP, "udp": ProtoUDP, "esp": protoESP,
	"icmp6": ProtoICMPv6, "ipv6-icmp": ProtoICMPv6, "pim": 103, "vrrp": 112, "sctp": ProtoSCTP,
}

// length parses "less N" and "greater N", which both include N and mean the
// length of the frame on the wire.
func (ps *filterParser) length() (predicate, error) {
	word := ps.take().text
	n, ok := filterNumber(ps.peek(), math.MaxInt32)
	if !ok {
		return nil, ps.wrong("expected a length in bytes")
	}
	ps.take()
	if word == "less" {
		return func(p *Packet) bool { return p.Len <= n }, nil
	}
	return func(p *Packet) bool { return p.Len >= n }, nil
}

func (ps *filterParser) vlan() (predicate, error) {
	ps.take()
	w := ps.peek()
	if w == "" || slices.Contains(filterKeywords, w) && w != "(" {
		return func(p *Packet) bool { return p.VLANs > 0 }, nil
	}
	id, ok := filterNumber(w, 4095)
	if !ok {
		return nil, ps.wrong("expected a VLAN identifier from 0 to 4095")
	}
	ps.take()
	return onVLAN(uint16(id)), nil
}

// operand parses the address or number that qualifiers are for.
func (ps *filterParser) operand(h filterHead) (predicate, error) {
	switch {
	case h.proto == "ether":
		return ps.mac(h)
	case h.kind == "host":
		return ps.host(h)
	case h.kind == "net":
		return ps.net(h)
	case h.kind == "proto":
		return ps.proto(h)
	}
	return ps.ports(h)
}

// filterNumber reads a decimal or hexadecimal number up to limit. Octal is refused,
// since 010 does not say what is meant.
func filterNumber(s string, limit int) (int, bool) {
	base := 10
	if hex, ok := strings.CutPrefix(s, "0x"); ok {
		s, base = hex, 16
	} else if len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseUint(s, base, 31)
	return int(n), err == nil && int(n) <= limit
}

func (ps *filterParser) mac(h filterHead) (predicate, error) {
	mac, ok := filterMAC(ps.peek())
	if !ok {
		return nil, ps.wrong("expected a link address such as 00:11:22:aa:bb:cc")
	}
	ps.take()
	return onMAC(h.ends, mac), nil
}

// filterMAC reads six groups of one or two hexadecimal digits, three of four,
// or twelve digits.
func filterMAC(s string) (mac capture.MAC, ok bool) {
	groups := strings.FieldsFunc(s, func(r rune) bool { return r == ':' || r == '-' || r == '.' })
	size := map[int]int{6: 2, 3: 4, 1: 12}[len(groups)]
	var all string
	for _, g := range groups {
		if len(g) > size || len(g) < size && size != 2 {
			return mac, false
		}
		all += strings.Repeat("0", size-len(g)) + g
	}
	n, err := strconv.ParseUint(all, 16, 48)
	if err != nil || len(all) != 12 {
		return mac, false
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	return capture.MAC(b[2:]), true
}

func (ps *filterParser) host(h filterHead) (predicate, error) {
	addr, err := netip.ParseAddr(ps.peek())
	if err != nil || addr.Zone() != "" {
		return nil, ps.wrong("expected an address in full: names are not looked up, and parts of addresses are written net 10.1")
	}
	if err := ps.version(h, addr); err != nil {
		return nil, err
	}
	ps.take()
	return onAddr(h.ends, func(a netip.Addr) bool { return a == addr }), nil
}

// version checks ip and ip6 against the kind of address.
func (ps *filterParser) version(h filterHead, addr netip.Addr) error {
	if h.proto == "ip" && !addr.Is4() || h.proto == "ip6" && addr.Is4() {
		return ps.wrong("the address is not of the version that " + h.proto + " asks for")
	}
	return nil
}

func (ps *filterParser) net(h filterHead) (predicate, error) {
	prefix, why := filterPrefix(ps.peek())
	if why != "" {
		return nil, ps.wrong(why)
	}
	if err := ps.version(h, prefix.Addr()); err != nil {
		return nil, err
	}
	ps.take()
	if ps.accept("mask") == "" {
		return onAddr(h.ends, prefix.Contains), nil
	}
	mask, err := netip.ParseAddr(ps.peek())
	if err != nil || !mask.Is4() || !prefix.Addr().Is4() {
		return nil, ps.wrong("expected an IPv4 mask such as 255.255.0.0 for an IPv4 network")
	}
	net, bits := bits4(prefix.Addr()), bits4(mask)
	if net&^bits != 0 {
		return nil, ps.wrong("the network has bits outside of its mask")
	}
	ps.take()
	return onAddr(h.ends, func(a netip.Addr) bool { return a.Is4() && bits4(a)&bits == net }), nil
}

func bits4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// filterPrefix reads a network: an address and a length in bits, or one to
// four numbers of an IPv4 address, each of which counts eight bits.
func filterPrefix(s string) (prefix netip.Prefix, why string) {
	const expected = "expected a network such as 10.1.0.0/16, 10.1, or 2001:db8::/32"
	text, length, given := strings.Cut(s, "/")
	bits := 128
	if !strings.Contains(text, ":") {
		n := strings.Count(text, ".") + 1
		if n > 4 || text == "" {
			return prefix, expected
		}
		bits = n * 8
		text += strings.Repeat(".0", 4-n)
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return prefix, expected
	}
	if given {
		n, ok := filterNumber(length, addr.BitLen())
		if !ok {
			return prefix, "the length of the network is not one in bits"
		}
		bits = n
	}
	if prefix = netip.PrefixFrom(addr, bits); prefix.Masked().Addr() != addr {
		return prefix, "the network has bits outside of its length"
	}
	return prefix, ""
}

// ports parses "port N" and "portrange A-B", in either order as in libpcap.
func (ps *filterParser) ports(h filterHead) (predicate, error) {
	first, second, isRange := strings.Cut(ps.peek(), "-")
	low, ok := filterNumber(first, 65535)
	if h.kind == "port" && (!ok || isRange) {
		return nil, ps.wrong("expected a port number from 0 to 65535: names are not known, ranges are written portrange 1-9")
	}
	high := low
	if isRange && ok {
		high, ok = filterNumber(second, 65535)
	}
	if !ok {
		return nil, ps.wrong("expected a range of port numbers such as 6000-6008")
	}
	ps.take()
	return onPort(h.ends, filterProtos[h.proto], uint16(min(low, high)), uint16(max(low, high))), nil
}

// proto parses a protocol by number or name. Headers that the decoder opens or
// skips are refused, since no packet has them any more.
func (ps *filterParser) proto(h filterHead) (predicate, error) {
	word := strings.TrimPrefix(ps.peek(), "\\")
	proto, named := filterProtos[word]
	if !named {
		n, ok := filterNumber(word, 255)
		if !ok {
			return nil, ps.wrong("expected a protocol number, or one of icmp, icmp6, igmp, tcp, udp, sctp, esp, pim, vrrp")
		}
		proto = uint8(n)
	}
	switch proto {
	case protoHopByHop, protoIPv4, protoIPv6, protoRouting, protoFragment, protoGRE, protoAH,
		protoDestOpts, protoEtherIP, protoMobility, protoMPLS, protoHIP, protoShim6:
		return nil, ps.wrong("headers of this protocol are opened before the filter; it sees the packet inside")
	}
	ps.take()
	return onProto(map[string]uint8{"ip": 4, "ip6": 6}[h.proto], proto), nil
}
