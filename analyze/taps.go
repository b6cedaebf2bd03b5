package analyze

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"envelope/analyze/correlate"
	"envelope/analyze/infer"
	"envelope/analyze/service"
	"envelope/capture"
)

// taps is what several inputs have to do with each other: whose clock is off by
// how much, and which flows were seen at more than one of them.
type taps struct {
	clocks  []correlate.Clock
	copies  map[uint64][]*conn // of a flow that is kept: what else shows it
	same    map[capture.Origin][]capture.Origin
	dropped map[uint64]uint64 // flow that stands for a copy
	apart   [][2]int32        // inputs whose clocks could not be compared
}

// leastShift is the difference of clocks below which nothing is moved: recorders
// with a time service agree to some milliseconds.
// What relayed messages tell is no better than that either.
const leastShift = 10 * time.Millisecond

// together makes one of what several taps saw: flows seen at two of them count
// once, and the times of inputs whose clocks are off are brought to the clock of
// the first input that they can be compared with. all is not changed; what is
// given back shares its frames unless they were moved.
func (a *Analyzer) together(all []*conn, inputs int) ([]*conn, *taps) {
	t := &taps{}
	if inputs < 2 {
		return all, t
	}
	a.resolve(all)
	spans := spansOf(all, inputs)
	if !spans.overlap() {
		return all, t
	}
	t.copies, t.dropped = map[uint64][]*conn{}, map[uint64]uint64{}
	t.same = map[capture.Origin][]capture.Origin{}
	ties := append(spans.ties(), t.twins(all)...)
	all = t.once(all)
	t.clocks = correlate.Clocks(a.traffic(all, inputs), inputs, ties...)
	t.settle(spans)
	moved := t.shift(all)
	if slices.ContainsFunc(t.clocks, func(c correlate.Clock) bool { return c.Offset != 0 && c.Spread == 0 }) && t.closer(a.messages(moved), inputs, ties) {
		t.leave()
		moved = t.shift(all)
	}
	return moved, t
}

// closer compares the clocks once more, by what is inferred from all inputs
// together: a client who wrote a few messages only is understood by those of
// the others. It tells whether anything changed.
func (t *taps) closer(together []correlate.Event, inputs int, ties []correlate.Tie) bool {
	left := make([]correlate.Tie, len(ties))
	for i, x := range ties {
		x.Offset -= t.clocks[x.B].Offset - t.clocks[x.A].Offset
		x.Drift -= t.clocks[x.B].Drift - t.clocks[x.A].Drift
		left[i] = x
	}
	changed := false
	for i, c := range correlate.Clocks(together, inputs, left...) {
		was := &t.clocks[i]
		if c.Known && c.Reference == was.Reference && was.Spread == 0 && c.Error < was.Error+leastShift && c.Offset.Abs() < nearEnough {
			was.Offset += c.Offset
			changed = changed || c.Offset != 0
		}
	}
	return changed
}

// nearEnough bounds what a second comparison may change: more would contradict
// the first.
const nearEnough = 300 * time.Millisecond

// messages gives the messages that are inferred from all inputs together.
func (a *Analyzer) messages(all []*conn) []correlate.Event {
	told, _ := a.tell(all, forever)
	names, clients := naming[string]{}, naming[netip.Addr]{}
	return appendMessages(nil, told, clients, names)
}

// appendMessages adds events that pass from one client to another.
func appendMessages(out []correlate.Event, list batches, clients naming[netip.Addr], names naming[string]) []correlate.Event {
	for _, e := range list.each() {
		if e.Kind == infer.Message || e.Kind == infer.Media && e.Direction == infer.Sent {
			out = append(out, correlate.Event{Time: e.Time, Party: clients.of(e.Client), Sent: e.Direction == infer.Sent,
				Size: uint32(e.Bytes), Service: names.of(e.Service), Input: inputOfEvent(e)})
		}
	}
	return out
}

// span is when an input showed flows of messengers.
type span struct{ first, last capture.Time }

type spans struct {
	of     []span
	joined [][2]int32 // inputs that share a flow: files of one rotating capture
}

func spansOf(all []*conn, inputs int) *spans {
	s := &spans{of: make([]span, inputs)}
	for _, c := range all {
		f := c.Flow
		if c.aside || int(f.FirstAt.Input) >= inputs || int(f.LastAt.Input) >= inputs {
			continue
		}
		for _, i := range []int32{f.FirstAt.Input, f.LastAt.Input} {
			if x := &s.of[i]; x.last == 0 {
				*x = span{f.First, f.Last}
			} else {
				x.first, x.last = min(x.first, f.First), max(x.last, f.Last)
			}
		}
		if p := [2]int32{f.FirstAt.Input, f.LastAt.Input}; p[0] != p[1] && !slices.Contains(s.joined, p) {
			s.joined = append(s.joined, p)
		}
	}
	return s
}

