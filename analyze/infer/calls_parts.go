package infer

import (
	"cmp"
	"net/netip"
	"slices"

	"envelope/capture"
)

// splitByPause parts the legs of one set where nothing was sent for longer than
// a call can be silent: clients keep a socket from one call to the next.
func splitByPause(set []*Conn) [][]*Conn {
	slices.SortStableFunc(set, func(a, b *Conn) int { return cmp.Compare(a.Flow.First, b.Flow.First) })
	starts := activityStarts(set)
	if len(starts) <= 1 {
		return [][]*Conn{set}
	}
	parts := make([][]*Conn, len(starts))
	for _, c := range set {
		c.scatter(starts, parts)
	}
	out := parts[:0]
	for _, part := range parts {
		if n := len(out); n > 0 && onlyEnds(part) { // the recorder left media out: the end is that of the call before
			out[n-1] = append(out[n-1], part...)
			continue
		}
		out = append(out, part)
	}
	return out
}

// activityStarts gives the times at which a set begins to send after a pause.
func activityStarts(set []*Conn) []capture.Time {
	type span struct{ first, last capture.Time }
	var spans []span
	for _, c := range set {
		for i := range c.Flow.Signals {
			spans = append(spans, span{c.Flow.Signals[i].Time, c.Flow.Signals[i].Time})
		}
		for i := range c.Flow.Bursts {
			spans = append(spans, span{c.Flow.Bursts[i].First, c.Flow.Bursts[i].Last})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	var starts []capture.Time
	var until capture.Time
	for _, s := range spans {
		if len(starts) == 0 || s.first.Sub(until) > callPause {
			starts = append(starts, s.first)
		}
		until = max(until, s.last)
	}
	return starts
}

// scatter puts what a leg sent into the parts that begin at the given times.
func (c *Conn) scatter(starts []capture.Time, parts [][]*Conn) {
	of := func(from, to capture.Time) *capture.Flow {
		k, found := slices.BinarySearch(starts, from)
		if !found {
			k = max(k-1, 0)
		}
		n := len(parts[k])
		if n == 0 || parts[k][n-1].Flow.ID != c.Flow.ID {
			part, flow := *c, *c.Flow
			flow.Signals, flow.Bursts = nil, nil
			flow.First, flow.Last = from, to
			part.Flow = &flow
			parts[k], n = append(parts[k], &part), n+1
		}
		f := parts[k][n-1].Flow
		f.First, f.Last = min(f.First, from), max(f.Last, to)
		return f
	}
	for _, s := range c.Flow.Signals {
		f := of(s.Time, s.Time)
		f.Signals = append(f.Signals, s)
	}
	for _, b := range c.Flow.Bursts {
		f := of(b.First, b.Last)
		f.Bursts = append(f.Bursts, b)
	}
}

// onlyEnds tells that legs hold nothing but the marks of an end.
func onlyEnds(legs []*Conn) bool {
	for _, c := range legs {
		if len(c.Flow.Bursts) > 0 || slices.ContainsFunc(c.Flow.Signals, func(s capture.Signal) bool { return !isEnd(&s) }) {
			return false
		}
	}
	return true
}

// isEnd tells WhatsApp's end of a call and TURN's release, with their answers.
func isEnd(s *capture.Signal) bool {
	return s.Type == whatsAppEnd || s.Type&0x3eef == refreshRequest && s.Lifetime <= 0
}

// connections parts a set with more than two parties of this capture into what
// is connected by more than the moment: a call of three has three connections.
// Legs without media belong to one of those that have some.
func (g *callGraph) connections(legs []*Conn) [][]*Conn {
	if len(g.home(legs)) <= 2 {
		return [][]*Conn{legs}
	}
	at := map[int]int{}
	var groups [][]*Conn
	for _, c := range legs {
		r := root(g.core, g.index[c.Flow.ID])
		k, ok := at[r]
		if !ok {
			k = len(groups)
			at[r], groups = k, append(groups, nil)
		}
		groups[k] = append(groups[k], c)
	}
	talking := slices.DeleteFunc(slices.Clone(groups), func(legs []*Conn) bool {
		return !slices.ContainsFunc(legs, func(c *Conn) bool { return slices.ContainsFunc(c.Flow.Bursts, isMedia) })
	})
	if len(talking) == 0 {
		return groups
	}
	return talking
}

// home gives the parties of this capture among the ends of legs. Where no end
// talked to a relay, as in a call on one network that needs none, it is who
// spoke first.
func (g *callGraph) home(legs []*Conn) []netip.Addr {
	var out []netip.Addr
	add := func(a netip.Addr) {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	for _, c := range legs {
		for _, a := range g.partiesOf(c.Flow) {
			add(a)
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, c := range legs {
		if a := c.Flow.Client.Addr(); !g.hosts[a] {
			add(a)
		}
	}
	return out
}

// partiesOf gives the ends of a leg that are parties of this capture: those
// that talk to a relay, or else the client.
func (g *callGraph) partiesOf(f *capture.Flow) []netip.Addr {
	var out []netip.Addr
	if a := f.Client.Addr(); g.inside[a] && !g.hosts[a] {
		out = append(out, a)
	}
	if a := f.Server.Addr(); g.inside[a] && !g.relays[f.Server] && !g.hosts[a] {
		out = append(out, a)
	}
	return out
}

func isMedia(b capture.Burst) bool {
	return (b.Kind == capture.BurstRTP || b.Kind == capture.BurstOpaque) && b.Packets >= minMedia
}

// minMedia is the least number of packets of a burst that counts as media: one
// or two are stray ones.
const minMedia = 3
