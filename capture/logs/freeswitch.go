package logs

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"envelope/capture"
)

// freeswitch reads the call records of FreeSWITCH: tables of mod_cdr_csv (by its
// templates "example" and "asterisk", or under a header) and objects of
// mod_json_cdr. https://developer.signalwire.com/freeswitch, the two modules.
func freeswitch(o Options) capture.Format {
	return capture.Format{
		Name: "freeswitch-cdr", Title: "FreeSWITCH call records (CSV, JSON)", Observer: capture.Carrier, Grain: capture.GrainEntry,
		Shows: []string{"who", "whom", "when", "duration", "service", "device", "location"},
		Hides: "What was said; a table has no addresses, so that it does not tell where the two were.",
		Sniff: func(head []byte) bool {
			return freeswitchObject(head) || sniffLines(func(line []byte) bool { return freeswitchColumns(line) != nil })(head)
		},
		Read: readLines(o.freeswitch),
	}
}

// freeswitchObject tells the beginning of an object of mod_json_cdr.
func freeswitchObject(head []byte) bool {
	head = bytes.TrimLeft(head, "\ufeff \t\r\n[")
	return bytes.HasPrefix(head, []byte("{")) && bytes.Contains(head, []byte(`"variables"`)) &&
		(bytes.Contains(head, []byte(`"core-uuid"`)) || bytes.Contains(head, []byte(`"channel_data"`)) || bytes.Contains(head, []byte(`"start_uepoch"`)))
}

// The columns of mod_cdr_csv's templates.
var (
	freeswitchExample = columnsAt([]string{"caller_id_name", "caller_id_number", "destination_number", "context", "start_stamp", "answer_stamp", "end_stamp",
		"duration", "billsec", "hangup_cause", "uuid", "bleg_uuid", "accountcode", "read_codec", "write_codec"})
	freeswitchAsterisk = columnsAt([]string{"accountcode", "caller_id_number", "destination_number", "context", "caller_id_name", "channel_name", "bridge_channel", "last_app", "last_arg",
		"start_stamp", "answer_stamp", "end_stamp", "duration", "billsec", "hangup_cause", "amaflags", "uuid", "userfield"})
)

// freeswitchColumns tells the columns by the header, or by where a row has a
// cause behind three times; nil where the line is neither.
func freeswitchColumns(line []byte) map[string]int {
	fields, err := splitRow(nil, line, ',')
	if err != nil || len(fields) < 6 {
		return nil
	}
	if at := freeswitchHeader(fields); at != nil {
		return at
	}
	for _, at := range []map[string]int{freeswitchExample, freeswitchAsterisk} {
		w := row{at, fields}
		if optionalTime(w.get("start_stamp"), time.UTC) != 0 && optionalTime(w.get("end_stamp"), time.UTC) != 0 && hangupCause(w.get("hangup_cause")) && len(w.get("uuid")) == 36 {
			return at
		}
	}
	return nil
}

func freeswitchHeader(fields []string) map[string]int {
	if at := columnsAt(fields); hasColumns(at, "caller_id_number", "destination_number", "hangup_cause") {
		return at
	}
	return nil
}

// hangupCause tells the names of causes: capital letters, digits and low lines.
func hangupCause(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == "" && strings.Trim(s, "0123456789") != ""
}

func (o *Options) freeswitch(r *reader) (func([]byte) error, func() error) {
	var at map[string]int
	var fields []string
	take := objects{take: func(object []byte, _ int64) error { return o.freeswitchCall(r, object) }}
	return func(line []byte) (err error) {
		if take.depth > 0 || at == nil && len(line) > 0 && (line[0] == '{' || line[0] == '[') {
			return take.line(line, r.at)
		}
		if len(line) == 0 {
			return nil
		}
		if fields, err = splitRow(fields[:0], line, ','); err != nil {
			return err
		}
		if header := freeswitchHeader(fields); header != nil {
			at = header
			return nil
		}
		if at == nil {
			if at = freeswitchColumns(line); at == nil {
				return errNoRow
			}
		}
		return o.freeswitchRow(r, row{at, fields}.get)
	}, take.end
}

// freeswitchVariables is an object of mod_json_cdr.
type freeswitchVariables struct {
	Variables map[string]json.RawMessage
	Callflow  []struct {
		Profile map[string]json.RawMessage `json:"caller_profile"`
	}
}

// freeswitchCall reads one object. Its values may be written as in a URL.
func (o *Options) freeswitchCall(r *reader, object []byte) error {
	var c freeswitchVariables
	if json.Unmarshal(object, &c) != nil || c.Variables == nil {
		return errNoRow
	}
	places := []map[string]json.RawMessage{c.Variables}
	for i := range c.Callflow {
		places = append(places, c.Callflow[i].Profile)
	}
	return o.freeswitchRow(r, func(name string) string {
		for _, place := range places {
			s := plainValue(place[name])
			if plain, err := url.PathUnescape(s); err == nil {
				s = plain
			}
			if s != "" {
				return s
			}
		}
		return ""
	})
}

// freeswitchRow yields one call. The row of the called leg has the number of the
// calling one, whose call it is.
func (o *Options) freeswitchRow(r *reader, value func(string) string) error {
	get := firstNamed(value)
	times := callTimes{get("start_uepoch", "start_epoch", "start_stamp"), notZero(get("answer_uepoch", "answer_epoch", "answer_stamp")),
		notZero(get("end_uepoch", "end_epoch", "end_stamp")), get("duration"), get("billsec")}
	start, answer, end, err := times.read(o.zone())
	if err != nil {
		return err
	}
	from := capture.End{Account: calledNumber(get("caller_id_number", "sip_from_user")), Name: get("caller_id_name"), Device: get("sip_user_agent"), Addr: addrOf(get("sip_network_ip", "network_addr"))}
	if from.Name == from.Account || len(from.Name) > maxText {
		from.Name = ""
	}
	to := capture.End{Account: calledNumber(get("destination_number", "sip_to_user", "sip_req_user"))}
	e := &capture.Entry{Kind: capture.EntryCall, Service: "phone", From: from, To: some(to), ID: get("originating_leg_uuid", "uuid"), Until: end, Unit: stampUnit(times.start)}
	if get("sip_call_id") != "" || strings.HasPrefix(get("channel_name"), "sofia/") {
		e.Service = "sip"
	}
	e.Call = &capture.CallEntry{Answered: answer, Outcome: hangupOutcome(get("hangup_cause"), answer != 0)}
	r.entry(start, e)
	return nil
}

// notZero is "" for the number nought, which stands for no time.
func notZero(s string) string {
	if s == "0" {
		return ""
	}
	return s
}

// hangupOutcome is what a cause says of a call (ITU-T Q.850, and names of
// FreeSWITCH's own).
func hangupOutcome(cause string, talked bool) string {
	if talked {
		return answered
	}
	switch cause {
	case "":
		return ""
	case "USER_BUSY":
		return busy
	case "CALL_REJECTED":
		return rejected
	case "NO_ANSWER", "NO_USER_RESPONSE", "ORIGINATOR_CANCEL", "NORMAL_CLEARING", "ALLOTTED_TIMEOUT", "USER_NOT_REGISTERED", "SUBSCRIBER_ABSENT", "LOSE_RACE", "PICKED_OFF":
		return unanswered
	}
	return failed
}
