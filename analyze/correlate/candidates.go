package correlate

import (
	"slices"
)

const (
	// unlikely is the probability below which a source is given up.
	unlikely = 1e-4
	// keepMost is the number of sources kept for one received message, the
	// likeliest: in a crowd of more, none of the rest would be believed.
	keepMost = 12
)

// link lists for every received message the sent ones that may have been its
// source, by the law and without regard to who talks to whom.
func (n *net) link() {
	n.start = append(n.start[:0], 0)
	n.eachPrompt(everybody, func(_ int, found *likeliest) {
		n.cand = append(doubled(n.cand, len(found.list)), found.list...)
		n.start = append(n.start, int32(len(n.cand)))
	})
	n.numberPairs(nil)
}

// relink takes over the candidates that another net of the same messenger had left,
// of which some received messages are no longer any, and some parties are one. Those
// that waited are left out, unless they are wanted; what receipts said is taken out
// then, of some it changes which messages they confirm.
func (n *net) relink(old *net, late bool) {
	n.start = append(n.start[:0], 0)
	k := 0
	for i := range n.recv {
		r := &n.recv[i]
		for old.recv[k].id != r.id {
			k++
		}
		for _, c := range old.cand[old.start[k]:old.start[k+1]] {
			if c.late && !late || !n.possible(&n.sent[c.from], r) {
				continue
			}
			if !late {
				c.fit /= float32(old.confirms(&old.sent[c.from], &old.recv[k]))
			}
			c.pair = None
			n.cand = append(doubled(n.cand, 1), c)
		}
		n.start = append(n.start, int32(len(n.cand)))
	}
	n.numberPairs(nil)
}

// numberPairs finds the pair of every new candidate, and leaves out new candidates of
// pairs without another one, which nothing can make likely any more: of a crowd's
// coincidences these are most. known gives the pairs of those that are not new.
func (n *net) numberPairs(known *renumbered) {
	count := n.dropLone()
	n.pairID, n.pairs = newPairIndex(count), make([]pair, 0, count+count/4) // of which some talk both ways
	n.eachCandidate(func(i int, c *candidate) {
		if from, to := n.sent[c.from].party, n.recv[i].party; c.pair == None {
			c.pair = n.pairOf(from, to)
		} else {
			c.pair = known.pairOf(n, c.pair, from, to)
		}
	})
}

// dropLone drops new candidates of pairs without another one. It gives about how many
// pairs there are.
func (n *net) dropLone() (pairs int) {
	met, again := newKeySet(len(n.cand)), newKeySet(len(n.cand))
	n.eachCandidate(func(i int, c *candidate) {
		if key := ordered(n.sent[c.from].party, n.recv[i].party); met.add(key) && !again.add(key) {
			pairs++
		}
	})
	n.theta0 = n.usual()
	kept := n.cand[:0]
	for i := range n.recv {
		list := n.cand[n.start[i]:n.start[i+1]]
		n.start[i] = int32(len(kept))
		outside := unlikely * outsideLeast * n.background(i, list)
		for _, c := range list {
			from, to := n.sent[c.from].party, n.recv[i].party
			if !again.has(ordered(from, to)) {
				if c.pair == None && n.lone(from)*float64(c.fit) <= outside {
					continue
				}
				pairs++
			}
			kept = append(kept, c)
		}
	}
	n.start[len(n.recv)] = int32(len(kept))
	n.cand = kept
	return pairs
}

// renumbered are the numbers that pairs had, and those that they get.
type renumbered struct {
	pairs []pair
	now   []int32
}

func (x *renumbered) pairOf(n *net, was, from, to int32) int32 {
	if x.now[was] == None {
		x.now[was] = n.pairOf(from, to)
	}
	return x.now[was]
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
			found.add(candidate{from: int32(k), pair: None, fit: float32(f)})
		}
	}
}

// leastFit is the intensity a second below which a source is not considered:
// a party that gets a message a day is likelier to get one from anywhere.
const leastFit = 1e-3

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

// has tells whether a sent message is among them.
func (x *likeliest) has(from int32) bool {
	return slices.ContainsFunc(x.list, func(c candidate) bool { return c.from == from })
}

// enough is the fit above which a candidate would be kept.
func (x *likeliest) enough() float64 {
	if len(x.list) < keepMost {
		return 0
	}
	return float64(x.list[x.least].fit)
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

// addWaited lets add add sources to the received messages that have none.
func (n *net) addWaited(add func(found *likeliest, i int)) {
	oldStart, oldCand := n.start, n.cand
	n.start, n.cand = []int32{0}, make([]candidate, 0, len(oldCand))
	var found likeliest
	for i := range n.recv {
		was := oldCand[oldStart[i]:oldStart[i+1]]
		found.clear()
		var sure float32
		for k := range was {
			if sure += was[k].w; was[k].w > unlikely {
				found.list = append(found.list, was[k])
			}
		}
		if sure < 0.5 {
			found.findLeast()
			add(&found, i)
		}
		n.cand = append(n.cand, found.list...)
		n.start = append(n.start, int32(len(n.cand)))
	}
	old := &renumbered{n.pairs, slices.Repeat([]int32{None}, len(n.pairs))}
	n.numberPairs(old)
	for was, id := range old.now {
		if id != None {
			n.pairs[id].weight = old.pairs[was].weight
		}
	}
}
