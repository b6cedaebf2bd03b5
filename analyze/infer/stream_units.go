package infer

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"sort"
	"time"

	"envelope/capture"
)

// unit is one application message as far as record lengths show it: a record,
// a run of full records with its tail, or, on connections that speak in
// requests and answers, all records of one request or answer.
type unit struct {
	at, end capture.Time
	origin  capture.Origin
	took    time.Duration // how long the answer took
	conn    int32         // index into view.conns
	who     int32         // index into view.clients
	size    uint32
	last    uint32  // length of the last record, which tells whether a tail follows
	react   float32 // how far units of this size only answer the other side, 0 to 1
	source  int32   // unit that it was relayed from, -1 for none
	score   float32 // log likelihood ratio of that source
	answer  uint32  // on connections of requests: size of the answer, or of the request it answers
	up      bool
	login   bool  // in the set-up of a session: lists, keys, history
	waited  bool  // in the set-up of a session, but no part of it: a unit down had waited for the client
	setting bool  // in the set-up of a session, before anything came: settings or keys, if nobody else gets it
	closing bool  // in the taking leave at its end
	inner   bool  // part of a burst of which another unit is the substance
	echo    bool  // a copy of what the same client had just sent
	content bool  // of a size and behaviour that carries what people write
	torn    bool  // some of it is missing, so that its size is a guess, and it may be several
	ground  uint8 // why a unit down is taken as a message
	signal  uint8 // of a unit up without content: index into signalKinds
}

// signalKinds are the kinds of units without content. Units hold their numbers:
// without pointers there is nothing in millions of them for the collector to see.
var signalKinds = [...]Kind{noSignal: "", isKeepalive: Keepalive, isPresence: Presence, isTyping: Typing, isReceipt: Receipt}

const (
	noSignal uint8 = iota
	isKeepalive
	isPresence
	isTyping
	isReceipt
)

// view is the traffic of one messenger, ordered by time, with an index by
// client and direction.
type view struct {
	conns   []*Conn
	clients []netip.Addr
	units   []unit
	times   [][2][]capture.Time // by client and direction, ascending
	index   [][2][]int32        // units behind times
	downs   []int32             // all units down, by time
	falls   []fall              // the same, with what a law is learned from
	request []bool              // by conn: strictly requests and answers, as HTTP/1.1 is
	who     []int32             // by conn: index into clients
	beside  []bool              // by conn: opened beside a live one of the same client
	parts   []enclosed          // messages that came in one unit with others
	room    *Room

	torn     *tears  // nil where nothing is missing
	sureOpen float64 // probability that a unit of the size of a message, without source, is one
}

const (
	// joinGap bounds the pause between the records of one message: a sender
	// writes them back to back, so only congestion parts them.
	joinGap = 300 * time.Millisecond
	// fullRecord is the least length of a record that is continued by the
	// next. Senders cut at 4, 8 or 16 KiB (RFC 8446 section 5.1 allows 2^14).
	fullRecord = 4096 - 64
	// burstGap parts two actions of a client: what a client writes within it
	// belongs to one action (people do not send two messages so fast).
	burstGap = 50 * time.Millisecond
	// leastTurns is how many times in turn two sides speak before that is taken
	// for a rule.
	leastTurns = 6
	// loginGap is the first pause in a session that ends its set-up, and
	// loginMost bounds the set-up of a session that is busy from the start.
	loginGap  = 2 * time.Second
	loginMost = 30 * time.Second
	// leaveWithin is the time that taking leave needs: a round trip or two.
	leaveWithin = time.Second
)

