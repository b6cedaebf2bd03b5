package exposure

import "envelope/capture"

// Gain is one kind of finding, counted for each observer alone and for all of
// them together.
type Gain struct {
	What     string // the kind of finding, in the plural
	Alone    []Count
	Together int
	New      int // what all together found beyond the best of them alone, at least 0
}

// Count is how much one observer found.
type Count struct {
	Observer capture.Observer
	N        int
}

// measures is what Together counts.
var measures = []struct {
	what  string
	count func(*View, map[string]bool) int
}{
	{"parties", func(v *View, _ map[string]bool) int { return v.tally(FactWho, scope{}).count }},
	{"parties with a name", func(_ *View, named map[string]bool) int { return len(named) }},
	{"events", func(v *View, _ map[string]bool) int { return v.countEvents(func(*Event) bool { return true }) }},
	{"events of a named party", func(v *View, named map[string]bool) int {
		return v.countEvents(func(e *Event) bool { return named[e.Party] })
	}},
	{"events with a known peer", func(v *View, _ map[string]bool) int {
		groups := v.groupOdds()
		return v.countEvents(func(e *Event) bool { other, p := e.other(groups); return other != "" && p >= likely })
	}},
	{"contacts", func(v *View, _ map[string]bool) int { return countOf(v.Contacts, (*Contact).holds) }},
	{"contacts of two named parties", func(v *View, named map[string]bool) int {
		return countOf(v.Contacts, func(c *Contact) bool { return c.holds() && named[c.A] && named[c.B] })
	}},
	{"groups", func(v *View, _ map[string]bool) int {
		return countOf(v.Groups, func(g *Group) bool { return g.Confidence >= likely })
	}},
	{"parties with a place", func(v *View, _ map[string]bool) int { return v.tally(FactLocation, scope{}).count }},
}

// holds tells whether a contact that talked is likely enough to be counted.
func (c *Contact) holds() bool { return c.Via != "group" && c.Confidence >= likely }

func countOf[T any](list []T, want func(*T) bool) int {
	n := 0
	for i := range list {
		if want(&list[i]) {
			n++
		}
	}
	return n
}

func (v *View) countEvents(want func(*Event) bool) int {
	n := 0
	for e := range v.events(scope{}) {
		if want(e) {
			n++
		}
	}
	return n
}

// Together compares what observers found alone with what all of their inputs
// give together, by count. The views are in the order of their observers.
func Together(single []View, all View) []Gain {
	out := make([]Gain, len(measures))
	named := all.named()
	for i, m := range measures {
		out[i] = Gain{What: m.what, Alone: []Count{}, Together: m.count(&all, named)}
	}
	for i := range single {
		v := &single[i]
		named := v.named()
		for j, m := range measures {
			out[j].Alone = append(out[j].Alone, Count{v.Observer, m.count(v, named)})
		}
	}
	for i := range out {
		best := 0
		for _, c := range out[i].Alone {
			best = max(best, c.N)
		}
		out[i].New = max(0, out[i].Together-best)
	}
	return out
}

// named gives the parties that have a name or account and use a messenger.
func (v *View) named() map[string]bool {
	active, out := v.active(scope{}), map[string]bool{}
	for i := range v.Parties {
		if _, ok := active[v.Parties[i].ID]; ok && v.Parties[i].Named {
			out[v.Parties[i].ID] = true
		}
	}
	return out
}
