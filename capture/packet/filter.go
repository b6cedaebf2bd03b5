package packet

import (
	"net/netip"

	"envelope/capture"
)

// Filter selects packets by an expression in the language of pcap-filter(7).
// It is evaluated on decoded packets, so that it means the innermost IP packet
// inside VLAN tags and tunnels, where a compiled pcap filter would look at the
// outermost one, and the final protocol behind IPv6 extension headers. Frames
// that are not IP are never selected.
type Filter struct {
	match predicate
}

// Match reports whether p is selected. A nil Filter selects everything.
func (f *Filter) Match(p *Packet) bool {
	return f == nil || f.match(p)
}

// predicate is one compiled part of an expression.
type predicate func(p *Packet) bool

func everything(*Packet) bool { return true }

func not(a predicate) predicate {
	return func(p *Packet) bool { return !a(p) }
}

func both(a, b predicate) predicate {
	return func(p *Packet) bool { return a(p) && b(p) }
}

func either(a, b predicate) predicate {
	return func(p *Packet) bool { return a(p) || b(p) }
}

// ends says which end of a packet a test is for.
type ends uint8

const (
	anyEnd ends = iota // "src or dst", the default
	srcEnd
	dstEnd
	bothEnds
)

// pick combines the results of a test on both ends.
func (e ends) pick(src, dst bool) bool {
	switch e {
	case srcEnd:
		return src
	case dstEnd:
		return dst
	case bothEnds:
		return src && dst
	}
	return src || dst
}

func onAddr(e ends, test func(netip.Addr) bool) predicate {
	return func(p *Packet) bool { return e.pick(test(p.Src), test(p.Dst)) }
}

func onMAC(e ends, mac capture.MAC) predicate {
	return func(p *Packet) bool { return e.pick(p.SrcMAC == mac, p.DstMAC == mac) }
}

// onPort tests ports of protocol proto, or of those that have ports where
// proto is 0. Later fragments have none.
func onPort(e ends, proto uint8, low, high uint16) predicate {
	return func(p *Packet) bool {
		switch {
		case p.Fragment, proto != 0 && p.Proto != proto:
			return false
		case p.Proto != ProtoTCP && p.Proto != ProtoUDP && p.Proto != ProtoSCTP:
			return false
		}
		return e.pick(low <= p.SrcPort && p.SrcPort <= high, low <= p.DstPort && p.DstPort <= high)
	}
}

func onProto(version, proto uint8) predicate {
	isVersion := onVersion(version)
	return func(p *Packet) bool { return p.Proto == proto && isVersion(p) }
}

// onVersion tests the IP version; 0 is either.
func onVersion(version uint8) predicate {
	return func(p *Packet) bool {
		switch version {
		case 4:
			return p.Src.Is4()
		case 6:
			return p.Src.Is6()
		}
		return p.Src.IsValid()
	}
}

// onVLAN tests the outermost and the innermost tag; of three or more, those
// between are not known.
func onVLAN(id uint16) predicate {
	return func(p *Packet) bool { return p.VLANs > 0 && (p.VLAN == id || p.VLANOut == id) }
}
