package analyze

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"envelope/analyze/correlate"
	"envelope/capture"
)

// strand is what one party did in one direction, as far as logs and traffic
// can be laid side by side.
type strand struct{ party, direction, class string }

// classOf makes one of what a log and the traffic may call differently: a
// message with an attachment is media to one and a message to the other.
func classOf(kind string) string {
	if kind == "media" {
		return "message"
	}
	return kind
}

// byStrand gives the indices of the events known so far by strand, in order of
// time.
func (d *document) byStrand() map[strand][]int {
	out := map[strand][]int{}
	for i := range d.Events {
		e := &d.Events[i]
		k := strand{e.Party, e.Direction, classOf(e.Kind)}
		out[k] = append(out[k], i)
	}
	for _, list := range out {
		slices.SortStableFunc(list, func(x, y int) int { return d.Events[x].Time.Compare(d.Events[y].Time) })
	}
	return out
}

func (h *half) strand() strand { return strand{h.party, h.direction, classOf(eventKind(h.Kind))} }

// How far the line of a log and the frame of a message may lie apart once the
// clocks agree: the way from the tap to the server and its queue. A stamp in
// whole units adds its unit.
const lineAfter = 1500 * time.Millisecond

// meetEvents ties the lines of one log to the events known so far, of the
// traffic or of other logs, one to one, in order of time.
func (d *document) meetEvents(list []*half) {
	known := d.byStrand()
	lines := map[strand][]*half{}
	for _, h := range list {
		if h.Kind == capture.EntryCall {
			d.meetCall(h)
			continue
		}
		lines[h.strand()] = append(lines[h.strand()], h)
	}
	for k, of := range lines {
		d.pairUp(of, known[k])
		d.doubt(k, of, known[k])
	}
	d.agreeOnService(list)
	for _, h := range list {
		d.enterHalf(h)
	}
}

// source is a messenger as one log calls it.
type source struct {
	input   int32
	service string
}

// agreeOnService gives lines that do not say of which messenger they are the
// one of the traffic that they met, and traffic of unknown name that of the log.
func (d *document) agreeOnService(list []*half) {
	met := map[source]map[string]int{}
	for _, h := range list {
		if h.event >= 0 {
			k := source{h.at.Input, h.service}
			if met[k] == nil {
				met[k] = map[string]int{}
			}
			met[k][d.Events[h.event].Service]++
		}
	}
	for k, of := range met {
		d.called[k] = mostOf(of)
		if k.service != "" && d.called[k] == unknownMessenger {
			d.rename(unknownMessenger, k.service)
		}
	}
	for _, h := range list {
		if h.service == "" {
			h.service = d.called[source{h.at.Input, ""}]
		}
	}
}

