package report

import (
	"fmt"
	"slices"
	"strings"

	"envelope/analyze"
)

// maxLabel is the longest name that stands for a party in the tables, in
// terminal columns. The table of parties gives it in full.
const maxLabel = 40

// nameRank orders the ways in which a name became known: what the user says
// wins over what a device says of itself, and that over what others call it.
func nameRank(how string) int {
	return slices.Index([]string{"address book", "dns", "netbios", "mdns", "dhcp", "profile", "names"}, how)
}

// labels finds for each party what it is called in the text: the name that the
// user gives it or that it goes by, else an account, else the name of its device, else an address, else its id. Parties that share a label
// are told apart by their ids.
func labels(parties []analyze.Party) map[string]string {
	out, uses := map[string]string{}, map[string]int{}
	for _, party := range parties {
		label := label(party)
		out[party.ID] = label
		uses[label]++
	}
	for _, party := range parties {
		if l := out[party.ID]; uses[l] > 1 && l != Clean(party.ID) {
			out[party.ID] = l + " (" + Clean(party.ID) + ")"
		}
	}
	return out
}

func label(p analyze.Party) string {
	best, rank := "", -2
	for _, n := range p.Names {
		if r := nameRank(n.How); r > rank && n.Value != "" {
			best, rank = n.Value, r
		}
	}
	list := append(append([]string{best}, p.Accounts...), p.Addresses...)
	if rank < nameRank("profile") { // a device's name says less than an account
		list = append(append(slices.Clone(p.Accounts), best), p.Addresses...)
	}
	for _, s := range list {
		if s != "" {
			return shorten(Clean(s))
		}
	}
	return shorten(Clean(p.ID))
}

// shorten marks the place where a long label was cut.
func shorten(s string) string {
	if width(s) <= maxLabel {
		return s
	}
	return prefixOf(s, maxLabel-3) + "..."
}

// who is what a party id or an address is called in the text.
func (p *printer) who(id string) string {
	if l, ok := p.labels[id]; ok {
		return l
	}
	return Clean(id)
}

// active are the parties that the text has something to say about.
func (p *printer) active() []analyze.Party {
	ids := map[string]bool{}
	for _, e := range p.view.events {
		ids[e.Party] = true
		if e.Peer != nil {
			ids[*e.Peer] = true
		}
	}
	for _, s := range p.view.services {
		ids[s.Party] = true
	}
	for _, c := range p.view.contacts {
		ids[c.A], ids[c.B] = true, true
	}
	for _, g := range p.view.groups {
		for _, m := range g.Members {
			ids[m] = true
		}
	}
	return filter(p.r.Parties, func(x analyze.Party) bool { return ids[x.ID] })
}

func (p *printer) parties() {
	t := &table{into: 0, cols: []column{
		{title: "party", keep: 9},
		{title: "addresses", keep: 7, least: 15},
		{title: "id", keep: 3, prefix: "id "},
		{title: "named by", keep: 6, least: 16},
		{title: "accounts", keep: 5, least: 12},
		{title: "seen outside as", keep: 4, prefix: "outside "},
		{title: p.evidenceTitle(), keep: 1, prefix: p.evidenceTitle() + " "},
	}}
	active := p.active()
	for _, x := range shown(p, t, active) {
		id := Clean(x.ID)
		if id == p.who(x.ID) {
			id = ""
		}
		addresses := joined(x.Addresses)
		if addresses == p.who(x.ID) {
			addresses = ""
		}
		t.add(p.who(x.ID), addresses, id, namedBy(x), joined(x.Accounts), joined(x.Public), packets(x.Evidence))
	}
	p.section("Parties", t)
	if rest := len(p.r.Parties) - len(active); rest > 0 && len(active) > 0 {
		p.paragraph(fmt.Sprintf("%s without a sign of a messenger at this confidence.", plural(rest, "other party")), "")
	}
}

func joined(items []string) string {
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = Clean(s)
	}
	return strings.Join(out, ", ")
}

// namedBy says where the name that stands for a party in the tables comes from,
// and gives the other names.
func namedBy(party analyze.Party) string {
	own := label(party)
	var out []string
	for _, n := range party.Names {
		how := strings.Join(nonEmpty(Clean(n.How), Clean(n.Grade)), ", ")
		if name := Clean(n.Value); name == own {
			out = append([]string{how}, out...)
		} else {
			out = append(out, fmt.Sprintf("also %s (%s)", name, how))
		}
	}
	return strings.Join(out, "; ")
}

func nonEmpty(items ...string) []string {
	return filter(items, func(s string) bool { return s != "" })
}
