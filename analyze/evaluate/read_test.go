package evaluate

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"envelope/capture"
)

const smallHosts = `{"subscribers": {"192.0.2.1": "anna@example.org", "192.0.2.2": "@ben:example.org", "192.0.2.3": "carla"}, "services": {"192.0.2.9": ["x"]}}`

const smallTruth = `{"ts": 1000.5, "kind": "text", "from": "anna", "to": "ben", "delivered": [{"to": "ben", "ip": "192.0.2.2", "ts": 1000.7501}]}
{"ts": 1001, "kind": "typing", "from": "anna", "to": "ben", "id": null}

{"ts": 1002.25, "kind": "media", "from": "ben", "group": "team", "to": ["anna", "carla", "dora"], "delivered": [{"to": "carla", "ts": 1003}]}
{"ts": 1010, "kind": "call", "from": "carla", "to": "ben", "media": "audio", "mode": "relayed", "answered": true, "start": 1012.5, "end": 1042}
{"ts": 1050, "kind": "call", "from": "carla", "to": "ben", "media": "audio", "mode": "p2p", "answered": false, "start": null, "end": 1060}
`

func mustTruth(t testing.TB, text string, hosts map[string]string) *Truth {
	t.Helper()
	truth, err := ReadTruth(strings.NewReader(text), "truth.jsonl", hosts)
	if err != nil {
		t.Fatal(err)
	}
	return truth
}

func at(sec float64) capture.Time { return capture.Time(sec * 1e9) }

func TestReadTruth(t *testing.T) {
	hosts, err := ReadHosts(strings.NewReader(smallHosts), "hosts.json")
	if err != nil {
		t.Fatal(err)
	}
	got := mustTruth(t, smallTruth, hosts)
	if diff := cmp.Diff([]string{"anna", "ben", "carla"}, got.People); diff != "" {
		t.Error(diff)
	}
	messages := []Message{
		{Time: at(1000.5), From: 0, To: []int32{1}, Got: []Receipt{{1, 1000_750_100_000}}},
		{Time: at(1002.25), From: 1, To: []int32{0, 2, Outside}, Group: "team", Media: true, Got: []Receipt{{2, at(1003)}}},
	}
	if diff := cmp.Diff(messages, got.Messages); diff != "" {
		t.Error(diff)
	}
	calls := []TrueCall{
		{From: 2, To: 1, Dialled: at(1010), Start: at(1012.5), End: at(1042), Media: "audio", Relayed: true, Answered: true},
		{From: 2, To: 1, Dialled: at(1050), End: at(1060), Media: "audio"},
	}
	if diff := cmp.Diff(calls, got.Calls); diff != "" {
		t.Error(diff)
	}
	if got.Beyond != 1 {
		t.Errorf("%d with people outside, want 1", got.Beyond)
	}
	for name, want := range map[string]int32{"192.0.2.2": 1, "ben@elsewhere.example": 1, "carla": 2} {
		if who, ok := got.Person(name); !ok || who != want {
			t.Errorf("%s is %d", name, who)
		}
	}
	if _, ok := got.Person("192.0.2.9"); ok {
		t.Error("a server is a person")
	}
}

// TestTruthNamesItsOwnAddresses leaves the hosts out.
func TestTruthNamesItsOwnAddresses(t *testing.T) {
	got := mustTruth(t, `{"ts": 1, "kind": "text", "from": "ben", "from_ip": "192.0.2.2", "to": ["anna", "carla"], "to_ips": ["192.0.2.1"], "group": "g", "delivered": [{"to": "dora", "ip": "192.0.2.4", "ts": 2}]}
{"ts": 3, "kind": "call", "from": "ben", "to": "emil", "to_ip": "192.0.2.5"}`, nil)
	if diff := cmp.Diff([]string{"anna", "ben", "dora", "emil"}, got.People); diff != "" {
		t.Error(diff)
	}
	if who, _ := got.Person("192.0.2.5"); who != 3 {
		t.Errorf("192.0.2.5 is %d", who)
	}
	if got.Messages[0].To[1] != Outside || got.Beyond != 1 {
		t.Errorf("carla has no address and is %d; %d beyond", got.Messages[0].To[1], got.Beyond)
	}
}

