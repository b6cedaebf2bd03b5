package logs

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"envelope/capture"
)

// whatsappFormat reads the chats that WhatsApp writes as text ("Export chat").
func whatsappFormat(o Options) capture.Format {
	return capture.Format{
		Name: "whatsapp-chat", Title: "WhatsApp chat export (text, Android and iOS)", Observer: capture.Device, Grain: capture.GrainEntry,
		Shows: []string{"who", "whom", "when", "volume", "service", "group"},
		Hides: "who the exporter is, and which zone the times are of: the file names nobody but the writers, and gives times of the phone's clock",
		Sniff: func(head []byte) bool { return sniffChat(head, false) }, Read: readChat(o, "whatsapp"),
	}
}

// signalExportFormat reads the text that signal-export writes of Signal Desktop's database.
func signalExportFormat(o Options) capture.Format {
	return capture.Format{
		Name: "signal-export", Title: "Signal chat as signal-export writes it (text)", Observer: capture.Device, Grain: capture.GrainEntry,
		Shows: []string{"who", "whom", "when", "volume", "service"},
		Hides: "who the exporter is (called Me), seconds, and the zone of the times: the file has none of them",
		Sniff: func(head []byte) bool { return sniffChat(head, true) }, Read: readChat(o, "signal"),
	}
}

// logLevels stand where a chat has the writer, in logs whose lines begin alike.
var logLevels = []string{"notice", "info", "warn", "warning", "error", "err", "debug", "verbose", "trace", "fatal", "crit", "critical", "security", "notification"}

// sniffChat knows a chat by its first line, which has a header, and by a
// writer behind one of the headers. signal-export alone writes the year first, in
// brackets and without seconds.
func sniffChat(head []byte, signal bool) bool {
	head = bytes.TrimLeft(head, "\ufeff\r\n ")
	first, _, _ := bytes.Cut(head, []byte("\n"))
	h, _, ok := parseChatHeader(first)
	style := h.style
	if !ok || signal != (style.bracket && style.comma && !style.seconds && style.sep == '-' && style.wide == 0) {
		return false
	}
	return sniffLines(func(line []byte) bool {
		h, rest, ok := parseChatHeader(line)
		if !ok || h.style != style {
			return false
		}
		name, _, ok := cutWriter(rest)
		level, _, _ := strings.Cut(strings.ToLower(name), "[")
		return ok && !slices.Contains(logLevels, level)
	})(head)
}

// Bounds of what is held of one chat until its order of dates is settled.
// WhatsApp exports at most 40,000 messages; what is beyond a million is read
// by the order that the first million has.
const (
	maxChatLines   = 1 << 20
	maxChatWriters = 1 << 14
	maxChatName    = 120 // bytes of a writer's name; WhatsApp allows 25 characters, address books some more
)

// chatLine is what is kept of one message: nothing of its body but the length.
type chatLine struct {
	header chatHeader
	at     int64
	writer int32 // -1 for a note without one
	size   uint32
	kind   chatKind
	act    int32 // index of a group act + 1
}

// actLine is what a note about a group says.
type actLine struct {
	what       groupWhat
	actor      string
	others     []string
	groupTitle string
}

// chat reads one chat.
type chat struct {
	*reader
	o       *Options
	service string
	style   chatStyle
	lines   []chatLine
	writers []capture.End
	index   map[string]int32
	acts    []actLine
	title   int32 // writer that the app's first notes stand under: the chat's name, -1 for none
	open    bool
	settled bool
	order   dateOrder
	pair    []int32 // the two that talk, where it is two
	group   string
	name    string
}

func readChat(o Options, service string) func(*capture.Input) iter.Seq2[capture.Record, error] {
	return readLines(func(r *reader) (func([]byte) error, func() error) {
		c := &chat{reader: r, o: &o, service: service, index: map[string]int32{}, title: -1}
		return c.line, c.end
	})
}

// line takes a line: a header with the beginning of a message, or more of the
// message before.
func (c *chat) line(line []byte) error {
	h, rest, ok := parseChatHeader(line)
	if ok && (!c.open || h.style == c.style) {
		return c.start(h, rest)
	}
	switch {
	case len(bytes.TrimSpace(line)) == 0 && !c.open:
		return nil
	case !c.open:
		return errors.New("no date, time and writer; not of a chat export")
	}
	if last := c.last(); last != nil && last.kind == chatText {
		last.size += uint32(len(line)) + 1
	}
	return nil
}

func (c *chat) last() *chatLine {
	if len(c.lines) == 0 {
		return nil
	}
	return &c.lines[len(c.lines)-1]
}

