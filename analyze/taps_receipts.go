package analyze

import (
	"cmp"
	"net/netip"
	"slices"

	"envelope/analyze/correlate"
	"envelope/analyze/infer"
	"envelope/analyze/service"
	"envelope/capture"
)

// receiptConfidence is for a received message of which only a frame of the size
// of receipts shows, at the delay after another's message at which such frames
// stand out over chance: of 31 messages of one recorded pair 27 had one, a count
// at the very delay that was chosen for it, hence the caution.
const receiptConfidence = 0.6

// oneWay is a client that is seen in one direction only.
type oneWay struct {
	client    netip.Addr
	messenger string
}

// receipts gives, for clients whose received frames no tap shows, a received
// message for each receipt that they sent after a message of another tap's
// client: at the delay by which the clocks were compared. events are what was
// inferred, by one clock.
func (t *taps) receipts(all []*conn, events []*infer.Event) []infer.Event {
	if !slices.ContainsFunc(t.clocks, func(c correlate.Clock) bool { return c.Spread > 0 }) {
		return nil
	}
	sizes := map[oneWay][]uint32{}
	down := map[oneWay]int{}
	for _, c := range all {
		if !t.comparable(c) {
			continue
		}
		k := oneWay{c.addressOf(), c.match.Service}
		for i := range c.Flow.Frames {
			if f := &c.Flow.Frames[i]; f.Up && carries(f) {
				sizes[k] = append(sizes[k], f.Length)
			} else if !f.Up {
				down[k]++
			}
		}
	}
	sent := sentBy(events)
	var out []infer.Event
	for _, c := range all {
		k := oneWay{c.addressOf(), c.match.Service}
		if n := len(sizes[k]); !t.comparable(c) || n == 0 || down[k]*50 >= n {
			continue
		}
		most := correlate.ReceiptSize(sizes[k])
		for i := range c.Flow.Frames {
			if f := &c.Flow.Frames[i]; f.Up && carries(f) && f.Length <= most && t.answers(f, sent[c.match.Service]) {
				out = append(out, receipt(c, f))
			}
		}
	}
	return out
}

// sentBy gives the messages that were sent, by messenger and in order of time.
func sentBy(events []*infer.Event) map[string][]*infer.Event {
	out := map[string][]*infer.Event{}
	for _, e := range events {
		if (e.Kind == infer.Message || e.Kind == infer.Media) && e.Direction == infer.Sent {
			out[e.Service] = append(out[e.Service], e)
		}
	}
	for _, list := range out {
		sortEvents(list)
	}
	return out
}

// answers tells whether a frame comes at the delay of its tap after a message
// that was sent at another.
func (t *taps) answers(f *capture.Frame, sent []*infer.Event) bool {
	k := &t.clocks[f.Origin.Input]
	from := f.Time.Add(-k.Lag - k.Spread/2)
	i, _ := slices.BinarySearchFunc(sent, from, func(e *infer.Event, at capture.Time) int { return cmp.Compare(e.Time, at) })
	for ; i < len(sent) && sent[i].Time <= from.Add(k.Spread); i++ {
		if inputOfEvent(sent[i]) != f.Origin.Input {
			return true
		}
	}
	return false
}

func receipt(c *conn, f *capture.Frame) infer.Event {
	return infer.Event{Kind: infer.Message, Time: f.Time, Service: c.match.Service, Client: c.addressOf(), Server: c.Flow.Server,
		Flow: c.Flow.ID, Direction: infer.Received, Confidence: receiptConfidence, Grain: capture.GrainFrame,
		Evidence: []infer.Evidence{{Origin: f.Origin, Note: "a frame up of the size of receipts, when one was due: a message came just before, in the direction that was not captured"}}}
}

// comparable tells whether a chat connection is of an input that was compared by
// what it received only.
func (t *taps) comparable(c *conn) bool {
	i := int(c.Flow.FirstAt.Input)
	return i < len(t.clocks) && t.clocks[i].Spread > 0 && !c.aside && c.match.Role == service.Message
}

// carries tells a frame that may hold a message.
func carries(f *capture.Frame) bool {
	return f.Kind == capture.FrameData || f.Kind == capture.FrameSegment
}
