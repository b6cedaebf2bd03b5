package analyze

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"envelope/analyze/correlate"
	"envelope/capture"
)

// joiner lays logs one by one beside the events that are known so far, of the
// traffic and of other logs.
type joiner struct {
	*document
	strands  map[strandKey]*strand
	calls    map[string]*strand // events that are calls, by each party in them
	unsorted map[*strand]bool
	ids      map[named]int // events by what logs call them
	idFrom   []int32       // the log that an event's MessageID is of, -1 for none; as long as Events
	agree    map[[2]int32]bool
	taken    map[int]bool // calls that a line of the log at hand has
	judged   map[int]bool // events of the traffic of which a log says with whom they were
	doubted  map[int]bool // that a log does not have
	peers    map[string]*string
	rooms    map[room]map[string]*capture.End // of which it is known who is in them
	numbered int                              // events that have an id, or had one
	tells    map[int32]bool                   // logs that tell attachments from other messages
}

// strandKey is what one party did in one direction, as far as logs and traffic
// can be laid side by side.
type strandKey struct{ party, direction, class string }

// strand is the events of one key, in order of time between two logs.
type strand struct {
	class  string
	events []int
}

// named is what a log calls an event.
type named struct {
	in *strand
	id string
}

func newJoiner(d *document) *joiner {
	j := &joiner{document: d, strands: map[strandKey]*strand{}, calls: map[string]*strand{}, unsorted: map[*strand]bool{}, ids: map[named]int{}, agree: map[[2]int32]bool{},
		taken: map[int]bool{}, judged: map[int]bool{}, doubted: map[int]bool{}, peers: map[string]*string{}, numbered: len(d.Events)}
	for i := range d.Events {
		e := &d.Events[i]
		j.place(i, j.strandOf(e.Party, e.Direction, e.Kind))
	}
	j.sort()
	return j
}

// classOf makes one of what a log and the traffic may call differently: a
// message with an attachment is media to one and a message to the other.
func classOf(kind string) string {
	if kind == string(capture.EntryMedia) {
		return string(capture.EntryMessage)
	}
	return kind
}

func (j *joiner) strandOf(party, direction, kind string) *strand {
	k := strandKey{party, direction, classOf(kind)}
	s := j.strands[k]
	if s == nil {
		s = &strand{class: k.class}
		j.strands[k] = s
	}
	return s
}

// place makes an event known.
func (j *joiner) place(i int, in *strand) {
	j.idFrom = append(j.idFrom, -1)
	j.append(in, i)
	if e := &j.Events[i]; e.Call != nil {
		j.append(j.callsOf(e.Party), i)
		if e.Peer != nil && *e.Peer != e.Party {
			j.append(j.callsOf(*e.Peer), i)
		}
	}
}

func (j *joiner) callsOf(party string) *strand {
	s := j.calls[party]
	if s == nil {
		s = &strand{}
		j.calls[party] = s
	}
	return s
}

func (j *joiner) append(s *strand, i int) {
	if n := len(s.events); n > 0 && j.Events[i].Time.Before(j.Events[s.events[n-1]].Time) {
		j.unsorted[s] = true
	}
	s.events = append(s.events, i)
}

// sort puts what came with the last log in its place.
func (j *joiner) sort() {
	for s := range j.unsorted {
		slices.SortStableFunc(s.events, func(x, y int) int { return j.Events[x].Time.Compare(j.Events[y].Time) })
	}
	clear(j.unsorted)
}

func (d *document) timeOf(event int) capture.Time { return capture.TimeOf(d.Events[event].Time) }

// observer is who held an input.
func (d *document) observer(input int32) capture.Observer {
	if int(input) >= len(d.Inputs) {
		return ""
	}
	return capture.Observer(d.Inputs[input].Observer)
}

// tries is how many logs are held against what is known before one is taken
// whose clock could not be compared.
const tries = 8

// join lays the logs beside what is known, those first whose clocks can be
// compared with it, and then the larger: the order in which they were given
// says nothing. What no log has but is to be expected by one of them comes last.
func (j *joiner) join(halves []half) {
	logs := j.byLog(halves)
	for rest := slices.Clone(logs); len(rest) > 0; {
		i := max(0, slices.IndexFunc(rest[:min(tries, len(rest))], j.settleClock))
		j.meet(slices.DeleteFunc(slices.Clone(rest[i]), func(h *half) bool { return h.faint }))
		rest = slices.Delete(rest, i, i+1)
	}
	for _, list := range logs {
		j.meet(slices.DeleteFunc(list, func(h *half) bool { return !h.faint }))
	}
}

// byLog gives the lines of each log, the largest and then the earliest first.
func (j *joiner) byLog(halves []half) [][]*half {
	at := map[int32]int{}
	var out [][]*half
	for i := range halves {
		h := &halves[i]
		k, known := at[h.at.Input]
		if !known {
			k = len(out)
			at[h.at.Input], out = k, append(out, nil)
		}
		h.in = j.strandOf(h.party, h.direction, eventKind(h.Kind))
		out[k] = append(out[k], h)
	}
	slices.SortStableFunc(out, func(x, y []*half) int {
		return cmp.Or(cmp.Compare(len(y), len(x)), cmp.Compare(x[0].time, y[0].time), cmp.Compare(j.pathOf(x[0]), j.pathOf(y[0])))
	})
	return out
}

