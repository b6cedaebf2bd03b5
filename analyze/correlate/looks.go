package correlate

import (
	"cmp"
	"math"
	"slices"
)

// What is written to one looks different from what is written to several: in
// most messengers a group's message is packed anew for each member, or names
// the group. A message of which three parties know is a group's of three, or
// that of two people of whom one has two devices; one that only two know of is
// theirs, or that of a group whose others are outside. In both cases it is told
// by its growth from sender to receiver, as learned from messages of which the
// number of receivers leaves less doubt.

const (
	// looksMany is the number of receivers from which a message is a group's:
	// two are also what a person with two devices makes.
	looksMany = 3
	// looksFew is the least number of messages of a group and of those to one
	// receiver that the difference is learned from.
	looksFew = 10
	// looksSure is the sum of log ratios from which messages are believed to be
	// direct, or a group's: 150 to 1.
	looksSure = 5
	// looksEach is the least that each of them must say on the mean: all messages
	// of one conversation are alike, so that a small error adds up over them.
	looksEach = 0.5
)

// looking is what messages say together of being direct.
type looking struct {
	sum   float64 // of log ratios
	count int
}

// private tells whether messages are believed to be direct.
func (l looking) private() bool { return l.sum >= looksSure && l.sum >= looksEach*float64(l.count) }

// private tells by its growth how much likelier a message is for a direct one;
// nil where there is too little to learn it from.
type private struct{ grow table }

// learnPrivate sets the growth of messages with one receiver against that of
// messages with many, and against any growth at all: a group's size may matter
// to its messages, so that those of small groups need not look like those of
// large ones.
func (n *net) learnPrivate() *private {
	one, other := newCounts(growth()), newCounts(growth())
	ones, many, before := 0, 0, int32(0)
	for k := range n.fans {
		f, s := &n.fans[k], &n.sent[k]
		for j, i := range f.recv {
			r := &n.recv[i]
			if s.size == 0 || r.size == 0 || j >= looksMany {
				continue
			}
			switch {
			case len(f.to) == 1:
				one.add(0, float64(r.size-s.size), 1)
				ones++
			case len(f.to) >= looksMany:
				other.add(0, float64(r.size-s.size), 1)
				if many++; before > 0 {
					other.add(0, float64(r.size-before), 1)
				}
			}
			before = s.size
		}
	}
	if ones < looksFew || many < looksFew*looksMany {
		return nil
	}
	return &private{one.against(other)}
}

// of is the log ratio of a message for being direct, by the mean over its
// receivers: their copies are alike.
func (p *private) of(n *net, f *fan) float64 {
	s := &n.sent[f.sent]
	var sum, count float64
	for _, i := range f.recv {
		if r := &n.recv[i]; p != nil && s.size > 0 && r.size > 0 {
			sum += math.Log(clamp(p.grow.at(0, float64(r.size-s.size))))
			count++
		}
	}
	return sum / math.Max(1, count)
}

// trio is three parties that know of the same messages.
type trio [3]int32

// trios sums up for every three parties how direct the messages look of which
// just they know.
func (n *net) trios(p *private) map[trio]looking {
	out := make(map[trio]looking)
	for k := range n.fans {
		if f := &n.fans[k]; p != nil && len(f.to) == 2 {
			x := trio(with(f.to, n.sent[k].party))
			l := out[x]
			out[x] = looking{l.sum + p.of(n, f), l.count + 1}
		}
	}
	return out
}

const (
	// heldLeast is the least share of what one device sends and gets that the
	// other has as well.
	heldLeast = 0.8
	// heldMore is by how much this must exceed what the third party has of
	// either: the one to whom both write knows all of it where there is no
	// other.
	heldMore = 0.1
)

// doubles tells the groups whose messages are rather those of two of whom one
// has several devices. Which of the parties these are is not known where the
// groups were not seen to be such before: the two that have most in common may
// be, and are taken note of.
func (n *net) doubles() func(*set) bool {
	p := n.learnPrivate()
	t := n.companies()
	t.own = n.own()
	n.perhaps = make(map[uint64]bool)
	return func(g *set) bool {
		l := looking{count: len(g.messages)}
		for _, k := range g.messages {
			l.sum += p.of(n, &n.fans[k])
		}
		l.sum += max(0, t.own[t.closest(g.members)])
		if !l.private() || len(g.members) > doublesMost {
			return false
		}
		n.perhaps[t.closest(g.members)] = true
		return true
	}
}

