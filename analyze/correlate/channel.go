package correlate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"envelope/capture"
)

// Listed is one message of a list that somebody kept elsewhere: a log of a
// channel, or of what one person sent. The list stands in for one end.
type Listed struct {
	Time  capture.Time
	Size  uint64 // of the text or the attachment, as the list counts; 0 where not known
	Kind  Kind   // Message or Media
	Known bool   // the kind is known
}

// ChannelOptions say what is known of the list and the capture.
type ChannelOptions struct {
	First, Last capture.Time  // of the capture
	Resolution  time.Duration // of the times in the list: they are cut off to multiples of it
	Level       float64       // least probability of a party that is named; 0.5 where it is 0
}

// ChannelParty is a party that may be in the conversation of the list, with one
// messenger.
type ChannelParty struct {
	Party, Service int32
	Matched        int // messages of the list that fit an event of the party better than chance
	Sent, Received int // of these, by the direction of the event
	Confidence     float64
	Score          float64       // logarithm of the likelihood ratio, membership against chance
	Offset         time.Duration // by which its events follow the times of the list: delay and difference of clocks, the median
	Events         []int32       // that matched, ascending
}

// Channel is what was found of a list.
type Channel struct {
	InCapture int            // messages of the list within the time of the capture
	Parties   []ChannelParty // by confidence, falling; from the level on
	Best      *ChannelParty  // where none reaches the level: the one that comes nearest
	Needed    int            // messages that would be needed as well, until the best is likely; 0 where it is, or where more would not help
	Note      string         // why nothing is said, or with what reserve
}

// FindChannel tells which parties are in the conversation that a list is of.
//
// A message of the list speaks for a party by the ratio of two densities: that
// of an event of the party at this delay, of this size and kind, if the party
// received or sent the message; and that of the party's own events around this
// time, which is how busy it is (scoreUnit). The law of delay, size and kind is
// learned from the list and the events together, as the excess over the level
// around it (channelLaw). A member may miss messages, and a list of what one
// person sent to many concerns each of them for a while: the messages of a
// party come in runs (runScore).
//
// How much chance can do is measured: all of it is done again with the list's
// clock rotated, 240 times, and the tail of these scores gives the probability
// (channelNull). The clock of the list may be off by up to clockSlack; what
// lies further away is another time, not another clock.
func FindChannel(list []Listed, events []Event, parties int, o ChannelOptions) *Channel {
	if o.Level == 0 {
		o.Level = 0.5
	}
	c := newChannel(list, events, parties, o)
	res := &Channel{InCapture: len(c.list)}
	switch {
	case len(c.list) == 0:
		res.Note = "no message of the list falls into the time of the capture"
		return res
	case len(c.units) == 0:
		res.Note = "no party of the capture has messages"
		return res
	case o.Last.Sub(o.First) < 4*c.far():
		res.Note = fmt.Sprintf("not enough to tell: the capture is shorter than the %s that are needed to learn what chance does", 4*c.far())
		return res
	}
	c.conclude(res, c.decide(c.list), o.Level)
	return res
}

const (
	// clockSlack is how far the clock of a list may be off. Servers and phones
	// keep time by NTP to well below; 5 s is what issue-keeping systems allow.
	clockSlack = 5 * time.Second
	// busyAround is the time on both sides from which it is learned how busy a
	// party is, and busyNear the same for bursts.
	busyAround = 60 * time.Second
	busyNear   = 2500 * time.Millisecond
)

// channel is one list against one capture.
type channel struct {
	o     ChannelOptions
	list  []Listed // within the capture, in order of time
	units []unit
	bin   time.Duration // of delays
	bins  int
	grid  []window
	kinds [2][2]float64 // events of all units by direction and kind, and one of each
}

// unit is one party with one messenger.
type unit struct {
	party, service int32
	marks          []unitMark // in order of time
	sizes          [2][]float64
}

// unitMark is one event of a unit.
type unitMark struct {
	at   capture.Time
	dir  uint8 // 0 received, 1 sent
	kind Kind
	size float64 // of the frame, 0 where not known
	bulk float64
	conf float64
	rate float64 // other events of the same direction at this time, per second
	id   int32
}

// window is a range of delays, in bins.
type window struct{ from, to int }

