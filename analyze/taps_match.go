package analyze

import (
	"cmp"
	"slices"
	"time"

	"envelope/capture"
)

// sight is one frame, message or burst of a flow, by what it has in common with
// itself at another tap.
type sight struct {
	mark   mark
	at     capture.Time
	origin capture.Origin
}

// mark is what of a sight does not depend on the tap.
type mark struct {
	kind   uint8
	length uint32
	extra  string
	ssrc   uint32
}

// double is one thing seen in two flows.
type double struct {
	x, y sight
	up   bool // as the client of x sees it
}

const (
	// run is the number of successive lengths that make a place of a flow known.
	run = 3
	// fewDoubles is the number of equal sights below which the two flows must
	// also be near in time.
	fewDoubles = 20
	// nearby is how far apart clocks of recorders are usually at most.
	nearby = 30 * time.Second
	// steady is how much the difference of two taps' times may vary: by queues
	// and delays of links, which are well below a second.
	steady = time.Second
)

// matchFlows gives what two flows between the same sockets both show, nil where
// they are not the same flow.
func matchFlows(x, y *capture.Flow) []double {
	turned := x.Client != y.Client
	var out []double
	least := 0
	for _, up := range []bool{true, false} {
		for _, of := range []func(*capture.Flow, bool) []sight{framesOf, signalsOf, burstsOf} {
			a, b := of(x, up), of(y, up != turned)
			least += min(len(a), len(b))
			for _, p := range common(a, b) {
				out = append(out, double{a[p[0]], b[p[1]], up})
			}
		}
	}
	out = steadyOnes(out)
	if len(out) == 0 || len(out)*2 < least && len(out) < fewDoubles {
		return nil
	}
	return out
}

// steadyOnes leaves those whose difference of times is near the common one.
func steadyOnes(list []double) []double {
	if len(list) == 0 {
		return nil
	}
	d := make([]time.Duration, len(list))
	for i, p := range list {
		d[i] = p.y.at.Sub(p.x.at)
	}
	slices.Sort(d)
	mid := d[len(d)/2]
	list = slices.DeleteFunc(list, func(p double) bool { return (p.y.at.Sub(p.x.at) - mid).Abs() > steady })
	if len(list)*2 < len(d) || len(list) < fewDoubles && mid.Abs() > nearby {
		return nil
	}
	return list
}

func framesOf(f *capture.Flow, up bool) []sight {
	var out []sight
	for i := range f.Frames {
		if x := &f.Frames[i]; x.Up == up && x.Kind != capture.FrameGap {
			out = append(out, sight{mark{kind: uint8(x.Kind), length: x.Length}, x.Time, x.Origin})
		}
	}
	return out
}

func signalsOf(f *capture.Flow, up bool) []sight {
	var out []sight
	for i := range f.Signals {
		if x := &f.Signals[i]; x.Up == up {
			out = append(out, sight{mark{kind: 64, length: x.Length, ssrc: uint32(x.Type), extra: x.Ufrags + x.Tag}, x.Time, x.Origin})
		}
	}
	return out
}

// burstsOf gives the first burst of each source of media.
func burstsOf(f *capture.Flow, up bool) []sight {
	var out []sight
	seen := map[mark]bool{}
	for i := range f.Bursts {
		x := &f.Bursts[i]
		m := mark{kind: 128 + uint8(x.Kind), ssrc: x.SSRC, extra: x.Tag}
		if x.Up == up && !seen[m] {
			seen[m] = true
			out = append(out, sight{m, x.First, x.FirstAt})
		}
	}
	return out
}

// common gives the indices of what two sequences have in common: runs that are
// there once in each, in the same order, and what goes on alike around them (the
// method of patience diff).
func common(x, y []sight) [][2]int {
	n := min(run, len(x), len(y))
	switch {
	case n == 0:
		return nil
	case alike(x, y): // also where all lengths are the same
		return extend(x, y, [][2]int{{0, 0}})
	}
	ids := map[mark]uint64{}
	rx, ry := runs(x, n, ids), runs(y, n, ids)
	px, py := places(rx), places(ry)
	var anchors [][2]int
	for i, r := range rx {
		if j, ok := py[r]; ok && j >= 0 && px[r] >= 0 {
			anchors = append(anchors, [2]int{i, j})
		}
	}
	return extend(x, y, rising(anchors))
}

// alike tells that two sequences are the same from the first to the last.
func alike(x, y []sight) bool {
	return slices.EqualFunc(x, y, func(a, b sight) bool { return a.mark == b.mark })
}

// runs gives for each place the n sights from there on, by numbers.
func runs(list []sight, n int, ids map[mark]uint64) [][run]uint64 {
	out := make([][run]uint64, 0, len(list))
	for i := 0; i+n <= len(list); i++ {
		var r [run]uint64
		for k := range n {
			m := list[i+k].mark
			if ids[m] == 0 {
				ids[m] = uint64(len(ids) + 1)
			}
			r[k] = ids[m]
		}
		out = append(out, r)
	}
	return out
}

// places gives where each run starts, -1 for those that come more than once.
func places(list [][run]uint64) map[[run]uint64]int {
	out := make(map[[run]uint64]int, len(list))
	for i, r := range list {
		if _, twice := out[r]; twice {
			out[r] = -1
		} else {
			out[r] = i
		}
	}
	return out
}

// rising gives the longest part of the pairs, in order of the first, in which
// the second rises too.
func rising(list [][2]int) [][2]int {
	var tails []int // index of the last pair of the best part of each length
	before := make([]int, len(list))
	for i, p := range list {
		k, _ := slices.BinarySearchFunc(tails, p[1], func(t, v int) int { return cmp.Compare(list[t][1], v) })
		before[i] = -1
		if k > 0 {
			before[i] = tails[k-1]
		}
		if k == len(tails) {
			tails = append(tails, i)
		} else {
			tails[k] = i
		}
	}
	if len(tails) == 0 {
		return nil
	}
	out := make([][2]int, len(tails))
	for k, i := len(tails)-1, tails[len(tails)-1]; k >= 0; k, i = k-1, before[i] {
		out[k] = list[i]
	}
	return out
}

// extend goes from each anchor to both sides as far as all is alike.
func extend(x, y []sight, anchors [][2]int) [][2]int {
	var out [][2]int
	nextX, nextY := 0, 0
	for _, a := range anchors {
		i, j := a[0], a[1]
		if i < nextX || j < nextY {
			continue
		}
		for i > nextX && j > nextY && x[i-1].mark == y[j-1].mark {
			i, j = i-1, j-1
		}
		for ; i < len(x) && j < len(y) && x[i].mark == y[j].mark; i, j = i+1, j+1 {
			out = append(out, [2]int{i, j})
		}
		nextX, nextY = i, j
	}
	return out
}
