package evaluate

import (
	"cmp"
	"slices"

	"envelope/analyze"
)

// Thresholds at which figures are given. likely is that of analyze.Grade.
const (
	likely   = 0.9
	possible = 0.5
)

// thresholds are the probabilities at which contacts are counted.
func thresholds() []float64 { return []float64{possible, 0.6, 0.7, 0.8, likely, 0.95, 0.99, 0.999} }

// falseRates are the false-positive rates on which the literature compares
// attacks (Bahramali et al., NDSS 2020; Nasr et al., CCS 2018).
func falseRates() []float64 { return []float64{1e-2, 1e-3, 1e-4} }

// ranks are the k of the hit-rate, after Ilyas et al., ICNP 2013.
func ranks() []int { return []int{1, 3, 5, 10} }

// often is how many messages make a pair that must be found.
const often = 5

// messageSteps are the numbers of messages by which recall is given.
func messageSteps() []int { return []int{1, 2, often, 10, 20} }

// claims is what a report says of pairs: the highest probability of each.
type claims struct {
	any, direct map[Pair]float64
	messages    map[Pair]int // most that one statement gives the pair
}

// claimsOf reads contacts, and groups as contacts of all their members.
func claimsOf(rep *analyze.Report, n *naming) *claims {
	c := &claims{any: map[Pair]float64{}, direct: map[Pair]float64{}, messages: map[Pair]int{}}
	for _, x := range rep.Contacts {
		p, ok := pairOf(n.who(x.A), n.who(x.B))
		if !ok {
			continue
		}
		c.say(p, x.Confidence, x.Messages+x.Media)
		if x.Via != "group" {
			c.direct[p] = max(c.direct[p], x.Confidence)
		}
	}
	for _, g := range rep.Groups {
		members := n.members(&g)
		for i, a := range members {
			for _, b := range members[i+1:] {
				c.say(PairOf(a, b), g.Confidence, g.Messages)
			}
		}
	}
	return c
}

func (c *claims) say(p Pair, confidence float64, messages int) {
	c.any[p] = max(c.any[p], confidence)
	c.messages[p] = max(c.messages[p], messages)
}

// members are the people of a group, in order and each once.
func (n *naming) members(g *analyze.Group) []int32 {
	var out []int32
	for _, id := range g.Members {
		if who := n.who(id); who != Outside {
			out = append(out, who)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// contactFigures holds what was said of pairs against the truth. excused pairs
// are left out of everything.
func contactFigures(said map[Pair]float64, truth map[Pair]int, excused map[Pair]bool, total int, c *claims, n *naming) Contacts {
	said = without(said, excused)
	r := Pairs(said, truth, total-len(excused))
	out := Contacts{Scores: scoresOf(r.At(likely)), Ranking: rankingFigures(r, said, truth, nil)}
	for _, t := range thresholds() {
		out.Thresholds = append(out.Thresholds, AtThreshold{t, scoresOf(r.At(t))})
	}
	for _, m := range messageSteps() {
		out.ByMessages = append(out.ByMessages, atLeast(m, said, truth, c))
	}
	out.Often = atLeast(often, said, truth, c).Recall
	seen := Counts{}
	for p := range truth {
		switch {
		case !n.seen[p.A] || !n.seen[p.B]:
		case said[p] >= likely:
			seen.Right++
		default:
			seen.Missed++
		}
	}
	out.Seen = figure(seen.Recall())
	return out
}

func without(said map[Pair]float64, excused map[Pair]bool) map[Pair]float64 {
	out := make(map[Pair]float64, len(said))
	for p, s := range said {
		if !excused[p] {
			out[p] = s
		}
	}
	return out
}

// atLeast gives recall and precision of pairs with at least so many messages.
func atLeast(messages int, said map[Pair]float64, truth map[Pair]int, c *claims) AtLeast {
	recall, precision := Counts{}, Counts{}
	for p, n := range truth {
		switch {
		case n < messages:
		case said[p] >= likely:
			recall.Right++
		default:
			recall.Missed++
		}
	}
	for p, s := range said {
		if s < likely || c.messages[p] < messages {
			continue
		}
		if truth[p] > 0 {
			precision.Right++
		} else {
			precision.Wrong++
		}
	}
	return AtLeast{messages, recall.Right + recall.Missed, figure(recall.Recall()), precision.Right + precision.Wrong, figure(precision.Precision())}
}

// rankingFigures are the figures that need no threshold; who are the people of
// the hit-rate, nil for all.
func rankingFigures(r *Ranking, scores map[Pair]float64, truth map[Pair]int, who []int32) RankingFigures {
	out := RankingFigures{Right: r.right, Wrong: r.wrong, AUC: figure(r.AUC()), Average: figure(r.AveragePrecision())}
	best, at, ok := r.BestF1()
	out.BestF1, out.Best = figure(best, ok), figure(at, ok)
	for _, f := range falseRates() {
		out.TPR = append(out.TPR, TPRAtFPR{f, figure(r.TPRAt(f))})
	}
	hits := HitRate(scores, truth, who, ranks()...)
	for i, k := range ranks() {
		h := HitAtK{K: k}
		if hits != nil {
			h.Rate = figure(hits[i], true)
		}
		out.Hits = append(out.Hits, h)
	}
	return out
}

// statements are the pairs of a report with their probabilities, in order.
func statements(said map[Pair]float64, truth map[Pair]int) []Stated {
	var out []Stated
	for _, p := range sortedPairs(said) {
		out = append(out, Stated{said[p], truth[p] > 0})
	}
	return out
}

// brierOfAll is the Brier score when each of total pairs has a probability, 0
// where nothing was said.
func brierOfAll(stated []Stated, truth map[Pair]int, total int) *float64 {
	sum, right := 0.0, 0
	for _, s := range stated {
		d := s.Probability - truthValue(s.Right)
		sum += d * d
		if s.Right {
			right++
		}
	}
	sum += float64(len(truth) - right)
	return figure(sum/float64(max(1, total)), total > 0)
}

// expectedFalse compares the announced with the real number of wrong contacts
// among those of at least each threshold.
func expectedFalse(rep *analyze.Report, n *naming, k *talk) []Expected {
	contacts := slices.Clone(rep.Contacts)
	slices.SortStableFunc(contacts, func(a, b analyze.Contact) int { return cmp.Compare(b.Confidence, a.Confidence) })
	var out []Expected
	for _, threshold := range []float64{0.99, likely, possible} {
		x := Expected{Threshold: threshold}
		for _, c := range contacts {
			if c.Confidence < threshold {
				break
			}
			wrong, counts := k.wrong(&c, n)
			if !counts {
				continue
			}
			x.Contacts++
			x.Announced = max(x.Announced, c.ExpectedFalse)
			x.Doubt += 1 - c.Confidence
			if wrong {
				x.Wrong++
			}
		}
		x.Announced, x.Doubt = rounded(x.Announced), rounded(x.Doubt)
		out = append(out, x)
	}
	return out
}

// wrong tells whether the two of a contact did not talk in the way that is
// stated; counts is false where the truth does not know one of them or only
// that one tried to call the other.
func (k *talk) wrong(c *analyze.Contact, n *naming) (wrong, counts bool) {
	p, ok := pairOf(n.who(c.A), n.who(c.B))
	if !ok {
		return false, false
	}
	truth := k.direct
	if c.Via == "group" {
		truth = k.any
	}
	if truth[p] == 0 && k.rang[p] {
		return false, false
	}
	return truth[p] == 0, true
}
