package correlate

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"envelope/capture"
)

// TestTowns scores the matcher on simulated towns. Floors lie a little below
// what was measured on 2026-11-23.
func TestTowns(t *testing.T) {
	tests := []struct {
		name  string
		town  func() *town
		least marks
	}{
		{"evening", func() *town { return newTown(200, 8, 1) }, marks{precision: 0.95, recall: 0.97, groupP: 0.9, jaccard: 0.9, attribP: 0.98, attribR: 0.85}},
		{"another", func() *town { return newTown(200, 8, 2) }, marks{precision: 0.95, recall: 0.95, groupP: 0.9, jaccard: 0.85, attribP: 0.98, attribR: 0.8}},
		{"sleepy", func() *town { x := newTown(300, 8, 3); x.locked = 0.8; return x }, marks{precision: 0.94, recall: 0.93, groupP: 0.9, jaccard: 0.75, attribP: 0.97, attribR: 0.6}},
		{"lossy", func() *town { x := newTown(300, 8, 4); x.loss, x.false_ = 0.2, 0.1; return x }, marks{precision: 0.94, recall: 0.93, groupP: 0.9, jaccard: 0.8, attribP: 0.97, attribR: 0.6}},
		{"other sizes", func() *town { x := newTown(200, 8, 5); x.scale, x.grow = 4, -90; return x }, marks{precision: 0.95, recall: 0.95, groupP: 0.9, jaccard: 0.85, attribP: 0.98, attribR: 0.8}},
		{"slow", func() *town { x := newTown(200, 8, 6); x.jitter = time.Second; return x }, marks{precision: 0.94, recall: 0.93, groupP: 0.9, jaccard: 0.8, attribP: 0.95, attribR: 0.75}},
	}
	for _, tt := range tests {
		x := tt.town().make()
		m := x.judge(Correlate(x.events, x.people, Options{}))
		t.Logf("%-12s %+v", tt.name, m)
		if m.precision < tt.least.precision || m.recall < tt.least.recall || m.groupP < tt.least.groupP || m.jaccard < tt.least.jaccard ||
			m.attribP < tt.least.attribP || m.attribR < tt.least.attribR {
			t.Errorf("%s: worse than %+v", tt.name, tt.least)
		}
		// Those who share a group and nothing else did talk, if not directly.
		if wrong := m.wrong - m.shared; wrong > 3+3*m.expect {
			t.Errorf("%s: %v of %v likely contacts never talked, expected %.2f", tt.name, wrong, m.said, m.expect)
		}
	}
}

// TestNobodyInside wants no contact where all talk is with people outside.
func TestNobodyInside(t *testing.T) {
	false_, expected := 0, 0.0
	for seed := range uint64(20) {
		x := newTown(60, 4, 100+seed)
		x.alone = true
		x.make()
		for _, c := range Correlate(x.events, x.people, Options{}).Contacts {
			if c.Confidence >= 0.9 {
				false_++
				expected += 1 - c.Confidence
			}
		}
	}
	if float64(false_) > 1+expected {
		t.Errorf("%d likely contacts among people who do not know each other, expected %.2f", false_, expected)
	}
}

// TestOrder wants the same result whatever the order of events is.
func TestOrder(t *testing.T) {
	x := newTown(60, 3, 9).make()
	want := Correlate(x.events, x.people, Options{})
	perm := rand.New(rand.NewPCG(3, 4)).Perm(len(x.events))
	events := make([]Event, len(perm))
	for i, k := range perm {
		events[i] = x.events[k]
	}
	got := Correlate(events, x.people, Options{})
	if d := cmp.Diff(strip(want), strip(got)); d != "" {
		t.Errorf("another order, another result: %s", d)
	}
	for i, k := range perm {
		if want.Peers[k].Party != got.Peers[i].Party {
			t.Fatalf("event %d: peer %d, in another order %d", k, want.Peers[k].Party, got.Peers[i].Party)
		}
	}
}

// strip leaves out what names events by their index.
func strip(r *Result) *Result {
	out := &Result{Notes: r.Notes, Same: r.Same}
	for _, c := range r.Contacts {
		c.Events = nil
		out.Contacts = append(out.Contacts, c)
	}
	for _, g := range r.Groups {
		g.Events = nil
		out.Groups = append(out.Groups, g)
	}
	return out
}

