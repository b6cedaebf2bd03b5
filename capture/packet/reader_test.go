package packet

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"envelope/capture"
	"envelope/capture/simulate"

	"github.com/google/go-cmp/cmp"
)

// open makes an input of a capture in memory.
func open(t testing.TB, r *Reader, file []byte) *capture.Input {
	t.Helper()
	in, err := capture.OpenReader(bytes.NewReader(file), "f", 0, r.Formats())
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestFlowsInTime(t *testing.T) {
	const knock = "17 10.0.0.7:50000 > 203.0.113.99:51000 address"
	one := "  up opaque 1 packets 5 bytes #%d-#%d"
	knocks := func(pauses ...time.Duration) func(*tape) {
		return func(tp *tape) {
			tp.step = 0
			for _, d := range pauses {
				tp.now += d
				tp.udp(caller, friend, filled(5, 0xf0))
			}
		}
	}
	for _, tt := range []struct {
		name string
		play func(*tape)
		o    Options
		want []string
	}{
		{"a pause within a call", knocks(0, 9*time.Minute), Options{},
			[]string{knock, fmt.Sprintf(one, 1, 1), fmt.Sprintf(one, 2, 2)}},
		{"idle for too long", knocks(0, 11*time.Minute), Options{},
			[]string{knock, fmt.Sprintf(one, 1, 1), knock, fmt.Sprintf(one, 2, 2)}},
		{"a gap of years", knocks(0, 40*365*24*time.Hour), Options{},
			[]string{knock, fmt.Sprintf(one, 1, 1), knock, fmt.Sprintf(one, 2, 2)}},
		{"undecided flows end sooner", knocks(0, 3*time.Minute), Options{Classify: func(*capture.Flow) capture.Interest { return capture.Undecided }},
			[]string{knock, fmt.Sprintf(one, 1, 1), knock, fmt.Sprintf(one, 2, 2)}},
		{"time goes back a little", knocks(time.Hour, -time.Minute, 2*time.Second), Options{},
			[]string{knock, "  up opaque 3 packets 15 bytes #1-#3"}},
		{"a range of time", knocks(0, time.Second, time.Second, time.Second), Options{From: epoch.Add(time.Second), To: epoch.Add(3 * time.Second)},
			[]string{knock, "  up opaque 2 packets 10 bytes #2-#3"}},
		{"nothing wanted", knocks(0, time.Second), Options{Classify: func(*capture.Flow) capture.Interest { return capture.Ignore }}, []string{knock}},
		{"a new connection on the same ports", func(tp *tape) {
			c := tp.talk(phone, server).open().say(up, data(40)).flag(up, FlagFIN|FlagACK).flag(down, FlagFIN|FlagACK)
			c.isn, c.sent = [2]uint32{77777, 88888}, [2]int{}
			c.open().say(up, data(50))
		}, Options{}, []string{"6 10.0.0.7:40000 > 192.0.2.80:443 syn closed", "  up data 40 #4", "6 10.0.0.7:40000 > 192.0.2.80:443 syn", "  up data 50 #10"}},
		{"a new connection behind one met in mid-stream", func(tp *tape) {
			c := tp.talk(phone, server).say(down, data(40))
			c.isn, c.sent = [2]uint32{77777, 88888}, [2]int{}
			c.open().say(up, data(50))
		}, Options{}, []string{"6 10.0.0.7:40000 > 192.0.2.80:443 port midstream", "  down data 40 #1 guess", "6 10.0.0.7:40000 > 192.0.2.80:443 syn", "  up data 50 #5"}},
		{"SYN sent again, answered twice", func(tp *tape) {
			c := tp.talk(phone, server)
			tp.tcp(phone, server, FlagSYN, c.isn[0]-1, 0, nil)
			tp.tcp(server, phone, FlagSYN|FlagACK, 4242, c.isn[0], nil)
			c.open().say(up, data(50)).say(down, data(60))
		}, Options{}, []string{"6 10.0.0.7:40000 > 192.0.2.80:443 syn", "  up data 50 #6", "  down data 60 #7"}},
		{"more frames than one record holds", func(tp *tape) {
			c := tp.talk(phone, server).open()
			for range 3 {
				c.say(up, data(slices.Repeat([]int{1}, 100)...))
			}
		}, Options{}, slices.Concat([]string{"6 10.0.0.7:40000 > 192.0.2.80:443 syn more"}, hundreds(4, 6), []string{"6 10.0.0.7:40000 > 192.0.2.80:443 syn"})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tp := newTape()
			tt.play(tp)
			if d := cmp.Diff(tt.want, read(t, tt.o, tp.b)); d != "" {
				t.Error(d)
			}
		})
	}
}

