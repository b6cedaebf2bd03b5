package infer

import (
	"net/netip"
	"testing"
	"time"

	"envelope/capture"
)

// device adds a connection from the address of a client, or from one of its own.
func (p *chatPlay) device(who netip.Addr) int {
	k := len(p.conns)
	p.conns = append(p.conns, Conn{Service: "test", Role: "message", Weight: 1, Flow: &capture.Flow{ID: uint64(k + 1), Proto: 6, Midstream: true,
		Client: netip.AddrPortFrom(who, uint16(41000+k)), Server: netip.MustParseAddrPort("198.51.100.1:5222")}})
	return k
}

// TestStreamHouse: a phone that looks for news behind the address of a computer
// sets up its sessions as others do, which is no message; what is said in the
// midst of that is one, even where it is of a size that set-ups have.
func TestStreamHouse(t *testing.T) {
	for _, tt := range []struct {
		name string
		size int // of what the phone writes, 0 for any
		gets int // of what it gets
	}{
		{"of any size", 0, 0},
		{"of the size of a list", 482, 481},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newChatPlay(6)
			p.chat(240)
			p.pings(560)
			house, conns := p.conns[0].Flow.Client, len(p.conns)
			for i := range 60 { // every other one beside the computer
				at := 20 + 9*float64(i)
				k := p.session(at)
				if i%2 == 0 {
					p.conns[k].Flow.Client = netip.AddrPortFrom(house.Addr(), uint16(41000+k))
				}
				for j, size := range []int{180, -260, 482} { // the last is of the size of messages
					p.frame(k, at+0.8+0.1*float64(j), size > 0, max(size, -size))
				}
				who := p.conns[k].Flow.Client.Addr()
				if i%12 == 0 {
					size := max(tt.gets, 410)
					p.frame(k, at+0.7, false, size)
					p.got = append(p.got, chatMoment{who, at + 0.7})
				}
				if i%12 == 6 {
					size := max(tt.size, 395)
					p.frame(k, at+1.5, true, size)
					p.sent = append(p.sent, chatMoment{who, at + 1.5})
				}
			}
			for i := range p.conns[conns:] {
				p.conns[conns+i].Flow.Frames[0].Kind = capture.FrameHandshake
			}
			events := Stream(p.flows())
			if _, wrong, missed := chatFits(events, p.sent, Sent, time.Millisecond); wrong > 2 || missed > 2 {
				t.Errorf("sent: %d wrong, %d missed", wrong, missed)
			}
			if _, wrong, missed := chatFits(events, p.got, Received, time.Millisecond); wrong > 4 || missed > 2 {
				t.Errorf("received: %d wrong, %d missed", wrong, missed)
			}
		})
	}
}

// TestStreamDevices: two devices behind one address each get the message.
func TestStreamDevices(t *testing.T) {
	p := newChatPlay(6)
	second := p.device(p.conns[2].Flow.Client.Addr())
	p.chat(240)
	p.pings(700)
	alone := len(p.got)
	for i := range 20 {
		from := []int{0, 1, 3, 4, 5}[i%5]
		p.say(570+5*float64(i), from, 320+p.r.IntN(400), 2, second)
	}
	_, _, missed := chatFits(Stream(p.flows()), p.got[alone:], Received, time.Millisecond)
	if missed > 2 {
		t.Errorf("%d of %d missed", missed, len(p.got)-alone)
	}
}

