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

// join notes that somebody came into a room, from an address where the log has it.
func (j *jitsi) join(room, meeting, id, name string, from netip.AddrPort) {
	m, ok := j.meetings.get(room)
	if !ok {
		m = &jitsiMeeting{id: meeting, places: map[string]int{}, present: map[string]bool{}}
		j.meetings.put(room, m)
	}
	if id == "" || m.present[id] || len(m.ends) >= maxRecipients {
		return
	}
	place, known := m.places[id]
	if !known {
		account, _ := j.accounts.get(room + "/" + id)
		if name == "" || name == "null" {
			name = id
		}
		place, m.places[id] = len(m.ends), len(m.ends)
		m.ends = append(m.ends, capture.End{Account: account, Name: name})
	}
	if from.IsValid() {
		m.ends[place].Addr, m.ends[place].Port = from.Addr().Unmap().WithZone(""), from.Port()
	}
	m.present[id] = true
	if len(m.present) == 2 {
		if m.since == 0 {
			m.since, m.line = j.at, j.r.at
		}
		m.until = 0
	}
	j.give(j.at, capture.Entry{Kind: capture.EntryLogin, From: m.ends[place], ID: m.id})
	if !known {
		j.give(j.at, capture.Entry{Kind: capture.EntryMember, From: m.ends[place], Group: room, ID: m.id})
	}
}

// farAddr is the address that an endpoint has towards the bridge: "10.0.0.1:10000/udp/host ->
// 192.0.2.10:50000/udp/prflx (stream-ID.RTP)".
func farAddr(text string) netip.AddrPort {
	far, _ := between(text, " -> ", "/")
	addr, err := netip.ParseAddrPort(far)
	if err != nil {
		return netip.AddrPort{}
	}
	return addr
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
	j.give(j.at, capture.Entry{Kind: capture.EntryLogout, From: m.ends[m.places[id]], ID: m.id})
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
