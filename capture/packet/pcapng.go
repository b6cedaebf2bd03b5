package packet

// Block types of pcapng (draft-ietf-opsawg-pcapng section 11.1).
const (
	blockSection    = 0x0a0d0d0a
	blockInterface  = 1
	blockPacket     = 2 // obsolete
	blockSimple     = 3
	blockNames      = 4
	blockStatistics = 5
	blockEnhanced   = 6
	blockJournal    = 9
	blockSecrets    = 10
	blockCustom     = 0xbad
	blockCustomKeep = 0x40000bad
)

const orderMagic = 0x1a2b3c4d

// maxBlock bounds the length of a block, in bytes: 16 MiB, as in libpcap
// (INITIAL_MAX_BLOCKSIZE). More means that it is no block.
const maxBlock = 16 << 20

// pcapng reads the blocks of a pcapng file.
type pcapng struct {
	order  byteOrder
	open   bool // a section of a known version has begun
	ifaces []iface
}

// SniffPcapng tells whether head begins a pcapng file.
func SniffPcapng(head []byte) bool {
	_, ok := sectionOrder(head)
	return ok
}

func sectionOrder(head []byte) (byteOrder, bool) {
	if len(head) < 12 || byteOrder(true).u32(head) != blockSection {
		return false, false
	}
	switch byteOrder(true).u32(head[8:]) {
	case orderMagic:
		return true, true
	case 0x4d3c2b1a:
		return false, true
	}
	return false, false
}

func (f *pcapng) name() string { return "pcapng" }

func (f *pcapng) ready(b []byte) bool {
	if !f.open || len(b) < 12 || f.order.u32(b) != blockEnhanced {
		return false
	}
	n := int(min(f.order.u32(b[4:]), maxBlock))
	return n >= 12 && n <= len(b) && int(f.order.u32(b[n-4:])) == n
}

func (f *pcapng) next(s *Source, p *Raw) error {
	for {
		if !s.in.need(12) {
			return f.tail(s)
		}
		kind, length, ok := f.header(s.in.bytes())
		if !ok {
			return f.resync(s, "no block here")
		}
		if length > windowSize {
			if err := f.skip(s, kind, length); err != nil {
				return err
			}
			continue
		}
		if !s.in.need(length) {
			return f.partial(s, p, kind, length)
		}
		b := s.in.bytes()[:length:length]
		if int(f.order.u32(b[length-4:])) != length {
			return f.mismatch(s, kind, b)
		}
		s.in.pos += length
		got, err := f.block(s, p, kind, b[8:length-4])
		if got || err != nil {
			return err
		}
	}
}

// header gives type and length of the block that b begins with, and whether
// that can be one. A section header changes the byte order.
func (f *pcapng) header(b []byte) (kind uint32, length int, ok bool) {
	if order, is := sectionOrder(b); is {
		f.order = order
	}
	kind, n := f.order.u32(b), f.order.u32(b[4:])
	return kind, int(min(n, maxBlock+1)), n >= 12 && n <= maxBlock
}

// block takes one whole block and tells whether it gave a packet. Journal and
// custom blocks take a number without being packets, since Wireshark shows them
// as frames, and a number should lead to the same packet there.
func (f *pcapng) block(s *Source, p *Raw, kind uint32, body []byte) (bool, error) {
	if kind == blockSection {
		return false, f.section(s, body)
	}
	if !f.open {
		return false, nil
	}
	switch kind {
	case blockEnhanced:
		return true, f.enhanced(s, p, body)
	case blockSimple:
		return true, f.simple(s, p, body)
	case blockPacket:
		return true, f.obsolete(s, p, body)
	case blockInterface:
		return false, f.addInterface(s, body)
	case blockNames:
		f.addNames(s, body)
	case blockJournal:
		s.number++
	case blockCustom, blockCustomKeep:
		s.number++
		s.droid.addUID(f.order, body)
	}
	return false, nil
}

// section begins a section: interfaces are numbered anew.
func (f *pcapng) section(s *Source, body []byte) error {
	f.ifaces = f.ifaces[:0]
	f.open = false
	if len(body) < 16 {
		return s.bad(s.number+1, "section header of %d bytes", len(body)+12)
	}
	major := f.order.u16(body[4:])
	if f.open = major == 1; !f.open {
		return s.bad(s.number+1, "section of pcapng version %d, which is not known: left out", major)
	}
	return nil
}

