package infer

import (
	"net/netip"
	"slices"
	"testing"

	"envelope/capture"
)

func TestSignalTurns(t *testing.T) {
	up, down := func(s float64, n int) unit { return unit{at: secondOf(s), end: secondOf(s), size: uint32(n), up: true} }, func(s float64, n int) unit {
		return unit{at: secondOf(s), end: secondOf(s), size: uint32(n)}
	}
	for _, c := range []struct {
		name  string
		units []unit
		kept  []int // sizes
		pings int
	}{
		{"request", []unit{up(1, oneUp), down(1.1, 108)}, []int{oneUp}, 0},
		{"request without answer", []unit{up(1, oneUp)}, nil, 0},
		{"request answered too late", []unit{up(1, oneUp), down(9, 108)}, nil, 0},
		{"request answered at length", []unit{up(1, 11216), down(1.5, 2750)}, nil, 0},
		{"push", []unit{down(1, oneDown), up(1.05, 44)}, []int{oneDown}, 0},
		{"push without answer", []unit{down(1, oneDown)}, nil, 0},
		{"long answer to a short request", []unit{up(1, 115), down(1.2, 715)}, nil, 0},
		{"push behind a long answer", []unit{up(1, 115), down(1.2, 715), down(1.3, oneDown), up(1.4, 44)}, []int{oneDown}, 0},
		{"push between a request and its answer", []unit{up(1, oneUp), down(1.1, oneDown), down(1.15, 108), up(1.2, 44)}, []int{oneUp, oneDown}, 0},
		{"two pushes", []unit{down(1, oneDown), down(1.01, oneDown+80), up(1.05, 44), up(1.06, 44)}, []int{oneDown, oneDown + 80}, 0},
		{"the queue is empty", []unit{down(1, 81), up(1.1, 44)}, nil, 0},
		{"keepalives", []unit{up(1, 56), down(1.1, 42), up(31, 56), down(31.1, 42), up(61, 56), down(61.1, 42)}, nil, 3},
		{"short requests, not by the clock", []unit{up(1, 56), down(1.1, 42), up(3, 56), down(3.1, 42)}, nil, 0},
		{"file", []unit{up(1, 90000), down(1.1, 108)}, nil, 0},
	} {
		r := turnsOfSignal{law: signalLawOf(t), c: &Conn{Flow: &capture.Flow{}, Weight: 1}, units: c.units}
		r.read()
		var kept []int
		for _, u := range r.kept() {
			kept = append(kept, int(u.size))
		}
		if n := len(r.keepalives()); !slices.Equal(kept, c.kept) || n != c.pings {
			t.Errorf("%s: %v and %d keepalives, want %v and %d", c.name, kept, n, c.kept, c.pings)
		}
	}
}

// TestSignalOpening: the request for the web socket is no message, also where
// another connection of the same address makes the login pass for none.
func TestSignalOpening(t *testing.T) {
	frames := []capture.Frame{{Kind: capture.FrameHandshake, Up: true}, {Kind: capture.FrameData, Up: true}}
	units := []unit{{at: secondOf(1), end: secondOf(1), up: true, size: 431}, {at: secondOf(1.1), end: secondOf(1.1), size: 236},
		{at: secondOf(2), end: secondOf(2), up: true, size: 1055}, {at: secondOf(2.1), end: secondOf(2.1), size: 108}}
	for _, c := range []struct {
		name   string
		frames []capture.Frame
		want   int
	}{{"opened in the capture", frames, 1}, {"mid-stream", nil, 2}} {
		r := turnsOfSignal{law: signalLawOf(t), c: &Conn{Flow: &capture.Flow{Frames: c.frames}, Weight: 1}, units: units}
		r.read()
		if got := r.kept(); len(got) != c.want || got[len(got)-1].size != 1055 {
			t.Errorf("%s: %d requests kept, want %d", c.name, len(got), c.want)
		}
	}
}

