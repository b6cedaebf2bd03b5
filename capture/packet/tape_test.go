package packet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"envelope/capture"
)

// tape records packets made by hand as a pcap file, 10 ms apart where nothing
// else is said. Packets are numbered from 1.
type tape struct {
	b    []byte
	now  time.Duration // since the epoch of the tests
	step time.Duration
	snap int // bytes kept of the next packets; 0 for all
	n    int
}

var epoch = capture.TimeOf(time.Date(2026, time.March, 2, 14, 0, 0, 0, time.UTC))

func newTape() *tape {
	return &tape{step: 10 * time.Millisecond, b: littleFile.pcap(magicNano, 2, 4, 262144, 1).b}
}

// packet records one IPv4 or IPv6 packet between locally administered link addresses.
func (t *tape) packet(src, dst netip.Addr, proto byte, body []byte) {
	frame := []byte{2, 0, 0, 0, 0, dst.AsSlice()[len(dst.AsSlice())-1], 2, 0, 0, 0, 0, src.AsSlice()[len(src.AsSlice())-1]}
	if src.Is4() {
		frame = append(frame, 8, 0, 0x45, 0)
		frame = binary.BigEndian.AppendUint16(frame, uint16(20+len(body)))
		frame = append(frame, 0, 0, 0x40, 0, 64, proto, 0, 0)
	} else {
		frame = append(frame, 0x86, 0xdd, 0x60, 0, 0, 0)
		frame = binary.BigEndian.AppendUint16(frame, uint16(len(body)))
		frame = append(frame, proto, 64)
	}
	frame = append(append(append(frame, src.AsSlice()...), dst.AsSlice()...), body...)
	at := uint64(epoch.Add(t.now))
	kept := len(frame)
	if t.snap > 0 {
		kept = min(kept, t.snap)
	}
	for _, v := range []uint32{uint32(at / 1e9), uint32(at % 1e9), uint32(kept), uint32(len(frame))} {
		t.b = binary.LittleEndian.AppendUint32(t.b, v)
	}
	t.b = append(t.b, frame[:kept]...)
	t.n++
	t.now += t.step
}

func (t *tape) tcp(src, dst netip.AddrPort, flags byte, seq, ack uint32, payload []byte) {
	h := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, src.Port()), dst.Port())
	h = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(h, seq), ack)
	t.packet(src.Addr(), dst.Addr(), ProtoTCP, append(append(h, 5<<4, flags, 16, 0, 0, 0, 0, 0), payload...))
}

func (t *tape) udp(src, dst netip.AddrPort, payload []byte) {
	h := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, src.Port()), dst.Port())
	h = binary.BigEndian.AppendUint16(h, uint16(8+len(payload)))
	t.packet(src.Addr(), dst.Addr(), ProtoUDP, append(append(h, 0, 0), payload...))
}

// talk is one TCP connection on a tape. The sequence numbers of both sides are
// kept, so that a test says only what is odd.
type talk struct {
	*tape
	ends [2]netip.AddrPort
	isn  [2]uint32
	sent [2]int // bytes of the stream so far
}

var (
	phone  = netip.MustParseAddrPort("10.0.0.7:40000")
	server = netip.MustParseAddrPort("192.0.2.80:443")
)

func (t *tape) talk(client, server netip.AddrPort) *talk {
	return &talk{tape: t, ends: [2]netip.AddrPort{client, server}, isn: [2]uint32{1000, 500000}}
}

// open sends the three packets of the handshake.
func (c *talk) open() *talk {
	c.tcp(c.ends[0], c.ends[1], FlagSYN, c.isn[0]-1, 0, nil)
	c.tcp(c.ends[1], c.ends[0], FlagSYN|FlagACK, c.isn[1]-1, c.isn[0], nil)
	return c.ack(capture.Up)
}

