package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"envelope/capture"
)

// signalCLIFormat reads what signal-cli prints of messages it receives, one
// JSON object a line (signal-cli-jsonrpc(5)), alone or wrapped as a
// notification or answer of JSON-RPC.
func signalCLIFormat(Options) capture.Format {
	return capture.Format{
		Name: "signal-cli", Title: "signal-cli received messages (JSON lines)", Observer: capture.Device, Grain: capture.GrainEntry,
		Shows: []string{"who", "whom", "when", "duration", "volume", "service", "device", "group", "presence"},
		Hides: "whom the account's own phone talks to, unless that phone syncs it: signal-cli is one more device of the account",
		Sniff: sniffLines(isSignalCLI), Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			s := &signalCLI{reader: r, calls: map[string]*signalCall{}}
			return s.line, s.end
		}),
	}
}

func isSignalCLI(line []byte) bool {
	return bytes.HasPrefix(line, []byte("{")) && bytes.Contains(line, []byte(`"envelope"`)) &&
		(bytes.Contains(line, []byte(`"sourceDevice"`)) || bytes.Contains(line, []byte(`"sourceNumber"`)) || bytes.Contains(line, []byte(`"sourceUuid"`)))
}

// maxSignalCalls bounds the calls that have not ended yet.
const maxSignalCalls = 10_000

// signalCLI reads one log.
type signalCLI struct {
	*reader
	calls map[string]*signalCall
	order []string // keys of calls, the oldest first
}

type signalCall struct {
	at    int64
	time  capture.Time
	entry capture.Entry
}

// signalLine is a line, wrapped or not.
type signalLine struct {
	Account  string
	Envelope *signalEnvelope
	Params   *signalLine
	Result   json.RawMessage // an envelope for a subscription, any other thing for other calls
}

type signalEnvelope struct {
	Source, SourceNumber, SourceUUID, SourceName string
	SourceDevice                                 int
	Timestamp                                    int64
	DataMessage                                  *signalData
	EditMessage                                  *struct{ DataMessage *signalData }
	SyncMessage                                  *signalSync
	ReceiptMessage                               *signalReceipt
	TypingMessage                                *struct {
		Action    string
		Timestamp int64
		GroupID   string
	}
	CallMessage *signalCallMessage
}

// signalData is a message without its content: of the text only the length is
// taken.
type signalData struct {
	Timestamp   int64
	Message     json.RawMessage
	Attachments []struct {
		ContentType string
		Size        uint64
	}
	GroupInfo    *struct{ GroupID, GroupName string }
	Reaction     *struct{}
	Sticker      *struct{}
	RemoteDelete *struct{}
}

type signalSync struct {
	SentMessage *struct {
		signalData
		Destination, DestinationNumber, DestinationUUID string
	}
	ReadMessages []struct {
		Sender, SenderNumber, SenderUUID string
		Timestamp                        int64
	}
}

type signalReceipt struct {
	When                         int64
	IsDelivery, IsRead, IsViewed bool
	Timestamps                   []int64
}

// signalCallMessage has the names of signal-cli's source and those of its manual.
type signalCallMessage struct {
	OfferMessage, Offer *struct {
		ID   json.Number
		Type string
	}
	AnswerMessage, Answer, BusyMessage, Busy, HangupMessage, Hangup *struct{ ID json.Number }
}

func (s *signalCLI) line(line []byte) error {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return nil
	}
	var l signalLine
	if err := json.Unmarshal(line, &l); err != nil {
		return errors.New("not JSON of signal-cli")
	}
	account, e := l.unwrap()
	if e == nil {
		return nil
	}
	from := capture.End{Account: firstOf(e.SourceNumber, e.Source, e.SourceUUID), Name: e.SourceName}
	if e.SourceDevice > 0 {
		from.Device = strconv.Itoa(e.SourceDevice)
	}
	return s.envelope(e, from, capture.End{Account: account})
}

// unwrap takes an envelope out of JSON-RPC.
func (l *signalLine) unwrap() (account string, e *signalEnvelope) {
	account = l.Account
	for n := 0; l != nil && l.Envelope == nil && n < 3; n++ {
		next := l.Params
		if next == nil && len(l.Result) > 0 && l.Result[0] == '{' {
			next = &signalLine{}
			if json.Unmarshal(l.Result, next) != nil {
				return account, nil
			}
		}
		if l = next; l != nil && account == "" {
			account = l.Account
		}
	}
	if l == nil {
		return account, nil
	}
	return account, l.Envelope
}

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

func (s *signalCLI) envelope(e *signalEnvelope, from, own capture.End) error {
	switch {
	case e.DataMessage != nil:
		return s.data(e.DataMessage, from, []capture.End{own}, capture.HalfReceived)
	case e.EditMessage != nil && e.EditMessage.DataMessage != nil:
		return s.data(e.EditMessage.DataMessage, from, []capture.End{own}, capture.HalfReceived)
	case e.SyncMessage != nil:
		own.Device = from.Device
		return s.sync(e.SyncMessage, own, e.Timestamp)
	case e.ReceiptMessage != nil:
		return s.receipt(e.ReceiptMessage, from, own)
	case e.TypingMessage != nil:
		t := e.TypingMessage
		return s.put(t.Timestamp, &capture.Entry{Kind: capture.EntryTyping, Type: t.Action, Group: t.GroupID, From: from, To: known(own)})
	case e.CallMessage != nil:
		return s.call(e.CallMessage, from, own, e.Timestamp)
	}
	return nil
}

// known gives the ends that have a name or account.
func known(e capture.End) []capture.End {
	if e.Account == "" && e.Name == "" {
		return nil
	}
	return []capture.End{e}
}

