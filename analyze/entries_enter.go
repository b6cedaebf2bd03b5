package analyze

import (
	"cmp"
	"time"

	"envelope/capture"
)

// certain is the highest confidence there is: a log may be wrong, or forged.
const certain = 0.9999

// redelivered is how long after the first a line of the same message may come:
// to a further device, or again after one was away.
const redelivered = 24 * time.Hour

// enter adds an event that only a log shows, or what the log says to an event
// that is known. What is only to be expected makes no event.
func (j *joiner) enter(h *half) {
	if h.event < 0 {
		h.event = j.twin(h)
	}
	switch {
	case h.event >= 0:
		j.confirm(h)
	case h.faint:
		return
	default:
		j.add(h)
	}
	e := &j.Events[h.event]
	if h.peer != "" && (e.Peer == nil || e.PeerConfidence != certain) {
		e.Peer, e.PeerConfidence = j.shared(h.peer), certain
	}
	if h.ID != "" {
		if _, known := j.ids[named{h.in, h.ID}]; !known {
			j.ids[named{h.in, h.ID}] = h.event
		}
		if e.MessageID == "" {
			j.idFrom[h.event] = h.at.Input
		}
	}
	e.told(h)
}

// twin gives the event of an earlier line of the same log about the same half of
// the same message or call, -1 for none.
func (j *joiner) twin(h *half) int {
	k, ok := j.ids[named{h.in, h.ID}]
	if !ok || h.ID == "" || !talks(h.Kind) || j.idFrom[k] != h.at.Input {
		return -1
	}
	e := &j.Events[k]
	near := redelivered
	if h.Kind == capture.EntryCall {
		near = callApart
	}
	if h.span().Apart(j.timeOf(k)) > near || h.peer != "" && e.Peer != nil && *e.Peer != h.peer {
		return -1
	}
	return k
}

// confirm adds what a line says to an event that is known.
func (j *joiner) confirm(h *half) {
	e := &j.Events[h.event]
	e.Confidence, e.Grade, e.Service = certain, "seen", cmp.Or(e.Service, h.service)
	e.Evidence = append(e.Evidence, j.evidence(h.at, lineNote(h)))
	if talks(h.Kind) && h.Kind != capture.EntryCall && j.tells[h.at.Input] && !h.guessed {
		e.Kind = eventKind(h.Kind)
	}
	if e.Call != nil {
		e.Call.complete(h.call())
	}
	if h.peer != "" || j.rooms[room{h.Service, h.Group}] != nil {
		j.judged[h.event] = true
	}
}

// add makes an event of a line.
func (j *joiner) add(h *half) {
	e := Event{ID: eventID(j.numbered), Time: h.time.UTC(), Kind: eventKind(h.Kind), Service: h.service, Party: h.party, Direction: h.direction, Bytes: h.Size,
		Confidence: certain, Grade: "seen", Grain: string(capture.GrainEntry), Evidence: []Evidence{j.evidence(h.at, lineNote(h))}}
	if h.Until != 0 {
		end := h.clocked(h.Until).UTC()
		e.End = &end
	}
	if h.Kind == capture.EntryCall {
		e.Call = h.call()
		e.Peer = j.shared(h.peer)
	}
	j.numbered++
	h.event = len(j.Events)
	j.Events = append(j.Events, e)
	j.place(h.event, h.in)
}

// shared gives a party's id in a place that all events point to, nil for none.
func (j *joiner) shared(id string) *string {
	if id == "" {
		return nil
	}
	p := j.peers[id]
	if p == nil {
		p = &id
		j.peers[id] = p
	}
	return p
}

// complete takes what another input says of the same call where c does not know.
func (c *Call) complete(o *Call) {
	for _, f := range []struct {
		own *string
		say string
	}{{&c.Media, o.Media}, {&c.Path, o.Path}, {&c.Role, o.Role}} {
		if *f.own == "unknown" {
			*f.own = f.say
		}
	}
	if c.Outcome == "unknown" && o.Outcome != "unknown" {
		c.Outcome, c.Answered = o.Outcome, o.Answered
	}
	if c.AnsweredAt == nil {
		c.AnsweredAt = o.AnsweredAt
	}
}
