package correlate

import "math"

// Not all devices of one person are found: a phone that slept through all that
// others wrote shows nothing but that its messages go to the computer. Such
// pairs look like two people of whom the one writes to nobody else.

const (
	// selfHeld and selfSent are the least shares of what one device sends and
	// gets, and of what it sends, that the other has as well.
	selfHeld = 0.9
	selfSent = 0.9
	// selfSeldom is the share of what two exchange that comes from the one who
	// sends less, below which they do not converse.
	selfSeldom = 0.2
)

// How much likelier two devices are than two people if somebody writes to both,
// if something comes to both from outside, and if they do not converse; and where
// that is not so. Measured on such pairs in nine simulated towns of which all,
// four fifths or seven tenths of the events were seen (188 pairs of devices, 805
// of people, 2026-11-29).
var selfBoth, selfStrange, selfSilent = [2]float64{4, 0.4}, [2]float64{8, 0.35}, [2]float64{4, 0.45}

// doubtSelf lowers the confidence of pairs that may be two devices of one
// person. How many of them are is told by how they look.
func (n *net) doubtSelf(t *ties) {
	t.own = n.own()
	var at []int
	var odds []float64
	for i := range n.scores {
		if s := &n.scores[i]; s.conf >= 0.5 && !s.group {
			if x := n.selfOdds(t, s); x > 0 {
				at, odds = append(at, i), append(odds, x)
			}
		}
	}
	share := shareOf(odds, float64(n.devicesFound()))
	for k, i := range at {
		n.scores[i].conf *= (1 - share) / (1 - share + share*odds[k])
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

// selfOdds is how much likelier by its looks a pair is to be one person than two,
// 0 where it cannot be one.
func (n *net) selfOdds(t *ties, s *score) float64 {
	c := t.shared[pairKey(s.a, s.b)]
	if c == nil || t.held([2]int32{s.a, s.b}) < selfHeld*n.seen.recv {
		return 0
	}
	back := c.copies - c.up
	if !n.seen.enough(c.up, t.all[s.a], selfSent) && !n.seen.enough(back, t.all[s.b], selfSent) {
		return 0
	}
	x := math.Exp(t.own[pairKey(s.a, s.b)])
	x *= either(selfBoth, c.both > 0)
	x *= either(selfStrange, len(n.strange(t, s.a, s.b)) > 0)
	x *= either(selfSilent, float64(min(c.up, back)) < selfSeldom*float64(c.copies))
	return x
}

// either is what a sign says that is there, or not.
func either(ratios [2]float64, there bool) float64 {
	if there {
		return ratios[0]
	}
	return ratios[1]
}

// shareOf finds which share of candidates is something that they are likelier to
// be by so much, by expectation-maximisation; no more than most of them are.
func shareOf(odds []float64, most float64) float64 {
	share, all := 0.05, math.Max(1, float64(len(odds)))
	for range 50 {
		var sum float64
		for _, x := range odds {
			sum += share * x / (1 - share + share*x)
		}
		share = math.Min(sum, most) / all
	}
	return math.Min(share, 0.5)
}
