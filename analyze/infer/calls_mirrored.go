package infer

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"envelope/capture"
)

// mirrorWithin is how far apart two clients see the beginning and the end of one
// attempt at a call: the word of it passes the server on its way (0.3 to 0.5 s in
// simulated towns), and both ask the same relays until one of them gives up.
const mirrorWithin = 1500 * time.Millisecond

// mirrored makes one event of the two of an attempt that nobody answered, of which
// the legs show nothing of each other: the one that rang and the one that was rung
// begin and end together, by the same relays, and no third client does so.
func mirrored(events []Event) []Event {
	var open []int // attempts without another end, by time
	for i := range events {
		e := &events[i]
		if (e.Call.Outcome == "unanswered" || e.Call.Outcome == "rejected") && !e.Peer.IsValid() && e.Service != unknownService {
			open = append(open, i)
		}
	}
	slices.SortStableFunc(open, func(i, k int) int { return cmp.Compare(events[i].Time, events[k].Time) })
	gone := make([]bool, len(events))
	for n, i := range open {
		a := &events[i]
		if a.Direction != Sent {
			continue
		}
		if m := onlyMirror(events, open, n); m >= 0 && onlyMirror(events, open, m) == n {
			b := &events[open[m]]
			a.Peer, gone[open[m]] = b.Client, true
			a.Confidence = 1 - (1-a.Confidence)*(1-b.Confidence)
			if b.Call.Outcome == "rejected" {
				a.Call.Outcome = b.Call.Outcome
			}
			a.Call.LinkKeys = append(slices.Clip(a.Call.LinkKeys), b.Call.LinkKeys...)
			a.Evidence = append(a.Evidence, b.Evidence...)
		}
	}
	kept := events[:0]
	for i := range events {
		if !gone[i] {
			kept = append(kept, events[i])
		}
	}
	return kept
}

// onlyMirror finds among open the one other side of its n-th attempt; -1 where
// there is none, or several.
func onlyMirror(events []Event, open []int, n int) int {
	a, found := &events[open[n]], -1
	from, _ := slices.BinarySearchFunc(open, a.Time.Add(-mirrorWithin), func(i int, t capture.Time) int { return cmp.Compare(events[i].Time, t) })
	for m := from; m < len(open) && events[open[m]].Time <= a.Time.Add(mirrorWithin); m++ {
		if !mirrors(a, &events[open[m]]) {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = m
	}
	return found
}

// mirrors tells whether two attempts of two clients, out and in, end together and
// share a relay.
func mirrors(a, b *Event) bool {
	if a.Client == b.Client || a.Service != b.Service || a.Direction == "" || b.Direction == "" || a.Direction == b.Direction || a.End.Sub(b.End).Abs() > mirrorWithin {
		return false
	}
	return slices.ContainsFunc(a.Call.Relays, func(r netip.AddrPort) bool { return slices.Contains(b.Call.Relays, r) })
}