// TestStreamPinging: a client that pings far more often than anybody writes to it
// has a connection with push like all others, and gets messages from outside.
func TestStreamPinging(t *testing.T) {
	p := newChatPlay(6)
	p.chat(240)
	p.pings(560)
	quiet := p.device(netip.MustParseAddr("192.0.2.77"))
	var got []chatMoment
	for i := range 240 {
		at := 3 + 2.2*float64(i)
		p.frame(quiet, at, true, 101)
		p.frame(quiet, at+0.04, false, 77)
		if i%40 == 20 {
			for _, after := range []float64{0.5, 1.8} { // the second comes as news do that a request waits for
				p.frame(quiet, at+after, false, 430+2*i)
				p.frame(quiet, at+after+0.1, true, 31)
				got = append(got, chatMoment{netip.MustParseAddr("192.0.2.77"), at + after})
			}
		}
	}
	for i := range 30 { // others hear from outside as well
		to, at := i%6, 575+3*float64(i)
		p.frame(to, at, false, 430+10*i)
		got = append(got, chatMoment{p.conns[to].Flow.Client.Addr(), at})
	}
	if _, _, missed := chatFits(Stream(p.flows()), got, Received, time.Millisecond); missed > 2 {
		t.Errorf("%d of %d missed", missed, len(got))
	}
}

// TestExchanges counts the turns that speak for requests.
func TestExchanges(t *testing.T) {
	frame := func(at float64, length int) capture.Frame {
		return capture.Frame{Time: capture.Time(at * 1e9), Kind: capture.FrameData, Up: length > 0, Length: uint32(max(length, -length))}
	}
	for _, tt := range []struct {
		name         string
		lengths      []int // a pause of a second before each
		kept, broken int
	}{
		{"requests", []int{300, -500, 310, -420, 290, -700}, 5, 0},
		{"pings", []int{101, -77, 101, -77, 101, -77, 101, -77}, 1, 0},
		{"messages, each acknowledged", []int{-500, 31, -520, 31, -480, 31}, 1, 0},
		{"push", []int{-500, -520, -480}, 0, 2},
	} {
		var frames []capture.Frame
		for i, n := range tt.lengths {
			frames = append(frames, frame(float64(i), n))
		}
		if kept, broken := turns(frames, true); kept != tt.kept || broken != tt.broken {
			t.Errorf("%s: %d kept, %d broken, want %d and %d", tt.name, kept, broken, tt.kept, tt.broken)
		}
	}
}

// TestStreamOneSize: a few records, though passed on as messages are, are none where
// they are of one size and messages of many, or rare beside them.
func TestStreamOneSize(t *testing.T) {
	for _, tt := range []struct {
		name  string
		count int
		step  int // from size to size
	}{
		{"of one size", 8, 0},
		{"rare", 5, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newChatPlay(6)
			p.chat(240)
			p.pings(640)
			for i := range tt.count {
				from, to, at, size := i%6, (i+2)%6, 575+7*float64(i), 230+i*tt.step
				p.frame(from, at, true, size)
				p.frame(to, at+0.06, false, size+90+to%3)
			}
			events := Stream(p.flows())
			for d, truth := range map[Direction][]chatMoment{Sent: p.sent, Received: p.got} {
				if _, wrong, _ := chatFits(events, truth, d, time.Millisecond); wrong > 1 {
					t.Errorf("%s: %d wrong", d, wrong)
				}
			}
		})
	}
}

// TestRequesting: a connection with too few turns to tell is taken to be like the
// rest.
func TestRequesting(t *testing.T) {
	for _, tt := range []struct {
		name  string
		turns []int // of each connection
		push  bool  // to the first, besides
		want  bool  // of the last
	}{
		{"five of requests among requests", []int{40, 5}, false, true},
		{"five of requests among push", []int{40, 5}, true, false},
		{"five of requests alone", []int{5}, false, false},
		{"three of requests among requests", []int{40, 3}, false, true},
		{"six of requests alone", []int{6}, false, true},
	} {
		p := newChatPlay(len(tt.turns))
		for k, n := range tt.turns {
			for i := range n + 1 {
				at := 2 * float64(i)
				p.frame(k, at, true, 300+7*i)
				p.frame(k, at+0.1, false, 400+7*i)
			}
			if tt.push && k == 0 {
				for i := range 40 {
					p.frame(k, 2*float64(i)+1, false, 500+i)
				}
			}
		}
		var conns []*Conn
		for i := range p.flows() {
			conns = append(conns, &p.conns[i])
		}
		if got := new(Room).requesting(conns); got[len(got)-1] != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
