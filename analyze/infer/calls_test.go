package infer

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"envelope/capture"
)

const (
	phone      = "10.0.0.2"
	phone2     = "10.0.0.3"
	phone3     = "10.0.0.4"
	outside    = "203.0.113.9"
	turnServer = "192.0.2.20:3478"
)

const (
	rtp      = capture.BurstRTP
	opaque   = capture.BurstOpaque
	controls = capture.AttrControlling
	follows  = capture.AttrControlled
)

// TestMirroredCalls: two clients of which one rings and the other is rung belong
// together where no third one is rung at that moment.
func TestMirroredCalls(t *testing.T) {
	offer := chat(phone+":4000", "whatsapp", "whatsapp-noise", "1^41", "9^231", "9.3_1500", "9.6^41")
	rung := func(client string, at float64) Conn {
		return chat(client+":4000", "whatsapp", "whatsapp-noise", "1^41", fmt.Sprintf("%.1f_900", at))
	}
	attempt := func(client string, at, end float64) []*leg {
		return withHangUp(whatsAppRelays(client+":5000", at, 5), end)
	}
	const b, c = "10.0.0.8", "10.0.0.9"
	mine := attempt(phone, 9.5, 40)
	for _, x := range []struct {
		name  string
		legs  []*leg
		chats []Conn
		want  []string
	}{
		{"one other", append(mine, attempt(b, 9.9, 40.2)...), []Conn{offer, rung(b, 9.4)},
			[]string{"9.0-40.0 whatsapp 10.0.0.2 caller 10.0.0.8 unknown unknown unanswered []"}},
		{"ends later", append(mine, attempt(b, 9.9, 44)...), []Conn{offer, rung(b, 9.4)},
			[]string{"9.0-40.0 whatsapp 10.0.0.2 caller ? unknown unknown unanswered []", "9.4-44.0 whatsapp 10.0.0.8 callee ? unknown unknown unanswered []"}},
		{"two others", append(append(mine, attempt(b, 9.9, 40.2)...), attempt(c, 9.8, 40.1)...), []Conn{offer, rung(b, 9.4), rung(c, 9.4)},
			[]string{"9.0-40.0 whatsapp 10.0.0.2 caller ? unknown unknown unanswered []", "9.4-40.2 whatsapp 10.0.0.8 callee ? unknown unknown unanswered []",
				"9.4-40.1 whatsapp 10.0.0.9 callee ? unknown unknown unanswered []"}},
	} {
		t.Run(x.name, func(t *testing.T) { wantCalls(t, legs(x.legs...), map[string][]Conn{"whatsapp": x.chats}, x.want...) })
	}
}

// relays of WhatsApp asked at once by one socket.
func whatsAppRelays(client string, at float64, n int) []*leg {
	var out []*leg
	for i := range n {
		server := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)}), 3478)
		out = append(out, newLeg(client, server.String(), "whatsapp").whatsApp(at+float64(i)/500))
	}
	return out
}

func hangUpAll(list []*leg, at float64) {
	for _, l := range list {
		l.hangUp(at)
	}
}

