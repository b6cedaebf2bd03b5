package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"envelope/capture"
)

// readCalls reads text by the first format that knows it and gives one line per record.
func readCalls(t *testing.T, o Options, text string) (format string, rows, bad []string) {
	t.Helper()
	in, err := capture.OpenReader(strings.NewReader(text), "test", 0, Formats(o))
	if err != nil {
		return "", nil, []string{err.Error()}
	}
	for rec, err := range in.All() {
		if err != nil {
			bad = append(bad, err.Error())
			continue
		}
		rows = append(rows, callLine(rec))
	}
	return in.Format, rows, bad
}

func callLine(rec capture.Record) string {
	e := rec.Entry
	s := fmt.Sprintf("%s %s %s", rec.Time.UTC().Format(time.DateTime), e.Kind, e.From.Account)
	for _, to := range e.To {
		s += ">" + to.Account
	}
	if e.Call != nil {
		s += fmt.Sprintf(" %s %s", e.Call.Outcome, max(e.Until.Sub(rec.Time), 0))
	}
	return s
}

func TestCallFormats(t *testing.T) {
	columns, err := ReadColumns(strings.NewReader("# ours\nowner-number = +1 555 010 0001\nother = Rufnummer\ndirection=Richtung\nstart=Zeit\nduration=Dauer\nkind=Art\ncell=Zelle\nin=ankommend\nout=abgehend\ntext=Kurznachricht\ncall=Gespräch\ntime=02.01.2006 15:04:05\nzone=Europe/Berlin\nseparator=;\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		o          Options
		format     string
		rows       []string
		bad        string // the first error
	}{
		{name: "asterisk, as cdr_csv writes it", format: "asterisk-cdr",
			text: `"","100","101","default","""Anna"" <100>","SIP/100-0001","SIP/101-0002","Dial","SIP/101","2026-01-05 08:00:00","2026-01-05 08:00:05","2026-01-05 08:01:00",60,55,"ANSWERED","DOCUMENTATION","1.1",""` + "\nnonsense\n" +
				`"","100","s","default","","SIP/100-0001","","Dial","","2026-01-05 08:00:00","","2026-01-05 08:00:09",9,0,"NO ANSWER","DOCUMENTATION","1.2",""` + "\n",
			rows: []string{"2026-01-05 08:00:00 call 100>101 answered 1m0s", "2026-01-05 08:00:00 call 100 unanswered 9s"},
			bad:  "test: line 2: not a row of this table"},
		{name: "asterisk, with a header in another order", format: "asterisk-cdr",
			text: "disposition,calldate,src,dst,duration,billsec\nBUSY,2026-01-05 08:00:00,+1 555 010 0001,15550100002,3,0\n",
			rows: []string{"2026-01-05 08:00:00 call +15550100001>15550100002 busy 3s"}},
		{name: "asterisk, phones without numbers", format: "asterisk-cdr",
			text: `"""Anna"" <anna>","anna","6789","default","PJSIP/anna-0001","PJSIP/ben-0002","Dial","PJSIP/ben,30","2026-01-05 08:00:00","2026-01-05 08:00:05","2026-01-05 08:01:00","60","55","ANSWERED","DOCUMENTATION","","1.1","",1` + "\n",
			rows: []string{"2026-01-05 08:00:00 call anna>ben answered 1m0s"}},
		{name: "freeswitch, as its first template writes it", format: "freeswitch-cdr",
			text: `"Anna","100","+15550100002","default","2026-01-05 08:00:00","2026-01-05 08:00:05","2026-01-05 08:01:00","60","55","NORMAL_CLEARING","11111111-2222-3333-4444-555555555555","","","PCMU","PCMU"` + "\n" +
				`"Ben","101","100","default","2026-01-05 09:00:00","","2026-01-05 09:00:09","9","0","USER_BUSY","11111111-2222-3333-4444-555555555556","","","",""` + "\nnonsense\n",
			rows: []string{"2026-01-05 08:00:00 call 100>+15550100002 answered 1m0s", "2026-01-05 09:00:00 call 101>100 busy 9s"}, bad: "test: line 3: no time"},
		{name: "freeswitch, as its template for Asterisk writes it", format: "freeswitch-cdr",
			text: `"","100","101","default","""Anna"" <100>","sofia/internal/100","sofia/internal/101","bridge","x","2026-01-05 08:00:00","","2026-01-05 08:00:09","9","0","NO_ANSWER","","11111111-2222-3333-4444-555555555555",""` + "\n",
			rows: []string{"2026-01-05 08:00:00 call 100>101 unanswered 9s"}},
		{name: "freeswitch, JSON of both legs", format: "freeswitch-cdr",
			text: "{\"core-uuid\":\"x\",\n\"variables\":{\"uuid\":\"u1\",\"start_uepoch\":\"1767600000500000\",\"answer_uepoch\":\"1767600005500000\",\"end_uepoch\":\"1767600060500000\",\"hangup_cause\":\"NORMAL_CLEARING\",\"sip_call_id\":\"c\"},\n" +
				`"callflow":[{"caller_profile":{"caller_id_name":"Anna%20B","caller_id_number":"100","destination_number":"%2B15550100002","network_addr":"192.0.2.10"}}]}` + "\n" +
				`{"core-uuid":"x","variables":{"uuid":"u2","start_uepoch":"1767600000500000","answer_uepoch":"0","end_uepoch":"0","hangup_cause":"CALL_REJECTED","caller_id_number":"100","destination_number":"102"}}` + "\n",
			rows: []string{"2026-01-05 08:00:00 call 100>+15550100002 answered 1m0s", "2026-01-05 08:00:00 call 100>102 rejected 0s"}},
		{name: "kamailio's log", format: "kamailio-acc",
			text: "Jan  5 08:00:00 sip /usr/sbin/kamailio[7]: NOTICE: acc [acc.c:279]: acc_log_request(): " + accLine("1767600000", "INVITE", "k1", "200", "OK") +
				accLine("1767600001", "INVITE", "k2", "486", "Busy here") + "Jan  5 08:00:00 sip other: nothing\n" + accLine("1767600060", "BYE", "k1", "200", "OK") +
				"ACC: CDR: start_time=1767600000.000; end_time=1767600060.000; duration=60.000; src_user=anna; call_id=k1;\n" + accLine("x", "INVITE", "k3", "200", "OK") +
				"start_time=1767600100.250;end_time=1767600110.250;duration=10.000;src_user=carla;src_domain=example.org;dst_user=+15550100002;dst_domain=example.org;callid=k4\n" +
				accLine("1767600200", "MESSAGE", "k5", "200", "OK"),
			rows: []string{"2026-01-05 08:00:00 call anna@example.org>ben@example.net answered 1m0s", "2026-01-05 08:01:40 call carla@example.org>+15550100002 answered 10s",
				"2026-01-05 08:03:20 message anna@example.org>ben@example.net", "2026-01-05 08:00:01 call anna@example.org>ben@example.net busy 0s"}, bad: "test: line 6: \"x\" is no time"},
		{name: "kamailio's table", format: "kamailio-acc",
			text: "id,method,from_tag,to_tag,callid,sip_code,sip_reason,time,src_user,dst_uri\n1,INVITE,a,b,k1,200,OK,2026-01-05 08:00:00,anna,sip:+15550100002@192.0.2.7:5060\n2,BYE,a,b,k1,200,OK,2026-01-05 08:00:30,,\n",
			rows: []string{"2026-01-05 08:00:00 call anna>+15550100002 answered 30s"}},
		{name: "kamailio's JSON", format: "kamailio-acc",
			text: `{"method":"INVITE","from_tag":"a","to_tag":"b","callid":"k1","sip_code":"603","sip_reason":"Decline","time":1767600000,"src_user":"anna"}` + "\n",
			rows: []string{"2026-01-05 08:00:00 call anna rejected 0s"}},
		{name: "bandicoot", format: "bandicoot",
			text: "direction,interaction,datetime,correspondent_id,call_duration\nin,call,2026-01-05 08:00:00,+15550100002,61\nout,text,2026-01-05 09:00:00,+15550100002,\nup,text,2026-01-05 09:00:00,x,\n",
			rows: []string{"2026-01-05 08:00:00 call +15550100002 answered 1m1s", "2026-01-05 09:00:00 message >+15550100002"}, bad: "test: line 4: neither in nor out"},
		{name: "a column map comes before all that know a table", format: "carrier-cdr", o: Options{Columns: &Columns{Names: map[string]string{"from": "src", "to": "dst", "start": "start"}, Separator: ','}},
			text: "src,dst,start,disposition\n+15550100001,+15550100002,2026-01-05 08:00:00,BUSY\n", rows: []string{"2026-01-05 08:00:00 call +15550100001>+15550100002  0s"}},
		{name: "a carrier's, by a column map", format: "carrier-cdr", o: Options{Columns: columns},
			text: "Art;Richtung;Rufnummer;Zeit;Dauer;Zelle\nGespräch;abgehend;+15550100002;05.01.2026 09:00:00;0:01:01;7\nKurznachricht;ankommend;+15550100003;05.01.2026 10:00:00;;7\nDaten;abgehend;;05.01.2026 10:00:00;;7\n",
			rows: []string{"2026-01-05 08:00:00 call +15550100001>+15550100002 answered 1m1s", "2026-01-05 09:00:00 message +15550100003>+15550100001"}},
	} {
		format, rows, bad := readCalls(t, c.o, c.text)
		first := strings.Join(bad[:min(1, len(bad))], "")
		if format != c.format || fmt.Sprint(rows) != fmt.Sprint(c.rows) || first != c.bad {
			t.Errorf("%s: %s\n%s\n%s", c.name, format, strings.Join(rows, "\n"), strings.Join(bad, "\n"))
		}
	}
}

// accLine is a line of Kamailio's accounting.
func accLine(stamp, method, id, code, reason string) string {
	return "ACC: transaction answered: timestamp=" + stamp + ";method=" + method + ";from_tag=a;to_tag=b;call_id=" + id + ";code=" + code + ";reason=" + reason +
		";src_user=anna;src_domain=Example.org;src_ip=192.0.2.10;dst_ouser=ben;dst_user=ben;dst_domain=example.net\n"
}

func TestReadColumnsErrors(t *testing.T) {
	for text, want := range map[string]string{
		"start = Time\nfrom":                "line 2: \"from\" is not of the form WORD = COLUMN",
		"stars = Time\n":                    "line 1: \"stars\" is none of",
		"start = Time\nfrom = A\n":          "no columns for from and to, nor for other and direction",
		"from = A\nto = B\n":                "no column for start",
		"start=T\nfrom=A\nto=B\nzone=X/Y\n": "line 4: \"X/Y\" is no time zone",
		"time = Time\n":                     "line 1: \"Time\" is no layout of a time",
	} {
		if _, err := ReadColumns(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// The counts are those of `wc -l`, less header lines.
func TestCorpusCalls(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "shared", "corpus", "logs")
	if _, err := os.Stat(folder); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("the corpus is not here")
	}
	for _, c := range []struct {
		file, format string
		records      int
	}{
		{"asterisk__cdr_good.csv", "asterisk-cdr", 5},
		{"kelysaina__asterisk_Master.csv", "asterisk-cdr", 14},
		{"bandicoot__manual_A.csv", "bandicoot", 7},
		{"bandicoot__network_A.csv", "bandicoot", 6},
		{"bandicoot__network_F.csv", "bandicoot", 5},
		{"bandicoot__network_ego.csv", "bandicoot", 16},
	} {
		text, err := os.ReadFile(filepath.Join(folder, c.file))
		if err != nil {
			t.Fatal(err)
		}
		format, rows, bad := readCalls(t, Options{}, string(text))
		if format != c.format || len(rows) != c.records || len(bad) > 0 {
			t.Errorf("%s: %s, %d records, want %s, %d; errors %q", c.file, format, len(rows), c.format, c.records, bad)
		}
	}
}
