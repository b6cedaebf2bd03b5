package analyze

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"envelope/analyze/infer"
	"envelope/capture"
)

// margin is how much is kept before what is inferred next, and how much must be
// at hand behind it: receipts, downloads and their messages lie within a minute
// or two. Where more frames come than the bound allows, it is less.
const margin = 3 * time.Minute

// round infers the events of what is older than margin and lets the frames
// before that go, so that memory does not grow with the length of the capture.
//
// Frames are cut at one moment, but no event is: each is told once, by the round
// after which its moment is over, with what came before and after still at hand.
// The mark up to which events are told is kept by flow, because a quiet flow's
// frames may come late: such a flow loses nothing of its own, but what another
// flow had to do with it may be told already. A reader should therefore give
// what it gathered of a flow within margin. Calls stay whole until they are over, with the frames of
// messages around their beginning. What outlives the frames: who the messengers'
// servers are (verdicts), names and addresses (book), sums of flows (uses). What
// the rules learn of sizes and delays they learn anew from what is held, which
// is millions of frames.
func (a *Analyzer) round() {
	all := a.all()
	from := a.keepFrom(all)
	cut := from + (a.now-from)/2
	events, over := a.tell(all, cut)
	a.events.add(events...)
	calls := ringing(all, over)
	for _, c := range all {
		a.noteMapped(c)
		if !c.aside {
			c.told = max(c.told, cut)
		}
		if over[c.Flow.ID] {
			c.Flow.Signals, c.Flow.Bursts = nil, nil
		}
		c.trim(from, &calls)
	}
	a.settle()
}

// keepFrom gives the time from which on frames are kept: two margins back, but
// no more than the later half of what is held.
func (a *Analyzer) keepFrom(all []*conn) capture.Time {
	const step = 16 // every so many frames say enough
	var times []capture.Time
	for _, c := range all {
		for i := 0; i < len(c.Flow.Frames); i += step {
			times = append(times, c.Flow.Frames[i].Time)
		}
	}
	from := a.now.Add(-2 * margin)
	if len(times) > 0 {
		slices.Sort(times)
		from = max(from, times[len(times)/2])
	}
	return from
}

// tell infers the events of flows, and gives those from before the time cut that
// were not told before. Calls are given when they are over; over holds the flows
// of these.
func (a *Analyzer) tell(all []*conn, cut capture.Time) (events batches, over map[uint64]bool) {
	a.resolve(all)
	calls, chats := a.split(all)
	of := make(map[uint64]*conn, len(all))
	for _, c := range all {
		of[c.Flow.ID] = c
	}
	found := inferAll(chats)
	for _, id := range sortedKeys(chats) {
		for _, list := range found[id] {
			events = append(events, notTold(list, of, cut))
		}
	}
	over = map[uint64]bool{}
	for i, done := range infer.CallsOver(calls, a.now) {
		over[calls[i].Flow.ID] = done || cut == forever
	}
	events = append(events, slices.DeleteFunc(infer.Calls(calls, chats), func(e infer.Event) bool { return !over[e.Flow] }))
	events = append(events, a.tellRows(all)...)
	for _, list := range events {
		for i := range list {
			list[i].Port = of[list[i].Flow].Flow.Client.Port()
		}
	}
	return events, over
}

// inferAll infers the events of all messengers: of that with the most frames first,
// so that the others find room enough in what it took.
func inferAll(chats map[string][]infer.Conn) map[string]batches {
	frames := map[string]int{}
	for id, conns := range chats {
		for i := range conns {
			frames[id] += len(conns[i].Flow.Frames)
		}
	}
	ids := sortedKeys(chats)
	slices.SortStableFunc(ids, func(x, y string) int { return cmp.Compare(frames[y], frames[x]) })
	var room infer.Room
	out := map[string]batches{}
	for _, id := range ids {
		out[id] = inferChats(id, chats[id], &room)
	}
	return out
}

// forever is after all packets.
const forever = capture.Time(1<<63 - 1)

// stretch is a part of time.
type stretch struct{ from, to capture.Time }

// stretches are apart from each other and in order.
type stretches []stretch

