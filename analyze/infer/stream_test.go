package infer

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"envelope/capture"

	"github.com/google/go-cmp/cmp"
)

// chatPlay is a made-up messenger: clients on one server, each with one connection
// of records. Times are in seconds.
type chatPlay struct {
	conns []Conn
	r     *rand.Rand
	sent  []chatMoment
	got   []chatMoment
}

// chatMoment is one true event.
type chatMoment struct {
	who netip.Addr
	at  float64
}

func newChatPlay(clients int) *chatPlay {
	p := &chatPlay{r: rand.New(rand.NewPCG(7, 7))}
	for i := range clients {
		c := Conn{Service: "test", Role: "message", Weight: 1}
		c.Flow = &capture.Flow{ID: uint64(i + 1), Proto: 6, Midstream: true,
			Client: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 40000),
			Server: netip.MustParseAddrPort("198.51.100.1:5222")}
		p.conns = append(p.conns, c)
	}
	return p
}

// frame adds one record.
func (p *chatPlay) frame(client int, at float64, up bool, size int) {
	f := p.conns[client].Flow
	f.Frames = append(f.Frames, capture.Frame{Time: capture.Time(at * 1e9), Origin: capture.Origin{At: int64(len(f.Frames) + 1)},
		Length: uint32(size), Kind: capture.FrameData, Up: up})
}

// say has one client write to others: an acknowledgement comes back, and each
// recipient answers with a receipt that is passed on to the sender.
func (p *chatPlay) say(at float64, from, size int, to ...int) {
	p.frame(from, at, true, size)
	p.sent = append(p.sent, chatMoment{p.conns[from].Flow.Client.Addr(), at})
	p.frame(from, at+0.04, false, 31)
	for _, k := range to {
		d := at + 0.05 + 0.02*p.r.Float64()
		p.frame(k, d, false, size+90+k%3)
		p.got = append(p.got, chatMoment{p.conns[k].Flow.Client.Addr(), d})
		p.frame(k, d+0.08, true, 120)
		p.frame(from, d+0.13, false, 210+k%3)
	}
}

// chat fills a span with talk of random sizes between random pairs.
func (p *chatPlay) chat(messages int) {
	for i := range messages {
		from := p.r.IntN(len(p.conns))
		to := (from + 1 + p.r.IntN(len(p.conns)-1)) % len(p.conns)
		at := 10 + float64(i)*2.3 + p.r.Float64()
		p.frame(from, at-1.1, true, 140) // typing
		p.frame(to, at-1.05, false, 190+to%3)
		p.say(at, from, 320+p.r.IntN(400), to)
	}
}

// pings has every client ask the server for a sign of life each minute.
func (p *chatPlay) pings(seconds int) {
	for k := range p.conns {
		for at := 5 + 3*float64(k); at < float64(seconds); at += 60 {
			p.frame(k, at, true, 101)
			p.frame(k, at+0.04, false, 77)
		}
	}
}

// flows gives the connections with their frames in order.
func (p *chatPlay) flows() []Conn {
	for i := range p.conns {
		f := p.conns[i].Flow
		slices.SortStableFunc(f.Frames, func(a, b capture.Frame) int { return int(a.Time - b.Time) })
		if n := len(f.Frames); n > 0 {
			f.First, f.Last = f.Frames[0].Time, f.Frames[n-1].Time
		}
	}
	return p.conns
}

// chatFits counts the events of a direction that are true, false and missing.
func chatFits(events []Event, truth []chatMoment, d Direction, within time.Duration) (right, wrong, missed int) {
	used := make([]bool, len(events))
	for _, m := range truth {
		found := false
		for i, e := range events {
			off := e.Time.Sub(capture.Time(m.at * 1e9)).Abs()
			if !used[i] && !found && e.Direction == d && e.Client == m.who && off <= within && (e.Kind == Message || e.Kind == Media) {
				used[i], found = true, true
			}
		}
		if !found {
			missed++
		}
	}
	for i, e := range events {
		if e.Direction == d && (e.Kind == Message || e.Kind == Media) {
			if used[i] {
				right++
			} else {
				wrong++
			}
		}
	}
	return right, wrong, missed
}

func chatF1(right, wrong, missed int) float64 {
	if right == 0 {
		return 0
	}
	return 2 * float64(right) / float64(2*right+wrong+missed)
}

