package simulate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"envelope/capture"
	"envelope/capture/simulate"
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

func TestReadLog(t *testing.T) {
	const day = "2026-03-02T"
	cases := []struct {
		name, text string
		want       []simulate.Line
		times      []string
	}{
		{"CSV", "time,from,to,group,kind,size\n" + day + "10:00:05Z,bo,ada,,text,12\n" + day + "10:00:00.5Z,ada,,team,media,40000\n",
			[]simulate.Line{{From: "ada", Group: "team", Kind: "media", Size: 40000}, {From: "bo", To: "ada", Kind: "text", Size: 12}},
			[]string{"10:00:00.5", "10:00:05"}},
		{"other names", "timestamp,caller,callee,duration\n184,300,301,121\n3920.25,512,299,-1\n",
			[]simulate.Line{{From: "300", To: "301", Kind: "call", Size: 121}, {From: "512", To: "299", Kind: "call", Size: 0}},
			[]string{"12:03:04", "13:05:20.25"}},
		{"graph", "151 280 10\n176 225 20\n", []simulate.Line{{From: "151", To: "280", Kind: "text", Size: -1}, {From: "176", To: "225", Kind: "text", Size: -1}},
			[]string{"12:00:10", "12:00:20"}},
		{"JSON", `{"ts": 1772445600.123456789, "from": "ada", "to": "bo", "kind": "call", "size": 60}` + "\n\n" + `{"time": "2026-03-02T10:00:01Z", "sender": "bo", "room": "team", "unknown": [1]}`,
			[]simulate.Line{{From: "ada", To: "bo", Kind: "call", Size: 60}, {From: "bo", Group: "team", Kind: "text", Size: -1}},
			[]string{"10:00:00.123456789", "10:00:01"}},
		{"oneself", "time,from,to\n1,a,a\n2,a,b\n", []simulate.Line{{From: "a", To: "b", Kind: "text", Size: -1}}, []string{"12:00:02"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := simulate.ReadLog(strings.NewReader(c.text), noon)
			if err != nil || len(got) != len(c.want) {
				t.Fatalf("%+v, %v", got, err)
			}
			for i, l := range got {
				at, err := time.Parse(time.RFC3339Nano, day+c.times[i]+"Z")
				if err != nil {
					t.Fatal(err)
				}
				w := c.want[i]
				if l.Time() != capture.TimeOf(at) || l.From != w.From || l.To != w.To || l.Group != w.Group || l.Kind != w.Kind || l.Size != w.Size {
					t.Errorf("line %d: %+v at %v, want %+v at %v", i, l, l.Time().UTC(), w, at)
				}
			}
		})
	}
}

func TestLogMistakes(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "empty"},
		{"header alone", "time,from,to\n", "no messages"},
		{"no header", "1,2,3,4\n", "line 1: no columns named time and from"},
		{"time", "time,from,to\nsoon,a,b\n", `line 2: time "soon"`},
		{"negative time", "time,from,to\n-5,a,b\n", `line 2: time "-5"`},
		{"size", "time,from,to,size\n1,a,b,big\n", `line 2: size "big"`},
		{"from", "time,from,to\n1,,b\n", "line 2: from is empty"},
		{"to and group", "time,from,to,group\n1,a,b,g\n", "line 2: wants one of"},
		{"neither", "time,from,to\n1,a,b\n2,a,\n", "line 3: wants one of"},
		{"kind", "time,from,to,kind\n1,a,b,smoke\n", `line 2: kind "smoke"`},
		{"quote", "time,from,to\n1,\"a,b\n", "line 2: "},
		{"JSON", "{\"time\": 1, \"from\": \"a\", \"to\": \"b\"}\n{\n", "line 2: "},
		{"graph", "1 2 3\n4 5\n", "line 2: 2 columns"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := simulate.ReadLog(strings.NewReader(c.text), noon); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// TestReplay: each line of a log leaves its writer once, not before its time,
// and reaches the right people.
func TestReplay(t *testing.T) {
	lines, err := simulate.ReadLog(strings.NewReader("time,from,to,group\n100,ada,bo,\n101,bo,ada,\n130,cy,,team\n131,ada,,team\n135,bo,,team\n400,cy,bo,\n"), noon)
	if err != nil {
		t.Fatal(err)
	}
	town := simulate.Defaults()
	p, err := town.Replay(1, lines)
	if err != nil {
		t.Fatal(err)
	}
	sent, got := map[string]int{}, map[string]int{}
	first := capture.Time(0)
	for s := range p.Events() {
		name := p.Party(s.Party).Name
		switch {
		case s.Kind != simulate.KindText && s.Kind != simulate.KindMedia:
		case s.Sent:
			sent[name]++
			if first == 0 {
				first = s.Time
			}
		default:
			got[name]++
		}
	}
	for name, want := range map[string][2]int{"ada": {2, 3}, "bo": {2, 4}, "cy": {2, 2}} {
		if sent[name] != want[0] || got[name] != want[1] {
			t.Errorf("%s sent %d and got %d, want %v", name, sent[name], got[name], want)
		}
	}
	if d := first.Sub(lines[0].Time()); d < 0 || d > 15*time.Second {
		t.Errorf("the first message left %v after its time", d)
	}
}

// TestReplayCorpus plays real logs of who wrote to whom, where they are at hand.
func TestReplayCorpus(t *testing.T) {
	social := filepath.Join("..", "..", "..", "shared", "corpus", "social")
	if _, err := os.Stat(social); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the corpus is not at hand: %v", err)
		}
		t.Skip("the corpus is not at hand")
	}
	for name, want := range map[string]int{"copenhagen_sms.csv": 20_000, "email-Eu-core-temporal-Dept1.txt": 10_000} {
		t.Run(name, func(t *testing.T) {
			f, err := os.Open(filepath.Join(social, name))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			lines, err := simulate.ReadLog(f, noon)
			if err != nil || len(lines) < want {
				t.Fatalf("%d lines, %v; want %d", len(lines), err, want)
			}
			town := simulate.Defaults()
			town.Length = simulate.Span(12 * time.Hour)
			p, err := town.Replay(1, lines)
			if err != nil {
				t.Fatal(err)
			}
			sent, due := 0, 0
			for s := range p.Talk() {
				if s.Sent && (s.Kind == simulate.KindText || s.Kind == simulate.KindMedia) {
					sent++
				}
			}
			for _, l := range lines {
				if l.Time().Sub(lines[0].Time()) < 11*time.Hour {
					due++
				}
			}
			if sent < due {
				t.Errorf("%d of the %d messages of the first 11 hours left", sent, due)
			}
		})
	}
}

func FuzzReadLog(f *testing.F) {
	f.Add("time,from,to\n1,a,b\n2,b,a\n")
	f.Add("1 2 3\n2 3 4\n")
	f.Add(`{"time": 1, "from": "a", "group": "b"}`)
	f.Add("ts,sender,room,kind,size\n2026-03-02T10:00:00Z,\"a\"\"\",b,call,-7\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := simulate.ReadLog(strings.NewReader(text), noon)
		if err != nil || len(lines) > 50 {
			return
		}
		town := simulate.Defaults()
		p, err := town.Replay(1, lines)
		if err != nil {
			return // a name that is none
		}
		n := 0
		for range p.Events() {
			if n++; n > 5000 {
				break
			}
		}
	})
}
