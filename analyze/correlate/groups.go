package correlate

import (
	"cmp"
	"math"
	"slices"
)

// fan is a sent message and who inside received it.
type fan struct {
	sent int32
	to   []int32 // parties, ascending
	recv []int32 // indices into recv, along with to
}

// set is a group in the making: who took part in how many of its messages.
type set struct {
	took map[int32]int // messages that a party sent or received
	own  map[int32]int // of these, sent
	fans int           // messages, each a moment of its own
	list []int32       // indices of fans
	dead bool          // merged into another

	members  []Member
	conf     float64
	index    int32   // in the result, None where it is not stated
	messages []int32 // sent messages that went to it
}

// findFans lists for every sent message who got it.
func (n *net) findFans() {
	n.fans = make([]fan, len(n.sent))
	for k := range n.fans {
		n.fans[k].sent = int32(k)
	}
	for i := range n.recv {
		for _, c := range n.cand[n.start[i]:n.start[i+1]] {
			if c.w < 0.5 {
				continue
			}
			f := &n.fans[c.from]
			if k, had := slices.BinarySearch(f.to, n.recv[i].party); !had {
				f.to = slices.Insert(f.to, k, n.recv[i].party)
				f.recv = slices.Insert(f.recv, k, int32(i))
			}
		}
	}
}

// findGroups finds sets of parties that messages go round in, and tells for
// every sent message whether it went to one of them.
func (n *net) findGroups() {
	n.findFans()
	n.conv, n.direct = make([]int32, len(n.sent)), make([]float64, len(n.sent))
	sets := n.merge(n.exact())
	for _, g := range sets {
		n.settle(g)
		if len(g.members) >= 3 {
			n.groups = append(n.groups, g)
		}
	}
	n.tell()
}

// exact gathers messages with the same takers, if they are at least three
// with the sender.
func (n *net) exact() []*set {
	byKey := make(map[string]*set)
	var out []*set
	var key []byte
	last := make(map[*set]int32)
	for k := range n.fans {
		f := &n.fans[k]
		if len(f.to) < 2 {
			continue
		}
		from := n.sent[f.sent].party
		all := with(f.to, from)
		key = key[:0]
		for _, p := range all {
			key = append(key, byte(p), byte(p>>8), byte(p>>16), byte(p>>24))
		}
		g := byKey[string(key)]
		if g == nil {
			g = &set{took: map[int32]int{}, own: map[int32]int{}, index: None}
			byKey[string(key)] = g
			out = append(out, g)
		}
		g.list = append(g.list, int32(k))
		if l, ok := last[g]; ok && n.sent[k].at.Sub(n.sent[l].at) <= moment && n.sent[l].party == from {
			continue
		}
		last[g] = int32(k)
		g.fans++
		g.own[from]++
		for _, p := range all {
			g.took[p]++
		}
	}
	return out
}

// with gives a sorted list with one more element.
func with(list []int32, x int32) []int32 {
	k, had := slices.BinarySearch(list, x)
	if had {
		return list
	}
	return slices.Insert(slices.Clone(list), k, x)
}

const (
	// looksMost bounds how many sets a set is compared with.
	looksMost = 200
	// strayCost is what it takes, beside naming the party, to say that someone
	// took part once by coincidence (natural logarithm of 1 in 20).
	strayCost = 3
)

// merge joins sets of the same group, of which each lacks some members: those
// for which one description is shorter than two (minimum description length,
// Rissanen 1978).
func (n *net) merge(sets []*set) []*set {
	slices.SortStableFunc(sets, func(x, y *set) int {
		return cmp.Or(-cmp.Compare(x.fans*len(x.took), y.fans*len(y.took)), -cmp.Compare(len(x.took), len(y.took)), cmp.Compare(x.list[0], y.list[0]))
	})
	of := make([][]*set, n.parties)
	for range 3 {
		changed := false
		of = make([][]*set, n.parties)
		for _, g := range sets {
			if g.dead {
				continue
			}
			best, gain := (*set)(nil), 0.0
			for _, h := range near(g, of) {
				if x := n.cost(g) + n.cost(h) - n.cost(joined(g, h)); x > gain {
					best, gain = h, x
				}
			}
			if best == nil {
				for p := range g.took {
					of[p] = append(of[p], g)
				}
				continue
			}
			for p := range g.took {
				if best.took[p] == 0 {
					of[p] = append(of[p], best)
				}
			}
			best.absorb(g)
			changed = true
		}
		if !changed {
			break
		}
	}
	return slices.DeleteFunc(sets, func(g *set) bool { return g.dead })
}

