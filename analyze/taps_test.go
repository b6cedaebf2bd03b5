package analyze

import (
	"testing"
	"time"

	"envelope/analyze/correlate"
	"envelope/capture"
)

// twin gives a flow as another tap saw it: so much later, with a delay between
// the taps, without some of its frames.
func twin(m *made, input int32, later, delay time.Duration, without func(i int) bool) *made {
	out := *m
	out.ID += 100
	out.FirstAt.Input, out.LastAt.Input = input, input
	out.Frames = nil
	for i, f := range m.Frames {
		if f.Origin.Input = input; f.Up {
			f.Time = f.Time.Add(later + delay)
		} else {
			f.Time = f.Time.Add(later - delay)
		}
		if !without(i) {
			out.Frames = append(out.Frames, f)
		}
	}
	out.First, out.Last = m.First.Add(later), m.Last.Add(later)
	return &out
}

func nothing(int) bool { return false }

// varied is a chat of n frames each way, of many lengths.
func varied(client string, n int) *made {
	m := tcp(client, "157.240.1.60:5222").host("g.whatsapp.net").sign("whatsapp-noise")
	for i := range n {
		m.frame(float64(10*i), 150+i*i%97).frame(float64(10*i)+1, -(200 + i*i%89))
	}
	return m
}

func TestMatchFlows(t *testing.T) {
	m := varied("10.0.0.2:50000", 40)
	other := tcp("10.0.0.2:50000", "157.240.1.60:5222")
	for i := range 40 {
		other.frame(float64(10*i), 300+i*i%71).frame(float64(10*i)+1, -(400 + i*i%83))
	}
	turned := twin(m, 1, time.Second, 0, nothing)
	turned.Client, turned.Server = turned.Server, turned.Client
	for i := range turned.Frames {
		turned.Frames[i].Up = !turned.Frames[i].Up
	}
	for _, c := range []struct {
		name  string
		with  *made
		least int
	}{
		{"itself", twin(m, 1, 3*time.Second, 0, nothing), 80},
		{"with frames missing", twin(m, 1, 3*time.Second, 0, func(i int) bool { return i%20 == 7 }), 60},
		{"its second half", twin(m, 1, 3*time.Second, 0, func(i int) bool { return i < 40 }), 38},
		{"with client and server the other way round", turned, 80},
		{"an hour later, many frames", twin(m, 1, time.Hour, 0, nothing), 80},
		{"other lengths", other, 0},
	} {
		got := matchFlows(&m.Flow, &c.with.Flow)
		if len(got) < c.least || c.least == 0 && got != nil {
			t.Errorf("%s: %d frames in common, want %d", c.name, len(got), c.least)
		}
		for _, p := range got {
			if p.x.mark != p.y.mark {
				t.Fatalf("%s: %v is not %v", c.name, p.x, p.y)
			}
		}
	}
	short := varied("10.0.0.2:50000", 2)
	if got := matchFlows(&short.Flow, &twin(short, 1, time.Hour, 0, nothing).Flow); got != nil {
		t.Errorf("four frames an hour later are the same flow: %v", got)
	}
}

// TestTwins: the delay between two taps is not taken for a difference of clocks;
// the flow counts once, with evidence of both.
func TestTwins(t *testing.T) {
	m := varied("10.0.0.2:50000", 40)
	m.ID = 1
	o := twin(m, 1, 2500*time.Millisecond, 40*time.Millisecond, func(i int) bool { return i > 60 })
	tp := &taps{copies: map[uint64][]*conn{}, dropped: map[uint64]uint64{}, same: map[capture.Origin][]capture.Origin{}}
	all := []*conn{{}, {}}
	all[0].Flow, all[1].Flow = &m.Flow, &o.Flow
	ties := tp.twins(all)
	if len(ties) != 1 || ties[0].Offset != -2500*time.Millisecond || ties[0].Rough || ties[0].A != 0 || ties[0].B != 1 {
		t.Fatalf("ties %+v", ties)
	}
	kept := tp.once(all)
	if len(kept) != 1 || kept[0].Flow.ID != 1 {
		t.Fatalf("kept %d flows", len(kept))
	}
	if got := tp.same[m.Frames[3].Origin]; len(got) != 1 || got[0].Input != 1 {
		t.Errorf("the same packet: %v", got)
	}
}

func TestLineOf(t *testing.T) {
	var list []step
	for i := range 300 {
		list = append(list, step{at(float64(i) * 4), 70*time.Millisecond + time.Duration(i*4)*50*time.Microsecond + time.Duration(i%7)*time.Millisecond})
	}
	if l := lineOf(list); l.drift < 45e-6 || l.drift > 55e-6 {
		t.Errorf("drift %g, want 50 parts in a million", l.drift)
	}
	if l := lineOf(list[:60]); l.drift != 0 {
		t.Errorf("drift %g told from four minutes", l.drift)
	}
	if l := lineOf(nil); l != (line{}) {
		t.Errorf("nothing: %+v", l)
	}
}

func TestTapsTimes(t *testing.T) {
	tp := &taps{clocks: []correlate.Clock{{}, {Offset: time.Second, Drift: 1e-4, Mid: at(100)}}}
	if got := tp.at(at(200), 1).Sub(at(200)); got != time.Second+10*time.Millisecond {
		t.Errorf("moved by %v", got)
	}
	if tp.at(at(5), 0) != at(5) || tp.at(0, 1) != 0 || tp.at(at(5), 9) != at(5) {
		t.Error("times that need no moving, are not known or of no input were moved")
	}
}
