package simulate

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"envelope/capture"
)

// book keeps the truth line by line: a line is written when its message has
// reached all devices inside, and at the end if it never does. All methods do
// nothing on nil.
type book struct {
	truth   func(*Truth)         // of what happened among people inside
	outside func(*Truth)         // of what people outside took part in alone
	log     func(*LogLine)       // of the operator
	addr    func(i int32) string // of a device, as the router sees it
	count   int
	pending map[*Letter]bool
}

// Letter is a line of the truth that is not complete.
type Letter struct {
	Truth
	number  int
	waiting int  // devices that it has not reached
	out     bool // goes to the list of what happened outside
}

// LogLine is one line of the operator's log: what the server itself knows.
type LogLine struct {
	Time    Seconds    `json:"ts"`
	Service string     `json:"service"`
	Op      string     `json:"op"` // login, message, media, receipt, typing, call
	From    string     `json:"from"`
	FromIP  string     `json:"from_ip,omitempty"`
	Group   string     `json:"group,omitempty"`
	To      Recipients `json:"to,omitempty"`
	Size    int        `json:"size,omitempty"` // of the frame that the server received
}

func (b *book) new(out bool, waiting int, t Truth) *Letter {
	b.count++
	t.ID = "t" + strconv.Itoa(b.count)
	l := &Letter{Truth: t, number: b.count, waiting: waiting, out: out}
	if waiting > 0 {
		b.pending[l] = true
		return l
	}
	b.close(l)
	return nil
}

func (b *book) close(l *Letter) {
	delete(b.pending, l)
	slices.SortStableFunc(l.Delivered, func(x, y Delivery) int { return cmp.Compare(x.Time, y.Time) })
	if l.out {
		b.outside(&l.Truth)
	} else {
		b.truth(&l.Truth)
	}
}

// open begins the line of a message or typing notice. at is when its frame
// passes the router, before which it left the device.
func (b *book) open(p *Play, r *relation, n note, at capture.Time, k Kind, up int) *Letter {
	if b == nil {
		return nil
	}
	t := Truth{Time: Seconds(at), Kind: k.String(), Service: p.services[r.service].Name, From: p.people[n.from].name, StanzaLen: up, MediaBytes: int(n.bulk)}
	if k == KindTyping {
		t.State, t.MediaBytes = "composing", 0
	}
	if n.device >= 0 {
		t.Time -= Seconds(p.devices[n.device].delay)
		t.FromIP = b.addr(n.device)
	}
	if t.MediaBytes > 0 && n.device >= 0 {
		t.UploadStart = t.Time - Seconds(uploadTime(n.bulk))
	}
	waiting := b.address(p, r, n.from, &t)
	inside := len(t.To)
	b.log(&LogLine{Time: Seconds(at.Add(p.services[r.service].delay)), Service: t.Service, Op: t.Kind, From: t.From, FromIP: t.FromIP, Group: t.Group,
		To: append(slices.Clone(t.To), t.ToOutside...), Size: up})
	return b.new(n.device < 0 || inside == 0, waiting, t)
}

// address fills in the receivers and returns how many devices they have.
func (b *book) address(p *Play, r *relation, from int32, t *Truth) (waiting int) {
	to := r.members
	if r.group >= 0 {
		t.Group = p.names[r.group]
	} else {
		to = []int32{r.other(from)}
	}
	for _, m := range to {
		switch who := &p.people[m]; {
		case m == from:
		case who.outside:
			t.ToOutside = append(t.ToOutside, who.name)
		default:
			t.To = append(t.To, who.name)
			t.ToIPs = append(t.ToIPs, b.addr(who.first))
			waiting += int(who.devices)
		}
	}
	if r.group < 0 && len(t.ToIPs) > 0 {
		t.ToIP, t.ToIPs = t.ToIPs[0], nil
	}
	return waiting
}

// receipt begins the line of a receipt that device i sends for a message.
func (b *book) receipt(p *Play, i int32, pc *errand, up int) *Letter {
	if b == nil {
		return nil
	}
	from, to := &p.people[p.devices[i].person], &p.people[pc.from]
	t := Truth{Time: Seconds(p.now.Add(-p.devices[i].delay)), Kind: "receipt", Service: p.services[pc.service].Name, State: "delivered",
		From: from.name, FromIP: b.addr(i), StanzaLen: up}
	if pc.reading {
		t.State = "read"
	}
	b.log(&LogLine{Time: Seconds(p.now.Add(p.services[pc.service].delay)), Service: t.Service, Op: t.Kind, From: t.From, FromIP: t.FromIP, To: Recipients{to.name}, Size: up})
	if to.outside {
		t.ToOutside = []string{to.name}
	} else {
		t.To, t.ToIP = Recipients{to.name}, b.addr(to.first)
	}
	return b.new(to.outside, int(to.devices), t)
}

// delivered notes that a letter has reached a device, at the time of that
// device.
func (b *book) delivered(p *Play, l *Letter, i int32, at capture.Time) {
	if b == nil || l == nil {
		return
	}
	l.Delivered = append(l.Delivered, Delivery{To: p.people[p.devices[i].person].name, IP: b.addr(i), Time: Seconds(at)})
	b.lost(p, l)
}

// lost notes that a letter has not to be waited for at one more device.
func (b *book) lost(_ *Play, l *Letter) {
	if b == nil || l == nil {
		return
	}
	if l.waiting--; l.waiting == 0 {
		b.close(l)
	}
}

