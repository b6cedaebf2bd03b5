package simulate

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// Line is one message of a message log.
type Line struct {
	at    capture.Time
	From  string
	To    string // empty for a group
	Group string
	Kind  string // "text", "media" or "call"
	Size  int    // characters of a text, bytes of an attachment, seconds of a call; -1 where the log does not say

	relation int32
	from     int32
}

// Time returns when the message was sent.
func (l *Line) Time() capture.Time { return l.at }

// aliases are the names of columns and fields, by what they mean.
var aliases = map[string]string{
	"time": "time", "timestamp": "time", "ts": "time",
	"from": "from", "sender": "from", "caller": "from",
	"to": "to", "recipient": "to", "receiver": "to", "callee": "to",
	"group": "group", "room": "group", "kind": "kind", "type": "kind",
	"size": "size", "length": "size", "duration": "size",
}

// ReadLog reads a message log: who wrote to whom, when. It is CSV whose first
// line names the columns, JSON with one object a line, or three columns
// without a header: from, to, time (as in temporal graphs). Columns are time
// (RFC 3339, or a number of seconds since 1970 or since the beginning), from,
// to or group, and optionally kind ("text", "media", "call") and size
// (characters, bytes, seconds). In a log with a column callee all lines are
// calls. Times that count from a beginning are moved to
// start. Lines come back in order of time. An error names the line and field.
func ReadLog(r io.Reader, start time.Time) ([]Line, error) {
	buf := bufio.NewReader(r)
	first, err := buf.Peek(1)
	if err != nil {
		return nil, fmt.Errorf("the log is empty")
	}
	read := readCSV
	if first[0] == '{' {
		read = readJSONLines
	}
	lines, err := read(buf)
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("the log has no messages")
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(a.at, b.at) })
	const longAgo = capture.Time(1e9) * 1e9 / 10 // 1973: what is before counts from a beginning
	if lines[0].at < longAgo {
		for i := range lines {
			lines[i].at += capture.TimeOf(start)
		}
	}
	return lines, nil
}

// fields is one line by what its columns mean.
type fields map[string]string

func readCSV(r *bufio.Reader) ([]Line, error) {
	c := csv.NewReader(r)
	c.TrimLeadingSpace = true
	c.FieldsPerRecord = -1
	head, err := c.Read()
	if err != nil {
		return nil, wrong(1, err)
	}
	columns := make([]string, len(head))
	for i, h := range head {
		columns[i] = aliases[strings.ToLower(strings.TrimSpace(h))]
	}
	if len(head) == 1 && len(strings.Fields(head[0])) == 3 {
		return readGraph(head[0], c)
	}
	if !slices.Contains(columns, "time") || !slices.Contains(columns, "from") {
		return nil, fmt.Errorf("line 1: no columns named time and from")
	}
	calls := slices.Contains(head, "callee")
	var out []Line
	for {
		row, err := c.Read()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, wrong(0, err)
		}
		at, _ := c.FieldPos(0)
		f := fields{}
		if calls {
			f["kind"] = "call"
		}
		for i, v := range row {
			if i < len(columns) && columns[i] != "" {
				f[columns[i]] = strings.TrimSpace(v)
			}
		}
		if out, err = add(out, f, at); err != nil {
			return nil, err
		}
	}
}

// readGraph reads lines of three numbers, the first of which is given.
func readGraph(first string, c *csv.Reader) ([]Line, error) {
	var out []Line
	for n, text := 1, first; ; n++ {
		f := strings.Fields(text)
		if len(f) != 3 {
			return nil, fmt.Errorf("line %d: %d columns, want from, to and time", n, len(f))
		}
		var err error
		if out, err = add(out, fields{"from": f[0], "to": f[1], "time": f[2]}, n); err != nil {
			return nil, err
		}
		row, err := c.Read()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, wrong(n+1, err)
		}
		text = strings.Join(row, " ")
	}
}

func readJSONLines(r *bufio.Reader) ([]Line, error) {
	var out []Line
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<20)
	for n := 1; scan.Scan(); n++ {
		if strings.TrimSpace(scan.Text()) == "" {
			continue
		}
		var raw map[string]any
		d := json.NewDecoder(strings.NewReader(scan.Text()))
		d.UseNumber()
		if err := d.Decode(&raw); err != nil {
			return nil, wrong(n, err)
		}
		f := fields{}
		for k, v := range raw {
			if name := aliases[strings.ToLower(k)]; name != "" && v != nil {
				f[name] = strings.TrimSpace(fmt.Sprint(v))
			}
		}
		var err error
		if out, err = add(out, f, n); err != nil {
			return nil, err
		}
	}
	return out, scan.Err()
}

func wrong(line int, err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		line, err = p.Line, p.Err
	}
	return fmt.Errorf("line %d: %w", line, err)
}

// add checks one line and appends it. Messages to oneself, and calls that
// nobody took, are left out.
func add(out []Line, f fields, n int) ([]Line, error) {
	at, ok := moment64(f["time"])
	if !ok {
		return nil, fmt.Errorf("line %d: time %q is no time", n, clip(f["time"]))
	}
	l := Line{at: at, From: f["from"], To: f["to"], Group: f["group"], Kind: f["kind"], Size: -1}
	if l.Kind == "" || l.Kind == "message" {
		l.Kind = "text"
	}
	if s := f["size"]; s != "" {
		v, err := strconv.ParseInt(s, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("line %d: size %q is no whole number", n, clip(s))
		}
		if l.Size = max(int(v), -1); l.Kind == "call" {
			l.Size = max(l.Size, 0) // logs of calls say -1 where nobody answered
		}
	}
	switch {
	case l.From == "":
		return nil, fmt.Errorf("line %d: from is empty", n)
	case (l.To == "") == (l.Group == ""):
		return nil, fmt.Errorf("line %d: wants one of to and group", n)
	case l.Kind != "text" && l.Kind != "media" && l.Kind != "call":
		return nil, fmt.Errorf("line %d: kind %q is none of text, media, call", n, clip(l.Kind))
	case l.From == l.To:
		return out, nil
	}
	return append(out, l), nil
}

// clip shortens a string from a file for an error.
func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "..."
	}
	return s
}

// moment64 reads RFC 3339 or decimal seconds, without rounding through
// floating point.
func moment64(s string) (capture.Time, bool) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return capture.TimeOf(t), t.Year() >= 1970 && t.Year() < 2200
	}
	whole, fraction, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || sec < 0 || sec > math.MaxInt64/2_000_000_000 {
		return 0, false
	}
	var nanos int64
	if fraction != "" {
		if nanos, err = strconv.ParseInt((fraction + "000000000")[:9], 10, 64); err != nil || nanos < 0 {
			return 0, false
		}
	}
	return capture.Time(sec*1e9 + nanos), true
}
