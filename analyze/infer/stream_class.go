package infer

import (
	"maps"
	"math"
	"slices"
	"sort"
	"time"

	"envelope/capture"
)

const (
	// answerWithin is how soon a client or server that answers by itself does
	// so: a round trip over a poor mobile link and some thinking.
	answerWithin = 500 * time.Millisecond
	// spontaneous is the excess of answering below which units of a size are
	// taken to start something.
	spontaneous = 0.4
	// answering is the excess from which units down of a size are taken for
	// answers. It is higher, since who receives a message soon writes as well.
	answering = 0.6
	// pollWidth is how far the sizes of requests that wait for news lie apart:
	// the token of where the client is grows.
	pollWidth = 8
	// familyGap is the ratio of neighbouring sizes that parts two families.
	familyGap = 1.15
)

// shifts are the offsets by which a unit is moved to learn how often it would
// follow another by chance at that level of traffic.
var shifts = [...]time.Duration{-23100 * time.Millisecond, -17300 * time.Millisecond, -11900 * time.Millisecond,
	7700 * time.Millisecond, 13300 * time.Millisecond, 19100 * time.Millisecond}

// family is a range of sizes that is set apart from the next.
type family struct {
	low, high uint32
	units     []int32
	spread    float64 // size at the 90th percentile over that at the 10th
	clients   int
	sizes     int     // different sizes
	peaked    float64 // share of the pairs of units of one client that are of one size
	relayed   float64 // share of units that another client received, beyond chance
	answer    uint32  // size of what the server answers to most of them, 0 where that varies
	fan       float64 // to how many others a relayed unit went
	tested    bool    // whether a law was known to find that by
	leaving   float64 // share of units that are among the last of their connection
	content   bool
	law       *law // how its units are passed on
}

// answersMost is the number of units from which answering is learned at most.
const answersMost = 1 << 16

// markAnswers gives every unit of a direction the excess with which units of
// its size follow something from the other side, over what chance makes of it.
func (v *view) markAnswers(up bool) {
	ids := v.settled(up)
	some := spaced(v.whole(ids), answersMost)
	found := emptied(&v.room.found, len(some))[:len(some)] // in order of time, in which units lie in memory
	last := make([]cursors, len(v.clients))
	for k, id := range some {
		found[k][0], found[k][1] = v.answers(id, &last[v.units[id].who])
	}
	sizes, sums := emptied(&v.room.sizes, len(some)), emptied(&v.room.sums, len(some)+1)
	sums = append(sums, [2]float64{}) // of hits and of chance, of all sizes before
	for k, i := range v.bySize(some) {
		sizes = append(sizes, v.units[some[i]].size)
		sums = append(sums, [2]float64{sums[k][0] + found[i][0], sums[k][1] + found[i][1]})
	}
	react := make(map[uint32]float32)
	for _, id := range ids {
		u := &v.units[id]
		r, ok := react[u.size]
		if !ok {
			lo, hi := alikeSizes(sizes, u.size)
			n, h, c := float64(hi-lo), sums[hi][0]-sums[lo][0], sums[hi][1]-sums[lo][1]
			r = float32(max(0, (h-c)/(n-c+1)))
			react[u.size] = r
		}
		u.react = r
	}
	if !up {
		v.markNews(ids)
	}
}

// settled gives the units of a direction that are of no login. They are good until
// it is asked again.
func (v *view) settled(up bool) []int32 {
	n := len(v.downs)
	if up {
		n = len(v.units) - n
	}
	ids := emptied(&v.room.settled, n)
	for i := range v.units {
		if u := &v.units[i]; u.up == up && !u.login {
			ids = append(ids, int32(i))
		}
	}
	return ids
}

// whole gives those of units of which nothing is missing: what is learned of sizes
// is learned from them.
func (v *view) whole(ids []int32) []int32 {
	if !slices.ContainsFunc(ids, v.isTorn) {
		return ids
	}
	return slices.DeleteFunc(slices.Clone(ids), v.isTorn)
}

func (v *view) isTorn(id int32) bool { return v.units[id].torn }

// bySize gives the order of units by size, those of one size as they are. It is good
// until it is asked again.
func (v *view) bySize(ids []int32) []int32 {
	sizes := v.room.sorter.keys(len(ids))
	for i, id := range ids {
		sizes[i] = keyed{uint64(v.units[id].size), int32(i)}
	}
	return v.room.sorter.sorted()
}

// markNews tells, on connections of requests, answers to requests that wait
// for news, which count as unasked, from answers to all others.
func (v *view) markNews(ids []int32) {
	held := make(map[uint32]int)
	for i := range v.units {
		if u := &v.units[i]; u.up && u.took >= hangAtLeast && u.size <= pollMost {
			held[u.size]++
		}
	}
	var polls []uint32
	for s, n := range held {
		if n >= 2 {
			polls = append(polls, s)
		}
	}
	slices.Sort(polls)
	for _, id := range ids {
		d := &v.units[id]
		if !v.request[d.conn] || len(polls) == 0 {
			continue
		}
		d.react = 1
		if k := sort.Search(len(polls), func(i int) bool { return polls[i]+pollWidth >= d.answer }); k < len(polls) && polls[k] <= d.answer+pollWidth {
			d.react = 0
		}
	}
}

