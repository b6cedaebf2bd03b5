package analyze

import "slices"

// Agreement is what one observer found, held against another whose log names
// both ends: what it got right without being told.
type Agreement struct {
	Observer string `json:"observer"`
	Against  string `json:"against"`
	What     string `json:"what"`   // contacts, groups
	Right    int    `json:"right"`  // found by both
	Missed   int    `json:"missed"` // only the other has
	Wrong    int    `json:"wrong"`  // only this one has, among the parties that the other knows
}

// leastSaid is the probability from which a statement counts as said.
const leastSaid = 0.9

// agreements holds the observers that infer against those that read.
func (r *Report) agreements(alone []*Report) []Agreement {
	var out []Agreement
	place := r.places()
	for _, one := range alone {
		for _, other := range alone {
			if one == other || !other.names() || one.names() || len(one.Contacts)+len(one.Groups) == 0 {
				continue
			}
			known := map[string]bool{}
			theirs, all := other.pairs(place), other.circles(place)
			for k := range theirs {
				known[k[0]], known[k[1]] = true, true
			}
			for _, p := range slices.Concat(all...) {
				known[p] = true
			}
			mine := within(one.pairs(place), known)
			a := Agreement{Observer: one.observer(), Against: other.observer(), What: "contacts"}
			for k := range theirs {
				if mine[k] {
					a.Right++
				} else {
					a.Missed++
				}
			}
			a.Wrong = len(mine) - a.Right
			out = append(out, a, groupAgreement(a, one.circles(place), all))
		}
	}
	return out
}

func groupAgreement(a Agreement, mine, theirs [][]string) Agreement {
	a.What, a.Right = "groups", 0
	for _, g := range theirs {
		if slices.ContainsFunc(mine, func(m []string) bool { return slices.Equal(m, g) }) {
			a.Right++
		}
	}
	a.Missed, a.Wrong = len(theirs)-a.Right, len(mine)-a.Right
	return a
}

// names tells whether the contacts of a report were read from logs.
func (r *Report) names() bool {
	return slices.ContainsFunc(r.Contacts, func(c Contact) bool { return c.Grade == "seen" })
}

// places gives the party of each address and account.
func (r *Report) places() map[string]string {
	of := map[string]string{}
	for _, p := range r.Parties {
		for _, s := range slices.Concat(p.Accounts, p.Addresses) {
			of[s] = p.ID
		}
	}
	return of
}

// translate gives for each party of a report that of another report.
func (r *Report) translate(place map[string]string) map[string]string {
	out := map[string]string{}
	for _, p := range r.Parties {
		for _, s := range slices.Concat(p.Accounts, p.Addresses) {
			if id := place[s]; id != "" {
				out[p.ID] = id
				break
			}
		}
	}
	return out
}

// pairs are those who talked with each other, other than in a group only.
func (r *Report) pairs(place map[string]string) map[[2]string]bool {
	out, to := map[[2]string]bool{}, r.translate(place)
	for _, c := range r.Contacts {
		a, b := to[c.A], to[c.B]
		if c.Via != "group" && c.Confidence >= leastSaid && a != "" && b != "" && a != b {
			out[[2]string{min(a, b), max(a, b)}] = true
		}
	}
	return out
}

func within(pairs map[[2]string]bool, known map[string]bool) map[[2]string]bool {
	out := map[[2]string]bool{}
	for k := range pairs {
		if known[k[0]] && known[k[1]] {
			out[k] = true
		}
	}
	return out
}

// circles are the members of each group of three or more, in order.
func (r *Report) circles(place map[string]string) [][]string {
	var out [][]string
	to := r.translate(place)
	for _, g := range r.Groups {
		if g.Confidence < leastSaid || len(g.Members) < 3 {
			continue
		}
		var members []string
		for _, m := range g.Members {
			members = append(members, to[m])
		}
		slices.Sort(members)
		out = append(out, members)
	}
	return out
}
