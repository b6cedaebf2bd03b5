package infer

import (
	"math"
	"slices"
)

// What answers a message is of nearly one size whatever was written; what passes
// it on grows with it. These functions tell the two apart.

const (
	// answerSpan is the share of the variety of sizes sent below which a
	// difference of sizes speaks of an answer: what is passed on shows all sizes
	// alike, a receipt only those that happen to differ from it by so much.
	answerSpan = 0.4
	// peakWidth is how far sizes of one kind lie apart at one client, one part
	// in 100: names and counters in a signal.
	peakWidth = 100
)

// steady takes out differences well below the commonest that only units of
// nearly one size show although others like them are sent as well: there, what
// follows has a size of its own. ok tells the delays that count.
func (c *comparison) steady(counts []count, ok *[lagBins]bool) {
	mode, most := commonest(c.deltas, counts)
	sent := make(map[int][]uint32)
	for i, d := range c.deltas {
		if o, x := around(c.deltas, counts, i); d < mode-rareBelow && o-x > 0 && o-x >= 5*rareShare*most {
			sent[i] = nil
		}
	}
	if len(sent) == 0 {
		return
	}
	c.showing(sent, ok)
	for i, s := range sent {
		if len(s) > 0 && float64(variety(s)) < answerSpan*float64(variety(c.like(s[len(s)/2]))) {
			counts[i].seen = 0
		}
	}
}

// showing adds to each difference in sent the sizes of the units up that show
// it, ascending.
func (c *comparison) showing(sent map[int][]uint32, ok *[lagBins]bool) {
	for i := range c.pairs {
		p := &c.pairs[i]
		if p.shifted || !p.likely || !ok[p.lag] {
			continue
		}
		lo, hi := beside(c.deltas, int(p.delta))
		for k := lo; k < hi; k++ {
			if s, is := sent[k]; is {
				sent[k] = append(s, p.size)
			}
		}
	}
	for _, s := range sent {
		slices.Sort(s)
	}
}

// like gives the sizes sent from three quarters of m to four thirds.
func (c *comparison) like(m uint32) []uint32 {
	lo, _ := slices.BinarySearch(c.ups, m-m/4)
	hi, _ := slices.BinarySearch(c.ups, m+min(m/3, math.MaxUint32-m))
	return c.ups[lo:hi]
}

// variety is the difference between the sizes four fifths and one fifth of the way
// through an ascending list, which lone ones do not move.
func variety(sizes []uint32) uint32 {
	n := len(sizes)
	if n == 0 {
		return 0
	}
	return sizes[n*4/5] - sizes[n/5]
}

// peaked is the share of the pairs of an ascending list of sizes that lie within
// one part in peakWidth of each other: 1 for a signal, the sum of squared shares
// for several kinds of signals, little for what people write.
func peaked(sizes []uint32) float64 {
	n, hi, pairs := len(sizes), 0, 0
	for i, s := range sizes {
		for hi = max(hi, i); hi < n && sizes[hi]-s <= s/peakWidth; hi++ {
		}
		pairs += hi - i - 1
	}
	return float64(2*pairs) / float64(max(1, n*(n-1)))
}

// loose is what speaks against a family's being made of signals: little where
// its units are of few sizes, but something, as people who are asked the same
// may answer the same.
func (f *family) loose() float64 {
	return (1.05 - f.peaked) * (1.05 - f.peaked)
}