func TestWhatsAppCalls(t *testing.T) {
	socket, peer := phone+":5000", outside+":6000"
	relayed := func() []*leg {
		list := whatsAppRelays(socket, 10, 6)
		list[2].media(15, 40, rtp, 120, 110)
		hangUpAll(list, 40.2)
		return list
	}
	offer := chat(phone+":4000", "whatsapp", "whatsapp-noise", "1^41", "9^231", "9.3_1500", "9.6^41")
	push := chat(phone+":4000", "whatsapp", "whatsapp-noise", "1^41", "9.2_900")
	direct := append(relayed()[:2], newLeg(socket, peer, "whatsapp").bare(15.5, true).check(15.6, "down", "", 0, true).media(16, 40, rtp, 120, 110))
	direct = append(direct, newLeg(socket, "10.82.0.7:6001", "whatsapp").bare(15.5, false))
	for _, c := range []struct {
		name  string
		legs  []*leg
		chats []Conn
		want  string
	}{
		{"relayed", relayed(), nil, "10.0-40.2 whatsapp 10.0.0.2 unknown ? audio relayed answered []"},
		{"offered by the client", relayed(), []Conn{offer}, "9.0-40.2 whatsapp 10.0.0.2 caller ? audio relayed answered []"},
		{"pushed by the server", relayed(), []Conn{push}, "9.2-40.2 whatsapp 10.0.0.2 callee ? audio relayed answered []"},
		{"turning direct", direct, nil, "10.0-40.2 whatsapp 10.0.0.2 unknown 203.0.113.9 audio direct answered [203.0.113.9 10.82.0.7]"},
		{"unanswered", withHangUp(whatsAppRelays(socket, 10, 5), 40), nil, "10.0-40.0 whatsapp 10.0.0.2 unknown ? unknown unknown unanswered []"},
		{"rejected", withHangUp(whatsAppRelays(socket, 10, 5), 18), []Conn{chat(phone+":4000", "whatsapp", "whatsapp-noise", "9^231", "9.3_1500", "17.8_128", "18.1^41")},
			"9.0-18.0 whatsapp 10.0.0.2 caller ? unknown unknown rejected []"},
		{"hung up before an answer", withHangUp(whatsAppRelays(socket, 10, 5), 18), []Conn{chat(phone+":4000", "whatsapp", "whatsapp-noise", "9^231", "9.3_1500", "18.1^150")},
			"9.0-18.0 whatsapp 10.0.0.2 caller ? unknown unknown unanswered []"},
		{"video by payload type", []*leg{whatsAppRelays(socket, 10, 1)[0].media(12, 30, rtp, 120, 110).media(12, 30, rtp, 97, 300)}, nil,
			"10.0-30.0 whatsapp 10.0.0.2 unknown ? video relayed answered []"},
		{"video by size", []*leg{whatsAppRelays(socket, 10, 1)[0].media(12, 30, opaque, 0, 900)}, nil,
			"10.0-30.0 whatsapp 10.0.0.2 unknown ? video relayed answered []"},
		{"media on after the end", []*leg{whatsAppRelays(socket, 10, 1)[0].media(12, 60, rtp, 120, 110).hangUp(20)}, nil,
			"10.0-60.0 whatsapp 10.0.0.2 unknown ? audio relayed answered []"},
		{"two packets are no talk", []*leg{whatsAppRelays(socket, 10, 1)[0].burst(12, 12.05, "up", rtp, 120, 110, 9).hangUp(20)}, nil,
			"10.0-20.0 whatsapp 10.0.0.2 unknown ? unknown unknown unanswered []"},
	} {
		t.Run(c.name, func(t *testing.T) { wantCalls(t, legs(c.legs...), map[string][]Conn{"whatsapp": c.chats}, c.want) })
	}
}

func withHangUp(list []*leg, at float64) []*leg {
	hangUpAll(list, at)
	return list
}

// wantCalls compares what Calls says with one line for each call.
func wantCalls(t *testing.T, list []Conn, chats map[string][]Conn, want ...string) []Event {
	t.Helper()
	got := Calls(list, chats)
	var lines []string
	for i := range got {
		lines = append(lines, said(&got[i]))
		if got[i].Confidence <= 0 || got[i].Confidence > 1 || len(got[i].Evidence) == 0 {
			t.Errorf("confidence %v, evidence %v", got[i].Confidence, got[i].Evidence)
		}
	}
	if want = slices.DeleteFunc(want, func(s string) bool { return s == "" }); !slices.Equal(lines, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(lines, "\n\t"), strings.Join(want, "\n\t"))
	}
	return got
}

