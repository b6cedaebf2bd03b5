package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// maxNested is how deep messages may lie in a document: Telegram's export of
// all chats has them at 4.
const maxNested = 8

// json reads a document, or several one after the other.
func (l *listReader) json() {
	in := json.NewDecoder(bytes.NewReader(l.text))
	lines := newLines(l.text)
	for {
		raw, from, err := next(in)
		if errors.Is(err, io.EOF) {
			return
		}
		from += spaces(l.text, from)
		if err != nil {
			l.warn(lines.at(placeOf(err, from)), "not JSON: "+err.Error())
			// One bad line does not spoil a list of one message a line.
			if start := lines.start(lines.at(from) + 1); opens(l.text, start) {
				l.rest(start, lines)
			}
			return
		}
		l.visit(raw, from, lines, 0)
	}
}

// placeOf is the offset of a syntax error in a value that starts at from.
func placeOf(err error, from int64) int64 {
	var wrong *json.SyntaxError
	if errors.As(err, &wrong) && wrong.Offset > from {
		return wrong.Offset - 1
	}
	return from
}

// spaces counts the white space at an offset.
func spaces(text []byte, at int64) int64 {
	rest := text[min(at, int64(len(text))):]
	return int64(len(rest) - len(bytes.TrimLeft(rest, " \t\r\n")))
}

// opens tells whether a value starts at the offset.
func opens(text []byte, at int64) bool {
	return at >= 0 && at < int64(len(text)) && text[at] == '{'
}

// rest reads on, line by line, from an offset.
func (l *listReader) rest(start int64, lines *lines) {
	for start >= 0 && start < int64(len(l.text)) {
		at := lines.at(start)
		end := lines.start(at + 1)
		line := l.text[start:]
		if end >= 0 {
			line = l.text[start:end]
		}
		if body := bytes.TrimSpace(line); len(body) > 0 {
			if json.Valid(body) {
				l.visit(body, start, lines, 0)
			} else {
				l.warn(at, "not JSON")
			}
		}
		start = end
	}
}

// next gives the next value of a stream and where it starts.
func next(in *json.Decoder) (json.RawMessage, int64, error) {
	var raw json.RawMessage
	from := in.InputOffset()
	if err := in.Decode(&raw); err != nil {
		return nil, from, err
	}
	return raw, in.InputOffset() - int64(len(raw)), nil
}

// visit looks for messages in a value: an object with a time is one, all others
// are looked into.
func (l *listReader) visit(raw []byte, base int64, lines *lines, depth int) {
	if depth > maxNested || len(raw) == 0 || raw[0] != '{' && raw[0] != '[' {
		return
	}
	in := json.NewDecoder(bytes.NewReader(raw))
	if _, err := in.Token(); err != nil {
		return
	}
	if raw[0] == '{' {
		l.object(in, base, lines, depth)
		return
	}
	for in.More() {
		part, from, err := next(in)
		if err != nil {
			return
		}
		l.visit(part, base+from, lines, depth+1)
	}
}

// part is a value within an object.
type part struct {
	raw  json.RawMessage
	from int64
}

func (l *listReader) object(in *json.Decoder, base int64, lines *lines, depth int) {
	var parts []part
	b := newBuilder()
	for in.More() {
		key, err := in.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return
		}
		raw, from, err := next(in)
		if err != nil {
			return
		}
		b.value(name, raw)
		if raw[0] == '{' || raw[0] == '[' {
			parts = append(parts, part{raw, from})
		}
	}
	if b.time != "" {
		l.add(&b.entry, lines.at(base))
		return
	}
	for _, p := range parts {
		l.visit(p.raw, base+p.from, lines, depth+1)
	}
}

// value takes one member of an object.
func (b *builder) value(name string, raw json.RawMessage) {
	is, _ := fieldOf(name)
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) == nil {
			b.word(name, s)
		}
	case '{', '[':
		switch is {
		case textField:
			if _, ok := b.better(name); ok {
				b.tell(textLength(raw, 0))
			}
		case mediaField:
			b.media = true
		}
	case 't', 'f', 'n':
	default:
		if is == timeField || is == sizeField {
			b.word(name, string(raw))
		}
	}
}

// textLength sums the parts of a formatted text: strings, and objects whose
// member "text" or "body" is one.
func textLength(raw []byte, depth int) (n uint64) {
	if depth > 2 || len(raw) == 0 {
		return 0
	}
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return uint64(len(s))
		}
	case '[':
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) == nil {
			for _, x := range list {
				n += textLength(x, depth+1)
			}
		}
	case '{':
		var o struct{ Text, Body json.RawMessage }
		if json.Unmarshal(raw, &o) == nil {
			return textLength(o.Text, depth+1) + textLength(o.Body, depth+1)
		}
	}
	return n
}
