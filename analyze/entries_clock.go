package analyze

import (
	"math"
	"slices"
	"time"

	"envelope/analyze/correlate"
	"envelope/capture"
)

// settleClock finds how far the clock of a log is off that of the events known
// so far, and brings the times of its lines to it; false where they cannot be
// compared.
func (j *joiner) settleClock(list []*half) bool {
	offset, ok := j.clockByIDs(list)
	if !ok {
		offset, ok = correlate.Shift(j.sample(list))
	}
	if !ok || offset == 0 {
		return ok
	}
	for _, h := range list {
		h.time = h.time.Add(offset)
	}
	if input := int(list[0].at.Input); input < len(j.Inputs) {
		j.Inputs[input].ClockOffset = math.Round(offset.Seconds()*1e3) / 1e3
	}
	return true
}

// Clocks that agree to clockStep are taken for the same. Fewer messages in
// common than agreeFewest tell no clock.
const (
	clockStep   = 100 * time.Millisecond
	agreeFewest = 3
)

// clockByIDs compares clocks by what both a log and the events call by the same
// ID, and notes which logs have IDs in common: those by which most lie equally
// far apart. Numbers that each of two logs counts for itself do not.
func (j *joiner) clockByIDs(list []*half) (time.Duration, bool) {
	apart := map[int32][]time.Duration{}
	for _, h := range list {
		if k, ok := j.ids[named{h.in, h.ID}]; ok && h.ID != "" && j.Events[k].MessageID == h.ID {
			apart[j.idFrom[k]] = append(apart[j.idFrom[k]], after(h, j.timeOf(k)))
		}
	}
	best, offset := 0, time.Duration(0)
	for input, of := range apart {
		slices.Sort(of)
		middle, near := of[len(of)/2], 0
		for _, x := range of {
			if (x - middle).Abs() <= lineAfter {
				near++
			}
		}
		if 2*near <= len(of) || len(of) < agreeFewest && middle.Abs() > lineAfter {
			continue
		}
		j.agree[[2]int32{list[0].at.Input, input}] = true
		if near > best || near == best && middle.Abs() < offset.Abs() {
			best, offset = near, middle
		}
	}
	if offset.Abs() <= clockStep {
		offset = 0
	}
	return offset, best >= agreeFewest
}

// after is how far after a line an event is, 0 within the line's unit.
func after(h *half, t capture.Time) time.Duration {
	if t < h.time {
		return t.Sub(h.time)
	}
	return h.span().Apart(t)
}

// sameIDs tells whether the log of a line and the one that gave an event its ID
// call messages by the same IDs: those of one kind of server do.
func (j *joiner) sameIDs(h *half, event int) bool {
	a, b := h.at.Input, j.idFrom[event]
	if b < 0 || j.agree[[2]int32{a, b}] {
		return b >= 0
	}
	return int(max(a, b)) < len(j.Inputs) && j.Inputs[a].Format != "" && j.Inputs[a].Format == j.Inputs[b].Format && j.observer(a) != capture.Device
}

// otherID tells that a line is of another message than an event, by their IDs.
func (j *joiner) otherID(h *half, event int) bool {
	id := j.Events[event].MessageID
	return id != "" && h.ID != "" && id != h.ID && j.sameIDs(h, event)
}

// clockLines is how many lines of a log are enough to tell its clock.
const clockLines = 4000

// sample lays lines of one log beside the events, evenly chosen from it.
func (j *joiner) sample(list []*half) []correlate.Strand {
	at := map[*strand]int{}
	var out []correlate.Strand
	for i := 0; i < len(list); i += 1 + len(list)/clockLines {
		h := list[i]
		if len(h.in.events) == 0 || h.Kind == capture.EntryCall {
			continue // a log's call begins before the traffic's, whatever the clocks
		}
		n, ok := at[h.in]
		if !ok {
			n = len(out)
			at[h.in], out = n, append(out, correlate.Strand{Unit: h.Unit})
			for _, e := range h.in.events {
				out[n].True = append(out[n].True, j.timeOf(e))
			}
		}
		out[n].Lines = append(out[n].Lines, h.time)
	}
	return out
}

// agreeOnService gives lines that do not say of which messenger they are the
// one of the events that lie beside them, and the traffic of unknown name that
// lies beside a log the log's.
func (j *joiner) agreeOnService(list []*half) {
	beside := map[string]map[string]int{} // by what the log calls it, then by what the event does
	strange := map[string]map[string]bool{}
	lines := map[*strand][]*half{}
	for _, h := range list {
		lines[h.in] = append(lines[h.in], h)
	}
	for in, of := range lines {
		for i, k := range j.nearest(of, in.events, func(*half, int) bool { return true }) {
			if k < 0 {
				continue
			}
			called, known := of[i].service, j.Events[in.events[k]].Service
			if beside[called] == nil {
				beside[called], strange[called] = map[string]int{}, map[string]bool{}
			}
			beside[called][known]++
			if known == unknownMessenger {
				strange[called][of[i].party] = true
			}
		}
	}
	for called, counts := range beside {
		if called != "" && counts[called] == 0 && mostOf(counts) == unknownMessenger {
			j.rename(strange[called], called)
		}
	}
	for _, h := range list {
		if h.service == "" {
			h.service = mostOf(beside[""])
		}
	}
}

// mostOf gives the key with the greatest count, the first of several.
func mostOf(counts map[string]int) string {
	best := ""
	for _, k := range sortedKeys(counts) {
		if best == "" || counts[k] > counts[best] {
			best = k
		}
	}
	return best
}

// rename calls what parties did on a messenger of unknown name by its name.
func (d *document) rename(parties map[string]bool, to string) {
	swap := func(s *string, of ...string) {
		if *s == unknownMessenger && slices.ContainsFunc(of, func(p string) bool { return parties[p] }) {
			*s = to
		}
	}
	for i := range d.Events {
		swap(&d.Events[i].Service, d.Events[i].Party)
	}
	for i := range d.Contacts {
		swap(&d.Contacts[i].Service, d.Contacts[i].A, d.Contacts[i].B)
	}
	for i := range d.Groups {
		swap(&d.Groups[i].Service, d.Groups[i].Members...)
	}
	for i := range d.Services {
		swap(&d.Services[i].Service, d.Services[i].Party)
	}
	for i := range d.Parties {
		for k := range d.Parties[i].Services {
			swap(&d.Parties[i].Services[k], d.Parties[i].ID)
		}
	}
}
