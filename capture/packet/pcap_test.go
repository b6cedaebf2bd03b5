package packet

import (
	"bytes"
	"io"
	"slices"
	"testing"
)

func TestPcapVariants(t *testing.T) {
	cut := func(f fileBuilder, n int) fileBuilder { f.b = f.b[:len(f.b)-n]; return f }
	check(t, []fileCase{
		{"microseconds, little-endian", littleFile.plain().rec(1500000000, 999999, 60, 1),
			[]string{"1 1500000000.999999000 link 1 60/60 01"}},
		{"microseconds, big-endian", bigFile.plain().rec(1500000000, 999999, 60, 1),
			[]string{"1 1500000000.999999000 link 1 60/60 01"}},
		{"nanoseconds, little-endian", littleFile.pcap(magicNano, 2, 4, 0, 1).rec(5, 123456789, 60, 1),
			[]string{"1 5.123456789 link 1 60/60 01"}},
		{"nanoseconds, big-endian", bigFile.pcap(magicNano, 2, 4, 0, 1).rec(5, 123456789, 60, 1),
			[]string{"1 5.123456789 link 1 60/60 01"}},
		{"no packets", littleFile.plain(), nil},
		{"modified, with a longer record header",
			littleFile.pcap(magicPatched, 2, 4, 65535, 1).u32(5, 6, 3, 60, 2).u16(0x0800).raw(4, 0).raw(1, 2, 3).
				u32(7, 8, 2, 2, 2).u16(0x0800).raw(4, 0).raw(1, 2),
			[]string{"1 5.000006000 link 1 3/60 03", "2 7.000008000 link 1 2/2 02"}},
		{"version 2.3 in both orders",
			littleFile.pcap(magicMicro, 2, 3, 68, 1).u32(5, 6, 60, 3).raw(1, 2, 3).u32(5, 7, 2, 60).raw(1, 2),
			[]string{"1 5.000006000 link 1 3/60 03", "2 5.000007000 link 1 2/60 02",
				"warning pcap version 2.3, read as far as it is known"}},
		{"version 2.2 has the lengths the other way round",
			bigFile.pcap(magicMicro, 2, 2, 68, 1).u32(5, 6, 60, 3).raw(1, 2, 3),
			[]string{"1 5.000006000 link 1 3/60 03", "warning pcap version 2.2, read as far as it is known"}},
		{"version 543.0", bigFile.pcap(magicMicro, 543, 0, 68, 1).u32(5, 6, 60, 3).raw(1, 2, 3),
			[]string{"1 5.000006000 link 1 3/60 03", "warning pcap version 543.0, read as far as it is known"}},
		{"snap length 0", littleFile.pcap(magicMicro, 2, 4, 0, 1).rec(1, 1, 1500, 9),
			[]string{"1 1.000001000 link 1 1500/1500 09"}},
		{"more captured than the snap length", littleFile.pcap(magicMicro, 2, 4, 10, 1).rec(1, 1, 1500, 9),
			[]string{"1 1.000001000 link 1 1500/1500 09"}},
		{"more captured than on the wire", littleFile.plain().u32(1, 1, 60, 40).raw(filled(60, 9)...),
			[]string{"1 1.000001000 link 1 60/60 09"}},
		{"snapped", littleFile.plain().u32(1, 1, 60, 1500).raw(filled(60, 9)...),
			[]string{"1 1.000001000 link 1 60/1500 09"}},
		{"link type beyond eight bits", littleFile.pcap(magicMicro, 2, 4, 0, 276).rec(1, 1, 60, 9),
			[]string{"1 1.000001000 link 276 60/60 09"}},
		{"frame check sequence of four bytes", littleFile.pcap(magicMicro, 2, 4, 0, 0x24000001).rec(1, 1, 60, 9).
			u32(1, 2, 58, 60).raw(filled(58, 8)...),
			[]string{"1 1.000001000 link 1 56/60 09", "2 1.000002000 link 1 56/60 08"}},
		{"empty packet", littleFile.plain().rec(1, 1, 0, 0).rec(1, 2, 60, 1),
			[]string{"1 1.000001000 link 1 0/0", "2 1.000002000 link 1 60/60 01"}},
		{"fraction of more than a second", littleFile.plain().rec(1, 2500000, 60, 1).rec(4, 1, 60, 1),
			[]string{"1 3.500000000 link 1 60/60 01", "2 4.000001000 link 1 60/60 01",
				"warning packet 1 is the first whose time has a fraction of more than a second"}},
		{"last second of 32 bits", littleFile.plain().rec(0xffffffff, 999999, 60, 1),
			[]string{"1 4294967295.999999000 link 1 60/60 01"}},
		{"times that jump", littleFile.plain().rec(1, 1, 60, 1).rec(4000000000, 1, 60, 2).rec(1, 1, 60, 3),
			[]string{"1 1.000001000 link 1 60/60 01", "2 4000000000.000001000 link 1 60/60 02", "3 1.000001000 link 1 60/60 03"}},
		{"last packet cut", cut(littleFile.plain().rec(1, 1, 60, 1).rec(1, 2, 100, 2), 10),
			[]string{"1 1.000001000 link 1 60/60 01", "2 1.000002000 link 1 90/100 02",
				"bad f: packet 2: cut short by the end of the file: 90 of 100 bytes"}},
		{"only packet cut within its headers", cut(littleFile.plain().rec(1, 1, 60, 1), 30),
			[]string{"bad f: packet 1: cut short by the end of the file: 30 of 60 bytes"}},
		{"last record header cut", littleFile.plain().rec(1, 1, 60, 1).u32(1, 2),
			[]string{"1 1.000001000 link 1 60/60 01",
				"bad f: packet 2: cut short by the end of the file: 8 bytes of a record header of 16"}},
	})
}

