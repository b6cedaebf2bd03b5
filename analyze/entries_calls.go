package analyze

import (
	"net/netip"
	"slices"

	"envelope/capture"
)

// tieLegs names the other end of the allocations of a relay: of two legs whose
// bytes mirror each other, and else of one whose peer is a single address that
// is not the relay's own. Of two legs the earlier stands for the call.
func tieLegs(list []logged) []logged {
	if !slices.ContainsFunc(list, func(e logged) bool { return isLeg(&e) }) {
		return list
	}
	list = slices.Clone(list)
	legs := map[mirror][]int{}
	gone := map[int]bool{}
	for i := range list {
		e := &list[i]
		if !isLeg(e) {
			continue
		}
		k := mirror{e.at.Input, e.Call.PeerBytes}
		if other := nearestLeg(list, legs[k.turned()], e); other >= 0 && !gone[other] {
			list[other].To = []*capture.End{e.From}
			gone[i] = true
			continue
		}
		legs[k] = append(legs[k], i)
	}
	var out []logged
	for i := range list {
		if gone[i] {
			continue
		}
		e := list[i]
		if isLeg(&e) && len(e.To) == 0 {
			e.To = farEnd(e.Call)
		}
		out = append(out, e)
	}
	return out
}

// mirror is what one leg of a call got from the other and passed on to it.
type mirror struct {
	input int32
	bytes [2]uint64
}

func (m mirror) turned() mirror { return mirror{m.input, [2]uint64{m.bytes[1], m.bytes[0]}} }

// isLeg tells an allocation of a relay through which something passed.
func isLeg(e *logged) bool {
	return e.Kind == capture.EntryCall && e.Call != nil && e.Call.PeerBytes != [2]uint64{} && e.Call.Relay.IsValid()
}

// nearestLeg gives the latest of the legs that has no other end yet and goes on
// while e does, -1 for none.
func nearestLeg(list []logged, legs []int, e *logged) int {
	for _, i := range slices.Backward(legs) {
		if o := &list[i]; len(o.To) == 0 && o.Until >= e.time && o.From != e.From {
			return i
		}
	}
	return -1
}

// farEnd is the address that a leg exchanged data with, where there is one
// besides the relay itself.
func farEnd(c *capture.CallEntry) []*capture.End {
	var found netip.Addr
	for _, p := range c.Peers {
		switch a := p.Addr(); {
		case a == c.Relay.Addr() || a == found:
		case found.IsValid():
			return nil
		default:
			found = a
		}
	}
	if !found.IsValid() {
		return nil
	}
	return []*capture.End{{Addr: found}}
}
