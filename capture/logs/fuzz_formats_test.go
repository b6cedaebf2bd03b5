package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"envelope/capture"
)

// formatNamed gives a format of the list.
func formatNamed(t testing.TB, name string) capture.Format {
	t.Helper()
	for _, f := range sampledFormats() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no format is named %q", name)
	return capture.Format{}
}

// checkedRead reads an input by one format and holds what comes out to what is
// true of every record and error. It stops behind so many records.
func checkedRead(t *testing.T, f capture.Format, text []byte, most int, out func(any)) (records, faults int) {
	t.Helper()
	in := &capture.Input{Path: "named.log", Reader: bytes.NewReader(text)}
	for r, err := range f.Read(in) {
		if err != nil {
			faults++
			if !strings.HasPrefix(err.Error(), "named.log: ") || len(err.Error()) > 500 {
				t.Fatalf("error %.600q", err)
			}
			out(err.Error())
			continue
		}
		records++
		if fault := recordFault(&r); fault != "" {
			t.Fatalf("%s: %+v", fault, r)
		}
		out(r)
		if records >= most {
			break
		}
	}
	out(in.Warnings)
	if in.Packets < 0 || in.Bytes < 0 || insane(in.First) || insane(in.Last) {
		t.Fatalf("counters %d, %d, from %v to %v", in.Packets, in.Bytes, in.First, in.Last)
	}
	return records, faults
}

// recordFault tells what is wrong with a record of a log, "" for nothing.
func recordFault(r *capture.Record) string {
	set := 0
	for _, is := range []bool{r.Flow != nil, r.Name != nil, r.Entry != nil} {
		if is {
			set++
		}
	}
	times := []capture.Time{r.Time}
	switch {
	case set != 1:
		return "not exactly one of flow, name and entry"
	case r.Origin.At < 0:
		return "a negative line"
	case r.Flow != nil:
		times = append(times, r.Flow.First, r.Flow.Last)
		if r.Flow.Last < r.Flow.First {
			return "a flow that ends before it begins"
		}
	case r.Name != nil:
		times = append(times, r.Name.Until)
	case r.Entry != nil:
		times = append(times, r.Entry.Until)
		if r.Entry.Unit < 0 || r.Entry.Kind == "" {
			return "a negative unit, or no kind"
		}
		if r.Entry.Call != nil {
			times = append(times, r.Entry.Call.Answered)
		}
	}
	if slices.ContainsFunc(times, insane) {
		return fmt.Sprint("an impossible time among ", times)
	}
	return ""
}

// insane tells times that no log of messengers has; 0 is that none is known.
func insane(t capture.Time) bool {
	return t < 0 || t.UTC().Year() > 2200
}

// fuzzFormat fuzzes one format, from its sample and further seeds.
func fuzzFormat(f *testing.F, name string, seeds ...string) {
	format := formatNamed(f, name)
	for _, s := range append(seeds, formatSamples(f)[name].text) {
		f.Add([]byte(s), uint8(255))
	}
	f.Fuzz(func(t *testing.T, text []byte, most uint8) {
		format.Sniff(text)
		checkedRead(t, format, text, int(most)+1, func(any) {})
	})
}

// FuzzFormatsRefused asks all formats that are known and not read, and some text
// of each is refused with one error.
func FuzzFormatsRefused(f *testing.F) {
	samples := formatSamples(f)
	var refused []capture.Format
	for _, format := range sampledFormats() {
		if len(format.Shows) == 0 {
			refused = append(refused, format)
			f.Add([]byte(samples[format.Name].text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, format := range refused {
			if records, faults := checkedRead(t, format, text, 1, func(any) {}); format.Name != "zeek-other" && (records > 0 || faults != 1) {
				t.Errorf("%s: %d records, %d errors", format.Name, records, faults)
			}
		}
	})
}

// TestEveryFormatIsFuzzed compares the targets of this file with the formats.
func TestEveryFormatIsFuzzed(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "fuzz_formats_test.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) < 2 {
			return true
		}
		callee, _ := call.Fun.(*ast.Ident)
		name, _ := call.Args[1].(*ast.BasicLit)
		if callee != nil && callee.Name == "fuzzFormat" && name != nil {
			targets[strings.Trim(name.Value, `"`)] = true
		}
		return true
	})
	samples := formatSamples(t)
	for _, f := range sampledFormats() {
		if !targets[f.Name] && len(f.Shows) > 0 {
			t.Errorf("no fuzz target reads %s", f.Name)
		}
		if samples[f.Name].text == "" {
			t.Errorf("no sample is of %s", f.Name)
		}
	}
}

