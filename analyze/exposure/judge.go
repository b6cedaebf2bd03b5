package exposure

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"envelope/capture"
)

// Outcome is what became of a claim.
type Outcome string

// The outcomes of a report.
const (
	Reproduced    Outcome = "reproduced"     // the data show all facts of the claim at p >= 0.9
	Partly        Outcome = "partly"         // some of them, or less surely; of a limit, that it holds as far as was seen
	NotReproduced Outcome = "not_reproduced" // the data could have shown them and do not
	NotTestable   Outcome = "not_testable"   // other data are needed
	Contradicted  Outcome = "contradicted"   // the data show what the claim denies
)

// Verdict is one claim held against the data.
type Verdict struct {
	ID       string
	State    Outcome
	Evidence []string // ids of events, parties or groups, and A-B of contacts; at most 5, never nil
	Why      string   // one sentence
}

// Judge holds each claim against what observers could tell: all together, and
// each alone. The verdicts are in the order of the ledger.
//
// The rule is the same for all claims: of the facts that a claim names, which
// does a view show, within the claim's messenger and kinds of events, with a
// statement of p >= 0.9? See Rule for what follows.
func Judge(ledger Ledger, all View, single []View) []Verdict {
	j := &judge{all: newBench(&all)}
	for i := range single {
		j.single = append(j.single, newBench(&single[i]))
	}
	if len(single) == 0 {
		j.single = []*bench{j.all}
	}
	out := make([]Verdict, len(ledger))
	for i := range ledger {
		out[i] = j.verdict(&ledger[i])
	}
	return out
}

type judge struct {
	all    *bench
	single []*bench
}

// bench is a view with what was counted in it so far, as many claims ask the
// same.
type bench struct {
	*View
	counted map[string]*tally
	held    map[string]bool // messengers of which there are data
}

func newBench(v *View) *bench {
	b := &bench{View: v, counted: map[string]*tally{}, held: map[string]bool{}}
	for e := range v.events(scope{}) {
		b.held[e.Service] = true
	}
	for i := range v.Uses {
		if !v.Uses[i].visit() {
			b.held[v.Uses[i].Service] = true
		}
	}
	for i := range v.Parties {
		for _, s := range v.Parties[i].Services {
			b.held[s] = b.held[s] || v.Parties[i].Accounts > 0
		}
	}
	return b
}

// holds tells whether there are data on a messenger, or on any for "".
func (b *bench) holds(service string) bool {
	if service == "" {
		return len(b.held) > 0
	}
	return b.held[service]
}

// serves tells whether flows of the roles asked for are at hand, if any are.
func (b *bench) serves(s scope) bool {
	if len(s.roles) == 0 {
		return true
	}
	for range b.uses(s) {
		return true
	}
	return false
}

func (b *bench) ask(q Question, s scope) *tally {
	k := s.key(q)
	t := b.counted[k]
	if t == nil {
		t = b.tally(q, s)
		b.counted[k] = t
	}
	return t
}

// finding is what one view says to a claim.
type finding struct {
	*bench
	shown   []Question
	weak    []Question // below p 0.9 only
	missing []Question // could be shown, and did not happen
	lacking []Question // could be in such inputs, and is not in these
	hidden  []Question // not visible from such inputs
	tallies map[Question]*tally
}

// records is what an input holds or does not, whatever happened: a table of
// places, names of devices, an account's record, an address book. Its absence
// says nothing.
var records = []Question{FactDevice, FactLocation, FactAccount, FactContacts}

// verdict applies the rule of one claim.
func (j *judge) verdict(c *Claim) Verdict {
	v := Verdict{ID: c.ID, State: NotTestable, Evidence: []string{}}
	if c.Test.Rule == RuleNone {
		v.Why = "No data that could be given here decide it: " + c.Test.Needs + "."
		return v
	}
	views := j.views(c)
	if len(views) == 0 {
		v.Why = j.absent(c)
		return v
	}
	f := best(views, c)
	if c.Test.Rule == RuleHides {
		j.hides(&v, c, f)
	} else {
		f.shows(&v, c)
	}
	return v
}

// views gives those whose inputs could decide a claim and that hold data on its
// messenger; all together too, where each of them may count.
func (j *judge) views(c *Claim) []*bench {
	var out []*bench
	every := true
	for _, b := range j.single {
		switch {
		case !c.Test.admits(b.View):
			every = false
		case b.holds(c.Service) && b.serves(c.scope()):
			out = append(out, b)
		}
	}
	if every && len(out) > 1 {
		out = append(out, j.all)
	}
	return out
}

// admits tells whether a view's inputs are of those that could decide a claim.
func (t *Test) admits(v *View) bool {
	other := func(in Input) bool {
		return t.Grain != "" && in.Grain != t.Grain || len(t.Formats) > 0 && !slices.Contains(t.Formats, in.Format)
	}
	if slices.ContainsFunc(v.Inputs, other) {
		return false
	}
	return len(t.By) == 0 || slices.ContainsFunc(v.Inputs, func(in Input) bool { return slices.Contains(t.By, in.Observer) })
}

// absent says that the data which a claim needs were not given.
func (j *judge) absent(c *Claim) string {
	given := "no data on " + c.subject() + " were given"
	if j.all.holds(c.Service) {
		given = "the data on " + c.subject() + " that were given are of another kind"
	}
	return fmt.Sprintf("It needs %s; %s.", c.Test.Needs, given)
}

