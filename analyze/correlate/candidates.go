package correlate

import (
	"slices"
	"time"

	"envelope/capture"
)

const (
	// unlikely is the probability below which a source is given up.
	unlikely = 1e-4
	// keepMost is the number of sources kept for one received message, the
	// likeliest: in a crowd of more, none of the rest would be believed.
	keepMost = 12
	// lookMost bounds how many messages that waited are looked at for one
	// received message, from the latest back.
	lookMost = 512
)

// link lists for every received message the sent ones that may have been its
// source, by the law and without regard to who talks to whom.
func (n *net) link() {
	n.start = append(n.start[:0], 0)
	n.eachPrompt(everybody, func(_ int, found *likeliest) {
		n.cand = append(doubled(n.cand, len(found.list)), found.list...)
		n.start = append(n.start, int32(len(n.cand)))
	})
	n.numberPairs()
}

// relink takes over the candidates that another net of the same messenger had left,
// of which some received messages are no longer any, and some parties are one. What
// receipts said is taken out: of some it changes which messages they confirm.
func (n *net) relink(old *net) {
	n.start = append(n.start[:0], 0)
	k := 0
	for i := range n.recv {
		r := &n.recv[i]
		for old.recv[k].id != r.id {
			k++
		}
		for _, c := range old.cand[old.start[k]:old.start[k+1]] {
			if !c.late && n.possible(&n.sent[c.from], r) {
				c.fit /= float32(old.confirms(&old.sent[c.from], &old.recv[k]))
				n.cand = append(doubled(n.cand, 1), c)
			}
		}
		n.start = append(n.start, int32(len(n.cand)))
	}
	n.numberPairs()
}

// numberPairs finds the pair of every candidate, and leaves out candidates of pairs
// without another one, which nothing can make likely any more: of a crowd's
// coincidences these are most.
func (n *net) numberPairs() {
	met, again := newKeySet(len(n.cand)), newKeySet(len(n.cand))
	n.eachCandidate(func(i int, c *candidate) {
		if key := ordered(n.sent[c.from].party, n.recv[i].party); met.add(key) {
			again.add(key)
		}
	})
	n.pairID = newPairIndex(len(n.recv))
	n.theta0 = n.usual()
	kept := n.cand[:0]
	for i := range n.recv {
		list := n.cand[n.start[i]:n.start[i+1]]
		n.start[i] = int32(len(kept))
		for _, c := range list {
			from, to := n.sent[c.from].party, n.recv[i].party
			if again.has(ordered(from, to)) || n.lone(from)*float64(c.fit) > unlikely*outsideLeast*n.rate[i] {
				c.pair = n.pairOf(from, to)
				kept = append(kept, c)
			}
		}
	}
	n.start[len(n.recv)] = int32(len(kept))
	n.cand = kept
}

// eachCandidate calls f for every candidate and the received message it is of.
func (n *net) eachCandidate(f func(i int, c *candidate)) {
	for i := range n.recv {
		for k := n.start[i]; k < n.start[i+1]; k++ {
			f(i, &n.cand[k])
		}
	}
}

// eachPrompt calls f for every message that parties of the sample received, with
// what was sent shortly before it, in memory that is used again.
func (n *net) eachPrompt(of partySample, f func(i int, found *likeliest)) {
	var found likeliest
	low := 0
	for i := range n.recv {
		r := &n.recv[i]
		if !of.has(r.party) {
			continue
		}
		for low < len(n.sent) && n.sent[low].at < r.at.Add(-n.law.reach) {
			low++
		}
		found.clear()
		n.prompt(&found, r, low)
		f(i, &found)
	}
}

// partySample is a choice of parties, of one in so many.
type partySample uint32

const everybody partySample = 1

// has tells whether a party is chosen. Neighbours in number are not chosen alike
// (the multiplier is 2^32 over the golden ratio; Knuth, volume 3, 6.4).
func (s partySample) has(party int32) bool {
	return s == everybody || uint32(party)*0x9e3779b1>>8%uint32(s) == 0
}

// prompt adds what was sent shortly before r, from index low on. Each is a little
// later than the one before, so that the bins of delays are walked down.
func (n *net) prompt(found *likeliest, r *mark, low int) {
	until, bin := r.at.Add(n.law.back), lagBins-1
	for k := low; k < len(n.sent) && n.sent[k].at <= until; k++ {
		s := &n.sent[k]
		if !n.possible(s, r) {
			continue
		}
		lag := r.at.Sub(s.at)
		if lag < 0 {
			bin = lagBin(lag)
		}
		for bin > lagZero && lagFrom[bin] > lag {
			bin--
		}
		p := sizesOf(s, r)
		if f := n.law.lag[bin] * n.law.likeness(&p); f > leastFit {
			found.add(candidate{from: int32(k), fit: float32(f)})
		}
	}
}

// leastFit is the intensity a second below which a source is not considered:
// a party that gets a message a day is likelier to get one from anywhere.
const leastFit = 1e-3

// leastLate is leastFit for what waited: at the time of a return there is little
// else.
const leastLate = 0.01 * leastFit

// likeliest are the candidates of one received message that fit best.
type likeliest struct {
	list  []candidate
	least int // index of the one that fits worst, once there are keepMost
}

func (x *likeliest) clear() { x.list = x.list[:0] }

// add keeps a candidate if it is one of the likeliest.
func (x *likeliest) add(c candidate) {
	if len(x.list) < keepMost {
		if x.list = append(x.list, c); len(x.list) == keepMost {
			x.findLeast()
		}
		return
	}
	if c.fit > x.list[x.least].fit {
		x.list[x.least] = c
		x.findLeast()
	}
}