// TestFormatSamples reads every sample in whole, cut at every byte, and without
// each of its lines: no word of a body comes out.
func TestFormatSamples(t *testing.T) {
	for name, sample := range formatSamples(t) {
		format := formatNamed(t, name)
		t.Run(name, func(t *testing.T) {
			noCanary := func(what any) {
				if all, err := json.Marshal(what); err != nil || bytes.Contains(all, []byte(canary)) {
					t.Fatalf("%s %v", all, err)
				}
			}
			records, faults := checkedRead(t, format, []byte(sample.text), 1<<30, noCanary)
			if (records == 0) != (len(format.Shows) == 0) {
				t.Errorf("%d records", records)
			}
			if faults > 0 && records > 0 && name != "sqlite" {
				t.Errorf("%d errors", faults)
			}
			step := 1 + len(sample.text)/1000
			for cut := 0; cut < len(sample.text); cut += step {
				checkedRead(t, format, []byte(sample.text[:cut]), 1<<30, noCanary)
			}
			lines := strings.SplitAfter(sample.text, "\n")
			for i := range lines {
				if name == "mail" && lines[i] == "\n" {
					continue // without its blank line all is head
				}
				checkedRead(t, format, []byte(strings.Join(slices.Delete(slices.Clone(lines), i, i+1), "")), 1<<30, noCanary)
			}
		})
	}
}

