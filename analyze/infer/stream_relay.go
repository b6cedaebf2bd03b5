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
	// relayWithin bounds the time a server takes to pass a message on to a
	// client that is listening.
	relayWithin = time.Second
	// relayMost bounds the frames looked at behind one frame, so that a tap
	// with thousands of clients costs no more than their number.
	relayMost = 512
	// lagBins divide relayWithin; their edges grow by half, from 10 ms.
	lagBins = 14
	// deltaWidth is the tolerance in bytes of a difference of sizes: the names
	// of sender and recipient are of different lengths.
	deltaWidth = 2
	// rareShare is the least share of the commonest difference that another
	// needs; one below five times that may be less than it by rareBelow bytes
	// at most, the room of an optional element of the stream.
	rareShare = 0.03
	rareBelow = 64
)

// law is how a server passes messages on: by how many bytes they change and
// how long that takes, as ratios of what is seen to what chance makes of it.
type law struct {
	delta    map[int32]float64 // log likelihood ratio by difference of sizes
	lag      [lagBins]float64  // log likelihood ratio by delay
	most     float64           // pairs in excess of chance at the commonest difference
	low      int32             // least and greatest difference that stands out
	high     int32
	anything bool // too little data for differences: any plausible one will do
	first    bool // the copy to the sender is the next news it gets
}

// lagBin gives the bin of a delay.
func lagBin(d time.Duration) int {
	edge := 10 * time.Millisecond
	for i := 0; i < lagBins-1; i++ {
		if d <= edge {
			return i
		}
		edge += edge / 2
	}
	return lagBins - 1
}

// pair calls f for every frame down that could be unit u passed on, were u
// sent at moment at; own says whether to look at the sender or at the others.
func (v *view) pair(u *unit, at capture.Time, own bool, f func(id int32, d *unit, lag time.Duration)) {
	v.behind(at, func(id int32, d *unit, lag time.Duration) {
		if (d.who == u.who) == own {
			f(id, d, lag)
		}
	})
}

// behind calls f for every frame down that a server could have made of what it
// got at moment at.
func (v *view) behind(at capture.Time, f func(id int32, d *unit, lag time.Duration)) {
	lo := sort.Search(len(v.downs), func(i int) bool { return v.units[v.downs[i]].at > at })
	for n, id := range v.downs[lo:] {
		d := &v.units[id]
		lag := d.at.Sub(at)
		if lag > relayWithin || n >= relayMost {
			return
		}
		if !d.login {
			f(id, d, lag)
		}
	}
}

// lagBands are the ranges of delays, in bins, in which a law is looked for where
// it does not stand out from all of them together, as on a busy tap.
var lagBands = [...][2]int{{0, 3}, {2, 5}, {4, 7}, {6, 9}, {8, 11}}

// learn measures the law from frames ups and what follows them at others and
// (copies) at the sender, which may get a copy, against the same at shifted
// moments; first at all delays, then again at those that stood out.
func (v *view) learn(ups []int32, copies bool) *law {
	ups = sample(ups)
	first := v.tally(ups, copies, func(time.Duration) bool { return true })
	for _, b := range lagBands {
		if len(first.delta) > 0 && first.most >= float64(len(ups))/4 || len(ups) < fewUps {
			break
		}
		l := v.tally(ups, copies, func(lag time.Duration) bool { k := lagBin(lag); return b[0] <= k && k <= b[1] })
		if l.most > first.most {
			first = l
		}
	}
	if len(first.delta) == 0 {
		return first
	}
	return v.tally(ups, copies, func(lag time.Duration) bool { return first.lag[lagBin(lag)] > 0 })
}

// sampleMost is the number of units that a law is learned from at most.
const sampleMost = 4000

// sample gives units evenly spaced among ids where there are too many.
func sample(ids []int32) []int32 {
	if len(ids) <= sampleMost {
		return ids
	}
	out := make([]int32, sampleMost)
	for i := range out {
		out[i] = ids[i*len(ids)/sampleMost]
	}
	return out
}

// tally is one round of learn, over the delays that near accepts.
func (v *view) tally(ups []int32, copies bool, near func(time.Duration) bool) *law {
	seen, chance := make(map[int32]float64), make(map[int32]float64)
	from := make(map[int32]map[uint32]bool) // difference to the sizes sent that show it
	v.compare(ups, copies, func(u, d *unit, lag time.Duration, shifted bool) {
		switch {
		case !plausible(u, d) || !near(lag):
		case shifted:
			chance[int32(d.size)-int32(u.size)] += 1 / float64(len(shifts))
		default:
			k := int32(d.size) - int32(u.size)
			seen[k]++
			if from[k] == nil {
				from[k] = make(map[uint32]bool)
			}
			from[k][u.size] = true
		}
	})
	v.disprove(seen, from, ups)
	l := &law{delta: make(map[int32]float64), low: math.MaxInt32, high: math.MinInt32}
	l.keep(seen, chance)
	v.lags(l, ups, copies)
	return l
}

// disprove takes out differences that few of the sizes sent show: what follows
// a message at a size of its own is not that message.
func (v *view) disprove(seen map[int32]float64, from map[int32]map[uint32]bool, ups []int32) {
	all := make(map[uint32]bool)
	for _, id := range ups {
		all[v.units[id].size] = true
	}
	need := min(3, (len(all)+2)/4)
	few := make([]int32, 0)
	for k := range seen {
		sizes := make(map[uint32]bool)
		for j := k - deltaWidth; j <= k+deltaWidth; j++ {
			maps.Copy(sizes, from[j])
		}
		if len(sizes) < need {
			few = append(few, k)
		}
	}
	for _, k := range few {
		delete(seen, k)
	}
}

