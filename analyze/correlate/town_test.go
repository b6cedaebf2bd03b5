package correlate

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"envelope/capture"
)

// town makes the events of people who write to each other, with the truth.
type town struct {
	people  int
	hours   float64
	a       float64 // messages that one sends an hour, about
	outside float64 // share of people who are not seen
	locked  float64 // share of phones that connect every few minutes only
	groups  int
	alone   bool // nobody inside writes to anybody inside
	loss    float64
	false_  float64 // share of events that are none
	scale   float64 // of sizes
	grow    int     // bytes by which direct messages grow
	jitter  time.Duration

	r      *rand.Rand
	at     [][]capture.Time // when each locked phone connects
	seen   []bool
	busy   []capture.Time // until when a phone is in its owner's hand
	events []Event
	from   []int32 // of each event: the true other end (None outside), for received ones
	group  []int32
	msg    []int32
	n      int32
	pairs  map[uint64]int // direct messages of two people inside
	sets   [][]int32      // members inside
	sent   []int          // messages to each group
}

func newTown(people int, hours float64, seed uint64) *town {
	return &town{people: people, hours: hours, a: 3, outside: 0.3, locked: 0.3, groups: people / 10, grow: 60, scale: 1,
		r: rand.New(rand.NewPCG(seed, 7)), pairs: map[uint64]int{}}
}

// make fills events in order of time.
func (t *town) make() *town {
	t.seen, t.busy = make([]bool, t.people), make([]capture.Time, t.people)
	t.at = make([][]capture.Time, t.people)
	for p := range t.people {
		t.seen[p] = t.r.Float64() >= t.outside
		if t.r.Float64() < t.locked {
			phase := t.r.Int64N(int64(3 * time.Minute))
			for at := phase; at < int64(t.hours*float64(time.Hour))+int64(time.Hour); at += int64(3*time.Minute) + t.r.Int64N(int64(10*time.Second)) {
				t.at[p] = append(t.at[p], capture.Time(at))
			}
		}
	}
	var talks []talk
	// About four friends each, some of whom one writes to much more often.
	for p := range t.people {
		for range 1 + t.r.IntN(4) {
			q := t.r.IntN(t.people)
			if q == p || t.alone && t.seen[p] && t.seen[q] {
				continue
			}
			talks = append(talks, t.talks([]int32{int32(p), int32(q)}, t.a*t.hours*0.8*math.Exp(t.r.NormFloat64()), None)...)
		}
	}
	for g := range t.groups {
		var m []int32
		for range 3 + t.r.IntN(5) {
			m = with(m, int32(t.r.IntN(t.people)))
		}
		if t.alone {
			kept := false
			m = slices.DeleteFunc(m, func(p int32) bool { drop := t.seen[p] && kept; kept = kept || t.seen[p]; return drop })
		}
		t.sets, t.sent = append(t.sets, m), append(t.sent, 0)
		if len(m) >= 3 {
			talks = append(talks, t.talks(m, t.a*t.hours*2, int32(g))...)
		}
	}
	slices.SortStableFunc(talks, func(x, y talk) int { return int(x.at - y.at) })
	for _, x := range talks {
		t.write(x)
	}
	return t.sorted()
}

// talk is one message.
type talk struct {
	at    capture.Time
	from  int32
	who   []int32
	group int32
}

// talks spreads about n messages over conversations.
func (t *town) talks(who []int32, n float64, group int32) []talk {
	var out []talk
	for n > 0 && t.r.Float64() < n {
		at := t.r.Float64() * t.hours * 3600
		k := 1 + int(t.r.ExpFloat64()*6)
		from := who[t.r.IntN(len(who))]
		for range k {
			out = append(out, talk{capture.Time(at * 1e9), from, who, group})
			at += 6 * math.Exp(t.r.NormFloat64())
			if t.r.Float64() < 0.6 {
				from = who[t.r.IntN(len(who))]
			}
			n--
		}
	}
	return out
}

// write sends one message and delivers it.
func (t *town) write(x talk) {
	t.n++
	size := uint32(t.scale * (250 + 60*math.Exp(t.r.NormFloat64())))
	var bulk uint64
	if t.r.Float64() < 0.05 {
		bulk = uint64(50000 * math.Exp(t.r.NormFloat64()))
	}
	t.busy[x.from] = max(t.busy[x.from], x.at.Add(time.Minute))
	t.put(Event{Time: x.at, Party: x.from, Sent: true, Size: size + uint32(t.r.IntN(16)), Bulk: bulk}, None, x.group)
	inside := 0
	for _, to := range x.who {
		if to == x.from {
			continue
		}
		at := x.at.Add(60*time.Millisecond + time.Duration(t.r.ExpFloat64()*80e6) + time.Duration(t.r.Float64()*float64(t.jitter)))
		if l := t.at[to]; l != nil && at > t.busy[to] {
			if k, _ := slices.BinarySearch(l, at); k < len(l) {
				at = l[k].Add(time.Duration(t.r.Float64() * 2e9))
			}
		}
		grow := t.grow
		if x.group != None {
			grow += 40
		}
		src := x.from
		if !t.seen[src] {
			src = None
		}
		t.put(Event{Time: at, Party: to, Size: size + uint32(grow+t.r.IntN(16)), Bulk: bulk + bulk/100}, src, x.group)
		t.put(Event{Time: at.Add(time.Duration(50e6 + t.r.Float64()*200e6)), Party: to, Sent: true, Kind: Receipt, Size: 60}, x.from, x.group)
		if t.seen[to] && t.seen[x.from] {
			inside++
			if x.group == None {
				t.pairs[ordered(x.from, to)]++
			}
		}
	}
	if x.group != None && t.seen[x.from] {
		t.sent[x.group]++
	}
}

