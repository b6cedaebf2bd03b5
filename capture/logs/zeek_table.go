package logs

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// zeekTable is the framing of a Zeek log in rows: header lines that begin with
// "#" say how columns are parted and what they are called.
type zeekTable struct {
	separator, set, empty, unset []byte
	path                         string
	fields                       []string // columns by name; nil before the header
	slots                        []int    // of each column among the wanted, -1 for none
}

func newZeekTable() zeekTable {
	return zeekTable{separator: []byte("\t"), set: []byte(","), empty: []byte("(empty)"), unset: []byte("-")}
}

// comment reads a header line. Headers come again in the middle where logs were
// strung together.
func (t *zeekTable) comment(line []byte) {
	if rest, ok := bytes.CutPrefix(line, []byte("#separator ")); ok {
		if sep := zeekUnescape(rest); len(sep) > 0 {
			t.separator = slices.Clone(sep)
		}
		return
	}
	key, value, _ := bytes.Cut(line, t.separator)
	switch string(key) {
	case "#set_separator":
		setOption(&t.set, value)
	case "#empty_field":
		setOption(&t.empty, value)
	case "#unset_field":
		setOption(&t.unset, value)
	case "#path":
		t.path, t.fields = string(value), nil
	case "#fields":
		t.header(bytes.Split(value, t.separator))
	}
}

// setOption takes a value that is not empty.
func setOption(to *[]byte, value []byte) {
	if len(value) > 0 {
		*to = slices.Clone(value)
	}
}

func (t *zeekTable) header(names [][]byte) {
	t.fields, t.slots = make([]string, len(names)), nil
	for i, name := range names {
		t.fields[i] = string(name)
	}
}

// split puts the wanted columns of a row into values.
func (t *zeekTable) split(line []byte, wanted []string, values [][]byte) error {
	if t.slots == nil {
		t.slots = make([]int, len(t.fields))
		for i, name := range t.fields {
			t.slots[i] = slices.Index(zeekCommon, name)
			if k := slices.Index(wanted, name); k >= 0 {
				t.slots[i] = zeekOwn + k
			}
		}
	}
	clear(values)
	n, more := 0, true
	for ; more; n++ {
		var cell []byte
		cell, line, more = bytes.Cut(line, t.separator)
		if n < len(t.slots) && t.slots[n] >= 0 && !bytes.Equal(cell, t.unset) && !bytes.Equal(cell, t.empty) {
			values[t.slots[n]] = cell
		}
	}
	if n != len(t.fields) {
		return fmt.Errorf("%d columns where the header has %d", n, len(t.fields))
	}
	return nil
}

// zeekUnescape takes out Zeek's escapes "\x2c"; without any it returns b itself.
func zeekUnescape(b []byte) []byte {
	if !bytes.Contains(b, []byte(`\x`)) {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if i+4 <= len(b) && b[i] == '\\' && b[i+1] == 'x' {
			if c, err := hex.DecodeString(string(b[i+2 : i+4])); err == nil {
				out = append(out, c[0])
				i += 3
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

// zeekKind tells by its beginning which Zeek log an input is: its name, "other"
// for one of which only that is known, "" for none.
func zeekKind(logs []*zeekLog, head []byte) (name string) {
	table := newZeekTable()
	sniffLines(func(line []byte) bool {
		switch {
		case len(line) == 0:
		case line[0] == '#':
			table.comment(line)
			if name = table.path; name == "" && table.fields != nil {
				name = zeekHeader(logs, []byte(strings.Join(table.fields, "\t")))
			}
		case line[0] == '{':
			name = zeekKindOf(logs, line)
		default:
			name = zeekHeader(logs, line)
		}
		return name != "" || len(line) > 0 && line[0] != '#'
	})(head)
	return name
}

// zeekHeader tells the log by the names of its columns: only by columns that are all
// of that log.
func zeekHeader(logs []*zeekLog, line []byte) string {
	names := strings.Split(string(line), "\t")
	if len(names) < 3 || !slices.Contains(names, "uid") {
		return ""
	}
	for _, l := range logs {
		known := append(strings.Fields(l.columns), zeekCommon...)
		if !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(known, n) }) {
			return l.name
		}
	}
	if slices.Contains(names, "id.orig_h") || names[0] == "ts" {
		return "other"
	}
	return ""
}

// zeekKindOf tells the log of a JSON line. A line that is cut may do.
func zeekKindOf(logs []*zeekLog, line []byte) string {
	keys := []string{"_path", "uid", "id.orig_h", "ts"}
	for _, l := range logs {
		keys = append(keys, slices.Concat(l.marks...)...)
	}
	p := newJSONLine(keys...)
	_ = p.scan(line) // what stands before a bad place suffices
	has := func(key string) bool {
		i := slices.Index(keys, key)
		last := len(keys) - 1 - slices.Index(reversed(keys), key)
		return p.values[i].kind != jsonAbsent || p.values[last].kind != jsonAbsent
	}
	switch {
	case !has("ts"):
		return ""
	case p.values[0].kind == jsonString:
		return zeekName(string(p.values[0].text))
	}
	for _, l := range logs {
		if (has("uid") || l.name == "dhcp") && slices.ContainsFunc(l.marks, func(set []string) bool {
			return !slices.ContainsFunc(set, func(key string) bool { return !has(key) })
		}) {
			return l.name
		}
	}
	if has("uid") && has("id.orig_h") {
		return "other"
	}
	return ""
}

func reversed(keys []string) []string {
	keys = slices.Clone(keys)
	slices.Reverse(keys)
	return keys
}
