package analyze

import (
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"time"

	"envelope/analyze/identity"
	"envelope/analyze/infer"
	"envelope/capture"
)

// document gathers one Report while it is put together.
type document struct {
	*Report
	opt    Options
	inputs []string // ids by index
	party  map[netip.Addr]string
	outer  map[netip.Addr]string // party by its public address, "" where several share it

	accounts [][]string // what logs call each party
}

// Report says what was added, as a document. inputs are the inputs in the order
// they were given. More can be added behind it.
func (a *Analyzer) Report(inputs []Input) *Report { return a.report(inputs, false) }

// Conclude is Report for the last time: what the analyzer holds goes as the
// document comes, which takes half the memory. Nothing can be added behind it.
func (a *Analyzer) Conclude(inputs []Input) *Report { return a.report(inputs, true) }

func (a *Analyzer) report(inputs []Input, last bool) *Report {
	all, t := a.together(a.all(), len(inputs))
	events := a.inferred(all, t, last)
	u := a.uses.clone()
	for _, c := range all {
		a.noteMapped(c)
		u.add(a, c)
	}
	if last {
		a.kept, a.conns, all = nil, nil, nil
		runtime.GC() // least is in use here; what the frames took is room for all that follows
	}
	d := newDocument(a.opt, inputs)
	entries := tieLegs(a.entries.list)
	d.parties(&a.book, u.sorted(), events, entries)
	d.services(u.sorted())
	talk := d.events(events)
	d.callContacts()
	d.among(talk, d.talk)
	if len(a.opt.Channels) > 0 {
		first, last := d.span()
		d.among(talk, func(list []infer.Event) { d.channels(list, first, last) })
	}
	d.logs(entries)
	d.limits(&u.tally)
	t.report(d)
	if a.opt.Flows {
		d.flows(t.rows(a.rows), u.found)
	}
	if a.missed > 0 {
		d.Warnings = append(d.Warnings, fmt.Sprintf("%d TLS connections of unknown services were not looked at for a messenger's behaviour: too many at once", a.missed))
	}
	return d.Report
}

// inferred gives all events in their order: those of rounds, and those of what is
// still held.
func (a *Analyzer) inferred(all []*conn, t *taps, last bool) []*infer.Event {
	before := a.events
	if last {
		a.events = nil
	} else {
		before = before.clone()
	}
	events := before.each()
	t.shiftEvents(events)
	told, _ := a.tell(all, forever)
	events = append(events, told.each()...)
	events = append(events, batches{t.receipts(all, events)}.each()...)
	t.witness(events)
	doubtSignalling(events)
	events = slices.DeleteFunc(events, func(e *infer.Event) bool {
		return e.Confidence < a.opt.Least || a.opt.Service != "" && e.Service != a.opt.Service
	})
	for _, e := range events {
		e.Client = a.book.At(e.Client, e.Port, e.Time)
	}
	sortEvents(events)
	return events
}

func newDocument(o Options, inputs []Input) *document {
	d := &document{opt: o, party: map[netip.Addr]string{}, outer: map[netip.Addr]string{}, Report: &Report{
		Schema: Schema, Tool: Tool{o.Version, o.Command}, Inputs: inputs,
		Parties: []Party{}, Services: []ServiceUse{}, Events: []Event{}, Contacts: []Contact{}, Groups: []Group{}, Channels: []Channel{},
		Observers: []ObserverFacts{}, Claims: []ClaimState{}, Limits: []Limit{}, Warnings: []string{},
	}}
	for _, in := range inputs {
		d.inputs = append(d.inputs, in.ID)
	}
	return d
}

// parties joins the clients of flows and events, in the order of their first
// packets.
func (d *document) parties(book *identity.Book, used []*use, events []*infer.Event, entries []logged) {
	var addrs []netip.Addr
	seen := map[netip.Addr]bool{}
	add := func(x netip.Addr) {
		if x.IsValid() && !seen[x] {
			seen[x] = true
			addrs = append(addrs, x)
		}
	}
	for _, x := range used {
		add(x.client)
	}
	for _, e := range events {
		add(e.Client)
	}
	for i := range entries {
		for end := range entries[i].ends() {
			if accountOf(end, entries[i].at) == "" {
				add(end.Addr) // all that is known of it
			}
		}
	}
	parties := book.Parties(addrs, d.opt.Names)
	d.Parties = make([]Party, 0, len(parties))
	for i, p := range parties {
		id := fmt.Sprintf("p%d", i+1)
		d.Parties = append(d.Parties, d.newParty(id, &p))
		for _, x := range p.Tenants {
			d.party[x] = id
		}
		var called []string
		for _, x := range p.Accounts {
			called = append(called, x.Value)
		}
		d.accounts = append(d.accounts, called)
		for _, o := range p.Public {
			if was, ok := d.outer[o.Addr]; ok && was != id {
				d.outer[o.Addr] = ""
			} else {
				d.outer[o.Addr] = id
			}
		}
	}
}

