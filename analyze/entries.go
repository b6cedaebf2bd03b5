package analyze

import (
	"net/netip"
	"slices"

	"envelope/capture"
)

// logged is what one line of a log says, with where it stands.
type logged struct {
	capture.Entry
	at   capture.Origin
	time capture.Time
}

// addEntry keeps an entry and notes who its ends are.
func (a *Analyzer) addEntry(r *capture.Record) {
	e := logged{*r.Entry, r.Origin, r.Time}
	e.To = slices.Clone(e.To)
	if e.Call != nil {
		c := *e.Call
		c.Peers = slices.Clone(c.Peers)
		e.Call = &c
	}
	if e.From.Account != "" || e.Half != capture.HalfReceived || e.ID == "" { // else another line of the message may say who it is
		a.meet(&e, &e.From)
	}
	if e.Kind == capture.EntryContact {
		for i := range e.To {
			a.book.List(accountOf(&e.From, e.at), e.To[i].Account, e.To[i].Name, e.at)
		}
		return
	}
	for i := range e.To {
		a.meet(&e, &e.To[i])
	}
	if e.Kind == capture.EntryAccount || a.opt.Service != "" && e.Service != "" && e.Service != a.opt.Service {
		return // the book has all of it, or the report is not about it
	}
	a.entries = append(a.entries, e)
}

// nameless marks an account that stands for a display name, which names a
// person within one input only.
const nameless = "\x00"

// accountOf gives by what an end is known: its account, else its name within
// the input, else "".
func accountOf(e *capture.End, at capture.Origin) string {
	switch {
	case e.Account != "":
		return e.Account
	case e.Name != "":
		return nameless + string(rune(at.Input)) + e.Name
	}
	return ""
}

// meet notes what an entry says of one of its ends.
func (a *Analyzer) meet(e *logged, end *capture.End) {
	key := accountOf(end, e.at)
	if key == "" {
		return
	}
	acc := a.book.Account(key, e.at)
	acc.Call(end.Name, "profile", e.at)
	acc.Use(end.Device)
	if end == &e.From {
		acc.Record(e.Known)
	}
	if !end.Addr.IsValid() {
		return
	}
	if e.Kind == capture.EntryLogout {
		acc.Leave(end.Addr, e.time)
	} else {
		a.book.Enter(acc, end.Addr, end.Port, e.time, e.at)
	}
}

// hosts is what rows of one log say of the flows of another: the host of a flow
// by the flow's name in the logs, and the name behind an address by who asked
// for it. Only what concerns messengers is kept.
type hosts struct {
	byRef map[string]*conn
	asked map[asker]string
}

// asker is a client and an address that it was given for a name.
type asker struct{ client, addr netip.Addr }

func newHosts() hosts { return hosts{map[string]*conn{}, map[asker]string{}} }

// addRow takes a flow that a row of a log sums up. A row that only names the
// host, and one with the totals of the same flow, are one flow.
func (a *Analyzer) addRow(f *capture.Flow) {
	if f.Host == "" {
		if name, ok := a.hosts.asked[asker{f.Client.Addr(), f.Server.Addr()}]; ok {
			f.Host, f.HostHow = name, "dns"
		}
	}
	if c := a.hosts.byRef[f.Ref]; f.Ref != "" && c != nil {
		c.complete(f)
		return
	}
	a.addFlow(f)
	if n := len(a.kept); f.Ref != "" && n > 0 && a.kept[n-1].Flow.ID == f.ID {
		a.hosts.byRef[f.Ref] = a.kept[n-1]
	}
}

// complete adds what another row says of the same flow.
func (c *conn) complete(f *capture.Flow) {
	o := c.Flow
	if o.Host == "" {
		o.Host, o.HostHow = f.Host, f.HostHow
	}
	if f.First != 0 && f.First < o.First {
		o.First = f.First
	}
	o.Last = max(o.Last, f.Last)
	if o.Carries() == 0 {
		o.Packets, o.Bytes, o.Payload, o.Sampled = f.Packets, f.Bytes, f.Payload, f.Sampled
	}
}

// addName takes a name that a log gives: one that an account of devices or
// leases holds, or one that somebody asked a resolver for.
func (a *Analyzer) addName(r *capture.Record) {
	n := r.Name
	if n.How == "dhcp" {
		leased := *n
		leased.Addr = a.book.Lease(n.Addr, n.MAC, r.Time, n.Until)
		n = &leased
	}
	a.book.Name(n, r.Origin)
	if n.How != "dns" || r.Grain != capture.GrainEntry || !n.Client.IsValid() {
		return
	}
	f := capture.Flow{Proto: protoTCP, Client: netip.AddrPortFrom(n.Client, 0), Server: netip.AddrPortFrom(n.Addr, 443), ClientHow: "log",
		Host: n.Value, HostHow: "dns", First: r.Time, Last: r.Time, FirstAt: r.Origin, Final: true}
	m := a.opt.Services.Match(&f)
	if m.Service == "" {
		return
	}
	if n.Addr.IsValid() {
		a.hosts.asked[asker{n.Client, n.Addr}] = n.Value
	}
	c := &conn{match: m, how: []string{"dns"}}
	c.Flow = &f
	a.uses.lookup(a, c)
}

// lookupFactor weakens what a question to a resolver says of the use of an app:
// web pages and link previews ask for a messenger's names as well.
const lookupFactor = 0.9

// lookup notes that a client asked for a messenger's name.
func (u *uses) lookup(a *Analyzer, c *conn) {
	c.match.Confidence *= lookupFactor
	if c.match.Confidence < a.opt.Least || a.opt.Service != "" && c.match.Service != a.opt.Service {
		return
	}
	x := u.use(useKey{a.clientOf(c), c.match.Service}, c)
	x.add(c)
	x.sum.Flows--
}
