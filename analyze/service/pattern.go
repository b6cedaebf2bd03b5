package service

import (
	"errors"
	"fmt"
	"net/netip"
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

// span is a net mark: a prefix, and the interface identifier if it asks for one.
type span struct {
	prefix netip.Prefix
	tail   uint64 // last 64 bits, where tailed
	tailed bool
}

// parseRange reads a net mark; its forms are described at Service.
func parseRange(value string) (span, error) {
	head, tail, tailed := strings.Cut(value, "+")
	prefix, err := netip.ParsePrefix(head)
	if err != nil {
		return span{}, err
	}
	if prefix != prefix.Masked() {
		return span{}, fmt.Errorf("%q has bits beyond its length", head)
	}
	if !tailed {
		return span{prefix: prefix}, nil
	}
	low, err := netip.ParseAddr("0:0:0:0:" + tail)
	if err != nil || !prefix.Addr().Is6() || prefix.Bits() > 64 {
		return span{}, fmt.Errorf("%q is not a prefix and the last four groups of an IPv6 address", value)
	}
	return span{prefix, lowBits(low), true}, nil
}

// lowBits returns the last 64 bits of an IPv6 address.
func lowBits(a netip.Addr) uint64 {
	var n uint64
	for _, b := range a.As16() {
		n = n<<8 | uint64(b) // the first eight bytes are shifted out
	}
	return n
}

// ports is a port mark: an inclusive range of one transport.
type ports struct {
	proto       uint8
	first, last uint16
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
