package analyze

import (
	"cmp"
	"slices"

	"envelope/capture"
)

// talkOf is what logs say of two parties on one messenger, in one direction.
type talkOf struct{ from, to, service string }

// talks tells an entry that is talk: what makes a contact.
func talks(k capture.EntryKind) bool {
	return k == capture.EntryMessage || k == capture.EntryMedia || k == capture.EntryCall
}

// tellings are the halves that tell of the talk of two parties.
type tellings map[talkOf][]*half

func (t tellings) add(h *half, from, to string) {
	if from != "" && to != "" && from != to {
		of := talkOf{from, to, h.service}
		t[of] = append(t[of], h)
	}
}

// loggedContacts enters the contacts that logs name.
func (d *document) loggedContacts(halves []half, who *ends) {
	pairs, got := tellings{}, tellings{}
	for i := range halves {
		h := &halves[i]
		switch {
		case !talks(h.Kind) || h.Group != "" || h.faint:
		case h.direction == received:
			got.add(h, h.peer, h.party)
		case len(h.To) == 0:
			pairs.add(h, h.party, h.peer)
		default:
			for _, to := range h.To {
				pairs.add(h, h.party, who.party(to, h.at))
			}
		}
	}
	for of := range got {
		if _, ok := pairs[of]; !ok {
			pairs[of] = nil
		}
	}
	d.enterLogged(pairs, got)
}

// enterLogged makes a contact of the two directions of each pair, of the
// deliveries where these are more than the logs have of the sending.
func (d *document) enterLogged(pairs, got tellings) {
	order := make([]talkOf, 0, len(pairs))
	for of := range pairs {
		order = append(order, of)
	}
	slices.SortFunc(order, func(x, y talkOf) int {
		return cmp.Or(cmp.Compare(x.service, y.service), cmp.Compare(min(x.from, x.to), min(y.from, y.to)),
			cmp.Compare(max(x.from, x.to), max(y.from, y.to)), cmp.Compare(x.from, y.from))
	})
	known := d.contactIndex()
	at := map[pairOf]int{}
	var logged []Contact
	for _, of := range order {
		k := pairOf{min(of.from, of.to), max(of.from, of.to), of.service}
		i, ok := at[k]
		if !ok {
			i = len(logged)
			at[k] = i
			logged = append(logged, Contact{A: k.a, B: k.b, Service: k.service, Confidence: certain, Grade: "seen", Candidates: 1, Evidence: []string{}})
		}
		list, other := once(pairs[of]), once(got[of])
		if len(other) > len(list) {
			list = other
		}
		logged[i].tell(d, list)
	}
	for _, c := range logged {
		if i, ok := known[pairOf{c.A, c.B, c.Service}]; ok {
			d.Contacts[i].agree(&c)
		} else {
			d.Contacts = append(d.Contacts, c)
		}
	}
}

// once gives one half for each event: several logs may have it.
func once(list []*half) []*half {
	slices.SortStableFunc(list, func(x, y *half) int { return cmp.Compare(x.event, y.event) })
	return slices.CompactFunc(list, func(x, y *half) bool { return x.event == y.event })
}

// tell adds what logs say of one direction.
func (c *Contact) tell(d *document, list []*half) {
	for _, h := range list {
		e := &d.Events[h.event]
		switch {
		case h.Kind == capture.EntryCall:
			bytes := c.Bytes
			c.addCall(e)
			c.Bytes = bytes + h.Size
			continue
		case e.Kind == string(capture.EntryMedia):
			c.Media++
		default:
			c.Messages++
		}
		c.Bytes += h.Size
		if c.First.IsZero() {
			c.First = e.Time
		}
		c.First, c.Last = earlier(c.First, e.Time), later(c.Last, e.Time)
		c.Evidence = append(c.Evidence, e.ID)
	}
	c.Via = "direct"
	if c.Messages+c.Media == 0 {
		c.Via = "call"
	}
}

// agree takes what logs say of a contact that the traffic shows as well: calls
// that only one of them has, and of messages the count of who has more.
func (c *Contact) agree(o *Contact) {
	c.Confidence, c.Grade, c.ExpectedFalse, c.Candidates = o.Confidence, o.Grade, 0, 1
	c.Messages, c.Media, c.Bytes = max(c.Messages, o.Messages), max(c.Media, o.Media), max(c.Bytes, o.Bytes)
	c.Calls, c.CallSeconds = c.Calls+o.Calls, c.CallSeconds+o.CallSeconds
	c.First, c.Last = earlier(c.First, o.First), later(c.Last, o.Last)
	c.Evidence = append(c.Evidence, o.Evidence...)
	if o.Via == "direct" || c.Messages+c.Media > 0 {
		c.Via = "direct"
	}
}
