package report

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"envelope/analyze"
)

// background are the kinds of events that a connection shows by itself all the
// time. They are folded over the whole time, so that what people did stands out.
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

func sameOf(e analyze.Event) same {
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

// pauses are the rules of folding, from none to all: events of the same kind
// between the same two go into one row as long as no pause is longer.
var pauses = []time.Duration{0, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour, 1<<63 - 1}

// fold joins events into rows: as few as needed to stay within most rows.
func fold(events []analyze.Event, most int) []row {
	var rows []row
	for _, pause := range pauses {
		rows = foldBy(events, pause)
		if len(rows) <= most {
			break
		}
	}
	return rows
}

// foldBy joins events of the same kind between the same two that follow each
// other within a pause. Events are in time order.
func foldBy(events []analyze.Event, pause time.Duration) []row {
	var rows []row
	open := map[same]int{}
	for _, e := range events {
		key := sameOf(e)
		i, ok := open[key]
		if ok && (slices.Contains(background, e.Kind) || e.Time.Sub(rows[i].last) <= pause && pause > 0) {
			rows[i].join(e)
			continue
		}
		open[key] = len(rows)
		rows = append(rows, rowOf(e))
	}
	return rows
}

func rowOf(e analyze.Event) row {
	return row{Event: e, count: 1, last: e.Time, low: e.Confidence, high: e.Confidence, evidence: e.Evidence}
}

func (r *row) join(e analyze.Event) {
	r.count++
	r.last = e.Time
	r.low, r.high = min(r.low, e.Confidence), max(r.high, e.Confidence)
	r.Bytes += e.Bytes
	r.evidence = append(slices.Clip(r.evidence), e.Evidence...)
}

func (p *printer) events() {
	t := &table{into: 2, cols: []column{
		{title: "time", keep: 9},
		{title: "party", keep: 9},
		{title: "what", keep: 9, least: 16},
		{title: "with", keep: 8, prefix: "with "},
		{title: "service", keep: 5},
		{title: "size", right: true, keep: 2},
		{title: "how sure", keep: 6, least: 11},
		{title: "packets", keep: 4, least: 10, prefix: "packets "},
	}}
	for _, r := range p.rows() {
		service := p.service(r.Service)
		if len(p.used()) == 1 {
			service = "" // named once, in the first sentence
		}
		t.add(p.clock(r.Time), p.who(r.Party), what(r), p.with(r.Event), service, sizeOf(r.Bytes),
			sureRange(r.Grade, r.low, r.high), packets(r.evidence))
	}
	p.section("Events", t)
}

func (p *printer) rows() []row {
	if !p.o.All {
		return fold(p.view.events, maxRows)
	}
	rows := make([]row, len(p.view.events))
	for i, e := range p.view.events {
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
			return "the other side typed", "times the other side typed"
		}
		return "typed", "times typed"
	case "presence", "login", "keepalive":
		return kind, kind + " signals"
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
	t := &table{into: 2, cols: []column{
		{title: "start", keep: 9},
		{title: "length", keep: 9},
		{title: "party", keep: 9},
		{title: "other end", keep: 8, least: 15, prefix: "with "},
		{title: "role", keep: 5},
		{title: "media", keep: 7},
		{title: "path", keep: 6, least: 8},
		{title: "outcome", keep: 5, least: 10},
		{title: "service", keep: 3},
		{title: "how sure", keep: 4, least: 11},
		{title: "packets", keep: 2, least: 10, prefix: "packets "},
	}}
	for _, e := range p.view.events {
		if e.Kind != "call" {
			continue
		}
		c := cmp.Or(e.Call, &analyze.Call{})
		t.add(p.clock(e.Time), callLength(e), p.who(e.Party), p.otherEnd(e), visibleWord(c.Role), visibleWord(c.Media),
			visibleWord(c.Path), visibleWord(c.Outcome), p.service(e.Service), sure(e.Grade, e.Confidence), packets(e.Evidence))
	}
	p.section("Calls", t)
}

// visibleWord keeps "unknown" apart from an answer: it cannot be seen.
func visibleWord(s string) string {
	if !known(s) {
		return "not visible"
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
	var out []string
	if w := p.with(e); w != "" {
		out = append(out, w)
	}
	if e.Call != nil {
		for _, a := range e.Call.PeerAddresses {
			if a = Clean(a); !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	if len(out) == 0 {
		return "not visible"
	}
	text := out[0]
	for _, a := range out[1:] {
		text += ", " + a
	}
	return text
}

// endpoint is an address with its port.
func endpoint(addr string, port uint16) string {
	if a, err := netip.ParseAddr(addr); err == nil {
		return netip.AddrPortFrom(a, port).String()
	}
	return fmt.Sprintf("%s:%d", Clean(addr), port)
}