func FuzzFormatWhatsappReturn(f *testing.F)     { fuzzFormat(f, "whatsapp-return") }
func FuzzFormatWhatsappReturnText(f *testing.F) { fuzzFormat(f, "whatsapp-return-text") }
func FuzzFormatWhatsappAccount(f *testing.F) {
	fuzzFormat(f, "whatsapp-account", accountReports["page of tables"], accountReports["page of divisions"], accountReports["JSON with objects in lists"])
}
func FuzzFormatZeekConn(f *testing.F) {
	fuzzFormat(f, "zeek-conn", zeekHead+"#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\n1767600000.5\tC\t192.0.2.10\t50112\t198.51.100.7\t443\ttcp\t1.5\n")
}
func FuzzFormatZeekSsl(f *testing.F)  { fuzzFormat(f, "zeek-ssl") }
func FuzzFormatZeekQuic(f *testing.F) { fuzzFormat(f, "zeek-quic") }
func FuzzFormatZeekDns(f *testing.F)  { fuzzFormat(f, "zeek-dns") }
func FuzzFormatZeekDhcp(f *testing.F) { fuzzFormat(f, "zeek-dhcp") }
func FuzzFormatZeekSmtp(f *testing.F) {
	fuzzFormat(f, "zeek-smtp", zeekHead+"#path\tsmtp\n#fields\tts\tuid\tmailfrom\trcptto\n1767600000.5\tC\tanna@example.org\tben@example.net,carla\\x2cx@example.net\n")
}
func FuzzFormatZeekSip(f *testing.F)      { fuzzFormat(f, "zeek-sip") }
func FuzzFormatSuricataEve(f *testing.F)  { fuzzFormat(f, "suricata-eve") }
func FuzzFormatNfdumpCSV(f *testing.F)    { fuzzFormat(f, "nfdump-csv") }
func FuzzFormatNfdumpCSVNew(f *testing.F) { fuzzFormat(f, "nfdump-csv-new") }
func FuzzFormatNfdumpJSON(f *testing.F)   { fuzzFormat(f, "nfdump-json") }
func FuzzFormatNfdumpText(f *testing.F)   { fuzzFormat(f, "nfdump-text") }
func FuzzFormatNetflow(f *testing.F) {
	fuzzFormat(f, "netflow", "\x00\x0a\x00\x40\x69\x5b\x6b\x80\x00\x00\x00\x01\x00\x00\x00\x00\x00\x02\x00\x18\x01\x00\x00\x04\x00\x08\x00\x04\x00\x0c\x00\x04\x00\x96\x00\x04\x00\x02\x00\x04\x01\x00\x00\x14\xc0\x00\x02\x0a\xc6\x33\x64\x07\x69\x5b\x6b\x80\x00\x00\x00\x09")
}
func FuzzFormatGoflow2(f *testing.F)       { fuzzFormat(f, "goflow2") }
func FuzzFormatArgus(f *testing.F)         { fuzzFormat(f, "argus") }
func FuzzFormatPcapdroidCSV(f *testing.F)  { fuzzFormat(f, "pcapdroid-csv") }
func FuzzFormatNdpireaderCSV(f *testing.F) { fuzzFormat(f, "ndpireader-csv") }
func FuzzFormatTsharkFields(f *testing.F)  { fuzzFormat(f, "tshark-fields") }
func FuzzFormatDnsmasq(f *testing.F)       { fuzzFormat(f, "dnsmasq") }
func FuzzFormatUnbound(f *testing.F)       { fuzzFormat(f, "unbound") }
func FuzzFormatAdguardHome(f *testing.F) {
	fuzzFormat(f, "adguard-home", `{"T":"2026-01-05T08:00:00Z","QH":"a.example","QT":"AAAA","IP":"192.0.2.10","Answer":"AAGBgAABAAEAAAAAwAw="}`)
}
func FuzzFormatBind(f *testing.F)           { fuzzFormat(f, "bind") }
func FuzzFormatDnsmasqLeases(f *testing.F)  { fuzzFormat(f, "dnsmasq-leases") }
func FuzzFormatDhcpdLeases(f *testing.F)    { fuzzFormat(f, "dhcpd-leases") }
func FuzzFormatDhcpd(f *testing.F)          { fuzzFormat(f, "dhcpd") }
func FuzzFormatSubscribers(f *testing.F)    { fuzzFormat(f, "subscribers") }
func FuzzFormatProsody(f *testing.F)        { fuzzFormat(f, "prosody") }
func FuzzFormatEjabberd(f *testing.F)       { fuzzFormat(f, "ejabberd") }
func FuzzFormatSynapse(f *testing.F)        { fuzzFormat(f, "synapse") }
func FuzzFormatMatrixAccess(f *testing.F)   { fuzzFormat(f, "matrix-access") }
func FuzzFormatDendrite(f *testing.F)       { fuzzFormat(f, "dendrite") }
func FuzzFormatCoturn(f *testing.F)         { fuzzFormat(f, "coturn") }
func FuzzFormatMessageRecords(f *testing.F) { fuzzFormat(f, "message-records") }
func FuzzFormatMaillog(f *testing.F)        { fuzzFormat(f, "maillog") }
func FuzzFormatExim(f *testing.F)           { fuzzFormat(f, "exim") }
func FuzzFormatMail(f *testing.F)           { fuzzFormat(f, "mail") }
func FuzzFormatCarrierCDR(f *testing.F)     { fuzzFormat(f, "carrier-cdr") }
func FuzzFormatBandicoot(f *testing.F)      { fuzzFormat(f, "bandicoot") }
func FuzzFormatAsteriskCDR(f *testing.F)    { fuzzFormat(f, "asterisk-cdr") }
func FuzzFormatFreeswitchCDR(f *testing.F) {
	fuzzFormat(f, "freeswitch-cdr", "{\"core-uuid\":\"x\",\"variables\":{\"uuid\":\"u\",\"start_uepoch\":\"1767600000500000\",\n\"caller_id_number\":\"%2B1\"},\"callflow\":[{\"caller_profile\":{\"destination_number\":\"1\"}}]}\n")
}
func FuzzFormatKamailioAcc(f *testing.F) {
	fuzzFormat(f, "kamailio-acc", "method,from_tag,to_tag,callid,sip_code,time\nINVITE,a,b,k,200,2026-01-05 08:00:00\n", "start_time=1767600000;end_time=1767600001;duration=1;src_user=a;callid=k\n")
}
func FuzzFormatTelegramExport(f *testing.F) { fuzzFormat(f, "telegram-export") }
func FuzzFormatMetaExport(f *testing.F)     { fuzzFormat(f, "meta-export") }
func FuzzFormatMessageList(f *testing.F)    { fuzzFormat(f, "message-list") }
func FuzzFormatSignalCLI(f *testing.F)      { fuzzFormat(f, "signal-cli") }
func FuzzFormatSignalExport(f *testing.F)   { fuzzFormat(f, "signal-export") }
func FuzzFormatWhatsappChat(f *testing.F) {
	fuzzFormat(f, "whatsapp-chat", "18/3/2565 BE, 2:56 PM - Anna: x\n19.03.26 14:56 - Ben left\n")
}
func FuzzFormatSqlite(f *testing.F)      { fuzzFormat(f, "sqlite") }
func FuzzFormatJicofo(f *testing.F)      { fuzzFormat(f, "jicofo") }
func FuzzFormatJVB(f *testing.F)         { fuzzFormat(f, "jvb") }
func FuzzFormatAsteriskCEL(f *testing.F) { fuzzFormat(f, "asterisk-cel") }
func FuzzFormatPostqueue(f *testing.F)   { fuzzFormat(f, "postqueue") }
