package report

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"envelope/analyze"
)

// background are the kinds of events that a connection shows by itself all the
// time. They are only counted, so that what people did stands out.
var background = []string{"receipt", "typing", "presence", "keepalive"}

// row is one event, or several of the same kind between the same two.
type row struct {
	analyze.Event
	count     int
	last      time.Time
	low, high float64
	evidence  []analyze.Evidence
}

// same is what the events of one row have in common.
type same struct {
	party, peer, group, service, kind, direction, grade, call string
}

func sameOf(e *analyze.Event) same {
	s := same{e.Party, value(e.Peer), value(e.Group), e.Service, e.Kind, e.Direction, e.Grade, ""}
	if e.Kind == "call" {
		s.call = e.ID // each call is its own row
	}
	return s
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// always is longer than any pause.
const always = time.Duration(1<<63 - 1)

// fewRows is how many rows of events the text shows without folding: what can
// be read at one glance.
const fewRows = 15

// rowsFor is how many rows of events are few enough: more where many took part,
// since each has rows of its own, and so has each call.
func rowsFor(events []*analyze.Event) int {
	calls, parties := 0, map[string]bool{}
	for _, e := range events {
		parties[e.Party] = true
		if e.Kind == "call" {
			calls++
		}
	}
	return min(max(fewRows, 2*len(parties))+calls, maxRows)
}

// fold joins events into rows: of the same kind between the same two, as long
// as no pause is longer than the shortest that leaves few rows.
func fold(events []*analyze.Event) []row {
	if len(events) <= fewRows {
		return each(events)
	}
	most := rowsFor(events)
	pause := always
	for _, p := range []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour} {
		if n := rowsBy(events, p, most); n <= most {
			pause = p
			break
		}
	}
	return foldBy(events, pause)
}

// rowsBy counts the rows that foldBy makes, until there are more than most: of a
// pause that leaves too many no row is made.
func rowsBy(events []*analyze.Event, pause time.Duration, most int) (rows int) {
	last := map[same]time.Time{}
	for i := 0; i < len(events) && rows <= most; i++ {
		key := sameOf(events[i])
		if before, ok := last[key]; !ok || events[i].Time.Sub(before) > pause {
			rows++
		}
		last[key] = events[i].Time
	}
	return rows
}

// foldBy joins events of the same kind between the same two that follow each
// other within a pause. Events are in time order.
func foldBy(events []*analyze.Event, pause time.Duration) []row {
	var rows []row
	open := map[same]int{}
	for _, e := range events {
		key := sameOf(e)
		at, ok := open[key]
		if ok && e.Time.Sub(rows[at].last) <= pause {
			rows[at].join(e)
			continue
		}
		open[key] = len(rows)
		rows = append(rows, rowOf(e))
	}
	return rows
}

func rowOf(e *analyze.Event) row {
	return row{Event: *e, count: 1, last: e.Time, low: e.Confidence, high: e.Confidence, evidence: slices.Clone(e.Evidence)}
}

func (r *row) join(e *analyze.Event) {
	r.count++
	r.last = e.Time
	r.low, r.high = min(r.low, e.Confidence), max(r.high, e.Confidence)
	r.Bytes += e.Bytes
	r.evidence = append(r.evidence, e.Evidence...)
}

func (p *printer) events() {
	if p.o.All {
		p.section("Events", p.eventTable(each(those(p.view.events, func(*analyze.Event) bool { return true }))))
		return
	}
	people := those(p.view.events, func(e *analyze.Event) bool { return !slices.Contains(background, e.Kind) })
	p.section("Events", p.eventTable(fold(people)))
	p.background()
}

// those gives the events for which keep holds, where they stand: copies of a
// million would take as much memory as the report.
func those(events []analyze.Event, keep func(*analyze.Event) bool) []*analyze.Event {
	var out []*analyze.Event
	for i := range events {
		if e := &events[i]; keep(e) {
			out = append(out, e)
		}
	}
	return out
}

// background counts the events that happen by themselves, in one sentence.
func (p *printer) background() {
	var parts []string
	for _, kind := range background {
		of := those(p.view.events, func(e *analyze.Event) bool { return e.Kind == kind })
		if len(of) == 0 {
			continue
		}
		one, many := eventWords(kind, "")
		if len(of) > 1 {
			one = many
		}
		parts = append(parts, fmt.Sprintf("%s %s (%s)", grouped(int64(len(of))), one, certainty(of, ofEvent)))
	}
	if len(parts) > 0 {
		p.title("In the background: " + list(parts) + "; --all lists them.")
	}
}

func (p *printer) eventTable(rows []row) *table {
	t := &table{into: 2, cols: []column{
		{title: "time", keep: 9},
		{title: "party", keep: 9},
		{title: "what", keep: 9, least: 16},
		{title: "with", keep: 7, prefix: "with "},
		{title: "service", keep: 4},
		{title: "size", right: true, keep: 3},
		{title: "how sure", keep: 8, least: 11},
		{title: p.evidenceTitle(), keep: 5, least: 10, prefix: p.evidenceTitle() + " "},
	}}
	for _, r := range shown(p, t, rows) {
		t.add(p.clock(r.Time), p.who(r.Party), what(r), p.with(r.Event), p.eventService(r.Event), sizeOf(r.Bytes),
			sureRange(r.Grade, r.low, r.high), packets(r.evidence))
	}
	return t
}

