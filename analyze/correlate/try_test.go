package correlate

import (
	"testing"
	"time"
)

func TestTry(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func() *town
	}{
		{"200x8h", func() *town { return newTown(200, 8, 1) }},
		{"1000x8h", func() *town { return newTown(1000, 8, 1) }},
		{"1000x8h-locked80", func() *town { x := newTown(1000, 8, 2); x.locked = 0.8; return x }},
		{"1000x8h-loss20", func() *town { x := newTown(1000, 8, 3); x.loss = 0.2; x.false_ = 0.1; return x }},
		{"500alone", func() *town { x := newTown(500, 8, 4); x.alone = true; return x }},
		{"50x1h", func() *town { return newTown(50, 1, 5) }},
	} {
		x := c.f().make()
		t0 := time.Now()
		res := Correlate(x.events, x.people, Options{})
		t.Logf("%-18s %7d events %8s %+v groups %d %v", c.name, len(x.events), time.Since(t0).Round(time.Millisecond), x.judge(res), len(res.Groups), res.Notes)
	}
}
