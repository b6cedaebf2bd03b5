package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"envelope/analyze"
	"envelope/capture"
	"envelope/capture/logs"
	"envelope/capture/packet"
)

// pipeline reads inputs into one analyzer.
type pipeline struct {
	ctx      context.Context
	o        *options
	reader   *packet.Reader
	formats  []capture.Format
	analyzer *analyze.Analyzer
	inputs   []analyze.Input
	near     capture.Time // a moment that an input gave, for stamps without a year
	unread   []error
	bytes    atomic.Int64 // of the inputs that were read to their end
	current  atomic.Pointer[capture.Input]
	packets  atomic.Int64
}

// readInputs reads the inputs and analyses them together. It returns the report,
// what could not be read (each with its path), and an error where there is no
// report. When ctx ends, the report is of what was read until then.
func readInputs(ctx context.Context, o *options) (*analyze.Report, []error, error) {
	filter, err := parseFilter(o.filter)
	if err != nil {
		return nil, nil, err
	}
	paths, unread := expand(o.inputs)
	if len(paths) == 0 {
		return nil, nil, errors.Join(unread...)
	}
	an := analyze.New(analyze.Options{Version: version, Command: o.command, Services: o.services, Names: o.names, Service: o.service, Least: o.least, Flows: o.flows, Channels: o.channels, Places: o.places})
	p := &pipeline{ctx: ctx, o: o, analyzer: an, unread: unread, reader: packet.NewReader(packet.Options{
		Classify: an.Classify, Filter: filter, From: o.from, To: o.to, QUICHello: !o.noQUICHello, Exports: logs.Exports})}
	o.logs.Near = func() capture.Time { return p.near }
	p.formats = slices.Concat(p.reader.Formats(), logs.Formats(o.logs))
	size := totalSize(paths)
	hugePages(size)
	o.progress.start(size, p.state)
	for _, i := range p.order(paths) {
		if ctx.Err() != nil {
			break
		}
		if err := p.read(paths[i], i); err != nil {
			p.unread = append(p.unread, err)
		}
	}
	for rec, err := range p.reader.Finish() {
		p.take(&rec, err)
	}
	slices.SortStableFunc(p.inputs, func(x, y analyze.Input) int { return cmp.Compare(x.Index, y.Index) })
	runtime.GC() // what the reader held is room for the report, without asking the system for more
	giveRoom(roomToReport)
	rep := an.Conclude(p.inputs)
	for _, err := range unread {
		rep.Warnings = append(rep.Warnings, err.Error()) // these have no place among the inputs
	}
	return rep, p.unread, nil
}

// order gives the indices of the inputs in the order to read them: those that
// name addresses first, those whose stamps have no year last. A lone input, and
// standard input, are opened once only.
func (p *pipeline) order(paths []string) []int32 {
	rank := make([]capture.Order, len(paths))
	list := make([]int32, len(paths))
	for i, path := range paths {
		list[i], rank[i] = int32(i), capture.ReadNext
		if len(paths) == 1 || path == capture.Stdin || p.ctx.Err() != nil {
			continue
		}
		if in, err := p.open(path, int32(i)); err == nil {
			rank[i] = in.Order
			in.Close()
		}
	}
	slices.SortStableFunc(list, func(x, y int32) int { return cmp.Compare(rank[x], rank[y]) })
	return list
}

// expand gives the files of all inputs, and an error for each input that has
// none.
func expand(inputs []string) (paths []string, unread []error) {
	for _, input := range inputs {
		below, err := capture.Expand([]string{input})
		switch {
		case err != nil:
			unread = append(unread, err)
		case len(below) == 0:
			unread = append(unread, fmt.Errorf("%s: no file in this folder", input))
		}
		paths = append(paths, below...)
	}
	return paths, unread
}

func parseFilter(expr string) (*packet.Filter, error) {
	if expr == "" {
		return nil, nil
	}
	f, err := packet.ParseFilter(expr)
	if err != nil {
		return nil, usage("", "--filter: %w", err)
	}
	return f, nil
}

func totalSize(paths []string) (n int64) {
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
	}
	return n
}

// state is what the progress line shows.
func (p *pipeline) state() (bytes, packets int64) {
	bytes = p.bytes.Load()
	if in := p.current.Load(); in != nil {
		bytes += in.Consumed()
	}
	return bytes, p.packets.Load()
}

