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

// byStrand gives the indices of the events of the traffic by strand, in order
// of time.
func (d *document) byStrand() map[strand][]int {
	out := map[strand][]int{}
	for i := range d.Events {
		e := &d.Events[i]
		k := strand{e.Party, e.Direction, classOf(e.Kind)}
		out[k] = append(out[k], i)
	}
	return out
}

func (h *half) strand() strand { return strand{h.party, h.direction, classOf(eventKind(h.Kind))} }

// How far the line of a log and the frame of a message may lie apart once the
// clocks agree: the way from the tap to the server and its queue. A stamp in
// whole units adds its unit.
const lineAfter = 1500 * time.Millisecond

// meetTraffic ties the halves that logs have to the events that the traffic
// showed, one to one, in order of time.
func (d *document) meetTraffic(halves []half) {
	traffic := d.byStrand()
	lines := map[strand][]int{}
	for i := range halves {
		if halves[i].Kind == capture.EntryCall {
			d.meetCall(&halves[i])
			continue
		}
		k := halves[i].strand()
		lines[k] = append(lines[k], i)
	}
	for k, list := range lines {
		d.pairUp(halves, list, traffic[k])
	}
	d.leaveOut(halves, lines, traffic)
	d.agreeOnService(halves)
}

// source is a messenger as one log calls it.
type source struct {
	input   int32
	service string
}

// agreeOnService gives lines that do not say of which messenger they are the
// one of the traffic that they met, and traffic of unknown name that of the log.
func (d *document) agreeOnService(halves []half) {
	met := map[source]map[string]int{}
	for i := range halves {
		if h := &halves[i]; h.event >= 0 {
			k := source{h.at.Input, h.service}
			if met[k] == nil {
				met[k] = map[string]int{}
			}
			met[k][d.Events[h.event].Service]++
		}
	}
	called := map[source]string{}
	for k, of := range met {
		called[k] = mostOf(of)
	}
	for k, found := range called {
		if k.service != "" && found == unknownMessenger {
			d.rename(found, k.service)
		}
	}
	for i := range halves {
		if h := &halves[i]; h.service == "" {
			h.service = called[source{h.at.Input, ""}]
		}
	}
	d.called = called
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
	line, event int
	apart       time.Duration
}

// pairUp takes the closest pairs first: bursts pair up in order then, and a
// frame that the traffic missed leaves the others in their place.
func (d *document) pairUp(halves []half, lines, events []int) {
	slices.SortStableFunc(lines, func(x, y int) int { return cmp.Compare(halves[x].time, halves[y].time) })
	var near []pairing
	from := 0
	for _, i := range lines {
		h := &halves[i]
		for from < len(events) && capture.TimeOf(d.Events[events[from]].Time) < h.time.Add(-lineAfter) {
			from++
		}
		for _, k := range events[from:] {
			t := capture.TimeOf(d.Events[k].Time)
			if t > h.time.Add(h.Unit+lineAfter) {
				break
			}
			near = append(near, pairing{i, k, outside(t, h)})
		}
	}
	slices.SortStableFunc(near, func(x, y pairing) int { return cmp.Compare(x.apart, y.apart) })
	taken := map[int]bool{}
	for _, p := range near {
		if halves[p.line].event < 0 && !taken[p.event] {
			halves[p.line].event, taken[p.event] = p.event, true
		}
	}
}

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

// leaveOut removes messages that the traffic suggested and that the operator's
// log, which has the party's other messages of the same time, does not have.
func (d *document) leaveOut(halves []half, lines, traffic map[strand][]int) {
	wrong := map[int]bool{}
	for k, list := range lines {
		if k.class != "message" {
			continue
		}
		first, last, found := halves[list[0]].time, halves[list[len(list)-1]].time, map[int]bool{}
		for _, i := range list {
			if halves[i].event >= 0 {
				found[halves[i].event] = true
			}
		}
		if len(found) < len(list)/2 || !d.byOperator(halves[list[0]].at) {
			continue // the log or the traffic is about something else
		}
		for _, i := range traffic[k] {
			if t := capture.TimeOf(d.Events[i].Time); !found[i] && t >= first && t <= last.Add(time.Second) {
				wrong[i] = true
			}
		}
	}
	d.drop(halves, wrong)
}

// byOperator tells whether an input is the log of a messenger's own server.
func (d *document) byOperator(at capture.Origin) bool {
	return int(at.Input) < len(d.Inputs) && d.Inputs[at.Input].Observer == string(capture.Operator)
}

// drop removes events, and keeps the places of the others known to the halves.
func (d *document) drop(halves []half, wrong map[int]bool) {
	if len(wrong) == 0 {
		return
	}
	place := make([]int, len(d.Events))
	kept := d.Events[:0]
	for i, e := range d.Events {
		place[i] = len(kept)
		if !wrong[i] {
			kept = append(kept, e)
		}
	}
	d.Events = kept
	for i := range halves {
		if halves[i].event >= 0 {
			halves[i].event = place[halves[i].event]
		}
	}
	d.Warnings = append(d.Warnings, fmt.Sprintf("%d events that the traffic suggested are left out: the operator's log of the same time does not have them", len(wrong)))
}

// settleClocks finds how far the clock of each log is off the traffic's, and
// brings the times of its lines to it.
func (d *document) settleClocks(halves []half) {
	traffic := d.byStrand()
	byInput := map[int32][]int{}
	for i := range halves {
		byInput[halves[i].at.Input] = append(byInput[halves[i].at.Input], i)
	}
	for input, list := range byInput {
		offset, ok := correlate.Shift(d.strands(halves, list, traffic))
		if !ok || offset == 0 || int(input) >= len(d.Inputs) {
			continue
		}
		for _, i := range list {
			halves[i].time = halves[i].time.Add(offset)
		}
		d.Inputs[input].ClockOffset = math.Round(offset.Seconds()*1e3) / 1e3
	}
}

// strands lays the lines of one log beside the traffic.
func (d *document) strands(halves []half, list []int, traffic map[strand][]int) []correlate.Strand {
	at := map[strand]int{}
	var out []correlate.Strand
	for _, i := range list {
		h := &halves[i]
		k := h.strand()
		if len(traffic[k]) == 0 || h.Kind == capture.EntryCall {
			continue // a log's call begins before the traffic's, whatever the clocks
		}
		n, ok := at[k]
		if !ok {
			n = len(out)
			at[k], out = n, append(out, correlate.Strand{Unit: h.Unit})
			for _, e := range traffic[k] {
				out[n].True = append(out[n].True, capture.TimeOf(d.Events[e].Time))
			}
		}
		out[n].Lines = append(out[n].Lines, h.time)
	}
	return out
}
