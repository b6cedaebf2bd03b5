package packet

import (
	"bytes"
	"strings"

	"envelope/capture"
	"envelope/capture/wire"
)

// tcpFraming is the state of one TCP connection whose frames are wanted.
type tcpFraming struct {
	r       *Reader
	fl      *flow
	kind    framing
	cut     [2]cutter
	order   [2]reorder
	start   [2][]byte // first bytes of a direction while its framing is not known
	began   [2]segment
	trial   [2]cutter // WhatsApp's lengths tried on a connection of unknown framing
	chained []capture.Frame
	hello   [2]wire.HelloAssembler // of either side: the first guess at the client may be wrong
	names   wire.HelloAssembler    // the server's certificate, in clear until TLS 1.2
	helloed [2]bool
	named   bool
	wrong   bool   // a client hello came down: the guess at the client was wrong
	burst   [2]int // index of the segment frame that is growing, -1 for none
	biggest [2]int // largest segment seen
	last    [2]capture.Time
}

// reset makes the state fit for another connection and keeps its buffers.
func (t *tcpFraming) reset(r *Reader, fl *flow) {
	order, start, chained := t.order, t.start, t.chained[:0]
	*t = tcpFraming{r: r, fl: fl, chained: chained}
	for i := range t.order {
		t.order[i].held = order[i].held[:0]
		t.start[i] = start[i][:0]
		t.trial[i] = cutter{kind: framingWhatsApp, strict: true, synced: true}
		t.burst[i] = -1
	}
	t.names.Want = wire.HandshakeCertificate
}

// turn exchanges the two directions.
func (t *tcpFraming) turn() {
	t.cut[0], t.cut[1] = t.cut[1], t.cut[0]
	t.order[0], t.order[1] = t.order[1], t.order[0]
	t.start[0], t.start[1] = t.start[1], t.start[0]
	t.began[0], t.began[1] = t.began[1], t.began[0]
	t.trial[0], t.trial[1] = t.trial[1], t.trial[0]
	t.hello[0], t.hello[1] = t.hello[1], t.hello[0]
	t.helloed[0], t.helloed[1] = t.helloed[1], t.helloed[0]
	t.burst[0], t.burst[1] = t.burst[1], t.burst[0]
	t.biggest[0], t.biggest[1] = t.biggest[1], t.biggest[0]
	t.last[0], t.last[1] = t.last[1], t.last[0]
	for i := range t.chained {
		t.chained[i].Up = !t.chained[i].Up
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
		t.cut[dir].feed(g, &direction{t, dir})
	}
	if t.wrong { // only now: the cutters change places
		t.wrong = false
		t.fl.turn("hello")
	}
}

// gap tells that size bytes of a direction are missing from the capture.
func (t *tcpFraming) gap(dir, size int) {
	t.fl.f.Missing[dir] += uint64(size)
	t.cut[dir].skip(size)
	t.trial[dir].skip(size)
	t.burst[dir] = -1
}

// detect looks at the first bytes of a connection. What it cannot name yet is
// kept as segments, and as frames in case they turn out to be WhatsApp's.
func (t *tcpFraming) detect(dir int, g *segment) {
	var r wire.TLSRecord
	if wire.ParseTLSRecord(g.data, &r) || t.fl.f.Midstream && searchTLS(g.data, g.size) >= 0 {
		t.choose(framingTLS)
		t.cut[dir].synced = wire.ParseTLSRecord(g.data, &r)
		t.cut[dir].guess = t.fl.f.Midstream
		t.cut[1-dir].synced = !t.fl.f.Midstream
		t.segment(dir, g)
		return
	}
	if t.prologue(dir, g) || t.text(dir, g) {
		return
	}
	if t.signed(dir, g) {
		return
	}
	t.whole(dir, g)
	t.try(dir, g)
}

// choose settles the framing; frames cut on trial are dropped or kept.
func (t *tcpFraming) choose(k framing) {
	t.kind = k
	for i := range t.cut {
		t.cut[i] = cutter{kind: k}
	}
	if k != framingSegments {
		t.fl.f.Frames = t.fl.f.Frames[:0]
		t.burst = [2]int{-1, -1}
	}
	t.chained = t.chained[:0]
}

