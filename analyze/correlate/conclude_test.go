package correlate

import (
	"math"
	"testing"
)

// TestNoneOf: a pair of which every message has a likelier source is no pair.
func TestNoneOf(t *testing.T) {
	n := &net{sent: []mark{{party: 0}, {party: 2}, {party: 0}}, recv: []mark{{party: 1}, {party: 0}, {party: 2}},
		start:  []int32{0, 2, 3, 5},
		cand:   []candidate{{from: 0, w: 0.5}, {from: 2, w: 0.4}, {from: 1, w: 0.01}, {from: 0, w: 1}, {from: 2, w: 1e-6}},
		scores: []score{{a: 0, b: 1}, {a: 0, b: 2}, {a: 1, b: 2}}}
	got := n.noneOf()
	for key, want := range map[uint64]float64{pairKey(0, 1): 0.5 * 0.6, pairKey(0, 2): 0, pairKey(1, 2): 1} {
		if math.Abs(got[key]-want) > 1e-6 {
			t.Errorf("%x: none with %v, want %v", key, got[key], want)
		}
	}
}