// overlap tells whether two inputs that are not files of one capture saw
// something at the same time.
func (s *spans) overlap() bool {
	for a := range s.of {
		for b := a + 1; b < len(s.of); b++ {
			if s.meet(a, b) {
				return true
			}
		}
	}
	return false
}

func (s *spans) meet(a, b int) bool {
	x, y := s.of[a], s.of[b]
	return x.last != 0 && y.last != 0 && min(x.last, y.last) > max(x.first, y.first) && !slices.Contains(s.joined, [2]int32{int32(a), int32(b)})
}

// exactly is the weight of a difference that needs no measurement.
const exactly = 1 << 20

// ties says that files of one capture have one clock.
func (s *spans) ties() []correlate.Tie {
	var out []correlate.Tie
	for _, p := range s.joined {
		out = append(out, correlate.Tie{A: p[0], B: p[1], Matched: exactly})
	}
	return out
}

// traffic gives what tells of the clocks: the messages of each input, inferred
// from it alone, and the frames that were sent by choice, as messengers apart.
func (a *Analyzer) traffic(all []*conn, inputs int) []correlate.Event {
	byInput := make([][]*conn, inputs)
	for _, c := range all {
		if i := c.Flow.FirstAt.Input; int(i) < inputs {
			byInput[i] = append(byInput[i], c)
		}
	}
	var out, frames []correlate.Event
	names := naming[string]{}
	clients := naming[netip.Addr]{}
	out = appendMessages(out, a.events, clients, names)
	for _, list := range byInput {
		told, _ := a.tell(list, forever)
		out = appendMessages(out, told, clients, names)
		for _, c := range list {
			frames = c.appendFrames(frames, clients.of(c.addressOf()), names.of("frames of "+c.match.Service))
			out = c.appendMedia(out, clients.of(c.addressOf()), names.of("media"))
		}
	}
	return append(out, correlate.Spontaneous(frames)...)
}

// naming numbers things in the order they come.
type naming[T comparable] map[T]int32

func (n naming[T]) of(x T) int32 {
	if _, ok := n[x]; !ok {
		n[x] = int32(len(n))
	}
	return n[x]
}

// appendFrames adds the frames of a chat connection.
func (c *conn) appendFrames(out []correlate.Event, client, messenger int32) []correlate.Event {
	if c.aside || c.match.Service == "" || c.match.Role != service.Message {
		return out
	}
	for i := range c.Flow.Frames {
		f := &c.Flow.Frames[i]
		if carries(f) {
			out = append(out, correlate.Event{Time: f.Time, Party: client, Sent: f.Up, Size: f.Length, Service: messenger, Input: f.Origin.Input})
		}
	}
	return out
}

// appendMedia adds when media of calls began and ended: what one end sends
// through a relay, the other receives.
func (c *conn) appendMedia(out []correlate.Event, client, media int32) []correlate.Event {
	for i := range c.Flow.Bursts {
		b := &c.Flow.Bursts[i]
		if b.Kind != capture.BurstRTP {
			continue
		}
		out = append(out, correlate.Event{Time: b.First, Party: client, Sent: b.Up, Service: media, Input: b.FirstAt.Input},
			correlate.Event{Time: b.Last, Party: client, Sent: b.Up, Service: media, Input: b.LastAt.Input})
	}
	return out
}

// settle leaves clocks alone that agree, and notes inputs that saw traffic at
// the same time and could not be compared.
func (t *taps) settle(s *spans) {
	t.leave()
	for i := range t.clocks {
		for j := range i {
			if t.clocks[i].Reference != t.clocks[j].Reference && s.meet(j, i) {
				t.apart = append(t.apart, [2]int32{int32(j), int32(i)})
			}
		}
	}
}

// leave sets all offsets to nothing where none is more than measurement gives.
func (t *taps) leave() {
	for _, c := range t.clocks {
		if c.Offset.Abs() > leastShift || c.Drift != 0 {
			return
		}
	}
	for i := range t.clocks {
		t.clocks[i].Offset = 0
	}
}

// moved tells whether times of an input are to be changed.
func (t *taps) moved(input int32) bool {
	return int(input) < len(t.clocks) && (t.clocks[input].Offset != 0 || t.clocks[input].Drift != 0)
}

