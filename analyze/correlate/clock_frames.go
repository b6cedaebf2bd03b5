package correlate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"envelope/capture"
)

// Spontaneous leaves out of the application frames of clients what does not
// tell of the clocks and would mislead Clocks: what is sent or received by the
// clock, and what is sent promptly after something was received or sent. Of
// clients that are seen in one direction only, small frames stand for received
// messages: their receipts, which go up at once.
func Spontaneous(frames []Event) []Event {
	split := receiptSizes(frames)
	useless := regularEvents(frames)
	markPrompt(frames, useless, true)
	var out []Event
	for i := range frames {
		e := frames[i]
		most, oneWay := split[clientOf(&e)]
		if oneWay {
			e.Sent = e.Size > most
		}
		if oneWay || !useless[i] {
			out = append(out, e)
		}
	}
	return out
}

// client is one party at one tap, using one messenger.
type client struct{ input, party, service int32 }

func clientOf(e *Event) client { return client{e.Input, e.Party, e.Service} }

// receiptSizes gives the largest size of receipts of each client that is seen
// in one direction only.
func receiptSizes(frames []Event) map[client]uint32 {
	sizes := map[client][]uint32{}
	downs := map[client]int{}
	for i := range frames {
		e := &frames[i]
		if k := clientOf(e); e.Sent {
			sizes[k] = append(sizes[k], e.Size)
		} else {
			downs[k]++
		}
	}
	out := map[client]uint32{}
	for k, list := range sizes {
		if downs[k]*50 < len(list) {
			out[k] = ReceiptSize(list)
		}
	}
	return out
}

// ReceiptSize parts the sizes of frames that a client sent into small ones, as
// receipts are, and larger ones, as messages are: where the two parts differ
// most in the logarithm of size (Otsu, "A Threshold Selection Method from
// Gray-Level Histograms", IEEE Trans. SMC 9, 1979). It gives the largest small
// one.
func ReceiptSize(sizes []uint32) uint32 {
	list := slices.Clone(sizes)
	slices.Sort(list)
	var all float64
	for _, n := range list {
		all += math.Log(float64(n) + 1)
	}
	best, at := 0.0, uint32(0)
	var low float64
	for i := 0; i+1 < len(list); i++ {
		low += math.Log(float64(list[i]) + 1)
		a, b := float64(i+1), float64(len(list)-i-1)
		if d := low/a - (all-low)/b; list[i] != list[i+1] && a*b*d*d > best {
			best, at = a*b*d*d, list[i]
		}
	}
	return at
}

// regularEvents marks those that come by the clock, as pings do: two of them
// would keep any difference that they happen to have.
func regularEvents(events []Event) []bool {
	type class struct {
		input, party, service int32
		sent                  bool
		size                  uint32
	}
	last := map[class][3]int32{}
	out := make([]bool, len(events))
	for _, i := range byTime(events) {
		e := &events[i]
		k := class{e.Input, e.Party, e.Service, e.Sent, e.Size}
		l := last[k] // numbers from 1
		if l[1] > 0 {
			g := events[l[1]-1].Time.Sub(events[l[0]-1].Time)
			d := e.Time.Sub(events[l[1]-1].Time)
			if g > leastPeriod && d > leastPeriod && (g-d).Abs() < max(g/20, leastPeriod/10) {
				out[i], out[l[0]-1], out[l[1]-1] = true, true, true
			}
		}
		if l[0] == 0 {
			l[0] = i + 1
		} else if l[1] == 0 {
			l[1] = i + 1
		} else {
			l[0], l[1] = l[1], i+1
		}
		last[k] = l
	}
	return out
}

// promptly is the time within which a client answers what it received by itself:
// receipts, acknowledgements, the next hanging request.
const promptly = 100 * time.Millisecond

// markPrompt marks what was sent, or what was received, promptly after something else, or as
// part of one burst. Several clients answer what they receive at once, so that
// what one of them answers and another receives differ in time by nothing that
// tells of the relay.
func markPrompt(events []Event, out []bool, sent bool) {
	last := map[client]capture.Time{}
	for _, i := range byTime(events) {
		e := &events[i]
		k := clientOf(e)
		l, ok := last[k]
		if e.Sent == sent && ok && e.Time.Sub(l) < promptly {
			out[i] = true
		}
		last[k] = e.Time
	}
}

// byTime gives the indices of events in the order of their times.
func byTime(events []Event) []int32 {
	ids := make([]int32, len(events))
	for i := range ids {
		ids[i] = int32(i)
	}
	slices.SortStableFunc(ids, func(i, j int32) int { return cmp.Compare(events[i].Time, events[j].Time) })
	return ids
}

// leastPeriod is the shortest period of keepalives that matters here.
const leastPeriod = 2 * time.Second
