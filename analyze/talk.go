package analyze

import (
	"fmt"
	"math"
	"slices"

	"envelope/analyze/correlate"
	"envelope/analyze/infer"
)

// correlateKinds are the kinds of events that tell who talked to whom.
var correlateKinds = map[infer.Kind]correlate.Kind{
	infer.Message: correlate.Message, infer.Media: correlate.Media, infer.Receipt: correlate.Receipt, infer.Typing: correlate.Typing,
}

// talk finds who talked to whom in the events of all parties, and enters the
// peer of each event, contacts and groups. list and d.Events have the same
// order.
func (d *document) talk(list []infer.Event) {
	party := map[string]int32{}
	for i, p := range d.Parties {
		party[p.ID] = int32(i)
	}
	events, index := d.messages(list, party)
	res := correlate.Correlate(events, len(d.Parties), correlate.Options{Level: d.opt.Least})
	for i, p := range res.Peers {
		d.enterPeer(&d.Events[index[i]], &p, index)
	}
	for _, g := range res.Groups {
		d.enterGroup(&g, index)
	}
	byCall := d.contactIndex()
	for _, c := range res.Contacts {
		d.enterContact(&c, index, byCall)
	}
	d.enterSame(res.Same)
	for _, note := range res.Notes {
		d.Limits = append(d.Limits, Limit{"whom", note})
	}
}

// messages gives the events that the matcher takes, and where each stands.
func (d *document) messages(list []infer.Event, party map[string]int32) (events []correlate.Event, index []int32) {
	services := map[string]int32{}
	for i := range list {
		e := &list[i]
		id := d.Events[i].Party
		kind, ok := correlateKinds[e.Kind]
		if !ok || e.Direction == "" {
			continue
		}
		if _, known := services[e.Service]; !known {
			services[e.Service] = int32(len(services))
		}
		c := correlate.Event{Time: e.Time, Party: party[id], Sent: e.Direction == infer.Sent, Kind: kind, Size: uint32(e.Bytes),
			Service: services[e.Service], Confidence: e.Confidence, Input: inputOfEvent(e)}
		if e.Kind == infer.Media {
			c.Size, c.Bulk = uint32(e.Frame), e.Bytes
		}
		events, index = append(events, c), append(index, int32(i))
	}
	return events, index
}

func inputOfEvent(e *infer.Event) int32 {
	if len(e.Evidence) == 0 {
		return 0
	}
	return e.Evidence[0].Origin.Input
}

// enterPeer names the other end of an event.
func (d *document) enterPeer(e *Event, p *correlate.Peer, index []int32) {
	if p.Group != correlate.None {
		id := groupID(int(p.Group))
		e.Group = &id
	}
	if p.Party == correlate.None {
		return
	}
	peer := d.Parties[p.Party].ID
	e.Peer, e.PeerConfidence = &peer, round(p.Confidence)
	e.Evidence = slices.DeleteFunc(e.Evidence, func(x Evidence) bool { return x.Note == infer.PassedOn && !d.matches(x, p, index) })
	for _, m := range p.Matched {
		if len(e.Evidence) < maxEvidence && len(d.Events[index[m]].Evidence) > 0 {
			other := d.Events[index[m]].Evidence[0]
			e.Evidence = append(e.Evidence, Evidence{other.Input, other.At, "the same message at the other end"})
		}
	}
}

// matches tells whether evidence is of an event at the other end: a record that
// another one seemed to be passed on from speaks for nobody else.
func (d *document) matches(x Evidence, p *correlate.Peer, index []int32) bool {
	return slices.ContainsFunc(p.Matched, func(m int32) bool {
		return slices.ContainsFunc(d.Events[index[m]].Evidence, func(o Evidence) bool { return o.Input == x.Input && o.At == x.At })
	})
}

func groupID(i int) string { return fmt.Sprintf("g%d", i+1) }

func (d *document) enterGroup(g *correlate.Group, index []int32) {
	out := Group{ID: groupID(len(d.Groups)), Members: []string{}, Messages: g.Messages, First: g.First.UTC(), Last: g.Last.UTC(),
		Confidence: round(g.Confidence), Grade: Grade(g.Confidence)}
	if len(g.Events) > 0 {
		out.Service = d.Events[index[g.Events[0]]].Service
	}
	for _, m := range g.Members {
		out.Members = append(out.Members, d.Parties[m.Party].ID)
		out.MemberConfidence = append(out.MemberConfidence, round(m.Confidence))
	}
	d.Groups = append(d.Groups, out)
}

// selectedMost bounds a contact whose received messages all were read from
// receipts alone, which have no size of their own (see taps.receipts): it rests
// on frames that were chosen for their delay, so that the delays' agreeing says
// little more.
const selectedMost = 0.89

// enterSame notes which parties seem to be devices of one person: what is said
// of them names the first.
func (d *document) enterSame(sets [][]int32) {
	for _, set := range sets {
		for _, i := range set {
			for _, j := range set {
				if i != j {
					d.Parties[i].Same = append(d.Parties[i].Same, d.Parties[j].ID)
				}
			}
		}
	}
}

// pairOf is two parties and a messenger.
type pairOf struct{ a, b, service string }

// contactIndex gives where the contacts stand that the calls made.
func (d *document) contactIndex() map[pairOf]int {
	at := map[pairOf]int{}
	for i, c := range d.Contacts {
		at[pairOf{c.A, c.B, c.Service}], at[pairOf{c.B, c.A, c.Service}] = i, i
	}
	return at
}

func (d *document) enterContact(c *correlate.Contact, index []int32, byCall map[pairOf]int) {
	out := Contact{A: d.Parties[c.A].ID, B: d.Parties[c.B].ID, Via: c.Via, Messages: c.Messages - c.Media, Media: c.Media, Bytes: c.Bytes,
		First: c.First.UTC(), Last: c.Last.UTC(), Confidence: round(c.Confidence), Grade: Grade(c.Confidence),
		ExpectedFalse: math.Round(c.ExpectedFalse*1e4) / 1e4, Candidates: c.Candidates, Evidence: []string{}}
	sized := false
	for _, i := range c.Events {
		e := &d.Events[index[i]]
		out.Service = e.Service
		out.Evidence = append(out.Evidence, e.ID)
		if e.Direction == string(infer.Received) {
			sized = sized || e.Bytes > 0
		}
	}
	if !sized && out.Confidence > selectedMost {
		out.Confidence, out.Grade = selectedMost, Grade(selectedMost)
		out.ExpectedFalse += 1 - selectedMost
	}
	d.join(out, byCall)
}

// join adds a contact, or what it says to one that the calls made already.
func (d *document) join(c Contact, byCall map[pairOf]int) {
	i, ok := byCall[pairOf{c.A, c.B, c.Service}]
	if !ok || c.Via == "group" {
		d.Contacts = append(d.Contacts, c)
		return
	}
	o := &d.Contacts[i]
	o.Via, o.Messages, o.Media, o.Bytes = c.Via, c.Messages, c.Media, o.Bytes+c.Bytes
	o.First, o.Last = earlier(o.First, c.First), later(o.Last, c.Last)
	if c.Confidence > o.Confidence {
		o.Confidence, o.Grade, o.ExpectedFalse = c.Confidence, c.Grade, c.ExpectedFalse
	}
	o.Candidates = max(o.Candidates, c.Candidates)
	o.Evidence = append(o.Evidence, c.Evidence...)
}
