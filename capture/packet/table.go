package packet

import (
	"encoding/binary"
	"math"
	"math/bits"
	"math/rand/v2"
	"net/netip"

	"envelope/capture"
)

// key identifies a flow in both directions: the two ends in canonical order.
// The VLAN is left out, so that a packet that a trunk shows twice stays in one
// flow, where it counts as a retransmission.
type key struct {
	aHi, aLo, bHi, bLo uint64
	ports              uint32 // port of a, port of b
	proto              uint8
}

// keyOf gives the key of a packet, and whether its source is the end a.
func keyOf(p *Packet) (k key, fromA bool) {
	sHi, sLo := halves(p.Src)
	dHi, dLo := halves(p.Dst)
	k.proto = p.Proto
	if sHi < dHi || sHi == dHi && (sLo < dLo || sLo == dLo && p.SrcPort <= p.DstPort) {
		k.aHi, k.aLo, k.bHi, k.bLo = sHi, sLo, dHi, dLo
		k.ports = uint32(p.SrcPort)<<16 | uint32(p.DstPort)
		return k, true
	}
	k.aHi, k.aLo, k.bHi, k.bLo = dHi, dLo, sHi, sLo
	k.ports = uint32(p.DstPort)<<16 | uint32(p.SrcPort)
	return k, false
}

func halves(a netip.Addr) (hi, lo uint64) {
	if a.Is4() {
		b := a.As4()
		return 0, 0xffff<<32 | uint64(binary.BigEndian.Uint32(b[:]))
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}

// secret is what the hashes are mixed with: who could choose addresses that make
// a product zero would put all flows in one place of a table.
var secret = [3]uint64{rand.Uint64(), rand.Uint64(), rand.Uint64()}

// hash mixes all bits of the key by folded multiplication.
func (k *key) hash() uint32 {
	h0, l0 := bits.Mul64(k.aLo^secret[0], k.bLo^secret[1])
	h1, l1 := bits.Mul64(k.aHi^k.bHi^secret[2], (uint64(k.ports)<<8|uint64(k.proto))^secret[0])
	h2, l2 := bits.Mul64(h0^l0^k.bHi, h1^l1^secret[1])
	return uint32(h2 ^ l2 ^ (h2^l2)>>32)
}

// table holds the live flows: open addressing with linear probing over small
// slots, so that a look-up touches one cache line before the flow itself.
// Flows are numbered places in slabs; places are used again.
type table struct {
	slots []slot // power of two
	slabs []*[slab]flow
	rests []capture.Time // by place: until when the sweep need not look at the flow
	free  []uint32
	live  int
	hand  int // of the sweep
}

// slab is how many flows are made at once.
const slab = 64

// at is the flow at a place.
func (t *table) at(place uint32) *flow { return &t.slabs[place/slab][place%slab] }

// all calls fn for each live flow.
func (t *table) all(fn func(*flow)) {
	for _, flows := range t.slabs {
		for i := range flows {
			if flows[i].used {
				fn(&flows[i])
			}
		}
	}
}

// never is the rest of an empty place.
const never = capture.Time(math.MaxInt64)

type slot struct {
	tag   uint32 // hash of the key
	place uint32 // number of the flow plus one; 0 for an empty slot
}

func newTable() *table { return &table{slots: make([]slot, 1<<12)} }

// find returns the live flow with this key, or nil.
func (t *table) find(k *key, hash uint32) *flow {
	mask := uint32(len(t.slots) - 1)
	for i := hash & mask; t.slots[i].place != 0; i = (i + 1) & mask {
		if t.slots[i].tag == hash {
			if f := t.at(t.slots[i].place - 1); f.key == *k {
				return f
			}
		}
	}
	return nil
}

// add gives a cleared flow for a key that is not in the table.
func (t *table) add(k *key, hash uint32) *flow {
	if t.live*4 >= len(t.slots)*3 {
		t.grow()
	}
	var place uint32
	if n := len(t.free); n > 0 {
		place, t.free = t.free[n-1], t.free[:n-1]
	} else {
		place = uint32(len(t.rests))
		t.slabs = append(t.slabs, new([slab]flow))
		for range slab {
			t.rests = append(t.rests, never)
		}
		for i := slab - 1; i > 0; i-- {
			t.free = append(t.free, place+uint32(i))
		}
	}
	f := t.at(place)
	f.key, f.hash, f.place, f.used = *k, hash, place, true
	t.wake(f)
	t.insert(hash, place)
	t.live++
	return f
}

func (t *table) insert(hash, place uint32) {
	mask := uint32(len(t.slots) - 1)
	i := hash & mask
	for t.slots[i].place != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = slot{hash, place + 1}
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, 2*len(old))
	for _, s := range old {
		if s.place != 0 {
			t.insert(s.tag, s.place-1)
		}
	}
}

// remove takes a flow out and clears its place for the next one. Deletion
// shifts the following entries back, so that no tombstones gather.
func (t *table) remove(f *flow) {
	mask := uint32(len(t.slots) - 1)
	i := f.hash & mask
	for t.slots[i].place != f.place+1 {
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; t.slots[j].place != 0; j = (j + 1) & mask {
		home := t.slots[j].tag & mask
		if (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = slot{}
	t.free = append(t.free, f.place)
	t.rests[f.place] = never
	t.live--
	f.clear()
}

// wake lets the sweep look at a flow when it comes by next.
func (t *table) wake(f *flow) { t.rests[f.place] = math.MinInt64 }

// rest lets the sweep pass over a flow up to a time.
func (t *table) rest(f *flow, until capture.Time) { t.rests[f.place] = until }

// due moves the sweep on by one place and returns the flow there if its rest
// is over. It reads a list of eight bytes a flow from end to end, which costs a
// small part of a visit to each flow.
func (t *table) due(now capture.Time) *flow {
	if len(t.rests) == 0 {
		return nil
	}
	if t.hand++; t.hand >= len(t.rests) {
		t.hand = 0
	}
	if t.rests[t.hand] >= now {
		return nil
	}
	return t.at(uint32(t.hand))
}

// next moves the sweep on by one place and returns the flow there, nil if the
// place is empty.
func (t *table) next() *flow {
	if len(t.rests) == 0 {
		return nil
	}
	if t.hand++; t.hand >= len(t.rests) {
		t.hand = 0
	}
	if f := t.at(uint32(t.hand)); f.used {
		return f
	}
	return nil
}
