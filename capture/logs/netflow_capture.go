package logs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"envelope/capture"
)

// Exports reads the flows that exporters send by NetFlow or IPFIX inside of a
// capture. take is given the datagrams, whole and in the order of the capture:
// where in it, when, from whom to whom; it passes over what is no export. end
// comes behind the last one: it gives the flows of which one direction was
// exported, and warns of what was there and could not be read. Origins are the
// packets that carried the rows.
func Exports(in *capture.Input, yield func(capture.Record, error) bool) (take func(at int64, now capture.Time, from, to netip.AddrPort, b []byte), end func()) {
	x := &exports{r: &reader{in: in, yield: yield}, exporters: map[netip.AddrPort]*Datagrams{}}
	x.pairs = newFlowPairs(x.r)
	return x.take, x.end
}

// maxExporters bounds the exporters whose templates are kept.
const maxExporters = 1024

// exports is what is known of the exporters of one capture. An exporter is an
// address and port: processes of one machine have templates of their own.
type exports struct {
	r         *reader
	pairs     *flowPairs
	exporters map[netip.AddrPort]*Datagrams
	blind     int // datagrams without their template
}

func (x *exports) take(at int64, now capture.Time, from, to netip.AddrPort, b []byte) {
	if !isExport(b, now, to.Port()) || x.r.done {
		return
	}
	d := x.exporters[from]
	if d == nil {
		if len(x.exporters) >= maxExporters {
			x.r.in.Warn(fmt.Sprintf("more than %d exporters of flows; those of others are not read", maxExporters))
			return
		}
		d = new(Datagrams)
		x.exporters[from] = d
	}
	x.r.at = at
	x.within(func() {
		err := d.rows(b, func(w *flowRow) {
			w.at = at
			x.pairs.add(*w)
		})
		if errors.Is(err, errNoTemplate) {
			x.blind++
			err = nil
		}
		x.r.failDatagram(err)
	})
}

func (x *exports) end() {
	x.within(func() { x.r.fail(x.pairs.end()) })
	if x.r.flows > 0 {
		x.r.in.Warn(fmt.Sprintf("%d flows exported by NetFlow or IPFIX are in it: one row stands for minutes, and single messages do not show in them", x.r.flows))
	}
	if x.blind > 0 {
		x.r.in.Warn(fmt.Sprintf("%d datagrams of NetFlow or IPFIX have flows whose template the capture does not hold before them; not read", x.blind))
	}
}

// within keeps the times of the input those of its packets: an exporter tells
// of what was before.
func (x *exports) within(tell func()) {
	first, last := x.r.in.First, x.r.in.Last
	tell()
	x.r.in.First, x.r.in.Last = first, last
}

// isExport tells a datagram of NetFlow 5 or 9 or IPFIX that fills its UDP
// payload. On a port that collectors do not listen on by custom, its time must
// be that of the capture too.
func isExport(b []byte, now capture.Time, port uint16) bool {
	if !isNetflow(b) || datagramLength(b) != len(b) {
		return false
	}
	const near = 24 * time.Hour // clocks that are off by a zone
	at := 8
	if b[1] == 10 {
		at = 4
	}
	sent := capture.Time(binary.BigEndian.Uint32(b[at:])) * 1e9
	return collectorPort(port) || sent.Sub(now).Abs() < near
}

// collectorPort tells ports that collectors of flows listen on by custom
// (nfdump, ntop, Cisco; 4739 is IANA's for IPFIX).
func collectorPort(port uint16) bool {
	switch port {
	case 2055, 2056, 4432, 4739, 9555, 9995, 9996:
		return true
	}
	return false
}
