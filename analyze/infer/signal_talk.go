package infer

import (
	"cmp"
	"math"
	"slices"
	"time"

	"envelope/capture"
)

// tie finds for every unit down the unit up of another client that it was passed
// on from: by the delays that stand out from chance, by their sizes, and where
// several fit, from whom most comes.
func (x *signalTalk) tie() []int32 {
	source := make([]int32, len(x.units))
	for i := range source {
		source[i] = -1
	}
	if len(x.clients) < 2 {
		return source
	}
	var ups []int32
	for i := range x.units {
		if x.units[i].up {
			ups = append(ups, int32(i))
		}
	}
	l := &law{anything: true}
	x.lags(l, x.sample(ups), false)
	over := x.over()
	pairs := make(map[delivery]float64)
	for range 2 {
		x.tieBy(l, ups, over, source, pairs)
		clear(pairs)
		for id, s := range source {
			if s >= 0 {
				pairs[delivery{x.units[s].who, x.units[id].who}]++
			}
		}
	}
	return source
}

// Log likelihood ratios of the sizes of a request at both ends: most requests
// have one block, those of more are rarer, and sizes that disagree belong
// together only where the recipient has several devices.
const (
	sameShort  = 0.3
	sameLong   = 2
	otherSizes = -2
)

// tieBy is one round of tie, with the number of deliveries of each pair so far.
func (x *signalTalk) tieBy(l *law, ups []int32, over []uint32, source []int32, pairs map[delivery]float64) {
	score := make([]float64, len(x.units))
	for i := range source {
		source[i] = -1
	}
	for _, id := range ups {
		u := &x.units[id]
		best := make(map[int32]int32) // to each client at most once
		x.pair(u, u.at, false, func(k int32, d *unit, lag time.Duration) {
			s := l.lag[lagBin(lag)] + x.alike(over[id], over[k]) + math.Log1p(pairs[delivery{u.who, d.who}])/2
			if s <= leastScore || source[k] >= 0 && score[k] >= s {
				return
			}
			if b, ok := best[d.who]; ok {
				if score[b] >= s {
					return
				}
				source[b] = -1
			}
			best[d.who], source[k], score[k] = k, id, s
		})
	}
}

// alike compares the contents of a request up and a push by how much longer they
// are than the shortest: base64 makes four bytes of three on the way up.
func (x *signalTalk) alike(up, down uint32) float64 {
	switch block := x.law.OneBlock; {
	case up <= block && down <= block:
		return sameShort
	case up*3/4 <= down+block && down <= up*3/4+block:
		return sameLong
	}
	return otherSizes
}

// over gives for each unit by how much it is longer than the shortest that is
// common at its client.
func (x *signalTalk) over() []uint32 {
	out := make([]uint32, len(x.units))
	for _, own := range x.index {
		for _, ids := range own {
			var all []uint32
			for _, id := range ids {
				all = append(all, x.units[id].size)
			}
			base := commonLeast(all)
			for _, id := range ids {
				out[id] = x.units[id].size - min(base, x.units[id].size)
			}
		}
	}
	return out
}

// request is one request with a message in the talk of two, as far as it was
// seen: sent by one, got by the other.
type request struct {
	ids       [2]int32 // units at the sender and at the receiver, -1 where not seen
	sent, got capture.Time
	side      uint8 // 0: sent by the first of the two
	size      sizes
	queued    bool // it waited until its recipient was online
	back      bool // its sender had just come back, and got what had waited
	// due is how often a second a receipt is due from its sender to its receiver,
	// for what came from nobody known.
	due float64
}

// at is when a request was first seen.
func (r *request) at() capture.Time {
	if r.ids[0] >= 0 {
		return r.sent
	}
	return r.got
}

// since is the time from one request of a side to its next.
func (r *request) since(before *request) time.Duration {
	if r.ids[0] >= 0 && before.ids[0] >= 0 {
		return r.sent.Sub(before.sent)
	}
	return r.at().Sub(before.at())
}

// sizes is the lengths of a request's records over the smallest of its client
// and direction, at sender and receiver: exact up to half a block, long beyond
// that, unseen where that end is not in the capture.
type sizes [2]int16

const (
	unseenSize = -2
	longSize   = -1
)

func (s sizes) long() bool { return s[0] == longSize || s[1] == longSize }

// pairing is two clients, the second of them -1 for all outside the capture.
type pairing [2]int32

// talks parts the requests by who talks to whom. A request that has no other
// end in the capture belongs to the talk around it where it is one of few, or
// right behind it and so may be its copy for linked devices; else to the talk
// with the outside.
func (x *signalTalk) talks() map[pairing][]request {
	out := make(map[pairing][]request)
	tied := make([][]int32, len(x.units))
	for id, s := range x.source {
		if s >= 0 {
			tied[s] = append(tied[s], int32(id))
		}
	}
	inside := x.insiders(tied)
	for i := range x.units {
		u := &x.units[i]
		switch {
		case u.setting && len(tied[i]) == 0:
		case u.up && len(tied[i]) > 0:
			for _, id := range tied[i] {
				x.add(out, pairing{u.who, x.units[id].who}, int32(i), id)
			}
		case u.up:
			x.add(out, pairing{u.who, x.company(i, inside, tied)}, int32(i), -1)
		case x.source[i] < 0:
			x.add(out, pairing{x.company(i, inside, tied), u.who}, -1, int32(i))
		}
	}
	for _, list := range out {
		x.measure(list)
		slices.SortStableFunc(list, func(a, b request) int { return cmp.Compare(a.at(), b.at()) })
	}
	return out
}

