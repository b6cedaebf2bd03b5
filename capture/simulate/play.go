package simulate

import (
	"iter"
	"time"

	"envelope/capture"
)

// Play is a Town on its way. Its memory is that of its people, of what they
// know of each other, and of the messages that are under way; frames are made
// when they are asked for.
type Play struct {
	*plan
	now      capture.Time
	habits   queue[habit] // what people and devices will do
	mail     queue[item]  // what is under way
	steps    queue[scene] // what will be seen
	messages int64
	flaws    dice // apart, like pages: what only Events or only Record has leaves people as they are
	pages    dice
	lines    []Line // of a message log, in place of habits
	told     bool   // frames go to Events: with flaws, without the steps of the wire
	talk     bool   // only frames of messages and what belongs to them
	book     *book  // of the truth line by line, nil for none
}

// Play draws the people of the town from seed; 0 stands for the town's own.
// The error names what is wrong with the town.
func (t *Town) Play(seed uint64) (*Play, error) { return t.Replay(seed, nil) }

// Replay lets people send the messages of a log in place of those of their
// habits. Names of the log that the town does not know become people of it;
// what else they do (typing, receipts, sleeping phones) is the town's. The play
// begins shortly before the first line, and is as long as the town says.
func (t *Town) Replay(seed uint64, lines []Line) (*Play, error) {
	if lines != nil && len(t.Messengers) > 0 {
		t = t.withNames(lines)
	}
	if err := t.Check(); err != nil {
		return nil, err
	}
	if len(t.People)+t.Crowd == 0 {
		return nil, field("crowd", "there is nobody")
	}
	if seed == 0 {
		seed = t.Seed
	}
	p := &Play{plan: newPlan(t, seed), flaws: newDice(seed, diceFlaw), pages: newDice(seed, dicePage)}
	if lines != nil {
		p.follow(lines)
	}
	return p, nil
}

// Events generates what an ideal frame reader would see of the town, in order
// of time: per device the frames it sent and received. It panics where
// Play returns an error.
func (t *Town) Events(seed uint64) iter.Seq[Seen] {
	p, err := t.Play(seed)
	if err != nil {
		panic(err)
	}
	return p.Events()
}

// Events generates the frames of the play. It can be ranged over once; what
// Pairs and Groups say is complete when it has ended.
func (p *Play) Events() iter.Seq[Seen] {
	return func(yield func(Seen) bool) {
		p.told = true
		for s := range p.run() {
			if s.op == opFrame && !yield(s.Seen) {
				return
			}
		}
	}
}

// Talk generates those of Events that people make by talking: messages, their
// copies, receipts and typing notices, without what only keeps connections
// going. It takes less time; the frames are the same.
func (p *Play) Talk() iter.Seq[Seen] {
	p.talk = true
	return p.Events()
}

// habit is the next turn of one person, pair or device.
type habit struct {
	what uint8
	who  int32 // of its kind
	aux  int32
}

const (
	doConverse = iota // who is a relation
	doCall
	doArrive // who is a device
	doPoll
	doSleep
	doPing // aux is the messenger
	doLose
	doFalse
	doPage
	doLine // who is a line of the log
)

// op is what a scene is, besides a frame.
type op uint8

const (
	opFrame    op = iota
	opConnect     // a connection to the messenger
	opDrop        // its end
	opUpload      // of Bulk bytes, which is over at Time
	opDownload    // of Bulk bytes
	opCall
	opPage // of the web
)

// scene is what happens on the network at one time.
type scene struct {
	Seen
	op   op
	call *dialled
}

// run lets everything happen, in order.
func (p *Play) run() iter.Seq[*scene] {
	return func(yield func(*scene) bool) {
		p.begin()
		for {
			habits, mail, steps := p.habits.first(), p.mail.first(), p.steps.first()
			switch first := min(habits, mail, steps); {
			case first >= p.end:
				return
			case steps == first:
				s := p.steps.pop()
				if !yield(&s) {
					return
				}
			case mail == first:
				p.now = first
				p.mail.pop().pass(p)
			default:
				p.now = first
				p.turn(p.habits.pop())
			}
		}
	}
}

