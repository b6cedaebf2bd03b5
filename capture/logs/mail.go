package logs

import (
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// mailAccount is a mail address with its domain in lower case, "" for the
// empty sender of bounces and for what is no address.
func mailAccount(s string) string {
	s = strings.Trim(s, "<> ")
	k := strings.LastIndexByte(s, '@')
	if k <= 0 || len(s) > 320 || strings.ContainsAny(s, " \t\"") {
		return ""
	}
	return s[:k+1] + strings.ToLower(s[k+1:])
}

// mailLine cuts the stamp of a syslog line, with a year (RFC 5424) or
// without (RFC 3164), its host and its program from a line.
func mailLine(r *reader, o *Options, s string) (at capture.Time, program, text string, err error) {
	rest := s
	if t, after, ok := isoStamp(s, o.zone()); ok {
		at, rest = t, after
	} else {
		if len(s) < 16 || s[3] != ' ' || s[9] != ':' {
			return 0, "", "", badStamp(s)
		}
		if at, err = o.yearless(r.in, time.Stamp, s[:15]); err != nil {
			return 0, "", "", err
		}
		rest = s[16:]
	}
	program, text, _ = strings.Cut(rest, ": ")
	if _, after, ok := strings.Cut(program, " "); ok {
		program = after // behind the host
	}
	program, _, _ = strings.Cut(program, "[")
	return at, program, text, nil
}

// mailer tells whether a line is of postfix or of dovecot's logins.
func mailer(line []byte) bool {
	s := string(line)
	return strings.Contains(s, " postfix/") && strings.Contains(s, "]: ") || strings.Contains(s, "dovecot") && strings.Contains(s, "-login: ")
}

// postfixFormat is the mail log of Postfix and Dovecot, which write into one
// (Postfix: postlogd(8), smtpd(8), qmgr(8), smtp(8)).
func postfixFormat(o Options) capture.Format {
	return capture.Format{
		Name: "maillog", Title: "Mail log of Postfix and Dovecot",
		Observer: capture.Mailhop, Grain: capture.GrainEntry, Undated: true,
		Shows: []string{"who", "whom", "when", "volume", "service", "location"},
		Hides: "What a mail says, and whether it is encrypted: it has the envelope only.",
		Sniff: sniffLines(mailer),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			p := &postfix{r: r, o: &o}
			return p.line, p.end
		}),
	}
}

// postfix joins the lines of one mail by its queue id.
type postfix struct {
	r     *reader
	o     *Options
	queue bounded[*queued]
}

// queued is a mail that is in the queue.
type queued struct {
	from capture.End
	id   string
	size uint64
}

func (p *postfix) end() error {
	p.queue.warn(p.r, "mails")
	p.r.unused("no mail was delivered by this log and nobody logged in: it has connections that were turned away, or mails that came in before it begins")
	return nil
}

func (p *postfix) line(b []byte) error {
	if !mailer(b) {
		return nil
	}
	at, program, text, err := mailLine(p.r, p.o, string(b))
	if err != nil || at == 0 {
		return err
	}
	if strings.HasPrefix(program, "postfix") {
		id, rest, ok := strings.Cut(text, ": ")
		if ok && queueID(id) {
			p.mail(at, program, id, rest)
		}
		return nil
	}
	p.login(at, text, string(b))
	return nil
}

// queueID tells Postfix's ids, short (hexadecimal) and long.
func queueID(s string) bool {
	if len(s) < 5 || len(s) > 20 || s == "NOQUEUE" || s == "warning" || s == "statistics" {
		return false
	}
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

func (p *postfix) mail(at capture.Time, program, id, text string) {
	m, known := p.queue.get(id)
	if !known {
		m = &queued{}
	}
	switch {
	case strings.HasPrefix(text, "client="):
		_, addr, _ := strings.Cut(text, "[")
		addr, _, _ = strings.Cut(addr, "]")
		m.from.Addr = addrOf(addr)
	case strings.HasPrefix(text, "message-id="):
		m.id = strings.Trim(text[len("message-id="):], "<> ")
	case strings.HasPrefix(text, "from=<"):
		from, _ := between(text, "from=<", ">")
		m.from.Account = mailAccount(from)
		size, _ := between(text, "size=", ",")
		m.size, _ = strconv.ParseUint(size, 10, 48)
	case strings.HasPrefix(text, "to=<") && strings.Contains(text, "status=sent") && !strings.HasSuffix(program, "/bounce"):
		p.sent(at, id, text, m)
		return
	case text == "removed":
		p.queue.drop(id)
		return
	default:
		return
	}
	p.queue.put(id, m)
}

// sent yields that a mail reached a recipient or its next hop.
func (p *postfix) sent(at capture.Time, id, text string, m *queued) {
	to, _ := between(text, "to=<", ">")
	account := mailAccount(to)
	if m.from.Account == "" || account == "" {
		return // a bounce, or the log began behind the sender's line
	}
	if m.id != "" {
		id = m.id
	}
	p.r.entry(at, &capture.Entry{Kind: capture.EntryMessage, Service: "mail", From: m.from,
		To: []capture.End{{Account: account}}, ID: id, Size: m.size, Unit: time.Second})
}

// login takes a login that Dovecot let in; who failed talked to nobody.
func (p *postfix) login(at capture.Time, text, whole string) {
	if !strings.Contains(whole, "-login: Login: ") && !strings.Contains(whole, "-login: Info: Login: ") {
		return
	}
	user, _ := between(text, "user=<", ">")
	rip, _ := between(text, "rip=", ",")
	session, _ := between(text, "session=<", ">")
	if account := mailAccount(user); account != "" {
		user = account
	}
	if user != "" {
		p.r.entry(at, &capture.Entry{Kind: capture.EntryLogin, Service: "mail", ID: session, Unit: time.Second,
			From: capture.End{Account: user, Addr: addrOf(rip)}})
	}
}
