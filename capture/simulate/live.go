package simulate

import (
	"cmp"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"envelope/capture"
)

// live is a connection that is played while more is written to it, so that a
// network of any length needs memory only for what is under way.
type live struct {
	player
	steps  queue[step]
	clock  [2]capture.Time
	off    [2]uint32
	opened bool
	listed bool // among the busy ones
}

func (c *Conn) enliven() {
	c.live = &live{player: player{Conn: c, isn: [2]uint32{c.rand.Uint32(), c.rand.Uint32()}}, listed: true}
	c.live.clock = [2]capture.Time{c.Ready(), c.open.Add(3*c.Way() + 1e6)}
	c.n.busy = append(c.n.busy, c)
}

// advance plays all connections up to a time. Nothing may be written for an
// earlier time afterwards; what is, leaves at that time.
func (n *Network) advance(until capture.Time) {
	kept := n.busy[:0]
	for _, c := range n.busy {
		c.live.advance(until, n.played)
		if c.live.listed = c.live.more(); c.live.listed {
			kept = append(kept, c)
		}
	}
	clear(n.busy[len(kept):])
	n.busy = kept
	n.played = until
}

// more tells whether something is to come.
func (l *live) more() bool {
	return !l.opened || len(l.writes) > 0 || len(l.steps.items) > 0 || l.deadline != [2]capture.Time{}
}

func (l *live) advance(until, played capture.Time) {
	if !l.opened {
		if l.open >= until {
			return
		}
		l.handshake()
		l.opened = true
	}
	l.take(until, played)
	for l.steps.first() < until {
		s := l.steps.pop()
		l.overdue(s.at)
		if s.arrival {
			l.arrive(s)
		} else {
			l.send(s)
		}
	}
	l.overdue(until - 1)
}

// take cuts the writes up to a time into segments.
func (l *live) take(until, played capture.Time) {
	slices.SortStableFunc(l.writes, func(a, b write) int { return cmp.Compare(a.at, b.at) })
	done := 0
	for ; done < len(l.writes) && l.writes[done].at < until; done++ {
		w := l.writes[done]
		l.clock[w.dir] = max(l.clock[w.dir], w.at, played)
		for _, s := range cut(w) {
			s.at, s.off = l.clock[w.dir], l.off[w.dir]
			l.off[w.dir] += s.space()
			l.steps.push(s.at, step{at: s.at, seg: s})
			l.steps.push(s.at.Add(l.Way()), step{at: s.at.Add(l.Way()), arrival: true, seg: s})
			l.clock[w.dir] = l.clock[w.dir].Add(spacing)
		}
	}
	l.writes = slices.Delete(l.writes, 0, done)
}

// stream writes what one tap sees to a pcap file, window by window.
type stream struct {
	View
	rand    *rand.Rand
	w       *pcapgo.Writer
	pending []sight
}

func newStream(n *Network, v View, w io.Writer) (*stream, error) {
	s := &stream{View: v, rand: n.Rand("view"), w: pcapgo.NewWriterNanos(w)}
	if s.Snap == 0 {
		s.Snap = wholePacket
	}
	return s, s.w.WriteFileHeader(uint32(s.Snap), layers.LinkTypeEthernet)
}

// flush takes packets in and writes all that passed the tap before a time.
// Later packets must not pass before it.
func (s *stream) flush(packets []packet, until capture.Time) error {
	for _, p := range packets {
		s.pending = s.record(s.rand, p, s.pending)
	}
	slices.SortStableFunc(s.pending, func(a, b sight) int { return cmp.Compare(a.at, b.at) })
	done := 0
	for ; done < len(s.pending) && s.pending[done].at < until; done++ {
		if err := s.write(s.pending[done]); err != nil {
			return err
		}
	}
	rest := copy(s.pending, s.pending[done:])
	clear(s.pending[rest:])
	s.pending = s.pending[:rest]
	return nil
}

func (s *stream) write(p sight) error {
	kept := p.data[:min(s.Snap, len(p.data))]
	info := gopacket.CaptureInfo{Timestamp: p.at.UTC(), CaptureLength: len(kept), Length: len(p.data)}
	return s.w.WritePacket(info, kept)
}
