package simulate_test

import (
	"fmt"
	"hash/fnv"
	"runtime"
	"slices"
	"testing"
	"time"

	"envelope/capture"
	"envelope/capture/simulate"
)

// crowd is the embedded town with n people, for the given time from noon on.
func crowd(t testing.TB, n int, length time.Duration) *simulate.Town {
	t.Helper()
	town, err := simulate.Embedded("town")
	if err != nil {
		t.Fatal(err)
	}
	town.Crowd, town.Length = n, simulate.Span(length)
	if length < 24*time.Hour {
		town.Start = town.Start.Add(12 * time.Hour)
	}
	return town
}

func play(t testing.TB, town *simulate.Town, seed uint64) *simulate.Play {
	t.Helper()
	p, err := town.Play(seed)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// digest sums up all events of a town.
func digest(t testing.TB, town *simulate.Town, seed uint64) string {
	h := fnv.New64a()
	n := 0
	for s := range play(t, town, seed).Events() {
		fmt.Fprintln(h, s)
		n++
	}
	return fmt.Sprintf("%d %016x", n, h.Sum64())
}

func TestEventsAreTheSameEveryTime(t *testing.T) {
	town := crowd(t, 60, 2*time.Hour)
	first := digest(t, town, 1)
	if again := digest(t, town, 1); again != first {
		t.Errorf("two runs differ: %s, %s", first, again)
	}
	if other := digest(t, town, 2); other == first {
		t.Error("another seed gives the same events")
	}
	// All arithmetic is on integers, so this holds on every platform.
	if want := "26118 26d01f91b612704a"; first != want {
		t.Errorf("events %s, want %s", first, want)
	}
}

// TestTalk: the frames of Talk are those of Events.
func TestTalk(t *testing.T) {
	town := crowd(t, 60, 2*time.Hour)
	talk, all := []simulate.Seen{}, []simulate.Seen{}
	for s := range play(t, town, 1).Talk() {
		talk = append(talk, s)
	}
	for s := range play(t, town, 1).Events() {
		switch s.Kind {
		case simulate.KindText, simulate.KindMedia, simulate.KindReceipt, simulate.KindTyping, simulate.KindSync:
			all = append(all, s)
		}
	}
	if !slices.Equal(talk, all) || len(all) < 100 {
		t.Errorf("%d frames of %d", len(talk), len(all))
	}
}

func TestEventsAreInOrder(t *testing.T) {
	town := crowd(t, 100, 3*time.Hour)
	town.Flaws = simulate.Flaws{Missed: 100_000, False: 4, Jitter: simulate.Span(50 * time.Millisecond)}
	last, end := capture.Time(0), capture.TimeOf(town.Start.Add(3*time.Hour))
	for s := range play(t, town, 1).Events() {
		if s.Time < last || s.Time >= end || s.Size == 0 {
			t.Fatalf("after %v: %+v", last, s)
		}
		last = s.Time
	}
}

// TestConservation follows every message from its sender to its receivers: one
// frame up where the writer is inside, one frame down for each device of each
// receiver inside, never before the message was sent, and only among those who
// know each other.
func TestConservation(t *testing.T) {
	town := crowd(t, 200, 6*time.Hour)
	p := play(t, town, 1)
	type message struct {
		from, group int32
		sent, got   int
		at          capture.Time
		to          []int32
	}
	all := map[int64]*message{}
	for s := range p.Events() {
		if s.Kind != simulate.KindText && s.Kind != simulate.KindMedia {
			continue
		}
		m := all[s.Message]
		if m == nil {
			m = &message{from: s.From, group: s.Group, at: s.Time}
			all[s.Message] = m
		}
		if who := p.Party(s.Party).Person; s.Sent {
			m.sent++
			if who != s.From {
				t.Fatalf("message %d of %d left from %d", s.Message, s.From, who)
			}
		} else {
			m.got++
			m.to = append(m.to, s.Party)
		}
	}
	pairs := map[[2]int32]bool{}
	for _, x := range p.Pairs() {
		pairs[[2]int32{x.A, x.B}] = true
	}
	members := map[int32][]int32{}
	for _, g := range p.Groups() {
		members[g.Group] = g.Members
	}
	full := 0
	for id, m := range all {
		_, outside := p.Person(m.from)
		if outside == (m.sent == 1) || m.sent > 1 {
			t.Errorf("message %d left %d times", id, m.sent)
		}
		slices.Sort(m.to)
		if n := len(slices.Compact(m.to)); n != m.got {
			t.Errorf("message %d reached %d devices in %d copies", id, n, m.got)
		}
		for _, party := range m.to {
			who := p.Party(party).Person
			known := pairs[[2]int32{min(who, m.from), max(who, m.from)}]
			if m.group >= 0 {
				known = slices.Contains(members[m.group], who)
			}
			if who == m.from || !known {
				t.Errorf("message %d of %d (group %d) reached %d", id, m.from, m.group, who)
			}
		}
		if m.got > 0 {
			full++
		}
	}
	if full < 500 {
		t.Errorf("only %d messages arrived", full)
	}
}

// TestDelays: who is awake has a message within a second, a sleeping phone when
// it connects next, which is within 3.3 minutes.
func TestDelays(t *testing.T) {
	town := crowd(t, 200, 4*time.Hour)
	town.Outside = 0
	p := play(t, town, 1)
	sent := map[int64]capture.Time{}
	var quick, slow, late int
	for s := range p.Events() {
		if s.Kind != simulate.KindText {
			continue
		}
		if s.Sent {
			sent[s.Message] = s.Time
			continue
		}
		switch d := s.Time.Sub(sent[s.Message]); {
		case d < 0:
			t.Fatalf("message %d arrived %v before it was sent", s.Message, -d)
		case d < time.Second:
			quick++
		case !p.Party(s.Party).Locked && d > 20*time.Second, d > 215*time.Second:
			late++
		default:
			slow++
		}
	}
	if late > 0 || quick < slow || slow == 0 {
		t.Errorf("%d within a second, %d later, %d too late", quick, slow, late)
	}
}

// TestGaps: gaps within conversations have a median of some seconds and a heavy
// tail; people have few contacts mostly, and some many.
func TestGapsAndDegrees(t *testing.T) {
	town := crowd(t, 1000, 24*time.Hour)
	p := play(t, town, 1)
	last := map[[2]int32]capture.Time{}
	var gaps []time.Duration
	for s := range p.Events() {
		if s.Kind != simulate.KindText || !s.Sent || s.Group >= 0 {
			continue
		}
		key := [2]int32{s.From, s.Service}
		if at, ok := last[key]; ok && s.Time.Sub(at) < 5*time.Minute {
			gaps = append(gaps, s.Time.Sub(at))
		}
		last[key] = s.Time
	}
	slices.Sort(gaps)
	median, high := gaps[len(gaps)/2], gaps[len(gaps)*95/100]
	if median < 8*time.Second || median > 60*time.Second || high < 4*median {
		t.Errorf("gaps: median %v, 95 %% %v", median, high)
	}
	degrees := make([]int, p.Persons())
	messages := int64(0)
	for _, x := range p.Pairs() {
		degrees[x.A]++
		degrees[x.B]++
		messages += x.Messages
	}
	slices.Sort(degrees)
	sum := 0
	for _, d := range degrees {
		sum += d
	}
	mean := float64(sum) / float64(len(degrees))
	if mean < 3 || mean > 6.5 || degrees[len(degrees)-1] < 12 {
		t.Errorf("degrees: mean %.1f, greatest %d", mean, degrees[len(degrees)-1])
	}
	if perPair := float64(messages) / float64(len(p.Pairs())); perPair < 9 || perPair > 30 {
		t.Errorf("%.1f messages a pair and day", perPair)
	}
}

func TestFlaws(t *testing.T) {
	devices := 0
	count := func(f simulate.Flaws) (talk, wrong int) {
		town := crowd(t, 100, 4*time.Hour)
		town.Flaws = f
		p := play(t, town, 1)
		devices = p.Parties()
		for s := range p.Events() {
			switch s.Kind {
			case simulate.KindText, simulate.KindMedia, simulate.KindReceipt, simulate.KindTyping:
				talk++
			case simulate.KindFalse:
				wrong++
			}
		}
		return talk, wrong
	}
	all, none := count(simulate.Flaws{})
	some, wrong := count(simulate.Flaws{Missed: 250_000, False: 10})
	if none != 0 || some < all*70/100 || some > all*80/100 {
		t.Errorf("%d of %d frames are told, %d false ones without a flaw", some, all, none)
	}
	if per := wrong / 4 / devices; per < 8 || per > 12 {
		t.Errorf("%d false frames an hour and device, want 10", per)
	}
}

// TestStrangers: nobody inside talks to anybody inside.
func TestStrangers(t *testing.T) {
	town, err := simulate.Embedded("strangers")
	if err != nil {
		t.Fatal(err)
	}
	p := play(t, town, 1)
	frames := 0
	for range p.Events() {
		frames++
	}
	inside := func(who int32) bool { _, out := p.Person(who); return !out }
	for _, x := range p.Pairs() {
		if inside(x.A) && inside(x.B) {
			t.Errorf("%d and %d are both inside", x.A, x.B)
		}
	}
	for _, g := range p.Groups() {
		if n := len(slices.DeleteFunc(slices.Clone(g.Members), func(m int32) bool { return !inside(m) })); n > 1 {
			t.Errorf("group %d has %d members inside", g.Group, n)
		}
	}
	if len(p.Pairs()) < 50 || len(p.Groups()) < 2 || frames < 10_000 {
		t.Errorf("%d pairs, %d groups, %d frames", len(p.Pairs()), len(p.Groups()), frames)
	}
}

// BenchmarkTenThousandPeople plays a day, which is not held in memory.
func BenchmarkTenThousandPeople(b *testing.B) {
	for b.Loop() {
		p := play(b, crowd(b, 10_000, 24*time.Hour), 1)
		frames := 0
		for range p.Events() {
			frames++
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(frames), "frames")
		b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB-heap")
		b.ReportMetric(float64(m.Sys)/1e6, "MB-sys")
	}
}

// TestPushesAreAnswered: WhatsApp's clients answer each receipt, each copy of
// their own messages and each message, those of linked devices too, whose
// receipts go no further than to the server.
func TestPushesAreAnswered(t *testing.T) {
	town := crowd(t, 60, 4*time.Hour)
	p := play(t, town, 1)
	const within = time.Second
	due := map[int32][]capture.Time{} // of each device: pushes without an answer
	pushes, late := 0, 0
	for s := range p.Events() {
		if town.Messengers[s.Service].Kind != "whatsapp" {
			continue
		}
		if s.Sent && s.Kind == simulate.KindAck && len(due[s.Party]) > 0 {
			if s.Time.Sub(due[s.Party][0]) > within {
				late++
			}
			due[s.Party] = due[s.Party][1:]
		}
		linked := !p.Party(s.Party).Phone && (s.Kind == simulate.KindText || s.Kind == simulate.KindMedia)
		if !s.Sent && (s.Kind == simulate.KindReceipt || s.Kind == simulate.KindSync || linked) {
			pushes++
			due[s.Party] = append(due[s.Party], s.Time)
		}
	}
	open := 0
	for _, list := range due {
		open += len(list)
	}
	if pushes < 500 || late > 0 || open > pushes/100 {
		t.Errorf("%d pushes, %d answered late, %d never", pushes, late, open)
	}
}
