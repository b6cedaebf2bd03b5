package correlate

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"envelope/capture"
)

// Several devices of one person look like a group: each gets what is written
// to the person, and a copy of what the person writes on the others. They are
// told from people by three signs: what the one sends the other gets, what the
// one receives the other receives, and this whoever else is concerned; members
// of a group share that group only. Least shares are of what there would be if
// everything were seen (seen.go).

const (
	// copiesFew is the least number of messages that go from device to device,
	// and of those that both get.
	copiesFew = 4
	// copiesLeast is the least share of what two devices send that the other
	// gets, and bothLeast that of what the one receives less of: a computer is
	// off for half of the day. In a simulated town of 1,000 people the former is
	// above 0.7 for nine in ten pairs of devices, and below it for nearly all
	// pairs of people.
	copiesLeast = 0.7
	bothLeast   = 0.3
	// thirdsLeast is the number of others, of whom none gets what the rest
	// write, that both must have to do with.
	thirdsLeast = 2
	// wholeLeast is the share of what each sends and gets that the other has as
	// well, from which two are one person whoever else is inside. In simulated
	// towns half of the pairs of devices, those that are always connected, have
	// all in common; of people only those that share one conversation and
	// nothing else, who lack either what the two alone share or what others
	// write to both.
	wholeLeast = 0.95
	// wholeFew is the least number of messages of each of these two sorts, and
	// bothFew that of those that somebody inside writes to both: two who share a
	// conversation with people outside alone are not told from one person.
	wholeFew = 4
	bothFew  = 2
)

// company is what two parties share.
type company struct {
	copies int           // sent by one of the two and received by the other
	up     int           // of these, sent by the one with the lower number
	alone  []int32       // of these, received by nobody else: indices of what was sent
	both   int           // received by both from others
	thirds map[int32]int // who sent these
}

// devices finds parties that are devices of one person, and notes in owner for
// every party the first of the person's. It tells how many were new.
func (n *net) devices(owner *owners) (found int) {
	n.findFans()
	n.seen = n.measureSeen()
	t := n.companies()
	private := n.learnPrivate()
	keys := n.alike(t, private, owner.of)
	open := n.open(private, keys)
	for _, k := range keys {
		if !open[k] && owner.join(int32(k>>32), int32(uint32(k))) {
			found++
		}
	}
	return found
}

// owners says which parties are devices of one person.
type owners struct {
	of   []int32   // of each party: the first of the person's
	with [][]int32 // of the first of several: all of them
}

func newOwners(parties int) *owners {
	x := &owners{make([]int32, parties), make([][]int32, parties)}
	for p := range x.of {
		x.of[p] = int32(p)
	}
	return x
}

// join makes two parties one person's; it tells whether they were not before.
func (x *owners) join(a, b int32) bool {
	from, to := max(x.of[a], x.of[b]), min(x.of[a], x.of[b])
	if from == to {
		return false
	}
	list := x.with[from]
	if list == nil {
		list = []int32{from}
	}
	if x.with[to] == nil {
		x.with[to] = []int32{to}
	}
	for _, p := range list {
		x.of[p] = to
	}
	x.with[to], x.with[from] = append(x.with[to], list...), nil
	return true
}

// alike lists the pairs of parties that share what devices share. One person who
// writes to both is enough for two of whom the one does not confirm what the other
// sends.
func (n *net) alike(t *ties, p *private, owner []int32) []uint64 {
	keys := slices.DeleteFunc(sortedKeys(t.shared), func(k uint64) bool { return owner[k>>32] == owner[uint32(k)] })
	evident := make(map[uint64]bool)
	for _, k := range keys {
		evident[k] = n.related(t, k, thirdsLeast)
	}
	n.learnConfirming(evident)
	t.own = n.own()
	ghosts := n.ghosts(p, t, owner)
	return slices.DeleteFunc(keys, func(k uint64) bool {
		a, b := int32(k>>32), int32(uint32(k))
		return t.own[k] <= -ownSure || !evident[k] && !ghosts[k] && !n.whole(t, a, b) && !n.answered(t, a, b) &&
			(t.own[k] < ownSure || !n.related(t, k, 1))
	})
}