// relayPair is a call through TURN of which both ends are at hand.
func relayPair(a, b, names, mirror string, lentA, lentB string, at float64) []*leg {
	x := newLeg(a, turnServer, "").allocate(at, lentA).check(at+2, "up", names, controls, true).inRelay(2, lentB)
	y := newLeg(b, turnServer, "").allocate(at+1, lentB).check(at+2.01, "up", mirror, follows, true).inRelay(2, lentA)
	x.media(at+3, at+20, rtp, 111, 100).through(2).release(at + 20.1)
	y.media(at+3, at+20, rtp, 111, 100).through(2).release(at + 20.1)
	return []*leg{x, y}
}

func TestWebRTCCalls(t *testing.T) {
	a, b := phone+":5000", phone2+":5001"
	lentA, lentB := "192.0.2.20:50000", "192.0.2.20:50001"
	one := relayPair(a, b, "BBBB:AAAA", "AAAA:BBBB", lentA, lentB, 10)
	relayed := "12.0-30.1 unknown 10.0.0.2 caller 10.0.0.3 audio relayed answered []"
	p2p := newLeg(a, b, "").check(12, "up", "B:A", controls, true).check(12.1, "down", "A:B", follows, true).media(13, 33, rtp, 111, 100)
	stun := func(client string, at float64) *leg {
		return newLeg(client, "192.0.2.30:19302", "").signal(at, "up", capture.Signal{Type: bindingRequest, Length: 20}).
			signal(at+0.02, "down", capture.Signal{Type: bindingSuccess, Length: 32, Mapped: netip.MustParseAddrPort("198.51.100.1:1")})
	}
	for _, c := range []struct {
		name string
		legs []*leg
		want []string
	}{
		{"relayed, both ends at hand", one, []string{relayed}},
		{"one end at hand", relayPair(a, b, "BBBB:AAAA", "AAAA:BBBB", lentA, outside+":7000", 10)[:1],
			[]string{"12.0-30.1 unknown 10.0.0.2 caller 203.0.113.9 audio relayed answered [203.0.113.9]"}},
		{"direct between two at home", []*leg{stun(a, 11), stun(b, 11.1), p2p},
			[]string{"12.0-33.0 unknown 10.0.0.2 caller 10.0.0.3 audio direct answered [10.0.0.3]"}},
		{"direct to one outside", []*leg{stun(a, 11), newLeg(a, outside+":7000", "").check(12, "up", "B:A", follows, true).check(12.1, "down", "A:B", controls, true).media(13, 33, rtp, 111, 100)},
			[]string{"12.0-33.0 unknown 10.0.0.2 callee 203.0.113.9 audio direct answered [203.0.113.9]"}},
		{"direct beside others' relayed call", append(relayPair(phone3+":5000", "10.0.0.5:5001", "B2:A2", "A2:B2", "192.0.2.20:50002", "192.0.2.20:50003", 10), p2p),
			[]string{"12.0-30.1 unknown 10.0.0.4 caller 10.0.0.5 audio relayed answered []", "12.0-33.0 unknown 10.0.0.2 caller 10.0.0.3 audio direct answered [10.0.0.3]"}},
		{"the other end behind its relay", []*leg{newLeg(a, turnServer, "").allocate(10, lentA), newLeg(a, "192.0.2.20:50009", "").check(12, "up", "B:A", controls, true).
			check(12.1, "down", "A:B", follows, true).media(13, 33, rtp, 111, 100)}, []string{"12.0-33.0 unknown 10.0.0.2 caller ? audio relayed answered []"}},
		{"to the relay of one at home", []*leg{newLeg(a, turnServer, "").allocate(10, lentA).media(13, 33, rtp, 111, 100).through(2),
			newLeg(b, lentA, "").check(12, "up", "A:B", controls, true).check(12.2, "down", "B:A", follows, true).media(13, 33, rtp, 111, 100)},
			[]string{"12.0-33.0 unknown 10.0.0.3 caller 10.0.0.2 audio relayed answered []"}},
		{"allocation let go in the middle of a direct call", []*leg{newLeg(a, turnServer, "").allocate(10, lentA).release(16), newLeg(a, outside+":7000", "").
			check(12, "up", "B:A", controls, true).check(12.1, "down", "A:B", follows, true).media(13, 50, rtp, 111, 100)},
			[]string{"12.0-50.0 unknown 10.0.0.2 caller 203.0.113.9 audio direct answered [203.0.113.9]"}},
		{"one after the other from one socket", []*leg{newLeg(a, outside+":7000", "").check(12, "up", "B:A", controls, true).check(12.1, "down", "A:B", follows, true).media(13, 50, rtp, 111, 100).
			check(112, "up", "D:C", follows, true).check(112.1, "down", "C:D", controls, true).media(113, 150, rtp, 111, 100)},
			[]string{"12.0-50.0 unknown 10.0.0.2 caller 203.0.113.9 audio direct answered [203.0.113.9]",
				"112.0-150.0 unknown 10.0.0.2 callee 203.0.113.9 audio direct answered [203.0.113.9]"}},
		{"one after the other through one relay", append(relayPair(a, b, "B1:A1", "A1:B1", lentA, lentB, 10), relayPair(phone+":5010", phone2+":5011", "B2:A2", "A2:B2", lentA, lentB, 90)...),
			[]string{relayed, "92.0-110.1 unknown 10.0.0.2 caller 10.0.0.3 audio relayed answered []"}},
		{"two at once through one relay", append(relayPair(a, b, "B1:A1", "A1:B1", lentA, lentB, 10),
			relayPair(phone3+":5000", "10.0.0.5:5001", "B2:A2", "A2:B2", "192.0.2.20:50002", "192.0.2.20:50003", 10.3)...),
			[]string{relayed, "12.3-30.4 unknown 10.0.0.4 caller 10.0.0.5 audio relayed answered []"}},
		{"keepalives alone", []*leg{newLeg(a, turnServer, "").signal(10, "up", capture.Signal{Type: 0x0011}).signal(25, "up", capture.Signal{Type: 0x0011}).signal(40, "up", capture.Signal{Type: 0x0011})}, nil},
		{"own address asked for", []*leg{stun(a, 10), stun(a, 30)}, nil},
		{"own address asked for by a known messenger", []*leg{asService(stun(a, 10), "telegram")}, nil},
		{"relay asked by an unknown app", []*leg{newLeg(a, turnServer, "").allocate(10, lentA).release(18)}, nil},
		{"channel of data", []*leg{newLeg(a, outside+":7000", "").check(12, "up", "B:A", controls, true).check(14, "down", "A:B", follows, true).burst(13, 40, "up", capture.BurstDTLS, 0, 90, 0)}, nil},
		{"malformed checks of a moment", []*leg{newLeg(a, outside+":7000", "").check(12, "up", "B:A", controls, true)}, nil},
		{"keys and control beside media", []*leg{newLeg(a, outside+":7000", "").check(12, "up", "B:A", controls, true).check(12.1, "down", "A:B", follows, true).
			burst(12.2, 12.8, "up", capture.BurstDTLS, 0, 300, 0).media(13, 33, rtp, 111, 100).burst(14, 60, "down", capture.BurstRTCP, 200, 80, 7)},
			[]string{"12.0-33.0 unknown 10.0.0.2 caller 203.0.113.9 audio direct answered [203.0.113.9]"}},
		{"not answered", []*leg{newLeg(a, turnServer, "").allocate(10, lentA), newLeg(a, outside+":7000", "").check(12, "up", "B:A", controls, false).check(22, "up", "B:A", controls, false)},
			[]string{"12.0-22.0 unknown 10.0.0.2 caller ? unknown unknown unanswered [203.0.113.9]"}},
		{"one direction captured", []*leg{newLeg(a, outside+":7000", "").check(12, "up", "B:A", controls, true).media(13, 33, rtp, 111, 100).oneWay("up")},
			[]string{"12.0-33.0 unknown 10.0.0.2 caller ? audio direct unknown [203.0.113.9]"}},
		{"one direction captured, without media", []*leg{asService(newLeg(a, outside+":7000", "").check(12, "up", "B:A", controls, true).check(17, "up", "B:A", controls, true).oneWay("up"), "signal")},
			[]string{"12.0-17.0 signal 10.0.0.2 caller ? unknown unknown unknown [203.0.113.9]"}},
		{"one only talks", []*leg{newLeg(a, outside+":7000", "").check(12, "up", "B:A", controls, true).check(12.1, "down", "A:B", follows, true).burst(13, 33, "up", rtp, 111, 100, 5)},
			[]string{"12.0-33.0 unknown 10.0.0.2 caller 203.0.113.9 audio direct unknown [203.0.113.9]"}},
		{"a meeting behind a server that only answers", []*leg{newLeg(a, outside+":7000", "").check(12, "up", "S:A", controls, true).check(13, "up", "S:A", controls, true).check(14, "up", "S:A", controls, true).media(13, 33, rtp, 111, 100),
			newLeg(b, outside+":7000", "").check(12, "up", "S:B", controls, true).check(13, "up", "S:B", controls, true).check(14, "up", "S:B", controls, true).media(13, 33, rtp, 111, 100)},
			[]string{"12.0-33.0 unknown 10.0.0.2 unknown ? audio relayed answered []", "12.0-33.0 unknown 10.0.0.3 unknown ? audio relayed answered []"}},
	} {
		t.Run(c.name, func(t *testing.T) { wantCalls(t, legs(c.legs...), nil, c.want...) })
	}
}

