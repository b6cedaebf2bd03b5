package packet

import (
	"net/netip"
	"slices"
	"time"

	"envelope/capture"
)

// Bounds of reassembly. RFC 791 suggests 15 s and RFC 8200 asks for 60 s until
// an incomplete datagram is given up; Linux uses 30 s. A datagram cannot be
// longer than 64 kB, since offset and length are 16 bits wide together.
const (
	maxDatagrams    = 256
	maxDatagram     = 65535
	maxPieces       = 1024
	fragmentTimeout = 30 * time.Second
)

// FragmentStats counts what became of fragments.
type FragmentStats struct {
	Fragments   int64 // packets that were a fragment
	Datagrams   int64 // datagrams put together
	Incomplete  int64 // datagrams given up: the rest did not come in time, or the table was full
	Lost        int64 // of these, not even given out by Incomplete, since nobody asked
	Overlapping int64 // fragments with bytes that had been there already; the first bytes count
}

// piece is one fragment's place in its datagram.
type piece struct {
	id     uint32
	proto  uint8 // of the header after the fragment
	off    int   // bytes
	more   bool
	header int // bytes of IP headers in front of the fragmented part
}

// fragmentKey identifies a datagram (RFC 791 section 2.3, RFC 8200 section
// 4.5). The VLAN is part of it, so that a packet that a trunk shows twice does
// not overlap with itself.
type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
	vlan     uint16
	proto    uint8
	tunnel   uint8
}

// datagram is one that is being put together.
type datagram struct {
	key     fragmentKey
	since   capture.Time
	lead    Packet // as of the first fragment by offset, or else by arrival
	leading bool   // lead is that of offset 0
	proto   uint8
	header  int
	total   int // length of the fragmented part, -1 while the last piece is missing
	have    int // bytes covered
	parts   []part
	data    []byte // captured bytes in order of arrival
}

// part is a range of the datagram that is covered, and where its captured
// bytes are. Parts are disjoint and sorted.
type part struct {
	from, to int
	at, n    int // in data; n < to-from where a snap length cut the fragment
}

// fragments is the table of incomplete datagrams, bounded in number and size.
type fragments struct {
	byKey map[fragmentKey]*datagram
	live  []*datagram // by arrival
	lost  []*datagram // given up, to be handed out by Incomplete
	free  []*datagram
	whole [maxNesting + 1][]byte // finished datagrams, one for each nested packet
	stats FragmentStats
}

func newFragments() fragments {
	return fragments{byKey: make(map[fragmentKey]*datagram)}
}

// Fragments returns the counts so far.
func (d *Decoder) Fragments() FragmentStats { return d.frags.stats }

// fragment keeps one fragment, s being its data, and goes on with the datagram
// when that is complete. The packet then has the number of the last fragment
// to arrive.
func (d *Decoder) fragment(p *Packet, f piece, s span) Verdict {
	if d.later {
		d.left = true
		return Verdict{Held, ""}
	}
	fs := &d.frags
	fs.stats.Fragments++
	if s.size == 0 || f.more && s.size%8 != 0 || f.off+s.size > maxDatagram {
		return Verdict{Malformed, "fragment offset or length"}
	}
	fs.expire(p.Time)
	g := fs.datagram(p, f)
	if !g.end(f, s) || !fs.cover(g, f.off, s) {
		fs.giveUp(g)
		return Verdict{Malformed, "fragments contradict each other"}
	}
	if f.off == 0 && !g.leading {
		g.lead, g.leading, g.proto, g.header = *p, true, f.proto, f.header
		g.lead.Payload = nil
	}
	if g.have != g.total {
		return Verdict{Held, "fragment of a datagram"}
	}
	whole := fs.join(g, int(p.Tunnel))
	p.IPLen, p.Proto = g.header+g.total, g.proto
	fs.stats.Datagrams++
	fs.remove(g)
	fs.free = append(fs.free, g)
	return d.next(p, p.Proto, whole)
}

// end notes the length that the last fragment gives, and tells whether the
// fragment agrees with what is known of the end.
func (g *datagram) end(f piece, s span) bool {
	if f.more {
		return g.total < 0 || f.off+s.size <= g.total
	}
	if g.total >= 0 {
		return g.total == f.off+s.size
	}
	g.total = f.off + s.size
	n := len(g.parts)
	return n == 0 || g.parts[n-1].to <= g.total
}