// TestAddWhatHappenedOutside reads a second file about people whom the capture
// does not show.
func TestAddWhatHappenedOutside(t *testing.T) {
	truth := mustTruth(t, `{"ts": 5, "kind": "text", "from": "anna", "to": "ben"}`, map[string]string{"192.0.2.1": "anna", "192.0.2.2": "ben"})
	more := `{"ts": 1, "kind": "text", "from": "anna", "to": null, "to_outside": ["dora", "emil"], "group": "g"}
{"ts": 2, "kind": "text", "from": "dora", "to": "ben", "delivered": [{"to": "ben", "ts": 2.5}]}
{"ts": 3, "kind": "call", "from": "ben", "to": null, "to_outside": ["emil"], "answered": true}`
	if err := truth.Add(strings.NewReader(more), "outside.jsonl"); err != nil {
		t.Fatal(err)
	}
	want := []Message{
		{Time: at(1), From: 0, To: []int32{Outside, Outside}, Group: "g"},
		{Time: at(2), From: Outside, To: []int32{1}, Got: []Receipt{{1, at(2.5)}}},
		{Time: at(5), From: 0, To: []int32{1}},
	}
	if diff := cmp.Diff(want, truth.Messages); diff != "" {
		t.Error(diff)
	}
	if len(truth.People) != 2 || truth.Beyond != 3 || truth.Calls[0].To != Outside {
		t.Errorf("people %v, %d beyond, calls %v", truth.People, truth.Beyond, truth.Calls)
	}
	if k := truth.talked(); len(k.any) != 1 {
		t.Errorf("pairs %v", k.any)
	}
	if err := truth.Add(strings.NewReader("\n7"), "outside.jsonl"); err == nil || !strings.HasPrefix(err.Error(), "outside.jsonl: line 2: ") {
		t.Errorf("error %v", err)
	}
}

func TestTimesAreExact(t *testing.T) {
	for text, want := range map[string]capture.Time{
		"1795377962.6492": 1795377962_649200000, "5": 5_000000000, "0.000000001": 1, "7.1234567899": 7_123456789, "1.5e3": 1500_000000000, "null": 0,
	} {
		var s seconds
		if err := s.UnmarshalJSON([]byte(text)); err != nil || capture.Time(s) != want {
			t.Errorf("%s: %d, %v, want %d", text, s, err, want)
		}
	}
	for _, text := range []string{"-1", "1e12", "9223372037", `"5"`, "NaN", "true", "1.x", "-0.5"} {
		var s seconds
		if err := s.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s is read as %d", text, s)
		}
	}
}

func TestTruthErrorsNameTheLine(t *testing.T) {
	ok := `{"ts": 1, "kind": "text", "from": "a", "to": "b"}` + "\n"
	for _, c := range []struct{ text, want string }{
		{ok + "{", "truth.jsonl: line 2: unexpected end of JSON input"},
		{ok + ok + "[]", "truth.jsonl: line 3: a JSON array instead of an object"},
		{`{"ts": 1}`, `truth.jsonl: line 1: no "kind"`},
		{`{"kind": "text", "from": "a", "to": "b"}`, `truth.jsonl: line 1: text without a time "ts"`},
		{`{"ts": 1, "kind": "media", "to": "b"}`, `truth.jsonl: line 1: media without "from"`},
		{`{"ts": 1, "kind": "text", "from": "a"}`, `truth.jsonl: line 1: text without "to"`},
		{`{"ts": 1, "kind": "text", "from": "a", "to": []}`, `truth.jsonl: line 1: text without "to"`},
		{`{"ts": 1, "kind": "call", "from": "a", "to": ["b", "c"]}`, "truth.jsonl: line 1: call to several people"},
		{`{"ts": "now", "kind": "text", "from": "a", "to": "b"}`, `truth.jsonl: line 1: "now" is not a time in seconds since 1970`},
		{`{"ts": 1, "kind": "text", "from": 7, "to": "b"}`, `truth.jsonl: line 1: "from" is a JSON number, which does not fit`},
		{strings.Repeat(" ", maxLine+1), "truth.jsonl: line 1: longer than 16 MB"},
	} {
		_, err := ReadTruth(strings.NewReader(c.text), "truth.jsonl", nil)
		var syntax *capture.SyntaxError
		if !errors.As(err, &syntax) || err.Error() != c.want {
			t.Errorf("%.40q: got %v, want %s", c.text, err, c.want)
		}
	}
	broken := errors.New("broken")
	if _, err := ReadTruth(iotest.ErrReader(broken), "truth.jsonl", nil); !errors.Is(err, broken) {
		t.Errorf("an error of the file is lost: %v", err)
	}
}

func TestHostsErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"{\n\"subscribers\": {\n\"x\": 1}}", `hosts.json: line 3: "subscribers" is a JSON number, which does not fit`},
		{"{\n}", `hosts.json: no "subscribers"`},
		{"", "hosts.json: line 1: unexpected end of JSON input"},
	} {
		if _, err := ReadHosts(strings.NewReader(c.text), "hosts.json"); err == nil || err.Error() != c.want {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
}

func TestReportErrors(t *testing.T) {
	const schema = `"schema": "envelope/report/1"`
	for _, c := range []struct{ text, want string }{
		{"{\n\n}", `report.json: schema is "", not "envelope/report/1": no report of envelope analyze --format json`},
		{"{" + schema + ",\n\"events\": 7}", `report.json: line 2: "events" is a JSON number, which does not fit`},
		{"{" + schema + ",\n\"events\": [{\"time\":\n\"noon\"}]}", ""},
		{"{" + schema + ",\n", "report.json: line 2: unexpected end of JSON input"},
		{"{" + schema + `, "contacts": [{"confidence": 0.5}, {"confidence": 1.5}]}`, "report.json: contact 2: confidence 1.5 is not from 0 to 1"},
		{"{" + schema + `, "contacts": [{"expected_false": -1}]}`, "report.json: contact 1: expected_false and candidates must not be negative"},
		{"{" + schema + `, "groups": [{"confidence": -0.1}]}`, "report.json: group 1: confidence -0.1 is not from 0 to 1"},
		{"{" + schema + `, "events": [{"time": "9999-01-01T00:00:00Z"}]}`, "report.json: event 1: the year 9999 is none of a capture"},
	} {
		_, err := ReadReport(strings.NewReader(c.text), "report.json")
		var syntax *capture.SyntaxError
		if !errors.As(err, &syntax) || c.want != "" && err.Error() != c.want {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
	if _, err := ReadReport(strings.NewReader("{"+schema+"}"), "report.json"); err != nil {
		t.Error(err)
	}
}

// FuzzReadTruth reads any text as truth, with and without hosts, and takes the
// result through everything that is made of it.
func FuzzReadTruth(f *testing.F) {
	f.Add(smallTruth, smallHosts)
	f.Add(`{"ts":1,"kind":"call","from":"a","to":"a","from_ip":"x","to_ip":"x","answered":true}`, `{"subscribers":{"x":"a@b","y":"a@c"}}`)
	f.Add(`{"ts":1e9,"kind":"message","from":"@","to":["",":"],"group":"g"}`, `{}`)
	f.Add("{\"ts\":1,\"kind\":\"text\"\n", "[")
	f.Fuzz(func(t *testing.T, text, hosts string) {
		accounts, err := ReadHosts(strings.NewReader(hosts), "hosts.json")
		if err != nil {
			accounts = nil
		}
		truth, err := ReadTruth(strings.NewReader(text), "truth.jsonl", accounts)
		if err != nil {
			return
		}
		if err := truth.Add(strings.NewReader(text), "truth.jsonl"); err != nil {
			t.Errorf("a second time: %v", err)
		}
		k := truth.talked()
		if len(k.any) > k.pairs() || len(k.direct) > len(k.any) {
			t.Errorf("%d pairs, of %d; %d directly", len(k.any), k.pairs(), len(k.direct))
		}
		for p := range k.any {
			if p.A >= p.B || p.A < 0 || int(p.B) >= len(truth.People) {
				t.Errorf("no pair: %v", p)
			}
		}
	})
}

// FuzzReadReport reads any text as a report and evaluates what is one.
func FuzzReadReport(f *testing.F) {
	f.Add(`{"schema":"envelope/report/1","parties":[{"id":"p1","addresses":["192.0.2.1"]},{"id":"p2","accounts":["ben"]}],
"events":[{"id":"e1","time":"1970-01-01T00:16:40.6Z","kind":"message","party":"p1","direction":"sent","peer":"p2","bytes":90}],
"contacts":[{"a":"p1","b":"p2","via":"direct","confidence":0.97,"evidence":["e1"],"candidates":2}],
"groups":[{"id":"g1","members":["p1","p2","192.0.2.3"],"confidence":0.6}]}`)
	f.Add(`{"schema":"envelope/report/1","parties":[{"id":"p1","accounts":["carla"]}],"events":[{"time":"1970-01-01T00:16:53Z","end":"1970-01-01T00:17:22Z","kind":"call","party":"p1","peer":"192.0.2.2","call":{"path":"relayed","media":"audio","answered":true,"answered_at":"x"}}]}`)
	f.Add(`{"schema":"envelope/report/1","events":null}`)
	f.Add("{\n7")
	hosts, err := ReadHosts(strings.NewReader(smallHosts), "hosts.json")
	if err != nil {
		f.Fatal(err)
	}
	truth := mustTruth(f, smallTruth, hosts)
	f.Fuzz(func(t *testing.T, text string) {
		rep, err := ReadReport(strings.NewReader(text), "report.json")
		if err != nil {
			return
		}
		r, err := Evaluate([]Input{{"report.json", rep}}, truth, Options{Baselines: true})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := Text(&b, r, 0); err != nil {
			t.Error(err)
		}
	})
}
