package simulate_test

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"envelope/capture"
	"envelope/capture/simulate"
)

var start = capture.TimeOf(time.Date(2026, time.March, 2, 14, 0, 0, 0, time.UTC))

// conversation is a network with one TLS connection of 60 requests, one a
// second, each of 100 bytes and answered with 3000.
func conversation() (n *simulate.Network, phone, server *simulate.Host) {
	n = simulate.NewNetwork(1)
	phone = n.Device("phone", netip.MustParseAddr("203.0.113.7"))
	server = n.Server("server", netip.MustParseAddr("192.0.2.80"))
	c := n.TCP(start, phone.At(phone.Port()), server.At(443))
	ready := c.TLS(c.Ready(), simulate.Hello{Name: "www.example.org", ALPN: []string{"h2"}})
	for i := range 60 {
		at := ready.Add(time.Duration(i) * time.Second)
		c.Records(at, capture.Up, 100)
		c.Records(at.Add(c.Way()+5*time.Millisecond), capture.Down, 3000)
	}
	c.Close(ready.Add(70*time.Second), capture.Up)
	return n, phone, server
}

func TestViews(t *testing.T) {
	n, phone, server := conversation()
	whole := decode(t, n.Capture(simulate.View{}))
	data := func(ps []seen) (count int) {
		for _, p := range ps {
			if len(p.payload) > 0 {
				count++
			}
		}
		return count
	}
	repeats := func(ps []seen) (count int) {
		have := map[uint32]bool{}
		for _, p := range ps {
			if len(p.payload) > 0 && p.src.Addr() == phone.Addr() {
				if have[p.seq] {
					count++
				}
				have[p.seq] = true
			}
		}
		return count
	}
	backwards := func(ps []seen) (count int) {
		last := uint32(0)
		for _, p := range ps {
			if len(p.payload) > 0 && p.src.Addr() == server.Addr() {
				if last != 0 && int32(p.seq-last) < 0 {
					count++
				}
				last = p.seq
			}
		}
		return count
	}
	cases := []struct {
		name string
		view simulate.View
		ok   func(ps []seen) bool
	}{
		{"perfect", simulate.View{}, func(ps []seen) bool { return repeats(ps) == 0 && backwards(ps) == 0 && ps[0].syn }},
		{"at the phone", simulate.View{At: phone}, func(ps []seen) bool { return len(ps) == len(whole) && ps[0].at == start }},
		{"at the router", simulate.View{}, func(ps []seen) bool { return ps[0].at == start.Add(phone.Delay) }},
		{"snap length", simulate.View{Snap: 60}, func(ps []seen) bool {
			return len(ps) == len(whole) && !slices.ContainsFunc(ps, func(p seen) bool { return len(p.raw) > 60 || p.length < len(p.raw) })
		}},
		{"half", simulate.View{Only: phone}, func(ps []seen) bool {
			return len(ps) > 60 && len(ps) < len(whole) && !slices.ContainsFunc(ps, func(p seen) bool { return p.src.Addr() != phone.Addr() })
		}},
		{"mid-stream", simulate.View{From: start.Add(30500 * time.Millisecond)}, func(ps []seen) bool {
			return data(ps) > 100 && !ps[0].syn && ps[0].at >= start.Add(30500*time.Millisecond)
		}},
		{"cut short", simulate.View{Until: start.Add(10 * time.Second)}, func(ps []seen) bool {
			return data(ps) > 30 && ps[len(ps)-1].at < start.Add(10*time.Second)
		}},
		{"missing", simulate.View{Miss: 100}, func(ps []seen) bool { return len(ps) < len(whole)*95/100 && len(ps) > len(whole)*80/100 }},
		{"sent again", simulate.View{Again: 200}, func(ps []seen) bool { return repeats(ps) > 5 && len(ps) > len(whole) }},
		{"lost before the tap", simulate.View{Late: 200}, func(ps []seen) bool {
			return repeats(ps) == 0 && backwards(ps) > 5 && len(ps) == len(whole) && data(ps) == data(whole)
		}},
		{"out of order", simulate.View{Swap: 200}, func(ps []seen) bool { return backwards(ps) > 5 && len(ps) == len(whole) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file := n.Capture(c.view)
			if !c.ok(decode(t, file)) {
				t.Errorf("the view is not as asked: %d packets of %d", len(decode(t, file)), len(whole))
			}
			if !bytes.Equal(file, n.Capture(c.view)) {
				t.Error("the same view gives other bytes the second time")
			}
		})
	}
}

