package packet

import (
	"slices"

	"envelope/capture"
	"envelope/capture/wire"
)

// tcpFraming is the state of one TCP connection whose frames are wanted.
type tcpFraming struct {
	r         *Reader
	fl        *flow
	kind      framing
	late      bool // the first bytes of the connection were not seen
	wrong     bool // a client hello came down: the guess at the client was wrong
	helloed   [2]bool
	named     bool
	burst     [2]int32 // index of the segment frame that is growing, -1 for none
	*quest             // nil once the framing is known
	*greeting          // nil where no TLS handshake is being read
	cut       [2]cutter
	order     [2]reorder
	marks     [2]marks
	side      [2]direction
	biggest   [2]int // largest segment seen
	last      [2]capture.Time
}

// greeting is what is kept of a connection while its TLS handshake is read.
type greeting struct {
	hello [2]wire.HelloAssembler // of either side: the first guess at the client may be wrong
	names wire.HelloAssembler    // the server's certificate, in clear until TLS 1.2
}

// quest is what is kept of a connection while its framing is looked for.
type quest struct {
	start   [2][]byte  // bytes of a direction that may begin a known framing, and are too few to tell
	began   [2]segment // the first of them
	trial   [2]trial   // WhatsApp's lengths tried on a connection of unknown framing
	lengths runOfLengths
	chained []capture.Frame
}

// reset makes the state fit for another connection and keeps its buffers.
func (q *quest) reset(t *tcpFraming) {
	start, chained := q.start, q.chained[:0]
	*q = quest{chained: chained}
	for i := range q.start {
		q.start[i] = start[i][:0]
		q.trial[i] = trial{t: t, dir: i, cut: cutter{kind: framingWhatsApp, strict: true, synced: true}}
	}
}

// turn exchanges the two directions.
func (q *quest) turn() {
	q.start[0], q.start[1] = q.start[1], q.start[0]
	q.began[0], q.began[1] = q.began[1], q.began[0]
	q.trial[0].cut, q.trial[1].cut = q.trial[1].cut, q.trial[0].cut
	for i := range q.chained {
		q.chained[i].Up = !q.chained[i].Up
	}
}

// reset makes the state fit for another connection and keeps its buffers.
func (t *tcpFraming) reset(r *Reader, fl *flow) {
	order := t.order
	*t = tcpFraming{r: r, fl: fl, quest: reused(&r.freeQuest)}
	t.quest.reset(t)
	for i := range t.order {
		t.order[i].held = order[i].held[:0]
		t.side[i] = direction{t, i}
		t.burst[i] = -1
	}
	t.late = fl.f.Midstream || fl.payloads != [2]uint8{}
}

// greet makes room for the handshake to be read.
func (t *tcpFraming) greet() *greeting {
	if t.greeting == nil {
		t.greeting = reused(&t.r.freeGreeting)
		t.names.Want = wire.HandshakeCertificate
	}
	return t.greeting
}

// greeted lets that room go once nothing more of the handshake is waited for.
func (t *tcpFraming) greeted() {
	if t.helloed[0] && t.helloed[1] && (t.named || t.fl.f.HostHow == "sni") {
		t.forgo()
	}
}

// forgo lets the room for the handshake go, and what it points to.
func (t *tcpFraming) forgo() {
	if t.greeting != nil {
		*t.greeting = greeting{}
		t.r.freeGreeting = append(t.r.freeGreeting, t.greeting)
		t.greeting = nil
	}
}

// turn exchanges the two directions.
func (t *tcpFraming) turn() {
	t.cut[0], t.cut[1] = t.cut[1], t.cut[0]
	t.order[0], t.order[1] = t.order[1], t.order[0]
	t.marks[0], t.marks[1] = t.marks[1], t.marks[0]
	if t.greeting != nil {
		t.hello[0], t.hello[1] = t.hello[1], t.hello[0]
	}
	t.helloed[0], t.helloed[1] = t.helloed[1], t.helloed[0]
	t.burst[0], t.burst[1] = t.burst[1], t.burst[0]
	t.biggest[0], t.biggest[1] = t.biggest[1], t.biggest[0]
	t.last[0], t.last[1] = t.last[1], t.last[0]
	if t.quest != nil {
		t.quest.turn()
	}
}

// segment takes the next new bytes of a direction, in stream order.
func (t *tcpFraming) segment(dir int, g *segment) {
	switch t.kind {
	case framingUnknown:
		t.detect(dir, g)
	case framingClear:
		t.clear(dir, g)
	case framingSegments:
		t.whole(dir, g)
	default:
		t.cut[dir].feed(g, &t.side[dir])
	}
}

// gap tells that size bytes of a direction are missing from the capture before
// segment g, whose time is when that showed.
func (t *tcpFraming) gap(dir, size int, g *segment) {
	c := &t.cut[dir]
	if c.lost > 0 && g.time.Sub(c.lostTime) > partGap {
		t.side[dir].gap(c)
		c.lost = 0
	}
	c.skip(size, g)
	t.burst[dir] = -1
	t.late = true
	if t.quest != nil {
		t.trial[dir].cut.skip(size, g)
		t.start[dir] = t.start[dir][:0]
	}
}

// choose settles the framing.
func (t *tcpFraming) choose(k framing) {
	t.kind = k
	for i := range t.cut {
		t.cut[i] = cutter{kind: k}
	}
	t.found()
}

