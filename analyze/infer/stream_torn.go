package infer

import (
	"math/bits"
	"slices"

	"envelope/capture"
)

// Where bytes are missing from a connection, their number is known, and so is the
// size of the record that they were, if they were one. Whether they were shows by
// the sizes of all such gaps: what clients and servers say is of a few sizes again
// and again, and a sum of several is mostly of none of them.

// tears counts units by direction and magnitude of size.
type tears [2][33]struct {
	torn, known   float64 // torn ones, and those among them of a size that the same client's whole ones have
	whole, repeat float64 // whole ones, and those among them of a size that another one has
}

// sizeOf is a size of what one client says or gets.
type sizeOf struct {
	who  int32
	up   bool
	size uint32
}

// tears counts what is torn, nil where nothing is.
func (v *view) tears() *tears {
	sizes := make(map[sizeOf]int)
	any := false
	for i := range v.units {
		if u := &v.units[i]; u.torn {
			any = true
		} else {
			sizes[sizeOf{u.who, u.up, u.size}]++
		}
	}
	if !any {
		return nil
	}
	t := new(tears)
	for i := range v.units {
		u := &v.units[i]
		x := &t[direction(u.up)][bits.Len32(u.size)]
		switch n := sizes[sizeOf{u.who, u.up, u.size}]; {
		case u.torn && n > 0:
			x.torn, x.known = x.torn+1, x.known+1
		case u.torn:
			x.torn++
		case n > 1:
			x.whole, x.repeat = x.whole+1, x.repeat+1
		default:
			x.whole++
		}
	}
	return t
}

// single is the probability that a torn unit is one record and no more: how often
// such units have a size that is usual, over how often whole ones have.
func (t *tears) single(u *unit) float64 {
	x := &t[direction(u.up)][bits.Len32(u.size)]
	return min(1, (x.known+1)/(x.torn+2)/((x.repeat+1)/(x.whole+2)))
}

// tornSources gives the torn units up that came to somebody.
func (v *view) tornSources() map[int32]bool {
	out := make(map[int32]bool)
	if v.torn == nil {
		return out
	}
	for _, id := range v.downs {
		if d := &v.units[id]; d.source >= 0 && (d.echo || d.ground == groundLaw) && v.units[d.source].torn {
			out[d.source] = true
		}
	}
	return out
}

// noteSent says what the packet of a sent message shows.
func noteSent(u *unit) string {
	if u.torn {
		return "missing bytes up that a record of the size of a message would fill"
	}
	return "a record up of a size and at a time of one's own choosing"
}

// copiesGap tells whether a unit down may be the copy of what its own client said
// just before, which is missing: of a size from which on messages are.
func (v *view) copiesGap(fs []family, d *unit) bool {
	if v.torn == nil {
		return false
	}
	for _, id := range v.between(d.who, capture.Up, d.at.Add(-relayWithin), d.at) {
		u := &v.units[id]
		large := func(f family) bool { return f.content && f.low <= u.size }
		if u.torn && slices.ContainsFunc(fs, large) {
			return true
		}
	}
	return false
}

// wholly is how much less sure a delay without a size is for what is missing at
// either end: of a source that was several records, nothing is known.
func (v *view) wholly(d *unit) float64 {
	p := 1.0
	if d.torn {
		p = (1 + v.torn.single(d)) / 2
	}
	if u := &v.units[d.source]; u.torn {
		p *= v.torn.single(u)
	}
	return p
}
