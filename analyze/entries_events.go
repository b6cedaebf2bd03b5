package analyze

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"envelope/capture"
)

// ends says which party is who in entries.
type ends struct {
	d        *document
	accounts map[string]string // party by account
}

func (d *document) newEnds() *ends {
	e := &ends{d, map[string]string{}}
	for i := range d.Parties {
		for _, a := range d.accounts[i] {
			e.accounts[a] = d.Parties[i].ID
		}
	}
	return e
}

// party gives the party of an end, "" where the log does not say who it is, or
// its address where only that is known.
func (e *ends) party(end *capture.End, at capture.Origin) string {
	if id := e.accounts[accountOf(end, at)]; id != "" {
		return id
	}
	if end.Addr.IsValid() {
		return e.d.partyOf(end.Addr)
	}
	return ""
}

// half is one half of a message, or another event, as a log has it.
type half struct {
	*logged
	time        capture.Time // by the clock of the report
	service     string
	end         *capture.End // whose half it is
	party, peer string
	direction   string
	event       int  // index in Report.Events, -1 for none yet
	faint       bool // not logged, but to be expected: the receipt of what one line stands for as a whole
}

// halves gives the events that an entry stands for: a line about a message as
// a whole, and one about its sending, is what was sent; one about a delivery is
// what was received. A line that does not name who sent it is what each of
// those it names received.
func (d *document) halves(list []logged, who *ends) []half {
	var out []half
	for i := range list {
		e := &list[i]
		if !e.Kind.Event() {
			continue
		}
		from := who.party(&e.From, e.at)
		if e.Half != capture.HalfReceived && from != "" {
			h := half{logged: e, time: e.time, service: e.Service, end: &e.From, party: from, direction: directionOf(e.Kind, "sent"), event: -1}
			if len(e.To) == 1 && e.Group == "" {
				h.peer = who.party(&e.To[0], e.at)
			}
			out = append(out, h)
			if e.Half != capture.HalfBoth || !talks(e.Kind) || e.Kind == capture.EntryCall {
				continue
			}
		}
		for k := range e.To {
			if to := who.party(&e.To[k], e.at); to != "" {
				out = append(out, half{logged: e, time: e.time, service: e.Service, end: &e.To[k], party: to, peer: from, direction: directionOf(e.Kind, "received"), event: -1,
					faint: from != "" && e.Half == capture.HalfBoth})
			}
		}
	}
	slices.SortStableFunc(out, func(x, y half) int { return cmp.Compare(x.time, y.time) })
	tieSenders(out)
	return oneWithUpload(out)
}

// afterUpload is how long after the server granted the upload of a file the
// message that points to it may come: files of 100 MB take a minute and more on
// a mobile link.
const afterUpload = 2 * time.Minute

// oneWithUpload makes one event of the upload of a file, of which a log does
// not say for whom it is, and the next message of the same sender, which says so.
func oneWithUpload(list []half) []half {
	type sender struct {
		input int32
		party string
	}
	waiting := map[sender]int{}
	gone := map[int]bool{}
	for i := range list {
		h := &list[i]
		k := sender{h.at.Input, h.party}
		up, waits := waiting[k]
		switch {
		case h.direction != "sent" || !talks(h.Kind):
		case h.Kind == capture.EntryMedia && h.peer == "" && h.Group == "" && len(h.To) == 0:
			waiting[k] = i
		case waits && h.time.Sub(list[up].time) <= afterUpload:
			e := *h.logged
			e.Kind, e.Size = capture.EntryMedia, list[up].Size
			h.logged, gone[up] = &e, true
			delete(waiting, k)
		}
	}
	kept := list[:0]
	for i := range list {
		if !gone[i] {
			kept = append(kept, list[i])
		}
	}
	return kept
}

