package logs

import (
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// eximFormat is the main log of Exim (specification, chapter 53, "Log files").
func eximFormat(o Options) capture.Format {
	return capture.Format{
		Name: "exim", Title: "Exim main log",
		Observer: capture.Mailhop, Grain: capture.GrainEntry,
		Shows: []string{"who", "whom", "when", "volume", "service", "location"},
		Hides: "What a mail says, and whether it is encrypted: it has the envelope only.",
		Sniff: sniffLines(func(line []byte) bool {
			_, rest, ok := isoStamp(string(line), time.UTC)
			_, flag, _ := eximParts(rest)
			return ok && (flag != "" || eximRefusal(rest))
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			x := &exim{r: r, o: &o}
			return x.line, x.end
		}),
	}
}

// eximRefusal tells the lines about connections that Exim turned away, which may
// fill a log before its first mail.
func eximRefusal(s string) bool {
	if strings.HasPrefix(s, "[") {
		_, s, _ = strings.Cut(s, "] ")
	}
	return strings.HasPrefix(s, "H=") && strings.Contains(s, " rejected ") || strings.HasPrefix(s, "no MAIL in SMTP connection ") ||
		strings.HasPrefix(s, "SMTP protocol ") || strings.HasPrefix(s, "SMTP call from ") ||
		strings.Contains(s, " authenticator failed for ")
}

type exim struct {
	r     *reader
	o     *Options
	queue bounded[*queued]
}

// eximParts parts "1tUabc-000001-Ab <= anna@example.org ...": the id, the flag and
// the words behind it; the flag is empty where the line is of another kind.
func eximParts(s string) (id, flag string, words []string) {
	if strings.HasPrefix(s, "[") { // the process, where log_selector = +pid
		_, s, _ = strings.Cut(s, "] ")
	}
	id, s, _ = strings.Cut(s, " ")
	if n := strings.Count(id, "-"); n != 2 || len(id) < 16 || len(id) > 23 {
		return "", "", nil
	}
	words = strings.Fields(s)
	if len(words) == 0 {
		return "", "", nil
	}
	switch words[0] {
	case "<=", "=>", "->", "Completed":
		return id, words[0], words[1:]
	}
	return "", "", nil
}

func (x *exim) end() error {
	x.queue.warn(x.r, "mails")
	x.r.unused("no mail was delivered by this log of Exim: it has connections that were turned away, or its mails came in before it begins")
	return nil
}

func (x *exim) line(b []byte) error {
	at, rest, ok := isoStamp(string(b), x.o.zone())
	if !ok {
		return badStamp(string(b))
	}
	id, flag, words := eximParts(rest)
	switch {
	case flag == "Completed":
		x.queue.drop(id)
	case flag == "" || len(words) == 0:
	case flag == "<=":
		x.queue.put(id, eximArrival(words))
	default:
		x.delivery(at, id, words)
	}
	return nil
}

// eximArrival reads the line of a mail's arrival. The subject (T=), which
// stands behind the other fields where it is logged, is not read.
func eximArrival(words []string) *queued {
	m := &queued{from: capture.End{Account: mailAccount(words[0])}}
	for _, w := range words[1:] {
		key, v, _ := strings.Cut(w, "=")
		switch {
		case key == "T":
			return m
		case key == "S":
			m.size, _ = strconv.ParseUint(v, 10, 48)
		case key == "id":
			m.id = v
		case strings.HasPrefix(w, "[") && !m.from.Addr.IsValid():
			addr, _, _ := strings.Cut(w, "]")
			m.from.Addr = addrOf(addr)
		}
	}
	return m
}

func (x *exim) delivery(at capture.Time, id string, words []string) {
	m, ok := x.queue.get(id)
	to := words[0]
	if mailAccount(to) == "" && len(words) > 1 && strings.HasPrefix(words[1], "<") {
		to = words[1] // "=> ben <ben@example.net>": a local user
	}
	if account := mailAccount(to); ok && m.from.Account != "" && account != "" {
		if m.id != "" {
			id = m.id
		}
		x.r.entry(at, &capture.Entry{Kind: capture.EntryMessage, Service: "mail", From: m.from,
			To: []capture.End{{Account: account}}, ID: id, Size: m.size, Unit: time.Second})
	}
}
