package evaluate

import (
	"maps"
	"slices"

	"envelope/analyze"
)

// fewestMembers is how many known people make a group that must be found: by
// fewer it could not be told from a pair.
const fewestMembers = 3

// demanded are the names of the groups that must be found, in order.
func (k *talk) demanded() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(k.groups)) {
		if len(k.groups[name]) >= fewestMembers {
			out = append(out, name)
		}
	}
	return out
}

// groupFigures holds groups of at least possible against the truth. What is
// like a group that is not demanded is not spurious.
func groupFigures(rep *analyze.Report, n *naming, k *talk) GroupFigures {
	var found [][]int32
	for _, g := range rep.Groups {
		if g.Confidence >= possible {
			found = append(found, n.members(&g))
		}
	}
	out := GroupFigures{Found: len(found)}
	sum := 0.0
	for _, name := range k.demanded() {
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
