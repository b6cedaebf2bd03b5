package correlate

import "math"

// growthLaw is how much more likely a message that is relayed grows by some bytes
// than two frames grow that have nothing to do with each other, as a logarithm: a
// server adds the same header to all.
type growthLaw []float64

const (
	// growthBin is the width of the bins of growth, in bytes.
	growthBin = 16
	// growthMost is the growth, in bytes, above which and below whose negative
	// all is one.
	growthMost = 1024
	// growthPrior is the number of chance frames by which a law that rests on few is
	// moderated.
	growthPrior = 8
)

func growthOf(sent, recv uint32) int {
	g := min(max(int(recv)-int(sent), -growthMost), growthMost)
	return (g + growthMost) / growthBin
}

// learnGrowth learns the laws of growth from the inputs between which a peak was
// found: what lies in it against all else within reach.
func (c *comparison) learnGrowth() {
	c.growth = make([]growthLaw, len(c.taps))
	const bins = 2*growthMost/growthBin + 1
	for s := range c.taps {
		var inside, outside [bins]float64
		var in, out float64
		for i := range c.edges {
			e := &c.edges[i]
			if e.tie || int(e.service) != s {
				continue
			}
			c.eachGrowth(e, func(bin int, within bool) {
				if within {
					inside[bin]++
					in++
				} else {
					outside[bin]++
					out++
				}
			})
		}
		law := make(growthLaw, bins)
		for k := range law {
			chance := (outside[k] + 1) / (out + bins)
			law[k] = math.Log((inside[k] + growthPrior*chance) / (in + growthPrior) / chance)
		}
		c.growth[s] = law
	}
}

// eachGrowth gives the growth of all that an edge's inputs may have relayed, and
// whether it lies within the peak.
func (c *comparison) eachGrowth(e *edge, f func(bin int, within bool)) {
	recv := c.taps[e.service][e.b].recv
	k := 0
	for _, s := range c.taps[e.service][e.a].sent {
		for k < len(recv) && recv[k].at < s.at.Add(-clockSpan) {
			k++
		}
		for j := k; j < len(recv) && recv[j].at < s.at.Add(clockSpan); j++ {
			f(growthOf(s.size, recv[j].size), math.Abs(seconds(recv[j].at.Sub(s.at))-e.diff) <= e.width/2)
		}
	}
}

// of is the logarithm of the likelihood of what was sent and received over chance.
func (l growthLaw) of(sent, recv uint32) float64 {
	if l == nil {
		return 0
	}
	return l[growthOf(sent, recv)]
}
