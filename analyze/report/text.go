package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"envelope/analyze"
)

// Bounds of TextOptions.Width, in terminal columns.
const (
	DefaultWidth = 100
	minWidth     = 40
)

// maxRows is how many rows a table has unless TextOptions.All is set. It is
// what a projector shows at once; rows left out are counted below the table.
const maxRows = 30

// TextOptions say how a report is written for people. The zero value is usable.
type TextOptions struct {
	Width int            // terminal columns; DefaultWidth where 0, at least 40
	Zone  *time.Location // zone of all times; UTC where nil
	Min   float64        // statements below this probability are counted, not listed
	All   bool           // list every event, party and flow, and fold nothing
	// Selection names what limited the analysis to a part of the inputs, such
	// as "--from, --filter"; it is said where nothing was found.
	Selection string
	// ServiceNames gives the name that people know for the id of a service;
	// the id stands where there is none.
	ServiceNames map[string]string
}

// Text writes r for people: what happened in a few sentences, then tables. The
// error is that of w.
func Text(w io.Writer, r *analyze.Report, o TextOptions) error {
	p := newPrinter(r, o)
	p.summary()
	p.contacts()
	p.groups()
	p.channels()
	p.parties()
	p.services()
	p.events()
	p.calls()
	p.flows()
	p.observers()
	p.claims()
	p.limits()
	p.warnings()
	p.inputs()
	if p.err != nil {
		return p.err
	}
	_, err := io.WriteString(w, p.out.String())
	return err
}

// printer writes the sections of one report.
type printer struct {
	r       *analyze.Report
	o       TextOptions
	view    view
	labels  map[string]string // party id to what it is called in this text
	layout  string            // of times, as time.Format takes it
	several bool              // the events are of several services
	out     strings.Builder
	err     error
}

func newPrinter(r *analyze.Report, o TextOptions) *printer {
	if o.Width == 0 {
		o.Width = DefaultWidth
	}
	o.Width = max(o.Width, minWidth)
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	p := &printer{r: r, o: o, view: newView(r, o.Min), labels: labels(r.Parties)}
	p.layout = layoutFor(span{p.view.first, p.view.last}.with(r.Inputs), o.Zone)
	p.several = slices.ContainsFunc(p.view.events, func(e analyze.Event) bool { return e.Service != p.view.events[0].Service })
	return p
}

// layoutFor leaves out of times what is the same in all of them.
func layoutFor(s span, zone *time.Location) string {
	a, b := s.first.In(zone), s.last.In(zone)
	switch {
	case sameDay(a, b, zone):
		return time.TimeOnly
	case a.Year() == b.Year():
		return "02" + hard + "Jan" + hard + time.TimeOnly
	}
	return time.DateOnly + hard + time.TimeOnly
}

// view is what is left of a report at the asked probability.
type view struct {
	events   []analyze.Event
	services []analyze.ServiceUse
	contacts []analyze.Contact
	groups   []analyze.Group
	below    int     // statements left out
	highest  float64 // probability of the most probable of them
	span             // of what is left, else of the inputs
}

func newView(r *analyze.Report, least float64) view {
	v := view{}
	keep := func(p float64) bool {
		if p >= least {
			return true
		}
		v.below++
		v.highest = max(v.highest, p)
		return false
	}
	v.events = filter(r.Events, func(e analyze.Event) bool { return keep(e.Confidence) })
	v.services = filter(r.Services, func(s analyze.ServiceUse) bool { return keep(s.Confidence) })
	v.contacts = filter(r.Contacts, func(c analyze.Contact) bool { return keep(c.Confidence) })
	v.groups = filter(r.Groups, func(g analyze.Group) bool { return keep(g.Confidence) })
	for _, e := range v.events {
		v.extend(e.Time)
		if e.End != nil {
			v.extend(*e.End)
		}
	}
	for _, s := range v.services {
		v.extend(s.First)
		v.extend(s.Last)
	}
	if v.first.IsZero() {
		v.span = v.span.with(r.Inputs)
	}
	return v
}

