package logs

import (
	"fmt"
	"strings"
)

// rowFields gives the value of a row by the name of its column, in lower case:
// the first of the names that is there, "" where none is.
type rowFields func(names ...string) string

// table reads rows of cells under a header. Names are compared in lower case,
// without spaces around them or a leading '#'.
type table struct {
	sep     byte
	columns map[string]int
	cells   []string
}

// header takes the names of the columns and tells whether all that are needed
// are there.
func (t *table) header(line string, needed []string) bool {
	if t.sep = ','; strings.Count(line, ",") < strings.Count(line, ";") {
		t.sep = ';'
	}
	columns := make(map[string]int)
	for i, name := range splitCells(nil, line, t.sep) {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "#")))
		if _, twice := columns[name]; !twice {
			columns[name] = i
		}
	}
	for _, name := range needed {
		if _, ok := columns[name]; !ok {
			return false
		}
	}
	t.columns = columns
	return true
}

// row takes the cells of a line.
func (t *table) row(line string) error {
	t.cells = splitCells(t.cells[:0], line, t.sep)
	if len(t.cells) < len(t.columns) {
		return fmt.Errorf("%d cells under a header of %d", len(t.cells), len(t.columns))
	}
	return nil
}

func (t *table) get(names ...string) string {
	for _, name := range names {
		if i, ok := t.columns[name]; ok && i < len(t.cells) {
			return t.cells[i]
		}
	}
	return ""
}

// splitCells splits a line of comma-separated values (RFC 4180, but for line
// ends in quotes) and appends the cells to list, without spaces around them.
func splitCells(list []string, line string, sep byte) []string {
	for {
		cell, rest, more := cutCell(line, sep)
		list = append(list, strings.TrimSpace(cell))
		if !more {
			return list
		}
		line = rest
	}
}

func cutCell(line string, sep byte) (cell, rest string, more bool) {
	if !strings.HasPrefix(line, `"`) {
		return strings.Cut(line, string(sep))
	}
	body := line[1:]
	for i := 0; i < len(body); i++ {
		if body[i] != '"' {
			continue
		}
		if i+1 < len(body) && body[i+1] == '"' {
			i++
			continue
		}
		cell = strings.ReplaceAll(body[:i], `""`, `"`)
		_, rest, more = strings.Cut(body[i+1:], string(sep))
		return cell, rest, more
	}
	return body, "", false
}

