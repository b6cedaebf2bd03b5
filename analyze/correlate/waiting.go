package correlate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"envelope/capture"
)

// What was sent while its receiver was away waits for it: for a phone that sleeps
// most does. In a crowd thousands of messages wait at any time, so that those of
// the people who write to the receiver anyway are looked through by themselves.

const (
	// lookMost bounds how many messages that waited are looked at for one
	// received message, from the latest back, whoever sent them.
	lookMost = 512
	// lookLeast is the time that must be looked through in any case: among all that
	// anybody sent in it, what friends sent has to be the likeliest. Where more waits
	// than that, receipts choose.
	lookLeast = 10 * time.Minute
	// leastLate is leastFit for what waited: at the time of a return there is
	// little else.
	leastLate = 0.01 * leastFit
	// friendLeast is the number of messages that two parties are expected to have
	// written each other from which each looks for the other's among what waited.
	friendLeast = 2
)

// addLate adds sources to those received messages that have none: what was sent
// while their party was away, if they came when it appeared after a silence, and
// what was held up on its way.
func (n *net) addLate() {
	n.learnWaits()
	q := n.queuesOf(n.waiting(), n.friends(), n.confirmed.all)
	n.addWaited(func(found *likeliest, i int) { n.lookBack(found, i, q) })
}

// lookBack adds what a received message may be that was not received at once.
func (n *net) lookBack(found *likeliest, i int, q *queues) {
	if n.gap[i] > 0 {
		n.fetch(found, i, q)
	}
	n.heldUp(found, &n.recv[i], q)
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

// queues are the messages that waited.
type queues struct {
	all      []waiter    // in order of time
	of       [][]waiter  // the same, by who sent them
	friends  [][]int32   // of each party: whom it looks for first
	receipts []confirmed // that came to anybody, in order of time; nil where not to look by them
	found    likeliest   // memory that is used again
}

func (n *net) queuesOf(waiting []waiter, friends [][]int32, receipts []confirmed) *queues {
	return &queues{all: waiting, of: byParty(waiting, n.parties, func(w *waiter) int32 { return w.party }), friends: friends, receipts: receipts}
}

// friends lists for each party with whom it exchanges messages, as far as is known.
func (n *net) friends() [][]int32 {
	var list []pair
	for i := range n.pairs {
		p := &n.pairs[i]
		if p.weight+p.answers < friendLeast {
			continue
		}
		list = append(list, *p)
		if p.back == None {
			list = append(list, pair{from: p.to, to: p.from})
		}
	}
	out := make([][]int32, n.parties)
	for to, pairs := range byParty(list, n.parties, func(p *pair) int32 { return p.to }) {
		for i := range pairs {
			out[to] = append(out[to], pairs[i].from)
		}
	}
	return out
}

// fetch adds what a received message may have waited for: the likeliest of what its
// party's friends had sent, and of what anybody had. Where more waited than can be
// looked through, that is who got a receipt when the message was confirmed.
func (n *net) fetch(found *likeliest, i int, q *queues) {
	r, gap := &n.recv[i], n.gap[i]
	q.found.clear()
	for _, p := range q.friends[r.party] {
		n.late(&q.found, r, gap, q.of[p])
	}
	if n.crowded(q, r, gap) {
		n.lateConfirmed(found, r, gap, q)
	} else {
		n.late(found, r, gap, q.all)
	}
	for _, c := range q.found.list {
		if !found.has(c.from) {
			found.list = append(found.list, c)
		}
	}
}

// heldUp adds what friends of r's party had sent longer before than messages take
// but for the few beyond the law's reach, and nobody is known to have got by then:
// servers and networks stall at times.
func (n *net) heldUp(found *likeliest, r *mark, q *queues) {
	scale := beyondReach / math.Log(max(math.E, seconds(longest)/seconds(max(n.law.reach, lagUnit))))
	for _, p := range q.friends[r.party] {
		for k := n.sentBefore(q.of[p], r) - 1; k >= 0; k-- {
			w := &q.of[p][k]
			lag := r.at.Sub(w.at)
			if lag > longest {
				break
			}
			sizes := sizesOf(&w.mark, r)
			f := scale / seconds(lag) * n.law.likeness(&sizes) * n.confirms(&w.mark, r)
			if f > leastFit && !found.has(w.from) {
				found.add(candidate{from: w.from, pair: None, fit: float32(f)})
			}
		}
	}
}

// crowded tells whether what waited for r is to be looked for by receipts.
func (n *net) crowded(q *queues, r *mark, gap time.Duration) bool {
	if q.receipts == nil || n.confirmed.seen < confirmUsual || r.told == 0 {
		return false
	}
	k := n.sentBefore(q.all, r)
	return k > lookMost && r.at.Sub(q.all[k-lookMost].at) < min(gap, lookLeast)
}

// lateConfirmed adds what r may have waited for of those who got a receipt about
// when r was confirmed.
func (n *net) lateConfirmed(found *likeliest, r *mark, gap time.Duration, q *queues) {
	x := n.confirmed
	k, _ := slices.BinarySearchFunc(q.receipts, r.told, func(c confirmed, t capture.Time) int { return cmp.Compare(c.at, t) })
	for ; k < len(q.receipts) && q.receipts[k].at.Sub(r.told) <= x.soon; k++ {
		n.late(found, r, gap, q.of[q.receipts[k].party])
	}
}

// sentBefore gives how many of a queue were sent long enough before r was received
// to have waited.
func (n *net) sentBefore(queue []waiter, r *mark) int {
	k, _ := slices.BinarySearchFunc(queue, r.at.Add(-n.law.reach), func(w waiter, t capture.Time) int {
		if w.at <= t {
			return -1
		}
		return 1
	})
	return k
}

// late adds what r may have waited for of a queue, which may have been sent at any
// time within the gap.
func (n *net) late(found *likeliest, r *mark, gap time.Duration, queue []waiter) {
	often := n.waits[r.party] / seconds(gap)
	most := n.confirmsMost(r)
	k := n.sentBefore(queue, r)
	for looked := 0; k > 0 && looked < lookMost; looked++ {
		k--
		s := &queue[k].mark
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
		} else if f *= n.confirms(s, r); f > enough && !found.has(queue[k].from) {
			found.add(candidate{from: queue[k].from, pair: None, fit: float32(f), late: true})
		}
	}
}