func TestTooFew(t *testing.T) {
	at := capture.Time(1e18)
	for _, events := range [][]Event{
		nil,
		{{Time: at, Sent: true}},
		{{Time: at, Sent: true}, {Time: at.Add(time.Second), Party: 1}},
		{{Time: at, Sent: true, Party: 7}, {Time: at, Party: -1}},
	} {
		r := Correlate(events, 2, Options{})
		if len(r.Contacts)+len(r.Groups) > 0 || len(r.Peers) != len(events) {
			t.Errorf("%d events: %+v", len(events), r)
		}
	}
}

// TestServicesApart wants nobody of one messenger tied to one of another.
func TestServicesApart(t *testing.T) {
	x := newTown(60, 3, 10).make()
	for i := range x.events {
		x.events[i].Service = x.events[i].Party % 2
	}
	r := Correlate(x.events, x.people, Options{})
	for _, c := range r.Contacts {
		if c.A%2 != c.B%2 {
			t.Errorf("%d and %d use different messengers", c.A, c.B)
		}
	}
	for i, p := range r.Peers {
		if p.Party != None && p.Party%2 != x.events[i].Party%2 {
			t.Fatalf("event %d is tied to another messenger", i)
		}
	}
}

// TestDevices gives half of the people a second device and wants them known as
// one.
func TestDevices(t *testing.T) {
	x := newTown(80, 8, 12)
	x.locked = 0
	x.make()
	var events []Event
	var copies []int
	for i, e := range x.events {
		events = append(events, e)
		if e.Party%2 == 1 || e.Kind > Media || x.msg[i] < 0 {
			continue
		}
		e.Time, e.Party = e.Time.Add(90*time.Millisecond), e.Party+80
		if e.Sent {
			e.Sent, e.Size = false, e.Size+75
			copies = append(copies, len(events))
		}
		events = append(events, e)
	}
	r := Correlate(events, 160, Options{})
	right := 0
	for _, s := range r.Same {
		if len(s) != 2 || s[1] != s[0]+80 {
			t.Errorf("taken for one person: %v", s)
		} else {
			right++
		}
	}
	if right < 15 {
		t.Errorf("%d second devices were found, of about 28", right)
	}
	named := 0
	for _, i := range copies {
		if p := &r.Peers[i]; p.Party == events[i].Party-80 && len(p.Matched) == 1 && p.Matched[0] == int32(i-1) {
			named++
		}
	}
	if 2*named < len(copies) {
		t.Errorf("of %d copies of what a first device sent, %d are told to be that", len(copies), named)
	}
}

func TestExpectFalse(t *testing.T) {
	list := []Contact{{Confidence: 0.9}, {Confidence: 0.75}, {Confidence: 0.75}, {Confidence: 0.5}}
	expectFalse(list)
	for i, want := range []float64{0.1, 0.6, 0.6, 1.1} {
		if d := list[i].ExpectedFalse - want; d > 1e-9 || d < -1e-9 {
			t.Errorf("%d: %v, want %v", i, list[i].ExpectedFalse, want)
		}
	}
}

func TestLagBins(t *testing.T) {
	if b := lagBin(-early); b != 0 {
		t.Errorf("the earliest lag is in bin %d", b)
	}
	if b := lagBin(longest); b != lagBins-1 {
		t.Errorf("the longest lag is in bin %d of %d", b, lagBins)
	}
	last := -1
	for d := -early; d <= longest; d += time.Millisecond {
		b := lagBin(d)
		if b < last {
			t.Fatalf("bins fall at %v", d)
		}
		last = b
	}
}

func TestSilence(t *testing.T) {
	at := func(s float64) capture.Time { return capture.Time(s * 1e9) }
	n := &net{first: 0, life: [][]capture.Time{{at(10), at(200), at(203), at(260)}}}
	tests := []struct {
		at   float64
		want time.Duration
	}{
		{10, 0},                  // there from the start, as far as can be told
		{200, 190 * time.Second}, // back after three minutes
		{203, 193 * time.Second}, // still catching up
		{260, 57 * time.Second},  // a shorter silence
	}
	for _, tt := range tests {
		if got := n.silence(0, at(tt.at)); got != tt.want {
			t.Errorf("at %v s: %v, want %v", tt.at, got, tt.want)
		}
	}
}

