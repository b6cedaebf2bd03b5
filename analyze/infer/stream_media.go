package infer

import (
	"cmp"
	"net/netip"
	"slices"
)

// leastAlone is the least size in bytes of a transfer that is told without a
// message: thumbnails and profile pictures are mostly smaller.
const leastAlone = 100 << 10

// withMedia makes media of messages that an upload precedes or a download
// follows, and adds large transfers that no message was found for.
func (v *view) withMedia(events []Event, media []*Conn) []Event {
	byClient := make(map[netip.Addr][]Conn)
	for _, c := range media {
		byClient[c.Flow.Client.Addr()] = append(byClient[c.Flow.Client.Addr()], *c)
	}
	inline := v.inline()
	out, rest := parted(events, v.plain())
	for _, own := range perClient(rest, media) {
		who := own.client
		for i := range own.events {
			if t := matching(inline[who], &own.events[i]); t != nil && own.events[i].Kind == Message {
				t.used = true
				own.events[i].carry(t)
			}
		}
		n := len(own.events)
		all := attach(own.events, byClient[who], true)
		out = append(out, all[:n]...)
		for _, e := range all[n:] {
			if e.Bytes >= leastAlone {
				out = append(out, e)
			}
		}
	}
	return out
}

// parted moves the events that pass a test before those that do not, each in
// their order. What is appended to passed does not touch the rest.
func parted(events []Event, test func(*Event) bool) (passed, rest []Event) {
	n := 0
	for i := range events {
		if test(&events[i]) {
			n++
		}
	}
	passed, rest = make([]Event, 0, len(events)), make([]Event, 0, len(events)-n)
	for i := range events {
		if e := &events[i]; test(e) {
			passed = append(passed, *e)
		} else {
			rest = append(rest, *e)
		}
	}
	return passed, rest
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
	events []Event
	count  int
}

// perClient parts events by client; clients that only have media come too.
func perClient(events []Event, media []*Conn) []clientEvents {
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
		find(events[i].Client).count++
	}
	room := make([]Event, len(events))
	for i := range out {
		out[i].events, room = room[:0:out[i].count], room[out[i].count:]
	}
	for i := range events {
		c := find(events[i].Client)
		c.events = append(c.events, events[i])
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