// hundreds is a hundred frames of one byte from each packet.
func hundreds(first, last int) (out []string) {
	for n := first; n <= last; n++ {
		out = append(out, slices.Repeat([]string{fmt.Sprintf("  up data 1 #%d", n)}, 100)...)
	}
	return out
}

func TestTwoFiles(t *testing.T) {
	record := func(tp *tape) []byte { b := slices.Clone(tp.b); tp.b = newTape().b; return b }
	flow := "6 10.0.0.7:40000 > 192.0.2.80:443 syn"
	for _, tt := range []struct {
		name  string
		pause time.Duration
		want  []string
	}{
		{"rotating capture", time.Second, []string{flow, "  up data 300 #4", "  up data 40 #2"}},
		{"another day", 24 * time.Hour, []string{flow, "  up data 300 #4", "6 10.0.0.7:40000 > 192.0.2.80:443 port midstream", "  up data 40 #2 guess"}},
		{"an earlier one", -time.Hour, []string{flow, "  up data 300 #4", "6 10.0.0.7:40000 > 192.0.2.80:443 port midstream", "  up data 40 #2 guess"}},
	} {
		tp := newTape()
		c := tp.talk(phone, server).open()
		b := data(300, 40)
		c.say(up, b[:100])
		first := record(tp)
		tp.now += tt.pause
		c.say(up, b[100:305]).say(up, b[305:])
		if d := cmp.Diff(tt.want, read(t, Options{}, first, record(tp))); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

func TestMaxFlows(t *testing.T) {
	tp := newTape()
	tp.step = time.Millisecond
	for i := range 100 {
		tp.udp(netip.AddrPortFrom(phone.Addr(), uint16(50000+i)), friend, filled(5, 0xf0))
	}
	wanted := func(f *capture.Flow) capture.Interest {
		if f.Client.Port() == 50000 {
			return capture.Collect
		}
		return capture.Ignore
	}
	out := read(t, Options{MaxFlows: 10, Classify: wanted}, tp.b)
	flows := slices.DeleteFunc(slices.Clone(out), func(s string) bool { return !strings.HasPrefix(s, "17 ") })
	if len(flows) != 100 || !strings.Contains(flows[90], ":50000 ") && !strings.Contains(strings.Join(flows[90:], "\n"), ":50000 ") {
		t.Errorf("%d flows, and the one of interest is not among the last: %q", len(flows), flows)
	}
	if want := "warning 90 flows ended early: more than 10 at once"; !slices.Contains(out, want) {
		t.Errorf("no %q in %q", want, out[len(out)-1])
	}
}

// TestOneWrongTime holds flows together although one packet claims to be from
// another century.
func TestOneWrongTime(t *testing.T) {
	tp := newTape()
	sockets := 20
	for i := range 10 * sockets {
		if i == 101 {
			tp.now += 80 * 365 * 24 * time.Hour
			tp.udp(friend, relay, filled(9, 0xf9))
			tp.now -= 80 * 365 * 24 * time.Hour
		}
		tp.udp(netip.AddrPortFrom(phone.Addr(), uint16(50000+i%sockets)), friend, filled(5, 0xf0))
	}
	whole := 0
	for _, f := range flowsOf(t, NewReader(Options{}), tp.b) {
		if f.Packets[up] == 10 {
			whole++
		}
	}
	if whole < sockets-sweepStep {
		t.Errorf("%d of %d flows in one piece", whole, sockets)
	}
}

func TestSweepEndsIdleFlows(t *testing.T) {
	tp := newTape()
	tp.step = time.Second
	for i := range 2000 {
		tp.udp(netip.AddrPortFrom(phone.Addr(), uint16(20000+i)), friend, filled(5, 0xf0))
	}
	r := NewReader(Options{Classify: func(*capture.Flow) capture.Interest { return capture.Ignore }})
	most := 0
	for range open(t, r, tp.b).All() {
		most = max(most, r.table.live)
	}
	// The sweep comes by a place again after half as many packets as there are places.
	if limit := int(idleDatagram/time.Second) + len(r.table.rests)/sweepStep + 1; most > limit {
		t.Errorf("%d live flows at once, at most %d should be", most, limit)
	}
}

func TestNames(t *testing.T) {
	n := simulate.NewNetwork(3)
	phone := n.Device("phone", netip.MustParseAddr("10.0.0.7"))
	other := n.Device("other", netip.MustParseAddr("10.0.0.8"))
	resolver := n.Server("resolver", netip.MustParseAddr("192.0.2.53"))
	web := n.Server("web", netip.MustParseAddr("192.0.2.80"))
	at := n.Resolve(epoch, phone, resolver, "one.example.org", web.Addr())
	at = n.Resolve(at, other, resolver, "two.example.org", web.Addr())
	for _, h := range []*simulate.Host{phone, other} {
		n.TCP(at, h.At(40000), web.At(443))
	}
	n.Announce(at, phone, "Anna's phone")
	var hosts, names []string
	r := NewReader(Options{})
	for rec := range open(t, r, n.Capture(simulate.View{At: phone})).All() {
		if rec.Name != nil {
			names = append(names, fmt.Sprintf("%s %s %v %v", rec.Name.How, rec.Name.Value, rec.Name.Addr, rec.Name.MAC == phone.MAC))
		}
	}
	for rec := range r.Finish() {
		if f := rec.Flow; f.Proto == ProtoTCP {
			hosts = append(hosts, fmt.Sprintf("%v %s %s", f.Client.Addr(), f.Host, f.HostHow))
		}
	}
	if d := cmp.Diff([]string{"10.0.0.7 one.example.org dns"}, hosts); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"mdns annas-phone.local 10.0.0.7 true"}, names); d != "" {
		t.Error(d)
	}
}

