package infer

import (
	"fmt"
	"slices"

	"envelope/capture"
)

// turnsOfSignal reads the requests and answers of one connection.
type turnsOfSignal struct {
	law   *signalLaw
	c     *Conn
	units []unit
	until capture.Time // end of the session's set-up
	role  []uint8      // by unit
	open  [2][]int     // by direction: requests that wait for an answer
	pings [][2]int     // short requests with their answers
}

// What a unit is.
const (
	isOther   uint8 = iota
	isWaiting       // a request without an answer so far
	isSuspect       // the same, but more likely itself the long answer to another
	isCarrier       // a request with a message that was answered
)

// read goes through the units. A short record answers the oldest open request
// of the other side, if there is one that it may answer; all else is a request,
// or the long answer to a request for something.
func (t *turnsOfSignal) read() {
	t.role = make([]uint8, len(t.units))
	for i := range t.units {
		u := &t.units[i]
		d := direction(u.up)
		if t.short(u) && t.answer(i) {
			continue
		}
		t.role[i] = isWaiting
		if !u.up && t.fetched(i) {
			t.role[i] = isSuspect
		}
		t.open[d] = append(t.open[d], i)
	}
}

// short tells whether a unit has the size of an answer without contents.
func (t *turnsOfSignal) short(u *unit) bool {
	if u.up {
		return t.law.AnswerUp.holds(u.size)
	}
	return t.law.AnswerDown.holds(u.size)
}

// fetched tells whether unit i may be what a request asked for that carried
// nothing itself, and takes that request for answered.
func (t *turnsOfSignal) fetched(i int) bool {
	at := t.units[i].at
	k := slices.IndexFunc(t.open[capture.Up], func(k int) bool {
		r := &t.units[k]
		return !t.short(r) && !t.carries(r) && at.Sub(r.end) <= seconds(t.law.AnswerS)
	})
	if k >= 0 {
		t.open[capture.Up] = slices.Delete(t.open[capture.Up], k, k+1)
	}
	return k >= 0
}

// answer takes unit i for the answer to the oldest request that waits for one.
func (t *turnsOfSignal) answer(i int) bool {
	u := &t.units[i]
	side, within := 1-direction(u.up), t.law.AnswerS
	if u.up {
		within = t.law.ResponseS
	}
	open := slices.DeleteFunc(t.open[side], func(k int) bool { return u.at.Sub(t.units[k].end) > seconds(within) })
	t.open[side] = open
	if len(open) == 0 {
		return false
	}
	n := max(0, slices.IndexFunc(open, func(k int) bool { return t.role[k] != isSuspect }))
	k := open[n]
	t.open[side] = slices.Delete(open, n, n+1)
	switch r := &t.units[k]; {
	case t.carries(r):
		t.role[k] = isCarrier
	case r.up && t.short(r):
		t.pings = append(t.pings, [2]int{k, i})
	}
	return true
}

// carries tells whether a request has the size of a message.
func (t *turnsOfSignal) carries(u *unit) bool {
	if u.up {
		return t.law.MessageUp.holds(u.size)
	}
	return t.law.MessageDown.holds(u.size)
}

// kept gives the requests with messages. In the set-up of a session clients also
// send settings and keys; there, only what follows a push may be a receipt, and
// what comes before is a message only if it is passed on: somebody took the phone
// to write. The first words on a connection ask for the web socket, whether or not another of
// the same address is open (431 bytes in signal.pcap, 2019).
func (t *turnsOfSignal) kept() []unit {
	var out []unit
	pushed, opened := false, !shakes(t.c.Flow)
	for i := range t.units {
		u := t.units[i]
		opening := u.up && !opened
		opened = opened || u.up
		if t.role[i] != isCarrier || opening {
			continue
		}
		pushed = pushed || !u.up
		u.login = u.at <= t.until
		u.setting = u.login && !pushed
		out = append(out, u)
	}
	return out
}

// keepalives gives one event for each short request that came by the clock.
func (t *turnsOfSignal) keepalives() []Event {
	var out []Event
	clock := func(a, b int) bool {
		if a < 0 || b >= len(t.pings) {
			return false
		}
		gap := t.units[t.pings[b][0]].at.Sub(t.units[t.pings[a][0]].at)
		return gap >= seconds(t.law.KeepaliveS[0]) && gap <= seconds(t.law.KeepaliveS[1])
	}
	for k, p := range t.pings {
		if !clock(k-1, k) && !clock(k, k+1) {
			continue
		}
		u, a := &t.units[p[0]], &t.units[p[1]]
		out = append(out, Event{Kind: Keepalive, Time: u.at, Service: t.c.Service, Client: t.c.Flow.Client.Addr(), Server: t.c.Flow.Server,
			Flow: t.c.Flow.ID, Direction: Sent, Bytes: uint64(u.size), Confidence: sureAsked * t.c.Weight, Grain: capture.GrainFrame,
			Evidence: []Evidence{{u.origin, fmt.Sprintf("%d bytes up, %d bytes down, by the clock", u.size, a.size)}}})
	}
	return out
}
