package service

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// pattern is a host mark taken apart.
type pattern struct {
	parent     string // the domain; below a "*", what follows the first label
	head, tail string // what stands before and after the "*" of the first label
	star       bool   // the first label has a "*"
	open       bool   // the last label is "*": parent holds what stands before it, with the dot
}

// parsePattern reads a host mark; its forms are described at Service.
func parsePattern(value string) (pattern, error) {
	if value == "" || value != strings.ToLower(value) || strings.ContainsAny(value, " /:") {
		return pattern{}, fmt.Errorf("%q is not a host name in lower case", value)
	}
	switch strings.Count(value, "*") {
	case 0:
		return pattern{parent: value}, nil
	case 1:
	default:
		return pattern{}, errors.New("more than one *")
	}
	if before, ok := strings.CutSuffix(value, ".*"); ok && before != "" {
		return pattern{parent: before + ".", open: true}, nil
	}
	first, parent, ok := strings.Cut(value, ".")
	head, tail, star := strings.Cut(first, "*")
	if !ok || !star || parent == "" {
		return pattern{}, errors.New("the * is neither in the first label nor the last one")
	}
	return pattern{parent: parent, head: head, tail: tail, star: true}, nil
}

// fits tells whether one label is what the starred first label stands for.
func (p pattern) fits(label string) bool {
	return len(label) >= len(p.head)+len(p.tail) && strings.HasPrefix(label, p.head) && strings.HasSuffix(label, p.tail)
}

// span is a net mark taken apart.
type span struct {
	prefixes []netip.Prefix
	tails    []uint64 // see tail; none means any
	ports    ports    // zero means any
}

// parseRange reads a net mark; its forms are described at Service.
func parseRange(m *Mark) (span, error) {
	var s span
	for _, field := range strings.Fields(m.Value) {
		p, err := netip.ParsePrefix(field)
		if err != nil {
			return s, err
		}
		if p != p.Masked() {
			return s, fmt.Errorf("%q has bits beyond its length", field)
		}
		s.prefixes = append(s.prefixes, p)
	}
	if len(s.prefixes) == 0 {
		return s, errors.New("no prefix")
	}
	for _, field := range strings.Fields(m.Tail) {
		n, err := parseTail(field)
		if err != nil {
			return s, err
		}
		s.tails = append(s.tails, n)
	}
	var err error
	if m.Port != "" {
		s.ports, err = parsePorts(m.Port)
	}
	return s, err
}

// holds tells whether the flow's address ends, and its port is, as asked for.
func (s *span) holds(a netip.Addr, proto uint8, port uint16) bool {
	return (s.ports.proto == 0 || s.ports.holds(proto, port)) && (len(s.tails) == 0 || slices.Contains(s.tails, tail(a)))
}

// tail is what tails are compared with: the last octet of an IPv4 address, the
// last 64 bits of an IPv6 address.
func tail(a netip.Addr) uint64 {
	b := a.As16()
	if a.Is4() {
		return uint64(b[15])
	}
	return binary.BigEndian.Uint64(b[8:])
}

// parseTail reads one last octet or four last groups.
func parseTail(field string) (uint64, error) {
	if n, err := strconv.ParseUint(field, 10, 8); err == nil {
		return n, nil
	}
	a, err := netip.ParseAddr("0:0:0:0:" + field)
	if err != nil {
		return 0, fmt.Errorf("tail: %q is neither a last octet nor the last four groups of an IPv6 address", field)
	}
	return tail(a), nil
}

// ports is a port mark: an inclusive range of one transport.
type ports struct {
	proto       uint8
	first, last uint16
}

func (p ports) holds(proto uint8, port uint16) bool {
	return p.proto == proto && p.first <= port && port <= p.last
}

// IP protocol numbers (IANA).
const (
	protoTCP = 6
	protoUDP = 17
)

// parsePorts reads a port mark such as "tcp/5222" or "udp/3478-3481".
func parsePorts(value string) (ports, error) {
	name, numbers, ok := strings.Cut(value, "/")
	p := ports{}
	switch {
	case ok && name == "tcp":
		p.proto = protoTCP
	case ok && name == "udp":
		p.proto = protoUDP
	default:
		return p, fmt.Errorf("%q does not begin with tcp/ or udp/", value)
	}
	low, high, isRange := strings.Cut(numbers, "-")
	if !isRange {
		high = low
	}
	first, err1 := strconv.ParseUint(low, 10, 16)
	last, err2 := strconv.ParseUint(high, 10, 16)
	if err1 != nil || err2 != nil || first == 0 || last < first {
		return p, fmt.Errorf("%q is not a port or a range of ports", numbers)
	}
	p.first, p.last = uint16(first), uint16(last)
	return p, nil
}
