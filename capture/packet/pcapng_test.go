package packet

import (
	"math"
	"math/big"
	"testing"

	"envelope/capture"
)

// sectionAnd is a section with one Ethernet interface without options.
func sectionAnd(f fileBuilder) fileBuilder { return f.section().iface(1, 0) }

func TestPcapngVariants(t *testing.T) {
	l, b := littleFile, bigFile
	const second = 1_000_000
	check(t, []fileCase{
		{"enhanced, little-endian", sectionAnd(l).epb(0, 5*second+7, 60, 60, 1),
			[]string{"1 5.000007000 link 1 60/60 01"}},
		{"enhanced, big-endian", sectionAnd(b).epb(0, 5*second+7, 61, 99, 1),
			[]string{"1 5.000007000 link 1 61/99 01"}},
		{"no packets", sectionAnd(l), nil},
		{"only a section", l.section(), nil},
		{"several interfaces", l.section().iface(1, 0).iface(276, 0, l.option(optResol, 9)).iface(101, 0, l.option(optResol, 3)).
			epb(2, 5_007, 60, 60, 1).epb(1, 5_000_000_009, 60, 60, 2).epb(0, 5*second, 60, 60, 3),
			[]string{"1 5.007000000 link 101 60/60 01", "2 5.000000009 link 276 60/60 02", "3 5.000000000 link 1 60/60 03"}},
		{"interface that comes late", sectionAnd(l).epb(0, second, 60, 60, 1).iface(113, 0).epb(1, 2*second, 60, 60, 2),
			[]string{"1 1.000000000 link 1 60/60 01", "2 2.000000000 link 113 60/60 02"}},
		{"sections of both byte orders", fileBuilder{b: append(sectionAnd(l).epb(0, second, 60, 60, 1).b,
			b.section().iface(101, 0).epb(0, 2*second, 60, 60, 2).b...)},
			[]string{"1 1.000000000 link 1 60/60 01", "2 2.000000000 link 101 60/60 02"}},
		{"interfaces of the section before are gone", sectionAnd(l).epb(0, second, 60, 60, 1).section().epb(0, second, 60, 60, 2),
			[]string{"1 1.000000000 link 1 60/60 01", "bad f: packet 2: interface 0 was never described"}},
		{"simple", l.section().iface(1, 64).block(blockSimple, l.u32(60).raw(filled(60, 3)...)).
			block(blockSimple, l.u32(1500).raw(filled(64, 4)...)),
			[]string{"1 0.000000000 link 1 60/60 03", "2 0.000000000 link 1 64/1500 04",
				"warning simple packet blocks: their packets have no time"}},
		{"simple, cut by the snap length within the padding", l.section().iface(1, 61).block(blockSimple, l.u32(1500).raw(filled(61, 4)...)),
			[]string{"1 0.000000000 link 1 61/1500 04", "warning simple packet blocks: their packets have no time"}},
		{"simple without an interface", l.section().block(blockSimple, l.u32(4).raw(1, 2, 3, 4)),
			[]string{"bad f: packet 1: simple packet block without an interface"}},
		{"obsolete", sectionAnd(b).iface(101, 0).block(blockPacket, b.u16(1, 77).u32(0, 5*second, 3, 60).raw(1, 2, 3)),
			[]string{"1 5.000000000 link 101 3/60 03"}},
		{"blocks that Wireshark shows as frames take a number", sectionAnd(l).block(blockJournal, l.text("abcd")).
			block(blockCustomKeep, l.u32(32473)).epb(0, second, 60, 60, 1), []string{"3 1.000000000 link 1 60/60 01"}},
		{"unknown blocks, statistics, secrets", sectionAnd(l).block(0x12345678, l.u32(1, 2, 3)).block(blockStatistics, l.u32(0, 1, 2)).
			block(blockSecrets, l.u32(0x544c534b, 4).text("abcd")).epb(0, second, 60, 60, 1),
			[]string{"1 1.000000000 link 1 60/60 01"}},
		{"comments", sectionAnd(l).epb(0, second, 59, 60, 1, l.option(optComment, []byte("u-1000 is only a comment here")...), l.option(optEnd)),
			[]string{"1 1.000000000 link 1 59/60 01"}},
		{"more captured than on the wire", sectionAnd(l).epb(0, second, 60, 40, 1),
			[]string{"1 1.000000000 link 1 60/60 01"}},
		{"frame check sequence", l.section().iface(1, 0, l.option(optFCSLength, 4)).epb(0, second, 64, 64, 1),
			[]string{"1 1.000000000 link 1 60/64 01"}},
		{"time offset", l.section().iface(1, 0, l.option(optOffset, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)).epb(0, 5*second, 60, 60, 1),
			[]string{"1 4.000000000 link 1 60/60 01"}},
		{"time offset, big-endian", b.section().iface(1, 0, b.option(optOffset, 0, 0, 0, 0, 0x59, 0x68, 0x2f, 0)).epb(0, 5*second, 60, 60, 1),
			[]string{"1 1500000005.000000000 link 1 60/60 01"}},
		{"time out of range", sectionAnd(l).epb(0, math.MaxUint64, 60, 60, 1),
			[]string{"1 0.000000000 link 1 60/60 01", "warning packet 1 is the first with a time out of range, taken for none"}},
		{"oversize block", sectionAnd(l).block(blockSecrets, l.raw(filled(3*windowSize, 0)...)).epb(0, second, 60, 60, 1),
			[]string{"1 1.000000000 link 1 60/60 01"}},
		{"oversize packet", sectionAnd(l).epb(0, second, 2*windowSize, 2*windowSize, 1).epb(0, second, 60, 60, 2),
			[]string{"bad f: packet 1: packet block of 1048608 bytes left out: larger than any packet", "2 1.000000000 link 1 60/60 02"}},
	})
}