func (c *chat) start(h chatHeader, rest []byte) error {
	if !c.open {
		c.open, c.style = true, h.style
	}
	if len(c.lines) >= maxChatLines {
		c.flush()
	}
	l := chatLine{header: h, at: c.at, writer: -1, kind: chatNote}
	if name, body, ok := cutWriter(rest); ok {
		l.writer = c.writer(name)
		l.kind = classify(body, h.marked && h.style.bracket)
		if _, noted := trimMarks(body); noted && l.kind == chatText && len(c.lines) == 0 {
			l.kind = chatNote // that messages are encrypted: every chat begins so, in whatever language
		}
		if l.kind == chatNote && c.title < 0 {
			c.title = l.writer
		}
		if l.kind == chatText {
			l.size = uint32(len(body))
			c.noteOf(&l, body)
		}
	} else {
		c.act(&l, rest)
	}
	c.lines = append(c.lines, l)
	return nil
}

// noteOf looks for a group act in a body that the app marked as its own.
func (c *chat) noteOf(l *chatLine, body []byte) {
	if _, noted := trimMarks(body); noted {
		c.act(l, body)
		if l.act > 0 {
			l.kind, l.size = chatNote, 0
		}
	}
}

// cutWriter separates the writer from the body. Notes of the app have no
// writer; a colon within quotation marks, numbers or addresses makes none.
func cutWriter(rest []byte) (name string, body []byte, ok bool) {
	rest, _ = trimMarks(bytes.TrimLeft(rest, " \u00a0\u202f"))
	i := bytes.IndexByte(rest, ':')
	if i <= 0 || i > maxChatName || i+1 < len(rest) && (rest[i+1] == '/' || rest[i+1] >= '0' && rest[i+1] <= '9') {
		return "", nil, false
	}
	name = cleanName(string(rest[:i]))
	if name == "" || strings.ContainsAny(name, "\"“”«»„") {
		return "", nil, false
	}
	return name, bytes.TrimPrefix(rest[i+1:], []byte(" ")), true
}

// cleanName takes off what apps put around names: direction marks, and the
// tilde before names that are not in the address book.
func cleanName(s string) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case directionMark(c) || c < ' ' || c == 0x7f || c == utf8.RuneError:
			return -1
		case c == 0xa0 || c == 0x202f:
			return ' '
		}
		return c
	}, s)
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s), "~"))
}

// endOf makes an end of a name: a telephone number in international form is an
// account.
func endOf(name string) capture.End {
	if number := e164(name); strings.HasPrefix(name, "+") && number != "" {
		return capture.End{Account: number}
	}
	return capture.End{Name: name}
}

// e164 gives the digits of a number with "+", "" where s holds anything
// but digits and the signs that stand between them. ITU-T E.164 allows 15 digits.
func e164(s string) string {
	var b strings.Builder
	b.WriteByte('+')
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			b.WriteRune(c)
		case !strings.ContainsRune("+-() .\u00a0\u2011\u202f", c) && !directionMark(c):
			return ""
		}
	}
	if b.Len() < 6 || b.Len() > 16 {
		return ""
	}
	return b.String()
}

func (c *chat) writer(name string) int32 {
	if i, ok := c.index[name]; ok {
		return i
	}
	if len(c.writers) >= maxChatWriters {
		c.in.Warn(fmt.Sprintf("more than %d writers; those beyond have no name", maxChatWriters))
		return -1
	}
	i := int32(len(c.writers))
	c.index[name] = i
	c.writers = append(c.writers, endOf(name))
	return i
}

// act reads what a note says of the group.
func (c *chat) act(l *chatLine, note []byte) {
	note, _ = trimMarks(bytes.TrimSpace(note))
	if len(note) > 500 || len(c.acts) >= maxChatWriters {
		return
	}
	for _, g := range groupActs {
		m := g.is.FindSubmatch(note)
		if m == nil {
			continue
		}
		a := actLine{what: g.what}
		for i, name := range g.is.SubexpNames() {
			switch name {
			case "a":
				a.actor = ownName(string(m[i]))
			case "o":
				a.others = splitNames(string(m[i]))
			case "g":
				a.groupTitle = cleanName(string(m[i]))
			}
		}
		c.acts = append(c.acts, a)
		l.act = int32(len(c.acts))
		return
	}
}

// ownName is a name of a note, "" for the owner of the phone.
func ownName(s string) string {
	s = cleanName(s)
	if slices.Contains(ownWords, strings.ToLower(s)) || len(s) > maxChatName {
		return ""
	}
	return s
}

