package analyze

import (
	"cmp"
	"net/netip"
	"slices"

	"envelope/analyze/identity"
	"envelope/analyze/infer"
	"envelope/analyze/service"
	"envelope/capture"
)

// Options say what a report is about.
type Options struct {
	Version  string
	Command  string
	Services *service.Set
	Names    map[string]string       // the user's names by address or account
	Service  string                  // only this messenger; "" for all
	Least    float64                 // probability below which nothing is stated; 0.5 where it is 0
	Flows    bool                    // list all flows
	Places   func(netip.Addr) string // where a public address is, "" where unknown; nil for not to be told
	Channels []capture.MessageList   // lists kept elsewhere, to be held against the parties
}

// Analyzer gathers records and concludes with a Report. It keeps flows of
// messengers and calls, and for a time those that may turn out to be such;
// of all other flows it keeps nothing. When it holds more than its bound it
// infers the events of what is older than a few minutes and lets that go; see
// round.
type Analyzer struct {
	opt     Options
	conns   map[uint64]*conn
	kept    []*conn // ended, in the order they ended
	book    identity.Book
	known   verdicts
	uses    uses
	rows    []flowRow
	events  batches // of frames already let go
	bound   int     // on weight, between two rounds
	held    int     // cost of conns and kept
	next    int     // weight at which the next round is due
	bare    int     // kept flows of which nothing but their totals is left to tell
	asides  int     // frames of flows that no messenger is known for
	hosts   hosts
	entries lines        // of logs, but for what only the book needs
	missed  int64        // flows that were let go unseen because there were too many
	now     capture.Time // latest packet seen
}

// conn is a flow of interest.
type conn struct {
	infer.Conn
	match service.Match
	how   []string
	aside bool         // no messenger is known for it
	told  capture.Time // events before this are told already
}

// Bounds on what is held, in frames of 32 bytes: 96 MB of messenger traffic
// between two rounds of inference, and 32 MB of flows that may turn out to be
// a messenger's by their behaviour.
const (
	maxHeld   = 3 << 20
	maxAsides = 1 << 20
)

// What signals, bursts and a flow that ended cost, in frames: the ratio of their
// sizes.
const (
	signalCost = 6
	burstCost  = 4
	connCost   = 20
)

// cost is the memory that a flow's frames, signals and bursts take, in frames.
func cost(f *capture.Flow) int {
	return len(f.Frames) + signalCost*len(f.Signals) + burstCost*len(f.Bursts)
}

// New returns an analyzer without records.
func New(o Options) *Analyzer {
	if o.Least == 0 {
		o.Least = 0.5
	}
	return &Analyzer{opt: o, conns: map[uint64]*conn{}, known: newVerdicts(), uses: newUses(), hosts: newHosts(), entries: newLines(), bound: maxHeld, next: maxHeld}
}

// Classify tells a packet reader whether a flow is worth frames.
func (a *Analyzer) Classify(f *capture.Flow) capture.Interest {
	messenger, role := a.opt.Services.Of(f)
	switch {
	case messenger != "" && role != service.Web:
		return capture.Collect
	case f.Kin != 0 || f.PeerKin != 0 || slices.Contains(f.Signs, "stun"):
		return capture.Collect
	case messenger != "" || f.Proto == protoUDP && f.HostHow == "quic":
		return capture.Ignore
	}
	return capture.Undecided
}

// IP protocol numbers.
const (
	protoTCP = 6
	protoUDP = 17
)

// Add takes one record.
func (a *Analyzer) Add(r *capture.Record) {
	switch {
	case r.Name != nil:
		a.addName(r)
	case r.Entry != nil:
		a.addEntry(r)
	case r.Flow != nil && r.Grain == capture.GrainFlow:
		a.addRow(r.Flow)
	case r.Flow != nil:
		a.addFlow(r.Flow)
	}
}

// addFlow joins a flow's record to those before it.
func (a *Analyzer) addFlow(f *capture.Flow) {
	a.now = max(a.now, f.Last)
	c := a.conns[f.ID]
	if c == nil && f.Final && a.passing(f) {
		return
	}
	if c == nil {
		c = &conn{Conn: infer.Conn{Flow: &capture.Flow{}}}
		if !f.Final {
			a.conns[f.ID] = c
		}
	}
	c.take(f)
	a.held += cost(f)
	if f.Final {
		delete(a.conns, f.ID)
		a.close(c)
	}
	if a.weight() > a.next {
		a.round()
	}
}

// weight is what is held, with the flows that ended as such: of many short ones
// they take more than their frames.
func (a *Analyzer) weight() int { return a.held + connCost*len(a.kept) }