// compare calls f for every pair of a frame up and what follows it at others
// and (copies) at the sender, and for the same at shifted moments.
func (v *view) compare(ups []int32, copies bool, f func(u, d *unit, lag time.Duration, shifted bool)) {
	for _, id := range ups {
		u := &v.units[id]
		shifted := false
		take := func(_ int32, d *unit, lag time.Duration) {
			if copies || d.who != u.who {
				f(u, d, lag, shifted)
			}
		}
		v.behind(u.at, take)
		shifted = true
		for _, s := range shifts {
			v.behind(u.at.Add(s), take)
		}
	}
}

// keep takes over the differences that stand out from chance: the common ones,
// and rarer ones near the commonest or above it. What a message sets off at its
// recipient (receipts and their answers) follows it at a fixed difference as
// well, but is smaller and looser.
func (l *law) keep(seen, chance map[int32]float64) {
	var mode int32
	var most float64
	for d := range seen {
		if x := around(seen, d) - around(chance, d); x > most || x == most && d < mode {
			mode, most = d, x
		}
	}
	for d := range seen {
		o, c := around(seen, d), around(chance, d)
		common := o-c >= 5*rareShare*most
		if o >= 3*c+2 && o-c >= max(3, rareShare*most) && (common || d >= mode-rareBelow) {
			l.delta[d] = math.Log(o / (c + 0.3))
			l.most = max(l.most, o-c)
			l.low, l.high = min(l.low, d), max(l.high, d)
		}
	}
}

// plausible tells whether a server could have made d of u: it rewrites the
// envelope (names, identifiers, times), not what is in it.
func plausible(u, d *unit) bool {
	return 2*d.size > u.size && d.size < max(2*u.size, u.size+512)
}

// around sums counts within deltaWidth of d.
func around(m map[int32]float64, d int32) float64 {
	var s float64
	for k := d - deltaWidth; k <= d+deltaWidth; k++ {
		s += m[k]
	}
	return s
}

// lags measures the delays of pairs whose difference fits.
func (v *view) lags(l *law, ups []int32, copies bool) {
	var seen, chance [lagBins]float64
	var all float64
	v.compare(ups, copies, func(u, d *unit, lag time.Duration, shifted bool) {
		switch {
		case !l.fits(u, d):
		case shifted:
			chance[lagBin(lag)] += 1 / float64(len(shifts))
		default:
			seen[lagBin(lag)]++
			all++
		}
	})
	for i := range seen {
		l.lag[i] = math.Log((seen[i] + 0.02*all + 0.01) / (chance[i] + 0.02*all + 0.01))
	}
}

// firstNews is the law of servers that give a sender its own message with its
// next news, among other things: the differences of sizes are loose, and from
// least to greatest but for a tenth at either end.
func (v *view) firstNews(ups []int32) *law {
	var diffs []int32
	for _, id := range ups {
		u := &v.units[id]
		n := len(diffs)
		v.pair(u, u.at, true, func(_ int32, d *unit, _ time.Duration) {
			if len(diffs) == n && v.request[d.conn] && d.react < answering && d.size > u.size {
				diffs = append(diffs, int32(d.size-u.size))
			}
		})
	}
	if n := len(diffs); n >= 4 && 10*n >= 7*len(ups) {
		slices.Sort(diffs)
		return &law{first: true, low: diffs[n/10], high: diffs[n*9/10]}
	}
	return &law{}
}

// known tells whether the law says by what sizes change.
func (l *law) known() bool { return l.anything || l.first || len(l.delta) > 0 }

// fits tells whether the sizes of u and d agree with the law.
func (l *law) fits(u, d *unit) bool {
	if l.anything {
		return plausible(u, d)
	}
	_, ok := l.delta[int32(d.size)-int32(u.size)]
	return ok
}

// score is the log likelihood ratio that d is u passed on.
func (l *law) score(u, d *unit, lag time.Duration) float64 {
	if !l.fits(u, d) {
		return math.Inf(-1)
	}
	return l.delta[int32(d.size)-int32(u.size)]*0.5 + l.lag[lagBin(lag)]
}

// relayedShare is the share of units that somebody else received, in excess of
// what chance makes of it, and to how many each went.
func (v *view) relayedShare(l *law, ids []int32) (part, fan float64) {
	ids = sample(ids)
	var seen, copies, chance float64
	for _, id := range ids {
		u := &v.units[id]
		if n := v.takers(l, u, u.at); n > 0 {
			seen++
			copies += float64(n)
		}
		for _, s := range shifts {
			if v.takers(l, u, u.at.Add(s)) > 0 {
				chance += 1 / float64(len(shifts))
			}
		}
	}
	n := float64(len(ids))
	return max(0, (seen-chance)/(n-chance+0.5)), copies / max(1, seen)
}

// takers counts the clients that received what may be u, were it sent at a
// given moment.
func (v *view) takers(l *law, u *unit, at capture.Time) int {
	var who []int32
	v.pair(u, at, false, func(_ int32, d *unit, lag time.Duration) {
		if l.score(u, d, lag) > 0 && !slices.Contains(who, d.who) {
			who = append(who, d.who)
		}
	})
	return len(who)
}
