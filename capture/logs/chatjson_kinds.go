package logs

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// telegramMessage has the fields of Telegram Desktop's export that are read.
type telegramMessage struct {
	ID           json.Number
	Type         string
	Date         string
	DateUnixtime string `json:"date_unixtime"`
	From, Actor  string
	FromID       json.RawMessage `json:"from_id"`
	ActorID      json.RawMessage `json:"actor_id"`
	Text         json.RawMessage
	MediaType    string          `json:"media_type"`
	Photo        json.RawMessage // only whether there is one
	File         json.RawMessage
	PhotoSize    uint64 `json:"photo_file_size"`
	FileSize     uint64 `json:"file_size"`
	Action       string
	Duration     int64  `json:"duration_seconds"`
	CallDuration int64  `json:"duration"`
	Discard      string `json:"discard_reason"`
	Title        string
	Members      []*string
}

func (c *chatJSON) telegram(raw json.RawMessage) error {
	var m telegramMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return errors.New("no message of Telegram: a field is not of its kind")
	}
	if m.Type != "message" && m.Type != "service" {
		return errors.New("neither a message nor a service note")
	}
	at, err := m.time(c.o.zone())
	if err != nil {
		return err
	}
	c.place()
	e := &capture.Entry{Kind: capture.EntryMessage, Service: "telegram", ID: m.ID.String(), Unit: time.Second}
	if c.chat.id != "" {
		e.ID = c.chat.id + "/" + e.ID
	}
	if m.Type == "service" {
		return c.service(at, e, &m)
	}
	e.From = capture.End{Account: telegramID(m.FromID), Name: m.From}
	m.body(e)
	c.hold(at, e)
	return nil
}

// time takes the number of seconds before the date, which is of the
// exporter's zone.
func (m *telegramMessage) time(zone *time.Location) (capture.Time, error) {
	s := m.DateUnixtime
	if s == "" {
		s = m.Date
	}
	at, _, err := parseListTime(s, zone)
	return at, err
}

// telegramID gives the id of an account: "user1", and a bare number of old
// exports in the same form.
func telegramID(raw json.RawMessage) string {
	var s string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return ""
	case json.Unmarshal(raw, &s) == nil:
		return s
	}
	if _, err := strconv.ParseInt(string(raw), 10, 64); err != nil {
		return ""
	}
	return "user" + string(raw)
}

// place uses what the export says of the chat. In a personal chat the other
// one's id is the chat's own.
func (c *chatJSON) place() {
	j := &c.chat
	if j.settled {
		return
	}
	j.settled = true
	switch {
	case strings.HasSuffix(j.kind, "group") || strings.HasSuffix(j.kind, "channel"):
		j.group = true
	case j.kind == "personal_chat" || j.kind == "bot_chat":
		if j.id != "" {
			j.person(capture.End{Account: "user" + j.id, Name: j.name})
		}
		j.person(c.owner)
	}
}

func (m *telegramMessage) body(e *capture.Entry) {
	size := textLength(m.Text, 0)
	switch {
	case m.MediaType != "":
		e.Kind, e.Type, e.Size = capture.EntryMedia, m.MediaType, m.FileSize
	case len(m.Photo) > 0:
		e.Kind, e.Type, e.Size = capture.EntryMedia, "photo", m.PhotoSize
	case len(m.File) > 0:
		e.Kind, e.Type, e.Size = capture.EntryMedia, "file", m.FileSize
	default:
		e.Size, e.Text = size, true
	}
}

// service takes a note: a call, or who came to a group and left it.
func (c *chatJSON) service(at capture.Time, e *capture.Entry, m *telegramMessage) error {
	e.From = capture.End{Account: telegramID(m.ActorID), Name: m.Actor}
	switch m.Action {
	case "phone_call":
		m.call(at, e)
	case "create_group", "invite_members", "join_group_by_link", "join_group_by_request":
		e.Kind, e.To = capture.EntryMember, m.members()
	case "remove_members":
		for _, gone := range m.members() {
			one := *e
			one.Kind, one.From = capture.EntryLeave, gone
			c.hold(at, &one)
		}
		return nil
	default:
		return nil
	}
	c.hold(at, e)
	return nil
}

func (m *telegramMessage) members() (list []capture.End) {
	for _, name := range m.Members {
		if name != nil && *name != "" { // null stands for an account that is no more
			list = append(list, capture.End{Name: *name})
		}
	}
	return list
}

func (m *telegramMessage) call(at capture.Time, e *capture.Entry) {
	seconds := max(m.Duration, m.CallDuration)
	e.Kind, e.Call = capture.EntryCall, &capture.CallEntry{}
	switch {
	case seconds > 0 && seconds < 1<<24:
		e.Until, e.Call.Outcome = at.Add(time.Duration(seconds)*time.Second), "answered"
	case m.Discard == "missed":
		e.Call.Outcome = "unanswered"
	case m.Discard == "busy":
		e.Call.Outcome = "busy"
	}
}

// metaMessage has the fields of Meta's export that are read.
type metaMessage struct {
	Sender       string          `json:"sender_name"`
	Timestamp    json.Number     `json:"timestamp_ms"`
	Content      json.RawMessage // only its length
	Photos       []struct{}
	Videos       []struct{}
	Audio        []struct{} `json:"audio_files"`
	Gifs         []struct{}
	Files        []struct{}
	Sticker      *struct{}
	CallDuration *int64 `json:"call_duration"`
}

func (c *chatJSON) meta(raw json.RawMessage) error {
	var m metaMessage
	if json.Unmarshal(raw, &m) != nil {
		return errors.New("no message of Meta's export: a field is not of its kind")
	}
	at, ok := unixTime(m.Timestamp.String())
	if !ok {
		return errors.New("a message without a time")
	}
	e := &capture.Entry{Kind: capture.EntryMessage, From: capture.End{Name: latin(m.Sender)}, Unit: time.Millisecond}
	switch {
	case m.CallDuration != nil:
		e.Kind, e.Call = capture.EntryCall, &capture.CallEntry{}
		if s := *m.CallDuration; s > 0 && s < 1<<24 {
			e.Until, e.Call.Outcome = at.Add(time.Duration(s)*time.Second), "answered"
		}
	case len(m.Photos)+len(m.Videos)+len(m.Audio)+len(m.Gifs)+len(m.Files) > 0 || m.Sticker != nil:
		e.Kind = capture.EntryMedia
	default:
		var s string
		if json.Unmarshal(m.Content, &s) == nil {
			e.Size, e.Text = uint64(len([]rune(s))), true // characters of the export are bytes of the text
		}
	}
	c.hold(at, e)
	return nil
}
