package correlate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"envelope/capture"
)

// Clock is what was found of the clock of one input.
type Clock struct {
	Known     bool          // its clock was compared with that of Reference
	Reference int32         // input whose clock is held true: the first of those that could be compared; the input itself where none could
	Offset    time.Duration // what to add to the input's times to bring them to the reference's, at Mid
	Drift     float64       // seconds a second by which Offset grows; 0 where none was found
	Mid       capture.Time  // time of the input at which Offset holds
	Error     time.Duration // standard error of Offset, a lower bound: equal delays of both directions are presumed
	Matched   int           // moments that Offset rests on
	Lag       time.Duration // where what it received was compared one way only: how long after it was sent, by the reference's clock
	Spread    time.Duration // width of the peak at Lag; 0 where both ways were compared
}

// Tie is a difference of clocks that was measured on packets seen at both of
// two inputs.
type Tie struct {
	A, B    int32
	Offset  time.Duration // what to add to B's times to bring them to A's clock, at Mid
	Drift   float64       // seconds a second by which Offset grows
	Mid     capture.Time  // time of B
	Matched int           // packets it rests on
	Rough   bool          // of packets of one direction only: the delay between the inputs is in it
}

const (
	// clockSpan is how far two clocks are looked for apart. Recorders without
	// time service are off by seconds; ones off by minutes are not guessed at,
	// because chance peaks grow with the span that is searched.
	clockSpan = 30 * time.Second
	// slowest is the longest delay of relay that a pair of peaks may show.
	slowest = 3 * time.Second
	// unseen is the longest delay that is presumed where messages pass one way
	// only and it cannot be told from a difference of the clocks. Receipts of
	// WhatsApp were seen within 0.4 s of what they are for.
	unseen = time.Second
	// linkDelay is the usual spread of delays of access links (the laboratory
	// recordings have 10 to 60 ms one way).
	linkDelay = 30 * time.Millisecond
	// fewestFrames of a direction below which clocks are not compared.
	fewestFrames = 5
)

// Clocks compares the clocks of inputs by what passes between them. events are
// sent and received messages or, better, all application frames, each with its
// Input; ties are differences that are known otherwise. It yields one Clock for
// each input.
//
// What one input sends and another receives differs in time by the delay of
// relay and the difference of their clocks, and shows as a peak over chance in
// the histogram of differences; the other way round the sign of the clocks'
// difference is opposite. Half the difference of the two peaks is the offset,
// half the sum the delay, as in NTP (RFC 5905 section 8). All peaks together
// are solved for one offset and one link delay of each input and one delay of
// each messenger, by least squares. Inputs between which nothing stands out
// over chance are not Known.
func Clocks(events []Event, inputs int, ties ...Tie) []Clock {
	out := make([]Clock, inputs)
	for i := range out {
		out[i].Reference = int32(i)
	}
	if inputs < 2 {
		return out
	}
	c := newComparison(events, inputs, ties)
	c.search()
	c.agree()
	c.attach()
	for _, within := range closeBy {
		c.measure(within)
		c.solve()
	}
	return c.clocks(out)
}

// edge is one measured difference: of B's clock to A's, plus a delay for what
// A sent and B received.
type edge struct {
	a, b    int32
	service int32
	tie     bool
	both    bool    // of what both received at once
	err     float64 // seconds; 0 for what n says
	diff    float64 // seconds: time at B less time at A
	delay   float64 // seconds that diff presumes for the relay
	width   float64 // seconds: of the peak
	score   float64 // log likelihood over chance
	n       int
	mid     capture.Time // of B
	drift   float64
}

// comparison is the search for the clocks of all inputs.
type comparison struct {
	inputs int
	taps   [][]tap // by service, then input
	edges  []edge
	group  []int32     // of each input: the first input that it was compared with
	offset []float64   // of each input, seconds
	link   []float64   // of each input: delay of its link, seconds
	delay  []float64   // of each service
	timed  []bool      // of each service: its delay was measured
	growth []growthLaw // of each service
	oneWay []edge      // peaks that joined inputs without one the other way
	error  []float64
}

