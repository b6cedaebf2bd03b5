package logs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"envelope/capture"
)

// maxLine bounds a line, in bytes. What is longer is no line of a log: it is
// reported, and passed over to its end.
const maxLine = 4 << 20

// reader reads one input and yields the records that its lines hold.
type reader struct {
	in    *capture.Input
	at    int64 // line number of the line at hand, from 1
	yield func(capture.Record, error) bool
	done  bool // the receiver wants no more
	flows uint64
}

// readLines gives the Read of a format of lines. start makes the function that
// takes one line, without its end, and the one that is called behind the last
// line (nil for none); both belong to one input. The line is only valid during
// the call. An error of either is reported with the line's number, and reading goes on.
func readLines(start func(r *reader) (line func([]byte) error, end func() error)) func(*capture.Input) iter.Seq2[capture.Record, error] {
	return func(in *capture.Input) iter.Seq2[capture.Record, error] {
		return func(yield func(capture.Record, error) bool) {
			r := &reader{in: in, yield: yield}
			line, end := start(r)
			r.lines(line)
			if end != nil && !r.done {
				r.fail(end())
			}
		}
	}
}

// lines hands each line on. The first is without a byte order mark.
func (r *reader) lines(take func([]byte) error) {
	src := bufio.NewReaderSize(r.in.Reader, 256<<10)
	var long []byte
	for !r.done {
		line, err := nextLine(src, &long)
		if len(line) > 0 || err == nil {
			r.at++
			r.line(line, take)
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.fail(err)
			return
		}
	}
}

func (r *reader) line(line []byte, take func([]byte) error) {
	r.in.Packets++
	r.in.Bytes += int64(len(line))
	if len(line) > maxLine {
		r.fail(fmt.Errorf("longer than %d MiB; not read", maxLine>>20))
		return
	}
	if r.at == 1 {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	r.fail(take(bytes.TrimRight(line, "\r\n")))
}

// nextLine reads to the end of a line. Of a line longer than maxLine it keeps
// a little more than maxLine, by which the caller knows it.
func nextLine(src *bufio.Reader, long *[]byte) ([]byte, error) {
	line, err := src.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	*long = (*long)[:0]
	for {
		if len(*long) <= maxLine {
			*long = append(*long, line...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return *long, err
		}
		line, err = src.ReadSlice('\n')
	}
}

// fail reports an error of the line at hand; nil is none.
func (r *reader) fail(err error) {
	if err == nil || r.done {
		return
	}
	var known *capture.SyntaxError
	if !errors.As(err, &known) {
		err = &capture.SyntaxError{Path: r.in.Path, At: r.at, Unit: "line", Msg: err.Error()}
	}
	r.done = !r.yield(capture.Record{}, err)
}

// origin points at the line at hand.
func (r *reader) origin() capture.Origin { return capture.Origin{Input: r.in.Index, At: r.at} }

// entry yields what the line at hand says.
func (r *reader) entry(t capture.Time, e *capture.Entry) {
	r.give(capture.Record{Time: t, Grain: capture.GrainEntry, Entry: e})
}

// name yields a name that the line at hand gives.
func (r *reader) name(t capture.Time, n *capture.Name) {
	r.give(capture.Record{Time: t, Grain: capture.GrainEntry, Name: n})
}

// flow yields a flow that the line at hand sums up. It sets what every flow of
// a log has: ID, origins (where they are not set: a flow may be told of by two lines) and the end.
func (r *reader) flow(f *capture.Flow) {
	r.flows++
	f.ID = flowID(r.in.Index, r.flows)
	if f.FirstAt.At == 0 {
		f.FirstAt, f.LastAt = r.origin(), r.origin()
	}
	f.Final, f.Closed, f.Row = true, true, true
	r.saw(f.Last)
	r.give(capture.Record{Time: f.First, Grain: capture.GrainFlow, Flow: f})
}

// flowID keeps the flows of logs apart from those of captures, and those of
// one log in the order of its lines.
func flowID(input int32, n uint64) uint64 { return 1<<63 | uint64(input)<<40 | n }

func (r *reader) give(rec capture.Record) {
	if r.done {
		return
	}
	rec.Origin = r.origin()
	r.saw(rec.Time)
	r.done = !r.yield(rec, nil)
}

// saw widens the input's first and last time.
func (r *reader) saw(t capture.Time) {
	if t == 0 {
		return
	}
	if r.in.First == 0 || t < r.in.First {
		r.in.First = t
	}
	r.in.Last = max(r.in.Last, t)
}

// sniffLines gives the Sniff of a format of lines: is tells whether a line is
// of the format. One of the first lines (up to 200, whole ones) suffices: logs begin with
// banners, and wrapped or foreign lines stand between.
func sniffLines(is func(line []byte) bool) func([]byte) bool {
	return func(head []byte) bool {
		head = bytes.TrimPrefix(head, []byte("\ufeff"))
		for range 200 {
			line, rest, more := bytes.Cut(head, []byte("\n"))
			if is(bytes.TrimRight(line, "\r")) {
				return true
			}
			if !more {
				return false
			}
			head = rest
		}
		return false
	}
}
