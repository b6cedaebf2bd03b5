package analyze

import (
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// logged is what one line of a log says, with where it stands. What lines have in
// common is held once.
type logged struct {
	*manner
	at    capture.Origin
	time  capture.Time
	From  *capture.End
	To    []*capture.End
	Half  capture.Half
	ID    string
	Size  uint64
	Until capture.Time
	Call  *capture.CallEntry
}

// ends gives who is named in a line.
func (e *logged) ends() iter.Seq[*capture.End] {
	return func(yield func(*capture.End) bool) {
		for i := -1; i < len(e.To); i++ {
			end := e.From
			if i >= 0 {
				end = e.To[i]
			}
			if !yield(end) {
				return
			}
		}
	}
}

// manner is what many lines say alike.
type manner struct {
	Kind             capture.EntryKind
	Service          string
	Group, GroupName string
	Unit             time.Duration
	Type, Style      string
}

// lines is what logs say, but for what only the book needs.
type lines struct {
	list    []logged
	manners map[manner]*manner
	ends    map[capture.End]*capture.End
	words   map[string]string
}

func newLines() lines {
	return lines{manners: map[manner]*manner{}, ends: map[capture.End]*capture.End{}, words: map[string]string{}}
}

// end gives an end that is held once. A reader's strings may be parts of its
// line, which they would keep in memory.
func (l *lines) end(x *capture.End) *capture.End {
	if known := l.ends[*x]; known != nil {
		return known
	}
	c := capture.End{Account: l.word(x.Account), Name: l.word(x.Name), Addr: x.Addr, Port: x.Port, Device: l.word(x.Device), Cell: l.word(x.Cell)}
	l.ends[c] = &c
	return &c
}

func (l *lines) word(s string) string {
	if known, ok := l.words[s]; ok {
		return known
	}
	s = strings.Clone(s)
	l.words[s] = s
	return s
}

func (l *lines) manner(e *capture.Entry) *manner {
	m := manner{e.Kind, e.Service, e.Group, e.GroupName, e.Unit, e.Type, e.Style}
	if known := l.manners[m]; known != nil {
		return known
	}
	for _, s := range []*string{&m.Service, &m.Group, &m.GroupName, &m.Type, &m.Style} {
		*s = l.word(*s)
	}
	l.manners[m] = &m
	return &m
}

func (l *lines) add(r *capture.Record) {
	e := r.Entry
	x := logged{manner: l.manner(e), at: r.Origin, time: r.Time, From: l.end(&e.From), Half: e.Half, ID: strings.Clone(e.ID), Size: e.Size, Until: e.Until}
	if len(e.To) > 0 {
		x.To = make([]*capture.End, len(e.To))
		for i := range e.To {
			x.To[i] = l.end(&e.To[i])
		}
	}
	if e.Call != nil {
		c := *e.Call
		c.Peers = slices.Clone(c.Peers)
		x.Call = &c
	}
	l.list = append(l.list, x)
}

// addEntry keeps an entry and notes who its ends are.
func (a *Analyzer) addEntry(r *capture.Record) {
	e := r.Entry
	if e.From.Account != "" || e.Half != capture.HalfReceived || e.ID == "" { // else another line of the message may say who it is
		a.meet(r, &e.From)
	}
	if e.Kind == capture.EntryContact {
		for i := range e.To {
			a.book.List(accountOf(&e.From, r.Origin), e.To[i].Account, e.To[i].Name, r.Origin)
		}
		return
	}
	for i := range e.To {
		a.meet(r, &e.To[i])
	}
	if e.Kind == capture.EntryAccount || a.opt.Service != "" && e.Service != "" && e.Service != a.opt.Service {
		return // the book has all of it, or the report is not about it
	}
	a.entries.add(r)
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
		return nameless + strconv.Itoa(int(at.Input)) + nameless + e.Name
	}
	return ""
}

// meet notes what an entry says of one of its ends.
func (a *Analyzer) meet(r *capture.Record, end *capture.End) {
	key := accountOf(end, r.Origin)
	if key == "" {
		return
	}
	acc := a.book.Account(key, r.Origin)
	acc.Call(end.Name, "profile", r.Origin)
	acc.Use(end.Device)
	if end == &r.Entry.From {
		acc.Record(r.Entry.Known)
	}
	switch {
	case !end.Addr.IsValid():
	case r.Entry.Kind == capture.EntryLogout:
		acc.Leave(end.Addr, r.Time)
	default:
		a.book.Enter(acc, end.Addr, end.Port, r.Time, r.Origin)
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
