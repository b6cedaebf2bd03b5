package evaluate

import "math"

// Stated is a statement: its probability from 0 to 1, and whether it was right.
type Stated struct {
	Probability float64
	Right       bool
}

// Bin is the statements of one range of probability.
type Bin struct {
	From  float64 `json:"from"` // below the next tenth; the last bin includes 1
	To    float64 `json:"to"`
	Count int     `json:"count"`
	Mean  float64 `json:"mean_probability"`
	Right float64 `json:"share_right"`
}

// Calibration says whether stated probabilities mean what they say.
type Calibration struct {
	Statements int      `json:"statements"`
	Brier      *float64 `json:"brier"`                      // mean squared distance of probability and truth, 0 is best (Brier 1950)
	Error      *float64 `json:"expected_calibration_error"` // mean distance of stated and true share, by bin
	Bins       []Bin    `json:"bins"`                       // reliability table, without empty bins
}

// bins is the number of equal bins of the reliability table.
const bins = 10

// Brier is the mean squared distance between probability and truth; false of no
// statement.
func Brier(all []Stated) (float64, bool) {
	sum := 0.0
	for _, s := range all {
		d := s.Probability - truthValue(s.Right)
		sum += d * d
	}
	return sum / math.Max(1, float64(len(all))), len(all) > 0
}

func truthValue(right bool) float64 {
	if right {
		return 1
	}
	return 0
}

// Calibrate holds statements against the truth in ten equal bins. The expected
// calibration error weighs each bin by its statements (Naeini et al., AAAI
// 2015). The order of the statements must be fixed for the sums to be.
func Calibrate(all []Stated) Calibration {
	out := Calibration{Statements: len(all), Brier: figure(Brier(all)), Bins: []Bin{}}
	var n, right [bins]int
	var sum [bins]float64
	for _, s := range all {
		i := min(bins-1, max(0, int(s.Probability*bins)))
		n[i]++
		sum[i] += s.Probability
		if s.Right {
			right[i]++
		}
	}
	off := 0.0
	for i := range bins {
		if n[i] == 0 {
			continue
		}
		off += math.Abs(sum[i]-float64(right[i])) / float64(len(all))
		out.Bins = append(out.Bins, Bin{From: float64(i) / bins, To: float64(i+1) / bins, Count: n[i],
			Mean: rounded(sum[i] / float64(n[i])), Right: rounded(float64(right[i]) / float64(n[i]))})
	}
	out.Error = figure(off, len(all) > 0)
	return out
}

// figure is a value as the result holds it: rounded to six decimals, nil where
// it is not defined.
func figure(v float64, ok bool) *float64 {
	if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	v = rounded(v)
	return &v
}

func rounded(v float64) float64 { return math.Round(v*1e6) / 1e6 }
