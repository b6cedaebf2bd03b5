package infer

import (
	"testing"

	"envelope/capture"
)

// polls fills a connection with n requests that are answered after wait(i)
// seconds, each pause seconds after the last answer.
func polls(n int, request int, pause float64, wait func(i int) float64, answer func(i int) int) Conn {
	p := newChatPlay(1)
	at := 1.0
	for i := range n {
		p.frame(0, at, true, request)
		at += wait(i)
		p.frame(0, at, false, answer(i))
		at += pause
	}
	return p.flows()[0]
}

func TestLongPoll(t *testing.T) {
	t.Parallel()
	uneven := func(i int) float64 { return 1.2 + float64(i*i%17) }
	news := func(i int) int { return 600 + i*37%500 }
	quick := func(int) float64 { return 0.06 }
	pages := func(i int) int { return 2000 + i*977%30000 }
	tests := []struct {
		name      string
		conn      Conn
		low, high float64
	}{
		{"hanging requests", polls(30, 313, 0.09, uneven, news), 0.9, 1},
		{"a few hanging requests", polls(6, 313, 0.09, uneven, news), 0.6, 0.8},
		{"web pages", polls(30, 500, 9, quick, pages), 0, 0},
		{"mail polled by the clock", polls(30, 200, 60, quick, func(int) int { return 90 }), 0, 0},
		{"slow answers to single questions", polls(30, 300, 20, uneven, pages), 0, 0.05},
		{"video in segments", polls(60, 420, 3.8, quick, func(i int) int { return 9000 + i*13 }), 0, 0},
		{"answers by the clock", polls(30, 120, 0.05, func(int) float64 { return 30 }, func(int) int { return 60 }), 0, 0.6},
		{"nothing", Conn{Flow: new(capture.Flow)}, 0, 0},
	}
	for _, tt := range tests {
		if p := LongPoll(&tt.conn); p < tt.low || p > tt.high {
			t.Errorf("%s: %.3f, want %.2f to %.2f", tt.name, p, tt.low, tt.high)
		}
	}
}

// TestLongPollMultiplexed has other requests go on beside the one that hangs.
func TestLongPollMultiplexed(t *testing.T) {
	t.Parallel()
	p := newChatPlay(1)
	at := 1.0
	for i := range 25 {
		p.frame(0, at, true, 90)
		if i%3 == 0 { // a message: request, its answer, the copy as news
			p.frame(0, at+1, true, 70)
			p.frame(0, at+1.001, true, 500+i)
			p.frame(0, at+1.05, false, 90)
		}
		at += 3 + float64(i*7%11)
		p.frame(0, at, false, 700+i*31%300)
		at += 0.08
	}
	c := p.flows()[0]
	if got := LongPoll(&c); got != 0 {
		t.Errorf("without a word of HTTP/2: %.3f, want 0", got)
	}
	c.Flow.ALPN = []string{"h2", "http/1.1"}
	if got := LongPoll(&c); got < 0.7 || got >= 0.9 {
		t.Errorf("HTTP/2: %.3f, want 0.7 to 0.9", got)
	}
}
