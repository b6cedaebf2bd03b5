package correlate

import (
	"cmp"
	"slices"
	"time"

	"envelope/capture"
)

// Span is a moment as an input writes it: somewhere in [At, At+Unit).
type Span struct {
	At   capture.Time
	Unit time.Duration
}

// Apart is how far t lies outside of s.
func (s Span) Apart(t capture.Time) time.Duration {
	return max(0, s.At.Sub(t), t.Sub(s.At.Add(s.Unit)))
}

// crowded is how many pairs are weighed for each span and moment. Where there
// are more, all lie within each other's reach, and the order is all that tells.
const crowded = 32

// Nearest ties spans to moments one to one, where they are at most reach apart
// and may (nil for always) allows it. Both are in order of time; it gives for
// each span the index of its moment, -1 for none. The closest go first: a burst
// pairs up in order then, and what one side lacks leaves the others in their place.
func Nearest(spans []Span, moments []capture.Time, reach time.Duration, may func(span, moment int) bool) []int {
	out := make([]int, len(spans))
	for i := range out {
		out[i] = -1
	}
	taken := make([]bool, len(moments))
	tie := func(i, k int) {
		if out[i] < 0 && !taken[k] && (may == nil || may(i, k)) {
			out[i], taken[k] = k, true
		}
	}
	pairs, all := nearPairs(spans, moments, reach)
	if !all {
		inOrder(spans, moments, reach, taken, tie)
		return out
	}
	slices.SortStableFunc(pairs, func(x, y nearPair) int { return cmp.Compare(x.apart, y.apart) })
	for _, p := range pairs {
		tie(int(p.span), int(p.moment))
	}
	return out
}

type nearPair struct {
	span, moment int32
	apart        time.Duration
}

// nearPairs lists what lies within reach, false where that is too much to weigh.
func nearPairs(spans []Span, moments []capture.Time, reach time.Duration) (out []nearPair, all bool) {
	from := 0
	for i, s := range spans {
		for from < len(moments) && moments[from] < s.At.Add(-reach) {
			from++
		}
		for k := from; k < len(moments) && moments[k] <= s.At.Add(s.Unit+reach); k++ {
			out = append(out, nearPair{int32(i), int32(k), s.Apart(moments[k])})
		}
		if len(out) > crowded*(len(spans)+len(moments)) {
			return nil, false
		}
	}
	return out, true
}

// inOrder ties each span to the first free moment within its reach.
func inOrder(spans []Span, moments []capture.Time, reach time.Duration, taken []bool, tie func(span, moment int)) {
	from := 0
	for i, s := range spans {
		for from < len(moments) && (taken[from] || moments[from] < s.At.Add(-reach)) {
			from++
		}
		for k := from; k < min(len(moments), from+crowded) && moments[k] <= s.At.Add(s.Unit+reach); k++ {
			tie(i, k)
		}
	}
}
