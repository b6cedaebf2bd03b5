package service

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Ranks number the kinds in the order in which they name a flow's role: what
// the flow itself shows before what is only known of its ends.
const (
	rankSign = iota
	rankRealm
	rankHost
	rankALPN
	rankPort
	rankNet
	rankJA4
	rankApp
	nranks
)

func rankOf(k Kind) int8 {
	return int8(slices.Index([]Kind{Sign, Realm, Host, ALPN, Port, Net, JA4, App}, k))
}

// ref is a mark in the form that matching needs.
type ref struct {
	service int32 // index in Set.services
	rank    int8
	ported  bool // a net mark that asks for a port
	role    Role
	weight  float64
}

// index finds marks by what a flow shows. Nothing in it allocates on lookup.
type index struct {
	domains map[string]*ref      // plain host marks
	starred map[string][]starred // by the domain below the starred label
	open    []starred            // "matrix.*", longest first
	exact   [nranks]map[string]*ref
	nets    []segment         // by first address, disjoint
	ports   map[uint32][]*ref // by portKey
}

// starred is a host mark with a "*".
type starred struct {
	pattern
	ref *ref
}

func portKey(proto uint8, port uint16) uint32 { return uint32(proto)<<16 | uint32(port) }

// build makes the Set of what was loaded, by id.
func build(known map[string]located) *Set {
	s := &Set{index: index{domains: map[string]*ref{}, starred: map[string][]starred{}, ports: map[uint32][]*ref{}}}
	for i := range s.index.exact {
		s.index.exact[i] = map[string]*ref{}
	}
	var spans []spanRef
	for i, id := range slices.Sorted(maps.Keys(known)) {
		v := known[id]
		s.services = append(s.services, v.Service)
		for j := range v.Marks {
			m := &v.Marks[j]
			r := &ref{service: int32(i), rank: rankOf(m.Kind), role: m.Role, weight: m.Weight, ported: m.Port != ""}
			spans = s.index.add(m, r, spans)
		}
	}
	s.index.nets = segments(spans)
	slices.SortStableFunc(s.index.open, func(a, b starred) int { return cmp.Compare(len(b.parent), len(a.parent)) })
	return s
}

// add files one mark, whose form was checked before. Net marks are gathered in
// spans, as their table can be made only of all of them.
func (x *index) add(m *Mark, r *ref, spans []spanRef) []spanRef {
	switch m.Kind {
	case Host:
		p, _ := parsePattern(m.Value)
		switch {
		case p.open:
			x.open = append(x.open, starred{p, r})
		case p.star:
			x.starred[p.parent] = append(x.starred[p.parent], starred{p, r})
		default:
			x.domains[p.parent] = r
		}
	case Net:
		p, _ := parseRange(m)
		return append(spans, spanRef{p, r})
	case Port:
		p, _ := parsePorts(m.Value)
		for n := uint32(p.first); n <= uint32(p.last); n++ {
			key := portKey(p.proto, uint16(n))
			x.ports[key] = append(x.ports[key], r)
		}
	case App:
		x.exact[rankApp][strings.ToLower(m.Value)] = r
	default:
		x.exact[r.rank][m.Value] = r
	}
	return spans
}

// host finds the mark of the most labels that holds for a name in lower case;
// nil if none does.
func (x *index) host(name string) *ref {
	name = strings.TrimSuffix(name, ".")
	for rest := name; rest != ""; {
		if r := x.domains[rest]; r != nil {
			return r
		}
		label, parent, _ := strings.Cut(rest, ".")
		for i := range x.starred[parent] {
			if p := &x.starred[parent][i]; p.fits(label) {
				return p.ref
			}
		}
		rest = parent
	}
	for i := range x.open {
		if p := &x.open[i]; strings.HasPrefix(name, p.parent) && len(name) > len(p.parent) {
			return p.ref
		}
	}
	return nil
}

// realm finds the mark of a TURN realm, which holds for what is below it too.
func (x *index) realm(name string) *ref {
	for rest := name; rest != ""; {
		if r := x.exact[rankRealm][rest]; r != nil {
			return r
		}
		_, rest, _ = strings.Cut(rest, ".")
	}
	return nil
}

// spanRef is a net mark with its ranges taken apart.
type spanRef struct {
	span
	ref *ref
}

// segment is a stretch of addresses, up to the next segment's first, in which
// the prefixes of the same net marks hold.
type segment struct {
	first netip.Addr
	marks []spanRef
}

// segments cuts the address space where a range begins or ends.
func segments(spans []spanRef) []segment {
	cuts := map[netip.Addr]bool{}
	for _, s := range spans {
		for _, p := range s.prefixes {
			cuts[p.Addr()] = true
			if next := after(p); next.IsValid() {
				cuts[next] = true
			}
		}
	}
	var out []segment
	for _, a := range slices.SortedFunc(maps.Keys(cuts), netip.Addr.Compare) {
		g := segment{first: a}
		for _, s := range spans {
			if slices.ContainsFunc(s.prefixes, func(p netip.Prefix) bool { return p.Contains(a) }) {
				g.marks = append(g.marks, s)
			}
		}
		out = append(out, g)
	}
	return out
}

// after returns the first address behind a prefix, invalid if there is none.
func after(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last.Next()
}

// net returns the net marks in one of whose prefixes an address lies.
func (x *index) net(a netip.Addr) []spanRef {
	if !a.IsValid() {
		return nil
	}
	i, found := slices.BinarySearchFunc(x.nets, a, func(g segment, a netip.Addr) int { return g.first.Compare(a) })
	if !found {
		i--
	}
	// IPv4 sorts before IPv6: below the first IPv6 range comes the last stretch of IPv4.
	if i < 0 || x.nets[i].first.Is4() != a.Is4() {
		return nil
	}
	return x.nets[i].marks
}
