package analyze

import (
	"cmp"
	"net/netip"
	"slices"

	"envelope/capture"
)

// uses sums up the flows of each messenger and client, so that a flow need not
// be kept once its events are told.
type uses struct {
	of    map[useKey]*use
	tally tally
	found map[uint64]verdict // by flow; only where all flows are to be listed
}

type useKey struct {
	client  netip.Addr
	service string
}

// verdict is what --flows says of a flow's messenger.
type verdict struct {
	service, role string
	how           []string
	confidence    float64
}

// use is the use of one messenger by one client.
type use struct {
	useKey
	first    uint64 // the earliest flow
	sum      ServiceUse
	open     float64 // the least that a flow leaves open
	evidence []flowEvidence
}

// flowEvidence is the beginning of one flow.
type flowEvidence struct {
	id   uint64
	at   capture.Origin
	note string
}

// tally counts the flows of messengers, and those of which something cannot be
// seen.
type tally struct {
	flows, oneWay, midstream, missing, cut, uncollected, quic, exposed, rows, sampled int

	carried, lost uint64 // bytes of TCP payload of those with missing ones

	unnamed, halves int // connections that no messenger is known for, and those of one direction among them
}

func newUses() uses { return uses{of: map[useKey]*use{}, found: map[uint64]verdict{}} }

// clone makes a copy to which the flows that are still held can be added.
func (u *uses) clone() uses {
	out := newUses()
	for k, x := range u.of {
		c := *x
		c.sum.How, c.sum.Roles, c.evidence = slices.Clone(x.sum.How), slices.Clone(x.sum.Roles), slices.Clone(x.evidence)
		out.of[k] = &c
	}
	out.tally = u.tally
	for id, v := range u.found {
		out.found[id] = v
	}
	return out
}

// add sums a flow up, if it is one that the report is about.
func (u *uses) add(a *Analyzer, c *conn) {
	m := &c.match
	if c.aside {
		u.tally.aside(c.Flow)
		return
	}
	if m.Service == "" || m.Confidence < a.opt.Least {
		return
	}
	if a.opt.Flows {
		u.found[c.Flow.ID] = verdict{m.Service, string(m.Role), c.how, round(m.Confidence)}
	}
	if a.opt.Service != "" && m.Service != a.opt.Service {
		return
	}
	u.tally.add(c.Flow)
	u.use(useKey{a.clientOf(c), m.Service}, c).add(c)
}

// use gives the account of a client's use of a messenger; c is the first of it.
func (u *uses) use(k useKey, c *conn) *use {
	if x := u.of[k]; x != nil {
		return x
	}
	u.of[k] = &use{useKey: k, first: c.Flow.ID, open: 1, sum: ServiceUse{Service: k.service, How: []string{}, Roles: []string{}, Evidence: []Evidence{},
		First: c.Flow.First.UTC(), Last: c.Flow.Last.UTC()}}
	return u.of[k]
}

// maxEvidence bounds the packets listed behind one use of a service.
const maxEvidence = 5

func (x *use) add(c *conn) {
	f, s := c.Flow, &x.sum
	x.first, x.open = min(x.first, f.ID), min(x.open, 1-c.match.Confidence)
	s.Flows++
	s.BytesUp += f.Bytes[capture.Up]
	s.BytesDown += f.Bytes[capture.Down]
	s.First, s.Last = earlier(s.First, f.First.UTC()), later(s.Last, f.Last.UTC())
	for _, h := range c.how {
		s.How = insert(s.How, h)
	}
	s.Roles = insert(s.Roles, string(c.match.Role))
	if n := len(x.evidence); n < maxEvidence || f.ID < x.evidence[n-1].id {
		x.evidence = append(x.evidence, flowEvidence{f.ID, f.FirstAt, flowNote(c)})
		slices.SortFunc(x.evidence, func(a, b flowEvidence) int { return cmp.Compare(a.id, b.id) })
		x.evidence = x.evidence[:min(len(x.evidence), maxEvidence)]
	}
}

// sorted gives the uses in the order of their first flows.
func (u *uses) sorted() []*use {
	list := make([]*use, 0, len(u.of))
	for _, x := range u.of {
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b *use) int { return cmp.Compare(a.first, b.first) })
	return list
}

func (t *tally) add(f *capture.Flow) {
	count := func(n *int, yes bool) {
		if yes {
			*n++
		}
	}
	t.flows++
	count(&t.oneWay, seenOneWay(f))
	count(&t.midstream, f.Midstream)
	lost := f.Missing[capture.Up] + f.Missing[capture.Down]
	count(&t.missing, lost > 0)
	if lost > 0 {
		t.lost, t.carried = t.lost+lost, t.carried+f.Payload[capture.Up]+f.Payload[capture.Down]
	}
	count(&t.cut, lost == 0 && slices.ContainsFunc(f.Frames, func(x capture.Frame) bool { return x.Kind == capture.FrameGap }))
	count(&t.uncollected, f.FramesUncollected)
	count(&t.quic, f.Proto == protoUDP && f.HostHow == "quic")
	count(&t.rows, f.Row)
	count(&t.sampled, f.Sampled > 1)
	count(&t.exposed, slices.Contains(f.Signs, signExposed))
}

// aside counts a flow that no messenger is known for.
func (t *tally) aside(f *capture.Flow) {
	if t.unnamed++; seenOneWay(f) {
		t.halves++
	}
}

// seenOneWay tells that one direction of a connection is not in the capture.
func seenOneWay(f *capture.Flow) bool {
	return f.Proto == protoTCP && (f.Packets[capture.Up] == 0) != (f.Packets[capture.Down] == 0) && f.Carries() > 2
}

// signExposed marks a connection whose client named its account in clear.
const signExposed = "whatsapp-identifier-exposed"
