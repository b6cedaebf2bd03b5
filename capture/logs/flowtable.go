package logs

import (
	"iter"
	"strings"

	"envelope/capture"
)

// rowReader sets a flow row from the values of a row of a log; ok is false for a row that
// is none of an IP flow.
type rowReader func(f rowFields, w *flowRow) (ok bool, err error)

// flowTable makes the format f of a table under a header: needed are the
// columns that it is known by. end is a line behind which nothing of the table
// follows, "" for none.
func flowTable(f capture.Format, needed []string, end string, read rowReader) capture.Format {
	f.Observer, f.Grain = capture.Network, capture.GrainFlow
	f.Sniff = sniffLines(func(line []byte) bool {
		var t table
		return t.header(string(line), needed)
	})
	f.Read = readLines(func(r *reader) (func([]byte) error, func() error) {
		var t table
		pairs, ended := newFlowPairs(r), false
		return func(b []byte) error {
			line := string(b)
			ended = ended || end != "" && strings.HasPrefix(line, end)
			if line == "" || ended || t.header(line, needed) || t.columns == nil {
				return nil
			}
			if err := t.row(line); err != nil {
				return err
			}
			return pairs.read(t.get, r.at, read)
		}, pairs.end
	})
	return f
}

// flowObjects makes the format f of JSON objects; one of the first has all
// needed members.
func flowObjects(f capture.Format, needed []string, read rowReader) capture.Format {
	f.Observer, f.Grain = capture.Network, capture.GrainFlow
	f.Sniff = func(head []byte) bool { return sniffObjects(head, needed) }
	f.Read = readObjects(func(r *reader) (func(rowFields, int64) error, func() error) {
		pairs := newFlowPairs(r)
		return func(get rowFields, at int64) error { return pairs.read(get, at, read) }, pairs.end
	})
	return f
}

// readObjects gives the Read of a format of JSON objects.
func readObjects(start func(r *reader) (take func(get rowFields, at int64) error, end func() error)) func(*capture.Input) iter.Seq2[capture.Record, error] {
	return readLines(func(r *reader) (func([]byte) error, func() error) {
		take, end := start(r)
		o := objects{take: func(object []byte, at int64) error {
			get, err := objectFields(object)
			if err != nil {
				return err
			}
			return take(get, at)
		}}
		return func(line []byte) error { return o.line(line, r.at) }, func() error {
			r.fail(o.end())
			if end == nil {
				return nil
			}
			return end()
		}
	})
}

// sniffObjects tells whether one of the first objects has all needed members.
func sniffObjects(head []byte, needed []string) bool {
	found, tries := false, 0
	o := objects{take: func(object []byte, _ int64) error {
		if tries++; found || tries > 20 {
			return nil
		}
		get, err := objectFields(object)
		if err != nil {
			return nil
		}
		found = true
		for _, name := range needed {
			found = found && get(name) != ""
		}
		return nil
	}}
	for line := range strings.Lines(strings.TrimPrefix(string(head), "\ufeff")) {
		if line[0] != '{' && line[0] != '[' && line[0] != '}' && line[0] != ' ' && line[0] != '\t' && line[0] != ']' && line[0] != '\n' && line[0] != '\r' && line[0] != ',' {
			return false
		}
		_ = o.line([]byte(line), 1) // what is broken is reported when it is read
		if found || tries > 20 {
			break
		}
	}
	return found
}

// read takes the row of the at-th line.
func (p *flowPairs) read(get rowFields, at int64, read rowReader) error {
	w := flowRow{at: at}
	ok, err := read(get, &w)
	if err == nil && ok {
		p.add(w)
	}
	return err
}