func TestEvidence(t *testing.T) {
	tests := []struct {
		x     []float64
		sent  int32
		least float64
		most  float64
	}{
		{nil, 10, 0, 0},
		{[]float64{0.5}, 10, 0, 0},    // less likely than chance
		{[]float64{100}, 1, 3.5, 4.7}, // one good hint of one message
		{[]float64{100}, 50, 0, 0.5},  // one of fifty
		{slices.Repeat([]float64{100}, 10), 10, 35, 47},
	}
	for _, tt := range tests {
		if got := evidence(tt.x, tt.sent); got < tt.least || got > tt.most {
			t.Errorf("%v of %d: %v, want %v to %v", tt.x, tt.sent, got, tt.least, tt.most)
		}
	}
}

func TestMoments(t *testing.T) {
	list := []hint{{at: 0, ratio: 2}, {at: 1e9, ratio: 5}, {at: 9e9, ratio: 1}}
	if got := moments(list); !slices.Equal(got, []float64{5, 1}) {
		t.Errorf("moments %v", got)
	}
}

func TestFitNull(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var all []float64
	for range 4000 {
		all = append(all, r.ExpFloat64()*2)
	}
	u := fitNull(all, 4)
	if u.fall < 0.45 || u.fall > 0.55 {
		t.Errorf("falls by %v, want 0.5", u.fall)
	}
	if d := u.density(u.level); d < 80 || d > 125 { // 200 of 1000 above the level, times 0.5
		t.Errorf("density at the level %v, want 100", d)
	}
}

func TestTable(t *testing.T) {
	true_, base := newCounts(growth()), newCounts(growth())
	for i := range 1000 {
		true_.add(9, 100+float64(i%4), 1)
		base.add(9, float64(i*8-4000), 1)
	}
	tab := true_.against(base)
	if in, out := tab.at(9, 101), tab.at(9, -3000); in < 50 || out > 0.2 {
		t.Errorf("ratio %v where all true ones are, %v elsewhere", in, out)
	}
	if x := tab.at(9, 1e9); x <= 0 {
		t.Errorf("ratio %v beyond the limits", x)
	}
}

func TestPairIndex(t *testing.T) {
	x := newPairIndex(1)
	for i := range int32(1000) {
		if got, back := x.put(i, 7*i+1, 2*i); got != 2*i || back != None {
			t.Fatalf("put %d: %d, back %d", i, got, back)
		}
		if got, back := x.put(7*i+1, i, 2*i+1); got != 2*i+1 || back != 2*i {
			t.Fatalf("put back %d: %d, back %d", i, got, back)
		}
	}
	for i := range int32(1000) {
		if there, back := x.get(i, 7*i+1), x.get(7*i+1, i); there != 2*i || back != 2*i+1 {
			t.Fatalf("get %d: %d, %d", i, there, back)
		}
	}
	if got := x.get(5, 7); got != None {
		t.Errorf("a key that is not there has %d", got)
	}
}

// FuzzCorrelate feeds events of any kind; nothing may panic, and all that is
// said must be of parties and events that there are.
func FuzzCorrelate(f *testing.F) {
	f.Add([]byte{}, uint8(3))
	f.Add(slices.Repeat([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, 20), uint8(3))
	f.Add(slices.Repeat([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 255, 255, 255, 255, 255, 255}, 9), uint8(200))
	f.Fuzz(func(t *testing.T, b []byte, parties uint8) {
		var events []Event
		for ; len(b) >= 16 && len(events) < 400; b = b[16:] {
			events = append(events, Event{Time: capture.Time(binary.BigEndian.Uint64(b) >> (b[15] % 60)), Party: int32(b[8]) - 2, Sent: b[9]&1 == 0, Kind: Kind(b[9] >> 1 & 3),
				Size: binary.BigEndian.Uint32(b[10:]), Bulk: uint64(b[14]) << (b[13] % 57), Service: int32(b[15] & 1), Input: int32(b[9] >> 4 & 1)})
		}
		r := Correlate(events, int(parties), Options{})
		for _, c := range r.Contacts {
			if c.A < 0 || c.B <= c.A || c.B >= int32(parties) || !(c.Confidence >= 0.5 && c.Confidence < 1) {
				t.Errorf("contact %+v", c)
			}
		}
		for _, p := range r.Peers {
			if p.Party >= int32(parties) || p.Group >= int32(len(r.Groups)) || p.Confidence < 0 || p.Confidence > 1 {
				t.Errorf("peer %+v", p)
			}
		}
	})
}

func BenchmarkTown(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			x := newTown(n, 24, 1)
			x.a = 0.8
			x.make()
			b.ReportAllocs()
			for b.Loop() {
				Correlate(x.events, x.people, Options{})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(x.events)), "ns/event")
		})
	}
}