func (s stretches) hold(t capture.Time) bool {
	i, _ := slices.BinarySearchFunc(s, t, func(x stretch, t capture.Time) int { return cmp.Compare(x.to, t) })
	return i < len(s) && s[i].from <= t
}

// joined gives stretches their order and makes one of those that overlap.
func joined(list []stretch) stretches {
	slices.SortFunc(list, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	var out stretches
	for _, s := range list {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// Frames of messages around the beginning of a call that still goes on show who
// offered it, and stay: a session description comes up to half a minute before
// the first check, and a phone rings for a minute. Of clients that have no part
// in it, those stay that are large enough to be an offer that was passed on.
const (
	beforeRing = 30 * time.Second
	afterRing  = time.Minute
	offerLeast = 512
)

// rings are the times around the beginnings of unfinished calls.
type rings struct {
	of  map[netip.Addr]stretches
	all stretches
}

func ringing(all []*conn, over map[uint64]bool) rings {
	of := map[netip.Addr][]stretch{}
	var list []stretch
	for _, c := range all {
		if done, ok := over[c.Flow.ID]; !ok || done {
			continue
		}
		s := stretch{c.Flow.First.Add(-beforeRing), c.Flow.First.Add(afterRing)}
		list = append(list, s)
		for _, end := range []netip.Addr{c.Flow.Client.Addr(), c.Flow.Server.Addr()} {
			of[end] = append(of[end], s)
		}
	}
	r := rings{map[netip.Addr]stretches{}, joined(list)}
	for end, list := range of {
		r.of[end] = joined(list)
	}
	return r
}

// trim lets go what a flow holds from before a time, but for what unfinished
// calls need.
func (c *conn) trim(from capture.Time, r *rings) {
	f := c.Flow
	own := r.of[f.Client.Addr()]
	f.Frames = fitted(slices.DeleteFunc(f.Frames, func(x capture.Frame) bool {
		return x.Time < from && !own.hold(x.Time) && (x.Length < offerLeast || !r.all.hold(x.Time))
	}))
	f.Signals, f.Bursts = middleOut(f.Signals), middleOut(f.Bursts)
}

// fitted is list in less memory where most of what it had is not in use.
func fitted[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	if cap(list) > 2*len(list) {
		return slices.Clone(list)
	}
	return list
}

// maxSignals bounds the messages of set-up, and the bursts, that one socket keeps
// from its beginning, and from its latest past: keepalives can go on for days.
const maxSignals = 4096

// middleOut keeps the ends of a list that is too long.
func middleOut[T any](list []T) []T {
	if len(list) <= 2*maxSignals {
		return list
	}
	return append(slices.Clone(list[:maxSignals]), list[len(list)-maxSignals:]...)
}

// settle counts what is still held, and sums up and lets go the flows that ended
// and have told everything.
func (a *Analyzer) settle() {
	var kept []*conn
	a.held, a.asides, a.bare = 0, 0, 0
	for _, c := range a.kept {
		n := cost(c.Flow)
		switch {
		case n == 0:
			a.uses.add(a, c)
		default:
			kept = append(kept, c)
			a.held += n
			if c.aside {
				a.asides += len(c.Flow.Frames)
			}
		}
	}
	a.kept = kept
	for _, c := range a.conns {
		a.held += cost(c.Flow)
	}
	a.next = max(a.bound, 2*a.weight())
}

// sortEvents orders events by time, then by everything else that tells them
// apart, so that the report does not depend on the order of inference.
func sortEvents(list []*infer.Event) {
	order := make([]int32, len(list))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Or(compareEvents(list[a], list[b]), int(a-b)) })
	was := slices.Clone(list)
	for i, k := range order {
		list[i] = was[k]
	}
}

func compareEvents(x, y *infer.Event) int {
	if x.Time != y.Time {
		return cmp.Compare(x.Time, y.Time)
	}
	return cmp.Or(x.Client.Compare(y.Client), cmp.Compare(x.Kind, y.Kind),
		cmp.Compare(x.Direction, y.Direction), cmp.Compare(x.Flow, y.Flow), cmp.Compare(x.Bytes, y.Bytes))
}
