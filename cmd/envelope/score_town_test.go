package main

import (
	"os"
	"path/filepath"
	"testing"

	"envelope/analyze/evaluate"
)

// The town of the program, made smaller: an afternoon of sleeping phones, linked
// computers and people outside, three messengers at a time.
const smallTown = `{
 "name": "afternoon", "start": "2026-03-02T12:00:00Z", "length": "6h", "crowd": 150, "outside": 0.3,
 "messengers": [{"name": "whatsapp", "kind": "whatsapp", "share": 0.8}, {"name": "signal", "kind": "signal", "share": 0.2}, {"name": "xmpp", "kind": "xmpp", "share": 0.2, "build": 7}],
 "friends": {"contacts": 6, "daily": 20, "groups": 0.1, "group_size": 6, "group_rate": 20},
 "phones": {"locked": 0.6, "second": 0.25, "nat": 0.3, "relogin": "6h"},
 "calls": {"daily": 0.05},
 "tap": {"devices": 0, "snap": 192}
}`

// TestScoreTown takes a simulated town the whole way, from packets to people.
// The floors lie a little below what was measured on 2026-11-29.
func TestScoreTown(t *testing.T) {
	dir := t.TempDir()
	scenario, out := filepath.Join(dir, "town.json"), filepath.Join(dir, "out")
	if err := os.WriteFile(scenario, []byte(smallTown), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := try(t.Context(), nil, "simulate", scenario, "--seed", "5", "-o", out); code != exitDone {
		t.Fatal(errs)
	}
	truth, err := readTruth(out, "")
	if err != nil {
		t.Fatal(err)
	}
	rep := reportOn(t, filepath.Join(out, "router.pcap"))
	result, err := evaluate.Evaluate([]evaluate.Input{{Name: "town", Report: rep}}, truth, evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := result.Reports[0]
	ten := r.Any.ByMessages[3]
	for _, f := range []struct {
		what     string
		is, want float64
	}{
		{"precision of contacts", *r.Any.P, 0.97},
		{"precision of direct contacts", *r.Direct.P, 0.97},
		{"recall of pairs with ten messages", *ten.Recall, 0.92},
		{"hit-rate@1", *r.Any.Ranking.Hits[0].Rate, 0.95},
		{"precision of messages sent", *r.Sent.P, 0.98},
		{"recall of messages sent", *r.Sent.R, 0.94},
		{"recall of messages received", *r.Received.R, 0.95},
		{"precision of peers", *r.From.P, 0.96},
	} {
		if t.Logf("%s: %.3f", f.what, f.is); f.is < f.want {
			t.Errorf("%s: %.3f, want at least %.2f", f.what, f.is, f.want)
		}
	}
}
