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

// readCalls reads text by the formats of calls and gives one line per record.
func readCalls(t *testing.T, o Options, text string) (format string, rows, bad []string) {
	t.Helper()
	in, err := capture.OpenReader(strings.NewReader(text), "test", 0, callFormats(o))
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
		s += fmt.Sprintf(" %s %s", e.Call.Outcome, e.Until.Sub(rec.Time))
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
		{name: "bandicoot", format: "bandicoot",
			text: "direction,interaction,datetime,correspondent_id,call_duration\nin,call,2026-01-05 08:00:00,+15550100002,61\nout,text,2026-01-05 09:00:00,+15550100002,\nup,text,2026-01-05 09:00:00,x,\n",
			rows: []string{"2026-01-05 08:00:00 call +15550100002 answered 1m1s", "2026-01-05 09:00:00 message >+15550100002"}, bad: "test: line 4: neither in nor out"},
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

func FuzzCalls(f *testing.F) {
	f.Add("direction,interaction,datetime,correspondent_id,call_duration\nin,call,2026-01-05 08:00:00,+15550100002,61\n")
	f.Add("disposition,calldate,src,dst,duration,billsec\nBUSY,2026-01-05 08:00:00,\"1,2\"\"\",3,3,0\n")
	f.Add(`"","a","s","d","<a>","SIP/a-1","SIP/b-2","Dial","SIP/b&","2026-01-05 08:00:00","","2026-01-05 08:00:09",9,0,"NO ANSWER","X","1.2",""`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range callFormats(Options{Columns: &Columns{Names: map[string]string{"start": "datetime", "from": "src", "to": "dst"}, Separator: ','}}) {
			in := &capture.Input{Path: "fuzz", Reader: strings.NewReader(text)}
			for rec, err := range format.Read(in) {
				if year := rec.Time.UTC().Year(); err == nil && (year < 1970 || year > 2262) {
					t.Fatalf("%s: year %d", format.Name, year)
				}
			}
		}
	})
}
