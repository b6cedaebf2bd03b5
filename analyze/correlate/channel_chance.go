package correlate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

const (
	// farTurns and nearTurns are how often the clock of the list is rotated by
	// any part of the capture, and by a few minutes: the latter keep it in the
	// same hours of day and in the same talk.
	farTurns  = 160
	nearTurns = 80
	// nearTurn is the most of the latter.
	nearTurn = 5 * time.Minute
)

// channelNull is what scores of one unit chance makes. Above level, a share of
// the rotations is spread by an exponential law that falls by fall for a nat.
type channelNull struct{ level, share, fall, floor float64 }

// nulls scores rotated lists, by the law given or, where there is none, by the
// one learned anew each time.
func (c *channel) nulls(law *channelLaw) *chance {
	turns := c.turns()
	// A unit without any event near a message scores this.
	silent := runScore(make([]float64, len(c.list)))
	far, close := make([][]float64, len(c.units)), make([][]float64, len(c.units))
	for i, d := range turns {
		list := c.turned(d)
		pairs := c.pairUp(list, c.sample(i))
		into := far
		if i >= farTurns {
			into = close
		}
		got := map[int]float64{}
		for _, s := range c.score(list, pairs, law) {
			got[s.unit] = s.score
		}
		for _, k := range c.sample(i) {
			score, ok := got[k]
			if !ok {
				score = silent
			}
			into[k] = append(into[k], score)
		}
	}
	n := &chance{all: tail(slices.Concat(slices.Concat(far...), slices.Concat(close...)), 1, silent)}
	for k := range far {
		n.own = append(n.own, tail(slices.Concat(far[k], close[k]), n.all.fall, silent))
		n.close = append(n.close, tail(close[k], n.all.fall, silent))
	}
	return n
}

// most is how many units are scored in one rotation. Of more, each has its turn
// in some of them; what those of all together show then tells what chance does.
const most = 400

// sample lists the units of one rotation.
func (c *channel) sample(turn int) []int {
	step := (len(c.units) + most - 1) / most
	var out []int
	for k := turn % step; k < len(c.units); k += step {
		out = append(out, k)
	}
	return out
}

// chance is what rotations gave: each unit in all of them, each in those by a
// few minutes, and all units together.
type chance struct {
	own, close []channelNull
	all        channelNull
}

// of is the density of a score of a unit by chance, by what is worst.
func (n *chance) of(s *unitScore) float64 {
	return max(n.own[s.unit].density(s.score), n.close[s.unit].density(s.score), n.all.density(s.score))
}

// turns lists by how much the clock is rotated: spread evenly (golden ratio),
// and never so little that true pairs come near each other.
func (c *channel) turns() []time.Duration {
	const golden = 0.6180339887498949
	span := c.o.Last.Sub(c.o.First)
	room := span - 2*c.far()
	var out []time.Duration
	for i := range farTurns {
		_, part := math.Modf(float64(i+1) * golden)
		out = append(out, c.far()+time.Duration(part*float64(room)))
	}
	furthest := min(nearTurn+c.far(), span/2)
	for i := range nearTurns {
		_, part := math.Modf(float64(i+1) * golden)
		d := c.far() + time.Duration(part*float64(furthest-c.far()))
		if i%2 == 1 {
			d = span - d
		}
		out = append(out, d)
	}
	return out
}

// turned is the list with its clock rotated within the capture.
func (c *channel) turned(d time.Duration) []Listed {
	span := c.o.Last.Sub(c.o.First)
	out := slices.Clone(c.list)
	for i := range out {
		at := out[i].Time.Sub(c.o.First) + d
		out[i].Time = c.o.First.Add((at%span + span) % span)
	}
	slices.SortStableFunc(out, func(x, y Listed) int { return cmp.Compare(x.Time, y.Time) })
	return out
}

// tail fits the upper fifth of scores. By theory a likelihood ratio thins out
// by a nat for a nat or faster; a slower fall is believed of a unit as far as
// its scores show it, and otherwise that of all units. An odd score far above the
// others, as a rotation gives that puts a wrong clock right, is cut.
func tail(scores []float64, usual, silent float64) channelNull {
	const share, prior, odd = 0.2, 3, 50
	if len(scores) == 0 {
		return channelNull{floor: silent, fall: 1}
	}
	slices.Sort(scores)
	m := max(1, int(share*float64(len(scores))))
	u := channelNull{level: scores[len(scores)-m], floor: silent}
	if u.level < 0 {
		// Scores below 0 speak against; what matters begins at 0.
		u.level = 0
		at, _ := slices.BinarySearch(scores, 0)
		m = len(scores) - at
	}
	var sum float64
	for _, s := range scores[len(scores)-m:] {
		sum += min(s-u.level, odd)
	}
	u.share = (float64(m) + 0.5) / (float64(len(scores)) + 1)
	u.fall = min(1, (float64(m)+prior)/(sum+prior/usual))
	return u
}

