package simulate

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/google/gopacket/layers"

	"envelope/capture"
)

// Conn is one TCP connection. Writes may be told in any order; they become
// segments, in the order of their times, when the network is captured.
type Conn struct {
	n              *Network
	Client, Server netip.AddrPort
	ends           [2]*Host // by sender: capture.Up is the client
	open           capture.Time
	rand           *rand.Rand
	writes         []write
	played         bool
	live           *live // of a connection that is played while it goes on
	deaf           bool  // nobody records it: what is written is forgotten
}

// write is bytes that one side sends at once.
type write struct {
	at   capture.Time
	dir  int
	data []byte
	fin  bool
}

// segment is one TCP segment with data or FIN.
type segment struct {
	write
	off  uint32 // of its first byte in the stream of its direction
	push bool
}

const (
	// mss leaves room for tunnels in 1500 bytes, as mobile networks ask for.
	mss = 1400
	// spacing is the time between two full segments: about 22 Mbit/s.
	spacing = 500 * time.Microsecond
	// ackDelay is how long a lone segment waits for its acknowledgement: Linux's
	// TCP_DELACK_MIN, within the 500 ms of RFC 9293 section 3.8.6.3.
	ackDelay = 40 * time.Millisecond
	window   = 4096 // announced, in units of 2^scale bytes: never the limit here
	scale    = 7
)

// TCP opens a connection: at is the time of the SYN.
func (n *Network) TCP(at capture.Time, client, server netip.AddrPort) *Conn {
	c := &Conn{n: n, Client: client, Server: server, open: at}
	c.ends = [2]*Host{n.hostAt(client), n.hostAt(server)}
	c.rand = n.Rand("tcp " + client.String() + " " + server.String())
	if n.live {
		c.enliven()
		return c
	}
	n.conns = append(n.conns, c)
	return c
}

// Way is the one-way time between the two ends.
func (c *Conn) Way() time.Duration { return way(c.ends[0], c.ends[1]) }

// Ready is the first time at which the client can send data.
func (c *Conn) Ready() capture.Time { return c.open.Add(2*c.Way() + time.Millisecond) }

// Send lets one side, capture.Up or capture.Down, send data.
func (c *Conn) Send(at capture.Time, dir int, data []byte) {
	c.add(write{at: at, dir: dir, data: data})
}

func (c *Conn) add(ws ...write) {
	if c.deaf {
		return
	}
	c.writes = append(c.writes, ws...)
	if c.live != nil && !c.live.listed {
		c.live.listed = true
		c.n.busy = append(c.n.busy, c)
	}
}

// Close lets one side send its FIN; the other answers with its own.
func (c *Conn) Close(at capture.Time, dir int) {
	c.add(write{at: at, dir: dir, fin: true},
		write{at: at.Add(c.Way() + time.Millisecond), dir: 1 - dir, fin: true})
}

// play turns the writes into packets.
func (c *Conn) play() {
	if c.played {
		return
	}
	c.played = true
	p := player{Conn: c, isn: [2]uint32{c.rand.Uint32(), c.rand.Uint32()}}
	p.handshake()
	steps := c.steps()
	for _, s := range steps {
		p.overdue(s.at)
		if s.arrival {
			p.arrive(s)
		} else {
			p.send(s)
		}
	}
	p.overdue(1<<63 - 1)
}

// step is the sending or the arrival of a segment.
type step struct {
	at      capture.Time
	arrival bool
	seg     segment
}