// read takes one input to its end. The error says what of it could not be
// read; what could be read is in the analyzer.
func (p *pipeline) read(path string, index int32) error {
	in, err := p.open(path, index)
	if err != nil {
		p.inputs = append(p.inputs, analyze.Input{Index: index, ID: inputID(index), Path: path, Warnings: []string{err.Error()}})
		return err
	}
	defer in.Close()
	p.current.Store(in)
	in.Reader = &watched{p: p, in: in, r: in.Reader, before: p.packets.Load()}
	bad := &damage{path: path}
	for rec, err := range in.All() {
		bad.note(p.take(&rec, err))
	}
	if kind, ok := p.o.observer(path); ok { // over what the reader concluded from the packets
		in.Observer = kind
	}
	sum := ""
	if p.ctx.Err() == nil { // the rest of a long file is not read for its hash
		sum, err = in.SHA256()
		bad.note(err)
	}
	if p.o.filter != "" && in.Grain != capture.GrainFrame {
		in.Warn("--filter looks at packets; this input has none and is read whole")
	}
	if in.Records == 0 && in.Grain != capture.GrainFrame && len(bad.list)+len(in.Warnings) == 0 {
		in.Warn("0 records: it is " + in.Format + ", and nothing in it tells of who, whom or when")
	}
	if in.Order != capture.ReadLast && p.near == 0 {
		p.near = in.First
	}
	p.bytes.Add(in.Consumed())
	p.current.Store(nil)
	p.inputs = append(p.inputs, inputOf(in, sum, bad))
	return bad.err()
}

func (p *pipeline) open(path string, index int32) (*capture.Input, error) {
	if path == capture.Stdin && p.o.stdin != nil {
		return capture.OpenReader(interruptible(p.ctx, p.o.stdin), path, index, p.formats)
	}
	return capture.Open(path, index, p.formats)
}

// interruptible ends r when ctx does, even while a read waits for more.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	go func() {
		buf := make([]byte, 1<<20)
		_, err := io.CopyBuffer(in, struct{ io.Reader }{r}, buf)
		in.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { in.Close() })
	return out
}

// take hands a record on, or gives back why there is none.
func (p *pipeline) take(rec *capture.Record, err error) error {
	if err != nil {
		return err
	}
	if rec.Grain == capture.GrainFrame || p.o.within(rec) {
		p.analyzer.Add(rec)
	}
	return nil
}

// within tells whether what a log says lies in the time asked for. What holds
// for all time, such as who is a member of a group, does.
func (o *options) within(rec *capture.Record) bool {
	if rec.Entry != nil && !rec.Entry.Kind.Event() || rec.Name != nil || rec.Time == 0 {
		return true
	}
	return rec.Time >= o.from && (o.to == 0 || rec.Time < o.to)
}

// watched counts packets block by block, and ends an input when the user does.
type watched struct {
	p      *pipeline
	in     *capture.Input
	r      io.Reader
	before int64
}

func (w *watched) Read(b []byte) (int, error) {
	if w.p.ctx.Err() != nil {
		return 0, io.EOF // the report is of what was read so far; the caller says so
	}
	w.p.packets.Store(w.before + w.in.Packets)
	giveRoom(roomToRead)
	return w.r.Read(b)
}

// damage gathers what of an input could not be read: the first few errors, and
// how many there were.
type damage struct {
	path  string
	list  []string
	count int
}

// maxDamage is how many errors of one input are listed.
const maxDamage = 5

func (d *damage) note(err error) {
	if err == nil {
		return
	}
	if d.count++; len(d.list) < maxDamage {
		d.list = append(d.list, err.Error())
	}
}

func (d *damage) err() error {
	switch {
	case d.count == 0:
		return nil
	case d.count == 1:
		return errors.New(d.list[0])
	}
	return fmt.Errorf("%s (and %d more)", d.list[0], d.count-1)
}

func inputID(index int32) string { return fmt.Sprintf("i%d", index+1) }

func inputOf(in *capture.Input, sum string, bad *damage) analyze.Input {
	out := analyze.Input{
		Index: in.Index, ID: inputID(in.Index), Path: in.Path, SHA256: sum, Format: in.Format, Observer: string(in.Observer), Grain: string(in.Grain),
		Records: in.Records, Packets: in.Packets, Bytes: in.Bytes, First: moment(in.First), Last: moment(in.Last),
		Warnings: append(append([]string{}, bad.list...), in.Warnings...),
	}
	if more := bad.count - len(bad.list); more > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%d more errors of this kind", more))
	}
	return out
}

func moment(t capture.Time) *time.Time {
	if t == 0 {
		return nil
	}
	u := t.UTC()
	return &u
}
