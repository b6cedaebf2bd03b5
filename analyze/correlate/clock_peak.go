package correlate

import (
	"math"
	"slices"
	"time"

	"envelope/capture"
)

const (
	// peakRoom bounds the differences of times that are looked at in all, so
	// that many or busy inputs take seconds at most.
	peakRoom = 200 << 20
	// leastGain is the log likelihood over chance from which a peak counts: it
	// makes up for the 60 s at 20 ms (e^8) and the pairs that are looked at.
	leastGain = 14.0
	// leastLead is how far a peak must be ahead of the next best elsewhere.
	// People write in bouts, so that the differences are not as even as the
	// likelihood presumes; what the best of chance reaches shows it.
	leastLead = 5.0
	// clearGain and clearLead are what counts too: a peak of fewer moments, but
	// nothing like it elsewhere. None of 9,700 comparisons of inputs with their
	// clocks rotated reached both by less than leastGain (laboratory recordings,
	// 2026-11-30).
	clearGain, clearLead = 12.0, 9.0
	// leastMoments is the number of distinct moments that make a peak.
	leastMoments = 5
	// rivalry is how far off a peak is another one rather than its flank.
	rivalry = 2 * time.Second
	// usual is the usual size of differences of clocks: larger ones are less
	// likely, as the square.
	usual = 5 * time.Second
	// apart is the time between moments that count as distinct.
	apart = time.Second
)

// peakWidths are the widths of peaks that are tried: servers pass messages on
// within some milliseconds or, when they ask for keys or wake a client, with
// a spread of hundreds.
var peakWidths = [...]time.Duration{40 * time.Millisecond, 160 * time.Millisecond, 640 * time.Millisecond}

// findPeak looks for the difference of times at which more of what one input
// sent was received at another than chance makes. room bounds the differences
// looked at.
func findPeak(sent, recv []moment, room int) (edge, bool) {
	var best edge
	for _, w := range peakWidths {
		h := newHistogram(w)
		h.fill(sent, recv, room)
		if e := h.peak(); e.score > best.score {
			best = e
		}
	}
	return best, best.score > 0
}

// fill counts all differences; room bounds how many are looked at.
func (h *histogram) fill(sent, recv []moment, room int) {
	step := 1 + reach(sent, recv)*len(peakWidths)/max(1, room)
	k := 0
	for i := 0; i < len(sent); i += step {
		k = h.count(sent[i], recv, k, way{})
	}
}

// way is one of the ways in which something passes from one input to another.
type way struct {
	delay  time.Duration
	growth growthLaw // nil where the sizes do not tell
	back   bool      // what is looked for was sent, and what is at hand received
}

// fillBoth counts how much y's clock is ahead of x's by all that passed between
// them: what one sent and the other received a delay later, and what both
// received at once. A moment counts once, however it shows.
func (h *histogram) fillBoth(x, y *tap, delay time.Duration, growth growthLaw, room int) {
	step := 1 + (reach(x.sent, y.recv)+reach(x.recv, y.sent)+reach(x.news, y.news))*len(peakWidths)/max(1, room)
	var i, k [3]int
	ways := [3]struct {
		of, to []moment
		way
	}{{x.sent, y.recv, way{delay, growth, false}}, {x.recv, y.sent, way{-delay, growth, true}}, {x.news, y.news, way{}}}
	for {
		next := -1
		for w := range ways {
			if i[w] < len(ways[w].of) && (next < 0 || ways[w].of[i[w]].at < ways[next].of[i[next]].at) {
				next = w
			}
		}
		if next < 0 {
			return
		}
		w := &ways[next]
		k[next] = h.count(w.of[i[next]], w.to, k[next], w.way)
		i[next] += step
	}
}

// count counts the differences of one moment from all within reach of it on a
// way. from is how far the list needs not be looked at, and so is what it gives
// back for later moments.
func (h *histogram) count(m moment, list []moment, from int, w way) int {
	for from < len(list) && list[from].at < m.at.Add(w.delay-clockSpan) {
		from++
	}
	for j := from; j < len(list) && list[j].at < m.at.Add(w.delay+clockSpan); j++ {
		o := list[j]
		bin := int((o.at.Sub(m.at) - w.delay + clockSpan) / h.bin)
		if !h.add(bin, m.at, o.at) || w.growth == nil {
			continue
		}
		if w.back {
			h.bonus[bin] += w.growth.of(o.size, m.size)
		} else {
			h.bonus[bin] += w.growth.of(m.size, o.size)
		}
	}
	return from
}

// reach is the number of differences that are looked for.
func reach(sent, recv []moment) int {
	all := 0
	lo, hi := 0, 0
	for _, s := range sent {
		for lo < len(recv) && recv[lo].at < s.at.Add(-clockSpan) {
			lo++
		}
		for hi < len(recv) && recv[hi].at < s.at.Add(clockSpan) {
			hi++
		}
		all += hi - lo
	}
	return all
}

// histogram counts distinct moments by difference of time, in bins of half the
// width of the peak that is looked for.
type histogram struct {
	bin   time.Duration
	found []float64
	bonus []float64      // log likelihood of how messages grew
	last  []capture.Time // sent moment that each bin counted last
	other []capture.Time // received moment that each bin counted last
}

func newHistogram(width time.Duration) *histogram {
	n := int(2*clockSpan/(width/2)) + 1
	h := &histogram{bin: width / 2, found: make([]float64, n), bonus: make([]float64, n), last: make([]capture.Time, n), other: make([]capture.Time, n)}
	for i := range h.last {
		h.last[i], h.other[i] = math.MinInt64/2, math.MinInt64/2 // the first moment counts
	}
	return h
}

