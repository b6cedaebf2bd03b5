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

// teller decides for every sent message whether it went to a group, and to which: by
// who got it and who did not, by how the messages of groups differ in size from
// others, and by whom the sender wrote to at the time.
type teller struct {
	n       *net
	of      [][]int32 // of each party: the groups that it is a member of
	first   []int32   // of each party: where its groups begin in toSet
	toSet   []float64 // of each party and group of it: messages that it sent there
	next    []float64 // the same, being counted
	start   []int     // of each sent message: where its chances begin
	chances []float64 // chanceOf for each group of the sender
	single  []float64 // of each pair: direct messages
	talk    []float64 // of each pair: the same, and half of the other direction's
}

func newTeller(n *net) *teller {
	t := &teller{n: n, of: make([][]int32, n.parties), single: make([]float64, len(n.pairs)), talk: make([]float64, len(n.pairs))}
	for i, g := range n.groups {
		for _, m := range g.members {
			t.of[m.Party] = append(t.of[m.Party], int32(i))
		}
	}
	for _, groups := range t.of {
		t.first = append(t.first, int32(len(t.toSet)))
		t.toSet = append(t.toSet, make([]float64, len(groups))...)
	}
	t.next = make([]float64, len(t.toSet))
	all := 0
	for k := range n.sent {
		t.start = append(t.start, all)
		all += len(t.of[n.sent[k].party])
	}
	t.chances = make([]float64, 0, all)
	for k := range n.fans {
		for _, i := range t.of[n.sent[k].party] {
			t.chances = append(t.chances, n.chanceOf(&n.fans[k], n.groups[i]))
		}
	}
	return t
}

// tell decides for every message.
func (t *teller) tell() {
	n := t.n
	t.guess()
	for range tellRounds {
		look := n.looks()
		for i := range n.pairs {
			if t.talk[i] = t.single[i]; n.pairs[i].back != None {
				t.talk[i] += 0.5 * t.single[n.pairs[i].back]
			}
		}
		clear(t.single)
		clear(t.next)
		for k := range n.fans {
			t.tellOne(&n.fans[k], look)
		}
		t.toSet, t.next = t.next, t.toSet
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

// guess sets the first guess: who has one receiver is direct, half way.
func (t *teller) guess() {
	n := t.n
	clear(t.single)
	clear(t.toSet)
	for k := range n.fans {
		n.conv[k], n.direct[k] = None, 0.5
		if f := &n.fans[k]; len(f.to) == 1 {
			t.single[n.via[f.recv[0]]] += 0.5
		}
	}
	for i, g := range n.groups {
		if g.dead {
			continue
		}
		for _, k := range g.list {
			n.conv[k], n.direct[k] = int32(i), 0
			from := n.sent[k].party
			if at, is := slices.BinarySearch(t.of[from], int32(i)); is {
				t.toSet[int(t.first[from])+at]++
			}
		}
	}
}

// tellOne decides for one message among the groups of its sender and a direct talk.
func (t *teller) tellOne(f *fan, look *looks) {
	n := t.n
	from := n.sent[f.sent].party
	// A direct message has one receiver; further ones are coincidences.
	const usual = 0.3
	best := 0.0
	for _, i := range f.recv {
		best = math.Max(best, t.talk[n.via[i]])
	}
	direct := (best + usual) * directGot
	switch {
	case len(f.to) == 0:
		direct = usual + 0.1*float64(n.nSent[from])
	case len(f.to) > 1:
		direct *= math.Pow(coincidence, float64(len(f.to)-1)) * float64(len(f.to))
	}
	all, most, at := direct, 0.0, None
	rest := direct
	if len(f.to) > 2 {
		rest += hidden
		all = rest
	}
	ratio := 1.0
	if len(t.of[from]) > 0 {
		ratio = look.ratio(n, f)
	}
	sent, chances := t.toSet[t.first[from]:], t.chances[t.start[f.sent]:]
	for k, i := range t.of[from] {
		if n.groups[i].dead {
			continue
		}
		x := (sent[k] + usual) * chances[k] * ratio
		if all += x; x > most {
			most, at = x, k
		}
	}
	n.conv[f.sent], n.direct[f.sent] = None, direct/all
	if at != None && rest <= all/2 {
		n.conv[f.sent] = t.of[from][at]
		t.next[int(t.first[from])+at] += 1 - n.direct[f.sent]
	}
	if len(f.to) == 1 {
		t.single[n.via[f.recv[0]]] += n.direct[f.sent]
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
func (t *teller) weed() {
	for t.drop(t.n.bare) {
	}
}

// drop takes groups out and tells again without them. It tells whether there were any.
func (t *teller) drop(which func(*set) bool) bool {
	any := false
	for _, g := range t.n.groups {
		if !g.dead && which(g) {
			g.dead, any = true, true
		}
	}
	if any {
		t.tell()
	}
	return any
}

// close numbers the groups that are left.
func (t *teller) close() {
	n := t.n
	number, left := make([]int32, len(n.groups)), n.groups[:0]
	for i, g := range n.groups {
		number[i] = None
		if !g.dead {
			number[i] = int32(len(left))
			left = append(left, g)
		}
	}
	n.groups = left
	for k, g := range n.conv {
		if g != None {
			n.conv[k] = number[g]
		}
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
