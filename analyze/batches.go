package analyze

import (
	"slices"

	"envelope/analyze/infer"
	"envelope/capture"
)

// batches is events in the lists that they were inferred in: a million are not
// copied into one list, and each list can go when its events are told.
type batches [][]infer.Event

// add takes lists of events to keep. A list that was mostly taken apart is kept
// without the room that this left.
func (b *batches) add(lists ...[]infer.Event) {
	for _, list := range lists {
		if cap(list) > len(list)+len(list)/8 {
			list = slices.Clone(list)
		}
		if len(list) > 0 {
			*b = append(*b, list)
		}
	}
}

// clone is a copy whose events can be changed.
func (b batches) clone() batches {
	out := make(batches, len(b))
	for i, list := range b {
		out[i] = slices.Clone(list)
	}
	return out
}

// each gives all events, in the order of the lists.
func (b batches) each() []*infer.Event {
	n := 0
	for _, list := range b {
		n += len(list)
	}
	out := make([]*infer.Event, 0, n)
	for _, list := range b {
		for i := range list {
			out = append(out, &list[i])
		}
	}
	return out
}

// notTold leaves out the events from the time cut on, and those of flows that
// told what was before theirs.
func notTold(list []infer.Event, of map[uint64]*conn, cut capture.Time) []infer.Event {
	return slices.DeleteFunc(list, func(e infer.Event) bool { return e.Time >= cut || e.Time < of[e.Flow].told })
}
