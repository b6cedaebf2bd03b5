package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"envelope/analyze"
)

// maxNamed is how many parties, services or contacts the first sentences name
// before they count them.
const maxNamed = 3

// summary writes what happened and how sure that is in a few sentences.
func (p *printer) summary() {
	var text []string
	u := p.uses()
	switch {
	case len(p.r.Inputs) == 0:
		text = []string{"No input was read."}
	case !slices.ContainsFunc(p.r.Inputs, func(in analyze.Input) bool { return in.Format != "" }):
		text = []string{"The " + plurals(len(p.r.Inputs), "input") + " could not be read."}
	case p.read() == 0:
		text = []string{"The " + plurals(len(p.r.Inputs), "input") + " held nothing to read: no packet and no record."}
	case len(u.apps)+len(p.view.events)+len(p.view.contacts)+len(p.view.groups) > 0:
		text = p.happened(u.apps)
	case len(u.visits) > 0:
		text = []string{p.sentence(u.visits, nil, "visited web pages of"), nothingMore}
	case len(u.pushes) > 0:
		text = []string{p.sentence(u.pushes, nil, "kept a channel open for notices of"), nothingMore}
	case len(u.hints) > 0:
		text = []string{p.hinted(u.hints), nothingMore}
	case p.view.below > 0:
		text = p.onlyBelow()
	default:
		text = []string{fmt.Sprintf("No known messenger was recognised in %s%s.", p.amount(), p.when())}
	}
	p.paragraph(strings.Join(nonEmpty(text...), " "), "")
	if p.view.below > 0 && len(p.view.events)+len(p.view.services) > 0 {
		p.paragraph(fmt.Sprintf("%s below probability %s not listed.",
			plural(p.view.below, "statement"), probability(p.o.Min)+are(p.view.below)), "")
	}
}

func are(n int) string {
	if n == 1 {
		return " is"
	}
	return " are"
}

// read is the number of packets and records that were read.
func (p *printer) read() int64 {
	var n int64
	for _, in := range p.r.Inputs {
		n += in.Packets + in.Records
	}
	return n
}

func (p *printer) amount() string {
	of := ""
	if p.o.Selection != "" {
		of = "what was selected (" + p.o.Selection + ") of "
	}
	read := map[string]int64{}
	var records int64
	for _, in := range p.r.Inputs {
		read[unitOf(&in)] += in.Packets
		records += in.Records
	}
	var parts []string
	for _, unit := range []string{"packet", "line"} {
		if read[unit] > 0 {
			parts = append(parts, plural(int(read[unit]), unit))
		}
	}
	if len(parts) == 0 {
		return of + plural(int(records), "record")
	}
	return of + list(parts)
}

// unitOf is what the numbers of an input's evidence count.
func unitOf(in *analyze.Input) string {
	if in.Grain == "flow" || in.Grain == "entry" {
		return "line"
	}
	return "packet"
}

// evidenceTitle heads the column of evidence, by what its numbers count.
func (p *printer) evidenceTitle() string {
	units := map[string]bool{}
	for i := range p.r.Inputs {
		units[unitOf(&p.r.Inputs[i])+"s"] = true
	}
	switch {
	case units["packets"] && units["lines"]:
		return "packets, lines"
	case units["lines"]:
		return "lines"
	}
	return "packets"
}

// uses is the uses of services by what they amount to.
type uses struct {
	apps   []*analyze.ServiceUse // a messenger was used
	visits []*analyze.ServiceUse // only web pages of its company were visited
	pushes []*analyze.ServiceUse // only the channel for notices was open
	hints  []*analyze.ServiceUse // only addresses and ports speak for it
}

func (p *printer) uses() uses {
	var u uses
	for i := range p.view.services {
		s := &p.view.services[i]
		switch {
		case addressOnly(s):
			u.hints = append(u.hints, s)
		case webOnly(s):
			u.visits = append(u.visits, s)
		case pushOnly(s):
			u.pushes = append(u.pushes, s)
		default:
			u.apps = append(u.apps, s)
		}
	}
	return u
}

// nothingMore closes the cases without events.
const nothingMore = "No message and no call was recognised."

// happened tells what was found: who used what when, the messages, the calls,
// and who talked with whom.
func (p *printer) happened(apps []*analyze.ServiceUse) []string {
	used := p.sentence(apps, p.view.events, "used")
	if pairs := p.pairSentences(); len(pairs) > 0 {
		return append(append([]string{used}, pairs...), p.callSentence(), p.groupSentence(), p.unmatched())
	}
	return []string{used, p.messages(), p.callSentence(), p.groupSentence()}
}

// sentence is "Three parties used WhatsApp (seen 1.00) between 14:02 and 14:40 UTC."
func (p *printer) sentence(uses []*analyze.ServiceUse, events []analyze.Event, did string) string {
	what := p.bestOf(uses)
	if len(what) == 0 {
		what = []string{"a messenger"}
	}
	return fmt.Sprintf("%s %s %s%s.", p.subject(partiesOf(uses, events)), did, list(what), p.when())
}

