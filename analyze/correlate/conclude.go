package correlate

import (
	"cmp"
	"fmt"
	"slices"
)

// surest is the greatest probability that is stated: nothing that is inferred
// is certain, and the law of chance was seen to hold to about this level.
const surest = 0.9999

// unproven is the greatest probability where no law of delays and sizes stands out
// from chance: no contact is likely then.
const unproven = 0.89

// conclude writes what was found into the result.
func (n *net) conclude(o Options, res *Result) {
	conf := make(map[uint64]float64, len(n.scores))
	none := n.noneOf()
	for i := range n.scores {
		s := &n.scores[i]
		s.conf *= 1 - none[pairKey(s.a, s.b)]
		if s.conf = min(s.conf, surest); n.law.unproven {
			s.conf = min(s.conf, unproven)
		}
		conf[pairKey(s.a, s.b)] = s.conf
	}
	for _, g := range n.groups {
		g.conf = min(g.conf, surest)
	}
	n.stateGroups(o, res)
	n.statePeers(conf, o, res)
	n.stateCopies(o, res)
	had := len(res.Contacts)
	n.stateContacts(o, res)
	if n.law.unproven || len(res.Contacts) == had {
		res.Notes = append(res.Notes, fmt.Sprintf("not enough to tell: %d sent and %d received messages of %d parties agree no better than chance; of two who write to each other about 10 messages would do",
			len(n.sent), len(n.recv), n.active))
	}
}

// noneOf gives for each pair with a score how probable it is that no message went
// between the two, by the sources of each: what coincides with what others wrote
// makes a pair that fits, of which no message is theirs.
func (n *net) noneOf() map[uint64]float64 {
	out := make(map[uint64]float64, len(n.scores))
	for i := range n.scores {
		out[pairKey(n.scores[i].a, n.scores[i].b)] = 1
	}
	n.eachCandidate(func(i int, c *candidate) {
		if c.w < unlikely {
			return
		}
		key := ordered(n.sent[c.from].party, n.recv[i].party)
		if p, is := out[key]; is {
			out[key] = p * (1 - min(1, float64(c.w)))
		}
	})
	return out
}

// stateGroups lists the groups that are sure enough.
func (n *net) stateGroups(o Options, res *Result) {
	for _, g := range n.groups {
		members := slices.DeleteFunc(slices.Clone(g.members), func(m Member) bool { return m.Confidence < o.Level })
		if g.conf < o.Level || len(members) < 3 {
			continue
		}
		out := Group{Members: members, Service: n.service(), Confidence: g.conf}
		for _, k := range g.messages {
			s := &n.sent[k]
			if out.Messages++; out.Messages == 1 {
				out.First = s.at
			}
			out.Last = s.at
			out.Events = append(out.Events, s.id)
			for _, r := range n.fans[k].recv {
				out.Events = append(out.Events, n.recv[r].id)
			}
		}
		if out.Messages == 0 {
			continue
		}
		slices.Sort(out.Events)
		g.index = int32(len(res.Groups))
		res.Groups = append(res.Groups, out)
	}
}

// service is the messenger of this net.
func (n *net) service() int32 { return n.events[n.anyone().id].Service }

// anyone is some event of this net.
func (n *net) anyone() *mark {
	if len(n.sent) > 0 {
		return &n.sent[0]
	}
	return &n.recv[0]
}

// ordered gives the key of two parties in either order.
func ordered(a, b int32) uint64 { return pairKey(min(a, b), max(a, b)) }

// statePeers names the other end of every event that has one.
func (n *net) statePeers(conf map[uint64]float64, o Options, res *Result) {
	for i := range n.recv {
		r := &n.recv[i]
		c, sure := n.writer(i, res)
		if c == nil {
			continue
		}
		s := &n.sent[c.from]
		p := Peer{Party: s.party, Group: None, Confidence: sure}
		if g := n.conv[c.from]; g != None {
			p.Group = n.groups[g].index
			p.Confidence *= max(n.groups[g].conf, conf[ordered(s.party, r.party)])
		} else {
			p.Confidence *= conf[ordered(s.party, r.party)]
		}
		if p.Confidence < o.Level || float64(c.w) < o.Level && p.Confidence < evident*o.Level {
			continue
		}
		res.Peers[r.id] = p
		res.Peers[r.id].Matched = []int32{s.id}
		n.stateSent(c.from, r, p, res)
	}
}