// tieSenders names who sent what was received where the line of the delivery
// does not, and another line of the same message does.
func tieSenders(list []half) {
	type message struct {
		input int32
		id    string
	}
	sender := map[message]string{}
	for i := range list {
		if h := &list[i]; h.ID != "" && h.direction == "sent" {
			sender[message{h.at.Input, h.ID}] = h.party
		}
	}
	for i := range list {
		if h := &list[i]; h.ID != "" && h.direction == "received" && h.peer == "" {
			if from := sender[message{h.at.Input, h.ID}]; from != h.party {
				h.peer = from
			}
		}
	}
}

// directionOf leaves out the direction of what has none.
func directionOf(k capture.EntryKind, direction string) string {
	switch k {
	case capture.EntryLogin, capture.EntryLogout, capture.EntryPresence, capture.EntryCall:
		return ""
	}
	return direction
}

// logs enters what logs say: events that the traffic shows as well gain a
// second piece of evidence and the log's certainty, others are added, and
// contacts and groups are those that the logs name.
func (d *document) logs(entries []logged) {
	if len(entries) == 0 {
		return
	}
	who := d.newEnds()
	halves := d.halves(entries, who)
	rooms := d.rooms(entries, who)
	roomsOfTwo(rooms, halves)
	d.numbered = len(d.Events)
	// Log by log, so that a line meets what another log has of the same event.
	for _, input := range inputsOf(halves) {
		list := ofInput(halves, input)
		d.settleClock(list, input)
		d.meetEvents(list)
	}
	d.dropDoubted(halves)
	d.giveWay(halves, rooms)
	d.loggedContacts(halves, who)
	d.loggedGroups(entries, halves, who)
	d.renumber()
}

