package evaluate

import (
	"math"

	"envelope/capture"
)

// waveletCorrelation is COLD (Ilyas, Shafiq, Liu, Radha, ICNP 2013): the bytes
// of each person by time, in Haar wavelets; two people are ranked by the
// correlation of their coefficients. The weights of the levels came from
// training there; here each level has the same energy. The mean of Haar
// coefficients is taken as 0, which makes the correlation a normalised product.
type waveletCorrelation struct {
	bin    capture.Time
	levels int // the coarsest looks at 2^levels bins
}

// coefficient is one Haar coefficient that is not 0.
type coefficient struct {
	at    int64
	value float64
}

func (m waveletCorrelation) prepare(streams []Stream) scorer {
	base := firstSighting(streams)
	features := make([][][]coefficient, len(streams))
	for i := range streams {
		features[i] = m.transform(&streams[i], base)
	}
	return func(a int32) func(int32) float64 {
		return func(b int32) float64 {
			sum := 0.0
			for l := range m.levels {
				sum += dot(features[a][l], features[b][l])
			}
			return math.Abs(sum) / float64(m.levels)
		}
	}
}

// firstSighting is the time of the first sighting of all.
func firstSighting(streams []Stream) capture.Time {
	first := capture.Time(math.MaxInt64)
	for i := range streams {
		for _, list := range [][]Sighting{streams[i].Sent, streams[i].Received} {
			if len(list) > 0 {
				first = min(first, list[0].Time)
			}
		}
	}
	return first
}

// transform gives the coefficients of each level, scaled to energy 1.
func (m waveletCorrelation) transform(s *Stream, base capture.Time) [][]coefficient {
	all := append(append([]Sighting(nil), s.Sent...), s.Received...)
	inTime(all)
	out := make([][]coefficient, m.levels)
	for l := range out {
		for _, x := range all {
			n := int64((x.Time - base) / m.bin)
			v := float64(max(1, x.Bytes))
			if n>>l&1 == 1 { // the second half of the wavelet
				v = -v
			}
			if k := n >> (l + 1); len(out[l]) > 0 && out[l][len(out[l])-1].at == k {
				out[l][len(out[l])-1].value += v
			} else {
				out[l] = append(out[l], coefficient{k, v})
			}
		}
		scale(out[l])
	}
	return out
}

// scale brings the energy of coefficients to 1, where they have any.
func scale(list []coefficient) {
	energy := 0.0
	for _, c := range list {
		energy += c.value * c.value
	}
	if energy == 0 {
		return
	}
	for i := range list {
		list[i].value /= math.Sqrt(energy)
	}
}

// dot is the product of two sparse vectors in order.
func dot(a, b []coefficient) float64 {
	sum := 0.0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i].at < b[j].at:
			i++
		case a[i].at > b[j].at:
			j++
		default:
			sum += a[i].value * b[j].value
			i, j = i+1, j+1
		}
	}
	return sum
}
