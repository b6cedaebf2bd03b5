package correlate

import (
	"math"
	"math/bits"
	"slices"
)

// channelLaw is how the messages of a list show: after which delay, of which
// size and kind, by the direction of the event (0 received, 1 sent).
type channelLaw struct {
	bin   float64 // seconds
	delay [2]window
	text  [2]fit
	bulk  [2]fit
	kind  [2][2][2]float64 // likelihood ratio by direction, kind listed, kind of the event
}

// fit is a relation of sizes: those of events scatter around base+slope*size by
// the law of Laplace; in nats where log is set.
type fit struct {
	known       bool
	log         bool
	base, slope float64
	scatter     float64 // mean absolute difference
}

// learnLaw learns delay first, as it tells which units to learn the rest from.
func (c *channel) learnLaw(list []Listed, pairs []unitPairs) *channelLaw {
	law := &channelLaw{bin: seconds(c.bin)}
	weight := make([]float64, len(pairs))
	for dir := range law.delay {
		law.delay[dir] = c.learnDelay(len(list), pairs, uint8(dir), weight)
	}
	for dir := range law.delay {
		law.kind[dir] = c.learnKinds(list, pairs, weight, law.delay[dir], uint8(dir))
		law.text[dir] = c.learnSizes(list, pairs, weight, law.delay[dir], uint8(dir), Message)
		law.bulk[dir] = c.learnSizes(list, pairs, weight, law.delay[dir], uint8(dir), Media)
	}
	return law
}

// learnDelay finds the window of delays in which the units have more messages
// than the level around it explains, by the likelihood ratio of two Poisson
// laws (Kulldorff's scan statistic), each unit taken to be a member with a
// probability of one in all. It raises weight to that of each unit.
func (c *channel) learnDelay(n int, pairs []unitPairs, dir uint8, weight []float64) window {
	hits := make([][][3]uint64, len(pairs))
	rates := make([]float64, len(pairs))
	for i := range pairs {
		hits[i], rates[i] = c.hits(&pairs[i], dir, n)
	}
	prior := 1 / float64(1+len(pairs))
	best, at := 0.0, window{int(clockSlack / c.bin), int(clockSlack/c.bin) + int((c.o.Resolution+clockSlack/5)/c.bin)}
	at.to = min(at.to, c.bins)
	for _, w := range c.grid {
		mask := maskOf(w)
		var sum float64
		for i := range hits {
			if t := excess(hits[i], mask, n, rates[i]*float64(w.to-w.from)); t > 0 {
				sum += math.Log1p(prior * (math.Exp(min(t, 300)) - 1))
			}
		}
		if sum > best {
			best, at = sum, w
		}
	}
	for i := range hits {
		t := excess(hits[i], maskOf(at), n, rates[i]*float64(at.to-at.from))
		e := prior * math.Exp(min(t, 300))
		weight[i] = max(weight[i], e/(1-prior+e))
	}
	return at
}

// hits gives, for each message that has any event near it, the bins of their
// delays, and how many a bin has in the mean.
func (c *channel) hits(p *unitPairs, dir uint8, n int) (out [][3]uint64, rate float64) {
	marks := c.units[p.unit].marks
	last, count := int32(-1), 0
	for _, x := range p.pairs {
		if marks[x.mark].dir != dir {
			continue
		}
		if x.msg != last {
			out, last = append(out, [3]uint64{}), x.msg
		}
		out[len(out)-1][x.bin/64] |= 1 << (x.bin % 64)
		count++
	}
	return out, float64(count) / float64(n*c.bins)
}

func maskOf(w window) (m [3]uint64) {
	for b := w.from; b < w.to; b++ {
		m[b/64] |= 1 << (b % 64)
	}
	return m
}

// excess is the logarithm of the likelihood ratio for as many messages with an
// event in the window against the mean number.
func excess(hits [][3]uint64, mask [3]uint64, n int, mean float64) float64 {
	var k float64
	for i := range hits {
		if bits.OnesCount64(hits[i][0]&mask[0])+bits.OnesCount64(hits[i][1]&mask[1])+bits.OnesCount64(hits[i][2]&mask[2]) > 0 {
			k++
		}
	}
	expected := float64(n) * (1 - math.Exp(-mean))
	if k <= expected {
		return 0
	}
	return k*math.Log(k/expected) - (k - expected)
}

// shoulder is the share of delays outside the window that was learned, on each
// side within half of its width.
const shoulder = 0.05

// density is that of a delay, per second.
func (l *channelLaw) density(dir uint8, bin int) float64 {
	w := l.delay[dir]
	width := float64(w.to - w.from)
	if width == 0 {
		return 0
	}
	switch half := width / 2; {
	case bin >= w.from && bin < w.to:
		return (1 - 2*shoulder) / (width * l.bin)
	case float64(bin) >= float64(w.from)-half && float64(bin) < float64(w.to)+half:
		return shoulder / (half * l.bin)
	}
	return 0
}

// ratio is that of an event being this message against its being of something
// else that the unit does.
func (l *channelLaw) ratio(m *Listed, u *unit, e *unitMark, bin int) float64 {
	d := l.density(e.dir, bin)
	if d == 0 {
		return 0
	}
	r := d / e.rate * l.sizes(m, u, e)
	if m.Known {
		r *= l.kind[e.dir][m.Kind][e.kind]
	}
	return e.conf * r
}

