package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"envelope/capture"
)

// messageRecordsFormat reads records of messages as JSON, one a line, each with
// "ts" (seconds since 1970), "kind" or "op", and "from": what envelope simulate
// writes as the operator's log and as the truth, and the form of the truth of
// recorded laboratories.
func messageRecordsFormat() capture.Format {
	return capture.Format{
		Name: "message-records", Title: "message records (JSON lines: ts, kind or op, from, to)", Observer: capture.Operator, Grain: capture.GrainEntry,
		Shows: []string{"who", "whom", "when", "duration", "volume", "service", "group", "presence"},
		Hides: "contents; what the operator that kept them did not pass on",
		Sniff: sniffLines(isMessageRecord), Read: readLines(func(r *reader) (func([]byte) error, func() error) { return r.messageRecord, nil }),
	}
}

func isMessageRecord(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("{")) || !bytes.Contains(line, []byte(`"from"`)) {
		return false
	}
	var m messageRecord
	return json.Unmarshal(line, &m) == nil && m.TS > 0 && m.From != "" && (m.Kind != "" || m.Op != "")
}

// messageRecord is one line. A field named for contents is not among them.
type messageRecord struct {
	TS        float64  `json:"ts"`
	Kind      string   `json:"kind"`
	Op        string   `json:"op"`
	Service   string   `json:"service"`
	ID        string   `json:"id"`
	From      string   `json:"from"`
	FromIP    string   `json:"from_ip"`
	To        anyOf    `json:"to"`
	Group     string   `json:"group"`
	Size      uint64   `json:"size"`
	Stanza    uint64   `json:"stanza_len"`
	Media     uint64   `json:"media_bytes"`
	Delivered []passed `json:"delivered"`

	CallMedia json.RawMessage `json:"media"`
	Mode      string          `json:"mode"`
	Answered  *bool           `json:"answered"`
	Start     float64         `json:"start"`
	End       float64         `json:"end"`
}

// passed is one delivery.
type passed struct {
	To string  `json:"to"`
	IP string  `json:"ip"`
	TS float64 `json:"ts"`
}

// anyOf is a name or a list of names.
type anyOf []string

// UnmarshalJSON takes both forms, and null.
func (a *anyOf) UnmarshalJSON(b []byte) error {
	var one string
	if bytes.HasPrefix(b, []byte("[")) || bytes.Equal(b, []byte("null")) {
		return json.Unmarshal(b, (*[]string)(a))
	}
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*a = anyOf{one}
	return nil
}

// recordKinds are the words for kinds; others are left out.
var recordKinds = map[string]capture.EntryKind{
	"text": capture.EntryMessage, "message": capture.EntryMessage, "media": capture.EntryMedia, "call": capture.EntryCall,
	"receipt": capture.EntryReceipt, "typing": capture.EntryTyping, "presence": capture.EntryPresence,
	"login": capture.EntryLogin, "logout": capture.EntryLogout,
}

func (r *reader) messageRecord(line []byte) error {
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	var m messageRecord
	if err := json.Unmarshal(line, &m); err != nil {
		return fmt.Errorf("not a message record: %w", withoutValue(err))
	}
	t, ok := secondsTime(m.TS)
	if !ok || m.From == "" {
		return errors.New("a record without ts or from")
	}
	kind, known := recordKinds[m.Kind+m.Op]
	if !known {
		return nil
	}
	e := capture.Entry{Kind: kind, Service: m.Service, From: capture.End{Account: m.From, Addr: addressOr(m.FromIP)}, Group: m.Group, ID: m.ID,
		Size: max(m.Media, m.Stanza, m.Size)}
	for _, to := range m.To {
		e.To = append(e.To, capture.End{Account: to})
	}
	if kind == capture.EntryCall {
		m.call(&e)
	} else if len(m.Delivered) > 0 {
		e.Half = capture.HalfSent
	}
	r.entry(t, &e)
	for _, d := range m.Delivered {
		if at, ok := secondsTime(d.TS); ok && d.To != "" {
			got := e
			got.Half, got.To = capture.HalfReceived, []capture.End{{Account: d.To, Addr: addressOr(d.IP)}}
			r.entry(at, &got)
		}
	}
	return nil
}

func (m *messageRecord) call(e *capture.Entry) {
	e.Call = &capture.CallEntry{}
	var media string
	if json.Unmarshal(m.CallMedia, &media) == nil && (media == "audio" || media == "video") {
		e.Call.Media = media
	}
	if m.Mode == "relayed" || m.Mode == "direct" {
		e.Call.Path = m.Mode
	}
	e.Until, _ = secondsTime(m.End)
	if m.Answered == nil {
		return
	}
	e.Call.Outcome = "unanswered"
	if *m.Answered {
		e.Call.Outcome = "answered"
		e.Call.Answered, _ = secondsTime(m.Start)
	}
}

// secondsTime reads seconds since 1970, with what they have behind the point to
// the microsecond; false for what is no time of our century or so.
func secondsTime(s float64) (capture.Time, bool) {
	if !(s > 0 && s < 1<<33) {
		return 0, false
	}
	whole, rest := math.Modf(s)
	return capture.Time(int64(whole)*int64(time.Second) + int64(math.Round(rest*1e6))*int64(time.Microsecond)), true
}

// addressOr reads an address; what is none is left out.
func addressOr(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// withoutValue is what is wrong with a JSON value without the value itself,
// which may be anything.
func withoutValue(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("%q is of another type", kind.Field)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("bad JSON at byte %d", syntax.Offset)
	}
	return errors.New("bad JSON")
}