// related tells whether a pair shares what devices share, with so many others who
// have nothing to do with each other.
func (n *net) related(t *ties, k uint64, thirds int) bool {
	a, b, c := int32(k>>32), int32(uint32(k)), t.shared[k]
	return c.copies >= copiesFew && c.both >= copiesFew &&
		n.seen.enough(c.copies, t.sent[a]+t.sent[b], copiesLeast) && n.seen.enough(c.both, min(t.got[a], t.got[b]), bothLeast) &&
		n.apart(c) >= thirds
}

// whole tells whether two parties share all that either sends and gets, also
// with people outside.
func (n *net) whole(t *ties, a, b int32) bool {
	c := t.shared[pairKey(a, b)]
	if len(c.alone) < wholeFew || c.both < bothFew || !n.seen.enough(c.up, t.all[a], wholeLeast) || !n.seen.enough(c.copies-c.up, t.all[b], wholeLeast) {
		return false
	}
	return float64(len(n.strange(t, a, b))) >= wholeFew+n.seen.unseen(c.both) && n.had(t, a, b) && n.had(t, b, a)
}

// answered tells whether what two parties alone seem to share is answered by
// somebody outside to both: a party and its peer do not get the same answers
// from elsewhere. A sleeping phone gets most of what its person does on a
// computer too late to be counted, but the computer gets all that the phone
// sends.
func (n *net) answered(t *ties, a, b int32) bool {
	c := t.shared[pairKey(a, b)]
	back := c.copies - c.up
	if len(c.alone) < answeredFew || c.both < bothFew || !n.seen.enough(c.up, t.all[a], wholeLeast) && !n.seen.enough(back, t.all[b], wholeLeast) {
		return false
	}
	answers := n.strange(t, a, b)
	if float64(len(answers)) < answeredFew+n.seen.unseen(c.both) {
		return false
	}
	real, chance := n.company(c.alone, answers, 0, answerWithin)
	return real >= answeredFew && float64(real) >= answeredLeast*float64(len(c.alone)) && float64(real) >= answeredTimes*chance
}

// company counts after how many of the messages sent one of the times comes,
// which are in order: within the window from before until after it. By chance
// it would be as many as with rotated clocks.
func (n *net) company(sent []int32, times []capture.Time, before, after time.Duration) (real int, chance float64) {
	span := n.last.Sub(n.first) + 1
	for _, k := range sent {
		at := n.sent[k].at.Add(-before)
		real += follows(times, at, before+after)
		for _, d := range rotations(span, chanceRounds) {
			chance += float64(follows(times, n.first.Add((at.Sub(n.first)+d+span)%span), before+after)) / chanceRounds
		}
	}
	return real, chance
}

const (
	// answerWithin is the time within which people who write to each other
	// answer mostly: gaps of conversations have medians of some seconds (NDSS
	// 2020).
	answerWithin = time.Minute
	// answeredFew is the least number of answers, answeredLeast their least
	// share of the messages, answeredTimes how many times as many they must be
	// as at other times.
	answeredFew   = 4
	answeredLeast = 0.15
	answeredTimes = 5
)

// strange lists when two parties got something at one moment that nobody inside
// sent. What one of several devices of either sent, and was not seen, looks the
// same but for not coming to that device: as many as may have been are left out.
func (n *net) strange(t *ties, a, b int32) []capture.Time {
	var out, lacking []capture.Time
	for _, i := range t.recv[a] {
		at := n.recv[i].at
		switch j := n.beside(t.recv[b], at); {
		case j == None || !n.fromOutside(i) || !n.fromOutside(j):
		case n.reached(t, a, at) && n.reached(t, b, at):
			out = append(out, at)
		default:
			lacking = append(lacking, at)
		}
	}
	if unseen := n.seen.unseen(t.exchanged(a, b)); float64(len(lacking)) > unseen+2*math.Sqrt(unseen) {
		out = append(out, lacking...)
		slices.Sort(out)
	}
	return out
}

