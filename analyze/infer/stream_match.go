package infer

import (
	"math"
	"time"
)

// Grounds for taking a unit down as a received message.
const (
	groundNone    = iota
	groundLaw     // a sent message passed on, by size and delay
	groundDelay   // a sent message passed on, by delay; more than it is in the unit
	groundSize    // by its size, and because nobody asked for it
	groundReceipt // by the receipt that it was answered with
	groundWaited  // by its size, which few set-ups of sessions have
)

// match finds out for every unit down what it brings: a message that another
// client sent, a copy of the client's own, or one from outside the capture.
func (v *view) match(ups [][]int32, fs []family) {
	for i := range v.units {
		v.units[i].score = float32(math.Inf(-1))
	}
	for k := range fs {
		for _, id := range ups[k] {
			v.offer(fs[k].law, id, false)
			v.offer(fs[k].law, id, true)
		}
	}
	v.settle()
	v.takeApart(fs, ups)
	for k := range fs {
		if fs[k].content {
			v.echoes(&fs[k], ups[k])
			v.late(fs[k].law, ups[k])
		}
	}
}

// leastScore is the log likelihood ratio from which a source is believed.
const leastScore = 1

// delivery is one message to one client.
type delivery struct {
	source, who int32
}

// settle keeps the best delivery of each message on each connection. What gets
// two units of one source gets the second for something that was sent along with
// the message, such as the end of typing. Connections count, not clients: behind
// one address there may be several devices that the message goes to.
func (v *view) settle() {
	type way struct{ source, conn int32 }
	best := make(map[way]int32)
	for _, id := range v.downs {
		d := &v.units[id]
		if d.score <= leastScore {
			d.source, d.echo = -1, false
			continue
		}
		k := way{d.source, d.conn}
		if b, ok := best[k]; !ok || d.score > v.units[b].score {
			best[k] = id
		}
	}
	for _, id := range v.downs {
		d := &v.units[id]
		switch {
		case d.source < 0:
		case best[way{d.source, d.conn}] == id:
			d.ground = groundLaw
		default:
			d.source, d.echo = -1, true
		}
	}
}

// offer makes unit up the source of what may be it, passed on.
func (v *view) offer(l *law, up int32, own bool) {
	u := &v.units[up]
	for _, x := range v.behind(u.at) {
		if x.login || (x.who == u.who) != own || !l.fits(u.size, x.size) {
			continue
		}
		d := &v.units[x.id]
		if s := float32(l.score(u.size, x.size, x.at.Sub(u.at))); s > d.score {
			d.score, d.source, d.echo = s, up, own
		}
	}
}

// usuallyEchoed is the share of a family's units with a plain copy from which
// the rest are taken to be copied as well.
const usuallyEchoed = 0.4

// echoes finds the copies that come in one unit with something else, where a
// family of messages is usually copied to its sender.
func (v *view) echoes(f *family, ups []int32) {
	done := make(map[int32]bool)
	for _, id := range v.downs {
		if d := &v.units[id]; d.echo {
			done[d.source] = true
		}
	}
	n := 0
	for _, id := range ups {
		if done[id] {
			n++
		}
	}
	if !f.law.first && float64(n) < usuallyEchoed*float64(len(ups)) {
		return
	}
	for _, id := range ups {
		if !done[id] {
			v.echo(f.law, id)
		}
	}
}

// echo marks the first unit after up that has room for a copy of it.
func (v *view) echo(l *law, up int32) {
	u := &v.units[up]
	found := false
	v.pair(u, u.at, true, func(_ int32, d *unit, lag time.Duration) {
		if found || d.ground != groundNone || d.echo || !l.holds(u, d) {
			return
		}
		if l.first && d.react < answering || !l.first && l.lag[lagBin(lag)] > 0 {
			d.echo, d.source, found = true, up, true
		}
	})
}

// holds tells whether d has room for u passed on and something more.
func (l *law) holds(u, d *unit) bool {
	return int64(d.size) >= int64(u.size)+int64(l.low) && d.size <= 3*u.size+1024
}

// late finds messages that came in one unit with something else, by delay, for
// clients that the message is not known to have reached.
func (v *view) late(l *law, ups []int32) {
	reached := make(map[delivery]bool)
	for _, id := range v.downs {
		if d := &v.units[id]; d.ground == groundLaw {
			reached[delivery{d.source, d.who}] = true
		}
	}
	for _, p := range v.parts {
		reached[delivery{p.source, v.units[p.unit].who}] = true
	}
	for _, id := range ups {
		u := &v.units[id]
		v.pair(u, u.at, false, func(_ int32, d *unit, lag time.Duration) {
			s := float32(l.lag[lagBin(lag)])
			if d.ground == groundLaw || d.echo || reached[delivery{id, d.who}] || !l.holds(u, d) || s < leastLag || s <= d.score {
				return
			}
			d.ground, d.score, d.source = groundDelay, s, id
		})
	}
}

// leastLag is the log likelihood ratio from which a delay is believed alone: it is
// twice as common as chance makes it.
const leastLag = math.Ln2
