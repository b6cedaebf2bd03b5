package analyze

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"envelope/analyze/infer"
	"envelope/capture"
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

// talker is one client of one messenger.
type talker struct {
	client  netip.Addr
	service string
}

// doubtSignalling weakens messages of a call's parties at the moments when the
// call was arranged, each message once. WhatsApp's own framing tells the two
// apart.
func doubtSignalling(events []*infer.Event) {
	messages := map[talker][]*infer.Event{}
	for _, e := range events {
		if e.Kind == infer.Message {
			k := talker{e.Client, e.Service}
			messages[k] = append(messages[k], e)
		}
	}
	for _, list := range messages {
		slices.SortStableFunc(list, func(a, b *infer.Event) int { return cmp.Compare(a.Time, b.Time) })
	}
	doubted := map[*infer.Event]bool{}
	for _, c := range events {
		if c.Call == nil || c.Service == "whatsapp" {
			continue
		}
		for _, party := range []netip.Addr{c.Client, c.Peer} {
			list := messages[talker{party, c.Service}]
			doubt(list, c.Time.Add(-beforeSetup), c.Time.Add(aroundWord), c, doubted)
			doubt(list, c.End.Add(-aroundWord), c.End.Add(aroundWord), c, doubted)
		}
	}
}

// doubt weakens the messages of a list between two times.
func doubt(list []*infer.Event, from, to capture.Time, c *infer.Event, doubted map[*infer.Event]bool) {
	i, _ := slices.BinarySearchFunc(list, from, func(e *infer.Event, t capture.Time) int { return cmp.Compare(e.Time, t) })
	for ; i < len(list) && list[i].Time < to; i++ {
		if e := list[i]; !doubted[e] {
			doubted[e] = true
			e.Confidence *= signallingFactor
			e.Evidence = append(e.Evidence, infer.Evidence{Origin: c.Evidence[0].Origin, Note: "may be call set-up: a call begins or ends then"})
		}
	}
}
