package packet

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"envelope/capture"
	"envelope/capture/simulate"
)

// street is an hour of many phones at one router: page loads over TLS, chats
// with small records, name look-ups, and calls with RTP through a relay.
func street(phones int) []byte {
	n := simulate.NewNetwork(11)
	web := n.Server("web", server.Addr())
	resolver := n.Server("resolver", relay.Addr())
	for i := range phones {
		h := n.Device(fmt.Sprintf("phone %d", i), netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}))
		at := epoch.Add(time.Duration(i) * 100 * time.Millisecond)
		ready := n.Resolve(at, h, resolver, "www.example.org", web.Addr())
		page := n.TCP(ready, h.At(h.Port()), web.At(443))
		ready = page.TLS(page.Ready(), simulate.Hello{Name: "www.example.org", ALPN: []string{"h2"}})
		for j := range 4 {
			now := ready.Add(time.Duration(j) * 300 * time.Millisecond)
			page.Records(now, up, 200)
			page.Records(now.Add(80*time.Millisecond), down, 16000, 16000)
		}
		page.Close(ready.Add(5*time.Second), up)
		chat := n.TCP(at, h.At(h.Port()), web.At(5222))
		ready = chat.TLS(chat.Ready(), simulate.Hello{Name: "chat.example.org"})
		for j := range 30 {
			chat.Records(ready.Add(time.Duration(j)*time.Second), j&1, 100+j)
		}
		call(n, at, h.At(50000), resolver.At(3478))
	}
	return n.Capture(simulate.View{})
}

// call is two seconds of voice through a relay.
func call(n *simulate.Network, at capture.Time, client, server netip.AddrPort) {
	n.UDP(at, client, server, stun(allocateRequest))
	n.UDP(at.Add(50*time.Millisecond), server, client, stun(0x0103))
	for j := range uint16(100) {
		now := at.Add(time.Second + time.Duration(j)*20*time.Millisecond)
		n.UDP(now, client, server, channelData(0x4001, rtp(111, j, 77, 120)))
		n.UDP(now.Add(10*time.Millisecond), server, client, channelData(0x4001, rtp(111, j, 88, 120)))
	}
}

// classify wants the chats and calls, and leaves the rest undecided at first.
func classify(f *capture.Flow) capture.Interest {
	switch {
	case f.Host == "chat.example.org" || f.Proto == ProtoUDP:
		return capture.Collect
	case f.HostHow == "sni":
		return capture.Ignore
	}
	return capture.Undecided
}

func readAll(tb testing.TB, r *Reader, file []byte) (packets int64, records int) {
	in, err := capture.OpenReader(bytes.NewReader(file), "f", 0, r.Formats())
	if err != nil {
		tb.Fatal(err)
	}
	for _, err := range in.All() {
		if err != nil {
			tb.Fatal(err)
		}
	}
	for range r.Finish() {
		records++
	}
	return in.Packets, records
}

// BenchmarkReader reads a mixed capture from memory, hashing included.
func BenchmarkReader(b *testing.B) {
	file := street(50)
	r := NewReader(Options{Classify: classify, QUICHello: true})
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	var packets int64
	for b.Loop() {
		n, _ := readAll(b, r, file)
		packets += n
	}
	b.ReportMetric(float64(packets)/b.Elapsed().Seconds(), "packets/s")
}

// TestNoAllocationPerPacket compares two captures of the same flows, of which
// one is longer: what is allocated must not depend on the number of packets.
func TestNoAllocationPerPacket(t *testing.T) {
	chat := func(records int) []byte {
		tp := newTape()
		c := tp.talk(phone, server).open().say(up, helloRecord("chat.example.org")).say(down, serverHello(122))
		page := tp.talk(addr("10.0.0.7:40001"), server).open().say(up, helloRecord("www.example.org")).say(down, serverHello(122))
		tp.udp(caller, relay, stun(allocateRequest))
		tp.udp(caller, relay, stun(channelBind, simulate.Attr{Type: attrChannel, Value: []byte{0x40, 1, 0, 0}}, peer(friend)))
		for i := range records {
			c.say(i&1, data(100, 200)).ack(1 - i&1)
			page.say(i&1, data(1000))
			tp.udp(caller, relay, channelData(0x4001, rtp(111, uint16(i), 77, 100)))
			tp.udp(relay, caller, channelData(0x4001, rtp(111, uint16(i), 88, 100)))
		}
		return tp.b
	}
	measure := func(file []byte) float64 {
		r := NewReader(Options{Classify: classify})
		readAll(t, r, file) // what is kept for the next flows
		return testing.AllocsPerRun(5, func() { readAll(t, r, file) })
	}
	const few, many = 100, 2000
	short, long := measure(chat(few)), measure(chat(many))
	// Lists of frames double as they grow, up to what one record holds.
	if extra := long - short; extra > 20 {
		t.Errorf("%v allocations for %d rounds, %v for %d", short, few, long, many)
	}
}
