package infer

import (
	"net/netip"
	"testing"
	"time"

	"envelope/capture"
)

// session adds a connection of a phone that looks for news: a handshake and a
// set-up in which the server lists contacts (480 bytes, of the size of a message).
func (p *chatPlay) session(at float64) int {
	k := len(p.conns)
	c := Conn{Service: "test", Role: "message", Weight: 1}
	c.Flow = &capture.Flow{ID: uint64(k + 1), Proto: 6, Client: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.99"), uint16(41000+k)),
		Server: netip.MustParseAddrPort("198.51.100.1:5222")}
	p.conns = append(p.conns, c)
	for i, size := range []int{300, -200, 150, -480, 160, -90} {
		p.frame(k, at+0.1*float64(i), size > 0, max(size, -size))
	}
	return k
}

// TestStreamWaking: what a phone says and gets while its session is set up is
// told from the set-up, where there are enough to know one by.
func TestStreamWaking(t *testing.T) {
	for _, tt := range []struct {
		name           string
		sessions       int
		sent, received int // at least
		most           int // of either
	}{
		{"many sessions", 40, 9, 18, 25},
		{"few sessions", 3, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newChatPlay(6)
			p.chat(240)
			p.pings(560)
			conns := len(p.conns)
			var sent, got []chatMoment
			phone := netip.MustParseAddr("192.0.2.99")
			for i := range tt.sessions {
				at := 20 + 13*float64(i)
				k := p.session(at)
				if i%2 == 0 {
					p.frame(k, at+0.7, false, 410+p.r.IntN(400))
					got = append(got, chatMoment{phone, at + 0.7})
				}
				if i%4 == 1 {
					p.frame(k, at+1.5, true, 320+p.r.IntN(400))
					sent = append(sent, chatMoment{phone, at + 1.5})
				}
			}
			for i := range p.conns[conns:] {
				p.conns[conns+i].Flow.Frames[0].Kind = capture.FrameHandshake
			}
			var events []Event
			for _, e := range Stream(p.flows()) {
				if e.Client == phone {
					events = append(events, e)
				}
			}
			for _, x := range []struct {
				d     Direction
				truth []chatMoment
				least int
			}{{Sent, sent, tt.sent}, {Received, got, tt.received}} {
				right, wrong, missed := chatFits(events, x.truth, x.d, 100*time.Millisecond)
				if right < x.least || right+wrong > tt.most {
					t.Errorf("%s: %d right, %d wrong, %d missed", x.d, right, wrong, missed)
				}
			}
		})
	}
}