// inputsOf gives the inputs of lines in their order.
func inputsOf(halves []half) []int32 {
	var out []int32
	for i := range halves {
		out = append(out, halves[i].at.Input)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ofInput gives the lines of one log.
func ofInput(halves []half, input int32) []*half {
	var out []*half
	for i := range halves {
		if halves[i].at.Input == input {
			out = append(out, &halves[i])
		}
	}
	return out
}

// giveWay takes back what the traffic suggested of parties and messengers of
// which a log names both ends.
func (d *document) giveWay(halves []half, rooms map[room]map[string]capture.End) {
	told := map[[2]string]bool{} // party and messenger
	for k, members := range rooms {
		for id := range members {
			told[[2]string{id, k.service}] = true
		}
	}
	for i := range halves {
		if h := &halves[i]; h.peer != "" && talks(h.Kind) {
			told[[2]string{h.party, h.service}], told[[2]string{h.peer, h.service}] = true, true
		}
	}
	both := func(service string, parties ...string) bool {
		return !slices.ContainsFunc(parties, func(p string) bool { return !told[[2]string{p, service}] })
	}
	d.Contacts = slices.DeleteFunc(d.Contacts, func(c Contact) bool { return c.Calls == 0 && both(c.Service, c.A, c.B) })
	for i := range d.Contacts {
		if c := &d.Contacts[i]; both(c.Service, c.A, c.B) {
			c.Messages, c.Media, c.Via = 0, 0, "call"
		}
	}
	gone := map[string]bool{}
	d.Groups = slices.DeleteFunc(d.Groups, func(g Group) bool {
		gone[g.ID] = both(g.Service, g.Members...)
		return gone[g.ID]
	})
	now := map[string]string{}
	for i := range d.Groups {
		id := groupID(i)
		now[d.Groups[i].ID], d.Groups[i].ID = id, id
	}
	for i := range d.Events {
		e := &d.Events[i]
		if e.Group != nil {
			if id := now[*e.Group]; id != "" {
				e.Group = &id
			} else {
				e.Group = nil
			}
		}
	}
}

// enterHalf adds an event that only a log shows, or what the log says to the
// event that the traffic showed.
func (d *document) enterHalf(h *half) {
	v := d.evidence(h.at, lineNote(h))
	if h.faint && h.event < 0 {
		return
	}
	if h.event >= 0 {
		e := &d.Events[h.event]
		e.Confidence, e.Grade, e.Service = certain, "seen", cmp.Or(h.service, e.Service)
		e.Evidence = append(e.Evidence, v)
		if h.peer != "" {
			e.Peer, e.PeerConfidence = &h.peer, certain
		}
		e.told(h)
		return
	}
	e := Event{Time: h.time.UTC(), Kind: eventKind(h.Kind), Service: h.service, Party: h.party, Direction: h.direction, Bytes: h.Size,
		Confidence: certain, Grade: "seen", Grain: string(capture.GrainEntry), Evidence: []Evidence{v}}
	if h.peer != "" {
		e.Peer, e.PeerConfidence = &h.peer, certain
	}
	if h.Until != 0 {
		end := h.Until.UTC()
		e.End = &end
	}
	if h.Kind == capture.EntryCall {
		e.Call = h.call()
	}
	e.told(h)
	d.numbered++
	e.ID = fmt.Sprintf("e%d", d.numbered)
	h.event = len(d.Events)
	d.Events = append(d.Events, e)
}

// told adds the words of a log to an event.
func (e *Event) told(h *half) {
	e.MessageID, e.Type, e.Style = h.ID, h.Type, h.Style
	e.Device = cmp.Or(h.end.Device, e.Device)
	if text := addressText(h.end.Addr, h.end.Port); text != "" && (e.Address == "" || h.end.Port != 0 && e.Grain == string(capture.GrainEntry)) {
		e.Address = text
	}
}

// certain is the highest confidence there is: a log may be wrong, or forged.
const certain = 0.9999

// eventKind is the report's word for the kind of an entry.
func eventKind(k capture.EntryKind) string {
	if k == capture.EntryLogout {
		return string(capture.EntryPresence)
	}
	return string(k)
}

// lineNote says what a line of a log is evidence of.
func lineNote(h *half) string {
	switch {
	case h.Kind == capture.EntryLogout:
		return "log line: logout"
	case h.Half == capture.HalfReceived:
		return "log line: " + string(h.Kind) + " handed to its receiver"
	case h.Half == capture.HalfSent:
		return "log line: " + string(h.Kind) + " handed over by its sender"
	}
	return "log line: " + string(h.Kind)
}

func (h *half) call() *Call {
	out := &Call{Media: "unknown", Path: "unknown", PeerAddresses: []string{}, Outcome: "unknown", Role: "unknown"}
	c := h.Call
	if c == nil {
		return out
	}
	out.Media, out.Path, out.Outcome = cmp.Or(c.Media, "unknown"), cmp.Or(c.Path, "unknown"), cmp.Or(c.Outcome, "unknown")
	if h.From.Account != "" || h.From.Name != "" {
		out.Role = "caller"
	}
	if c.Outcome != "" {
		yes := c.Outcome == "answered"
		out.Answered = &yes
	}
	if c.Answered != 0 {
		at := c.Answered.UTC().Format(time.RFC3339Nano)
		out.AnsweredAt = &at
	}
	if c.Relay.IsValid() {
		out.Relays = []string{c.Relay.String()}
	}
	for _, p := range c.Peers {
		out.PeerAddresses = append(out.PeerAddresses, p.String())
	}
	return out
}

// renumber puts the events in order of time again and gives them ids in that
// order, wherever they are named.
func (d *document) renumber() {
	slices.SortStableFunc(d.Events, func(x, y Event) int { return x.Time.Compare(y.Time) })
	now := map[string]string{}
	for i := range d.Events {
		id := fmt.Sprintf("e%d", i+1)
		if was := d.Events[i].ID; was != "" {
			now[was] = id
		}
		d.Events[i].ID = id
	}
	for i := range d.Contacts {
		d.Contacts[i].Evidence = renamed(d.Contacts[i].Evidence, now)
	}
	for i := range d.Channels {
		for k := range d.Channels[i].Parties {
			p := &d.Channels[i].Parties[k]
			p.Evidence = renamed(p.Evidence, now)
		}
	}
}

// renamed replaces ids, and leaves out those that are no more.
func renamed(ids []string, now map[string]string) []string {
	for i, id := range ids {
		ids[i] = now[id]
	}
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}
