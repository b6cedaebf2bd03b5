package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"envelope/capture"
)

// networkRead is all that an input of a network monitor gave.
type networkRead struct {
	in      *capture.Input
	flows   []capture.Flow
	names   []capture.Name
	entries []capture.Entry
	times   []capture.Time
	errs    []string
}

func readNetwork(t testing.TB, text string) *networkRead {
	t.Helper()
	in, err := capture.OpenReader(strings.NewReader(text), "test.log", 0, networkFormats(Options{}))
	if err != nil {
		t.Fatal(err)
	}
	got := &networkRead{in: in}
	for r, err := range in.All() {
		switch {
		case err != nil:
			got.errs = append(got.errs, err.Error())
			continue
		case r.Flow != nil:
			got.flows = append(got.flows, *r.Flow)
		case r.Name != nil:
			got.names = append(got.names, *r.Name)
		case r.Entry != nil:
			got.entries = append(got.entries, *r.Entry)
		}
		got.times = append(got.times, r.Time)
	}
	return got
}

const zeekHead = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"

var (
	anna   = netip.MustParseAddr("192.0.2.10")
	server = netip.MustParseAddr("198.51.100.7")
	start  = capture.TimeOf(time.Unix(1767600000, 500_000_000))
)

const zeekEnds = `"ts":1767600000.5,"uid":"Cab1","id.orig_h":"192.0.2.10","id.orig_p":50112,"id.resp_h":"198.51.100.7","id.resp_p":443`

func TestZeekConn(t *testing.T) {
	for name, text := range map[string]string{
		"json":   `{` + zeekEnds + `,"proto":"tcp","duration":812.4,"orig_bytes":9120,"resp_bytes":15400,"conn_state":"SF","orig_pkts":40,"orig_ip_bytes":11200,"resp_pkts":50,"resp_ip_bytes":18000}`,
		"nested": `{"_path":"conn","ts":"2026-01-05T09:00:00.500000+0100","uid":"Cab1","id":{"resp_p":443,"resp_h":"198.51.100.7","orig_p":50112,"orig_h":"192.0.2.10"},"duration":8.124e2,"ip_proto":6,"orig_bytes":9120,"resp_bytes":15400,"orig_pkts":40,"orig_ip_bytes":11200,"resp_pkts":50,"resp_ip_bytes":18000}`,
		"table": zeekHead + "#path\tconn\n#fields\tuid\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\tnew\torig_bytes\tresp_bytes\torig_pkts\tresp_pkts\torig_ip_bytes\tresp_ip_bytes\n" +
			"Cab1\t1767600000.500000\t192.0.2.10\t50112\t198.51.100.7\t443\ttcp\t812.400000\t-\t9120\t15400\t40\t50\t11200\t18000\r\n#close\t2026-01-05",
		"pipes": "#separator |\n#path|conn\n#fields|ts|uid|id.orig_h|id.orig_p|id.resp_h|id.resp_p|proto|duration|orig_bytes|resp_bytes|orig_pkts|resp_pkts|orig_ip_bytes|resp_ip_bytes\n" +
			"1767600000.5|Cab1|192.0.2.10|50112|198.51.100.7|443|tcp|812.4|9120|15400|40|50|11200|18000",
		"header only": "ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\tresp_bytes\torig_pkts\tresp_pkts\torig_ip_bytes\tresp_ip_bytes\n" +
			"1767600000.5\tCab1\t192.0.2.10\t50112\t198.51.100.7\t443\ttcp\t812.4\t9120\t15400\t40\t50\t11200\t18000",
	} {
		t.Run(name, func(t *testing.T) {
			got := readNetwork(t, text)
			if got.in.Format != "zeek-conn" || len(got.errs) > 0 || len(got.flows) != 1 {
				t.Fatalf("format %s, flows %v, errors %v", got.in.Format, got.flows, got.errs)
			}
			f := got.flows[0]
			if f.Client != netip.AddrPortFrom(anna, 50112) || f.Server != netip.AddrPortFrom(server, 443) || f.Proto != 6 || f.Ref != "Cab1" {
				t.Errorf("ends: %+v", f)
			}
			if f.First != start || f.Last != start.Add(812400*time.Millisecond) {
				t.Errorf("times: %v to %v", f.First.UTC(), f.Last.UTC())
			}
			if f.Packets != [2]uint64{40, 50} || f.Bytes != [2]uint64{11200, 18000} || f.Payload != [2]uint64{9120, 15400} {
				t.Errorf("counters: %v %v %v", f.Packets, f.Bytes, f.Payload)
			}
		})
	}
}

