package capture

import (
	"cmp"
	"slices"
)

// Interleave puts the frames of both directions of a flow into the order of time,
// and keeps that of each: bytes that came late stand before those that waited for
// them. It works in spare, which it returns for the next time.
func Interleave(frames, spare []Frame) []Frame {
	if slices.IsSortedFunc(frames, earlier) {
		return spare
	}
	was := append(spare[:0], frames...)
	u, d := next(was, 0, true), next(was, 0, false)
	for k := range frames {
		up := d == len(was)
		if u < len(was) && !up {
			c := earlier(was[u], was[d])
			up = c < 0 || c == 0 && u < d
		}
		if up {
			frames[k], u = was[u], next(was, u+1, true)
		} else {
			frames[k], d = was[d], next(was, d+1, false)
		}
	}
	return was
}

// earlier orders frames by time. A gap of that time comes first: what followed it
// showed it.
func earlier(a, b Frame) int {
	if a.Time == b.Time && (a.Kind == FrameGap) != (b.Kind == FrameGap) {
		if a.Kind == FrameGap {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.Time, b.Time)
}

// next gives the place of the first frame of a direction from i on.
func next(frames []Frame, i int, up bool) int {
	for i < len(frames) && frames[i].Up != up {
		i++
	}
	return i
}

// Join adds what a later record of a flow gathered to the frames of earlier ones,
// which reach up to a time that a gap may show to have been before.
func Join(frames, more []Frame) []Frame {
	n := len(frames)
	frames = append(frames, more...)
	if n == 0 || len(more) == 0 {
		return frames
	}
	first := slices.MinFunc(more, earlier)
	for n > 0 && earlier(frames[n-1], first) > 0 {
		n--
	}
	Interleave(frames[n:], nil)
	return frames
}
