package logs

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"envelope/capture"
)

// netflowAt is the moment of the datagrams: 2026-01-05 08:01:00.
const netflowAt = 1767600060

// elementOf is an element of a template: number, length and, for those of an
// enterprise, its number.
type elementOf struct {
	element, length uint16
	pen             uint32
}

// netflowTemplate is a set of one template (RFC 3954 section 5.2, RFC 7011 section
// 3.4.1): set is 0 for NetFlow 9, 2 for IPFIX.
func netflowTemplate(set, id uint16, fields ...elementOf) []byte {
	b := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, id), uint16(len(fields)))
	for _, f := range fields {
		if f.pen != 0 {
			f.element |= 0x8000
		}
		b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, f.element), f.length)
		if f.pen != 0 {
			b = binary.BigEndian.AppendUint32(b, f.pen)
		}
	}
	return netflowSet(set, b)
}

func netflowSet(id uint16, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	b := binary.BigEndian.AppendUint16(nil, id)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(body)+4)), body...)
}

// numbers is the values of a record, each with its length in bytes.
func numbers(pairs ...uint64) (b []byte) {
	for i := 0; i < len(pairs); i += 2 {
		wide := binary.BigEndian.AppendUint64(nil, pairs[i+1])
		b = append(b, wide[8-pairs[i]:]...)
	}
	return b
}

// netflow9 is a datagram of NetFlow 9 of an exporter that runs for up milliseconds.
func netflow9(up, domain uint32, sets ...[]byte) []byte {
	b := numbers(2, 9, 2, uint64(len(sets)), 4, uint64(up), 4, netflowAt, 4, 1, 4, uint64(domain))
	for _, s := range sets {
		b = append(b, s...)
	}
	return b
}

func ipfix(domain uint32, sets ...[]byte) []byte {
	var body []byte
	for _, s := range sets {
		body = append(body, s...)
	}
	return append(numbers(2, 10, 2, uint64(16+len(body)), 4, netflowAt, 4, 1, 4, uint64(domain)), body...)
}

// Addresses of the rows: 192.0.2.10 and 198.51.100.7.
const annaIP, serverIP = 0xc000020a, 0xc6336407

// ends9 is what all templates of the test begin with, ends the values of a row
// up and of one down.
var ends9 = []elementOf{{8, 4, 0}, {12, 4, 0}, {7, 2, 0}, {11, 2, 0}, {4, 1, 0}, {2, 4, 0}, {1, 4, 0}}

func rowUp(packets, bytes uint64) []byte {
	return numbers(4, annaIP, 4, serverIP, 2, 50112, 2, 443, 1, 6, 4, packets, 4, bytes)
}

func rowDown(packets, bytes uint64) []byte {
	return numbers(4, serverIP, 4, annaIP, 2, 443, 2, 50112, 1, 6, 4, packets, 4, bytes)
}

