package logs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"time"

	"github.com/netsampler/goflow2/v2/decoders/netflow"

	"envelope/capture"
)

// Sizes of NetFlow version 5: of the header and of a record (Cisco, NetFlow
// Export Datagram Format).
const (
	netflow5Header = 24
	netflow5Record = 48
	netflow9Header = 20 // RFC 3954 section 5.1
)

// maxTemplates bounds the templates of one exporter, maxTemplateFields the
// fields of one: real ones have less than a hundred.
const (
	maxTemplates      = 4096
	maxTemplateFields = 256
)

// Datagrams decodes the datagrams of NetFlow 5 and 9 (RFC 3954) and IPFIX (RFC
// 7011) of one exporter, whose templates it keeps. The zero value is ready.
type Datagrams struct {
	templates netflow.NetFlowTemplateSystem
	rates     map[samplerKey]uint32
}

// templates refuses those that no exporter sends and that would blow up: a
// field of no length makes any number of records out of nothing.
type boundedTemplates struct {
	netflow.NetFlowTemplateSystem
	n int
}

var errTemplate = errors.New("a template with fields of no length, or too many")

func (t *boundedTemplates) AddTemplate(version uint16, domain uint32, id uint16, template any) error {
	list := []netflow.Field(nil)
	switch x := template.(type) {
	case netflow.TemplateRecord:
		list = x.Fields
	case netflow.NFv9OptionsTemplateRecord:
		list = append(append(list, x.Scopes...), x.Options...)
	case netflow.IPFIXOptionsTemplateRecord:
		list = append(append(list, x.Scopes...), x.Options...)
	}
	if t.n++; t.n > maxTemplates || len(list) == 0 || len(list) > maxTemplateFields {
		return errTemplate
	}
	for _, f := range list {
		if f.Length == 0 {
			return errTemplate
		}
	}
	return t.NetFlowTemplateSystem.AddTemplate(version, domain, id, template)
}

// errNoTemplate is of sets that nobody can read yet.
var errNoTemplate = errors.New("flows without their template, which the exporter sent before or will send later; not read")

// set takes the flows of a set of data, and what a set of options tells of the
// sampling.
func (d *Datagrams) set(set any, domain uint32, clock exporterClock, yield func(*flowRow)) {
	switch x := set.(type) {
	case netflow.DataFlowSet:
		for _, record := range x.Records {
			w, sampler := netflowRow(record.Values, clock)
			if w == nil {
				continue
			}
			if w.sampled == 0 {
				w.sampled = d.rate(domain, sampler)
			}
			yield(w)
		}
	case netflow.OptionsDataFlowSet:
		for _, record := range x.Records {
			d.sampling(domain, record.OptionsValues, record.ScopesValues)
		}
	}
}

// Flows gives the flows of one datagram, one direction each; at is its packet
// or line number. An error is of the datagram or of a part of it; what was
// read before is given all the same.
func (d *Datagrams) Flows(b []byte, at capture.Origin, yield func(*capture.Flow)) error {
	return d.rows(b, func(w *flowRow) {
		w.at = at.At
		yield(w.flow(at.Input))
	})
}

func (d *Datagrams) rows(b []byte, yield func(*flowRow)) (err error) {
	wrong := 0
	give := func(w *flowRow) {
		if w.first < capture.TimeOf(earliest) || w.last < w.first {
			wrong++
			return
		}
		yield(w)
	}
	if err = d.decode(b, give); err == nil && wrong > 0 {
		return fmt.Errorf("%d flows without fitting times; not read", wrong)
	}
	return err
}

func (d *Datagrams) decode(b []byte, yield func(*flowRow)) (err error) {
	defer func() { // goflow2's decoders are not ours to trust with hostile bytes
		if recover() != nil {
			err = errors.New("a datagram that the decoder failed at")
		}
	}()
	if len(b) < 2 {
		return io.ErrUnexpectedEOF
	}
	if binary.BigEndian.Uint16(b) == 5 {
		return netflow5(b, yield)
	}
	if d.templates == nil {
		d.templates = &boundedTemplates{NetFlowTemplateSystem: netflow.CreateTemplateSystem()}
	}
	var v9 netflow.NFv9Packet
	var v10 netflow.IPFIXPacket
	err = netflow.DecodeMessageVersion(bytes.NewBuffer(b), d.templates, &v9, &v10)
	clock := bootClock(v9.UnixSeconds, v9.SystemUptime)
	for _, set := range append(v9.FlowSets, v10.FlowSets...) {
		d.set(set, max(v9.SourceId, v10.ObservationDomainId), clock, yield) // one of the two is 0
	}
	if errors.Is(err, netflow.ErrorTemplateNotFound) {
		return errNoTemplate
	}
	if err != nil {
		return errors.New("a broken NetFlow or IPFIX datagram")
	}
	return nil
}

