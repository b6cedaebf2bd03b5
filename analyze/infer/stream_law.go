package infer

import (
	"math"
	"slices"
	"sort"

	"envelope/capture"
)

// trial is one unit up with a unit down behind it, at its true moment or at a
// shifted one.
type trial struct {
	delta   int32 // index into comparison.deltas, or before they are known the difference itself
	size    uint32
	lag     uint8
	likely  bool // plausible by their sizes
	shifted bool
}

// comparison is what follows some units up, and what follows them at shifted
// moments, by difference of sizes. Differences that are too rare for any law
// are left out.
type comparison struct {
	deltas []int32  // ascending
	sizes  int      // different sizes among the units up
	ups    []uint32 // their sizes, ascending
	pairs  []trial
}

// fewPairs is the excess over chance below which no difference is believed.
const fewPairs = 3

// compare gathers the pairs of frames up and what follows them at others and
// (copies) at the sender. What it gives is good until the next comparison.
func (v *view) compare(ups []int32, copies bool) *comparison {
	c := &comparison{ups: v.sizesOf(ups), pairs: v.room.pairs[:0]}
	c.sizes = len(slices.Compact(slices.Clone(c.ups)))
	for _, id := range ups {
		u := &v.units[id]
		c.gather(v.behind(u.at), u, u.at, copies, nil)
	}
	v.room.pairs = c.pairs
	if c.choose(); len(c.deltas) == 0 {
		c.pairs = nil
		return c
	}
	place := make(map[int32]int32, len(c.deltas))
	for i, d := range c.deltas {
		place[d] = int32(i)
	}
	first := c.pairs
	c.pairs = c.pairs[:0]
	for _, p := range first {
		if i, ok := place[p.delta]; ok {
			p.delta = i
			c.pairs = append(c.pairs, p)
		}
	}
	for _, id := range ups {
		u := &v.units[id]
		for _, s := range shifts {
			c.gather(v.behind(u.at.Add(s)), u, u.at.Add(s), copies, place)
		}
	}
	v.room.pairs = c.pairs
	return c
}

// sizesOf gives the sizes of units, ascending.
func (v *view) sizesOf(ids []int32) []uint32 {
	all := make([]uint32, len(ids))
	for i, id := range ids {
		all[i] = v.units[id].size
	}
	slices.Sort(all)
	return all
}

// follows tells whether d may be u passed on by whose it is.
func (d *fall) follows(u *unit, copies bool) bool { return !d.login && (copies || d.who != u.who) }

// gather adds the pairs of one unit: at its own moment all of them, at a shifted
// one (place is set) those with a difference that matters.
func (c *comparison) gather(behind []fall, u *unit, at capture.Time, copies bool, place map[int32]int32) {
	for i := range behind {
		d := &behind[i]
		if !d.follows(u, copies) {
			continue
		}
		k := int32(d.size) - int32(u.size)
		if place != nil {
			if k < c.deltas[0] || k > c.deltas[len(c.deltas)-1] {
				continue
			}
			n, ok := place[k]
			if !ok {
				continue
			}
			k = n
		}
		c.pairs = append(c.pairs, trial{k, u.size, uint8(lagBin(d.at.Sub(at))), plausible(u.size, d.size), place != nil})
	}
}

// choose finds the differences that enough plausible pairs have, and those so
// near that they count with them.
func (c *comparison) choose() {
	var all []int32
	for _, p := range c.pairs {
		if p.likely {
			all = append(all, p.delta)
		}
	}
	slices.Sort(all)
	lo, hi := 0, 0
	for i, d := range all {
		if i > 0 && d == all[i-1] {
			continue
		}
		for ; lo < i && all[lo] < d-deltaWidth; lo++ {
		}
		for ; hi < len(all) && all[hi] <= d+deltaWidth; hi++ {
		}
		if hi-lo < fewPairs {
			continue
		}
		from := d - deltaWidth
		if n := len(c.deltas); n > 0 {
			from = max(from, c.deltas[n-1]+1)
		}
		for k := from; k <= d+deltaWidth; k++ {
			c.deltas = append(c.deltas, k)
		}
	}
}

