package exposure

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// scope narrows a view to what a question is about; empty fields narrow
// nothing.
type scope struct {
	service string
	kinds   []string // of events
	roles   []string // of uses
	details []Detail // asked of accounts: any of them
}

// key makes scopes comparable.
func (s *scope) key(q Question) string {
	parts := []string{string(q), s.service, strings.Join(s.kinds, ","), strings.Join(s.roles, ",")}
	for _, d := range s.details {
		parts = append(parts, string(d))
	}
	return strings.Join(parts, "|")
}

// maxEvidence bounds the ids given with a fact or a claim.
const maxEvidence = 5

// likely is the probability from which a statement counts as shown: the grade
// "likely" of a report.
const likely = 0.9

// tally is what a view has to say to one question within a scope.
type tally struct {
	count    int     // statements
	seen     int     // of them read directly from a field
	likely   int     // of them with p >= 0.9
	sum      float64 // of their probabilities
	evidence []proof // the surest, at most maxEvidence
}

// proof is the id of an event, party or group, or A-B of a contact.
type proof struct {
	id string
	p  float64
}

// add counts one statement.
func (t *tally) add(id string, p float64, seen bool) {
	t.count++
	t.sum += p
	if seen {
		t.seen++
	}
	if p >= likely {
		t.likely++
	}
	t.keep(proof{id, p})
}

// keep holds the surest proofs, of equal ones the first, and none twice.
func (t *tally) keep(p proof) {
	if i := slices.IndexFunc(t.evidence, func(e proof) bool { return e.id == p.id }); i >= 0 {
		if t.evidence[i].p >= p.p {
			return
		}
		t.evidence = slices.Delete(t.evidence, i, i+1)
	}
	i, _ := slices.BinarySearchFunc(t.evidence, p, func(a, b proof) int {
		if a.p >= b.p {
			return -1
		}
		return 1
	})
	if i < maxEvidence {
		t.evidence = slices.Insert(t.evidence, i, p)
		t.evidence = t.evidence[:min(len(t.evidence), maxEvidence)]
	}
}

// mean is the mean probability of the statements, 0 without any.
func (t *tally) mean() float64 { return t.sum / max(1, float64(t.count)) }

// ids gives the evidence without the probabilities; never nil.
func (t *tally) ids() []string {
	out := make([]string, 0, len(t.evidence))
	for _, e := range t.evidence {
		out = append(out, e.id)
	}
	return out
}

// likelyIDs gives the evidence of p >= 0.9.
func (t *tally) likelyIDs() []string {
	ids := t.ids()
	if i := slices.IndexFunc(t.evidence, func(e proof) bool { return e.p < likely }); i >= 0 {
		return ids[:i]
	}
	return ids
}

// talk is the kinds of events in which a party talks to another.
var talk = []string{"message", "media", "call"}

// states is the kinds of events that tell what state a party is in: online,
// writing, has read.
var states = []string{"presence", "typing", "receipt", "login"}

// tally counts what the view says to a question within a scope.
func (v *View) tally(q Question, s scope) *tally {
	t := &tally{}
	switch q {
	case FactWho:
		v.who(t, s)
	case FactWhom:
		v.whom(t, s)
	case FactWhen:
		v.happenings(t, s, func(*Event) bool { return true }, func(*Use) bool { return true })
	case FactDuration:
		v.happenings(t, s, func(e *Event) bool { return e.Lasted }, func(u *Use) bool { return u.Lasted })
	case FactVolume:
		v.happenings(t, s, func(e *Event) bool { return e.Bytes > 0 }, func(u *Use) bool { return u.Bytes > 0 })
	case FactService:
		v.service(t, s)
	case FactGroup:
		v.groups(t, s)
	case FactPresence:
		v.presence(t, s)
	case FactAddress:
		v.known(t, s, func(p *Party) bool { return p.Addresses > 0 })
	case FactPeerAddress:
		for e := range v.events(s) {
			if e.PeerAddress {
				t.add(e.ID, e.Confidence, e.Seen)
			}
		}
	case FactDevice:
		v.known(t, s, func(p *Party) bool { return p.Device })
	case FactLocation:
		v.known(t, s, func(p *Party) bool { return p.Location })
	case FactAccount:
		v.known(t, s, func(p *Party) bool { return p.account(s.details) })
	case FactContacts:
		v.known(t, s, func(p *Party) bool { return p.Contacts > 0 })
	}
	return t // FactContent: no view holds contents
}