// density is that of a score by chance. Below the level lies most of what chance
// gives, down to that of a unit without events.
func (u *channelNull) density(t float64) float64 {
	if t < u.level {
		return max(u.share*u.fall, (1-u.share)/(u.level-u.floor+1))
	}
	return u.share * u.fall * math.Exp(-u.fall*(t-u.level))
}

// leastScore is the least mean that is presumed of the scores of true members,
// in nats: a dozen messages that say two nats each. From a longer list a member
// is presumed to have a nat of each message, as those of the labs had and more.
const leastScore = 25

// judge turns scores into probabilities, by what chance makes of a score. How
// many of the units and one more, for nobody, are members is found from those
// that likely are, starting at half of one and at most a half: the possible ones of a list that chance favours
// would vouch for each other.
func (c *channel) judge(found []unitScore, chance func(*unitScore) float64) {
	share := 0.5 / float64(len(c.units)+1)
	mean := max(leastScore, float64(len(c.list)))
	prior := share
	for range 30 {
		var sum float64
		for i := range found {
			s := &found[i]
			s.conf = posterior(s.score, mean, prior, chance(s))
			if s.conf >= 0.9 {
				sum += s.conf
			}
		}
		prior = min(0.5, max(share, (sum+share)/float64(len(c.units)+1)))
	}
}

// posterior is the probability of a member by its score. It is never more than
// the score itself says, which is a likelihood ratio.
func posterior(t, mean, prior, chance float64) float64 {
	member := math.Exp(-max(t, 0)/mean) / mean
	odds := prior / (1 - prior) * min(member/chance, math.Exp(min(t, 100)))
	return odds / (1 + odds)
}

// decide gives every unit its probability. Whether anybody is in the
// conversation is held against lists whose law was learned anew, as chance may
// make up a law. Once others have shown the law beyond doubt, a unit is held
// against chance by that law.
func (c *channel) decide(list []Listed) []unitScore {
	pairs := c.pairUp(list, c.everybody())
	law := c.learnLaw(list, pairs)
	found := c.score(list, pairs, law)
	if len(found) == 0 {
		return found
	}
	anew := c.nulls(nil)
	c.judge(found, anew.of)
	shown := 0
	for i := range found {
		if found[i].conf >= 0.99 {
			shown++
		}
	}
	fixed := anew
	if shown > 0 && len(c.units) > 1 {
		fixed = c.nulls(law)
	}
	sure := make([]bool, len(c.units))
	for i := range found {
		sure[found[i].unit] = found[i].conf >= 0.99
	}
	c.judge(found, func(s *unitScore) float64 {
		if shown > 1 || shown == 1 && !sure[s.unit] {
			return fixed.of(s)
		}
		return anew.of(s)
	})
	return found
}

// conclude fills the answer.
func (c *channel) conclude(res *Channel, found []unitScore, level float64) {
	slices.SortStableFunc(found, func(x, y unitScore) int {
		return cmp.Or(-cmp.Compare(x.conf, y.conf), -cmp.Compare(x.score, y.score))
	})
	for i := range found {
		p := c.party(&found[i])
		if found[i].conf >= level {
			res.Parties = append(res.Parties, p)
		} else if i == 0 {
			res.Best = &p
		}
	}
	if len(found) == 0 {
		res.Note = "no party has messages near the times of the list"
		return
	}
	if found[0].conf < 0.9 {
		res.Note, res.Needed = c.more(&found[0])
	}
}

// party tells the messages that a unit shares with the list.
func (c *channel) party(s *unitScore) ChannelParty {
	u := &c.units[s.unit]
	p := ChannelParty{Party: u.party, Service: u.service, Confidence: s.conf, Score: s.score}
	var delays []time.Duration
	for _, t := range s.taken {
		if t.ratio <= 1 {
			continue
		}
		m := &u.marks[t.mark]
		p.Matched++
		if m.dir == 1 {
			p.Sent++
		} else {
			p.Received++
		}
		p.Events = append(p.Events, m.id)
		delays = append(delays, m.at.Sub(c.list[t.msg].Time))
	}
	slices.Sort(p.Events)
	slices.Sort(delays)
	if len(delays) > 0 {
		p.Offset = delays[len(delays)/2]
	}
	return p
}

// more says what is missing until the best unit is likely, if the messages to
// come speak for it as those at hand do: the score that is likely by the law of
// what chance makes at worst, one nat for two.
func (c *channel) more(s *unitScore) (string, int) {
	n := len(c.list)
	each := s.score / float64(n)
	if each < 0.05 {
		return fmt.Sprintf("no party fits: the %d messages in the time of the capture match none better than chance does", n), 0
	}
	odds := math.Log(9) - math.Log(s.conf/(1-s.conf))
	need := max(1, int(math.Ceil(2*odds/each)))
	return fmt.Sprintf("not enough to tell: %d messages in the time of the capture; about %d more that fit as well would be needed", n, need), need
}
