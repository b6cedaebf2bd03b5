package correlate

import (
	"math"
	"slices"
)

// sigmoid makes a probability of log odds.
func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

const (
	tellRounds = 4
	// coincidence is how often a party seems to get a message that was not for
	// it: measured in the labs at 1 in 400 to 1 in 50.
	coincidence = 0.01
	// hidden weighs a group that was not found, for a message that several got,
	// as against usual for one that was.
	hidden = 0.03
	// directGot is how often the one receiver of a direct message is seen.
	directGot = 0.9
)

// tell decides for every sent message whether it went to a group, and to
// which: by who got it and who did not, by how the messages of groups differ
// in size from others, and by whom the sender wrote to at the time.
func (n *net) tell() {
	of := make([][]int32, n.parties)
	for i, g := range n.groups {
		for _, m := range g.members {
			of[m.Party] = append(of[m.Party], int32(i))
		}
	}
	single := make(map[uint64]float64) // direct messages of a direction
	toSet := make(map[uint64]float64)  // messages of a party to a group
	n.start0(single, toSet)
	chances := n.chances(of)
	for range tellRounds {
		look := n.looks()
		one, many := make(map[uint64]float64), make(map[uint64]float64)
		rest := chances
		for k := range n.fans {
			groups := of[n.sent[k].party]
			n.tellOne(&n.fans[k], groups, rest[:len(groups)], look, single, toSet)
			rest = rest[len(groups):]
			from := n.sent[k].party
			if n.conv[k] != None {
				many[pairKey(from, n.conv[k])] += 1 - n.direct[k]
			}
			if len(n.fans[k].to) == 1 {
				one[pairKey(from, n.fans[k].to[0])] += n.direct[k]
			}
		}
		single, toSet = one, many
	}
	for _, g := range n.groups {
		g.messages = nil
	}
	for k, g := range n.conv {
		if g != None {
			n.groups[g].messages = append(n.groups[g].messages, int32(k))
		}
	}
}

// start0 sets the first guess: who has one receiver is direct, half way.
func (n *net) start0(single, toSet map[uint64]float64) {
	for k := range n.fans {
		f := &n.fans[k]
		n.conv[k], n.direct[k] = None, 0.5
		if len(f.to) == 1 {
			single[pairKey(n.sent[k].party, f.to[0])] += 0.5
		}
	}
	for i, g := range n.groups {
		for _, k := range g.list {
			n.conv[k], n.direct[k] = int32(i), 0
			toSet[pairKey(n.sent[k].party, int32(i))]++
		}
	}
}

// chances gives chanceOf for every message and each group of its sender, in order.
// Each group keeps its own: some are dropped, and the rest told again.
func (n *net) chances(of [][]int32) []float64 {
	all := 0
	for k := range n.sent {
		all += len(of[n.sent[k].party])
	}
	out := make([]float64, 0, all)
	next := make([]int, len(n.groups))
	for k := range n.fans {
		for _, i := range of[n.sent[k].party] {
			g := n.groups[i]
			if next[i] == len(g.chances) {
				g.chances = append(g.chances, n.chanceOf(&n.fans[k], g))
			}
			out = append(out, g.chances[next[i]])
			next[i]++
		}
	}
	return out
}

// tellOne decides for one message among the groups of its sender and a direct
// talk; chances are how probable its receivers are for each group.
func (n *net) tellOne(f *fan, groups []int32, chances []float64, look *looks, single, toSet map[uint64]float64) {
	s := &n.sent[f.sent]
	// A direct message has one receiver; further ones are coincidences.
	const usual = 0.3
	best := 0.0
	for _, b := range f.to {
		best = math.Max(best, single[pairKey(s.party, b)]+0.5*single[pairKey(b, s.party)])
	}
	direct := (best + usual) * directGot
	switch {
	case len(f.to) == 0:
		direct = usual + 0.1*float64(n.nSent[s.party])
	case len(f.to) > 1:
		direct *= math.Pow(coincidence, float64(len(f.to)-1)) * float64(len(f.to))
	}
	all, most, conv := direct, 0.0, int32(None)
	rest := direct
	if len(f.to) > 2 {
		rest += hidden
		all = rest
	}
	ratio := 1.0
	if len(groups) > 0 {
		ratio = look.ratio(n, f)
	}
	for k, i := range groups {
		x := (toSet[pairKey(s.party, i)] + usual) * chances[k] * ratio
		if all += x; x > most {
			most, conv = x, i
		}
	}
	n.conv[f.sent], n.direct[f.sent] = conv, direct/all
	if rest > all/2 {
		n.conv[f.sent] = None
	}
}

// chanceOf is how probable the receivers of a message are if it went to g.
func (n *net) chanceOf(f *fan, g *set) float64 {
	s := &n.sent[f.sent]
	x, seen := 1.0, 0
	for _, m := range g.members {
		if m.Party == s.party {
			continue
		}
		if _, got := slices.BinarySearch(f.to, m.Party); got {
			seen++
			continue
		}
		miss := math.Max(n.missChance(m.Party, f.sent), g.missShare(m.Party))
		x *= miss
	}
	for range len(f.to) - seen {
		x *= coincidence
	}
	return x
}

// missShare is the share of a group's messages that a member did not get.
func (g *set) missShare(p int32) float64 {
	i, _ := slices.BinarySearch(g.who, p)
	return 1 - float64(g.took[i])/float64(g.fans)
}

// looks is how messages to groups differ from direct ones in size and growth.
type looks struct {
	size, grow table
}

// looks learns the difference from what was decided so far.
func (n *net) looks() *looks {
	many, one := newCounts(growth()), newCounts(growth())
	manySize, oneSize := newCounts(growth()), newCounts(growth())
	for k := range n.fans {
		f, s := &n.fans[k], &n.sent[k]
		if s.size == 0 || len(f.to) == 0 {
			continue
		}
		size, grow, w := manySize, many, 1-n.direct[k]
		if len(f.to) == 1 {
			size, grow, w = oneSize, one, n.direct[k]
		} else if n.conv[k] == None {
			continue
		}
		size.add(0, float64(s.size), w)
		for _, i := range f.recv {
			if r := &n.recv[i]; r.size > 0 {
				grow.add(0, float64(r.size-s.size), w/float64(len(f.recv)))
			}
		}
	}
	return &looks{size: manySize.against(oneSize), grow: many.against(one)}
}

// ratio is how much likelier a message's sizes are for a group's.
func (l *looks) ratio(n *net, f *fan) float64 {
	s := &n.sent[f.sent]
	if s.size == 0 {
		return 1
	}
	x := clamp(l.size.at(0, float64(s.size)))
	for _, i := range f.recv {
		if r := &n.recv[i]; r.size > 0 {
			return x * clamp(l.grow.at(0, float64(r.size-s.size)))
		}
	}
	return x
}

// clamp bounds what sizes may say of a message's being a group's.
func clamp(x float64) float64 { return math.Max(0.05, math.Min(20, x)) }

// weed drops groups whose messages turned out to be direct ones that others
// seemed to get by coincidence, and tells again without them, until all that are
// left have messages of their own.
func (n *net) weed() {
	for {
		kept := slices.DeleteFunc(slices.Clone(n.groups), n.bare)
		if len(kept) == len(n.groups) {
			return
		}
		n.groups = kept
		n.tell()
	}
}

// bare tells whether few of a group's messages that several got are its own.
func (n *net) bare(g *set) bool {
	several := 0
	for _, k := range g.messages {
		if len(n.fans[k].to) > 1 {
			several++
		}
	}
	return several < 2 || 2*several < g.fans
}
