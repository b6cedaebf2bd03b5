package infer

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSorted holds the radix sort to the order of a stable sort by comparison,
// for keys of few and of all digits.
func TestSorted(t *testing.T) {
	var s sorter
	rng := rand.New(rand.NewPCG(1, 2))
	for _, most := range []uint64{1, 3, 1 << 11, 1<<11 + 1, 1 << 40, 1<<64 - 1} {
		for _, n := range []int{0, 1, 2, 5000} {
			list := s.keys(n)
			for i := range list {
				list[i] = keyed{rng.Uint64N(most), int32(i)}
			}
			want := slices.Clone(list)
			slices.SortStableFunc(want, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
			for i, id := range s.sorted() {
				if id != want[i].id {
					t.Fatalf("%d keys below %d: number %d in place %d, want %d", n, most, id, i, want[i].id)
				}
			}
		}
	}
}