// cursors are places in the times of one client's other side: for units in order
// of time each of them only moves forward, at each shift and at the true moment.
type cursors [len(shifts) + 1]int32

// soonAfter tells, as 0 or 1, whether a moment follows one of times within
// answerWithin. The cursor is that of earlier moments.
func soonAfter(times []capture.Time, at capture.Time, cursor *int32) float64 {
	i := int(*cursor)
	for i < len(times) && times[i] < at {
		i++
	}
	*cursor = int32(i)
	if i > 0 && at.Sub(times[i-1]) <= answerWithin {
		return 1
	}
	return 0
}

// answers tells whether unit id follows something from the other side, and how
// often it would at other moments.
func (v *view) answers(id int32, last *cursors) (hit, chance float64) {
	u := &v.units[id]
	t := v.times[u.who][1-direction(u.up)]
	for k, d := range shifts {
		chance += soonAfter(t, u.at.Add(d), &last[k]) / float64(len(shifts))
	}
	return soonAfter(t, u.at, &last[len(shifts)]), max(chance, density(t))
}

// density is the chance of being within answerWithin of one of times, at their
// mean rate, for captures that are too short to shift; 0 for others.
func density(times []capture.Time) float64 {
	n := len(times)
	if n < 2 {
		return 0
	}
	span := times[n-1].Sub(times[0]) + answerWithin
	if span > 2*shifts[len(shifts)-1] {
		return 0
	}
	return 1 - math.Exp(-float64(n)*float64(answerWithin)/float64(span))
}

// alikeSizes gives the range of sizes, which ascend, that are like one: the same where
// that is common, else those within a few per cent.
func alikeSizes(sizes []uint32, size uint32) (lo, hi int) {
	s := float64(size)
	for _, r := range [...]float64{1, 1.005, 1.01, 1.02, 1.04} {
		lo = sort.Search(len(sizes), func(i int) bool { return float64(sizes[i]) >= s/r })
		hi = sort.Search(len(sizes), func(i int) bool { return float64(sizes[i]) > s*r })
		if hi-lo >= 12 {
			break
		}
	}
	return lo, hi
}

// leaders gives the units of one direction that start something, one for each
// burst: the largest.
func (v *view) leaders(up bool) []int32 {
	var out []int32
	last := make(map[int32]int) // client to position in out
	for i := range v.units {
		u := &v.units[i]
		if u.up != up || u.login || u.torn || u.react >= spontaneous {
			continue
		}
		if k, ok := last[u.who]; ok && up && u.at.Sub(v.units[out[k]].at) <= burstGap {
			if u.size > v.units[out[k]].size {
				v.units[out[k]].inner, u.inner = true, false
				out[k] = int32(i)
			} else {
				u.inner = true
			}
			continue
		}
		last[u.who] = len(out)
		out = append(out, int32(i))
	}
	return out
}

// families parts units by size where sizes leave a gap.
func (v *view) families(ids []int32) []family {
	var out []family
	var last uint32
	for k, i := range v.bySize(ids) {
		s := v.units[ids[i]].size
		if k == 0 || float64(s) > float64(last)*familyGap {
			out = append(out, family{low: s})
		}
		f := &out[len(out)-1]
		f.high, f.units, last = s, append(f.units, ids[i]), s
	}
	for i := range out {
		v.measure(&out[i])
	}
	return out
}

// measure fills the figures of a family whose units are sorted by size. Spread
// and sizes are those within one client: sizes also differ by the names of
// sender and recipient, which says nothing of what was written.
func (v *view) measure(f *family) {
	sizes := make(map[int32][]uint32)
	for _, id := range f.units {
		u := &v.units[id]
		sizes[u.who] = append(sizes[u.who], u.size)
		if u.closing {
			f.leaving += 1 / float64(len(f.units))
		}
	}
	var sum, n float64
	for _, who := range slices.Sorted(maps.Keys(sizes)) {
		s := sizes[who]
		f.sizes = max(f.sizes, len(slices.Compact(slices.Clone(s))))
		if k := len(s); k >= 3 {
			f.peaked += float64(k) * peaked(s)
			sum += float64(k) * math.Log(float64(s[k*9/10])/float64(s[k/10]))
			n += float64(k)
		}
	}
	f.peaked /= max(1, n)
	f.spread = math.Exp(sum / max(1, n))
	f.clients = len(sizes)
	f.answer = v.usualAnswer(f.units)
}

// usualAnswer is the size of the answer that more than half of the units got.
func (v *view) usualAnswer(ids []int32) uint32 {
	count := make(map[uint32]int)
	for _, id := range ids {
		a := v.units[id].answer
		if count[a]++; a > 0 && 2*count[a] > len(ids) {
			return a
		}
	}
	return 0
}
