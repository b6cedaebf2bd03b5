package correlate

import (
	"math"
	"testing"
)

// TestPrivate wants messages that grow like those to one receiver taken for
// direct, and those that grow otherwise for none.
func TestPrivate(t *testing.T) {
	n := &net{parties: 6}
	put := func(grow int32, to ...int32) int32 {
		k := int32(len(n.sent))
		n.sent = append(n.sent, mark{party: 0, size: 300 + k%7})
		f := fan{sent: k, to: to}
		for _, p := range to {
			f.recv = append(f.recv, int32(len(n.recv)))
			n.recv = append(n.recv, mark{party: p, size: 300 + k%7 + grow + k%3})
		}
		n.fans = append(n.fans, f)
		return k
	}
	if n.learnPrivate() != nil {
		t.Error("something was learned from nothing")
	}
	for range 60 {
		put(40, 1)
		put(160, 2, 3, 4)
	}
	double, group := put(40, 1, 5), put(160, 2, 3)
	p := n.learnPrivate()
	if x := p.of(n, &n.fans[double]); x < 2 {
		t.Errorf("a direct message's copies have ratio %v", x)
	}
	if x := p.of(n, &n.fans[group]); x > -2 {
		t.Errorf("a group's message has ratio %v", x)
	}
	if x := (*private)(nil).of(n, &n.fans[group]); x != 0 {
		t.Errorf("without a law the ratio is %v", x)
	}
}

func TestShareOf(t *testing.T) {
	odds := []float64{0.001, 0.001, 1000, 0.001, 1000, 0.001, 0.001, 1000, 0.001, 0.001}
	for _, c := range []struct{ most, want float64 }{{100, 0.3}, {1, 0.1}, {0, 0}} {
		if x := shareOf(odds, c.most); math.Abs(x-c.want) > 0.01 {
			t.Errorf("of at most %v a share of %v, want %v", c.most, x, c.want)
		}
	}
	if x := shareOf(nil, 3); x > 0.5 {
		t.Errorf("of nothing a share of %v", x)
	}
}
