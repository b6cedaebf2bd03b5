package infer

import (
	"cmp"
	"math"
	"slices"

	"envelope/capture"
)

// Stream finds the events of messengers whose application frames show by their
// lengths alone, as the records inside TLS do: messages and media sent and
// received, receipts, typing, logins and keepalives, one event for each client
// that sends or receives. conns are the flows of one or more messengers with
// all their frames, of one client or of many; connections with role "media"
// are their file transfers. Events come in order of time; none is less sure
// than 0.5.
//
// Nothing is presumed of sizes or delays. They are learned from conns:
//
//   - Units (records, or requests and answers) whose size class follows what
//     the other side sent more than chance makes it are answers: receipts,
//     acknowledgements, key requests. The rest starts something.
//   - Among these, sizes fall into families. What people write is of many
//     sizes and is passed on; signals are of one size, or keep to the clock.
//   - Where more than one client is seen, a server's law of relay (by how many
//     bytes a message grows, how long it takes) stands out from what the same
//     traffic shows at shifted times. It finds each received message and its
//     source, and tells it from the copy that the sender gets. What it passes on
//     in one record is taken apart by the sum of sizes, or known by the receipts
//     that come through.
//   - What fits the sizes of messages, and nobody asked for, came from outside
//     the capture, unless nearly all such units have a source inside.
//
// The method follows DESIGN.md, "What is known to work"; the comparison with
// shifted clocks is a permutation test. The running time is near n log n; it
// grows with the number of frames within a second of each message.
func Stream(conns []Conn) []Event { return new(Room).Stream(conns) }

// Stream is the function of this name, in memory that was used before.
func (r *Room) Stream(conns []Conn) []Event {
	byService := make(map[string][]*Conn)
	for i := range conns {
		c := &conns[i]
		byService[c.Service] = append(byService[c.Service], c)
	}
	var parts [][]Event
	for _, group := range byService {
		parts = append(parts, r.streamOf(group))
	}
	out := Joined(parts)
	InOrder(out, before)
	return out
}

// Joined gives lists of events as one. A lone one is not copied: an event has a
// quarter of a kilobyte, and there may be a million.
func Joined(parts [][]Event) []Event {
	parts = slices.DeleteFunc(parts, func(p []Event) bool { return len(p) == 0 })
	if len(parts) == 1 {
		return parts[0]
	}
	return slices.Concat(parts...)
}

// InOrder sorts events in place, those of which compare tells no difference as
// they are. It sorts their numbers: an event is too large to be moved about.
func InOrder(list []Event, compare func(a, b *Event) int) {
	order := make([]int32, len(list))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		if c := compare(&list[a], &list[b]); c != 0 {
			return c
		}
		return int(a - b)
	})
	permute(list, order)
}

// before orders events by time and, within one moment, by what they say.
func before(a, b *Event) int {
	if a.Time != b.Time {
		return cmp.Compare(a.Time, b.Time)
	}
	return cmp.Or(a.Client.Compare(b.Client), cmp.Compare(a.Service, b.Service),
		cmp.Compare(a.Flow, b.Flow), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Bytes, b.Bytes))
}

// streamOf is Stream for one messenger.
func (r *Room) streamOf(conns []*Conn) []Event {
	var chat, media []*Conn
	for _, c := range conns {
		switch c.Role {
		case "media":
			media = append(media, c)
		case "", "message":
			chat = append(chat, c)
		}
	}
	v := newView(chat, r)
	if v.oneSided() {
		return v.withMedia(v.logins(), media)
	}
	v.markAnswers(true)
	v.markAnswers(false)
	p := priorOf(conns[0].Service)
	lead := slices.DeleteFunc(v.leaders(true), func(id int32) bool { return v.units[id].size < p.LeastUp })
	fs := v.choose(v.families(lead), v.relay(lead, false))
	v.unusual(fs)
	v.markContent(fs, &p)
	ups := v.contents(fs)
	v.laws(fs, ups)
	v.match(ups, fs)
	if v.receipts(&p); len(p.Receipt) == 0 {
		v.arrivals(fs)
	}
	v.confirmed(ups)
	v.markSignals(fs)
	events := slices.DeleteFunc(v.events(fs), func(e Event) bool { return e.Confidence < leastSure })
	InOrder(events, before)
	return v.withMedia(events, media)
}

// oneSided tells whether a single client is seen in one direction only. Without
// the answers, what starts something cannot be told from what answers.
func (v *view) oneSided() bool {
	downs := len(v.downs)
	ups := len(v.units) - downs
	return len(v.clients) < 2 && (downs*50 < ups || ups*50 < downs)
}

// fewUps is the number of units up below which no law of sizes can be learned.
const fewUps = 20