// put yields an entry at a time in milliseconds.
func (s *signalCLI) put(ms int64, e *capture.Entry) error {
	at, ok := unixTime(strconv.FormatInt(ms, 10))
	if !ok {
		return fmt.Errorf("%d is no time", ms)
	}
	e.Service, e.Unit = "signal", time.Millisecond
	s.entry(at, e)
	return nil
}

func (s *signalCLI) data(d *signalData, from capture.End, to []capture.End, half capture.Half) error {
	e := &capture.Entry{Kind: capture.EntryMessage, From: from, Half: half, ID: strconv.FormatInt(d.Timestamp, 10)}
	if len(to) > 0 {
		e.To = known(to[0])
	}
	if d.GroupInfo != nil {
		e.Group, e.GroupName = d.GroupInfo.GroupID, d.GroupInfo.GroupName
	}
	switch {
	case len(d.Attachments) > 0:
		e.Kind, e.Type = capture.EntryMedia, d.Attachments[0].ContentType
		for _, a := range d.Attachments {
			e.Size += a.Size
		}
	case d.Sticker != nil:
		e.Kind, e.Type = capture.EntryMedia, "sticker"
	case d.Reaction != nil:
		e.Type = "reaction"
	case d.RemoteDelete != nil:
		e.Type = "remoteDelete"
	case len(d.Message) > 0 && d.Message[0] == '"':
		e.Size, e.Text = textLength(d.Message, 0), true
	}
	return s.put(d.Timestamp, e)
}

// sync takes what another device of the account did.
func (s *signalCLI) sync(m *signalSync, own capture.End, when int64) error {
	var errs []error
	if sent := m.SentMessage; sent != nil {
		to := capture.End{Account: firstOf(sent.DestinationNumber, sent.Destination, sent.DestinationUUID)}
		errs = append(errs, s.data(&sent.signalData, own, []capture.End{to}, capture.HalfSent))
	}
	for _, r := range m.ReadMessages {
		to := capture.End{Account: firstOf(r.SenderNumber, r.Sender, r.SenderUUID)}
		errs = append(errs, s.put(when, &capture.Entry{Kind: capture.EntryReceipt, Type: "read", From: own, To: known(to), ID: strconv.FormatInt(r.Timestamp, 10)}))
	}
	return errors.Join(errs...)
}

func (s *signalCLI) receipt(r *signalReceipt, from, own capture.End) error {
	e := capture.Entry{Kind: capture.EntryReceipt, From: from, To: known(own), Type: "delivery"}
	switch {
	case r.IsViewed:
		e.Type = "viewed"
	case r.IsRead:
		e.Type = "read"
	}
	var errs []error
	for _, t := range r.Timestamps {
		one := e
		one.ID = strconv.FormatInt(t, 10)
		errs = append(errs, s.put(r.When, &one))
	}
	return errors.Join(errs...)
}

// call joins the messages of one call by its id.
func (s *signalCLI) call(m *signalCallMessage, from, own capture.End, ms int64) error {
	at, ok := unixTime(strconv.FormatInt(ms, 10))
	if !ok {
		return fmt.Errorf("%d is no time", ms)
	}
	if m.OfferMessage == nil {
		m.OfferMessage = m.Offer
	}
	if o := m.OfferMessage; o != nil {
		s.open(o.ID.String(), at, capture.Entry{Kind: capture.EntryCall, Service: "signal", ID: o.ID.String(), Unit: time.Millisecond, From: from, To: known(own),
			Type: o.Type, Call: &capture.CallEntry{Media: signalMedia[o.Type]}})
		return nil
	}
	for _, end := range []struct {
		id      *struct{ ID json.Number }
		outcome string
		ends    bool
	}{{m.AnswerMessage, "answered", false}, {m.Answer, "answered", false}, {m.BusyMessage, "busy", true}, {m.Busy, "busy", true}, {m.HangupMessage, "", true}, {m.Hangup, "", true}} {
		if end.id != nil {
			s.step(end.id.ID.String(), at, end.outcome, end.ends)
		}
	}
	return nil
}

// signalMedia are signal-cli's words for the kinds of calls.
var signalMedia = map[string]string{"audio_call": "audio", "video_call": "video", "AUDIO_CALL": "audio", "VIDEO_CALL": "video"}

func (s *signalCLI) open(id string, at capture.Time, e capture.Entry) {
	if len(s.order) >= maxSignalCalls {
		s.in.Warn(fmt.Sprintf("more than %d calls without an end; the oldest are taken as ended", maxSignalCalls))
		s.close(s.order[0])
	}
	if s.calls[id] != nil {
		return
	}
	s.calls[id] = &signalCall{at: s.at, time: at, entry: e}
	s.order = append(s.order, id)
}

// step takes what follows an offer. The offers of calls that the account
// itself made are not in the log: what follows them tells nothing of the ends.
func (s *signalCLI) step(id string, at capture.Time, outcome string, ends bool) {
	c := s.calls[id]
	if c == nil {
		return
	}
	if outcome != "" {
		c.entry.Call.Outcome = outcome
	}
	if outcome == "answered" {
		c.entry.Call.Answered = at
	}
	if ends {
		c.entry.Until = at
		s.close(id)
	}
}

// close yields a call, with the line of its offer.
func (s *signalCLI) close(id string) {
	c := s.calls[id]
	now := s.at
	s.at = c.at
	s.entry(c.time, &c.entry)
	s.at = now
	delete(s.calls, id)
	for i, one := range s.order {
		if one == id {
			s.order = append(s.order[:i], s.order[i+1:]...)
			return
		}
	}
}

func (s *signalCLI) end() error {
	for len(s.order) > 0 {
		s.close(s.order[0])
	}
	return nil
}
