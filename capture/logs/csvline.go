package logs

import (
	"bytes"
	"errors"
	"strings"
)

// errQuote is a quotation mark that is not closed on its line.
var errQuote = errors.New("a quotation mark is not closed")

// splitRow appends the fields of one line of a table to dst (RFC 4180, without
// fields that span lines, which no log has).
func splitRow(dst []string, line []byte, sep byte) ([]string, error) {
	for {
		field, rest, more, err := nextField(line, sep)
		if err != nil {
			return dst, err
		}
		dst = append(dst, field)
		if !more {
			return dst, nil
		}
		line = rest
	}
}

// nextField cuts the first field off, and tells whether another one follows.
func nextField(line []byte, sep byte) (field string, rest []byte, more bool, err error) {
	if len(line) == 0 || line[0] != '"' {
		plain, rest, more := bytes.Cut(line, []byte{sep})
		return strings.TrimSpace(string(plain)), rest, more, nil
	}
	var b strings.Builder
	for line = line[1:]; ; {
		k := bytes.IndexByte(line, '"')
		if k < 0 {
			return "", nil, false, errQuote
		}
		b.Write(line[:k])
		line = line[k+1:]
		if len(line) == 0 || line[0] != '"' {
			break
		}
		b.WriteByte('"')
		line = line[1:]
	}
	tail, rest, more := bytes.Cut(line, []byte{sep})
	return b.String() + strings.TrimSpace(string(tail)), rest, more, nil
}

// row is one line of a table and the places of its columns.
type row struct {
	at     map[string]int
	fields []string
}

// get is the field of a column, "" where there is none.
func (w row) get(column string) string {
	if i, ok := w.at[column]; ok && i < len(w.fields) {
		return w.fields[i]
	}
	return ""
}

// columnsAt gives the places of named columns, in lower case.
func columnsAt(names []string) map[string]int {
	at := make(map[string]int, len(names))
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := at[name]; !twice && name != "" {
			at[name] = i
		}
	}
	return at
}

// hasColumns tells whether all of the columns are there.
func hasColumns(at map[string]int, columns ...string) bool {
	for _, c := range columns {
		if _, ok := at[c]; !ok {
			return false
		}
	}
	return true
}
