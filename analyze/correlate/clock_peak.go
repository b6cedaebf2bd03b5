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
func findPeak(sent, recv []capture.Time, room int) (edge, bool) {
	var best edge
	for _, w := range peakWidths {
		h := newHistogram(w)
		h.fill(sent, recv, room, 0, 1)
		if e := peak(h); e.score > best.score {
			best = e
		}
	}
	return best, best.score > 0
}

// fill counts all differences but for a delay, with a sign; room bounds how many
// are looked at.
func (h *histogram) fill(sent, recv []capture.Time, room int, delay time.Duration, sign time.Duration) {
	step := thinning(sent, recv, room)
	k := 0
	for i := 0; i < len(sent); i += step {
		s := sent[i].Add(delay)
		for k < len(recv) && recv[k] < s.Add(-clockSpan) {
			k++
		}
		for j := k; j < len(recv) && recv[j] < s.Add(clockSpan); j++ {
			h.add(s, recv[j], sign*recv[j].Sub(s))
		}
	}
}

// thinning gives every which sent frame is looked at.
func thinning(sent, recv []capture.Time, room int) int {
	all := 0
	lo, hi := 0, 0
	for _, s := range sent {
		for lo < len(recv) && recv[lo] < s.Add(-clockSpan) {
			lo++
		}
		for hi < len(recv) && recv[hi] < s.Add(clockSpan) {
			hi++
		}
		all += hi - lo
	}
	return 1 + all*len(peakWidths)/max(1, room)
}

// histogram counts distinct moments by difference of time, in bins of half the
// width of the peak that is looked for.
type histogram struct {
	bin   time.Duration
	count []float64
	last  []capture.Time // sent moment that each bin counted last
	other []capture.Time // received moment that each bin counted last
}

func newHistogram(width time.Duration) *histogram {
	n := int(2*clockSpan/(width/2)) + 1
	h := &histogram{bin: width / 2, count: make([]float64, n), last: make([]capture.Time, n), other: make([]capture.Time, n)}
	h.forget()
	return h
}

// forget makes the next moment count in all bins.
func (h *histogram) forget() {
	for i := range h.last {
		h.last[i], h.other[i] = math.MinInt64/2, math.MinInt64/2
	}
}

// add counts what was sent and received at two moments, if both are distinct
// from those that the bin counted last: bursts on either side say a thing once.
func (h *histogram) add(sent, recv capture.Time, d time.Duration) {
	if k := int((d + clockSpan) / h.bin); sent.Sub(h.last[k]) > apart && recv.Sub(h.other[k]) > apart {
		h.count[k]++
		h.last[k], h.other[k] = sent, recv
	}
}

// peak gives the best peak that histograms of one width show together, with score
// 0 where none stands out.
func peak(hs ...*histogram) edge {
	bin := hs[0].bin
	gain := make([]float64, len(hs[0].count))
	for _, h := range hs {
		h.addGain(gain)
	}
	best := 0
	for k := range gain {
		at := seconds(time.Duration(k+1)*bin-clockSpan) / seconds(usual)
		if gain[k] -= math.Log(1 + at*at); gain[k] > gain[best] {
			best = k
		}
	}
	rival := 0.0
	away := int(rivalry / bin)
	for k, g := range gain {
		if k < best-away || k > best+away {
			rival = max(rival, g)
		}
	}
	n := 0
	for _, h := range hs {
		n += int(h.count[best] + h.count[min(best+1, len(h.count)-1)])
	}
	if gain[best] < leastGain || gain[best]-rival < leastLead || n < leastMoments {
		return edge{}
	}
	return edge{diff: seconds(time.Duration(best+1)*bin - clockSpan), width: seconds(2 * bin), score: gain[best], n: n}
}

// addGain adds what each two neighbouring bins gain.
func (h *histogram) addGain(gain []float64) {
	sums := make([]float64, len(h.count)+1)
	for k, n := range h.count {
		sums[k+1] = sums[k] + n
	}
	for k := 0; k+1 < len(h.count); k++ {
		gain[k] += h.gain(sums, k)
	}
}