// eventService is the service of an event, unless it is that of all events: the
// first sentence has named it then.
func (p *printer) eventService(e analyze.Event) string {
	if p.several {
		return p.service(e.Service)
	}
	return ""
}

// each is one row for each event.
func each(events []*analyze.Event) []row {
	rows := make([]row, len(events))
	for i, e := range events {
		rows[i] = rowOf(e)
	}
	return rows
}

func sizeOf(n uint64) string {
	if n == 0 {
		return ""
	}
	return size(n)
}

// with is the other side of an event, as far as it is known.
func (p *printer) with(e analyze.Event) string {
	switch {
	case value(e.Group) != "":
		return "group " + Clean(*e.Group)
	case value(e.Peer) != "":
		return p.who(*e.Peer)
	}
	return ""
}

// what says in words what a row of events is.
func what(r row) string {
	if r.Kind == "call" {
		return callWords(r.Event)
	}
	one, many := eventWords(r.Kind, r.Direction)
	if r.count == 1 {
		return one
	}
	s := grouped(int64(r.count)) + " " + many
	if d := r.last.Sub(r.Time); d >= time.Second {
		s += " within " + length(d)
	}
	return s
}

func eventWords(kind, direction string) (one, many string) {
	switch kind {
	case "message", "receipt":
		one, many = kind, kind+"s"
	case "media":
		one, many = "media message", "media messages"
	case "typing":
		if direction == "received" {
			return "sign that the other side typed", "signs that the other side typed"
		}
		return "sign of typing", "signs of typing"
	case "presence":
		return "sign of presence", "signs of presence"
	case "login", "keepalive":
		return kind, kind + "s"
	default:
		one, many = Clean(kind), Clean(kind)+" events"
	}
	if direction != "" {
		one, many = one+" "+Clean(direction), many+" "+Clean(direction)
	}
	return one, many
}

// callWords is a call in a few words: "audio call, 29 s, direct".
func callWords(e analyze.Event) string {
	s := "call"
	if e.Call != nil && known(e.Call.Media) {
		s = Clean(e.Call.Media) + " call"
	}
	if d := lasted(e); d > 0 {
		s += ", " + length(d)
	}
	if e.Call != nil && known(e.Call.Path) {
		s += ", " + Clean(e.Call.Path)
	}
	return s
}

func known(s string) bool { return s != "" && s != "unknown" }

func lasted(e analyze.Event) time.Duration {
	if e.End == nil {
		return 0
	}
	return e.End.Sub(e.Time)
}

func (p *printer) calls() {
	t := &table{into: 3, cols: []column{
		{title: "start", keep: 9},
		{title: "length", keep: 8, prefix: "length "},
		{title: "party", keep: 9},
		{title: "other end", keep: 9, least: 20},
		{title: "role", keep: 5},
		{title: "media", keep: 7},
		{title: "path", keep: 6, least: 8},
		{title: "outcome", keep: 5, least: 10},
		{title: "service", keep: 3},
		{title: "how sure", keep: 8, least: 9},
		{title: p.evidenceTitle(), keep: 4, least: 10, prefix: p.evidenceTitle() + " "},
	}}
	for _, e := range p.view.events {
		if e.Kind != "call" {
			continue
		}
		c := cmp.Or(e.Call, &analyze.Call{})
		t.add(p.clock(e.Time), callLength(e), p.who(e.Party), p.otherEnd(e), visibleWord(c.Role), visibleWord(c.Media),
			visibleWord(c.Path), visibleWord(c.Outcome), p.eventService(e), sure(e.Grade, e.Confidence), packets(e.Evidence))
	}
	p.section("Calls", t)
}

// notVisible stands for what cannot be seen from the inputs.
const notVisible = "not visible"

// visibleWord keeps "unknown" apart from an answer: it cannot be seen.
func visibleWord(s string) string {
	if !known(s) {
		return notVisible
	}
	return Clean(s)
}

func callLength(e analyze.Event) string {
	if e.End == nil {
		return "end not seen"
	}
	return length(lasted(e))
}

// otherEnd is the peer of a call and the addresses that gave it away.
func (p *printer) otherEnd(e analyze.Event) string {
	out := nonEmpty(p.with(e))
	if e.Call != nil {
		for _, a := range e.Call.PeerAddresses {
			if a = Clean(a); !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	if len(out) == 0 {
		return notVisible
	}
	return strings.Join(out, ", ")
}

// endpoint is an address with its port.
func endpoint(addr string, port uint16) string {
	if a, err := netip.ParseAddr(addr); err == nil {
		return netip.AddrPortFrom(a, port).String()
	}
	return fmt.Sprintf("%s:%d", Clean(addr), port)
}
