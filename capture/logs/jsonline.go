package logs

import (
	"errors"
	"iter"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonKind is the type of a JSON value (RFC 8259 section 3).
type jsonKind uint8

const (
	jsonAbsent jsonKind = iota // the key is not there, or null
	jsonString
	jsonNumber
	jsonBool
	jsonArray
	jsonObject
)

// jsonValue is one value of a line. The text of a string is unescaped, that of
// all others as written. It is valid until the next line is scanned.
type jsonValue struct {
	kind jsonKind
	text []byte
}

// jsonDepth bounds how deeply values may nest: no log does by more than ten.
const jsonDepth = 100

var (
	errJSON      = errors.New("it is no JSON object")
	errJSONDepth = errors.New("its JSON values nest too deeply")
)

// jsonLine finds the values of wanted keys in lines of one JSON object each.
// It keeps its memory from line to line, so that a line costs none.
type jsonLine struct {
	root   *jsonNode
	values []jsonValue // of the wanted keys, in their order
	text   []byte      // unescaped strings of the line at hand
}

// jsonNode is what is wanted of one object.
type jsonNode struct {
	slot int // of the value itself, -1 for none
	kids map[string]*jsonNode
}

// newJSONLine wants the values of the given keys. "flow.start" is the key start
// of the object flow, or a key that is written with the dot.
func newJSONLine(keys ...string) *jsonLine {
	p := &jsonLine{root: &jsonNode{slot: -1}, values: make([]jsonValue, len(keys))}
	for slot, key := range keys {
		p.root.want(key, slot)
	}
	return p
}

func (n *jsonNode) want(key string, slot int) {
	n.kid(key).slot = slot
	if outer, inner, ok := strings.Cut(key, "."); ok {
		n.kid(outer).want(inner, slot)
	}
}

func (n *jsonNode) kid(key string) *jsonNode {
	if n.kids == nil {
		n.kids = map[string]*jsonNode{}
	}
	if n.kids[key] == nil {
		n.kids[key] = &jsonNode{slot: -1}
	}
	return n.kids[key]
}

// scan reads a line. Where one key is there twice, the last counts. With an
// error the values before the bad place stand.
func (p *jsonLine) scan(line []byte) error {
	clear(p.values)
	p.text = p.text[:0]
	at := jsonSpace(line, 0)
	if at == len(line) || line[at] != '{' {
		return errJSON
	}
	at, err := p.object(line, at, p.root, 0)
	if err == nil && jsonSpace(line, at) != len(line) {
		err = errJSON
	}
	return err
}

// object reads the object that starts at b[at] and returns where it ends.
func (p *jsonLine) object(b []byte, at int, node *jsonNode, depth int) (int, error) {
	if depth > jsonDepth {
		return at, errJSONDepth
	}
	at = jsonSpace(b, at+1)
	if at < len(b) && b[at] == '}' {
		return at + 1, nil
	}
	for at < len(b) && b[at] == '"' {
		end, escaped := jsonStringEnd(b, at+1)
		if end < 0 {
			return at, errJSON
		}
		kid := p.wanted(node, b[at+1:end], escaped)
		at = jsonSpace(b, end+1)
		if at >= len(b) || b[at] != ':' {
			return at, errJSON
		}
		var err error
		if at, err = p.member(b, jsonSpace(b, at+1), kid, depth); err != nil {
			return at, err
		}
		more := false
		if at, more, err = jsonNext(b, at, '}'); !more {
			return at, err
		}
	}
	return at, errJSON
}

func (p *jsonLine) wanted(node *jsonNode, key []byte, escaped bool) *jsonNode {
	if node == nil {
		return nil
	}
	if escaped {
		key = p.unescape(key)
	}
	return node.kids[string(key)]
}

// jsonNext passes over the comma behind a member, or over what closes the
// object or array.
func jsonNext(b []byte, at int, closes byte) (next int, more bool, err error) {
	at = jsonSpace(b, at)
	switch {
	case at >= len(b):
		return at, false, errJSON
	case b[at] == closes:
		return at + 1, false, nil
	case b[at] == ',':
		return jsonSpace(b, at+1), true, nil
	}
	return at, false, errJSON
}

// member reads one value and keeps it where it is wanted.
func (p *jsonLine) member(b []byte, at int, node *jsonNode, depth int) (int, error) {
	inside := node
	if node != nil && node.kids == nil {
		inside = nil
	}
	kind, end, escaped, err := p.value(b, at, inside, depth)
	if err != nil || node == nil || node.slot < 0 {
		return end, err
	}
	p.values[node.slot] = p.valueOf(kind, b[at:end], escaped)
	return end, nil
}

func (p *jsonLine) valueOf(kind jsonKind, raw []byte, escaped bool) jsonValue {
	switch {
	case kind == jsonAbsent:
		return jsonValue{}
	case kind == jsonString:
		raw = raw[1 : len(raw)-1]
	}
	if escaped {
		raw = p.unescape(raw)
	}
	return jsonValue{kind, raw}
}

// value passes over the value that starts at b[at]; objects are searched for
// what node wants of them.
func (p *jsonLine) value(b []byte, at int, node *jsonNode, depth int) (kind jsonKind, end int, escaped bool, err error) {
	if at >= len(b) {
		return jsonAbsent, at, false, errJSON
	}
	switch c := b[at]; {
	case c == '"':
		kind, end = jsonString, at
		if end, escaped = jsonStringEnd(b, at+1); end < 0 {
			return kind, at, false, errJSON
		}
		return kind, end + 1, escaped, nil
	case c == '{':
		kind = jsonObject
		end, err = p.object(b, at, node, depth+1)
	case c == '[':
		kind = jsonArray
		end, err = p.array(b, at, depth+1)
	case c == '-' || c >= '0' && c <= '9':
		kind = jsonNumber
		end, err = jsonNumberEnd(b, at)
	default:
		kind, end, err = jsonWord(b, at)
	}
	return kind, end, false, err
}

func (p *jsonLine) array(b []byte, at, depth int) (int, error) {
	if depth > jsonDepth {
		return at, errJSONDepth
	}
	at = jsonSpace(b, at+1)
	if at < len(b) && b[at] == ']' {
		return at + 1, nil
	}
	for {
		_, end, _, err := p.value(b, at, nil, depth)
		if err != nil {
			return end, err
		}
		more := false
		if at, more, err = jsonNext(b, end, ']'); !more {
			return at, err
		}
	}
}

// items are the elements of an array; a value of another type is its own only
// element.
func (p *jsonLine) items(v jsonValue) iter.Seq[jsonValue] {
	return func(yield func(jsonValue) bool) {
		if v.kind != jsonArray {
			if v.kind != jsonAbsent {
				yield(v)
			}
			return
		}
		at := jsonSpace(v.text, 1)
		for more := true; more; {
			kind, end, escaped, err := p.value(v.text, at, nil, 0)
			if err != nil || !yield(p.valueOf(kind, v.text[at:end], escaped)) {
				return // of an empty array, at its end
			}
			at, more, _ = jsonNext(v.text, end, ']')
		}
	}
}

func jsonSpace(b []byte, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\t' || b[at] == '\n' || b[at] == '\r') {
		at++
	}
	return at
}