// maxPrologue is the most that is kept to see WhatsApp's prologue whole: the
// edge-routing header names its own length, 4 bytes in all captures so far.
const maxPrologue = 512

// prologue recognises WhatsApp's stream start, also when segments split it.
func (t *tcpFraming) prologue(dir int, g *segment) bool {
	if t.fl.f.Midstream || dir != capture.Up || t.fl.payloads[dir] > probedPayloads {
		return false
	}
	head := g.data
	if len(t.start[dir]) > 0 {
		t.start[dir] = append(t.start[dir], g.data...)
		head = t.start[dir]
	}
	pro, more, ok := wire.ParseWhatsAppPrologue(head)
	if more && len(head) < maxPrologue && len(g.data) == g.size {
		if len(t.start[dir]) == 0 {
			t.start[dir] = append(t.start[dir], g.data...)
			t.began[dir] = *g
		}
		return true
	}
	if !ok {
		return false
	}
	first := *g
	if len(t.start[dir]) > 0 {
		first.time, first.at = t.began[dir].time, t.began[dir].at
	}
	t.fl.sign(prologueSign(&pro))
	t.choose(framingWhatsApp)
	for i := range t.cut {
		t.cut[i].synced, t.cut[i].flags = true, pro.Legacy
	}
	t.noteHello(dir, &first, pro.Consumed)
	first.size += len(head) - len(g.data) - pro.Consumed
	first.data = head[pro.Consumed:]
	t.segment(dir, &first)
	t.start[dir] = t.start[dir][:0]
	return true
}

func prologueSign(p *wire.WhatsAppPrologue) string {
	if p.Legacy {
		return "whatsapp-xmpp"
	}
	return "whatsapp-noise"
}

// noteHello notes the prologue itself as a frame of hand-shaking.
func (t *tcpFraming) noteHello(dir int, g *segment, size int) {
	t.fl.f.Frames = append(t.fl.f.Frames, capture.Frame{
		Time: g.time, Origin: g.at, Length: uint32(size), Kind: capture.FrameHandshake, Up: dir == capture.Up})
}

// text recognises protocols that begin in clear and may go over to TLS (XMPP,
// SMTP, IMAP), and HTTP, whose Host names the server.
func (t *tcpFraming) text(dir int, g *segment) bool {
	if host, ok := wire.ParseHTTPHost(g.data); ok && dir == capture.Up {
		t.fl.host(host, "http")
	}
	if len(g.data) == 0 || !startsText(g.data) {
		return false
	}
	t.signed(dir, g)
	t.choose(framingClear)
	t.clear(dir, g)
	return true
}

// startsText tells that a stream begins with a line of XML or of a mail
// server's greeting.
func startsText(b []byte) bool {
	return b[0] == '<' || bytes.HasPrefix(b, []byte("220")) || bytes.HasPrefix(b, []byte("* OK"))
}

// clear passes clear text over until TLS begins at the start of a segment.
func (t *tcpFraming) clear(dir int, g *segment) {
	var r wire.TLSRecord
	if wire.ParseTLSRecord(g.data, &r) && r.Type == wire.TLSHandshake {
		frames := len(t.fl.f.Frames)
		kept := append([]capture.Frame(nil), t.fl.f.Frames[:frames]...)
		t.choose(framingTLS)
		t.fl.f.Frames = append(t.fl.f.Frames, kept...)
		for i := range t.cut {
			t.cut[i].synced = true
		}
		t.segment(dir, g)
		return
	}
	t.signed(dir, g)
	t.r.gather(t.fl, capture.Frame{Time: g.time, Origin: g.at, Length: uint32(g.size), Kind: capture.FrameClear, Up: dir == capture.Up})
}

