package packet

import (
	"encoding/binary"
	"math"

	"envelope/capture"
	"envelope/capture/wire"
)

// framing is how a TCP connection cuts its bytes into application frames.
type framing uint8

// Framings with readable lengths, and those without.
const (
	framingUnknown  framing = iota
	framingTLS              // 5-byte record header (RFC 8446 section 5.1)
	framingWhatsApp         // 3-byte big-endian length behind the prologue
	framingThreema          // 2-byte little-endian length behind the handshake
	framingClear            // text until STARTTLS
	framingSegments         // nothing readable: sizes of segments
)

// header gives the length of a framing's frame header in bytes.
func (k framing) header() int {
	switch k {
	case framingTLS:
		return wire.TLSRecordHeaderLen
	case framingWhatsApp:
		return 3
	case framingThreema:
		return 2
	}
	return 0
}

// maxWhatsApp bounds a believable frame in mid-stream: media goes elsewhere,
// the largest frame of the corpus has 18 kB. Behind a prologue any length up
// to 2^24-1 is taken.
const maxWhatsApp = 1 << 16

// cutter cuts one direction of a connection into frames by the lengths in
// their headers; it never looks into a body, except into a TLS handshake.
type cutter struct {
	kind   framing
	nbare  uint8 // how many of the messages without a header came
	hellos uint8 // frames to come that may be hellos of WhatsApp's Noise handshake
	shakes bool  // the current frame belongs to a handshake
	synced bool  // the next byte is known to be within a body or a header
	strict bool  // mid-stream: take only what passes the plausibility check
	flags  bool  // WhatsApp until 2015: the upper four bits of the first byte are flags
	guess  bool  // found anew since the last loss
	typ    uint8
	n      uint8 // header bytes gathered
	head   [5]byte
	bare   [2]int32 // lengths of the messages without a header that come first, 0 for none
	ends   int32    // segments that ended exactly with a frame
	breaks int32    // headers that could not be one
	need   int      // bytes of the body still to come
	size   int      // of the current frame's body
	time   capture.Time
	at     capture.Origin

	lost     int // bytes since the end of the last frame that belong to none known
	lostTime capture.Time
	lostAt   capture.Origin
}

// sink takes what a cutter finds.
type sink interface {
	frame(c *cutter)
	gap(c *cutter)
	handshake(c *cutter, body []byte)
}

// feed consumes the next segment of the direction.
func (c *cutter) feed(g *segment, out sink) {
	data := g.data
	for len(data) > 0 {
		if !c.synced {
			left := g.size - (len(g.data) - len(data))
			i := c.search(data, left)
			if i < 0 {
				c.pass(left)
				return
			}
			data = data[i:]
			c.found(i, out)
		}
		switch {
		case c.need > 0:
			data = c.body(data, out)
		case c.n == 0 && int(c.nbare) < len(c.bare) && c.bare[c.nbare] != 0:
			c.headless(g, g.size-(len(g.data)-len(data)), out)
		default:
			data = c.gather(data, g, out)
		}
	}
	c.skip(g.size-len(g.data), g)
	if c.synced && c.need == 0 && c.n == 0 {
		c.ends++
	}
}

// body passes over bytes of the current frame.
func (c *cutter) body(data []byte, out sink) []byte {
	n := min(c.need, len(data))
	if c.kind == framingTLS && c.typ == wire.TLSHandshake {
		out.handshake(c, data[:n])
	}
	c.need -= n
	return data[n:]
}

// wholeSegment stands for the length of a message without a header that is
// known only to come alone in its segment.
const wholeSegment = -1

// headless begins a message without a header; left is what remains of the
// segment.
func (c *cutter) headless(g *segment, left int, out sink) {
	c.size = int(c.bare[c.nbare])
	if c.size == wholeSegment {
		c.size = left
	}
	c.nbare++
	c.need, c.time, c.at, c.shakes = c.size, g.time, g.at, true
	out.frame(c)
}

// gather collects a header and, when it is complete, begins the frame.
func (c *cutter) gather(data []byte, g *segment, out sink) []byte {
	if c.n == 0 {
		c.time, c.at = g.time, g.at
	}
	n := copy(c.head[c.n:c.kind.header()], data)
	c.n += uint8(n)
	data = data[n:]
	if int(c.n) < c.kind.header() {
		return data
	}
	c.n = 0
	size, ok := c.length(c.head[:])
	if !ok {
		c.lose(g)
		if c.kind != framingTLS {
			c.pass(len(data))
			return nil // nothing marks a frame's start but the start of a segment
		}
		return data
	}
	c.size, c.need = size, size
	c.shakes = c.hellos > 0 && c.hello(data)
	out.frame(c)
	return data
}

