package packet

import (
	"bytes"
	"slices"
	"strings"

	"envelope/capture"
	"envelope/capture/wire"
)

// detect looks at the first bytes of a connection. What it cannot name yet is
// kept as segments, and as frames in case they turn out to be WhatsApp's.
func (t *tcpFraming) detect(dir int, g *segment) {
	whole, more := t.opening(dir, g)
	if more || t.tls(dir, &whole) || t.prologue(dir, &whole, g) || t.text(dir, &whole) || t.threema(dir, &whole) {
		return
	}
	t.signed(dir, &whole)
	t.lengths.count(t.fl, &whole)
	t.whole(dir, &whole)
	t.try(dir, &whole)
	if t.fl.payloads[dir] > 8*probedPayloads {
		t.choose(framingSegments) // no framing begins so far in
	}
}

// maxPrologue is the most that is kept to see WhatsApp's prologue whole: the
// edge-routing header names its own length, 4 bytes in all captures so far.
const maxPrologue = 512

// opening joins a segment with those before it that were too short to tell a
// framing, and tells whether more is needed.
func (t *tcpFraming) opening(dir int, g *segment) (whole segment, more bool) {
	whole = *g
	kept := len(t.start[dir])
	if kept > 0 {
		t.start[dir] = append(t.start[dir], g.data...)
		whole.data, whole.size = t.start[dir], kept+g.size
		whole.time, whole.at = t.began[dir].time, t.began[dir].at
	}
	n := len(whole.data)
	if t.fl.payloads[dir] > probedPayloads || n != whole.size || n >= maxPrologue || !tooShort(whole.data) {
		t.start[dir] = t.start[dir][:0] // whole.data stays as it is until the next segment
		return whole, false
	}
	if kept == 0 {
		t.start[dir] = append(t.start[dir], g.data...)
		t.began[dir] = *g
		t.began[dir].data = nil
	}
	return whole, true
}

// tooShort tells that a stream may begin with a TLS handshake or WhatsApp's
// prologue, of which too little is there.
func tooShort(b []byte) bool {
	if len(b) < wire.TLSRecordHeaderLen && b[0] == wire.TLSHandshake {
		return len(b) < 2 || b[1] == 3
	}
	_, more, _ := wire.ParseWhatsAppPrologue(b)
	return more
}

// tls recognises TLS by the header of a record, in mid-stream anywhere in the
// segment.
func (t *tcpFraming) tls(dir int, g *segment) bool {
	var r wire.TLSRecord
	starts := wire.ParseTLSRecord(g.data, &r)
	if !starts && !(t.late && searchTLS(g.data, g.size) >= 0) {
		return false
	}
	t.choose(framingTLS)
	t.drop()
	t.cut[dir].synced, t.cut[dir].guess = starts, t.late
	t.cut[1-dir].synced = !t.late
	t.segment(dir, g)
	return true
}

// prologue recognises WhatsApp's stream start. latest is the segment that ended
// it: what follows came with that one.
func (t *tcpFraming) prologue(dir int, g, latest *segment) bool {
	sure := t.fl.f.ClientHow == "syn"
	if dir == capture.Down && sure || t.fl.payloads[dir] > probedPayloads {
		return false
	}
	pro, _, ok := wire.ParseWhatsAppPrologue(g.data)
	if !ok || !sure && !greets(g.data[pro.Consumed:]) {
		return false
	}
	t.choose(framingWhatsApp)
	t.drop()
	for i := range t.cut {
		t.cut[i].synced, t.cut[i].flags = true, pro.Legacy
		if !pro.Legacy {
			t.cut[i].hellos = noiseHellos
		}
	}
	t.wrong = dir == capture.Down
	t.fl.sign(prologueSign(&pro))
	if wire.WhatsAppExposesIdentifier(g.data) {
		t.fl.sign("whatsapp-identifier-exposed")
	}
	t.note(dir, g, pro.Consumed, capture.FrameHandshake)
	rest := *latest
	rest.data, rest.size = g.data[pro.Consumed:], g.size-pro.Consumed
	t.segment(dir, &rest)
	return true
}

// greets tells that a first frame with a Noise hello follows: two letters and
// two small numbers alone are no prologue where the connection's beginning was
// not seen.
func greets(b []byte) bool {
	return len(b) > wire.WhatsAppFrameHeader && wire.ParseNoiseHello(b[wire.WhatsAppFrameHeader:]) != wire.NoiseNone
}

