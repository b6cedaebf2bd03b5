package packet

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bits builds packets by hand: hexadecimal digits with blanks between them.
func hexa(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

func glue(parts ...[]byte) []byte { return slices.Concat(parts...) }

func two(v int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(v)) }

const (
	macDst = "02 00 00 00 00 02"
	macSrc = "02 00 00 00 00 01"
)

// etherOf is an Ethernet frame of one EtherType.
func etherOf(etherType int, body []byte) []byte {
	return glue(hexa(macDst+macSrc), two(etherType), body)
}

// ipv4Of is a packet from 10.0.0.1 to 10.0.0.2.
func ipv4Of(proto byte, body []byte) []byte { return ipv4Part(proto, 0, 0, body) }

// ipv4Part is one with an identification and a fragment field.
func ipv4Part(proto byte, id, part int, body []byte) []byte {
	return glue([]byte{0x45, 0}, two(20+len(body)), two(id), two(part), []byte{64, proto, 0, 0},
		hexa("0a000001 0a000002"), body)
}

// outer4Of is a packet from 192.0.2.1 to 192.0.2.2, to put around another.
func outer4Of(proto byte, body []byte) []byte {
	b := ipv4Of(proto, body)
	copy(b[12:], hexa("c0000201 c0000202"))
	return b
}

// ipv6Of is a packet from 2001:db8::1 to 2001:db8::2.
func ipv6Of(next byte, body []byte) []byte {
	return glue(hexa("60000000"), two(len(body)), []byte{next, 64},
		hexa("20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002"), body)
}

func udpOf(src, dst int, body []byte) []byte {
	return glue(two(src), two(dst), two(8+len(body)), two(0), body)
}

func tcpOf(src, dst int, flags byte, body []byte) []byte {
	return glue(two(src), two(dst), hexa("01020304 05060708"), []byte{0x50, flags}, hexa("ffff 0000 0000"), body)
}

var (
	hello    = []byte("hello")
	udpHello = udpOf(1000, 2000, hello)
	tcpHello = tcpOf(1000, 2000, FlagPSH|FlagACK, hello)
	udp4     = ipv4Of(ProtoUDP, udpHello)
	udp6     = ipv6Of(ProtoUDP, udpHello)
	inEther  = etherOf(etherIPv4, udp4)
)

const (
	saysUDP4 = "udp 10.0.0.1:1000 10.0.0.2:2000 hello/5"
	saysUDP6 = "udp [2001:db8::1]:1000 [2001:db8::2]:2000 hello/5"
)

// say renders a decoded packet in one line.
func say(v Verdict, p *Packet) string {
	if v.Outcome > Cut {
		return v.Outcome.String() + ": " + v.Why
	}
	proto := map[uint8]string{ProtoTCP: "tcp", ProtoUDP: "udp", ProtoSCTP: "sctp"}[p.Proto]
	if proto == "" {
		proto = fmt.Sprint("proto ", p.Proto)
	}
	s := fmt.Sprintf("%s %s %s %s/%d", proto, netip.AddrPortFrom(p.Src, p.SrcPort),
		netip.AddrPortFrom(p.Dst, p.DstPort), p.Payload, p.PayloadLen)
	if p.Tunnel > 0 {
		s += fmt.Sprintf(" tunnel %d", p.Tunnel)
	}
	if p.VLANs > 0 {
		s += fmt.Sprintf(" vlan %d/%d of %d", p.VLANOut, p.VLAN, p.VLANs)
	}
	if p.Fragment {
		s += " fragment"
	}
	if v.Why != "" {
		s += " (" + v.Outcome.String() + ": " + v.Why + ")"
	}
	return s
}

// decodeOne decodes a single packet with a decoder of its own.
func decodeOne(t LinkType, data []byte, wire int) string {
	var p Packet
	v := NewDecoder().Decode(&Raw{Link: t, Len: wire, Data: data}, &p)
	return say(v, &p)
}

type decodeCase struct {
	name string
	link LinkType
	data []byte
	want string
}

