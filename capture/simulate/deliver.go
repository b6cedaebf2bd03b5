package simulate

import (
	"time"

	"envelope/capture"
)

// note is a message as its writer has it.
type note struct {
	from   int32 // person
	device int32 // -1 for people outside
	kind   Kind
	text   int // bytes
	bulk   uint64
	typing bool // announced
}

// errand is something on its way to one device.
type errand struct {
	kind    Kind
	lossy   bool // not kept for devices that are not connected
	reading bool // of a receipt: read
	service int32
	size    int32 // on the way down, without what varies
	shift   int32 // of the pair
	from    int32
	group   int32
	message int64
	bulk    uint64
	ready   capture.Time
	letter  *Letter
}

// item is the next station of something under way.
type item struct {
	what   uint8
	who    int32 // relation, or device
	note   note
	errand errand
}

const (
	itPost    = iota // a relation's message leaves its writer
	itDeliver        // a errand gets to the router on its way to a device
	itConfirm        // a device sends a receipt for a errand
)

func (it item) pass(p *Play) {
	switch it.what {
	case itPost:
		p.send(it.who, it.note)
	case itDeliver:
		p.deliver(it.who, &it.errand)
	case itConfirm:
		p.confirm(it.who, &it.errand)
	}
}

// frame makes one frame of a device at the router, with the flaws of the reader.
func (p *Play) frame(at capture.Time, i int32, sent bool, pc *errand, size int) {
	if p.talk && !pc.kind.talk() {
		return
	}
	s := Seen{Time: at, Party: i, Service: pc.service, Size: uint32(size), Kind: pc.kind, Sent: sent,
		Login: pc.kind == KindLogin || at < p.devices[i].usable, Message: pc.message, From: pc.from, Group: pc.group}
	if pc.kind == KindMedia {
		s.Bulk = pc.bulk
	}
	if p.told {
		if p.Flaws.Missed > 0 && pc.kind.talk() && pc.kind != KindFalse && p.flaws.chance(p.Flaws.Missed) {
			return
		}
		// Later by twice the jitter at most: earlier would be out of order.
		s.Time = at.Add(p.flaws.between(0, 2*time.Duration(p.Flaws.Jitter)))
	}
	p.steps.push(s.Time, scene{Seen: s})
}

// answer makes the server's answer to a frame of a device; 0 is none.
func (p *Play) answer(at capture.Time, i int32, pc *errand, size int) {
	if size > 0 {
		ack := *pc
		ack.kind = KindAck
		p.frame(at.Add(2*p.services[pc.service].delay+p.handling(&p.devices[i])), i, false, &ack, size)
	}
}

func (p *Play) handling(v *device) time.Duration {
	return v.between(time.Duration(p.Phones.Handling[0]), time.Duration(p.Phones.Handling[1]))
}

// write lets a person send a message, after what it takes to get to the phone,
// to write, and to upload. It returns when the message leaves.
func (p *Play) write(i int32, n note) capture.Time {
	r, at := &p.relations[i], p.now
	if n.device = p.deviceOf(n.from); n.device >= 0 {
		at = p.wake(n.device)
	}
	if n.typing && n.kind == KindText {
		p.typing(r, n, at)
		at = at.Add(time.Duration(min(n.text*120, 8000)+600) * time.Millisecond)
	}
	if n.bulk > 0 && n.device >= 0 {
		p.steps.push(at, scene{Seen: Seen{Time: at, Party: n.device, Service: r.service, Bulk: n.bulk, Message: p.messages + 1, From: n.from, Group: r.group}, op: opUpload})
		at = at.Add(uploadTime(n.bulk))
	}
	p.mail.push(at, item{what: itPost, who: i, note: n})
	return at
}

// uploadTime is how long an attachment takes: set-up, and 2.5 MB/s.
func uploadTime(bulk uint64) time.Duration {
	return 1500*time.Millisecond + time.Duration(bulk)*400
}

