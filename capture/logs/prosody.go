package logs

import (
	"strings"
	"time"

	"envelope/capture"
)

// prosodyFormat is Prosody's own log (prosody.im/doc/logging): a stamp, the
// source of the line, its level and its text, parted by tabs. At level info it names
// sessions and uploads; at debug the outermost tag of every stanza too.
func prosodyFormat(o Options) capture.Format {
	return capture.Format{
		Name: "prosody", Title: "Prosody server log",
		Observer: capture.Operator, Grain: capture.GrainEntry, Undated: true,
		Shows: []string{"who", "whom", "when", "volume", "service", "device", "group", "presence"},
		Hides: "At level info it names accounts and uploads but not whom they write to, unless stanzas are logged; contents and the sizes of stanzas are not in the debug lines.",
		Sniff: sniffLines(func(line []byte) bool {
			l, ok := prosodyLine(string(line))
			return ok && prosodySource(l.source)
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			p := &prosody{r: r, o: &o, rooms: map[string]bool{}}
			return p.line, p.end
		}),
	}
}

// logLine is a line of a server log in its parts.
type logLine struct{ stamp, source, level, text string }

func prosodyLine(s string) (logLine, bool) {
	parts := strings.SplitN(s, "\t", 3)
	if len(parts) != 3 {
		return logLine{}, false
	}
	l := logLine{level: strings.TrimSpace(parts[1]), text: parts[2]}
	switch l.level {
	case "debug", "info", "warn", "error":
	default:
		return l, false
	}
	head := strings.TrimSpace(parts[0])
	k := strings.LastIndexByte(head, ' ')
	if k < 0 {
		return l, false
	}
	l.stamp, l.source = strings.TrimSpace(head[:k]), head[k+1:]
	return l, len(l.stamp) == 15 || len(l.stamp) == 19
}

// prosodySource tells sources that only Prosody has.
func prosodySource(s string) bool {
	for _, p := range []string{"c2s", "s2s", "startup", "portmanager", "hostmanager", "mod_", "certmanager", "stanzarouter", "modulemanager"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return strings.HasSuffix(s, ":log_stanza_meta") || strings.HasSuffix(s, ":http_file_share")
}

// prosody joins the lines of one log.
type prosody struct {
	r        *reader
	o        *Options
	stamp    string // the last one, and its time
	at       capture.Time
	sessions bounded[capture.End]       // by the source of their lines
	kinds    bounded[capture.EntryKind] // of messages, by id
	senders  bounded[string]            // accounts, by id of a message and by the address in a room
	joined   bounded[bool]
	rooms    map[string]bool // hosts that have rooms
	debug    bool            // stanzas are logged with their ids
	open     *prosodyStanza  // received, and not yet told what it is
}

// prosodyStanza is a message that came in, until the lines behind it say what
// kind it is: Prosody handles one stanza at a time.
type prosodyStanza struct {
	rec  capture.Entry
	time capture.Time
	at   int64
	to   string
}

func (p *prosody) line(b []byte) error {
	l, ok := prosodyLine(string(b))
	if !ok {
		return nil // a stack trace, a banner
	}
	if err := p.when(l.stamp); err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(l.text, "Received["):
		p.flush()
		p.received(l)
	case strings.HasPrefix(l.text, "Sending[c2s]: <message "):
		p.sending(l)
	case strings.HasPrefix(l.text, "Archiving stanza: "), strings.HasPrefix(l.text, "Not archiving stanza: "):
		p.archiving(l.text)
	case strings.HasPrefix(l.text, "STANZA dir="):
		p.stanza(l.text)
	case strings.HasPrefix(l.source, "c2s"):
		p.session(l)
	case strings.HasPrefix(l.text, "Issuing upload slot to "):
		p.upload(l.text)
	}
	return nil
}

func (p *prosody) end() error {
	p.flush()
	p.sessions.warn(p.r, "sessions")
	p.r.unused("the log of Prosody names no account: nobody logged in, and stanzas are not logged")
	return nil
}