func TestStream(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		clients int
		only    int // keep this client only; -1 for all
		scale   float64
		floor   float64
	}{
		{"everybody", 6, -1, 1, 0.97},
		{"larger records", 6, -1, 1.7, 0.97},
		{"smaller records", 6, -1, 0.8, 0.97},
		{"two clients", 2, -1, 1, 0.95},
		{"one client alone", 3, 1, 1, 0.85},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newChatPlay(tt.clients)
			p.chat(240)
			p.pings(560)
			conns := p.flows()
			sent, got := p.sent, p.got
			if tt.only >= 0 {
				who := conns[tt.only].Flow.Client.Addr()
				conns = conns[tt.only : tt.only+1]
				other := func(m chatMoment) bool { return m.who != who }
				sent, got = slices.DeleteFunc(sent, other), slices.DeleteFunc(got, other)
			}
			for i := range conns {
				for k := range conns[i].Flow.Frames {
					f := &conns[i].Flow.Frames[k]
					f.Length = uint32(float64(f.Length) * tt.scale)
				}
			}
			events := Stream(conns)
			if x := chatF1(chatFits(events, sent, Sent, time.Second)); x < tt.floor {
				t.Errorf("sent: F1 %.3f, want at least %.2f", x, tt.floor)
			}
			if x := chatF1(chatFits(events, got, Received, time.Second)); x < tt.floor {
				t.Errorf("received: F1 %.3f, want at least %.2f", x, tt.floor)
			}
		})
	}
}

func TestStreamSignals(t *testing.T) {
	t.Parallel()
	p := newChatPlay(5)
	p.chat(200)
	p.pings(480)
	count := map[Kind]int{}
	for _, e := range Stream(p.flows()) {
		count[e.Kind]++
		if e.Confidence < 0.5 || e.Confidence > 1 {
			t.Fatalf("%v with confidence %v", e.Kind, e.Confidence)
		}
	}
	if n := count[Receipt]; n < 150 || n > 210 {
		t.Errorf("%d receipts, want about 200", n)
	}
	if n := count[Keepalive]; n < 38 || n > 40 {
		t.Errorf("%d keepalives, want about 40", n)
	}
	if n := count[Typing]; n < 150 || n > 200 {
		t.Errorf("%d units of typing, want about 200", n)
	}
}

func TestStreamIdle(t *testing.T) {
	t.Parallel()
	p := newChatPlay(6)
	p.pings(600)
	for i := range 40 { // presence of one pushed to all
		from := i % 6
		at := 20 + float64(i)*13
		p.frame(from, at, true, 160)
		for k := range 6 {
			if k != from {
				p.frame(k, at+0.05, false, 230+k%3)
			}
		}
	}
	for _, e := range Stream(p.flows()) {
		if e.Kind == Message || e.Kind == Media {
			t.Errorf("idle clients: %s %s of %d bytes, confidence %.2f", e.Kind, e.Direction, e.Bytes, e.Confidence)
		}
	}
}

func TestStreamOneDirection(t *testing.T) {
	t.Parallel()
	p := newChatPlay(3)
	p.chat(200)
	c := p.flows()[0]
	c.Flow.Frames = slices.DeleteFunc(c.Flow.Frames, func(f capture.Frame) bool { return !f.Up })
	if events := Stream([]Conn{c}); len(events) != 0 {
		t.Errorf("%d events of one client seen in one direction, want none", len(events))
	}
}

func TestStreamMedia(t *testing.T) {
	t.Parallel()
	p := newChatPlay(4)
	p.chat(120)
	p.say(400, 0, 500, 1)
	transfer := func(client int, at float64, up bool, bytes int) {
		c := p.conns[client]
		c.Role, c.Flow.ID, c.Flow.Frames = "media", uint64(100+client), nil
		for n := 0; n < bytes; n += 16 << 10 {
			c.Flow.Frames = append(c.Flow.Frames, capture.Frame{Time: capture.Time(at*1e9) + capture.Time(n), Length: 16 << 10, Up: up})
		}
		c.Flow.First, c.Flow.Last = c.Flow.Frames[0].Time, c.Flow.Frames[len(c.Flow.Frames)-1].Time
		p.conns = append(p.conns, c)
	}
	transfer(0, 399, true, 200<<10)
	transfer(1, 400.6, false, 200<<10)
	media := map[Direction]uint64{}
	for _, e := range Stream(p.flows()) {
		if e.Kind == Media {
			media[e.Direction] += e.Bytes
		}
	}
	want := map[Direction]uint64{Sent: 208 << 10, Received: 208 << 10}
	if d := cmp.Diff(want, media); d != "" {
		t.Errorf("bytes of media (-want +got):\n%s", d)
	}
}

