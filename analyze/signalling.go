package analyze

import (
	"time"

	"envelope/analyze/infer"
)

// Call set-up is arranged by messages of the messenger itself, which look like
// any other: offer, ringing, answer and hang-up. They fall within these times
// of a call's first check, answer and end (measured on recorded WebRTC calls).
const (
	beforeSetup = 10 * time.Second
	aroundWord  = 1500 * time.Millisecond
)

// signallingFactor weakens a message that may be call set-up: at those moments
// about as many frames are one as the other.
const signallingFactor = 0.6

// doubtSignalling weakens messages of a call's parties at the moments when the
// call was arranged. Messengers with a framing of their own tell the two apart.
func doubtSignalling(events []infer.Event) {
	for i := range events {
		c := &events[i]
		if c.Call == nil || c.Service == "whatsapp" {
			continue
		}
		for j := range events {
			e := &events[j]
			if e.Kind == infer.Message && e.Service == c.Service && (e.Client == c.Client || e.Client == c.Peer) && arranges(e, c) {
				e.Confidence *= signallingFactor
				e.Evidence = append(e.Evidence, infer.Evidence{Origin: c.Evidence[0].Origin, Note: "may be call set-up: a call begins or ends then"})
			}
		}
	}
}

// arranges tells that a message falls on a moment at which a call is arranged.
func arranges(e, c *infer.Event) bool {
	d := e.Time.Sub(c.Time)
	return d > -beforeSetup && d < aroundWord || c.End != 0 && e.Time.Sub(c.End).Abs() < aroundWord
}
