package evaluate

import (
	"math"

	"envelope/capture"
)

// countCorrelation is the plain count correlator: how many messages of one are
// followed by one to the other within a short window, compared with how many
// are when the other's clock is shifted. The score is how many standard
// deviations the count lies above the mean of the shifted ones.
type countCorrelation struct {
	window capture.Time
	shift  capture.Time // between two shifts
	shifts int          // half of them in each direction
}

func (m countCorrelation) prepare(streams []Stream) scorer {
	return func(a int32) func(int32) float64 {
		return func(b int32) float64 {
			count := func(shift capture.Time) int {
				return m.follows(streams[a].Sent, streams[b].Received, shift) + m.follows(streams[b].Sent, streams[a].Received, shift)
			}
			n := count(0)
			if n == 0 {
				return 0
			}
			return m.above(n, count)
		}
	}
}

// above is the z-score of n. One is added to the variance, so that a single
// match by chance in a quiet hour does not outweigh everything.
func (m countCorrelation) above(n int, count func(capture.Time) int) float64 {
	sum, squares := 0.0, 0.0
	for i := range m.shifts {
		shift := capture.Time(i/2+1) * m.shift
		if i%2 == 1 {
			shift = -shift
		}
		c := float64(count(shift))
		sum, squares = sum+c, squares+c*c
	}
	mean := sum / float64(max(1, m.shifts))
	variance := squares/float64(max(1, m.shifts)) - mean*mean
	return (float64(n) - mean) / math.Sqrt(1+max(0, variance))
}

// follows counts the sent ones after which something was received within the
// window, with the times of what was received moved by the shift.
func (m countCorrelation) follows(sent, received []Sighting, shift capture.Time) int {
	n, j := 0, 0
	for _, s := range sent {
		for j < len(received) && received[j].Time+shift < s.Time {
			j++
		}
		if j < len(received) && received[j].Time+shift-s.Time <= m.window {
			n++
		}
	}
	return n
}