// at brings a time of an input to the reference's clock. Unknown times stay.
func (t *taps) at(x capture.Time, input int32) capture.Time {
	if x == 0 || !t.moved(input) {
		return x
	}
	c := &t.clocks[input]
	drift := time.Duration(math.Round(c.Drift * float64(x.Sub(c.Mid))))
	return x.Add(c.Offset + drift)
}

// shift gives the flows with their times brought to the reference's clock.
func (t *taps) shift(all []*conn) []*conn {
	out := slices.Clone(all)
	for i, c := range all {
		if !t.moved(c.Flow.FirstAt.Input) {
			continue
		}
		n := c.copied()
		n.told = t.at(n.told, c.Flow.FirstAt.Input)
		f := n.Flow
		f.First, f.Last = t.at(f.First, f.FirstAt.Input), t.at(f.Last, f.LastAt.Input)
		f.Frames, f.Signals, f.Bursts = slices.Clone(f.Frames), slices.Clone(f.Signals), slices.Clone(f.Bursts)
		for k := range f.Frames {
			f.Frames[k].Time = t.at(f.Frames[k].Time, f.Frames[k].Origin.Input)
		}
		for k := range f.Signals {
			f.Signals[k].Time = t.at(f.Signals[k].Time, f.Signals[k].Origin.Input)
		}
		for k := range f.Bursts {
			b := &f.Bursts[k]
			b.First, b.Last = t.at(b.First, b.FirstAt.Input), t.at(b.Last, b.LastAt.Input)
		}
		out[i] = n
	}
	return out
}

// shiftEvents brings events to the reference's clock whose frames were let go
// before the clocks could be compared.
func (t *taps) shiftEvents(list []*infer.Event) {
	if len(t.clocks) == 0 {
		return
	}
	for _, e := range list {
		input := inputOfEvent(e)
		e.Time, e.End = t.at(e.Time, input), t.at(e.End, input)
		if e.Call != nil {
			call := *e.Call
			call.AnsweredAt = t.at(call.AnsweredAt, input)
			e.Call = &call
		}
	}
}

// rows brings the list of all flows to one clock, and leaves out what stands
// for another.
func (t *taps) rows(list []flowRow) []flowRow {
	if len(t.clocks) == 0 {
		return list
	}
	var out []flowRow
	for _, r := range list {
		if _, gone := t.dropped[r.id]; gone {
			continue
		}
		r.First, r.Last = t.at(capture.TimeOf(r.First), r.input).UTC(), t.at(capture.TimeOf(r.Last), r.input).UTC()
		out = append(out, r)
	}
	return out
}

// report enters the clocks and what could not be told of them. Inputs that agree
// have offset 0; so has one that could not be compared.
func (t *taps) report(d *document) {
	if len(t.clocks) == 0 {
		return
	}
	d.Inputs = slices.Clone(d.Inputs)
	for i := range t.clocks {
		if i < len(d.Inputs) {
			// positive where the input's clock is behind the reference's
			d.Inputs[i].ClockOffset = math.Round(t.clocks[i].Offset.Seconds()*1e6) / 1e6
		}
		if c := &t.clocks[i]; c.Drift != 0 && i < len(d.Inputs) {
			d.Inputs[i].Warnings = append(d.Inputs[i].Warnings, fmt.Sprintf("clock runs wrong by %.1f parts in a million; its offset is that of %s",
				c.Drift*1e6, c.Mid.UTC().Format(time.RFC3339)))
		}
	}
	if len(t.apart) == 0 {
		return
	}
	of := map[int32]string{}
	for _, p := range t.apart {
		of[p[0]], of[p[1]] = d.inputs[p[0]], d.inputs[p[1]]
	}
	var ids []int32
	for i := range of {
		ids = append(ids, i)
	}
	slices.Sort(ids)
	d.Limits = append(d.Limits, Limit{"clocks", "clocks of these inputs could not be compared: " + t.grouped(ids, of) +
		"; nothing that passed between them stands out over chance, and whom one of them shows to talk to another is doubtful"})
}

// grouped lists inputs, those with one clock together.
func (t *taps) grouped(ids []int32, of map[int32]string) string {
	var order []int32
	lists := map[int32][]string{}
	for _, i := range ids {
		r := t.clocks[i].Reference
		if lists[r] == nil {
			order = append(order, r)
		}
		lists[r] = append(lists[r], of[i])
	}
	var parts []string
	for _, r := range order {
		parts = append(parts, strings.Join(lists[r], " "))
	}
	return strings.Join(parts, " | ")
}
