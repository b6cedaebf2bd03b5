package correlate

import (
	"slices"
	"testing"
	"time"

	"envelope/capture"
)

func TestNearestTiesOneToOne(t *testing.T) {
	const s = capture.Time(time.Second)
	for _, c := range []struct {
		name    string
		unit    time.Duration
		spans   []capture.Time
		moments []capture.Time
		may     func(i, k int) bool
		want    []int
	}{
		{"nothing", 0, nil, nil, nil, []int{}},
		{"no moments", 0, []capture.Time{s}, nil, nil, []int{-1}},
		{"the closer of two", 0, []capture.Time{10 * s}, []capture.Time{9 * s, 10*s + 1}, nil, []int{1}},
		{"a burst in order, one of it missing", 0, []capture.Time{10 * s, 11 * s, 12 * s}, []capture.Time{10*s + 9, 12*s + 9}, nil, []int{0, -1, 1}},
		{"out of reach", 0, []capture.Time{10 * s}, []capture.Time{13 * s}, nil, []int{-1}},
		{"within the minute of the stamp", time.Minute, []capture.Time{60 * s, 60 * s}, []capture.Time{70 * s, 119 * s, 125 * s}, nil, []int{0, 1}},
		{"not allowed", 0, []capture.Time{10 * s}, []capture.Time{10 * s, 11 * s}, func(_, k int) bool { return k > 0 }, []int{1}},
	} {
		spans := make([]Span, len(c.spans))
		for i := range spans {
			spans[i] = Span{c.spans[i], c.unit}
		}
		if got := Nearest(spans, c.moments, 2*time.Second, c.may); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// A hundred thousand at one moment are tied in order, and at once.
func TestNearestOfManyAtOnce(t *testing.T) {
	spans, moments := make([]Span, 100_000), make([]capture.Time, 90_000)
	got := Nearest(spans, moments, time.Second, nil)
	tied := 0
	for i, k := range got {
		if k >= 0 {
			tied++
			if k != i {
				t.Fatalf("%d is tied to %d", i, k)
			}
		}
	}
	if tied != len(moments) {
		t.Errorf("%d of %d are tied", tied, len(moments))
	}
}
