package logs

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"envelope/capture"
)

// maxHalves bounds the rows that wait for the other direction, and maxSame those
// of them between the same ends, which are searched one by one: an hour of rows of
// one flow at the shortest active timeout in use, 15 s.
const (
	maxHalves = 100_000
	maxSame   = 240
)

// halfGap is how far apart the two directions of one flow may be: an answer
// comes after the question. It is the inactive timeout of most exporters (15 s
// by default in Cisco's and in nfdump's), beyond which they begin a new row.
const halfGap = 15 * time.Second

// flowPairs joins the two directions of a conversation, which most exporters
// tell of in two rows, where they overlap in time.
type flowPairs struct {
	r     *reader
	open  map[flowKey][]*flowRow
	queue []*flowRow // in the order they came; nil once they are told
}

type flowKey struct {
	proto    uint8
	src, dst netip.AddrPort
}

func newFlowPairs(r *reader) *flowPairs {
	return &flowPairs{r: r, open: make(map[flowKey][]*flowRow)}
}

// add takes a row. One that has both directions, or no ports to know the other
// one by, is a flow by itself.
func (p *flowPairs) add(w flowRow) {
	if w.packets[1]+w.bytes[1] > 0 || !hasPorts(w.proto) {
		p.r.flow(w.flow(p.r.in.Index))
		return
	}
	back := flowKey{w.proto, w.dst, w.src}
	list := p.open[back]
	best, most := -1, -halfGap
	for i, other := range list {
		if both := overlap(other, &w); both >= most && (best < 0 || both > most) {
			best, most = i, both
		}
	}
	if best >= 0 {
		other := list[best]
		p.forget(back, best)
		p.tell(joinHalves(other, &w), other.at)
		other.at = 0
		return
	}
	p.keep(w)
}

// overlap is how long two rows ran at the same time; negative, the gap between
// them.
func overlap(a, b *flowRow) time.Duration {
	return min(a.last, b.last).Sub(max(a.first, b.first))
}

func (p *flowPairs) keep(w flowRow) {
	if len(p.queue) >= maxHalves {
		p.makeRoom()
	}
	key := flowKey{w.proto, w.src, w.dst}
	if list := p.open[key]; len(list) >= maxSame {
		p.alone(list[:1])
	}
	p.open[key] = append(p.open[key], &w)
	p.queue = append(p.queue, &w)
}

// makeRoom tells the older half of the rows that wait as flows of one
// direction.
func (p *flowPairs) makeRoom() {
	waiting := p.queue[:0]
	for _, w := range p.queue {
		if w.at != 0 {
			waiting = append(waiting, w)
		}
	}
	if len(waiting) > maxHalves/2 {
		p.r.in.Warn(fmt.Sprintf("more than %d rows wait for the other direction of their flow; the oldest are read as flows of one direction", maxHalves/2))
		p.alone(waiting[:len(waiting)/2])
		waiting = waiting[len(waiting)/2:]
	}
	p.queue = append([]*flowRow(nil), waiting...)
}

// end tells what is left: flows of which one direction was exported.
func (p *flowPairs) end() error {
	p.alone(p.queue)
	return nil
}

func (p *flowPairs) alone(rows []*flowRow) {
	for _, w := range rows {
		if w.at == 0 || p.r.done {
			continue
		}
		if w.syn && !w.ack && w.opener == 0 { // a SYN that nobody acknowledged
			w.opener, w.how = 1, "flags"
		}
		p.forget(flowKey{w.proto, w.src, w.dst}, 0)
		p.tell(w.flow(p.r.in.Index), w.at)
		w.at = 0
	}
}

func (p *flowPairs) forget(key flowKey, i int) {
	switch list := p.open[key]; {
	case len(list) == 1:
		delete(p.open, key)
	case i == 0: // the oldest, and the usual one
		p.open[key] = list[1:]
	default:
		p.open[key] = slices.Delete(list, i, i+1)
	}
}

// tell yields a flow of an earlier line.
func (p *flowPairs) tell(f *capture.Flow, at int64) {
	now := p.r.at
	p.r.at = at
	p.r.flow(f)
	p.r.at = now
}

// joinHalves makes one flow of two rows in opposite directions.
func joinHalves(a, b *flowRow) *capture.Flow {
	w := *a
	w.first, w.last = min(a.first, b.first), max(a.last, b.last)
	w.packets[1], w.bytes[1] = b.packets[0], b.bytes[0]
	if w.mac[1] == (capture.MAC{}) {
		w.mac[1] = b.mac[0]
	}
	if w.host == "" {
		w.host = b.host
	}
	if a.opener == 0 && a.syn && b.syn && a.first != b.first {
		// Flags are those of all packets of a direction, so both have SYN: the
		// earlier was not the answer.
		w.opener, w.how = sign(a.first < b.first), "flags"
	}
	f := w.flow(0)
	f.FirstAt.At, f.LastAt.At = min(a.at, b.at), max(a.at, b.at)
	return f
}