// noteMapped takes the public addresses that relays told a client.
func (a *Analyzer) noteMapped(c *conn) {
	for i := range c.Flow.Signals {
		s := &c.Flow.Signals[i]
		if !s.Up && !s.Relay && s.Mapped.IsValid() && s.Type&0x0110 == 0x0100 {
			a.book.Mapped(a.clientOf(c), s.Mapped.Addr(), s.Origin)
		}
	}
}

func (d *document) newParty(id string, p *identity.Party) Party {
	out := Party{ID: id, Kind: "device", Addresses: []string{}, Names: []Name{}, Accounts: []string{}, Services: []string{}, Evidence: []Evidence{}}
	if p.Person {
		out.Kind = "person"
	}
	for _, x := range p.Addrs {
		out.Addresses = append(out.Addresses, x.String())
	}
	for _, x := range p.Accounts {
		d.addAccount(&out, x)
	}
	if len(p.Accounts) > len(out.Accounts) && len(p.Addrs) == 0 {
		out.Kind = "person" // known by a display name
	}
	for _, m := range p.MACs {
		out.MACs = append(out.MACs, macText(m))
	}
	identity.SortNames(p.Names)
	for _, n := range p.Names {
		out.Names = append(out.Names, Name{n.Value, n.How, nameGrade(n.How)})
		if n.How != "names" {
			out.Evidence = append(out.Evidence, d.evidence(n.Origin, "name "+n.Value+" ("+n.How+")"))
		}
	}
	for _, o := range p.Public {
		out.Public = append(out.Public, o.Addr.String())
		out.Evidence = append(out.Evidence, d.evidence(o.Origin, "public address "+o.Addr.String()+" in a STUN answer"))
	}
	d.place(&out, p)
	for _, o := range p.Joined {
		out.Evidence = append(out.Evidence, d.evidence(o, "further address of the same device or account"))
	}
	return out
}

// place enters where a party's public addresses are.
func (d *document) place(out *Party, p *identity.Party) {
	if d.opt.Places == nil {
		return
	}
	list := slices.Clone(p.Addrs)
	for _, o := range p.Public {
		list = append(list, o.Addr)
	}
	for _, a := range list {
		if !a.IsPrivate() && a.IsGlobalUnicast() {
			out.Places = insert(out.Places, d.opt.Places(a))
		}
	}
}

// addAccount enters an account of a party, and the line that ties it to the
// party's address. One that stands for a display name is none.
func (d *document) addAccount(out *Party, x identity.AccountOf) {
	if strings.HasPrefix(x.Value, nameless) {
		return
	}
	if out.Kind == "device" {
		out.Kind = "account"
	}
	out.Accounts = append(out.Accounts, x.Value)
	out.Listed += x.Listed
	for _, k := range x.Known {
		out.Known = insert(out.Known, k)
	}
	out.Devices = append(out.Devices, x.Devices...)
	if x.Tie != nil {
		out.Evidence = append(out.Evidence, d.evidence(x.Tie.Origin, "account "+x.Value+" at "+x.Tie.Addr.String()+" ("+x.Tie.Grade()+")"))
	} else {
		out.Evidence = append(out.Evidence, d.evidence(x.Origin, "account "+x.Value))
	}
}

// nameGrade: a name is read directly, but that it is the device's own is sure
// only where the user says so or the device says it to its DHCP server.
func nameGrade(how string) string {
	if how == "names" || how == "dhcp" {
		return "seen"
	}
	return "likely"
}

func macText(m capture.MAC) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// evidence points at a packet.
func (d *document) evidence(o capture.Origin, note string) Evidence {
	e := Evidence{At: o.At, Note: note}
	if int(o.Input) < len(d.inputs) {
		e.Input = d.inputs[o.Input]
	}
	return e
}