func asService(l *leg, id string) *leg {
	l.Service, l.Weight, l.Role = id, 1, "call"
	return l
}

// Signal's relays name themselves by their realm, so that the flow has a
// service; its sources have numbers that recur.
func TestSignalCalls(t *testing.T) {
	a, b := phone+":5000", phone2+":5001"
	lentA, lentB := "192.0.2.20:50000", "192.0.2.20:50001"
	pair := relayPair(a, b, "BBBB:AAAA", "AAAA:BBBB", lentA, lentB, 10)
	asService(pair[0], "signal")
	asService(pair[1], "signal")
	got := wantCalls(t, legs(pair...), nil, "12.0-30.1 signal 10.0.0.2 caller 10.0.0.3 audio relayed answered []")
	if !slices.Contains(got[0].Call.LinkKeys, "uAAAA:BBBB") {
		t.Errorf("link keys %v, want the user names of the other end's leg", got[0].Call.LinkKeys)
	}
	x := asService(newLeg(a, "192.0.2.40:3478", ""), "signal").allocate(10, lentA).burst(12, 30, "up", rtp, 102, 100, 1001).burst(12, 30, "down", rtp, 102, 100, 2001)
	y := asService(newLeg(phone3+":5000", "192.0.2.41:3478", ""), "signal").allocate(15, lentB).burst(16, 30, "up", rtp, 102, 100, 2001).burst(16, 30, "down", rtp, 102, 100, 1001)
	wantCalls(t, legs(x, y), nil, "10.0-30.0 signal 10.0.0.2 unknown ? audio relayed answered []", "15.0-30.0 signal 10.0.0.4 unknown ? audio relayed answered []")
}

