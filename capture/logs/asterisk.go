package logs

import (
	"slices"
	"strings"
	"time"

	"envelope/capture"
)

// asterisk reads the call records of Asterisk and of exchanges built on it:
// cdr_csv, cdr_custom (each with or without a header line) and exports of the
// cdr table. https://docs.asterisk.org, "CDR Variables" and the two modules'
// sample configurations.
func asterisk(o Options) capture.Format {
	return capture.Format{
		Name: "asterisk-cdr", Title: "Asterisk call records (Master.csv)", Observer: capture.Carrier, Grain: capture.GrainEntry,
		Shows: []string{"who", "whom", "when", "duration", "device"},
		Hides: "What was said, and where the two were: an exchange writes down numbers, channels and times.",
		Sniff: sniffLines(func(line []byte) bool { return asteriskColumns(line) != nil }),
		Read:  readLines(o.asterisk),
	}
}

// The columns of cdr_csv, and of the sample of cdr_custom, where no header
// names them.
var (
	asteriskPlain = columnsAt([]string{"accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata",
		"start", "answer", "end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield", "peeraccount", "linkedid", "sequence"})
	asteriskCustom = columnsAt([]string{"clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata",
		"start", "answer", "end", "duration", "billsec", "disposition", "amaflags", "accountcode", "uniqueid", "userfield", "sequence"})
)

// asteriskColumns tells the columns by the header, or by where a row has a
// disposition behind a start; nil where the line is neither.
func asteriskColumns(line []byte) map[string]int {
	fields, err := splitRow(nil, line, ',')
	if err != nil || len(fields) < 6 {
		return nil
	}
	if at := asteriskHeader(fields); at != nil {
		return at
	}
	for _, at := range []map[string]int{asteriskPlain, asteriskCustom} {
		w := row{at, fields}
		if _, ok := dispositions[w.get("disposition")]; ok && optionalTime(w.get("start"), time.UTC) != 0 {
			return at
		}
	}
	return nil
}

func asteriskHeader(fields []string) map[string]int {
	at := columnsAt(fields)
	if i, ok := at["calldate"]; ok {
		at["start"] = i
	}
	if hasColumns(at, "src", "dst", "start", "disposition") {
		return at
	}
	return nil
}

// dispositions are Asterisk's words for what became of a call (ast_cdr_disp2str).
var dispositions = map[string]string{
	"ANSWERED": answered, "NO ANSWER": unanswered, "BUSY": busy, "FAILED": failed, "CONGESTION": failed,
}

func (o *Options) asterisk(r *reader) (func([]byte) error, func() error) {
	var at map[string]int
	var fields []string
	return func(line []byte) (err error) {
		if len(line) == 0 {
			return nil
		}
		if fields, err = splitRow(fields[:0], line, ','); err != nil {
			return err
		}
		if header := asteriskHeader(fields); header != nil {
			at = header
			return nil
		}
		if at == nil {
			if at = asteriskColumns(line); at == nil {
				return errNoRow
			}
		}
		return o.asteriskRow(r, row{at, fields})
	}, nil
}

func (o *Options) asteriskRow(r *reader, w row) error {
	outcome, ok := dispositions[strings.ToUpper(w.get("disposition"))]
	if !ok {
		return errNoRow
	}
	start, answer, end, err := callTimes{w.get("start"), w.get("answer"), w.get("end"), w.get("duration"), w.get("billsec")}.read(o.zone())
	if err != nil {
		return err
	}
	if outcome != answered {
		answer = 0
	}
	from, to := asteriskEnds(w)
	id := w.get("linkedid")
	if id == "" {
		id = w.get("uniqueid")
	}
	r.entry(start, &capture.Entry{Kind: capture.EntryCall, Service: asteriskService(w.get("channel"), w.get("dstchannel")), From: from, To: some(to), ID: id,
		Until: end, Unit: stampUnit(w.get("start")), Call: &capture.CallEntry{Outcome: outcome, Answered: answer}})
	return nil
}

// asteriskService is "sip" where a channel of the call is one.
func asteriskService(channels ...string) string {
	for _, c := range channels {
		if tech, _, _ := strings.Cut(c, "/"); tech == "SIP" || tech == "PJSIP" {
			return "sip"
		}
	}
	return "phone"
}

// asteriskEnds are the two ends. The caller is the caller's number. The called
// is the number dialled; but where an exchange has no numbers for its phones,
// so that the caller's is the name of the phone, the called is the phone's
// name too, or calls back and forth would seem to be of different people.
func asteriskEnds(w row) (from, to capture.End) {
	from = capture.End{Account: calledNumber(w.get("src")), Name: callerName(w.get("clid")), Device: endpoint(w.get("channel"))}
	to = capture.End{Account: calledNumber(w.get("dst")), Device: endpoint(w.get("dstchannel"))}
	if specialExtension(w.get("dst")) {
		to.Account = ""
	}
	if _, own, _ := strings.Cut(from.Device, "/"); own != "" && own == w.get("src") && dialled(w.get("lastdata"), to.Device) {
		_, to.Account, _ = strings.Cut(to.Device, "/")
	}
	if from.Name == from.Account {
		from.Name = ""
	}
	return from, to
}

// specialExtension tells the names of the dialplan's own steps from numbers.
func specialExtension(s string) bool {
	return slices.Contains([]string{"s", "h", "i", "t", "T", "o", "e", "failed"}, s)
}

// endpoint is the phone or line of a channel: "PJSIP/anna-00000003" without the
// number of the channel.
func endpoint(channel string) string {
	if i := strings.LastIndexByte(channel, '-'); i > 0 && strings.Contains(channel[:i], "/") {
		return channel[:i]
	}
	return channel
}

// dialled tells whether a dial string asks for the phone itself, and not for a
// number behind a line.
func dialled(dial, phone string) bool {
	dial, _, _ = strings.Cut(dial, ",")
	return phone != "" && slices.Contains(strings.Split(dial, "&"), phone)
}

// callerName is the display name of a caller id: "Anna" <100>.
func callerName(clid string) string {
	name, _, ok := strings.Cut(clid, "<")
	if !ok {
		return ""
	}
	return strings.Trim(strings.TrimSpace(name), `"`)
}