func (p *prosody) when(stamp string) (err error) {
	if stamp == p.stamp {
		return nil
	}
	if len(stamp) == 19 {
		p.at, err = parseZoned("2006-01-02 15:04:05", stamp, p.o.zone())
	} else {
		p.at, err = p.o.yearless(p.r.in, time.Stamp, stamp)
	}
	if err == nil {
		p.stamp = stamp
	}
	return err
}

func (p *prosody) give(e capture.Entry) {
	e.Service, e.Unit = "xmpp", time.Second
	p.r.entry(p.at, &e)
}

// session takes the lines about a client's connection.
func (p *prosody) session(l logLine) {
	switch {
	case strings.HasPrefix(l.text, "Authenticated as "):
		who, _, _ := strings.Cut(l.text[len("Authenticated as "):], " ")
		end := jidEnd(who)
		if end.Account != "" {
			p.sessions.put(l.source, end)
			p.give(capture.Entry{Kind: capture.EntryLogin, From: end, ID: l.source})
		}
	case strings.HasPrefix(l.text, "Resource bound: "):
		end := jidEnd(strings.TrimSpace(l.text[len("Resource bound: "):]))
		if end.Account != "" {
			p.sessions.put(l.source, end)
			p.give(capture.Entry{Kind: capture.EntryAccount, From: end, ID: l.source})
		}
	case strings.HasPrefix(l.text, "Client disconnected"):
		if end, ok := p.sessions.get(l.source); ok {
			p.give(capture.Entry{Kind: capture.EntryLogout, From: end, ID: l.source})
			p.sessions.drop(l.source)
		}
	}
}

// received takes the outermost tag of a stanza that came in, from a client or
// another server.
func (p *prosody) received(l logLine) {
	tag, ok := between(l.text, "]: <", ">")
	if !ok {
		return
	}
	from, known := p.sessions.get(l.source)
	if strings.HasPrefix(l.text, "Received[s2s") {
		from, known = jidEnd(attribute(tag, "from")), true
	}
	if !known || from.Account == "" {
		return
	}
	to := attribute(tag, "to")
	switch {
	case strings.HasPrefix(tag, "presence "):
		p.occupant(from.Account, to)
	case strings.HasPrefix(tag, "message "):
		p.message(tag, from, to)
	}
}

// occupant keeps the account behind an address in a room, if it is one.
func (p *prosody) occupant(account, to string) {
	if bare, nick := splitJID(to); bare != "" && nick != "" {
		p.senders.put(bare+"/"+nick, account)
	}
}

func (p *prosody) message(tag string, from capture.End, to string) {
	p.debug = true
	style := attribute(tag, "type")
	if style == "headline" || style == "error" || to == "" {
		return
	}
	e := capture.Entry{From: from, Half: capture.HalfSent, ID: attribute(tag, "id"), Style: style}
	p.address(&e, to)
	if e.Group == "" && len(e.To) == 0 {
		return
	}
	e.Kind = plainKind(style, to)
	p.open = &prosodyStanza{rec: e, time: p.at, at: p.r.at, to: to}
}

// address sets whom a stanza goes to: a room, or an account.
func (p *prosody) address(e *capture.Entry, to string) {
	bare, resource := splitJID(to)
	switch {
	case bare == "":
	case e.Style == "groupchat":
		e.Group = bare
		p.rooms[bareHost(bare)] = true
	default:
		e.To = []capture.End{{Account: bare, Device: resource}}
	}
}

// plainKind is the kind of a message of which only the outermost tag is known.
// A message without a type to one device of an account is what clients answer
// with (XEP-0184); texts have the type chat (RFC 6121 section 5.2.2).
func plainKind(style, to string) capture.EntryKind {
	if style == "" && strings.Contains(to, "/") {
		return capture.EntryReceipt
	}
	return capture.EntryMessage
}

