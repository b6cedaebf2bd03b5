package analyze

import (
	"cmp"
	"slices"
	"time"

	"envelope/capture"
)

// talkOf is what logs say of two parties on one messenger, in one direction.
type talkOf struct{ from, to, service string }

// sum is what passed.
type sum struct {
	messages, media, calls int
	seconds                float64
	bytes                  uint64
	first, last            time.Time
	events                 []string
	told                   map[string]bool // which are in events
}

func (s *sum) add(h *half, id string) {
	switch h.Kind {
	case capture.EntryMedia:
		s.media++
	case capture.EntryCall:
		s.calls++
		if h.Until > h.time {
			s.seconds += h.Until.Sub(h.time).Seconds()
		}
	default:
		s.messages++
	}
	s.bytes += h.Size
	t := h.time.UTC()
	if s.first.IsZero() || t.Before(s.first) {
		s.first = t
	}
	s.last = later(s.last, t)
	s.events = append(s.events, id)
}

// talks tells an entry that is talk: what makes a contact.
func talks(k capture.EntryKind) bool {
	return k == capture.EntryMessage || k == capture.EntryMedia || k == capture.EntryCall
}

// loggedContacts enters the contacts that logs name. Where a log names both
// ends, what the traffic suggested of the same messenger and parties gives way.
func (d *document) loggedContacts(halves []half, who *ends) {
	pairs, received := tellings{}, tellings{}
	for i := range halves {
		h := &halves[i]
		if !talks(h.Kind) || h.Group != "" || h.faint {
			continue
		}
		if h.direction == "received" {
			received.add(talkOf{h.peer, h.party, h.service}, h, d.Events[h.event].ID)
			continue
		}
		for k := range h.To {
			pairs.add(talkOf{h.party, who.party(&h.To[k], h.at), h.service}, h, d.Events[h.event].ID)
		}
	}
	for of, s := range received { // deliveries count where the sending is not logged
		if pairs[of] == nil {
			pairs[of] = s
		}
	}
	d.enterLogged(pairs)
}

// tellings sums up what passed between two parties. An event that several logs
// have counts once.
type tellings map[talkOf]*sum

func (t tellings) add(of talkOf, h *half, id string) {
	if of.from == "" || of.to == "" || of.from == of.to {
		return
	}
	s := t[of]
	if s == nil {
		s = &sum{told: map[string]bool{}}
		t[of] = s
	}
	if !s.told[id] {
		s.told[id] = true
		s.add(h, id)
	}
}

// enterLogged makes a contact of the two directions of each pair.
func (d *document) enterLogged(pairs tellings) {
	order := make([]talkOf, 0, len(pairs))
	for of := range pairs {
		order = append(order, of)
	}
	slices.SortFunc(order, func(x, y talkOf) int {
		return cmp.Or(cmp.Compare(x.service, y.service), cmp.Compare(min(x.from, x.to), min(y.from, y.to)),
			cmp.Compare(max(x.from, x.to), max(y.from, y.to)), cmp.Compare(x.from, y.from))
	})
	at := d.contactIndex()
	for _, of := range order {
		k := pairOf{min(of.from, of.to), max(of.from, of.to), of.service}
		i, ok := at[k]
		if !ok {
			i = len(d.Contacts)
			at[k] = i
			d.Contacts = append(d.Contacts, Contact{A: k.a, B: k.b, Service: k.service, Evidence: []string{}})
		}
		c := &d.Contacts[i]
		c.Confidence, c.Grade, c.ExpectedFalse, c.Candidates = certain, "seen", 0, 1
		c.sum(pairs[of])
	}
}

func (c *Contact) sum(s *sum) {
	c.Messages += s.messages
	c.Media += s.media
	c.Calls += s.calls
	c.CallSeconds += s.seconds
	c.Bytes += s.bytes
	if c.First.IsZero() || s.first.Before(c.First) {
		c.First = s.first
	}
	c.Last = later(c.Last, s.last)
	c.Evidence = append(c.Evidence, s.events...)
	c.Via = "direct"
	if c.Messages+c.Media == 0 {
		c.Via = "call"
	}
}
