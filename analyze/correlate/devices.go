package correlate

import (
	"cmp"
	"slices"
)

// Several devices of one person look like a group: each gets what is written
// to the person, and a copy of what the person writes on the others. They are
// told from people by three signs: what the one sends the other gets, what the
// one receives the other receives, and this whoever else is concerned; members
// of a group share that group only.

const (
	// copiesFew is the least number of messages that go from device to device,
	// and of those that both get.
	copiesFew = 4
	// copiesLeast is the least share of what two devices send that the other
	// gets, and bothLeast that of what the one receives less of: a computer is
	// off for half of the day. In a simulated town of 1,000 people the former is
	// above 0.7 for nine in ten pairs of devices, and below it for nearly all
	// pairs of people.
	copiesLeast = 0.7
	bothLeast   = 0.3
	// thirdsLeast is the number of others, of whom none gets what the rest
	// write, that both must have to do with.
	thirdsLeast = 2
)

// company is what two parties share.
type company struct {
	copies int           // sent by one of the two and received by the other
	alone  int           // of these, received by nobody else
	both   int           // received by both from others
	thirds map[int32]int // who sent these
}

// devices finds parties that are devices of one person, and notes in owner for
// every party the first of the person's. It tells whether there was anything
// new.
func (n *net) devices(owner []int32) (found bool) {
	n.findFans()
	shared, sent, got := n.companies()
	for _, k := range sortedKeys(shared) {
		a, b := int32(k>>32), int32(uint32(k))
		c := shared[k]
		if owner[a] == owner[b] || c.copies < copiesFew || c.both < copiesFew ||
			float64(c.copies) < copiesLeast*float64(sent[a]+sent[b]) || float64(c.both) < bothLeast*float64(min(got[a], got[b])) ||
			n.apart(c) < thirdsLeast {
			continue
		}
		found = true
		from, to := max(owner[a], owner[b]), min(owner[a], owner[b])
		for p := range owner {
			if owner[p] == from {
				owner[p] = to
			}
		}
	}
	return found
}

// companies counts what pairs of parties share, and what each sent that anybody
// got, and got. Messages that very many got are left out: they are a group's.
func (n *net) companies() (shared map[uint64]*company, sent, got []int) {
	const most = 12
	shared, sent, got = make(map[uint64]*company), make([]int, n.parties), make([]int, n.parties)
	of := func(a, b int32) *company {
		c := shared[ordered(a, b)]
		if c == nil {
			c = &company{thirds: map[int32]int{}}
			shared[ordered(a, b)] = c
		}
		return c
	}
	for k := range n.fans {
		f, from := &n.fans[k], n.sent[k].party
		if len(f.to) == 0 || len(f.to) > most {
			continue
		}
		sent[from]++
		for i, a := range f.to {
			got[a]++
			c := of(from, a)
			c.copies++
			if len(f.to) == 1 {
				c.alone++
			}
			for _, b := range f.to[i+1:] {
				c := of(a, b)
				if c.both++; len(f.to) <= 3 {
					c.thirds[from]++
				}
			}
		}
	}
	return shared, sent, got
}

// apart counts those who wrote to both of a company more than by coincidence,
// and of whom each rarely gets what the others wrote: they are in no group
// together.
func (n *net) apart(c *company) int {
	type third struct {
		party int32
		n     int
	}
	var list []third
	for p, k := range c.thirds {
		if k >= 2 && 20*k >= c.both {
			list = append(list, third{p, k})
		}
	}
	slices.SortFunc(list, func(x, y third) int { return cmp.Or(-cmp.Compare(x.n, y.n), cmp.Compare(x.party, y.party)) })
	var chosen []int32
	for _, t := range list {
		if !slices.ContainsFunc(chosen, func(p int32) bool { return n.writes(p, t.party) || n.writes(t.party, p) }) {
			chosen = append(chosen, t.party)
		}
	}
	return len(chosen)
}

// writes tells whether b gets more than now and then what a sends.
func (n *net) writes(a, b int32) bool {
	id := n.pairID.get(pairKey(a, b))
	return id != None && n.pairs[id].weight > 0.1*float64(n.nSent[a])
}

// uniteRounds is how often devices are looked for: when those of the others are
// known it is clearer who gets what.
const uniteRounds = 3

// unite takes the devices of each person together, in all messengers, and lists
// them.
func unite(nets []*net, parties int) [][]int32 {
	owner := make([]int32, parties)
	for p := range owner {
		owner[p] = int32(p)
	}
	for range uniteRounds {
		found := false
		for _, n := range nets {
			found = n.devices(owner) || found
		}
		if !found {
			break
		}
		for i, n := range nets {
			nets[i] = n.united(slices.Clone(owner))
			nets[i].match()
		}
	}
	return same(owner)
}

// united gives the same messenger with the devices of each person taken
// together, without the copies that one device gets of what another sent.
func (n *net) united(owner []int32) *net {
	copies := make(map[int32]bool)
	for i := range n.recv {
		r := &n.recv[i]
		if n.copies[r.id] {
			copies[r.id] = true
		} else if c := n.source(i); c != nil && c.w >= 0.5 && owner[n.sent[c.from].party] == owner[r.party] {
			copies[r.id] = true
		}
	}
	u := newNet(n.events, n.ids, n.parties, owner, copies)
	u.law = n.law
	return u
}

// same lists the devices of each person that has several.
func same(owner []int32) [][]int32 {
	of := make(map[int32]int)
	var out [][]int32
	for p, o := range owner {
		if int32(p) == o {
			continue
		}
		i, ok := of[o]
		if !ok {
			i = len(out)
			of[o], out = i, append(out, []int32{o})
		}
		out[i] = append(out[i], int32(p))
	}
	slices.SortFunc(out, func(x, y []int32) int { return cmp.Compare(x[0], y[0]) })
	return out
}
