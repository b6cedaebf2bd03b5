package evaluate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"envelope/analyze"
	"envelope/capture"
)

// Identify is how many messages it took until a contact was likely: the figure
// that says most to people who are no statisticians (Martiny et al., NDSS
// 2021).
//
// It is measured where the reports are of ever longer parts of one recording:
// the messages that a pair had written by the end of the first report from
// which on its contact stays likely. That is at most one step too many.
//
// Of one report it is estimated: the evidence that the contact names is taken
// to add the same logarithm of odds with each event, from one in all candidates
// before the first to the stated probability after the last; what is counted
// are the true messages of the pair up to the event that passes likely. Since
// nothing is ever stated to be certain, contacts with much evidence look as if
// each piece said less than it does: the estimate is an upper bound. On the
// labelled recordings it gave twice what was measured.
type Identify struct {
	How        string   `json:"how"` // measured, estimated
	Identified int      `json:"identified"`
	Never      int      `json:"never"` // pairs that talked and did not become likely
	Median     *float64 `json:"median"`
	P90        *float64 `json:"p90"`
}

// How a number of messages was found out.
const (
	measuredHow  = "measured"
	estimatedHow = "estimated"
)

func identifyOf(how string, counts []float64, never int) Identify {
	q := quantiles(counts)
	return Identify{how, q.Count, never, q.Median, q.P90}
}

// estimated works from the evidence that one report names.
func estimated(rep *analyze.Report, n *naming, k *talk) Identify {
	at := map[string]capture.Time{}
	for i := range rep.Events {
		at[rep.Events[i].ID] = capture.TimeOf(rep.Events[i].Time)
	}
	first := map[Pair]int{}
	for i := range rep.Contacts {
		c := &rep.Contacts[i]
		p, ok := pairOf(n.who(c.A), n.who(c.B))
		if messages := k.message[p]; ok && len(messages) > 0 && c.Confidence >= likely {
			m := messagesBy(messages, passing(c, at))
			if old, seen := first[p]; !seen || m < old {
				first[p] = m
			}
		}
	}
	var counts []float64
	for _, p := range sortedPairs(first) {
		counts = append(counts, float64(first[p]))
	}
	return identifyOf(estimatedHow, counts, len(k.message)-len(counts))
}

// messagesBy is how many of the times lie before the end, give or take the
// tolerance, and at least one.
func messagesBy(messages []capture.Time, end capture.Time) int {
	n := 0
	for _, t := range messages {
		if t <= end.Add(tolerance) {
			n++
		}
	}
	return max(1, n)
}

// passing is the time of the evidence that makes a contact likely.
func passing(c *analyze.Contact, at map[string]capture.Time) capture.Time {
	var times []capture.Time
	for _, id := range c.Evidence {
		if t, ok := at[id]; ok {
			times = append(times, t)
		}
	}
	if len(times) == 0 {
		return capture.TimeOf(c.Last)
	}
	slices.Sort(times)
	before, after := logit(1/float64(1+max(1, c.Candidates))), logit(c.Confidence)
	need := int(math.Ceil(float64(len(times)) * (logit(likely) - before) / (after - before)))
	return times[min(max(need, 1), len(times))-1]
}

// logit is the logarithm of the odds of p, which is kept away from 0 and 1.
func logit(p float64) float64 {
	const least = 1e-6
	p = min(max(p, least), 1-least)
	return math.Log(p / (1 - p))
}

// step is one of several reports.
type step struct {
	end  capture.Time // of its last event
	said map[Pair]float64
}

// measured compares reports of ever longer parts of one recording; nil where
// they are none.
func measured(reports []*analyze.Report, t *Truth, k *talk) *Identify {
	var steps []step
	for _, rep := range reports {
		steps = append(steps, step{lastEvent(rep), claimsOf(rep, nameParties(rep, t)).any})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.end, b.end) })
	if !growing(reports, steps) {
		return nil
	}
	var counts []float64
	never := 0
	for _, p := range sortedPairs(k.message) {
		if i := stays(steps, p); i < len(steps) {
			counts = append(counts, float64(messagesBy(k.message[p], steps[i].end)))
		} else {
			never++
		}
	}
	out := identifyOf(measuredHow, counts, never)
	return &out
}

// stays is the first step from which on the pair is likely.
func stays(steps []step, p Pair) int {
	i := len(steps)
	for i > 0 && steps[i-1].said[p] >= likely {
		i--
	}
	return i
}

// growing tells whether the reports begin together and end at different times.
func growing(reports []*analyze.Report, steps []step) bool {
	for i := 1; i < len(reports); i++ {
		if steps[i].end == steps[i-1].end || !firstOf(reports[i]).Equal(firstOf(reports[0])) {
			return false
		}
	}
	return len(reports) > 1
}

func lastEvent(rep *analyze.Report) capture.Time {
	var last capture.Time
	for i := range rep.Events {
		last = max(last, capture.TimeOf(rep.Events[i].Time))
	}
	return last
}

// firstOf is the time of the first packet of all inputs, zero without any.
func firstOf(rep *analyze.Report) time.Time {
	var first time.Time
	for _, in := range rep.Inputs {
		if in.First != nil && (first.IsZero() || in.First.Before(first)) {
			first = *in.First
		}
	}
	return first
}
