package simulate

import (
	"time"

	"envelope/capture"
)

// pollTime is how long a sleeping phone stays connected when it looks for news.
const pollTime = 5 * time.Second

// uses calls f with every messenger of a device's owner.
func (p *Play) uses(v int32, f func(s int32)) {
	bits := p.people[p.devices[v].person].uses
	for s := range int32(len(p.services)) {
		if bits>>s&1 == 1 {
			f(s)
		}
	}
}

// arrive connects a device for the first time.
func (p *Play) arrive(i int32) {
	v := &p.devices[i]
	p.connect(i, time.Duration(p.Habits.Linger))
	if v.locked {
		v.nextPoll = p.now.Add(v.between(time.Second, time.Duration(p.Phones.Poll)))
		p.habits.push(v.nextPoll, habit{doPoll, i, 0})
	} else if p.Phones.Relogin > 0 {
		p.habits.push(p.now.Add(v.exponential(time.Duration(p.Phones.Relogin))), habit{doLose, i, 0})
	}
	if p.talk {
		return
	}
	p.uses(i, func(s int32) {
		p.habits.push(p.now.Add(p.services[s].every(&v.pulse)), habit{doPing, i, s})
	})
}

// connect opens the connections of a device, which stays awake for a while at
// least, and hands it what has waited.
func (p *Play) connect(i int32, awake time.Duration) {
	v := &p.devices[i]
	if v.up {
		return
	}
	v.up = true
	at := max(p.now, v.dropped.Add(500*time.Millisecond))
	v.usable = at
	p.uses(i, func(s int32) { v.usable = max(v.usable, p.login(i, s, at)) })
	if v.awakeUntil = max(v.awakeUntil, v.usable.Add(awake)); v.locked {
		p.habits.push(v.awakeUntil, habit{doSleep, i, 0})
	}
	waiting := v.errands
	v.errands = nil
	for k, pc := range waiting {
		p.mail.push(max(v.usable.Add(time.Duration(k)*2*time.Millisecond), pc.ready), item{what: itDeliver, who: i, errand: pc})
	}
}

// login makes the frames that open one connection and returns when it is over.
// The handshake that comes before has 800 ms.
func (p *Play) login(i, s int32, at capture.Time) capture.Time {
	v, sv := &p.devices[i], &p.services[s]
	p.steps.push(at, scene{Seen: Seen{Time: at, Party: i, Service: s, From: -1, Group: -1}, op: opConnect})
	p.book.loggedIn(p, i, s, at)
	t, up := at.Add(800*time.Millisecond), true
	for _, n := range sv.login {
		switch {
		case up && n < 0:
			t = t.Add(2*sv.delay + v.ms(5, 30))
		case !up && n > 0:
			t = t.Add(2*v.delay + v.ms(5, 40))
		default:
			t = t.Add(v.ms(0, 3))
		}
		up = n > 0
		if n < 0 {
			n = -n + int(v.below(12))
		}
		p.frame(t, i, up, &errand{kind: KindLogin, service: s, from: -1, group: -1}, n)
	}
	return t.Add(50 * time.Millisecond)
}

// drop ends the connections of a device; answers that are due still go out.
func (p *Play) drop(i int32) {
	v := &p.devices[i]
	v.up = false
	v.dropped = p.now.Add(time.Second)
	p.uses(i, func(s int32) {
		p.steps.push(v.dropped, scene{Seen: Seen{Time: v.dropped, Party: i, Service: s, From: -1, Group: -1}, op: opDrop})
	})
}

// poll lets a phone look for news, or a computer come back.
func (p *Play) poll(i int32) {
	v := &p.devices[i]
	p.connect(i, pollTime)
	if every := time.Duration(p.Phones.Poll); v.locked {
		v.nextPoll = p.now.Add(v.between(every*9/10, every*11/10))
		p.habits.push(v.nextPoll, habit{doPoll, i, 0})
	}
}

// sleep ends the connection of a phone that was not used for a while.
func (p *Play) sleep(i int32) {
	v := &p.devices[i]
	if p.now < v.awakeUntil {
		p.habits.push(v.awakeUntil, habit{doSleep, i, 0})
		return
	}
	p.drop(i)
}

