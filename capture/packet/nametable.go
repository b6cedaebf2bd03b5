package packet

import (
	"math/bits"
	"net/netip"
)

// addrPair is an asker and an address that it asked for; the asker is left zero
// where it does not matter. Both take half of the room of netip.Addr, and no
// pointer is in them.
type addrPair struct {
	aHi, aLo, bHi, bLo uint64
	a4, b4             bool // which tells an IPv4 address from the IPv6 one that stands for it
}

func pairOf(asker, addr netip.Addr) (p addrPair) {
	p = answerOf(addr)
	p.aHi, p.aLo = halves(asker)
	p.a4 = asker.Is4()
	return p
}

func answerOf(addr netip.Addr) (p addrPair) {
	p.bHi, p.bLo = halves(addr)
	p.b4 = addr.Is4()
	return p
}

// hash mixes the bits as that of a flow's key does.
func (p *addrPair) hash() uint32 {
	h0, l0 := bits.Mul64(p.aLo^secret[0], p.bLo^secret[1])
	h1, l1 := bits.Mul64(p.aHi^secret[2], p.bHi^secret[0])
	h2, l2 := bits.Mul64(h0^l0^secret[1], h1^l1^secret[2])
	return uint32(h2 ^ l2 ^ (h2^l2)>>32)
}

// nameTable is recent for names by addresses: open addressing with linear
// probing. Most flows ask it, and most in vain: a look into the tags, of which
// many lie in one cache line, is then all.
type nameTable struct{ young, old nameHalf }

// nameHalf is one half of the memory.
type nameHalf struct {
	tags    []uint32 // hash of the entry, with its lowest bit set; 0 for none
	entries []nameEntry
	n       int
}

type nameEntry struct {
	addrPair
	name string
}

// find gives the place of an entry or, if it is not there, the one for it. There
// is a free place at any time.
func (h *nameHalf) find(p *addrPair, tag uint32) (int, bool) {
	mask := len(h.tags) - 1
	for i := int(tag>>1) & mask; ; i = (i + 1) & mask {
		if h.tags[i] == 0 {
			return i, false
		}
		if h.tags[i] == tag && h.entries[i].addrPair == *p {
			return i, true
		}
	}
}

// grow makes room for more.
func (h *nameHalf) grow() {
	was := *h
	size := max(64, 2*len(was.tags))
	h.tags, h.entries = make([]uint32, size), make([]nameEntry, size)
	for i, tag := range was.tags {
		if tag != 0 {
			at, _ := h.find(&was.entries[i].addrPair, tag)
			h.tags[at], h.entries[at] = tag, was.entries[i]
		}
	}
}

func (t *nameTable) get(p addrPair) (string, bool) {
	tag := p.hash() | 1
	for _, h := range [...]*nameHalf{&t.young, &t.old} {
		if h.n == 0 {
			continue
		}
		if i, ok := h.find(&p, tag); ok {
			return h.entries[i].name, true
		}
	}
	return "", false
}

func (t *nameTable) put(p addrPair, name string) {
	if t.young.n >= maxRemembered {
		t.young, t.old = t.old, t.young
		clear(t.young.tags) // and use its memory again
		clear(t.young.entries)
		t.young.n = 0
	}
	h := &t.young
	if 4*h.n >= 3*len(h.tags) {
		h.grow()
	}
	tag := p.hash() | 1
	i, ok := h.find(&p, tag)
	if !ok {
		h.tags[i] = tag
		h.n++
	}
	h.entries[i] = nameEntry{p, name}
}
