package infer

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"envelope/capture"
)

// drop makes a gap of a share of the records, as a tap does that misses packets:
// bytes that follow each other are one gap.
func (p *chatPlay) drop(share float64) {
	dice := rand.New(rand.NewPCG(3, 5))
	for i := range p.conns {
		var kept []capture.Frame
		var open [2]bool // the last frame of that direction is a gap
		var last [2]int
		for _, f := range p.conns[i].Flow.Frames {
			d := direction(f.Up)
			lost := dice.Float64() < share
			if lost && open[d] {
				kept[last[d]].Length += f.Length + recordHeader
				continue
			}
			if open[d], last[d] = lost, len(kept); lost {
				f.Kind, f.Length = capture.FrameGap, f.Length+recordHeader
			}
			kept = append(kept, f)
		}
		p.conns[i].Flow.Frames = kept
	}
}

// Records that the tap dropped are known by their sizes; one record in ten makes
// little difference, and nothing is told too surely.
func TestStreamDropped(t *testing.T) {
	for _, tt := range []struct {
		name  string
		share float64
		floor float64
	}{
		{"none", 0, 0.97},
		{"1 %", 0.01, 0.97},
		{"3 %", 0.03, 0.97},
		{"10 %", 0.1, 0.94},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newChatPlay(8)
			p.chat(600)
			p.pings(1400)
			conns := p.flows()
			p.drop(tt.share)
			events := Stream(conns)
			s, r := chatF1(chatFits(events, p.sent, Sent, time.Second)), chatF1(chatFits(events, p.got, Received, time.Second))
			t.Logf("F1 sent %.3f, received %.3f", s, r)
			if s < tt.floor || r < tt.floor {
				t.Errorf("F1 sent %.3f, received %.3f, want at least %.2f", s, r, tt.floor)
			}
			calibrated(t, events, p.sent, p.got)
		})
	}
}

// polled is a client that asks a server for news again and again, over HTTP/1.1:
// half of what the server says are messages, of which one record in ten is missed.
func polled() *capture.Flow {
	dice := rand.New(rand.NewPCG(1, 2))
	f := &capture.Flow{}
	for i := range 200 {
		at := capture.Time(i) * 3e9
		for _, x := range []capture.Frame{{Time: at, Length: 400, Up: true}, {Time: at.Add(2900 * time.Millisecond), Length: uint32(600 + dice.IntN(900))}} {
			if dice.IntN(10) == 0 {
				x.Kind, x.Length = capture.FrameGap, x.Length+recordHeader
			}
			f.Frames = append(f.Frames, x)
		}
	}
	return f
}

// A request or answer that was dropped is still a turn of the talk.
func TestTurnsDropped(t *testing.T) {
	c := Conn{Flow: polled()}
	if !new(Room).requesting([]*Conn{&c})[0] {
		t.Error("not taken for requests and answers")
	}
	if p := LongPoll(&c); p < 0.9 {
		t.Errorf("waits for news with probability %.2f", p)
	}
}

// Gaps of the sizes that are usual are single records; sums of several are not.
func TestSingle(t *testing.T) {
	for _, tt := range []struct {
		name     string
		gaps     []uint32
		low, top float64
	}{
		{"usual sizes", []uint32{140, 150, 160, 140, 150, 160, 140, 150}, 0.85, 1},
		{"sums", []uint32{133, 177, 201, 219, 249, 131, 211, 180}, 0, 0.2},
		{"half of either", []uint32{140, 150, 160, 140, 131, 211, 180, 177}, 0.4, 0.7},
	} {
		v := &view{room: new(Room)}
		for i := range 60 {
			v.units = append(v.units, unit{up: true, size: 140 + 10*uint32(i%3)})
		}
		for _, n := range tt.gaps {
			v.units = append(v.units, unit{up: true, size: n, torn: true})
		}
		if p := v.tears().single(&v.units[60]); p < tt.low || p > tt.top {
			t.Errorf("%s: %.2f, want %.2f to %.2f", tt.name, p, tt.low, tt.top)
		}
	}
}

// What follows missing bytes of one's own that may have been a message may be the
// copy of it; what follows smaller ones, or those of others, is not.
func TestCopiesGap(t *testing.T) {
	fs := []family{{low: 300, high: 600, content: true}, {low: 100, high: 120}}
	for _, tt := range []struct {
		name string
		gap  unit
		want bool
	}{
		{"own", unit{at: 1e9, up: true, size: 400, torn: true}, true},
		{"several of one's own", unit{at: 1e9, up: true, size: 1400, torn: true}, true},
		{"whole", unit{at: 1e9, up: true, size: 400}, false},
		{"small", unit{at: 1e9, up: true, size: 110, torn: true}, false},
		{"another's", unit{at: 1e9, who: 1, up: true, size: 400, torn: true}, false},
		{"long before", unit{at: 1e8, up: true, size: 400, torn: true}, false},
	} {
		v := &view{room: new(Room), conns: make([]*Conn, 1), clients: make([]netip.Addr, 2)}
		v.units = []unit{tt.gap, {at: 19e8, size: 500}, {at: 3e9, up: true, size: 50, torn: true}}
		v.build()
		v.torn = v.tears()
		if got := v.copiesGap(fs, &v.units[1]); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// A delay alone says little where it counts from missing bytes that were more than
// one record, and less where it leads to such.
func TestSureReceivedTorn(t *testing.T) {
	for _, tt := range []struct {
		name         string
		ground       uint8
		source, down bool // torn
		usual        bool // gaps are of usual sizes
		least, most  float64
	}{
		{"nothing is missing", groundDelay, false, false, true, sureDelay, sureDelay},
		{"a source that was one record", groundDelay, true, false, true, 0.7, sureDelay},
		{"a source that was several", groundDelay, true, false, false, 0, leastSure},
		{"what came was one record", groundDelay, false, true, true, 0.7, sureDelay},
		{"what came was several", groundDelay, false, true, false, 0, 0.6},
		{"size and delay", groundLaw, false, true, false, 0.85, 0.9},
	} {
		v := &view{room: new(Room)}
		for i := range 60 {
			v.units = append(v.units, unit{up: i%2 == 0, size: 400})
		}
		gap := uint32(300)
		if tt.usual {
			gap = 400
		}
		for i := range 40 {
			v.units = append(v.units, unit{up: i%2 == 0, size: gap, torn: true})
		}
		n := int32(len(v.units))
		v.units = append(v.units, unit{up: true, size: gap, torn: tt.source}, unit{size: gap, torn: tt.down, source: n, ground: tt.ground})
		v.torn = v.tears()
		fs := []family{{low: 100, high: 600, content: true, law: &law{}}}
		if p := v.sureReceived(fs, &v.units[n+1]); p < tt.least || p > tt.most {
			t.Errorf("%s: %.2f, want %.2f to %.2f", tt.name, p, tt.least, tt.most)
		}
	}
}