func TestNetworkHosts(t *testing.T) {
	eve := `{"timestamp":"2026-01-05T08:00:00.500000+0000","flow_id":11,"src_ip":"192.0.2.10","src_port":50112,"dest_ip":"198.51.100.7","dest_port":443,`
	for _, c := range []struct {
		name, text, host, how, ja4, ref string
		proto                           uint8
		alpn                            []string
	}{
		{"ssl", `{` + zeekEnds + `,"cipher":"x","server_name":"Chat.example","next_protocol":"h2","ja4":"t13d_a_b"}`, "chat.example", "sni", "t13d_a_b", "Cab1", 6, []string{"h2"}},
		{"ssl without name", `{` + zeekEnds + `,"cipher":"x"}`, "", "", "", "Cab1", 6, nil},
		{"dtls", `{` + zeekEnds + `,"cipher":"x","version":"DTLSv12"}`, "", "", "", "Cab1", 17, nil},
		{"quic", `{` + zeekEnds + `,"client_initial_dcid":"00","server_name":"chat.example","client_protocol":"h3"}`, "chat.example", "quic", "", "Cab1", 17, []string{"h3"}},
		{"eve tls", eve + `"event_type":"tls","proto":"TCP","tls":{"sni":"chat.example","ja4":"j","client_alpns":["h2","http/1.1"]}}`, "chat.example", "sni", "j", "11", 6, []string{"h2", "http/1.1"}},
		{"eve quic", eve + `"event_type":"quic","proto":"UDP","quic":{"sni":"chat.example","ja4":"q"},"ndpi":{"proto":"TLS.Signal"}}`, "chat.example", "quic", "q", "11", 17, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := readNetwork(t, c.text)
			if len(got.errs) > 0 || len(got.flows) != 1 {
				t.Fatal(got.flows, got.errs)
			}
			f := got.flows[0]
			if f.Host != c.host || f.HostHow != c.how || f.JA4 != c.ja4 || f.Ref != c.ref || f.Proto != c.proto || !reflect.DeepEqual(f.ALPN, c.alpn) || f.First != start || f.Carries() != 0 || f.App != "" {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestEveFlow(t *testing.T) {
	got := readNetwork(t, `{"timestamp":"2026-01-05T08:20:00+0000","flow_id":11,"event_type":"flow","src_ip":"192.0.2.10","src_port":50112,"dest_ip":"198.51.100.7","dest_port":443,"proto":"TCP","flow":{"pkts_toserver":4,"pkts_toclient":5,"bytes_toserver":600,"bytes_toclient":700,"start":"2026-01-05T09:00:00.5+01:00","end":"2026-01-05T08:10:00.5Z"}}
{"timestamp":"2026-01-05T08:20:00+0000","event_type":"stats","stats":{}}
{"timestamp":"2026-13-05T08:20:00+0000","event_type":"flow"}
{"timestamp":"2026-01-05T08:2`)
	if len(got.flows) != 1 || len(got.errs) != 2 || !strings.HasPrefix(got.errs[0], "test.log: line 3: ") {
		t.Fatal(got.flows, got.errs)
	}
	f := got.flows[0]
	if f.First != start || f.Last != start.Add(10*time.Minute) || f.Packets != [2]uint64{4, 5} || f.Bytes != [2]uint64{600, 700} || f.Ref != "11" {
		t.Errorf("%+v", f)
	}
}

func TestNetworkNames(t *testing.T) {
	mac := capture.MAC{2, 0, 0x5e, 0, 0, 1}
	ask := func(addr netip.Addr) capture.Name {
		return capture.Name{Addr: addr, Value: "chat.example", How: "dns", Client: anna}
	}
	lease := capture.Name{Addr: anna, MAC: mac, Value: "annas-phone", How: "dhcp", Until: start.Add(time.Hour)}
	eve := `{"timestamp":"2026-01-05T08:00:00.5+0000","src_ip":"192.0.2.10","src_port":50112,"dest_ip":"192.0.2.1","dest_port":53,"event_type":"dns","dns":`
	back := `{"timestamp":"2026-01-05T08:00:00.5+0000","src_ip":"192.0.2.1","src_port":53,"dest_ip":"192.0.2.10","dest_port":50112,"event_type":"dns","dns":`
	for _, c := range []struct {
		name, text string
		want       []capture.Name
	}{
		{"dns", `{` + zeekEnds + `,"query":"chat.example","answers":["edge.example","198.51.100.7","198.51.100.7"]}`, []capture.Name{ask(server), ask(server)}},
		{"no answer", `{` + zeekEnds + `,"query":"chat.example","rcode_name":"NXDOMAIN"}`, []capture.Name{ask(netip.Addr{})}},
		{"table", zeekHead + "#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.resp_p\tquery\tanswers\n1767600000.5\tC\t192.0.2.10\t53\tchat.example\tedge.example,198.51.100.7\n", []capture.Name{ask(server)}},
		{"reverse", `{` + zeekEnds + `,"query":"7.100.51.198.in-addr.arpa","answers":["x.example"]}`, nil},
		{"eve 1", eve + `{"type":"query","rrname":"chat.example"}}` + "\n" + back + `{"type":"answer","rrname":"chat.example","rrtype":"A","rdata":"198.51.100.7"}}`, []capture.Name{ask(netip.Addr{}), ask(server)}},
		{"eve 2", back + `{"version":2,"type":"answer","rrname":"chat.example","answers":[{"rrname":"edge.example","rrtype":"A","rdata":"198.51.100.7"}],"grouped":{"A":["198.51.100.7"]}}}`, []capture.Name{ask(server)}},
		{"eve 3", eve + `{"version":3,"type":"response","queries":[{"rrname":"chat.example","rrtype":"A"}],"answers":[{"rrname":"chat.example","rdata":"198.51.100.7"}]}}`, []capture.Name{ask(server)}},
		{"dhcp", `{"ts":1767600000.5,"uids":["C"],"mac":"02:00:5e:00:00:01","host_name":"annas-phone","assigned_addr":"192.0.2.10","lease_time":3600.0,"msg_types":["REQUEST","ACK"]}`, []capture.Name{lease}},
		{"dhcp offer", `{"ts":1767600000.5,"uids":["C"],"mac":"02:00:5e:00:00:01","assigned_addr":"192.0.2.10","msg_types":["DISCOVER","OFFER"]}`, nil},
		{"dhcp old", zeekHead + "#path\tdhcp\n#fields\tts\tuid\tmac\tassigned_ip\tlease_time\thost_name\n1767600000.5\tC\t02:00:5e:00:00:01\t192.0.2.10\t3600.000000\tannas-phone\n", []capture.Name{lease}},
		{"eve dhcp", `{"timestamp":"2026-01-05T08:00:00+0000","event_type":"dhcp","dhcp":{"type":"request","client_mac":"02:00:5e:00:00:01","dhcp_type":"request","hostname":"annas-phone"}}
{"timestamp":"2026-01-05T08:00:00.5+0000","event_type":"dhcp","dhcp":{"type":"reply","client_mac":"02:00:5e:00:00:01","dhcp_type":"ack","assigned_ip":"192.0.2.10","lease_time":3600}}`, []capture.Name{lease}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := readNetwork(t, c.text)
			if len(got.errs) > 0 || !reflect.DeepEqual(got.names, c.want) {
				t.Errorf("got %+v, errors %v", got.names, got.errs)
			}
		})
	}
}

func TestZeekMailAndCalls(t *testing.T) {
	got := readNetwork(t, `{`+zeekEnds+`,"helo":"h","mailfrom":"anna@Example.org","rcptto":["ben@example.net","<carla@example.net>"],"from":"Anna <anna@example.org>","msg_id":"<m1@example.org>","subject":"canary"}
{`+zeekEnds+`,"helo":"h","mailfrom":"anna@example.org","rcptto":["ben@example.net"],"last_reply":"550 canary"}`)
	if len(got.entries) != 1 || len(got.errs) > 0 {
		t.Fatal(got.entries, got.errs)
	}
	e := got.entries[0]
	if e.From.Account != "anna@example.org" || e.From.Name != "Anna" || e.ID != "m1@example.org" || len(e.To) != 2 || e.To[1].Account != "carla@example.net" {
		t.Errorf("%+v", e)
	}
	sip := func(at, rest string) string {
		return `{"ts":` + at + `,"uid":"C1","id.orig_h":"192.0.2.10","call_id":"k1","request_from":"\"Anna\" <sip:anna@Example.org;user=x>;tag=1","request_to":"<sip:+15550100002@example.org>",` + rest + "}\n"
	}
	got = readNetwork(t, sip("1767600000.5", `"method":"INVITE","status_code":407`)+sip("1767600001", `"method":"INVITE","status_code":200`)+sip("1767600060.5", `"method":"BYE","status_code":200`)+
		strings.ReplaceAll(sip("1767600100.5", `"method":"INVITE","status_code":486`), "k1", "k2"))
	if len(got.entries) != 2 || len(got.errs) > 0 {
		t.Fatal(got.entries, got.errs)
	}
	e = got.entries[0]
	if got.times[0] != start || e.Until != start.Add(time.Minute) || e.Call.Outcome != "answered" || e.From.Account != "anna@example.org" || e.From.Name != "Anna" || e.To[0].Account != "+15550100002" {
		t.Errorf("%+v", e)
	}
	if e = got.entries[1]; e.Call.Outcome != "busy" || e.Until != 0 || e.ID != "k2" {
		t.Errorf("%+v", e)
	}
}

// TestZeekOther: logs that are of no use say so, and one that follows in the
// same file is read.
func TestZeekOther(t *testing.T) {
	got := readNetwork(t, zeekHead+"#path\tweird\n#fields\tts\tuid\tname\n1767600000.5\tC\tx\n")
	if len(got.flows)+len(got.errs) > 0 || len(got.in.Warnings) != 1 || !strings.Contains(got.in.Warnings[0], "Zeek weird.log") {
		t.Errorf("%v %v", got.in.Warnings, got.errs)
	}
	got = readNetwork(t, `{"_path":"x509","ts":1767600000.5}`+"\n"+`{"_path":"conn",`+zeekEnds+`}`+"\n"+`{"_path":"dns",`+zeekEnds+`,"query":"chat.example"}`+"\n"+`{"_path":"conn",`+zeekEnds+`}`)
	if len(got.flows) != 2 || len(got.names) != 1 || len(got.errs) > 0 || len(got.in.Warnings) != 1 {
		t.Errorf("%d flows, %d names, %v %v", len(got.flows), len(got.names), got.in.Warnings, got.errs)
	}
}

// networkSeeds are inputs of every kind, with a canary in each place that can
// hold contents.
var networkSeeds = []string{
	`{` + zeekEnds + `,"proto":"tcp","conn_state":"SF","note":"canary"}`,
	`{` + zeekEnds + `,"cipher":"canary","subject":"canary"}`,
	`{` + zeekEnds + `,"query":"chat.example","answers":["TXT 6 canary","198.51.100.7"]}`,
	`{` + zeekEnds + `,"client_initial_dcid":"canary"}`,
	`{"ts":1767600000.5,"mac":"02:00:5e:00:00:01","assigned_addr":"192.0.2.10","server_message":"canary","msg_types":["ACK"]}`,
	`{` + zeekEnds + `,"helo":"canary","mailfrom":"anna@example.org","rcptto":["ben@example.net"],"subject":"canary","last_reply":"250 canary"}`,
	`{` + zeekEnds + `,"method":"MESSAGE","call_id":"k","request_from":"sip:anna@example.org","request_to":"sip:ben@example.net","subject":"canary","status_msg":"canary"}`,
	`{"timestamp":"2026-01-05T08:00:00+0000","event_type":"flow","src_ip":"192.0.2.10","dest_ip":"198.51.100.7","payload":"canary","payload_printable":"canary","flow":{"start":"2026-01-05T08:00:00+0000"}}`,
	`{"timestamp":"2026-01-05T08:00:00+0000","event_type":"alert","alert":{"signature":"canary"},"http":{"url":"canary"}}`,
	zeekHead + "#path\tsmtp\n#fields\tts\tuid\tmailfrom\trcptto\tsubject\n1767600000.5\tC\tanna@example.org\tben@example.net,carla\\x2cx@example.net\tcanary\n1767600000.5\tC\tcanary\n",
	zeekHead + "#path\thttp\n#fields\tts\tuid\turi\n1767600000.5\tC\tcanary\n",
	`{` + zeekEnds + `,"conn_state":"SF","x":"canary` + "\n{\"ts\":1}\n",
}

func TestNetworkDropsContents(t *testing.T) {
	for _, text := range networkSeeds {
		got := readNetwork(t, text)
		if all := fmt.Sprintf("%+v", []any{got.flows, got.names, got.entries, got.errs, got.in.Warnings}); strings.Contains(all, "canary") {
			t.Errorf("%.60s: %s", text, all)
		}
	}
}

func TestNetworkHostile(t *testing.T) {
	good := `{"_path":"conn",` + zeekEnds + `}` + "\n"
	for name, bad := range map[string]string{
		"cut":           `{"_path":"conn","ts":17676`,
		"long line":     `{"x":"` + strings.Repeat("a", 10<<20) + `"}`,
		"long field":    `{"_path":"conn","uid":"` + strings.Repeat("a", 2<<20) + `"}`,
		"deep":          strings.Repeat(`{"a":`, 100000),
		"control":       "{\"_path\":\"conn\x00\x01\"}",
		"other charset": "{\"_path\":\"conn\",\"ts\":\"\xff\xfe\"}",
		"far year":      `{"_path":"conn","ts":99999999999999}`,
		"negative":      `{"_path":"conn","ts":-5}`,
		"no addresses":  `{"_path":"conn","ts":1767600000}`,
		"a row":         "1767600000.5\tC\t192.0.2.10",
	} {
		t.Run(name, func(t *testing.T) {
			got := readNetwork(t, good+bad+"\n"+good)
			if len(got.flows) != 2 || len(got.errs) != 1 || !strings.HasPrefix(got.errs[0], "test.log: line 2: ") || len(got.errs[0]) > 200 {
				t.Errorf("%d flows, errors %.300q", len(got.flows), got.errs)
			}
		})
	}
}

func FuzzNetwork(f *testing.F) {
	for _, s := range networkSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range networkFormats(Options{}) {
			format.Sniff(data)
			for r, err := range format.Read(&capture.Input{Reader: bytes.NewReader(data)}) {
				if err == nil && (r.Time < 0 || r.Time.UTC().Year() >= 2101) {
					t.Fatalf("%s: time %v", format.Name, r.Time.UTC())
				}
			}
		}
	})
}

// FuzzJSONLine holds the scanner to encoding/json: the same lines are good, and
// the same values are found in them.
func FuzzJSONLine(f *testing.F) {
	for _, s := range append(networkSeeds, `{"a":"\ud83d\ude00\u00e9\ud800\n","b":{"c":[1,"x",null]},"b":2,"d":-0.5e+3}`, `{"a":01}`, `{"a":"\u12"}`, `{"a":1}x`, `[]`, `{,}`, `{"a":1,}`) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		p := newJSONLine("a", "ts", "uid", "list")
		err := p.scan(line)
		var want map[string]json.RawMessage
		other := json.Unmarshal(line, &want)
		if errors.Is(err, errJSONDepth) {
			return
		}
		if bytes.HasPrefix(bytes.TrimLeft(line, " \t\r\n"), []byte("{")) != true {
			other = errJSON
		}
		if (err == nil) != (other == nil) {
			t.Fatalf("%q: %v, encoding/json: %v", line, err, other)
		}
		if err != nil || !utf8.Valid(line) {
			return
		}
		for i, key := range []string{"a", "ts", "uid", "list"} {
			sameJSON(t, p, p.values[i], want[key])
		}
	})
}

func sameJSON(t *testing.T, p *jsonLine, got jsonValue, want json.RawMessage) {
	var text string
	switch {
	case len(want) == 0 || string(want) == "null":
		if got.kind != jsonAbsent {
			t.Fatalf("%q where there is none", got.text)
		}
	case want[0] == '"':
		if json.Unmarshal(want, &text) != nil || got.kind != jsonString || string(got.text) != text {
			t.Fatalf("%q, encoding/json: %q", got.text, text)
		}
	case want[0] == '[':
		var items []json.RawMessage
		n := 0
		for range p.items(got) {
			n++
		}
		if json.Unmarshal(want, &items); n > len(items) {
			t.Fatalf("%d elements of %s", n, want)
		}
	default:
		if string(got.text) != string(want) {
			t.Fatalf("%q, encoding/json: %q", got.text, want)
		}
	}
}
