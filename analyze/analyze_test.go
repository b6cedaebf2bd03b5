package analyze

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"envelope/analyze/infer"
	"envelope/capture"
)

const (
	anna = "10.0.0.2"
	ben  = "10.0.0.3"
)

func serviceOf(rep *Report, server string) (string, string) {
	for _, f := range rep.Flows {
		if f.Dst == netip.MustParseAddrPort(server).Addr().String() {
			return f.Service, f.Role
		}
	}
	return "", ""
}

// A peer's address says nothing; that its flow comes from the socket of a call
// does.
func TestFlowsOfACallsSocketAreTheCalls(t *testing.T) {
	list := func(kin uint64) []*made {
		peer := udp(anna+":5000", "203.0.113.9:6000").talk(14, 40)
		peer.Kin = kin
		return []*made{whatsAppLeg(anna+":5000", 10, 41), peer}
	}
	a := newTest(t, Options{Flows: true})
	feed(a, 0, list(1)...)
	rep := a.Report(nil)
	if s, role := serviceOf(rep, "203.0.113.9:6000"); s != "whatsapp" || role != "call" {
		t.Errorf("the flow of the call's socket is %q, %q", s, role)
	}
	if len(rep.Events) != 1 || rep.Events[0].Call.Path != "direct" {
		t.Errorf("events %v, want one direct call", told(rep))
	}
	b := newTest(t, Options{Flows: true})
	feed(b, 0, list(0)...)
	if s, _ := serviceOf(b.Report(nil), "203.0.113.9:6000"); s != "" {
		t.Errorf("a flow that is not known to be of the socket is %q", s)
	}
	later := list(1)
	for i := range later[1].Bursts {
		later[1].Bursts[i].First, later[1].Bursts[i].Last = at(3000), at(3030)
	}
	later[1].First, later[1].Last = at(3000), at(3030)
	c := newTest(t, Options{Flows: true})
	feed(c, 0, later...)
	if s, _ := serviceOf(c.Report(nil), "203.0.113.9:6000"); s != "" {
		t.Errorf("the same port an hour later is %q", s)
	}
}

// A server that speaks a messenger's own protocol holds its files under names of
// the same domain, and nothing under others.
func TestFilesOfAChatServer(t *testing.T) {
	server := "198.51.100.50"
	chat := tcp(anna+":4000", server+":5222").host("chat.example").sign("xmpp-client").frame(1, 300)
	for _, c := range []struct {
		host, want string
	}{{"chat.example", "xmpp"}, {"upload.chat.example", "xmpp"}, {"notchat.example", ""}, {"shop.example", ""}} {
		a := newTest(t, Options{Flows: true})
		feed(a, 0, chat, tcp(anna+":4001", server+":443").host(c.host).frame(2, 300).frame(2.5, -900))
		rep := a.Report(nil)
		got := ""
		for _, f := range rep.Flows {
			if f.Sport == 4001 {
				got = f.Service
			}
		}
		if got != c.want {
			t.Errorf("%s is %q, want %q", c.host, got, c.want)
		}
	}
}

// polling waits at a server with a hanging request that is renewed at once.
func polling(client, host string) *made {
	m := tcp(client, "198.51.100.60:443").host(host)
	t := 1.0
	for i := range 40 {
		wait := []float64{7, 3, 12, 5, 9, 4, 11, 6}[i%8]
		m.frame(t, 400).frame(t+wait, -(600 + 300*(i%3)))
		t += wait + 0.1
	}
	return m
}

func TestMessengersAreKnownByBehaviour(t *testing.T) {
	a := newTest(t, Options{Flows: true})
	other := tcp(ben+":4001", "198.51.100.60:443").host("home.example").frame(3, 200).frame(3.5, -800)
	third := tcp(ben+":4002", "198.51.100.60:443").host("elsewhere.example").frame(3, 200).frame(3.5, -800)
	feed(a, 0, polling(anna+":4000", "home.example"), other, third)
	for _, f := range a.Report(nil).Flows {
		if want := f.Host == "home.example"; (f.Service == unknownMessenger) != want || f.Confidence > 0.9 {
			t.Errorf("flow to %s from %s is %q with %v", f.Host, f.Src, f.Service, f.Confidence)
		}
	}
}