// exchanged is how many messages went between two parties.
func (t *ties) exchanged(a, b int32) int {
	if c := t.shared[ordered(a, b)]; c != nil {
		return c.copies
	}
	return 0
}

// reached tells whether all devices of a party got something at one moment.
func (n *net) reached(t *ties, p int32, at capture.Time) bool {
	if t.units[p] < 2 {
		return true
	}
	var got []int32
	for _, i := range t.recv[p][n.since(t.recv[p], at.Add(-oneMoment)):] {
		if n.recv[i].at > at.Add(oneMoment) {
			break
		}
		if u := n.recv[i].unit; !slices.Contains(got, u) {
			got = append(got, u)
		}
	}
	return len(got) == t.units[p]
}

// since gives the place of the first of some received messages, in order of time,
// that is not before at.
func (n *net) since(list []int32, at capture.Time) int {
	k, _ := slices.BinarySearchFunc(list, at, func(j int32, at capture.Time) int { return cmp.Compare(n.recv[j].at, at) })
	return k
}

// fromOutside tells whether a received message has no source inside.
func (n *net) fromOutside(i int32) bool {
	c := n.source(int(i))
	return c == nil || c.w < 0.5
}

// follows is 1 if one of the times, which are in order, comes after at and
// within d, else 0.
func follows(times []capture.Time, at capture.Time, d time.Duration) int {
	k, _ := slices.BinarySearch(times, at+1)
	if k < len(times) && times[k] <= at.Add(d) {
		return 1
	}
	return 0
}

// beside finds among received messages the first within a moment of at.
func (n *net) beside(list []int32, at capture.Time) int32 {
	k := n.since(list, at.Add(-oneMoment))
	if k < len(list) && n.recv[list[k]].at <= at.Add(oneMoment) {
		return list[k]
	}
	return None
}

// had tells whether b has all that a got, but for what loss explains: it came from
// b or came to b as well.
func (n *net) had(t *ties, a, b int32) bool {
	var from, both, other int
	for _, i := range t.recv[a] {
		if c := n.source(int(i)); c != nil && c.w >= 0.5 && n.sent[c.from].party == b {
			from++
		} else if n.beside(t.recv[b], n.recv[i].at) != None {
			both++
		} else {
			other++
		}
	}
	lost := n.seen.unseen(from)
	other = max(0, other-int(lost+math.Sqrt(lost)))
	return n.seen.enough(both, both+other, 1) || n.seen.enough(from+both, from+both+other, wholeLeast)
}

// ties is what all parties share and have.
type ties struct {
	shared map[uint64]*company
	all    []int     // messages that each sent
	sent   []int     // of these, messages that anybody got
	got    []int     // messages that each got from inside
	recv   [][]int32 // indices of what each got, in order of time
	units  []int     // devices of each that showed any sign of life

	own map[uint64]float64 // what confirmations say for their being one person
}

// sharedMost is the number of receivers up to which a message speaks of pairs.
const sharedMost = 12

// companies counts what pairs of parties share, and what each sent and got.
// Messages that very many got are left out of pairs: they are a group's.
func (n *net) companies() *ties {
	t := &ties{shared: make(map[uint64]*company), all: make([]int, n.parties), sent: make([]int, n.parties), got: make([]int, n.parties),
		recv: rooms[int32](n.nRecv), units: make([]int, n.parties)}
	for u, life := range n.life {
		if p := n.ownerOf(int32(u)); len(life) > 0 {
			t.units[p]++
		}
	}
	for i := range n.recv {
		t.recv[n.recv[i].party] = append(t.recv[n.recv[i].party], int32(i))
	}
	for k := range n.fans {
		f, from := &n.fans[k], n.sent[k].party
		t.all[from]++
		if len(f.to) == 0 || len(f.to) > sharedMost {
			continue
		}
		t.sent[from]++
		for i, a := range f.to {
			t.got[a]++
			c := t.company(from, a)
			c.copies++
			if from < a {
				c.up++
			}
			if len(f.to) == 1 {
				c.alone = append(c.alone, int32(k))
			}
			for _, b := range f.to[i+1:] {
				c := t.company(a, b)
				if c.both++; len(f.to) <= 3 {
					c.thirds[from]++
				}
			}
		}
	}
	return t
}

