package logs

import (
	"errors"
	"strings"
)

// errQuote is a quotation mark that is not closed on its line.
var errQuote = errors.New("a quotation mark is not closed")

// splitRow appends the fields of one line of a table to dst (RFC 4180, without
// fields that span lines, which no log has).
func splitRow(dst []string, line []byte, sep byte) ([]string, error) {
	return splitText(dst, string(line), string(sep))
}

// splitText is splitRow for a string, of which the fields are parts.
func splitText(dst []string, line, sep string) ([]string, error) {
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
func nextField(line, sep string) (field, rest string, more bool, err error) {
	if !strings.HasPrefix(line, `"`) {
		plain, rest, more := strings.Cut(line, sep)
		return strings.TrimSpace(plain), rest, more, nil
	}
	end := 1
	for {
		k := strings.IndexByte(line[end:], '"')
		if k < 0 {
			return "", "", false, errQuote
		}
		if end += k; !strings.HasPrefix(line[end+1:], `"`) {
			break
		}
		end += 2 // a quotation mark that is written twice
	}
	field = strings.ReplaceAll(line[1:end], `""`, `"`)
	tail, rest, more := strings.Cut(line[end+1:], sep)
	return field + strings.TrimSpace(tail), rest, more, nil
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