// stateSent adds a receiver to what is said of a sent message.
func (n *net) stateSent(k int32, r *mark, got Peer, res *Result) {
	s := &n.sent[k]
	p := &res.Peers[s.id]
	p.Matched = append(p.Matched, r.id)
	slices.Sort(p.Matched)
	switch {
	case n.conv[k] != None:
		p.Group = got.Group
		p.Confidence = max(p.Confidence, n.groups[n.conv[k]].conf*(1-n.direct[k]))
	case p.Party == None || got.Confidence > p.Confidence:
		p.Party, p.Confidence = r.party, got.Confidence
	}
}

const (
	// sameWriter is what a further message of one writer that may be the source adds to
	// the probability that they are the writer. All would add their own if they told
	// nothing but which is which; of received messages for which that came to 0.9 to
	// 0.95 in three simulated towns (2026-11-30), 0.80 of 1,149 were right; with this
	// 0.90 of 2,935 are.
	sameWriter = 0.8
	// evident is how far beyond the level asked for the writer must be where no single
	// message is up to it.
	evident = 1.5
	// alike is how near to the likeliest message another one must be to be taken for it.
	alike = 0.5
)

// writer is the likeliest source of a received message by whoever most probably wrote
// it, nil where it has none, and how probable it is that they did: of several that
// waited it need not be known which is which. Each is taken once, if there are enough.
func (n *net) writer(i int, res *Result) (c *candidate, sure float64) {
	list := n.cand[n.start[i]:n.start[i+1]]
	who := int32(None)
	for k := range list {
		party := n.sent[list[k].from].party
		sum := (1 - sameWriter) * float64(list[k].w)
		for j := range list {
			if n.sent[list[j].from].party == party {
				sum += sameWriter * float64(list[j].w)
			}
		}
		if sum > sure {
			who, sure = party, sum
		}
	}
	var best float32
	for k := range list {
		if n.sent[list[k].from].party == who {
			best = max(best, list[k].w)
		}
	}
	taken := false
	for k := range list {
		x := &list[k]
		if n.sent[x.from].party != who || x.w < alike*best {
			continue
		}
		had := n.matched(x.from, n.recv[i].party, res)
		if c == nil || taken && !had || taken == had && x.w > c.w {
			c, taken = x, had
		}
	}
	return c, min(1, sure)
}

// matched tells whether a sent message is known to have come to a party.
func (n *net) matched(k, party int32, res *Result) bool {
	return slices.ContainsFunc(res.Peers[n.sent[k].id].Matched, func(id int32) bool { return n.party(id) == party })
}

// source is the likeliest source of a received message, nil where it has none.
func (n *net) source(i int) *candidate {
	var best *candidate
	list := n.cand[n.start[i]:n.start[i+1]]
	for k := range list {
		if best == nil || list[k].w > best.w {
			best = &list[k]
		}
	}
	return best
}

// stateContacts lists the pairs that are sure enough, and those that only share
// a group.
func (n *net) stateContacts(o Options, res *Result) {
	direct := make(map[uint64]*Contact)
	for _, s := range n.scores {
		if s.conf >= o.Level {
			c := &Contact{A: s.a, B: s.b, Via: "direct", Service: n.service(), Confidence: s.conf}
			if s.group {
				c.Via = "group"
			}
			direct[pairKey(s.a, s.b)] = c
		}
	}
	n.count(direct, res)
	shared := n.shared(direct, o, res)
	for _, m := range []map[uint64]*Contact{direct, shared} {
		for _, k := range sortedKeys(m) {
			if c := m[k]; c.Messages > 0 {
				c.Candidates = n.candidates(c, res)
				res.Contacts = append(res.Contacts, *c)
			}
		}
	}
}

