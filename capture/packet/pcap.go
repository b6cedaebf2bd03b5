package packet

import (
	"envelope/capture"
)

// Magic numbers of pcap files, as read in the file's own byte order
// (draft-ietf-opsawg-pcap section 4; the patched one is that of A. Kuznetzov's
// libpcap of 1998, with interface, protocol and packet type in each record).
const (
	magicMicro   = 0xa1b2c3d4
	magicNano    = 0xa1b23c4d
	magicPatched = 0xa1b2cd34
)

const (
	pcapFileHeader    = 24
	pcapRecord        = 16
	pcapRecordPatched = 24
)

// pcap reads the records of a pcap file.
type pcap struct {
	order    byteOrder
	link     LinkType
	header   int    // bytes of a record header
	tick     int64  // nanoseconds of one unit of the fraction
	swapped  bool   // lengths are stored in the other order (before version 2.3)
	eitherLn bool   // version 2.3: some writers swapped them, some did not
	snap     uint32 // bytes kept of each packet, as far as can be told
	fcs      int    // bytes of frame check sequence behind each packet
	last     int64  // seconds of the last good packet
	oddTime  bool   // a fraction of a second or more was seen
}

// SniffPcap tells whether head begins a pcap file: any of the three magic
// numbers in either byte order, and a version that was ever written.
func SniffPcap(head []byte) bool {
	order, ok := pcapOrder(head)
	if !ok {
		return false
	}
	if len(head) < 8 {
		return true
	}
	major := order.u16(head[4:])
	return major == 2 || major == 543 // 543.0 is DG/UX tcpdump
}

func pcapOrder(head []byte) (byteOrder, bool) {
	if len(head) < 4 {
		return false, false
	}
	for _, order := range []byteOrder{false, true} {
		switch order.u32(head) {
		case magicMicro, magicNano, magicPatched:
			return order, true
		}
	}
	return false, false
}

// newPcap reads the file header.
func newPcap(s *Source) (*pcap, error) {
	if !s.in.need(pcapFileHeader) {
		if err := s.in.failed(); err != nil {
			return nil, err
		}
		return nil, s.bad(0, "cut short in the pcap file header: %d of %d bytes", len(s.in.bytes()), pcapFileHeader)
	}
	h := s.in.bytes()
	order, _ := pcapOrder(h)
	f := &pcap{order: order, header: pcapRecord, tick: 1000, last: -1}
	switch order.u32(h) {
	case magicNano:
		f.tick = 1
	case magicPatched:
		f.header = pcapRecordPatched
	}
	f.version(s, order.u16(h[4:]), order.u16(h[6:]))
	if f.snap = order.u32(h[16:]); f.snap == 0 {
		f.snap = maxPacket
	}
	f.linkField(order.u32(h[20:]))
	s.in.pos += pcapFileHeader
	return f, nil
}

// version takes over what older versions did differently (libpcap,
// sf-pcap.c: before 2.3 the two lengths were in the other order, in 2.3 some
// writers used the old one).
func (f *pcap) version(s *Source, major, minor uint16) {
	f.swapped = major == 543 || minor < 3
	f.eitherLn = major == 2 && minor == 3
	if major != 2 || minor != 4 {
		s.warn("pcap version %d.%d, read as far as it is known", major, minor)
	}
}

// linkField takes the link type from the lower 26 bits, as libpcap does, and
// the length of the frame check sequence from the upper ones
// (draft-ietf-opsawg-pcap section 4: bit 26 says that the upper four hold it,
// in units of 16 bits).
func (f *pcap) linkField(v uint32) {
	f.link = LinkType(v & 0x03ffffff)
	if v&(1<<26) != 0 {
		f.fcs = int(v>>28) * 2
	}
}

func (f *pcap) name() string { return "pcap" }

func (f *pcap) ready(b []byte) bool {
	if len(b) < f.header {
		return false
	}
	captured, wire := f.lengths(b)
	return uint64(f.header)+uint64(captured) <= uint64(len(b)) && captured <= min(wire, f.snap, maxPacket) && captured > 0 &&
		int64(f.order.u32(b[4:]))*f.tick < 1e9
}

