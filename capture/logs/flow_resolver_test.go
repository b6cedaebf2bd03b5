package logs

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"envelope/capture"
)

// readAll reads text by the first of the formats that takes it.
func readAll(t *testing.T, text string, formats []capture.Format) (format string, records, errs []string) {
	t.Helper()
	in, err := capture.OpenReader(strings.NewReader(text), "log", 0, formats)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for rec, err := range in.All() {
		if err != nil {
			errs = append(errs, err.Error())
			continue
		}
		records = append(records, shown(&rec))
	}
	return in.Format, records, append(errs, in.Warnings...)
}

// shown is what a test compares of a record.
func shown(r *capture.Record) string {
	if f := r.Flow; f != nil {
		return fmt.Sprintf("%s+%v %d %v>%v %s %v %v %s %s", r.Time.UTC().Format("2006-01-02T15:04:05.000"), f.Last.Sub(f.First), f.Proto, f.Client, f.Server, f.ClientHow, f.Packets, f.Bytes, f.Host, f.App)
	}
	n, at, until := r.Name, "-", ""
	if r.Time != 0 {
		at = r.Time.UTC().Format("2006-01-02T15:04:05")
	}
	if n.Until != 0 {
		until = n.Until.UTC().Format("2006-01-02T15:04:05")
	}
	mac := ""
	if n.MAC != (capture.MAC{}) {
		mac = fmt.Sprintf("%x", n.MAC)
	}
	return fmt.Sprintf("%s %s %v %s %v %s %s", at, n.How, n.Client, n.Value, n.Addr, mac, until)
}

func ownFormats() []capture.Format {
	o := Options{Year: 2026}
	return append(flowFormats(o), resolverFormats(o)...)
}

