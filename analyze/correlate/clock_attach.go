package correlate

import "time"

// attach joins groups of inputs that no peak each way connects, by all that
// passed between them in both directions, at the delay that is known from others.
// The clearest come first.
func (c *comparison) attach() {
	c.learnGrowth()
	tried := map[[2]int32]bool{}
	for {
		var best edge
		groups := c.groups()
		for i, a := range groups {
			for _, b := range groups[i+1:] {
				if tried[[2]int32{a, b}] {
					continue
				}
				e := c.between(a, b)
				if e.score == 0 {
					tried[[2]int32{a, b}] = true
				} else if e.score > best.score {
					best, best.a, best.b = e, a, b
				}
			}
		}
		if best.score == 0 {
			return
		}
		c.join(best.a, best.b, best.diff)
		c.edges = append(c.edges, edge{a: best.a, b: best.b, both: true, err: best.width, n: best.n, score: best.score, diff: c.offset[best.a] - c.offset[best.b]})
		for k := range tried {
			if k[0] == best.a || k[1] == best.a {
				delete(tried, k)
			}
		}
	}
}

// groups lists the references of all groups.
func (c *comparison) groups() []int32 {
	var out []int32
	for i, g := range c.group {
		if g == int32(i) {
			out = append(out, g)
		}
	}
	return out
}

// pooled gives what some inputs saw of a messenger, by the clock of their group.
func (c *comparison) pooled(service int, inputs []int32) tap {
	var out tap
	for _, i := range inputs {
		t := &c.taps[service][i]
		move := time.Duration(c.offset[i] * 1e9)
		out.sent = appendMoved(out.sent, t.sent, move)
		out.recv = appendMoved(out.recv, t.recv, move)
		out.news = appendMoved(out.news, t.news, move)
	}
	if len(inputs) > 1 {
		out.order()
	}
	return out
}

func appendMoved(out, list []moment, move time.Duration) []moment {
	for _, m := range list {
		out = append(out, moment{m.at.Add(move), m.size})
	}
	return out
}

// members lists the inputs of a group.
func (c *comparison) members(group int32) []int32 {
	var out []int32
	for i, g := range c.group {
		if g == group {
			out = append(out, int32(i))
		}
	}
	return out
}

// between finds what to add to the times of group b for the clock of group a,
// from what the two saw in all, or from one input of each: whoever writes to one
// other alone drowns in what all the others receive.
func (c *comparison) between(a, b int32) edge {
	as, bs := c.members(a), c.members(b)
	var best edge
	for s := range c.taps {
		if !c.timed[s] {
			continue
		}
		best = c.clearer(best, s, as, bs)
		if len(as)+len(bs) == 2 {
			continue
		}
		for i := range as {
			for j := range bs {
				best = c.clearer(best, s, as[i:i+1], bs[j:j+1])
			}
		}
	}
	return best
}

// clearer gives the peak between some inputs and some others, if it is clearer
// than the best so far. What passed one way or the other counts, and what both
// received at once: the messages of a group they share, the presence of a common
// contact.
func (c *comparison) clearer(best edge, service int, as, bs []int32) edge {
	const room = peakRoom / pooledShare
	x, y := c.pooled(service, as), c.pooled(service, bs)
	if min(len(x.sent)+len(y.sent), len(x.recv)+len(y.recv), len(x.sent)+len(x.recv), len(y.sent)+len(y.recv)) < fewestFrames {
		return best
	}
	delay := time.Duration(c.delay[service] * 1e9)
	for _, w := range peakWidths {
		h := newHistogram(w)
		h.fillBoth(&y, &x, delay, c.growth[service], room)
		if e := h.peak(); e.score > best.score {
			best = e
		}
	}
	return best
}

// pooledShare is the part of the room that one such comparison takes.
const pooledShare = 64
