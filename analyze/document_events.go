package analyze

import (
	"fmt"
	"net/netip"
	"time"

	"envelope/analyze/identity"
	"envelope/analyze/infer"
)

// events enters events, and gives those that the matcher takes. It forgets each
// as it is entered, so that what they were inferred in can go meanwhile.
func (d *document) events(list []*infer.Event) *matchable {
	n, some := 0, 0
	for _, e := range list {
		n += len(e.Evidence)
		if matches(e) {
			some++
		}
	}
	room := make([]Evidence, 0, n) // at once: one by one they take a fifth more
	m := &matchable{make([]infer.Event, 0, some), make([]int32, 0, some)}
	d.Events = make([]Event, 0, len(list))
	for i, e := range list {
		from := len(room)
		for _, v := range e.Evidence {
			room = append(room, d.evidence(v.Origin, v.Note))
		}
		out := d.event(e)
		out.ID, out.Evidence = fmt.Sprintf("e%d", i+1), room[from:len(room):len(room)]
		d.Events = append(d.Events, out)
		if matches(e) {
			m.events, m.at = append(m.events, *e), append(m.at, int32(i))
		}
		list[i] = nil
	}
	return m
}

// event converts an event but for its evidence; the fixed grade words follow from
// the probability.
func (d *document) event(e *infer.Event) Event {
	out := Event{
		Time: e.Time.UTC(), Kind: string(e.Kind), Service: e.Service, Party: d.partyOf(e.Client),
		Direction: string(e.Direction), Bytes: e.Bytes, Confidence: round(e.Confidence), Grade: Grade(e.Confidence),
		Grain: string(e.Grain), Address: addressText(identity.Bare(e.Client), e.Port),
	}
	if e.Seen {
		out.Grade = "seen"
	}
	if e.End != 0 {
		end := e.End.UTC()
		out.End = &end
	}
	if e.Peer.IsValid() {
		peer := d.partyOf(e.Peer)
		out.Peer = &peer
	}
	if e.Call != nil {
		out.Call = callOf(e.Call)
	}
	return out
}

// addressText writes an address, with its port where that is known.
func addressText(a netip.Addr, port uint16) string {
	switch {
	case !a.IsValid():
		return ""
	case port == 0:
		return a.String()
	}
	return netip.AddrPortFrom(a, port).String()
}

// partyOf gives the party of an address or of a public address that only one
// party has; failing that, the address itself.
func (d *document) partyOf(a netip.Addr) string {
	if id := d.party[a]; id != "" {
		return id
	}
	if id := d.outer[a]; id != "" {
		return id
	}
	return identity.Bare(a).String()
}

func callOf(c *infer.Call) *Call {
	out := &Call{Media: c.Media, Path: c.Path, PeerAddresses: []string{}, Outcome: c.Outcome, Role: c.Role}
	for _, a := range c.PeerAddresses {
		out.PeerAddresses = append(out.PeerAddresses, a.String())
	}
	for _, r := range c.Relays {
		out.Relays = append(out.Relays, r.String())
	}
	if c.Outcome != "unknown" {
		yes := c.Outcome == "answered"
		out.Answered = &yes
	}
	if c.AnsweredAt != 0 {
		at := c.AnsweredAt.UTC().Format(time.RFC3339Nano)
		out.AnsweredAt = &at
	}
	return out
}

// matchable is the events that can tell who talked to whom, in order: copies, so
// that the lists that they were inferred in can go before they are matched.
type matchable struct {
	events []infer.Event
	at     []int32 // where each stands in the document
}

// matches tells whether the matcher has a use for an event.
func matches(e *infer.Event) bool {
	_, ok := correlateKinds[e.Kind]
	return ok && e.Direction != ""
}

// among lets do work on d as if it listed these events only, so that they stand
// in both at the same places, and keeps what do enters in them.
func (d *document) among(m *matchable, do func([]infer.Event)) {
	whole := d.Events
	d.Events = make([]Event, len(m.at))
	for i, k := range m.at {
		d.Events[i] = whole[k]
	}
	do(m.events)
	for i, k := range m.at {
		whole[k] = d.Events[i]
	}
	d.Events = whole
}