// everything is a capture with all kinds of flows.
func everything() []*made {
	chatA, chatB := whatsAppChat(anna+":4000", 0, 30), whatsAppChat(ben+":4000", 3, 30)
	file := tcp(anna+":4010", "157.240.1.61:443").host("mmg.whatsapp.net").frame(115.3, 400).frame(115.5, -9000).frame(115.6, -9000)
	poll := polling(anna+":4000", "home.example")
	return []*made{chatA.mac(1), chatB.mac(2), file, whatsAppLeg(anna+":5000", 200, 260), whatsAppLeg(ben+":5000", 330, 400), poll.mac(1),
		udp(ben+":5353", "198.51.100.1:53").host("web.example")}
}

func asJSON(t *testing.T, rep *Report) []byte {
	t.Helper()
	b, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReportIsTheSameForTheSameRecords(t *testing.T) {
	var first []byte
	for i, piece := range []int{0, 0, 1, 7, 100} {
		a := newTest(t, Options{Flows: true})
		if feed(a, piece, everything()...); i == 1 {
			a.Report(nil) // asking twice changes nothing
		}
		b := asJSON(t, a.Report(nil))
		if first == nil {
			first = b
			if len(a.Report(nil).Events) < 100 {
				t.Fatalf("only %d events", len(a.Report(nil).Events))
			}
		}
		if !bytes.Equal(b, first) {
			t.Errorf("in pieces of %d frames the report is another one", piece)
		}
	}
}

// Whatever the bound of memory, events are neither lost nor doubled.
func TestRoundsLoseAndDoubleNothing(t *testing.T) {
	whole := newTest(t, Options{Flows: true})
	feed(whole, 7, everything()...)
	want := whole.Report(nil)
	for _, bound := range []int{200, 250, 400} {
		a := newTest(t, Options{Flows: true})
		a.bound, a.next = bound, bound
		feed(a, 7, everything()...)
		if len(a.events) == 0 {
			t.Fatalf("bound %d: no round took place", bound)
		}
		got := a.Report(nil)
		w := slices.DeleteFunc(told(want), func(s string) bool { return strings.Contains(s, unknownMessenger) })
		g := slices.DeleteFunc(told(got), func(s string) bool { return strings.Contains(s, unknownMessenger) })
		if !slices.Equal(w, g) {
			t.Errorf("bound %d: %d events, want %d: %s", bound, len(g), len(w), firstDifference(g, w))
		}
		want.Events, got.Events = nil, nil
		want.Contacts, got.Contacts, want.Groups, got.Groups = nil, nil, nil, nil
		if x, y := asJSON(t, want), asJSON(t, got); !bytes.Equal(x, y) {
			t.Errorf("bound %d: beside the events the report is another one:\n%s\n%s", bound, y, x)
		}
		want = whole.Report(nil)
	}
}

func firstDifference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return got[i] + ", want " + want[i]
		}
	}
	return "one list is longer"
}

// What is held stays near the bound, however long the capture is.
func TestRoundsBoundWhatIsHeld(t *testing.T) {
	a := newTest(t, Options{})
	a.bound, a.next = 500, 500
	most, id := 0, uint64(0)
	for day := range 50 {
		for _, m := range []*made{whatsAppChat(anna+":4000", 4000*float64(day), 100), whatsAppLeg(anna+":5000", 4000*float64(day)+100, 4000*float64(day)+900)} {
			id++
			f := m.Flow
			f.ID = id
			a.Add(&capture.Record{Flow: &f})
			most = max(most, a.held)
		}
	}
	if most > 2500 || len(a.kept) > 10 {
		t.Errorf("held %d frames, %d flows: more with every day", most, len(a.kept))
	}
	rep := a.Report(nil)
	calls := 0
	for _, e := range rep.Events {
		if e.Call != nil {
			calls++
		}
	}
	if calls != 50 || rep.Services[0].Flows != 100 {
		t.Errorf("%d calls, %d flows; want 50 and 100", calls, rep.Services[0].Flows)
	}
}

