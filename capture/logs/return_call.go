package logs

import (
	"slices"
	"strings"
	"time"

	"envelope/capture"
)

// returnedCall is a call of a return until its end in the document.
type returnedCall struct {
	at                          int64 // line of its beginning
	id, creator, media          string
	first, offer, accept, until capture.Time
	rejected                    bool
	people                      []capture.End
}

// openCall begins a call by its id and creator.
func (l *legalReturn) openCall() {
	c := l.current()
	c.id = l.fields["call id"]
	if s := l.fields["call creator"]; s != "" {
		c.creator = whatsappAccount(s)
	}
}

func (l *legalReturn) current() *returnedCall {
	if l.call == nil {
		l.call = &returnedCall{at: l.at}
	}
	return l.call
}

// event adds one event of a call.
func (l *legalReturn) event() error {
	f := l.fields
	c := l.current()
	at, err := l.time(f["timestamp"])
	if err != nil {
		return err
	}
	from := capture.End{Account: whatsappAccount(f["from"])}
	from.Addr, from.Port = source(f["from ip"], f["from port"])
	c.person(from)
	for _, to := range ends(f["to"]) {
		c.person(to)
	}
	if media := strings.ToLower(f["media type"]); c.media == "" && (media == "audio" || media == "video") {
		c.media = media
	}
	if c.first == 0 || at < c.first {
		c.first = at
	}
	switch strings.ToLower(f["type"]) {
	case "offer":
		if c.offer == 0 {
			c.offer = at
		}
	case "accept":
		if c.accept == 0 {
			c.accept = at
		}
	case "reject":
		c.rejected, c.until = true, max(c.until, at)
	case "terminate":
		c.until = max(c.until, at)
	}
	return nil
}

// participant adds one party of a call.
func (l *legalReturn) participant() {
	if s := l.fields["phone number"]; s != "" {
		l.current().person(capture.End{Account: whatsappAccount(s), Device: l.fields["platform"]})
	}
}

// person adds an end, or what is new of a known one. The first address stays.
func (c *returnedCall) person(e capture.End) {
	if e.Account == "" {
		return
	}
	i := slices.IndexFunc(c.people, func(p capture.End) bool { return p.Account == e.Account })
	if i < 0 {
		if len(c.people) < maxReturnPeers {
			c.people = append(c.people, e)
		}
		return
	}
	p := &c.people[i]
	if !p.Addr.IsValid() {
		p.Addr, p.Port = e.Addr, e.Port
	}
	if p.Device == "" {
		p.Device = e.Device
	}
}

// yieldCall yields the call that was open.
func (l *legalReturn) yieldCall() {
	c := l.call
	l.call = nil
	if c == nil || l.refused {
		return
	}
	e := &capture.Entry{Kind: capture.EntryCall, Service: "whatsapp", ID: c.id, Until: c.until, Unit: time.Second, From: capture.End{Account: c.creator}}
	e.Call = &capture.CallEntry{Media: c.media, Answered: c.accept, Outcome: c.outcome()}
	for _, p := range c.people {
		if p.Account == c.creator {
			e.From = p
		} else {
			e.To = append(e.To, p)
		}
	}
	at := c.offer
	if at == 0 {
		at = c.first
	}
	now := l.at
	l.at = c.at
	l.entry(at, e)
	l.at = now
}

func (c *returnedCall) outcome() string {
	switch {
	case c.accept != 0:
		return "answered"
	case c.rejected:
		return "rejected"
	case c.until != 0:
		return "unanswered"
	}
	return ""
}