// What one sends through WhatsApp's relays and another gets has the same source.
func TestSourcesLinkBothEnds(t *testing.T) {
	x, y := whatsAppRelays(phone+":5000", 10, 3), whatsAppRelays(phone2+":5001", 11, 3)
	x[0].burst(13, 30, "up", rtp, 120, 110, 0xA1B2C3D4).burst(13, 30, "down", rtp, 120, 110, 0x11223344)
	y[1].burst(13, 30, "up", rtp, 120, 110, 0x11223344).burst(13, 30, "down", rtp, 120, 110, 0xA1B2C3D4)
	hangUpAll(append(x, y...), 30.1)
	wantCalls(t, legs(append(x, y...)...), nil, "10.0-30.1 whatsapp 10.0.0.2 unknown 10.0.0.3 audio relayed answered []")
}

// Two calls by different clients through the same relay stay two.
func TestOneRelayTwoCalls(t *testing.T) {
	x, y := whatsAppRelays(phone+":5000", 10, 3), whatsAppRelays(phone2+":5001", 10.5, 3)
	x[0].burst(13, 30, "up", rtp, 120, 110, 0xA0000001).burst(13, 30, "down", rtp, 120, 110, 0xA0000002)
	y[0].burst(13, 30, "up", rtp, 120, 110, 0xB0000001).burst(13, 30, "down", rtp, 120, 110, 0xB0000002)
	wantCalls(t, legs(append(x, y...)...), nil, "10.0-30.0 whatsapp 10.0.0.2 unknown ? audio relayed answered []",
		"10.5-30.0 whatsapp 10.0.0.3 unknown ? audio relayed answered []")
}