func joined(parts ...[]byte) (b []byte) {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func TestDatagrams(t *testing.T) {
	uptimes := append(append([]elementOf{}, ends9...), elementOf{22, 4, 0}, elementOf{21, 4, 0})
	const up = 500 // the exporter's counter overflowed half a second ago
	ago := func(seconds uint64) uint64 { return uint64(uint32(up - seconds*1000)) }
	pair9 := netflowSet(256, joined(rowUp(9, 900), numbers(4, ago(60), 4, ago(51)), rowDown(7, 7000), numbers(4, ago(60), 4, ago(52))))
	reverse := append(append([]elementOf{}, ends9...), elementOf{2, 4, reversePEN}, elementOf{1, 4, reversePEN}, elementOf{152, 8, 0}, elementOf{153, 8, 0})
	one := netflowSet(300, joined(rowUp(9, 900), numbers(4, 7, 4, 7000, 8, 1767600000250, 8, 1767600009250)))
	ntp := append(append([]elementOf{}, ends9...), elementOf{154, 8, 0}, elementOf{155, 8, 0}, elementOf{302, 1, 0})
	const ntpStart = (1767600000+2208988800)<<32 | 1<<31
	booted := append(append([]elementOf{}, uptimes...), elementOf{160, 8, 0})
	// Options of NetFlow 9 give lengths of scopes and options in bytes; those of
	// IPFIX, counts of fields, and those of scopes.
	options9 := netflowSet(1, numbers(2, 400, 2, 4, 2, 8, 2, 1, 2, 4, 2, 48, 2, 1, 2, 34, 2, 4))
	options10 := netflowSet(3, numbers(2, 400, 2, 3, 2, 1, 2, 302, 2, 1, 2, 305, 2, 4, 2, 306, 2, 4))
	const row = "2026-01-05T08:00:00.000+9s 6 192.0.2.10:50112>198.51.100.7:443 port [9 7] [900 7000]  "
	for _, c := range []struct {
		name      string
		port      uint16
		datagrams [][]byte
		want      string
		sampled   uint32
		warnings  string
	}{
		{"netflow 9, an overflow of the clock between", 2055, [][]byte{netflow9(up, 1, netflowTemplate(0, 256, uptimes...)), netflow9(up, 1, pair9)}, row, 0, "1 flows exported"},
		{"a port of its own", 61234, [][]byte{netflow9(up, 1, netflowTemplate(0, 256, uptimes...), pair9)}, row, 0, "1 flows exported"},
		{"no template", 2055, [][]byte{netflow9(up, 1, pair9)}, "", 0, "1 datagrams of NetFlow or IPFIX have flows whose template"},
		{"the template of another domain", 2055, [][]byte{netflow9(up, 2, netflowTemplate(0, 256, uptimes...)), netflow9(up, 1, pair9)}, "", 0, "1 datagrams of NetFlow"},
		{"sampled", 2055, [][]byte{netflow9(up, 1, options9, netflowSet(400, numbers(4, 1, 1, 0, 4, 1000))), netflow9(up, 1, netflowTemplate(0, 256, uptimes...), pair9)}, row, 1000, "1 flows exported"},
		{"ipfix, both directions in a row", 4739, [][]byte{ipfix(7, netflowTemplate(2, 300, reverse...), one)},
			"2026-01-05T08:00:00.250+9s 6 192.0.2.10:50112>198.51.100.7:443 port [9 7] [900 7000]  ", 0, "1 flows exported"},
		{"ipfix, times of NTP, 10 in 100 sampled", 4739,
			[][]byte{ipfix(7, options10, netflowSet(400, numbers(1, 3, 4, 10, 4, 90))), ipfix(7, netflowTemplate(2, 301, ntp...), netflowSet(301, joined(rowUp(9, 900), numbers(8, ntpStart, 8, ntpStart+(9<<32), 1, 3))))},
			"2026-01-05T08:00:00.500+9s 6 192.0.2.10:50112>198.51.100.7:443 port [9 0] [900 0]  ", 10, "1 flows exported"},
		{"ipfix, times since a start that the row names", 4739,
			[][]byte{ipfix(7, netflowTemplate(2, 302, booted...), netflowSet(302, joined(rowUp(9, 900), numbers(4, 1000, 4, 10000, 8, 1767599999000))))},
			"2026-01-05T08:00:00.000+9s 6 192.0.2.10:50112>198.51.100.7:443 port [9 0] [900 0]  ", 0, "1 flows exported"},
		{"more than the datagram", 2055, [][]byte{append(netflow9(up, 1, netflowTemplate(0, 256, uptimes...), pair9), 1, 2, 3)}, "", 0, ""},
	} {
		got, sampled, warnings := exported(t, c.port, c.datagrams)
		if got != c.want || sampled != c.sampled || !strings.HasPrefix(warnings, c.warnings) || c.warnings == "" && warnings != "" {
			t.Errorf("%s: %s, one in %d, %q; want %s, one in %d, %q", c.name, got, sampled, warnings, c.want, c.sampled, c.warnings)
		}
	}
}

// exported gives the flows of datagrams to a port, and the rate of the last.
func exported(t *testing.T, port uint16, datagrams [][]byte) (flows string, sampled uint32, warnings string) {
	t.Helper()
	in := &capture.Input{Path: "tap"}
	var list []string
	take, end := Exports(in, func(rec capture.Record, err error) bool {
		if err != nil {
			t.Error(err)
			return true
		}
		list, sampled = append(list, shown(&rec)), rec.Flow.Sampled
		if rec.Grain != capture.GrainFlow || rec.Flow.FirstAt.At < 1 || rec.Flow.LastAt.At > int64(len(datagrams)) {
			t.Errorf("grain %s, packets %d to %d", rec.Grain, rec.Flow.FirstAt.At, rec.Flow.LastAt.At)
		}
		return true
	})
	from, to := netip.MustParseAddrPort("203.0.113.1:40000"), netip.AddrPortFrom(netip.MustParseAddr("203.0.113.2"), port)
	for i, b := range datagrams {
		take(int64(i+1), netflowAt*1e9, from, to, b)
	}
	end()
	if in.First != 0 {
		t.Errorf("the times of the flows are taken for those of the capture: %v", in.First.UTC())
	}
	return strings.Join(list, "\n"), sampled, strings.Join(in.Warnings, "; ")
}

func FuzzDatagrams(f *testing.F) {
	f.Add(netflow9(1, 1, netflowTemplate(0, 256, ends9...), netflowSet(256, rowUp(1, 1))))
	f.Add(ipfix(1, netflowTemplate(2, 256, ends9...), netflowSet(256, rowDown(1, 1))))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := &capture.Input{Path: "tap"}
		take, end := Exports(in, func(rec capture.Record, err error) bool {
			if err == nil && (rec.Time < capture.TimeOf(earliest) || rec.Time > capture.TimeOf(latest)) {
				t.Fatalf("time %v", rec.Time.UTC())
			}
			return true
		})
		for at := range int64(2) {
			take(at+1, netflowAt*1e9, netip.AddrPort{}, netip.AddrPortFrom(netip.IPv4Unspecified(), 2055), b)
		}
		end()
	})
}
