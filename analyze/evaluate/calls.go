package evaluate

import (
	"math"
	"slices"
	"time"

	"envelope/analyze"
	"envelope/capture"
)

// Tolerances of calls.
const (
	nearCall = 8 * time.Second // before dialling or after the answer
	nearEnd  = 3 * time.Second
)

// callFigures holds the calls of a report against the truth, each event used
// once.
func callFigures(rep *analyze.Report, t *Truth, n *naming) CallFigures {
	calls := callEvents(rep, n)
	var out CallFigures
	var setUp, answer, end []float64
	talked := map[Pair]bool{}
	used := map[*analyze.Event]bool{}
	for _, c := range t.Calls {
		pair, ok := pairOf(c.From, c.To)
		if !ok {
			continue
		}
		talked[pair] = true
		e := nearest(calls[pair], used, &c)
		if e != nil {
			used[e] = true
		}
		if out.take(&c, e) {
			setUp = append(setUp, apart(capture.TimeOf(e.Time), c.Dialled))
			answer = appendKnown(answer, answeredAt(e), c.Start)
			end = appendKnown(end, endOf(e), c.End)
		}
	}
	out.SetUp, out.Answer, out.End = quantiles(setUp), quantiles(answer), quantiles(end)
	out.others(calls, talked, used)
	return out
}

// callEvents are the calls of a report by the pair that they name; those that
// name nobody known stand under the zero pair.
func callEvents(rep *analyze.Report, n *naming) map[Pair][]*analyze.Event {
	out := map[Pair][]*analyze.Event{}
	for i := range rep.Events {
		e := &rep.Events[i]
		if e.Kind != "call" {
			continue
		}
		p, ok := pairOf(n.who(e.Party), n.peer(e))
		if !ok {
			p = Pair{}
		}
		out[p] = append(out[p], e)
	}
	return out
}

// nearest is the event that is nearest to a call's set-up in time, from dialling
// to the answer, nil where none is near.
func nearest(events []*analyze.Event, used map[*analyze.Event]bool, c *TrueCall) *analyze.Event {
	from, to := c.Dialled, max(c.Dialled, c.Start)
	if from == 0 {
		from = c.Start
	}
	var best *analyze.Event
	least := nearCall
	for _, e := range events {
		t := capture.TimeOf(e.Time)
		if d := max(0, from.Sub(t), t.Sub(to)); !used[e] && d < least {
			best, least = e, d
		}
	}
	return best
}

// take counts one call of the truth; it tells whether it is linked.
func (f *CallFigures) take(c *TrueCall, e *analyze.Event) bool {
	if !c.Answered {
		f.Unanswered++
		if e != nil && (e.Call == nil || e.Call.Answered == nil || !*e.Call.Answered) {
			f.Attempts++
		}
		return false
	}
	f.Answered++
	if e == nil {
		return false
	}
	f.Linked++
	if e.End != nil && c.End != 0 && capture.TimeOf(*e.End).Sub(c.End).Abs() < nearEnd {
		f.EndWithin++
	}
	path := "direct"
	if c.Relayed {
		path = "relayed"
	}
	if e.Call != nil && e.Call.Path == path {
		f.Path++
	}
	if e.Call != nil && e.Call.Media == c.Media {
		f.Media++
	}
	return true
}

// others counts what the report says beyond the truth.
func (f *CallFigures) others(calls map[Pair][]*analyze.Event, talked map[Pair]bool, used map[*analyze.Event]bool) {
	for p, events := range calls {
		if p != (Pair{}) && !talked[p] {
			f.WrongPairs++
		}
		for _, e := range events {
			if !used[e] {
				f.Extra++
			}
		}
	}
}

func answeredAt(e *analyze.Event) capture.Time {
	if e.Call == nil || e.Call.AnsweredAt == nil {
		return 0
	}
	t, err := time.Parse(time.RFC3339Nano, *e.Call.AnsweredAt)
	if err != nil {
		return 0
	}
	return capture.TimeOf(t)
}

func endOf(e *analyze.Event) capture.Time {
	if e.End == nil {
		return 0
	}
	return capture.TimeOf(*e.End)
}

func apart(a, b capture.Time) float64 { return a.Sub(b).Abs().Seconds() }

// appendKnown appends how far two times are apart where both are known.
func appendKnown(list []float64, a, b capture.Time) []float64 {
	if a == 0 || b == 0 {
		return list
	}
	return append(list, apart(a, b))
}

// quantiles gives the nearest-rank quantiles of a list, which it sorts.
func quantiles(list []float64) Quantiles {
	slices.Sort(list)
	at := func(q float64) *float64 {
		if len(list) == 0 {
			return nil
		}
		i := int(math.Ceil(q*float64(len(list)))) - 1
		return figure(list[max(0, i)], true)
	}
	return Quantiles{len(list), at(0.5), at(0.9), at(1)}
}