// Flows of a few frames weigh by their number.
func TestRoundsLetShortFlowsGo(t *testing.T) {
	a := newTest(t, Options{})
	a.bound, a.next = 500, 500
	most := 0
	for i := range 200 {
		f := whatsAppChat(anna+":4000", 4000*float64(i), 0).Flow
		f.ID = uint64(i + 1)
		a.Add(&capture.Record{Flow: &f})
		most = max(most, len(a.kept))
	}
	if most*connCost > 2*a.bound {
		t.Errorf("%d flows kept at once", most)
	}
	if rep := a.Report(nil); rep.Services[0].Flows != 200 {
		t.Errorf("%d flows counted, want 200", rep.Services[0].Flows)
	}
}

func TestOnlyOneService(t *testing.T) {
	a := newTest(t, Options{Service: "signal"})
	feed(a, 0, everything()...)
	if rep := a.Report(nil); len(rep.Events)+len(rep.Services)+len(rep.Parties) != 0 {
		t.Errorf("signal asked for: %v, %v", rep.Services, told(rep))
	}
	b := newTest(t, Options{Service: "whatsapp"})
	feed(b, 0, everything()...)
	rep := b.Report(nil)
	if len(rep.Events) == 0 || slices.ContainsFunc(rep.Events, func(e Event) bool { return e.Service != "whatsapp" }) || len(rep.Services) != 2 {
		t.Errorf("whatsapp asked for: %d events, services %v", len(rep.Events), rep.Services)
	}
}

func TestLeastConfidence(t *testing.T) {
	for _, least := range []float64{0.5, 0.9, 0.97} {
		a := newTest(t, Options{Least: least})
		feed(a, 0, everything()...)
		rep := a.Report(nil)
		if least < 0.95 && len(rep.Events) == 0 {
			t.Errorf("%v: no events", least)
		}
		for _, e := range rep.Events {
			if e.Confidence < least-1e-4 {
				t.Errorf("%v: %s at %v", least, e.Kind, e.Confidence)
			}
		}
	}
}

func name(addr, value, how string, mac byte) *capture.Record {
	n := &capture.Name{Value: value, How: how, MAC: capture.MAC{2, 0, 0, 0, 0, mac}}
	if addr != "" {
		n.Addr = netip.MustParseAddr(addr)
	}
	return &capture.Record{Name: n, Origin: capture.Origin{At: 3}}
}

func TestPartiesByLinkAddressAndNames(t *testing.T) {
	a := newTest(t, Options{Names: map[string]string{ben: "Ben"}})
	a.Add(name("", "annas-phone", "dhcp", 1))
	a.Add(name(anna, "Annas-Phone.local", "mdns", 1))
	six := whatsAppChat("[2001:db8::2]:4000", 0, 1)
	feed(a, 0, whatsAppChat(anna+":4000", 0, 1).mac(1), six.mac(1), whatsAppChat(ben+":4000", 0, 1).mac(2))
	rep := a.Report([]Input{{ID: "i1"}})
	if len(rep.Parties) != 2 {
		t.Fatalf("parties %+v, want two", rep.Parties)
	}
	p := rep.Parties[0]
	if !slices.Equal(p.Addresses, []string{anna, "2001:db8::2"}) || len(p.Names) != 2 || p.Names[0] != (Name{"annas-phone", "dhcp", "seen"}) || p.Kind != "device" || len(p.MACs) != 1 {
		t.Errorf("party %+v", p)
	}
	if !slices.ContainsFunc(p.Evidence, func(v Evidence) bool { return v.Input == "i1" && v.At == 3 }) {
		t.Errorf("evidence %v, want the packet that gives the name", p.Evidence)
	}
	if q := rep.Parties[1]; q.Kind != "person" || q.Names[0] != (Name{"Ben", "names", "seen"}) {
		t.Errorf("party %+v", q)
	}
	if len(rep.Services) != 2 || rep.Services[0].Flows != 2 {
		t.Errorf("services %+v: both addresses are one party's", rep.Services)
	}
}

