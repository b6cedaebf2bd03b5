package analyze

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"envelope/analyze/correlate"
	"envelope/analyze/infer"
	"envelope/capture"
)

// socketPair is the two ends of a flow in a fixed order.
type socketPair struct {
	proto uint8
	a, b  netip.AddrPort
}

func socketsOf(f *capture.Flow) socketPair {
	if f.Client.Compare(f.Server) <= 0 {
		return socketPair{f.Proto, f.Client, f.Server}
	}
	return socketPair{f.Proto, f.Server, f.Client}
}

// twins finds flows that several inputs show, by their sockets and the sequence
// of their lengths, and what their packets say of the clocks.
func (t *taps) twins(all []*conn) []correlate.Tie {
	by := map[socketPair][]*conn{}
	var order []socketPair
	for _, c := range all {
		k := socketsOf(c.Flow)
		if by[k] == nil {
			order = append(order, k)
		}
		by[k] = append(by[k], c)
	}
	steps := map[[2]int32]*meeting{}
	for _, k := range order {
		if len(by[k]) > 1 {
			t.compare(by[k], steps)
		}
	}
	return tiesOf(steps)
}

// meeting gathers the differences of times of packets that two inputs share.
type meeting struct {
	free []step // of packets both ways, free of the delay between the taps
	one  []step // of flows that show one direction only
}

// step is one packet seen twice.
type step struct {
	at   capture.Time // at the higher input
	diff time.Duration
}

// take enters the packets of one flow. A packet up is later at one tap by what
// it takes from the other, one down is earlier by as much: the mean of two that
// are near in time is free of it.
func (m *meeting) take(pairs []double) {
	var up, down []step
	for _, p := range pairs {
		s := step{p.y.at, p.y.at.Sub(p.x.at)}
		if p.up {
			up = append(up, s)
		} else {
			down = append(down, s)
		}
	}
	if len(up) == 0 || len(down) == 0 {
		m.one = append(m.one, append(up, down...)...)
		return
	}
	slices.SortStableFunc(up, earlierStep)
	slices.SortStableFunc(down, earlierStep)
	k := 0
	for _, u := range up {
		for k+1 < len(down) && down[k+1].at.Sub(u.at).Abs() <= down[k].at.Sub(u.at).Abs() {
			k++
		}
		m.free = append(m.free, step{u.at, (u.diff + down[k].diff) / 2})
	}
}

func earlierStep(x, y step) int { return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.diff, y.diff)) }

// maxTwins bounds the flows of one pair of sockets that are compared.
const maxTwins = 64

// compare looks at all flows between two sockets, in the order of their inputs.
func (t *taps) compare(list []*conn, steps map[[2]int32]*meeting) {
	list = list[:min(len(list), maxTwins)]
	for i, x := range list {
		for _, y := range list[i+1:] {
			a, b := x.Flow.FirstAt.Input, y.Flow.FirstAt.Input
			if a == b {
				continue
			}
			if a > b {
				x, y, a, b = y, x, b, a
			}
			pairs := matchFlows(x.Flow, y.Flow)
			if pairs == nil {
				continue
			}
			m := steps[[2]int32{a, b}]
			if m == nil {
				m = &meeting{}
				steps[[2]int32{a, b}] = m
			}
			m.take(pairs)
			for _, p := range pairs {
				t.same[p.x.origin] = append(t.same[p.x.origin], p.y.origin)
				t.same[p.y.origin] = append(t.same[p.y.origin], p.x.origin)
			}
			t.copies[x.Flow.ID] = append(t.copies[x.Flow.ID], y)
			t.copies[y.Flow.ID] = append(t.copies[y.Flow.ID], x)
		}
	}
}

// tiesOf gives the difference of clocks of each two inputs that share packets.
func tiesOf(steps map[[2]int32]*meeting) []correlate.Tie {
	var keys [][2]int32
	for k := range steps {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y [2]int32) int { return slices.Compare(x[:], y[:]) })
	var out []correlate.Tie
	for _, k := range keys {
		m := steps[k]
		list, rough := m.free, false
		if len(list) == 0 {
			list, rough = m.one, true
		}
		l := lineOf(list)
		tie := correlate.Tie{A: k[0], B: k[1], Matched: len(list), Offset: -l.diff, Drift: -l.drift, Mid: l.mid, Rough: rough}
		out = append(out, tie)
	}
	return out
}

// line is a robust straight line through differences of times.
type line struct {
	mid   capture.Time
	diff  time.Duration
	drift float64
}

