package correlate

import (
	"math"
	"slices"
	"time"

	"envelope/capture"
)

// Who gets a message confirms it, and the confirmation finds its way to whoever
// wrote it: to just one of all those who may have written a message that waited
// for hours. How long it takes, and how often both ends of it show at all, is
// learned from messages of which the source is clear without.

const (
	// confirmWithin is how soon a client confirms what it got: receipts are sent
	// by the program, within half a second on phones at hand (WhatsApp Web 0.1 to
	// 0.4 s, captures of 2023), later where many messages come at once.
	confirmWithin = 2 * time.Second
	// confirmReach is how long a receipt is looked for at the other end.
	confirmReach = 3 * time.Second
	// confirmSure is the probability from which a source is clear enough to learn
	// from, confirmFew the least number of such messages, and confirmLeast the
	// share of them that a receipt is seen of at both ends from which receipts say
	// anything.
	confirmSure  = 0.8
	confirmFew   = 20
	confirmLeast = 0.05
	// confirmMost bounds what one receipt says.
	confirmMost = 300
	// confirmUsual is the share of receipts seen at both ends from which they are
	// what a source of something that waited is looked for by.
	confirmUsual = 0.5
)

// receipts is how confirmations come to writers.
type receipts struct {
	came  [][]capture.Time // by device: when receipts came, in order
	all   []confirmed      // those that came to anybody, in order
	about keySet           // devices and times about which receipts came
	seen  float64          // share of confirmations that came to the writer, 0 where receipts say nothing
	delay []float64        // of each lag bin: probability a second
	soon  time.Duration    // within which a receipt comes if it is to say anything
}

// learned takes over what is known of how receipts come.
func (x *receipts) learned(old *receipts) { x.seen, x.delay, x.soon = old.seen, old.delay, old.soon }

// confirmed is a receipt that came to a party.
type confirmed struct {
	at    capture.Time
	party int32
}

// aboutKey is a device and a time, to 4.3 s: more than confirmReach.
func aboutKey(unit int32, t capture.Time) uint64 { return uint64(uint32(unit))<<32 | uint64(t)>>32 }

// index notes about when receipts came to whom.
func (x *receipts) index() {
	all := 0
	for _, list := range x.came {
		all += len(list)
	}
	x.about = newKeySet(all)
	for unit, list := range x.came {
		for _, t := range list {
			x.about.add(aboutKey(int32(unit), t))
		}
	}
}

// cameAbout tells whether a receipt may have come to a device after one was sent.
func (x *receipts) cameAbout(unit int32, told capture.Time) bool {
	from, to := aboutKey(unit, told), aboutKey(unit, told.Add(confirmReach))
	return x.about.has(from) || from != to && x.about.has(to)
}

// noteReceipts gathers the receipts that came to each device, and ties those that
// a device sent to what it had got before, in order.
func (n *net) noteReceipts() {
	n.confirmed = &receipts{came: make([][]capture.Time, n.parties)}
	sent := make([][]capture.Time, n.parties)
	for _, id := range n.ids {
		switch e := &n.events[id]; {
		case e.Kind != Receipt:
		case e.Sent:
			sent[e.Party] = append(sent[e.Party], e.Time)
		default:
			n.confirmed.came[e.Party] = append(n.confirmed.came[e.Party], e.Time)
			n.confirmed.all = append(n.confirmed.all, confirmed{e.Time, n.ownerOf(e.Party)})
		}
	}
	n.confirmed.index()
	next := make([]int, n.parties)
	for i := range n.recv {
		r := &n.recv[i]
		list, k := sent[r.unit], next[r.unit]
		for k < len(list) && list[k] < r.at {
			k++
		}
		if k < len(list) && list[k].Sub(r.at) <= confirmWithin {
			r.told = list[k]
			k++
		}
		next[r.unit] = k
	}
}

// learnReceipts finds how often, and how soon, the writer of a message gets what
// its receiver sent as a receipt; chance is what comes to the same writers at
// other times.
func (n *net) learnReceipts() {
	x := n.confirmed
	span := n.last.Sub(n.first) + 1
	turns := rotations(span, chanceRounds)
	lag, chance := make([]float64, lagBins), make([]float64, lagBins)
	of := 0.0
	for i := range n.recv {
		r := &n.recv[i]
		c := n.source(i)
		if r.told == 0 || c == nil || c.w < confirmSure {
			continue
		}
		of++
		unit := n.sent[c.from].unit
		x.count(lag, unit, r.told, 1)
		for _, d := range turns {
			x.count(chance, unit, n.first.Add((r.told.Sub(n.first)+d)%span), 1/float64(len(turns)))
		}
	}
	x.seen = 0
	if of < confirmFew {
		return
	}
	sum := 0.0
	for b := range lag {
		lag[b] = math.Max(0, lag[b]-chance[b])
		sum += lag[b]
	}
	if x.seen = math.Min(0.95, sum/of); x.seen < confirmLeast {
		x.seen = 0
		return
	}
	x.delay = smooth(lag)
	for b, width := range lagWidths() {
		x.delay[b] = (x.delay[b]/sum*0.99 + 0.01*width/seconds(confirmReach)) / width
		if x.delay[b]*seconds(confirmReach) > 1 && b >= lagZero {
			x.soon = min(confirmReach, lagFrom[min(b+1, lagBins-1)])
		}
	}
	n.eachCandidate(func(i int, c *candidate) { c.fit *= float32(n.confirms(&n.sent[c.from], &n.recv[i])) })
}

// count counts the receipts that came to a device after one was sent.
func (x *receipts) count(lag []float64, unit int32, told capture.Time, w float64) {
	list := x.came[unit]
	k, _ := slices.BinarySearch(list, told)
	for ; k < len(list) && list[k].Sub(told) <= confirmReach; k++ {
		lag[lagBin(list[k].Sub(told))] += w
	}
}

// confirmsMost bounds what confirms may give for a received message.
func (n *net) confirmsMost(r *mark) float64 {
	if n.confirmed.seen == 0 || r.told == 0 {
		return 1
	}
	return confirmMost
}

// confirms is how much likelier what came to the writer of s makes it that r,
// when it was confirmed, was s.
func (n *net) confirms(s, r *mark) float64 {
	x := n.confirmed
	if x.seen == 0 || r.told == 0 {
		return 1
	}
	told := r.told
	if s.turned != 0 { // the writer's clock is rotated, so that its receipts are as well
		span := n.last.Sub(n.first) + 1
		told = n.first.Add((told.Sub(n.first) - s.turned + span) % span)
	}
	if !x.cameAbout(s.unit, told) {
		return 1 - x.seen
	}
	list := x.came[s.unit]
	from, _ := slices.BinarySearch(list, told.Add(-rateWithin))
	sum, others := 0.0, -1
	for k := from; k < len(list) && list[k] <= told.Add(rateWithin); k++ {
		others++
		if d := list[k].Sub(told); d >= 0 && d <= confirmReach {
			sum += x.delay[lagBin(d)]
		}
	}
	rate := math.Max(float64(others), 0.1) / seconds(2*rateWithin)
	return math.Min(1-x.seen+x.seen*sum/rate, confirmMost)
}