func (d *document) pathOf(h *half) string {
	if int(h.at.Input) >= len(d.Inputs) {
		return ""
	}
	return d.Inputs[h.at.Input].Path
}

// meet ties the lines of one log to the events known so far, one to one, and
// enters them.
func (j *joiner) meet(list []*half) {
	if len(list) == 0 {
		return
	}
	j.agreeOnService(list)
	clear(j.taken)
	var order []*strand
	lines := map[*strand][]*half{}
	for _, h := range list {
		switch {
		case h.Kind == capture.EntryCall:
			j.meetCall(h)
			continue
		case lines[h.in] == nil:
			order = append(order, h.in)
		}
		lines[h.in] = append(lines[h.in], h)
	}
	for _, in := range order {
		j.pairUp(lines[in], in)
	}
	j.doubt(order, lines)
	for _, h := range list {
		j.enter(h)
	}
	j.sort()
}

// How far the line of a log and the frame of a message may lie apart once the
// clocks agree: the way from the tap to the server and its queue. A stamp in
// whole units adds its unit.
const lineAfter = 1500 * time.Millisecond

// pairUp ties lines to events: those with the same ID, then the closest.
func (j *joiner) pairUp(lines []*half, in *strand) {
	var open []*half
	taken := map[int]bool{}
	for _, h := range lines {
		if k, ok := j.ids[named{in, h.ID}]; ok && h.ID != "" && !taken[k] && j.sameIDs(h, k) && j.fits(h, k) {
			h.event, taken[k] = k, true
		} else {
			open = append(open, h)
		}
	}
	events := slices.DeleteFunc(slices.Clone(in.events), func(k int) bool { return taken[k] })
	for i, k := range j.nearest(open, events, func(h *half, k int) bool { return j.fits(h, k) && !j.otherID(h, k) }) {
		if k >= 0 {
			open[i].event = events[k]
		}
	}
}

// nearest lays lines beside events; see correlate.Nearest.
func (j *joiner) nearest(lines []*half, events []int, may func(h *half, event int) bool) []int {
	slices.SortStableFunc(lines, func(x, y *half) int { return cmp.Compare(x.time, y.time) })
	spans, moments := make([]correlate.Span, len(lines)), make([]capture.Time, len(events))
	for i, h := range lines {
		spans[i] = h.span()
	}
	for i, k := range events {
		moments[i] = j.timeOf(k)
	}
	return correlate.Nearest(spans, moments, lineAfter, func(i, k int) bool { return may(lines[i], events[k]) })
}

// fits tells whether a line may be of an event: of the same messenger, with the
// same peer where logs name both, and no line of the same log has it.
func (j *joiner) fits(h *half, event int) bool {
	e := &j.Events[event]
	if h.service != "" && e.Service != "" && h.service != e.Service {
		return false
	}
	if h.peer != "" && e.Peer != nil && e.PeerConfidence == certain && *e.Peer != h.peer {
		return false
	}
	return !slices.ContainsFunc(e.Evidence, func(v Evidence) bool {
		return v.Input == j.inputs[h.at.Input] && strings.HasPrefix(v.Note, linePrefix)
	})
}

// callApart is how far a call may lie, by a log, from what the traffic shows of
// it: a log begins with the invitation and ends with the last word, the traffic
// with the first check and the last packet.
const callApart = 15 * time.Second

// meetCall ties a logged call to the one of the same parties that is known next
// to it. Either end may be the one that the traffic showed.
func (j *joiner) meetCall(h *half) {
	best := callApart + 1
	for _, party := range []string{h.party, h.peer} {
		if j.calls[party] == nil {
			continue
		}
		list := j.calls[party].events
		from, _ := slices.BinarySearchFunc(list, h.time.Add(-callApart), func(k int, t capture.Time) int { return cmp.Compare(j.timeOf(k), t) })
		for _, k := range list[from:] {
			if j.timeOf(k) > h.time.Add(h.Unit+callApart) {
				break
			}
			if apart := h.span().Apart(j.timeOf(k)); apart < best && h.between(&j.Events[k]) && j.fits(h, k) && !j.otherID(h, k) && !j.taken[k] {
				best, h.event = apart, k
			}
		}
	}
	if h.event >= 0 {
		j.taken[h.event] = true
	}
}

// between tells whether a call may be the one of the line, by who was in it.
func (h *half) between(e *Event) bool {
	peer := ""
	if e.Peer != nil && !isAddress(*e.Peer) {
		peer = *e.Peer
	}
	one, other := e.Party == h.party || e.Party == h.peer, peer == h.party || peer == h.peer
	return one && (other || peer == "" || h.peer == "")
}

// isAddress tells the address that stands for an end of unknown party.
func isAddress(peer string) bool {
	_, err := netip.ParseAddr(peer)
	return err == nil
}