// services lists the use of each messenger by each party.
func (d *document) services(used []*use) {
	type key struct{ party, service string }
	at := map[key]int{}
	place := map[string]int{}
	for i := range d.Parties {
		place[d.Parties[i].ID] = i
	}
	d.Services = make([]ServiceUse, 0, len(used))
	for _, x := range used {
		k := key{d.party[x.client], x.service}
		i, ok := at[k]
		if !ok {
			i = len(d.Services)
			at[k] = i
			d.Services = append(d.Services, ServiceUse{Service: x.service, Party: k.party, How: []string{}, Roles: []string{}, Evidence: []Evidence{},
				First: x.sum.First, Last: x.sum.Last})
			if p, ok := place[k.party]; ok {
				d.Parties[p].Services = append(d.Parties[p].Services, x.service)
			}
		}
		d.sum(&d.Services[i], x)
	}
}

// sum adds what one address of a party did.
func (d *document) sum(s *ServiceUse, x *use) {
	s.Flows += x.sum.Flows
	s.BytesUp += x.sum.BytesUp
	s.BytesDown += x.sum.BytesDown
	s.First, s.Last = earlier(s.First, x.sum.First), later(s.Last, x.sum.Last)
	s.Confidence = max(s.Confidence, round(1-x.open))
	for _, h := range x.sum.How {
		s.How = insert(s.How, h)
	}
	for _, r := range x.sum.Roles {
		s.Roles = insert(s.Roles, r)
	}
	for _, v := range x.evidence {
		if len(s.Evidence) < maxEvidence {
			s.Evidence = append(s.Evidence, d.evidence(v.at, v.note))
		}
	}
}

// flowNote says in a few words what a flow showed.
func flowNote(c *conn) string {
	f := c.Flow
	where := f.Server.String()
	if f.Host != "" {
		where = f.Host + " (" + f.HostHow + "), " + where
	} else if len(f.Signs) > 0 {
		where = strings.Join(f.Signs, ", ") + ", " + where
	}
	if f.HostHow == "quic" {
		where += ", read with the keys that RFC 9001 makes public (public handshake)"
	}
	return protoName(f.Proto) + " to " + where
}

func protoName(p uint8) string {
	switch p {
	case protoTCP:
		return "TCP"
	case protoUDP:
		return "UDP"
	case 1:
		return "ICMP"
	case 58:
		return "ICMPv6"
	case 132:
		return "SCTP"
	}
	return fmt.Sprintf("IP/%d", p)
}

// callContacts makes a contact of every two parties between whom a call was
// seen.
func (d *document) callContacts() {
	type pair struct{ a, b, service string }
	sums := map[pair]*Contact{}
	var order []pair
	for _, e := range d.Events {
		if e.Call == nil || e.Peer == nil || *e.Peer == e.Party {
			continue
		}
		k := pair{min(e.Party, *e.Peer), max(e.Party, *e.Peer), e.Service}
		c := sums[k]
		if c == nil {
			c = &Contact{A: k.a, B: k.b, Via: "call", Service: k.service, Candidates: 1, Evidence: []string{}}
			sums[k], order = c, append(order, k)
		}
		c.addCall(&e)
		if e.Confidence > c.Confidence {
			c.Confidence, c.Grade = e.Confidence, e.Grade
		}
	}
	for _, k := range order {
		d.Contacts = append(d.Contacts, *sums[k])
	}
}

// addCall adds a call to a contact.
func (c *Contact) addCall(e *Event) {
	c.Calls++
	c.Bytes += e.Bytes
	if c.First.IsZero() {
		c.First = e.Time
	}
	c.First, c.Last = earlier(c.First, e.Time), later(c.Last, e.Time)
	if e.End != nil {
		c.CallSeconds += e.End.Sub(e.Time).Seconds()
		c.Last = later(c.Last, *e.End)
	}
	c.Evidence = append(c.Evidence, e.ID)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// insert adds a word to a sorted list that does not hold it yet.
func insert(list []string, s string) []string {
	i, found := slices.BinarySearch(list, s)
	if found || s == "" {
		return list
	}
	return slices.Insert(list, i, s)
}

// round keeps four digits of a probability: more would claim a precision that
// no measurement here has. Certainty is never claimed.
func round(p float64) float64 { return min(math.Round(p*1e4)/1e4, 0.9999) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
