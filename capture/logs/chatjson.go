package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// chatJSONFormats are exports whose chats are JSON objects with an array
// "messages": one walk through the document serves them all.
func chatJSONFormats(o Options) []capture.Format {
	base := capture.Format{Observer: capture.Device, Grain: capture.GrainEntry, Shows: []string{"who", "whom", "when", "duration", "volume", "service", "group"}}
	telegram, meta, list := base, base, base
	telegram.Name, telegram.Title = "telegram-export", "Telegram export (result.json)"
	telegram.Hides = "when a message was delivered or read, and from which device or address: the export has what a chat shows, and no more"
	telegram.Sniff = func(head []byte) bool { return hasKeys(head, "messages") && telegramHead(head) }
	telegram.Read = readChatJSON(o, (*chatJSON).telegram)
	meta.Name, meta.Title = "meta-export", "Instagram or Messenger export (message_1.json)"
	meta.Hides = "which of the two messengers it is, and when a message was delivered or read: the export does not say"
	meta.Sniff = func(head []byte) bool { return hasKeys(head, "messages", "sender_name", "timestamp_ms") }
	meta.Read = readChatJSON(o, (*chatJSON).meta)
	list.Name, list.Title = "message-list", "list of sizes and times of one account's messages (JSON)"
	list.Shows, list.Hides = []string{"when", "volume"}, "who and whom: it has sizes, times and directions only"
	list.Sniff = func(head []byte) bool { return hasKeys(head, "messages", "timestamp", "isOutgoing") }
	list.Read = readChatJSON(o, (*chatJSON).listed)
	return []capture.Format{telegram, meta, list}
}

// hasKeys tells whether a document begins as an object and has these keys.
func hasKeys(head []byte, keys ...string) bool {
	if !bytes.HasPrefix(bytes.TrimLeft(head, "\ufeff \t\r\n"), []byte("{")) {
		return false
	}
	for _, k := range keys {
		if !bytes.Contains(head, []byte(`"`+k+`"`)) {
			return false
		}
	}
	return true
}

func telegramHead(head []byte) bool {
	for _, kind := range []string{"personal_chat", "private_group", "private_supergroup", "public_supergroup", "saved_messages", "bot_chat", "private_channel", "public_channel"} {
		if bytes.Contains(head, []byte(`"`+kind+`"`)) {
			return true
		}
	}
	return hasKeys(head, "date_unixtime") || hasKeys(head, "from_id", "date")
}

// maxChatItem bounds one message of a document, and maxHeldEntries the messages
// of a chat that wait until it is known who talks in it.
const (
	maxChatItem    = 8 << 20
	maxHeldEntries = 100_000
)

// chatJSON walks through one document.
type chatJSON struct {
	*reader
	o       *Options
	take    func(c *chatJSON, raw json.RawMessage) error
	src     *lineReader
	dec     *json.Decoder
	owner   capture.End // of the export, where it says
	chat    jsonChat
	chatsNo int
}

// jsonChat is what is known of the chat at hand.
type jsonChat struct {
	kind, name, id, thread string
	group                  bool
	people                 []capture.End // participants, or those who wrote so far
	full                   bool          // people are the participants as the export lists them
	held                   []heldEntry
	settled                bool
}

type heldEntry struct {
	at    int64
	time  capture.Time
	entry *capture.Entry
}

func readChatJSON(o Options, take func(*chatJSON, json.RawMessage) error) func(*capture.Input) iter.Seq2[capture.Record, error] {
	return func(in *capture.Input) iter.Seq2[capture.Record, error] {
		return func(yield func(capture.Record, error) bool) {
			c := &chatJSON{reader: &reader{in: in, yield: yield, at: 1}, o: &o, take: take, src: &lineReader{r: in.Reader}}
			c.dec = json.NewDecoder(c.src)
			if err := c.value(0, ""); err != nil && !errors.Is(err, io.EOF) {
				c.at = c.src.line(c.dec.InputOffset())
				c.fail(fmt.Errorf("the document is cut or no JSON: %s", jsonTrouble(err)))
			}
			c.settle()
			if c.in.Packets == 0 {
				c.in.Warn("no message in it")
			}
		}
	}
}

