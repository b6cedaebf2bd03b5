package logs

import (
	"bytes"
	"encoding/base64"
	"iter"
	"strings"
	"time"

	"envelope/capture"
)

// refused completes a format that is known and of which nothing is used: its
// reading gives one error for the input as a whole, Hides, which says why and
// what to read instead.
func refused(f capture.Format) capture.Format {
	f.Shows = []string{}
	f.Read = func(in *capture.Input) iter.Seq2[capture.Record, error] {
		return func(yield func(capture.Record, error) bool) {
			yield(capture.Record{}, &capture.SyntaxError{Path: in.Path, Msg: f.Hides})
		}
	}
	return f
}

// unused warns at the end of an input that gave no record, of what it is and why
// nothing of it is used.
func (r *reader) unused(why string) {
	if r.in.First == 0 {
		r.in.Warn(why)
	}
}

// asteriskText tells lines of Asterisk's logger, with a date and without one:
// "[2026-01-05 08:00:00] NOTICE[12] chan_sip.c: text".
func asteriskText(line []byte) bool {
	s := string(line)
	if strings.HasPrefix(s, "[") {
		_, s, _ = strings.Cut(s, "] ")
	}
	for _, level := range []string{"NOTICE", "WARNING", "SECURITY", "ERROR", "VERBOSE", "DEBUG"} {
		if rest, ok := strings.CutPrefix(s, level); ok {
			pid, text, ok := strings.Cut(strings.TrimPrefix(rest, " "), "]")
			return ok && strings.HasPrefix(pid, "[") && strings.Trim(pid[1:], "0123456789") == "" && strings.Contains(text, ".c:")
		}
	}
	return false
}

// freeswitchText tells lines of FreeSWITCH's logger, with the share of idle time
// or without it: "2026-01-05 08:00:00.123456 97.10% [WARNING] sofia_reg.c:3223 text".
func freeswitchText(line []byte) bool {
	_, rest, ok := isoStamp(string(line), time.UTC)
	if head, after, found := strings.Cut(rest, "% "); found && len(head) <= 6 {
		rest = after
	}
	level, text, found := strings.Cut(rest, "] ")
	source, number, _ := strings.Cut(text, ".c:")
	return ok && found && strings.HasPrefix(level, "[") && source != "" && !strings.Contains(source, " ") && number != "" && number[0] >= '0' && number[0] <= '9'
}

// kerioText tells lines of the security log of Kerio Connect:
// "[05/Jan/2026 08:00:00] text".
func kerioText(line []byte) bool {
	stamp, text, ok := strings.Cut(string(line), "] ")
	if !ok || !strings.HasPrefix(stamp, "[") {
		return false
	}
	if _, err := parseZoned("02/Jan/2006 15:04:05", stamp[1:], time.UTC); err != nil {
		return false
	}
	for _, begin := range []string{"Attempt to deliver ", "SMTP Spam attack ", "IP address ", "Relay attempt ", "Failed ", "Client with IP address "} {
		if strings.HasPrefix(text, begin) {
			return true
		}
	}
	return false
}

// sydentText tells requests to a Matrix identity server:
// "05/Jan/2026:08:00:00 GET /_matrix/identity/...".
func sydentText(line []byte) bool {
	s := string(line)
	return strings.Contains(s, " /_matrix/identity/") && !strings.Contains(s, "synapse")
}

// stunTable tells a table whose cells are whole STUN messages in base64: their
// magic cookie stands behind type and length (RFC 8489 section 5).
func stunTable(line []byte) bool {
	for cell := range bytes.SplitSeq(line, []byte(",")) {
		if len(cell) < 28 || len(cell) > 4096 {
			continue
		}
		message, err := base64.StdEncoding.AppendDecode(nil, cell)
		if err == nil && len(message) >= 20 && message[0] < 4 && bytes.Equal(message[4:8], []byte{0x21, 0x12, 0xA4, 0x42}) {
			return true
		}
	}
	return false
}

// markdown tells a text with a heading at its start, and an empty line behind it.
func markdown(head []byte) bool {
	heading, rest, ok := bytes.Cut(head, []byte("\n"))
	text := bytes.TrimLeft(heading, "#")
	return ok && len(text) < len(heading) && bytes.HasPrefix(text, []byte(" ")) && len(bytes.TrimSpace(text)) > 0 &&
		(bytes.HasPrefix(rest, []byte("\n")) || bytes.HasPrefix(rest, []byte("\r\n")))
}