// called writes the line of a call.
func (b *book) called(p *Play, r *relation, d *dialled) {
	if b == nil {
		return
	}
	from, to := &p.people[d.from], &p.people[d.to]
	t := Truth{Time: Seconds(d.at), Kind: "call", Service: p.services[r.service].Name, From: from.name, Media: "audio", Mode: "p2p", Answered: &d.answered, Why: "hangup"}
	if d.video {
		t.Media = "video"
	}
	if !d.direct {
		t.Mode = "relayed"
	}
	t.End = Seconds(d.end())
	if d.answered {
		t.Start = Seconds(d.at.Add(d.ring))
	}
	if !from.outside {
		t.FromIP = b.addr(from.first)
	}
	if to.outside {
		t.ToOutside = []string{to.name}
	} else {
		t.To, t.ToIP = Recipients{to.name}, b.addr(to.first)
	}
	b.log(&LogLine{Time: Seconds(d.at), Service: t.Service, Op: "call", From: t.From, FromIP: t.FromIP, To: Recipients{to.name}})
	b.new(from.outside || to.outside, 0, t)
}

// loggedIn writes the operator's line of a login.
func (b *book) loggedIn(p *Play, i, s int32, at capture.Time) {
	if b != nil {
		b.log(&LogLine{Time: Seconds(at), Service: p.services[s].Name, Op: "login", From: p.people[p.devices[i].person].name, FromIP: b.addr(i)})
	}
}

// finish writes what never arrived everywhere.
func (b *book) finish() {
	left := slices.SortedFunc(maps.Keys(b.pending), func(x, y *Letter) int { return cmp.Compare(x.number, y.number) })
	for _, l := range left {
		b.close(l)
	}
}

// dialled is one call.
type dialled struct {
	from, to int32 // persons
	service  int32
	at       capture.Time
	ring     time.Duration
	length   time.Duration // of the talk; 0 where nobody answered
	answered bool
	direct   bool
	video    bool
}

// end is when it is over.
func (d *dialled) end() capture.Time { return d.at.Add(d.ring + d.length) }

// ring lets one of a pair call the other.
func (p *Play) ring(i int32) {
	r := &p.relations[i]
	p.habits.push(p.now.Add(r.exponential(r.calls)), habit{doCall, i, 0})
	if p.quiet(&r.dice) {
		return
	}
	from := r.someone()
	p.dial(i, from, r.chance(p.Calls.Answered), min(r.exponential(time.Duration(p.Calls.Mean))+5*time.Second, time.Duration(p.Calls.Max)))
}

// dial starts a call if both have their hands free.
func (p *Play) dial(i, from int32, answered bool, length time.Duration) {
	r := &p.relations[i]
	a, b := &p.people[from], &p.people[r.other(from)]
	if p.now < a.busy || p.now < b.busy {
		return
	}
	d := &dialled{from: from, to: r.other(from), service: r.service, at: p.now, ring: r.ms(3000, 12_000), answered: answered}
	d.direct, d.video = r.chance(p.Calls.Direct), r.chance(p.Calls.Video)
	if answered {
		d.length = length
	} else {
		d.ring = r.ms(12_000, 35_000)
	}
	for _, who := range []*resident{a, b} {
		if who.devices > 0 {
			d.at = max(d.at, p.wake(who.first).Add(time.Second))
		}
	}
	if d.end().Add(10*time.Second) > p.end {
		return // it would be cut
	}
	for _, who := range []*resident{a, b} {
		who.busy = d.end().Add(10 * time.Second)
		if who.devices > 0 {
			v := &p.devices[who.first]
			v.awakeUntil = max(v.awakeUntil, who.busy)
		}
	}
	r.called++
	p.book.called(p, r, d)
	p.steps.push(d.at, scene{Seen: Seen{Time: d.at, Service: r.service, From: from, Group: -1}, op: opCall, call: d})
}

// Pairs lists the pairs that wrote to each other directly, or called each
// other, so far, in the order of their relations.
func (p *Play) Pairs() []PairTruth {
	var out []PairTruth
	for i := range p.relations {
		if r := &p.relations[i]; r.group < 0 && r.count+r.called > 0 {
			out = append(out, PairTruth{A: r.a, B: r.b, Service: r.service, Messages: r.count, Calls: r.called})
		}
	}
	return out
}

// Groups lists the groups that anybody wrote to so far.
func (p *Play) Groups() []GroupTruth {
	var out []GroupTruth
	for i := range p.relations {
		if r := &p.relations[i]; r.group >= 0 && r.count > 0 {
			out = append(out, GroupTruth{Group: r.group, Service: r.service, Members: r.members, Messages: r.count})
		}
	}
	return out
}

// Parties is the number of devices inside the capture, People that of persons.
func (p *Play) Parties() int { return len(p.devices) }

// Persons is the number of people, inside and outside.
func (p *Play) Persons() int { return len(p.people) }

// Party describes a device.
func (p *Play) Party(i int32) Party {
	v := &p.devices[i]
	return Party{Person: v.person, Name: p.people[v.person].name, Phone: v.phone, Locked: v.locked}
}

// Person returns the name of a person and whether it is outside the capture.
func (p *Play) Person(i int32) (name string, outside bool) {
	return p.people[i].name, p.people[i].outside
}