func (t *town) put(e Event, src, group int32) {
	if !t.seen[e.Party] || t.r.Float64() < t.loss {
		return
	}
	if e.Bulk > 0 {
		e.Kind = Media
	}
	e.Confidence = 0.97
	t.events, t.from, t.group, t.msg = append(t.events, e), append(t.from, src), append(t.group, group), append(t.msg, t.n)
	if t.r.Float64() < t.false_ {
		e.Time, e.Sent = e.Time.Add(time.Duration(t.r.Float64()*60e9)), t.r.IntN(2) == 0
		t.events, t.from, t.group, t.msg = append(t.events, e), append(t.from, None), append(t.group, None), append(t.msg, -1)
	}
}

func (t *town) sorted() *town {
	order := make([]int, len(t.events))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return int(t.events[i].Time - t.events[j].Time) })
	events, from, group, msg := make([]Event, len(order)), make([]int32, len(order)), make([]int32, len(order)), make([]int32, len(order))
	for k, i := range order {
		events[k], from[k], group[k], msg[k] = t.events[i], t.from[i], t.group[i], t.msg[i]
	}
	t.events, t.from, t.group, t.msg = events, from, group, msg
	return t
}

// marks is how well a result agrees with the truth.
type marks struct {
	precision, recall   float64 // of direct contacts at 0.9, with at least 10 messages for the recall
	groupP, groupR      float64
	jaccard             float64
	attribP, attribR    float64 // of received messages from inside
	outsider            float64 // share of received messages from outside that got a peer
	wrong, expect, said float64 // likely contacts: wrong ones, expected wrong ones, all
	shared              float64 // of the wrong ones, those that share a group
}

func (t *town) judge(res *Result) marks {
	var m marks
	shared := map[uint64]bool{}
	for g, who := range t.sets {
		if t.sent[g] == 0 {
			continue
		}
		for i, a := range who {
			for _, b := range who[i+1:] {
				shared[ordered(a, b)] = true
			}
		}
	}
	got := map[uint64]float64{}
	for _, c := range res.Contacts {
		if c.Via == "direct" {
			got[ordered(c.A, c.B)] = c.Confidence
		}
		if c.Confidence >= 0.9 && c.Via == "direct" {
			m.said++
			m.expect += 1 - c.Confidence
			if t.pairs[ordered(c.A, c.B)] == 0 {
				m.wrong++
				if shared[ordered(c.A, c.B)] {
					m.shared++
				}
			}
		}
	}
	m.precision = 1 - m.wrong/max(1, m.said)
	hit, all := 0., 0.
	for k, n := range t.pairs {
		if n >= 10 {
			all++
			if got[k] >= 0.9 {
				hit++
			}
		}
	}
	m.recall = hit / max(1, all)
	var right, told, in, out, outTold float64
	for i, e := range t.events {
		if e.Sent || e.Kind > Media || t.msg[i] < 0 {
			continue
		}
		p := res.Peers[i].Party
		if t.from[i] == None {
			out++
			if p != None {
				outTold++
			}
			continue
		}
		in++
		if p != None {
			told++
			if p == t.from[i] {
				right++
			}
		}
	}
	m.attribP, m.attribR, m.outsider = right/max(1, told+outTold), right/max(1, in), outTold/max(1, out)
	t.judgeGroups(res, &m)
	return m
}

func (t *town) judgeGroups(res *Result, m *marks) {
	of := map[int32][]int{}
	want := 0.
	for g, who := range t.sets {
		in := 0
		for _, p := range who {
			of[p] = append(of[p], g)
			if t.seen[p] {
				in++
			}
		}
		if in >= 3 && t.sent[g] >= 5 {
			want++
		}
	}
	best := map[int]float64{}
	good := 0.
	for _, x := range res.Groups {
		top := 0.
		for _, y := range x.Members {
			for _, g := range of[y.Party] {
				both, all := 0., float64(len(x.Members))
				for _, p := range t.sets[g] {
					if !t.seen[p] {
						continue
					}
					if slices.ContainsFunc(x.Members, func(z Member) bool { return z.Party == p }) {
						both++
					} else {
						all++
					}
				}
				top = max(top, both/all)
				best[g] = max(best[g], both/all)
			}
		}
		if top >= 0.5 {
			good++
		}
	}
	var sum float64
	found := 0.
	for g, who := range t.sets {
		in := 0
		for _, p := range who {
			if t.seen[p] {
				in++
			}
		}
		if in >= 3 && t.sent[g] >= 5 {
			sum += best[g]
			if best[g] >= 0.5 {
				found++
			}
		}
	}
	m.groupP, m.groupR, m.jaccard = good/max(1, float64(len(res.Groups))), found/max(1, want), sum/max(1, want)
}