var familyCases = []struct {
	name, text, format string
	want               []string
	errors             int
}{
	{"nfdump old csv", "ts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt,opkt,obyt\n" +
		"2026-01-05 08:00:00,2026-01-05 08:00:09,9.0,192.0.2.10,198.51.100.7,50112,443,TCP,...AP.S.,9,900,0,0\n" +
		"2026-01-05 08:00:01,2026-01-05 08:00:09,8.0,198.51.100.7,192.0.2.10,443,50112,TCP,...AP.S.,7,7000,0,0\n" +
		"broken,,,,,,,TCP,,,,,\nSummary\nflows,bytes\n2,7900\n", "nfdump-csv",
		[]string{"2026-01-05T08:00:00.000+9s 6 192.0.2.10:50112>198.51.100.7:443 flags [9 7] [900 7000]  "}, 1},
	{"nfdump new csv, columns in another order", "duration,firstSeen,proto,dstAddr,dstPort,srcAddr,srcPort,packets,bytes,flows\n60.0,2026-01-05 08:00:00.250,UDP,192.0.2.10,50112,198.51.100.7,3478,5,500,1\n", "nfdump-csv-new",
		[]string{"2026-01-05T08:00:00.250+1m0s 17 192.0.2.10:50112>198.51.100.7:3478 port [0 5] [0 500]  "}, 0},
	{"nfdump ndjson", `{"type":"FLOW","first":"2026-01-05T08:00:00.5","last":"2026-01-05T08:00:01.5","in_packets":2,"in_bytes":80,"proto":6,"tcp_flags":"......S.","src4_addr":"192.0.2.10","dst4_addr":"198.51.100.7","src_port":40000,"dst_port":40001}` + "\n", "nfdump-json",
		[]string{"2026-01-05T08:00:00.500+1s 6 192.0.2.10:40000>198.51.100.7:40001 flags [2 0] [80 0]  "}, 0},
	{"goflow2", `{"type":"IPFIX","time_flow_start_ns":1767600000000000000,"time_flow_end_ns":1767600060000000000,"bytes":8200,"packets":31,"src_addr":"192.0.2.10","dst_addr":"198.51.100.7","proto":"TCP","src_port":50112,"dst_port":443,"sampling_rate":1}` + "\n{\"type\":\n", "goflow2",
		[]string{"2026-01-05T08:00:00.000+1m0s 6 192.0.2.10:50112>198.51.100.7:443 port [31 0] [8200 0]  "}, 1},
	{"argus", "Dir,SrcAddr,Sport,DstAddr,Dport,Proto,StartTime,Dur,SrcPkts,DstPkts,SrcBytes,DstBytes\n ->,192.0.2.10,50112,198.51.100.7,443,tcp,1767600000.5,1.5,3,4,300,400\n who,192.0.2.10,,192.0.2.1,,arp,1767600000.5,0,1,1,60,60\n", "argus",
		[]string{"2026-01-05T08:00:00.500+1.5s 6 192.0.2.10:50112>198.51.100.7:443 flags [3 4] [300 400]  "}, 0},
	{"pcapdroid", "IPProto,SrcIP,SrcPort,DstIp,DstPort,UID,App,Proto,Status,Info,BytesSent,BytesRcvd,PktsSent,PktsRcvd,FirstSeen,LastSeen\n6,192.0.2.10,50112,198.51.100.7,443,10100,Chat,TLS,Open,chat.example,900,7000,9,7,1767600000000,1767600009000\n", "pcapdroid-csv",
		[]string{"2026-01-05T08:00:00.000+9s 6 192.0.2.10:50112>198.51.100.7:443 first [9 7] [900 7000] chat.example Chat"}, 0},
	{"tshark fields", "frame.number,frame.time_epoch,ip.src,ip.dst,frame.len,tcp.srcport,tcp.dstport,udp.srcport,udp.dstport,tls.handshake.extensions_server_name\n1,1767600000.0,192.0.2.10,198.51.100.7,74,50112,443,,,\n2,1767600000.1,192.0.2.10,198.51.100.7,574,50112,443,,,chat.example\n3,1767600000.2,198.51.100.7,192.0.2.10,66,443,50112,,,\n", "tshark-fields",
		[]string{"2026-01-05T08:00:00.000+200ms 6 192.0.2.10:50112>198.51.100.7:443 hello [2 1] [648 66] chat.example "}, 0},
	{"dnsmasq", "Jan  5 08:00:00 dnsmasq[412]: query[A] chat.example from 192.0.2.10\nJan  5 08:00:00 dnsmasq[412]: forwarded chat.example to 203.0.113.1\nJan  5 08:00:00 dnsmasq[412]: reply chat.example is <CNAME>\n" +
		"Jan  5 08:00:01 dnsmasq[412]: reply edge.example is 198.51.100.7\nJan  5 08:00:02 dnsmasq[412]: query[A] ads.example from 192.0.2.11\nJan  5 08:00:02 dnsmasq[412]: gravity blocked ads.example is 0.0.0.0\n" +
		"Jan  5 08:00:03 dnsmasq-dhcp[412]: DHCPACK(br0) 192.0.2.10 02:00:5e:00:00:01 annas-phone\nJan  5 08:00:03 dnsmasq[412]: query[A] x.example from nobody\n", "dnsmasq",
		[]string{"2026-01-05T08:00:00 dns 192.0.2.10 chat.example invalid IP  ", "2026-01-05T08:00:01 dns 192.0.2.10 chat.example 198.51.100.7  ", "2026-01-05T08:00:02 dns 192.0.2.11 ads.example invalid IP  ", "2026-01-05T08:00:03 dhcp invalid IP annas-phone 192.0.2.10 02005e000001 "}, 1},
	{"dnsmasq extra", "Jan  5 08:00:00 router dnsmasq[412]: 7 192.0.2.10/5321 query[AAAA] Chat.Example from 192.0.2.10\nJan  5 08:00:00 router dnsmasq[412]: 7 192.0.2.10/5321 cached edge.example is 2001:db8::7\n", "dnsmasq",
		[]string{"2026-01-05T08:00:00 dns 192.0.2.10 chat.example invalid IP  ", "2026-01-05T08:00:00 dns 192.0.2.10 chat.example 2001:db8::7  "}, 0},
	{"unbound", "[1767600000] unbound[88:0] info: 192.0.2.10 chat.example. A IN\n[1767600000] unbound[88:0] info: 192.0.2.10 chat.example. A IN NOERROR 0.021 0 96\n[1767600001] unbound[88:0] info: service stopped\n", "unbound",
		[]string{"2026-01-05T08:00:00 dns 192.0.2.10 chat.example invalid IP  "}, 0},
	{"bind", "05-Jan-2026 08:00:00.123 queries: info: client @0x7f0 192.0.2.10#53211 (chat.example): view in: query: chat.example IN A +E(0) (192.0.2.1)\n05-Jan-2026 08:00:01.123 client 192.0.2.11#53211: query: chat.example IN A +\n", "bind",
		[]string{"2026-01-05T08:00:00 dns 192.0.2.10 chat.example invalid IP  ", "2026-01-05T08:00:01 dns 192.0.2.11 chat.example invalid IP  "}, 0},
	{"adguard", `{"T":"2026-01-05T08:00:00.1Z","QH":"chat.example","QT":"A","QC":"IN","CP":"","IP":"192.0.2.10","Answer":"AAGBgAABAAEAAAAABGNoYXQHZXhhbXBsZQAAAQABwAwAAQABAAAAPAAExjNkBw==","Elapsed":21000000}` + "\n", "adguard-home",
		[]string{"2026-01-05T08:00:00 dns 192.0.2.10 chat.example invalid IP  ", "2026-01-05T08:00:00 dns 192.0.2.10 chat.example 198.51.100.7  "}, 0},
	{"dnsmasq.leases", "1767603600 02:00:5e:00:00:01 192.0.2.10 annas-phone 01:02:00:5e:00:00:01\n0 02:00:5e:00:00:02 192.0.2.11 * *\n", "dnsmasq-leases",
		[]string{"- dhcp invalid IP annas-phone 192.0.2.10 02005e000001 2026-01-05T09:00:00", "- dhcp invalid IP  192.0.2.11 02005e000002 "}, 0},
	{"dhcpd.leases", "lease 192.0.2.10 {\n  starts 1 2026/01/05 08:00:00;\n  ends 1 2026/01/05 09:00:00;\n  hardware ethernet 02:00:5e:00:00:01;\n  client-hostname \"annas-phone\";\n}\nlease 192.0.2.11 {\n", "dhcpd-leases",
		[]string{"2026-01-05T08:00:00 dhcp invalid IP annas-phone 192.0.2.10 02005e000001 2026-01-05T09:00:00"}, 1},
	{"dhcpd", "Jan  5 08:00:00 gw dhcpd[9]: DHCPACK on 192.0.2.10 to 02:00:5e:00:00:01 (annas-phone) via eth0\nJan  5 08:00:00 gw dhcpd[9]: DHCPREQUEST for 192.0.2.10 from 02:00:5e:00:00:01 via eth0\n", "dhcpd",
		[]string{"2026-01-05T08:00:00 dhcp invalid IP annas-phone 192.0.2.10 02005e000001 "}, 0},
}

func TestFlowsAndResolvers(t *testing.T) {
	for _, c := range familyCases {
		format, got, errs := readAll(t, c.text, ownFormats())
		if format != c.format || len(errs) != c.errors || strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s: format %s, errors %q, records\n%s\nwant\n%s", c.name, format, errs, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func FuzzFlowsAndResolvers(f *testing.F) {
	for _, c := range familyCases {
		f.Add([]byte(c.text))
	}
	f.Add([]byte{0, 5, 0, 1, 0, 0, 0, 9, 0x69, 0x5b, 0x6b, 0x80})
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, format := range ownFormats() {
			format.Sniff(text)
			in, err := capture.OpenReader(bytes.NewReader(append([]byte("x"), text...)), "log", 0, []capture.Format{{Name: format.Name, Sniff: func([]byte) bool { return true }, Read: format.Read}})
			if err != nil {
				continue
			}
			in.Reader = bytes.NewReader(text)
			for rec, err := range in.All() {
				if err == nil && rec.Time != 0 && (rec.Time < capture.TimeOf(earliest) && rec.Time.UTC().Year() != 2026 || rec.Time > capture.TimeOf(latest)) {
					t.Fatalf("%s: time %v", format.Name, rec.Time.UTC())
				}
			}
		}
	})
}