// newView cuts the data frames of the message connections into units.
func newView(conns []*Conn, room *Room) *view {
	v := &view{conns: conns, clients: clientsOf(conns), request: room.requesting(conns), room: room}
	v.who = v.whoseConns()
	v.beside = v.besides()
	most := 0
	for _, c := range conns {
		most += len(c.Flow.Frames)
	}
	v.units = emptied(&room.units, most)
	for i, c := range conns {
		room.frames = application(room.frames[:0], c.Flow)
		v.units = appendCut(v.units, room.frames, int32(i), v.who[i], v.request[i])
	}
	inTime(v.units, &room.sorter)
	v.partHouses()
	v.markLogins()
	v.build()
	v.markResponses()
	v.torn = v.tears()
	return v
}

// inTime orders units by time, those of one moment as they are. It sorts their
// numbers: a unit is too large to be moved about.
func inTime(units []unit, s *sorter) {
	first := capture.Time(math.MaxInt64)
	for i := range units {
		first = min(first, units[i].at)
	}
	moments := s.keys(len(units))
	for i := range units {
		moments[i] = keyed{uint64(units[i].at - first), int32(i)}
	}
	permute(units, s.sorted())
}

// permute puts list[order[i]] in place i, every cycle of the permutation in
// turn. It uses order up.
func permute[T any](list []T, order []int32) {
	for i := range order {
		hole, lifted := i, list[i]
		for order[hole] >= 0 {
			next := int(order[hole])
			order[hole] = -1
			if next == i {
				list[hole] = lifted
				break
			}
			list[hole], hole = list[next], next
		}
	}
}

// markResponses ties requests to their answers.
func (v *view) markResponses() {
	asked := make([]int32, len(v.conns))
	for i := range v.units {
		u := &v.units[i]
		switch {
		case !v.request[u.conn]:
		case u.up:
			asked[u.conn] = int32(i)
		case v.units[asked[u.conn]].conn == u.conn && v.units[asked[u.conn]].answer == 0:
			r := &v.units[asked[u.conn]]
			r.answer, r.took, u.answer = u.size, u.at.Sub(r.end), r.size
		}
	}
}

// requesting tells which connections speak strictly in requests and answers.
// One that is too short to tell by itself, and does not speak against it, is taken
// to be like the rest.
func (r *Room) requesting(conns []*Conn) []bool {
	out := make([]bool, len(conns))
	counts := make([][2]int, len(conns))
	var allTurns, allBreaks int
	for i, c := range conns {
		r.frames = application(r.frames[:0], c.Flow)
		t, b := turns(r.frames, true)
		counts[i] = [2]int{t, b}
		allTurns, allBreaks = allTurns+t, allBreaks+b
	}
	for i := range conns {
		t, b := counts[i][0], counts[i][1]
		if t+b < 4 || b == 0 && t < leastTurns {
			t, b = allTurns, allBreaks
		}
		out[i] = t >= leastTurns && b*20 <= t
	}
	return out
}