// Telegram's old calls: reflectors know a call by its tag; a peer in the same
// network is reached without.
func TestTelegramCalls(t *testing.T) {
	const tag = "00112233445566778899aabbccddeeff"
	probe := func(l *leg, at float64) *leg {
		l.signal(at, "up", capture.Signal{Tag: tag})
		return l.signal(at+0.04, "down", capture.Signal{Tag: tag, Mapped: netip.MustParseAddrPort("198.51.100.1:999"), Peer: netip.MustParseAddrPort("198.51.100.77:1000")})
	}
	a := phone + ":5000"
	one := probe(newLeg(a, "192.0.2.60:533", "telegram"), 10).media(11, 40, opaque, 0, 200).tagged(2, tag)
	two := probe(newLeg(a, "192.0.2.61:533", "telegram"), 10)
	wantCalls(t, legs(one, two), nil, "10.0-40.0 telegram 10.0.0.2 unknown ? audio relayed answered [198.51.100.77]")
	lan := newLeg(a, "10.0.0.9:6000", "telegram").media(13, 40, opaque, 0, 200)
	three := probe(newLeg(a, "192.0.2.60:533", "telegram"), 10).media(11, 13, opaque, 0, 200).tagged(2, tag)
	wantCalls(t, legs(three, lan), nil, "10.0-40.0 telegram 10.0.0.2 unknown 10.0.0.9 audio direct answered [10.0.0.9 198.51.100.77]")
	other := probe(newLeg(phone2+":5009", "192.0.2.61:533", "telegram"), 10.2).media(11, 40, opaque, 0, 200).tagged(2, tag)
	again := probe(newLeg(a, "192.0.2.60:533", "telegram"), 10).media(11, 40, opaque, 0, 200).tagged(2, tag)
	wantCalls(t, legs(again, other), nil, "10.0-40.0 telegram 10.0.0.2 unknown 10.0.0.3 audio relayed answered [198.51.100.77]")
}

// Three phones, each connected to both of the others by sockets of its own that
// it opened at the same moment.
func TestGroupOfThreeIsThreeConnections(t *testing.T) {
	var list []*leg
	who := []string{phone, phone2, phone3}
	lent := 50000
	for i := range who {
		for j := i + 1; j < len(who); j++ {
			lent += 2
			a, b := netip.AddrPortFrom(netip.MustParseAddr(who[i]), uint16(5000+10*i+j)), netip.AddrPortFrom(netip.MustParseAddr(who[j]), uint16(5000+10*j+i))
			na, nb := string(rune('a'+i))+string(rune('a'+j)), string(rune('a'+j))+string(rune('a'+i))
			la, lb := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.20"), uint16(lent)), netip.AddrPortFrom(netip.MustParseAddr("192.0.2.20"), uint16(lent+1))
			list = append(list, relayPair(a.String(), b.String(), nb+":"+na, na+":"+nb, la.String(), lb.String(), 10)...)
		}
	}
	wantCalls(t, legs(list...), nil,
		"12.0-30.1 unknown 10.0.0.2 caller 10.0.0.3 audio relayed answered []",
		"12.0-30.1 unknown 10.0.0.2 caller 10.0.0.4 audio relayed answered []",
		"12.0-30.1 unknown 10.0.0.3 caller 10.0.0.4 audio relayed answered []")
}