func partiesOf(uses []*analyze.ServiceUse, events []analyze.Event) []string {
	ids := map[string]bool{}
	for _, s := range uses {
		ids[s.Party] = true
	}
	for i := range events {
		ids[events[i].Party] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// subject is the label of one party, or the number of several.
func (p *printer) subject(ids []string) string {
	if len(ids) == 1 {
		return p.who(ids[0])
	}
	return number(len(ids)) + " parties"
}

// bestOf names each service with the best grade that any party's use of it has.
func (p *printer) bestOf(uses []*analyze.ServiceUse) []string {
	best, order := map[string]*analyze.ServiceUse{}, []string{}
	for _, s := range uses {
		b, ok := best[s.Service]
		if !ok {
			order = append(order, s.Service)
		}
		if !ok || s.Confidence > b.Confidence {
			best[s.Service] = s
		}
	}
	var out []string
	for i, id := range order {
		if i == maxNamed && len(order) > maxNamed+1 {
			return append(out, plural(len(order)-i, "other messenger"))
		}
		s := best[id]
		out = append(out, fmt.Sprintf("%s (%s)", p.service(id), sure(serviceGrade(s), s.Confidence)))
	}
	return out
}

// when is " between 14:02 and 14:40 UTC on 2023-03-05". It is the one place
// that names the zone of all times.
func (p *printer) when() string {
	if p.view.first.IsZero() {
		return ""
	}
	a, b := p.view.first.In(p.o.Zone), p.view.last.In(p.o.Zone)
	if !sameDay(a, b, p.o.Zone) {
		return fmt.Sprintf(" between %s and %s %s", a.Format("2006-01-02 15:04"), b.Format("2006-01-02 15:04"), p.zone())
	}
	format := "15:04"
	if a.Format(format) == b.Format(format) {
		format = time.TimeOnly
	}
	day := a.Format(time.DateOnly)
	if a.Format(format) == b.Format(format) {
		return fmt.Sprintf(" at %s %s on %s", a.Format(format), p.zone(), day)
	}
	return fmt.Sprintf(" between %s and %s %s on %s", a.Format(format), b.Format(format), p.zone(), day)
}

func (p *printer) zone() string {
	switch name := p.o.Zone.String(); name {
	case "UTC":
		return name
	case "Local":
		return "local time"
	default:
		return "(" + name + ")"
	}
}

// hinted is the case in which only addresses or ports point to a messenger.
func (p *printer) hinted(hints []*analyze.ServiceUse) string {
	who := p.subject(partiesOf(hints, nil))
	return fmt.Sprintf("Only addresses or ports point to %s: %s exchanged traffic with such servers%s.",
		list(p.bestOf(hints)), lowerNumber(who), p.when())
}

func (p *printer) onlyBelow() []string {
	return []string{fmt.Sprintf("There are signs of a messenger in %s%s, but none is as sure as %s; the strongest has probability %s.",
		p.amount(), p.when(), probability(p.o.Min), probability(p.view.highest)),
		"A lower --min-confidence lists them."}
}

// tally is what one party, or all together, sent and received.
type tally struct {
	sent, received           []graded
	sentMedia, receivedMedia int
}

func (t *tally) add(e *analyze.Event) {
	all, media := &t.sent, &t.sentMedia
	if e.Direction == "received" {
		all, media = &t.received, &t.receivedMedia
	}
	*all = append(*all, ofEvent(e))
	if e.Kind == "media" {
		*media++
	}
}

// messages says who sent and received how many messages, by party as long as
// there are few.
func (p *printer) messages() string {
	by, order, total := map[string]*tally{}, []string{}, &tally{}
	for i := range p.view.events {
		e := &p.view.events[i]
		if e.Kind != "message" && e.Kind != "media" {
			continue
		}
		if by[e.Party] == nil {
			by[e.Party] = &tally{}
			order = append(order, e.Party)
		}
		by[e.Party].add(e)
		total.add(e)
	}
	switch {
	case len(order) == 0:
		return p.noMessages()
	case len(order) > maxNamed:
		return "Together they " + total.words() + "."
	}
	slices.Sort(order)
	var out []string
	for _, id := range order {
		out = append(out, p.again(id)+" "+by[id].words()+".")
	}
	return strings.Join(out, " ")
}

// again is the label of a party, or "It" where the sentence before has named the
// only one.
func (p *printer) again(id string) string {
	other := func(party string) bool { return party != id }
	if slices.ContainsFunc(p.view.services, func(s analyze.ServiceUse) bool { return other(s.Party) }) ||
		slices.ContainsFunc(p.view.events, func(e analyze.Event) bool { return other(e.Party) }) {
		return p.who(id)
	}
	return "It"
}

// noMessages keeps "not seen" and "cannot be seen from this input" apart.
func (p *printer) noMessages() string {
	s := "no message was recognised"
	if slices.ContainsFunc(p.r.Limits, func(l analyze.Limit) bool { return l.What == "message" || l.What == "messages" }) {
		s = "messages cannot be seen from " + these(len(p.r.Inputs))
	}
	logins := those(p.view.events, func(e *analyze.Event) bool { return e.Kind == "login" })
	if len(logins) > 0 {
		return fmt.Sprintf("There were %s (%s); %s.", plural(len(logins), "login"), certainty(logins, ofEvent), s)
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

func these(inputs int) string {
	if inputs == 1 {
		return "this input"
	}
	return "these inputs"
}

// words is "sent 12 messages, 2 of them with media, and received 9 (likely 0.95)".
func (t *tally) words() string {
	all := append(slices.Clip(t.sent), t.received...)
	var parts []string
	noun := "message"
	if len(t.sent) > 0 {
		parts = append(parts, "sent "+plural(len(t.sent), noun)+withMedia(t.sentMedia, len(t.sent)))
		noun = ""
	}
	if len(t.received) > 0 {
		n := grouped(int64(len(t.received)))
		if noun != "" {
			n = plural(len(t.received), noun)
		}
		parts = append(parts, "received "+n+withMedia(t.receivedMedia, len(t.received)))
	}
	return strings.TrimSuffix(list(parts), ",") + " (" + certainty(all, func(g graded) graded { return g }) + ")"
}

func withMedia(media, all int) string {
	switch {
	case media == 0:
		return ""
	case media == all:
		return " with media"
	}
	return fmt.Sprintf(", %s of them with media,", grouped(int64(media)))
}

// graded is a statement's grade and probability.
type graded struct {
	grade string
	p     float64
}

// certainty is the grade and probabilities of several statements: "likely
// 0.91-0.97", or "10 likely 0.91-0.97, 2 possible 0.60" where grades differ.
func certainty[T any](all []T, of func(T) graded) string {
	var parts []string
	for _, grade := range []string{"seen", "likely", "possible", ""} {
		n, low, high := 0, 1.0, 0.0
		for _, x := range all {
			if g := of(x); g.grade == grade {
				n, low, high = n+1, min(low, g.p), max(high, g.p)
			}
		}
		switch {
		case n == len(all) && n > 0:
			return sureRange(grade, low, high)
		case n > 0:
			parts = append(parts, grouped(int64(n))+" "+sureRange(grade, low, high))
		}
	}
	return strings.Join(parts, ", ")
}

func ofEvent(e *analyze.Event) graded    { return graded{e.Grade, e.Confidence} }
func ofContact(c analyze.Contact) graded { return graded{c.Grade, c.Confidence} }
func ofGroup(g analyze.Group) graded     { return graded{g.Grade, g.Confidence} }

// callSentence tells of one call what is known, of several the sums.
func (p *printer) callSentence() string {
	calls := distinctCalls(p.view.events)
	if len(calls) == 0 {
		return ""
	}
	if len(calls) == 1 {
		return p.oneCall(calls[0])
	}
	var total time.Duration
	for _, e := range calls {
		total += lasted(e)
	}
	in := ""
	if total > 0 {
		in = " of " + length(total) + " in all"
	}
	return fmt.Sprintf("There were %s%s (%s).", plural(len(calls), "call"), in, certainty(calls, func(e analyze.Event) graded { return ofEvent(&e) }))
}

func (p *printer) oneCall(e analyze.Event) string {
	media, more := "", ""
	if e.Call != nil && known(e.Call.Media) {
		media = Clean(e.Call.Media) + " "
	}
	if d := lasted(e); d > 0 {
		more = " of " + length(d)
	}
	more += p.withWhom(e)
	if e.Call != nil && known(e.Call.Path) {
		more += ", " + Clean(e.Call.Path)
	}
	if e.Call != nil && known(e.Call.Outcome) {
		more += ", " + Clean(e.Call.Outcome)
	}
	return fmt.Sprintf("%s had one %scall%s (%s).", p.again(e.Party), media, more, sure(e.Grade, e.Confidence))
}

// withWhom names the other end of a call, or where that is not known the
// address that it was seen at.
func (p *printer) withWhom(e analyze.Event) string {
	if w := p.with(e); w != "" {
		return " with " + w
	}
	if e.Call == nil || len(e.Call.PeerAddresses) == 0 {
		return ""
	}
	s := " with " + Clean(e.Call.PeerAddresses[0])
	if n := len(e.Call.PeerAddresses) - 1; n > 0 {
		s += " (and " + plural(n, "other address") + ")"
	}
	return s
}

// distinctCalls leaves out the second event of a call that was seen at both
// ends: same two parties the other way round, at overlapping times.
func distinctCalls(events []analyze.Event) []analyze.Event {
	var out []analyze.Event
	for _, e := range events {
		if e.Kind != "call" {
			continue
		}
		twin := func(o analyze.Event) bool {
			return o.Party == value(e.Peer) && value(o.Peer) == e.Party && !e.Time.After(o.Time.Add(lasted(o)))
		}
		if !slices.ContainsFunc(out, twin) {
			out = append(out, e)
		}
	}
	return out
}