// filter gives the elements for which keep holds, which is asked once of each:
// all itself where it holds for every one, since a copy of a long list costs
// more than the question. What it gives must not be changed in place.
func filter[T any](all []T, keep func(T) bool) []T {
	kept := make([]bool, len(all))
	n := 0
	for i := range all {
		if kept[i] = keep(all[i]); kept[i] {
			n++
		}
	}
	if n == len(all) {
		return slices.Clip(all)
	}
	out := make([]T, 0, n)
	for i := range all {
		if kept[i] {
			out = append(out, all[i])
		}
	}
	return out
}

// span is the time from the first to the last of some moments; zero of none.
type span struct{ first, last time.Time }

func (s *span) extend(t time.Time) {
	if t.IsZero() {
		return
	}
	if s.first.IsZero() || t.Before(s.first) {
		s.first = t
	}
	if t.After(s.last) {
		s.last = t
	}
}

// with is s extended to the time of the inputs.
func (s span) with(inputs []analyze.Input) span {
	for _, in := range inputs {
		if in.First != nil && in.Last != nil {
			s.extend(*in.First)
			s.extend(*in.Last)
		}
	}
	return s
}

func sameDay(a, b time.Time, zone *time.Location) bool {
	return a.In(zone).Format(time.DateOnly) == b.In(zone).Format(time.DateOnly)
}

// clock is a time of day, with its date where the report spans several days.
func (p *printer) clock(t time.Time) string {
	return t.In(p.o.Zone).Format(p.layout)
}

// fromTo is two times on one line.
func (p *printer) fromTo(a, b time.Time) string {
	if p.clock(a) == p.clock(b) {
		return p.clock(a)
	}
	return p.clock(a) + hard + "-" + hard + p.clock(b)
}

// service is the name of a service as people know it.
func (p *printer) service(id string) string {
	if name := p.o.ServiceNames[id]; name != "" {
		return Clean(name)
	}
	if id == "" || id == "unknown" {
		return "an unknown messenger"
	}
	return Clean(id)
}

// paragraph writes wrapped text; further lines start with the indent.
func (p *printer) paragraph(text, indent string) {
	for i, line := range wrap(text, p.o.Width-len(indent)) {
		if i > 0 {
			line = indent + line
		}
		p.out.WriteString(strings.ReplaceAll(line, hard, " ") + "\n")
	}
}

// section writes a title and a table, unless the table is empty.
func (p *printer) section(title string, t *table) {
	if len(t.rows) == 0 || p.err != nil {
		return
	}
	more := t.more
	if !p.o.All && len(t.rows) > maxRows {
		more += len(t.rows) - maxRows
		t.rows = t.rows[:maxRows]
	}
	p.title(title)
	p.err = t.render(&p.out, p.o.Width)
	if more > 0 {
		p.paragraph(fmt.Sprintf("and %s; --all lists them", plural(more, "more row")), "")
	}
}

// shown is the part of a list that a table shows. The rest is counted in the
// table, and no text is made of it.
func shown[T any](p *printer, t *table, all []T) []T {
	if p.o.All || len(all) <= maxRows {
		return all
	}
	t.more = len(all) - maxRows
	return all[:maxRows]
}

func (p *printer) title(s string) {
	p.out.WriteString("\n")
	p.paragraph(s, "")
}

// bullets writes a list of texts under a title.
func (p *printer) bullets(title string, items []string) {
	if len(items) == 0 {
		return
	}
	p.title(title)
	p.items(items)
}

// items writes a list of texts.
func (p *printer) items(items []string) {
	for i, item := range items {
		if !p.o.All && i == maxRows {
			p.paragraph(fmt.Sprintf("and %d more; --all lists them", len(items)-i), "")
			break
		}
		p.paragraph("- "+item, "  ")
	}
}
