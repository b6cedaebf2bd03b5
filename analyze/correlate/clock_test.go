package correlate

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"envelope/capture"
)

// chatter writes messages between two clients, each seen by an input of its own:
// n of them, at random times within span, half of them each way, passed on after
// 50 to 60 ms. The clock of input 1 is off by wrong.
func chatter(seed uint64, n int, span, wrong time.Duration) []Event {
	dice := rand.New(rand.NewPCG(seed, 1))
	var out []Event
	for i := range n {
		at := capture.Time(1e18).Add(time.Duration(dice.Int64N(int64(span))))
		lag := 50*time.Millisecond + time.Duration(dice.Int64N(int64(10*time.Millisecond)))
		clock := [2]time.Duration{0, wrong}
		from := i % 2
		size := uint32(300 + dice.IntN(400))
		out = append(out, Event{Time: at.Add(clock[from]), Party: int32(from), Input: int32(from), Sent: true, Size: size},
			Event{Time: at.Add(lag + clock[1-from]), Party: int32(1 - from), Input: int32(1 - from), Size: size + 80})
	}
	return out
}

func TestClocksOfTwoClients(t *testing.T) {
	for _, wrong := range []time.Duration{3700 * time.Millisecond, -4900 * time.Millisecond, 0, 12 * time.Millisecond, 21 * time.Second} {
		for seed := range uint64(5) {
			got := Clocks(chatter(seed, 60, 20*time.Minute, wrong), 2)
			if c := got[1]; !c.Known || c.Reference != 0 || (c.Offset+wrong).Abs() > 5*time.Millisecond {
				t.Errorf("clock wrong by %v, seed %d: got %+v", wrong, seed, c)
			}
			if c := got[0]; !c.Known || c.Offset != 0 {
				t.Errorf("the reference: %+v", c)
			}
		}
	}
}

// TestClocksOfFewMessages: whoever exchanges a few messages with one of many is
// found by these, and by how much they grow on their way; not so by as many that
// nobody sent.
func TestClocksOfFewMessages(t *testing.T) {
	const busy, wrong = 8, 2300 * time.Millisecond
	found := map[bool]int{}
	for seed := range uint64(20) {
		dice := rand.New(rand.NewPCG(seed, 3))
		var all []Event
		for a := range busy {
			for _, e := range chatter(seed*100+uint64(a), 120, 20*time.Minute, 0) {
				p := (int32(a) + e.Party) % busy
				e.Party, e.Input = p, p
				all = append(all, e)
			}
		}
		for _, passed := range []bool{true, false} {
			events := slices.Clone(all)
			at := capture.Time(1e18).Add(10 * time.Minute)
			for i := range 7 {
				at = at.Add(2*time.Second + time.Duration(dice.Int64N(12e9)))
				lag := 50*time.Millisecond + time.Duration(dice.Int64N(10e6))
				if !passed {
					lag = time.Duration(dice.Int64N(8e9) - 4e9)
				}
				size := uint32(300 + dice.IntN(400))
				up := Event{Time: at, Party: busy, Input: busy, Sent: true, Size: size}
				down := Event{Time: at.Add(lag), Party: 3, Input: 3, Size: size + 80}
				if i%2 == 1 {
					up.Party, up.Input, down.Party, down.Input = 3, 3, busy, busy
				}
				events = append(events, up, down)
			}
			for i := range events {
				if events[i].Input == busy {
					events[i].Time = events[i].Time.Add(wrong)
				}
			}
			c := Clocks(events, busy+1)[busy]
			if c.Known {
				found[passed]++
			}
			if off := c.Offset + wrong; passed && c.Known && off.Abs() > 20*time.Millisecond {
				t.Errorf("seed %d: wrong by %v", seed, off)
			}
		}
	}
	if found[true] < 18 || found[false] > 1 {
		t.Errorf("found in %d of 20, and among strangers in %d", found[true], found[false])
	}
}

// TestClocksOfStrangers: inputs between which nothing passes get no offset, nor
// does one whose clock is off by more than is looked for.
func TestClocksOfStrangers(t *testing.T) {
	for seed := range uint64(20) {
		a, b := chatter(seed, 80, 20*time.Minute, 0), chatter(seed+100, 80, 20*time.Minute, 0)
		var apart []Event
		for i := range a {
			if a[i].Input == 0 {
				apart = append(apart, a[i])
			}
			if b[i].Input == 1 {
				apart = append(apart, b[i])
			}
		}
		if c := Clocks(apart, 2)[1]; c.Known || c.Offset != 0 || c.Reference != 1 {
			t.Errorf("strangers, seed %d: %+v", seed, c)
		}
		if c := Clocks(chatter(seed, 60, 20*time.Minute, 4*time.Minute), 2)[1]; c.Known {
			t.Errorf("off by minutes, seed %d: %+v", seed, c)
		}
	}
}

