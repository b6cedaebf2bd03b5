package logs

import (
	"math/bits"
	"net/netip"

	"github.com/netsampler/goflow2/v2/decoders/netflow"

	"envelope/capture"
)

// reversePEN marks the fields of the other direction of a biflow (RFC 5103
// section 6.1).
const reversePEN = 29305

// netflowRow reads a record by the numbers of IANA's IPFIX Information Elements, of which
// those below 128 are NetFlow 9's too; nil where it is of no flow. sampler is
// the one that the record names, 0 for none.
func netflowRow(values []netflow.DataField, clock exporterClock) (w *flowRow, sampler uint64) {
	w = &flowRow{}
	var addr [2]netip.Addr
	var port [2]uint16
	if ms := elementValue(values, 160); ms > 0 { // systemInitTimeMilliseconds: the times are counted from it
		clock = exporterClock{now: capture.Time(min(ms, maxMilliseconds)) * 1e6}
	}
	for _, v := range values {
		raw, ok := v.Value.([]byte)
		if !ok || len(raw) == 0 {
			continue
		}
		n := unsigned(raw)
		if v.PenProvided {
			if v.Pen == reversePEN {
				w.volume(v.Type, 1, n)
			}
			continue
		}
		switch v.Type {
		case 4:
			w.proto = uint8(n)
		case 6: // tcpControlBits
			w.syn, w.ack = n&2 != 0, n&16 != 0
		case 7, 11: // source and destination port
			port[v.Type/11] = uint16(n)
		case 8, 27: // source address
			addr[0], _ = netip.AddrFromSlice(raw)
		case 12, 28:
			addr[1], _ = netip.AddrFromSlice(raw)
		case 56, 80: // source and destination MAC address
			if len(raw) == len(w.mac[0]) {
				w.mac[v.Type/80] = capture.MAC(raw)
			}
		case 58:
			w.vlan = uint16(n)
		default:
			w.volume(v.Type, 0, n)
			w.stamp(v.Type, n, clock)
		}
	}
	w.sampled = samplingRate(values)
	if !addr[0].IsValid() || !addr[1].IsValid() || w.first == 0 && w.last == 0 {
		return nil, 0
	}
	if !hasPorts(w.proto) {
		port = [2]uint16{}
	}
	w.syn = w.syn && w.proto == protoTCP
	w.src, w.dst = netip.AddrPortFrom(addr[0].Unmap(), port[0]), netip.AddrPortFrom(addr[1].Unmap(), port[1])
	return w, samplerOf(values)
}

// elementValue is the value of an element as a number, 0 where it is not there.
func elementValue(values []netflow.DataField, element uint16) uint64 {
	for _, v := range values {
		if raw, ok := v.Value.([]byte); ok && v.Type == element && !v.PenProvided {
			return unsigned(raw)
		}
	}
	return 0
}

// volume takes a counter of the direction dir.
func (w *flowRow) volume(element uint16, dir int, n uint64) {
	switch element {
	case 1, 85: // octetDeltaCount, octetTotalCount
		w.bytes[dir] = n
	case 2, 86: // packetDeltaCount, packetTotalCount
		w.packets[dir] = n
	case 23: // OUT_BYTES, initiator's and responder's octets: the reverse direction
		w.bytes[1] = n
	case 24:
		w.packets[1] = n
	case 231, 298: // initiatorOctets, initiatorPackets
		*[]*uint64{&w.bytes[0], &w.packets[0]}[element/298] = n
	case 232, 299: // responderOctets, responderPackets
		*[]*uint64{&w.bytes[1], &w.packets[1]}[element/299] = n
	}
}

// maxMilliseconds is the last moment that a Time can hold, in milliseconds.
const maxMilliseconds = 1<<63/1_000_000 - 1

// stamp takes the times of a flow: since the start of the device, or since 1970.
func (w *flowRow) stamp(element uint16, n uint64, clock exporterClock) {
	unit := uint64(1e9)
	switch element {
	case 21, 22: // flowEndSysUpTime, flowStartSysUpTime
		n, unit = uint64(max(clock.at(uint32(n)), 0)), 1
	case 150, 151: // flowStartSeconds, flowEndSeconds
	case 152, 153: // milliseconds
		unit = 1e6
	case 154, 155, 156, 157: // microseconds and nanoseconds, both as NTP has them (RFC 7011 section 6.1.9)
		n, unit = ntpTime(n), 1
	default:
		return
	}
	if n >= uint64(capture.TimeOf(latest))/unit || n < uint64(capture.TimeOf(earliest))/unit {
		return
	}
	switch element {
	case 22, 150, 152, 154, 156:
		w.first = capture.Time(n * unit)
	default:
		w.last = capture.Time(n * unit)
	}
}

// ntpTime turns seconds since 1900 with their fraction in 2^-32 s into
// nanoseconds since 1970; 0 for what is before.
func ntpTime(n uint64) uint64 {
	const epochs = 2_208_988_800 // seconds from 1900 to 1970 (RFC 868)
	seconds := n >> 32
	if seconds < epochs {
		return 0
	}
	fraction, _ := bits.Mul64(n<<32, 1e9)
	return (seconds-epochs)*1e9 + fraction
}
