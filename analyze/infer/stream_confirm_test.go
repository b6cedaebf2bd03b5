package infer

import (
	"testing"
	"time"
)

// TestStreamConfirmed: messages that waited come in one record with much else, and
// are told by the receipts that go back to who wrote them; without receipts, or
// without a message that nobody got, nothing is told.
func TestStreamConfirmed(t *testing.T) {
	for _, tt := range []struct {
		name     string
		receipts int
		writes   bool
		least    int // messages told of those that came together
		most     int
	}{
		{"confirmed", 1, true, 18, 20},
		{"two receipts passed on in one record", 2, true, 18, 20},
		{"not confirmed", 0, true, 0, 0},
		{"nothing written", 1, false, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newChatPlay(4)
			p.chat(240)
			p.pings(900)
			alone := len(p.got)
			for i := range 10 {
				a, to, at := i%4, (i+2)%4, 570+30*float64(i)
				for k := range 2 {
					if size := 340 + p.r.IntN(300); tt.writes {
						p.frame(a, at+3*float64(k), true, size)
						p.frame(a, at+3*float64(k)+0.04, false, 31)
					}
					p.got = append(p.got, chatMoment{p.conns[to].Flow.Client.Addr(), at + 20})
				}
				p.frame(to, at+20, false, 8200)
				for k := range min(2*tt.receipts, 2) {
					p.frame(to, at+20.08+0.01*float64(k), true, 120)
					if tt.receipts == 1 {
						p.frame(a, at+20.13+0.01*float64(k), false, 210+to%3)
					}
				}
				if tt.receipts == 2 {
					p.frame(a, at+20.15, false, 2*(210+to%3)-17)
				}
			}
			events := Stream(p.flows())
			_, _, missedAll := chatFits(events, p.got, Received, time.Millisecond)
			_, wrong, missed := chatFits(events, p.got[:alone], Received, time.Millisecond)
			if told := len(p.got) - alone - (missedAll - missed); told < tt.least || told > tt.most || wrong > tt.most+2 {
				t.Errorf("%d told of %d that came together, %d beside those that came alone", told, len(p.got)-alone, wrong)
			}
		})
	}
}