// The messenger that arranged a call, and whom it called in vain, show in the
// frames of messages.
func TestCallsArrangedByMessages(t *testing.T) {
	a := phone + ":5000"
	lentA := "192.0.2.20:50000"
	caller := chat(phone+":4000", "xmpp", "", "10^2400", "10.1_90", "15_200")
	callee := chat(phone2+":4001", "xmpp", "", "10.05_2450", "12^90", "14.9^150")
	bystander := chat(phone3+":4002", "xmpp", "", "9_2450", "10.4_300")
	ring := func() []Conn { return legs(newLeg(a, turnServer, "").allocate(10.1, lentA).release(15.2)) }
	wantCalls(t, ring(), map[string][]Conn{"xmpp": {caller, callee, bystander}}, "10.1-15.2 xmpp 10.0.0.2 caller 10.0.0.3 unknown unknown rejected []")
	twin := chat(phone3+":4002", "xmpp", "", "10.1_2460")
	wantCalls(t, ring(), map[string][]Conn{"xmpp": {caller, callee, twin}}, "10.1-15.2 xmpp 10.0.0.2 unknown ? unknown unknown rejected []")
	wantCalls(t, ring(), map[string][]Conn{"xmpp": {caller, callee}, "matrix": {chat(phone+":4005", "matrix", "", "9^3000")}}, "")
}

func TestServedCalls(t *testing.T) {
	a := phone + ":5000"
	zoom := func(from, to float64, server string, size uint64) *leg {
		return newLeg(a, server, "zoom").own().media(from, to, opaque, 0, size)
	}
	for _, c := range []struct {
		name string
		legs []*leg
		want []string
	}{
		{"audio and video are one meeting", []*leg{zoom(10, 60, "192.0.2.70:8801", 150), zoom(12, 60, "192.0.2.71:8801", 900)},
			[]string{"10.0-60.0 zoom 10.0.0.2 unknown ? video relayed answered []"}},
		{"a probe", []*leg{zoom(10, 11, "192.0.2.70:8801", 150), zoom(10, 11, "192.0.2.71:8801", 150)}, nil},
		{"two meetings", []*leg{zoom(10, 60, "192.0.2.70:8801", 150), zoom(100, 160, "192.0.2.70:8801", 150)},
			[]string{"10.0-60.0 zoom 10.0.0.2 unknown ? audio relayed answered []", "100.0-160.0 zoom 10.0.0.2 unknown ? audio relayed answered []"}},
		{"one flow, two meetings", []*leg{zoom(10, 60, "192.0.2.70:8801", 150).media(100, 160, opaque, 0, 150)},
			[]string{"10.0-60.0 zoom 10.0.0.2 unknown ? audio relayed answered []", "100.0-160.0 zoom 10.0.0.2 unknown ? audio relayed answered []"}},
		{"one direction only", []*leg{newLeg(a, "192.0.2.70:8801", "zoom").own().burst(10, 60, "up", opaque, 0, 150, 0)}, nil},
		{"not the messenger's own server", []*leg{newLeg(a, outside+":4444", "imo").media(10, 60, opaque, 0, 150)},
			[]string{"10.0-60.0 imo 10.0.0.2 unknown ? audio unknown answered []"}},
	} {
		t.Run(c.name, func(t *testing.T) { wantCalls(t, legs(c.legs...), nil, c.want...) })
	}
}

