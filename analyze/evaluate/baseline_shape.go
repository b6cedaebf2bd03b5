package evaluate

import (
	"cmp"
	"slices"
)

// shapeMatching is the shape-based detector of Bahramali et al., NDSS 2020:
// each event is a bar of its bytes spread over the time around it; the curves
// of a channel and of a user are compared window by window for several delays
// of the channel, the best of which counts, and the windows are averaged.
type shapeMatching struct {
	bar    float64 // half the width of a bar in seconds
	window float64 // seconds
	step   float64 // between two delays, in seconds
	delays int     // number of delays, from 0
}

// segment is a stretch of a curve of one height, in seconds.
type segment struct{ from, to, height float64 }

// stretch is the part of a curve in one window.
type stretch struct {
	window   int
	energy   float64 // integral of the square
	segments []segment
}

// curve is the windows of a curve that are not empty, in order.
type curve []stretch

func (m shapeMatching) prepare(streams []Stream) scorer {
	base := firstSighting(streams)
	seconds := func(list []Sighting, shift float64) []bar {
		out := make([]bar, len(list))
		for i, s := range list {
			out[i] = bar{s.Time.Sub(base).Seconds() + shift, float64(max(1, s.Bytes))}
		}
		return out
	}
	sent, received := make([]curve, len(streams)), make([]curve, len(streams))
	for i := range streams {
		sent[i], received[i] = m.curve(seconds(streams[i].Sent, 0)), m.curve(seconds(streams[i].Received, 0))
	}
	return func(a int32) func(int32) float64 {
		// What b sent is compared with what a received so much earlier, which
		// is the same but for the place of the windows.
		var sentLater, receivedEarlier []curve
		for d := range m.delays {
			sentLater = append(sentLater, m.curve(seconds(streams[a].Sent, float64(d)*m.step)))
			receivedEarlier = append(receivedEarlier, m.curve(seconds(streams[a].Received, -float64(d)*m.step)))
		}
		return func(b int32) float64 {
			sum, n := likeness(sentLater, received[b])
			back, more := likeness(receivedEarlier, sent[b])
			if n+more == 0 {
				return 0
			}
			return (sum + back) / float64(n+more)
		}
	}
}

// bar is one event: its time in seconds and its bytes.
type bar struct{ at, bytes float64 }

// curve lays the bars over each other and cuts the result into windows.
func (m shapeMatching) curve(bars []bar) curve {
	edges := make([]segment, 0, 2*len(bars)) // from: time, height: change
	for _, b := range bars {
		edges = append(edges, segment{from: b.at - m.bar, height: b.bytes}, segment{from: b.at + m.bar, height: -b.bytes})
	}
	slices.SortFunc(edges, func(a, b segment) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.height, b.height)) })
	var out curve
	height := 0.0 // sums of whole bytes: exact up to 2^53
	for i, e := range edges {
		height += e.height
		if i+1 < len(edges) && height > 0 {
			out = m.lay(out, segment{e.from, edges[i+1].from, height})
		}
	}
	return out
}

// lay appends a segment, cut where a window ends.
func (m shapeMatching) lay(c curve, s segment) curve {
	for s.from < s.to {
		w := int(s.from / m.window)
		if s.from < 0 {
			w--
		}
		piece := s
		piece.to = min(s.to, float64(w+1)*m.window)
		if piece.to <= s.from { // the window ends here, but for rounding
			piece.to = s.to
		}
		if len(c) == 0 || c[len(c)-1].window != w {
			c = append(c, stretch{window: w})
		}
		last := &c[len(c)-1]
		last.energy += piece.height * piece.height * (piece.to - piece.from)
		last.segments = append(last.segments, piece)
		s.from = piece.to
	}
	return c
}

// likeness sums over the windows in which either curve has anything the best
// of the delays, and counts these windows.
func likeness(delayed []curve, other curve) (sum float64, windows int) {
	if len(delayed) == 0 {
		return 0, 0
	}
	best := map[int]float64{}
	for _, c := range delayed {
		for i, j := 0, 0; i < len(c) && j < len(other); {
			switch a, b := &c[i], &other[j]; {
			case a.window < b.window:
				i++
			case a.window > b.window:
				j++
			default:
				if l := 2 * product(a.segments, b.segments) / (a.energy + b.energy); l > best[a.window] {
					best[a.window] = l
				}
				i, j = i+1, j+1
			}
		}
	}
	for _, w := range windowsOf(delayed[0], other) {
		sum += best[w]
		windows++
	}
	return sum, windows
}

// windowsOf are the windows in which at least one of two curves has anything.
func windowsOf(a, b curve) []int {
	out := make([]int, 0, len(a)+len(b))
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case j == len(b) || i < len(a) && a[i].window < b[j].window:
			out = append(out, a[i].window)
			i++
		case i == len(a) || b[j].window < a[i].window:
			out = append(out, b[j].window)
			j++
		default:
			out = append(out, a[i].window)
			i, j = i+1, j+1
		}
	}
	return out
}

// product is the integral of the product of two curves.
func product(a, b []segment) float64 {
	sum := 0.0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		if both := min(a[i].to, b[j].to) - max(a[i].from, b[j].from); both > 0 {
			sum += both * a[i].height * b[j].height
		}
		if a[i].to < b[j].to {
			i++
		} else {
			j++
		}
	}
	return sum
}