func sortedKeys[V any](m map[uint64]V) []uint64 {
	out := make([]uint64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// count sums up the direct messages of each contact.
func (n *net) count(direct map[uint64]*Contact, res *Result) {
	for k := range n.sent {
		s := &n.sent[k]
		p := &res.Peers[s.id]
		if p.Party == None {
			continue
		}
		if c := direct[ordered(s.party, p.Party)]; c != nil {
			c.add(n, s, p.Matched)
		}
	}
	for _, c := range direct {
		slices.Sort(c.Events)
	}
}

// add counts one sent message and what it was matched with.
func (c *Contact) add(n *net, s *mark, matched []int32) {
	e := &n.events[s.id]
	if c.Messages++; c.Messages == 1 {
		c.First = s.at
	}
	c.Last = s.at
	if s.kind == Media {
		c.Media++
	}
	c.Bytes += uint64(e.Size) + e.Bulk
	c.Events = append(c.Events, s.id)
	for _, id := range matched {
		if p := n.party(id); p == c.A || p == c.B {
			c.Events = append(c.Events, id)
		}
	}
}

// shared lists pairs of members of the same group without talk of their own.
func (n *net) shared(direct map[uint64]*Contact, o Options, res *Result) map[uint64]*Contact {
	out := make(map[uint64]*Contact)
	for i, g := range n.groups {
		if g.index == None {
			continue
		}
		members := res.Groups[g.index].Members
		for x, a := range members {
			for _, b := range members[x+1:] {
				k := pairKey(a.Party, b.Party)
				if direct[k] != nil && direct[k].Messages > 0 {
					continue
				}
				p := g.conf * min(a.Confidence, b.Confidence)
				if c := out[k]; p >= o.Level && (c == nil || c.Confidence < p) {
					out[k] = n.sharedContact(int32(i), a.Party, b.Party, p, res)
				}
			}
		}
	}
	return out
}

// sharedContact counts what two members of a group wrote to it.
func (n *net) sharedContact(group, a, b int32, p float64, res *Result) *Contact {
	c := &Contact{A: a, B: b, Via: "group", Service: n.service(), Confidence: p}
	for _, k := range n.groups[group].messages {
		if s := &n.sent[k]; s.party == a || s.party == b {
			c.add(n, s, res.Peers[s.id].Matched)
		}
	}
	slices.Sort(c.Events)
	c.Events = slices.Compact(c.Events)
	return c
}

// party gives the party of an event.
func (n *net) party(id int32) int32 {
	if n.owner != nil {
		return n.owner[n.events[id].Party]
	}
	return n.events[id].Party
}

// candidates is the number of parties that may have been the peer: those that
// could have sent at least half of what was received in a contact.
func (n *net) candidates(c *Contact, res *Result) int {
	count := make(map[int32]int)
	all := 0
	for _, id := range c.Events {
		i, ok := n.recvAt(id)
		if !ok {
			continue
		}
		all++
		seen := make(map[int32]bool)
		for _, x := range n.cand[n.start[i]:n.start[i+1]] {
			if p := n.sent[x.from].party; !seen[p] {
				seen[p] = true
				count[p]++
			}
		}
	}
	out := 0
	for p, k := range count {
		if p != c.A && p != c.B && 2*k >= all {
			out++
		}
	}
	return out + 1
}

// recvAt finds a received message by the id of its event.
func (n *net) recvAt(id int32) (int32, bool) {
	e := &n.events[id]
	if e.Sent {
		return 0, false
	}
	i, _ := slices.BinarySearchFunc(n.recv, e, func(m mark, e *Event) int {
		return cmp.Or(cmp.Compare(m.at, e.Time), cmp.Compare(m.unit, e.Party))
	})
	for ; i < len(n.recv) && n.recv[i].at == e.Time; i++ {
		if n.recv[i].id == id {
			return int32(i), true
		}
	}
	return 0, false
}