// deviceOf chooses what a person writes with: mostly the phone.
func (p *Play) deviceOf(who int32) int32 {
	r := &p.people[who]
	if r.devices == 0 {
		return -1
	}
	v := &p.devices[r.first]
	if r.devices > 1 && v.below(10) < 3 {
		return r.first + 1 + int32(v.below(int64(r.devices-1)))
	}
	return r.first
}

// typing tells the others that somebody writes.
func (p *Play) typing(r *relation, n note, at capture.Time) {
	s := &p.services[r.service]
	if s.typing.up == 0 {
		return
	}
	pc := errand{kind: KindTyping, service: r.service, size: int32(s.typing.down), from: n.from, group: r.group, lossy: true}
	pc.letter = p.book.open(p, r, n, at, KindTyping, s.typing.up)
	if n.device < 0 {
		p.spread(r, &pc, at.Add(s.delay))
		return
	}
	p.frame(at, n.device, true, &pc, s.typing.up)
	p.answer(at, n.device, &pc, s.typing.ack)
	p.spread(r, &pc, at.Add(2*s.delay+p.handling(&p.devices[n.device])))
}

// send lets a message leave, which is now: it, its acknowledgement, the copies
// for the writer's other devices, and the copies for all receivers.
func (p *Play) send(i int32, n note) {
	r := &p.relations[i]
	s := &p.services[r.service]
	r.count++
	p.messages++
	up := p.lengthUp(s, r, n)
	pc := errand{kind: n.kind, service: r.service, size: int32(s.pushed(up, r.group >= 0)), shift: r.shift, from: n.from, group: r.group, message: p.messages, bulk: n.bulk}
	pc.letter = p.book.open(p, r, n, p.now, n.kind, up)
	if n.device < 0 {
		p.spread(r, &pc, p.now.Add(s.delay))
		return
	}
	v := &p.devices[n.device]
	v.awakeUntil = max(v.awakeUntil, p.now.Add(time.Duration(p.Habits.Linger)))
	p.frame(p.now, n.device, true, &pc, up)
	p.answer(p.now, n.device, &pc, s.ack)
	back := p.now.Add(2*s.delay + p.handling(v))
	own, writer := pc, &p.people[n.from]
	own.kind, own.letter = KindSync, nil
	for k := range writer.devices {
		if k+writer.first != n.device {
			p.toDevice(writer.first+k, &own, back)
		}
	}
	p.spread(r, &pc, back)
}

// lengthUp is the length of a message's frame at its sender.
func (p *Play) lengthUp(s *service, r *relation, n note) int {
	up := s.text.length(&r.dice, n.text)
	if n.kind == KindMedia {
		up = s.media + int(r.below(5))
	}
	if r.group < 0 {
		return up
	}
	return up + s.fromGroup + s.perMember*(len(r.members)-1)
}

// spread hands a errand to all receivers, one after the other: at is when the
// first copy passes the router.
func (p *Play) spread(r *relation, pc *errand, at capture.Time) {
	if r.members == nil {
		p.toPerson(r.other(pc.from), pc, at)
		return
	}
	for _, m := range r.members {
		if m != pc.from {
			p.toPerson(m, pc, at)
			at = at.Add(r.between(50*time.Microsecond, 3*time.Millisecond))
		}
	}
}

func (p *Play) toPerson(who int32, pc *errand, at capture.Time) {
	r := &p.people[who]
	for k := range r.devices {
		p.toDevice(r.first+k, pc, at)
	}
}

func (p *Play) toDevice(i int32, pc *errand, at capture.Time) {
	at = at.Add(p.devices[i].between(0, time.Duration(p.Phones.Jitter)))
	p.mail.push(at, item{what: itDeliver, who: i, errand: *pc})
}

