package evaluate

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"envelope/analyze/correlate"
	"envelope/capture"
)

// Comparison is a message log of ours beside the record of an operator.
type Comparison struct {
	Ours, Theirs int
	// Offset is what was added to our times to bring them to their clock.
	Offset time.Duration
	// Names gives for each name of ours the one of theirs that it was taken for,
	// by what both have at the same times.
	Names map[string]string

	Recovered []Pairing // rows of theirs that ours has
	Missed    []LogRow  // rows of theirs that ours lacks
	Invented  []LogRow  // rows of ours that theirs lacks

	// Of the recovered: whether the recipients are the same, others, or not
	// visible to us. Part counts groups of which some members are right and none
	// is wrong.
	Right, Part, Wrong, Unseen int
}

// Pairing is one message in both logs.
type Pairing struct{ Ours, Theirs LogRow }

// How far the rows of one message may lie apart once the clocks agree: a record
// is of the server, a capture of a link before it, and stamps are whole seconds
// in some.
const apartMost = 2 * time.Second

// Compare lays two message logs side by side. Nothing but times tells who of
// ours is who of theirs, unless the names are the same: each name is taken for
// the one with which most of its moments are shared, one to one.
func Compare(ours, theirs []LogRow) *Comparison {
	ours, theirs = slices.Clone(ours), slices.Clone(theirs)
	byTime := func(x, y LogRow) int { return cmp.Compare(x.Time, y.Time) }
	slices.SortStableFunc(ours, byTime)
	slices.SortStableFunc(theirs, byTime)
	c := &Comparison{Ours: len(ours), Theirs: len(theirs)}
	unit := unitOf(theirs)
	back, _ := correlate.Shift([]correlate.Strand{{Lines: thinned(times(theirs), clockRows), True: times(ours), Unit: unit}})
	c.Offset = -back
	for i := range ours {
		ours[i].Time = ours[i].Time.Add(c.Offset)
	}
	c.Names = sameNames(ours, theirs, unit)
	c.pairUp(ours, theirs, unit)
	return c
}

func times(list []LogRow) []capture.Time {
	out := make([]capture.Time, len(list))
	for i := range list {
		out[i] = list[i].Time
	}
	return out
}

// unitOf is a second where all times are whole seconds.
func unitOf(list []LogRow) time.Duration {
	for i := range list {
		if int64(list[i].Time)%int64(time.Second) != 0 {
			return 0
		}
	}
	return time.Second
}

// How many rows are enough to tell the clock of a log, and who is who in it.
const (
	clockRows = 1000
	nameRows  = 10_000
)

// thinned gives at most n of a list, evenly chosen.
func thinned[T any](list []T, n int) []T {
	step := (len(list) + n - 1) / n
	if step <= 1 {
		return list
	}
	var out []T
	for i := 0; i < len(list); i += step {
		out = append(out, list[i])
	}
	return out
}

// closeRows calls do with each two rows that lie close enough in time.
func closeRows(ours, theirs []LogRow, unit time.Duration, do func(a, b *LogRow)) {
	from := 0
	for i := range ours {
		t := ours[i].Time
		for from < len(theirs) && theirs[from].Time < t.Add(-apartMost-unit) {
			from++
		}
		for k := from; k < len(theirs) && theirs[k].Time <= t.Add(apartMost); k++ {
			do(&ours[i], &theirs[k])
		}
	}
}

