package infer

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"envelope/capture"
)

// claim marks flows as spoken for.
func (g *callGraph) claim(legs []*Conn) {
	for _, l := range legs {
		g.done[l.Flow.ID] = true
	}
}

// unclaimed gives the flows of call media that no event speaks for yet.
func (g *callGraph) unclaimed() []Conn {
	return slices.DeleteFunc(slices.Clone(g.legs), func(c Conn) bool { return g.done[c.Flow.ID] || c.Role != "call" || c.Service == "" })
}

// Bounds of a call through a server that mixes or forwards (RFC 7667): less is
// a probe of the network or a test of the microphone.
const (
	servedMin   = 5 * time.Second
	servedRate  = 8 // packets a second and direction: voice codecs send 10 to 50
	servedPause = 10 * time.Second
)

// served finds calls that go through a messenger's own media server without
// call set-up in clear: flows of the role call that carry media both ways.
func served(conns []Conn, known []Event) []Event {
	var out []Event
	for i := range conns {
		for _, e := range servedBy(&conns[i]) {
			out = mergeServed(out, e, known)
		}
	}
	return out
}

// servedBy gives the stretches of media in both directions of one flow.
func servedBy(c *Conn) []Event {
	var out []Event
	bursts := slices.Clone(c.Flow.Bursts)
	slices.SortStableFunc(bursts, func(a, b capture.Burst) int { return int(a.First - b.First) })
	var part [2]span
	var bytes uint64
	var big, all uint32
	flush := func() {
		if e, ok := servedEvent(c, &part, bytes, big, all); ok {
			out = append(out, e)
		}
		part, bytes, big, all = [2]span{}, 0, 0, 0
	}
	v := sizesOfCalls()
	for i := range bursts {
		b := &bursts[i]
		if last := max(part[0].last.time, part[1].last.time); last != 0 && b.First.Sub(last) > servedPause {
			flush()
		}
		dir := capture.Down
		if b.Up {
			dir = capture.Up
		}
		part[dir].add(b)
		bytes += b.Bytes
		all += b.Packets
		if looksVideo(b, c.Service, &v) {
			big += b.Packets
		}
	}
	flush()
	return out
}

func servedEvent(c *Conn, part *[2]span, bytes uint64, big, all uint32) (Event, bool) {
	up, down := &part[capture.Up], &part[capture.Down]
	start, end := min(up.first.time, down.first.time), max(up.last.time, down.last.time)
	length := end.Sub(start)
	enough := uint32(length.Seconds() * servedRate)
	if up.packets == 0 || down.packets == 0 || length < servedMin || max(up.packets, down.packets) < enough || min(up.packets, down.packets) < enough/8 {
		return Event{}, false
	}
	media := "audio"
	if big*20 > all {
		media = "video"
	}
	first := up.first
	first.earliest(down.first.time, down.first.at)
	return Event{Kind: CallKind, Time: start, End: end, Service: c.Service, Client: c.Flow.Client.Addr(), Server: c.Flow.Server, Flow: c.Flow.ID,
		Bytes: bytes, Confidence: 0.9 * c.Weight, Grain: capture.GrainFrame,
		Call: &Call{Media: media, Path: "relayed", Outcome: "answered", AnsweredAt: max(up.first.time, down.first.time), Role: "unknown",
			Relays: []netip.AddrPort{c.Flow.Server}},
		Evidence: []Evidence{{first.at, fmt.Sprintf("media through a server, %d packets up and %d down", up.packets, down.packets)}}}, true
}

// mergeServed joins flows of one call: audio and video often have one each.
func mergeServed(list []Event, e Event, known []Event) []Event {
	for i := range known {
		if k := &known[i]; k.Client == e.Client && k.Service == e.Service && overlaps(k, &e) {
			return list
		}
	}
	for i := range list {
		o := &list[i]
		if o.Client != e.Client || o.Service != e.Service || !overlaps(o, &e) {
			continue
		}
		o.Time, o.End, o.Bytes = min(o.Time, e.Time), max(o.End, e.End), o.Bytes+e.Bytes
		if e.Call.Media == "video" {
			o.Call.Media = "video"
		}
		o.Evidence = append(o.Evidence, e.Evidence...)
		o.Call.Relays = append(o.Call.Relays, e.Call.Relays...)
		return list
	}
	return append(list, e)
}

func overlaps(a, b *Event) bool {
	return a.Time.Sub(b.End) < servedPause && b.Time.Sub(a.End) < servedPause
}
