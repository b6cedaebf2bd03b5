package correlate

import (
	"cmp"
	"slices"
	"time"

	"envelope/capture"
)

// Strand is the times of one party's doings of one kind as two inputs have
// them, each in order.
type Strand struct {
	Lines []capture.Time // of the input whose clock is in question
	Unit  time.Duration  // that Lines are written in: each stands for [t, t+Unit)
	True  []capture.Time // of the input whose clock is held true
}

// Clocks of logs are looked for within a few seconds, as those of recorders, and
// at whole quarters of an hour from there: stamps in an unknown zone.
const (
	shiftSpan = 10 * time.Second
	shiftStep = 50 * time.Millisecond
	zoneStep  = 15 * time.Minute
	zoneMost  = 14 * time.Hour
	// shiftFewest is how many lines must agree on a clock, over chance.
	shiftFewest = 5
)

// Shift finds what to add to the times of lines so that most lie where the true
// ones have something of the same strand; false where too few agree. A clock
// that is right within the step of the search is left alone.
func Shift(strands []Strand) (time.Duration, bool) {
	best, bestScore, lines := time.Duration(0), 0, 0
	for i := range strands {
		lines += len(strands[i].Lines)
	}
	for zone := -zoneMost; zone <= zoneMost; zone += zoneStep {
		bins := make([]int, 2*shiftSpan/shiftStep+1)
		for i := range strands {
			strands[i].differences(zone, bins)
		}
		at, score := bestSecond(bins)
		if score > bestScore || score == bestScore && zone.Abs() < best.Abs() {
			best, bestScore = zone+time.Duration(at)*shiftStep-shiftSpan, score
		}
	}
	if bestScore < max(shiftFewest, lines/20) {
		return 0, false
	}
	if best.Abs() <= 2*shiftStep {
		best = 0
	}
	return best, true
}

// differences counts, by steps, how far after each line there is something. The
// moment of a line is the middle of its unit.
func (s *Strand) differences(zone time.Duration, bins []int) {
	for _, line := range s.Lines {
		at := line.Add(zone + s.Unit/2)
		k, _ := slices.BinarySearchFunc(s.True, at.Add(-shiftSpan), func(x, t capture.Time) int { return cmp.Compare(x, t) })
		for ; k < len(s.True); k++ {
			diff := s.True[k].Sub(at)
			if diff > shiftSpan {
				break
			}
			bins[(diff+shiftSpan)/shiftStep]++
		}
	}
}

// bestSecond finds the second with most counts and gives the median of these,
// and how many they are over what the rest would give by chance.
func bestSecond(bins []int) (at, score int) {
	const window = int(time.Second / shiftStep)
	sum, total, best, from := 0, 0, 0, 0
	for i, n := range bins {
		sum, total = sum+n, total+n
		if i >= window {
			sum -= bins[i-window]
		}
		if i >= window-1 && sum > best {
			best, from = sum, i-window+1
		}
	}
	for half := 0; at < window && 2*(half+bins[from+at]) <= best; at++ {
		half += bins[from+at]
	}
	return from + at, best - (total-best)*window/max(1, len(bins)-window)
}