const (
	// driftSpan and driftSteps are from where a drift is told: cheap clocks are
	// wrong by some 20 parts in a million, 6 ms in five minutes.
	driftSpan  = 5 * time.Minute
	driftSteps = 30
	// driftLeast is the change over the recording that counts as drift.
	driftLeast = 4 * time.Millisecond
)

// lineOf takes the medians of the first and the last third: a line that a few
// late packets do not turn.
func lineOf(list []step) line {
	if len(list) == 0 {
		return line{}
	}
	slices.SortStableFunc(list, earlierStep)
	out := line{mid: list[len(list)/2].at, diff: medianStep(list)}
	third := len(list) / 3
	if len(list) < driftSteps {
		return out
	}
	head, tail := list[:third], list[len(list)-third:]
	from, to := head[third/2].at, tail[third/2].at
	rise := medianStep(tail) - medianStep(head)
	if to.Sub(from) < driftSpan || rise.Abs() < max(driftLeast, 4*scatter(list, out.diff)/time.Duration(math.Sqrt(float64(third)))) {
		return out
	}
	out.drift = float64(rise) / float64(to.Sub(from))
	out.mid = from + (to-from)/2
	out.diff = (medianStep(head) + medianStep(tail)) / 2
	return out
}

func medianStep(list []step) time.Duration {
	d := make([]time.Duration, len(list))
	for i := range list {
		d[i] = list[i].diff
	}
	slices.Sort(d)
	return d[len(d)/2]
}

// scatter is the median distance from a value.
func scatter(list []step, from time.Duration) time.Duration {
	d := make([]time.Duration, len(list))
	for i := range list {
		d[i] = (list[i].diff - from).Abs()
	}
	slices.Sort(d)
	return d[len(d)/2]
}

// once keeps of flows that several inputs show the most complete one, and of
// equally complete ones that of the input that shows most of them.
func (t *taps) once(all []*conn) []*conn {
	if len(t.copies) == 0 {
		return all
	}
	shown := map[int32]int{}
	for _, c := range all {
		if len(t.copies[c.Flow.ID]) > 0 {
			shown[c.Flow.FirstAt.Input] += c.shows()
		}
	}
	for _, c := range all {
		if _, gone := t.dropped[c.Flow.ID]; gone || len(t.copies[c.Flow.ID]) == 0 {
			continue
		}
		best := c
		for _, o := range t.copies[c.Flow.ID] {
			if better(o, best, shown) {
				best = o
			}
		}
		if best != c {
			t.dropped[c.Flow.ID] = best.Flow.ID
		}
		for _, o := range t.copies[c.Flow.ID] {
			if o != best {
				t.dropped[o.Flow.ID] = best.Flow.ID
			}
		}
		delete(t.dropped, best.Flow.ID)
	}
	var out []*conn
	for _, c := range all {
		if _, gone := t.dropped[c.Flow.ID]; !gone {
			out = append(out, t.kin(c))
		}
	}
	return out
}

// shows is how much a flow holds.
func (c *conn) shows() int { return len(c.Flow.Frames) + len(c.Flow.Signals) + len(c.Flow.Bursts) }

// better tells that x is to be kept rather than y.
func better(x, y *conn, shown map[int32]int) bool {
	nx, ny := x.shows(), y.shows()
	if nx*10 < ny*9 || ny*10 < nx*9 {
		return nx > ny
	}
	return cmp.Or(-cmp.Compare(shown[x.Flow.FirstAt.Input], shown[y.Flow.FirstAt.Input]), cmp.Compare(x.Flow.FirstAt.Input, y.Flow.FirstAt.Input), cmp.Compare(x.Flow.ID, y.Flow.ID)) < 0
}

// kin names the flows that stand for those that a flow is known to be of one
// socket with.
func (t *taps) kin(c *conn) *conn {
	k, ok := t.dropped[c.Flow.Kin]
	p, also := t.dropped[c.Flow.PeerKin]
	if !ok && !also {
		return c
	}
	n := c.copied()
	if ok {
		n.Flow.Kin = k
	}
	if also {
		n.Flow.PeerKin = p
	}
	return n
}

// witness adds to events the packets of other inputs that show the same.
func (t *taps) witness(events []*infer.Event) {
	if len(t.same) == 0 {
		return
	}
	for _, e := range events {
		var more []infer.Evidence
		for _, v := range e.Evidence {
			for _, o := range t.same[v.Origin] {
				if len(e.Evidence)+len(more) < maxEvidence && !slices.ContainsFunc(more, func(m infer.Evidence) bool { return m.Origin == o }) {
					more = append(more, infer.Evidence{Origin: o, Note: "the same packet at another tap"})
				}
			}
		}
		e.Evidence = append(slices.Clip(e.Evidence), more...)
	}
}
