package logs

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"envelope/capture"
)

// goflow2JSON is the JSON of goflow2: one message a row.
func goflow2JSON(o Options) capture.Format {
	f := capture.Format{Name: "goflow2", Title: "goflow2 JSON", Shows: exportShows, Hides: exportHides}
	return flowObjects(f, []string{"type", "src_addr", "dst_addr", "proto", "packets", "time_flow_start_ns"}, func(get rowFields, w *flowRow) (bool, error) {
		var ok bool
		if w.proto, ok = logProto(get("proto")); !ok {
			return false, nil
		}
		first, last := get("time_flow_start_ns"), get("time_flow_end_ns")
		if first == "0" { // sFlow has no start: the row is of one packet
			first, last = get("time_received_ns"), ""
		}
		if err := w.times(&o, first, last, ""); err != nil {
			return false, err
		}
		if err := w.ends(get("src_addr"), get("src_port"), get("dst_addr"), get("dst_port")); err != nil {
			return false, err
		}
		rate, _ := logCount(get("sampling_rate"))
		w.sampled = uint32(min(rate, 1<<31))
		flags, _ := logCount(get("tcp_flags"))
		w.syn, w.ack = w.proto == protoTCP && flags&2 != 0, flags&16 != 0
		w.mac = [2]capture.MAC{logMAC(get("src_mac")), logMAC(get("dst_mac"))}
		return true, w.counts(get("packets"), get("bytes"), "", "")
	})
}

// argusCSV is the output of argus' ra with -c , and the columns that a flow
// needs (ra(1)); others may be there, in any order.
func argusCSV(o Options) capture.Format {
	f := capture.Format{Name: "argus", Title: "argus ra -c ,", Shows: exportShows, Hides: exportHides}
	return flowTable(f, []string{"starttime", "proto", "srcaddr", "dir", "dstaddr"}, "", func(get rowFields, w *flowRow) (bool, error) {
		var ok bool
		if w.proto, ok = logProto(get("proto")); !ok {
			return false, nil // ARP, or argus' own reports
		}
		if err := w.times(&o, get("starttime"), get("lasttime"), get("dur")); err != nil {
			return false, err
		}
		if err := w.ends(get("srcaddr"), get("sport"), get("dstaddr"), get("dport")); err != nil {
			return false, err
		}
		// The arrow points from who opened a TCP connection; "?" is that argus
		// did not see it.
		if dir := get("dir"); w.proto == protoTCP && !strings.Contains(dir, "?") && (dir == "->" || dir == "<-") {
			w.opener, w.how = sign(dir == "->"), "flags"
		}
		w.mac = [2]capture.MAC{logMAC(get("srcmac", "smac")), logMAC(get("dstmac", "dmac"))}
		return true, w.counts(get("srcpkts", "totpkts"), get("srcbytes", "totbytes"), get("dstpkts"), get("dstbytes"))
	})
}

// pcapdroidCSV is the list of connections that the PCAPdroid app exports; it
// names the app that opened each.
func pcapdroidCSV(o Options) capture.Format {
	f := capture.Format{
		Name: "pcapdroid-csv", Title: "PCAPdroid connections, CSV", Shows: append(slices.Clone(exportShows), "device"),
		Hides: "It cannot tell whom: a connection names the messenger's server and not the other person.",
	}
	f = flowTable(f, []string{"ipproto", "srcip", "uid", "app", "bytessent", "firstseen"}, "", func(get rowFields, w *flowRow) (bool, error) {
		var ok bool
		if w.proto, ok = logProto(get("ipproto")); !ok {
			return false, nil
		}
		if err := w.times(&o, get("firstseen"), get("lastseen"), ""); err != nil {
			return false, errors.New("no time where the header has one: a name with a comma in it, or another layout")
		}
		if err := w.ends(get("srcip"), get("srcport"), get("dstip"), get("dstport")); err != nil {
			return false, err
		}
		w.app, w.opener, w.how = get("app"), 1, "first" // rows are written from the device that opens
		if strings.Contains(get("info"), ".") {
			w.host = get("info")
		}
		return true, w.counts(get("pktssent"), get("bytessent"), get("pktsrcvd"), get("bytesrcvd"))
	})
	f.Observer = capture.Device
	return f
}

// ndpiCSV is the list of flows of ndpiReader -C. The protocol's name is what
// nDPI took the flow for, and proves nothing: it is not read.
func ndpiCSV(o Options) capture.Format {
	f := capture.Format{Name: "ndpireader-csv", Title: "ndpiReader -C", Shows: exportShows, Hides: exportHides}
	return flowTable(f, []string{"protocol", "first_seen", "src_ip", "dst_ip", "c_to_s_pkts", "s_to_c_pkts"}, "", func(get rowFields, w *flowRow) (bool, error) {
		var ok bool
		if w.proto, ok = logProto(get("protocol")); !ok {
			return false, nil
		}
		if err := w.times(&o, get("first_seen"), get("last_seen"), get("duration")); err != nil {
			return false, err
		}
		if err := w.ends(get("src_ip"), get("src_port"), get("dst_ip"), get("dst_port")); err != nil {
			return false, err
		}
		w.host = get("server_name_sni", "server_name")
		if w.proto == protoUDP && (w.dst.Port() == 53 || w.src.Port() == 53) {
			w.host = "" // the name that was asked for, not the server's
		}
		if syn, _ := logCount(get("c_to_s_syn")); syn > 0 {
			w.opener, w.how = 1, "flags"
		}
		return true, w.counts(get("c_to_s_pkts"), get("c_to_s_bytes"), get("s_to_c_pkts"), get("s_to_c_bytes"))
	})
}

// nfcapd is nfdump's own storage, whose binary layout changes with its
// versions. Its magic number is 0xA50C in the byte order of the writer.
func nfcapd() capture.Format {
	return refused(capture.Format{Name: "nfcapd", Title: "nfcapd file (binary; not read)", Observer: capture.Network, Grain: capture.GrainFlow, Hides: "nfcapd files are not read: run nfdump -r FILE -o json and read its output", Sniff: func(head []byte) bool {
		return len(head) >= 4 && (binary.LittleEndian.Uint16(head) == 0xA50C && head[2] <= 3 && head[3] == 0 || binary.BigEndian.Uint16(head) == 0xA50C && head[3] <= 3 && head[2] == 0)
	}})
}

// wiresharkList is the packet list that Wireshark exports as CSV. Its times count
// from the first packet and its columns have no ports: nothing could be laid beside
// other inputs by it.
func wiresharkList() capture.Format {
	return refused(capture.Format{Name: "wireshark-list", Title: "Wireshark packet list, CSV (not read)", Observer: capture.Network, Grain: capture.GrainFlow,
		Hides: "a packet list has no date and no ports: read the capture itself, or tshark -r FILE -T fields -E header=y -E separator=, -e frame.time_epoch -e ip.src -e ip.dst -e tcp.srcport -e tcp.dstport -e udp.srcport -e udp.dstport -e frame.len",
		Sniff: sniffLines(func(line []byte) bool {
			var t table
			return t.header(string(line), []string{"no.", "time", "source", "destination", "protocol", "length", "info"})
		})})
}