// jsonStringEnd finds the quote that ends the string of which b[at] is the
// first byte, -1 where there is none or the string is malformed.
func jsonStringEnd(b []byte, at int) (end int, escaped bool) {
	for ; at < len(b); at++ {
		switch c := b[at]; {
		case c == '"':
			return at, escaped
		case c < ' ':
			return -1, escaped
		case c == '\\':
			escaped = true
			n := jsonEscape(b[at+1:])
			if n == 0 {
				return -1, true
			}
			at += n
		}
	}
	return -1, escaped
}

// jsonEscape is the length of an escape behind its backslash, 0 where it is
// none.
func jsonEscape(b []byte) int {
	switch {
	case len(b) == 0:
		return 0
	case strings.IndexByte(`"\/bfnrt`, b[0]) >= 0:
		return 1
	case b[0] == 'u' && jsonRune(b) >= 0:
		return 5
	}
	return 0
}

// jsonRune is the value of an escape "uXXXX", -1 where it is none.
func jsonRune(b []byte) rune {
	if len(b) < 5 || b[0] != 'u' {
		return -1
	}
	var r rune
	for _, c := range b[1:5] {
		n := strings.IndexByte("0123456789abcdef", c|0x20)
		if n < 0 || c < '0' {
			return -1
		}
		r = r<<4 | rune(n)
	}
	return r
}

func jsonNumberEnd(b []byte, at int) (int, error) {
	if b[at] == '-' {
		at++
	}
	whole := jsonDigits(b, at)
	if whole == at || b[at] == '0' && whole > at+1 {
		return at, errJSON
	}
	at = whole
	if at < len(b) && b[at] == '.' {
		end := jsonDigits(b, at+1)
		if end == at+1 {
			return at, errJSON
		}
		at = end
	}
	if at == len(b) || b[at]|0x20 != 'e' {
		return at, nil
	}
	if at++; at < len(b) && (b[at] == '+' || b[at] == '-') {
		at++
	}
	end := jsonDigits(b, at)
	if end == at {
		return at, errJSON
	}
	return end, nil
}

func jsonDigits(b []byte, at int) int {
	for at < len(b) && b[at] >= '0' && b[at] <= '9' {
		at++
	}
	return at
}

func jsonWord(b []byte, at int) (jsonKind, int, error) {
	for _, w := range [...]struct {
		word string
		kind jsonKind
	}{{"true", jsonBool}, {"false", jsonBool}, {"null", jsonAbsent}} {
		if end := at + len(w.word); end <= len(b) && string(b[at:end]) == w.word {
			return w.kind, end, nil
		}
	}
	return jsonAbsent, at, errJSON
}

// unescape gives the text of a string whose escapes are known to be well
// formed. Half a surrogate pair becomes U+FFFD.
func (p *jsonLine) unescape(s []byte) []byte {
	from := len(p.text)
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			p.text = append(p.text, s[i])
			continue
		}
		i++
		if s[i] != 'u' {
			p.text = append(p.text, unescaped(s[i]))
			continue
		}
		r := jsonRune(s[i:])
		i += 4
		if utf16.IsSurrogate(r) {
			low := rune(-1)
			if i+1 < len(s) && s[i+1] == '\\' {
				low = jsonRune(s[i+2:])
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				i += 6
			}
		}
		p.text = utf8.AppendRune(p.text, r)
	}
	return p.text[from:]
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
