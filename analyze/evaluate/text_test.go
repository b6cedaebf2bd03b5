package evaluate

import (
	"encoding/json"
	"strings"
	"testing"
)

// words are the columns of the line of a text that begins with a title.
func words(t *testing.T, text, title string) []string {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), title+" "); ok {
			return strings.Fields(rest)
		}
	}
	t.Fatalf("no line %q in\n%s", title, text)
	return nil
}

func TestText(t *testing.T) {
	truth, rep := writing(t)
	r, err := Evaluate([]Input{{"re\x1b[1mport.json", rep}}, truth, Options{Baselines: true})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := Text(&b, r, 100); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if !strings.HasPrefix(text, "The truth: 4 people, 10 messages, 0 calls; 1 pair talked, 1 of them directly; 0 groups.\n") {
		t.Errorf("begins %.100q", text)
	}
	if strings.Contains(text, "\x1b") {
		t.Error("the name of a file drives the terminal")
	}
	if got := words(t, text, "area under ROC"); len(got) != 6 || got[0] != "0.500" {
		t.Errorf("area under ROC: %v", got)
	}
	if got := words(t, text, "sent: recall"); len(got) != 1 || got[0] != "1.000" {
		t.Errorf("recall: %v", got)
	}
	if strings.Contains(text, "\ncalls\n") {
		t.Error("figures of calls where there is none")
	}
	for _, narrow := range []int{40, 60} {
		b.Reset()
		if err := Text(&b, r, narrow); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "COLD") {
			t.Errorf("a method is lost at %d columns", narrow)
		}
	}
}

// TestTextOfSample has a report of so many messages that the baselines look at
// a part of the people only.
func TestTextOfSample(t *testing.T) {
	truth, rep := writing(t)
	r, err := Evaluate([]Input{{"report.json", rep}}, truth, Options{Baselines: true})
	if err != nil {
		t.Fatal(err)
	}
	run := &r.Reports[0]
	run.Sample.People = 2
	run.Same = &run.Baselines[0]
	r.notes(truth.talked())
	var b strings.Builder
	if err := Text(&b, r, 0); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "on sample") || !strings.Contains(b.String(), "a sample of the people") {
		t.Errorf("the sample is not named:\n%s", b.String())
	}
}

func TestDecimal(t *testing.T) {
	for v, want := range map[float64]string{0: "0.000", 1: "1.000", 0.99951: ">0.999", 0.0004: "<0.001", 0.5: "0.500", 12.25: "12.250"} {
		if got := decimal(&v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	if got := decimal(nil); got != "-" {
		t.Errorf("nothing: %s", got)
	}
}

// TestResultIsTheSameEveryTime runs everything twice; no list of the JSON is
// null.
func TestResultIsTheSameEveryTime(t *testing.T) {
	truth, _ := cast(t,
		`{"ts": 10, "kind": "text", "from": "a", "to": "b", "delivered": [{"to": "b", "ts": 10.5}]}`,
		`{"ts": 20, "kind": "text", "from": "b", "to": ["a", "c", "d"], "group": "g"}`,
		`{"ts": 30, "kind": "call", "from": "c", "to": "d", "answered": true, "start": 31, "end": 40}`)
	rep := testify(truth, 5)
	var before string
	for range 5 {
		r, err := Evaluate([]Input{{"report.json", rep}}, truth, Options{Baselines: true})
		if err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if before != "" && string(out) != before {
			t.Fatalf("first\n%s\nthen\n%s", before, out)
		}
		before = string(out)
	}
	for _, list := range []string{"reports", "baselines", "notes", "reliability", "bins", "thresholds", "tpr_at_fpr", "hit_rate", "by_messages"} {
		if strings.Contains(before, `"`+list+`":null`) {
			t.Errorf("%s is null", list)
		}
	}
}
