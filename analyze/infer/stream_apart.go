package infer

import (
	"math"
	"slices"
)

// A server that has several messages for a client at one moment puts them into one
// record, often with the copy of what the client itself had just written. Such a
// record has the sum of their sizes: it is taken apart by trying which of the
// messages on their way make it up.

const (
	// apartMost is the number of messages on their way to whom it may concern from
	// which too many sums agree with anything.
	apartMost = 8
	// apartUnder and apartOver are how far a sum of messages may lie above and
	// below the record that holds them: each has a cipher's 17 to 40 bytes alone,
	// and a request to acknowledge (XEP-0198, about 30 bytes), and names differ in
	// length. In the laboratory recordings of XMPP the records are from 36 bytes
	// less to 4 less than the sum for two messages.
	apartUnder = 64
	apartOver  = 16
	// apartRange is the range of sizes over which records that are something else
	// are spread, and apartPrior the share of records of such a size that are
	// several messages.
	apartRange = 1000
	apartPrior = 0.3
	// wroteFew is the number of plain deliveries between two clients from which
	// one more is expected.
	wroteFew = 3
)

// enclosed is a message that came in one unit with others.
type enclosed struct {
	unit, source int32
	size         uint32
	sure         float64
	confirmed    bool // its receipt shows it, not its size
}

// deliveries are what plainly came, and what that shows of who gets whose messages, and how large.
type deliveries struct {
	reached map[delivery]bool
	takers  map[int32][]int32    // clients that got each unit up, but for its own
	grown   map[int32]int32      // by how many bytes each grew
	went    map[delivery][]int32 // the same by clients, from and to
	along   map[int32]bool       // by how many bytes those of two clients differ from what is usual for them, more than by chance
	among   map[delivery]int     // by clients, from and to: messages that others got as well
	fan     map[int32]int        // by client: messages sent that several got
	lone    map[int32]int        // and that nobody did
}

// parcels takes records apart.
type parcels struct {
	*deliveries
	v    *view
	sent []int32 // units with content, by time
	law  []*law  // of each of them
}

// takeApart finds the messages in units that hold several, and before that those
// deliveries which are weak by themselves, between clients who often write to each
// other.
func (v *view) takeApart(fs []family, ups [][]int32) {
	a := &parcels{v: v, sent: slices.Concat(ups...)}
	a.deliveries = v.plainDeliveries(a.sent)
	a.resume(fs)
	slices.Sort(a.sent) // units are in order of time
	for _, id := range a.sent {
		a.law = append(a.law, fs[home(fs, &v.units[id])].law)
	}
	low, _ := arriving(fs)
	least := 2*int64(low) - apartUnder
	from, until := 0, 0
	for _, id := range v.downs {
		d := &v.units[id]
		for until < len(a.sent) && v.units[a.sent[until]].at < d.at {
			until++
		}
		for from < until && d.at.Sub(v.units[a.sent[from]].at) > relayWithin {
			from++
		}
		from = max(from, until-relayMost)
		if d.echo || d.ground != groundNone || a.believe(d, from, until) || d.login || d.torn || int64(d.size) < least {
			continue
		}
		a.take(id, a.under(d, from, until))
	}
}

// resume finds what clients wrote while their session was set up, which goes on
// for long where much waited for them: it came to those whom they often write to,
// as what they write does.
func (a *parcels) resume(fs []family) {
	for i := range a.v.units {
		u := &a.v.units[i]
		if !u.up || !u.login || u.inner || u.torn || u.react >= answering {
			continue
		}
		if f := chosen(fs, u.size); f != nil && f.law != nil && a.cameOn(u, f.law) {
			u.login, u.content = false, true
			a.sent = append(a.sent, int32(i))
		}
	}
}

// cameOn tells whether a unit up came to a client that its own often writes to.
func (a *parcels) cameOn(u *unit, l *law) bool {
	for _, x := range a.v.behind(u.at) {
		list := a.went[delivery{u.who, x.who}]
		if x.who == u.who || len(list) < wroteFew || l.lag[lagBin(x.at.Sub(u.at))] <= 0 {
			continue
		}
		d := &a.v.units[x.id]
		if d.ground == groundNone && !d.echo && !d.login && a.agrees(int32(x.size)-int32(u.size)-list[len(list)/2]) {
			return true
		}
	}
	return false
}

// plainDeliveries gathers what plainly came of the units sent.
func (v *view) plainDeliveries(sent []int32) *deliveries {
	h := &deliveries{reached: make(map[delivery]bool), takers: make(map[int32][]int32), grown: make(map[int32]int32), went: make(map[delivery][]int32),
		along: make(map[int32]bool), among: make(map[delivery]int), fan: make(map[int32]int), lone: make(map[int32]int)}
	growths := make(map[int32][]int32)
	for _, id := range v.downs {
		d := &v.units[id]
		if d.source < 0 || d.ground != groundLaw && !d.echo {
			continue
		}
		u := &v.units[d.source]
		h.reached[delivery{d.source, d.who}] = true
		if d.who != u.who {
			h.takers[d.source] = append(h.takers[d.source], d.who)
		}
		pair, g := delivery{u.who, d.who}, int32(d.size)-int32(u.size)
		h.went[pair] = append(h.went[pair], g)
		growths[d.source] = append(growths[d.source], g)
	}
	for id, list := range growths {
		slices.Sort(list)
		h.grown[id] = list[len(list)/2]
	}
	for _, id := range sent {
		h.countTakers(v.units[id].who, h.takers[id])
	}
	h.findAlong()
	return h
}

