package logs

import (
	"fmt"
	"strings"
)

// rowFields gives the value of a row by the name of its column, in lower case:
// the first of the names that is there, "" where none is.
type rowFields func(names ...string) string

// table reads rows of cells under a header. Names are compared in lower case,
// without spaces around them or a '#' before the first.
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
	names, err := splitText(nil, strings.TrimPrefix(line, "#"), string(t.sep))
	columns := columnsAt(names)
	if err != nil || !hasColumns(columns, needed...) {
		return false
	}
	t.columns = columns
	return true
}

// row takes the cells of a line.
func (t *table) row(line string) error {
	var err error
	if t.cells, err = splitText(t.cells[:0], line, string(t.sep)); err != nil {
		return err
	}
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