// noiseHellos is the most messages of the Noise handshake that one side sends:
// the client's first and third in pattern XX.
const noiseHellos = 2

// hello tells whether the frame whose body begins with data is a message of
// the Noise handshake. The first frame of each side is one, also where its
// body begins in the next segment.
func (c *cutter) hello(data []byte) bool {
	const enough = 6 // bytes that ParseNoiseHello needs
	kind := wire.ParseNoiseHello(data)
	first := c.hellos == noiseHellos
	c.hellos--
	return kind == wire.NoiseClientFinish || first && (kind != wire.NoiseNone || len(data) < enough)
}

// length reads a header.
func (c *cutter) length(h []byte) (int, bool) {
	switch c.kind {
	case framingTLS:
		var r wire.TLSRecord
		if !wire.ParseTLSRecord(h, &r) {
			return 0, false
		}
		c.typ = r.Type
		return r.Length, true
	case framingWhatsApp:
		first := h[0]
		if c.flags {
			first &= 0x0f
		}
		n := int(first)<<16 | int(h[1])<<8 | int(h[2])
		return n, n > 0 && (n < maxWhatsApp || !c.strict && !c.guess)
	case framingThreema:
		n := int(binary.LittleEndian.Uint16(h))
		return n, n > 0
	}
	return 0, false
}

// skip passes over bytes that the capture does not hold, which showed with g.
func (c *cutter) skip(n int, g *segment) {
	switch {
	case n <= 0:
	case c.synced && c.need >= n:
		c.need -= n
	default:
		c.miss(int(c.n)+n-c.need, g)
		c.unsync()
	}
}

// lose gives up the current position, behind a header that cannot be one.
func (c *cutter) lose(g *segment) {
	c.miss(c.kind.header(), g)
	c.unsync()
	c.breaks++
}

// miss notes bytes that belong to no known frame. What comes until a frame is
// found belongs to them.
func (c *cutter) miss(n int, g *segment) {
	if c.lost == 0 {
		c.lostTime, c.lostAt = g.time, g.at
	}
	c.lost = min(c.lost+n, math.MaxUint32)
}

// pass counts bytes in which no frame was found with those missing before them.
// At the beginning of a capture nothing is: the frame that they belong to began
// before it.
func (c *cutter) pass(n int) {
	if c.lost > 0 {
		c.lost = min(c.lost+n, math.MaxUint32)
	}
}

// found goes on with a frame that was found behind n bytes of others.
func (c *cutter) found(n int, out sink) {
	if c.pass(n); c.lost > 0 {
		out.gap(c)
	}
	c.synced, c.guess, c.lost = true, true, 0
}

// unsync forgets where in the stream the cutter is. The handshake is over by
// the time it is found again.
func (c *cutter) unsync() {
	c.synced, c.need, c.n = false, 0, 0
	c.hellos, c.nbare = 0, uint8(len(c.bare))
}

// search looks for a place in a segment where a frame begins: its first byte
// (senders mostly begin a write with a frame), or for TLS a record header from
// which the chain of lengths leads to the segment's end or to another header.
func (c *cutter) search(data []byte, size int) int {
	switch c.kind {
	case framingTLS:
		return searchTLS(data, size)
	case framingWhatsApp, framingThreema:
		return 0
	}
	return -1
}

func searchTLS(data []byte, size int) int {
	var r wire.TLSRecord
	for i := 0; i+wire.TLSRecordHeaderLen <= len(data); i++ {
		if data[i+1] != 3 || !wire.ParseTLSRecord(data[i:], &r) || r.Version < 0x0301 {
			continue
		}
		end := i + wire.TLSRecordHeaderLen + r.Length
		if i == 0 || end == size || chains(data, end) {
			return i
		}
	}
	return -1
}

// chains tells that another record header stands at data[i:].
func chains(data []byte, i int) bool {
	var r wire.TLSRecord
	return i+wire.TLSRecordHeaderLen <= len(data) && wire.ParseTLSRecord(data[i:], &r)
}

// frameKind tells messages from hand-shaking.
func (c *cutter) frameKind() capture.FrameKind {
	switch {
	case c.kind == framingTLS && c.typ == wire.TLSAlert:
		return capture.FrameAlert
	case c.kind == framingTLS && c.typ != wire.TLSApplicationData, c.shakes:
		return capture.FrameHandshake
	}
	return capture.FrameData
}
