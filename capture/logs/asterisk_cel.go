package logs

import (
	"encoding/json"
	"strings"

	"envelope/capture"
)

// asteriskCEL reads Asterisk's channel events (cel_custom and exports of the cel
// table): several rows for each call, tied by the linked id. https://docs.asterisk.org,
// "CEL Specification" and the sample of cel_custom.conf.
func asteriskCEL(o Options) capture.Format {
	return capture.Format{
		Name: "asterisk-cel", Title: "Asterisk channel events (CEL)", Observer: capture.Carrier, Grain: capture.GrainEntry,
		Shows: []string{"who", "whom", "when", "duration", "device"},
		Hides: "What was said, and where the two were; whom a call reached is the number dialled, which may have been handed on to another phone.",
		Sniff: sniffLines(func(line []byte) bool { return celColumns(line) != nil }),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			c := &cel{r: r, o: &o}
			return c.line, c.end
		}),
	}
}

// celPlain are the columns of the sample of cel_custom, where no header names them.
var celPlain = columnsAt([]string{"eventtype", "eventtime", "cid_name", "cid_num", "cid_ani", "cid_rdnis", "cid_dnid", "exten", "context", "channame",
	"appname", "appdata", "amaflags", "accountcode", "uniqueid", "linkedid", "peer", "userfield", "userdeftype", "eventextra"})

// celColumns tells the columns by the header, or by a row that begins with an
// event of a channel and its time; nil where the line is neither.
func celColumns(line []byte) map[string]int {
	fields, err := splitRow(nil, line, ',')
	if err != nil || len(fields) < 6 {
		return nil
	}
	if at := columnsAt(fields); hasColumns(at, "eventtype", "eventtime", "uniqueid", "linkedid") {
		return at
	}
	w := row{celPlain, fields}
	switch w.get("eventtype") {
	case "CHAN_START", "CHAN_END", "ANSWER", "HANGUP", "LINKEDID_END", "APP_START", "BRIDGE_START", "BRIDGE_ENTER":
		if w.get("linkedid") != "" {
			return celPlain
		}
	}
	return nil
}

// cel joins the rows of calls.
type cel struct {
	r      *reader
	o      *Options
	at     map[string]int
	fields []string
	calls  bounded[*celCall]
}

// celCall is a call that is open.
type celCall struct {
	e    capture.Entry
	time capture.Time
	line int64
}

func (c *cel) line(line []byte) (err error) {
	if len(line) == 0 {
		return nil
	}
	if c.fields, err = splitRow(c.fields[:0], line, ','); err != nil {
		return err
	}
	if c.at == nil {
		if c.at = celColumns(line); c.at == nil {
			return errNoRow
		}
	}
	w := row{c.at, c.fields}
	if strings.EqualFold(w.get("eventtype"), "eventtype") {
		return nil
	}
	at, _, err := parseListTime(w.get("eventtime"), c.o.zone())
	if err != nil {
		return err
	}
	id := w.get("linkedid")
	call, open := c.calls.get(id)
	switch {
	case open:
		c.event(call, w, at)
	case w.get("eventtype") == "CHAN_START" && w.get("uniqueid") == id && id != "":
		c.calls.put(id, c.begin(w, at))
	}
	return nil
}

// begin opens a call with the row of its first channel, that of the caller.
func (c *cel) begin(w row, at capture.Time) *celCall {
	return &celCall{time: at, line: c.r.at, e: capture.Entry{Kind: capture.EntryCall, Service: asteriskService(w.get("channame")), ID: w.get("linkedid"),
		From: celEnd(w), To: some(celDialled(w)), Unit: stampUnit(w.get("eventtime")), Call: &capture.CallEntry{}}}
}

// celEnd is the end that a channel belongs to.
func celEnd(w row) capture.End {
	return capture.End{Account: calledNumber(w.get("cid_num")), Name: w.get("cid_name"), Device: endpoint(w.get("channame"))}
}

// celDialled is the number that a caller dialled.
func celDialled(w row) capture.End {
	if exten := w.get("exten"); exten != "" && !specialExtension(exten) {
		return capture.End{Account: calledNumber(exten)}
	}
	return capture.End{}
}

// event adds what another row of a call says.
func (c *cel) event(call *celCall, w row, at capture.Time) {
	e, caller := &call.e, w.get("uniqueid") == call.e.ID
	switch w.get("eventtype") {
	case "ANSWER", "APP_START":
		if number := calledNumber(w.get("cid_num")); caller && e.From.Account == "" {
			e.From.Account = number
		}
	case "BRIDGE_START", "BRIDGE_ENTER": // two talk from here on
		if e.Call.Answered == 0 {
			e.Call.Answered, e.Call.Outcome = at, answered
		}
	case "HANGUP":
		if caller && e.Call.Outcome == "" {
			e.Call.Outcome = dispositions[dialStatuses[hangupStatus(w.get("eventextra"))]]
		}
	case "LINKEDID_END":
		e.Until = at
		c.give(call)
		c.calls.drop(e.ID)
	}
}

// dialStatuses are the words of the application Dial for what became of a call,
// by those of the call records.
var dialStatuses = map[string]string{
	"ANSWER": "ANSWERED", "NOANSWER": "NO ANSWER", "CANCEL": "NO ANSWER", "BUSY": "BUSY", "CONGESTION": "CONGESTION", "CHANUNAVAIL": "FAILED",
}

// hangupStatus is the dial status of a HANGUP: "16,source,ANSWER", or
// {"hangupcause":16,"hangupsource":"","dialstatus":"ANSWER"} since Asterisk 12.
func hangupStatus(extra string) string {
	var object struct{ DialStatus string }
	if len(extra) < 4096 && json.Unmarshal([]byte(extra), &object) == nil {
		return object.DialStatus
	}
	return extra[strings.LastIndexByte(extra, ',')+1:]
}

func (c *cel) give(call *celCall) {
	line := c.r.at
	c.r.at = call.line
	c.r.entry(call.time, &call.e)
	c.r.at = line
}

// end yields the calls that are open where the log ends.
func (c *cel) end() error {
	for _, id := range c.calls.order {
		if call, ok := c.calls.get(id); ok {
			c.give(call)
			c.calls.drop(id)
		}
	}
	c.calls.warn(c.r, "calls")
	c.r.unused("the channel events are of no call whose beginning is in them")
	return nil
}
