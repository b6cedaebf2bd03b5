package correlate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"envelope/capture"
)

// Among a few clients any two are busy at the same times, so that company from
// outside says little. That the same thing comes to two of them at one moment,
// from nobody inside, says that they are in a group with people outside; which of
// the messages between the two are that group's is told by their sizes.

const (
	// twinWithin is how far apart the copies of one message arrive: servers write
	// them in one go (dmbb XMPP less than 10 ms, laboratory Prosody less than 100),
	// over lines of different length.
	twinWithin = 500 * time.Millisecond
	// twinSizes is how far apart the sizes of copies are, in bytes and as a share:
	// names of receivers.
	twinBytes, twinShare = 8, 0.01
	// twinsFew is the least number of things that come to both, twinTimes how many
	// times as many they must be as with one clock moved.
	twinsFew, twinTimes = 4, 3
	// alikeWidth is how far from the size of something that came to both messages
	// of the same group lie, alikeShare the least share of all such things that lie
	// there.
	alikeWidth, alikeShare = 0.12, 0.04
	// ownFew is the number of moments with messages of other sizes from which two
	// who share a group talk directly as well.
	ownFew = 3
)

// joinFew marks the pairs whose messages are those of a group with people outside.
func (n *net) joinFew() {
	t := n.companies()
	for i := range n.scores {
		s := &n.scores[i]
		c := t.shared[pairKey(s.a, s.b)]
		if s.conf < 0.5 || c == nil {
			continue
		}
		sizes, chance := n.twins(t, s.a, s.b)
		if k := float64(len(sizes)); k < twinsFew || k < chance+joinedFew*math.Sqrt(chance+1) || k < twinTimes*chance {
			continue
		}
		like, own := n.sizesLike(c.alone, sizes)
		s.group = like > 0 && own < ownFew
	}
}

// twins gives the sizes of what came to two parties at one moment and from nobody
// inside, ascending, and how many there would be by chance.
func (n *net) twins(t *ties, a, b int32) (sizes []int32, chance float64) {
	var other []int32 // of b, from outside
	for _, j := range t.recv[b] {
		if n.fromOutside(j) {
			other = append(other, j)
		}
	}
	offsets := n.law.around(chanceRounds)
	for _, i := range t.recv[a] {
		r := &n.recv[i]
		if !n.fromOutside(i) || r.size == 0 {
			continue
		}
		if n.twin(other, r, r.at) {
			sizes = append(sizes, r.size)
		}
		for _, d := range offsets {
			if n.twin(other, r, r.at.Add(d)) {
				chance += 1 / float64(len(offsets))
			}
		}
	}
	slices.Sort(sizes)
	return sizes, chance
}

// twin tells whether one of a list came at a time and has the size of r.
func (n *net) twin(list []int32, r *mark, at capture.Time) bool {
	k, _ := slices.BinarySearchFunc(list, at.Add(-twinWithin), func(j int32, t capture.Time) int { return cmp.Compare(n.recv[j].at, t) })
	for ; k < len(list) && n.recv[list[k]].at <= at.Add(twinWithin); k++ {
		if d := math.Abs(float64(n.recv[list[k]].size - r.size)); d <= twinBytes+twinShare*float64(r.size) {
			return true
		}
	}
	return false
}

// sizesLike counts the moments with messages that are received with sizes among
// those given, and those with others.
func (n *net) sizesLike(sent []int32, sizes []int32) (like, other int) {
	var lastLike, lastOther capture.Time
	for _, k := range sent {
		f := &n.fans[k]
		s := float64(n.recv[f.recv[0]].size)
		lo, _ := slices.BinarySearch(sizes, int32(s*(1-alikeWidth)))
		hi, _ := slices.BinarySearch(sizes, int32(s*(1+alikeWidth))+1)
		at, count, last := n.sent[k].at, &other, &lastOther
		if float64(hi-lo) >= alikeShare*float64(len(sizes)) && hi > lo {
			count, last = &like, &lastLike
		}
		if *count == 0 || at.Sub(*last) > oneMoment {
			*count++
			*last = at
		}
	}
	return like, other
}
