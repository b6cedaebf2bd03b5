package packet

import "envelope/capture"

// exports begins to look for exported flows in the input at hand, and gives
// what ends that.
func (r *Reader) exports() (end func()) {
	if r.opt.Exports == nil {
		return func() {}
	}
	take, end := r.opt.Exports(r.in, func(rec capture.Record, err error) bool {
		r.stopped = r.stopped || !r.yield(rec, err)
		return !r.stopped
	})
	r.exported = take
	return end
}

// mayExport tells whole datagrams of NetFlow's and IPFIX's versions, by a look at
// two bytes that are at hand anyway.
func mayExport(p *Packet) bool {
	b := p.Payload
	return len(b) >= 20 && b[0] == 0 && (b[1] == 5 || b[1] == 9 || b[1] == 10) && len(b) == p.PayloadLen
}