// TestLease takes names and sightings from DHCP: an acknowledgement without a
// name ties an address to a link address, an information request (RFC 2131
// section 3.4) that says neither is not told.
func TestLease(t *testing.T) {
	boot := func(op byte, mac byte, yours netip.Addr, options ...byte) []byte {
		b := make([]byte, 236, 300)
		b[0], b[1], b[2] = op, 1, 6
		if yours.IsValid() {
			copy(b[16:], yours.AsSlice())
		}
		copy(b[28:], []byte{2, 0, 0, 0, 0, mac})
		return append(append(append(b, 0x63, 0x82, 0x53, 0x63), options...), 255)
	}
	client, dhcp, all := addr("0.0.0.0:68"), addr("10.0.0.1:67"), addr("255.255.255.255:67")
	tp := newTape()
	tp.udp(client, all, boot(1, 7, netip.Addr{}, 53, 1, 3, 50, 4, 10, 0, 0, 7, 12, 5, 'p', 'h', 'o', 'n', 'e'))
	for range 2 { // told once
		tp.udp(dhcp, addr("10.0.0.7:68"), boot(2, 7, netip.MustParseAddr("10.0.0.7"), 53, 1, 5))
	}
	tp.udp(client, all, boot(1, 9, netip.Addr{}, 53, 1, 8))
	var names []string
	for _, line := range read(t, Options{}, tp.b) {
		if strings.HasPrefix(line, "name") {
			names = append(names, line)
		}
	}
	want := []string{`name "phone" dhcp for 10.0.0.7 020000000007 #1`, `name "" dhcp for 10.0.0.7 020000000007 #2`}
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
}

// TestStop holds the reader to a receiver that has had enough.
func TestStop(t *testing.T) {
	tp := newTape()
	for i := range 100 {
		tp.udp(netip.AddrPortFrom(phone.Addr(), uint16(20000+i)), friend, filled(5, 0xf0))
	}
	r := NewReader(Options{})
	count := 0
	for range open(t, r, tp.b).All() {
		count++
	}
	for range r.Finish() {
		if count++; count == 10 {
			break
		}
	}
	if count != 10 || r.table.live != 0 {
		t.Errorf("%d records, %d flows left", count, r.table.live)
	}
}
