package packet

import (
	"io"
	"math"

	"envelope/capture"
)

// maxBatch is how many packets are decoded before the first of them is counted.
// The flows of a batch are fetched from memory all at once, where one after the
// other waits for each: on a table larger than the cache this is most of a
// packet's cost (measured: 16 to 64 cost the same).
const maxBatch = 32

// pending is a decoded packet of a batch.
type pending struct {
	Packet
	verdict Verdict
	key     key
	hash    uint32
	place   uint32 // of the flow as it was when the batch was filled, plus one; 0 for none
	fromA   bool   // the key's end a sent it
	outside bool   // of the time asked for: not decoded
}

// identify sets what the packet's flow is found by.
func (b *pending) identify() {
	b.key, b.fromA = keyOf(&b.Packet)
	b.hash, b.place = b.key.hash(), 0
}

// fill decodes the packets that are at hand, and at least one. The error stands
// behind the packets of the batch. Only the first packet may be a fragment: the
// others find in the decoder what they would find one by one.
func (r *Reader) fill(src *Source) (batch []pending, err error) {
	for n := range r.batch {
		if n > 0 && (len(src.names) > 0 || !src.ready()) {
			break
		}
		if !r.ahead {
			if err = src.Next(&r.raw); err != nil {
				break
			}
		}
		if r.ahead = !r.decode(&r.batch[n], n > 0); r.ahead {
			break
		}
		batch = r.batch[:n+1]
	}
	r.warm = r.table.fetch(batch)
	return batch, err
}

// decode decodes the packet that was read, and tells whether it did: it leaves
// fragments to the next batch where later is set.
func (r *Reader) decode(b *pending, later bool) bool {
	raw := &r.raw
	if b.outside = r.opt.From != 0 && raw.Time < r.opt.From || r.opt.To != 0 && raw.Time >= r.opt.To; b.outside {
		b.Time, b.Len, b.hash = raw.Time, raw.Len, 0
		return true
	}
	var ok bool
	if b.verdict, ok = r.decoder.decode(raw, &b.Packet, later); ok && b.verdict.Outcome <= Cut {
		b.identify()
	}
	return ok
}

// count takes the packets of a batch.
func (r *Reader) count(batch []pending) {
	for i := range batch {
		b := &batch[i]
		if !r.begun && b.Time != 0 {
			r.begun = true
			r.continues(b.Time)
		}
		r.in.Saw(b.Time, b.Len)
		if !b.outside {
			r.packet(b)
		}
		if r.stopped {
			return
		}
	}
}

// run reads to the end of the source.
func (r *Reader) run(src *Source) error {
	for !r.stopped {
		batch, err := r.fill(src)
		r.count(batch)
		if len(src.names) > 0 && len(batch) > 0 {
			r.given(src)
		}
		switch {
		case err == nil || r.stopped:
		case err == io.EOF:
			r.given(src)
			r.incomplete(math.MaxInt64)
			return nil
		case !isSyntax(err):
			return err
		default:
			r.stopped = !r.yield(capture.Record{}, err)
		}
	}
	return nil
}

// fetch looks up where the flows of a batch are and reads from each what its
// packet will need, so that the processor waits for all of them together. What
// it returns only keeps the compiler from leaving the reads out.
func (t *table) fetch(batch []pending) (read uint64) {
	mask := uint32(len(t.slots) - 1)
	for i := range batch {
		read += uint64(t.slots[batch[i].hash&mask].tag)
	}
	for i := range batch {
		b := &batch[i]
		b.place = 0
		for j := b.hash & mask; t.slots[j].place != 0; j = (j + 1) & mask {
			if t.slots[j].tag == b.hash {
				b.place = t.slots[j].place
				read += t.at(b.place - 1).key.aLo
				break
			}
		}
	}
	for i := range batch {
		if place := batch[i].place; place != 0 {
			read += t.at(place - 1).fetch()
		}
	}
	for i := range batch {
		if place := batch[i].place; place != 0 {
			read += t.at(place - 1).fetchState()
		}
	}
	return read
}

// get returns the live flow of a packet, or nil.
func (t *table) get(b *pending) *flow {
	if b.place != 0 {
		if fl := t.at(b.place - 1); fl.used && fl.key == b.key {
			return fl
		}
	}
	return t.find(&b.key, b.hash)
}
