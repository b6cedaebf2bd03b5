package evaluate

import (
	"math"
	"math/rand/v2"
	"testing"
)

// near tells whether two figures are the same but for rounding.
func near(a, b float64) bool { return math.Abs(a-b) < 1e-6 }

// small is four people of whom 0-1 and 2-3 talked; 0-2 was wrongly said, 1-3
// and the rest were never mentioned.
func small() (scores map[Pair]float64, truth map[Pair]int) {
	return map[Pair]float64{{0, 1}: 0.95, {0, 2}: 0.9, {2, 3}: 0.6, {1, 2}: 0.6},
		map[Pair]int{{0, 1}: 3, {2, 3}: 1}
}

func TestRanking(t *testing.T) {
	scores, truth := small()
	r := Pairs(scores, truth, 6)
	// By score: right, wrong, then right and wrong together, then two wrong.
	// AUC: 0-1 beats four; 2-3 beats two, ties with one: (4 + 2.5) / 8.
	if got, ok := r.AUC(); !ok || !near(got, 6.5/8) {
		t.Errorf("AUC %v", got)
	}
	if got, ok := r.AveragePrecision(); !ok || !near(got, 0.5*1+0.5*2/4) {
		t.Errorf("average precision %v", got)
	}
	for _, c := range []struct {
		threshold float64
		want      Counts
	}{{0.99, Counts{0, 0, 2}}, {0.95, Counts{1, 0, 1}}, {0.9, Counts{1, 1, 1}}, {0.5, Counts{2, 2, 0}}, {0, Counts{2, 4, 0}}} {
		if got := r.At(c.threshold); got != c.want {
			t.Errorf("at %v: %+v, want %+v", c.threshold, got, c.want)
		}
	}
	for _, c := range []struct{ fpr, want float64 }{{0, 0.5}, {1e-3, 0.5}, {0.25, 0.5}, {0.5, 1}, {1, 1}} {
		if got, ok := r.TPRAt(c.fpr); !ok || got != c.want {
			t.Errorf("TPR at %v: %v, want %v", c.fpr, got, c.want)
		}
	}
	f1, at, ok := r.BestF1()
	if !ok || !near(f1, 2.0/3) || at != 0.6 { // one right and nothing wrong gives the same F1 at 0.95
		t.Errorf("best F1 %v at %v", f1, at)
	}
	if got := r.ROC(); len(got) != 4 || got[3] != (Point{0, 1, 1}) || got[0] != (Point{0.95, 0, 0.5}) {
		t.Errorf("ROC %v", got)
	}
}

func TestCounts(t *testing.T) {
	c := Counts{Right: 3, Wrong: 1, Missed: 2}
	p, _ := c.Precision()
	r, _ := c.Recall()
	f, _ := c.F1()
	if !near(p, 0.75) || !near(r, 0.6) || !near(f, 2*0.75*0.6/1.35) {
		t.Errorf("%v %v %v", p, r, f)
	}
	for name, of := range map[string]func() (float64, bool){"precision": Counts{Missed: 1}.Precision, "recall": Counts{Wrong: 1}.Recall, "F1": Counts{}.F1} {
		if v, ok := of(); ok {
			t.Errorf("%s of nothing is %v", name, v)
		}
	}
}

func TestRankingWithoutOneKind(t *testing.T) {
	for name, r := range map[string]*Ranking{
		"nobody talked":     Pairs(map[Pair]float64{{0, 1}: 1}, map[Pair]int{}, 3),
		"everybody talked":  Pairs(map[Pair]float64{{0, 1}: 1}, map[Pair]int{{0, 1}: 1}, 1),
		"there is no pair ": Pairs(nil, map[Pair]int{}, 0),
	} {
		if v, ok := r.AUC(); ok {
			t.Errorf("%s: AUC %v", name, v)
		}
		if v, ok := r.TPRAt(0.5); ok || r.ROC() != nil {
			t.Errorf("%s: TPR %v", name, v)
		}
	}
}

// everyPair gives all pairs of n people a score, and lets each talk by chance.
func everyPair(n int32, seed uint64, score func(talked bool, r *rand.Rand) float64) (map[Pair]float64, map[Pair]int) {
	r := rand.New(rand.NewPCG(seed, 1))
	scores, truth := map[Pair]float64{}, map[Pair]int{}
	for a := range n {
		for b := a + 1; b < n; b++ {
			talked := r.Float64() < 0.1
			if talked {
				truth[Pair{a, b}] = 1
			}
			scores[Pair{a, b}] = score(talked, r)
		}
	}
	return scores, truth
}

func TestRandomScoresAreWorthNothing(t *testing.T) {
	const n = 300
	scores, truth := everyPair(n, 1, func(_ bool, r *rand.Rand) float64 { return r.Float64() })
	r := Pairs(scores, truth, n*(n-1)/2)
	if got, _ := r.AUC(); math.Abs(got-0.5) > 0.02 {
		t.Errorf("AUC %v", got)
	}
	if got, _ := r.TPRAt(0.01); math.Abs(got-0.01) > 0.01 {
		t.Errorf("TPR at 0.01: %v", got)
	}
	if got, _ := r.AveragePrecision(); math.Abs(got-0.1) > 0.02 {
		t.Errorf("average precision %v", got)
	}
}