func TestPcapngNames(t *testing.T) {
	l := littleFile
	names := l.u16(nameIPv4, 18).raw(192, 0, 2, 7).text("a.example\x00b.ex").raw(0, 0).
		u16(nameIPv6, 19).raw(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1).text("c\x00").raw(0, 0).
		u16(77, 4).u32(0).u16(nameIPv4, 2).u32(0).u16(nameEnd, 0)
	check(t, []fileCase{
		{"both kinds", sectionAnd(l).block(blockNames, names),
			[]string{"name 192.0.2.7 a.example pcapng", "name 192.0.2.7 b.ex pcapng", "name 2001:db8::1 c pcapng"}},
		{"longer than its block", sectionAnd(l).block(blockNames, l.u16(nameIPv4, 60000).u32(0)), nil},
	})
}

// TestPcapngGarbage checks that reading goes on behind bad blocks.
func TestPcapngGarbage(t *testing.T) {
	l := littleFile
	const second = 1_000_000
	start := sectionAnd(l).epb(0, second, 60, 60, 1)
	first := "1 1.000000000 link 1 60/60 01"
	third := "3 3.000000000 link 1 60/60 03"
	damaged := func(at int, v ...byte) fileBuilder {
		f := start.epb(0, 2*second, 60, 60, 2).epb(0, 3*second, 60, 60, 3)
		f.b = append([]byte(nil), f.b...)
		copy(f.b[len(start.b)+at:], v)
		return f
	}
	cut := func(n int) fileBuilder {
		f := start.epb(0, 2*second, 60, 60, 2, l.option(optComment, filled(40, 'x')...))
		return fileBuilder{b: f.b[:len(f.b)-n]}
	}
	check(t, []fileCase{
		{"text between", start.text("HTTP/1.1 200 OK\r\n").epb(0, 2*second, 60, 60, 2),
			[]string{first, "bad f: packet 2: no block here: skipped 17 bytes", "2 2.000000000 link 1 60/60 02"}},
		{"text behind", start.text("HTTP/1.1 200 OK\r\n"), []string{first, "bad f: packet 2: no block here, and none found behind it"}},
		{"four bytes behind", start.raw(0, 0, 0, 0), []string{first, "bad f: packet 2: 4 bytes behind the last block"}},
		{"zeros behind", start.raw(filled(64, 0)...), []string{first, "bad f: packet 2: no block here, and none found behind it"}},
		{"length too short", damaged(4, 8, 0, 0, 0), []string{first, "bad f: packet 2: no block here: skipped 92 bytes",
			"2 3.000000000 link 1 60/60 03"}},
		{"length too long", damaged(4, 0, 1, 0, 0), []string{first, "bad f: packet 2: block length of 256 bytes is wrong: skipped 92 bytes", third}},
		{"length far too long", damaged(4, 0, 0, 0, 0x70), []string{first, "bad f: packet 2: no block here: skipped 92 bytes",
			"2 3.000000000 link 1 60/60 03"}},
		{"lengths differ, first right", damaged(88, 96), []string{first, "bad f: packet 2: block with two lengths, 92 and 96 bytes: left out", third}},
		{"lengths differ, first wrong", damaged(4, 96), []string{first, "bad f: packet 2: block with two lengths: skipped 92 bytes",
			"2 3.000000000 link 1 60/60 03"}},
		{"captured length beyond the block", damaged(20, 0xff, 0xff, 0xff, 0xff),
			[]string{first, "bad f: packet 2: captured length of 4294967295 bytes in a block with 60", third}},
		{"unknown interface", damaged(8, 9), []string{first, "bad f: packet 2: interface 9 was never described", third}},
		{"blocks too small for their kind", start.block(blockEnhanced, l.u32(0)).block(blockPacket, l.empty()).
			block(blockSimple, l.empty()).block(blockInterface, l.u32(1)).epb(0, 2*second, 60, 60, 2),
			[]string{first, "bad f: packet 2: enhanced packet block of 16 bytes", "bad f: packet 3: packet block of 12 bytes",
				"bad f: packet 4: simple packet block of 12 bytes", "bad f: packet 5: interface description block of 16 bytes",
				"5 2.000000000 link 1 60/60 02"}},
		{"section of another version", start.block(blockSection, l.u32(orderMagic).u16(2, 0).u32(0, 0)).iface(1, 0).epb(0, second, 60, 60, 2),
			[]string{first, "bad f: packet 2: section of pcapng version 2, which is not known: left out"}},
		{"short section header", start.block(blockSection, l.u32(orderMagic)),
			[]string{first, "bad f: packet 2: section header of 16 bytes"}},
		{"last packet without its options", cut(40),
			[]string{first, "2 2.000000000 link 1 60/60 02", "bad f: packet 2: cut short by the end of the file: 60 of 60 bytes"}},
		{"last packet cut", cut(48 + 10),
			[]string{first, "2 2.000000000 link 1 50/60 02", "bad f: packet 2: cut short by the end of the file: 50 of 60 bytes"}},
		{"last packet cut in its headers", cut(48 + 40),
			[]string{first, "bad f: packet 2: cut short by the end of the file: 20 of 60 bytes"}},
		{"last packet cut in the block header", cut(48 + 70),
			[]string{first, "bad f: packet 2: cut short by the end of the file: 18 of the 136 bytes of a block"}},
		{"last simple packet cut", fileBuilder{b: sectionAnd(l).block(blockSimple, l.u32(60).raw(filled(60, 3)...)).b[:48+12+50]},
			[]string{"1 0.000000000 link 1 50/60 03", "bad f: packet 1: cut short by the end of the file: 50 of 60 bytes"}},
		{"other last block cut", fileBuilder{b: start.block(blockSecrets, l.raw(filled(60, 3)...)).b[:len(start.b)+30]},
			[]string{first, "bad f: packet 2: cut short by the end of the file: 30 of the 72 bytes of a block"}},
		{"oversize last block cut", fileBuilder{b: start.block(blockSecrets, l.raw(filled(2*windowSize, 3)...)).b[:len(start.b)+windowSize+30]},
			[]string{first, "bad f: packet 2: cut short by the end of the file in a block of 1048588 bytes"}},
	})
}