// lose ends the connection of a computer, which comes back within seconds.
func (p *Play) lose(i int32) {
	v := &p.devices[i]
	if v.up && p.now > v.usable {
		p.drop(i)
		p.habits.push(p.now.Add(v.ms(2000, 9000)), habit{doPoll, i, 0})
	}
	p.habits.push(p.now.Add(10*time.Second+v.exponential(time.Duration(p.Phones.Relogin))), habit{doLose, i, 0})
}

// wake makes sure that a device can send, and returns from when on. Coming to
// the phone is what contacts are told, where the messenger does that.
func (p *Play) wake(i int32) capture.Time {
	v := &p.devices[i]
	was := v.up && (!v.locked || v.awakeUntil > p.now)
	p.connect(i, time.Duration(p.Habits.Linger))
	at := max(p.now, v.usable)
	if idle := p.now > v.awakeUntil; !was || idle {
		at = at.Add(v.ms(300, 1500))
		p.greet(i, at)
	}
	v.awakeUntil = max(v.awakeUntil, at.Add(time.Duration(p.Habits.Linger)))
	return at
}

// greet tells contacts that are connected that somebody is there.
func (p *Play) greet(i int32, at capture.Time) {
	if p.contacts == nil {
		return
	}
	v := &p.devices[i]
	var sent uint32
	for _, k := range p.contacts[v.person] {
		r := &p.relations[k]
		s := &p.services[r.service]
		pc := errand{kind: KindPresence, service: r.service, from: v.person, group: -1, size: int32(s.presence.down), lossy: true}
		if sent>>r.service&1 == 0 {
			sent |= 1 << r.service
			p.frame(at, i, true, &pc, s.presence.up)
			p.answer(at, i, &pc, s.presence.ack)
		}
		p.toPerson(r.other(v.person), &pc, at.Add(2*s.delay+p.handling(v)))
	}
}

// ping keeps one connection alive.
func (p *Play) ping(i, s int32) {
	v, sv := &p.devices[i], &p.services[s]
	wait := sv.every(&v.pulse)
	if due := v.hung.Add(wait); sv.served && v.up && due > p.now {
		p.habits.push(due, habit{doPing, i, s}) // the request was answered in between, and made anew
		return
	}
	p.habits.push(p.now.Add(wait), habit{doPing, i, s})
	if !v.up || p.now < v.usable {
		return
	}
	pc := errand{kind: KindKeepalive, service: s, from: -1, group: -1}
	if sv.served {
		v.hung = p.now
		p.frame(p.now, i, false, &pc, sv.ping.down)
		p.frame(p.now.Add(2*v.delay+v.pulse.ms(2, 20)), i, true, &pc, sv.ping.up)
		return
	}
	p.frame(p.now, i, true, &pc, sv.ping.up)
	p.frame(p.now.Add(2*sv.delay+v.pulse.ms(1, 10)), i, false, &pc, sv.ping.down)
}

// falseFrame tells of a message that was none.
func (p *Play) falseFrame(i int32) {
	d := &p.flaws
	p.habits.push(p.now.Add(d.exponential(time.Hour/time.Duration(p.Flaws.False))), habit{doFalse, i, 0})
	var s int32
	p.uses(i, func(k int32) { s = k })
	l := &p.services[s].law
	up := l.text.length(d, int(d.quantile(charactersOf)))
	pc := errand{kind: KindFalse, service: s, from: -1, group: -1}
	if d.below(2) == 0 {
		p.frame(p.now, i, true, &pc, up)
	} else {
		p.frame(p.now, i, false, &pc, l.pushed(up, false))
	}
}

// page lets a device load something that has nothing to do with the talk.
func (p *Play) page(i int32) {
	d := &p.pages
	p.habits.push(p.now.Add(d.exponential(time.Hour/time.Duration(p.Web.Hourly))), habit{doPage, i, 0})
	if p.quiet(d) {
		return
	}
	size := d.tail(int64(p.Web.Bytes)/3, 1587, int64(p.Web.Bytes)*20)
	p.steps.push(p.now, scene{Seen: Seen{Time: p.now, Party: i, Bulk: uint64(size), Size: uint32(d.below(12)), From: -1, Group: -1}, op: opPage})
}
