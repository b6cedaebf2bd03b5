package packet

import "envelope/capture"

// seqNos follows the sequence numbers of one direction of a TCP connection
// (RFC 9293): what is new, what came twice, what the capture misses.
type seqNos struct {
	known bool
	first uint32 // of the first byte
	next  uint32 // first byte that was not seen
	acked uint32 // highest acknowledgement that the other side sent for this direction
	hasAk bool
	ahead capture.Time // when the other side first acknowledged bytes that were not seen, 0 where it did not
}

// segment is the part of a TCP payload that is new, in the order of the stream.
type segment struct {
	data []byte // what was captured of it
	size int    // its length on the wire
	push bool
	time capture.Time
	at   capture.Origin
}

// before tells that sequence number a comes before b.
func before(a, b uint32) bool { return int32(a-b) < 0 }

// open sets the first sequence number of the direction's bytes, unless it is
// known and something was carried since.
func (s *seqNos) open(seq uint32, carried bool) {
	if !s.known || !carried {
		s.known, s.first, s.next = true, seq, seq
	}
}

// acknowledge notes an acknowledgement of the other side.
func (s *seqNos) acknowledge(ack uint32, now capture.Time) {
	if !s.hasAk || before(s.acked, ack) {
		s.acked, s.hasAk = ack, true
	}
	if s.ahead == 0 && s.missing() {
		s.ahead = now
	}
}

// missing tells that the other side has bytes that were not seen.
func (s *seqNos) missing() bool { return s.known && s.hasAk && before(s.next, s.acked) }

// advance notes that all before a sequence number was seen, or is given up.
func (s *seqNos) advance(next uint32) {
	s.next = next
	if s.ahead != 0 && !s.missing() {
		s.ahead = 0
	}
}

// trim cuts off what was seen already and returns how much that was; the rest
// of a segment that begins after next is left as it is.
func (s *seqNos) trim(seq *uint32, g *segment) (old int) {
	if !before(*seq, s.next) {
		return 0
	}
	old = min(int(s.next-*seq), g.size)
	*seq += uint32(old)
	g.data = g.data[min(old, len(g.data)):]
	g.size -= old
	return old
}

// marks are acknowledgements of bytes that were not seen, in order. They show at
// what times parts of a gap were sent. Most connections have none, so that room is
// made for them when they come.
type marks []mark

// maxMarks bounds the parts of a gap that are told from each other.
const maxMarks = 8

type mark struct {
	ack uint32
	at  capture.Time
}

// partGap is the pause between acknowledgements that parts what they are for:
// those of one write come sooner.
const partGap = 20e6

// add notes an acknowledgement. The last one that there is room for stands for all
// that follow.
func (m *marks) add(ack uint32, now capture.Time) {
	n := len(*m)
	switch {
	case n > 0 && !before((*m)[n-1].ack, ack):
	case n > 0 && (n == maxMarks || now.Sub((*m)[n-1].at) <= partGap):
		(*m)[n-1].ack = ack
	default:
		*m = append(*m, mark{ack, now})
	}
}

// drop lets those go that are of bytes before a sequence number.
func (m *marks) drop(next uint32) {
	k := 0
	for k < len(*m) && !before(next, (*m)[k].ack) {
		k++
	}
	*m = (*m)[:copy(*m, (*m)[k:])]
}

// held is a segment that came before one that is missing.
type held struct {
	seq uint32
	segment
	buf []byte // own copy of the data
}

// Bounds of the reordering buffer of one direction.
const (
	maxHeld      = 64 // segments
	maxHeldBytes = 1 << 18
	heldFor      = 3e9  // nanoseconds of packet time: no TCP waits longer for a fast retransmission
	ackedFor     = 50e6 // the same for bytes that were acknowledged: taps and capture queues change the order of packets by less
)

// reorder keeps segments until the missing one comes, is known to be missing
// from the capture (the receiver acknowledged it), or a bound is reached.
type reorder struct {
	held  []held // by sequence number
	bytes int
}

// keep stores a copy of a segment in order of its sequence number, unless it
// is there already.
func (r *reorder) keep(seq uint32, g *segment) bool {
	i := len(r.held)
	for i > 0 && before(seq, r.held[i-1].seq) {
		i--
	}
	if i > 0 && r.held[i-1].seq == seq && r.held[i-1].size >= g.size {
		return false
	}
	h := held{seq: seq, segment: *g, buf: append([]byte(nil), g.data...)}
	h.data = h.buf
	r.held = append(r.held, held{})
	copy(r.held[i+1:], r.held[i:])
	r.held[i] = h
	r.bytes += len(h.buf)
	return true
}

// take removes and returns the first held segment.
func (r *reorder) take() held {
	h := r.held[0]
	n := copy(r.held, r.held[1:])
	r.held[n] = held{} // its bytes can go
	r.held = r.held[:n]
	r.bytes -= len(h.buf)
	return h
}

// overdue tells that waiting longer is no use: the receiver has had the missing
// bytes for longer than a tap may bring them late, or too much is held.
func (r *reorder) overdue(s *seqNos, now capture.Time) bool {
	if len(r.held) == 0 {
		return false
	}
	first := &r.held[0]
	return s.missing() && !before(s.acked, first.seq) && now.Sub(s.ahead) > ackedFor ||
		len(r.held) >= maxHeld || r.bytes >= maxHeldBytes || now.Sub(first.time) > heldFor
}
