package infer

import (
	"maps"
	"math"
	"slices"
	"testing"
)

func TestPeaked(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		sizes []uint32
		want  float64
	}{
		{"none", nil, 0},
		{"one", []uint32{300}, 0},
		{"one size", []uint32{226, 226, 226, 226}, 1},
		{"names of one length or another", []uint32{480, 480, 484, 484}, 1},
		{"two signals", []uint32{402, 402, 480, 480}, 1.0 / 3},
		{"written", []uint32{1291, 1350, 1400, 1500, 1600}, 0},
	}
	for _, tt := range tests {
		if got := peaked(tt.sizes); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestSteady passes messages on with 166 bytes more; what answers those of 565
// to 567 bytes, all of 280 bytes, is no law, while 100 bytes less, which all
// sizes show, is one.
func TestSteady(t *testing.T) {
	t.Parallel()
	c := comparison{deltas: []int32{-287, -286, -285, -100, 166}}
	for i := range uint32(60) {
		size := 565 + i
		c.ups = append(c.ups, size)
		c.pairs = append(c.pairs, trial{delta: 4, size: size, likely: true}, trial{delta: 3, size: size, likely: true})
		if i < 3 {
			for range 12 {
				c.pairs = append(c.pairs, trial{delta: int32(2 - i), size: size, likely: true})
			}
		}
	}
	c.sizes = len(c.ups)
	l := c.tally(func(uint8) bool { return true })
	if got, want := slices.Sorted(maps.Keys(l.delta)), []int32{-100, 166}; !slices.Equal(got, want) {
		t.Errorf("the law has the differences %v, want %v", got, want)
	}
}
