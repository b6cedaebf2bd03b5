package analyze

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"envelope/analyze/correlate"
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
	in          *strand
	event       int  // index in Report.Events, -1 for none yet
	faint       bool // not logged, but to be expected: the receipt of what one line stands for as a whole
	guessed     bool // that it carries the file of an upload before it: a text may have come between
}

// clocked brings another time of the line to the clock of the report; 0 stays.
func (h *half) clocked(t capture.Time) capture.Time {
	if t == 0 {
		return 0
	}
	return t.Add(h.time.Sub(h.logged.time))
}

func (h *half) span() correlate.Span { return correlate.Span{At: h.time, Unit: h.Unit} }

// halves gives the events that lines stand for, in order of time.
func (d *document) halves(list []logged, who *ends) []half {
	var out []half
	for i := range list {
		if list[i].Kind.Event() {
			out = appendHalves(out, &list[i], who)
		}
	}
	slices.SortStableFunc(out, func(x, y half) int { return cmp.Compare(x.time, y.time) })
	d.tieEnds(out)
	return oneWithUpload(out)
}

// appendHalves adds those of one line: one about a message as a whole, or about
// its sending, is what was sent; one about a delivery is what was received. A
// line that does not name who sent it is what each of those it names received.
func appendHalves(out []half, e *logged, who *ends) []half {
	from := who.party(e.From, e.at)
	if e.Half != capture.HalfReceived && from != "" {
		h := half{logged: e, time: e.time, service: e.Service, end: e.From, party: from, direction: directionOf(e.Kind, sent), event: -1}
		if len(e.To) == 1 && e.Group == "" {
			h.peer = who.party(e.To[0], e.at)
		}
		out = append(out, h)
		if e.Half != capture.HalfBoth || !talks(e.Kind) || e.Kind == capture.EntryCall {
			return out
		}
	}
	for _, end := range e.To {
		if to := who.party(end, e.at); to != "" && (to != from || e.Half == capture.HalfReceived) {
			out = append(out, half{logged: e, time: e.time, service: e.Service, end: end, party: to, peer: from, direction: directionOf(e.Kind, received), event: -1,
				faint: from != "" && e.Half == capture.HalfBoth})
		}
	}
	return out
}

// The directions of an event.
const (
	sent     = "sent"
	received = "received"
)

// message is one message by the ID that a log gives it. What a server calls it
// is its name in the logs of others as well; what a device does need not be.
type message struct {
	log int32 // of a device, -1 for all others
	id  string
}

func (d *document) messageOf(h *half) message {
	if d.observer(h.at.Input) == capture.Device {
		return message{h.at.Input, h.ID}
	}
	return message{-1, h.ID}
}

// several stands for more than one party.
const several = "\x00"

// tieEnds names the other end of a half whose line does not, where other lines
// of the same message do: who sent what was received, and who received what was
// sent, if that was one.
func (d *document) tieEnds(list []half) {
	end := map[string]map[message]string{sent: {}, received: {}}
	var open []*half
	for i := range list {
		h := &list[i]
		if h.ID == "" || end[h.direction] == nil || !talks(h.Kind) {
			continue
		}
		m := d.messageOf(h)
		if was := end[h.direction][m]; was != "" && was != h.party {
			end[h.direction][m] = several
		} else {
			end[h.direction][m] = h.party
		}
		if h.peer == "" && (h.direction == received || h.Group == "" && len(h.To) == 0) {
			open = append(open, h)
		}
	}
	for _, h := range open {
		other := end[received]
		if h.direction == received {
			other = end[sent]
		}
		if p := other[d.messageOf(h)]; p != several && p != h.party {
			h.peer = p
		}
	}
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
		if h.direction != sent || !talks(h.Kind) {
			continue
		}
		k := sender{h.at.Input, h.party}
		up, waits := waiting[k]
		switch {
		case h.Kind == capture.EntryMedia && h.peer == "" && h.Group == "" && len(h.To) == 0:
			waiting[k] = i
		case waits && h.time.Sub(list[up].time) <= afterUpload:
			h.logged, h.guessed = h.carrying(list[up].Size), true
			gone[up] = true
			delete(waiting, k)
		}
	}
	if len(gone) == 0 {
		return list
	}
	kept := list[:0]
	for i := range list {
		if !gone[i] {
			kept = append(kept, list[i])
		}
	}
	return kept
}

// carrying is the line of a message that carries a file of a size.
func (e *logged) carrying(size uint64) *logged {
	out, m := *e, *e.manner
	m.Kind = capture.EntryMedia
	out.manner, out.Size = &m, size
	return &out
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
	rooms := who.rooms(entries)
	entries = roomsOfTwo(rooms, entries, who)
	halves := d.halves(entries, who)
	j := newJoiner(d)
	j.rooms, j.tells = rooms, tellMedia(halves)
	j.join(halves)
	j.dropDoubted(halves)
	j.giveWay()
	d.loggedContacts(halves, who)
	d.loggedGroups(entries, halves, who)
	d.renumber()
}

// tellMedia gives the logs that tell attachments from other messages line by
// line.
func tellMedia(halves []half) map[int32]bool {
	out := map[int32]bool{}
	for i := range halves {
		if h := &halves[i]; h.Kind == capture.EntryMedia && !h.guessed && (len(h.To) > 0 || h.Group != "") { // an upload alone is no line about a message
			out[h.at.Input] = true
		}
	}
	return out
}

// told adds the words of a log to an event.
func (e *Event) told(h *half) {
	e.MessageID, e.Type, e.Style = cmp.Or(e.MessageID, h.ID), cmp.Or(e.Type, h.Type), cmp.Or(e.Style, h.Style)
	e.Device = cmp.Or(h.end.Device, e.Device)
	if text := addressText(h.end.Addr, h.end.Port); text != "" && (e.Address == "" || h.end.Port != 0 && e.Grain == string(capture.GrainEntry)) {
		e.Address = text
	}
}

// eventKind is the report's word for the kind of an entry.
func eventKind(k capture.EntryKind) string {
	if k == capture.EntryLogout {
		return string(capture.EntryPresence)
	}
	return string(k)
}

// lineNote says what a line of a log is evidence of.
func lineNote(h *half) string {
	note := linePrefix + string(h.Kind)
	switch h.Half {
	case capture.HalfReceived:
		return note + " handed to its receiver"
	case capture.HalfSent:
		return note + " handed over by its sender"
	}
	return note
}

const linePrefix = "log line: "

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
		at := h.clocked(c.Answered).UTC().Format(time.RFC3339Nano)
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
	order := make([]int, len(d.Events))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { return d.Events[x].Time.Compare(d.Events[y].Time) })
	now := make(map[string]string, len(order))
	sorted := make([]Event, 0, len(order))
	for i, k := range order {
		e := d.Events[k]
		id := eventID(i)
		now[e.ID], e.ID = id, id
		sorted = append(sorted, e)
	}
	d.Events = sorted
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

func eventID(i int) string { return "e" + strconv.Itoa(i+1) }

// renamed replaces ids, and leaves out those that are no more.
func renamed(ids []string, now map[string]string) []string {
	for i, id := range ids {
		ids[i] = now[id]
	}
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}