// archiving takes the word of the archive (mod_mam), which says why it keeps a
// stanza: for its text, as a receipt, or not.
func (p *prosody) archiving(text string) {
	if p.open == nil {
		return
	}
	id, why := attribute(text, "id"), text[strings.LastIndexByte(text, ' ')+1:]
	if id == "" || id != p.open.rec.ID {
		return
	}
	switch kept := text[0] == 'A'; {
	case why == "(receipt)", why == "(marker)":
		p.open.rec.Kind = capture.EntryReceipt
	case why == "(default)" && !kept && p.open.rec.Style == "chat":
		p.open.rec.Kind = capture.EntryTyping // no text, no receipt: a chat state (XEP-0085)
	case kept:
		p.open.rec.Kind = capture.EntryMessage
	}
}

// flush yields the message that came in last.
func (p *prosody) flush() {
	if p.open == nil {
		return
	}
	s := p.open
	p.open = nil
	if s.rec.ID != "" {
		p.kinds.put(s.rec.ID, s.rec.Kind)
		p.senders.put(s.rec.ID, s.rec.From.Account)
	}
	now, line := p.at, p.r.at
	p.at, p.r.at = s.time, s.at
	p.give(s.rec)
	p.at, p.r.at = now, line
}

// sending takes the outermost tag of a message that goes out to a client.
func (p *prosody) sending(l logLine) {
	p.flush()
	p.debug = true
	tag, _ := between(l.text, "]: <", ">")
	to, known := p.sessions.get(l.source)
	if !known {
		to = jidEnd(attribute(tag, "to"))
	}
	id, style := attribute(tag, "id"), attribute(tag, "type")
	kind, seen := p.kinds.get(id)
	if !seen {
		kind = plainKind(style, attribute(tag, "to"))
	}
	p.delivered(capture.Entry{Kind: kind, ID: id, Style: style}, attribute(tag, "from"), to)
}

// delivered yields that a message of from, an account or an address in a
// room, reached to.
func (p *prosody) delivered(e capture.Entry, from string, to capture.End) {
	if e.Style == "headline" || e.Style == "error" || to.Account == "" {
		return
	}
	e.From, e.To, e.Half = jidEnd(from), []capture.End{to}, capture.HalfReceived
	if (e.Style == "groupchat" || p.rooms[bareHost(e.From.Account)]) && !p.fromRoom(&e, from, to) {
		return
	}
	if e.From.Account == "" && e.From.Name == "" || e.From.Account == to.Account {
		return // of the server, or a copy for the sender's own devices
	}
	p.give(e)
}

// fromRoom makes a room the group of an entry, and the account behind the
// address in it the sender where that is known. The room's own word, its
// subject, goes to whoever joins: it yields a member, and false.
func (p *prosody) fromRoom(e *capture.Entry, from string, to capture.End) bool {
	room, nick := splitJID(from)
	if room == "" {
		return false
	}
	switch {
	case e.Style == "groupchat" && nick == "":
		p.member(room, to)
		p.rooms[bareHost(room)] = true
		return false
	case nick == "":
		return false // a notice of the room
	case e.Style == "groupchat": // else it is between two that meet there
		e.Group = room
		p.rooms[bareHost(room)] = true
	}
	account, known := "", false
	if e.ID != "" {
		account, known = p.senders.get(e.ID)
	}
	if !known {
		account, known = p.senders.get(room + "/" + nick)
	}
	e.From = capture.End{Account: account}
	if !known {
		e.From.Name = nick
	}
	return true
}

func (p *prosody) member(room string, who capture.End) {
	key := room + " " + who.Account
	if _, known := p.joined.get(key); !known {
		p.joined.put(key, true)
		p.give(capture.Entry{Kind: capture.EntryMember, From: who, Group: room})
	}
}

// upload takes "Issuing upload slot to JID for 43.9 KiB" of
// mod_http_file_share; the size is rounded.
func (p *prosody) upload(text string) {
	who, size, ok := strings.Cut(text[len("Issuing upload slot to "):], " for ")
	if end := jidEnd(who); ok && end.Account != "" {
		p.give(capture.Entry{Kind: capture.EntryMedia, From: end, Half: capture.HalfSent, Size: roundedSize(size), Type: "upload slot"})
	}
}