// enhanced reads an Enhanced Packet Block.
func (f *pcapng) enhanced(s *Source, p *Raw, body []byte) error {
	s.number++
	if len(body) < 20 {
		return s.bad(s.number, "enhanced packet block of %d bytes", len(body)+12)
	}
	return f.packet(s, p, f.order.u32(body), body[4:])
}

// obsolete reads a Packet Block, which has a short interface number and a
// count of drops in the place of the long interface number.
func (f *pcapng) obsolete(s *Source, p *Raw, body []byte) error {
	s.number++
	if len(body) < 20 {
		return s.bad(s.number, "packet block of %d bytes", len(body)+12)
	}
	return f.packet(s, p, uint32(f.order.u16(body)), body[4:])
}

// packet reads what both kinds of blocks have behind the interface: time,
// lengths, data, options.
func (f *pcapng) packet(s *Source, p *Raw, id uint32, b []byte) error {
	if uint64(id) >= uint64(len(f.ifaces)) {
		return s.bad(s.number, "interface %d was never described", id)
	}
	i := &f.ifaces[id]
	n, wire := f.order.u32(b[8:]), f.order.u32(b[12:])
	if uint64(n) > uint64(len(b)-16) {
		return s.bad(s.number, "captured length of %d bytes in a block with %d", n, len(b)-16)
	}
	f.fill(s, p, i, b[16:16+int(n)], wire)
	p.Time = i.time(s, uint64(f.order.u32(b))<<32|uint64(f.order.u32(b[4:])))
	if s.droid.byUID != nil {
		p.App = f.app(s, b[min(len(b), 16+(int(n)+3)&^3):])
	}
	return nil
}

// simple reads a Simple Packet Block: no time, no interface, and a captured
// length that follows from the snap length of the first interface.
func (f *pcapng) simple(s *Source, p *Raw, body []byte) error {
	s.number++
	if len(f.ifaces) == 0 {
		return s.bad(s.number, "simple packet block without an interface")
	}
	if len(body) < 4 {
		return s.bad(s.number, "simple packet block of %d bytes", len(body)+12)
	}
	i, wire := &f.ifaces[0], f.order.u32(body)
	n := min(uint64(wire), uint64(len(body)-4))
	if i.snap > 0 {
		n = min(n, uint64(i.snap))
	}
	f.fill(s, p, i, body[4:4+int(n)], wire)
	p.Time = 0
	s.warn("simple packet blocks: their packets have no time")
	return nil
}

// fill sets all of p but the time.
func (f *pcapng) fill(s *Source, p *Raw, i *iface, data []byte, wire uint32) {
	p.Number, p.Link, p.App = s.number, i.link, ""
	p.Data = data[:len(data):len(data)]
	p.Len = wireLen(wire, len(data))
	if i.fcs > 0 {
		p.Data = dropFCS(p, i.fcs)
	}
}

// app finds PCAPdroid's comment among the options of a packet.
func (f *pcapng) app(s *Source, b []byte) (app string) {
	for o := (options{f.order, b}); app == ""; {
		code, value, ok := o.next()
		if !ok {
			break
		}
		if code == optComment {
			app = s.droid.ofComment(value)
		}
	}
	return app
}

// holdsPacket tells whether blocks of a type are packets.
func holdsPacket(kind uint32) bool {
	return kind == blockEnhanced || kind == blockSimple || kind == blockPacket
}

// numbered tells whether blocks of a type take a packet number.
func numbered(kind uint32) bool {
	return holdsPacket(kind) || kind == blockJournal || kind == blockCustom || kind == blockCustomKeep
}

// skip passes a block that is larger than the window. Packets are never; keys
// and statistics may be.
func (f *pcapng) skip(s *Source, kind uint32, length int) error {
	var err error
	if numbered(kind) && f.open {
		s.number++
	}
	if holdsPacket(kind) && f.open {
		err = s.bad(s.number, "packet block of %d bytes left out: larger than any packet", length)
	}
	if !s.in.skip(length) {
		s.over = true
		if s.in.failed() == nil {
			err = s.bad(s.number+1, "cut short by the end of the file in a block of %d bytes", length)
		}
		if err == nil {
			err = s.end()
		}
	}
	return err
}