// TestSpontaneous: what goes by the clock, and receipts, are left out.
func TestSpontaneous(t *testing.T) {
	var pings []Event
	for in := range int32(2) {
		for i := range 40 {
			at := capture.Time(1e18).Add(time.Duration(i)*30*time.Second + time.Duration(in)*7*time.Second)
			pings = append(pings, Event{Time: at, Input: in, Party: in, Sent: true, Size: 40}, Event{Time: at.Add(40 * time.Millisecond), Input: in, Party: in, Size: 40})
		}
	}
	if got := Spontaneous(pings); len(got) > 4 {
		t.Errorf("%d of %d pings left", len(got), len(pings))
	}
	if c := Clocks(Spontaneous(pings), 2)[1]; c.Known {
		t.Errorf("pings alone give a clock: %+v", c)
	}
	got := Spontaneous([]Event{{Time: 1e9, Size: 300}, {Time: 1e9 + 20e6, Sent: true, Size: 90}, {Time: 9e9, Sent: true, Size: 310}})
	if len(got) != 2 || got[0].Sent || got[1].Size != 310 {
		t.Errorf("a receipt is left: %+v", got)
	}
}

// oneSided gives only what goes up: messages, and receipts for the other's.
func oneSided(events []Event) []Event {
	var out []Event
	for _, e := range events {
		if !e.Sent {
			e.Time, e.Sent, e.Size = e.Time.Add(200*time.Millisecond), true, 90
		}
		out = append(out, e)
	}
	return out
}

func TestClocksOneWay(t *testing.T) {
	for seed := range uint64(5) {
		if c := Clocks(Spontaneous(oneSided(chatter(seed, 80, 10*time.Minute, 3*time.Second))), 2)[1]; !c.Known || (c.Offset+3*time.Second).Abs() > 20*time.Millisecond {
			t.Errorf("seed %d: %+v", seed, c)
		}
		if c := Clocks(Spontaneous(oneSided(chatter(seed, 80, 10*time.Minute, 3*time.Minute))), 2)[1]; c.Known {
			t.Errorf("off by minutes, seed %d: %+v", seed, c)
		}
	}
}

func TestClocksByTies(t *testing.T) {
	ties := []Tie{{A: 0, B: 1, Offset: 1500 * time.Millisecond, Drift: 2e-5, Mid: 7, Matched: 100}, {A: 1, B: 3, Offset: -200 * time.Millisecond, Matched: 50}}
	got := Clocks(nil, 4, ties...)
	want := []time.Duration{0, 1500 * time.Millisecond, 0, 1300 * time.Millisecond}
	for i, c := range got {
		if (c.Offset-want[i]).Abs() > time.Millisecond || c.Known != (i != 2) {
			t.Errorf("input %d: %+v", i, c)
		}
	}
	if got[1].Drift != 2e-5 || got[1].Mid != 7 || got[3].Drift != 2e-5 {
		t.Errorf("drift: %+v", got)
	}
}

func TestReceiptSize(t *testing.T) {
	if got := ReceiptSize([]uint32{88, 91, 300, 86, 95, 410, 290, 88}); got != 95 {
		t.Errorf("got %d", got)
	}
	if got := ReceiptSize(nil); got != 0 {
		t.Errorf("nothing: got %d", got)
	}
}

// FuzzClocks: no events and ties make it fail, and the same give the same.
func FuzzClocks(f *testing.F) {
	f.Add([]byte{1, 0, 200, 7, 0, 3}, uint8(2))
	f.Add([]byte{0, 255, 0, 255, 1, 1, 1, 1, 9, 9}, uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, inputs uint8) {
		var events []Event
		var ties []Tie
		at := capture.Time(0)
		for _, b := range data[:min(len(data), 400)] {
			at = at.Add(time.Duration(b) * 50 * time.Millisecond)
			events = append(events, Event{Time: at, Input: int32(b%5) - 1, Party: int32(b % 3), Sent: b&8 != 0, Size: uint32(b)})
			if b%31 == 0 {
				ties = append(ties, Tie{A: int32(b % 7), B: int32(b % 4), Offset: time.Duration(b) * time.Second, Rough: b&1 == 0})
			}
		}
		n := int(inputs % 6)
		x, y := Clocks(Spontaneous(events), n, ties...), Clocks(Spontaneous(events), n, ties...)
		for i := range x {
			if x[i] != y[i] {
				t.Fatalf("differ: %+v %+v", x[i], y[i])
			}
		}
	})
}