func (x *likeliest) findLeast() {
	x.least = 0
	for k := range x.list {
		if x.list[k].fit < x.list[x.least].fit {
			x.least = k
		}
	}
}

// enough is the fit above which a candidate would be kept.
func (x *likeliest) enough() float64 {
	if len(x.list) < keepMost {
		return 0
	}
	return float64(x.list[x.least].fit)
}

// keep appends a candidate of a received message. Pairs are numbered anew, in the
// order in which they appear; of those that had a number it is known.
func (n *net) keep(c candidate, to int32, renumbered []int32) {
	switch {
	case c.late:
		c.pair = n.pairOf(n.sent[c.from].party, to)
	case renumbered[c.pair] != None:
		c.pair = renumbered[c.pair]
	default:
		was := c.pair
		c.pair = n.pairOf(n.sent[c.from].party, to)
		renumbered[was] = c.pair
	}
	n.cand = append(n.cand, c)
}

// doubled makes room for more, to twice the length where there is too little: a
// list of millions is else copied four times over.
func doubled[T any](list []T, more int) []T {
	if cap(list)-len(list) < more {
		return slices.Grow(list, max(more, len(list)))
	}
	return list
}

// pairOf gives the index of a direction between two parties.
func (n *net) pairOf(a, b int32) int32 {
	id, back := n.pairID.put(a, b, int32(len(n.pairs)))
	if int(id) == len(n.pairs) {
		n.pairs = append(doubled(n.pairs, 1), pair{from: a, to: b, back: back, sent: n.nSent[a]})
		if back != None {
			n.pairs[back].back = id
		}
	}
	return id
}

// addLate adds sources to those received messages that have none and came when
// their party appeared after a silence: what was sent while it was away, and
// was not received by the party since.
func (n *net) addLate() {
	n.learnWaits()
	waiting := n.waiting()
	n.addWaited(func(found *likeliest, i int) { n.late(found, &n.recv[i], n.gap[i], waiting) })
}

// addWaited lets add add sources to the received messages that have none and may
// have waited.
func (n *net) addWaited(add func(found *likeliest, i int)) {
	oldStart, oldCand := n.start, n.cand
	n.start, n.cand = []int32{0}, make([]candidate, 0, len(oldCand))
	oldPairs, renumbered := n.pairs, slices.Repeat([]int32{None}, len(n.pairs))
	n.pairs, n.pairID = make([]pair, 0, len(n.pairs)), newPairIndex(len(n.pairs)/2)
	var found likeliest
	for i := range n.recv {
		was := oldCand[oldStart[i]:oldStart[i+1]]
		found.clear()
		var sure float32
		for k := range was {
			if sure += was[k].w; was[k].w > unlikely {
				found.add(was[k])
			}
		}
		if n.gap[i] > 0 && sure < 0.5 {
			add(&found, i)
		}
		for _, c := range found.list {
			n.keep(c, n.recv[i].party, renumbered)
		}
		n.start = append(n.start, int32(len(n.cand)))
	}
	for was, id := range renumbered {
		if id != None {
			n.pairs[id].weight = oldPairs[was].weight
		}
	}
}

// waitsUsual is the share of messages that have to wait for a party of which nothing
// is known, and waitsWeight the number of messages for which it counts.
const (
	waitsUsual  = 0.1
	waitsWeight = 5
)

// learnWaits finds how often each party gets messages after a silence and from
// nobody who had just sent them: a phone that sleeps gets most so, a computer none.
func (n *net) learnWaits() {
	n.waits = make([]float64, n.parties)
	for i := range n.recv {
		if n.gap[i] > 0 && n.unexplained(i) {
			n.waits[n.recv[i].party]++
		}
	}
	for p := range n.waits {
		n.waits[p] = (n.waits[p] + waitsUsual*waitsWeight) / (float64(n.nRecv[p]) + waitsWeight)
	}
}

// waiting lists the sent messages that nobody is known to have received, and
// those that several received, of whom others may have been away.
func (n *net) waiting() []waiter {
	got := make([]float32, len(n.sent))
	for _, c := range n.cand {
		got[c.from] += c.w
	}
	var out []waiter
	for k := range n.sent {
		if got[k] < 0.5 || got[k] > 1.5 {
			out = append(out, waiter{n.sent[k], int32(k)})
		}
	}
	return out
}

// waiter is a sent message that may have waited for its receiver: a copy, since
// they lie far apart among those sent and are looked through often.
type waiter struct {
	mark
	from int32 // index into sent
}

// late adds what r may have waited for, which may have been sent at any time
// within the gap.
func (n *net) late(found *likeliest, r *mark, gap time.Duration, waiting []waiter) {
	until := r.at.Add(-n.law.reach)
	k, _ := slices.BinarySearchFunc(waiting, until, func(w waiter, t capture.Time) int {
		if w.at <= t {
			return -1
		}
		return 1
	})
	often := n.waits[r.party] / seconds(gap)
	most := n.confirmsMost(r)
	for looked := 0; k > 0 && looked < lookMost; looked++ {
		k--
		s := &waiting[k].mark
		if r.at.Sub(s.at) > gap {
			break
		}
		if s.party == r.party {
			continue
		}
		p := sizesOf(s, r)
		f := often * n.law.likeness(&p)
		if enough := max(leastLate, found.enough()); f*most <= enough {
			continue // whatever receipts say, which takes longer to find out
		} else if f *= n.confirms(s, r); f > enough {
			found.add(candidate{from: waiting[k].from, fit: float32(f), late: true})
		}
	}
}