// deliver brings a errand to a device, or keeps it until the device connects.
func (p *Play) deliver(i int32, pc *errand) {
	v := &p.devices[i]
	switch {
	case v.up && p.now >= v.usable:
		p.hand(i, pc)
	case pc.lossy:
		p.book.lost(p, pc.letter)
	case v.up:
		p.mail.push(v.usable.Add(v.ms(0, 20)), item{what: itDeliver, who: i, errand: *pc})
	default:
		pc.ready = p.now
		v.errands = append(v.errands, *pc)
	}
}

// hand gives a errand to a connected device, which answers it.
func (p *Play) hand(i int32, pc *errand) {
	v, s := &p.devices[i], &p.services[pc.service]
	size := int(pc.size + pc.shift)
	if pc.kind == KindReceipt && s.receiptSpan > 0 {
		size += int(v.below(int64(s.receiptSpan)))
	}
	if pc.kind <= KindMedia && s.copySpan > 0 {
		size += int(v.below(int64(s.copySpan/s.copyStep)+1)) * s.copyStep
	}
	p.frame(p.now, i, false, pc, size)
	heard := p.now.Add(2*v.delay + v.ms(2, 20))
	p.take(i, pc, heard)
	p.book.delivered(p, pc.letter, i, p.now.Add(v.delay))
	if pc.kind <= KindMedia {
		p.receive(i, pc, heard)
	}
}

// take lets a device tell the server that it has what was pushed.
func (p *Play) take(i int32, pc *errand, heard capture.Time) {
	v, s := &p.devices[i], &p.services[pc.service]
	size, answer := s.taken, 0
	switch {
	case pc.kind == KindReceipt && pc.reading:
		size += s.readTaken
	case pc.kind == KindReceipt:
		size += s.deliveredTaken
	case pc.kind == KindSync || pc.kind <= KindMedia && i != p.people[v.person].first:
		size, answer = size+s.quiet.up, s.quiet.ack
	}
	if size == 0 || p.talk {
		return
	}
	v.hung = p.now
	ack := *pc
	ack.kind = KindAck
	p.frame(heard, i, true, &ack, size)
	if answer > 0 {
		p.frame(heard.Add(2*s.delay+v.pulse.ms(5, 60)), i, false, &ack, answer)
	}
}

// receive is what a message brings about: a download, and receipts.
func (p *Play) receive(i int32, pc *errand, heard capture.Time) {
	v, s := &p.devices[i], &p.services[pc.service]
	if pc.bulk > 0 {
		at := heard.Add(v.ms(200, 1500))
		p.steps.push(at, scene{Seen: Seen{Time: at, Party: i, Service: pc.service, Bulk: pc.bulk, Message: pc.message, From: pc.from, Group: pc.group}, op: opDownload})
	}
	if i != p.people[v.person].first || pc.group >= 0 && !s.groupReceipt {
		return
	}
	if s.delivered.up > 0 && v.chance(p.Habits.Receipts) {
		p.mail.push(heard.Add(v.ms(20, 250)), item{what: itConfirm, who: i, errand: *pc})
	}
	if s.read.up > 0 && (!v.locked || v.awakeUntil > heard.Add(pollTime)) && v.chance(p.Habits.Read) {
		pc.reading = true
		p.mail.push(heard.Add(v.ms(800, 6000)), item{what: itConfirm, who: i, errand: *pc})
	}
}

// confirm sends a receipt to the sender of a message.
func (p *Play) confirm(i int32, pc *errand) {
	v, s := &p.devices[i], &p.services[pc.service]
	if !v.up {
		return
	}
	x := s.delivered
	if pc.reading {
		x = s.read
	}
	up := x.up
	if s.receiptSpan > 0 {
		up += int(v.below(int64(s.receiptSpan)))
	}
	back := errand{kind: KindReceipt, reading: pc.reading, service: pc.service, size: int32(x.down + up - x.up), from: v.person, group: pc.group, message: pc.message}
	p.frame(p.now, i, true, &back, up)
	p.answer(p.now, i, &back, x.ack)
	back.letter = p.book.receipt(p, i, pc, up)
	p.toPerson(pc.from, &back, p.now.Add(2*s.delay+p.handling(v)))
}