// steps cuts the writes into segments and orders what happens to them.
func (c *Conn) steps() []step {
	slices.SortStableFunc(c.writes, func(a, b write) int { return cmp.Compare(a.at, b.at) })
	clock := [2]capture.Time{c.Ready(), c.open.Add(3*c.Way() + time.Millisecond)}
	var sent [2]uint32
	var out []step
	for _, w := range c.writes {
		clock[w.dir] = max(clock[w.dir], w.at)
		for _, s := range cut(w) {
			s.at, s.off = clock[w.dir], sent[w.dir]
			sent[w.dir] += s.space()
			out = append(out, step{at: s.at, seg: s}, step{at: s.at.Add(c.Way()), arrival: true, seg: s})
			clock[w.dir] = clock[w.dir].Add(spacing)
		}
	}
	slices.SortStableFunc(out, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	return out
}

// cut divides a write into segments.
func cut(w write) []segment {
	if w.fin {
		return []segment{{write: w}}
	}
	var out []segment
	for piece := range slices.Chunk(w.data, mss) {
		out = append(out, segment{write: write{dir: w.dir, data: piece}})
	}
	if len(out) > 0 {
		out[len(out)-1].push = true
	}
	return out
}

// space is how much of the sequence space a segment takes.
func (s segment) space() uint32 {
	if s.fin {
		return 1
	}
	return uint32(len(s.data))
}

// player is the state of the two ends while a connection is played.
type player struct {
	*Conn
	isn      [2]uint32
	sent     [2]uint32       // next byte to send, by side
	got      [2]uint32       // next byte expected, by side
	unacked  [2]int          // segments received and not acknowledged, by side
	deadline [2]capture.Time // of a delayed acknowledgement, 0 for none
}

func (p *player) handshake() {
	options := []layers.TCPOption{
		{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{mss >> 8, mss & 0xff}},
		{OptionType: layers.TCPOptionKindSACKPermitted, OptionLength: 2},
		{OptionType: layers.TCPOptionKindNop},
		{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{scale}},
	}
	p.packet(p.open, capture.Up, &layers.TCP{SYN: true, Seq: p.isn[0], Window: 64240, Options: options}, nil)
	p.packet(p.open.Add(p.Way()), capture.Down, &layers.TCP{SYN: true, ACK: true, Seq: p.isn[1], Ack: p.isn[0] + 1, Window: 64240, Options: options}, nil)
	p.ack(p.open.Add(2*p.Way()), capture.Up)
}

// send emits a segment; it carries what its side has received so far.
func (p *player) send(s step) {
	d := s.seg.dir
	p.unacked[d], p.deadline[d] = 0, 0
	p.sent[d] = s.seg.off + s.seg.space()
	p.packet(s.at, d, &layers.TCP{ACK: true, PSH: s.seg.push, FIN: s.seg.fin, Window: window,
		Seq: p.isn[d] + 1 + s.seg.off, Ack: p.isn[1-d] + 1 + p.got[d]}, s.seg.data)
}

// arrive takes a segment in: every second one, and a FIN, is acknowledged at
// once (RFC 9293 section 3.8.6.3).
func (p *player) arrive(s step) {
	to := 1 - s.seg.dir
	p.got[to] = s.seg.off + s.seg.space()
	p.unacked[to]++
	if p.unacked[to] >= 2 || s.seg.fin {
		p.ack(s.at, to)
	} else {
		p.deadline[to] = s.at.Add(ackDelay)
	}
}

// overdue emits the delayed acknowledgements that are due by now.
func (p *player) overdue(now capture.Time) {
	for side, at := range p.deadline {
		if at != 0 && at <= now {
			p.ack(at, side)
		}
	}
}

func (p *player) ack(at capture.Time, side int) {
	p.unacked[side], p.deadline[side] = 0, 0
	p.packet(at, side, &layers.TCP{ACK: true, Window: window,
		Seq: p.isn[side] + 1 + p.sent[side], Ack: p.isn[1-side] + 1 + p.got[side]}, nil)
}

func (p *player) packet(at capture.Time, from int, tcp *layers.TCP, data []byte) {
	ends := [2]netip.AddrPort{p.Client, p.Server}
	src, dst := ends[from], ends[1-from]
	tcp.SrcPort, tcp.DstPort = layers.TCPPort(src.Port()), layers.TCPPort(dst.Port())
	p.n.emit(at, p.ends[from], p.ends[1-from], src.Addr(), dst.Addr(), tcp, data)
}
