package correlate

import (
	"math"
	"slices"
)

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

// choice is some of the parties, nil for all.
type choice []bool

func (c choice) has(party int32) bool { return c == nil || c[party] }

// tell decides for every message that one of some parties sent.
func (t *teller) tell(of choice) {
	n := t.n
	t.guess(of)
	var look *looks
	for range tellRounds {
		if of == nil || look == nil {
			look = n.looks() // which few parties do not change
		}
		for i := range n.pairs {
			if t.talk[i] = t.single[i]; n.pairs[i].back != None {
				t.talk[i] += 0.5 * t.single[n.pairs[i].back]
			}
		}
		t.forget(of)
		for k := range n.fans {
			if of.has(n.sent[k].party) {
				t.tellOne(&n.fans[k], look)
			}
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

// forget takes what some parties sent out of the sums.
func (t *teller) forget(of choice) {
	clear(t.next)
	for i := range t.single {
		if of.has(t.n.pairs[i].from) {
			t.single[i] = 0
		}
	}
}

// guess sets the first guess: who has one receiver is direct, half way.
func (t *teller) guess(of choice) {
	n := t.n
	t.forget(of)
	clear(t.toSet)
	for k := range n.fans {
		if !of.has(n.sent[k].party) {
			continue
		}
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
			from := n.sent[k].party
			if !of.has(from) {
				continue
			}
			n.conv[k], n.direct[k] = int32(i), 0
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

// weed drops groups whose messages turned out to be direct ones that others
// seemed to get by coincidence, and tells again without them, until all that are
// left have messages of their own.
func (t *teller) weed() {
	for t.drop(t.n.bare) {
	}
}

// weedFew is the share of the groups up to which those that are dropped at once
// change nothing but what their members sent.
const weedFew = 0.01

// drop takes groups out and tells again without them. It tells whether there were any.
func (t *teller) drop(which func(*set) bool) bool {
	of, dropped := make(choice, t.n.parties), 0
	for _, g := range t.n.groups {
		if g.dead || !which(g) {
			continue
		}
		g.dead = true
		dropped++
		for _, m := range g.members {
			of[m.Party] = true
		}
	}
	if float64(dropped) > weedFew*float64(len(t.n.groups)) {
		of = nil
	}
	if dropped > 0 {
		t.tell(of)
	}
	return dropped > 0
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
