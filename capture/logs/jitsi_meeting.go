package logs

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"envelope/capture"
)

// jitsiMeeting is a meeting that is going on.
type jitsiMeeting struct {
	id      string
	ends    []capture.End  // all that were there, in the order of their coming
	places  map[string]int // of them, by their ids in the room
	present map[string]bool
	since   capture.Time // when two were there first, 0 before
	until   capture.Time // when the last but one left, 0 while two are there
	line    int64        // of since
}

func (j *jitsi) give(at capture.Time, e capture.Entry) {
	e.Service, e.Unit = "jitsi", time.Millisecond
	j.r.entry(at, &e)
}

// join notes that somebody came into a room.
func (j *jitsi) join(room, meeting, id, name string) {
	m, ok := j.meetings.get(room)
	if !ok {
		m = &jitsiMeeting{id: meeting, places: map[string]int{}, present: map[string]bool{}}
		j.meetings.put(room, m)
	}
	if id == "" || m.present[id] || len(m.ends) >= maxRecipients {
		return
	}
	if _, known := m.places[id]; !known {
		account, _ := j.accounts.get(room + "/" + id)
		if name == "" || name == "null" {
			name = id
		}
		m.places[id] = len(m.ends)
		m.ends = append(m.ends, capture.End{Account: account, Name: name})
	}
	m.present[id] = true
	if len(m.present) == 2 {
		if m.since == 0 {
			m.since, m.line = j.at, j.r.at
		}
		m.until = 0
	}
	j.give(j.at, capture.Entry{Kind: capture.EntryMember, From: m.ends[m.places[id]], Group: room, ID: m.id})
}

// located keeps the address that an endpoint has towards the bridge: "10.0.0.1:10000/udp/host ->
// 192.0.2.10:50000/udp/prflx (stream-ID.RTP)".
func (j *jitsi) located(room, id, text string) {
	m, ok := j.meetings.get(room)
	far, found := between(text, " -> ", "/")
	addr, err := netip.ParseAddrPort(far)
	if !ok || !found || err != nil {
		return
	}
	place, ok := m.places[id]
	if !ok || m.ends[place].Addr.IsValid() {
		return
	}
	end := &m.ends[place]
	end.Addr, end.Port = addr.Addr().Unmap().WithZone(""), addr.Port()
	j.give(j.at, capture.Entry{Kind: capture.EntryAccount, From: *end, ID: m.id})
}

// leave notes that somebody left.
func (j *jitsi) leave(room, id string) {
	m, ok := j.meetings.get(room)
	id, _, _ = strings.Cut(strings.TrimSpace(id), " ")
	if !ok || !m.present[id] {
		return
	}
	delete(m.present, id)
	if len(m.present) == 1 {
		m.until = j.at
	}
	j.give(j.at, capture.Entry{Kind: capture.EntryLeave, From: m.ends[m.places[id]], Group: room, ID: m.id})
}

// stop ends a meeting, and yields it as a call of those who were there where two
// of them met. It lasts as long as there were two.
func (j *jitsi) stop(room string) {
	m, ok := j.meetings.get(room)
	if !ok {
		return
	}
	j.meetings.drop(room)
	if m.since == 0 {
		return
	}
	line := j.r.at
	j.r.at = m.line
	j.give(m.since, capture.Entry{Kind: capture.EntryCall, From: m.ends[0], To: slices.Clone(m.ends[1:]), Group: room, ID: m.id,
		Until: m.until, Call: &capture.CallEntry{Path: j.path, Outcome: answered, Answered: m.since}})
	j.r.at = line
}
