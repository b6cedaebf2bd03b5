package simulate_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"envelope/capture"
)

// seen is one packet as a test reads it back.
type seen struct {
	at       capture.Time
	proto    int
	src, dst netip.AddrPort
	seq      uint32
	syn, fin bool
	payload  []byte
	length   int // on the wire
	raw      []byte
}

// decode reads a pcap file, checks that its times never go back, and that
// every packet is what its lengths say.
func decode(t *testing.T, file []byte) []seen {
	t.Helper()
	r, err := pcapgo.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var out []seen
	for {
		data, info, err := r.ReadPacketData()
		if err != nil {
			return out
		}
		s := seen{at: capture.TimeOf(info.Timestamp), length: info.Length, raw: data}
		if len(out) > 0 && s.at < out[len(out)-1].at {
			t.Fatalf("packet %d goes back in time", len(out)+1)
		}
		p := gopacket.NewPacket(data, layers.LinkTypeEthernet, gopacket.NoCopy)
		if p.ErrorLayer() != nil && info.Length == info.CaptureLength {
			t.Fatalf("packet %d: %v", len(out)+1, p.ErrorLayer().Error())
		}
		s.read(p)
		out = append(out, s)
	}
}

func (s *seen) read(p gopacket.Packet) {
	if p.NetworkLayer() == nil {
		return
	}
	src, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Src().Raw())
	dst, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Dst().Raw())
	switch l := p.TransportLayer().(type) {
	case *layers.TCP:
		s.proto, s.seq, s.syn, s.fin, s.payload = 6, l.Seq, l.SYN, l.FIN, l.Payload
		s.src, s.dst = netip.AddrPortFrom(src, uint16(l.SrcPort)), netip.AddrPortFrom(dst, uint16(l.DstPort))
	case *layers.UDP:
		s.proto, s.payload = 17, l.Payload
		s.src, s.dst = netip.AddrPortFrom(src, uint16(l.SrcPort)), netip.AddrPortFrom(dst, uint16(l.DstPort))
	default:
		s.proto = 1
		s.src, s.dst = netip.AddrPortFrom(src, 0), netip.AddrPortFrom(dst, 0)
	}
}

// streamKey names a connection.
type streamKey struct{ client, server netip.AddrPort }

// stream is the bytes of a connection, by direction.
type stream struct {
	data [2][]byte
	next [2]uint32
}

// streams puts the TCP streams of a perfect capture together. A gap, an
// overlap or a connection without SYN is a failure.
func streams(t *testing.T, packets []seen) map[streamKey]*stream {
	t.Helper()
	out := map[streamKey]*stream{}
	for i, p := range packets {
		if p.proto != 6 {
			continue
		}
		key, dir := streamKey{p.src, p.dst}, capture.Up
		if p.src.Port() == 443 || p.src.Port() == 5222 {
			key, dir = streamKey{p.dst, p.src}, capture.Down
		}
		if out[key] == nil {
			out[key] = &stream{}
		}
		s := out[key]
		if p.syn {
			s.next[dir] = p.seq + 1
			continue
		}
		if p.seq != s.next[dir] {
			t.Fatalf("packet %d: sequence number %d, want %d", i+1, p.seq, s.next[dir])
		}
		s.data[dir] = append(s.data[dir], p.payload...)
		s.next[dir] += uint32(len(p.payload))
		if p.fin {
			s.next[dir]++
		}
	}
	return out
}