// sizes is the ratio by size.
func (l *channelLaw) sizes(m *Listed, u *unit, e *unitMark) float64 {
	x, y, f := float64(m.Size), e.size, &l.text[e.dir]
	if e.kind == Media && e.bulk > 0 {
		y, f = e.bulk, &l.bulk[e.dir]
	}
	if !f.known || x == 0 || y == 0 || m.Known && m.Kind != e.kind {
		return 1
	}
	// An odd size is no proof against: replies, edits and previews change it.
	const odd = 0.1
	diff := math.Abs(f.of(y) - f.base - f.slope*f.of(x))
	if f.log {
		// Against a spread of attachments over some e-folds.
		return odd + (1-odd)*min(50, 4*math.Exp(-diff/f.scatter)/(2*f.scatter))
	}
	return odd + (1-odd)*min(50, math.Exp(-diff/f.scatter)/(2*f.scatter)/u.common(e.dir, y, f.scatter))
}

func (f *fit) of(x float64) float64 {
	if f.log {
		return math.Log(x)
	}
	return x
}

// common is the density of a size among the unit's own events, per byte.
func (u *unit) common(dir uint8, y, scatter float64) float64 {
	list := u.sizes[dir]
	reach := max(2*scatter, 8)
	lo, _ := slices.BinarySearch(list, y-reach)
	hi, _ := slices.BinarySearch(list, y+reach)
	// One event is the prior, spread over the frames that texts have.
	const spread = 1000
	return (float64(hi-lo) + min(1, 2*reach/spread)) / (float64(len(list)+1) * 2 * reach)
}

// learnKinds counts how often a kind shows as which.
func (c *channel) learnKinds(list []Listed, pairs []unitPairs, weight []float64, w window, dir uint8) (out [2][2]float64) {
	var joint [2][2]float64
	own := c.kinds[dir]
	c.within(pairs, weight, w, dir, func(x listPair, e *unitMark, p float64) {
		if m := &list[x.msg]; m.Known {
			joint[m.Kind][e.kind] += p
		}
	})
	// Weak: some lists call media what goes as a link in a text.
	const prior = 4
	for k := range joint {
		sum := joint[k][0] + joint[k][1]
		for e := range 2 {
			share := own[e] / (own[0] + own[1])
			out[k][e] = (joint[k][e] + prior*share) / (sum + prior) / share
		}
	}
	return out
}

// within calls f for the pairs in the window of the units that are more likely
// members than not, with how likely.
func (c *channel) within(pairs []unitPairs, weight []float64, w window, dir uint8, f func(listPair, *unitMark, float64)) {
	for i := range pairs {
		if weight[i] < 0.5 {
			continue
		}
		for _, x := range pairs[i].pairs {
			e := &c.units[pairs[i].unit].marks[x.mark]
			if e.dir == dir && int(x.bin) >= w.from && int(x.bin) < w.to {
				f(x, e, weight[i])
			}
		}
	}
}

// leastSizes is the number of pairs below which no relation of sizes is learned.
const leastSizes = 8

// learnSizes fits the sizes of events to those listed, by least absolute
// differences (iterated weighted least squares). Texts have a slope, as the
// frame grows by what is written and by what wraps it; attachments grow by a
// factor.
func (c *channel) learnSizes(list []Listed, pairs []unitPairs, weight []float64, w window, dir uint8, kind Kind) fit {
	var xs, ys, ps []float64
	f := fit{log: kind == Media, slope: 1}
	c.within(pairs, weight, w, dir, func(x listPair, e *unitMark, p float64) {
		m := &list[x.msg]
		y := e.size
		if kind == Media {
			y = e.bulk
		}
		if e.kind == kind && m.Size > 0 && y > 0 && (!m.Known || m.Kind == kind) {
			xs, ys, ps = append(xs, f.of(float64(m.Size))), append(ys, f.of(y)), append(ps, p)
		}
	})
	if len(xs) < leastSizes {
		return f
	}
	least := 4.0 // bytes: what compression and counters do
	if f.log {
		least = 0.02
	}
	f.known = f.absolute(xs, ys, ps, least)
	return f
}

// absolute fits by least absolute differences, and tells whether there is a
// relation: growing, and better than none.
func (f *fit) absolute(xs, ys, ps []float64, least float64) bool {
	w := slices.Clone(ps)
	for range 15 {
		var sw, sx, sy, sxx, sxy float64
		for i := range xs {
			sw, sx, sy = sw+w[i], sx+w[i]*xs[i], sy+w[i]*ys[i]
			sxx, sxy = sxx+w[i]*xs[i]*xs[i], sxy+w[i]*xs[i]*ys[i]
		}
		if d := sw*sxx - sx*sx; !f.log && d > 0 {
			f.slope = max(0, min(4, (sw*sxy-sx*sy)/d))
		}
		f.base = (sy - f.slope*sx) / sw
		f.scatter = 0
		var sp float64
		for i := range xs {
			diff := math.Abs(ys[i] - f.base - f.slope*xs[i])
			f.scatter, sp = f.scatter+ps[i]*diff, sp+ps[i]
			w[i] = ps[i] / max(diff, least)
		}
		f.scatter = max(f.scatter/sp, least)
	}
	return f.slope > 0
}