func checkDecode(t *testing.T, cases []decodeCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, decodeOne(c.link, c.data, len(c.data))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeFields(t *testing.T) {
	data := glue(hexa(macDst+macSrc), hexa("8100 6064 0800"), ipv4Of(ProtoTCP, tcpHello), hexa("000000"))
	raw := Raw{Number: 7, Time: 42, Link: LinkEthernet, Len: len(data), Data: data, App: "app"}
	p := Packet{Tunnel: 9, Fragment: true, Payload: hello} // left from the packet before
	if v := NewDecoder().Decode(&raw, &p); v != (Verdict{}) {
		t.Fatal(v)
	}
	want := Packet{
		Number: 7, Time: 42, Len: len(data), App: "app",
		SrcMAC: [6]byte{2, 0, 0, 0, 0, 1}, DstMAC: [6]byte{2, 0, 0, 0, 0, 2},
		VLAN: 100, VLANOut: 100, VLANs: 1,
		Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.0.2"),
		Proto: ProtoTCP, SrcPort: 1000, DstPort: 2000, IPLen: 45,
		TCPFlags: FlagPSH | FlagACK, Seq: 0x01020304, Ack: 0x05060708,
		Payload: hello, PayloadLen: 5,
	}
	if diff := cmp.Diff(want, p, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeIP(t *testing.T) {
	options := glue(hexa("46 00"), two(24+len(udpHello)), hexa("0000 0000 40 11 0000 0a000001 0a000002 01010101"), udpHello)
	noLength := slices.Clone(udp4)
	copy(noLength[2:], []byte{0, 0})
	tooLong := slices.Clone(udp4)
	copy(tooLong[2:], two(100))
	noLength6 := slices.Clone(udp6)
	copy(noLength6[4:], []byte{0, 0})
	udpZero := slices.Clone(udp4)
	copy(udpZero[24:], []byte{0, 0})
	udpTooLong := slices.Clone(udp4)
	copy(udpTooLong[24:], two(500))
	checkDecode(t, []decodeCase{
		{"udp", LinkRaw, udp4, saysUDP4},
		{"udp6", LinkRaw, udp6, saysUDP6},
		{"tcp", LinkRaw, ipv4Of(ProtoTCP, tcpHello), "tcp 10.0.0.1:1000 10.0.0.2:2000 hello/5"},
		{"tcp options", LinkRaw, ipv4Of(ProtoTCP, glue(two(1), two(2), hexa("00000000 00000000 6002 0000 00000000 020405b4"), hello)),
			"tcp 10.0.0.1:1 10.0.0.2:2 hello/5"},
		{"sctp", LinkRaw, ipv4Of(ProtoSCTP, glue(two(1), two(2), hexa("00000000 00000000"), hello)),
			"sctp 10.0.0.1:1 10.0.0.2:2 hello/5"},
		{"options", LinkRaw, options, saysUDP4},
		{"padding is no payload", LinkEthernet, glue(inEther, make([]byte, 20)), saysUDP4},
		{"offload: total length 0", LinkRaw, noLength, saysUDP4},
		{"offload: payload length 0", LinkRaw, noLength6, saysUDP6},
		{"offload: UDP length 0", LinkRaw, udpZero, saysUDP4},
		{"total length beyond the frame", LinkRaw, tooLong, saysUDP4},
		{"UDP length beyond the packet", LinkRaw, udpTooLong, saysUDP4},
		{"UDP length below the packet", LinkRaw, ipv4Of(ProtoUDP, glue(udpHello, hello)), saysUDP4},
		{"icmp error is not the packet it quotes", LinkRaw, ipv4Of(ProtoICMP, glue(hexa("03030000 00000000"), []byte("quote"))),
			"proto 1 10.0.0.1:0 10.0.0.2:0 \x03\x03\x00\x00\x00\x00\x00\x00quote/13 (without ports: ICMP)"},
		{"icmp error with a whole packet", LinkRaw, ipv4Of(ProtoICMP, glue(hexa("03030000 00000000"), udp4)),
			"proto 1 10.0.0.1:0 10.0.0.2:0 \x03\x03\x00\x00\x00\x00\x00\x00" + string(udp4) + "/41 (without ports: ICMP)"},
		{"esp", LinkRaw, ipv4Of(protoESP, hello), "proto 50 10.0.0.1:0 10.0.0.2:0 hello/5 (without ports: ESP)"},
		{"other", LinkRaw, ipv4Of(2, hello), "proto 2 10.0.0.1:0 10.0.0.2:0 hello/5 (without ports: another transport protocol)"},
		{"authentication header", LinkRaw, ipv4Of(protoAH, glue(hexa("11 01 0000 00000001 00000001"), udpHello)), saysUDP4},
		{"hop by hop", LinkRaw, ipv6Of(0, glue(hexa("11 00 0502 0000 0100"), udpHello)), saysUDP6},
		{"segment routing", LinkRaw, ipv6Of(protoRouting, glue(hexa("11 02 04 00 00000000"), make([]byte, 16), udpHello)), saysUDP6},
		{"chain", LinkRaw, ipv6Of(0, glue(hexa("3c 00 0104 00000000  87 00 0104 00000000  33 00 0000 0000 0000"),
			hexa("11 01 0000 00000001 00000001"), udpHello)), saysUDP6},
		{"atomic fragment", LinkRaw, ipv6Of(protoFragment, glue(hexa("11 00 0000 00000001"), udpHello)), saysUDP6},
		{"nothing next", LinkRaw, ipv6Of(protoNoNext, nil), "proto 59 [2001:db8::1]:0 [2001:db8::2]:0 /0 (without ports: no next header)"},
	})
}

func TestDecodeMalformed(t *testing.T) {
	change := func(b []byte, at int, v byte) []byte {
		b = slices.Clone(b)
		b[at] = v
		return b
	}
	tcp4 := ipv4Of(ProtoTCP, tcpHello)
	checkDecode(t, []decodeCase{
		{"empty", LinkEthernet, nil, "malformed: cut inside the Ethernet header"},
		{"empty raw", LinkRaw, nil, "malformed: no bytes of the IP header"},
		{"version", LinkRaw, change(udp4, 0, 0x55), "not IP: neither IPv4 nor IPv6"},
		{"version of EtherType", LinkEthernet, etherOf(etherIPv4, udp6), "malformed: IP version is not 4"},
		{"version of EtherType 6", LinkEthernet, etherOf(etherIPv6, glue(udp4, udp4)), "malformed: IP version is not 6"},
		{"header length", LinkRaw, change(udp4, 0, 0x44), "malformed: IPv4 header length"},
		{"total length", LinkRaw, change(udp4, 3, 19), "malformed: IPv4 total length"},
		{"cut header", LinkRaw, udp4[:19], "malformed: cut inside the IPv4 header"},
		{"cut header 6", LinkRaw, udp6[:39], "malformed: cut inside the IPv6 header"},
		{"tcp offset", LinkRaw, change(tcp4, 32, 0x40), "malformed: TCP data offset"},
		{"tcp offset beyond", LinkRaw, change(tcp4, 32, 0xf0), "malformed: TCP data offset"},
		{"udp length", LinkRaw, change(udp4, 25, 7), "malformed: UDP length"},
		{"short segment", LinkRaw, ipv4Of(ProtoTCP, tcpHello[:12]), "malformed: IP payload shorter than the transport header"},
		{"extension", LinkRaw, ipv6Of(0, hexa("11 ff 0502 0000 0100")), "malformed: IPv6 extension header length"},
		{"unknown link", LinkType(195), udp4, "unknown link type: link type is not decoded"},
	})
}

// TestDecodeCut cuts packets as a snap length does: the original length stays.
func TestDecodeCut(t *testing.T) {
	frame := etherOf(etherIPv4, ipv4Of(ProtoTCP, tcpHello))
	dgram := inEther
	cases := []struct {
		data []byte
		n    int
		want string
	}{
		{frame, len(frame) - 2, "tcp 10.0.0.1:1000 10.0.0.2:2000 hel/5"},
		{frame, 54, "tcp 10.0.0.1:1000 10.0.0.2:2000 /5"},
		{frame, 53, "tcp 10.0.0.1:1000 10.0.0.2:2000 /0 (cut: cut inside the TCP header)"},
		{frame, 38, "tcp 10.0.0.1:1000 10.0.0.2:2000 /0 (cut: cut inside the TCP header)"},
		{frame, 37, "tcp 10.0.0.1:0 10.0.0.2:0 /0 (cut: cut inside the TCP header)"},
		{frame, 33, "malformed: cut inside the IPv4 header"},
		{frame, 13, "malformed: cut inside the Ethernet header"},
		{dgram, 44, "udp 10.0.0.1:1000 10.0.0.2:2000 he/5"},
		{dgram, 41, "udp 10.0.0.1:1000 10.0.0.2:2000 /0 (cut: cut inside the UDP header)"},
	}
	for _, c := range cases {
		if diff := cmp.Diff(c.want, decodeOne(LinkEthernet, c.data[:c.n], len(c.data))); diff != "" {
			t.Errorf("cut at %d: %s", c.n, diff)
		}
	}
}

// seeds are packets of every kind for fuzzing.
func seeds() []decodeCase {
	return slices.Concat(linkCases(), tunnelCases(), wifiCases())
}

func FuzzDecode(f *testing.F) {
	for _, c := range seeds() {
		f.Add(uint16(c.link), c.data, uint16(0))
	}
	f.Add(uint16(LinkRaw), ipv4Part(ProtoUDP, 1, 0x2000, udpOf(1, 2, make([]byte, 8))), uint16(0))
	f.Add(uint16(LinkRaw), ipv4Part(ProtoUDP, 1, 2, hello), uint16(9))
	d := NewDecoder()
	f.Fuzz(func(t *testing.T, link uint16, data []byte, more uint16) {
		before := bytes.Clone(data)
		raw := Raw{Number: 1, Link: LinkType(link), Len: len(data) + int(more), Data: data}
		var p, q Packet
		holds(t, d.Decode(&raw, &p), &p)
		if !bytes.Equal(before, data) {
			t.Fatal("the captured bytes were written to")
		}
		for v, ok := d.Incomplete(raw.Time, &q); ok; v, ok = d.Incomplete(raw.Time, &q) {
			holds(t, v, &q)
		}
	})
}

// holds checks what is true of every packet.
func holds(t *testing.T, v Verdict, p *Packet) {
	t.Helper()
	switch {
	case len(p.Payload) > p.PayloadLen:
		t.Fatalf("more payload than there was: %s", say(v, p))
	case v.Outcome <= Cut && (!p.Src.IsValid() || !p.Dst.IsValid()):
		t.Fatalf("no addresses: %s", say(v, p))
	case v.Outcome <= NoPorts && p.PayloadLen > p.IPLen:
		t.Fatalf("more payload than packet: %s", say(v, p))
	case v.Outcome != WithPorts && v.Why == "":
		t.Fatalf("no reason: %s", say(v, p))
	case p.Tunnel > maxNesting:
		t.Fatal("nested too deeply")
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	d := NewDecoder()
	for _, c := range seeds() {
		raw := Raw{Link: c.link, Len: len(c.data), Data: c.data}
		var p Packet
		if n := testing.AllocsPerRun(100, func() { d.Decode(&raw, &p) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range []decodeCase{
		{name: "ethernet-ipv4-tcp", link: LinkEthernet, data: etherOf(etherIPv4, ipv4Of(ProtoTCP, tcpHello))},
		{name: "vlan-ipv6-udp", link: LinkEthernet, data: etherOf(etherVLAN, glue(hexa("0064 86dd"), udp6))},
		{name: "vxlan", link: LinkEthernet, data: etherOf(etherIPv4, outer4Of(ProtoUDP, udpOf(9, portVXLAN, glue(hexa("08000000 00000100"), inEther))))},
	} {
		b.Run(c.name, func(b *testing.B) {
			d, raw := NewDecoder(), Raw{Link: c.link, Len: len(c.data), Data: c.data}
			var p Packet
			b.ReportAllocs()
			for b.Loop() {
				d.Decode(&raw, &p)
			}
		})
	}
}