// relay learns the law by which ups reach other clients, or where they are too
// few takes any plausible one.
func (v *view) relay(ups []int32, copies bool) *law {
	l := v.learn(ups, copies)
	if len(ups) < fewUps && len(v.clients) > 1 {
		l = &law{anything: true}
		v.lags(l, ups, false)
	}
	return l
}

// laws learns for every family how its units are passed on.
func (v *view) laws(fs []family, ups [][]int32) {
	all := v.relay(v.whole(slices.Concat(ups...)), true)
	for i := range fs {
		l := *all
		if whole := v.whole(ups[i]); len(whole) >= fewUps {
			l = *v.learn(whole, true)
		}
		if n := v.firstNews(ups[i]); n.first && (!l.known() || l.anything) {
			l = *n
		} else if n.first {
			l.low, l.first = max(l.low, n.low), true
		}
		fs[i].law = &l
	}
}

// Shares of the units of the size of messages that are expected to be something
// else, or to have a source inside the capture that is missed: openShare where a
// server pushes (in the laboratory recordings of XMPP less than 0.1 have no known
// source, and everybody is inside), heldShare among answers to requests that
// waited, which hold several things at a time (laboratory Matrix: up to 0.16).
const (
	openShare = 0.05
	heldShare = 0.16
)

// arrivals marks what was probably received from outside the capture: units of
// a size that messages have when they arrive, which nobody asked for. Where most
// such units have a known source, those without one are something else.
func (v *view) arrivals(fs []family) {
	low, high := arriving(fs)
	stray := 0.0 // units of that size which are expected to be something else
	var open []int32
	for _, id := range v.downs {
		switch d := &v.units[id]; {
		case d.login || d.echo || d.torn && d.ground == groundNone:
			continue
		case d.waited && d.ground == groundNone:
			d.ground = groundWaited
			continue
		case d.ground != groundNone:
		case low <= d.size && d.size <= high && d.react < answering && !v.copiesGap(fs, d):
			open = append(open, id)
		default:
			continue
		}
		if v.request[v.units[id].conn] {
			stray += heldShare
		} else {
			stray += openShare
		}
	}
	p := min(sureSize, (float64(len(open))-stray)/float64(max(1, len(open))))
	if p < leastSure {
		return
	}
	v.sureOpen = p
	for _, id := range open {
		v.units[id].ground = groundSize
	}
}

// arriving gives the range of sizes of received messages.
func arriving(fs []family) (low, high uint32) {
	low = math.MaxUint32
	for i := range fs {
		f := &fs[i]
		if !f.content {
			continue
		}
		l, h := int64(0), int64(512)
		if f.law != nil && f.law.known() {
			l, h = int64(f.law.low), int64(f.law.high)
		}
		low = min(low, uint32(max(0, int64(f.low)*9/10+l)))
		high = max(high, uint32(max(0, int64(f.high)+h)))
	}
	return low, high + high/2
}

// events gives the events of all units that mean something.
func (v *view) events(fs []family) []Event {
	out := slices.Grow(v.logins(), v.telling())
	passed := v.tornSources()
	for i := range v.units {
		u := &v.units[i]
		switch {
		case u.content:
			out = append(out, v.event(u, Message, Sent, v.sureSent(fs, int32(i), passed[int32(i)]), noteSent(u)))
		case u.up && u.signal != noSignal:
			out = append(out, v.event(u, signalKinds[u.signal], Sent, sureSignal, "a record up that is always of this size"))
		case !u.up && !u.login && !u.echo && u.ground != groundNone:
			out = append(out, v.event(u, Message, Received, v.sureReceived(fs, u), notes[u.ground]))
		}
	}
	return v.partEvents(out)
}

// telling counts the units that events are made of, or a few more.
func (v *view) telling() (n int) {
	for i := range v.units {
		if u := &v.units[i]; u.content || u.signal != noSignal || u.ground != groundNone {
			n++
		}
	}
	return n
}

// event makes an event of a unit, with probability p, but no surer than that its
// flow is the messenger's. The two are not multiplied: that a flow behaves as
// chat does speaks for the messenger as well.
func (v *view) event(u *unit, k Kind, d Direction, p float64, note string) Event {
	c := v.conns[u.conn]
	e := Event{Kind: k, Time: u.at, Service: c.Service, Client: v.clients[u.who], Server: c.Flow.Server, Flow: c.Flow.ID,
		Direction: d, Bytes: uint64(u.size), Confidence: min(p, c.Weight), Grain: capture.GrainFrame, Evidence: []Evidence{{Origin: u.origin, Note: note}}}
	if u.source >= 0 && d == Received {
		e.Evidence = append(e.Evidence, Evidence{Origin: v.units[u.source].origin, Note: PassedOn})
	}
	return e
}
