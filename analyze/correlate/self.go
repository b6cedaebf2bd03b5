package correlate

import "math"

// Not all devices of one person are found: a phone that slept through all that
// others wrote shows nothing but that its messages go to the computer. Such
// pairs look like two people of whom the one writes to nobody else.

const (
	// selfMissed is how many devices remain unknown for each that was found: in
	// eight simulated towns 53 for 1,025 (2026-11-29).
	selfMissed = 0.05
	// selfHeld and selfSent are the least shares of what one device sends and
	// gets, and of what it sends, that the other has as well.
	selfHeld = 0.9
	selfSent = 0.9
	// selfSeldom is the share of what two exchange that comes from the one who
	// sends less, below which they do not converse.
	selfSeldom = 0.2
	// How much likelier two devices are than two people if somebody writes to
	// both, if something comes to both from outside, and if they do not
	// converse: measured in the same towns.
	selfBoth, selfStrange, selfSilent = 8, 16, 20
)

// doubtSelf lowers the confidence of pairs that may be two devices of one
// person, so that as many are expected among them as remain unknown.
func (n *net) doubtSelf(t *ties) {
	var at []int
	var odds []float64
	for i := range n.scores {
		if s := &n.scores[i]; s.conf >= 0.5 && !s.group {
			if x := n.selfOdds(t, s); x > 0 {
				at, odds = append(at, i), append(odds, x)
			}
		}
	}
	rate := rateFor(odds, selfMissed*float64(n.devicesFound()))
	for k, i := range at {
		n.scores[i].conf /= 1 + rate*odds[k]
	}
}

// devicesFound is the number of devices that were found to be another's person's.
func (n *net) devicesFound() (count int) {
	for p, o := range n.owner {
		if int32(p) != o && len(n.life[p]) > 0 {
			count++
		}
	}
	return count
}

// selfOdds is how much likelier than other candidates a pair is to be one
// person, 0 where it is none.
func (n *net) selfOdds(t *ties, s *score) float64 {
	c := t.shared[pairKey(s.a, s.b)]
	if c == nil || t.held([2]int32{s.a, s.b}) < selfHeld {
		return 0
	}
	back := c.copies - c.up
	if float64(c.up) < selfSent*float64(t.all[s.a]) && float64(back) < selfSent*float64(t.all[s.b]) {
		return 0
	}
	x := 1.0
	if c.both > 0 {
		x *= selfBoth
	}
	if len(n.strange(t, s.a, s.b)) > 0 {
		x *= selfStrange
	}
	if float64(min(c.up, back)) < selfSeldom*float64(c.copies) {
		x *= selfSilent
	}
	return x
}

// rateFor finds the factor by which odds have to be multiplied so that they
// expect a number of hits, of all at most half.
func rateFor(odds []float64, hits float64) float64 {
	lo, hi := 0.0, 1.0
	for range 50 {
		mid, sum := (lo+hi)/2, 0.0
		for _, x := range odds {
			sum += mid * x / (1 + mid*x)
		}
		if sum < math.Min(hits, float64(len(odds))/2) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}