// clientsOf lists the clients of conns, sorted and without repetition.
func clientsOf(conns []*Conn) []netip.Addr {
	var out []netip.Addr
	for _, c := range conns {
		out = append(out, c.Flow.Client.Addr())
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// recordHeader is the length of a TLS record's header (RFC 8446 section 5.1).
const recordHeader = 5

// data tells whether a frame can be part of a message.
func data(f *capture.Frame) bool {
	return f.Kind == capture.FrameData && f.Length > 0
}

// application gives the data frames of a flow without those that TLS 1.3 hides
// among them (RFC 8446 section 5.1: handshake records after the hellos look like
// data): what the server sends before the client's first record, that record,
// which holds Finished, and a pair of session tickets of one length.
// They are appended to out, which is empty.
func application(out []capture.Frame, f *capture.Flow) []capture.Frame {
	var hello, finished bool
	for i := range f.Frames {
		switch x := &f.Frames[i]; {
		case x.Kind == capture.FrameHandshake:
			hello = hello || len(out) == 0
		case !data(x) && x.Kind != capture.FrameGap:
		case hello && !finished && x.Up && (len(out) == 0 || out[0].Up):
			hello = false // TLS 1.2: the client speaks first
			out = append(out, *x)
		case hello && !finished && x.Up:
			out, finished = out[:0], true
		default:
			out = append(out, *x)
		}
	}
	if finished {
		out = withoutTickets(out)
	}
	return out
}

// withoutTickets takes out the first two records down where they are alike.
func withoutTickets(frames []capture.Frame) []capture.Frame {
	first := slices.IndexFunc(frames, func(f capture.Frame) bool { return !f.Up })
	if first < 0 || first+1 >= len(frames) {
		return frames
	}
	a, b := &frames[first], &frames[first+1]
	if b.Up || a.Length != b.Length || b.Time.Sub(a.Time) > burstGap {
		return frames
	}
	return slices.Delete(frames, first, first+2)
}

// turns counts after how many pauses the other side was next, and after how many
// the same. A server with push breaks the turns at once: having answered, it speaks
// again unasked. Of asked ones those do not count that do not speak for requests: a
// ping by the clock is of the size of the one before, and an acknowledgement has no
// room for a request or its answer. Of an idle session at a server with push nearly
// all turns are such, and its messages would be taken for answers.
func turns(frames []capture.Frame, asked bool) (kept, broken int) {
	var before [2]uint32 // by direction: the last length
	for i := range frames {
		f := &frames[i]
		d := direction(f.Up)
		if i > 0 && f.Time.Sub(frames[i-1].Time) > joinGap {
			last := &frames[i-1]
			switch {
			case f.Up == last.Up && (f.Kind == capture.FrameGap || last.Kind == capture.FrameGap): // the other side may have been next
			case f.Up == last.Up:
				broken++
			case !asked || f.Length != before[d] && last.Length >= leastRequest:
				kept++
			}
		}
		before[d] = f.Length
	}
	return kept, broken
}

// appendCut appends the units that frames of one connection make to out.
func appendCut(out []unit, frames []capture.Frame, conn, who int32, turns bool) []unit {
	from := len(out)
	for i := range frames {
		f := &frames[i]
		size, gap := f.Length, f.Kind == capture.FrameGap
		if gap { // it was one frame, if it was no more
			size = max(size, recordHeader+1) - recordHeader
		}
		if n := len(out); n > from && continues(&out[n-1], f, turns) {
			u := &out[n-1]
			u.size, u.last, u.end, u.torn = u.size+size, size, f.Time, u.torn || gap
			continue
		}
		out = append(out, unit{at: f.Time, end: f.Time, origin: f.Origin, conn: conn, who: who,
			size: size, last: size, up: f.Up, source: -1, torn: gap})
	}
	return out
}

// continues tells whether frame f belongs to the unit before it.
func continues(u *unit, f *capture.Frame, turns bool) bool {
	if u.up != f.Up || f.Time.Sub(u.end) > joinGap {
		return false
	}
	return turns || u.last >= fullRecord
}

// markLogins marks the units of the first and the last moments of a session.
// A connection that is opened beside a live one of the same client is no new
// session, unless it begins as sessions do.
func (v *view) markLogins() {
	until := v.loginEnds()
	for i := range v.units {
		u := &v.units[i]
		u.login = u.at <= until[u.conn]
		f := v.conns[u.conn].Flow
		u.closing = !v.request[u.conn] && f.Last.Sub(u.at) < leaveWithin && f.Last.Sub(f.First) > 10*leaveWithin
	}
}

// loginEnds gives for every connection the time at which its set-up was over,
// or 0 where it has none.
func (v *view) loginEnds() []capture.Time {
	until := make([]capture.Time, len(v.conns))
	for i, c := range v.conns {
		if c.Flow.Midstream || v.beside[i] {
			continue
		}
		until[i] = quietAfter(c.Flow)
	}
	return until
}

// quietAfter finds the end of the first stretch of a flow without a pause.
func quietAfter(f *capture.Flow) capture.Time {
	last := f.First
	for i := range f.Frames {
		t := f.Frames[i].Time
		if t.Sub(last) > loginGap || t.Sub(f.First) > loginMost {
			break
		}
		last = t
	}
	return last
}

// besides tells for every connection whether it was opened while another one
// of the same client had been open for longer than a set-up lasts.
func (v *view) besides() []bool {
	type opening struct {
		first   capture.Time
		who, id int32
	}
	order := make([]opening, len(v.conns))
	for i, c := range v.conns {
		order[i] = opening{c.Flow.First, v.who[i], int32(i)}
	}
	slices.SortFunc(order, func(a, b opening) int {
		if a.who != b.who {
			return int(a.who - b.who)
		}
		return cmp.Or(cmp.Compare(a.first, b.first), int(a.id-b.id))
	})
	out := make([]bool, len(v.conns))
	var settled capture.Time // end of the longest connection that was past its set-up
	old := 0
	for k, o := range order {
		if k == 0 || order[k-1].who != o.who {
			settled, old = 0, k
		}
		for ; o.first.Sub(order[old].first) > loginGap; old++ {
			settled = max(settled, v.conns[order[old].id].Flow.Last)
		}
		out[o.id] = settled >= o.first
	}
	return out
}

// build fills the index by client and direction and marks the lesser units of
// every burst of a client.
func (v *view) build() {
	v.times = make([][2][]capture.Time, len(v.clients))
	v.index = make([][2][]int32, len(v.clients))
	v.reserve()
	for i := range v.units {
		u := &v.units[i]
		d := direction(u.up)
		v.times[u.who][d] = append(v.times[u.who][d], u.at)
		v.index[u.who][d] = append(v.index[u.who][d], int32(i))
		if !u.up {
			v.downs = append(v.downs, int32(i))
			v.falls = append(v.falls, fall{u.at, int32(i), u.who, u.size, u.login})
		}
	}
}

// reserve makes room for the index: the lists of all clients lie in one.
func (v *view) reserve() {
	n := make([][2]int, len(v.clients))
	downs := 0
	for i := range v.units {
		u := &v.units[i]
		n[u.who][direction(u.up)]++
		if !u.up {
			downs++
		}
	}
	times, ids := emptied(&v.room.times, len(v.units)), emptied(&v.room.index, len(v.units))
	for who := range n {
		for d, k := range n[who] {
			v.times[who][d], times = times[:0:k], times[k:k]
			v.index[who][d], ids = ids[:0:k], ids[k:k]
		}
	}
	v.downs, v.falls = emptied(&v.room.downs, downs), emptied(&v.room.falls, downs)
}

// direction gives the index of a direction.
func direction(up bool) int {
	if up {
		return capture.Up
	}
	return capture.Down
}

// between gives the units of client who in one direction with from < time <= to,
// the first relayMost of them where there are more.
func (v *view) between(who int32, d int, from, to capture.Time) []int32 {
	t := v.times[who][d]
	lo := sort.Search(len(t), func(i int) bool { return t[i] > from })
	hi := lo
	for most := min(len(t), lo+relayMost); hi < most && t[hi] <= to; hi++ {
	}
	return v.index[who][d][lo:hi]
}

// byTime gives the connections in the order of their first packets.
func (v *view) byTime() []int {
	out := make([]int, len(v.conns))
	for i := range out {
		out[i] = i
	}
	slices.SortStableFunc(out, func(a, b int) int { return cmp.Compare(v.conns[a].Flow.First, v.conns[b].Flow.First) })
	return out
}

// whoseConns gives the index of every connection's client.
func (v *view) whoseConns() []int32 {
	at := make(map[netip.Addr]int32, len(v.clients))
	for i, a := range v.clients {
		at[a] = int32(i)
	}
	out := make([]int32, len(v.conns))
	for i, c := range v.conns {
		out[i] = at[c.Flow.Client.Addr()]
	}
	return out
}
