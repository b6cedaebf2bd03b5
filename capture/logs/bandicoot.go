package logs

import (
	"bytes"
	"errors"
	"strings"

	"envelope/capture"
)

// errNoRow is a line of a table that has not what its kind needs.
var errNoRow = errors.New("not a row of this table")

// bandicoot reads a subscriber's calls and texts in the neutral form of the
// bandicoot toolbox (interaction, direction, correspondent_id, datetime,
// call_duration, antenna_id; https://bandicoot.mit.edu, "Loading data"). The
// subscriber whose list it is stands nowhere in it: its end has no account
// (From of what went out, To of what came in), only the antenna as its Cell,
// unless Columns name the owner.
func bandicoot(o Options) capture.Format {
	return capture.Format{
		Name: "bandicoot", Title: "a subscriber's calls and texts (bandicoot CSV)", Observer: capture.Carrier, Grain: capture.GrainEntry,
		Shows: []string{"whom", "when", "duration", "location"},
		Hides: "Whose list it is, since the subscriber is not named in it, and what was said; data sessions are not in it.",
		Sniff: func(head []byte) bool {
			line, _, _ := bytes.Cut(bytes.TrimPrefix(head, []byte("\ufeff")), []byte("\n"))
			fields, err := splitRow(nil, bytes.TrimRight(line, "\r"), ',')
			return err == nil && hasColumns(columnsAt(fields), "interaction", "direction", "correspondent_id", "datetime")
		},
		Read: readLines(o.bandicoot),
	}
}

func (o *Options) bandicoot(r *reader) (func([]byte) error, func() error) {
	t := &subscriberTable{o: o, names: map[string]string{"kind": "interaction", "direction": "direction", "other": "correspondent_id",
		"start": "datetime", "duration": "call_duration", "cell": "antenna_id"}, sep: ','}
	if o.Columns != nil {
		t.owner = o.Columns.OwnerNumber
	}
	return t.reader(r), nil
}

// subscriberTable is a table of calls and texts whose columns are known by
// our words for them.
type subscriberTable struct {
	o      *Options
	names  map[string]string // our word to the column, in lower case
	values map[string]string // a value, in lower case, to our word: "call", "text", "in", "out"
	owner  string            // of the whole table, "" where a column or nothing names it
	layout string            // of times, of package time; "" for the usual ones
	sep    byte
	at     map[string]int // nil before the header
	fields []string
}

func (t *subscriberTable) reader(r *reader) func([]byte) error {
	return func(line []byte) (err error) {
		if len(line) == 0 {
			return nil
		}
		if t.fields, err = splitRow(t.fields[:0], line, t.sep); err != nil {
			return err
		}
		if t.at == nil {
			t.at = columnsAt(t.fields)
			return nil
		}
		return t.row(r)
	}
}

// get is the field that one of our words stands for.
func (t *subscriberTable) get(word string) string {
	return row{t.at, t.fields}.get(t.names[word])
}

// means is our word for a value: what the column map says, else what words of
// the trade mean.
func (t *subscriberTable) means(value string) string {
	value = strings.ToLower(strings.TrimSpace(value))
	if word, ok := t.values[value]; ok {
		return word
	}
	return usualValues[value]
}

// usualValues are words that carriers write for kinds and directions. MO, MT,
// MOC, MTC are mobile originated and terminated (3GPP TS 32.298).
var usualValues = map[string]string{
	"call": "call", "voice": "call", "voice call": "call", "moc": "call", "mtc": "call",
	"text": "text", "sms": "text", "mms": "text", "message": "text", "smsmo": "text", "smsmt": "text",
	"in": "in", "incoming": "in", "inbound": "in", "mt": "in", "received": "in", "terminating": "in",
	"out": "out", "outgoing": "out", "outbound": "out", "mo": "out", "sent": "out", "originating": "out",
}

func (t *subscriberTable) row(r *reader) error {
	kind := "call"
	if t.names["kind"] != "" {
		if kind = t.means(t.get("kind")); kind != "call" && kind != "text" {
			return nil // data sessions, fees and the like
		}
	}
	start, answer, end, err := t.times()
	if err != nil {
		return err
	}
	from, to, half, err := t.ends()
	if err != nil {
		return err
	}
	e := &capture.Entry{Kind: capture.EntryMessage, Service: "phone", From: from, To: some(to), Half: half, ID: t.get("id"), Unit: stampUnit(t.get("start"))}
	if kind == "call" {
		e.Kind, e.Half, e.Until = capture.EntryCall, capture.HalfBoth, end
		e.Call = &capture.CallEntry{Outcome: t.outcome(answer, start, end), Answered: answer}
	}
	r.entry(start, e)
	return nil
}

func (t *subscriberTable) times() (start, answer, end capture.Time, err error) {
	c := callTimes{start: t.get("start"), answer: t.get("answer"), end: t.get("end"), duration: t.get("duration")}
	if t.layout == "" {
		return c.read(t.o.zone())
	}
	for _, s := range []*string{&c.start, &c.answer, &c.end} {
		if *s, err = restamp(t.layout, *s, t.o.zone()); err != nil {
			return 0, 0, 0, err
		}
	}
	return c.read(t.o.zone())
}

// outcome is what the table says, or answered where they talked: carriers
// charge the time that was talked, and leave 0 for none.
func (t *subscriberTable) outcome(answer, start, end capture.Time) string {
	if said := strings.ToLower(t.get("outcome")); said != "" {
		return outcomeOf(said)
	}
	switch {
	case answer != 0 || end > start:
		return answered
	case t.get("duration") != "":
		return unanswered
	}
	return ""
}

// outcomeOf understands words for what became of a call.
func outcomeOf(said string) string {
	for _, k := range []struct{ part, is string }{
		{"no answer", unanswered}, {"no_answer", unanswered}, {"unanswered", unanswered}, {"not answered", unanswered}, {"missed", unanswered}, {"cancel", unanswered},
		{"busy", busy}, {"reject", rejected}, {"decline", rejected}, {"fail", failed}, {"congest", failed},
		{"answer", answered}, {"connect", answered}, {"normal", answered}, {"complete", answered},
	} {
		if strings.Contains(said, k.part) {
			return k.is
		}
	}
	return ""
}

// ends are the two ends, from columns for both or from the owner, the other
// and the direction.
func (t *subscriberTable) ends() (from, to capture.End, half capture.Half, err error) {
	own := capture.End{Account: t.owner, Cell: t.get("cell"), Device: t.get("device")}
	if t.names["owner"] != "" {
		own.Account = calledNumber(t.get("owner"))
	}
	direction := t.means(t.get("direction"))
	if t.names["other"] == "" { // from and to
		from, to = capture.End{Account: calledNumber(t.get("from"))}, capture.End{Account: calledNumber(t.get("to"))}
		if direction == "in" {
			to.Cell, to.Device, half = own.Cell, own.Device, capture.HalfReceived
			return from, to, half, nil
		}
		from.Cell, from.Device = own.Cell, own.Device
		return from, to, capture.HalfBoth, nil
	}
	other := capture.End{Account: calledNumber(t.get("other"))}
	switch direction {
	case "out":
		return own, other, capture.HalfSent, nil
	case "in":
		return other, own, capture.HalfReceived, nil
	}
	return from, to, 0, errors.New("neither in nor out")
}