// serviceOf is the messenger that an entry is of, as the report calls it.
func (d *document) serviceOf(e *logged) string {
	if e.Service == "" {
		return d.called[source{e.at.Input, ""}]
	}
	return e.Service
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

// rename calls a messenger of unknown name by its name, wherever it stands.
func (d *document) rename(from, to string) {
	swap := func(s *string) {
		if *s == from {
			*s = to
		}
	}
	for i := range d.Events {
		swap(&d.Events[i].Service)
	}
	for i := range d.Contacts {
		swap(&d.Contacts[i].Service)
	}
	for i := range d.Groups {
		swap(&d.Groups[i].Service)
	}
	for i := range d.Services {
		swap(&d.Services[i].Service)
	}
	for i := range d.Parties {
		for k := range d.Parties[i].Services {
			swap(&d.Parties[i].Services[k])
		}
	}
}

// pairing is a line and an event that may be the same.
type pairing struct {
	line  *half
	event int
	apart time.Duration
}

// pairUp takes the closest pairs first: bursts pair up in order then, and a
// frame that the traffic missed leaves the others in their place.
func (d *document) pairUp(lines []*half, events []int) {
	slices.SortStableFunc(lines, func(x, y *half) int { return cmp.Compare(x.time, y.time) })
	var near []pairing
	from := 0
	for _, h := range lines {
		for from < len(events) && d.timeOf(events[from]) < h.time.Add(-lineAfter) {
			from++
		}
		for _, k := range events[from:] {
			if d.timeOf(k) > h.time.Add(h.Unit+lineAfter) {
				break
			}
			near = append(near, pairing{h, k, outside(d.timeOf(k), h)})
		}
	}
	slices.SortStableFunc(near, func(x, y pairing) int { return cmp.Compare(x.apart, y.apart) })
	taken := map[int]bool{}
	for _, p := range near {
		if p.line.event < 0 && !taken[p.event] {
			p.line.event, taken[p.event] = p.event, true
		}
	}
}

func (d *document) timeOf(event int) capture.Time { return capture.TimeOf(d.Events[event].Time) }

// callApart is how far a call may lie, by a log, from what the traffic shows of
// it: a log begins with the invitation and ends with the last word, the traffic
// with the first check and the last packet.
const callApart = 15 * time.Second

// meetCall ties a logged call to the one of the same parties that the traffic
// showed next to it. Either end may be the one that the traffic showed.
func (d *document) meetCall(h *half) {
	best := callApart + 1
	for i := range d.Events {
		e := &d.Events[i]
		if e.Call == nil || len(e.Evidence) > 0 && e.Evidence[0].Input == d.inputs[h.at.Input] || !h.between(e) {
			continue
		}
		if apart := capture.TimeOf(e.Time).Sub(h.time).Abs(); apart < best && !d.met[i] {
			best, h.event = apart, i
		}
	}
	if h.event >= 0 {
		d.met[h.event] = true
	}
}

// between tells whether a call may be the one of the line, by who was in it.
func (h *half) between(e *Event) bool {
	peer := ""
	if e.Peer != nil {
		peer = *e.Peer
	}
	one, other := e.Party == h.party || e.Party == h.peer, peer == h.party || peer == h.peer
	return one && (other || peer == "" || h.peer == "")
}

// outside is how far t lies from the time that a line's stamp stands for.
func outside(t capture.Time, h *half) time.Duration {
	switch {
	case t < h.time:
		return h.time.Sub(t)
	case t > h.time.Add(h.Unit):
		return t.Sub(h.time.Add(h.Unit))
	}
	return 0
}

// doubt marks messages that the traffic suggested and that the operator's log,
// which has the party's other messages of the same time, does not have.
func (d *document) doubt(k strand, lines []*half, events []int) {
	if k.class != "message" || lines[0].faint || !d.byOperator(lines[0].at) {
		return
	}
	found := map[int]bool{}
	for _, h := range lines {
		found[h.event] = true
	}
	if 2*len(found) < len(lines) {
		return // the log or the traffic is about something else
	}
	first, last := lines[0].time, lines[len(lines)-1].time.Add(time.Second)
	for _, i := range events {
		if t := d.timeOf(i); !found[i] && t >= first && t <= last && d.Events[i].Grade != "seen" {
			d.doubted[d.Events[i].ID] = true
		}
	}
}

// byOperator tells whether an input is the log of a messenger's own server.
func (d *document) byOperator(at capture.Origin) bool {
	return int(at.Input) < len(d.Inputs) && d.Inputs[at.Input].Observer == string(capture.Operator)
}

// dropDoubted removes what no log had after all, and keeps the places of the
// other events known to the lines.
func (d *document) dropDoubted(halves []half) {
	place := make([]int, len(d.Events))
	kept := d.Events[:0]
	for i, e := range d.Events {
		place[i] = len(kept)
		if !d.doubted[e.ID] || e.Grade == "seen" {
			kept = append(kept, e)
		}
	}
	gone := len(d.Events) - len(kept)
	d.Events = kept
	for i := range halves {
		if h := &halves[i]; h.event >= 0 {
			h.event = place[h.event]
		}
	}
	if gone > 0 {
		d.Warnings = append(d.Warnings, fmt.Sprintf("messages that the traffic suggested and the operator's log of the same time does not have are left out: %d", gone))
	}
}

// settleClock finds how far the clock of a log is off that of the events known
// so far, and brings the times of its lines to it.
func (d *document) settleClock(list []*half, input int32) {
	offset, ok := correlate.Shift(d.strands(list))
	if !ok || offset == 0 || int(input) >= len(d.Inputs) {
		return
	}
	for _, h := range list {
		h.time = h.time.Add(offset)
	}
	d.Inputs[input].ClockOffset = math.Round(offset.Seconds()*1e3) / 1e3
}

// strands lays the lines of one log beside the events.
func (d *document) strands(list []*half) []correlate.Strand {
	known := d.byStrand()
	at := map[strand]int{}
	var out []correlate.Strand
	for _, h := range list {
		k := h.strand()
		if len(known[k]) == 0 || h.Kind == capture.EntryCall {
			continue // a log's call begins before the traffic's, whatever the clocks
		}
		n, ok := at[k]
		if !ok {
			n = len(out)
			at[k], out = n, append(out, correlate.Strand{Unit: h.Unit})
			for _, e := range known[k] {
				out[n].True = append(out[n].True, d.timeOf(e))
			}
		}
		out[n].Lines = append(out[n].Lines, h.time)
	}
	return out
}
