package report

import (
	"fmt"
	"time"

	"envelope/analyze"
)

func (p *printer) contacts() {
	t := &table{into: 1, cols: []column{
		{title: "party", keep: 9},
		{title: "talked with", keep: 9},
		{title: "via", keep: 6, prefix: "via "},
		{title: "messages", keep: 7, prefix: "messages "},
		{title: "calls", keep: 6, prefix: "calls "},
		{title: "service", keep: 4},
		{title: "from - to", keep: 3},
		{title: "how sure", keep: 8, least: 11},
		{title: "events", keep: 1, least: 8, prefix: "events "},
	}}
	for _, c := range p.view.contacts {
		t.add(p.who(c.A), p.who(c.B), Clean(c.Via), contactMessages(c), contactCalls(c), p.service(c.Service),
			p.fromTo(c.First, c.Last), sure(c.Grade, c.Confidence), some(c.Evidence))
	}
	p.section("Contacts", t)
}

func contactMessages(c analyze.Contact) string {
	if c.Messages+c.Media == 0 {
		return ""
	}
	s := grouped(int64(c.Messages + c.Media))
	if c.Media > 0 {
		s += fmt.Sprintf(" (%d with media)", c.Media)
	}
	return s
}

func contactCalls(c analyze.Contact) string {
	if c.Calls == 0 {
		return ""
	}
	return fmt.Sprintf("%d, %s", c.Calls, length(time.Duration(c.CallSeconds*float64(time.Second))))
}

// some lists the first event ids and counts the rest.
func some(ids []string) string {
	if len(ids) <= maxPackets {
		return joined(ids)
	}
	return fmt.Sprintf("%s +%d", joined(ids[:maxPackets]), len(ids)-maxPackets)
}

func (p *printer) groups() {
	t := &table{into: 1, cols: []column{
		{title: "group", keep: 9},
		{title: "members", keep: 9, least: 20},
		{title: "messages", right: true, keep: 7, prefix: "messages "},
		{title: "service", keep: 4},
		{title: "from - to", keep: 3},
		{title: "how sure", keep: 8, least: 11},
	}}
	for _, g := range p.view.groups {
		names := ""
		for i, m := range g.Members {
			if i > 0 {
				names += ", "
			}
			names += p.who(m)
		}
		t.add(Clean(g.ID), names, grouped(int64(g.Messages)), p.service(g.Service),
			p.fromTo(g.First, g.Last), sure(g.Grade, g.Confidence))
	}
	p.section("Groups", t)
}
