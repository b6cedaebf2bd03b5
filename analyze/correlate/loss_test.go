package correlate_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"envelope/analyze/correlate"
	"envelope/capture/simulate"
)

// flaw is how an observer errs: what it does not see, tells twice, or takes for a
// message.
type flaw struct {
	name       string
	sent, recv float64       // shares of the events of a direction that are not seen
	blind      time.Duration // for how long nothing is seen of each device, at a time of its own
	twice      float64       // share of the events that are told again, within a second
	wrong      float64       // messages told of somebody at some time that are none, as a share of the events
	off        time.Duration // by how much told times are off, at most, either way
	least      struct{ precision, recall, hit1 float64 }
}

// floors are the least figures that are asked for.
func (f flaw) floors(precision, recall, hit1 float64) flaw {
	f.least = struct{ precision, recall, hit1 float64 }{precision, recall, hit1}
	return f
}

// flaws have floors a little below what was measured for 500 people.
var flaws = []flaw{
	flaw{name: "none"}.floors(0.985, 0.98, 0.97),
	flaw{name: "a tenth lost", sent: 0.1, recv: 0.1}.floors(0.97, 0.97, 0.96),
	flaw{name: "a fifth lost", sent: 0.2, recv: 0.2}.floors(0.95, 0.945, 0.94),
	flaw{name: "three tenths lost", sent: 0.3, recv: 0.3}.floors(0.9, 0.93, 0.91),
	flaw{name: "three tenths of what is sent lost", sent: 0.3}.floors(0.98, 0.945, 0.94),
	flaw{name: "three tenths of what is received lost", recv: 0.3}.floors(0.95, 0.955, 0.95),
	flaw{name: "blind for an hour", blind: time.Hour}.floors(0.975, 0.95, 0.95),
	flaw{name: "told twice", twice: 0.05}.floors(0.98, 0.975, 0.96),
	flaw{name: "false ones", wrong: 0.05}.floors(0.975, 0.975, 0.955),
	flaw{name: "times off", off: 500 * time.Millisecond}.floors(0.965, 0.91, 0.93),
}

// TestFlaws scores the matcher on a town that is seen badly.
func TestFlaws(t *testing.T) {
	const seed = 9
	c := newCity(t, 500, 24*time.Hour, seed, nil)
	for _, f := range flaws {
		if testing.Short() && f.recv != 0.2 {
			continue
		}
		x := c.flawed(f, seed)
		v := x.judge(correlate.Correlate(x.events, len(x.person), correlate.Options{}))
		t.Logf("%s: %s", f.name, v.String())
		if v.precision < f.least.precision || v.recall < f.least.recall || v.hit1 < f.least.hit1 || v.wrongSame > 2 {
			t.Errorf("%s: worse than the floors", f.name)
		}
	}
}

// flawed gives the city as an observer sees it who errs.
func (c *city) flawed(f flaw, seed uint64) *city {
	dice := rand.New(rand.NewPCG(seed, 1))
	x := *c
	x.events, x.from, x.what = nil, nil, nil
	add := func(e correlate.Event, from int32, what simulate.Kind) {
		if f.off > 0 {
			e.Time = e.Time.Add(time.Duration(dice.Int64N(2*int64(f.off))) - f.off)
		}
		x.events, x.from, x.what = append(x.events, e), append(x.from, from), append(x.what, what)
	}
	first, length := c.events[0].Time, c.events[len(c.events)-1].Time.Sub(c.events[0].Time)
	sometime := func() time.Duration { return time.Duration(dice.Int64N(int64(length))) }
	blind := make([]time.Duration, len(c.person))
	for p := range blind {
		blind[p] = sometime()
	}
	for i, e := range c.events {
		lost := f.recv
		if e.Sent {
			lost = f.sent
		}
		if since := e.Time.Sub(first) - blind[e.Party]; dice.Float64() < lost || since >= 0 && since < f.blind {
			continue
		}
		add(e, c.from[i], c.what[i])
		if dice.Float64() < f.twice {
			again := e
			again.Time = e.Time.Add(time.Duration(dice.Int64N(int64(time.Second))))
			add(again, c.from[i], c.what[i])
		}
		if dice.Float64() < f.wrong {
			e.Time, e.Party, e.Kind, e.Bulk = first.Add(sometime()), int32(dice.IntN(len(c.person))), correlate.Message, 0
			add(e, correlate.None, simulate.KindFalse)
		}
	}
	return &x
}