// add notes a request from one to another. In a talk with the outside, the
// client of the capture comes first.
func (x *signalTalk) add(out map[pairing][]request, way pairing, up, down int32) {
	r := request{ids: [2]int32{up, down}}
	if up >= 0 {
		r.sent, r.back = x.units[up].at, x.units[up].login
	}
	if up >= 0 && down >= 0 {
		r.due = x.due(up)
	}
	if down >= 0 {
		r.got, r.queued = x.units[down].at, x.units[down].login && up < 0
	}
	if way[0] < 0 || way[1] >= 0 && way[0] > way[1] {
		way[0], way[1] = way[1], way[0]
		r.side = 1
	}
	out[way] = append(out[way], r)
}

// due is how often a second, at the time of unit i up, its client owes one of the
// others a receipt for something that came and that nobody is known to have sent:
// what waited for its phone, or went to a group. Any of them may have written it.
func (x *signalTalk) due(i int32) float64 {
	u, law := &x.units[i], &x.law.DeliveredNear
	pushes := x.index[u.who][direction(false)]
	k, _ := slices.BinarySearch(x.times[u.who][direction(false)], u.at)
	var sum float64
	for _, id := range slices.Backward(pushes[max(0, k-companyMost):k]) {
		s := u.at.Sub(x.units[id].at).Seconds()
		if s > law.WindowS {
			break
		}
		if x.source[id] < 0 {
			sum += law.Share * law.density(s)
		}
	}
	return sum / float64(len(x.clients))
}

// mostlyInside is the share of a client's requests with their other end in the
// capture from which the rest are taken to be of the same talks.
const mostlyInside = 0.8

// insiders tells for each client whether most of its talk is with clients of
// the capture.
func (x *signalTalk) insiders(tied [][]int32) []bool {
	all, in := make([]float64, len(x.clients)), make([]float64, len(x.clients))
	for i := range x.units {
		u := &x.units[i]
		if u.setting && len(tied[i]) == 0 {
			continue
		}
		all[u.who]++
		if u.up && len(tied[i]) > 0 || !u.up && x.source[i] >= 0 {
			in[u.who]++
		}
	}
	out := make([]bool, len(x.clients))
	for i := range out {
		out[i] = in[i] >= mostlyInside*all[i]
	}
	return out
}

// companyMost bounds the requests looked at on either side of one.
const companyMost = 256

// company finds the talk that unit i without another end belongs to, by the
// client's nearest one with another end: -1 for the outside.
func (x *signalTalk) company(i int, inside []bool, tied [][]int32) int32 {
	u := &x.units[i]
	who, best := int32(-1), 5*time.Second
	look := func(k int) {
		w := &x.units[k]
		d := u.at.Sub(w.at).Abs()
		follows := u.up && w.up && k < i && d <= seconds(x.law.Synced.WindowS)
		if w.who != u.who || d > best || !inside[u.who] && !follows {
			return
		}
		if w.up && len(tied[k]) > 0 {
			who, best = x.units[tied[k][0]].who, d
		} else if !w.up && x.source[k] >= 0 {
			who, best = x.units[x.source[k]].who, d
		}
	}
	for n := 1; n <= companyMost; n++ {
		if i-n >= 0 {
			look(i - n)
		}
		if i+n < len(x.units) {
			look(i + n)
		}
	}
	return who
}

// measure gives the requests of one talk their sizes. The shortest differ from
// side to side: names and certificates differ, and so does the number of
// devices that each request is sealed for.
func (x *signalTalk) measure(list []request) {
	for side := range uint8(2) {
		for end := range 2 {
			var all []uint32
			for i := range list {
				if r := &list[i]; r.side == side && r.ids[end] >= 0 {
					all = append(all, x.units[r.ids[end]].size)
				}
			}
			base := commonLeast(all)
			for i := range list {
				if r := &list[i]; r.side == side {
					r.size[end] = x.offset(r.ids[end], base)
				}
			}
		}
	}
}

// offset is how much longer a unit is than the shortest of its kind.
func (x *signalTalk) offset(id int32, base uint32) int16 {
	switch {
	case id < 0:
		return unseenSize
	case x.units[id].size > base+x.law.OneBlock:
		return longSize
	}
	return int16(x.units[id].size - min(base, x.units[id].size))
}

// commonLeast is the least size that a tenth of all have.
func commonLeast(all []uint32) uint32 {
	slices.Sort(all)
	n := 0
	for i, s := range all {
		if i > 0 && s != all[i-1] {
			n = 0
		}
		if n++; n*10 >= len(all) {
			return s
		}
	}
	if len(all) > 0 {
		return all[0]
	}
	return 0
}