// passing notes a flow that came and went in one record and is kept for
// nothing else, without a copy of it.
func (a *Analyzer) passing(f *capture.Flow) bool {
	if len(f.Frames)+len(f.Signals)+len(f.Bursts) > 0 || f.Kin != 0 || f.PeerKin != 0 || a.opt.Flows {
		return false
	}
	if messenger, _ := a.opt.Services.Of(f); messenger != "" || infer.MediaRow(f) {
		return false
	}
	a.sight(f)
	return true
}

// copied is a copy of c with facts of its own; what was gathered is shared.
func (c *conn) copied() *conn {
	n, f := *c, *c.Flow
	n.Flow = &f
	return &n
}

// take copies a record's facts and appends what it gathered.
func (c *conn) take(f *capture.Flow) {
	frames, signals, bursts := c.Flow.Frames, c.Flow.Signals, c.Flow.Bursts
	*c.Flow = *f
	c.Flow.Signs = slices.Clone(f.Signs)
	c.Flow.Frames = capture.Join(roomFor(frames, len(f.Frames), f.Final), f.Frames)
	c.Flow.Signals = append(signals, f.Signals...)
	c.Flow.Bursts = append(bursts, f.Bursts...)
}

// roomFor lets a flow's frames double while they are few thousand: append adds
// a quarter, and copies four times as much in all. Where they are the last, it
// makes room for these and no more.
func roomFor(frames []capture.Frame, more int, last bool) []capture.Frame {
	const few = 1 << 12
	switch n := len(frames); {
	case n+more <= cap(frames):
		return frames
	case last:
		return append(make([]capture.Frame, 0, n+more), frames...)
	case n > 0 && n < few:
		return slices.Grow(frames, max(n, more))
	}
	return frames
}

// close decides what is kept of a flow that ended.
func (a *Analyzer) close(c *conn) {
	f := c.Flow
	c.match = a.opt.Services.Match(f)
	c.how = c.match.How
	if a.opt.Flows {
		a.rows = append(a.rows, newFlowRow(f))
	}
	a.sight(f)
	switch {
	case c.match.Service != "" || len(f.Signals) > 0 || f.Kin != 0 || f.PeerKin != 0 || infer.MediaRow(f):
		a.kept = append(a.kept, c)
		if c.bare() {
			a.bare++
		}
		if a.bare > maxBare {
			a.fold()
		}
	case f.Proto == protoTCP && len(f.Frames) > 0 && a.asides+len(f.Frames) <= maxAsides:
		c.aside = true
		a.asides += len(f.Frames)
		a.kept = append(a.kept, c)
	default:
		if f.Proto == protoTCP && len(f.Frames) > 0 {
			a.missed++
		}
		a.held -= cost(f)
	}
}

// maxBare bounds the flows without frames that are kept as they are, so that two
// taps that show the same ones can be told; beyond it they are only summed up.
const maxBare = 1 << 14

// bare tells that c adds nothing but its totals to what is yet to be told: its
// service is known for sure and nothing was gathered of it.
func (c *conn) bare() bool {
	f := c.Flow
	return !c.aside && c.match.Service != "" && f.Kin == 0 && f.PeerKin == 0 && (f.Proto == protoTCP || c.match.Role == service.Web) && cost(f) == 0
}

// fold sums up the bare flows and lets them go.
func (a *Analyzer) fold() {
	a.events.add(a.tellRows(slices.DeleteFunc(slices.Clone(a.kept), func(c *conn) bool { return !c.bare() }))...)
	a.kept = slices.DeleteFunc(a.kept, func(c *conn) bool {
		if c.bare() {
			a.uses.add(a, c)
			return true
		}
		return false
	})
	a.bare = 0
	clear(a.hosts.byRef) // their flows are gone
}

// all gives the flows of interest in the order of their first packets.
func (a *Analyzer) all() []*conn {
	list := slices.Clone(a.kept)
	for _, c := range a.conns {
		c.match = a.opt.Services.Match(c.Flow)
		c.how = c.match.How
		c.aside = c.match.Service == "" && c.Flow.Proto == protoTCP
		list = append(list, c)
	}
	slices.SortFunc(list, func(x, y *conn) int { return cmp.Compare(x.Flow.ID, y.Flow.ID) })
	return list
}

// addressOf gives the client's address of a flow.
func (c *conn) addressOf() netip.Addr { return c.Flow.Client.Addr() }

// clientOf gives whose flow it is: the tenant that the client's address had.
func (a *Analyzer) clientOf(c *conn) netip.Addr {
	f := c.Flow
	return a.book.At(f.Client.Addr(), f.Client.Port(), f.First)
}

// sight notes that a flow's client was seen behind a link-layer address.
func (a *Analyzer) sight(f *capture.Flow) {
	a.book.Sighting(a.book.At(f.Client.Addr(), f.Client.Port(), f.First), f.ClientMAC, f.FirstAt)
}
