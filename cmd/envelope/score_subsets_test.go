package main

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"envelope/analyze/evaluate"
)

// clientsOf lists the addresses of a recording's clients, in order.
func clientsOf(t *testing.T, lab string) []string {
	t.Helper()
	raw, err := os.ReadFile(shared(t, "lab", lab, "hosts.json"))
	if err != nil {
		t.Fatal(err)
	}
	var hosts struct{ Subscribers map[string]string }
	if err := json.Unmarshal(raw, &hosts); err != nil {
		t.Fatal(err)
	}
	var out []string
	for a := range hosts.Subscribers {
		out = append(out, a)
	}
	slices.Sort(out)
	return out
}

// TestScoreSubsets looks at some of the clients of each lab, as a tap does that
// does not see everybody: whoever else they talk to is outside. No two of them
// that never talked are to be likely, and two who only share a group are not to
// talk directly. The bounds lie a little beside what was measured on 2026-11-29.
func TestScoreSubsets(t *testing.T) {
	var right, direct, talked, wrongDirect, never, sent, found float64
	for _, tt := range []struct {
		lab     string
		clients int
	}{{"A-xmpp-prosody", 6}, {"A2-xmpp-prosody-16", 7}, {"C0-matrix-small", 5}, {"A-xmpp-prosody", 3}, {"A2-xmpp-prosody-16", 4}} {
		truth, all := labTruth(t, tt.lab), clientsOf(t, tt.lab)
		router := shared(t, "lab", tt.lab, "router.pcapng")
		for seed := range uint64(4) {
			r := rand.New(rand.NewPCG(seed, uint64(tt.clients)))
			some := slices.Clone(all)
			r.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
			some = some[:tt.clients]
			rep := reportOn(t, "--filter", "host "+strings.Join(some, " or host "), router)
			result, err := evaluate.Evaluate([]evaluate.Input{{Name: tt.lab, Report: rep}}, truth, evaluate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			f := &result.Reports[0]
			right, direct = right+float64(f.Direct.Right), direct+seenPairs(f.Direct)
			talked, wrongDirect, never = talked+float64(f.Any.Right), wrongDirect+float64(f.Direct.Wrong), never+float64(f.Any.Wrong)
			sent, found = sent+float64(f.Sent.Right+f.Sent.Wrong), found+float64(f.Sent.Right)
		}
	}
	t.Logf("direct %v of %v, wrong %v; of likely pairs %v talked, %v did not; of %v messages sent %v are right", right, direct, wrongDirect, talked, never, sent, found)
	if right < 0.88*direct || wrongDirect > 0.15*right || never > 0.05*talked || found < 0.99*sent {
		t.Error("worse than the floors")
	}
}

// seenPairs is the number of pairs that talked of whom both are parties of the
// report.
func seenPairs(c evaluate.Contacts) float64 {
	if c.Seen == nil || *c.Seen == 0 {
		return 0
	}
	return math.Round(float64(c.Right) / *c.Seen)
}
