package infer

import (
	"cmp"
	"slices"

	"envelope/capture"
)

// What a request does in a talk.
const (
	didText    = iota // a text out of the blue
	didCompose        // a text after a typing notice
	didType           // a typing notice out of the blue
	didResume         // one after another
	didDeliver        // a delivery receipt
	didRead           // a read receipt
	didLate           // a receipt for what came long before
	didSync           // a copy for linked devices
	doings
)

// meaningOf gives the meaning of what a request does.
var meaningOf = [doings]int{aText, aText, aTyping, aTyping, aReceipt, aReceipt, aReceipt, aSync}

// token is something that a request lets expect.
type token struct {
	kind byte
	side uint8 // who is expected to act
	item int32
}

// Kinds of tokens.
const (
	expectText     = 'T' // after a typing notice
	expectDelivery = 'D' // after a text
	expectRead     = 'R' // after a delivery receipt
	expectSync     = 'S' // after a text
	expectLate     = 'L' // receipts that are owed since the other was out of reach; item is their number
)

// owedMost is the most receipts owed that are told apart.
const owedMost = 3

// node is one set of expectations after some requests, with the probability of
// all ways to it.
type node struct {
	tokens   []token
	forward  float64
	backward float64
}

// edge is one step from a node of one layer to one of the next.
type edge struct {
	from, to int
	did      uint8
	weight   float64
}

// layer is the nodes after one request and the edges that lead to them.
type layer struct {
	nodes []node
	edges []edge
}

// The least probable nodes of a layer are left out: those beyond layerMost, and
// those less probable than the most probable by layerLeast, which the likeliest
// course of some later requests could not make up for.
const (
	layerMost  = 32
	layerLeast = 1e-5
)

// reading is what a talk is taken to mean: for each request the probabilities
// of its meanings, and for each side how often it did what.
type reading struct {
	p     [][meanings]float64
	count [2][doings]float64
}

// stretchMost bounds the requests that are weighed together, and so the memory
// that takes: hundreds of acts, where one reaches over a few.
const stretchMost = 4096

// read weighs all ways to read a talk (forward-backward algorithm over sets of
// expectations), stretch by stretch. The time is linear in the number of
// requests.
func (t *dialogue) read() reading {
	r := reading{p: make([][meanings]float64, len(t.list))}
	for lo := 0; lo < len(t.list); lo += stretchMost {
		hi, end := min(len(t.list), lo+stretchMost), t.end
		if hi < len(t.list) {
			end = t.list[hi].at()
		}
		t.stretch(&r, lo, hi, end)
	}
	return r
}

// stretch weighs the requests from lo to hi, after which there is none until end.
func (t *dialogue) stretch(r *reading, lo, hi int, end capture.Time) {
	layers := make([]layer, 0, hi-lo)
	last := []node{{forward: 1}}
	for i := lo; i < hi; i++ {
		l := t.step(last, int32(i))
		layers = append(layers, l)
		last = l.nodes
	}
	for i := range last {
		_, last[i].backward = t.expire(last[i].tokens, end)
	}
	t.backward(r, layers, lo)
}

// backward adds the probabilities of all edges to a reading.
func (t *dialogue) backward(r *reading, layers []layer, lo int) {
	for i := len(layers) - 1; i >= 0; i-- {
		l := &layers[i]
		start := []node{{forward: 1}}
		if i > 0 {
			start = layers[i-1].nodes
		}
		var all float64
		for _, e := range l.edges {
			all += start[e.from].forward * e.weight * l.nodes[e.to].backward
		}
		for _, e := range l.edges {
			p := start[e.from].forward * e.weight * l.nodes[e.to].backward / all
			r.p[lo+i][meaningOf[e.did]] += p
			r.count[t.list[lo+i].side][e.did] += p
			start[e.from].backward += e.weight * l.nodes[e.to].backward / all
		}
	}
}

// step makes the layer after request i.
func (t *dialogue) step(from []node, i int32) layer {
	g := growth{at: make(map[string]int, 2*len(from))}
	size := t.sizes.likelihood(t.list[i].size)
	for k := range from {
		now, fine := t.expire(from[k].tokens, t.list[i].at())
		g.from, g.tokens, g.before, g.fine = k, now, from[k].forward, fine
		t.ways(&g, i, &size)
	}
	g.prune()
	return g.layer
}

// growth is a layer in the making, and the node of the layer before that it
// grows from just now.
type growth struct {
	layer
	at     map[string]int // node by its tokens
	best   float64        // of all edges so far
	from   int
	tokens []token
	before float64 // probability of that node
	fine   float64 // that what expired there was not met
	next   []token
	key    []byte
}

// add adds an edge with probability p to the node without the tokens that drop
// names, and with those that are expected anew. Tokens stay sorted by item.
func (g *growth) add(did uint8, p float64, drop func(token) bool, anew ...token) {
	p *= g.fine
	if p*g.before <= layerLeast*g.best {
		return
	}
	g.best = max(g.best, p*g.before)
	g.next, g.key = g.next[:0], g.key[:0]
	for _, k := range g.tokens {
		if !drop(k) {
			g.next = append(g.next, k)
		}
	}
	g.next = append(g.next, anew...)
	if did == didLate {
		slices.SortFunc(g.next, compareTokens)
	}
	for _, k := range g.next {
		g.key = append(g.key, k.kind, k.side, byte(k.item), byte(k.item>>8), byte(k.item>>16), byte(k.item>>24))
	}
	n, ok := g.at[string(g.key)]
	if !ok {
		n = len(g.nodes)
		g.at[string(g.key)], g.nodes = n, append(g.nodes, node{tokens: slices.Clone(g.next)})
	}
	g.nodes[n].forward += g.before * p
	g.edges = append(g.edges, edge{g.from, n, did, p})
}