// tap is what one input saw of one messenger, in order of time.
type tap struct {
	sent, recv []moment
	news       []moment // received without anything just before
}

// moment is when a frame was seen, and its size in bytes.
type moment struct {
	at   capture.Time
	size uint32
}

func newComparison(events []Event, inputs int, ties []Tie) *comparison {
	c := &comparison{inputs: inputs, group: make([]int32, inputs), offset: make([]float64, inputs), link: make([]float64, inputs), error: make([]float64, inputs)}
	for i := range c.group {
		c.group[i] = int32(i)
	}
	at := map[int32]int{}
	answers := make([]bool, len(events))
	markPrompt(events, answers, false)
	for i := range events {
		e := &events[i]
		if e.Input < 0 || int(e.Input) >= inputs {
			continue
		}
		s, ok := at[e.Service]
		if !ok {
			s = len(c.taps)
			at[e.Service], c.taps = s, append(c.taps, make([]tap, inputs))
		}
		if t := &c.taps[s][e.Input]; e.Sent {
			t.sent = append(t.sent, moment{e.Time, e.Size})
		} else {
			t.recv = append(t.recv, moment{e.Time, e.Size})
			if !answers[i] {
				t.news = append(t.news, moment{e.Time, e.Size})
			}
		}
	}
	for s := range c.taps {
		for i := range c.taps[s] {
			c.taps[s][i].order()
		}
	}
	c.delay, c.timed = make([]float64, len(c.taps)), make([]bool, len(c.taps))
	for _, t := range ties {
		if t.A != t.B && min(t.A, t.B) >= 0 && int(max(t.A, t.B)) < inputs {
			e := edge{a: t.A, b: t.B, tie: true, diff: -seconds(t.Offset), n: t.Matched, mid: t.Mid, drift: t.Drift, score: math.Inf(1)}
			if t.Rough {
				e.err = seconds(linkDelay)
			}
			c.edges = append(c.edges, e)
		}
	}
	return c
}

// order sorts the times.
func (t *tap) order() {
	for _, list := range [][]moment{t.sent, t.recv, t.news} {
		slices.SortStableFunc(list, func(x, y moment) int { return cmp.Compare(x.at, y.at) })
	}
}

// search finds the peak of every ordered pair of inputs and every messenger.
func (c *comparison) search() {
	room := peakRoom / max(1, len(c.taps)*c.inputs*(c.inputs-1))
	for s, taps := range c.taps {
		for a := range taps {
			for b := range taps {
				if a == b || len(taps[a].sent) < fewestFrames || len(taps[b].recv) < fewestFrames {
					continue
				}
				if p, ok := findPeak(taps[a].sent, taps[b].recv, room); ok {
					p.a, p.b, p.service = int32(a), int32(b), int32(s)
					c.edges = append(c.edges, p)
				}
			}
		}
	}
}

// agree joins inputs by their ties and by peaks each way, which alone tell the
// delay of relay; where there are none, by peaks of one way. The strongest come
// first; what contradicts them is left out.
func (c *comparison) agree() {
	both := c.pairUp()
	if len(both) > 0 {
		c.edges = slices.DeleteFunc(c.edges, func(e edge) bool { return !e.tie && !both[key(&e)] })
	}
	slices.SortStableFunc(c.edges, func(x, y edge) int {
		return cmp.Or(boolFirst(x.tie, y.tie), boolFirst(both[key(&x)], both[key(&y)]), -cmp.Compare(x.score, y.score), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
	})
	for _, e := range c.edges {
		if !e.tie && !c.timed[e.service] && e.n < 2*leastMoments {
			continue // nothing the other way bears it out
		}
		if off := e.delay - e.diff; c.group[e.a] != c.group[e.b] {
			c.join(c.group[e.a], c.group[e.b], c.offset[e.a]+off-c.offset[e.b])
			if !e.tie && !c.timed[e.service] {
				c.oneWay = append(c.oneWay, e)
			}
		}
	}
}

// join makes two groups one; move brings the times of b's to those of a's. The
// first input of all is the reference.
func (c *comparison) join(a, b int32, move float64) {
	if b < a {
		a, b, move = b, a, -move
	}
	for i := range c.group {
		if c.group[i] == b {
			c.group[i] = a
			c.offset[i] += move
		}
	}
}

type edgeKey struct {
	a, b, service int32
}

func key(e *edge) edgeKey { return edgeKey{e.a, e.b, e.service} }

func boolFirst(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return -1
	}
	return 1
}

