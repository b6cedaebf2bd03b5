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
	who  []int32   // parties, ascending
	took []int     // messages that each sent or received
	miss []float64 // nats that it takes to say which ones each did not get
	fans int       // messages
	list []int32   // indices of fans
	dead bool      // merged into another, or dropped

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
	n.via = make([]int32, len(n.recv))
	for i := range n.recv {
		n.via[i] = None
		for _, c := range n.cand[n.start[i]:n.start[i+1]] {
			if c.w < 0.5 {
				continue
			}
			f := &n.fans[c.from]
			if k, had := slices.BinarySearch(f.to, n.recv[i].party); !had {
				f.to = slices.Insert(f.to, k, n.recv[i].party)
				f.recv = slices.Insert(f.recv, k, int32(i))
				n.via[i] = c.pair
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
	chance := n.coincidences(sets)
	for _, g := range sets {
		n.settle(g, chance)
		if len(g.members) >= 3 {
			n.groups = append(n.groups, g)
		}
	}
	if n.active < crowd {
		n.doubtStrays()
	}
	t := newTeller(n)
	t.tell(nil)
	t.weed()
	t.drop(n.doubles())
	t.weed()
	t.close()
}

// exact gathers messages with the same takers, if they are at least three
// with the sender.
func (n *net) exact() []*set {
	byKey := make(map[string]*set)
	var out []*set
	var key []byte
	for k := range n.fans {
		f := &n.fans[k]
		if len(f.to) < 2 {
			continue
		}
		who := with(f.to, n.sent[f.sent].party)
		key = key[:0]
		for _, p := range who {
			key = append(key, byte(p), byte(p>>8), byte(p>>16), byte(p>>24))
		}
		g := byKey[string(key)]
		if g == nil {
			g = &set{who: who, took: make([]int, len(who)), miss: make([]float64, len(who)), index: None}
			byKey[string(key)] = g
			out = append(out, g)
		}
		g.list = append(g.list, int32(k))
		g.fans++
		for i := range g.took {
			g.took[i]++
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
	// setCost is what it takes to suppose one more group, beside its members.
	setCost = 5
)

// merge joins sets of the same group, of which each lacks some members: those
// for which one description is shorter than two (minimum description length,
// Rissanen 1978).
func (n *net) merge(sets []*set) []*set {
	slices.SortStableFunc(sets, func(x, y *set) int {
		return cmp.Or(-cmp.Compare(x.fans*len(x.who), y.fans*len(y.who)), -cmp.Compare(len(x.who), len(y.who)), cmp.Compare(x.list[0], y.list[0]))
	})
	for range 3 {
		if !n.mergeOnce(sets) {
			break
		}
	}
	return slices.DeleteFunc(sets, func(g *set) bool { return g.dead })
}

// mergeOnce joins each set to the one before it that it fits best, if any.
func (n *net) mergeOnce(sets []*set) (changed bool) {
	of := make([][]*set, n.parties)
	for _, g := range sets {
		if g.dead {
			continue
		}
		var best, whole *set
		gain := 0.0
		for _, h := range neighbours(g, of) {
			u := n.joined(g, h)
			if x := n.cost(g) + n.cost(h) - n.cost(u); x > gain {
				best, whole, gain = h, u, x
			}
		}
		if best == nil {
			for _, p := range g.who {
				of[p] = append(of[p], g)
			}
			continue
		}
		for _, p := range g.who {
			if _, had := slices.BinarySearch(best.who, p); !had {
				of[p] = append(of[p], best)
			}
		}
		*best, g.dead, changed = *whole, true, true
	}
	return changed
}

// neighbours gives the sets that share at least two parties with g.
func neighbours(g *set, of [][]*set) []*set {
	count := make(map[*set]int)
	var out []*set
	for _, p := range g.who {
		list := of[p]
		for _, h := range list[:min(len(list), looksMost)] {
			if h.dead {
				continue
			}
			if count[h]++; count[h] == 2 {
				out = append(out, h)
			}
		}
	}
	return out
}

// joined is two sets as one.
func (n *net) joined(g, h *set) *set {
	u := &set{fans: g.fans + h.fans, list: slices.Concat(h.list, g.list), index: None}
	i, j := 0, 0
	for i < len(g.who) || j < len(h.who) {
		switch {
		case j == len(h.who) || i < len(g.who) && g.who[i] < h.who[j]:
			u.add(g.who[i], g.took[i], g.miss[i]+n.missed(g.who[i], h, g.took[i]))
			i++
		case i == len(g.who) || h.who[j] < g.who[i]:
			u.add(h.who[j], h.took[j], h.miss[j]+n.missed(h.who[j], g, h.took[j]))
			j++
		default:
			u.add(g.who[i], g.took[i]+h.took[j], g.miss[i]+h.miss[j])
			i++
			j++
		}
	}
	return u
}

func (g *set) add(p int32, took int, miss float64) {
	g.who, g.took, g.miss = append(g.who, p), append(g.took, took), append(g.miss, miss)
}

// missed is the cost of saying that a party got none of a set's messages. It is
// not summed up further than to where the party is no member for sure.
func (n *net) missed(p int32, g *set, took int) float64 {
	enough := 2 * n.strays(took)
	var sum float64
	for i, k := range g.list {
		if sum += n.missCost(p, k); sum > enough {
			return sum * float64(len(g.list)) / float64(i+1)
		}
	}
	return sum
}

const (
	// missHere and missAway are how often a member that shows signs of life, or
	// none, does not get a message of its group at once.
	missHere = 0.08
	missAway = 0.5
)

// missChance is how probable it is that member p missed sent message k.
func (n *net) missChance(p, k int32) float64 {
	if n.there(p, n.sent[k].at) {
		return 1 - (1-missHere)*n.seen.recv
	}
	return 1 - (1-missAway)*n.seen.recv
}

func (n *net) missCost(p, k int32) float64 { return -math.Log(n.missChance(p, k)) }

// strays is the cost of saying that a party took part k times by coincidence.
func (n *net) strays(k int) float64 {
	return float64(k) * (math.Log(float64(max(2, n.active))) + strayCost)
}

// cost is the length of a description of a set's messages, in nats: who the
// members are, and who of them took part in each.
func (n *net) cost(g *set) float64 {
	name := math.Log(float64(max(2, n.active)))
	sum := float64(setCost)
	for i, k := range g.took {
		sum += math.Min(name+g.miss[i], n.strays(k))
	}
	return sum
}

const (
	// memberShare is the least share of a group's messages that a member takes
	// part in; people whose phone is off half of the day still do.
	memberShare = 0.2
	// crowd is the number of parties from which it speaks for a group that it
	// is the same party again that got a message as well: in a smaller circle
	// the few that are active coincide again and again.
	crowd = 10
)

// settle decides who the members of a set are, and how sure it is that there
// is a group: by what it would take to say that all but one receiver of each of
// its messages got it by coincidence.
func (n *net) settle(g *set, chance float64) {
	g.members = nil
	again := math.Log(math.Max(1, float64(n.active)/crowd))
	weight := n.genuine(g, chance)
	for i, p := range g.who {
		k := float64(g.took[i])
		if g.took[i] < 2 && g.fans > 1 || k/float64(g.fans) < memberShare {
			continue
		}
		x := weight[i] + (k-1)*again - math.Min(g.miss[i], 0.7*(float64(g.fans)-k)+3)
		g.members = append(g.members, Member{Party: p, Confidence: sigmoid(x)})
	}
	// Two of the members talk at any rate; it is the others that make a group.
	best := make([]float64, 0, len(g.members))
	for _, m := range g.members {
		best = append(best, m.Confidence)
	}
	slices.Sort(best)
	if k := len(best); k >= 3 {
		name := float64(k-1) * math.Log(math.Max(3, float64(n.active)))
		g.conf = math.Min(best[k-3], sigmoid(n.extras(g, chance)+float64(g.fans-1)*again-name))
	}
}

// coincidences is how often a message seems to have one receiver too many:
// those of receivers that never got another message of the same set.
func (n *net) coincidences(sets []*set) float64 {
	stray := 1.0
	for _, g := range sets {
		for i := range g.who {
			if g.took[i] == 1 {
				stray += 0.5
			}
		}
	}
	return math.Min(0.2, stray/(float64(len(n.fans))+50))
}

// genuine is, for each party of a set, what its receptions say for it against
// coincidence. What it sent counts like what it received.
func (n *net) genuine(g *set, chance float64) []float64 {
	out := make([]float64, len(g.who))
	for _, k := range g.list {
		f := &n.fans[k]
		for j, p := range f.to {
			if i, ok := slices.BinarySearch(g.who, p); ok {
				out[i] += n.worth(f.recv[j], k, chance)
			}
		}
		if i, ok := slices.BinarySearch(g.who, n.sent[k].party); ok {
			out[i] -= math.Log(chance)
		}
	}
	return out
}

// extras is what the receivers of a set's messages beyond one of each say
// against coincidence, those that are not members left out.
func (n *net) extras(g *set, chance float64) float64 {
	var sum float64
	for _, k := range g.list {
		f := &n.fans[k]
		var all, most float64
		for j, p := range f.to {
			if !slices.ContainsFunc(g.members, func(m Member) bool { return m.Party == p }) {
				continue
			}
			x := n.worth(f.recv[j], k, chance)
			all, most = all+x, math.Max(most, x)
		}
		sum += all - most
	}
	return sum
}

// worth is what one reception says for being genuine: it is no surer than the
// event itself, and than that it came from this message.
func (n *net) worth(i, k int32, chance float64) float64 {
	var w float64
	for _, c := range n.cand[n.start[i]:n.start[i+1]] {
		if c.from == k {
			w += float64(c.w)
		}
	}
	p := math.Min(math.Min(w, 1-chance)*float64(n.recv[i].conf), 1-chance)
	return math.Log(p / (1 - p))
}
