package correlate

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"envelope/capture"
)

// conversation makes an hour of a channel of n messages: party 0 sends every
// third and receives the others after 0.1-0.6 s, its frames growing with what
// was written; all parties talk to others besides, each so often an hour.
func conversation(seed uint64, n, parties int, others float64, clock time.Duration) ([]Listed, []Event, ChannelOptions) {
	r := rand.New(rand.NewPCG(seed, 1))
	first := capture.Time(1772452800 * int64(time.Second))
	o := ChannelOptions{First: first, Last: first.Add(time.Hour), Resolution: time.Second}
	var list []Listed
	var events []Event
	for k := range n {
		at := first.Add(time.Duration(r.Float64() * float64(time.Hour-time.Minute)))
		size := uint64(5 + r.IntN(200))
		stamp := at.Add(clock)
		list = append(list, Listed{Time: stamp - stamp%capture.Time(time.Second), Size: size, Known: true})
		e := Event{Time: at, Sent: k%3 == 0, Size: uint32(size) + 120}
		if !e.Sent {
			e.Time = at.Add(100*time.Millisecond + time.Duration(r.IntN(500))*time.Millisecond)
		}
		events = append(events, e)
	}
	for p := range parties {
		for range int(others) {
			events = append(events, Event{Time: first.Add(time.Duration(r.Float64() * float64(time.Hour))), Party: int32(p), Sent: r.IntN(2) == 0, Size: uint32(100 + r.IntN(400))})
		}
	}
	return list, events, o
}

func TestFindChannel(t *testing.T) {
	for _, clock := range []time.Duration{0, 3 * time.Second, -3 * time.Second} {
		list, events, o := conversation(1, 40, 8, 100, clock)
		got := FindChannel(list, events, 8, o)
		if len(got.Parties) != 1 || got.Parties[0].Party != 0 || got.Parties[0].Confidence < 0.99 || got.Parties[0].Matched < 38 || got.Note != "" {
			t.Errorf("clock %v: %+v", clock, got)
			continue
		}
		p := got.Parties[0]
		if off := p.Offset + clock; off < -100*time.Millisecond || off > 1500*time.Millisecond || p.Sent == 0 || p.Received == 0 {
			t.Errorf("clock %v: %+v", clock, p)
		}
	}
}

func TestFindChannelNobody(t *testing.T) {
	named, likely := 0, 0
	for seed := range uint64(20) {
		list, events, o := conversation(seed, 40, 8, 100, 0)
		events = events[40:] // only what they said to others
		for _, p := range FindChannel(list, events, 8, o).Parties {
			named++
			if p.Confidence >= 0.9 {
				likely++
			}
		}
	}
	if named > 3 || likely > 0 {
		t.Errorf("of 160 parties of no part in the conversation %d named, %d likely", named, likely)
	}
}

func TestFindChannelOtherClock(t *testing.T) {
	list, events, o := conversation(2, 40, 8, 100, 20*time.Second)
	if got := FindChannel(list, events, 8, o); len(got.Parties) > 0 || got.Note == "" {
		t.Errorf("a clock that is off by 20 s: %+v", got)
	}
}

func TestFindChannelTooLittle(t *testing.T) {
	list, events, o := conversation(3, 3, 4, 1500, 0)
	got := FindChannel(list, events, 4, o)
	if len(got.Parties) > 0 && got.Parties[0].Confidence >= 0.9 || got.Note == "" {
		t.Errorf("three messages of busy parties: %+v", got)
	}
	o.Last = o.First.Add(30 * time.Second)
	if got := FindChannel(list, events, 4, o); len(got.Parties) > 0 || got.Note == "" {
		t.Errorf("30 s of capture: %+v", got)
	}
	for i := range list {
		list[i].Time = list[i].Time.Add(24 * time.Hour)
	}
	if got := FindChannel(list, events, 4, o); got.InCapture != 0 || len(got.Parties) > 0 || !strings.Contains(got.Note, "time of the capture") {
		t.Errorf("a list of another day: %+v", got)
	}
	if got := FindChannel(nil, nil, 0, ChannelOptions{}); len(got.Parties) > 0 || got.Note == "" {
		t.Errorf("nothing: %+v", got)
	}
}

func TestFindChannelNeedsMore(t *testing.T) {
	for n := 2; n <= 8; n++ {
		list, events, o := conversation(5, n, 12, 400, 0)
		got := FindChannel(list, events, 12, o)
		if got.Needed == 0 {
			continue
		}
		list, events, o = conversation(5, n+2*got.Needed, 12, 400, 0)
		if again := FindChannel(list, events, 12, o); len(again.Parties) == 0 || again.Parties[0].Party != 0 || again.Parties[0].Confidence < 0.9 {
			t.Errorf("%d messages were to be enough with %d more; with twice as many more: %+v", n, got.Needed, again)
		}
		return
	}
	t.Error("no list was too short")
}

func TestFindChannelOrder(t *testing.T) {
	list, events, o := conversation(4, 30, 5, 60, 0)
	want := FindChannel(list, events, 5, o)
	r := rand.New(rand.NewPCG(9, 9))
	ids := r.Perm(len(events))
	mixed := make([]Event, len(events))
	for i, k := range ids {
		mixed[k] = events[i]
	}
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	got := FindChannel(list, mixed, 5, o)
	for i := range got.Parties {
		for j, id := range got.Parties[i].Events {
			got.Parties[i].Events[j] = int32(slices.Index(ids, int(id)))
		}
		slices.Sort(got.Parties[i].Events)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRunScore(t *testing.T) {
	flat := slices.Repeat([]float64{1}, 20)
	if s := runScore(flat); s < -1e-9 || s > 1e-9 {
		t.Errorf("ratios of 1 say %v", s)
	}
	if s := runScore(slices.Repeat([]float64{0}, 50)); s > -2 {
		t.Errorf("a party without events scores %v", s)
	}
	// Eight in a row say more than eight strewn ones: a person writes to one
	// contact for a while.
	run, strewn := make([]float64, 64), make([]float64, 64)
	for i := range 8 {
		run[20+i], strewn[8*i] = 20, 20
	}
	if a, b := runScore(run), runScore(strewn); a <= b || a < 5 {
		t.Errorf("a run scores %v, as many strewn %v", a, b)
	}
}
