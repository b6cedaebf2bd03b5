package logs

import (
	"errors"
	"strings"
	"time"

	"envelope/capture"
)

// kamailio reads the accounting of Kamailio and OpenSIPS in the system log, as
// JSON, or as a table of their database (module acc: log_extra, db_extra and
// cdr_extra name more columns, of which those of the sample configurations are
// known).
func kamailio(o Options) capture.Format {
	return capture.Format{
		Name: "kamailio-acc", Title: "Kamailio or OpenSIPS accounting (acc: log, JSON, table)", Observer: capture.Carrier, Grain: capture.GrainEntry,
		Shows: []string{"who", "whom", "when", "duration", "service", "location"},
		Hides: "What was said, and who called whom where the configuration does not have the users written (log_extra): then only that there was a call.",
		Sniff: sniffLines(func(line []byte) bool {
			k := &sipAccounting{}
			return k.fields(line) != nil || k.columns(line)
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			k := &sipAccounting{calls: newSIPCalls(r), o: &o}
			return k.line, func() error { k.calls.end(); k.told.warn(r, "calls"); return nil }
		}),
	}
}

// sipAccounting joins the lines of a call by its Call-ID.
type sipAccounting struct {
	calls *sipCalls
	o     *Options
	told  bounded[bool] // calls that were told already: a call record may follow
	at    map[string]int
	cells []string
}

func (k *sipAccounting) line(line []byte) error {
	if get := k.fields(line); get != nil {
		return k.take(get)
	}
	if len(line) == 0 || k.columns(line) || k.at == nil {
		return nil
	}
	var err error
	if k.cells, err = splitRow(k.cells[:0], line, ','); err != nil {
		return err
	}
	return k.take(firstNamed(row{k.at, k.cells}.get))
}

// columns takes the header of a table.
func (k *sipAccounting) columns(line []byte) bool {
	cells, err := splitRow(nil, line, ',')
	at := columnsAt(cells)
	if err != nil || !hasColumns(at, "method", "from_tag", "to_tag", "callid", "sip_code") {
		return false
	}
	k.at = at
	return true
}

// fields are those of a line of the log or of a JSON object; nil where it is neither.
func (k *sipAccounting) fields(line []byte) rowFields {
	s := string(line)
	if strings.HasPrefix(s, "{") {
		get, err := objectFields(line)
		if err != nil || get("method") == "" || get("from_tag") == "" || get("callid", "call_id") == "" {
			return nil
		}
		return get
	}
	i := strings.Index(s, "timestamp=")
	if i < 0 || !strings.Contains(s, ";method=") {
		if i = strings.Index(s, "start_time="); i < 0 || !strings.Contains(s, "end_time=") || !strings.Contains(s, "duration=") {
			return nil
		}
		if start := strings.LastIndexByte(s[:i], ' '); strings.Contains(s[start+1:i], "=") {
			i = start + 1 // cdr_extra may stand before
		}
	}
	values := map[string]string{}
	for part := range strings.SplitSeq(s[i:], ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if _, twice := values[key]; !twice && value != "<null>" {
			values[key] = strings.Trim(value, `"`)
		}
	}
	return firstNamed(func(name string) string { return values[name] })
}

// firstNamed gives the first value that is there.
func firstNamed(get func(string) string) rowFields {
	return func(names ...string) string {
		for _, name := range names {
			if v := get(name); v != "" {
				return v
			}
		}
		return ""
	}
}

func (k *sipAccounting) take(get rowFields) error {
	id := get("call_id", "callid", "sip_call_id")
	e := &capture.Entry{Service: "sip", ID: id, Unit: time.Second}
	e.From = capture.End{Account: accountingUser(get, []string{"src_user", "caller", "from_uri", "src_uri", "from_user"}, []string{"src_domain", "from_domain"}),
		Addr: addrOf(get("src_ip", "source_ip"))}
	to := capture.End{Account: accountingUser(get, []string{"dst_ouser", "dst_user", "callee", "to_uri", "dst_uri", "to_user"}, []string{"dst_odomain", "dst_domain", "to_domain"})}
	if get("method") == "" {
		return k.record(get, e, to)
	}
	at, _, err := parseListTime(get("timestamp", "time", "time_unix"), k.o.zone())
	if err != nil {
		return err
	}
	k.transaction(at, get("method"), e, to, number([]byte(get("code", "sip_code"))))
	return nil
}

// accountingUser is the user that the first of the columns names: as a URI, or
// with the domain of another column. Where the domain is an address, that is where
// the user's telephone was, and no part of the account.
func accountingUser(get rowFields, users, domains []string) string {
	user, domain := get(users...), get(domains...)
	if strings.Contains(user, ":") {
		return sipEnd(user).Account
	}
	if name, host, ok := strings.Cut(user, "@"); ok {
		return sipUser(name, host)
	}
	if addrOf(domain).IsValid() {
		domain = ""
	}
	return sipUser(user, domain)
}

// transaction takes what became of one request.
func (k *sipAccounting) transaction(at capture.Time, method string, e *capture.Entry, to capture.End, code uint64) {
	switch method {
	case "INVITE":
		if _, told := k.told.get(e.ID); e.ID == "" || told || sipOutcome(code) == "" {
			return
		}
		k.calls.invite(at, e, to, code)
		if call := k.calls.open[e.ID].entry.Call; call.Outcome == answered && call.Answered == 0 {
			call.Answered = at
		}
	case "BYE":
		if code/100 == 2 || code == 481 || code == 408 { // the other end may be gone already
			k.calls.bye(at, e.ID)
			k.told.put(e.ID, true)
		}
	case "MESSAGE":
		if code/100 == 2 {
			if e.Kind, e.To = capture.EntryMessage, some(to); code == 202 {
				e.Half = capture.HalfSent // kept for later (RFC 3428 section 7)
			}
			k.calls.tell(at, e)
		}
	}
}

// record takes a call record: the start, the end and the length of a whole call.
func (k *sipAccounting) record(get rowFields, e *capture.Entry, to capture.End) error {
	if _, told := k.told.get(e.ID); told && e.ID != "" {
		return nil
	}
	start, answer, end, err := callTimes{start: get("start_time"), end: get("end_time"), duration: get("duration")}.read(k.o.zone())
	if err != nil {
		return err
	}
	if open := k.calls.open[e.ID]; e.ID != "" && open != nil {
		open.entry.Until = end
		k.calls.give(e.ID)
		k.told.put(e.ID, true)
		return nil
	}
	if e.From.Account == "" && to.Account == "" {
		return errors.New("a call record without its ends and without the call's other lines")
	}
	e.Kind, e.To, e.Until, e.Unit = capture.EntryCall, some(to), end, stampUnit(get("start_time"))
	e.Call = &capture.CallEntry{Outcome: answered, Answered: answer}
	k.told.put(e.ID, true)
	k.calls.r.entry(start, e)
	return nil
}
