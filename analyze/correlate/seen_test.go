package correlate

import (
	"math"
	"math/rand/v2"
	"testing"

	"envelope/capture"
)

// talkOf makes a list of messages ten seconds apart.
func talkOf(with ...int32) []said {
	out := make([]said, len(with))
	for i, p := range with {
		out[i] = said{capture.Time(i * 10e9), p}
	}
	return out
}

func TestSeenBetween(t *testing.T) {
	const o = None
	var long []said
	dice := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		with := int32(1)
		if dice.Float64() < 0.2 {
			with = None
		}
		long = append(long, said{capture.Time(i * 10e9), with})
	}
	tests := []struct {
		name       string
		lists      [][]said
		least, top float64
	}{
		{"nothing", nil, 1, 1},
		{"all seen", [][]said{talkOf(1, 1, 1, 1)}, 1, 1},
		{"a fifth missed", [][]said{long}, 0.78, 0.86},
		{"to somebody outside as often as to another inside", [][]said{talkOf(1, 2, 1, o, 1, 1, 1, 2, 1, o, 1, 1)}, 1, 1},
		{"another conversation", [][]said{talkOf(1, o, 2), talkOf(o, 1, o)}, 1, 1},
		{"long before", [][]said{{{0, 1}, {10e9, o}, {1000e9, 1}}}, 1, 1},
	}
	for _, c := range tests {
		if x := seenBetween(c.lists); x < c.least-1e-9 || x > c.top+1e-9 || math.IsNaN(x) {
			t.Errorf("%s: %v, want %v to %v", c.name, x, c.least, c.top)
		}
	}
}

func TestEnough(t *testing.T) {
	tests := []struct {
		recv      float64
		have, all int
		want      bool
	}{
		{1, 7, 10, true}, {1, 6, 10, false}, {0.8, 5, 10, true}, {0.8, 4, 10, false}, {0.5, 0, 0, true},
	}
	for _, c := range tests {
		if got := (seen{1, c.recv}).enough(c.have, c.all, 0.7); got != c.want {
			t.Errorf("%d of %d where %v are seen: %v", c.have, c.all, c.recv, got)
		}
	}
	if x := (seen{0.8, 1}).unseen(8); math.Abs(x-2) > 1e-9 {
		t.Errorf("beside 8 of which 0.8 are seen %v are not, want 2", x)
	}
}

// TestOwn has a phone that confirms what another person writes, and nothing of
// what comes from its own computer.
func TestOwn(t *testing.T) {
	const phone, computer, friend = 0, 1, 2
	n := &net{parties: 3}
	for i := range 60 {
		at, from := capture.Time(i*60e9), int32(friend)
		r := mark{at: at + 1e8, party: phone, unit: phone, told: at + 2e8}
		if i%3 == 0 {
			from, r.told = computer, 0
		}
		n.sent = append(n.sent, mark{at: at, party: from, unit: from})
		n.recv = append(n.recv, r)
		n.start = append(n.start, int32(i))
		n.cand = append(n.cand, candidate{from: int32(i), w: 1})
	}
	n.start = append(n.start, 60)
	n.learnConfirming(nil)
	if x := n.own()[ordered(phone, computer)]; math.Abs(x) > 1e-9 {
		t.Errorf("where nothing is known of copies their ratio is %v", x)
	}
	n.learnConfirming(map[uint64]bool{ordered(phone, computer): true})
	own := n.own()
	if x := own[ordered(phone, computer)]; x < ownSure {
		t.Errorf("a computer has ratio %v", x)
	}
	if x := own[ordered(phone, friend)]; x > -ownSure {
		t.Errorf("a friend has ratio %v", x)
	}
}