// begin puts everybody's first turn on the list.
func (p *Play) begin() {
	for i := range p.devices {
		v := &p.devices[i]
		p.habits.push(p.start.Add(v.between(time.Second, time.Duration(p.Phones.Arrive))), habit{doArrive, int32(i), 0})
		if p.told && p.Flaws.False > 0 {
			p.habits.push(p.start.Add(p.flaws.exponential(time.Hour/time.Duration(p.Flaws.False))), habit{doFalse, int32(i), 0})
		}
		if !p.told && p.Web.Hourly > 0 {
			p.habits.push(p.start.Add(p.pages.exponential(time.Hour/time.Duration(p.Web.Hourly))), habit{doPage, int32(i), 0})
		}
	}
	settled := p.start.Add(time.Duration(p.Phones.Arrive) + 10*time.Second)
	for i := range p.relations {
		r := &p.relations[i]
		if r.gap > 0 && p.lines == nil {
			p.habits.push(settled.Add(r.exponential(r.gap)), habit{doConverse, int32(i), 0})
		}
		if r.calls > 0 && p.lines == nil {
			p.habits.push(settled.Add(r.exponential(r.calls)), habit{doCall, int32(i), 0})
		}
	}
	if len(p.lines) > 0 {
		p.habits.push(p.lines[0].at, habit{what: doLine})
	}
}

// turn lets one thing happen, and puts the next of its kind on the list.
func (p *Play) turn(h habit) {
	switch h.what {
	case doConverse:
		p.converse(h.who)
	case doCall:
		p.ring(h.who)
	case doArrive:
		p.arrive(h.who)
	case doPoll:
		p.poll(h.who)
	case doSleep:
		p.sleep(h.who)
	case doPing:
		p.ping(h.who, h.aux)
	case doLose:
		p.lose(h.who)
	case doFalse:
		p.falseFrame(h.who)
	case doPage:
		p.page(h.who)
	case doLine:
		p.line(h.who)
	}
}

// quiet tells whether people rest at this hour, by chance.
func (p *Play) quiet(d *dice) bool {
	most := 0
	for _, w := range p.Habits.Hours {
		most = max(most, w)
	}
	hour := int64(p.now) / int64(time.Hour) % 24
	return most > 0 && d.below(int64(most)) >= int64(p.Habits.Hours[hour])
}

// converse lets somebody of a relation write the next message.
func (p *Play) converse(i int32) {
	r := &p.relations[i]
	if r.left == 0 {
		if p.quiet(&r.dice) {
			p.habits.push(p.now.Add(r.exponential(r.gap)), habit{doConverse, i, 0})
			return
		}
		burst := time.Duration(p.Habits.Burst-1) * 1000
		r.left, r.writer = 1+int32((r.exponential(burst)+500)/1000), r.someone()
	}
	sent := p.write(i, p.compose(r))
	if r.left--; r.left == 0 {
		p.habits.push(sent.Add(r.exponential(r.gap)), habit{doConverse, i, 0})
		return
	}
	if r.chance(p.Habits.Reply) {
		r.writer = r.other(r.writer)
	}
	// 2107 is 2^(1/0.93): the gaps that were fitted to channels on Telegram.
	next := sent.Add(time.Duration(r.tail(int64(p.Habits.Gap), 2107, int64(p.Habits.GapMax))))
	p.habits.push(max(next, p.notices(r.writer, next)), habit{doConverse, i, 0})
}

// someone draws the one who begins.
func (r *relation) someone() int32 {
	switch {
	case r.members != nil:
		return r.members[r.below(int64(len(r.members)))]
	case r.below(2) == 0:
		return r.a
	}
	return r.b
}

// other draws who answers.
func (r *relation) other(who int32) int32 {
	if r.members == nil {
		return r.a + r.b - who
	}
	for {
		if m := r.someone(); m != who {
			return m
		}
	}
}

// notices is when somebody who is wanted has heard of it: at once, or when a
// sleeping phone has connected and its owner has looked.
func (p *Play) notices(who int32, at capture.Time) capture.Time {
	r := &p.people[who]
	if r.devices == 0 {
		return at
	}
	v := &p.devices[r.first]
	if !v.locked || v.up && v.awakeUntil > at {
		return at
	}
	return max(at, v.nextPoll.Add(v.between(2*time.Second, time.Duration(p.Habits.Check))))
}

// compose draws a message.
func (p *Play) compose(r *relation) note {
	n := note{from: r.writer, kind: KindText, text: int(r.quantile(charactersOf)), typing: r.chance(p.Habits.Typing)}
	if r.chance(p.Habits.Media) {
		n.kind, n.bulk = KindMedia, uint64(min(r.quantile(bytesOf), int64(p.Habits.MediaMax)))
	}
	return n
}