// company gives what two parties share, to count in.
func (t *ties) company(a, b int32) *company {
	c := t.shared[ordered(a, b)]
	if c == nil {
		c = &company{thirds: map[int32]int{}}
		t.shared[ordered(a, b)] = c
	}
	return c
}

// apart counts those who wrote to both of a company more than by coincidence,
// and of whom each rarely gets what the others wrote: they are in no group
// together.
func (n *net) apart(c *company) int {
	type third struct {
		party int32
		n     int
	}
	var list []third
	for p, k := range c.thirds {
		if k >= 2 && 20*k >= c.both {
			list = append(list, third{p, k})
		}
	}
	slices.SortFunc(list, func(x, y third) int { return cmp.Or(-cmp.Compare(x.n, y.n), cmp.Compare(x.party, y.party)) })
	var chosen []int32
	for _, t := range list {
		if !slices.ContainsFunc(chosen, func(p int32) bool { return n.writes(p, t.party) || n.writes(t.party, p) }) {
			chosen = append(chosen, t.party)
		}
	}
	return len(chosen)
}

// writes tells whether b gets more than now and then what a sends.
func (n *net) writes(a, b int32) bool {
	id := n.pairID.get(a, b)
	return id != None && n.pairs[id].weight > 0.1*float64(n.nSent[a])
}

// uniteRounds is how often devices are looked for: when those of the others are
// known it is clearer who gets what.
const uniteRounds = 3

// uniteFew is the share of all parties up to which those that were joined in a round
// leave what waited for others as it was.
const uniteFew = 0.01

// unite takes the devices of each person together, in all messengers, and lists
// them.
func unite(nets []*net, parties int) [][]int32 {
	owner := newOwners(parties)
	for range uniteRounds {
		found := 0
		for _, n := range nets {
			found += n.devices(owner)
		}
		if found == 0 {
			break
		}
		for i, n := range nets {
			if nets[i] = n.united(slices.Clone(owner.of)); float64(found) > uniteFew*float64(parties) {
				nets[i].rematch(n)
			} else {
				nets[i].resume(n)
			}
		}
	}
	return same(owner.of)
}

// united gives the same messenger with the devices of each person taken
// together, without the copies that one device gets of what another sent.
func (n *net) united(owner []int32) *net {
	copies := make(map[int32]copyOf)
	maps.Copy(copies, n.copies) // these are not in recv
	for i := range n.recv {
		r := &n.recv[i]
		if c := n.source(i); c != nil && c.w >= 0.5 && owner[n.sent[c.from].party] == owner[r.party] {
			copies[r.id] = copyOf{n.sent[c.from].id, c.w}
		}
	}
	u := newNet(n.events, n.ids, n.parties, owner, copies)
	u.law, u.seen, u.confirming = n.law, n.seen, n.confirming
	return u
}

// copyOf is the source of a copy: the event at the device that sent it, and how
// probable that is.
type copyOf struct {
	id int32
	w  float32
}

// sureOwn is the greatest probability of a copy: of the devices that are joined in
// simulated towns 1 in 100 is another person's.
const sureOwn = 0.98

// stateCopies names for every copy the device that it came from.
func (n *net) stateCopies(o Options, res *Result) {
	for id, c := range n.copies {
		if p := min(float64(c.w), sureOwn); p >= o.Level {
			res.Peers[id] = Peer{Party: n.events[c.id].Party, Confidence: p, Group: None, Matched: []int32{c.id}}
		}
	}
}

// same lists the devices of each person that has several.
func same(owner []int32) [][]int32 {
	of := make(map[int32]int)
	var out [][]int32
	for p, o := range owner {
		if int32(p) == o {
			continue
		}
		i, ok := of[o]
		if !ok {
			i = len(out)
			of[o], out = i, append(out, []int32{o})
		}
		out[i] = append(out[i], int32(p))
	}
	slices.SortFunc(out, func(x, y []int32) int { return cmp.Compare(x[0], y[0]) })
	return out
}
