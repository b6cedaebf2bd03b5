package report

import (
	"fmt"

	"envelope/analyze"
)

// channels says who is in the conversations of the message lists that were
// given, and of each list that names nobody why.
func (p *printer) channels() {
	t := &table{into: 1, cols: []column{
		{title: "message list", keep: 9},
		{title: "party", keep: 9},
		{title: "messages", keep: 8, prefix: "messages "},
		{title: "direction", keep: 4},
		{title: "service", keep: 4},
		{title: "after the list by", keep: 3, prefix: "after the list by "},
		{title: "how sure", keep: 8, least: 11},
		{title: "events", keep: 1, least: 8, prefix: "events "},
	}}
	var notes []string
	for _, c := range p.r.Channels {
		for _, m := range c.Parties {
			if m.Confidence >= p.o.Min {
				t.add(Clean(c.Name), p.who(m.Party), fmt.Sprintf("%s of %s", grouped(int64(m.Matched)), grouped(int64(m.Of))), Clean(m.Direction),
					p.service(m.Service), fmt.Sprintf("%.1f%ss", m.Offset, hard), sure(m.Grade, m.Confidence), some(m.Evidence))
			}
		}
		notes = append(notes, channelNote(c)...)
	}
	p.section("Channels", t)
	if len(t.rows) == 0 && len(notes) > 0 {
		p.title("Channels")
	}
	for _, n := range notes {
		p.paragraph("- "+n, "  ")
	}
}

func channelNote(c analyze.Channel) []string {
	if c.Note == "" {
		return nil
	}
	return []string{fmt.Sprintf("%s (%s of its %s in the time of the inputs): %s", Clean(c.Name), grouped(int64(c.InCapture)), plural(c.Messages, "message"), Clean(c.Note))}
}

// channelsAtLeast copies channels without the parties that are less probable.
func channelsAtLeast(list []analyze.Channel, least float64) []analyze.Channel {
	var out []analyze.Channel
	for _, c := range list {
		c.Parties = filter(c.Parties, func(p analyze.ChannelParty) bool { return p.Confidence >= least })
		out = append(out, c)
	}
	return out
}
