package infer

import (
	"cmp"
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
	servedMin   = 3 * time.Second
	servedSure  = 5 * time.Second // from here on it is no test
	servedRate  = 8               // packets a second and direction: voice codecs send 10 to 50
	servedPause = 10 * time.Second
)

// How sure a stretch of media on a flow of the role call is a call: all of at
// least servedSure in the labelled captures were; Discord and Zoom test servers
// and microphones for shorter.
const (
	sureServed = 0.9
	sureShort  = 0.7
)

// served finds calls that go through a messenger's own media server without
// call set-up in clear: flows of the role call that carry media both ways.
func served(conns []Conn, known []Event) []Event {
	v := sizesOfCalls()
	byClient := map[netip.Addr][]*Event{}
	for i := range known {
		byClient[known[i].Client] = append(byClient[known[i].Client], &known[i])
	}
	var all []Event
	for i := range conns {
		for _, e := range servedBy(&conns[i], &v) {
			if !slices.ContainsFunc(byClient[e.Client], func(k *Event) bool { return k.Service == e.Service && overlaps(k, &e, servedPause) }) {
				all = append(all, e)
			}
		}
	}
	InOrder(all, func(a, b *Event) int { return cmp.Compare(a.Time, b.Time) })
	var out []Event
	for _, e := range all {
		out = mergeServed(out, e)
	}
	return out
}

// stretch is media of one flow without a long pause.
type stretch struct {
	part     [2]span
	bytes    uint64
	big, all uint32
}

func (s *stretch) add(b *capture.Burst, video bool) {
	dir := capture.Down
	if b.Up {
		dir = capture.Up
	}
	s.part[dir].add(b)
	s.bytes += b.Bytes
	s.all += b.Packets
	if video {
		s.big += b.Packets
	}
}

// servedBy gives the stretches of media in both directions of one flow.
func servedBy(c *Conn, v *callSizes) []Event {
	var out []Event
	bursts := slices.Clone(c.Flow.Bursts)
	slices.SortStableFunc(bursts, func(a, b capture.Burst) int { return cmp.Compare(a.First, b.First) })
	var s stretch
	flush := func() {
		if e, ok := s.event(c); ok {
			out = append(out, e)
		}
		s = stretch{}
	}
	for i := range bursts {
		b := &bursts[i]
		if last := max(s.part[0].last.time, s.part[1].last.time); last != 0 && b.First.Sub(last) > servedPause {
			flush()
		}
		s.add(b, looksVideo(b, c.Service, v))
	}
	flush()
	return out
}

// event makes the call of a stretch, if it is one.
func (s *stretch) event(c *Conn) (Event, bool) {
	up, down := &s.part[capture.Up], &s.part[capture.Down]
	first, end := firstOf(up, down), max(up.last.time, down.last.time)
	length := end.Sub(first.time)
	enough := uint32(length.Seconds() * servedRate)
	if up.packets == 0 || down.packets == 0 || length < servedMin || max(up.packets, down.packets) < enough || min(up.packets, down.packets) < enough/8 {
		return Event{}, false
	}
	e := Event{Kind: CallKind, Time: first.time, End: end, Service: c.Service, Client: c.Flow.Client.Addr(), Server: c.Flow.Server, Flow: c.Flow.ID,
		Bytes: s.bytes, Confidence: sureServed * c.Weight, Grain: capture.GrainFrame,
		Call: &Call{Media: "audio", Path: "unknown", Outcome: "answered", AnsweredAt: max(up.first.time, down.first.time), Role: "unknown"}}
	if s.big*20 > s.all {
		e.Call.Media = "video"
	}
	if length < servedSure {
		e.Confidence = sureShort * c.Weight
	}
	whom := "the other end or a server"
	if c.Own {
		e.Call.Path, e.Call.Relays, whom = "relayed", []netip.AddrPort{c.Flow.Server}, "a server"
	}
	e.Evidence = []Evidence{{first.at, fmt.Sprintf("media with %s, %d packets up and %d down", whom, up.packets, down.packets)}}
	return e, true
}

// mergeServed joins flows of one call: audio and video often have one each.
// list is in order of time, and so is what is added.
func mergeServed(list []Event, e Event) []Event {
	for i := len(list) - 1; i >= 0 && i >= len(list)-maxListed; i-- {
		if o := &list[i]; o.Client == e.Client && o.Service == e.Service && overlaps(o, &e, servedPause) {
			o.joinCall(&e)
			return list
		}
	}
	return append(list, e)
}

// mergeMeeting joins sockets of one client to servers of one messenger at one
// time: nobody is in two calls at once. Calls with a known other end stay.
func mergeMeeting(list []Event, e Event) []Event {
	alone := func(x *Event) bool {
		return !x.Peer.IsValid() && len(x.Call.PeerAddresses) == 0 && x.Service != unknownService
	}
	if !alone(&e) {
		return append(list, e)
	}
	for i := len(list) - 1; i >= 0 && i >= len(list)-maxListed; i-- {
		if o := &list[i]; o.Client == e.Client && o.Service == e.Service && alone(o) && overlaps(o, &e, 0) {
			o.joinCall(&e)
			return list
		}
	}
	return append(list, e)
}

// joinCall takes what another flow shows of the same call.
func (e *Event) joinCall(o *Event) {
	e.Time, e.End, e.Bytes = min(e.Time, o.Time), max(e.End, o.End), e.Bytes+o.Bytes
	if o.Confidence > e.Confidence {
		e.Confidence = o.Confidence
	}
	mine, other := e.Call, o.Call
	if other.Media == "video" || mine.Media == "unknown" {
		mine.Media = other.Media
	}
	if mine.Path == "unknown" {
		mine.Path = other.Path
	}
	if other.Outcome == "answered" && mine.Outcome != "answered" {
		mine.Outcome, mine.AnsweredAt = other.Outcome, other.AnsweredAt
	}
	mine.Relays = append(slices.Clip(mine.Relays), other.Relays...)
	mine.LinkKeys = append(slices.Clip(mine.LinkKeys), other.LinkKeys...)
	if len(e.Evidence) < maxListed {
		e.Evidence = append(e.Evidence, o.Evidence...)
	}
}

func overlaps(a, b *Event, slack time.Duration) bool {
	return a.Time.Sub(b.End) <= slack && b.Time.Sub(a.End) <= slack
}