// count is what was seen of one difference of sizes.
type count struct {
	seen, chance float64
	sizes        sizeSet // sizes sent that show it
}

// sizeSet holds up to three different sizes.
type sizeSet struct {
	of [3]uint32
	n  int
}

func (s *sizeSet) add(size uint32) {
	if s.n < len(s.of) && !slices.Contains(s.of[:s.n], size) {
		s.of[s.n] = size
		s.n++
	}
}

// tally is the law over the delays that near accepts.
func (c *comparison) tally(near func(lag uint8) bool) *law {
	var ok [lagBins]bool
	for k := range ok {
		ok[k] = near(uint8(k))
	}
	counts := make([]count, len(c.deltas))
	for i := range c.pairs {
		p := &c.pairs[i]
		switch x := &counts[p.delta]; {
		case !p.likely || !ok[p.lag]:
		case p.shifted:
			x.chance += 1 / float64(len(shifts))
		default:
			x.seen++
			x.sizes.add(p.size)
		}
	}
	c.disprove(counts)
	c.steady(counts, &ok)
	l := &law{delta: make(map[int32]float64), low: math.MaxInt32, high: math.MinInt32}
	l.keep(c.deltas, counts)
	l.least, l.greatest = l.low, l.high
	l.lag = c.delays(l).ratios()
	return l
}

// disprove takes out differences that few of the sizes sent show: what follows
// a message at a size of its own is not that message.
func (c *comparison) disprove(counts []count) {
	need := min(len(sizeSet{}.of), (c.sizes+2)/4)
	var few []int
	for i := range counts {
		lo, hi := beside(c.deltas, i)
		var s sizeSet
		for _, x := range counts[lo:hi] {
			for _, size := range x.sizes.of[:x.sizes.n] {
				s.add(size)
			}
		}
		if s.n < need {
			few = append(few, i)
		}
	}
	for _, i := range few {
		counts[i].seen = 0
	}
}

// beside gives the range of differences within deltaWidth of the i-th.
func beside(deltas []int32, i int) (lo, hi int) {
	for lo = i; lo > 0 && deltas[lo-1] >= deltas[i]-deltaWidth; lo-- {
	}
	for hi = i + 1; hi < len(deltas) && deltas[hi] <= deltas[i]+deltaWidth; hi++ {
	}
	return lo, hi
}

// around sums what was seen within deltaWidth of the i-th difference.
func around(deltas []int32, counts []count, i int) (seen, chance float64) {
	lo, hi := beside(deltas, i)
	for _, x := range counts[lo:hi] {
		seen, chance = seen+x.seen, chance+x.chance
	}
	return seen, chance
}

// keep takes over the differences that stand out from chance: the common ones,
// and rarer ones near the commonest or above it. What a message sets off at its
// recipient (receipts and their answers) follows it at a fixed difference as
// well, but is smaller and looser.
func (l *law) keep(deltas []int32, counts []count) {
	mode, most := commonest(deltas, counts)
	for i, d := range deltas {
		o, c := around(deltas, counts, i)
		common := o-c >= 5*rareShare*most
		if counts[i].seen > 0 && o >= 3*c+2 && o-c >= max(fewPairs, rareShare*most) && (common || d >= mode-rareBelow) {
			l.delta[d] = math.Log(o / (c + 0.3))
			l.most = max(l.most, o-c)
			l.low, l.high = min(l.low, d), max(l.high, d)
		}
	}
}

// commonest gives the difference that stands out most from chance and by how
// many pairs.
func commonest(deltas []int32, counts []count) (mode int32, most float64) {
	for i, d := range deltas {
		if o, c := around(deltas, counts, i); counts[i].seen > 0 && o-c > most {
			mode, most = d, o-c
		}
	}
	return mode, most
}

// delays counts the delays of the pairs that fit a law.
func (c *comparison) delays(l *law) *delays {
	var d delays
	fits := make([]bool, len(c.deltas))
	for k := range l.delta {
		fits[sort.Search(len(c.deltas), func(i int) bool { return c.deltas[i] >= k })] = true
	}
	for i := range c.pairs {
		if p := &c.pairs[i]; fits[p.delta] {
			d.add(int(p.lag), p.shifted)
		}
	}
	return &d
}
