package analyze

import (
	"iter"
	"math"
	"slices"

	"envelope/analyze/exposure"
	"envelope/capture"
)

// Expose enters what each observer could tell from its own inputs, what they
// know only together, and what becomes of the claims of the ledger. alone are
// the reports on the inputs of one observer each, where there are several.
func (r *Report) Expose(ledger exposure.Ledger, alone []*Report) {
	all := r.view("")
	single := make([]exposure.View, 0, len(alone))
	for _, s := range alone {
		single = append(single, s.view(s.observer()+":"))
	}
	if len(alone) == 0 {
		all.Observer = capture.Observer(r.observer())
		r.Observers = append(r.Observers, observerFacts(all))
	}
	for _, v := range single {
		r.Observers = append(r.Observers, observerFacts(v))
	}
	if len(single) > 1 {
		for _, g := range exposure.Together(single, all) {
			r.Together = append(r.Together, gain(g))
		}
		r.Agreement = r.agreements(alone)
	}
	for i, v := range exposure.Judge(ledger, all, single) {
		r.Claims = append(r.Claims, ClaimState{v.ID, ledger[i].Who, ledger[i].Statement, string(v.State), v.Evidence, v.Why})
	}
}

// observer is that of the inputs, "" for several or none.
func (r *Report) observer() string {
	found := ""
	for _, in := range r.Inputs {
		switch {
		case in.Observer == "" || in.Observer == found:
		case found == "":
			found = in.Observer
		default:
			return ""
		}
	}
	return found
}

func observerFacts(v exposure.View) ObserverFacts {
	out := ObserverFacts{Observer: string(v.Observer), Facts: []Fact{}}
	for _, f := range exposure.Facts(v) {
		out.Facts = append(out.Facts, Fact{string(f.Fact), string(f.State), f.Count, round(f.Confidence), f.Evidence})
	}
	if g := exposure.Whom(v); g.Events+g.Read+g.Outside > 0 {
		out.Guess = &Guess{g.Events, g.Read, g.Outside, math.Round(g.Candidates*100) / 100, round(g.Best)}
	}
	return out
}

func gain(g exposure.Gain) Gain {
	out := Gain{What: g.What, Alone: map[string]int{}, Together: g.Together, New: g.New}
	for _, c := range g.Alone {
		out.Alone[string(c.Observer)] = c.N
	}
	return out
}

// view is what the report tells, as exposure asks for it. Ids are of the
// report; prefix says of which, where it is not the one at hand.
func (r *Report) view(prefix string) exposure.View {
	v := exposure.View{Observer: capture.Observer(r.observer())}
	for _, in := range r.Inputs {
		if in.Observer != "" {
			v.Inputs = append(v.Inputs, exposure.Input{Observer: capture.Observer(in.Observer), Grain: capture.Grain(in.Grain), Format: in.Format})
		}
	}
	id := func(s string) string {
		if s == "" {
			return ""
		}
		return prefix + s
	}
	for i := range r.Parties {
		p := viewOfParty(&r.Parties[i])
		p.ID = id(p.ID)
		v.Parties = append(v.Parties, p)
	}
	for i := range r.Services {
		u := viewOfUse(&r.Services[i])
		u.Party = id(u.Party)
		v.Uses = append(v.Uses, u)
	}
	v.Events = r.eventsAs(id)
	if prefix != "" { // its ids are new strings: these are made once
		v.Events = kept(v.Events)
	}
	for _, c := range r.Contacts {
		v.Contacts = append(v.Contacts, exposure.Contact{A: id(c.A), B: id(c.B), Via: c.Via, Service: c.Service, Messages: c.Messages + c.Media, Calls: c.Calls,
			Seen: c.Grade == "seen", Confidence: c.Confidence})
	}
	for _, g := range r.Groups {
		out := exposure.Group{ID: id(g.ID), Service: g.Service, Messages: g.Messages, Seen: g.Grade == "seen", Confidence: g.Confidence}
		for _, m := range g.Members {
			out.Members = append(out.Members, id(m))
		}
		v.Groups = append(v.Groups, out)
	}
	return v
}

// eventsAs yields what the events tell, with ids as id gives them. They are made
// anew each time: a copy of a million would be as large as the report.
func (r *Report) eventsAs(id func(string) string) iter.Seq[*exposure.Event] {
	sure := map[string]float64{}
	for _, g := range r.Groups {
		sure[g.ID] = g.Confidence
	}
	return func(yield func(*exposure.Event) bool) {
		var e exposure.Event
		for i := range r.Events {
			e = viewOfEvent(&r.Events[i])
			if p := sure[e.Group]; e.Peer == "" && !e.Seen && p > 0 {
				e.Odds = []float64{p}
			}
			e.ID, e.Party, e.Peer, e.Group = id(e.ID), id(e.Party), id(e.Peer), id(e.Group)
			if !yield(&e) {
				return
			}
		}
	}
}

// kept is events as a list that is gone through again and again.
func kept(events iter.Seq[*exposure.Event]) iter.Seq[*exposure.Event] {
	var list []exposure.Event
	for e := range events {
		list = append(list, *e)
	}
	return func(yield func(*exposure.Event) bool) {
		for i := range list {
			if !yield(&list[i]) {
				return
			}
		}
	}
}

func viewOfParty(p *Party) exposure.Party {
	out := exposure.Party{ID: p.ID, Services: p.Services, Addresses: len(p.Addresses) + len(p.Public), Named: len(p.Names)+len(p.Accounts) > 0,
		Accounts: len(p.Accounts), Contacts: p.Listed, Device: len(p.Devices) > 0, Location: len(p.Places) > 0, Seen: true}
	for _, n := range p.Names {
		out.Device = out.Device || n.How != "names" && n.How != "profile" && n.How != "address book"
	}
	for _, k := range p.Known {
		out.Details = append(out.Details, exposure.Detail(k))
	}
	if len(p.Devices) > 0 && len(p.Accounts) > 0 && !slices.Contains(p.Known, string(exposure.DetailPlatform)) {
		out.Details = append(out.Details, exposure.DetailPlatform)
	}
	return out
}

func viewOfUse(u *ServiceUse) exposure.Use {
	return exposure.Use{Party: u.Party, Service: u.Service, How: u.How, Roles: u.Roles, Bytes: u.BytesUp + u.BytesDown, Lasted: u.Last.After(u.First), Confidence: u.Confidence}
}

func viewOfEvent(e *Event) exposure.Event {
	out := exposure.Event{ID: e.ID, Kind: e.Kind, Service: e.Service, Party: e.Party, Direction: e.Direction, PeerConfidence: e.PeerConfidence,
		Confidence: e.Confidence, Bytes: e.Bytes, Lasted: e.End != nil, Seen: e.Grade == "seen"}
	if e.Peer != nil {
		out.Peer = *e.Peer
	}
	if e.Group != nil {
		out.Group = *e.Group
	}
	out.PeerAddress = e.Call != nil && len(e.Call.PeerAddresses) > 0
	if e.Grade == "seen" && e.PeerConfidence == certain {
		out.PeerConfidence = 0 // read, and in no doubt
	}
	return out
}
