package logs

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// dendriteFormat is the log of Dendrite: words of the form key=value, with
// quotes where there are blanks (logfmt, github.com/sirupsen/logrus).
func dendriteFormat() capture.Format {
	return capture.Format{
		Name: "dendrite", Title: "Dendrite homeserver log",
		Observer: capture.Operator, Grain: capture.GrainEntry,
		Shows: []string{"who", "when", "service", "group", "presence"},
		Hides: "Whom a message reaches, other than through who joined the room; addresses and sizes are not logged.",
		Sniff: sniffLines(func(line []byte) bool {
			s := string(line)
			return strings.HasPrefix(s, `time="`) && strings.Contains(s, `" level=`) &&
				(strings.Contains(s, "matrix-org/dendrite") || strings.Contains(s, "Dendrite version") || strings.Contains(s, "req.path=") && strings.Contains(s, "/_matrix/"))
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			return func(b []byte) error { return dendriteLine(r, string(b)) }, nil
		}),
	}
}

func dendriteLine(r *reader, s string) error {
	if !strings.HasPrefix(s, `time="`) {
		return nil
	}
	w, err := logfmt(s)
	if err != nil {
		return err
	}
	e := dendriteEntry(w)
	if e == nil {
		return nil
	}
	stamp := w["time"]
	t, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil || t.Year() < 1970 || t.Year() > 2200 {
		return notTime(stamp)
	}
	e.Service, e.Unit = "matrix", time.Microsecond
	r.entry(capture.TimeOf(t), e)
	return nil
}

// dendriteEntry is what a line says, nil for nothing.
func dendriteEntry(w map[string]string) *capture.Entry {
	e := &capture.Entry{From: capture.End{Account: w["user_id"]}, Group: w["room_id"]}
	switch msg := w["msg"]; {
	case msg == "Sent event to roomserver":
		_, path, _ := strings.Cut(w["req.path"], "/send/")
		e.Type, _, _ = strings.Cut(path, "/")
		e.Kind, e.Half, e.ID = sendKind(e.Type), capture.HalfSent, w["event_id"]
	case msg == "processing invite event":
		e.Kind, e.From.Account, e.To = capture.EntryMember, w["inviter"], []capture.End{{Account: w["invitee"]}}
	case msg == "Creating new room":
		e.Kind, e.Group = capture.EntryMember, w["roomID"]
	case strings.HasPrefix(msg, "User joined room"):
		e.Kind = capture.EntryMember
	case msg == "Setting receipt":
		e.Kind, e.From.Account, e.Group, e.ID = capture.EntryReceipt, w["userId"], w["roomID"], w["eventID"]
	case msg == "File uploaded":
		e.Kind, e.Half = capture.EntryMedia, capture.HalfSent
		e.Size, _ = strconv.ParseUint(w["FileSizeBytes"], 10, 48)
	}
	if e.Kind == "" || !strings.HasPrefix(e.From.Account, "@") || e.Kind != capture.EntryMedia && !strings.HasPrefix(e.Group, "!") {
		return nil
	}
	return e
}

// logfmt reads key=value and key="value with blanks"; of keys that come twice
// the last counts. A quote without its end is an error: what follows it is one
// value, and no keys.
func logfmt(s string) (map[string]string, error) {
	words := map[string]string{}
	for {
		key, rest, ok := strings.Cut(strings.TrimLeft(s, " "), "=")
		if !ok {
			return words, nil
		}
		var value string
		if strings.HasPrefix(rest, `"`) {
			prefix, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return nil, errors.New("a quote has no end")
			}
			rest = rest[len(prefix):]
			value, _ = strconv.Unquote(prefix)
		} else {
			value, rest, _ = strings.Cut(rest, " ")
		}
		words[key], s = value, rest
	}
}