func TestStreamTwice(t *testing.T) {
	t.Parallel()
	p := newChatPlay(5)
	p.chat(150)
	conns := p.flows()
	if d := cmp.Diff(Stream(conns), Stream(conns), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); d != "" {
		t.Errorf("two runs differ:\n%s", d)
	}
}

func TestApplication(t *testing.T) {
	t.Parallel()
	frame := func(up bool, length uint32, kind capture.FrameKind) capture.Frame {
		return capture.Frame{Up: up, Length: length, Kind: kind}
	}
	const hand, data = capture.FrameHandshake, capture.FrameData
	tests := []struct {
		name   string
		frames []capture.Frame
		want   []uint32
	}{
		{"TLS 1.3 with two tickets", []capture.Frame{frame(true, 512, hand), frame(false, 122, hand), frame(false, 900, data), frame(true, 69, data),
			frame(true, 300, data), frame(false, 282, data), frame(false, 282, data), frame(false, 400, data)}, []uint32{300, 400}},
		{"TLS 1.2", []capture.Frame{frame(true, 512, hand), frame(false, 98, hand), frame(true, 208, data), frame(false, 114, data)}, []uint32{208, 114}},
		{"in the middle", []capture.Frame{frame(false, 90, data), frame(true, 69, data)}, []uint32{90, 69}},
		{"nothing", nil, nil},
	}
	for _, tt := range tests {
		var got []uint32
		for _, f := range application(nil, &capture.Flow{Frames: tt.frames}) {
			got = append(got, f.Length)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestPriors(t *testing.T) {
	t.Parallel()
	p := priorOf("whatsapp")
	if p.Source == "" || p.Date == "" || len(p.Receipt) == 0 {
		t.Fatalf("the prior of WhatsApp is %+v", p)
	}
	if p := priorOf("nobody"); p.LeastUp != 0 || len(p.Receipt) != 0 {
		t.Errorf("the prior of nobody is %+v", p)
	}
}

// FuzzStream turns bytes into frames of three connections: no input may panic,
// and what comes out is in order and as sure as it has to be.
func FuzzStream(f *testing.F) {
	f.Add([]byte("a record up, a record down, and another one"))
	f.Add([]byte{0, 1, 255, 255, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 1, 1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		p := newChatPlay(3)
		at := 0.0
		for ; len(b) >= 4; b = b[4:] {
			at += float64(b[0]) / 50
			p.frame(int(b[1])%3, at, b[1]&64 != 0, int(b[2])<<(b[3]%8)+int(b[3]))
		}
		conns := p.flows()
		conns[2].Flow.Midstream = false
		events := Stream(conns)
		for i, e := range events {
			if e.Confidence < 0.5 || e.Confidence > 1 || i > 0 && e.Time < events[i-1].Time {
				t.Fatalf("event %d: %+v", i, e)
			}
		}
		for i := range conns {
			if p := LongPoll(&conns[i]); p < 0 || p > 1 {
				t.Fatalf("long poll %v", p)
			}
		}
	})
}

// What compare does not tell apart stays as it is.
func TestInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{0, 1, 2, 50, 1000} {
		list := make([]Event, n)
		for i := range list {
			list[i] = Event{Time: capture.Time(r.IntN(1 + n/4)), Flow: uint64(i)}
		}
		want := slices.Clone(list)
		slices.SortStableFunc(want, func(a, b Event) int { return int(a.Time - b.Time) })
		InOrder(list, func(a, b *Event) int { return int(a.Time - b.Time) })
		for i := range list {
			if list[i].Time != want[i].Time || list[i].Flow != want[i].Flow {
				t.Fatalf("%d events: place %d has event %d of time %d, want %d of time %d", n, i, list[i].Flow, list[i].Time, want[i].Flow, want[i].Time)
			}
		}
	}
}
