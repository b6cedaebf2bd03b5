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
	// joinedFew is the least number of messages with company from outside,
	// joinedLeast the least share, joinedTimes how many times as many there must
	// be as at other times of the day.
	joinedFew   = 2
	joinedLeast = 0.4
	joinedTimes = 4
)

// joining is how far people outside take part in what two write.
type joining struct {
	with    int // messages between the two with company from outside
	alone   int // all that the two exchanged
	bouts   int // conversations that these belong to
	certain bool
}

// joinOutsiders marks the pairs in whose talk people outside take part. As many
// of them as there are, of the others some will be such pairs whose company was
// not seen: the more conversations without, the fewer.
func (n *net) joinOutsiders() {
	t := n.companies()
	found := make([]joining, len(n.scores))
	var sure, joined, with, alone float64
	for i := range n.scores {
		s := &n.scores[i]
		if s.conf < 0.5 {
			continue
		}
		found[i] = n.company(t, s)
		if sure++; found[i].certain {
			s.group = true
			joined, with, alone = joined+1, with+float64(found[i].with), alone+float64(found[i].alone)
		}
	}
	usual, seen := joined/math.Max(1, sure), with/math.Max(1, alone)
	for i := range n.scores {
		if s := &n.scores[i]; s.conf >= 0.5 && !s.group {
			hidden := usual * math.Pow(1-seen, float64(found[i].bouts))
			s.conf *= (1 - usual) / (1 - usual + hidden)
		}
	}
}

// company tells whether people outside take part in what two write.
func (n *net) company(t *ties, s *score) joining {
	c := t.shared[pairKey(s.a, s.b)]
	if c == nil {
		return joining{}
	}
	got := n.strange(t, s.a, s.b)
	j := joining{alone: len(c.alone)}
	chance := 0
	for i, k := range c.alone {
		at := n.sent[k].at.Add(-boutWithin)
		j.with += follows(got, at, 2*boutWithin)
		for _, d := range otherTimes {
			chance += follows(got, at.Add(d), 2*boutWithin)
		}
		if i == 0 || n.sent[k].at.Sub(n.sent[c.alone[i-1]].at) > boutWithin {
			j.bouts++
		}
	}
	j.certain = j.with >= joinedFew && float64(j.with) >= joinedLeast*float64(j.alone) && len(otherTimes)*j.with >= joinedTimes*chance
	return j
}
