package evaluate

import (
	"maps"
	"slices"

	"envelope/analyze"
)

// groupFigures holds groups of at least possible against the truth. Groups with
// fewer than three known people are not demanded: none of the rules of a group
// could show them.
func groupFigures(rep *analyze.Report, n *naming, k *talk) GroupFigures {
	var found [][]int32
	for _, g := range rep.Groups {
		if g.Confidence >= possible {
			found = append(found, n.members(&g))
		}
	}
	out := GroupFigures{Found: len(found)}
	sum := 0.0
	for _, name := range slices.Sorted(maps.Keys(k.groups)) {
		if len(k.groups[name]) < 3 {
			continue
		}
		out.Truth++
		sum += out.hold(k.groups[name], found)
	}
	out.Jaccard = figure(sum/float64(max(1, out.Truth)), out.Truth > 0)
	for _, g := range found {
		if !slices.ContainsFunc(slices.Collect(maps.Values(k.groups)), func(t []int32) bool { return jaccard(t, g) >= half }) {
			out.Spurious++
		}
	}
	return out
}

// half is the likeness from which on a found group stands for a true one.
const half = 0.5

// hold compares a true group with the found one that is most like it.
func (f *GroupFigures) hold(truth []int32, found [][]int32) float64 {
	best, like := 0.0, []int32(nil)
	for _, g := range found {
		if j := jaccard(truth, g); j > best {
			best, like = j, g
		}
	}
	if best < half {
		f.Missed++
		return best
	}
	both := common(truth, like)
	f.Missing += len(truth) - both
	f.Extra += len(like) - both
	return best
}

// jaccard is the size of the intersection by that of the union of two sorted
// sets, 0 of two empty ones.
func jaccard(a, b []int32) float64 {
	both := common(a, b)
	j, _ := share(both, len(a)+len(b)-both)
	return j
}

// common is how many members two sorted sets share.
func common(a, b []int32) int {
	n := 0
	for _, x := range a {
		if _, ok := slices.BinarySearch(b, x); ok {
			n++
		}
	}
	return n
}
