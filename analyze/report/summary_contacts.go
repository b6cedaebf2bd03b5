package report

import (
	"fmt"
	"slices"

	"envelope/analyze"
)

// pairSentences says who wrote to whom, how often, when and how sure that is:
// a sentence for each pair if there are few, and the sums otherwise. Pairs that
// only had calls, or only share a group, are told with those.
func (p *printer) pairSentences() []string {
	wrote := slices.DeleteFunc(slices.Clone(p.view.contacts), func(c analyze.Contact) bool {
		return c.Via == "group" || c.Messages+c.Media == 0
	})
	if len(wrote) > maxNamed {
		messages, media := 0, 0
		for _, c := range wrote {
			messages, media = messages+c.Messages+c.Media, media+c.Media
		}
		return []string{fmt.Sprintf("%s wrote %s to each other (%s).", plural(len(wrote), "pair"), messageCount(messages, media), certainty(wrote, ofContact))}
	}
	var out []string
	for _, c := range wrote {
		out = append(out, fmt.Sprintf("%s and %s wrote %s between %s and %s (%s).", p.who(c.A), p.who(c.B),
			messageCount(c.Messages+c.Media, c.Media), p.clock(c.First), p.clock(c.Last), sure(c.Grade, c.Confidence)))
	}
	return out
}

// messageCount is "23 messages, 2 of them with media,": the sentence goes on behind it.
func messageCount(messages, media int) string {
	s := plural(messages, "message")
	if media > 0 {
		s += fmt.Sprintf(", %s of them with media,", grouped(int64(media)))
	}
	return s
}

// groupSentence tells the groups, if there are any.
func (p *printer) groupSentence() string {
	groups := p.view.groups
	if len(groups) == 0 {
		return ""
	}
	messages := 0
	for _, g := range groups {
		messages += g.Messages
	}
	return fmt.Sprintf("%s%s visible, with %s (%s).", plural(len(groups), "group"), are(len(groups)), plural(messages, "message"), certainty(groups, ofGroup))
}

// unmatched says how many messages have nobody known at the other end.
func (p *printer) unmatched() string {
	alone := those(p.view.events, func(e *analyze.Event) bool {
		return (e.Kind == "message" || e.Kind == "media") && e.Peer == nil && e.Group == nil
	})
	if len(alone) == 0 {
		return ""
	}
	return fmt.Sprintf("Of %s the other end is not known (%s).", plural(len(alone), "more message"), certainty(alone, ofEvent))
}
