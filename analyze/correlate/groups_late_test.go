package correlate

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"envelope/capture"
)

func TestTogether(t *testing.T) {
	n := &net{parties: 5, nSent: make([]int32, 5), pairID: newPairIndex(8)}
	for _, f := range []struct {
		from int32
		to   []int32
	}{{0, []int32{1}}, {0, []int32{1, 2}}, {1, []int32{0, 2, 3}}, {2, []int32{3}}, {4, nil}} {
		n.sent = append(n.sent, mark{party: f.from})
		x := fan{to: f.to}
		for _, to := range f.to {
			x.recv = append(x.recv, int32(len(n.via)))
			n.via = append(n.via, n.pairOf(f.from, to))
		}
		n.fans = append(n.fans, x)
	}
	x := n.together()
	for _, c := range []struct {
		a, b, who int32
		want      float64 // of messages of the two, and one
	}{{0, 1, 2, 2. / 4}, {1, 0, 2, 2. / 4}, {0, 1, 3, 1. / 4}, {2, 3, 0, 1. / 3}, {0, 1, 4, 0}} {
		if got := x.share(n.pairOfBoth(c.a, c.b), c.who); got != c.want {
			t.Errorf("%d knows of what %d and %d do: %v, want %v", c.who, c.a, c.b, got, c.want)
		}
	}
}

func TestPairOfBoth(t *testing.T) {
	n := &net{parties: 9, nSent: make([]int32, 9), pairID: newPairIndex(8)}
	there, back, alone := n.pairOf(3, 1), n.pairOf(1, 3), n.pairOf(8, 2)
	for _, c := range []struct{ a, b, want int32 }{{1, 3, there}, {3, 1, there}, {2, 8, alone}, {8, 2, alone}, {2, 3, None}} {
		if got := n.pairOfBoth(c.a, c.b); got != c.want {
			t.Errorf("pair of %d and %d: %d, want %d", c.a, c.b, got, c.want)
		}
	}
	if n.both(back) != there || n.both(there) != there || n.both(alone) != alone {
		t.Errorf("lower numbers of %d, %d, %d: %d, %d, %d", there, back, alone, n.both(there), n.both(back), n.both(alone))
	}
}

// lateGroup makes the events of a group of three among pairs, of which the third
// has a phone that connects every few minutes but for the first hour. It gives, for
// each message to the group that came to one at once and to the third later, the
// indices of the three events.
func lateGroup() (events []Event, late [][3]int) {
	r := rand.New(rand.NewPCG(3, 4))
	put := func(at time.Duration, p int32, sent bool, k Kind, size int) int {
		events = append(events, Event{Time: capture.Time(at), Party: p, Sent: sent, Kind: k, Size: uint32(size)})
		return len(events) - 1
	}
	way := func() time.Duration { return 60*time.Millisecond + time.Duration(r.Int64N(int64(60*time.Millisecond))) }
	pass := func(from, to int32, sent, got time.Duration, size int) int {
		i := put(got, to, false, Message, size+50)
		told := got + 150*time.Millisecond
		put(told, to, true, Receipt, 60)
		put(told+way(), from, false, Receipt, 70)
		return i
	}
	for at := time.Duration(0); at < 8*time.Hour; at += time.Duration(r.Int64N(int64(40 * time.Second))) {
		size := 300 + 16*r.IntN(20)
		if r.IntN(4) > 0 {
			a := 3 + r.Int32N(20)
			put(at, a, true, Message, size)
			pass(a, 3+(a-2)%20, at, at+way(), size)
			continue
		}
		from, next := int32(r.IntN(2)), at.Truncate(3*time.Minute)+3*time.Minute
		i := put(at, from, true, Message, size)
		j := pass(from, 1-from, at, at+way(), size)
		if at < time.Hour {
			pass(from, 2, at, at+way(), size)
		} else {
			late = append(late, [3]int{i, j, pass(from, 2, at, next+time.Duration(r.Int64N(int64(time.Second))), size)})
		}
	}
	return events, late
}

func TestLateReceiversOfAGroup(t *testing.T) {
	events, late := lateGroup()
	res := Correlate(events, 23, Options{})
	right := 0
	for _, x := range late {
		if p := res.Peers[x[2]]; p.Party == events[x[0]].Party && len(p.Matched) == 1 && int(p.Matched[0]) == x[0] {
			right++
		}
	}
	if share := float64(right) / float64(len(late)); share < 0.8 {
		t.Errorf("%.2f of %d late copies found", share, len(late))
	}
	if len(res.Groups) != 1 || len(res.Groups[0].Members) != 3 {
		t.Errorf("groups %v, want one of three", res.Groups)
	}
}

func TestLearnWaits(t *testing.T) {
	n := &net{parties: 3, recv: make([]mark, 20), gap: make([]time.Duration, 20), start: make([]int32, 21), nRecv: []int32{10, 10, 0}}
	for i := range n.recv {
		n.recv[i].party = int32(i / 10)
		if i < 8 {
			n.gap[i] = time.Minute
		}
	}
	n.learnWaits()
	for p, want := range []float64{8.5 / 15, 0.5 / 15, 0.1} {
		if math.Abs(n.waits[p]-want) > 1e-9 {
			t.Errorf("party %d: %v, want %v", p, n.waits[p], want)
		}
	}
}

func TestBare(t *testing.T) {
	n := &net{fans: []fan{{to: []int32{1, 2}}, {to: []int32{1, 2}}, {to: []int32{1}}}}
	for _, c := range []struct {
		name     string
		messages []int32
		fans     int
		want     bool
	}{{"two of two", []int32{0, 1}, 2, false}, {"one", []int32{0}, 1, true}, {"one and a single", []int32{0, 2}, 2, true}, {"two of five", []int32{0, 1, 2}, 5, true}} {
		if got := n.bare(&set{messages: c.messages, fans: c.fans}); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