func newChannel(list []Listed, events []Event, parties int, o ChannelOptions) *channel {
	c := &channel{o: o, kinds: [2][2]float64{{1, 1}, {1, 1}}}
	for _, m := range list {
		if m.Time >= o.First.Add(-clockSlack-o.Resolution) && m.Time <= o.Last.Add(clockSlack) {
			c.list = append(c.list, m)
		}
	}
	slices.SortStableFunc(c.list, func(x, y Listed) int {
		return cmp.Or(cmp.Compare(x.Time, y.Time), cmp.Compare(x.Size, y.Size), cmp.Compare(x.Kind, y.Kind))
	})
	for _, ids := range byService(events, parties) {
		c.addUnits(events, ids)
	}
	c.windows()
	return c
}

// addUnits makes the units of one messenger.
func (c *channel) addUnits(events []Event, ids []int32) {
	index := map[int32]int{}
	first := len(c.units)
	for _, id := range ids {
		e := &events[id]
		if e.Kind != Message && e.Kind != Media {
			continue
		}
		k, ok := index[e.Party]
		if !ok {
			k = len(c.units)
			index[e.Party] = k
			c.units = append(c.units, unit{party: e.Party, service: e.Service})
		}
		m := unitMark{at: e.Time, kind: e.Kind, size: float64(e.Size), bulk: float64(e.Bulk), conf: e.Confidence, id: id}
		if m.conf == 0 {
			m.conf = 1
		}
		if e.Sent {
			m.dir = 1
		}
		c.units[k].marks = append(c.units[k].marks, m)
		c.kinds[m.dir][m.kind]++
	}
	slices.SortFunc(c.units[first:], func(x, y unit) int { return cmp.Compare(x.party, y.party) })
	for k := first; k < len(c.units); k++ {
		c.units[k].learnRates(c.o.Last.Sub(c.o.First))
	}
}

// learnRates finds how busy the unit is around each of its events, that event
// left out: the more of a minute on both sides, smoothed by the whole capture,
// and of a few seconds, so that a burst is no evidence.
func (u *unit) learnRates(span time.Duration) {
	for dir := range uint8(2) {
		var at []capture.Time
		for i := range u.marks {
			if m := &u.marks[i]; m.dir == dir {
				at = append(at, m.at)
				u.sizes[dir] = append(u.sizes[dir], m.size)
			}
		}
		slices.Sort(u.sizes[dir])
		all := float64(len(at)) / max(seconds(span), seconds(2*busyAround))
		for i := range u.marks {
			m := &u.marks[i]
			if m.dir != dir {
				continue
			}
			wide := (float64(countWithin(at, m.at, busyAround)-1) + all*seconds(busyAround)) / seconds(3*busyAround)
			burst := float64(countWithin(at, m.at, busyNear)-1) / seconds(2*busyNear)
			m.rate = max(wide, burst, 1e-5)
		}
	}
}

// countWithin counts the times that are at most d away.
func countWithin(at []capture.Time, t capture.Time, d time.Duration) int {
	lo, _ := slices.BinarySearch(at, t.Add(-d))
	hi, _ := slices.BinarySearch(at, t.Add(d)+1)
	return hi - lo
}

// maxDelayBins bounds the resolution of delays; three words of bits.
const maxDelayBins = 192

// windows lists the ranges of delays that are tried: from a quarter of a second
// to four, at least the resolution of the list, each at steps of half its
// width. Delays of receivers that are there were 0.1-3.4 s in the labs.
func (c *channel) windows() {
	widest := max(4*time.Second, 2*c.o.Resolution+2*time.Second)
	reach := 2*clockSlack + widest
	c.bin = max(reach/maxDelayBins+1, 125*time.Millisecond)
	c.bins = min(maxDelayBins, int(reach/c.bin)+1)
	for w := 2; w <= int(widest/c.bin); w *= 2 {
		if time.Duration(w)*c.bin < c.o.Resolution {
			continue
		}
		for from := 0; from+w <= c.bins && time.Duration(from)*c.bin <= 2*clockSlack; from += max(1, w/2) {
			c.grid = append(c.grid, window{from, from + w})
		}
	}
}