// A peer that is known by its public address only is the party that has it,
// unless several have.
func TestPublicAddresses(t *testing.T) {
	mapped := func(client, public string) *made {
		return udp(client, "157.240.1.62:3478").signal(1, true, capture.Signal{Type: 3, Attrs: capture.AttrWhatsApp}).
			signal(1.1, false, capture.Signal{Type: 0x0103, Attrs: capture.AttrWhatsApp, Mapped: ap(public)}).sign("whatsapp-stun")
	}
	direct := func() *made {
		m := whatsAppLeg(anna+":5000", 100, 101)
		m.Bursts = nil
		return m
	}
	peer := udp(anna+":5000", "203.0.113.7:6000").signal(101, true, capture.Signal{Type: 1, Attrs: capture.AttrIntegrity}).
		signal(101.1, false, capture.Signal{Type: 0x0101, Attrs: capture.AttrIntegrity}).talk(102, 130)
	find := func(list ...*made) string {
		a := newTest(t, Options{})
		feed(a, 0, list...)
		for _, e := range a.Report(nil).Events {
			if e.Call != nil && e.Call.Path == "direct" && e.Peer != nil {
				return *e.Peer
			}
		}
		return ""
	}
	if got := find(mapped(ben+":7000", "203.0.113.7:999"), direct(), peer); got != "p1" {
		t.Errorf("peer %q, want the party with that public address", got)
	}
	if got := find(mapped(ben+":7000", "203.0.113.7:999"), mapped("10.0.0.4:7000", "203.0.113.7:1999"), direct(), peer); got != "203.0.113.7" {
		t.Errorf("peer %q: two parties share the public address", got)
	}
}

// A report says that it could not look for messengers of unknown names where most
// connections show one direction only.
func TestLimitsOfHalves(t *testing.T) {
	for halves, want := range []bool{false, false, true} {
		a := newTest(t, Options{})
		for i := range 3 {
			f := tcp(anna+":400"+string(rune(48+i)), "192.0.2.80:443").frame(1, 300).frame(2, 300).frame(3, -300).frame(4, 300)
			if i < halves {
				f.Packets[capture.Down] = 0
			}
			feed(a, 0, f)
		}
		limits := a.Report(nil).Limits
		if got := slices.ContainsFunc(limits, func(l Limit) bool { return l.What == "service" && strings.Contains(l.Why, "2 of 3 connections") }); got != want {
			t.Errorf("%d of 3 connections with one direction: %v", halves, limits)
		}
	}
}

// A report says how much is missing, and tells what the tap dropped from what it cut.
func TestLimitsOfGaps(t *testing.T) {
	gap := capture.Frame{Kind: capture.FrameGap, Length: 100}
	lost, cut := whatsAppChat(anna+":4000", 0, 1), whatsAppChat(anna+":4001", 0, 1)
	lost.Missing[capture.Up], lost.Payload = 100, [2]uint64{1500, 400}
	lost.Frames, cut.Frames = append(lost.Frames, gap), append(cut.Frames, gap)
	a := newTest(t, Options{})
	feed(a, 0, lost, cut)
	for _, want := range []string{"5.0 % of the bytes", "packets are cut short"} {
		if !slices.ContainsFunc(a.Report(nil).Limits, func(l Limit) bool { return strings.Contains(l.Why, want) && strings.Contains(l.Why, "1 of 2") }) {
			t.Errorf("no limit says %q: %v", want, a.Report(nil).Limits)
		}
	}
}

