package report

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"envelope/analyze"
)

func encode(t *testing.T, r *analyze.Report) string {
	t.Helper()
	var buf bytes.Buffer
	if err := JSON(&buf, r); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestJSONHasNoNullLists(t *testing.T) {
	r := &analyze.Report{Inputs: []analyze.Input{{}}, Parties: []analyze.Party{{Names: []analyze.Name{{}}}}, Services: []analyze.ServiceUse{{}},
		Events: []analyze.Event{{Call: &analyze.Call{}}}, Contacts: []analyze.Contact{{}}, Groups: []analyze.Group{{}},
		Observers: []analyze.ObserverFacts{{}}, Claims: []analyze.ClaimState{{}}, Flows: []analyze.Flow{{}}}
	nullable := map[string]bool{"first": true, "last": true, "end": true, "peer": true, "group": true, "answered": true}
	for line := range strings.Lines(encode(t, r)) {
		if name, isNull := strings.CutSuffix(strings.TrimRight(strings.TrimSpace(line), ","), ": null"); isNull && !nullable[strings.Trim(name, `"`)] {
			t.Errorf("null: %s", line)
		}
	}
	if r.Events[0].Evidence != nil || r.Events[0].Call.PeerAddresses != nil {
		t.Error("the report was changed")
	}
	if empty := encode(t, &analyze.Report{}); strings.Contains(empty, "null") || strings.Contains(empty, "flows") {
		t.Errorf("an empty report: %s", empty)
	}
}

// TestJSONRoundTrip holds for names that try to drive the terminal as well: they
// are escaped, and nothing is lost but bytes that are no text.
func TestJSONRoundTrip(t *testing.T) {
	r := storyHostile()
	r.Parties[2].Names[0].Value = "tag \U000e0041 <script>&"
	r.Events[1].Peer = ptr("p2")
	text := encode(t, r)
	if i := strings.IndexFunc(text, func(c rune) bool { return c != '\n' && Clean(string(c)) != string(c) }); i >= 0 {
		t.Errorf("not printable: %q", text[i:i+10])
	}
	var back analyze.Report
	if err := json.Unmarshal([]byte(text), &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(encode(t, &back), text); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(r.Parties[0].Names, back.Parties[0].Names); d != "" {
		t.Error(d)
	}
	if got := back.Parties[2].Names[0].Value; got != r.Parties[2].Names[0].Value {
		t.Errorf("got %q", got)
	}
}

func TestJSONTimesAreUTC(t *testing.T) {
	r := &analyze.Report{Events: []analyze.Event{{Time: time.Date(2026, 3, 2, 15, 0, 0, 123456789, time.FixedZone("", 3600))}}}
	if text := encode(t, r); !strings.Contains(text, `"time": "2026-03-02T14:00:00.123456789Z"`) {
		t.Error(text)
	}
}

func TestJSONError(t *testing.T) {
	if err := JSON(&bytes.Buffer{}, &analyze.Report{Events: []analyze.Event{{Confidence: math.NaN()}}}); err == nil {
		t.Error("no error for a number that is not finite")
	}
}

func TestAtLeast(t *testing.T) {
	r := storyCall()
	got := AtLeast(r, 0.9)
	if len(got.Events) != 15 || len(r.Events) != 20 {
		t.Errorf("%d of %d events are left", len(got.Events), len(r.Events))
	}
}