// TestPcapGarbage checks that reading goes on behind bytes that are no record.
func TestPcapGarbage(t *testing.T) {
	start := littleFile.plain().rec(1000, 1, 60, 1)
	first, text := "1 1000.000001000 link 1 60/60 01", "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"
	zeros := filled(maxResync+100, 0)
	wrong := start.u32(1000, 2, 70000, 70000).raw(filled(60, 2)...)
	check(t, []fileCase{
		{"text between", start.text(text).rec(1000, 2, 60, 2).rec(1000, 3, 60, 3),
			[]string{first, "bad f: packet 2: no record header here (it would give 808464928 captured bytes): skipped 30 bytes",
				"2 1000.000002000 link 1 60/60 02", "3 1000.000003000 link 1 60/60 03"}},
		{"text behind", start.text(text),
			[]string{first, "bad f: packet 2: no record header here (it would give 808464928 captured bytes), and none found behind it"}},
		{"zeros behind", start.raw(filled(500, 0)...),
			[]string{first, "bad f: packet 2: no record header here (it would give 0 captured bytes), and none found behind it"}},
		{"zeros between", start.raw(filled(512, 0)...).rec(1000, 2, 60, 2).rec(1000, 3, 60, 3),
			[]string{first, "bad f: packet 2: no record header here (it would give 0 captured bytes): skipped 512 bytes",
				"2 1000.000002000 link 1 60/60 02", "3 1000.000003000 link 1 60/60 03"}},
		{"too many zeros between", start.raw(zeros...).rec(1000, 2, 60, 2),
			[]string{first, "bad f: packet 2: no record header here (it would give 0 captured bytes), and none found behind it"}},
		{"length of another world at the very first packet", littleFile.plain().u32(1000, 1, 0x7fffffff, 60).rec(1000, 2, 60, 2),
			[]string{"bad f: packet 1: no record header here (it would give 2147483647 captured bytes): skipped 16 bytes",
				"1 1000.000002000 link 1 60/60 02"}},
		{"wrong length beyond the end", wrong.rec(1000, 3, 60, 3),
			[]string{first, "bad f: packet 2: captured length of 70000 bytes is wrong: skipped 76 bytes",
				"2 1000.000003000 link 1 60/60 03"}},
		{"wrong length and time beyond the end", start.u32(0x30000000, 2, 70000, 70000).raw(filled(60, 2)...).rec(1000, 3, 60, 3),
			[]string{first, "bad f: packet 2: captured length of 70000 bytes is wrong: skipped 76 bytes",
				"2 1000.000003000 link 1 60/60 03"}},
		{"odd header whose length leads nowhere", start.u32(1000, 0x7fffffff, 100, 100).raw(filled(60, 0xaa)...).
			rec(1000, 3, 60, 3).rec(1000, 4, 60, 4).rec(1000, 5, 60, 5),
			[]string{first, "bad f: packet 2: no record header here (it would give 100 captured bytes): skipped 76 bytes",
				"2 1000.000003000 link 1 60/60 03", "3 1000.000004000 link 1 60/60 04", "4 1000.000005000 link 1 60/60 05"}},
		{"damaged time in front of junk", start.rec(0x30000000, 2, 60, 2).text(text).rec(1000, 3, 60, 3),
			[]string{first, "2 805306368.000002000 link 1 60/60 02",
				"bad f: packet 3: no record header here (it would give 808464928 captured bytes): skipped 30 bytes",
				"3 1000.000003000 link 1 60/60 03"}},
		{"junk that looks like a long packet", start.u32(0x30000000, 2, 70000, 70000).raw(filled(60, 2)...),
			[]string{first, "bad f: packet 2: no record header here (it would give 70000 captured bytes), and none found behind it"}},
	})
}

