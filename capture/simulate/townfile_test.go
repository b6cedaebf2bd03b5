package simulate_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"envelope/capture/simulate"
)

func TestEmbeddedScenarios(t *testing.T) {
	names := simulate.Names()
	if len(names) < 8 || names[0].Name != simulate.DemoName {
		t.Fatalf("scenarios %v", names)
	}
	for _, n := range names[1:] {
		town, err := simulate.Embedded(n.Name)
		if err != nil {
			t.Fatal(err)
		}
		if n.About == "" || town.Name != n.Name {
			t.Errorf("%s: name %q, about %q", n.Name, town.Name, n.About)
		}
		if _, err := town.Play(0); err != nil {
			t.Errorf("%s: %v", n.Name, err)
		}
	}
	if _, err := simulate.Embedded("../town"); err == nil {
		t.Error("a path is taken for a name")
	}
}

func TestTownIsWrittenAsItIsRead(t *testing.T) {
	town, err := simulate.Embedded("office")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(town)
	if err != nil {
		t.Fatal(err)
	}
	again, err := simulate.ReadTown("x.json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if second, _ := json.Marshal(again); !bytes.Equal(text, second) {
		t.Errorf("%s\n%s", text, second)
	}
	if time.Duration(town.Length) != time.Hour || town.Outside != 150_000 || town.Habits.Burst != 8 {
		t.Errorf("length %v, outside %d, burst %d", time.Duration(town.Length), town.Outside, town.Habits.Burst)
	}
}

// TestTownMistakes wants the file and the field in every error.
func TestTownMistakes(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"empty", ``, "the JSON is not complete"},
		{"cut", `{"crowd": 3`, "the JSON is not complete"},
		{"no JSON", `{"crowd": x}`, "no JSON at byte 11"},
		{"no object", `[]`, "must be an object"},
		{"more", `{"crowd": 3} {}`, "something follows"},
		{"nobody less one", `{"crowd": -1}`, "field crowd: -1 people"},
		{"unknown field", `{"crowd": 3, "crowds": 4}`, `unknown field "crowds"`},
		{"unknown field inside", `{"crowd": 3, "phones": {"looked": 1}}`, `unknown field "looked"`},
		{"string for number", `{"crowd": "3"}`, "field crowd: want a whole number"},
		{"share above 1", `{"crowd": 3, "outside": 1.5}`, "field outside: want a number from 0 to 1, not 1.5"},
		{"share below 0", `{"crowd": 3, "phones": {"locked": -0.1}}`, "field phones.locked: want a number from 0 to 1"},
		{"no duration", `{"crowd": 3, "length": "soon"}`, `field length: want a duration such as "90s" or "3m", not "soon"`},
		{"negative duration", `{"crowd": 3, "phones": {"poll": "-3m"}}`, "field phones.poll: want a duration"},
		{"too short", `{"crowd": 3, "length": "0s"}`, "field length: must be above 0"},
		{"year", `{"crowd": 3, "start": "1969-01-01T00:00:00Z"}`, "field start: year 1969"},
		{"kind", `{"crowd": 3, "messengers": [{"name": "a", "kind": "icq"}]}`, `field messengers[0].kind: "icq"`},
		{"twice", `{"crowd": 3, "messengers": [{"name": "a", "kind": "xmpp"}, {"name": "a", "kind": "signal"}]}`, "field messengers[1].name"},
		{"same server", `{"crowd": 3, "messengers": [{"name": "a", "kind": "xmpp"}, {"name": "b", "kind": "xmpp"}]}`, "field messengers[1].host"},
		{"host", `{"crowd": 3, "messengers": [{"name": "a", "kind": "xmpp", "host": "a b"}]}`, "field messengers[0].host"},
		{"name", `{"people": [{"name": ""}]}`, "field people[0].name"},
		{"uses", `{"people": [{"name": "a", "messengers": ["icq"]}]}`, "field people[0].messengers[0]"},
		{"pair", `{"people": [{"name": "a"}, {"name": "b"}], "pairs": [{"a": "a", "b": "c", "messenger": "xmpp"}]}`, `field pairs[0].b: nobody is called "c"`},
		{"circle", `{"people": [{"name": "a"}, {"name": "b"}], "circles": [{"name": "g", "members": ["a", "b", "b"], "messenger": "xmpp"}]}`, "field circles[0]"},
		{"strangers", `{"strangers": true, "people": [{"name": "a"}, {"name": "b"}], "pairs": [{"a": "a", "b": "b", "messenger": "xmpp"}]}`, "both are inside"},
		{"burst", `{"crowd": 3, "habits": {"burst": 0}}`, "field habits.burst"},
		{"hours", `{"crowd": 3, "habits": {"hours": [1]}}`, "field habits.hours"},
		{"delay", `{"crowd": 3, "phones": {"delay": ["9ms", "1ms"]}}`, "field phones.delay"},
		{"poll", `{"crowd": 3, "phones": {"poll": "1s"}}`, "field phones.poll"},
		{"snap", `{"crowd": 3, "tap": {"snap": 20}}`, "field tap.snap"},
		{"calls", `{"crowd": 3, "calls": {"daily": 2000}}`, "field calls.daily: want a number from 0 to 1000"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := simulate.ReadTown("my.json", strings.NewReader(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "my.json: ") {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func FuzzReadTown(f *testing.F) {
	f.Add(`{"crowd": 9, "length": "2m"}`)
	f.Add(`{"people": [{"name": "a", "nat": true, "devices": 3}, {"name": "b", "locked": true}], "pairs": [{"a": "a", "b": "b", "messenger": "xmpp", "daily": 9000}], "length": "90s"}`)
	f.Add(`{"crowd": 5, "strangers": true, "outside": 0.5, "calls": {"daily": 1000}, "messengers": [{"name": "m", "kind": "matrix", "build": 7}], "length": "3m"}`)
	f.Fuzz(func(t *testing.T, text string) {
		town, err := simulate.ReadTown("f", strings.NewReader(text))
		if err != nil {
			return
		}
		if town.Crowd > 30 || len(town.People) > 30 || time.Duration(town.Length) > 10*time.Minute || town.Friends.Daily > 5000 || town.Flaws.False > 100 {
			t.Skip("too much to play")
		}
		if town.Crowd+len(town.People) == 0 {
			return
		}
		p, err := town.Play(1)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for s := range p.Events() {
			if int(s.Party) >= p.Parties() || int(s.Service) >= len(town.Messengers) || int(s.From) >= p.Persons() {
				t.Fatalf("%+v", s)
			}
			if n++; n > 20_000 {
				break
			}
		}
	})
}
