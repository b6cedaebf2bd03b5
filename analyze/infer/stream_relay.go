package infer

import (
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
	low      int32             // least and greatest difference of messages passed on
	high     int32
	least    int32 // least and greatest key of delta
	greatest int32
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

// fall is what is needed of a unit down to tell whether it was passed on, apart
// from the rest so that many of them are looked at in little memory.
type fall struct {
	at    capture.Time
	id    int32
	who   int32
	size  uint32
	login bool
}

// pair calls f for every frame down that could be unit u passed on, were u
// sent at moment at; own says whether to look at the sender or at the others.
func (v *view) pair(u *unit, at capture.Time, own bool, f func(id int32, d *unit, lag time.Duration)) {
	for _, d := range v.behind(at) {
		if !d.login && (d.who == u.who) == own {
			f(d.id, &v.units[d.id], d.at.Sub(at))
		}
	}
}

// behind gives the frames down that a server could have made of what it got at
// moment at, and those of logins among them.
func (v *view) behind(at capture.Time) []fall {
	lo := sort.Search(len(v.falls), func(i int) bool { return v.falls[i].at > at })
	hi := lo
	for most := min(len(v.falls), lo+relayMost); hi < most && v.falls[hi].at.Sub(at) <= relayWithin; hi++ {
	}
	return v.falls[lo:hi]
}

// lagBands are the ranges of delays, in bins, in which a law is looked for where
// it does not stand out from all of them together, as on a busy tap.
var lagBands = [...][2]int{{0, 3}, {2, 5}, {4, 7}, {6, 9}, {8, 11}}

// learn measures the law from frames ups and what follows them at others and
// (copies) at the sender, which may get a copy, against the same at shifted
// moments; first at all delays, then again at those that stood out.
func (v *view) learn(ups []int32, copies bool) *law {
	ups = v.sample(ups)
	c := v.compare(ups, copies)
	first := c.tally(func(uint8) bool { return true })
	for _, b := range lagBands {
		if len(first.delta) > 0 && first.most >= float64(len(ups))/4 || len(ups) < fewUps {
			break
		}
		l := c.tally(func(k uint8) bool { return b[0] <= int(k) && int(k) <= b[1] })
		if l.most > first.most {
			first = l
		}
	}
	if len(first.delta) == 0 {
		return first
	}
	return c.tally(func(k uint8) bool { return first.lag[k] > 0 })
}

const (
	// sampleMost is the number of units that a law is learned from at most, and
	// pairsMost that of the pairs of frames that are looked at for it: on a busy
	// tap fewer units say as much. At least sampleLeast units are taken.
	sampleMost  = 4000
	sampleLeast = 256
	pairsMost   = 1 << 20
)

// sample gives units evenly spaced among ids where there are too many, or too
// much follows them.
func (v *view) sample(ids []int32) []int32 {
	const probes = 64
	if len(ids) <= sampleLeast {
		return ids
	}
	followers := 0
	for _, id := range spaced(ids, probes) {
		followers += len(v.behind(v.units[id].at))
	}
	return spaced(ids, min(sampleMost, max(sampleLeast, pairsMost*probes/(1+len(shifts))/(followers+1))))
}

// spaced gives n of ids, evenly spaced, or all where there are no more.
func spaced(ids []int32, n int) []int32 {
	if len(ids) <= n {
		return ids
	}
	out := make([]int32, n)
	for i := range out {
		out[i] = ids[i*len(ids)/n]
	}
	return out
}

// plausible tells whether a server could have made a unit of size d of one of
// size u: it rewrites the
// envelope (names, identifiers, times), not what is in it.
func plausible(u, d uint32) bool {
	return 2*d > u && d < max(2*u, u+512)
}

// lags measures the delays of pairs whose sizes are plausible.
func (v *view) lags(l *law, ups []int32, copies bool) {
	var d delays
	for _, id := range ups {
		u := &v.units[id]
		for _, x := range v.behind(u.at) {
			if x.follows(u, copies) && plausible(u.size, x.size) {
				d.add(lagBin(x.at.Sub(u.at)), false)
			}
		}
		for _, s := range shifts {
			for _, x := range v.behind(u.at.Add(s)) {
				if x.follows(u, copies) && plausible(u.size, x.size) {
					d.add(lagBin(x.at.Sub(u.at.Add(s))), true)
				}
			}
		}
	}
	l.lag = d.ratios()
}

// delays counts pairs by delay.
type delays struct{ seen, chance [lagBins]float64 }

func (d *delays) add(bin int, shifted bool) {
	if shifted {
		d.chance[bin] += 1 / float64(len(shifts))
	} else {
		d.seen[bin]++
	}
}

// ratios gives the log likelihood ratio of each delay.
func (d *delays) ratios() (lag [lagBins]float64) {
	var all float64
	for _, n := range d.seen {
		all += n
	}
	for i := range lag {
		lag[i] = math.Log((d.seen[i] + 0.02*all + 0.01) / (d.chance[i] + 0.02*all + 0.01))
	}
	return lag
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

// fits tells whether the sizes of a unit up and one down agree with the law.
func (l *law) fits(u, d uint32) bool {
	k := int32(d) - int32(u)
	if l.anything {
		return plausible(u, d)
	}
	if k < l.least || k > l.greatest {
		return false
	}
	_, ok := l.delta[k]
	return ok
}

// score is the log likelihood ratio that what is of size d is u passed on.
func (l *law) score(u, d uint32, lag time.Duration) float64 {
	if !l.fits(u, d) {
		return math.Inf(-1)
	}
	return l.delta[int32(d)-int32(u)]*0.5 + l.lag[lagBin(lag)]
}

// relayedShare is the share of units that somebody else received, in excess of
// what chance makes of it, and to how many each went.
func (v *view) relayedShare(l *law, ids []int32) (part, fan float64) {
	ids = v.sample(ids)
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
	if !l.known() || len(l.delta) == 0 && !l.anything {
		return 0
	}
	var who []int32
	for _, d := range v.behind(at) {
		if !d.login && d.who != u.who && l.score(u.size, d.size, d.at.Sub(at)) > 0 && !slices.Contains(who, d.who) {
			who = append(who, d.who)
		}
	}
	return len(who)
}