// far is more than a message and an event of it can be apart.
func (c *channel) far() time.Duration { return time.Duration(c.bins)*c.bin + 2*busyNear }

// pairs is the list against one unit: which event may be which message.
type unitPairs struct {
	unit  int
	pairs []listPair // by message, then by time
}

type listPair struct {
	msg, mark int32
	bin       int16
}

// everybody lists all units.
func (c *channel) everybody() []int {
	out := make([]int, len(c.units))
	for k := range out {
		out[k] = k
	}
	return out
}

// pairUp lists the pairs of those of the units that have any.
func (c *channel) pairUp(list []Listed, units []int) []unitPairs {
	var out []unitPairs
	reach := time.Duration(c.bins) * c.bin
	for _, k := range units {
		marks := c.units[k].marks
		p := unitPairs{unit: k}
		low := 0
		for i := range list {
			from := list[i].Time.Add(-clockSlack)
			for low < len(marks) && marks[low].at < from {
				low++
			}
			for j := low; j < len(marks); j++ {
				d := marks[j].at.Sub(from)
				if d >= reach {
					break
				}
				p.pairs = append(p.pairs, listPair{int32(i), int32(j), int16(d / c.bin)})
			}
		}
		if len(p.pairs) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// unitScore is what one unit scored.
type unitScore struct {
	unit  int
	score float64
	conf  float64
	taken []taken
}

// taken is a message of the list and the event that it is.
type taken struct {
	msg, mark int32
	ratio     float64
}

// score scores the units by a law, or where there is none by the one that it
// learns. Units that are not in the answer have no event near any message.
func (c *channel) score(list []Listed, pairs []unitPairs, law *channelLaw) []unitScore {
	if law == nil {
		law = c.learnLaw(list, pairs)
	}
	out := make([]unitScore, len(pairs))
	for i := range pairs {
		out[i] = c.scoreUnit(list, &pairs[i], law)
	}
	return out
}

// scoreUnit finds the best event of each message, each taken once, and the
// likelihood ratio of all.
func (c *channel) scoreUnit(list []Listed, p *unitPairs, law *channelLaw) unitScore {
	u := &c.units[p.unit]
	var can []taken
	for _, x := range p.pairs {
		if r := law.ratio(&list[x.msg], u, &u.marks[x.mark], int(x.bin)); r > 0 {
			can = append(can, taken{x.msg, x.mark, r})
		}
	}
	// Equal ratios are taken in order of time, which for delays of one width
	// leaves the fewest without a partner.
	slices.SortStableFunc(can, func(x, y taken) int { return -cmp.Compare(x.ratio, y.ratio) })
	ratio := make([]float64, len(list))
	used := make(map[int32]bool, len(can))
	s := unitScore{unit: p.unit}
	for _, t := range can {
		if ratio[t.msg] == 0 && !used[t.mark] {
			ratio[t.msg], used[t.mark] = t.ratio, true
			s.taken = append(s.taken, t)
		}
	}
	s.score = runScore(ratio)
	return s
}

// runScore is the logarithm of the likelihood ratio of a party's part in the
// conversation: the messages that concern it come in runs, of which neither
// length nor share is known, so that the mean over several is taken. Within a
// run a message is missed now and then.
func runScore(ratio []float64) float64 {
	const missed = 0.05
	sum := 0.0
	for _, share := range []float64{0.05, 0.15, 0.4, 0.7, 1} {
		for _, length := range []float64{1, 8} {
			sum += math.Exp(min(500, forward(ratio, share, length, missed)))
		}
	}
	return math.Log(sum / 10)
}

// forward is the likelihood ratio of a chain of two states, in the
// conversation or not.
func forward(ratio []float64, share, length, missed float64) float64 {
	// Of those in a run, 1 of length leaves it, unless chance brings it back.
	leave := (1 - share) / length
	enter := share / length
	if share == 1 {
		leave, enter = 0, 1
	}
	in, out, sum := share, 1-share, 0.0
	for i, r := range ratio {
		if i > 0 {
			in, out = in*(1-leave)+out*enter, in*leave+out*(1-enter)
		}
		in *= missed + (1-missed)*r
		norm := in + out
		if norm <= 0 {
			return -500
		}
		in, out = in/norm, out/norm
		sum += math.Log(norm)
	}
	return sum
}
