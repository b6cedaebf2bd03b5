package evaluate

import (
	"cmp"
	"slices"
)

// HitRate is how many people have somebody they talked to among the k best
// candidates, as a share of the people that talked to anybody, for each k. Only
// scores above 0 make a candidate. Where equal scores leave open who is among
// the k, the chance of a hit in random order counts. who are the people that
// are looked at; nil for all. It is nil where none of them talked.
//
// This is the figure of Ilyas et al., "Who Are You Talking to?", ICNP 2013.
func HitRate[V any](scores map[Pair]float64, truth map[Pair]V, who []int32, ks ...int) []float64 {
	candidates := map[int32][]candidate{}
	for p, s := range scores {
		if s > 0 {
			_, talked := truth[p]
			candidates[p.A] = append(candidates[p.A], candidate{s, talked})
			candidates[p.B] = append(candidates[p.B], candidate{s, talked})
		}
	}
	talks := talkers(truth, who)
	if len(talks) == 0 {
		return nil
	}
	out := make([]float64, len(ks))
	for _, person := range talks {
		mine := candidates[person]
		slices.SortFunc(mine, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
		for i, k := range ks {
			out[i] += hit(mine, k) / float64(len(talks))
		}
	}
	return out
}

// candidate is one possible contact of a person.
type candidate struct {
	score  float64
	talked bool
}

// talkers are the people among who that talked to anybody, in order.
func talkers[V any](truth map[Pair]V, who []int32) []int32 {
	talks := map[int32]bool{}
	for p := range truth {
		talks[p.A], talks[p.B] = true, true
	}
	var out []int32
	for p := range talks {
		if who == nil || slices.Contains(who, p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// hit is the chance that one who talked is among the first k of the sorted
// candidates when those of equal score are shuffled.
func hit(sorted []candidate, k int) float64 {
	for start := 0; start < len(sorted) && start < k; {
		end, right := start, 0
		for ; end < len(sorted) && sorted[end].score == sorted[start].score; end++ {
			if sorted[end].talked {
				right++
			}
		}
		if right > 0 {
			return 1 - allWrong(end-start, right, min(k, end)-start)
		}
		start = end
	}
	return 0
}

// allWrong is the chance that drawing some of n, right of which are right,
// gives none of these: hypergeometric.
func allWrong(n, right, draws int) float64 {
	p := 1.0
	for i := range draws {
		p *= float64(max(0, n-right-i)) / float64(n-i)
	}
	return p
}
