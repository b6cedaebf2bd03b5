package evaluate

import (
	"cmp"
	"slices"
	"time"

	"envelope/analyze"
	"envelope/capture"
)

// tolerance is how far the time of an event may lie from that of the truth: the
// truth is taken in the client, the capture on the way.
const tolerance = time.Second

// happening is one message as one person sent or received it.
type happening struct {
	time    capture.Time
	message *Message
}

// messageEvents are the events that stand for messages, of one direction, by
// person and in order of time; others counts those of nobody known. What one
// device of a person got from another, by the report, is no message to the person.
func messageEvents(rep *analyze.Report, n *naming, direction string) (byPerson map[int32][]*analyze.Event, others int) {
	byPerson = map[int32][]*analyze.Event{}
	for i := range rep.Events {
		e := &rep.Events[i]
		if e.Direction != direction || e.Kind != "message" && e.Kind != "media" {
			continue
		}
		switch who := n.who(e.Party); {
		case who == Outside:
			others++
		case direction == "received" && e.Peer != nil && *e.Peer != e.Party && n.peer(e) == who:
		default:
			byPerson[who] = append(byPerson[who], e)
		}
	}
	for _, events := range byPerson {
		slices.SortStableFunc(events, func(a, b *analyze.Event) int { return cmp.Compare(timeOf(a), timeOf(b)) })
	}
	return byPerson, others
}

// timeOf is the time of an event in microseconds, as exact as truth is.
func timeOf(e *analyze.Event) capture.Time {
	return capture.TimeOf(e.Time.Truncate(time.Microsecond))
}

// happenings are the messages of the truth by the person that sent or received
// them, in order of time.
func happenings(t *Truth, direction string) map[int32][]happening {
	out := map[int32][]happening{}
	note := func(who int32, at capture.Time, m *Message) {
		if who != Outside {
			out[who] = append(out[who], happening{at, m})
		}
	}
	for i := range t.Messages {
		m := &t.Messages[i]
		if direction == "sent" {
			note(m.From, m.Time, m)
			continue
		}
		for _, g := range m.Got {
			note(g.To, g.Time, m)
		}
	}
	for _, list := range out {
		slices.SortStableFunc(list, func(a, b happening) int { return cmp.Compare(a.time, b.time) })
	}
	return out
}

// match ties what happened to what was found, one to one in order of time:
// each takes the nearest that is free within the tolerance. It gives for each
// of truth the index of the found one, -1 for none. Both must be in order.
func match(truth, found []capture.Time, tolerance time.Duration) []int {
	out := make([]int, len(truth))
	used := make([]bool, len(found))
	start := 0
	for i, t := range truth {
		for start < len(found) && t.Sub(found[start]) > tolerance {
			start++
		}
		best := -1
		for j := start; j < len(found) && found[j].Sub(t) <= tolerance; j++ {
			if !used[j] && (best < 0 || found[j].Sub(t).Abs() < found[best].Sub(t).Abs()) {
				best = j
			}
		}
		if best >= 0 {
			used[best] = true
		}
		out[i] = best
	}
	return out
}

// eventFigures matches the events of one direction and looks whom they name.
func eventFigures(rep *analyze.Report, t *Truth, n *naming, direction string) (Matched, Attribution) {
	found, others := messageEvents(rep, n, direction)
	counts, names := Counts{Wrong: others}, Attribution{}
	truth := happenings(t, direction)
	for who := range int32(len(t.People)) {
		events, happened := found[who], truth[who]
		at := match(timesOf(happened, func(h happening) capture.Time { return h.time }), timesOf(events, timeOf), tolerance)
		matched := 0
		for i, j := range at {
			names.direct(happened[i].message, direction)
			if j >= 0 {
				matched++
				names.compare(happened[i].message, n.peer(events[j]), events[j].Peer != nil && *events[j].Peer != "", direction)
			}
		}
		counts.Right, counts.Wrong, counts.Missed = counts.Right+matched, counts.Wrong+len(events)-matched, counts.Missed+len(happened)-matched
	}
	names.P, names.R = figure(share(names.Right, names.Told)), figure(share(names.Right, names.Direct))
	return Matched{scoresOf(counts)}, names
}

func timesOf[T any](list []T, at func(T) capture.Time) []capture.Time {
	out := make([]capture.Time, len(list))
	for i, x := range list {
		out[i] = at(x)
	}
	return out
}

// direct counts a message whose peer could be named.
func (a *Attribution) direct(m *Message, direction string) {
	if m.Group == "" && otherEnd(m, direction) != Outside {
		a.Direct++
	}
}

// compare counts whom a matched event names. Naming anybody for a peer that is
// outside is wrong.
func (a *Attribution) compare(m *Message, peer int32, told bool, direction string) {
	if m.Group != "" {
		return
	}
	a.Matched++
	if !told {
		return
	}
	a.Told++
	if want := otherEnd(m, direction); want != Outside && peer == want {
		a.Right++
	}
}

// otherEnd is the peer of a direct message.
func otherEnd(m *Message, direction string) int32 {
	if direction == "received" {
		return m.From
	}
	if len(m.To) == 0 {
		return Outside
	}
	return m.To[0]
}
