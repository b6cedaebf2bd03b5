package packet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"envelope/capture"

	"github.com/google/go-cmp/cmp"
)

// fileBuilder writes capture files by hand.
type fileBuilder struct {
	order binary.AppendByteOrder
	b     []byte
}

var (
	littleFile = fileBuilder{order: binary.LittleEndian}
	bigFile    = fileBuilder{order: binary.BigEndian}
)

func (f fileBuilder) u16(v ...uint16) fileBuilder {
	for _, v := range v {
		f.b = f.order.AppendUint16(slices.Clip(f.b), v)
	}
	return f
}

func (f fileBuilder) u32(v ...uint32) fileBuilder {
	for _, v := range v {
		f.b = f.order.AppendUint32(slices.Clip(f.b), v)
	}
	return f
}

func (f fileBuilder) raw(b ...byte) fileBuilder {
	f.b = append(slices.Clip(f.b), b...)
	return f
}

func (f fileBuilder) text(s string) fileBuilder { return f.raw([]byte(s)...) }

func (f fileBuilder) pcap(magic uint32, major, minor uint16, snap, link uint32) fileBuilder {
	return f.u32(magic).u16(major, minor).u32(0, 0, snap, link)
}

// plain is a pcap header as tcpdump writes it.
func (f fileBuilder) plain() fileBuilder { return f.pcap(magicMicro, 2, 4, 262144, 1) }

// rec is a pcap record of n bytes, which are filled with fill.
func (f fileBuilder) rec(sec, frac uint32, n int, fill byte) fileBuilder {
	return f.u32(sec, frac, uint32(n), uint32(n)).raw(filled(n, fill)...)
}

func filled(n int, fill byte) []byte { return slices.Repeat([]byte{fill}, n) }

// block is a pcapng block around body, padded.
func (f fileBuilder) block(kind uint32, body fileBuilder) fileBuilder {
	for len(body.b)%4 != 0 {
		body = body.raw(0)
	}
	n := uint32(len(body.b) + 12)
	return f.u32(kind, n).raw(body.b...).u32(n)
}

// empty is a builder of the same byte order with nothing in it.
func (f fileBuilder) empty() fileBuilder { f.b = nil; return f }

func (f fileBuilder) section() fileBuilder {
	return f.block(blockSection, f.empty().u32(orderMagic).u16(1, 0).u32(0xffffffff, 0xffffffff))
}

func (f fileBuilder) iface(link uint16, snap uint32, options ...fileBuilder) fileBuilder {
	body := f.empty().u16(link, 0).u32(snap)
	for _, o := range options {
		body = body.raw(o.b...)
	}
	return f.block(blockInterface, body)
}

func (f fileBuilder) option(code uint16, value ...byte) fileBuilder {
	o := f.empty().u16(code, uint16(len(value))).raw(value...)
	for len(o.b)%4 != 0 {
		o = o.raw(0)
	}
	return o
}

func (f fileBuilder) epb(id uint32, ticks uint64, n, wire int, fill byte, options ...fileBuilder) fileBuilder {
	body := f.empty().u32(id, uint32(ticks>>32), uint32(ticks), uint32(n), uint32(wire)).raw(filled(n, fill)...)
	for len(body.b)%4 != 0 {
		body = body.raw(0)
	}
	for _, o := range options {
		body = body.raw(o.b...)
	}
	return f.block(blockEnhanced, body)
}

// told is what a Source says about a file, one line for each packet, error,
// name and warning.
func told(r io.Reader) []string {
	s, err := NewSource(r, "f")
	if err != nil {
		return []string{"error " + err.Error()}
	}
	var out []string
	var p Raw
	for range 10000 {
		err := s.Next(&p)
		var bad *capture.SyntaxError
		switch {
		case err == io.EOF:
			for _, n := range s.Names() {
				out = append(out, fmt.Sprintf("name %v %s %s", n.Addr, n.Value, n.How))
			}
			for _, w := range s.Warnings() {
				out = append(out, "warning "+w)
			}
			if err := s.Next(&p); err != io.EOF {
				out = append(out, "not at the end: "+fmt.Sprint(err))
			}
			return out
		case errors.As(err, &bad):
			out = append(out, "bad "+err.Error())
		case err != nil:
			return append(out, "error "+err.Error())
		default:
			out = append(out, tell(&p))
		}
	}
	return append(out, "no end")
}

func tell(p *Raw) string {
	line := fmt.Sprintf("%d %d.%09d link %d %d/%d", p.Number, p.Time/1e9, p.Time%1e9, p.Link, len(p.Data), p.Len)
	if len(p.Data) > 0 {
		line += fmt.Sprintf(" %02x", p.Data[len(p.Data)-1])
	}
	if p.App != "" {
		line += " app " + p.App
	}
	return line
}

