package analyze

import (
	"net/netip"

	"envelope/analyze/correlate"
	"envelope/analyze/infer"
	"envelope/analyze/service"
	"envelope/capture"
)

// receiptConfidence is for a received message of which only a frame of the size
// of receipts shows: of the receipts of one recorded pair a third followed the
// messages of the other, and nobody knows what the rest were for.
const receiptConfidence = 0.5

// oneWay is a client that is seen in one direction only.
type oneWay struct {
	client    netip.Addr
	messenger string
}

// receipts gives, for clients whose received frames no tap shows, a received
// message for each receipt that they sent. Alone this says little; it is given
// where the clock of their tap could be compared with another's, so that it
// can be held against what others sent.
func (t *taps) receipts(all []*conn) []infer.Event {
	sizes := map[oneWay][]uint32{}
	down := map[oneWay]int{}
	for _, c := range all {
		if !t.comparable(c) {
			continue
		}
		k := oneWay{c.addressOf(), c.match.Service}
		for i := range c.Flow.Frames {
			if f := &c.Flow.Frames[i]; f.Up && f.Kind == capture.FrameData {
				sizes[k] = append(sizes[k], f.Length)
			} else if !f.Up {
				down[k]++
			}
		}
	}
	var out []infer.Event
	for _, c := range all {
		k := oneWay{c.addressOf(), c.match.Service}
		if n := len(sizes[k]); !t.comparable(c) || n == 0 || down[k]*50 >= n {
			continue
		}
		most := correlate.ReceiptSize(sizes[k])
		for i := range c.Flow.Frames {
			if f := &c.Flow.Frames[i]; f.Up && f.Kind == capture.FrameData && f.Length <= most {
				out = append(out, infer.Event{Kind: infer.Message, Time: f.Time, Service: c.match.Service, Client: k.client, Server: c.Flow.Server,
					Flow: c.Flow.ID, Direction: infer.Received, Confidence: receiptConfidence * c.match.Confidence, Grain: capture.GrainFrame,
					Evidence: []infer.Evidence{{Origin: f.Origin, Note: "a frame up of the size of receipts: a message came just before, in the direction that was not captured"}}})
			}
		}
	}
	return out
}

// comparable tells whether a chat connection is of an input whose clock was
// compared with another's.
func (t *taps) comparable(c *conn) bool {
	i := int(c.Flow.FirstAt.Input)
	return i < len(t.clocks) && t.clocks[i].Known && !c.aside && c.match.Role == service.Message
}
