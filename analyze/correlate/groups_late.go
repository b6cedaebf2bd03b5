package correlate

import (
	"cmp"
	"slices"

	"envelope/capture"
)

// A message that one got at once looks complete. In a group others may get it
// later, when their phones connect: those who were seen to get messages along with
// its sender and its receiver before.

// togetherMost is the number of parties that know of a message up to which it says
// who keeps company with whom: of larger ones the three need not be known to be in
// the same group, and the triples are many.
const togetherMost = 12

// together is how many messages two parties both know of, and how many of these
// each other one knows of as well. It is kept for parties of whom one may have
// written to the other, by the lower number of their pair.
type together struct {
	two   []int32
	three [][]third
}

// third is how many messages one more party knows of.
type third struct{ party, count int32 }

// addLateTogether adds to received messages without a source those that one other
// had got, where the three were seen together before.
func (n *net) addLateTogether() {
	n.findFans()
	t := n.together()
	of := make([][]int32, n.parties)
	for k := range n.fans {
		if f := &n.fans[k]; len(f.to) == 1 {
			for _, x := range t.three[n.both(n.via[f.recv[0]])] {
				of[x.party] = append(of[x.party], int32(k))
			}
		}
	}
	var waiting []waiter
	var late likeliest
	n.addWaited(func(found *likeliest, i int) {
		if n.gap[i] == 0 {
			return
		}
		r := &n.recv[i]
		waiting = n.sentBetween(waiting[:0], of[r.party], r.at.Add(-n.gap[i]), r.at)
		late.clear()
		n.late(&late, r, n.gap[i], waiting)
		for _, c := range late.list {
			if !found.has(c.from) {
				pair := n.both(n.via[n.fans[c.from].recv[0]])
				c.fit *= float32(t.share(pair, r.party))
				found.add(c)
			}
		}
	})
	n.reassign()
}

// sentBetween adds those of the sent messages in list, which are in order of time, that
// were sent between two times.
func (n *net) sentBetween(out []waiter, list []int32, from, until capture.Time) []waiter {
	k, _ := slices.BinarySearchFunc(list, from, func(id int32, t capture.Time) int { return cmp.Compare(n.sent[id].at, t) })
	for ; k < len(list) && n.sent[list[k]].at <= until; k++ {
		out = append(out, waiter{n.sent[list[k]], list[k]})
	}
	return out
}

// together counts who takes part in messages together.
func (n *net) together() *together {
	t := &together{make([]int32, len(n.pairs)), make([][]third, len(n.pairs))}
	for k := range n.fans {
		f := &n.fans[k]
		switch {
		case len(f.to) == 0 || len(f.to) >= togetherMost:
			continue
		case len(f.to) == 1:
			t.two[n.both(n.via[f.recv[0]])]++
			continue
		}
		who := with(f.to, n.sent[k].party)
		for i, a := range who {
			for _, b := range who[i+1:] {
				if pair := n.pairOfBoth(a, b); pair != None {
					t.add(pair, a, b, who)
				}
			}
		}
	}
	return t
}

// add counts a message that two parties know of, and others.
func (t *together) add(pair, a, b int32, who []int32) {
	t.two[pair]++
	for _, c := range who {
		if c == a || c == b {
			continue
		}
		k := slices.IndexFunc(t.three[pair], func(x third) bool { return x.party == c })
		if k < 0 {
			k = len(t.three[pair])
			t.three[pair] = append(t.three[pair], third{party: c})
		}
		t.three[pair][k].count++
	}
}

// share is how probable it is that who knows of a message that the two of a pair
// know of.
func (t *together) share(pair, who int32) float64 {
	for _, x := range t.three[pair] {
		if x.party == who {
			return float64(x.count) / float64(t.two[pair]+1)
		}
	}
	return 0
}

// both gives the lower number of a pair's two directions.
func (n *net) both(pair int32) int32 {
	if back := n.pairs[pair].back; back != None && back < pair {
		return back
	}
	return pair
}

// pairOfBoth gives the lower number of the pair of two parties, None where neither
// may have written to the other.
func (n *net) pairOfBoth(a, b int32) int32 {
	ids := n.pairID.place(ordered(a, b)).ids
	if ids[0] == 0 || ids[1] != 0 && ids[1] < ids[0] {
		return ids[1] - 1
	}
	return ids[0] - 1
}
