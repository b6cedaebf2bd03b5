package evaluate

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"envelope/analyze"
	"envelope/capture"
)

// shared gives a path in the folder beside the repository that holds recorded
// captures; the test is skipped where that is absent, and fails in CI.
func shared(tb testing.TB, path string) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		p := filepath.Join(filepath.Dir(dir), "shared", path)
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	if os.Getenv("CI") == "true" {
		tb.Fatalf("shared/%s is absent", path)
	}
	tb.Skipf("needs shared/%s beside the repository", path)
	return ""
}

// labTruth reads the truth of a recording.
func labTruth(t *testing.T, folder string) *Truth {
	t.Helper()
	hosts, err := os.Open(filepath.Join(folder, "hosts.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer hosts.Close()
	accounts, err := ReadHosts(hosts, "hosts.json")
	if err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(filepath.Join(folder, "truth.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	truth, err := ReadTruth(in, "truth.jsonl", accounts)
	if err != nil {
		t.Fatal(err)
	}
	return truth
}

// witness is one who is often wrong: it makes a report out of the truth.
type witness struct {
	*rand.Rand
	truth *Truth
	rep   *analyze.Report
	party []string
}

// testify makes a report with missing, invented and displaced events, wrong
// peers, doubtful contacts and torn groups.
func testify(t *Truth, seed uint64) *analyze.Report {
	w := &witness{Rand: rand.New(rand.NewPCG(seed, 7)), truth: t, rep: &analyze.Report{Schema: analyze.Schema,
		Events: []analyze.Event{}, Contacts: []analyze.Contact{}, Groups: []analyze.Group{}}}
	addrs := slices.Sorted(maps.Keys(t.byAddr))
	w.party = make([]string, len(t.People))
	for i, a := range addrs {
		id := fmt.Sprintf("p%d", i+1)
		w.party[t.byAddr[a]] = id
		w.rep.Parties = append(w.rep.Parties, analyze.Party{ID: id, Addresses: []string{a}, Accounts: []string{}})
	}
	w.rep.Parties = append(w.rep.Parties, analyze.Party{ID: "px", Addresses: []string{"198.51.100.9"}, Accounts: []string{}})
	w.party = append(w.party, "px")
	w.messages()
	w.contacts()
	w.calls()
	slices.SortStableFunc(w.rep.Events, func(a, b analyze.Event) int { return a.Time.Compare(b.Time) })
	return w.rep
}

func (w *witness) chance(p float64) bool { return w.Float64() < p }

func (w *witness) somebody() string { return w.party[w.IntN(len(w.party))] }

func (w *witness) messages() {
	for i := range w.truth.Messages {
		m := &w.truth.Messages[i]
		w.message(m.Time, m.From, m.To[0], "sent", m)
		for _, g := range m.Got {
			w.message(g.Time, g.To, m.From, "received", m)
		}
		if w.chance(0.1) {
			e := said(0, w.somebody(), "received", w.somebody())
			e.Time = m.Time.Add(time.Duration(w.IntN(4e9))).UTC()
			w.rep.Events = append(w.rep.Events, e)
		}
	}
}

func (w *witness) message(at capture.Time, who, peer int32, direction string, m *Message) {
	if w.chance(0.08) {
		return
	}
	e := said(0, w.party[who], direction, "")
	e.Time = at.Add(time.Duration(w.NormFloat64() * 4e8)).UTC()
	if m.Media {
		e.Kind = "media"
	}
	switch {
	case w.chance(0.6):
		e.Peer = &w.party[peer]
	case w.chance(0.5):
		e.Peer = ptr(w.somebody())
	}
	w.rep.Events = append(w.rep.Events, e)
}

func (w *witness) contacts() {
	k := w.truth.talked()
	for a := range int32(len(w.truth.People)) {
		for b := range a {
			p := PairOf(a, b)
			sure := w.Float64() * 0.85
			if k.any[p] > 0 && w.chance(0.8) || w.chance(0.05) {
				sure = 1 - sure/6
			}
			via := "direct"
			if k.direct[p] == 0 && w.chance(0.8) {
				via = "group"
			}
			if w.chance(0.7) {
				w.rep.Contacts = append(w.rep.Contacts, analyze.Contact{A: w.party[a], B: w.party[b], Via: via, Confidence: math.Round(sure*50) / 50})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(k.groups)) {
		g := analyze.Group{Members: []string{w.somebody(), "px"}, Confidence: 0.7}
		for _, m := range k.groups[name] {
			if w.chance(0.8) {
				g.Members = append(g.Members, w.party[m])
			}
		}
		w.rep.Groups = append(w.rep.Groups, g, analyze.Group{Members: []string{w.party[0], w.party[1], w.somebody()}, Confidence: 0.5},
			analyze.Group{Members: []string{w.party[2], w.party[3]}, Confidence: 0.49})
	}
}

func (w *witness) calls() {
	for _, c := range w.truth.Calls {
		if w.chance(0.15) {
			continue
		}
		start := cmp.Or(c.Start, c.Dialled)
		e := said(0, w.party[c.From], "sent", w.party[c.To])
		if w.chance(0.2) {
			e.Peer = ptr(w.somebody())
		}
		e.Kind, e.Time, e.End = "call", start.Add(time.Duration(w.NormFloat64()*3e9)).UTC(), ptr(c.End.Add(time.Duration(w.NormFloat64()*2e9)).UTC())
		e.Call = &analyze.Call{Media: "audio", Path: "relayed", Answered: ptr(c.Answered)}
		w.rep.Events = append(w.rep.Events, e)
	}
}

// TestFiguresAreThoseOfTheRecordings holds our figures against those of the
// program that came with the labelled recordings, on reports that are wrong in
// every way.
func TestFiguresAreThoseOfTheRecordings(t *testing.T) {
	program := shared(t, "score/score.py")
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3")
	}
	for _, name := range []string{"A-xmpp-prosody", "A2-xmpp-prosody-16", "C0-matrix-small", "D-calls", "N-xmpp-idle"} {
		folder := shared(t, "lab/"+name)
		truth := labTruth(t, folder)
		for seed := range uint64(2) {
			rep := testify(truth, seed)
			data, err := json.Marshal(rep)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "report.json")
			if err := os.WriteFile(path, data, 0o666); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(python, program, "lab", path, folder).Output()
			if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
				t.Fatalf("%s %d: %v: %s", name, seed, err, failed.Stderr)
			} else if err != nil {
				t.Fatal(err)
			}
			theirs := map[string]any{}
			if err := json.Unmarshal(out, &theirs); err != nil {
				t.Fatal(err)
			}
			compareFigures(t, fmt.Sprintf("%s %d", name, seed), one(t, rep, truth), theirs)
		}
	}
}

// compareFigures compares ours with theirs, which say 0 where a figure is not
// defined, round to four decimals, and know no contact by call.
func compareFigures(t *testing.T, name string, r *Run, theirs map[string]any) {
	t.Helper()
	check := func(part, key string, got float64) {
		t.Helper()
		section, _ := theirs[part].(map[string]any)
		want, _ := section[key].(float64)
		if math.Abs(got-want) > 6e-5 {
			t.Errorf("%s: %s %s: ours %v, theirs %v", name, part, key, got, want)
		}
	}
	prf := func(part string, s Scores) {
		t.Helper()
		check(part, "tp", float64(s.Right))
		check(part, "fp", float64(s.Wrong))
		check(part, "fn", float64(s.Missed))
		check(part, "precision", orZero(s.P))
		check(part, "recall", orZero(s.R))
		check(part, "f1", orZero(s.F))
	}
	if r.Calls.Answered == 0 {
		for part, c := range map[string]*Contacts{"contacts_any": &r.Any, "contacts_direct": &r.Direct} {
			prf(part, c.Scores)
			check(part, "recall_5_messages", orZero(c.Often))
			check(part, "auc", orZero(c.Ranking.AUC))
		}
		if want, _ := theirs["contacts_calibration_error"].(float64); math.Abs(orZero(r.Calibration.Error)-want) > 6e-5 {
			t.Errorf("%s: calibration error: ours %v, theirs %v", name, orZero(r.Calibration.Error), want)
		}
	}
	prf("events_sent", r.Sent.Scores)
	prf("events_received", r.Received.Scores)
	for part, a := range map[string]Attribution{"attribution_sent": r.From, "attribution_received": r.To} {
		check(part, "precision", orZero(a.P))
		check(part, "recall", orZero(a.R))
		check(part, "told", float64(a.Told))
		check(part, "matched_direct", float64(a.Matched))
	}
	if r.Groups.Truth > 0 {
		check("groups", "truth", float64(r.Groups.Truth))
		check("groups", "found", float64(r.Groups.Found))
		check("groups", "mean_jaccard", orZero(r.Groups.Jaccard))
		check("groups", "spurious", float64(r.Groups.Spurious))
	}
	for key, got := range map[string]int{"answered": r.Calls.Answered, "linked": r.Calls.Linked, "end_within_3s": r.Calls.EndWithin, "path_right": r.Calls.Path,
		"media_right": r.Calls.Media, "unanswered": r.Calls.Unanswered, "unanswered_found": r.Calls.Attempts} {
		check("calls", key, float64(got))
	}
}

func orZero(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}
