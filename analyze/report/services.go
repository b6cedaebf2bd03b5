package report

import (
	"slices"
	"strings"

	"envelope/analyze"
)

// weak are the ways of recognising a service that look at addresses and ports
// only. They must not read like a protocol match.
var weak = []string{"address", "port"}

// addressOnly tells whether nothing but addresses and ports speaks for s.
func addressOnly(s *analyze.ServiceUse) bool {
	return len(s.How) > 0 && !slices.ContainsFunc(s.How, func(h string) bool { return !slices.Contains(weak, h) })
}

// serviceGrade is "seen" where the service named itself in a field that was
// read, and the grade of the probability otherwise.
func serviceGrade(s *analyze.ServiceUse) string {
	direct := []string{"sni", "quic", "http", "certificate", "stun", "frame", "app"}
	named := slices.ContainsFunc(s.How, func(h string) bool { return slices.Contains(direct, h) })
	if named && s.Confidence >= 0.9 {
		return "seen"
	}
	return analyze.Grade(s.Confidence)
}

// webOnly tells whether s is a visit to web pages and no use of the app.
func webOnly(s *analyze.ServiceUse) bool { return onlyRole(s, "web") }

// pushOnly tells whether s is the system's channel for notices, which is open
// whether the messenger is used or not.
func pushOnly(s *analyze.ServiceUse) bool { return onlyRole(s, "push") }

func onlyRole(s *analyze.ServiceUse, role string) bool {
	return len(s.Roles) > 0 && !slices.ContainsFunc(s.Roles, func(r string) bool { return r != role })
}

// byStrength sorts ways of recognising a service from what says most to what
// says least.
func byStrength(how []string) []string {
	order := []string{"app", "sni", "quic", "http", "certificate", "frame", "stun", "dns", "alpn", "ja4", "behaviour", "address", "port"}
	rank := func(h string) int {
		if i := slices.Index(order, h); i >= 0 {
			return i
		}
		return len(order)
	}
	out := slices.Clone(how)
	slices.SortStableFunc(out, func(a, b string) int { return rank(a) - rank(b) })
	return out
}

func recognisedBy(s *analyze.ServiceUse) string {
	// The keys of QUIC's first packets follow from what they say in clear (RFC
	// 9001 section 5.2): reading the name there decrypts nobody's secret.
	how := strings.ReplaceAll(joined(byStrength(s.How)), "quic", "quic (public handshake)")
	switch {
	case addressOnly(s):
		return how + " only"
	case webOnly(s):
		return how + "; web pages only"
	case pushOnly(s):
		return how + "; push channel only"
	}
	return how
}

func (p *printer) services() {
	t := &table{into: 2, cols: []column{
		{title: "service", keep: 9},
		{title: "party", keep: 9},
		{title: "recognised by", keep: 7, least: 12, prefix: "by "},
		{title: "flows", right: true, keep: 0, spare: true},
		{title: "up / down", keep: 4, prefix: "up / down "},
		{title: "from - to", keep: 1, spare: true},
		{title: "how sure", keep: 8, least: 11},
		{title: p.evidenceTitle(), keep: 3, prefix: p.evidenceTitle() + " "},
	}}
	list := shown(p, t, p.view.services)
	for i := range list {
		s := &list[i]
		t.add(p.service(s.Service), p.who(s.Party), recognisedBy(s), grouped(int64(s.Flows)), size(s.BytesUp)+hard+"/"+hard+size(s.BytesDown),
			p.fromTo(s.First, s.Last), sure(serviceGrade(s), s.Confidence), packets(s.Evidence))
	}
	p.section("Services", t)
}

func (p *printer) flows() {
	t := &table{into: 0, cols: []column{
		{title: "from", keep: 9},
		{title: "to", keep: 8},
		{title: "proto", keep: 3},
		{title: "host", keep: 7, least: 12},
		{title: "service", keep: 7, least: 8},
		{title: "by", keep: 4, least: 5, prefix: "by "},
		{title: "packets", right: true, keep: 2, prefix: "packets "},
		{title: "bytes", right: true, keep: 3},
		{title: "first", keep: 5, prefix: "first "},
		{title: "how sure", keep: 6},
	}}
	for _, f := range shown(p, t, p.r.Flows) {
		service, certain := "", ""
		if f.Service != "" {
			service = strings.TrimSpace(p.service(f.Service) + " " + Clean(f.Role))
			certain = sure(analyze.Grade(f.Confidence), f.Confidence)
		}
		t.add(endpoint(f.Src, f.Sport), endpoint(f.Dst, f.Dport), Clean(f.Proto), Clean(f.Host), service, joined(byStrength(f.How)),
			grouped(int64(f.Packets)), size(f.Bytes), p.clock(f.First), certain)
	}
	p.section("Flows", t)
}