// events yields the events within a scope. Roles are those of uses: where they
// are asked for, there is no event.
func (v *View) events(s scope) iter.Seq[*Event] {
	return func(yield func(*Event) bool) {
		if len(s.roles) > 0 || v.Events == nil {
			return
		}
		for e := range v.Events {
			if (s.service == "" || e.Service == s.service) && (len(s.kinds) == 0 || slices.Contains(s.kinds, e.Kind)) && !yield(e) {
				return
			}
		}
	}
}

// uses yields the uses within a scope. A visit to a messenger's web site is no
// use of it. Where certain kinds of events are asked for a use is none, unless
// the inputs cannot show single events: then it stands in for what it may have
// carried.
func (v *View) uses(s scope) iter.Seq[*Use] {
	return func(yield func(*Use) bool) {
		roles := s.roles
		if len(s.kinds) > 0 {
			if roles = carriers(s.kinds); len(roles) == 0 || v.seesTalk() {
				return
			}
		}
		for i := range v.Uses {
			u := &v.Uses[i]
			if (s.service == "" || u.Service == s.service) && !u.visit() && u.serves(roles) && !yield(u) {
				return
			}
		}
	}
}

// carriers gives the roles of the flows that carry kinds of events; none where
// a flow says nothing of these.
func carriers(kinds []string) []string {
	var out []string
	for _, k := range kinds {
		switch k {
		case "message":
			out = append(out, "message")
		case "media", "call":
			out = append(out, k)
		}
	}
	return out
}

func (u *Use) visit() bool { return len(u.Roles) == 1 && u.Roles[0] == "web" }

func (u *Use) serves(roles []string) bool {
	return len(roles) == 0 || slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(u.Roles, r) })
}

// named is the ways of recognising a messenger that read a name or a signature,
// other than weighing addresses, ports and behaviour.
func (u *Use) named() bool {
	return slices.ContainsFunc(u.How, func(h string) bool {
		return !slices.Contains([]string{"address", "port", "behaviour", "ja4", "alpn"}, h)
	})
}

// active gives the parties that did something within a scope, and how sure the
// surest of it is.
func (v *View) active(s scope) map[string]float64 {
	out := map[string]float64{}
	for e := range v.events(s) {
		out[e.Party] = max(out[e.Party], e.Confidence)
	}
	for u := range v.uses(s) {
		out[u.Party] = max(out[u.Party], u.Confidence)
	}
	return out
}

// sure is the probability that what is known of a party holds.
func (p *Party) sure() float64 {
	if p.Confidence == 0 && p.Seen {
		return 1
	}
	return p.Confidence
}

// account tells whether an identifier or, where details are asked for, any of
// these is known.
func (p *Party) account(asked []Detail) bool {
	if len(asked) == 0 {
		return p.Accounts > 0
	}
	return slices.ContainsFunc(asked, func(d Detail) bool { return slices.Contains(p.Details, d) })
}

// who counts the parties that use a messenger.
func (v *View) who(t *tally, s scope) {
	active := v.active(s)
	for i := range v.Parties {
		if c, ok := active[v.Parties[i].ID]; ok {
			t.add(v.Parties[i].ID, c, v.Parties[i].Seen)
		}
	}
}

// known counts the parties of which something further is known.
func (v *View) known(t *tally, s scope, has func(*Party) bool) {
	var active map[string]float64 // once somebody has it
	for i := range v.Parties {
		p := &v.Parties[i]
		if !has(p) {
			continue
		}
		if active == nil {
			active = v.active(s)
		}
		if _, acts := active[p.ID]; acts || len(s.kinds) == 0 && s.service != "" && slices.Contains(p.Services, s.service) {
			t.add(p.ID, p.sure(), p.Seen)
		}
	}
}

// happenings counts events, or uses where no event is at hand: an observer of
// flows knows when and how much, without single events.
func (v *View) happenings(t *tally, s scope, event func(*Event) bool, use func(*Use) bool) {
	for e := range v.events(s) {
		if event(e) {
			t.add(e.ID, e.Confidence, e.Seen)
		}
	}
	if t.count > 0 {
		return
	}
	for u := range v.uses(s) {
		if use(u) {
			t.add(u.Party, u.Confidence, u.named())
		}
	}
}

