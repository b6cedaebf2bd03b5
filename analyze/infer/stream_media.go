package infer

import (
	"cmp"
	"net/netip"
	"slices"
)

// leastAlone is the least size in bytes of a transfer that is told without a
// message: thumbnails and profile pictures are mostly smaller. Of missing bytes
// nobody knows what they were.
const leastAlone = 100 << 10

// withMedia makes media of messages that an upload precedes or a download
// follows, and adds large transfers that no message was found for. It changes
// events in place, and adds behind them.
func (v *view) withMedia(events []Event, media []*Conn) []Event {
	byClient := make(map[netip.Addr][]Conn)
	for _, c := range media {
		byClient[c.Flow.Client.Addr()] = append(byClient[c.Flow.Client.Addr()], *c)
	}
	inline := v.inline()
	var more []Event
	for _, own := range perClient(events, v.plain(), media) {
		list := transfersOf(byClient[own.client])
		slices.SortStableFunc(list, func(a, b transfer) int { return cmp.Compare(a.first, b.first) })
		for _, e := range own.events {
			e.attach(inline[own.client])
		}
		for _, e := range own.events {
			e.attach(list)
		}
		for i := range list {
			if t := &list[i]; !t.used && t.bytes-t.missing >= leastAlone {
				more = append(more, t.event())
			}
		}
	}
	return append(events, more...)
}

// plain gives a test for received messages that are too small to name a file.
func (v *view) plain() func(*Event) bool {
	least := map[string]uint64{}
	for _, c := range v.conns {
		if _, ok := least[c.Service]; !ok {
			least[c.Service] = uint64(priorOf(c.Service).LeastFile)
		}
	}
	return func(e *Event) bool { return e.Kind == Message && e.Direction == Received && e.Bytes < least[e.Service] }
}

// clientEvents is the events of one client.
type clientEvents struct {
	client netip.Addr
	events []*Event
	count  int
}

// perClient parts events by client but for those that skip tells to leave out;
// clients that only have media come too.
func perClient(events []Event, skip func(*Event) bool, media []*Conn) []clientEvents {
	var out []clientEvents
	at := make(map[netip.Addr]int)
	find := func(a netip.Addr) *clientEvents {
		i, ok := at[a]
		if !ok {
			i = len(out)
			at[a], out = i, append(out, clientEvents{client: a})
		}
		return &out[i]
	}
	for i := range events {
		if e := &events[i]; !skip(e) {
			find(e.Client).count++
		}
	}
	for i := range out {
		out[i].events = make([]*Event, 0, out[i].count)
	}
	for i := range events {
		if e := &events[i]; !skip(e) {
			c := find(e.Client)
			c.events = append(c.events, e)
		}
	}
	for _, c := range media {
		find(c.Flow.Client.Addr())
	}
	return out
}

// inline finds, by client, the transfers among requests and answers, for
// messengers that keep files and messages on one server.
func (v *view) inline() map[netip.Addr][]transfer {
	out := make(map[netip.Addr][]transfer)
	for i := range v.units {
		u := &v.units[i]
		if !v.request[u.conn] || u.login || u.size < bulk {
			continue
		}
		who := v.clients[u.who]
		out[who] = append(out[who], transfer{client: who, conn: v.conns[u.conn], up: u.up,
			first: u.at, last: u.end, at: u.origin, bytes: uint64(u.size)})
	}
	for _, list := range out {
		slices.SortStableFunc(list, func(a, b transfer) int { return cmp.Compare(a.first, b.first) })
	}
	return out
}