// add counts what was seen at two moments, if both are distinct from those that
// the bin counted last: bursts on either side say a thing once. It tells whether
// they are.
func (h *histogram) add(bin int, x, y capture.Time) bool {
	if x.Sub(h.last[bin]) <= apart || y.Sub(h.other[bin]) <= apart {
		return false
	}
	h.found[bin]++
	h.last[bin], h.other[bin] = x, y
	return true
}

// peak gives the best peak, with score 0 where none stands out.
func (h *histogram) peak() edge {
	gain := h.gains()
	best := 0
	for k := range gain {
		at := seconds(time.Duration(k+1)*h.bin-clockSpan) / seconds(usual)
		if gain[k] -= math.Log(1 + at*at); gain[k] > gain[best] {
			best = k
		}
	}
	rival := 0.0
	away := int(rivalry / h.bin)
	for k, g := range gain {
		if k < best-away || k > best+away {
			rival = max(rival, g)
		}
	}
	n := int(h.found[best] + h.found[best+1])
	stands := func(least, lead float64) bool { return gain[best] >= least && gain[best]-rival >= lead }
	if n < leastMoments || !stands(leastGain, leastLead) && !stands(clearGain, clearLead) {
		return edge{}
	}
	return edge{diff: seconds(time.Duration(best+1)*h.bin - clockSpan), width: seconds(2 * h.bin), score: gain[best], n: n}
}

// gains gives what each two neighbouring bins gain.
func (h *histogram) gains() []float64 {
	sums := make([]float64, len(h.found)+1)
	for k, n := range h.found {
		sums[k+1] = sums[k] + n
	}
	out := make([]float64, len(h.found)-1)
	for k := range out {
		out[k] = h.gain(sums, k)
	}
	return out
}

// gain is the log likelihood of the two bins from k on over the level around
// them, within two seconds or a dozen bins.
func (h *histogram) gain(sums []float64, k int) float64 {
	far := max(12, int(2*time.Second/h.bin))
	lo, hi := max(0, k-far), min(len(h.found), k+2+far)
	il, ih := max(lo, k-4), min(hi, k+6)
	bins := float64(hi-lo) - float64(ih-il)
	level := 2 * (sums[hi] - sums[lo] - (sums[ih] - sums[il]) + 0.5) / max(1, bins)
	level = max(level, 2*sums[len(h.found)]/float64(len(h.found))) // few bins around may be empty by luck
	n := sums[k+2] - sums[k]
	if n <= level {
		return 0
	}
	return n*math.Log(n/level) - (n - level) + (1-level/n)*(h.bonus[k]+h.bonus[k+1])
}

// measure looks at every pair of inputs in one group for a peak where the
// others put it, to a few milliseconds.
func (c *comparison) measure(within float64) {
	c.edges = slices.DeleteFunc(c.edges, func(e edge) bool { return !e.tie && e.err == 0 })
	for s, taps := range c.taps {
		for a := range taps {
			for b := range taps {
				if a == b || c.group[a] != c.group[b] {
					continue
				}
				e := edge{a: int32(a), b: int32(b), service: int32(s)}
				if e.peakNear(taps[a].sent, taps[b].recv, c.expected(&e), within) {
					c.edges = append(c.edges, e)
				}
				e.both = true
				if a < b && e.peakNear(taps[a].news, taps[b].news, c.expected(&e), within) {
					c.edges = append(c.edges, e)
				}
			}
		}
	}
}

// closeBy are the distances from the expected place, in seconds, within which a
// peak is looked for, round by round: the link delays come to be known.
var closeBy = [...]float64{0.3, 0.15, 0.1, 0.06}

// level is the distance within which the level of chance is taken, in seconds.
const level = 2.0

// peakNear finds the peak next to the difference expected, if there is one.
func (e *edge) peakNear(sent, recv []moment, diff, within float64) bool {
	list := near(sent, recv, diff, level)
	lo, _ := slices.BinarySearch(list, diff-within)
	hi, _ := slices.BinarySearch(list, diff+within)
	at, n := mode(list[lo:hi])
	chance := (float64(len(list)-(hi-lo)) + 0.5) / (2 * (level - within)) * modeWidth
	if n < 2 || float64(n) <= chance {
		return false
	}
	gain := float64(n)*math.Log(float64(n)/chance) - (float64(n) - chance)
	e.diff, e.n, e.score = at, n, gain
	return gain > nearGain
}

// nearGain is the log likelihood over chance from which a peak next to the
// expected place counts.
const nearGain = 5

// near gives the differences, in seconds and sorted, that are within width of
// diff; each sent frame gives the ones of the frames that follow it there.
func near(sent, recv []moment, diff, width float64) []float64 {
	var out []float64
	lo, hi := time.Duration((diff-width)*1e9), time.Duration((diff+width)*1e9)
	k := 0
	for _, s := range sent {
		for k < len(recv) && recv[k].at < s.at.Add(lo) {
			k++
		}
		for j := k; j < len(recv) && recv[j].at <= s.at.Add(hi) && len(out) < nearRoom; j++ {
			out = append(out, seconds(recv[j].at.Sub(s.at)))
		}
	}
	slices.Sort(out)
	return out
}

// nearRoom bounds the differences from which a peak is measured.
const nearRoom = 1 << 18

// modeWidth is the width within which a peak is centred: the jitter of a link.
const modeWidth = 0.025

// mode gives the place where sorted numbers are densest, and how many are there.
func mode(list []float64) (at float64, n int) {
	j := 0
	from := 0
	for i := range list {
		for j < len(list) && list[j] <= list[i]+modeWidth {
			j++
		}
		if j-i > n {
			n, from = j-i, i
		}
	}
	if n == 0 {
		return 0, 0
	}
	return median(slices.Clone(list[from : from+n])), n
}