// TestSignalSetUp looks at what a client sends right after it connected: before
// anything came these are settings, unless somebody else gets it; thereafter
// receipts for what waited.
func TestSignalSetUp(t *testing.T) {
	law := signalLawOf(t)
	at := func(s float64, up bool, n int) unit {
		return unit{at: secondOf(s), end: secondOf(s), size: uint32(n), up: up, source: -1}
	}
	own := []unit{at(1, true, oneUp), at(1.1, false, 108), at(2, false, oneDown), at(2.1, true, 44), at(2.5, true, oneUp), at(2.6, false, 108), at(9, true, oneUp), at(9.1, false, 108)}
	r := turnsOfSignal{law: law, c: &Conn{Flow: &capture.Flow{Midstream: true}, Weight: 1}, units: own, until: secondOf(5)}
	r.read()
	kept := r.kept()
	flags := [][2]bool{{true, true}, {false, true}, {false, true}, {false, false}}
	if len(kept) != len(flags) {
		t.Fatalf("%d requests kept, want %d", len(kept), len(flags))
	}
	for i, u := range kept {
		if got := [2]bool{u.setting, u.login}; got != flags[i] {
			t.Errorf("request %d: setting and login %v, want %v", i, got, flags[i])
		}
	}
	copied := at(1.2, false, oneDown)
	copied.who = 1
	for source, want := range map[int32]int{-1: 4, 0: 4} { // the copy is a request by itself, or the other end of the first
		x := &signalTalk{view: &view{room: new(Room), units: append(slices.Clone(kept), copied), clients: make([]netip.Addr, 2)}, law: law, source: []int32{-1, -1, -1, -1, source}}
		x.build()
		n, first := 0, false
		for _, list := range x.talks() {
			for _, q := range list {
				n, first = n+1, first || q.ids[0] == 0
			}
		}
		if n != want || first != (source == 0) {
			t.Errorf("first request passed on as %d: %d requests in talks, the first among them %v", source, n, first)
		}
	}
	for _, back := range []bool{false, true} {
		x := &signalTalk{view: &view{room: new(Room)}, law: law}
		d := x.newTalk(pairing{0, -1}, []request{{ids: [2]int32{0, -1}, sent: secondOf(2.5), size: sizes{0, unseenSize}, back: back}}, []life{{0, secondOf(60)}})
		d.sizes = newSizeTable(law, nil)
		if p := d.read().p[0]; (p[aReceipt] > 0.8) != back {
			t.Errorf("sender just back: %v: receipt %.2f", back, p[aReceipt])
		}
	}
}

// TestSignalDue: who confirms by itself something that waited and came from nobody
// known did not write a text to whom the confirmation goes, unless that is later.
func TestSignalDue(t *testing.T) {
	law := signalLawOf(t)
	at := func(s float64, who int32, up bool) unit {
		return unit{at: secondOf(s), end: secondOf(s), size: oneUp, up: up, who: who}
	}
	for _, c := range []struct {
		after   float64 // seconds from the push to the request
		source  int32   // of the push
		receipt bool
	}{{0.2, -1, true}, {1.5, -1, true}, {20, -1, false}, {0.2, 0, false}} {
		units := []unit{at(99, 1, true), at(100, 0, false), at(100+c.after, 0, true), at(100.1+c.after, 1, false)}
		x := &signalTalk{view: &view{room: new(Room), units: units, clients: make([]netip.Addr, 5)}, law: law, source: []int32{-1, c.source, -1, 2}}
		x.build()
		list := x.talks()[pairing{0, 1}]
		list = list[len(list)-1:] // what came before says nothing
		d := x.newTalk(pairing{0, 1}, list, []life{{0, secondOf(86400)}, {0, secondOf(86400)}})
		d.sizes = newSizeTable(law, nil)
		if p := d.read().p[0]; (p[aReceipt] > 0.9) != c.receipt {
			t.Errorf("%v s after a push from %d: receipt %.2f", c.after, c.source, p[aReceipt])
		}
	}
}
