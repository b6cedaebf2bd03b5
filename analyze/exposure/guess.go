package exposure

import (
	"math"
	"slices"

	"envelope/capture"
)

// Guess is how well an observer can guess the peers that it has not read.
type Guess struct {
	Observer capture.Observer
	Events   int // messages, media and calls whose peer is in doubt
	Read     int // those whose peer or group is in no doubt
	Outside  int // those of which only is known that the other end is not in view: no guess
	// Candidates is the effective number of candidates, 2^H of the guess in bits
	// (Serjantov and Danezis, PET 2002), averaged over Events; 0 without any.
	Candidates float64
	// Best is the probability of the best candidate (min-entropy's), averaged
	// over Events; 0 without any.
	Best float64
}

// Whom measures the guess for the other end of talk in a view.
//
// The candidates of an event are the other parties of its messenger in view,
// and everyone outside together as one more: the effective number is a lower
// bound where the peer may be outside. What the known odds leave over is spread
// evenly over the other candidates, as nothing tells them apart.
func Whom(v View) Guess {
	g := Guess{Observer: v.Observer}
	users := v.users()
	for e := range v.events(scope{kinds: talk}) {
		odds := e.odds()
		if odds == nil {
			g.Read++
			continue
		}
		others := users[e.Service] // the party itself left out, all outside added
		if len(odds) == 0 && others < 2 {
			g.Outside++
			continue
		}
		candidates, best := effective(odds, others-len(odds))
		g.Events++
		g.Candidates += candidates
		g.Best += best
	}
	if g.Events > 0 {
		g.Candidates /= float64(g.Events)
		g.Best /= float64(g.Events)
	}
	return g
}

// users counts the parties of each messenger in view.
func (v *View) users() map[string]int {
	told, out := map[[2]string]bool{}, map[string]int{}
	note := func(service, party string) {
		if k := [2]string{service, party}; !told[k] {
			told[k] = true
			out[service]++
		}
	}
	for u := range v.uses(scope{}) {
		note(u.Service, u.Party)
	}
	for e := range v.events(scope{}) {
		note(e.Service, e.Party)
	}
	return out
}

// odds are the probabilities of an event's candidates: nil where its peer or
// group is in no doubt, empty where nothing is known.
func (e *Event) odds() []float64 {
	switch {
	case len(e.Odds) > 0:
		return e.Odds
	case e.Peer != "" && e.PeerConfidence > 0 && e.PeerConfidence < 1:
		return []float64{e.PeerConfidence}
	case e.Peer != "" || e.Group != "":
		return nil
	}
	return []float64{}
}

// effective gives 2^H and the greatest probability of odds, whose remainder is
// spread over further candidates, at least one. Odds that sum to more than 1
// are scaled down; what is no probability counts as 0.
func effective(odds []float64, further int) (candidates, best float64) {
	further = max(further, 1)
	sum := 0.0
	odds = slices.Clone(odds)
	for i, p := range odds {
		if !(p > 0) || math.IsInf(p, 1) {
			odds[i] = 0
		}
		sum += odds[i]
	}
	scale := 1.0
	if sum > 1 {
		scale = 1 / sum
	}
	h := 0.0
	for _, p := range odds {
		h -= xlog2(p * scale)
		best = max(best, p*scale)
	}
	share := max(0, 1-sum) / float64(further)
	return math.Exp2(h - float64(further)*xlog2(share)), max(best, share)
}

// xlog2 is x log2 x, by continuity 0 at 0.
func xlog2(x float64) float64 {
	if x <= 0 {
		return 0
	}
	return x * math.Log2(x)
}
