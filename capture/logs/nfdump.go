package logs

import (
	"errors"
	"strings"

	"envelope/capture"
)

// exportShows are the facts of a flow export.
var exportShows = []string{"who", "when", "duration", "volume", "service"}

const exportHides = "It cannot tell whom: a flow names the messenger's server and not the other person, and one row stands for minutes, so that single messages do not show."

// nfdumpCSV is the output of nfdump -o csv in the layout of 1.6 and early 1.7
// (ts,te,td,sa,...), of 1.7.5 and later (firstSeen,duration,...), and of -o
// csv-fast (cnt,af,firstSeen,lastSeen,...).
func nfdumpCSV(o Options) []capture.Format {
	f := capture.Format{Name: "nfdump-csv", Title: "nfdump -o csv, up to 1.7.4", Shows: exportShows, Hides: exportHides}
	later, read := f, nfdumpRow(o)
	later.Name, later.Title = "nfdump-csv-new", "nfdump -o csv, from 1.7.5 on, or csv-fast"
	return []capture.Format{
		flowTable(f, []string{"ts", "td", "sa", "da", "pr", "ipkt", "ibyt"}, "Summary", read),
		flowTable(later, []string{"firstseen", "proto", "srcaddr", "dstaddr", "packets", "bytes"}, "Summary", read),
	}
}

// nfdumpJSON is the output of nfdump -o json (an array) and -o ndjson.
func nfdumpJSON(o Options) capture.Format {
	f := capture.Format{Name: "nfdump-json", Title: "nfdump -o json or ndjson", Shows: exportShows, Hides: exportHides}
	return flowObjects(f, []string{"first", "last", "in_packets", "in_bytes", "proto"}, nfdumpRow(o))
}

// nfdumpRow reads a row of any layout of nfdump: the names do not overlap.
func nfdumpRow(o Options) rowReader {
	return func(get rowFields, w *flowRow) (bool, error) {
		var ok bool
		if w.proto, ok = logProto(get("proto", "pr")); !ok {
			return false, nil
		}
		if err := w.times(&o, get("first", "firstseen", "ts"), get("last", "lastseen", "te"), get("duration", "td")); err != nil {
			return false, err
		}
		source, target := get("src4_addr", "src6_addr", "srcaddr", "sa"), get("dst4_addr", "dst6_addr", "dstaddr", "da")
		if source == "" && target == "" {
			return false, nil // an event of a firewall or a record of an exporter
		}
		if err := w.ends(source, get("src_port", "srcport", "sp"), target, get("dst_port", "dstport", "dp")); err != nil {
			return false, err
		}
		flags := get("tcp_flags", "flags", "flg")
		w.syn, w.ack = w.proto == protoTCP && strings.Contains(flags, "S"), strings.Contains(flags, "A")
		w.mac = [2]capture.MAC{logMAC(get("in_src_mac", "ismc")), logMAC(get("out_dst_mac", "odmc"))}
		return true, w.counts(get("in_packets", "packets", "ipkt"), get("in_bytes", "bytes", "ibyt"), get("out_packets", "opkt"), get("out_bytes", "obyt"))
	}
}

// nfdumpText is the table for people that nfdump prints by default (-o line,
// long, extended): "DATE TIME DURATION PROTO SRC:PORT -> DST:PORT FLAGS TOS
// PACKETS BYTES ...". Its counters may be scaled ("1.2 M"), which it says.
func nfdumpText(o Options) capture.Format {
	return capture.Format{
		Name: "nfdump-text", Title: "nfdump -o line, long or extended", Observer: capture.Network, Grain: capture.GrainFlow,
		Shows: exportShows, Hides: exportHides,
		Sniff: sniffLines(func(line []byte) bool {
			s := string(line)
			return strings.HasPrefix(s, "Date first seen") && strings.Contains(s, "Src IP Addr:Port") && strings.Contains(s, "Packets")
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			pairs, flags := newFlowPairs(r), false
			return func(line []byte) error {
				s := string(line)
				if strings.HasPrefix(s, "Date first seen") {
					flags = strings.Contains(s, "Flags")
					return nil
				}
				if !strings.Contains(s, "->") {
					return nil // the summary
				}
				w := flowRow{at: r.at}
				if err := w.text(&o, s, flags); err != nil {
					return err
				}
				pairs.add(w)
				return nil
			}, pairs.end
		}),
	}
}

func (w *flowRow) text(o *Options, line string, flags bool) error {
	left, right, _ := strings.Cut(line, "->")
	l, r := strings.Fields(left), strings.Fields(right)
	skip := 1
	if flags {
		skip = 3 // Flags and Tos
	}
	if len(l) != 5 || len(r) < skip+2 {
		return errors.New("not in the columns of nfdump; use nfdump -o json")
	}
	w.proto, _ = logProto(l[3])
	if err := w.times(o, l[0]+" "+l[1], "", l[2]); err != nil {
		return err
	}
	source, sport := cutPort(l[4])
	target, dport := cutPort(r[0])
	if strings.Contains(source+target, "..") {
		return errors.New("its IPv6 addresses are shortened; use nfdump -o json")
	}
	if err := w.ends(source, sport, target, dport); err != nil {
		return err
	}
	if flags {
		w.syn, w.ack = w.proto == protoTCP && strings.Contains(r[1], "S"), strings.Contains(r[1], "A")
	}
	packets, rest := scaled(r[skip:])
	bytes, _ := scaled(rest)
	return w.counts(packets, bytes, "", "")
}

// scaled takes a number and, where it has one, its unit.
func scaled(words []string) (number string, rest []string) {
	switch {
	case len(words) == 0:
		return "?", nil
	case len(words) > 1 && strings.Contains("KMGT", words[1]):
		return words[0] + " " + words[1], words[2:]
	}
	return words[0], words[1:]
}

// cutPort cuts "192.0.2.1:443"; IPv6 addresses have "." before the port, as
// nfdump writes them.
func cutPort(s string) (addr, port string) {
	i := strings.LastIndexByte(s, ':')
	if strings.Count(s, ":") > 1 {
		i = strings.LastIndexByte(s, '.')
	}
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i+1:]
}
