package evaluate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"envelope/analyze"
	"envelope/capture"
)

// cast is a truth of four people, a to d, who are the parties pa to pd.
func cast(t testing.TB, lines ...string) (*Truth, *analyze.Report) {
	hosts := map[string]string{}
	rep := &analyze.Report{Schema: analyze.Schema}
	for i, name := range []string{"a", "b", "c", "d"} {
		addr := "192.0.2." + string(rune('1'+i))
		hosts[addr] = name + "@example.org"
		rep.Parties = append(rep.Parties, analyze.Party{ID: "p" + name, Addresses: []string{addr}})
	}
	return mustTruth(t, strings.Join(lines, "\n"), hosts), rep
}

func on(sec float64) time.Time { return at(sec).UTC() }

func ptr[T any](v T) *T { return &v }

// said makes an event of a message.
func said(sec float64, party, direction, peer string) analyze.Event {
	e := analyze.Event{ID: party + direction, Time: on(sec), Kind: "message", Party: party, Direction: direction, Bytes: 100}
	if peer != "" {
		e.Peer = &peer
	}
	return e
}

func one(t testing.TB, rep *analyze.Report, truth *Truth) *Run {
	t.Helper()
	r, err := Evaluate([]Input{{"report.json", rep}}, truth, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &r.Reports[0]
}

func value(t testing.TB, what string, got *float64, want float64) {
	t.Helper()
	if got == nil || !near(*got, rounded(want)) {
		t.Errorf("%s: %v, want %v", what, decimal(got), want)
	}
}

func TestContacts(t *testing.T) {
	truth, rep := cast(t,
		`{"ts": 1, "kind": "text", "from": "a", "to": "b"}`,
		`{"ts": 2, "kind": "text", "from": "b", "to": "a"}`,
		`{"ts": 3, "kind": "text", "from": "a", "to": ["b", "c"], "group": "g"}`,
		`{"ts": 4, "kind": "call", "from": "c", "to": "d", "answered": true, "start": 5, "end": 9, "mode": "p2p", "media": "audio"}`,
		`{"ts": 5, "kind": "call", "from": "b", "to": "d", "answered": false}`,
		`{"ts": 6, "kind": "text", "from": "a", "to": "stranger"}`)
	rep.Contacts = []analyze.Contact{
		{A: "pb", B: "pa", Via: "direct", Messages: 2, Confidence: 0.99, ExpectedFalse: 0.01},
		{A: "pa", B: "pb", Via: "group", Confidence: 0.5},                        // a pair counts by its highest
		{A: "192.0.2.1", B: "pc", Via: "direct", Confidence: 0.6, Candidates: 3}, // they only share a group
		{A: "pc", B: "pd", Via: "call", Calls: 1, Confidence: 0.95, ExpectedFalse: 0.05},
		{A: "pb", B: "pd", Via: "call", Confidence: 0.92},                      // only rang: neither right nor wrong
		{A: "pa", B: "pd", Via: "group", Confidence: 0.91, ExpectedFalse: 0.2}, // wrong
		{A: "pa", B: "px", Via: "direct", Confidence: 1},                       // of somebody unknown
	}
	rep.Groups = []analyze.Group{{ID: "g1", Members: []string{"pa", "pb", "pc"}, Confidence: 0.9}}
	r := one(t, rep, truth)
	// Any: a-b, a-c and c-d talked, as did nobody else of five pairs (b-d rang);
	// b-c comes from the group: the sender was a.
	if want := (Counts{Right: 3, Wrong: 2}); r.Any.Counts != want {
		t.Errorf("any: %+v, want %+v", r.Any.Counts, want)
	}
	value(t, "precision", r.Any.P, 0.6)
	value(t, "recall", r.Any.R, 1)
	if r.Any.Ranking.Right != 3 || r.Any.Ranking.Wrong != 2 {
		t.Errorf("pairs: %+v", r.Any.Ranking)
	}
	if want := (Counts{Right: 2}); r.Direct.Counts != want {
		t.Errorf("directly: %+v, want %+v", r.Direct.Counts, want)
	}
	possibly := r.Direct.Thresholds[0]
	if want := (Counts{Right: 2, Wrong: 1}); possibly.Threshold != 0.5 || possibly.Counts != want {
		t.Errorf("directly and possibly: %+v, want %+v", possibly, want)
	}
	value(t, "AUC directly", r.Direct.Ranking.AUC, 1)
	byTwo := r.Any.ByMessages[1]
	if byTwo.Messages != 2 || byTwo.Truth != 1 || byTwo.Said != 1 {
		t.Errorf("two messages: %+v", byTwo)
	}
	want := []Expected{{0.99, 1, 0, 0.01, 0.01}, {0.9, 3, 1, 0.2, 0.15}, {0.5, 5, 2, 0.2, 1.05}}
	if diff := cmp.Diff(want, r.Expected); diff != "" {
		t.Error(diff)
	}
	if r.Calibration.Statements != 5 {
		t.Errorf("%d statements", r.Calibration.Statements)
	}
}

// TestPeopleThatWereNeverSeen takes a party away: its pairs are missed, but not
// by what the capture shows.
func TestPeopleThatWereNeverSeen(t *testing.T) {
	truth, rep := cast(t,
		`{"ts": 1, "kind": "text", "from": "a", "to": "b"}`,
		`{"ts": 2, "kind": "text", "from": "a", "to": "d"}`)
	rep.Parties = rep.Parties[:3]
	rep.Contacts = []analyze.Contact{{A: "pa", B: "pb", Via: "direct", Confidence: 0.95}}
	r := one(t, rep, truth)
	value(t, "recall", r.Any.R, 0.5)
	value(t, "recall of those seen", r.Any.Seen, 1)
}

func TestEventsAndPeers(t *testing.T) {
	truth, rep := cast(t,
		`{"ts": 10, "kind": "text", "from": "a", "to": "b", "delivered": [{"to": "b", "ts": 10.5}]}`,
		`{"ts": 10.8, "kind": "media", "from": "a", "to": "c", "delivered": [{"to": "c", "ts": 11}]}`,
		`{"ts": 20, "kind": "text", "from": "b", "to": ["a", "c"], "group": "g", "delivered": [{"to": "a", "ts": 20.1}, {"to": "c", "ts": 20.2}]}`,
		`{"ts": 30, "kind": "text", "from": "b", "to": "stranger"}`,
		`{"ts": 40, "kind": "text", "from": "stranger", "to": "b", "delivered": [{"to": "b", "ts": 40.1}]}`)
	rep.Events = []analyze.Event{
		said(10.1, "pa", "sent", "pb"),     // right
		said(10.9, "pa", "sent", "pb"),     // to c
		said(20.2, "pb", "sent", ""),       // a group's
		said(30.1, "pb", "sent", "pd"),     // the peer is outside
		said(35, "pd", "sent", "pa"),       // never happened
		said(10.2, "px", "sent", ""),       // of nobody known
		said(10.6, "pb", "received", "pa"), // right
		said(11.1, "pc", "received", ""),   // not told
		said(40.2, "pb", "received", ""),
		{Time: on(20.1), Kind: "receipt", Party: "pa", Direction: "received"},
	}
	r := one(t, rep, truth)
	if want := (Counts{Right: 4, Wrong: 2}); r.Sent.Counts != want {
		t.Errorf("sent: %+v, want %+v", r.Sent.Counts, want)
	}
	if want := (Counts{Right: 3, Missed: 2}); r.Received.Counts != want {
		t.Errorf("received: %+v, want %+v", r.Received.Counts, want)
	}
	if r.From.Right != 1 || r.From.Told != 3 || r.From.Direct != 2 || r.From.Matched != 3 {
		t.Errorf("peers of sent: %+v", r.From)
	}
	if r.To.Right != 1 || r.To.Told != 1 || r.To.Direct != 2 {
		t.Errorf("peers of received: %+v", r.To)
	}
	value(t, "precision", r.From.P, 1.0/3)
	value(t, "recall", r.To.R, 0.5)
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		name         string
		truth, found []float64
		want         []int
	}{
		{"nothing", nil, nil, []int{}},
		{"nearest", []float64{10}, []float64{9.2, 10.1, 10.9}, []int{1}},
		{"first come", []float64{10, 10.5}, []float64{10.4}, []int{0, -1}},
		{"one each", []float64{10, 10.1, 10.2}, []float64{10.05, 10.1}, []int{0, 1, -1}},
		{"at the bound", []float64{10, 20}, []float64{11, 21.001}, []int{0, -1}},
		{"before", []float64{10}, []float64{9}, []int{0}},
	} {
		times := func(list []float64) []capture.Time { return timesOf(list, at) }
		if got := match(times(c.truth), times(c.found), tolerance); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestGroups(t *testing.T) {
	lines := []string{
		`{"ts": 1, "kind": "text", "from": "a", "to": ["b", "c", "d"], "group": "all"}`,
		`{"ts": 1, "kind": "text", "from": "a", "to": ["b", "c"], "group": "three"}`,
		`{"ts": 1, "kind": "text", "from": "a", "to": ["b", "stranger"], "group": "two here"}`,
	}
	for _, c := range []struct {
		name   string
		groups [][]string
		want   GroupFigures
	}{
		{"none", nil, GroupFigures{Truth: 2, Missed: 2, Jaccard: ptr(0.0)}},
		{"right", [][]string{{"pd", "pa", "pc", "pb"}, {"pa", "pb", "pc"}}, GroupFigures{Truth: 2, Found: 2, Jaccard: ptr(1.0)}},
		{"one for both", [][]string{{"pa", "pb", "pc"}}, GroupFigures{Truth: 2, Found: 1, Jaccard: ptr(0.875), Missing: 1}},
		{"spurious", [][]string{{"pa", "pb", "pc", "pd"}, {"pc", "pd"}, {"pb", "pc", "px"}},
			GroupFigures{Truth: 2, Found: 3, Jaccard: ptr(0.875), Extra: 1}},
		{"of one", [][]string{{"pd", "px"}}, GroupFigures{Truth: 2, Found: 1, Jaccard: ptr(0.125), Spurious: 1, Missed: 2}},
	} {
		truth, rep := cast(t, lines...)
		for _, g := range c.groups {
			rep.Groups = append(rep.Groups, analyze.Group{Members: g, Confidence: 0.8})
		}
		rep.Groups = append(rep.Groups, analyze.Group{Members: []string{"pb", "pd"}, Confidence: 0.4})
		got := one(t, rep, truth).Groups
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestCalls(t *testing.T) {
	truth, rep := cast(t,
		`{"ts": 100, "kind": "call", "from": "a", "to": "b", "media": "audio", "mode": "relayed", "answered": true, "start": 104, "end": 160}`,
		`{"ts": 200, "kind": "call", "from": "b", "to": "a", "media": "video", "mode": "p2p", "answered": true, "start": 203, "end": 220}`,
		`{"ts": 300, "kind": "call", "from": "c", "to": "d", "answered": false, "media": "audio", "mode": "p2p", "start": null, "end": 310}`,
		`{"ts": 400, "kind": "call", "from": "a", "to": "stranger", "answered": true}`)
	call := func(sec, end float64, party, peer, media, path string, answered bool) analyze.Event {
		e := said(sec, party, "", peer)
		e.Kind, e.End = "call", ptr(on(end))
		e.Call = &analyze.Call{Media: media, Path: path, Answered: &answered, AnsweredAt: ptr(on(sec + 2).Format(time.RFC3339Nano))}
		return e
	}
	rep.Events = []analyze.Event{
		call(101, 161, "pa", "pb", "audio", "relayed", true),
		call(201, 224, "pa", "pb", "audio", "direct", true), // ends too late, and is video
		call(299, 309, "pd", "pc", "unknown", "unknown", false),
		call(500, 510, "pa", "pc", "audio", "direct", true), // a wrong pair
		call(101, 160, "pa", "", "audio", "relayed", true),  // with nobody
	}
	got := one(t, rep, truth).Calls
	want := CallFigures{Answered: 2, Linked: 2, EndWithin: 1, Path: 2, Media: 1, Unanswered: 1, Attempts: 1, WrongPairs: 1, Extra: 2,
		SetUp:  Quantiles{2, ptr(1.0), ptr(1.0), ptr(1.0)},
		Answer: Quantiles{2, ptr(0.0), ptr(1.0), ptr(1.0)},
		End:    Quantiles{2, ptr(1.0), ptr(4.0), ptr(4.0)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestQuantiles(t *testing.T) {
	got := quantiles([]float64{10, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	if diff := cmp.Diff(Quantiles{10, ptr(5.0), ptr(9.0), ptr(10.0)}, got); diff != "" {
		t.Error(diff)
	}
	if got := quantiles(nil); got.Median != nil || got.Count != 0 {
		t.Errorf("of none: %+v", got)
	}
}

// writing is ten messages between a and b, ten seconds apart, and the events
// that show them.
func writing(t testing.TB) (*Truth, *analyze.Report) {
	var lines []string
	for i := range 10 {
		lines = append(lines, fmt.Sprintf(`{"ts": %d, "kind": "text", "from": "a", "to": "b"}`, 1000+10*i))
	}
	truth, rep := cast(t, lines...)
	for i, m := range truth.Messages {
		e := said(0, "pa", "sent", "pb")
		e.ID, e.Time = fmt.Sprintf("e%d", i), m.Time.UTC()
		rep.Events = append(rep.Events, e)
	}
	rep.Inputs = []analyze.Input{{First: ptr(on(1))}}
	return truth, rep
}

func TestEstimatedMessagesUntilLikely(t *testing.T) {
	truth, rep := writing(t)
	ids := []string{}
	for _, e := range rep.Events {
		ids = append(ids, e.ID)
	}
	// From even odds to 0.99 in ten steps; 0.9 is passed after ten times
	// ln 9 / ln 99 = 4.8 of them.
	rep.Contacts = []analyze.Contact{{A: "pa", B: "pb", Via: "direct", Confidence: 0.99, Candidates: 1, Evidence: ids}}
	got := one(t, rep, truth).Identify
	if want := (Identify{"estimated", 1, 0, ptr(5.0), ptr(5.0)}); cmp.Diff(want, got) != "" {
		t.Error(cmp.Diff(want, got))
	}
	rep.Contacts[0].Confidence = 0.8
	if got := one(t, rep, truth).Identify; got.Never != 1 || got.Median != nil {
		t.Errorf("never likely: %+v", got)
	}
}

func TestMeasuredMessagesUntilLikely(t *testing.T) {
	truth, rep := writing(t)
	part := func(events int, confidence float64) Input {
		r := *rep
		r.Events = rep.Events[:events]
		r.Contacts = []analyze.Contact{{A: "pa", B: "pb", Via: "direct", Confidence: confidence}}
		return Input{"part", &r}
	}
	// Likely after two, not after four, and again from six on.
	inputs := []Input{part(10, 0.99), part(2, 0.95), part(4, 0.6), part(6, 0.92)}
	r, err := Evaluate(inputs, truth, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := (&Identify{"measured", 1, 0, ptr(6.0), ptr(6.0)}); cmp.Diff(want, r.Identify) != "" {
		t.Error(cmp.Diff(want, r.Identify))
	}
	inputs[0].Report.Inputs = []analyze.Input{{First: ptr(on(2))}}
	if r, _ := Evaluate(inputs, truth, Options{}); r.Identify != nil {
		t.Errorf("of different recordings: %+v", r.Identify)
	}
}