// gain is the log likelihood of the two bins from k on over the level around
// them, within two seconds or a dozen bins.
func (h *histogram) gain(sums []float64, k int) float64 {
	far := max(12, int(2*time.Second/h.bin))
	lo, hi := max(0, k-far), min(len(h.count), k+2+far)
	il, ih := max(lo, k-4), min(hi, k+6)
	bins := float64(hi-lo) - float64(ih-il)
	level := 2 * (sums[hi] - sums[lo] - (sums[ih] - sums[il]) + 0.5) / max(1, bins)
	level = max(level, 2*sums[len(h.count)]/float64(len(h.count))) // few bins around may be empty by luck
	n := sums[k+2] - sums[k]
	if n <= level {
		return 0
	}
	return n*math.Log(n/level) - (n - level)
}

// attach joins groups of inputs that no peak each way connects, by all that
// passed between them in both directions, at the delay that is known from others.
// The clearest come first.
func (c *comparison) attach() {
	tried := map[[2]int32]bool{}
	for {
		var best edge
		groups := c.groups()
		for i, a := range groups {
			for _, b := range groups[i+1:] {
				if tried[[2]int32{a, b}] {
					continue
				}
				e := c.between(a, b)
				if e.score == 0 {
					tried[[2]int32{a, b}] = true
				} else if e.score > best.score {
					best, best.a, best.b = e, a, b
				}
			}
		}
		if best.score == 0 {
			return
		}
		c.join(best.a, best.b, best.diff)
		c.edges = append(c.edges, edge{a: best.a, b: best.b, both: true, err: best.width, n: best.n, score: best.score, diff: c.offset[best.a] - c.offset[best.b]})
		for k := range tried {
			if k[0] == best.a || k[1] == best.a {
				delete(tried, k)
			}
		}
	}
}

// groups lists the references of all groups.
func (c *comparison) groups() []int32 {
	var out []int32
	for i, g := range c.group {
		if g == int32(i) {
			out = append(out, g)
		}
	}
	return out
}

// pooled gives what all inputs of a group saw of a messenger, by one clock.
func (c *comparison) pooled(service int, group int32) tap {
	var out tap
	for i := range c.taps[service] {
		if c.group[i] != group {
			continue
		}
		t := &c.taps[service][i]
		move := time.Duration(c.offset[i] * 1e9)
		for _, at := range t.sent {
			out.sent = append(out.sent, at.Add(move))
		}
		for _, at := range t.recv {
			out.recv = append(out.recv, at.Add(move))
		}
		for _, at := range t.news {
			out.news = append(out.news, at.Add(move))
		}
	}
	slices.Sort(out.sent)
	slices.Sort(out.recv)
	slices.Sort(out.news)
	return out
}

// between finds what to add to the times of group b for the clock of group a.
// What passed one way or the other counts, and what both received at once: the
// messages of a group they share, the presence of a common contact.
func (c *comparison) between(a, b int32) edge {
	const room = peakRoom / pooledShare
	var best edge
	for s := range c.taps {
		if !c.timed[s] {
			continue
		}
		x, y := c.pooled(s, a), c.pooled(s, b)
		if min(len(x.sent)+len(y.sent), len(x.recv)+len(y.recv), len(x.sent)+len(x.recv), len(y.sent)+len(y.recv)) < fewestFrames {
			continue
		}
		delay := time.Duration(c.delay[s] * 1e9)
		for _, w := range peakWidths {
			h, both := newHistogram(w), newHistogram(w)
			h.fill(x.sent, y.recv, room, delay, -1)
			h.forget()
			h.fill(y.sent, x.recv, room, delay, 1)
			both.fill(y.news, x.news, room, 0, 1)
			if e := peak(h, both); e.score > best.score {
				best = e
			}
		}
	}
	return best
}

// pooledShare is the part of the room that one comparison of groups takes.
const pooledShare = 64

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
func (e *edge) peakNear(sent, recv []capture.Time, diff, within float64) bool {
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
func near(sent, recv []capture.Time, diff, width float64) []float64 {
	var out []float64
	lo, hi := time.Duration((diff-width)*1e9), time.Duration((diff+width)*1e9)
	k := 0
	for _, s := range sent {
		for k < len(recv) && recv[k] < s.Add(lo) {
			k++
		}
		for j := k; j < len(recv) && recv[j] <= s.Add(hi) && len(out) < nearRoom; j++ {
			out = append(out, seconds(recv[j].Sub(s)))
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