func prologueSign(p *wire.WhatsAppPrologue) string {
	if p.Legacy {
		return "whatsapp-xmpp"
	}
	return "whatsapp-noise"
}

// text recognises protocols that begin in clear and may go over to TLS (XMPP,
// SMTP, IMAP), and HTTP, whose Host names the server.
func (t *tcpFraming) text(dir int, g *segment) bool {
	if host, ok := wire.ParseHTTPHost(g.data); ok && dir == capture.Up {
		t.fl.host(host, "http")
	}
	if !startsText(g.data) {
		return false
	}
	t.choose(framingClear)
	t.begins()
	t.clear(dir, g)
	return true
}

// startsText tells that a stream begins with a line of XML or of a mail
// server's greeting.
func startsText(b []byte) bool {
	const enough = 16 // letters: ciphertext has as many one time in a million
	if len(b) < 4 || b[0] != '<' && !bytes.HasPrefix(b, []byte("220")) && !bytes.HasPrefix(b, []byte("* OK")) {
		return false
	}
	return !slices.ContainsFunc(b[:min(len(b), enough)], func(c byte) bool {
		return (c < ' ' || c > '~') && c != '\t' && c != '\r' && c != '\n'
	})
}

// threema recognises the login of Threema's chat protocol by the lengths of
// both hellos. What the server says from here on has lengths in front but for
// its acknowledgement, what the client says but for its login.
func (t *tcpFraming) threema(dir int, g *segment) bool {
	f := &t.fl.f
	if dir != capture.Down || g.size != wire.ThreemaServerHello || len(f.Frames) != 1 || f.Frames[0].Length != wire.ThreemaClientHello {
		return false
	}
	t.signed(dir, g)
	if len(f.Signs) == 0 || f.Signs[0] != "threema-hello" {
		return false
	}
	t.choose(framingThreema)
	t.burst = [2]int32{-1, -1}
	f.Frames[0].Kind = capture.FrameHandshake
	t.cut[capture.Down].bare = [2]int32{wire.ThreemaServerHello, wire.ThreemaLoginAck}
	t.cut[capture.Up].bare = [2]int32{wholeSegment}
	t.cut[0].synced, t.cut[1].synced = true, true
	t.segment(dir, g)
	return true
}

// signed asks the signature functions about one of the first payloads.
func (t *tcpFraming) signed(dir int, g *segment) {
	if t.fl.payloads[dir] <= probedPayloads {
		t.fl.sign(t.fl.probe(dir, g.data, g.size))
	}
}

// runOfLengths counts the segments of a connection of unknown framing that can
// each be one whole message of Telegram.
type runOfLengths struct {
	seen, fit int
	size      int  // of the first that fits
	varied    bool // others have another size: equal ones are no proof
}

// count settles it with eight segments or more of which seven in eight fit: by
// chance one in eight does. Only connections whose beginning is missing need
// this.
func (l *runOfLengths) count(fl *flow, g *segment) {
	if !fl.f.Midstream {
		return
	}
	l.seen++
	if wire.MTProtoSegment(g.data, g.size) {
		l.fit++
		l.varied = l.varied || l.fit > 1 && g.size != l.size
		l.size = g.size
	}
	if l.seen >= 8 && l.fit*8 >= l.seen*7 && l.varied {
		fl.sign("telegram-mtproto-lengths")
	}
}

// try cuts a connection of unknown framing by WhatsApp's lengths. Three
// segments that end exactly with a frame settle it: by chance one in 65,536
// does.
func (t *tcpFraming) try(dir int, g *segment) {
	if !t.late || t.fl.payloads[dir] > 8*probedPayloads {
		return
	}
	x := &t.trial[dir]
	x.cut.synced = x.cut.synced || x.cut.need == 0
	x.cut.feed(g, x)
	up, down := &t.trial[0].cut, &t.trial[1].cut
	ends, breaks := up.ends+down.ends, up.breaks+down.breaks
	if ends < 3 || breaks*4 > ends {
		return
	}
	frames := append([]capture.Frame(nil), t.chained...)
	cuts := [2]cutter{*up, *down}
	t.choose(framingWhatsApp)
	t.drop()
	t.cut = cuts
	t.fl.sign("whatsapp-frames")
	for i := range frames {
		t.r.gather(t.fl, &frames[i])
	}
}

// certificateHost gives the first host name of a certificate; of a wildcard
// the part that is known.
func certificateHost(n *wire.CertificateNames) string {
	if len(n.DNSNames) == 0 {
		return ""
	}
	return strings.TrimPrefix(n.DNSNames[0], "*.")
}
