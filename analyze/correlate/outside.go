package correlate

import (
	"math"
	"time"
)

// A group of which two members are inside looks like the two talking directly,
// but for what its other members write: that comes to both at one moment and
// from nobody inside, in the midst of what the two write.

const (
	// boutWithin is how far from a message of a conversation others of it are
	// looked for.
	boutWithin = 2 * time.Minute
	// joinedFew is by how many standard deviations of chance there must be more
	// messages with company from outside than by chance, joinedLeast the least
	// share of them, joinedTimes how many times as many there must be as by
	// chance.
	joinedFew   = 3
	joinedLeast = 0.4
	joinedTimes = 4
)

// privateMost is the most that the looks of what two exchange may say for its being
// direct, as a log ratio: all messages of one conversation look alike, so that
// they say little more together than one does, and a small group's may look like
// direct ones. At 3, of the contacts from 0.99 on four to six times as many were wrong
// as expected (towns of seeds 1 to 3, 2026-11-29); at 1 as many as expected.
const privateMost = 1

// muteUsual is the share of groups with two members inside whose others were silent
// while the two wrote, in simulated towns of 1,000 (11 of 47 that their looks told,
// 2026-11-29), and muteWeight for how many it counts.
const (
	muteUsual  = 0.25
	muteWeight = 4
)

// joining is how far people outside take part in what two write.
type joining struct {
	with    int     // messages between the two with company from outside
	alone   int     // all that the two exchanged
	bouts   int     // conversations that these belong to
	look    float64 // how private their messages look, as a log ratio
	certain bool
}

// joinOutsiders marks the pairs in whose talk people outside take part. As many
// of them as there are, of the others some will be such pairs whose company was
// not seen: the more conversations without, the fewer. In a small circle any two
// coincide again and again; of those joinFew says what it can.
func (n *net) joinOutsiders() {
	if n.active < crowd {
		n.joinFew()
		return
	}
	t, p := n.companies(), n.learnPrivate()
	found := make([]joining, len(n.scores))
	var sure, joined, with, alone, told, mute float64
	for i := range n.scores {
		s := &n.scores[i]
		if s.conf < 0.5 {
			continue
		}
		found[i] = n.joinedBy(t, s)
		if found[i].look = n.lookOf(p, t, s); found[i].look <= -looksSure {
			found[i].certain = true
			if told++; found[i].with == 0 {
				mute++
			}
		}
		if sure++; found[i].certain {
			s.group = true
			joined, with, alone = joined+1, with+float64(found[i].with), alone+float64(found[i].alone)
		}
	}
	usual, seen := joined/math.Max(1, sure), with/math.Max(1, alone)
	mute = (mute + muteUsual*muteWeight) / (told + muteWeight)
	for i := range n.scores {
		if s := &n.scores[i]; n.perhaps[pairKey(s.a, s.b)] {
			s.conf *= 0.5
		} else if s.conf >= 0.5 && !s.group {
			hidden := usual * (mute + (1-mute)*math.Pow(1-seen, float64(found[i].bouts))) * math.Exp(-math.Min(found[i].look, privateMost))
			s.conf *= (1 - usual) / (1 - usual + hidden)
		}
	}
	n.doubtSelf(t)
}

// joinedBy tells whether people outside take part in what two write.
func (n *net) joinedBy(t *ties, s *score) joining {
	c := t.shared[pairKey(s.a, s.b)]
	if c == nil {
		return joining{}
	}
	with, chance := n.company(c.alone, n.strange(t, s.a, s.b), boutWithin, boutWithin)
	j := joining{with: with, alone: len(c.alone)}
	j.certain = float64(with) >= chance+joinedFew*math.Sqrt(chance+1) && float64(with) >= joinedLeast*float64(j.alone) && float64(with) >= joinedTimes*chance
	for i, k := range c.alone {
		if i == 0 || n.sent[k].at.Sub(n.sent[c.alone[i-1]].at) > boutWithin {
			j.bouts++
		}
	}
	return j
}

// lookOf is how private what two exchanged looks, as a log ratio.
func (n *net) lookOf(p *private, t *ties, s *score) (sum float64) {
	c := t.shared[pairKey(s.a, s.b)]
	if c == nil {
		return 0
	}
	for _, k := range c.alone {
		sum += p.of(n, &n.fans[k])
	}
	return sum
}