func (f *pcap) next(s *Source, p *Raw) error {
	if !s.in.need(f.header) {
		return f.tail(s)
	}
	h := s.in.bytes()
	sec, frac := int64(f.order.u32(h)), int64(f.order.u32(h[4:]))
	captured, wire := f.lengths(h)
	if captured > maxPacket || (sec|frac == 0 && captured|wire == 0) {
		return f.resync(s, captured)
	}
	n := int(captured)
	if (frac*f.tick >= 1e9 || captured > wire || captured > f.snap) && !f.fits(s, n) {
		return f.resync(s, captured)
	}
	p.Time = capture.Time(sec*1e9 + frac*f.tick)
	p.Link = f.link
	if frac*f.tick >= 1e9 {
		f.fraction(s)
	}
	if !s.in.need(f.header + n) {
		return f.partial(s, p, n, wire)
	}
	s.number++
	start := s.in.pos + f.header
	s.in.pos = start + n
	f.last = sec
	p.Number, p.App = s.number, ""
	p.Len = wireLen(wire, n)
	p.Data = s.in.buf[start:s.in.pos:s.in.pos]
	if f.fcs > 0 {
		p.Data = dropFCS(p, f.fcs)
	}
	return nil
}

// fits tells whether another record may follow n captured bytes. It is asked
// where a header is odd: such headers are written, but most are damaged.
func (f *pcap) fits(s *Source, n int) bool {
	if !s.in.need(f.header + n + f.header) {
		return true
	}
	captured, wire := f.lengths(s.in.bytes()[f.header+n:])
	return captured <= maxPacket && wire > 0
}

// lengths gives the captured length and that on the wire.
func (f *pcap) lengths(h []byte) (captured, wire uint32) {
	captured, wire = f.order.u32(h[8:]), f.order.u32(h[12:])
	if f.swapped || (f.eitherLn && captured > wire) {
		return wire, captured
	}
	return captured, wire
}

func (f *pcap) fraction(s *Source) {
	if !f.oddTime {
		f.oddTime = true
		s.warn("packet %d is the first whose time has a fraction of more than a second", s.number+1)
	}
}

// tail ends the reading where no whole record header is left.
func (f *pcap) tail(s *Source) error {
	left := len(s.in.bytes())
	if left == 0 || s.in.failed() != nil {
		return s.end()
	}
	s.over = true
	return s.bad(s.number+1, "cut short by the end of the file: %d bytes of a record header of %d", left, f.header)
}

// partial deals with a record that is longer than the rest of the file: the
// last packet, or bytes that are no record in front of others that are.
func (f *pcap) partial(s *Source, p *Raw, n int, wire uint32) error {
	b := s.in.bytes()
	for off := 1; off < len(b); off++ {
		if f.follows(b[off:]) {
			s.in.pos += off
			return s.bad(s.number+1, "captured length of %d bytes is wrong: skipped %d bytes", n, off)
		}
	}
	if !f.plausible(b, f.last) {
		return f.resync(s, uint32(n))
	}
	p.Len = wireLen(wire, n)
	return s.cut(p, b[f.header:], n)
}

// resync looks for the next record behind bytes that are none.
func (f *pcap) resync(s *Source, captured uint32) error {
	at := s.number + 1
	s.in.pos++
	if skipped, ok := s.in.search(f.follows); ok {
		return s.bad(at, "no record header here (it would give %d captured bytes): skipped %d bytes", captured, skipped+1)
	}
	s.over = true
	return s.bad(at, "no record header here (it would give %d captured bytes), and none found behind it", captured)
}

// maxTimeStep is how far, in seconds, the time of a record may be from that of
// its neighbour for it to be believed when the reading was lost: 30 days.
const maxTimeStep = 30 * 24 * 3600

// plausible tells whether b begins with a record header that can be believed
// without knowing where it is from. near is a time, in seconds, that it must
// not be far from; -1 for any.
func (f *pcap) plausible(b []byte, near int64) bool {
	if len(b) < f.header {
		return false
	}
	captured, wire := f.lengths(b)
	if captured == 0 || captured > maxPacket || wire < captured || wire > maxPacket {
		return false
	}
	if int64(f.order.u32(b[4:]))*f.tick >= 1e9 {
		return false
	}
	step := int64(f.order.u32(b)) - near
	return near < 0 || (step >= -maxTimeStep && step <= maxTimeStep)
}

// follows tells whether b begins with a chain of records: three with times
// near each other, or fewer where the last one ends with b. The time of the
// packet before the damage is no measure, since it may be damaged itself.
func (f *pcap) follows(b []byte) bool {
	near := int64(-1)
	for n := 1; f.plausible(b, near); n++ {
		captured, _ := f.lengths(b)
		end := f.header + int(captured)
		if n == 3 || len(b) == end || (n == 2 && len(b) < end) {
			return true
		}
		if len(b) < end {
			return false
		}
		near = int64(f.order.u32(b))
		b = b[end:]
	}
	return false
}

// dropFCS returns the data of p without the n bytes of frame check sequence at
// the end of the packet on the wire, as far as they were captured.
func dropFCS(p *Raw, n int) []byte {
	return p.Data[:min(len(p.Data), max(0, p.Len-n))]
}