// at sends bytes at an offset of the stream, again or too early.
func (c *talk) at(dir, offset int, b []byte) *talk {
	c.tcp(c.ends[dir], c.ends[1-dir], FlagACK|FlagPSH, c.isn[dir]+uint32(offset), c.isn[1-dir]+uint32(c.sent[1-dir]), b)
	return c
}

// say sends the next bytes of the stream.
func (c *talk) say(dir int, b []byte) *talk {
	c.sent[dir] += len(b)
	return c.at(dir, c.sent[dir]-len(b), b)
}

// cut sends the next bytes in segments of the given sizes and one with the rest.
func (c *talk) cut(dir int, b []byte, sizes ...int) *talk {
	for _, n := range sizes {
		c.say(dir, b[:n])
		b = b[n:]
	}
	return c.say(dir, b)
}

// lose moves the stream on by bytes that nobody captured.
func (c *talk) lose(dir, n int) *talk { c.sent[dir] += n; return c }

func (c *talk) ack(dir int) *talk {
	c.tcp(c.ends[dir], c.ends[1-dir], FlagACK, c.isn[dir]+uint32(c.sent[dir]), c.isn[1-dir]+uint32(c.sent[1-dir]), nil)
	return c
}

func (c *talk) flag(dir int, flags byte) *talk {
	c.tcp(c.ends[dir], c.ends[1-dir], flags, c.isn[dir]+uint32(c.sent[dir]), c.isn[1-dir]+uint32(c.sent[1-dir]), nil)
	return c
}

// read gives what a Reader tells of captures, in text: a line for each flow,
// followed by lines for what was gathered, and a line for each name or error.
func read(t testing.TB, o Options, files ...[]byte) []string {
	t.Helper()
	r := NewReader(o)
	var out []string
	take := func(rec capture.Record, err error) {
		switch {
		case err != nil:
			out = append(out, "error "+err.Error())
		case rec.Name != nil:
			out = append(out, fmt.Sprintf("name %q %s for %v %x #%d", rec.Name.Value, rec.Name.How, rec.Name.Addr, rec.Name.MAC, rec.Origin.At))
		default:
			out = append(out, told1(rec.Flow)...)
		}
	}
	for i, b := range files {
		in, err := capture.OpenReader(bytes.NewReader(b), "f", int32(i), r.Formats())
		if err != nil {
			t.Fatal(err)
		}
		for rec, err := range in.All() {
			take(rec, err)
		}
		for _, w := range in.Warnings {
			out = append(out, "warning "+w)
		}
	}
	for rec, err := range r.Finish() {
		take(rec, err)
	}
	if r.undecided != 0 || r.reordered != 0 || r.table.live != 0 {
		t.Errorf("counts left at the end: %d undecided frames, %d reordered bytes, %d flows", r.undecided, r.reordered, r.table.live)
	}
	return out
}