func TestLimits(t *testing.T) {
	oneWay := whatsAppChat(anna+":4000", 0, 0).frame(1, 300).frame(2, 300).frame(3, 300)
	oneWay.Packets[capture.Down] = 0
	mid := whatsAppChat(anna+":4001", 0, 1)
	mid.Midstream = true
	lost := whatsAppChat(anna+":4002", 0, 1)
	lost.Missing[capture.Up] = 100
	dropped := whatsAppChat(anna+":4003", 0, 1)
	dropped.FramesUncollected = true
	quic := udp(anna+":4004", "157.240.1.61:443")
	quic.Host, quic.HostHow = "mmg.whatsapp.net", "quic"
	quic.seen(at(1), true, 100)
	exposed := whatsAppChat(anna+":4005", 0, 1).sign(signExposed)
	a := newTest(t, Options{})
	feed(a, 0, oneWay, mid, lost, dropped, quic, exposed)
	rep := a.Report(nil)
	for _, want := range []string{"content", "the other direction", "login", "frames", "single messages"} {
		if !slices.ContainsFunc(rep.Limits, func(l Limit) bool {
			return l.What == want && (want == "content" || strings.Contains(l.Why, "1 of 6"))
		}) {
			t.Errorf("no limit on %q of one flow in six: %v", want, rep.Limits)
		}
	}
	if len(rep.Warnings) != 1 || !strings.Contains(rep.Warnings[0], "in clear") {
		t.Errorf("warnings %q, want one on the exposed account", rep.Warnings)
	}
	b := newTest(t, Options{})
	if rep := b.Report(nil); len(rep.Limits)+len(rep.Warnings) != 0 {
		t.Errorf("limits of nothing: %v", rep.Limits)
	}
}

// Only messages of the parties of a call, only when it begins or ends, only of
// its messenger, and each once.
func TestDoubtSignalling(t *testing.T) {
	message := func(s float64, client, service string) infer.Event {
		return infer.Event{Kind: infer.Message, Time: at(s), Client: netip.MustParseAddr(client), Service: service, Confidence: 0.9}
	}
	call := func(from, to float64) infer.Event {
		return infer.Event{Kind: infer.CallKind, Time: at(from), End: at(to), Client: netip.MustParseAddr(anna), Peer: netip.MustParseAddr(ben), Service: "xmpp",
			Call: &infer.Call{}, Evidence: []infer.Evidence{{}}}
	}
	for _, c := range []struct {
		name string
		e    infer.Event
		want bool
	}{
		{"offer", message(95, anna, "xmpp"), true},
		{"at the other end", message(96, ben, "xmpp"), true},
		{"answer", message(101, ben, "xmpp"), true},
		{"hang-up", message(200.5, anna, "xmpp"), true},
		{"long before", message(80, anna, "xmpp"), false},
		{"while they talk", message(150, anna, "xmpp"), false},
		{"long after", message(210, anna, "xmpp"), false},
		{"somebody else", message(100, "10.0.0.9", "xmpp"), false},
		{"another messenger", message(100, anna, "threema"), false},
	} {
		list := []infer.Event{call(100, 200), call(100.2, 200.2), c.e}
		doubtSignalling(batches{list}.each())
		if got := list[2].Confidence; (got != 0.9) != c.want || c.want && got != 0.9*signallingFactor {
			t.Errorf("%s: confidence %v", c.name, got)
		}
	}
	own := call(100, 200)
	own.Service = "whatsapp"
	list := []infer.Event{own, message(100, anna, "whatsapp")}
	if doubtSignalling(batches{list}.each()); list[1].Confidence != 0.9 {
		t.Error("WhatsApp's own framing tells calls from messages")
	}
}

// The time to report must not grow with the square of calls, messages or flows.
func TestReportIsQuickForManyEvents(t *testing.T) {
	var list []infer.Event
	for i := range 20_000 {
		s := float64(i)
		client := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		list = append(list, infer.Event{Kind: infer.Message, Time: at(s), Client: client, Service: "xmpp", Confidence: 0.9},
			infer.Event{Kind: infer.CallKind, Time: at(s), End: at(s + 9), Client: client, Service: "xmpp", Confidence: 0.9, Call: &infer.Call{}, Evidence: []infer.Evidence{{}}})
	}
	start := time.Now()
	doubtSignalling(batches{list}.each())
	var flows []*made
	for i := range 10_000 {
		client := netip.AddrPortFrom(list[2*i].Client, 4000)
		m := tcp(client.String(), "157.240.1.60:5222").host("g.whatsapp.net").sign("whatsapp-noise").frame(float64(i), 11)
		m.ClientMAC = capture.MAC{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}
		flows = append(flows, m)
	}
	a := newTest(t, Options{Flows: true})
	feed(a, 0, flows...)
	rep := a.Report(nil)
	if d := time.Since(start); d > 20*time.Second || len(rep.Parties) != 10_000 {
		t.Errorf("%v for %d parties", d, len(rep.Parties))
	}
}