// TestTimeResolution compares the conversion with exact fractions for all
// resolutions and awkward numbers of ticks.
func TestTimeResolution(t *testing.T) {
	ticks := []uint64{0, 1, 9, 999, 1 << 20, 1<<20 + 1<<19, 1_600_000_000, 1_600_000_000_123_456, 1_600_000_000_123_456_789,
		math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64}
	for resol := range 256 {
		for _, offset := range []int64{0, 1, -1, 1 << 31, math.MaxInt64, math.MinInt64} {
			i := iface{resol: byte(resol), offset: offset}
			i.prepare()
			for _, n := range ticks {
				s := &Source{}
				got, want := i.time(s, n), exactTime(byte(resol), offset, n)
				// The last seconds of the range are given up, and so are
				// offsets of more than all time there is.
				edge := want > math.MaxInt64-2e9 || want < math.MinInt64+2e9 || offset == math.MinInt64
				if got != want && !(got == 0 && edge) {
					t.Fatalf("resolution %#x, offset %d, %d ticks: %d, want %d", resol, offset, n, got, want)
				}
			}
		}
	}
}

// exactTime is the same with big numbers; 0 out of range.
func exactTime(resol byte, offset int64, ticks uint64) capture.Time {
	base := int64(10)
	if resol&0x80 != 0 {
		base = 2
	}
	unit := new(big.Int).Exp(big.NewInt(base), big.NewInt(int64(resol&0x7f)), nil)
	n := new(big.Int).SetUint64(ticks)
	n.Mul(n, big.NewInt(1e9)).Div(n, unit)
	n.Add(n, new(big.Int).Mul(big.NewInt(offset), big.NewInt(1e9)))
	if !n.IsInt64() {
		return 0
	}
	return capture.Time(n.Int64())
}

func FuzzPcapng(f *testing.F) {
	l, b := littleFile, bigFile
	f.Add(sectionAnd(l).epb(0, 7, 60, 60, 1, l.option(optComment, 'u', '-', '1')).b)
	f.Add(b.section().iface(1, 64, b.option(optResol, 0xc0), b.option(optOffset, 1, 2, 3, 4, 5, 6, 7, 8)).epb(0, 7, 60, 60, 1).b)
	f.Add(sectionAnd(l).block(blockSimple, l.u32(60).raw(filled(60, 3)...)).block(blockPacket, l.u16(0, 0).u32(0, 5, 3, 60).raw(1, 2, 3)).b)
	f.Add(sectionAnd(l).text("junk in between, and a lot of it").epb(0, 7, 60, 60, 1).b)
	f.Add(sectionAnd(l).block(blockNames, l.u16(nameIPv4, 8).raw(192, 0, 2, 7).text("abc\x00")).b)
	f.Add(sectionAnd(l).block(blockCustom, droidBlock(l, 10123, "org.example", "Example")).epb(0, 7, 60, 60, 1, l.option(optComment, []byte("u-10123")...)).b)
	f.Fuzz(fuzzSource)
}