// fileCase is one file and what it must give.
type fileCase struct {
	name string
	file fileBuilder
	want []string
}

// check runs the cases, each as a whole and with one byte a read.
func check(t *testing.T, cases []fileCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, told(strings.NewReader(string(c.file.b)))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if diff := cmp.Diff(c.want, told(iotest.OneByteReader(strings.NewReader(string(c.file.b))))); diff != "" {
				t.Errorf("byte by byte, -want +got\n%s", diff)
			}
		})
	}
}

func TestNewSourceRefuses(t *testing.T) {
	check(t, []fileCase{
		{"empty", fileBuilder{}, []string{"error f: neither pcap nor pcapng"}},
		{"text", fileBuilder{}.text("192.168.0.1 - - [05/Jan/2026"), []string{"error f: neither pcap nor pcapng"}},
		{"other version", littleFile.pcap(magicMicro, 7, 4, 0, 1), []string{"error f: neither pcap nor pcapng"}},
		{"half a header", fileBuilder{b: littleFile.plain().b[:20]}, []string{"error f: cut short in the pcap file header: 20 of 24 bytes"}},
		{"section of another format", bigFile.u32(blockSection, 28, 0x12345678), []string{"error f: neither pcap nor pcapng"}},
	})
}

// TestReaderErrors checks that an error of the reader ends the source and that
// what was read before it is given.
func TestReaderErrors(t *testing.T) {
	file := littleFile.plain().rec(1, 2, 60, 7).rec(1, 3, 60, 8).b
	broken := func(err error) io.Reader {
		return io.MultiReader(strings.NewReader(string(file)), iotest.ErrReader(err))
	}
	first, second := "1 1.000002000 link 1 60/60 07", "2 1.000003000 link 1 60/60 08"
	want := []string{first, second, "error disk on fire"}
	if diff := cmp.Diff(want, told(broken(errors.New("disk on fire")))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	early := &capture.SyntaxError{Path: "f", Msg: "gzip data end early"}
	want = []string{first, second, "bad f: gzip data end early"}
	if diff := cmp.Diff(want, told(broken(early))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"error no"}, told(iotest.ErrReader(errors.New("no")))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// stuck never reads anything.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestReaderWithoutProgress(t *testing.T) {
	r := io.MultiReader(strings.NewReader(string(littleFile.plain().b)), stuck{})
	if got := told(r); len(got) != 1 || got[0] != "error "+io.ErrNoProgress.Error() {
		t.Errorf("got %q", got)
	}
}

// TestWindowMoves reads packets of all sizes, so that some lie over the end of
// the window, and compares every byte.
func TestWindowMoves(t *testing.T) {
	f := littleFile.plain()
	var b []byte
	sizes := []int{1, 60, 1500, 65535, maxPacket, 14, maxPacket - 1, 9000}
	for i := range 40 {
		b = append(b, littleFile.rec(uint32(i), 0, sizes[i%len(sizes)], byte(i)).b...)
	}
	s, err := NewSource(iotest.HalfReader(strings.NewReader(string(f.b)+string(b))), "f")
	if err != nil {
		t.Fatal(err)
	}
	var p Raw
	for i := range 40 {
		if err := s.Next(&p); err != nil {
			t.Fatal(err)
		}
		n := sizes[i%len(sizes)]
		if len(p.Data) != n || !slices.Equal(p.Data, filled(n, byte(i))) {
			t.Fatalf("packet %d has other bytes than were written", i+1)
		}
	}
	if err := s.Next(&p); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// BenchmarkSource reads a file of 20000 packets from memory.
func BenchmarkSource(b *testing.B) {
	for _, name := range []string{"pcap", "pcapng"} {
		file := benchFile(name)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				countPackets(b, file)
			}
		})
	}
}

func benchFile(name string) []byte {
	f := littleFile.plain()
	one := func(n int) []byte { return littleFile.rec(1_600_000_000, 7, n, 1).b }
	if name == "pcapng" {
		f = littleFile.section().iface(1, 0)
		one = func(n int) []byte { return littleFile.epb(0, 1_600_000_000_000_000, n, n, 1).b }
	}
	out := f.b
	for i := range 20000 {
		out = append(out, one([]int{60, 66, 1514, 300}[i%4])...)
	}
	return out
}

func countPackets(tb testing.TB, file []byte) int {
	s, err := NewSource(bytes.NewReader(file), "f")
	if err != nil {
		tb.Fatal(err)
	}
	var p Raw
	n := 0
	for {
		switch err := s.Next(&p); err {
		case nil:
			n++
		case io.EOF:
			return n
		default:
			tb.Fatal(err)
		}
	}
}