// countTakers counts one message of a client, by how many got it.
func (h *deliveries) countTakers(from int32, to []int32) {
	switch len(to) {
	case 0:
		h.lone[from]++
	case 1:
	default:
		h.fan[from]++
		for _, who := range to {
			h.among[delivery{from, who}]++
		}
	}
}

// findAlong finds by how much sizes differ between the same two clients.
func (h *deliveries) findAlong() {
	seen := make(map[int32]int)
	for _, list := range h.went {
		slices.Sort(list)
		for _, g := range list {
			seen[g-list[len(list)/2]]++
		}
	}
	for over, n := range seen {
		h.along[over] = n+seen[over-1]+seen[over+1] >= fewPairs
	}
}

// agrees tells whether what came may be a message although it is larger than that
// usually is: by the length of a name, or by what is known to go along.
func (h *deliveries) agrees(over int32) bool {
	return -deltaWidth <= over && over <= deltaWidth || h.along[over]
}

// arrives is the size that a message has at a client: it grows as it did on its
// way to others, or as what its sender wrote to that client before.
func (a *parcels) arrives(id, who int32) int32 {
	u := &a.v.units[id]
	if g, ok := a.grown[id]; ok {
		return int32(u.size) + g
	}
	list := a.went[delivery{u.who, who}]
	return int32(u.size) + list[len(list)/2]
}

// believe takes a unit down for a message that one who often writes to its client
// sent, where it came when that would and is as large, or differs by what is known
// to go along with messages.
func (a *parcels) believe(d *unit, from, until int) bool {
	var best, least = int32(-1), int32(apartUnder)
	for k := from; k < until; k++ {
		u := &a.v.units[a.sent[k]]
		if u.who == d.who || len(a.went[delivery{u.who, d.who}]) < wroteFew || a.reached[delivery{a.sent[k], d.who}] || a.law[k].lag[lagBin(d.at.Sub(u.at))] <= 0 {
			continue
		}
		over := int32(d.size) - a.arrives(a.sent[k], d.who)
		if !a.agrees(over) {
			continue
		}
		if over = max(over, -over); over < least {
			best, least = a.sent[k], over
		}
	}
	if best >= 0 {
		d.source, d.ground, d.login = best, groundLaw, false
		a.reached[delivery{best, d.who}] = true
	}
	return best >= 0
}

// coming is a message that may be on its way to a client.
type coming struct {
	id   int32
	size int32   // that it would have
	odds float64 // logarithm of those that it goes there
}

// under lists what may be on its way when d comes, of the messages sent in a range,
// nil where that is too much.
func (a *parcels) under(d *unit, from, until int) []coming {
	var out []coming
	for k := from; k < until; k++ {
		id := a.sent[k]
		if a.reached[delivery{id, d.who}] {
			continue
		}
		p := a.goes(id, d.who)
		if p == 0 {
			continue
		}
		if len(out) == apartMost {
			return nil
		}
		out = append(out, coming{id: id, size: a.arrives(id, d.who), odds: math.Log(p / (1 - p))})
	}
	return out
}

// goes is the probability that a message goes to a client whom it has not reached
// yet, by where else it came, and where what its sender wrote before did.
func (a *parcels) goes(id, who int32) float64 {
	from := a.v.units[id].who
	pair := delivery{from, who}
	n, of := len(a.went[pair]), 0
	if len(a.takers[id]) > 0 && from != who {
		n, of = a.among[pair], a.fan[from]
	} else {
		of = n + a.lone[from]
	}
	return float64(n) / float64(of+1)
}

// take finds which of the messages on their way make up unit id, if any: each
// choice is weighed by how usual it is that they go there.
func (a *parcels) take(id int32, list []coming) {
	if len(list) < 2 {
		return
	}
	d := &a.v.units[id]
	all := (1 - apartPrior) / apartPrior / apartRange
	weights := make([]float64, len(list))
	best, most := 0, 0.0
	for choice := 1; choice < 1<<len(list); choice++ {
		n, sum, odds := 0, int32(0), 0.0
		for k, c := range list {
			if choice>>k&1 == 1 {
				n, sum, odds = n+1, sum+c.size, odds+c.odds
			}
		}
		if over := int32(d.size) - sum; n < 2 || over > apartOver*int32(n) || over < -apartUnder*int32(n-1) {
			continue
		}
		w := math.Exp(odds) / float64(apartOver*n+apartUnder*(n-1))
		if all += w; w > most {
			best, most = choice, w
		}
		for k := range list {
			if choice>>k&1 == 1 {
				weights[k] += w
			}
		}
	}
	if most < all/2 {
		return
	}
	d.echo, d.source = true, -1
	for k, c := range list {
		if best>>k&1 == 0 {
			continue
		}
		a.reached[delivery{c.id, d.who}] = true
		if u := &a.v.units[c.id]; u.who == d.who {
			d.source = c.id
		} else if p := weights[k] / all; p >= leastSure {
			a.v.parts = append(a.v.parts, enclosed{unit: id, source: c.id, size: uint32(c.size), sure: min(p, sureApart)})
		}
	}
}

// partEvents gives the events of messages that came with others.
func (v *view) partEvents(out []Event) []Event {
	for _, p := range v.parts {
		u := v.units[p.unit]
		u.size, u.source = p.size, p.source
		note := "one of several messages whose sizes make up a record down"
		if p.confirmed {
			note = "a record down with a message in it that was confirmed to its sender"
		}
		out = append(out, v.event(&u, Message, Received, p.sure, note))
	}
	return out
}