// prune keeps the most probable nodes and makes their probabilities sum to one.
func (l *layer) prune() {
	order := make([]int, len(l.nodes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(l.nodes[b].forward, l.nodes[a].forward) })
	order = order[:min(len(order), layerMost)]
	for len(order) > 1 && l.nodes[order[len(order)-1]].forward < layerLeast*l.nodes[order[0]].forward {
		order = order[:len(order)-1]
	}
	place := make([]int, len(l.nodes))
	for i := range place {
		place[i] = -1
	}
	nodes := make([]node, len(order))
	var sum float64
	for to, i := range order {
		nodes[to], place[i] = l.nodes[i], to
		sum += nodes[to].forward
	}
	for i := range nodes {
		nodes[i].forward /= sum
	}
	l.nodes = nodes
	kept := l.edges[:0]
	for _, e := range l.edges {
		if e.to = place[e.to]; e.to >= 0 {
			e.weight /= sum
			kept = append(kept, e)
		}
	}
	l.edges = kept
}

// expire takes out the expectations that were not met in time, and gives the
// probability that they are not. A receipt that did not come at once is owed: it
// comes when its sender is back.
func (t *dialogue) expire(tokens []token, at capture.Time) (left []token, p float64) {
	p = 1
	var owed [2]int32
	for _, k := range tokens {
		switch {
		case k.kind == expectLate:
			owed[k.side] += k.item
		case !t.overdue(k, at.Sub(t.list[k.item].at()).Seconds()):
			left = append(left, k)
		default:
			if p *= t.missed(k); k.kind == expectDelivery {
				owed[k.side]++
			}
		}
	}
	for side, n := range owed {
		if n > 0 {
			left = append(left, token{expectLate, uint8(side), min(n, owedMost)})
		}
	}
	slices.SortFunc(left, compareTokens)
	return left, p
}

func compareTokens(a, b token) int {
	return cmp.Or(cmp.Compare(a.item, b.item), cmp.Compare(a.kind, b.kind), cmp.Compare(a.side, b.side))
}

// overdue tells whether an expectation is not met any more after some seconds.
func (t *dialogue) overdue(k token, after float64) bool {
	switch k.kind {
	case expectText:
		return after > t.law.Composed.WindowS
	case expectDelivery:
		return after > t.delivery(k.side).WindowS
	case expectRead:
		return after > t.law.Read.WindowS
	}
	return after > t.law.Synced.WindowS
}

// missed is the probability that an expectation is not met.
func (t *dialogue) missed(k token) float64 {
	h := &t.habits[k.side]
	switch k.kind {
	case expectText:
		return 1 - t.law.Composed.Share - t.law.Refreshed.Share - t.law.Resumed.Share
	case expectDelivery:
		return 1 - h.delivered
	case expectRead:
		return 1 - h.read
	}
	return 1 - h.synced
}

// ways adds everything that request i may be, given what is expected, with its
// probability (density), and what is expected after it.
func (t *dialogue) ways(g *growth, i int32, size *[meanings]float64) {
	r := &t.list[i]
	h := &t.habits[r.side]
	delivery, sync, more := token{expectDelivery, 1 - r.side, i}, token{expectSync, r.side, i}, token{expectText, r.side, i}
	none := func(token) bool { return false }
	announced, late := h.announced, t.law.Late
	if r.queued {
		announced, late = 0, t.law.QueuedReceipts
	}
	if r.back {
		announced, late = 0, t.law.BackReceipts
	}
	g.add(didText, h.rate*(1-announced)*size[aText], none, delivery, sync)
	g.add(didType, h.rate*announced*size[aTyping], none, more)
	g.add(didLate, (h.rate*late+r.due)*size[aReceipt], none)
	var unread float64 // density of a read receipt for the latest
	for _, k := range g.tokens {
		if k.side != r.side {
			continue
		}
		if k.kind == expectLate {
			paid := []token{{expectLate, k.side, k.item - 1}}
			g.add(didLate, float64(k.item)/t.law.OwedS*size[aReceipt], func(o token) bool { return o == k }, paid[:min(1, k.item-1)]...)
			continue
		}
		s := r.since(&t.list[k.item]).Seconds()
		met := func(o token) bool { return o == k }
		switch k.kind {
		case expectText:
			again := t.law.Refreshed.Share*t.law.Refreshed.density(s) + t.law.Resumed.Share*t.law.Resumed.density(s)
			g.add(didCompose, t.law.Composed.Share*t.law.Composed.density(s)*size[aText], met, delivery, sync)
			g.add(didResume, again*size[aTyping], met, more)
		case expectDelivery:
			g.add(didDeliver, h.delivered*t.delivery(r.side).density(t.reply(k.item, i))*size[aReceipt], met, token{expectRead, r.side, i})
		case expectRead:
			unread = t.law.Read.density(s)
		case expectSync:
			if r.ids[1] < 0 {
				g.add(didSync, h.synced*t.law.Synced.density(s)*size[aSync], met)
			}
		}
	}
	g.add(didRead, h.read*unread*size[aReceipt], func(o token) bool { return o.kind == expectRead && o.side == r.side })
}

// reply is the time in seconds that an answer took, at the one who answered
// where that was seen.
func (t *dialogue) reply(text, answer int32) float64 {
	a, b := &t.list[text], &t.list[answer]
	switch {
	case a.ids[1] >= 0 && b.ids[0] >= 0:
		return b.sent.Sub(a.got).Seconds()
	case a.ids[0] >= 0 && b.ids[1] >= 0:
		return b.got.Sub(a.sent).Seconds()
	}
	return b.at().Sub(a.at()).Seconds()
}