// told1 is a flow in text. What is as usual is left out.
func told1(f *capture.Flow) []string {
	s := fmt.Sprintf("%d %v > %v %s", f.Proto, f.Client, f.Server, f.ClientHow)
	for _, p := range []struct {
		say  bool
		text string
	}{
		{f.Midstream, "midstream"}, {f.Closed, "closed"}, {!f.Final, "more"}, {f.FramesUncollected, "uncollected"},
		{f.Host != "", f.Host + "(" + f.HostHow + ")"}, {f.Realm != "", "realm=" + f.Realm}, {f.ECH, "ech"},
		{len(f.Signs) > 0, strings.Join(f.Signs, ",")},
		{f.Missing != [2]uint64{}, fmt.Sprintf("missing=%d/%d", f.Missing[0], f.Missing[1])},
		{f.Retransmitted != [2]uint64{}, fmt.Sprintf("again=%d/%d", f.Retransmitted[0], f.Retransmitted[1])},
		{f.Kin != 0, fmt.Sprintf("kin=%d", f.Kin)}, {f.PeerKin != 0, fmt.Sprintf("peerkin=%d", f.PeerKin)},
	} {
		if p.say {
			s += " " + p.text
		}
	}
	out := []string{s}
	for _, x := range f.Frames {
		out = append(out, fmt.Sprintf("  %s %s %d #%d%s", way(x.Up), frameWords[x.Kind], x.Length, x.Origin.At, only(x.Guess, " guess")))
	}
	for _, x := range f.Signals {
		out = append(out, fmt.Sprintf("  %s signal %04x %d #%d%s%s%s", way(x.Up), x.Type, x.Length, x.Origin.At,
			only(x.Ufrags != "", " "+x.Ufrags), only(x.Tag != "", " tag "+x.Tag), only(x.Relay, " relayed "+through(x.Through))))
	}
	for _, x := range f.Bursts {
		out = append(out, fmt.Sprintf("  %s %s %d packets %d bytes #%d-#%d%s%s%s", way(x.Up), burstWords[x.Kind], x.Packets, x.Bytes, x.FirstAt.At, x.LastAt.At,
			only(x.SSRC != 0, fmt.Sprintf(" ssrc %d type %d", x.SSRC, x.PayloadType)), only(x.Tag != "", " tag "+x.Tag), only(x.Relay, " relayed "+through(x.Through))))
	}
	return out
}

var (
	frameWords = map[capture.FrameKind]string{capture.FrameData: "data", capture.FrameHandshake: "handshake", capture.FrameAlert: "alert",
		capture.FrameClear: "clear", capture.FrameSegment: "segment", capture.FrameDatagram: "datagram", capture.FrameGap: "gap"}
	burstWords = map[capture.BurstKind]string{capture.BurstOpaque: "opaque", capture.BurstRTP: "rtp", capture.BurstRTCP: "rtcp",
		capture.BurstDTLS: "dtls", capture.BurstQUIC: "quic", capture.BurstPadding: "padding"}
)

func way(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

func only(say bool, s string) string {
	if say {
		return s
	}
	return ""
}

func through(a netip.AddrPort) string {
	if !a.IsValid() {
		return "somewhere"
	}
	return a.String()
}

// tls is TLS records of one kind with bodies of the given lengths. A handshake
// record's body is an encrypted Finished.
func tls(kind byte, lengths ...int) []byte {
	var out []byte
	for _, n := range lengths {
		out = append(out, kind, 3, 3, byte(n>>8), byte(n))
		out = append(out, filled(n, 0xa5)...)
	}
	return out
}

func data(lengths ...int) []byte { return tls(23, lengths...) }

// sized puts a length of size bytes before b.
func sized(size int, b ...byte) []byte {
	n := binary.BigEndian.AppendUint32(nil, uint32(len(b)))
	return append(n[4-size:], b...)
}

// clientHello is a handshake message with a server name and one cipher suite.
func clientHello(name string) []byte {
	sni := append([]byte{0, 0}, sized(2, sized(2, append([]byte{0}, sized(2, []byte(name)...)...)...)...)...)
	alpn := append([]byte{0, 16}, sized(2, sized(2, sized(1, 'h', '2')...)...)...)
	versions := append([]byte{0, 43}, sized(2, 2, 3, 4)...)
	body := slices.Concat([]byte{3, 3}, filled(32, 7), []byte{0}, sized(2, 0x13, 1), []byte{1, 0}, sized(2, slices.Concat(sni, alpn, versions)...))
	return append([]byte{1}, sized(3, body...)...)
}

// helloRecord is the client hello in one TLS record.
func helloRecord(name string) []byte {
	m := clientHello(name)
	return append([]byte{22, 3, 1}, sized(2, m...)...)
}

// serverHello is a TLS record that looks like a server hello of n bytes.
func serverHello(n int) []byte {
	b := tls(22, n)
	copy(b[5:], []byte{2, 0, byte((n - 4) >> 8), byte(n - 4)})
	return b
}