// The order in which flows end must not matter.
func TestCallsDoNotDependOnOrder(t *testing.T) {
	make3 := func() []Conn {
		list := relayPair(phone+":5000", phone2+":5001", "B:A", "A:B", "192.0.2.20:50000", "192.0.2.20:50001", 10)
		return legs(append(list, newLeg(phone3+":5000", outside+":7000", "").check(12, "up", "D:C", controls, true).check(12.1, "down", "C:D", follows, true).media(13, 33, rtp, 111, 100))...)
	}
	lines := func(list []Conn) []string {
		var out []string
		for _, e := range Calls(list, nil) {
			out = append(out, said(&e))
		}
		slices.Sort(out)
		return out
	}
	back := make3()
	slices.Reverse(back)
	if x, y := lines(make3()), lines(back); !slices.Equal(x, y) {
		t.Errorf("%v forwards, %v backwards", x, y)
	}
}

func TestCallsOver(t *testing.T) {
	list := legs(newLeg(phone+":5000", turnServer, "").allocate(10, "192.0.2.20:50000").release(12),
		newLeg(phone+":5000", outside+":7000", "").check(11, "up", "B:A", controls, true).media(12, 100, rtp, 111, 100),
		newLeg(phone2+":5000", outside+":7009", "").check(11, "up", "D:C", controls, true).media(12, 50, rtp, 111, 100))
	for i := range list {
		list[i].Flow.Final = true
	}
	live, open := slices.Clone(list), *list[0].Flow
	open.Final, live[0].Flow = false, &open
	if got := CallsOver(live, secondOf(500)); !slices.Equal(got, []bool{false, false, true}) {
		t.Errorf("%v where one flow goes on", got)
	}
	for _, c := range []struct {
		now  float64
		want []bool
	}{{60, []bool{false, false, false}}, {90, []bool{false, false, true}}, {140, []bool{true, true, true}}} {
		if got := CallsOver(list, secondOf(c.now)); !slices.Equal(got, c.want) {
			t.Errorf("at %v s: %v, want %v", c.now, got, c.want)
		}
	}
}

func TestCallSizesAreGiven(t *testing.T) {
	v := sizesOfCalls()
	if v.Offer.ClientMin == 0 || v.Offer.Before == 0 || v.Offer.Answer == 0 || v.Video.MeanMin == 0 || v.Description == 0 || v.Word == 0 || len(v.Video.PayloadTypes["whatsapp"]) == 0 {
		t.Errorf("data/calls.json lacks a value: %+v", v)
	}
}

// Whatever signals and bursts a hostile capture makes up, no call may panic or
// have impossible times.
func FuzzCalls(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	f.Add([]byte("\x00\x03\x01\x40\x05\x01\x08\x00\x02\x40\x00\x01\x02\x00\x03\x10\x60\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		sockets := []string{phone + ":1", phone2 + ":2", outside + ":3", turnServer, "192.0.2.20:50000"}
		types := []uint16{bindingRequest, bindingSuccess, allocateRequest, 0x0103, refreshRequest, whatsAppEnd, 0x0801, whatsAppProbe}
		names := []string{"", "A:B", "B:A", ":"}
		var list []*leg
		for ; len(b) >= 6; b = b[6:] {
			l := newLeg(sockets[int(b[0])%5], sockets[int(b[0]/5)%5], []string{"", "whatsapp", "zoom"}[b[1]%3])
			l.Own = b[1]&0x80 != 0
			way := []string{"up", "down"}[b[2]&1]
			l.signal(float64(b[2]), way, capture.Signal{Type: types[b[3]%8], Attrs: capture.AttrSet(b[4]), Ufrags: names[b[3]/8%4], Relay: b[5]&1 != 0,
				Peer: netip.MustParseAddrPort(sockets[b[5]%5]), Relayed: netip.MustParseAddrPort(sockets[b[4]%5])})
			l.burst(float64(b[4]), float64(b[4])+float64(b[5])/8, way, capture.BurstKind(b[3]%6), b[5], uint64(b[2]), uint32(b[1])<<16)
			list = append(list, l)
		}
		for _, e := range Calls(legs(list...), nil) {
			if e.End < e.Time-capture.Time(servedPause) || !e.Client.IsValid() || e.Call == nil || e.Confidence > 1 {
				t.Fatalf("%+v", e)
			}
		}
	})
}