func (c *Claim) subject() string {
	if c.Service == "" {
		return "messengers"
	}
	return c.Service
}

// best is the view that shows the most facts of a claim, of equal ones the
// first.
func best(views []*bench, c *Claim) *finding {
	var out *finding
	for _, b := range views {
		f := b.find(c)
		if out == nil || len(f.shown) > len(out.shown) || len(f.shown) == len(out.shown) && len(f.weak) > len(out.weak) {
			out = f
		}
	}
	return out
}

// find sorts the facts of a claim by how far a view shows them.
func (b *bench) find(c *Claim) *finding {
	f := &finding{bench: b, tallies: map[Question]*tally{}}
	s := c.scope()
	for _, q := range c.Facts {
		t := b.ask(q, s)
		f.tallies[q] = t
		switch {
		case t.likely > 0:
			f.shown = append(f.shown, q)
		case t.count > 0:
			f.weak = append(f.weak, q)
		case !b.able(q, s):
			f.hidden = append(f.hidden, q)
		case slices.Contains(records, q):
			f.lacking = append(f.lacking, q)
		default:
			f.missing = append(f.missing, q)
		}
	}
	return f
}

// shows concludes on a claim that something can be known.
func (f *finding) shows(v *Verdict, c *Claim) {
	v.Evidence = f.evidence(c)
	v.Why = f.sentence()
	switch {
	case len(f.shown) == len(c.Facts):
		v.State = Reproduced
	case len(f.shown)+len(f.weak) > 0:
		v.State = Partly
	case len(f.missing) > 0:
		v.State = NotReproduced
	default:
		v.Why += " It needs " + c.Test.Needs + "."
	}
}

// hides concludes on a claim that something cannot be known. That nothing was
// found is no proof of it, and says something only where others saw that there
// was something to find.
func (j *judge) hides(v *Verdict, c *Claim, f *finding) {
	v.Evidence = f.evidence(c)
	v.Why = f.sentence()
	switch {
	case len(f.shown) == len(c.Facts):
		v.State = Contradicted
	case len(f.shown)+len(f.weak) > 0:
		v.State = Partly
		v.Why += " The claim holds for the rest as far as these data go."
	case len(j.all.find(c).shown) > 0:
		v.State = Partly
		v.Why += " Others saw it, so that the claim holds as far as these data go."
	default:
		v.Why += " Nothing happened that could have been hidden; it needs " + c.Test.Needs + "."
	}
}

// evidence is that of the most telling fact: with whom, then in which group,
// then whatever the claim names first.
func (f *finding) evidence(c *Claim) []string {
	for _, q := range slices.Concat([]Question{FactWhom, FactGroup}, c.Facts) {
		t := f.tallies[q]
		if t == nil || t.count == 0 {
			continue
		}
		if ids := t.likelyIDs(); len(ids) > 0 {
			return ids
		}
	}
	for _, q := range f.weak {
		return f.tallies[q].ids()
	}
	return []string{}
}

// sentence says with figures how far each fact is shown.
func (f *finding) sentence() string {
	parts := make([]string, 0, 4)
	if len(f.shown) > 0 {
		parts = append(parts, "show "+f.figures(f.shown, func(t *tally) int { return t.likely })+" at p >= 0.9")
	}
	if len(f.weak) > 0 {
		parts = append(parts, "show "+f.figures(f.weak, func(t *tally) int { return t.count })+" only at p < 0.9")
	}
	if len(f.missing) > 0 {
		parts = append(parts, "could show "+words(f.missing)+" but hold nothing of the kind")
	}
	if len(f.lacking) > 0 {
		parts = append(parts, "were given without "+words(f.lacking))
	}
	if len(f.hidden) > 0 {
		parts = append(parts, "cannot show "+words(f.hidden))
	}
	return "The data of " + f.whose() + " " + strings.Join(parts, "; they ") + "."
}

// whose names the observer of a view.
func (f *finding) whose() string {
	if f.Observer != "" {
		return "the " + string(f.Observer)
	}
	var list []string
	for _, o := range capture.Observers {
		if slices.ContainsFunc(f.Inputs, func(in Input) bool { return in.Observer == o }) {
			list = append(list, string(o))
		}
	}
	return "the " + join(list)
}

// units are what the statements of each question are counted in.
var units = map[Question]string{
	FactWho: "party,parties", FactWhom: "pair,pairs", FactWhen: "moment,moments", FactDuration: "duration,durations",
	FactVolume: "size,sizes", FactService: "party,parties", FactDevice: "party,parties", FactLocation: "party,parties",
	FactGroup: "group,groups", FactPresence: "sign,signs", FactAddress: "address,addresses", FactAccount: "account,accounts",
	FactContacts: "address book,address books", FactPeerAddress: "call,calls",
}

func (f *finding) figures(list []Question, of func(*tally) int) string {
	var parts []string
	for _, q := range list {
		n := of(f.tallies[q])
		one, many, _ := strings.Cut(units[q], ",")
		if n != 1 {
			one = many
		}
		parts = append(parts, words([]Question{q})+" ("+strconv.Itoa(n)+" "+one+")")
	}
	return join(parts)
}

// words are questions in prose.
func words(list []Question) string {
	out := make([]string, len(list))
	for i, q := range list {
		out[i] = string(q)
		switch q {
		case FactContacts:
			out[i] = "address book"
		case FactPeerAddress:
			out[i] = "address of the other end"
		}
	}
	return join(out)
}

// join is "a, b and c".
func join(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}
