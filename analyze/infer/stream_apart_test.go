package infer

import (
	"net/netip"
	"testing"
	"time"

	"envelope/capture"
)

// TestStreamTogether: of two messages that a server passes on in one record both
// are told, where the two are known to write to who gets it; and a record that is
// no sum of messages on their way is not taken apart.
func TestStreamTogether(t *testing.T) {
	for _, tt := range []struct {
		name  string
		extra int // bytes by which the record differs from the sum
		least int // messages told of the twenty that came in pairs
		most  int
	}{
		{"a sum", 0, 18, 20},
		{"less a request to acknowledge", -36, 16, 20},
		{"no sum", 900, 0, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newChatPlay(4)
			p.chat(240)
			p.pings(640)
			alone := len(p.got)
			for i := range 10 {
				a, b, to := i%4, (i+1)%4, (i+2)%4
				at, x, y := 570+4*float64(i), 340+p.r.IntN(300), 340+p.r.IntN(300)
				for k, from := range []int{a, b} {
					p.frame(from, at+0.02*float64(k), true, []int{x, y}[k])
					p.frame(from, at+0.04+0.02*float64(k), false, 31)
				}
				p.frame(to, at+0.09, false, x+y+2*(90+to%3)+tt.extra)
				for range 2 {
					p.got = append(p.got, chatMoment{p.conns[to].Flow.Client.Addr(), at + 0.09})
				}
			}
			events := Stream(p.flows())
			_, _, missedAll := chatFits(events, p.got, Received, time.Millisecond)
			_, wrong, missed := chatFits(events, p.got[:alone], Received, time.Millisecond)
			if told := len(p.got) - alone - (missedAll - missed); told < tt.least || told > tt.most {
				t.Errorf("%d told of %d that came in pairs", told, len(p.got)-alone)
			}
			if wrong > tt.most+2 {
				t.Errorf("%d beside those that came alone", wrong)
			}
		})
	}
}

// TestStreamResumes: a client that comes back to much that waited for it writes,
// and gets, before its session has come to a rest, also where others get it too and
// their names are longer.
func TestStreamResumes(t *testing.T) {
	for name, others := range map[string][]int{"alone": nil, "with others": {2, 4, 5}} {
		t.Run(name, func(t *testing.T) { resumes(t, others) })
	}
}

// resumes lets a client come back, and get what is sent to it and to others.
func resumes(t *testing.T, others []int) {
	p := newChatPlay(6)
	p.chat(300)
	p.pings(700)
	p.conns = append(p.conns, Conn{Service: "test", Role: "message", Weight: 1, Flow: &capture.Flow{ID: 9, Proto: 6,
		Client: netip.AddrPortFrom(p.conns[0].Flow.Client.Addr(), 40009), Server: netip.MustParseAddrPort("198.51.100.1:5222")}})
	const back = 6
	for k := range 24 { // no pause of two seconds
		p.frame(back, 720+float64(k), k%2 == 0, 2000+200*k)
	}
	p.conns[back].Flow.Frames[0].Kind = capture.FrameHandshake
	sent, got := len(p.sent), len(p.got)
	for k := range 4 {
		p.say(726.5+4*float64(k), back, 340+50*k, 1+k%3)
		p.say(728.3+4*float64(k), 1+2*(k%2), 350+50*k, append(others[:len(others):len(others)], back)...)
	}
	events := Stream(p.flows())
	for _, x := range []struct {
		d     Direction
		truth []chatMoment
	}{{Sent, p.sent[sent:]}, {Received, p.got[got:]}} {
		if _, _, missed := chatFits(events, x.truth, x.d, time.Millisecond); missed > 1 {
			t.Errorf("%s: %d of %d missed", x.d, missed, len(x.truth))
		}
	}
}
