package packet

import "envelope/capture"

// maxHole is the widest gap in a stream that is taken for lost bytes: the
// largest TCP window (RFC 7323 section 2.3) is 1 GB, but 16 MB bound what a
// hostile sequence number can claim.
const maxHole = 1 << 24

// tcp takes the transport part of a packet of a connection.
func (r *Reader) tcp(fl *flow, dir int, p *Packet, at capture.Origin) {
	s := &fl.seq[dir]
	seq := p.Seq
	if p.TCPFlags&FlagSYN != 0 {
		if seq++; !s.known {
			s.begin(seq)
		}
	}
	if p.TCPFlags&FlagACK != 0 {
		other := &fl.seq[1-dir]
		other.acknowledge(p.Ack)
		if fl.tcp != nil && fl.tcp.order[1-dir].overdue(other, p.Time) {
			r.release1(fl, 1-dir)
		}
	}
	if p.PayloadLen > 0 {
		if !s.known {
			s.begin(seq)
		}
		g := segment{data: p.Payload, size: p.PayloadLen, push: p.TCPFlags&FlagPSH != 0, time: p.Time, at: at}
		r.payload(fl, dir, seq, &g)
	}
	r.closing(fl, dir, p)
}

// closing notes FIN and RST.
func (r *Reader) closing(fl *flow, dir int, p *Packet) {
	if p.TCPFlags&FlagRST != 0 {
		fl.fins = 3
	}
	if p.TCPFlags&FlagFIN != 0 {
		fl.fins |= 1 << dir
	}
	fl.f.Closed = fl.fins == 3
}

// payload puts a segment into the order of its stream.
func (r *Reader) payload(fl *flow, dir int, seq uint32, g *segment) {
	s := &fl.seq[dir]
	fl.f.Retransmitted[dir] += uint64(s.trim(&seq, g))
	if g.size == 0 {
		return
	}
	if seq-s.next > maxHole {
		s.next = seq
	}
	r.judge(fl)
	if fl.interest == capture.Ignore || fl.parked {
		fl.f.Payload[dir] += uint64(g.size)
		s.next = seq + uint32(g.size)
		return
	}
	if fl.tcp == nil {
		fl.tcp = r.newTCP(fl)
	}
	if seq != s.next {
		fl.tcp.order[dir].keep(seq, g)
		if fl.tcp.order[dir].overdue(s, g.time) {
			r.release1(fl, dir)
		}
		return
	}
	r.deliver(fl, dir, g)
	if fl.tcp != nil && len(fl.tcp.order[dir].held) > 0 {
		r.follow(fl, dir)
	}
}

// deliver hands the next bytes of a stream to the framing.
func (r *Reader) deliver(fl *flow, dir int, g *segment) {
	fl.seq[dir].next += uint32(g.size)
	fl.f.Payload[dir] += uint64(g.size)
	if fl.payloads[dir] < 255 {
		fl.payloads[dir]++
	}
	fl.tcp.segment(dir, g)
	r.judge(fl)
	r.reconsider(fl)
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
	if fl.f.Midstream {
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
	if fl.interest == capture.Undecided {
		r.undecided -= len(fl.f.Frames)
	}
	fl.interest = capture.Ignore
	fl.f.FramesUncollected = true
	fl.f.Frames, fl.f.Signals, fl.f.Bursts = fl.f.Frames[:0], fl.f.Signals[:0], fl.f.Bursts[:0]
	r.release(fl)
}

// follow delivers held segments that are next now.
func (r *Reader) follow(fl *flow, dir int) {
	for fl.tcp != nil {
		o, s := &fl.tcp.order[dir], &fl.seq[dir]
		if len(o.held) == 0 || before(s.next, o.held[0].seq) {
			return
		}
		h := o.take()
		fl.f.Retransmitted[dir] += uint64(s.trim(&h.seq, &h.segment))
		if h.size > 0 {
			r.deliver(fl, dir, &h.segment)
		}
	}
}

// release1 gives up the first missing bytes of a direction and goes on behind.
func (r *Reader) release1(fl *flow, dir int) {
	o, s := &fl.tcp.order[dir], &fl.seq[dir]
	if len(o.held) > 0 && before(s.next, o.held[0].seq) {
		fl.tcp.gap(dir, int(o.held[0].seq-s.next))
		s.next = o.held[0].seq
	}
	r.follow(fl, dir)
}

// drain delivers all that is held of a direction when the flow ends.
func (r *Reader) drain(fl *flow, dir int) {
	for fl.tcp != nil && len(fl.tcp.order[dir].held) > 0 {
		r.release1(fl, dir)
	}
}

func (r *Reader) newTCP(fl *flow) *tcpFraming {
	t := new(tcpFraming)
	if n := len(r.freeTCP); n > 0 {
		t, r.freeTCP = r.freeTCP[n-1], r.freeTCP[:n-1]
	}
	t.reset(r, fl)
	return t
}

// udp takes the payload of a UDP packet.
func (r *Reader) udp(fl *flow, dir int, p *Packet, at capture.Origin) {
	fl.f.Payload[dir] += uint64(p.PayloadLen)
	if isNamePort(fl.f.Server.Port()) || isNamePort(fl.f.Client.Port()) {
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
	u := new(udpFraming)
	if n := len(r.freeUDP); n > 0 {
		u, r.freeUDP = r.freeUDP[n-1], r.freeUDP[:n-1]
	}
	u.reset(r, fl)
	return u
}