// jsonTrouble words an error without what stands in the document.
func jsonTrouble(err error) string {
	var wrong *json.SyntaxError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends too early"
	case errors.As(err, &wrong):
		return fmt.Sprintf("a wrong character at byte %d", wrong.Offset)
	case errors.Is(err, errLongItem), errors.Is(err, errDeep):
		return err.Error()
	}
	return "it cannot be read"
}

var (
	errLongItem = fmt.Errorf("a message of more than %d MiB", maxChatItem>>20)
	errDeep     = errors.New("it is nested too deeply")
)

// lineReader counts the lines of what a decoder reads, and refuses an item that is too long.
type lineReader struct {
	r     io.Reader
	read  int64
	limit int64
	at    int64   // line of the last question, less 1
	ends  []int64 // offsets of line ends that were not asked for yet
}

func (l *lineReader) Read(b []byte) (int, error) {
	if l.limit > 0 && l.read > l.limit {
		return 0, errLongItem
	}
	n, err := l.r.Read(b)
	for i, c := range b[:n] {
		if c == '\n' {
			l.ends = append(l.ends, l.read+int64(i))
		}
	}
	l.read += int64(n)
	return n, err
}

// line gives the line of an offset, which does not go back.
func (l *lineReader) line(offset int64) int64 {
	n := 0
	for n < len(l.ends) && l.ends[n] < offset {
		n++
	}
	l.ends = append(l.ends[:0], l.ends[n:]...)
	l.at += int64(n)
	return l.at + 1
}

// value walks through one value; key is what it stands under.
func (c *chatJSON) value(depth int, key string) error {
	if depth > maxNested {
		return errDeep
	}
	c.src.limit = c.dec.InputOffset() + maxChatItem
	token, err := c.dec.Token()
	if err != nil || c.done {
		return err
	}
	switch token {
	case json.Delim('{'):
		return c.object(depth, key)
	case json.Delim('['):
		return c.array(depth, key)
	}
	if s, is := token.(string); is {
		c.word(key, s)
	} else if n, is := token.(float64); is && key == "id" {
		c.word(key, strconv.FormatFloat(n, 'f', -1, 64))
	}
	return nil
}

// object takes the members of an object: chats, and what holds them.
func (c *chatJSON) object(depth int, key string) error {
	for c.dec.More() && !c.done {
		c.src.limit = c.dec.InputOffset() + maxChatItem
		token, err := c.dec.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		switch {
		case key == "personal_information":
			err = c.personal(name)
		case name == "participants":
			err = c.participants()
		case name == "contacts" || name == "frequent_contacts" || name == "sessions" || name == "profile_pictures" || name == "stories":
			err = c.skip()
		default:
			err = c.value(depth+1, name)
		}
		if err != nil {
			return err
		}
	}
	_, err := c.dec.Token()
	return err
}

// array takes messages, or chats.
func (c *chatJSON) array(depth int, key string) error {
	for c.dec.More() && !c.done {
		if key != "messages" {
			if err := c.value(depth+1, key); err != nil {
				return err
			}
			if key == "list" {
				c.settle()
			}
			continue
		}
		raw, err := c.item()
		if err != nil {
			return err
		}
		c.in.Packets++
		c.in.Bytes += int64(len(raw))
		c.fail(c.take(c, raw))
	}
	_, err := c.dec.Token()
	return err
}

// item decodes one value whole, and notes its line.
func (c *chatJSON) item() (raw json.RawMessage, err error) {
	c.src.limit = c.dec.InputOffset() + maxChatItem
	err = c.dec.Decode(&raw)
	if err == nil {
		end := c.dec.InputOffset()
		c.at = c.src.line(end - int64(len(raw)))
	}
	return raw, err
}

func (c *chatJSON) skip() error {
	_, err := c.item()
	return err
}

// word takes what describes the chat at hand.
func (c *chatJSON) word(key, s string) {
	switch key {
	case "name", "title":
		c.chat.name = latin(s)
	case "type":
		c.chat.kind = s
	case "id":
		c.chat.id = s
	case "thread_path":
		c.chat.thread = s
	}
}

