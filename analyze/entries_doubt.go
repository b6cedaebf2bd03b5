package analyze

import (
	"fmt"
	"slices"
	"time"

	"envelope/capture"
)

// lacks is the events of the traffic that a log could have, and those it has not.
type lacks struct{ of, not int }

// rate is the share of events that a log lacks, without one that is in
// question; where there are few, other counts for as much as likeOthers of them.
func (l lacks) rate(other float64) float64 {
	const likeOthers = 8
	return (float64(l.not-1) + likeOthers*other) / float64(l.of-1+likeOthers)
}

// doubt lowers the confidence of messages that the traffic suggested and that
// the operator's log of the same party, messenger and direction lacks between
// others that it has. How much this says is told by how many others it lacks:
// a log of one kind of message, or with gaps, says little.
func (j *joiner) doubt(order []*strand, lines map[*strand][]*half) {
	var all lacks
	in := map[*strand]lacks{}
	missing := map[*strand][]int{}
	for _, s := range order {
		of := lines[s]
		if s.class != string(capture.EntryMessage) || of[0].faint || j.observer(of[0].at.Input) != capture.Operator {
			continue
		}
		n := 0
		n, missing[s] = j.uncovered(s, of)
		in[s] = lacks{n, len(missing[s])}
		all.of, all.not = all.of+n, all.not+len(missing[s])
	}
	for s, list := range missing {
		for _, k := range list {
			e := &j.Events[k]
			rate := in[s].rate(float64(all.not-1) / float64(max(1, all.of-1)))
			odds := e.Confidence / (1 - e.Confidence) * rate
			p := odds / (1 + odds)
			if j.doubted[k] = p < j.opt.Least; !j.doubted[k] {
				e.Confidence, e.Grade = round(p), Grade(p)
			}
		}
	}
}

// uncovered counts the events of the traffic between the first and the last line
// that a log has of a strand, and gives those of them that no line met.
func (j *joiner) uncovered(s *strand, lines []*half) (of int, missing []int) {
	met, services := map[int]bool{}, map[string]bool{}
	first, last := lines[0].time, lines[len(lines)-1].time.Add(time.Second)
	for _, h := range lines {
		services[h.service] = true
		met[h.event] = true
	}
	for _, k := range s.events {
		e, t := &j.Events[k], j.timeOf(k)
		if e.Grain == string(capture.GrainEntry) || !services[e.Service] || t < first || t > last {
			continue
		}
		of++
		if !met[k] && e.Grade != "seen" {
			missing = append(missing, k)
		}
	}
	return of, missing
}

// dropDoubted removes what no log had after all, and keeps the places of the
// other events known to the lines.
func (j *joiner) dropDoubted(halves []half) {
	place := make([]int, len(j.Events))
	kept := j.Events[:0]
	judged := map[int]bool{}
	for i, e := range j.Events {
		place[i] = len(kept)
		if j.doubted[i] && e.Grade != "seen" {
			continue
		}
		if j.judged[i] {
			judged[len(kept)] = true
		}
		kept = append(kept, e)
	}
	gone := len(j.Events) - len(kept)
	j.Events, j.judged = kept, judged
	for i := range halves {
		if h := &halves[i]; h.event >= 0 {
			h.event = place[h.event]
		}
	}
	if gone > 0 {
		j.Warnings = append(j.Warnings, fmt.Sprintf("messages that the traffic suggested and the operator's log of the same time does not have are left out: %d", gone))
	}
}

// giveWay takes back contacts and groups that the traffic suggested where a log
// says of most of the events they rest on with whom these were, and leaves the
// calls of which no log says so.
func (j *joiner) giveWay() {
	judged, at := map[string]bool{}, map[string]int{}
	members := map[string]lacks{} // of each group
	for i := range j.Events {
		e := &j.Events[i]
		judged[e.ID], at[e.ID] = j.judged[i], i
		if e.Group != nil {
			l := members[*e.Group]
			l.of++
			if !j.judged[i] {
				l.not++
			}
			members[*e.Group] = l
		}
	}
	j.Groups = slices.DeleteFunc(j.Groups, func(g Group) bool {
		l := members[g.ID]
		return l.of > 0 && 2*l.not <= l.of
	})
	j.regroup()
	kept := j.Contacts[:0]
	for _, c := range j.Contacts {
		if j.remains(&c, judged, at) {
			kept = append(kept, c)
		}
	}
	j.Contacts = kept
}

// remains takes from a contact of the traffic what a log tells better, false
// where nothing is left. Events that are no more were in doubt.
func (j *joiner) remains(c *Contact, judged map[string]bool, at map[string]int) bool {
	if len(c.Evidence) == 0 {
		return c.Via != "group" || j.inGroup(c)
	}
	var talk lacks
	calls := Contact{A: c.A, B: c.B, Via: "call", Service: c.Service, Confidence: c.Confidence, Grade: c.Grade, Candidates: c.Candidates, Evidence: []string{}}
	var open []string
	for _, id := range c.Evidence {
		i, known := at[id]
		switch {
		case known && j.Events[i].Call != nil:
			if !judged[id] {
				calls.addCall(&j.Events[i])
			}
		case known && !judged[id]:
			open, talk.not = append(open, id), talk.not+1
			fallthrough
		default:
			talk.of++
		}
	}
	if 2*talk.not <= talk.of {
		*c = calls
		return c.Calls > 0
	}
	c.Calls, c.CallSeconds, c.Evidence = calls.Calls, calls.CallSeconds, append(open, calls.Evidence...)
	return true
}

// inGroup tells whether a group that is left has both ends of a contact.
func (j *joiner) inGroup(c *Contact) bool {
	return slices.ContainsFunc(j.Groups, func(g Group) bool {
		return g.Service == c.Service && slices.Contains(g.Members, c.A) && slices.Contains(g.Members, c.B)
	})
}

// regroup numbers the groups that are left, wherever they are named.
func (j *joiner) regroup() {
	now := map[string]*string{}
	for i := range j.Groups {
		id := groupID(i)
		now[j.Groups[i].ID], j.Groups[i].ID = &id, id
	}
	for i := range j.Events {
		if e := &j.Events[i]; e.Group != nil {
			e.Group = now[*e.Group]
		}
	}
}