// found ends the search for a framing and gives its state back. What was read
// into it stays as it is until another connection begins.
func (t *tcpFraming) found() {
	if t.quest != nil {
		t.r.freeQuest = append(t.r.freeQuest, t.quest)
		t.quest = nil
	}
}

// drop forgets the segments that were noted before the framing was known.
func (t *tcpFraming) drop() {
	t.fl.f.Frames = t.fl.f.Frames[:0]
	t.burst = [2]int32{-1, -1}
	t.r.recount(t.fl)
}

// note gathers a frame of one direction.
func (t *tcpFraming) note(dir int, g *segment, size int, kind capture.FrameKind) bool {
	return t.r.gather(t.fl, &capture.Frame{Time: g.time, Origin: g.at, Length: uint32(size), Kind: kind, Up: dir == capture.Up})
}

// clear passes clear text over until TLS begins at the start of a segment: with a
// handshake, or where that was missed with any record, as no text begins.
func (t *tcpFraming) clear(dir int, g *segment) {
	var r wire.TLSRecord
	if wire.ParseTLSRecord(g.data, &r) && (r.Type == wire.TLSHandshake || t.late) {
		t.choose(framingTLS)
		for i := range t.cut {
			t.cut[i].synced = i == dir || !t.late
		}
		t.segment(dir, g)
		return
	}
	t.signed(dir, g)
	t.note(dir, g, g.size, capture.FrameClear)
}

// whole notes a segment as such. Segments that carry one write of the sender
// are joined: a full segment without PSH goes on in the next one.
func (t *tcpFraming) whole(dir int, g *segment) {
	f := &t.fl.f
	if i := int(t.burst[dir]); i >= 0 && i < len(f.Frames) && g.time.Sub(t.last[dir]) < joinGap {
		f.Frames[i].Length += uint32(g.size)
	} else if t.burst[dir] = -1; t.note(dir, g, g.size, capture.FrameSegment) {
		t.burst[dir] = int32(len(f.Frames) - 1)
	}
	t.last[dir] = g.time
	t.biggest[dir] = max(t.biggest[dir], g.size)
	if g.push || g.size < t.biggest[dir] || g.size < minFull {
		t.burst[dir] = -1
	}
}

// minFull is the least TCP payload of a segment taken for full: the smallest
// MSS that IPv4 hosts must accept is 536 bytes (RFC 9293 section 3.7.1).
const minFull = 536

// joinGap is the longest pause within one write: a lost segment is sent again
// after at least 200 ms, which ends the write as seen here.
const joinGap = 200_000_000

// direction hands what the cutter of one direction finds to the flow.
type direction struct {
	t   *tcpFraming
	dir int
}

func (d *direction) frame(c *cutter) {
	t := d.t
	t.r.gather(t.fl, &capture.Frame{Time: c.time, Origin: c.at, Length: uint32(c.size), Kind: c.frameKind(), Up: d.dir == capture.Up, Guess: c.guess})
	if t.kind == framingTLS && c.typ != wire.TLSHandshake {
		d.sealed()
	}
}

// sealed ends the wait for what comes in clear, and lets its memory go.
func (d *direction) sealed() {
	t := d.t
	t.helloed[d.dir] = true
	t.named = t.named || d.dir == capture.Down
	t.greeted()
}

func (d *direction) gap(c *cutter) {
	d.t.r.gather(d.t.fl, &capture.Frame{Time: c.lostTime, Origin: c.lostAt, Length: uint32(c.lost), Kind: capture.FrameGap, Up: d.dir == capture.Up})
}

func (d *direction) handshake(_ *cutter, body []byte) {
	t := d.t
	if !t.helloed[d.dir] && t.greet().hello[d.dir].Add(body) {
		t.clientHello(d.dir)
		t.helloed[d.dir], t.hello[d.dir] = true, wire.HelloAssembler{}
	}
	if d.dir == capture.Down && !t.named && t.fl.f.HostHow != "sni" && t.greet().names.Add(body) {
		if names, err := wire.ParseCertificateNames(t.names.Message()); err == nil {
			t.fl.host(certificateHost(&names), "certificate")
		}
		t.named, t.names = true, wire.HelloAssembler{}
	}
	t.greeted() // most of a connection's life is to come
}

// clientHello takes the fields of the client's first message.
func (t *tcpFraming) clientHello(dir int) {
	h := &t.r.hello
	if !t.hello[dir].Parse(h) {
		return
	}
	t.wrong = t.wrong || dir == capture.Down && t.fl.f.ClientHow != "syn"
	t.fl.hello(h, "sni", 't')
	t.begins()
}

// begins notes that the capture has what opens a connection, and only missed its
// SYN, unless something else was said before.
func (t *tcpFraming) begins() {
	f := &t.fl.f
	f.Midstream = f.Midstream && slices.ContainsFunc(f.Frames, func(x capture.Frame) bool { return x.Kind == capture.FrameData })
}

// trial gathers frames that may turn out to be WhatsApp's.
type trial struct {
	t   *tcpFraming
	dir int
	cut cutter
}

func (d *trial) frame(c *cutter) {
	if len(d.t.chained) < maxUndecidedFrames {
		d.t.chained = append(d.t.chained, capture.Frame{Time: c.time, Origin: c.at, Length: uint32(c.size), Up: d.dir == capture.Up, Guess: true})
	}
}

func (d *trial) gap(*cutter) {}

func (d *trial) handshake(*cutter, []byte) {}