// near gives the sets that share at least two parties with g.
func near(g *set, of [][]*set) []*set {
	count := make(map[*set]int)
	var out []*set
	for _, p := range g.parties() {
		list := of[p]
		for _, h := range list[:min(len(list), looksMost)] {
			if h == g || h.dead {
				continue
			}
			if count[h]++; count[h] == 2 {
				out = append(out, h)
			}
		}
	}
	return out
}

// parties lists all who took part, ascending.
func (g *set) parties() []int32 {
	out := make([]int32, 0, len(g.took))
	for p := range g.took {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

func joined(g, h *set) *set {
	x := &set{took: make(map[int32]int, len(g.took)+len(h.took)), fans: g.fans + h.fans}
	for p, k := range g.took {
		x.took[p] += k
	}
	for p, k := range h.took {
		x.took[p] += k
	}
	return x
}

func (g *set) absorb(h *set) {
	for p, k := range h.took {
		g.took[p] += k
	}
	for p, k := range h.own {
		g.own[p] += k
	}
	g.fans += h.fans
	g.list = append(g.list, h.list...)
	h.dead = true
}

// cost is the length of a description of a set's messages, in nats: who the
// members are, and who of them took part in each.
func (n *net) cost(g *set) float64 {
	name := math.Log(float64(max(2, n.active)))
	// Which of the sets a message belongs to needs saying as well.
	sum := 0.5 * float64(g.fans) / float64(1+g.fans)
	for _, k := range g.took {
		sum += math.Min(name+entropy(k, g.fans), float64(k)*(name+strayCost))
	}
	return sum
}

// entropy is the cost in nats of saying which k of n.
func entropy(k, n int) float64 {
	if k <= 0 || k >= n {
		return 0
	}
	f := float64(k) / float64(n)
	return -float64(n) * (f*math.Log(f) + (1-f)*math.Log(1-f))
}

const (
	// memberShare is the least share of a group's messages that a member takes
	// part in; people whose phone is off half of the day still do.
	memberShare = 0.2
	// coincidence is how often a party seems to get a message that it did not,
	// in a group's messages: measured in the labs at 1 in 400.
	coincidence = 0.005
)

// settle decides who the members of a set are.
func (n *net) settle(g *set) {
	g.members = nil
	for _, p := range g.parties() {
		k := g.took[p]
		f := float64(k) / float64(g.fans)
		if k < 2 && g.fans > 1 || f < memberShare {
			continue
		}
		f = math.Min(f, 1-0.5/float64(g.fans+1))
		odds := math.Log(coincidence)
		odds += float64(k)*math.Log(f/coincidence) + float64(g.fans-k)*math.Log((1-f)/(1-coincidence))
		odds -= math.Log(math.Max(1, float64(n.active)/20)) // any of many parties may turn up once
		g.members = append(g.members, Member{Party: p, Confidence: sigmoid(odds)})
	}
	best := make([]float64, 0, len(g.members))
	for _, m := range g.members {
		best = append(best, m.Confidence)
	}
	slices.Sort(best)
	if k := len(best); k >= 3 {
		g.conf = best[k-3] * math.Min(1, float64(g.fans)*float64(k-2)/3)
		g.conf = math.Min(g.conf, 1-0.5/float64(1+g.fans*(k-2)))
	}
}

// sigmoid makes a probability of log odds.
func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

const (
	tellRounds = 4
	// missHere and missAway are how often a member that shows signs of life, or
	// none, does not get a message of its group at once.
	missHere = 0.05
	missAway = 0.5
	// directGot is how often the one receiver of a direct message is seen.
	directGot = 0.9
)

// tell decides for every sent message whether it went to a group, and to
// which: by who got it and who did not, by how the messages of groups differ
// in size from others, and by whom the sender wrote to at the time.
func (n *net) tell() {
	of := make([][]int32, n.parties)
	for i, g := range n.groups {
		for _, m := range g.members {
			of[m.Party] = append(of[m.Party], int32(i))
		}
	}
	single := make(map[uint64]float64) // direct messages of a direction
	toSet := make(map[uint64]float64)  // messages of a party to a group
	n.start0(single, toSet)
	for range tellRounds {
		look := n.looks()
		one, many := make(map[uint64]float64), make(map[uint64]float64)
		for k := range n.fans {
			n.tellOne(&n.fans[k], of[n.sent[k].party], look, single, toSet)
			from := n.sent[k].party
			if n.conv[k] != None {
				many[pairKey(from, n.conv[k])] += 1 - n.direct[k]
			}
			if len(n.fans[k].to) == 1 {
				one[pairKey(from, n.fans[k].to[0])] += n.direct[k]
			}
		}
		single, toSet = one, many
	}
	for k, g := range n.conv {
		if g != None {
			n.groups[g].messages = append(n.groups[g].messages, int32(k))
		}
	}
}

// start0 sets the first guess: who has one receiver is direct, half way.
func (n *net) start0(single, toSet map[uint64]float64) {
	for k := range n.fans {
		f := &n.fans[k]
		n.conv[k], n.direct[k] = None, 0.5
		if len(f.to) == 1 {
			single[pairKey(n.sent[k].party, f.to[0])] += 0.5
		}
	}
	for i, g := range n.groups {
		for _, k := range g.list {
			n.conv[k], n.direct[k] = int32(i), 0
			toSet[pairKey(n.sent[k].party, int32(i))]++
		}
	}
}

// tellOne decides for one message among the groups of its sender and a direct
// talk.
func (n *net) tellOne(f *fan, groups []int32, look *looks, single, toSet map[uint64]float64) {
	s := &n.sent[f.sent]
	// A direct message has one receiver; further ones are coincidences.
	const usual = 0.3
	best := 0.0
	for _, b := range f.to {
		best = math.Max(best, single[pairKey(s.party, b)]+0.5*single[pairKey(b, s.party)])
	}
	direct := (best + usual) * directGot
	switch {
	case len(f.to) == 0:
		direct = usual + 0.1*float64(n.nSent[s.party])
	case len(f.to) > 1:
		direct *= math.Pow(coincidence, float64(len(f.to)-1)) * float64(len(f.to))
	}
	all, most, conv := direct, 0.0, int32(None)
	for _, i := range groups {
		x := (toSet[pairKey(s.party, i)] + usual) * n.chanceOf(f, n.groups[i]) * look.ratio(n, f)
		if all += x; x > most {
			most, conv = x, i
		}
	}
	n.conv[f.sent], n.direct[f.sent] = conv, direct/all
	if n.direct[f.sent] > 0.5 {
		n.conv[f.sent] = None
	}
}

// chanceOf is how probable the receivers of a message are if it went to g.
func (n *net) chanceOf(f *fan, g *set) float64 {
	s := &n.sent[f.sent]
	x, seen := 1.0, 0
	for _, m := range g.members {
		if m.Party == s.party {
			continue
		}
		if _, got := slices.BinarySearch(f.to, m.Party); got {
			seen++
			continue
		}
		miss := math.Max(missHere, 1-float64(g.took[m.Party])/float64(g.fans))
		if !n.there(m.Party, s.at) {
			miss = math.Max(miss, missAway)
		}
		x *= miss
	}
	for range len(f.to) - seen {
		x *= coincidence
	}
	return x
}

// looks is how messages to groups differ from direct ones in size and growth.
type looks struct {
	size, grow table
}

// looks learns the difference from what was decided so far.
func (n *net) looks() *looks {
	many, one := newCounts(growth()), newCounts(growth())
	manySize, oneSize := newCounts(growth()), newCounts(growth())
	for k := range n.fans {
		f, s := &n.fans[k], &n.sent[k]
		if s.size == 0 || len(f.to) == 0 {
			continue
		}
		size, grow, w := manySize, many, 1-n.direct[k]
		if len(f.to) == 1 {
			size, grow, w = oneSize, one, n.direct[k]
		} else if n.conv[k] == None {
			continue
		}
		size.add(0, float64(s.size), w)
		for _, i := range f.recv {
			if r := &n.recv[i]; r.size > 0 {
				grow.add(0, float64(r.size-s.size), w/float64(len(f.recv)))
			}
		}
	}
	return &looks{size: manySize.against(oneSize), grow: many.against(one)}
}

// ratio is how much likelier a message's sizes are for a group's.
func (l *looks) ratio(n *net, f *fan) float64 {
	s := &n.sent[f.sent]
	if s.size == 0 {
		return 1
	}
	x := clamp(l.size.at(0, float64(s.size)))
	for _, i := range f.recv {
		if r := &n.recv[i]; r.size > 0 {
			return x * clamp(l.grow.at(0, float64(r.size-s.size)))
		}
	}
	return x
}

// clamp bounds what sizes may say of a message's being a group's.
func clamp(x float64) float64 { return math.Max(0.05, math.Min(20, x)) }
