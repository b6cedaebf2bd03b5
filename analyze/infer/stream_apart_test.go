package infer

import (
	"testing"
	"time"
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
