package infer

import (
	"cmp"
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
	l := v.learn(lead)
	fs := v.choose(v.families(lead), l)
	v.markContent(fs)
	ups := v.contents(fs)
	all := v.learn(slices.Concat(ups...))
	for i := range fs {
		if fs[i].law = all; len(ups[i]) >= 20 {
			fs[i].law = v.learn(ups[i])
		}
		if len(fs[i].law.delta) == 0 {
			fs[i].law.anything = true
			v.lags(fs[i].law, ups[i])
		}
	}
	v.match(ups, fs)
	return v.emit(fs, slices.Concat(ups...))
}

func (v *view) emit(fs []family, ups []int32) []Event {
	var out []Event
	for _, id := range ups {
		u := &v.units[id]
		out = append(out, v.event(u, Message, Sent, 0.9))
	}
	known, open := 0.0, 0.0
	for i := range v.units {
		d := &v.units[i]
		if d.up || d.login || d.echo {
			continue
		}
		if d.ground != groundNone {
			known++
		} else if int64(d.size) >= v.leastDown(fs) && int64(d.size) <= v.mostDown(fs) && d.react < 0.6 {
			open++
		}
	}
	for i := range v.units {
		d := &v.units[i]
		if d.up || d.login || d.echo {
			continue
		}
		switch {
		case d.ground == groundLaw:
			out = append(out, v.event(d, Message, Received, 0.9))
		case d.ground == groundDelay:
			out = append(out, v.event(d, Message, Received, 0.8))
		case int64(d.size) >= v.leastDown(fs) && int64(d.size) <= v.mostDown(fs) && d.react < 0.6 && open > known:
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
