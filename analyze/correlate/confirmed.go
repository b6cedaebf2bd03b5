package correlate

import "math"

// Who gets a message confirms it to its writer, but nobody confirms to himself
// what he wrote on another device: where a party confirms what others write, what
// it gets from its own person's devices stands out by not being confirmed. Whether
// that holds in a messenger is learned from the devices that are evident without.

const (
	// ownDoubt is the number of confirmed copies for which it counts that nothing
	// is known of them: that copies are confirmed as often as anything else.
	ownDoubt = 10
	// ownEach and ownMost bound what one message, and all that two exchange, say
	// for being copies, as log ratios.
	ownEach = 3
	ownMost = 8
	// ownSure is the log ratio from which it is believed, either way: 20 to 1.
	ownSure = 3
)

// confirming is how often what comes in is confirmed.
type confirming struct {
	of       []float64 // of each device: share of what it got
	told     float64   // copies that were confirmed, of what is known to be copies
	expected float64   // those that would have been if copies were like anything else
}

// learnConfirming finds how often each device confirms what it gets, and how often
// those do it that evidently are one person's to each other.
func (n *net) learnConfirming(evident map[uint64]bool) {
	x := &n.confirming
	x.of = make([]float64, n.parties)
	all, sum := make([]float64, n.parties), 0.0
	for i := range n.recv {
		r := &n.recv[i]
		if all[r.unit]++; r.told != 0 {
			x.of[r.unit]++
			sum++
		}
	}
	usual := sum / math.Max(1, float64(len(n.recv)))
	for u := range x.of {
		x.of[u] = (x.of[u] + usual) / (all[u] + 1)
	}
	for i := range n.recv {
		r := &n.recv[i]
		if s := n.promptly(i); s == nil || !evident[ordered(s.party, r.party)] {
			continue
		}
		if x.expected += x.of[r.unit]; r.told != 0 {
			x.told++
		}
	}
}

// promptly gives the source of a received message if it came at once, else nil.
func (n *net) promptly(i int) *mark {
	if c := n.source(i); c != nil && c.w >= 0.5 && !c.late {
		return &n.sent[c.from]
	}
	return nil
}

// own sums up for every two parties how much likelier by its confirmations what
// they exchange is for copies than for what people write to each other, as log
// ratios.
func (n *net) own() map[uint64]float64 {
	x := &n.confirming
	out := make(map[uint64]float64)
	seldom := math.Min(1, (x.told+ownDoubt)/(x.expected+ownDoubt))
	for i := range n.recv {
		r, s := &n.recv[i], n.promptly(i)
		if s == nil {
			continue
		}
		people := x.of[r.unit]
		copies := people * seldom
		if r.told == 0 {
			people, copies = 1-people, 1-copies
		}
		key := ordered(s.party, r.party)
		out[key] += clip(math.Log(copies/people), ownEach)
	}
	for k, l := range out {
		out[k] = clip(l, ownMost)
	}
	return out
}

// clip bounds x to either side of 0.
func clip(x, most float64) float64 { return math.Max(-most, math.Min(most, x)) }
