package correlate

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"envelope/capture"
)

func TestShiftFindsClockAndZone(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name  string
		shift time.Duration // of the log's clock
		unit  time.Duration
	}{
		{"right", 0, 0}, {"off by seconds", -3700 * time.Millisecond, 0}, {"whole seconds", 2 * time.Second, time.Second},
		{"another zone", 5*time.Hour + 30*time.Minute, 0}, {"zone and seconds", -2*time.Hour + 1500*time.Millisecond, 0},
	} {
		var s Strand
		s.Unit = c.unit
		at := capture.Time(1_700_000_000_000_000_000)
		for range 60 {
			at = at.Add(time.Duration(rng.ExpFloat64() * 20e9))
			s.True = append(s.True, at)
			line := at.Add(c.shift)
			if c.unit > 0 {
				line -= line % capture.Time(c.unit)
			}
			s.Lines = append(s.Lines, line)
		}
		got, ok := Shift([]Strand{s})
		if !ok || (got+c.shift).Abs() > 120*time.Millisecond {
			t.Errorf("%s: shift %v (%v), want %v", c.name, got, ok, -c.shift)
		}
	}
}

func TestShiftOfStrangersIsUnknown(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var s Strand
	for range 40 {
		s.Lines = append(s.Lines, capture.Time(rng.Int64N(int64(time.Hour))))
		s.True = append(s.True, capture.Time(rng.Int64N(int64(time.Hour))))
	}
	slices.Sort(s.Lines)
	slices.Sort(s.True)
	if got, ok := Shift([]Strand{s}); ok {
		t.Errorf("shift %v between inputs that have nothing to do with each other", got)
	}
}
