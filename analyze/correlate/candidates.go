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
	n.pairID = newPairIndex(len(n.recv))
	n.start = append(n.start[:0], 0)
	n.eachPrompt(func(i int, found []candidate) { n.keep(found, n.recv[i].party) })
	n.joinPairs()
}

// eachPrompt calls f for every received message with what was sent shortly before
// it, in memory that is used again.
func (n *net) eachPrompt(f func(i int, found []candidate)) {
	var found []candidate
	low := 0
	for i := range n.recv {
		r := &n.recv[i]
		for low < len(n.sent) && n.sent[low].at < r.at.Add(-n.law.reach) {
			low++
		}
		found = n.prompt(found[:0], r, low)
		f(i, found)
	}
}

// prompt adds what was sent shortly before r, from index low on.
func (n *net) prompt(found []candidate, r *mark, low int) []candidate {
	for k := low; k < len(n.sent) && n.sent[k].at <= r.at.Add(n.law.back); k++ {
		s := &n.sent[k]
		if !n.possible(s, r) {
			continue
		}
		if f := n.law.intensity(s, r); f > leastFit {
			found = among(found, candidate{from: int32(k), fit: float32(f)})
		}
	}
	return found
}

// leastFit is the intensity a second below which a source is not considered:
// a party that gets a message a day is likelier to get one from anywhere.
const leastFit = 1e-3

// among adds a candidate if it is one of the likeliest.
func among(found []candidate, c candidate) []candidate {
	if len(found) < keepMost {
		return append(found, c)
	}
	least := 0
	for k := range found {
		if found[k].fit < found[least].fit {
			least = k
		}
	}
	if c.fit > found[least].fit {
		found[least] = c
	}
	return found
}

// keep appends the candidates of the next received message.
func (n *net) keep(found []candidate, to int32) {
	for _, c := range found {
		c.pair = n.pairOf(n.sent[c.from].party, to)
		n.cand = append(n.cand, c)
	}
	n.start = append(n.start, int32(len(n.cand)))
}

// pairOf gives the index of a direction between two parties.
func (n *net) pairOf(a, b int32) int32 {
	id := n.pairID.put(pairKey(a, b), int32(len(n.pairs)))
	if int(id) == len(n.pairs) {
		n.pairs = append(n.pairs, pair{from: a, to: b, back: None})
	}
	return id
}

// joinPairs ties the two directions between the same parties.
func (n *net) joinPairs() {
	for i := range n.pairs {
		p := &n.pairs[i]
		p.back = n.pairID.get(pairKey(p.to, p.from))
	}
}

// addLate adds sources to those received messages that have none and came when
// their party appeared after a silence: what was sent while it was away, and
// was not received by the party since.
func (n *net) addLate() {
	n.learnWaits()
	waiting := n.waiting()
	n.addWaited(func(found []candidate, i int) []candidate {
		return n.late(found, &n.recv[i], n.gap[i], waiting)
	})
}

// addWaited lets add add sources to the received messages that have none and may
// have waited.
func (n *net) addWaited(add func(found []candidate, i int) []candidate) {
	oldStart, oldCand := n.start, n.cand
	n.start, n.cand = []int32{0}, make([]candidate, 0, len(oldCand))
	n.pairs, n.pairID = n.pairs[:0], newPairIndex(len(n.recv))
	var found []candidate
	for i := range n.recv {
		was := oldCand[oldStart[i]:oldStart[i+1]]
		found = found[:0]
		var sure float32
		for k := range was {
			if sure += was[k].w; was[k].w > unlikely {
				found = append(found, was[k])
			}
		}
		if n.gap[i] > 0 && sure < 0.5 {
			found = add(found, i)
		}
		n.keep(found, n.recv[i].party)
	}
	n.joinPairs()
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
func (n *net) waiting() []int32 {
	got := make([]float32, len(n.sent))
	for _, c := range n.cand {
		got[c.from] += c.w
	}
	var out []int32
	for k := range n.sent {
		if got[k] < 0.5 || got[k] > 1.5 {
			out = append(out, int32(k))
		}
	}
	return out
}

// late adds what r may have waited for.
func (n *net) late(found []candidate, r *mark, gap time.Duration, waiting []int32) []candidate {
	until := r.at.Add(-n.law.reach)
	k, _ := slices.BinarySearchFunc(waiting, until, func(id int32, t capture.Time) int {
		if n.sent[id].at <= t {
			return -1
		}
		return 1
	})
	for looked := 0; k > 0 && looked < lookMost; looked++ {
		k--
		s := &n.sent[waiting[k]]
		if r.at.Sub(s.at) > gap {
			break
		}
		if s.party == r.party {
			continue
		}
		if f := n.waits[r.party] * n.law.waited(s, r, gap) * n.confirms(s, r); f > leastFit*0.01 {
			found = among(found, candidate{from: waiting[k], fit: float32(f), late: true})
		}
	}
	return found
}

// waited is the intensity of a message that waited for its receiver, who came
// back after gap, if it is one that has to wait: it may have been sent at any time
// within.
func (l *law) waited(s, r *mark, gap time.Duration) float64 {
	p := sizesOf(s, r)
	return l.likeness(&p) / seconds(gap)
}
