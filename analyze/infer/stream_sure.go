package infer

import (
	"time"

	"envelope/capture"
)

// Probabilities, as measured over the laboratory recordings (XMPP with OMEMO,
// Matrix) and the XMPP captures of the corpus, 2026-11-23: the share of events
// with these grounds that were right, rounded down.
const (
	sureOwn    = 0.97 // sent: of a family with many units
	sureFew    = 0.75 // sent: of a family with few units or of few sizes
	sureLaw    = 0.97 // received: size and delay of a relay
	sureDelay  = 0.8  // received: delay of a relay, size beyond
	sureSize   = 0.85 // received: size, unasked
	sureLoose  = 0.75 // too little traffic to learn a law from
	sureAsked  = 0.85 // received: answered with a receipt of known size
	sureWaited = 0.85 // received: (simulated afternoons, 2026-11-29) while a session began, of a size that is rare there
	sureApart  = 0.9  // received: one of several in one record
	sureTorn   = 0.9  // of a size that was concluded from missing bytes (with packets dropped, 2026-11-30)
	sureSignal = 0.7
	sureLogin  = 0.85
	leastSure  = 0.5 // events less sure are not given
)

// fewUnits is the number of units below which a family is taught too little by.
const fewUnits = 6

// PassedOn is the note of the packet that a received message seems to come from.
const PassedOn = "the record up that it was passed on from"

// notes says for each ground what the packet shows.
var notes = [...]string{
	groundLaw:     "a record down with the size and delay of a message passed on",
	groundDelay:   "a record down with the delay of a message passed on",
	groundSize:    "a record down with the size of a message that nobody asked for",
	groundReceipt: "a record down that the client answered with a receipt",
	groundWaited:  "a record down with the size of a message, which is rare when sessions begin",
}

// sureSent is the probability that unit id, which goes up, was a message; that it
// was passed on speaks for a torn one.
func (v *view) sureSent(fs []family, id int32, passed bool) float64 {
	u := &v.units[id]
	f := &fs[home(fs, u)]
	switch {
	case u.torn && passed:
		return sureTorn * (1 + v.torn.single(u)) / 2
	case u.torn:
		return sureTorn * v.torn.single(u)
	case f.law.anything:
		return sureLoose
	case len(f.units) < fewUnits || !f.varied():
		return sureFew
	}
	return sureOwn
}

// sureReceived is the probability that a unit down was a message.
func (v *view) sureReceived(fs []family, d *unit) float64 {
	switch d.ground {
	case groundLaw:
		if d.torn {
			return sureTorn
		}
		if f := &fs[home(fs, &v.units[d.source])]; f.law.anything || !f.varied() {
			return sureLoose
		}
		return sureLaw
	case groundDelay:
		return sureDelay * v.wholly(d)
	case groundReceipt:
		return sureAsked
	case groundWaited:
		return sureWaited
	}
	return v.sureOpen
}

// loginApart is the least time between two logins of one client: clients open
// several connections at once, and try again when one fails.
const loginApart = 10 * time.Second

// logins gives one event for each session that begins in the capture.
func (v *view) logins() []Event {
	var out []Event
	last := make(map[int32]capture.Time)
	for _, i := range v.byTime() {
		c := v.conns[i]
		who := v.who[i]
		t, again := last[who]
		if c.Flow.Midstream || v.beside[i] || !shakes(c.Flow) || again && c.Flow.First.Sub(t) < loginApart {
			continue
		}
		last[who] = c.Flow.First
		out = append(out, Event{Kind: Login, Time: c.Flow.First, Service: c.Service, Client: c.Flow.Client.Addr(), Server: c.Flow.Server,
			Flow: c.Flow.ID, Confidence: min(sureLogin, c.Weight), Grain: capture.GrainFrame, Evidence: []Evidence{{Origin: c.Flow.FirstAt, Note: "a session begins"}}})
	}
	return out
}

// shakes tells whether a flow shows a handshake and data after it.
func shakes(f *capture.Flow) bool {
	var hand, after bool
	for i := range f.Frames {
		switch k := f.Frames[i].Kind; {
		case k == capture.FrameHandshake:
			hand = true
		case k == capture.FrameData && hand && f.Frames[i].Up:
			after = true
		}
	}
	return hand && after
}
