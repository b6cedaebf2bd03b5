package correlate

import (
	"math"

	"envelope/capture"
)

// Not everything is seen, or known for what it is. Of two devices of one person
// the one then lacks what the other has, as if it were somebody else's. How much
// is seen is told by what is missing in the midst of conversations: who got the
// message before and the one after was there, and got that between.

// seen are the shares of the messages that are seen where they are sent, and where
// they are received.
type seen struct{ sent, recv float64 }

// said is a message and the other end of it: None where nobody inside is known to
// be it, several where that are more than one.
type said struct {
	at   capture.Time
	with int32
}

const several = -2

// measureSeen finds how much is seen of what devices send and receive. Among a few
// what goes to people outside is not told from what is missed.
func (n *net) measureSeen() seen {
	if n.active < crowd {
		return seen{1, 1}
	}
	sent, recv := make([][]said, n.parties), make([][]said, n.parties)
	for k := range n.sent {
		s := &n.sent[k]
		with := int32(None)
		switch to := n.fans[k].to; len(to) {
		case 0:
		case 1:
			with = to[0]
		default:
			with = several
		}
		sent[s.unit] = append(sent[s.unit], said{s.at, with})
	}
	for i := range n.recv {
		r := &n.recv[i]
		with := int32(None)
		if c := n.source(i); c != nil && c.w >= 0.5 {
			with = n.sent[c.from].unit
		}
		recv[r.unit] = append(recv[r.unit], said{r.at, with})
	}
	// What is sent is missed at the other end, and the other way round.
	return seen{sent: seenBetween(recv), recv: seenBetween(sent)}
}

// seenBetween is the share of messages between two of the same conversation of
// which the other end is known. Some that have none belong to people outside: as
// many as those to others inside make expect, of what is not itself missed.
func seenBetween(lists [][]said) float64 {
	var same, none float64
	between := make([]intruders, len(lists))
	for u, list := range lists {
		x := &between[u]
		count := make(map[int32]int)
		for _, s := range list {
			count[s.with]++
		}
		x.none, x.known = float64(count[None]), float64(len(list)-count[None])
		for i := 1; i+1 < len(list); i++ {
			with := list[i-1].with
			if with < 0 || list[i+1].with != with || list[i+1].at.Sub(list[i-1].at) > boutWithin {
				continue
			}
			switch other := list[i].with; {
			case other == with:
				same++
			case other == None:
				none++
			case other >= 0:
				x.each += 1 / (x.known - float64(count[with]))
			}
		}
	}
	share := 1.0
	for range seenRounds {
		var outside float64
		for _, x := range between {
			outside += x.each * math.Max(0, x.none-x.known*(1/share-1))
		}
		share = (same + 1) / (same + 1 + math.Max(0, none-outside))
	}
	// What is not proven to be missed is taken to be seen.
	return math.Min(1, share+2*math.Sqrt(share*(1-share)/(same+none+1)))
}

// seenRounds is the number of rounds in which that share settles.
const seenRounds = 10

// intruders are messages of one device with others in the midst of a
// conversation.
type intruders struct {
	none, known float64 // messages of which the other end is unknown, and known
	each        float64 // intruders for each one with others that are known
}

// enough tells whether a party has the least share of something that it would have
// at least if everything were seen, by no more than a standard deviation fewer
// than are seen of so many.
func (x seen) enough(have, all int, least float64) bool {
	return float64(have) >= least*x.recv*float64(all)-float64(all)*x.spread(all)
}

// spread is the standard deviation of the share of so many that is seen.
func (x seen) spread(all int) float64 {
	return math.Sqrt(x.recv * (1 - x.recv) / math.Max(1, float64(all)))
}

// unseen is how many messages were sent that were not seen, beside so many that
// were.
func (x seen) unseen(count int) float64 { return float64(count) * (1/x.sent - 1) }
