package correlate_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"envelope/analyze"
	"envelope/analyze/correlate"
	"envelope/analyze/service"
	"envelope/capture"
	"envelope/capture/packet"
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

// lab is one recording: the events that its network shows, and who wrote to
// whom.
type lab struct {
	events []correlate.Event
	names  []string // of the parties
	direct map[[2]string]int
	any    map[[2]string]int
	groups map[string][]string
}

// openLab reads what a recording's network shows into events.
func openLab(tb testing.TB, name string) *lab {
	tb.Helper()
	dir := shared(tb, "lab/"+name)
	set, err := service.Load()
	if err != nil {
		tb.Fatal(err)
	}
	an := analyze.New(analyze.Options{Services: set})
	r := packet.NewReader(packet.Options{QUICHello: true, Classify: an.Classify})
	in, err := capture.Open(filepath.Join(dir, "router.pcapng"), 0, r.Formats())
	if err != nil {
		tb.Fatal(err)
	}
	take := func(rec capture.Record, err error) {
		if err == nil {
			an.Add(&rec)
		}
	}
	for rec, err := range in.All() {
		take(rec, err)
	}
	for rec, err := range r.Finish() {
		take(rec, err)
	}
	rep := an.Report(nil)
	l := &lab{}
	l.readTruth(tb, dir)
	l.readEvents(tb, dir, rep)
	return l
}

func (l *lab) readEvents(tb testing.TB, dir string, rep *analyze.Report) {
	tb.Helper()
	var hosts struct{ Subscribers map[string]string }
	text, err := os.ReadFile(filepath.Join(dir, "hosts.json"))
	if err == nil {
		err = json.Unmarshal(text, &hosts)
	}
	if err != nil {
		tb.Fatal(err)
	}
	party, services := map[string]int32{}, map[string]int32{}
	for i, p := range rep.Parties {
		party[p.ID] = int32(i)
		name := strings.TrimPrefix(hosts.Subscribers[p.Addresses[0]], "@")
		l.names = append(l.names, name[:max(0, strings.IndexAny(name+"@", "@:"))])
	}
	kinds := map[string]correlate.Kind{"message": correlate.Message, "media": correlate.Media, "receipt": correlate.Receipt, "typing": correlate.Typing}
	for _, e := range rep.Events {
		kind, ok := kinds[e.Kind]
		if !ok || e.Direction == "" {
			continue
		}
		if _, ok := services[e.Service]; !ok {
			services[e.Service] = int32(len(services))
		}
		x := correlate.Event{Time: capture.TimeOf(e.Time), Party: party[e.Party], Sent: e.Direction == "sent", Kind: kind,
			Service: services[e.Service], Confidence: e.Confidence, Size: uint32(e.Bytes)}
		if kind == correlate.Media {
			x.Size, x.Bulk = 0, e.Bytes
		}
		l.events = append(l.events, x)
	}
}

