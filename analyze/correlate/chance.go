package correlate

import (
	"math"
	"slices"
	"time"
)

// null is what scores of pairs chance makes: how many a pair of rotated clocks
// gives above a level, and how fast they thin out above it.
type null struct {
	level float64 // scores above follow an exponential law
	count float64 // pairs above the level, for one capture
	fall  float64 // nats by which their number falls for one nat of score
}

const (
	// nullPairs is the number of rotated scores that are aimed at, and
	// nullRounds the most rotations made for it.
	nullPairs  = 5000
	nullRounds = 24
	// leastRounds is made however large the capture is.
	leastRounds = 3
	// nullHints bounds the hints of one rotation.
	nullHints = 1 << 19
)

// chance scores the pairs with rotated clocks. hints is the number of hints
// that there are without rotation; where they are very many, it is enough to
// look at the pairs of some of the parties. The clocks are rotated far, or not much further than a
// message may take: people who have a friend in common, who is not seen, are busy
// at the same times, and that stays as it is when clocks are rotated a little.
func (n *net) chance(hints int, near bool) *null {
	var all []float64
	of := partySample(math.Sqrt(float64(1 + hints/nullHints)))
	rounds := 0
	var offsets []time.Duration
	var friends [][]int32
	if near {
		offsets = n.law.around(1009)
	} else {
		offsets, friends = rotations(n.last.Sub(n.first)+1, 1009), n.friends()
	}
	var list []hint
	for rounds < nullRounds && (rounds < leastRounds || len(all) < nullPairs) {
		list = n.rotated(list[:0], of, rounds, offsets, near, friends)
		for _, s := range n.scoresOf(list) {
			all = append(all, s.t)
		}
		rounds++
	}
	return fitNull(all, float64(rounds)/float64(of*of))
}

// nearSpan is how much further than a message takes clocks are rotated a little.
const nearSpan = 20 * time.Second

// around gives offsets to both sides of no less than nearly all messages take.
func (l *law) around(n int) []time.Duration {
	width := lagWidths()
	var all, sum float64
	for b, d := range l.lag {
		all += d * width[b]
	}
	least := time.Duration(0)
	for b := 0; b < lagBins && sum < 0.95*all; b++ {
		if sum += l.lag[b] * width[b]; b >= lagZero {
			least += time.Duration(width[b] * float64(time.Second))
		}
	}
	least = max(2*least, time.Second)
	out := make([]time.Duration, n)
	for i := range out {
		if out[i] = least + time.Duration(float64(nearSpan)*(float64(i/2)+0.5)/float64(n/2+1)); i%2 == 1 {
			out[i] = -out[i]
		}
	}
	return out
}

// rotated lists the coincidences that remain when every sender's clock is
// moved by an amount of its own, of pairs within a sample. What waited stays where
// it was when clocks are moved a little, and is left out then.
func (n *net) rotated(out []hint, of partySample, round int, offsets []time.Duration, near bool, friends [][]int32) []hint {
	sent := n.shifted(of, round, offsets)
	var waiting *queues
	if !near {
		waiting = n.queuesOf(n.waitingOf(sent), friends, nil)
	}
	x := *n
	x.sent = sent
	x.eachPrompt(of, func(i int, found *likeliest) {
		r := &n.recv[i]
		if !near && n.unexplained(i) {
			x.lookBack(found, i, waiting)
		}
		for _, c := range found.list {
			s := &sent[c.from]
			if !c.late {
				c.fit *= float32(n.confirms(s, r))
			}
			if x := n.direct[s.id] * trust(s, r) * float64(c.fit) / n.total[i]; x >= leastHint {
				out = append(out, newHint(s.party, r.party, s.at, x))
			}
		}
	})
	return out
}

// unexplained tells whether a received message has no prompt source.
func (n *net) unexplained(i int) bool {
	var sure float32
	for _, c := range n.cand[n.start[i]:n.start[i+1]] {
		if !c.late {
			sure += c.w
		}
	}
	return sure < 0.5
}

// shifted gives what parties of the sample sent with rotated clocks, in order of
// time; their ids are indices into sent as it was.
func (n *net) shifted(of partySample, round int, offsets []time.Duration) []mark {
	span := n.last.Sub(n.first) + 1
	var out []mark
	for k, s := range n.sent {
		if !of.has(s.party) {
			continue
		}
		// Neighbouring parties and rounds get offsets far apart (golden ratio).
		d := offsets[(int(s.party)*623+round*389+97)%len(offsets)]
		s.at = n.first.Add((s.at.Sub(n.first) + d + span) % span)
		s.id, s.turned = int32(k), d
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(x, y mark) int {
		switch {
		case x.at < y.at:
			return -1
		case x.at > y.at:
			return 1
		}
		return int(x.id - y.id)
	})
	return out
}

// waitingOf lists, among shifted messages, those that waited.
func (n *net) waitingOf(sent []mark) []waiter {
	waits := make([]bool, len(n.sent))
	for _, w := range n.waiting() {
		waits[w.from] = true
	}
	var out []waiter
	for k := range sent {
		if waits[sent[k].id] {
			out = append(out, waiter{sent[k], int32(k)})
		}
	}
	return out
}

// fitNull fits the tail of rotated scores.
func fitNull(all []float64, rounds float64) *null {
	const share = 0.2 // of the scores that make the tail
	slices.Sort(all)
	k := len(all) - max(min(len(all), 30), int(share*float64(len(all))))
	u := &null{}
	if k > 0 {
		u.level = all[k-1]
	}
	var sum float64
	for _, t := range all[max(0, k):] {
		sum += t - u.level
	}
	m := float64(len(all) - max(0, k))
	// By theory a likelihood ratio thins out by one nat for one nat; that is
	// the weight of a few scores.
	u.fall = math.Min(1, (m+3)/(sum+3))
	u.count = (m + 0.5) / max(rounds, 1e-9)
	return u
}

// density is how many pairs a nat chance gives at a score.
func (u *null) density(t float64) float64 {
	return u.count * u.fall * math.Exp(-u.fall*math.Max(t-u.level, 0))
}

// doubt gives every score a probability no greater than it has by another null.
func (u *null) doubt(list []score) {
	other := slices.Clone(list)
	u.judge(other)
	for i := range list {
		list[i].conf = math.Min(list[i].conf, other[i].conf)
	}
}

// judge gives every score its probability: how much of the scores around it is
// more than chance. Scores of true pairs are taken to be spread exponentially.
func (u *null) judge(list []score) {
	mean, true := 30.0, 1.0
	for range 30 {
		var sum, w float64
		for i := range list {
			s := &list[i]
			d := true / mean * math.Exp(-s.t/mean)
			s.conf = d / (d + u.density(s.t))
			if s.t < u.level {
				s.conf = math.Min(s.conf, d/(d+u.density(u.level)))
			}
			sum, w = sum+s.conf*s.t, w+s.conf
		}
		true = w + 0.05
		mean = math.Max(5, (sum+30)/(w+1))
	}
}

// sigmoid makes a probability of log odds.
func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
