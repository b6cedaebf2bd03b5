package evaluate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"envelope/capture"
)

// sightings makes a stream's list of seconds and bytes in turn.
func sightings(values ...float64) []Sighting {
	var out []Sighting
	for i := 0; i < len(values); i += 2 {
		out = append(out, Sighting{at(values[i]), uint64(values[i+1])})
	}
	return out
}

// scoreOf is what a method gives the first two people; more may be there.
func scoreOf(prepare func([]Stream) scorer, streams ...Stream) float64 {
	return prepare(streams)(0)(1)
}

func TestEventMatching(t *testing.T) {
	m := eventMatching{delta: at(3), gamma: 0.25, merge: at(2), gap: at(0.5)}
	for _, c := range []struct {
		name string
		a, b Stream
		want float64
	}{
		{"one of two", Stream{Sent: sightings(100, 1000, 110, 1000)}, Stream{Received: sightings(100.3, 1050, 110.5, 2000)}, 0.5},
		{"both directions", Stream{Sent: sightings(100, 1000), Received: sightings(200.1, 400)}, Stream{Sent: sightings(200, 400), Received: sightings(100.3, 1050)}, 1},
		{"too far", Stream{Sent: sightings(100, 1000)}, Stream{Received: sightings(102, 1000)}, 0},
		{"just near", Stream{Sent: sightings(100, 1000)}, Stream{Received: sightings(101.999, 1000)}, 1},
		{"before", Stream{Sent: sightings(100, 1000)}, Stream{Received: sightings(98.5, 1000)}, 1},
		{"too large", Stream{Sent: sightings(100, 1000)}, Stream{Received: sightings(100, 1250)}, 0},
		{"one for one", Stream{Sent: sightings(100, 1000, 103, 1000)}, Stream{Received: sightings(101.5, 1000)}, 0.5},
		{"joined", Stream{Sent: sightings(100, 600, 101, 400)}, Stream{Received: sightings(100.2, 500, 100.6, 500)}, 1},
		{"nothing", Stream{}, Stream{Received: sightings(1, 1)}, 0},
	} {
		if got := scoreOf(m.prepare, c.a, c.b); !near(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestShapeMatching(t *testing.T) {
	m := shapeMatching{bar: 10, window: 180, step: 0.5, delays: 10}
	begin := Stream{Sent: sightings(1000, 1)} // windows begin here
	for _, c := range []struct {
		name string
		a, b Stream
		want float64
	}{
		{"the same", Stream{Sent: sightings(1050, 300)}, Stream{Received: sightings(1050, 300)}, 1},
		{"three seconds later", Stream{Sent: sightings(1050, 300)}, Stream{Received: sightings(1053, 300)}, 1},
		// 4.5 s are made up for; of 20 s of the bars 14.5 lie over each other.
		{"ten seconds later", Stream{Sent: sightings(1050, 300)}, Stream{Received: sightings(1060, 300)}, 14.5 / 20},
		{"ten seconds earlier", Stream{Sent: sightings(1060, 300)}, Stream{Received: sightings(1050, 300)}, 0.5},
		{"twice as much", Stream{Sent: sightings(1050, 300)}, Stream{Received: sightings(1050, 600)}, 2 * 2 / 5.0},
		{"other windows", Stream{Sent: sightings(1050, 300)}, Stream{Received: sightings(1250, 300)}, 0},
		{"one of two windows", Stream{Sent: sightings(1050, 300, 1250, 300)}, Stream{Received: sightings(1050, 300)}, 0.5},
		// Both halves of the bar have a window of their own.
		{"over the edge", Stream{Sent: sightings(1180, 300)}, Stream{Received: sightings(1180, 300)}, 1},
		{"the other way", Stream{Received: sightings(1053, 300)}, Stream{Sent: sightings(1050, 300)}, 1},
		{"nothing", Stream{}, Stream{}, 0},
	} {
		if got := scoreOf(m.prepare, c.a, c.b, begin); !near(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWaveletCorrelation(t *testing.T) {
	m := waveletCorrelation{bin: at(1), levels: 2}
	begin := Stream{Sent: sightings(1000, 1)}
	for _, c := range []struct {
		name string
		a, b Stream
		want float64
	}{
		{"the same", Stream{Sent: sightings(1000.5, 30, 1003.5, 10)}, Stream{Received: sightings(1000.7, 60, 1003.2, 20)}, 1},
		{"never together", Stream{Sent: sightings(1000.5, 30)}, Stream{Received: sightings(1004.5, 30)}, 0},
		// Level 1: opposite halves; level 2: the same half.
		{"next bin", Stream{Sent: sightings(1000.5, 30)}, Stream{Received: sightings(1001.5, 30)}, 0},
		// Level 1: different wavelets; level 2: opposite halves.
		{"two bins on", Stream{Sent: sightings(1000.5, 30)}, Stream{Received: sightings(1002.5, 30)}, 0.5},
		{"both directions are one", Stream{Sent: sightings(1000.5, 30)}, Stream{Sent: sightings(1000.5, 10), Received: sightings(1000.6, 20)}, 1},
	} {
		if got := scoreOf(m.prepare, c.a, c.b, begin); !near(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestCountCorrelation(t *testing.T) {
	m := countCorrelation{window: at(0.4), shift: at(20), shifts: 10}
	for _, c := range []struct {
		name string
		a, b Stream
		want float64
	}{
		// A shift of 100 s either way matches two of the three: mean 0.4,
		// variance 0.8 - 0.16.
		{"three", Stream{Sent: sightings(0, 1, 100, 1, 200, 1)}, Stream{Received: sightings(0.1, 1, 100.1, 1, 200.1, 1)}, 2.6 / math.Sqrt(1.64)},
		{"both directions", Stream{Sent: sightings(7, 1), Received: sightings(50.4, 1)}, Stream{Sent: sightings(50, 1), Received: sightings(7.2, 1)}, 2},
		{"before", Stream{Sent: sightings(100, 1)}, Stream{Received: sightings(99.9, 1)}, 0},
		{"too late", Stream{Sent: sightings(100, 1)}, Stream{Received: sightings(100.5, 1)}, 0},
	} {
		if got := scoreOf(m.prepare, c.a, c.b); !near(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// village is people who write to friends for a day, each message arriving a
// little later and a little larger. Where deaf, what arrives is of other days.
func village(people int32, friends, messages int, deaf bool, seed uint64) ([]Stream, map[Pair]int) {
	r := rand.New(rand.NewPCG(seed, 2))
	streams, truth := make([]Stream, people), map[Pair]int{}
	for a := range people {
		for range friends {
			b := r.Int32N(people)
			if a == b {
				continue
			}
			truth[PairOf(a, b)]++
			for range messages {
				t, size := capture.Time(r.Int64N(86_400e9)), 200+r.Uint64N(2000)
				streams[a].Sent = append(streams[a].Sent, Sighting{t, size})
				t += capture.Time(5e7 + r.Int64N(2e8))
				if deaf {
					t = capture.Time(r.Int64N(86_400e9))
				}
				streams[b].Received = append(streams[b].Received, Sighting{t, size + 40})
			}
		}
	}
	for i := range streams {
		inTime(streams[i].Sent)
		inTime(streams[i].Received)
	}
	return streams, truth
}

func mustBaselines(t testing.TB) []Method {
	t.Helper()
	methods, err := Baselines()
	if err != nil {
		t.Fatal(err)
	}
	return methods
}

func TestBaselinesFindWhoTalks(t *testing.T) {
	const people = 60
	streams, truth := village(people, 2, 20, false, 1)
	strangers, untrue := village(people, 2, 20, true, 1)
	for _, m := range mustBaselines(t) {
		auc, _ := Pairs(m.Score(streams, SampleOf(streams)), truth, people*(people-1)/2).AUC()
		if auc < 0.9 {
			t.Errorf("%s: AUC %v", m.ID, auc)
		}
		chance, _ := Pairs(m.Score(strangers, SampleOf(strangers)), untrue, people*(people-1)/2).AUC()
		if math.Abs(chance-0.5) > 0.08 {
			t.Errorf("%s: AUC %v where nothing arrives when it is sent", m.ID, chance)
		}
	}
}

// TestBaselinesDoNotCareForOrder turns the people round.
func TestBaselinesDoNotCareForOrder(t *testing.T) {
	const people = 20
	streams, _ := village(people, 2, 10, false, 3)
	turned := slices.Clone(streams)
	slices.Reverse(turned)
	for _, m := range mustBaselines(t) {
		scores, others := m.Score(streams, SampleOf(streams)), m.Score(turned, SampleOf(turned))
		for p, s := range scores {
			// The windows of shape matching move with the delay of whoever
			// comes first, by less than three percent of their length.
			if got := others[PairOf(people-1-p.A, people-1-p.B)]; math.Abs(got-s) > 0.05 {
				t.Errorf("%s: %v has %v and %v", m.ID, p, s, got)
			}
		}
	}
}

func TestSampleOf(t *testing.T) {
	idle := SampleOf(make([]Stream, 1000))
	if len(idle) != 1000 || !slices.IsSorted(idle) {
		t.Errorf("%d of 1000 people without traffic", len(idle))
	}
	some := SampleOf(make([]Stream, 10_000))
	if n := len(some); n != 50 {
		t.Errorf("%d of 10,000 people", n)
	}
	if !slices.Equal(some, SampleOf(make([]Stream, 10_000))) {
		t.Error("not the same sample twice")
	}
	busy := make([]Stream, 100)
	for _, c := range []struct{ events, want int }{{100_000, 25}, {10_000_000, 1}} { // each costs 200 times that
		all := make([]Sighting, c.events)
		for i := range busy {
			busy[i].Sent = all
		}
		if n := len(SampleOf(busy)); n != c.want {
			t.Errorf("%d of 100 busy people, want %d", n, c.want)
		}
	}
	if n := len(SampleOf(nil)); n != 0 {
		t.Errorf("%d of nobody", n)
	}
}

// BenchmarkBaselines runs each method on a day of many people, as large as the
// bounds allow, and of 10,000, of whom a sample is looked at.
func BenchmarkBaselines(b *testing.B) {
	for _, people := range []int32{1000, 10_000} {
		streams, _ := village(people, 5, 10, false, 1)
		sample := SampleOf(streams)
		for _, m := range mustBaselines(b) {
			b.Run(fmt.Sprintf("%s/%d", m.ID, people), func(b *testing.B) {
				for b.Loop() {
					m.Score(streams, sample)
				}
				b.ReportMetric(float64(len(sample)), "people")
			})
		}
	}
}