// datagram finds or begins the one that a fragment belongs to.
func (fs *fragments) datagram(p *Packet, f piece) *datagram {
	k := fragmentKey{src: p.Src, dst: p.Dst, id: f.id, vlan: p.VLAN, tunnel: p.Tunnel}
	if p.Src.Is4() {
		k.proto = f.proto
	}
	if g := fs.byKey[k]; g != nil {
		return g
	}
	if len(fs.live) >= maxDatagrams {
		fs.giveUp(fs.live[0])
	}
	if len(fs.free) == 0 {
		fs.free = append(fs.free, new(datagram))
	}
	n := len(fs.free) - 1
	g := fs.free[n]
	fs.free = fs.free[:n]
	*g = datagram{key: k, since: p.Time, lead: *p, proto: f.proto, header: f.header, total: -1,
		parts: g.parts[:0], data: g.data[:0]}
	g.lead.Payload = nil
	fs.byKey[k] = g
	fs.live = append(fs.live, g)
	return g
}

// cover adds the bytes of s that no earlier fragment brought. It reports false
// when the datagram is in too many pieces.
func (fs *fragments) cover(g *datagram, from int, s span) bool {
	to, start := from+s.size, from
	overlap := false
	for i := 0; start < to; i++ {
		stop := to
		if i < len(g.parts) {
			if g.parts[i].to <= start {
				continue
			}
			stop = min(to, g.parts[i].from)
		}
		if start < stop {
			if len(g.parts) >= maxPieces {
				return false
			}
			g.insert(i, part{from: start, to: stop}, s.skip(start-from).limit(stop-start))
			i++
		}
		if stop < to {
			overlap = true
			stop = g.parts[i].to
		}
		start = stop
	}
	if overlap {
		fs.stats.Overlapping++
	}
	return true
}

func (g *datagram) insert(i int, r part, s span) {
	r.at, r.n = len(g.data), len(s.data)
	g.data = append(g.data, s.data...)
	g.parts = slices.Insert(g.parts, i, r)
	g.have += r.to - r.from
}

// join copies the parts of g in order, as far as they were captured without a
// gap, and gives them the length that they cover.
func (fs *fragments) join(g *datagram, level int) span {
	level = min(level, maxNesting)
	whole := fs.whole[level][:0]
	for _, r := range g.parts {
		if r.from != len(whole) {
			break
		}
		whole = append(whole, g.data[r.at:r.at+r.n]...)
	}
	fs.whole[level] = whole
	return span{whole, g.have}
}

// expire gives up the datagrams that have waited too long.
func (fs *fragments) expire(now capture.Time) {
	for len(fs.live) > 0 && now.Sub(fs.live[0].since) > fragmentTimeout {
		fs.giveUp(fs.live[0])
	}
}

// giveUp moves a datagram to those that Incomplete hands out.
func (fs *fragments) giveUp(g *datagram) {
	fs.remove(g)
	fs.stats.Incomplete++
	if len(fs.lost) >= maxDatagrams {
		fs.stats.Lost++
		fs.free = append(fs.free, fs.lost[0])
		fs.lost = slices.Delete(fs.lost, 0, 1)
	}
	fs.lost = append(fs.lost, g)
}

func (fs *fragments) remove(g *datagram) {
	delete(fs.byKey, g.key)
	if i := slices.Index(fs.live, g); i >= 0 {
		fs.live = slices.Delete(fs.live, i, i+1)
	}
}

// waiting tells whether Incomplete has anything to look at.
func (d *Decoder) waiting() bool { return len(d.frags.live)+len(d.frags.lost) > 0 }

// Incomplete gives out one datagram whose fragments did not all come by now,
// and reports false when there is none left. A reader asks until then, after
// each packet and with the largest time at the end of the input: the ports of
// a first fragment are known although the rest never came. p is then the first
// fragment with the number and time of its packet; its PayloadLen is what all
// fragments that came covered, its payload what was captured from the start.
// Without a first fragment p.Fragment is set and there are no ports.
func (d *Decoder) Incomplete(now capture.Time, p *Packet) (Verdict, bool) {
	fs := &d.frags
	if len(fs.live) == 0 && len(fs.lost) == 0 {
		return Verdict{}, false
	}
	fs.expire(now)
	if len(fs.lost) == 0 {
		return Verdict{}, false
	}
	g := fs.lost[0]
	fs.lost = slices.Delete(fs.lost, 0, 1)
	fs.free = append(fs.free, g)
	*p = g.lead
	p.IPLen = g.header + g.have
	p.Proto = g.proto
	if !g.leading {
		p.Fragment, p.PayloadLen = true, g.have
		return Verdict{NoPorts, "fragment without its first one"}, true
	}
	d.nesting = int(p.Tunnel)
	return d.next(p, g.proto, fs.join(g, int(p.Tunnel))), true
}
