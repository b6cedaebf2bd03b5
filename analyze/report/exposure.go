package report

import (
	"fmt"
	"slices"
	"strings"

	"envelope/analyze"
)

// observers says what each observer could tell from its own inputs.
func (p *printer) observers() {
	if len(p.r.Observers) == 0 {
		return
	}
	t := &table{cols: []column{{title: "fact", keep: 9}}}
	for i, o := range p.r.Observers {
		t.cols = append(t.cols, column{title: Clean(o.Observer), keep: 8 - i, least: 8, prefix: Clean(o.Observer) + ": "})
	}
	for i, f := range p.r.Observers[0].Facts {
		row := []string{Clean(f.Fact)}
		for _, o := range p.r.Observers {
			row = append(row, factCell(&o.Facts[i]))
		}
		t.add(row...)
	}
	title := "What the " + Clean(p.r.Observers[0].Observer) + " could tell from " + these(len(p.r.Inputs))
	if len(p.r.Observers) > 1 {
		title = "What each observer could tell from its own inputs"
	}
	p.section(title, t)
	p.items(p.beyond())
}

// factCell is how far a question is answered, with how many statements.
func factCell(f *analyze.Fact) string {
	switch f.State {
	case "seen":
		return "seen, " + grouped(int64(f.Count))
	case "inferred":
		return "inferred, " + grouped(int64(f.Count)) + " (" + probability(f.Confidence) + ")"
	case "not_visible":
		return "not visible"
	}
	return "no data"
}

// beyond says how well peers can be guessed, and what several observers know
// that none knows alone.
func (p *printer) beyond() []string {
	var items []string
	for _, o := range p.r.Observers {
		g := o.Guess
		if g == nil {
			continue
		}
		item := fmt.Sprintf("%s: the other end was read for %s", Clean(o.Observer), plural(g.Read, "event"))
		if g.Events > 0 {
			item += fmt.Sprintf("; for %s it is inferred, and the likeliest is right with %s", plural(g.Events, "event"), probability(g.Best))
			if c := fmt.Sprintf("%.1f", g.Candidates); c != "1.0" {
				item += ", in doubt among " + c + " candidates on average"
			}
		}
		if g.Outside > 0 {
			item += fmt.Sprintf("; for %s it is not in view", grouped(int64(g.Outside)))
		}
		items = append(items, item)
	}
	for _, a := range p.r.Agreement {
		if a.Right+a.Missed+a.Wrong > 0 {
			items = append(items, fmt.Sprintf("%s beside %s: %d of %d %s right, %d that the %s does not have", Clean(a.Observer), Clean(a.Against),
				a.Right, a.Right+a.Missed, Clean(a.What), a.Wrong, Clean(a.Against)))
		}
	}
	for _, g := range p.r.Together {
		if g.New > 0 {
			items = append(items, fmt.Sprintf("together: %s %s, %s more than the best of them alone", grouped(int64(g.Together)), Clean(g.What), grouped(int64(g.New))))
		}
	}
	return items
}

// maxClaims is how many claims the text shows unless all are asked for.
const maxClaims = 5

// claims lays what companies say of their sight beside what the data show.
// Claims that no data at hand could decide are counted only.
func (p *printer) claims() {
	tested := slices.DeleteFunc(slices.Clone(p.r.Claims), func(c analyze.ClaimState) bool { return c.State == "not_testable" })
	if len(tested) == 0 {
		return
	}
	t := &table{into: 1, cols: []column{
		{title: "claim", keep: 9},
		{title: "says", keep: 8, least: 24},
		{title: "here", keep: 9, prefix: "here "},
		{title: "why", keep: 7, least: 24},
	}}
	shown := tested
	if !p.o.All {
		shown = tested[:min(len(tested), maxClaims)]
	}
	for _, c := range shown {
		t.add(Clean(c.ID), Clean(c.Who)+": "+Clean(c.Says), strings.ReplaceAll(Clean(c.State), "_", " "), Clean(c.Why))
	}
	p.section("What companies and researchers say can be seen, beside these data", t)
	var rest []string
	if n := len(tested) - len(shown); n > 0 {
		rest = append(rest, plural(n, "more claim")+" could be tested; --all lists them")
	}
	if n := len(p.r.Claims) - len(tested); n > 0 {
		rest = append(rest, plural(n, "claim")+" cannot be tested on these data; envelope claims says what each needs")
	}
	p.items(rest)
}