func splitNames(s string) (list []string) {
	s = strings.TrimSuffix(s, ".")
	for _, and := range []string{" and ", " und ", " y ", " et ", " e ", " en ", " и ", " dan "} {
		s = strings.ReplaceAll(s, and, ", ")
	}
	for part := range strings.SplitSeq(s, ", ") {
		if name := ownName(part); name != "" {
			list = append(list, name)
		}
	}
	return list
}

func (c *chat) end() error {
	if !c.open {
		return nil
	}
	c.flush()
	return nil
}

// flush yields what is held.
func (c *chat) flush() {
	if !c.settled {
		c.settle()
	}
	now := c.at
	for i := range c.lines {
		if c.done {
			break
		}
		c.at = c.lines[i].at
		c.yieldLine(&c.lines[i])
	}
	c.at, c.lines = now, c.lines[:0]
}

// settle finds the order of the dates, and whether two talk or a group does.
func (c *chat) settle() {
	c.settled = true
	var other string
	c.order, other = orderOf(func(yield func(*chatHeader) bool) {
		for i := range c.lines {
			if !yield(&c.lines[i].header) {
				return
			}
		}
	})
	if other != "" {
		c.in.Warn(fmt.Sprintf("its dates are read as %s; %s would do as well", c.order.name, other))
	}
	spoke := c.spoke()
	title := c.title >= 0 && !slices.Contains(spoke, c.title)
	if len(c.acts) == 0 && (len(spoke) <= 2 && !title || len(spoke) == 1) {
		if title {
			spoke = append(spoke, c.title)
		}
		if len(spoke) == 2 {
			c.pair = spoke
		}
		return
	}
	// A file has no name for its group that no other group has: the number of
	// the input keeps groups apart.
	c.group = fmt.Sprintf("chat %d", c.in.Index+1)
	if title {
		c.name = c.writers[c.title].Name
	}
	for _, a := range c.acts {
		if a.groupTitle != "" {
			c.name = a.groupTitle
		}
	}
}

// spoke lists who wrote messages, up to three of them.
func (c *chat) spoke() (list []int32) {
	for i := range c.lines {
		l := &c.lines[i]
		if l.writer >= 0 && l.kind != chatNote && !slices.Contains(list, l.writer) {
			if list = append(list, l.writer); len(list) > 2 {
				break
			}
		}
	}
	return list
}

// peer gives the other one of two that talk.
func (c *chat) peer(writer int32) []capture.End {
	for i, w := range c.pair {
		if w == writer {
			return c.writers[c.pair[1-i]:][:1:1]
		}
	}
	return nil
}

func (c *chat) yieldLine(l *chatLine) {
	at, ok := c.order.at(&l.header, c.o.zone())
	if !ok {
		c.fail(fmt.Errorf("no such day, in the order %s", c.order.name))
		return
	}
	e := &capture.Entry{Service: c.service, Group: c.group, GroupName: c.name, Unit: time.Minute}
	if l.header.style.seconds {
		e.Unit = time.Second
	}
	if l.act > 0 {
		c.yieldAct(at, e, &c.acts[l.act-1])
		return
	}
	if l.kind == chatNote {
		return
	}
	if l.writer >= 0 {
		e.From, e.To = c.writers[l.writer], c.peer(l.writer)
	}
	switch e.Kind = capture.EntryMessage; l.kind {
	case chatText:
		e.Size, e.Text = uint64(l.size), true
	case chatMedia:
		e.Kind = capture.EntryMedia
	case chatDeleted:
		e.Type = "deleted"
	case chatVoiceCall, chatVideoCall:
		e.Kind = capture.EntryCall
		e.Call = &capture.CallEntry{Media: "audio", Outcome: "unanswered"}
		if l.kind == chatVideoCall {
			e.Call.Media = "video"
		}
	}
	c.entry(at, e)
}

// yieldAct tells who came and went; of the owner, who has no name in notes,
// nothing is told.
func (c *chat) yieldAct(at capture.Time, e *capture.Entry, a *actLine) {
	e.Kind = capture.EntryMember
	if a.what == groupLeft || a.what == groupRemoved {
		e.Kind = capture.EntryLeave
	}
	if a.actor != "" {
		e.From = endOf(a.actor)
	}
	if a.what == groupRemoved || a.actor == "" {
		for _, name := range a.others {
			gone := *e
			gone.From = endOf(name)
			c.entry(at, &gone)
		}
		return
	}
	for _, name := range a.others {
		e.To = append(e.To, endOf(name))
	}
	c.entry(at, e)
}
