package correlate

import "math"

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