// pairUp learns each messenger's delay from pairs with a peak each way, and
// tells which edges are part of such a pair. Edges of a pair whose delay is out
// of question are dropped.
func (c *comparison) pairUp() map[edgeKey]bool {
	diff := map[edgeKey]float64{}
	for i := range c.edges {
		if e := &c.edges[i]; !e.tie {
			diff[key(e)] = e.diff
		}
	}
	delays := make([][]float64, len(c.taps))
	both := map[edgeKey]bool{}
	c.edges = slices.DeleteFunc(c.edges, func(e edge) bool {
		back, ok := diff[edgeKey{e.b, e.a, e.service}]
		if e.tie || !ok {
			return false
		}
		d := (e.diff + back) / 2
		if d < -seconds(slack) || d > seconds(slowest) {
			return true
		}
		both[key(&e)] = true
		delays[e.service] = append(delays[e.service], d)
		return false
	})
	for s, list := range delays {
		c.delay[s], c.timed[s] = median(list), len(list) > 0
	}
	c.lend()
	for i := range c.edges {
		e := &c.edges[i]
		if e.tie {
			continue
		}
		e.delay = c.delay[e.service]
		if !c.timed[e.service] {
			e.delay = min(max(e.diff, 0), seconds(unseen))
			c.delay[e.service] = e.delay
		}
		if back, ok := diff[edgeKey{e.b, e.a, e.service}]; ok {
			e.delay = (e.diff + back) / 2
		}
	}
	return both
}

// lend gives messengers whose delay could not be measured that of the others:
// most of it is the links'.
func (c *comparison) lend() {
	var known []float64
	for s, ok := range c.timed {
		if ok {
			known = append(known, c.delay[s])
		}
	}
	for s, ok := range c.timed {
		if !ok && len(known) > 0 {
			c.delay[s], c.timed[s] = median(known), true
		}
	}
}

// median of numbers, 0 of none. The list is sorted by it.
func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	m := len(list) / 2
	if len(list)%2 == 1 {
		return list[m]
	}
	return (list[m-1] + list[m]) / 2
}

// clocks says what was found.
func (c *comparison) clocks(out []Clock) []Clock {
	size := map[int32]int{}
	for _, g := range c.group {
		size[g]++
	}
	for i, g := range c.group {
		if size[g] < 2 {
			continue
		}
		out[i] = Clock{Known: true, Reference: g, Offset: time.Duration(math.Round(c.offset[i] * 1e9)), Error: time.Duration(c.error[i] * 1e9)}
		for k := range c.edges {
			if e := &c.edges[k]; e.a == int32(i) || e.b == int32(i) {
				out[i].Matched += e.n
			}
		}
	}
	c.drifts(out)
	for _, e := range c.oneWay {
		lag := e.diff - c.offset[e.a] + c.offset[e.b]
		out[e.b].Lag, out[e.b].Spread = time.Duration(lag*1e9), time.Duration(e.width*1e9)
	}
	return out
}

// drifts carries the drifts of ties from each reference on to all that are tied
// to it.
func (c *comparison) drifts(out []Clock) {
	known := make([]bool, c.inputs)
	for i := range known {
		known[i] = c.group[i] == int32(i)
	}
	for more := true; more; {
		more = false
		for i := range c.edges {
			e := &c.edges[i]
			if !e.tie || e.err > 0 || known[e.a] == known[e.b] {
				continue
			}
			from, to, by := e.a, e.b, e.drift
			if known[e.b] {
				from, to, by = e.b, e.a, -e.drift
			}
			out[to].Drift, out[to].Mid = out[from].Drift+by, e.mid
			known[to], more = true, true
		}
	}
}
