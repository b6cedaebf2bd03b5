package infer

import (
	"cmp"
	"math"
	"slices"
)

// Stream finds events.
func Stream(conns []Conn) []Event {
	var m []*Conn
	for i := range conns {
		if conns[i].Role == "message" {
			m = append(m, &conns[i])
		}
	}
	v := newView(m)
	v.markAnswers(true)
	v.markAnswers(false)
	lead := v.leaders(true)
	l := v.learn(lead, false)
	fs := v.choose(v.families(lead), l)
	v.markContent(fs)
	ups := v.contents(fs)
	v.laws(fs, ups)
	v.match(ups, fs)
	return v.emit(fs, slices.Concat(ups...))
}

// laws learns for every family how its units are passed on: from what others
// received, else from the copies that senders got.
func (v *view) laws(fs []family, ups [][]int32) {
	all := v.learn(slices.Concat(ups...), false)
	for i := range fs {
		f := &fs[i]
		if f.law = all; len(ups[i]) >= 20 {
			f.law = v.learn(ups[i], false)
		}
		if len(f.law.delta) == 0 {
			f.law = v.learn(ups[i], true)
		}
		if len(f.law.delta) == 0 && len(v.clients) > 1 {
			f.law = &law{anything: true}
			v.lags(f.law, ups[i], false)
		}
	}
}

// arrivals marks what was probably received from outside the capture: units of
// a size that messages have when they arrive, which nobody asked for. Where most
// such units have a known source, those without one are something else.
func (v *view) arrivals(fs []family) {
	low, high := arriving(fs)
	known := 0
	var open []int32
	for _, id := range v.downs {
		switch d := &v.units[id]; {
		case d.login || d.echo:
		case d.ground != groundNone:
			known++
		case low <= d.size && d.size <= high && d.react < 0.6:
			open = append(open, id)
		}
	}
	if len(open) <= known {
		return
	}
	for _, id := range open {
		v.units[id].ground = groundSize
	}
}

// arriving gives the range of sizes of received messages.
func arriving(fs []family) (low, high uint32) {
	low = math.MaxUint32
	for i := range fs {
		f := &fs[i]
		if !f.content {
			continue
		}
		l, h := int64(0), int64(512)
		if len(f.law.delta) > 0 {
			l, h = int64(f.law.low), int64(f.law.high)
		}
		low = min(low, uint32(max(0, int64(f.low)+l)))
		high = max(high, uint32(max(0, int64(f.high)+h)))
	}
	return low, high + high/2
}

func (v *view) emit(fs []family, ups []int32) []Event {
	var out []Event
	for _, id := range ups {
		u := &v.units[id]
		out = append(out, v.event(u, Message, Sent, 0.9))
	}
	v.arrivals(fs)
	for i := range v.units {
		d := &v.units[i]
		if d.up || d.login || d.echo {
			continue
		}
		switch d.ground {
		case groundLaw:
			out = append(out, v.event(d, Message, Received, 0.9))
		case groundDelay:
			out = append(out, v.event(d, Message, Received, 0.8))
		case groundSize:
			out = append(out, v.event(d, Message, Received, 0.6))
		}
	}
	slices.SortStableFunc(out, func(a, b Event) int { return cmp.Compare(a.Time, b.Time) })
	return out
}

func (v *view) event(u *unit, k Kind, d Direction, p float64) Event {
	c := v.conns[u.conn]
	return Event{Kind: k, Time: u.at, Service: c.Service, Client: v.clients[u.who], Server: c.Flow.Server, Flow: c.Flow.ID,
		Direction: d, Bytes: uint64(u.size), Confidence: p, Grain: "frame", Evidence: []Evidence{{Origin: u.origin}}}
}

func (v *view) leastDown(fs []family) int64 {
	for i := range fs {
		if fs[i].content {
			return int64(fs[i].low) + int64(fs[i].law.low)
		}
	}
	return 1 << 40
}
func (v *view) mostDown(fs []family) int64 {
	m := int64(0)
	for i := range fs {
		if fs[i].content {
			m = int64(fs[i].high) + int64(fs[i].law.high)
		}
	}
	return m
}