// netflow5 reads a datagram of version 5.
func netflow5(b []byte, yield func(*flowRow)) error {
	n := int(binary.BigEndian.Uint16(b[2:]))
	if len(b) < netflow5Header+n*netflow5Record {
		return io.ErrUnexpectedEOF
	}
	clock := bootClock(binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[4:]))
	clock.now += capture.Time(binary.BigEndian.Uint32(b[12:]))
	sampled := uint32(binary.BigEndian.Uint16(b[22:]) & 0x3fff) // two bits of mode, then the interval
	for i := range n {
		r := b[netflow5Header+i*netflow5Record:]
		yield(&flowRow{
			first: clock.at(binary.BigEndian.Uint32(r[24:])), last: clock.at(binary.BigEndian.Uint32(r[28:])), proto: r[38],
			src:     netip.AddrPortFrom(netip.AddrFrom4([4]byte(r[:4])), binary.BigEndian.Uint16(r[32:])),
			dst:     netip.AddrPortFrom(netip.AddrFrom4([4]byte(r[4:8])), binary.BigEndian.Uint16(r[34:])),
			packets: [2]uint64{uint64(binary.BigEndian.Uint32(r[16:]))}, bytes: [2]uint64{uint64(binary.BigEndian.Uint32(r[20:]))},
			syn: r[38] == protoTCP && r[37]&2 != 0, ack: r[37]&16 != 0, sampled: sampled,
		})
	}
	return nil
}

// exporterClock turns an exporter's milliseconds since its start into times.
type exporterClock struct {
	now capture.Time // of the datagram
	up  uint32       // the same in milliseconds since the start
}

func bootClock(seconds, up uint32) exporterClock {
	return exporterClock{now: capture.Time(seconds) * 1e9, up: up}
}

// at is modular, since the counter overflows every 49.7 days and some exporters
// write moments before their start.
func (c exporterClock) at(ms uint32) capture.Time {
	return c.now.Add(time.Duration(int32(ms-c.up)) * time.Millisecond)
}

// unsigned reads an unsigned integer of up to 8 bytes (reduced-size encoding,
// RFC 7011 section 6.2); longer ones are 0.
func unsigned(b []byte) (n uint64) {
	if len(b) > 8 {
		return 0
	}
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

// maxNetflowFile bounds a file of datagrams, which is read as a whole: such
// files are cut out of a capture by hand.
const maxNetflowFile = 64 << 20

// netflowFile is raw datagrams of NetFlow or IPFIX, one behind the other, as a file.
func netflowFile() capture.Format {
	return capture.Format{
		Name: "netflow", Title: "NetFlow 5 or 9 or IPFIX datagrams", Observer: capture.Network, Grain: capture.GrainFlow, Shows: exportShows, Hides: exportHides,
		Sniff: isNetflow,
		Read: func(in *capture.Input) iter.Seq2[capture.Record, error] {
			return func(yield func(capture.Record, error) bool) {
				b, err := io.ReadAll(io.LimitReader(in.Reader, maxNetflowFile))
				r := &reader{in: in, yield: yield}
				r.failDatagram(err)
				r.datagrams(b)
			}
		},
	}
}

// datagrams reads one datagram after the other.
func (r *reader) datagrams(b []byte) {
	pairs, d := newFlowPairs(r), Datagrams{}
	for len(b) > 0 && !r.done {
		n := datagramLength(b)
		r.at++
		r.in.Packets++
		r.in.Bytes += int64(n)
		r.failDatagram(d.rows(b[:n], func(w *flowRow) {
			w.at = r.at
			pairs.add(*w)
		}))
		b = b[n:]
	}
	r.fail(pairs.end())
	if r.flows == 0 {
		r.in.Warn("no flows in it: the datagrams have templates or options only, or their templates are missing")
	}
}

func (r *reader) failDatagram(err error) {
	if err != nil {
		r.fail(&capture.SyntaxError{Path: r.in.Path, At: r.at, Unit: "packet", Msg: err.Error()})
	}
}

// datagramLength is where the next datagram begins: by the count or length of
// the header, and in version 9, which has neither, behind the last of its sets.
func datagramLength(b []byte) int {
	if len(b) < netflow9Header {
		return len(b)
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	switch binary.BigEndian.Uint16(b) {
	case 5:
		return min(len(b), netflow5Header+n*netflow5Record)
	case 9:
		at := netflow9Header
		for at+4 <= len(b) {
			id, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
			if id > 1 && id < 256 || size < 4 { // identifiers of sets that are reserved (RFC 3954 section 5.2)
				break
			}
			at += size
		}
		return min(len(b), at)
	case 10:
		return min(len(b), max(n, netflow9Header))
	}
	return len(b)
}

// isNetflow tells a datagram by version, count or length, and a year between
// 2000 and 2060.
func isNetflow(b []byte) bool {
	if len(b) < 20 {
		return false
	}
	n, sane := int(binary.BigEndian.Uint16(b[2:])), func(at int) bool {
		s := binary.BigEndian.Uint32(b[at:])
		return s > 946684800 && s < 2840140800
	}
	switch binary.BigEndian.Uint16(b) {
	case 5:
		return n > 0 && n <= 100 && len(b) >= netflow5Header && sane(8)
	case 9:
		return n > 0 && n <= 1000 && sane(8)
	case 10:
		return n >= 20 && sane(4)
	}
	return false
}
