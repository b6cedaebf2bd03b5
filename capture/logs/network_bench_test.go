package logs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"envelope/capture"
)

// plainConn is the fields that are read of a row of conn.log, for encoding/json.
type plainConn struct {
	TS       float64 `json:"ts"`
	UID      string  `json:"uid"`
	Orig     string  `json:"id.orig_h"`
	OrigPort uint16  `json:"id.orig_p"`
	Resp     string  `json:"id.resp_h"`
	RespPort uint16  `json:"id.resp_p"`
	Proto    string  `json:"proto"`
	Duration float64 `json:"duration"`
	OrigB    uint64  `json:"orig_bytes"`
	RespB    uint64  `json:"resp_bytes"`
	State    string  `json:"conn_state"`
	OrigPk   uint64  `json:"orig_pkts"`
	OrigIP   uint64  `json:"orig_ip_bytes"`
	RespPk   uint64  `json:"resp_pkts"`
	RespIP   uint64  `json:"resp_ip_bytes"`
	IPProto  uint8   `json:"ip_proto"`
}

// plainEve is the same for flow events of eve.json.
type plainEve struct {
	Timestamp string `json:"timestamp"`
	FlowID    uint64 `json:"flow_id"`
	Type      string `json:"event_type"`
	Src       string `json:"src_ip"`
	SrcPort   uint16 `json:"src_port"`
	Dst       string `json:"dest_ip"`
	DstPort   uint16 `json:"dest_port"`
	Proto     string `json:"proto"`
	Flow      struct {
		UpPackets   uint64 `json:"pkts_toserver"`
		DownPackets uint64 `json:"pkts_toclient"`
		UpBytes     uint64 `json:"bytes_toserver"`
		DownBytes   uint64 `json:"bytes_toclient"`
		Start       string `json:"start"`
		End         string `json:"end"`
	} `json:"flow"`
}

func BenchmarkZeekConn(b *testing.B) {
	benchmarkLines(b, func(i int) string {
		return fmt.Sprintf(`{"ts":%d.%06d,"uid":"C%016x","id.orig_h":"192.0.2.%d","id.orig_p":%d,"id.resp_h":"198.51.100.%d","id.resp_p":443,"proto":"tcp","service":"ssl","duration":12.108850,"orig_bytes":4800,"resp_bytes":90210,"conn_state":"SF","local_orig":true,"local_resp":false,"missed_bytes":0,"history":"ShADadfF","orig_pkts":42,"orig_ip_bytes":7440,"resp_pkts":80,"resp_ip_bytes":94100,"ip_proto":6}`+"\n",
			1767600000+i/10, i, i, i%250, 1024+i%60000, i%199)
	}, new(plainConn))
}

func BenchmarkEve(b *testing.B) {
	benchmarkLines(b, func(i int) string {
		return fmt.Sprintf(`{"timestamp":"2026-01-05T08:%02d:%02d.%06d+0000","flow_id":%d,"in_iface":"eth0","event_type":"flow","src_ip":"192.0.2.%d","src_port":%d,"dest_ip":"198.51.100.%d","dest_port":443,"proto":"TCP","app_proto":"tls","flow":{"pkts_toserver":11,"pkts_toclient":11,"bytes_toserver":1932,"bytes_toclient":2319,"start":"2026-01-05T08:00:02.010070+0000","end":"2026-01-05T08:00:09.304590+0000","age":7,"state":"closed","reason":"timeout","alerted":false},"tcp":{"tcp_flags":"1b","tcp_flags_ts":"1b","tcp_flags_tc":"1b","syn":true,"fin":true,"psh":true,"ack":true,"state":"closed"}}`+"\n",
			i/60%60, i%60, i%1000000, 1_000_000_000_000_000+i, i%250, 1024+i%60000, i%199)
	}, new(plainEve))
}

// benchmarkLines reads generated lines with the format that claims them, and
// with encoding/json into a struct of the same fields.
func benchmarkLines(b *testing.B, line func(i int) string, into any) {
	var text bytes.Buffer
	const count = 20000
	for i := range count {
		text.WriteString(line(i))
	}
	report := func(b *testing.B) {
		b.ReportMetric(float64(count)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		b.ReportMetric(0, "ns/op")
	}
	b.Run("envelope", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			in, err := capture.OpenReader(bytes.NewReader(text.Bytes()), "lines", 0, networkFormats(Options{}))
			if err != nil {
				b.Fatal(err)
			}
			for _, err := range in.All() {
				if err != nil {
					b.Fatal(err)
				}
			}
			if in.Records != count {
				b.Fatal(in.Records)
			}
		}
		report(b)
	})
	b.Run("encoding-json", func(b *testing.B) {
		for b.Loop() {
			lines := bufio.NewScanner(bytes.NewReader(text.Bytes()))
			for lines.Scan() {
				if err := json.Unmarshal(lines.Bytes(), into); err != nil {
					b.Fatal(err)
				}
			}
		}
		report(b)
	})
}
