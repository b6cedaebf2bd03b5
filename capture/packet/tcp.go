package packet

import (
	"slices"

	"envelope/capture"
)

// maxHole is the widest gap in a stream that is taken for lost bytes: the
// largest TCP window (RFC 7323 section 2.3) is 1 GB, but 16 MB bound what a
// hostile sequence number can claim. A jump further than that, to either side,
// is another connection whose SYN was not seen.
const maxHole = 1 << 24

// maxReordered bounds the bytes held of all flows because others are missing
// before them.
const maxReordered = 64 << 20

// tcp takes the transport part of a packet of a connection.
func (r *Reader) tcp(fl *flow, dir int, p *Packet, at capture.Origin) {
	seq := p.Seq
	if p.TCPFlags&FlagSYN != 0 {
		seq++
		fl.seq[dir].open(seq, fl.f.Payload[dir] > 0)
	}
	if p.TCPFlags&FlagACK != 0 {
		dir = r.acknowledged(fl, dir, p)
	}
	if p.PayloadLen > 0 {
		fl.seq[dir].open(seq, true)
		g := segment{data: p.Payload, size: p.PayloadLen, push: p.TCPFlags&FlagPSH != 0, time: p.Time, at: at}
		dir = r.payload(fl, dir, seq, &g)
	}
	r.closing(fl, dir, p)
}

// acknowledged notes what the sender of a packet has received of the other
// direction: bytes that are missing and were received will not come any more.
// It returns the direction of the packet.
func (r *Reader) acknowledged(fl *flow, dir int, p *Packet) int {
	other := &fl.seq[1-dir]
	other.acknowledge(p.Ack, p.Time)
	if fl.tcp != nil && other.missing() {
		m := &fl.tcp.marks[1-dir]
		m.drop(other.next)
		m.add(other.acked, p.Time)
	}
	if fl.early > 0 && fl.tcp.order[1-dir].overdue(other, p.Time) {
		return 1 - r.giveUp(fl, 1-dir)
	}
	return dir
}

// closing notes FIN and RST.
func (r *Reader) closing(fl *flow, dir int, p *Packet) {
	if p.TCPFlags&(FlagRST|FlagFIN) == 0 {
		return
	}
	fl.fins |= 1 << dir
	if p.TCPFlags&FlagRST != 0 {
		fl.fins = 3
	}
	fl.f.Closed = fl.fins == 3
	r.table.wake(fl) // a closed flow is over sooner
}

// payload puts a segment into the order of its stream. It returns the
// direction, which changes when the bytes prove the guess at the client wrong.
func (r *Reader) payload(fl *flow, dir int, seq uint32, g *segment) int {
	s := &fl.seq[dir]
	if d := int32(seq - s.next); d > maxHole || d < -maxHole {
		r.jump(fl, dir, seq, g)
	}
	fl.f.Retransmitted[dir] += uint64(s.trim(&seq, g))
	if g.size == 0 {
		return dir
	}
	r.judge(fl)
	if !r.wanted(fl) {
		fl.carry(dir, g.size)
		s.advance(seq + uint32(g.size))
		return dir
	}
	if seq != s.next {
		return r.early(fl, dir, seq, g)
	}
	dir = r.deliver(fl, dir, g)
	if fl.early > 0 {
		dir = r.follow(fl, dir)
	}
	return dir
}

// wanted tells whether a connection's bytes are looked at, and makes it ready
// for that.
func (r *Reader) wanted(fl *flow) bool {
	if fl.parked && fl.interest == capture.Collect {
		fl.parked = false // its verdict came late; what was missed is missed
	}
	fl.f.FramesUncollected = fl.f.FramesUncollected || fl.parked
	if fl.interest == capture.Ignore || fl.parked {
		return false
	}
	if fl.tcp == nil {
		fl.tcp = r.newTCP(fl)
	}
	return true
}

// jump gives up the place in a stream for another one that no loss explains.
func (r *Reader) jump(fl *flow, dir int, seq uint32, g *segment) {
	if fl.tcp != nil {
		for len(fl.tcp.order[dir].held) > 0 {
			r.take(fl, dir)
		}
		fl.tcp.gap(dir, maxHole, g)
	}
	fl.seq[dir].advance(seq)
}

// early keeps a segment until what is missing before it comes.
func (r *Reader) early(fl *flow, dir int, seq uint32, g *segment) int {
	o := &fl.tcp.order[dir]
	was := o.bytes
	if o.keep(seq, g) {
		fl.early++
	}
	r.reordered += o.bytes - was
	if o.overdue(&fl.seq[dir], g.time) || r.reordered > maxReordered {
		return r.giveUp(fl, dir)
	}
	return dir
}

// deliver hands the next bytes of a stream to the framing, and returns the
// direction that they have after it.
func (r *Reader) deliver(fl *flow, dir int, g *segment) int {
	s := &fl.seq[dir]
	s.advance(s.next + uint32(g.size))
	fl.carry(dir, g.size)
	if fl.payloads[dir] < 255 {
		fl.payloads[dir]++
	}
	fl.tcp.segment(dir, g)
	if fl.tcp.wrong {
		fl.tcp.wrong = false
		fl.turn("hello")
		dir = 1 - dir
	}
	r.judge(fl)
	r.reconsider(fl)
	return dir
}

