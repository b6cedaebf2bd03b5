// Package logs reads the logs that others keep: one file a format. Contents of
// messages are dropped as they are read; times, sizes and kinds remain.
package logs

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"envelope/capture"
)

// maxList bounds a message list, in bytes: the log of a busy channel of many
// years has some ten million lines of 25 bytes.
const maxList = 256 << 20

// maxWarnings is how many bad lines of a list are told one by one.
const maxWarnings = 5

// ReadMessageList reads a list of messages, of any of these forms, recognised
// by content:
//
//   - CSV with a header line (RFC 4180; comma, semicolon or tab);
//   - JSON: an array or object that holds messages at any place, or one message
//     a line. The result.json of Telegram's export is one of these.
//
// What a column or key means is told by its name: time, timestamp, date, ts and
// the like; size, length, file_size, or text, of which only the length is
// taken; kind or type. Times are RFC 3339, dates with time (in zone where they
// name none), or seconds, milli-, micro- or nanoseconds since 1970. Entries
// that are no messages by their kind (typing, receipts, service notes) are left
// out. The messages come back in order of time.
//
// A line that cannot be read is told in Warnings with its number. The error is
// a *capture.SyntaxError where r holds no list, or that of r.
func ReadMessageList(r io.Reader, path string, zone *time.Location) (*capture.MessageList, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxList+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxList {
		return nil, &capture.SyntaxError{Path: path, Unit: "line", Msg: fmt.Sprintf("a message list of more than %d MiB", maxList>>20)}
	}
	l := &listReader{zone: zone, text: bytes.TrimPrefix(text, []byte("\ufeff")), list: &capture.MessageList{
		Name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), Path: path}}
	if body := bytes.TrimSpace(l.text); len(body) > 0 && (body[0] == '{' || body[0] == '[') {
		l.json()
	} else {
		l.csv()
	}
	return l.finish()
}

// listReader gathers one list.
type listReader struct {
	zone  *time.Location
	text  []byte
	list  *capture.MessageList
	bad   int
	first error // that of the first bad line
}

// warn keeps the reason why a line was not read.
func (l *listReader) warn(at int64, msg string) {
	err := &capture.SyntaxError{Path: l.list.Path, At: at, Unit: "line", Msg: msg}
	if l.first == nil {
		l.first = err
	}
	if l.bad++; l.bad <= maxWarnings {
		l.list.Warnings = append(l.list.Warnings, err.Error())
	}
}

// finish sorts the list and finds its resolution.
func (l *listReader) finish() (*capture.MessageList, error) {
	if len(l.list.Messages) == 0 {
		return nil, cmp.Or(l.first, error(&capture.SyntaxError{Path: l.list.Path, Unit: "line", Msg: "no message in it"}))
	}
	if more := l.bad - maxWarnings; more > 0 {
		l.list.Warnings = append(l.list.Warnings, fmt.Sprintf("%s: %d more lines that cannot be read", l.list.Path, more))
	}
	slices.SortStableFunc(l.list.Messages, func(x, y capture.ListedMessage) int { return cmp.Compare(x.Time, y.Time) })
	l.list.Resolution = resolution(l.list.Messages)
	return l.list, nil
}

// resolution is the coarsest unit that all times are multiples of. Few times
// may be whole minutes by luck, so minutes take five of them.
func resolution(list []capture.ListedMessage) time.Duration {
	for _, unit := range []time.Duration{time.Minute, time.Second, time.Millisecond} {
		whole := !slices.ContainsFunc(list, func(m capture.ListedMessage) bool { return int64(m.Time)%int64(unit) != 0 })
		if whole && (unit != time.Minute || len(list) >= 5) {
			return unit
		}
	}
	return 0
}

// entry is one message as its fields were found, before they are understood.
type entry struct {
	time  string
	size  uint64
	kind  string // in lower case
	media bool   // a field that only attachments have
	text  bool   // a text was there
}

// add takes one entry. An entry that is no message by its kind is left out.
func (l *listReader) add(e *entry, at int64) {
	if slices.Contains(noMessages, e.kind) {
		return
	}
	t, zoned, err := parseListTime(e.time, l.zone)
	if err != nil {
		l.warn(at, err.Error())
		return
	}
	l.list.Unzoned = l.list.Unzoned || !zoned
	m := capture.ListedMessage{Time: t, Size: e.size, At: at}
	m.Media = e.media || slices.Contains(mediaKinds, e.kind)
	m.Text = !m.Media && (e.text || slices.Contains(textKinds, e.kind))
	l.list.Messages = append(l.list.Messages, m)
}

// Words for kinds, as the logs of messengers have them: Telegram's export and
// Telethon, signal-cli, Matrix event contents, WhatsApp exports.
var (
	noMessages = []string{"typing", "receipt", "read", "presence", "service", "system", "call", "login", "keepalive", "notification"}
	mediaKinds = []string{"media", "photo", "image", "picture", "video", "audio", "voice", "file", "document", "sticker", "animation", "gif",
		"video_file", "audio_file", "voice_message", "video_message", "m.image", "m.video", "m.audio", "m.file", "attachment"}
	textKinds = []string{"text", "chat", "m.text"}
)

// field is what a column or key says.
type field uint8

// Fields, the better source of a fact before the poorer one.
const (
	noField field = iota
	timeField
	sizeField
	textField // only its length is taken
	kindField
	mediaField // its presence makes the message an attachment
)

// fields are the names of columns and keys, in lower case, and which of two
// that say the same is to be believed: the greater rank.
var fields = map[string]struct {
	is   field
	rank int
}{
	"date_unixtime": {timeField, 9}, "timestamp_ms": {timeField, 8}, "timestamp": {timeField, 7}, "ts": {timeField, 6}, "time": {timeField, 5},
	"datetime": {timeField, 4}, "date": {timeField, 3}, "sent_at": {timeField, 2}, "created_at": {timeField, 2}, "origin_server_ts": {timeField, 2},
	"photo_file_size": {sizeField, 9}, "file_size": {sizeField, 8}, "size": {sizeField, 7}, "bytes": {sizeField, 6}, "length": {sizeField, 5},
	"len": {sizeField, 4}, "plaintext_len": {sizeField, 3},
	"text": {textField, 2}, "content": {textField, 1}, "body": {textField, 1}, "message": {textField, 1},
	"kind": {kindField, 3}, "media_type": {kindField, 4}, "type": {kindField, 2}, "msgtype": {kindField, 3},
	"photo": {mediaField, 1}, "file": {mediaField, 1},
}

// fieldOf names what a column or key says, and how good a source it is.
func fieldOf(name string) (field, int) {
	f := fields[strings.ToLower(strings.TrimSpace(name))]
	return f.is, f.rank
}
