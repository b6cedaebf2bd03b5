package correlate

import "math"

const (
	// assignRounds is the number of rounds of expectation-maximisation, and
	// reassignRounds that of more of them.
	assignRounds   = 12
	reassignRounds = 6
	// mutual is what a message in one direction says for the other: most who
	// are written to write back.
	mutual = 0.5
	// doubt is the number of messages for which what is usual among all counts
	// against what was seen of a sender.
	doubt = 1.0
	// outsideLeast is the least share of received messages that is put down to
	// people outside, or to events that were missed.
	outsideLeast = 0.03
)

// assign finds for every received message how probably each candidate is its
// source, and for every pair how often it talks.
func (n *net) assign() {
	for p := range n.share {
		n.share[p] = 0.5
	}
	for i := range n.pairs {
		n.pairs[i].weight, n.pairs[i].answers = 0, 0
	}
	for i := range n.cand {
		n.cand[i].w = 0
	}
	n.alternate(assignRounds)
}

// reassign is assign from where the one before it came to, after sources were added.
func (n *net) reassign() {
	n.tieAnswers()
	n.alternate(reassignRounds)
}

// alternate finds in turn where messages came from and how often pairs talk.
func (n *net) alternate(rounds int) {
	for range rounds {
		n.expect()
		n.maximise()
	}
}

// usual is the intensity between two parties of whom nothing is known: the
// messages received, evenly from everybody.
func (n *net) usual() float64 {
	return float64(len(n.recv)) / float64(max(1, len(n.sent))) / float64(max(1, n.active-1))
}

// lone is how many messages at any one receiver one of a sender's makes where
// there is nothing between the two beside one candidate.
func (n *net) lone(from int32) float64 {
	return doubt * n.theta0 / (float64(n.nSent[from]) + doubt)
}

// expect weighs the candidates of each received message against each other and
// against the outside.
func (n *net) expect() {
	for i := range n.recv {
		r := &n.recv[i]
		list := n.cand[n.start[i]:n.start[i+1]]
		all := n.share[r.party] * n.background(i, list)
		for k := range list {
			c := &list[k]
			x := n.theta(c) * float64(c.fit)
			c.w, all = float32(x), all+x
		}
		for k := range list {
			list[k].w = float32(float64(list[k].w) / all)
		}
		n.total[i] = all
	}
}

// background is how often a second messages from outside would arrive around a
// received one. For those fetched after a silence it is the time of the
// silence that counts.
func (n *net) background(i int, list []candidate) float64 {
	for k := range list {
		if list[k].late {
			return n.rate[i] * seconds(2*rateWithin) / seconds(max(n.gap[i], 2*rateWithin))
		}
	}
	return n.rate[i]
}

// theta is how many messages at the receiver one of the sender's makes, by all
// that was found but the weight of the candidate itself: a coincidence must
// not speak for itself.
func (n *net) theta(c *candidate) float64 {
	p := &n.pairs[c.pair]
	w := max(0, p.weight-float64(c.w)) + mutual*p.answers
	return min(1, (w+doubt*n.theta0)/(float64(p.sent)+doubt))
}

// maximise sums up what was found.
func (n *net) maximise() {
	for i := range n.pairs {
		n.pairs[i].weight = 0
	}
	inside := make([]float64, n.parties)
	for i := range n.recv {
		r := &n.recv[i]
		for _, c := range n.cand[n.start[i]:n.start[i+1]] {
			w := float64(c.w) * float64(r.conf)
			n.pairs[c.pair].weight += w
			inside[r.party] += float64(c.w)
		}
	}
	n.tieAnswers()
	for p := range n.share {
		all := float64(n.nRecv[p])
		n.share[p] = math.Max(outsideLeast, (all-inside[p]+0.5)/(all+1))
	}
}

// tieAnswers lets every pair know how much comes back.
func (n *net) tieAnswers() {
	for i := range n.pairs {
		if p := &n.pairs[i]; p.back != None {
			p.answers = n.pairs[p.back].weight
		}
	}
}