// personal takes the owner of a full export of Telegram.
func (c *chatJSON) personal(name string) error {
	raw, err := c.item()
	if err != nil {
		return err
	}
	var s string
	switch {
	case name == "user_id":
		c.owner.Account = "user" + string(raw)
	case (name == "first_name" || name == "last_name") && json.Unmarshal(raw, &s) == nil:
		c.owner.Name = strings.TrimSpace(c.owner.Name + " " + s)
	}
	return nil
}

// participants takes the list that Meta's export begins a chat with.
func (c *chatJSON) participants() error {
	raw, err := c.item()
	if err != nil {
		return err
	}
	var list []struct{ Name string }
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	c.chat.full = true
	for _, p := range list {
		c.chat.person(capture.End{Name: latin(p.Name)})
	}
	return nil
}

// person adds one who talks in the chat, up to three: more tell nothing new.
func (j *jsonChat) person(e capture.End) {
	if e.Account == "" && e.Name == "" || len(j.people) > 2 {
		return
	}
	for _, p := range j.people {
		if p.Account == e.Account && (e.Account != "" || p.Name == e.Name) {
			return
		}
	}
	j.people = append(j.people, e)
}

// hold keeps an entry until it is known whether two talk or more.
func (c *chatJSON) hold(at capture.Time, e *capture.Entry) {
	if !c.chat.full {
		c.chat.person(e.From)
	}
	c.chat.held = append(c.chat.held, heldEntry{c.at, at, e})
	if len(c.chat.held) >= maxHeldEntries {
		c.release()
	}
}

// release yields what is held: in a chat of two each writes to the other.
func (c *chatJSON) release() {
	j, now := &c.chat, c.at
	group := ""
	if j.group || len(j.people) > 2 && j.kind != "saved_messages" {
		group = j.thread
		if group == "" && j.id != "" {
			group = j.id
		}
		if group == "" {
			group = fmt.Sprintf("chat %d.%d", c.in.Index+1, c.chatsNo+1)
		}
	}
	for _, h := range j.held {
		c.at = h.at
		switch {
		case j.kind == "saved_messages": // notes to oneself
		case group != "":
			h.entry.Group, h.entry.GroupName = group, j.name
		default:
			h.entry.To = append(h.entry.To, j.other(h.entry.From)...)
		}
		c.entry(h.time, h.entry)
	}
	c.at, j.held = now, j.held[:0]
}

// other gives the other one of a chat of two.
func (j *jsonChat) other(from capture.End) []capture.End {
	if len(j.people) != 2 {
		return nil
	}
	for i, p := range j.people {
		if p.Account == from.Account && (p.Account != "" || p.Name == from.Name) {
			return []capture.End{j.people[1-i]}
		}
	}
	return nil
}

// settle ends the chat at hand.
func (c *chatJSON) settle() {
	c.release()
	c.chat = jsonChat{}
	c.chatsNo++
}

// latin repairs names of Meta's exports, whose bytes of UTF-8 are written as
// one character each.
func latin(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return cleanName(s)
		}
		b = append(b, byte(r))
	}
	if fixed := strings.ToValidUTF8(string(b), "\ufffd"); !strings.Contains(fixed, "\ufffd") {
		return cleanName(fixed)
	}
	return cleanName(s)
}

// listed takes a line of a list without names.
func (c *chatJSON) listed(raw json.RawMessage) error {
	var m struct {
		Size       uint64
		Timestamp  json.Number
		Type       string
		IsOutgoing bool
	}
	if json.Unmarshal(raw, &m) != nil {
		return errors.New("no message with size and timestamp")
	}
	at, ok := unixTime(m.Timestamp.String())
	if !ok {
		return errors.New("a message without a time")
	}
	e := &capture.Entry{Kind: capture.EntryMedia, Size: m.Size, Type: m.Type, Unit: time.Second, Half: capture.HalfReceived}
	if m.Type == "text" {
		e.Kind, e.Text = capture.EntryMessage, true
	}
	if m.IsOutgoing {
		e.Half = capture.HalfSent
	}
	c.entry(at, e)
	return nil
}