func TestSniffPcap(t *testing.T) {
	for _, c := range []struct {
		name string
		head []byte
		want bool
	}{
		{"little", littleFile.plain().b, true},
		{"big", bigFile.plain().b, true},
		{"nanoseconds", bigFile.u32(magicNano).b, true},
		{"three bytes", []byte{0xd4, 0xc3, 0xb2}, false},
		{"pcapng", littleFile.section().b, false},
		{"version 0", littleFile.pcap(magicMicro, 0, 4, 0, 0).b, false},
		{"empty", nil, false},
	} {
		if got := SniffPcap(c.head); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzPcap(f *testing.F) {
	f.Add(littleFile.plain().rec(1, 2, 60, 3).b)
	f.Add(bigFile.pcap(magicNano, 2, 4, 0, 101).rec(1, 2, 60, 0x45).b)
	f.Add(littleFile.pcap(magicPatched, 2, 4, 0, 1).u32(1, 2, 3, 4, 5, 6).raw(1, 2, 3).b)
	f.Add(littleFile.plain().rec(1000, 1, 60, 1).text("junk in between, and a lot of it").rec(1000, 2, 60, 2).b)
	f.Add(littleFile.pcap(magicMicro, 2, 3, 0, 0x24000001).rec(1, 2, 3, 3).b)
	f.Fuzz(fuzzSource)
}

// fuzzSource checks what must hold for any bytes: an end, packets in order, no
// byte made up.
func fuzzSource(t *testing.T, file []byte) {
	s, err := NewSource(bytes.NewReader(file), "f")
	if err != nil {
		return
	}
	var p Raw
	var last int64
	total := 0
	for range len(file) + 10 {
		err := s.Next(&p)
		if err == io.EOF {
			if total > len(file) {
				t.Errorf("%d bytes of packets in a file of %d", total, len(file))
			}
			return
		}
		if err != nil {
			continue
		}
		if p.Number <= last || p.Len < len(p.Data) {
			t.Fatalf("packet %d after %d, %d bytes of %d", p.Number, last, len(p.Data), p.Len)
		}
		last = p.Number
		total += len(p.Data)
		if len(p.Data) > 0 && !slices.Contains(file, p.Data[0]) {
			t.Fatal("byte that the file does not hold")
		}
	}
	t.Fatal("no end")
}