func TestPerfectScores(t *testing.T) {
	const n = 60
	scores, truth := everyPair(n, 2, func(talked bool, r *rand.Rand) float64 { return truthValue(talked) + r.Float64()/2 })
	r := Pairs(scores, truth, n*(n-1)/2)
	auc, _ := r.AUC()
	tpr, _ := r.TPRAt(1e-4)
	f1, _, _ := r.BestF1()
	if auc != 1 || tpr != 1 || f1 != 1 {
		t.Errorf("AUC %v, TPR %v, F1 %v", auc, tpr, f1)
	}
	if h := HitRate(scores, truth, nil, 1); !near(h[0], 1) {
		t.Errorf("hit-rate %v", h)
	}
}

// TestAUCKnowsOnlyOrder changes scores without changing their order, and turns
// the order round.
func TestAUCKnowsOnlyOrder(t *testing.T) {
	const n = 80
	scores, truth := everyPair(n, 3, func(talked bool, r *rand.Rand) float64 { return 0.3*truthValue(talked) + r.Float64() + 0.01 })
	total := n * (n - 1) / 2
	want, _ := Pairs(scores, truth, total).AUC()
	cubed, turned := map[Pair]float64{}, map[Pair]float64{}
	for p, s := range scores {
		cubed[p], turned[p] = s*s*s*7, -s
	}
	if got, _ := Pairs(cubed, truth, total).AUC(); !near(got, want) {
		t.Errorf("cubed: %v, want %v", got, want)
	}
	if got, _ := Pairs(turned, truth, total).AUC(); !near(got, 1-want) {
		t.Errorf("turned: %v, want %v", got, 1-want)
	}
}

func TestHitRate(t *testing.T) {
	truth := map[Pair]int{{0, 1}: 1, {2, 3}: 1}
	for _, c := range []struct {
		name   string
		scores map[Pair]float64
		who    []int32
		want   [3]float64 // at 1, 2, 3
	}{
		{"nothing said", nil, nil, [3]float64{0, 0, 0}},
		// 0 and 1 have each other first, 2 has 0 before 3, 3 has only 2.
		{"ranked", map[Pair]float64{{0, 1}: 0.9, {0, 2}: 0.8, {2, 3}: 0.7}, nil, [3]float64{0.75, 1, 1}},
		// 0 has 1, 2 and 4 alike: 1/3, 2/3, 1; 1 has 0; 2 and 3 miss.
		{"ties", map[Pair]float64{{0, 1}: 0.5, {0, 2}: 0.5, {0, 4}: 0.5}, nil, [3]float64{(1.0/3 + 1) / 4, (2.0/3 + 1) / 4, 0.5}},
		{"zero is no candidate", map[Pair]float64{{0, 1}: 0, {2, 3}: -1}, nil, [3]float64{0, 0, 0}},
		{"of one", map[Pair]float64{{0, 1}: 0.9, {0, 2}: 0.8, {2, 3}: 0.7}, []int32{2, 4}, [3]float64{0, 1, 1}},
	} {
		got := HitRate(c.scores, truth, c.who, 1, 2, 3)
		for i, want := range c.want {
			if !near(got[i], want) {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
				break
			}
		}
	}
	if got := HitRate(nil, map[Pair]int{}, nil, 1); got != nil {
		t.Errorf("nobody talked: %v", got)
	}
}

func TestCalibrate(t *testing.T) {
	stated := []Stated{{1, true}, {0.95, true}, {0.93, false}, {0.5, true}, {0.55, false}, {0, false}}
	brier := (0 + 0.05*0.05 + 0.93*0.93 + 0.25 + 0.55*0.55 + 0) / 6
	if got, ok := Brier(stated); !ok || !near(got, brier) {
		t.Errorf("Brier %v, want %v", got, brier)
	}
	c := Calibrate(stated)
	// Bins: 0.0 one of 0; 0.5 two of sum 1.05, one right; 0.9 three of sum 2.88, two right.
	if want := (0.05 + 0.88) / 6; c.Error == nil || !near(*c.Error, want) {
		t.Errorf("error %v, want %v", c.Error, want)
	}
	want := []Bin{{0, 0.1, 1, 0, 0}, {0.5, 0.6, 2, 0.525, 0.5}, {0.9, 1, 3, 0.96, 0.666667}}
	if len(c.Bins) != len(want) {
		t.Fatalf("bins %+v", c.Bins)
	}
	for i, b := range c.Bins {
		if b != want[i] {
			t.Errorf("bin %d: %+v, want %+v", i, b, want[i])
		}
	}
	if c := Calibrate(nil); c.Brier != nil || c.Error != nil || c.Bins == nil {
		t.Errorf("of nothing: %+v", c)
	}
}

// TestHonestProbabilitiesAreCalibrated draws what is right by the probability
// that is stated: the error must be small, and the Brier score that of p(1-p).
func TestHonestProbabilitiesAreCalibrated(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	var stated, boasting []Stated
	for range 50_000 {
		p := r.Float64()
		right := r.Float64() < p
		stated = append(stated, Stated{p, right})
		boasting = append(boasting, Stated{math.Sqrt(p), right})
	}
	c := Calibrate(stated)
	if *c.Error > 0.01 || math.Abs(*c.Brier-1.0/6) > 0.005 {
		t.Errorf("honest: error %v, Brier %v", *c.Error, *c.Brier)
	}
	if c := Calibrate(boasting); *c.Error < 0.1 {
		t.Errorf("boasting: error %v", *c.Error)
	}
}
