package logs

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"strings"
)

// csv reads a table with a header line.
func (l *listReader) csv() {
	in := csv.NewReader(bytes.NewReader(l.text))
	in.FieldsPerRecord = -1
	in.TrimLeadingSpace = true
	in.LazyQuotes = true
	in.ReuseRecord = true
	in.Comma = separator(l.text)
	var names []string
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			l.warn(int64(wrong.Line), wrong.Err.Error())
			continue
		}
		at, _ := in.FieldPos(0)
		if names != nil {
			l.row(names, row, int64(at))
			continue
		}
		if names = header(row); names == nil {
			l.warn(int64(at), "no column named time, timestamp, date or ts in the first line")
			return
		}
	}
}

// separator is what parts the columns: that of comma, semicolon and tab which
// the first line has most of.
func separator(text []byte) rune {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	best := ','
	for _, c := range []rune{';', '\t'} {
		if bytes.Count(line, []byte(string(c))) > bytes.Count(line, []byte(string(best))) {
			best = c
		}
	}
	return best
}

// header copies the names of the columns, or gives nil where none is a time.
func header(row []string) []string {
	var names []string
	timed := false
	for _, name := range row {
		is, _ := fieldOf(name)
		timed = timed || is == timeField
		names = append(names, strings.Clone(name))
	}
	if !timed {
		return nil
	}
	return names
}

func (l *listReader) row(names, row []string, at int64) {
	b := newBuilder()
	for i, value := range row[:min(len(row), len(names))] {
		b.word(names[i], value)
	}
	l.add(&b.entry, at)
}

// builder puts an entry together from fields of which some say the same.
type builder struct {
	entry
	rank [mediaField + 1]int // of the best source so far
}

func newBuilder() *builder { return &builder{} }

// better tells whether a name is the best source so far of what it says.
func (b *builder) better(name string) (field, bool) {
	is, rank := fieldOf(name)
	if is == noField || rank < b.rank[is] {
		return is, false
	}
	b.rank[is] = rank
	return is, true
}

// word takes a field that is written out.
func (b *builder) word(name, value string) {
	if strings.TrimSpace(value) == "" {
		return
	}
	is, ok := b.better(name)
	if !ok {
		return
	}
	switch is {
	case timeField:
		b.time = value
	case sizeField:
		if x, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && x > 0 && x < 1<<53 {
			b.size = uint64(x)
		}
	case textField:
		b.tell(uint64(len(value)))
	case kindField:
		b.kind = strings.ToLower(strings.TrimSpace(value))
	case mediaField:
		b.media = true
	}
}

// tell takes the length of a text, which counts where no size is given.
func (b *builder) tell(length uint64) {
	b.text = b.text || length > 0
	if b.rank[sizeField] == 0 {
		b.size = length
	}
}