// doublesMost is the number of devices that two people have at most.
const doublesMost = 4

// closest gives the pair of members of whom the one has most of what the other
// has.
func (t *ties) closest(list []Member) uint64 {
	best, most := uint64(0), -1.0
	for i, a := range list {
		for _, b := range list[i+1:] {
			if x := t.held([2]int32{a.Party, b.Party}); x > most {
				best, most = pairKey(a.Party, b.Party), x
			}
		}
	}
	return best
}

// ghosts lists the pairs of parties that are two devices of one person: those
// that make three of two who write to each other. Where two of the three are known
// to be one person, by another messenger, the third is the other one.
func (n *net) ghosts(p *private, t *ties, owner []int32) map[uint64]bool {
	all := n.trios(p)
	var list []trio
	for x, l := range all {
		known := owner[x[0]] == owner[x[1]] || owner[x[0]] == owner[x[2]] || owner[x[1]] == owner[x[2]]
		if l.private() && l.count >= copiesFew && !known {
			list = append(list, x)
		}
	}
	slices.SortFunc(list, func(x, y trio) int { return slices.Compare(x[:], y[:]) })
	out := make(map[uint64]bool)
	for _, x := range list {
		if p, ok := n.onePerson(t, x); ok {
			out[pairKey(p[0], p[1])] = true
		}
	}
	return out
}

// onePerson gives the two of three parties that are one person, where that can be told:
// those of whom the one does not confirm what the other sends, or those that have
// most in common.
func (n *net) onePerson(t *ties, x trio) ([2]int32, bool) {
	pairs := [][2]int32{{x[0], x[1]}, {x[0], x[2]}, {x[1], x[2]}}
	own := func(p [2]int32) float64 { return t.own[pairKey(p[0], p[1])] }
	slices.SortStableFunc(pairs, func(p, q [2]int32) int { return -cmp.Compare(own(p), own(q)) })
	if own(pairs[0]) >= ownSure {
		return pairs[0], own(pairs[1]) < 0 && t.held(pairs[0]) >= heldLeast*n.seen.recv
	}
	slices.SortStableFunc(pairs, func(p, q [2]int32) int { return -cmp.Compare(t.held(p), t.held(q)) })
	most := t.held(pairs[0])
	return pairs[0], most >= heldLeast*n.seen.recv && most >= t.held(pairs[1])+heldMore+n.seen.spread(t.least(pairs[0]))
}

// open tells for pairs of parties whether all that both know of looks like a
// group's: two who are in the same groups are not one person.
func (n *net) open(p *private, keys []uint64) map[uint64]bool {
	sum, direct := make(map[uint64]float64), make(map[uint64]float64)
	for _, k := range keys {
		sum[k] = 0
	}
	for k := range n.fans {
		f := &n.fans[k]
		if p == nil || len(f.to) == 0 || len(f.to) > sharedMost {
			continue
		}
		x, who := p.of(n, f), with(f.to, n.sent[k].party)
		for i, a := range who {
			for _, b := range who[i+1:] {
				if key := pairKey(a, b); has(sum, key) {
					sum[key] += x
					direct[key] += math.Max(0, x)
				}
			}
		}
	}
	out := make(map[uint64]bool)
	for k, x := range sum {
		out[k] = x <= -looksSure && direct[k] < looksSure
	}
	return out
}

func has[V any](m map[uint64]V, k uint64) bool { _, ok := m[k]; return ok }

// held is the share of what the one of two parties sends and gets that the other
// knows of: of the one of whom it is more.
func (t *ties) held(p [2]int32) float64 {
	c := t.shared[pairKey(p[0], p[1])]
	if c == nil {
		return 0
	}
	return float64(c.copies+c.both) / float64(max(1, t.least(p)))
}

// least is how much that one of two parties sends and gets that has less.
func (t *ties) least(p [2]int32) int {
	return min(t.all[p[0]]+t.got[p[0]], t.all[p[1]]+t.got[p[1]])
}
