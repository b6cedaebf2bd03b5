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
// each other one knows of as well.
type together struct {
	two   map[uint64]float64
	three map[uint64]map[int32]float64
}

// addLateTogether adds to received messages without a source those that one other
// had got, where the three were seen together before.
func (n *net) addLateTogether() {
	n.findFans()
	t := n.together()
	of := make([][]int32, n.parties)
	for k := range n.fans {
		if f := &n.fans[k]; len(f.to) == 1 {
			for p := range t.three[ordered(n.sent[k].party, f.to[0])] {
				of[p] = append(of[p], int32(k))
			}
		}
	}
	var waiting []waiter
	var late likeliest
	n.addWaited(func(found *likeliest, i int) {
		r := &n.recv[i]
		waiting = n.sentBetween(waiting[:0], of[r.party], r.at.Add(-n.gap[i]), r.at)
		late.clear()
		n.late(&late, r, n.gap[i], waiting)
		for _, c := range late.list {
			if !found.has(c.from) {
				c.fit *= float32(t.share(n.sent[c.from].party, n.fans[c.from].to[0], r.party))
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
	t := &together{two: map[uint64]float64{}, three: map[uint64]map[int32]float64{}}
	for k := range n.fans {
		f := &n.fans[k]
		if len(f.to) == 0 || len(f.to) >= togetherMost {
			continue
		}
		who := with(f.to, n.sent[k].party)
		for i, a := range who {
			for _, b := range who[i+1:] {
				t.add(pairKey(a, b), a, b, who)
			}
		}
	}
	return t
}

// add counts a message that two parties know of, and others.
func (t *together) add(key uint64, a, b int32, who []int32) {
	t.two[key]++
	if len(who) > 2 && t.three[key] == nil {
		t.three[key] = map[int32]float64{}
	}
	for _, c := range who {
		if c != a && c != b {
			t.three[key][c]++
		}
	}
}

// share is how probable it is that who knows of a message that two others know of.
func (t *together) share(a, b, who int32) float64 {
	key := ordered(a, b)
	return t.three[key][who] / (t.two[key] + 1)
}