// tail ends the reading where no block header is left.
func (f *pcapng) tail(s *Source) error {
	left := len(s.in.bytes())
	if left == 0 || s.in.failed() != nil {
		return s.end()
	}
	s.over = true
	return s.bad(s.number+1, "%d bytes behind the last block", left)
}

// partial deals with a block that is longer than the rest of the file: the
// last one, or a wrong length in front of good blocks.
func (f *pcapng) partial(s *Source, p *Raw, kind uint32, length int) error {
	b := s.in.bytes()
	for off := 8; off+12 <= len(b); off++ {
		if f.whole(b[off:]) {
			s.in.pos += off
			return f.bad(s, kind, "block length of %d bytes is wrong: skipped %d bytes", length, off)
		}
	}
	s.over = true
	head := map[uint32]int{blockEnhanced: 28, blockPacket: 28, blockSimple: 12}[kind]
	if head == 0 || !f.open || len(b) < head {
		return f.bad(s, kind, "cut short by the end of the file: %d of the %d bytes of a block", len(b), length)
	}
	return f.partialPacket(s, p, kind, b, length)
}

// partialPacket hands out the readable part of the last packet: the block is
// read as if it ended with the data at hand.
func (f *pcapng) partialPacket(s *Source, p *Raw, kind uint32, b []byte, length int) error {
	if kind == blockSimple {
		if len(f.ifaces) == 0 {
			return f.bad(s, kind, "cut short by the end of the file")
		}
		f.fill(s, p, &f.ifaces[0], b[12:], f.order.u32(b[8:]))
		p.Time = 0
		return s.cut(p, p.Data, length-16)
	}
	id := f.order.u32(b[8:])
	if kind == blockPacket {
		id = uint32(f.order.u16(b[8:]))
	}
	if uint64(id) >= uint64(len(f.ifaces)) {
		return f.bad(s, kind, "cut short by the end of the file, on an interface that was never described")
	}
	n := f.order.u32(b[20:])
	data := b[28:]
	if uint64(n) < uint64(len(data)) {
		data = data[:n] // only padding or options are missing
	}
	i := &f.ifaces[id]
	f.fill(s, p, i, data, f.order.u32(b[24:]))
	p.Time = i.time(s, uint64(f.order.u32(b[12:]))<<32|uint64(f.order.u32(b[16:])))
	return s.cut(p, p.Data, int(min(n, maxPacket)))
}

// mismatch deals with a block whose two lengths differ. Where a good block
// follows the first length, reading goes on there.
func (f *pcapng) mismatch(s *Source, kind uint32, b []byte) error {
	length := len(b)
	second := f.order.u32(b[length-4:])
	s.in.need(windowSize)
	if rest := s.in.bytes()[length:]; len(rest) == 0 || f.whole(rest) {
		s.in.pos += length
		return f.bad(s, kind, "block with two lengths, %d and %d bytes: left out", length, second)
	}
	return f.resync(s, "block with two lengths")
}

// resync looks for the next whole block.
func (f *pcapng) resync(s *Source, why string) error {
	at := s.number + 1
	s.in.pos++
	if skipped, ok := s.in.search(f.whole); ok {
		return s.bad(at, "%s: skipped %d bytes", why, skipped+1)
	}
	s.over = true
	return s.bad(at, "%s, and none found behind it", why)
}

// whole tells whether b begins with a whole block of a known type whose two
// lengths agree.
func (f *pcapng) whole(b []byte) bool {
	if len(b) < 12 {
		return false
	}
	order := f.order
	if o, is := sectionOrder(b); is {
		order = o
	}
	switch order.u32(b) {
	case blockSection, blockInterface, blockPacket, blockSimple, blockNames, blockStatistics,
		blockEnhanced, blockJournal, blockSecrets, blockCustom, blockCustomKeep:
	default:
		return false
	}
	n := order.u32(b[4:])
	return n >= 12 && n%4 == 0 && uint64(n) <= uint64(len(b)) && order.u32(b[n-4:]) == n
}

// bad makes the error for a block, which is a packet's own where it held one.
func (f *pcapng) bad(s *Source, kind uint32, format string, args ...any) error {
	if numbered(kind) && f.open {
		s.number++
		return s.bad(s.number, format, args...)
	}
	return s.bad(s.number+1, format, args...)
}
