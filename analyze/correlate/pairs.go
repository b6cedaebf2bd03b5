package correlate

import (
	"cmp"
	"math"
	"slices"

	"envelope/capture"
)

// hint is one coincidence of a sent and a received message: how much likelier
// the received one is if its receiver is somebody the sender writes to.
type hint struct {
	key   uint64 // the parties, the lower before the higher, and who of them sent
	at    capture.Time
	ratio float64
}

// newHint orders the parties.
func newHint(from, to int32, at capture.Time, ratio float64) hint {
	if from < to {
		return hint{uint64(from)<<32 | uint64(to)<<1, at, ratio}
	}
	return hint{uint64(to)<<32 | uint64(from)<<1 | 1, at, ratio}
}

func (h *hint) pair() uint64 { return h.key >> 1 }
func (h *hint) back() bool   { return h.key&1 == 1 }
func (h *hint) a() int32     { return int32(h.key >> 32) }
func (h *hint) b() int32     { return int32(uint32(h.key) >> 1) }

// leastHint is the ratio below which a coincidence is not kept: ten of them
// would not say anything.
const leastHint = 0.1

// score is the evidence that two parties talk, as a log likelihood ratio.
type score struct {
	a, b int32
	t    float64
	conf float64
	// group tells that people outside take part in what the two write.
	group bool
}

// hints lists the coincidences of direct talk, as they are.
func (n *net) hints() []hint {
	var out []hint
	for i := range n.recv {
		r := &n.recv[i]
		for _, c := range n.cand[n.start[i]:n.start[i+1]] {
			s := &n.sent[c.from]
			p := n.directTo(c.from, r.party)
			if p < 0.01 {
				continue
			}
			// What else may have brought it: all other sources, and the outside
			// as it would be without this pair.
			own := float64(c.w) * n.total[i]
			rest := n.total[i] - own + n.rate[i]*n.pairs[c.pair].weight/float64(max(1, n.nRecv[r.party]))
			if x := p * trust(s, r) * float64(c.fit) / rest; x >= leastHint {
				out = append(out, newHint(s.party, r.party, s.at, x))
			}
		}
	}
	return out
}

// trust is the probability that both events are messages at all.
func trust(s, r *mark) float64 { return float64(s.conf) * float64(r.conf) }

// directTo is the probability that sent message k was meant for party b alone.
func (n *net) directTo(k, b int32) float64 {
	f := &n.fans[k]
	p := n.direct[k]
	if len(f.to) < 2 {
		return p
	}
	if best := n.closest(f); best != b {
		p *= 0.1
	}
	return p
}

// closest is the receiver of a message to whom its sender talks most.
func (n *net) closest(f *fan) int32 {
	best, most := int32(None), -1.0
	for _, b := range f.to {
		id := n.pairID.get(n.sent[f.sent].party, b)
		if id == None {
			continue
		}
		w := n.pairs[id].weight
		if back := n.pairs[id].back; back != None {
			w += n.pairs[back].weight
		}
		if w > most {
			best, most = b, w
		}
	}
	return best
}

// scoresOf sums hints up by pair. Within a moment only the best one counts.
func (n *net) scoresOf(list []hint) []score {
	slices.SortFunc(list, func(x, y hint) int {
		switch {
		case x.key != y.key:
			return cmp.Compare(x.key, y.key)
		case x.at != y.at:
			return cmp.Compare(x.at, y.at)
		}
		return cmp.Compare(y.ratio, x.ratio)
	})
	var out []score
	for i := 0; i < len(list); {
		k := i
		for k < len(list) && list[k].key == list[i].key && !list[i].back() {
			k++
		}
		j := k
		for j < len(list) && list[j].pair() == list[i].pair() {
			j++
		}
		a, b := list[i].a(), list[i].b()
		if t := evidence(moments(list[i:k]), n.nSent[a]) + evidence(moments(list[k:j]), n.nSent[b]); t > 0 {
			out = append(out, score{a: a, b: b, t: t})
		}
		i = j
	}
	return out
}

// moments keeps the best hint of each moment.
func moments(list []hint) []float64 {
	var out []float64
	var from capture.Time
	for i := range list {
		if len(out) > 0 && list[i].at.Sub(from) <= oneMoment {
			out[len(out)-1] = math.Max(out[len(out)-1], list[i].ratio)
			continue
		}
		from = list[i].at
		out = append(out, list[i].ratio)
	}
	return out
}

// evidence is the gain in log likelihood of a direction by supposing that the
// sender writes to the receiver, at the share of its messages that fits best:
// sum of log(1 + q x) less q for each message sent.
func evidence(x []float64, sent int32) float64 {
	if len(x) == 0 {
		return 0
	}
	m := float64(max(sent, int32(len(x))))
	q := float64(len(x)) / m
	for range 8 {
		var sum float64
		for _, r := range x {
			sum += q * r / (1 + q*r)
		}
		q = sum / m
	}
	t := -q * m
	for _, r := range x {
		t += math.Log1p(q * r)
	}
	return math.Max(0, t)
}

// scorePairs gives each pair with evidence a probability.
func (n *net) scorePairs() {
	real := n.hints()
	n.scores = n.scoresOf(real)
	n.chance(len(real), false).judge(n.scores)
	n.chance(len(real), true).doubt(n.scores)
	n.joinOutsiders()
}
