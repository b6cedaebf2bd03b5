package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"envelope/analyze"
	"envelope/analyze/evaluate"
)

// The labs whose people write to each other.
var writing = []string{"A-xmpp-prosody", "A2-xmpp-prosody-16", "C0-matrix-small"}

// The message log from the capture alone holds nearly all that was written.
func TestMessageLogOfTheLab(t *testing.T) {
	for _, lab := range writing {
		code, out, errs := try(t.Context(), nil, "compare", "--format", "json", shared(t, "lab", lab, "router.pcapng"), shared(t, "lab", lab, "truth.jsonl"))
		if code != exitDone {
			t.Fatalf("%s: exit code %d: %s", lab, code, errs)
		}
		var got evaluate.CompareDocument
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		if got.Recall < 0.98 || got.Precision < 0.98 || got.Recipients["right"] < got.Recovered*95/100 {
			t.Errorf("%s: recovered %d of %d, precision %.3f, recipients %v", lab, got.Recovered, got.Record, got.Precision, got.Recipients)
		}
	}
}

// Capture, operator's record and subscriber database together: every message
// once, with the evidence of both who saw it.
func TestEveryMessageOnce(t *testing.T) {
	for _, lab := range writing {
		dir := filepath.Dir(shared(t, "lab", lab, "truth.jsonl"))
		rep := reportOn(t, filepath.Join(dir, "router.pcapng"), filepath.Join(dir, "truth.jsonl"), filepath.Join(dir, "hosts.json"))
		sent, both := 0, 0
		for _, e := range rep.Events {
			if e.Kind != "message" && e.Kind != "media" || e.Direction != "sent" {
				continue
			}
			sent++
			if of := inputsBehind(&e); of["i1"] && of["i2"] {
				both++
			}
		}
		want := messagesIn(labTruth(t, lab))
		if sent != want || both < want*98/100 {
			t.Errorf("%s: %d messages sent, %d with the evidence of both; %d were written", lab, sent, both, want)
		}
		for _, p := range rep.Parties {
			if len(p.Addresses) == 1 && len(p.Accounts) == 0 {
				t.Errorf("%s: %s at %v has no account", lab, p.ID, p.Addresses)
			}
		}
	}
}

func inputsBehind(e *analyze.Event) map[string]bool {
	of := map[string]bool{}
	for _, v := range e.Evidence {
		of[v.Input] = true
	}
	return of
}

func messagesIn(truth *evaluate.Truth) int { return len(truth.Messages) }

// The network and the operator side by side: the operator names both ends, the
// network infers them, and alone it has no names.
func TestObserversSideBySide(t *testing.T) {
	dir := filepath.Dir(shared(t, "lab", "A-xmpp-prosody", "truth.jsonl"))
	rep := reportOn(t, filepath.Join(dir, "router.pcapng"), filepath.Join(dir, "truth.jsonl"))
	if len(rep.Observers) != 2 || rep.Observers[0].Observer != "network" || rep.Observers[1].Observer != "operator" {
		t.Fatalf("observers %+v", rep.Observers)
	}
	state := func(i int, fact string) string {
		for _, f := range rep.Observers[i].Facts {
			if f.Fact == fact {
				return f.State
			}
		}
		return ""
	}
	for _, c := range []struct{ fact, network, operator string }{{"whom", "inferred", "seen"}, {"group", "inferred", "seen"}, {"content", "not_visible", "not_visible"}} {
		if state(0, c.fact) != c.network || state(1, c.fact) != c.operator {
			t.Errorf("%s: %s by the network, %s by the operator", c.fact, state(0, c.fact), state(1, c.fact))
		}
	}
	for _, g := range rep.Together {
		if g.What == "contacts" && (g.Alone["network"] != 18 || g.Alone["operator"] != 18 || g.Together != 18) {
			t.Errorf("contacts %+v: the network found those that the operator knows", g)
		}
	}
}
