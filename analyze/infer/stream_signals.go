package infer

import (
	"slices"
	"time"

	"envelope/capture"
)

const (
	// receiptWithin is the time in which a client that received a message says so.
	receiptWithin = 2 * time.Second
	// typingBefore is how long before a message its sender is seen to write.
	typingBefore = 30 * time.Second
	// signalLift is how much more often a receipt must follow messages than
	// anything else, as a share of them; clients and peers have receipts of
	// their own sizes, a few bytes apart (receiptWidth: one part in 50).
	signalLift   = 0.05
	receiptWidth = 50
)

// markSignals names the units up that carry no content: receipts, typing and
// keepalives.
func (v *view) markSignals(fs []family) {
	v.markReceipts()
	for i := range fs {
		f := &fs[i]
		switch {
		case f.content || f.low >= bulk || f.leaving > 0.6:
		case v.regular(f):
			v.name(f, isKeepalive)
		case len(f.units) < 3 || !v.passedOn(f):
		case f.broadcast():
			v.name(f, isPresence)
		case v.precedes(f):
			v.name(f, isTyping)
		}
	}
}

// passedOn tells whether the units of a family reach others, if need be by a law
// of their own: signals change by other numbers of bytes than messages.
func (v *view) passedOn(f *family) bool {
	if f.relayed < relayedMost && len(f.units) >= fewUps {
		f.relayed, f.fan = v.relayedShare(v.learn(f.units, false), f.units)
	}
	return f.relayed >= relayedMost
}

// name gives the units of a family a kind of signal.
func (v *view) name(f *family, k uint8) {
	for _, id := range f.units {
		if u := &v.units[id]; u.signal == noSignal && !u.content {
			u.signal = k
		}
	}
}

// markReceipts finds the size with which clients answer messages, and nothing
// else so often, and marks its units.
func (v *view) markReceipts() {
	after, other := make(map[uint32]float64), make(map[uint32]float64)
	var messages, others float64
	var sizes []uint32
	for _, id := range v.downs {
		d := &v.units[id]
		if d.login {
			continue
		}
		m := other
		if d.ground != groundNone {
			m = after
			messages++
		} else {
			others++
		}
		sizes = v.replies(sizes[:0], d)
		for _, s := range sizes {
			m[s]++
		}
	}
	size, ok := leastReply(after, other, messages, others)
	for i := range v.units {
		u := &v.units[i]
		if ok && u.up && !u.login && !u.content && u.size >= size && u.size <= size+size/receiptWidth && v.afterMessage(u) {
			u.signal = isReceipt
		}
	}
}

// leastReply is the least size that follows messages far more than other units
// down. Larger ones (requests for keys) may do so as well; acknowledgements
// follow everything.
func leastReply(after, other map[uint32]float64, messages, others float64) (least uint32, ok bool) {
	for s, n := range after {
		lift := n/max(1, messages) - other[s]/max(1, others)
		if n >= 3 && lift >= signalLift && (!ok || s < least) {
			least, ok = s, true
		}
	}
	return least, ok
}

// replies gives the different sizes of what a client sent soon after unit d, in
// the memory of out, which is empty.
func (v *view) replies(out []uint32, d *unit) []uint32 {
	for _, id := range v.between(d.who, capture.Up, d.at, d.at.Add(receiptWithin)) {
		if u := &v.units[id]; !u.content && u.conn == d.conn || v.request[d.conn] && !u.content {
			out = append(out, u.size)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// afterMessage tells whether unit u follows a received message.
func (v *view) afterMessage(u *unit) bool {
	for _, id := range v.between(u.who, capture.Down, u.at.Add(-receiptWithin), u.at) {
		if v.units[id].ground != groundNone {
			return true
		}
	}
	return false
}

// precedes tells whether a family's units are mostly followed by a message of
// the same client.
func (v *view) precedes(f *family) bool {
	n := 0
	for _, id := range f.units {
		u := &v.units[id]
		for _, k := range v.between(u.who, capture.Up, u.at, u.at.Add(typingBefore)) {
			if v.units[k].content {
				n++
				break
			}
		}
	}
	return 2*n > len(f.units)
}

// regular tells whether the units of a family come by the clock at each client,
// one size and one interval.
func (v *view) regular(f *family) bool {
	last := make(map[int32]capture.Time)
	ids := slices.Clone(f.units)
	slices.Sort(ids)
	var gaps []time.Duration
	for _, id := range ids {
		u := &v.units[id]
		if t, ok := last[u.who]; ok {
			gaps = append(gaps, u.at.Sub(t))
		}
		last[u.who] = u.at
	}
	if len(gaps) < 2 || f.spread > 1.02 {
		return false
	}
	slices.Sort(gaps)
	n := len(gaps)
	return gaps[n/4] > 5*time.Second && float64(gaps[n*3/4]) < 1.3*float64(gaps[n/4])
}
