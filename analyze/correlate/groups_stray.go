package correlate

import (
	"math"
	"slices"
)

// Who writes to one person much seems to write to a third as well now and then,
// whenever something else comes to that one in time. Such strays come again and
// again among a few busy clients, so that a group must have been seen more often
// than they make it.

const (
	// strayRounds is the number of times that clocks are moved to count strays.
	strayRounds = 4
	// strayTheta is the affinity with which a stray is counted: that of somebody
	// who would get one message in ten.
	strayTheta = 0.1
	// strayLeast is the least number of strays that is expected: of rare ones few
	// are seen when clocks are moved.
	strayLeast = 0.01
)

// strays is how often a message seems to come to each party that it did not go
// to.
type strays struct {
	per    []float64 // of each party: for one message
	fansOf [][]int32 // of each party: indices of fans that it sent
}

// doubtStrays lowers the confidence of groups that strays may have made.
func (n *net) doubtStrays() {
	s := n.countStrays()
	for _, g := range n.groups {
		g.conf = math.Min(g.conf, sigmoid(n.seldom(g, s)-math.Log(float64(n.active))))
	}
}

// countStrays moves the clocks of all senders a little and counts what each party
// then seems to get.
func (n *net) countStrays() *strays {
	s := &strays{per: make([]float64, n.parties), fansOf: make([][]int32, n.parties)}
	for k := range n.sent {
		s.fansOf[n.sent[k].party] = append(s.fansOf[n.sent[k].party], int32(k))
	}
	offsets := n.law.around(1009)
	x := *n
	for round := range strayRounds {
		x.sent = n.shifted(everybody, round, offsets)
		x.eachPrompt(everybody, func(i int, found *likeliest) {
			to := n.recv[i].party
			for _, c := range found.list {
				if strayTheta*float64(c.fit) > n.share[to]*n.rate[i] {
					s.per[to]++
				}
			}
		})
	}
	for p := range s.per {
		s.per[p] /= float64(max(1, strayRounds*len(n.sent)))
	}
	return s
}

// seldom is what is said against strays by how often the least of the members
// took part: in nats, for the best of the ways to leave one out.
func (n *net) seldom(g *set, s *strays) float64 {
	least := math.Inf(1)
	for _, m := range g.members {
		k, of := n.tookPart(g, m.Party, s)
		expected := math.Max(s.per[m.Party]*of, strayLeast)
		surprise := 0.0
		if k > expected {
			surprise = k*math.Log(k/expected) - (k - expected)
		}
		least = math.Min(least, surprise)
	}
	return least
}

// tookPart counts the messages that others of a set wrote to others of it, and
// those of them that a party seems to have got as well.
func (n *net) tookPart(g *set, p int32, s *strays) (took, of float64) {
	for _, from := range g.members {
		if from.Party == p {
			continue
		}
		for _, k := range s.fansOf[from.Party] {
			f := &n.fans[k]
			others := slices.ContainsFunc(f.to, func(q int32) bool {
				return q != p && slices.ContainsFunc(g.members, func(m Member) bool { return m.Party == q })
			})
			if !others {
				continue
			}
			of++
			if _, got := slices.BinarySearch(f.to, p); got {
				took++
			}
		}
	}
	return took, of
}