// sameNames gives for each name of ours that of theirs.
func sameNames(ours, theirs []LogRow, unit time.Duration) map[string]string {
	type two struct{ a, b string }
	shared := map[two]int{}
	sent := [2]map[string]int{counts(ours), counts(theirs)}
	closeRows(thinned(ours, nameRows), theirs, unit, func(a, b *LogRow) {
		if a.Sender != "" && b.Sender != "" {
			shared[two{a.Sender, b.Sender}]++
		}
		if len(a.Recipients) == 1 && len(b.Recipients) == 1 {
			shared[two{a.Recipients[0], b.Recipients[0]}]++
		}
	})
	// The share of moments in common, of the one who has fewer the less: a busy
	// sender shares some with everybody.
	type scored struct {
		two
		score float64
	}
	list := make([]scored, 0, len(shared))
	for x, times := range shared {
		n := float64(min(times, sent[0][x.a], sent[1][x.b]))
		s := scored{x, n * n / float64(sent[0][x.a]*sent[1][x.b])}
		if x.a == x.b {
			s.score = 2
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(x, y scored) int {
		return cmp.Or(cmp.Compare(y.score, x.score), strings.Compare(x.a, y.a), strings.Compare(x.b, y.b))
	})
	names, taken := map[string]string{}, map[string]bool{}
	for _, x := range list {
		if _, done := names[x.a]; !done && !taken[x.b] {
			names[x.a], taken[x.b] = x.b, true
		}
	}
	return names
}

// counts tells how often each name stands in rows, as one end of them.
func counts(list []LogRow) map[string]int {
	n := map[string]int{}
	for i := range list {
		n[list[i].Sender]++
		if len(list[i].Recipients) == 1 {
			n[list[i].Recipients[0]]++
		}
	}
	return n
}

// pairUp ties the rows of each sender, and then those of ours whose sender is
// not visible to what is left of the record.
func (c *Comparison) pairUp(ours, theirs []LogRow, unit time.Duration) {
	mine, other := make([]bool, len(ours)), make([]bool, len(theirs))
	of, by := bySender(ours), bySender(theirs)
	for a, b := range c.Names {
		if a != "" {
			c.tie(ours, theirs, of[a], by[b], unit, mine, other)
		}
	}
	var rest []int
	for k := range theirs {
		if !other[k] {
			rest = append(rest, k)
		}
	}
	c.tie(ours, theirs, of[""], rest, unit, mine, other)
	slices.SortStableFunc(c.Recovered, func(x, y Pairing) int {
		return cmp.Or(cmp.Compare(x.Theirs.Time, y.Theirs.Time), cmp.Compare(x.Theirs.Line, y.Theirs.Line))
	})
	c.Invented, c.Missed = unpaired(ours, mine), unpaired(theirs, other)
}

// bySender gives the places of the rows of each sender.
func bySender(list []LogRow) map[string][]int {
	out := map[string][]int{}
	for i := range list {
		out[list[i].Sender] = append(out[list[i].Sender], i)
	}
	return out
}

// tie ties rows at the places given, the closest first.
func (c *Comparison) tie(ours, theirs []LogRow, of, by []int, unit time.Duration, mine, other []bool) {
	spans, moments := make([]correlate.Span, len(by)), make([]capture.Time, len(of))
	for n, k := range by {
		spans[n] = correlate.Span{At: theirs[k].Time, Unit: unit}
	}
	for n, i := range of {
		moments[n] = ours[i].Time
	}
	for n, m := range correlate.Nearest(spans, moments, apartMost, nil) {
		if m < 0 {
			continue
		}
		i, k := of[m], by[n]
		mine[i], other[k] = true, true
		c.Recovered = append(c.Recovered, Pairing{ours[i], theirs[k]})
		c.recipients(&ours[i], &theirs[k])
	}
}

func unpaired(list []LogRow, done []bool) []LogRow {
	var out []LogRow
	for i := range list {
		if !done[i] {
			out = append(out, list[i])
		}
	}
	return out
}

// recipients compares whom a message went to.
func (c *Comparison) recipients(ours, theirs *LogRow) {
	if len(ours.Recipients) == 0 || len(theirs.Recipients) == 0 {
		c.Unseen++
		return
	}
	right := 0
	for _, name := range ours.Recipients {
		if slices.Contains(theirs.Recipients, cmp.Or(c.Names[name], name)) {
			right++
		}
	}
	switch {
	case right < len(ours.Recipients):
		c.Wrong++
	case right < len(theirs.Recipients):
		c.Part++
	default:
		c.Right++
	}
}