// reconsider stops looking into a connection that shows nothing.
func (r *Reader) reconsider(fl *flow) {
	if fl.interest == capture.Ignore {
		r.release(fl)
		return
	}
	if fl.interest != capture.Undecided {
		return
	}
	tries := probedPayloads
	if fl.tcp.late {
		tries *= 8 // the next frame may begin far away
	}
	seen := int(fl.payloads[0]) + int(fl.payloads[1])
	if k := fl.tcp.kind; seen > tries && (k == framingUnknown || k == framingSegments) {
		r.ignore(fl)
	} else if len(fl.f.Frames) >= maxUndecidedFrames {
		fl.parked = true
		r.release(fl)
	}
}

// ignore gives up a flow of which nothing became known.
func (r *Reader) ignore(fl *flow) {
	fl.interest = capture.Ignore
	fl.f.FramesUncollected = true
	r.forget(fl)
	r.release(fl)
	r.table.wake(fl)
}

// follow delivers held segments that are next now.
func (r *Reader) follow(fl *flow, dir int) int {
	for fl.tcp != nil {
		o, s := &fl.tcp.order[dir], &fl.seq[dir]
		if len(o.held) == 0 || before(s.next, o.held[0].seq) {
			break
		}
		h := r.take(fl, dir)
		fl.f.Retransmitted[dir] += uint64(s.trim(&h.seq, &h.segment))
		if h.size > 0 {
			dir = r.deliver(fl, dir, &h.segment)
		}
	}
	return dir
}

// take removes and returns the first held segment of a direction.
func (r *Reader) take(fl *flow, dir int) held {
	o := &fl.tcp.order[dir]
	was := o.bytes
	h := o.take()
	fl.early--
	r.reordered += o.bytes - was
	return h
}

// giveUp goes on behind the first missing bytes of a direction.
func (r *Reader) giveUp(fl *flow, dir int) int {
	o, s := &fl.tcp.order[dir], &fl.seq[dir]
	if len(o.held) > 0 && before(s.next, o.held[0].seq) {
		fl.f.Missing[dir] += uint64(o.held[0].seq - s.next)
		fl.gap(dir)
	}
	return r.follow(fl, dir)
}

// gap gives up the bytes before the first held segment of a direction, in parts
// where they were acknowledged in parts.
func (fl *flow) gap(dir int) {
	first, s, m := &fl.tcp.order[dir].held[0], &fl.seq[dir], &fl.tcp.marks[dir]
	part := first.segment
	for _, x := range append(slices.Clip(*m), mark{first.seq, first.time}) {
		end := x.ack
		if before(first.seq, end) {
			end = first.seq
		}
		if before(s.next, end) {
			part.time = min(first.time, x.at)
			fl.tcp.gap(dir, int(end-s.next), &part)
			s.advance(end)
		}
	}
	m.drop(s.next)
}

// drain delivers all that is held of a direction when the flow ends.
func (r *Reader) drain(fl *flow, dir int) {
	for fl.tcp != nil && len(fl.tcp.order[dir].held) > 0 {
		dir = r.giveUp(fl, dir)
	}
}

// reused gives the last of what was let go, or something new.
func reused[T any](free *[]*T) *T {
	n := len(*free)
	if n == 0 {
		return new(T)
	}
	x := (*free)[n-1]
	*free = (*free)[:n-1]
	return x
}

func (r *Reader) newTCP(fl *flow) *tcpFraming {
	t := reused(&r.freeTCP)
	t.reset(r, fl)
	return t
}

// udp takes the payload of a UDP packet.
func (r *Reader) udp(fl *flow, dir int, p *Packet, at capture.Origin) {
	fl.carry(dir, p.PayloadLen)
	if fl.naming() {
		fl.interest = capture.Ignore
		r.naming(p, at)
		return
	}
	if fl.interest == capture.Ignore && fl.asked || p.PayloadLen == 0 {
		return
	}
	if fl.payloads[dir] < 255 {
		fl.payloads[dir]++
	}
	if fl.payloads[dir] <= probedPayloads {
		fl.sign(fl.probe(dir, p.Payload, p.PayloadLen))
	}
	r.judge(fl)
	if fl.interest == capture.Ignore {
		r.release(fl)
		return
	}
	if fl.udp == nil {
		fl.udp = r.newUDP(fl)
	}
	fl.udp.take(&udpPayload{data: p.Payload, size: p.PayloadLen, dir: dir, time: p.Time, at: at})
	r.judge(fl)
	seen := int(fl.payloads[0]) + int(fl.payloads[1])
	if fl.interest == capture.Ignore || fl.interest == capture.Undecided && seen > 2*probedPayloads && !fl.udp.stun {
		r.ignore(fl)
	}
}

func (r *Reader) newUDP(fl *flow) *udpFraming {
	u := reused(&r.freeUDP)
	u.reset(r, fl)
	return u
}
