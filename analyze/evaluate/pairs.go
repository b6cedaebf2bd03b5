package evaluate

import (
	"cmp"
	"maps"
	"slices"
)

// Pair is two people by their indices, A < B.
type Pair struct{ A, B int32 }

// PairOf is the pair of a and b, which must differ, in either order.
func PairOf(a, b int32) Pair { return Pair{min(a, b), max(a, b)} }

// ComparePairs orders pairs by A, then B.
func ComparePairs(p, q Pair) int { return cmp.Or(cmp.Compare(p.A, q.A), cmp.Compare(p.B, q.B)) }

// sortedPairs gives the pairs of a map in order, so that sums of floating point
// numbers come out the same every time.
func sortedPairs[V any](m map[Pair]V) []Pair { return slices.SortedFunc(maps.Keys(m), ComparePairs) }

// level is the pairs of one score.
type level struct {
	score        float64
	right, wrong int
}

// Ranking is pairs by descending score, held against the truth. Pairs of equal
// score are indistinguishable: every figure treats them as one step.
type Ranking struct {
	levels       []level
	right, wrong int // pairs in all that talked, that did not
}

// Pairs ranks all pairs that there could be, total of them, by their scores; a
// pair without a score has 0, as one that was never mentioned. truth holds the
// pairs that talked. Both maps must hold only pairs that count among total;
// scores must not be NaN.
func Pairs[V any](scores map[Pair]float64, truth map[Pair]V, total int) *Ranking {
	at := map[float64]*level{0: {}}
	r := &Ranking{right: len(truth), wrong: max(0, total-len(truth))}
	at[0].right, at[0].wrong = r.right, r.wrong
	for p, s := range scores {
		l := at[s]
		if l == nil {
			l = &level{score: s}
			at[s] = l
		}
		if _, ok := truth[p]; ok {
			at[0].right--
			l.right++
		} else {
			at[0].wrong--
			l.wrong++
		}
	}
	for _, s := range slices.Sorted(maps.Keys(at)) {
		if l := at[s]; l.right+l.wrong > 0 {
			r.levels = append(r.levels, *l)
		}
	}
	slices.Reverse(r.levels)
	return r
}

// Possible is the number of pairs that talked and of those that did not.
func (r *Ranking) Possible() (right, wrong int) { return r.right, r.wrong }

// Counts is how often something was rightly said, wrongly said, and missed.
type Counts struct {
	Right  int `json:"tp"`
	Wrong  int `json:"fp"`
	Missed int `json:"fn"`
}

// Precision is the share of what was said that is right; false of nothing said.
func (c Counts) Precision() (float64, bool) { return share(c.Right, c.Right+c.Wrong) }

// Recall is the share of what there was that was said; false where there was
// nothing.
func (c Counts) Recall() (float64, bool) { return share(c.Right, c.Right+c.Missed) }

// F1 is the harmonic mean of precision and recall; false where there was
// nothing to say and nothing was said.
func (c Counts) F1() (float64, bool) { return share(2*c.Right, 2*c.Right+c.Wrong+c.Missed) }

func share(part, of int) (float64, bool) {
	if of == 0 {
		return 0, false
	}
	return float64(part) / float64(of), true
}

// At is what comes of calling every pair of at least the score a contact.
func (r *Ranking) At(threshold float64) Counts {
	c := Counts{Missed: r.right}
	for _, l := range r.levels {
		if l.score < threshold {
			break
		}
		c.Right, c.Wrong, c.Missed = c.Right+l.right, c.Wrong+l.wrong, c.Missed-l.right
	}
	return c
}

// Point is one point of the receiver operating characteristic: what comes of
// calling every pair of at least Threshold a contact.
type Point struct {
	Threshold float64
	FPR, TPR  float64 // of the pairs that did not talk, of those that did
}

// ROC gives the points by descending threshold, one for each different score,
// without the origin; nil where one of the two kinds of pairs is missing.
func (r *Ranking) ROC() []Point {
	if r.right == 0 || r.wrong == 0 {
		return nil
	}
	var out []Point
	right, wrong := 0, 0
	for _, l := range r.levels {
		right, wrong = right+l.right, wrong+l.wrong
		out = append(out, Point{l.score, float64(wrong) / float64(r.wrong), float64(right) / float64(r.right)})
	}
	return out
}

// AUC is the area under the receiver operating characteristic: how probably a
// pair that talked stands above one that did not, equal scores counting half.
// It is false where one of the two kinds is missing.
func (r *Ranking) AUC() (float64, bool) {
	if r.right == 0 || r.wrong == 0 {
		return 0, false
	}
	won, above := 0.0, 0
	for _, l := range r.levels {
		won += float64(l.wrong) * (float64(above) + float64(l.right)/2)
		above += l.right
	}
	return won / float64(r.right) / float64(r.wrong), true
}

// TPRAt is the largest share of the pairs that talked which some threshold
// finds without calling more than the share fpr of the others a contact. There
// is no interpolation: below one in all others it is what is found without a
// single error. It is false where one of the two kinds is missing.
func (r *Ranking) TPRAt(fpr float64) (float64, bool) {
	if r.right == 0 || r.wrong == 0 {
		return 0, false
	}
	best := 0.0
	for _, p := range r.ROC() {
		if p.FPR <= fpr {
			best = p.TPR
		}
	}
	return best, true
}

// AveragePrecision is the precision at each different score weighted by the
// recall it adds; false where no pair talked.
func (r *Ranking) AveragePrecision() (float64, bool) {
	right, said, sum := 0, 0, 0.0
	for _, l := range r.levels {
		right, said = right+l.right, said+l.right+l.wrong
		sum += float64(l.right) * float64(right) / float64(said)
	}
	if r.right == 0 {
		return 0, false
	}
	return sum / float64(r.right), true
}

// BestF1 is the highest F1 that any threshold above 0 gives, and the lowest
// such threshold. The threshold is chosen by the truth: no method could know it,
// so that the figure flatters. It is false where no pair has a score above 0.
func (r *Ranking) BestF1() (f1, threshold float64, ok bool) {
	c := Counts{Missed: r.right}
	for _, l := range r.levels {
		if l.score <= 0 {
			break
		}
		c.Right, c.Wrong, c.Missed = c.Right+l.right, c.Wrong+l.wrong, c.Missed-l.right
		if f, _ := c.F1(); f >= f1 {
			f1, threshold, ok = f, l.score, true
		}
	}
	return f1, threshold, ok
}
