package analyze

import (
	"fmt"
	"math"
	"time"

	"envelope/analyze/correlate"
	"envelope/analyze/infer"
	"envelope/capture"
)

// Channel is what a message list from elsewhere showed about the parties: which
// of them are in the conversation that the list is of.
type Channel struct {
	Name      string         `json:"name"`
	File      string         `json:"file"`
	Messages  int            `json:"messages"`   // in the list
	InCapture int            `json:"in_capture"` // within the time of the inputs
	Parties   []ChannelParty `json:"parties"`
	Needed    int            `json:"needed,omitzero"` // messages more, as telling as those at hand, until the best party is likely
	Note      string         `json:"note"`            // why no party is named, or with what reserve
}

// ChannelParty is a party that may be in the conversation.
type ChannelParty struct {
	Party      string   `json:"party"`
	Service    string   `json:"service"`
	Matched    int      `json:"matched"`   // messages of the list that fit an event of the party better than chance
	Of         int      `json:"of"`        // messages in the capture
	Direction  string   `json:"direction"` // sent, received, both: what the party did with them
	Confidence float64  `json:"confidence"`
	Grade      string   `json:"grade"`
	Offset     float64  `json:"offset_s"` // by which its events follow the times of the list, median: delay and difference of clocks
	Evidence   []string `json:"evidence"` // event ids
}

// channels holds the lists of the options against the events. list and
// d.Events have the same order; first and last are the time that they cover.
func (d *document) channels(list []infer.Event, first, last capture.Time) {
	party := map[string]int32{}
	for i, p := range d.Parties {
		party[p.ID] = int32(i)
	}
	events, index := d.messages(list, party)
	o := correlate.ChannelOptions{Level: d.opt.Least, First: first, Last: last}
	for i := range d.opt.Channels {
		l := &d.opt.Channels[i]
		o.Resolution = l.Resolution
		found := correlate.FindChannel(listed(l), events, len(d.Parties), o)
		d.Channels = append(d.Channels, d.channel(l, found, index))
		d.Warnings = append(d.Warnings, l.Warnings...)
	}
}

// span is the time that the inputs cover, or else the events.
func (d *document) span() (first, last capture.Time) {
	extend := func(t time.Time) {
		at := capture.TimeOf(t)
		if first == 0 || at < first {
			first = at
		}
		last = max(last, at)
	}
	for _, in := range d.Inputs {
		if in.First != nil && in.Last != nil {
			extend(*in.First)
			extend(*in.Last)
		}
	}
	if first == 0 {
		for i := range d.Events {
			extend(d.Events[i].Time)
		}
	}
	return first, last
}

func listed(l *capture.MessageList) []correlate.Listed {
	out := make([]correlate.Listed, len(l.Messages))
	for i, m := range l.Messages {
		out[i] = correlate.Listed{Time: m.Time, Size: m.Size, Known: m.Media || m.Text}
		if m.Media {
			out[i].Kind = correlate.Media
		}
	}
	return out
}

func (d *document) channel(l *capture.MessageList, found *correlate.Channel, index []int32) Channel {
	c := Channel{Name: l.Name, File: l.Path, Messages: len(l.Messages), InCapture: found.InCapture, Parties: []ChannelParty{},
		Needed: found.Needed, Note: found.Note}
	for i := range found.Parties {
		c.Parties = append(c.Parties, d.channelParty(&found.Parties[i], found.InCapture, index))
	}
	if b := found.Best; b != nil {
		c.Note += fmt.Sprintf(" (nearest: %s with %d of %d, %.2f)", d.Parties[b.Party].ID, b.Matched, found.InCapture, round(b.Confidence))
	}
	if found.InCapture == 0 && len(l.Messages) > 0 {
		c.Note += fmt.Sprintf(": it is of %s to %s", l.Messages[0].Time.UTC().Format(time.RFC3339), l.Messages[len(l.Messages)-1].Time.UTC().Format(time.RFC3339))
	}
	if l.Unzoned {
		if c.Note != "" {
			c.Note += "; "
		}
		c.Note += "the times of the list name no zone, and were read in that of --tz"
	}
	return c
}

func (d *document) channelParty(p *correlate.ChannelParty, of int, index []int32) ChannelParty {
	out := ChannelParty{Party: d.Parties[p.Party].ID, Matched: p.Matched, Of: of, Confidence: round(p.Confidence), Grade: Grade(p.Confidence),
		Offset: math.Round(p.Offset.Seconds()*1e3) / 1e3, Evidence: []string{}}
	switch {
	case p.Sent > 0 && p.Received > 0:
		out.Direction = "both"
	case p.Sent > 0:
		out.Direction = "sent"
	default:
		out.Direction = "received"
	}
	for _, i := range p.Events {
		e := &d.Events[index[i]]
		out.Service = e.Service
		out.Evidence = append(out.Evidence, e.ID)
	}
	return out
}