// ends is the two ends of talk, in no direction.
type ends struct{ a, b string }

func between(a, b string) ends { return ends{min(a, b), max(a, b)} }

// whom counts the pairs that talked: the contacts, and where these do not hold
// the pair, the events whose other end, a party or a group, is known.
func (v *View) whom(t *tally, s scope) {
	if len(s.kinds) == 0 {
		s.kinds = talk
	}
	told := map[ends]bool{}
	if len(s.roles) == 0 {
		v.pairs(t, s, told)
	}
	best := map[ends]proof{}
	seen := map[ends]bool{}
	groups := v.groupOdds()
	var order []ends
	for e := range v.events(s) {
		other, p := e.other(groups)
		k := between(e.Party, other)
		if other == "" || other == e.Party || told[k] {
			continue
		}
		was, ok := best[k]
		if !ok {
			order = append(order, k)
		}
		if !ok || p > was.p {
			best[k] = proof{e.ID, p}
		}
		seen[k] = seen[k] || e.Seen
	}
	for _, k := range order {
		t.add(best[k].id, best[k].p, seen[k])
	}
}

// messages tells whether a scope asks for messages.
func (s *scope) messages() bool {
	return slices.Contains(s.kinds, "message") || slices.Contains(s.kinds, "media")
}

// pairs counts the contacts that show talk of their own, the surest first.
func (v *View) pairs(t *tally, s scope, told map[ends]bool) {
	var list []*Contact
	for i := range v.Contacts {
		c := &v.Contacts[i]
		if c.Via != "group" && (s.service == "" || c.Service == s.service) && s.wants(c) {
			list = append(list, c)
		}
	}
	slices.SortStableFunc(list, func(a, b *Contact) int { return cmp.Compare(b.Confidence, a.Confidence) })
	for _, c := range list {
		if k := between(c.A, c.B); !told[k] {
			told[k] = true
			t.add(c.ref(), c.Confidence, c.Seen)
		}
	}
}

// wants tells whether a contact shows one of the kinds asked for.
func (s *scope) wants(c *Contact) bool {
	return s.messages() && c.Messages > 0 || c.Calls > 0 && slices.Contains(s.kinds, "call")
}

// other is the far end of an event with how sure that is: a party, an address
// or one of the groups; "" where none is known.
func (e *Event) other(groups map[string]float64) (id string, p float64) {
	switch {
	case e.Peer != "" && e.PeerConfidence == 0:
		return e.Peer, e.Confidence
	case e.Peer != "":
		return e.Peer, e.Confidence * e.PeerConfidence
	}
	if p, ok := groups[e.Group]; ok {
		return e.Group, min(e.Confidence, p)
	}
	return e.Group, e.Confidence
}

// groupOdds gives the confidence of each group.
func (v *View) groupOdds() map[string]float64 {
	out := map[string]float64{}
	for i := range v.Groups {
		out[v.Groups[i].ID] = v.Groups[i].Confidence
	}
	return out
}

// service counts the parties whose messenger is known.
func (v *View) service(t *tally, s scope) {
	told := map[[2]string]bool{}
	for u := range v.uses(s) {
		told[[2]string{u.Party, u.Service}] = true
		t.add(u.Party, u.Confidence, u.named())
	}
	for e := range v.events(s) {
		if k := [2]string{e.Party, e.Service}; !told[k] && e.Service != "" {
			told[k] = true
			t.add(e.ID, e.Confidence, e.Seen)
		}
	}
}

// groups counts the groups. Those found by messages are no groups of calls.
func (v *View) groups(t *tally, s scope) {
	if len(s.kinds) > 0 && !s.messages() {
		return
	}
	for i := range v.Groups {
		if g := &v.Groups[i]; s.service == "" || g.Service == s.service {
			t.add(g.ID, g.Confidence, g.Seen)
		}
	}
}

// presence counts the events that tell a party's state.
func (v *View) presence(t *tally, s scope) {
	for e := range v.events(s) {
		if slices.Contains(states, e.Kind) {
			t.add(e.ID, e.Confidence, e.Seen)
		}
	}
}
