package simulate

import (
	"math/bits"
	"math/rand/v2"
	"time"
)

// dice is a stream of random numbers that takes 16 bytes. All laws here are
// integer arithmetic: floating point may be fused on some platforms and then
// gives other last digits.
type dice struct{ rand.PCG }

// newDice returns the stream that belongs to seed and a name of numbers.
// Streams are independent, so that one more person leaves the others as they
// were.
func newDice(seed uint64, name ...uint64) dice {
	h := uint64(0xcbf29ce484222325) // FNV-1a, over words
	for _, v := range name {
		h = (h ^ v) * 0x100000001b3
		h ^= h >> 29
	}
	return dice{*rand.NewPCG(seed, h)}
}

// below returns a number from 0 to n-1; n must be positive. The bias is below
// n/2^64.
func (d *dice) below(n int64) int64 {
	hi, _ := bits.Mul64(d.Uint64(), uint64(n))
	return int64(hi)
}

// chance is true with probability p.
func (d *dice) chance(p Share) bool { return d.below(1_000_000) < int64(p) }

// between returns a duration from lo to hi.
func (d *dice) between(lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(d.below(int64(hi-lo)+1))
}

// ms is between, in milliseconds.
func (d *dice) ms(lo, hi int) time.Duration {
	return d.between(time.Duration(lo)*time.Millisecond, time.Duration(hi)*time.Millisecond)
}

// exponential returns a duration of the given mean with a nearly exponential
// law: -log2 of a uniform number with the fraction interpolated linearly,
// scaled by 2/3 so that the mean is exact.
func (d *dice) exponential(mean time.Duration) time.Duration {
	u := d.Uint64() | 1
	k := bits.LeadingZeros64(u)
	fraction := u << k << 1 >> 33 // 31 bits below the leading one
	hi, lo := bits.Mul64(uint64(mean), uint64(k+1)<<31-fraction)
	return time.Duration((hi<<33 | lo>>31) * 2 / 3)
}

// tail returns a number of at least low with a Pareto tail: each time it grows
// by the factor (in thousandths), half of the rest is left. It is cut at high.
// An index alpha has the factor 2^(1/alpha).
func (d *dice) tail(low, factor, high int64) int64 {
	u := d.Uint64() | 1
	k := bits.LeadingZeros64(u)
	v := low
	for range k {
		if v >= high {
			return high
		}
		v = v * factor / 1000
	}
	within := int64(u << k << 1 >> 44) // 20 bits: uniform inside the octave
	return min(v+(v*(factor-1000)/1000)*within>>20, high)
}

// quantile draws from a law given by equally spaced quantiles, from the least
// value to the greatest, with straight lines between them.
func (d *dice) quantile(q []int64) int64 {
	at := d.below(int64(len(q)-1) << 16)
	i, f := at>>16, at&0xffff
	return q[i] + (q[i+1]-q[i])*f>>16
}