func (l *lab) readTruth(tb testing.TB, dir string) {
	tb.Helper()
	file, err := os.Open(filepath.Join(dir, "truth.jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	l.direct, l.any, l.groups = map[[2]string]int{}, map[[2]string]int{}, map[string][]string{}
	for dec := json.NewDecoder(file); dec.More(); {
		var row struct {
			Kind, From, Group string
			To                json.RawMessage
		}
		if err := dec.Decode(&row); err != nil {
			tb.Fatal(err)
		}
		if row.Kind != "text" && row.Kind != "media" {
			continue
		}
		var to []string
		if json.Unmarshal(row.To, &to) != nil {
			to = []string{strings.Trim(string(row.To), `"`)}
		}
		l.note(row.From, row.Group, to)
	}
}

func (l *lab) note(from, group string, to []string) {
	for _, t := range to {
		l.any[two(from, t)]++
		if group == "" {
			l.direct[two(from, t)]++
		}
	}
	if group == "" {
		return
	}
	for _, p := range append(to, from) {
		if !slices.Contains(l.groups[group], p) {
			l.groups[group] = append(l.groups[group], p)
		}
	}
}

func two(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

// figures is how well a result agrees with a recording's truth.
type figures struct {
	anyP, anyR, directP, directR, often float64
	jaccard                             float64
	spurious                            int
	calibration                         float64
}

func (l *lab) judge(res *correlate.Result) figures {
	any, direct := map[[2]string]float64{}, map[[2]string]float64{}
	for _, c := range res.Contacts {
		k := two(l.names[c.A], l.names[c.B])
		any[k] = max(any[k], c.Confidence)
		if c.Via == "direct" {
			direct[k] = max(direct[k], c.Confidence)
		}
	}
	var f figures
	f.anyP, f.anyR, _ = rates(any, l.any)
	f.directP, f.directR, f.often = rates(direct, l.direct)
	var off float64
	for k, p := range any {
		if l.any[k] > 0 {
			off += 1 - p
		} else {
			off -= p
		}
	}
	f.calibration = math.Abs(off) / max(1, float64(len(any)))
	f.jaccard, f.spurious = l.judgeGroups(res)
	return f
}

// rates gives precision and recall at 0.9, and recall of those with at least
// five messages.
func rates(said map[[2]string]float64, truth map[[2]string]int) (p, r, often float64) {
	var right, all, five, of5 float64
	for k, s := range said {
		if s >= 0.9 {
			all++
			if truth[k] > 0 {
				right++
			}
		}
	}
	for k, n := range truth {
		if n >= 5 {
			of5++
			if said[k] >= 0.9 {
				five++
			}
		}
	}
	return right / max(1, all), right / max(1, float64(len(truth))), five / max(1, of5)
}

func (l *lab) judgeGroups(res *correlate.Result) (mean float64, spurious int) {
	best := map[string]float64{}
	for _, g := range res.Groups {
		top := 0.0
		for name, want := range l.groups {
			both := 0.0
			for _, m := range g.Members {
				if slices.Contains(want, l.names[m.Party]) {
					both++
				}
			}
			x := both / (float64(len(want)+len(g.Members)) - both)
			best[name], top = max(best[name], x), max(top, x)
		}
		if top < 0.5 {
			spurious++
		}
	}
	for name := range l.groups {
		mean += best[name] / float64(len(l.groups))
	}
	return mean, spurious
}

var labs = []string{"A-xmpp-prosody", "A2-xmpp-prosody-16", "C0-matrix-small"}

// TestLabs holds the matcher to recordings of real messengers. The floors are
// those that the project set itself; what was measured is 1.0 throughout.
func TestLabs(t *testing.T) {
	for _, name := range labs {
		t.Run(name, func(t *testing.T) {
			l := openLab(t, name)
			f := l.judge(correlate.Correlate(l.events, len(l.names), correlate.Options{}))
			t.Logf("%+v", f)
			if f.anyP < 0.99 || f.anyR < 0.95 || f.directP < 0.95 || f.directR < 0.95 || f.jaccard < 0.95 || f.spurious > 0 || f.calibration > 0.05 {
				t.Errorf("worse than the floors: %+v", f)
			}
		})
	}
}

func TestLabIdle(t *testing.T) {
	l := openLab(t, "N-xmpp-idle")
	res := correlate.Correlate(l.events, len(l.names), correlate.Options{})
	if len(res.Contacts)+len(res.Groups) > 0 {
		t.Errorf("nobody talks, but %d contacts and %d groups", len(res.Contacts), len(res.Groups))
	}
}

// TestLabsDisturbed changes the recordings and wants the matcher to bear it.
func TestLabsDisturbed(t *testing.T) {
	tests := []struct {
		name  string
		apply func(l *lab, r *rand.Rand)
		least figures // of the mean over draws
		draws int
	}{
		{"half the time", func(l *lab, r *rand.Rand) { l.events = l.events[:len(l.events)/2] }, figures{anyP: 0.96, directP: 0.9, often: 0}, 1},
		{"other half", func(l *lab, r *rand.Rand) { l.events = l.events[len(l.events)/2:] }, figures{anyP: 0.96, directP: 0.9, often: 0}, 1},
		{"sizes times 3", func(l *lab, r *rand.Rand) {
			for i := range l.events {
				l.events[i].Size *= 3
			}
		}, figures{anyP: 0.99, directP: 0.95, often: 0.95}, 1},
		{"jitter 100 ms", func(l *lab, r *rand.Rand) {
			for i := range l.events {
				if !l.events[i].Sent {
					l.events[i].Time = l.events[i].Time.Add(time.Duration(r.ExpFloat64() * 1e8))
				}
			}
		}, figures{anyP: 0.97, directP: 0.9, often: 0.95}, 1},
		{"no sizes", func(l *lab, r *rand.Rand) {
			for i := range l.events {
				l.events[i].Size, l.events[i].Bulk = 0, 0
			}
		}, figures{anyP: 0.97, directP: 0.85, often: 0.9}, 1},
		{"a fifth missing", func(l *lab, r *rand.Rand) {
			l.events = slices.DeleteFunc(l.events, func(correlate.Event) bool { return r.Float64() < 0.2 })
		}, figures{anyP: 0.94, directP: 0.85, often: 0.9}, 6},
		{"a fifth false", func(l *lab, r *rand.Rand) {
			first, last := l.events[0].Time, l.events[len(l.events)-1].Time
			for range len(l.events) / 5 {
				e := l.events[r.IntN(len(l.events))]
				e.Time = first.Add(time.Duration(r.Int64N(int64(last.Sub(first)))))
				l.events = append(l.events, e)
			}
		}, figures{anyP: 0.9, directP: 0.9, often: 0.95}, 3}, // one pair is one in seventeen
	}
	for _, tt := range tests {
		for _, name := range labs {
			f := meanFigures(t, name, tt.draws, tt.apply)
			t.Logf("%-16s %-20s any %.3f %.3f direct %.3f %.3f often %.3f jaccard %.3f spurious %d calibration %.3f", tt.name, name, f.anyP, f.anyR, f.directP, f.directR, f.often, f.jaccard, f.spurious, f.calibration)
			if f.anyP < tt.least.anyP || f.directP < tt.least.directP || f.often < tt.least.often {
				t.Errorf("%s, %s: %+v", tt.name, name, f)
			}
		}
	}
}

// TestLabsOutsiders drops a third of the parties: what these wrote to the
// others came from people outside, who must not be taken for the next best. Of
// these messages 3 to 9 in 100 were given a source inside, nearly all of it the
// rest of a group that the sender belongs to; a pair that is all that is left
// of a group looks like one that talks directly.
func TestLabsOutsiders(t *testing.T) {
	for _, name := range labs {
		for drop := range 3 {
			l := openLab(t, name)
			whole := correlate.Correlate(l.events, len(l.names), correlate.Options{})
			var kept []correlate.Event
			var was []correlate.Peer
			for i, e := range l.events {
				if int(e.Party)%3 != drop {
					kept, was = append(kept, e), append(was, whole.Peers[i])
				}
			}
			res := correlate.Correlate(kept, len(l.names), correlate.Options{})
			out, named, in, right := 0., 0., 0., 0.
			for i := range kept {
				switch p := was[i].Party; {
				case kept[i].Sent || p == correlate.None:
				case int(p)%3 == drop:
					out++
					if res.Peers[i].Party != correlate.None {
						named++
					}
				default:
					in++
					if res.Peers[i].Party == p {
						right++
					}
				}
			}
			f := l.judge(res)
			t.Logf("%-20s without %d: any %.3f direct %.3f spurious %d; of %v from outside %v named, of %v from inside %v right", name, drop, f.anyP, f.directP, f.spurious, out, named, in, right)
			if named > 0.12*out || f.anyP < 0.96 || right < 0.95*in {
				t.Errorf("%s without %d: %v of %v named, %+v", name, drop, named, out, f)
			}
		}
	}
}

// meanFigures is the mean over some draws of what is done to a recording.
func meanFigures(t *testing.T, name string, draws int, apply func(*lab, *rand.Rand)) (mean figures) {
	for seed := range uint64(draws) {
		l := openLab(t, name)
		apply(l, rand.New(rand.NewPCG(seed+1, 2)))
		f := l.judge(correlate.Correlate(l.events, len(l.names), correlate.Options{}))
		for to, x := range map[*float64]float64{&mean.anyP: f.anyP, &mean.anyR: f.anyR, &mean.directP: f.directP, &mean.directR: f.directR,
			&mean.often: f.often, &mean.jaccard: f.jaccard, &mean.calibration: f.calibration} {
			*to += x / float64(draws)
		}
		mean.spurious += f.spurious
	}
	return mean
}
