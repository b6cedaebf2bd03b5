package infer

import (
	"cmp"
	"math"
	"slices"
	"time"
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
	var ups []int32
	for i := range v.units {
		if v.units[i].content {
			ups = append(ups, int32(i))
		}
	}
	l = v.learn(ups, false)
	if len(l.delta) == 0 {
		l.anything = true
		v.lags(l, ups, false)
	}
	v.match(l, ups)
	return v.emit(fs, ups)
}

// match finds the source of every unit down.
func (v *view) match(l *law, ups []int32) {
	for i := range v.units {
		v.units[i].score = float32(math.Inf(-1))
	}
	for _, id := range ups {
		u := &v.units[id]
		for _, own := range [...]bool{false, true} {
			v.pair(u, u.at, own, func(_ int32, d *unit, lag time.Duration) {
				if s := float32(l.score(u, d, lag)); s > d.score {
					d.score, d.source, d.echo = s, id, own
				}
			})
		}
	}
}

func (v *view) emit(fs []family, ups []int32) []Event {
	var out []Event
	for _, id := range ups {
		u := &v.units[id]
		out = append(out, v.event(u, Message, Sent, 0.9))
	}
	for i := range v.units {
		d := &v.units[i]
		if d.up || d.idle() || d.echo {
			continue
		}
		if d.source >= 0 && d.score > 1 {
			out = append(out, v.event(d, Message, Received, 0.9))
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
