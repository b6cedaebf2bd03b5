package packet

import (
	"bytes"
	"math"
	"math/bits"
	"net/netip"
	"strings"
	"unicode/utf8"

	"envelope/capture"
)

// Option codes (draft-ietf-opsawg-pcapng sections 3.5 and 4.2).
const (
	optEnd       = 0
	optComment   = 1
	optResol     = 9
	optFCSLength = 13
	optOffset    = 14
)

// options walks the options of a block.
type options struct {
	order byteOrder
	rest  []byte
}

// next gives the next option; ok is false at the end, or at an option that is
// longer than its block.
func (o *options) next() (code uint16, value []byte, ok bool) {
	if len(o.rest) < 4 {
		return 0, nil, false
	}
	code, n := o.order.u16(o.rest), int(o.order.u16(o.rest[2:]))
	if code == optEnd || n > len(o.rest)-4 {
		return 0, nil, false
	}
	value = o.rest[4 : 4+n]
	o.rest = o.rest[min(len(o.rest), 4+(n+3)&^3):]
	return code, value, true
}

// maxInterfaces bounds the interfaces of one section.
const maxInterfaces = 1 << 16

// iface is what an Interface Description Block says.
type iface struct {
	link   LinkType
	snap   uint32 // bytes kept of each packet, 0 for all
	fcs    int    // bytes of frame check sequence behind each packet
	mul    uint64 // nanoseconds of a tick, where that is a whole number; else 0
	limit  uint64 // most ticks that mul can be applied to
	resol  byte   // if_tsresol: a negative power of 10, or of 2 with the upper bit set
	offset int64  // seconds to add
}

// addInterface takes an Interface Description Block.
func (f *pcapng) addInterface(s *Source, body []byte) error {
	if len(body) < 8 {
		return s.bad(s.number+1, "interface description block of %d bytes", len(body)+12)
	}
	if len(f.ifaces) == maxInterfaces {
		return s.bad(s.number+1, "more than %d interfaces in one section", maxInterfaces)
	}
	i := iface{link: LinkType(f.order.u16(body)), snap: f.order.u32(body[4:]), resol: 6}
	for o := (options{f.order, body[8:]}); ; {
		code, value, ok := o.next()
		if !ok {
			break
		}
		switch {
		case code == optResol && len(value) >= 1:
			i.resol = value[0]
		case code == optFCSLength && len(value) >= 1:
			i.fcs = int(min(value[0], 8))
		case code == optOffset && len(value) >= 8:
			i.offset = f.i64(value)
		}
	}
	i.prepare()
	f.ifaces = append(f.ifaces, i)
	return nil
}

func (f *pcapng) i64(b []byte) int64 {
	lo, hi := f.order.u32(b), f.order.u32(b[4:])
	if f.order {
		lo, hi = hi, lo
	}
	return int64(uint64(hi)<<32 | uint64(lo))
}

// prepare works out the factor for the usual resolutions.
func (i *iface) prepare() {
	if i.resol <= 9 && i.offset == 0 {
		i.mul = pow10(9 - i.resol)
		i.limit = math.MaxInt64 / i.mul
	}
}

// time converts a time stamp. One that no int64 of nanoseconds holds (before
// 1677, after 2262) is 0, and warned of.
func (i *iface) time(s *Source, ticks uint64) capture.Time {
	if i.mul != 0 && ticks <= i.limit {
		return capture.Time(ticks * i.mul)
	}
	sec, nano := i.split(ticks)
	if t, ok := join(sec, i.offset, nano); ok {
		return t
	}
	s.warn("packet %d is the first with a time out of range, taken for none", s.number)
	return 0
}

// split gives whole seconds and nanoseconds of a time stamp, exactly for any
// resolution, cut to the nanosecond below.
func (i *iface) split(ticks uint64) (sec, nano uint64) {
	n := i.resol &^ 0x80
	if i.resol&0x80 == 0 {
		if n > 28 {
			return 0, 0 // less than a nanosecond for any ticks
		}
		if n > 19 {
			return 0, ticks / pow10(n-9) // less than a second for any ticks
		}
		unit := pow10(n)
		hi, lo := bits.Mul64(ticks%unit, 1e9)
		nano, _ = bits.Div64(hi, lo, unit)
		return ticks / unit, nano
	}
	if n >= 64 {
		hi, _ := bits.Mul64(ticks, 1e9)
		return 0, hi >> (n - 64)
	}
	hi, lo := bits.Mul64(ticks&(1<<n-1), 1e9)
	return ticks >> n, hi<<(64-n) | lo>>n
}

// join makes a time from seconds, an offset in seconds and nanoseconds.
func join(sec uint64, offset int64, nano uint64) (capture.Time, bool) {
	const most = math.MaxInt64/1_000_000_000 - 1
	if sec > 2*most || offset > most || offset < -2*most {
		return 0, false
	}
	total := int64(sec) + offset
	if total > most || total < -most {
		return 0, false
	}
	return capture.Time(total*1e9 + int64(nano)), true
}

// pow10 is 10 to the power of n, which is at most 19.
func pow10(n byte) uint64 {
	v := uint64(1)
	for ; n > 0; n-- {
		v *= 10
	}
	return v
}

// Record types of a Name Resolution Block (draft-ietf-opsawg-pcapng section 4.5).
const (
	nameEnd  = 0
	nameIPv4 = 1
	nameIPv6 = 2
)

// addNames takes the records of a Name Resolution Block: an address and one or
// more names, each ended by a zero byte.
func (f *pcapng) addNames(s *Source, b []byte) {
	for len(b) >= 4 {
		kind, n := f.order.u16(b), int(f.order.u16(b[2:]))
		if kind == nameEnd || n > len(b)-4 {
			return
		}
		value := b[4 : 4+n]
		b = b[min(len(b), 4+(n+3)&^3):]
		size := map[uint16]int{nameIPv4: 4, nameIPv6: 16}[kind]
		if size == 0 || n < size {
			continue
		}
		addr, _ := netip.AddrFromSlice(value[:size])
		for name := range bytes.SplitSeq(value[size:], []byte{0}) {
			s.addName(addr, text(name))
		}
	}
}

func (s *Source) addName(addr netip.Addr, name string) {
	if name == "" {
		return
	}
	if len(s.names) == maxNames {
		s.warn("more than %d names given by the capture: the rest was left out", maxNames)
		return
	}
	s.names = append(s.names, capture.Name{Addr: addr, Value: name, How: "pcapng"})
}

// text makes a printable string of a field that ends at a zero byte.
func text(field []byte) string {
	if end := bytes.IndexByte(field, 0); end >= 0 {
		field = field[:end]
	}
	// A multi-byte character may have been cut at the end of a fixed field.
	for len(field) > 0 && !utf8.FullRune(lastRune(field)) {
		field = field[:len(field)-1]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(field), "\ufffd"))
}

// lastRune is the last character of b, whole or cut.
func lastRune(b []byte) []byte {
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			return b[i:]
		}
	}
	return nil
}