func TestConversation(t *testing.T) {
	n, _, _ := conversation()
	for _, s := range streams(t, decode(t, n.Capture(simulate.View{}))) {
		up, down := records(t, s.data[capture.Up]), records(t, s.data[capture.Down])
		if len(up) != 3+60 || len(down) != 6+60 {
			t.Errorf("%d records up and %d down, want 63 and 66", len(up), len(down))
		}
		if len(down[0]) != 122 {
			t.Errorf("server hello of %d bytes, want 122", len(down[0]))
		}
	}
}

func TestUDPBetweenDevices(t *testing.T) {
	n := simulate.NewNetwork(1)
	a := n.Device("a", netip.MustParseAddr("203.0.113.7"))
	b := n.Device("b", netip.MustParseAddr("198.51.100.23"))
	n.UDP(start, a.At(5000), b.At(6000), []byte("hello"))
	for _, c := range []struct {
		name string
		at   *simulate.Host
		want time.Duration
		src  capture.MAC
	}{{"sender", a, 0, a.MAC}, {"router", nil, a.Delay, a.MAC}, {"receiver", b, a.Delay + b.Delay, capture.MAC{2, 0, 0x5e, 0, 0x53, 1}}} {
		ps := decode(t, n.Capture(simulate.View{At: c.at}))
		if len(ps) != 1 || ps[0].at != start.Add(c.want) || !bytes.Equal(ps[0].raw[6:12], c.src[:]) || string(ps[0].payload) != "hello" {
			t.Errorf("%s: %+v", c.name, ps)
		}
	}
}

// TestXORAddress uses the vectors of RFC 5769 sections 2.2 and 2.3.
func TestXORAddress(t *testing.T) {
	id := []byte{0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae}
	for _, c := range []struct {
		addr string
		want []byte
	}{
		{"192.0.2.1:32853", []byte{0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43}},
		{"[2001:db8:1234:5678:11:2233:4455:6677]:32853", []byte{0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa,
			0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9}},
	} {
		if got := simulate.XORAddress(netip.MustParseAddrPort(c.addr), id); !bytes.Equal(got, c.want) {
			t.Errorf("%s: % x, want % x", c.addr, got, c.want)
		}
	}
}

func TestScenarioMistakes(t *testing.T) {
	cases := []struct {
		name, want string
		spoil      func(s *simulate.Scenario)
	}{
		{"twice", "twice", func(s *simulate.Scenario) { s.People[1].Name = "anna" }},
		{"no address", "no name or address", func(s *simulate.Scenario) { s.People[0].Addrs = nil }},
		{"unknown messenger", `does not simulate "icq"`, func(s *simulate.Scenario) { s.People[0].Services = []string{"icq"} }},
		{"stranger", `nobody is called "mallory"`, func(s *simulate.Scenario) { s.Acts[0].From = "mallory" }},
		{"monologue", `cannot write to "anna"`, func(s *simulate.Scenario) { s.Acts[0].To = "anna" }},
		{"other messenger", "do not both use", func(s *simulate.Scenario) { s.Acts[0].Service = "signal" }},
		{"unknown kind", `cannot do "wave"`, func(s *simulate.Scenario) { s.Acts[0].Kind = "wave" }},
		{"before login", "before", func(s *simulate.Scenario) { s.Acts[0].At = time.Second }},
		{"negative size", "size", func(s *simulate.Scenario) { s.Acts[0].Size = -1 }},
		{"lost tap", "tap x", func(s *simulate.Scenario) { s.Taps = append(s.Taps, simulate.Tap{Name: "x", Person: "x"}) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := simulate.Demo()
			c.spoil(s)
			if r, err := s.Run(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Run() = %v, %v, want an error with %q", r != nil, err, c.want)
			}
		})
	}
}

// FuzzRun plays stories of odd sizes and times: whatever passes the check runs,
// and leaves streams without a gap.
func FuzzRun(f *testing.F) {
	f.Add(uint64(1), int64(20), 10, int64(5), true)
	f.Add(uint64(2), int64(800), 100_000, int64(0), false)
	f.Fuzz(func(t *testing.T, seed uint64, at int64, size int, ring int64, relayed bool) {
		if size > 1<<18 || ring > 60 || at > 1<<20 {
			t.Skip("too much to play")
		}
		s := simulate.Demo()
		s.Seed = seed
		when := time.Duration(at) * time.Second
		s.Acts = nil
		for i, kind := range []string{simulate.ActText, simulate.ActPhoto, simulate.ActVoice, simulate.ActCall} {
			s.Acts = append(s.Acts, simulate.Act{At: when + time.Duration(i)*7*time.Millisecond, Kind: kind, Service: "whatsapp", From: "ben", To: "carla",
				Size: size, Ring: time.Duration(ring) * time.Second, Length: time.Duration(size%9) * time.Second, Relayed: relayed})
		}
		r, err := s.Run()
		if err != nil {
			return
		}
		for _, file := range r.Captures {
			streams(t, decode(t, file.Data))
		}
	})
}