// signed asks the signature functions about one of the first payloads.
func (t *tcpFraming) signed(dir int, g *segment) bool {
	if t.fl.payloads[dir] > probedPayloads {
		return false
	}
	s := t.fl.probe(dir, g.data, g.size)
	if s == "" {
		return false
	}
	t.fl.sign(s)
	if s == "threema-hello" {
		t.choose(framingSegments)
	}
	return false
}

// whole notes a segment as such. Segments that carry one write of the sender
// are joined: a full segment without PSH goes on in the next one.
func (t *tcpFraming) whole(dir int, g *segment) {
	f := &t.fl.f
	if i := t.burst[dir]; i >= 0 && i < len(f.Frames) && g.time.Sub(t.last[dir]) < joinGap {
		f.Frames[i].Length += uint32(g.size)
	} else {
		t.burst[dir] = len(f.Frames)
		t.r.gather(t.fl, capture.Frame{Time: g.time, Origin: g.at, Length: uint32(g.size), Kind: capture.FrameSegment, Up: dir == capture.Up})
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

// try cuts a connection of unknown framing by WhatsApp's lengths. Three
// segments that end exactly with a frame settle it: by chance one in 65,536
// does.
func (t *tcpFraming) try(dir int, g *segment) {
	if !t.fl.f.Midstream || t.fl.payloads[dir] > 8*probedPayloads {
		return
	}
	c := &t.trial[dir]
	c.synced = c.synced || c.need == 0
	c.feed(g, &trial{t, dir})
	ends, breaks := t.trial[0].ends+t.trial[1].ends, t.trial[0].breaks+t.trial[1].breaks
	if ends < 3 || breaks*4 > ends {
		return
	}
	frames := append([]capture.Frame(nil), t.chained...)
	cuts := t.trial
	t.choose(framingWhatsApp)
	t.cut = cuts
	t.fl.sign("whatsapp-frames")
	t.fl.f.Frames = append(t.fl.f.Frames, frames...)
}

// direction hands what the cutter of one direction finds to the flow.
type direction struct {
	t   *tcpFraming
	dir int
}

func (d *direction) frame(c *cutter) {
	d.t.r.gather(d.t.fl, capture.Frame{Time: c.time, Origin: c.at, Length: uint32(c.size), Kind: c.frameKind(), Up: d.dir == capture.Up, Guess: c.guess})
	if d.t.kind == framingTLS && c.typ != wire.TLSHandshake {
		d.t.helloed[d.dir], d.t.named = true, d.t.named || d.dir == capture.Down // too late for what comes in clear
	}
}

func (d *direction) handshake(c *cutter, body []byte) {
	t := d.t
	if !t.helloed[d.dir] && t.hello[d.dir].Add(body) {
		t.helloed[d.dir] = true
		t.clientHello(d.dir)
	}
	if d.dir == capture.Down && !t.named && t.names.Add(body) {
		t.named = true
		if names, err := wire.ParseCertificateNames(t.names.Message()); err == nil {
			t.fl.host(certificateHost(&names), "certificate")
		}
	}
}

// clientHello takes the fields of the client's first message.
func (t *tcpFraming) clientHello(dir int) {
	h := t.hello[dir].Hello()
	if h == nil {
		return
	}
	t.wrong = dir == capture.Down && t.fl.f.ClientHow != "syn"
	t.fl.hello(h, "sni", 't')
}

// trial gathers frames that may turn out to be WhatsApp's.
type trial struct {
	t   *tcpFraming
	dir int
}

func (d *trial) frame(c *cutter) {
	if len(d.t.chained) < maxUndecidedFrames {
		d.t.chained = append(d.t.chained, capture.Frame{Time: c.time, Origin: c.at, Length: uint32(c.size), Up: d.dir == capture.Up, Guess: true})
	}
}

func (d *trial) handshake(*cutter, []byte) {}

// certificateHost gives the first host name of a certificate; of a wildcard
// the part that is known.
func certificateHost(n *wire.CertificateNames) string {
	if len(n.DNSNames) == 0 {
		return ""
	}
	return strings.TrimPrefix(n.DNSNames[0], "*.")
}
