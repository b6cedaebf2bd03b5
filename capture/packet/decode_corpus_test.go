package packet

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"path/filepath"
	"testing"

	"envelope/capture"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// eachRaw calls see for every packet of every capture beside the repository.
func eachRaw(tb testing.TB, see func(name string, raw *Raw)) {
	tb.Helper()
	for _, path := range captureFiles(tb) {
		rawPackets(tb, content(tb, path), func(raw *Raw) { see(filepath.Base(path), raw) })
	}
}

func rawPackets(tb testing.TB, file []byte, see func(raw *Raw)) {
	tb.Helper()
	src, err := NewSource(bytes.NewReader(file), "test")
	var bad *capture.SyntaxError
	if err != nil {
		if !errors.As(err, &bad) {
			tb.Log(err)
		}
		return
	}
	for {
		var raw Raw
		switch err := src.Next(&raw); {
		case err == io.EOF:
			return
		case errors.As(err, &bad):
		case err != nil:
			tb.Fatal(err)
		default:
			see(&raw)
		}
	}
}

// oracleLayers are the link types that gopacket decodes without losing bytes.
var oracleLayers = map[LinkType]gopacket.Decoder{
	LinkEthernet: layers.LinkTypeEthernet,
	LinkSLL:      layers.LinkTypeLinuxSLL,
	LinkNull:     layers.LinkTypeNull,
	LinkLoop:     layers.LinkTypeLoop,
	LinkRaw:      layers.LinkTypeRaw,
	LinkPPP:      layers.LinkTypePPP,
	LinkRadiotap: layers.LinkTypeIEEE80211Radio,
	LinkIPv4:     layers.LayerTypeIPv4,
	LinkIPv6:     layers.LayerTypeIPv6,
}

// oracle is what gopacket makes of one packet: the innermost TCP or UDP.
type oracle struct {
	src, dst netip.AddrPort
	proto    uint8
	payload  []byte
	ports    bool // there is TCP or UDP
	part     bool // gopacket stopped at a fragment
	failed   bool // gopacket gave up with an error
	headers  int  // IP headers
}

func askOracle(raw *Raw) oracle {
	var o oracle
	data := bytes.Clone(raw.Data)
	var src, dst netip.Addr
	for _, l := range gopacket.NewPacket(data, oracleLayers[raw.Link], gopacket.NoCopy).Layers() {
		switch l := l.(type) {
		case *layers.IPv4:
			src, _ = netip.AddrFromSlice(l.SrcIP)
			dst, _ = netip.AddrFromSlice(l.DstIP)
			o.ports = false
			o.headers++
		case *layers.IPv6:
			src, _ = netip.AddrFromSlice(l.SrcIP)
			dst, _ = netip.AddrFromSlice(l.DstIP)
			o.ports = false
			o.headers++
		case *layers.TCP:
			o.set(ProtoTCP, src, dst, uint16(l.SrcPort), uint16(l.DstPort), l.Payload)
		case *layers.UDP:
			o.set(ProtoUDP, src, dst, uint16(l.SrcPort), uint16(l.DstPort), l.Payload)
		case *layers.IPv6Fragment, *gopacket.Fragment:
			o.part = true
		case *gopacket.DecodeFailure:
			o.failed = true
		}
	}
	return o
}

func (o *oracle) set(proto uint8, src, dst netip.Addr, sport, dport uint16, payload []byte) {
	o.proto, o.payload, o.ports = proto, payload, true
	o.src, o.dst = netip.AddrPortFrom(src, sport), netip.AddrPortFrom(dst, dport)
}

// Differences from gopacket that are explained.
const (
	deeper    = "only we open the tunnel: Teredo, GENEVE and VXLAN of big TCP"
	gaveUp    = "gopacket gives up: IPv6 payload length 0, cut raw IP"
	bubble    = "gopacket gives the Teredo packet around ICMP or nothing"
	damaged   = "gopacket gives ports of packets that contradict themselves"
	bigTCP    = "gopacket takes total length 0 modulo 64 kB"
	different = "not explained"
)

// bounds are how often each may occur in the captures, of 650,000 packets.
var bounds = map[string]int{deeper: 40, gaveUp: 12, bubble: 10, damaged: 10, bigTCP: 5, different: 0}

// difference names how the decoder and the oracle differ, "" where not. What
// gopacket leaves as a fragment is not compared.
func difference(v Verdict, p *Packet, o *oracle) string {
	ours := v.Outcome == WithPorts && p.Proto != ProtoSCTP
	src, dst := netip.AddrPortFrom(p.Src, p.SrcPort), netip.AddrPortFrom(p.Dst, p.DstPort)
	switch {
	case o.part, !ours && !o.ports:
		return ""
	case ours && int(p.Tunnel)+1 > o.headers:
		return deeper
	case ours && !o.ports && o.failed:
		return gaveUp
	case v.Outcome == NoPorts && int(p.Tunnel)+1 > o.headers:
		return bubble
	case v.Outcome == Malformed, v.Outcome == Cut:
		return damaged
	case !ours || !o.ports, src != o.src, dst != o.dst, p.Proto != o.proto:
		return different
	case len(p.Payload) > 65535:
		return bigTCP
	case !bytes.Equal(p.Payload, o.payload):
		return different
	}
	return ""
}

// TestAgainstGopacket decodes all captures with both and compares addresses,
// ports and payload of TCP and UDP.
func TestAgainstGopacket(t *testing.T) {
	counts, compared := map[string]int{}, 0
	var d *Decoder
	last := ""
	eachRaw(t, func(name string, raw *Raw) {
		if name != last {
			last, d = name, NewDecoder()
		}
		var p Packet
		v := d.Decode(raw, &p)
		holds(t, v, &p)
		if oracleLayers[raw.Link] == nil {
			return
		}
		compared++
		o := askOracle(raw)
		if what := difference(v, &p, &o); what != "" {
			if counts[what]++; counts[what] > bounds[what] {
				t.Errorf("%s: packet %d of %s: %s", what, raw.Number, name, v.Outcome)
			}
		}
	})
	t.Logf("%d packets; differences: %v", compared, counts)
}

// TestWholeCorpusIsDecoded bounds what cannot be read in the captures, most of
// which are sound: the rest are there because they crashed some decoder.
func TestWholeCorpusIsDecoded(t *testing.T) {
	var counts [outcomes]int
	total := 0
	d := NewDecoder()
	eachRaw(t, func(_ string, raw *Raw) {
		var p Packet
		counts[d.Decode(raw, &p).Outcome]++
		total++
	})
	for o, n := range counts {
		t.Logf("%s: %d", Outcome(o), n)
	}
	for o, bound := range map[Outcome]int{UnknownLink: 100, Malformed: 100, Cut: 20, Held: 300} {
		if counts[o] > bound {
			t.Errorf("%d of %d packets %s, at most %d expected", counts[o], total, o, bound)
		}
	}
}
