package infer

import (
	"fmt"
	"time"

	"envelope/capture"
)

// lookMost bounds how many segments are looked at before and after one: people
// and their clients cause fewer in the times that matter, floods more.
const lookMost = 64

// telegram reads one connection.
type telegram struct {
	c       *Conn
	v       *telegramSizes
	side    bool // opened beside a busier connection of the same client
	turns   []turn
	rtt     time.Duration   // least time from a request to its answer
	patient time.Duration   // most time from a request to its answer
	answers map[uint32]bool // sizes of what the server answers to what a client asks after an update
	few     bool            // too few answers were seen to learn their sizes
	login   capture.Time    // end of the set-up of the session, 0 where the capture does not hold it
	wrote   capture.Time    // of the last message sent
	read    int             // turn up that last marked something read
	out     []Event
}

func (t *telegram) events() []Event {
	t.rtt, t.patient = t.v.roundTrip(t.turns)
	t.start()
	t.mark()
	t.learn()
	t.mark()
	for i := range t.turns {
		switch u := &t.turns[i]; {
		case u.frame.Time <= t.login:
		case !u.frame.Up && !u.asked:
			t.update(i)
		case u.frame.Up && !u.cycle && !t.follows(i):
			t.request(i)
		}
	}
	t.albums()
	return t.out
}

// start notes the opening of a session. A connection that a client opens
// beside another is not its coming online.
func (t *telegram) start() {
	f := t.c.Flow
	if f.Midstream || len(t.turns) == 0 || !t.turns[0].frame.Up {
		return
	}
	end := f.First
	for i := range t.turns {
		at := t.turns[i].frame.Time
		if at.Sub(end) > loginGap || at.Sub(f.First) > seconds(t.v.LoginS) {
			break
		}
		end = at
	}
	t.login = end
	if t.side {
		return
	}
	e := t.event(0, Login, "", 0.8, "stream start of MTProto")
	e.Time, e.End, e.Bytes = f.First, end, 0
	t.out = append(t.out, e)
}

// event makes an event of a turn.
func (t *telegram) event(i int, k Kind, d Direction, p float64, note string) Event {
	f := t.turns[i].frame
	return Event{Kind: k, Time: f.Time, Service: t.c.Service, Client: t.c.Flow.Client.Addr(), Server: t.c.Flow.Server, Flow: t.c.Flow.ID,
		Direction: d, Bytes: uint64(f.Length), Confidence: p * t.c.Weight, Grain: capture.GrainFrame, Evidence: []Evidence{{f.Origin, note}}}
}

// mark tells answers from updates, and requests from what a client sends
// because of an update. Where the capture holds one direction only, what comes
// right behind something else is taken for an answer.
func (t *telegram) mark() {
	for i := range t.turns {
		switch u := &t.turns[i]; {
		case u.frame.Up:
			u.cycle = t.reacts(i)
		case t.c.Flow.Payload[capture.Up] == 0:
			u.asked = t.empty(u) || t.trails(i)
		default:
			u.asked, u.cycle = t.answered(i)
		}
	}
}

// trails tells whether turn i follows another of the server's without a pause.
func (t *telegram) trails(i int) bool {
	return i > 0 && t.turns[i].frame.Time.Sub(t.turns[i-1].frame.Time) <= seconds(t.v.ReactS) && !t.empty(&t.turns[i-1])
}

// reacts tells whether turn i up was set off by something from the server
// other than the answer to a request of the client's own.
func (t *telegram) reacts(i int) bool {
	for j := i - 1; j >= max(0, i-lookMost); j-- {
		d := &t.turns[j]
		if t.turns[i].frame.Time.Sub(d.frame.Time) > seconds(t.v.ReactS) {
			return false
		}
		if !d.frame.Up {
			return !d.asked || d.cycle || t.empty(d)
		}
	}
	return false
}

// answered tells whether turn i down answers something, and whether it answers
// what an update set off. An empty answer settles the request before it. What
// comes while a client reads an update but has no size of the answers to that
// is another update.
func (t *telegram) answered(i int) (asked, cycle bool) {
	d := &t.turns[i]
	settled := 0
	for j := i - 1; j >= max(0, i-lookMost); j-- {
		u := &t.turns[j]
		lag := d.frame.Time.Sub(u.frame.Time)
		switch {
		case lag > t.patient:
			return t.empty(d) || t.late(i), t.late(i)
		case !u.frame.Up && u.asked && t.empty(u):
			settled += u.packets
		case !u.frame.Up || lag < t.rtt*3/4:
		case settled >= u.packets:
			settled -= u.packets
		default:
			return !u.cycle || t.answers == nil || t.answer(d), u.cycle
		}
	}
	return t.empty(d), false
}

// empty tells whether packets carry no more than a pong or an acknowledgement.
func (t *telegram) empty(u *turn) bool {
	return u.size <= t.v.Empty*uint32(u.packets)
}

// late tells whether turn i down is the answer to what an update set off, after
// a delay on the way: nothing else answered that yet, or did just before.
func (t *telegram) late(i int) bool {
	d := &t.turns[i]
	if t.answers == nil || !t.answer(d) {
		return false
	}
	waiting := false
	for j := i - 1; j >= max(0, i-lookMost); j-- {
		u := &t.turns[j]
		lag := d.frame.Time.Sub(u.frame.Time)
		switch {
		case lag > seconds(t.v.ReadS):
			return false
		case u.frame.Up:
			waiting = waiting || u.cycle
		case !u.asked:
			return waiting
		case !t.empty(u):
			return u.cycle && lag <= t.rtt
		}
	}
	return false
}

// answer tells whether a segment down has the size of one or two of the answers
// that the server gives while a client reads.
func (t *telegram) answer(d *turn) bool {
	switch {
	case t.few:
		return d.size <= t.v.AnswerMost*uint32(d.packets)
	case d.packets == 1:
		return t.answers[d.size]
	}
	for size := range t.answers {
		if d.size > size && t.answers[size] && t.answers[d.size-size] {
			return true
		}
	}
	return false
}

// Limits of learning the sizes of answers: so many have to be seen, at moments
// that lie apart, and a size has to make up one in so many. What comes often at
// one moment only is a run of like messages.
const (
	answersLeast = 20
	answersShare = 25
	apart        = 10 * time.Second
)

// learn finds the sizes that the server answers with while a client reads.
func (t *telegram) learn() {
	type tally struct {
		n    int
		last capture.Time
	}
	count, all := make(map[uint32]tally), 0
	for i := range t.turns {
		u := &t.turns[i]
		if c := count[u.size]; u.asked && u.cycle && u.packets == 1 && (c.n == 0 || u.frame.Time.Sub(c.last) > apart) {
			count[u.size] = tally{c.n + 1, u.frame.Time}
			all++
		}
	}
	t.answers, t.few = make(map[uint32]bool), all < answersLeast
	for size, c := range count {
		t.answers[size] = size <= t.v.Update || c.n*answersShare >= all
	}
}

// update judges what the server sent unasked: a message if it has the size of
// one; nearly certain if the client then asks for something because of it, as
// it does to mark a message read, and gets an answer. In two logged recordings
// 228 of 231 such updates were logged or came again when the conversation was
// played again.
func (t *telegram) update(i int) {
	d := &t.turns[i]
	if t.empty(d) || d.size > t.v.MessageMost {
		return
	}
	up, down := t.reading(i)
	switch {
	case up >= 0 && down >= 0:
		t.typed(i)
		e := t.event(i, Message, Received, 0.97, fmt.Sprintf("update of %d bytes", d.frame.Length))
		e.Evidence = append(e.Evidence, Evidence{t.turns[down].frame.Origin, "answer to what the client asked because of it, as to mark a message read"})
		t.received(d, &e)
		if up > t.read {
			t.out = append(t.out, t.event(up, Receipt, Sent, 0.8, "request after an update, as to mark a message read"))
			t.read = up
		}
	case t.wrote > 0 && d.size <= t.v.ReceiptMost && d.frame.Time.Sub(t.wrote) <= seconds(t.v.ReceiptS):
		t.out = append(t.out, t.event(i, Receipt, Received, 0.6, fmt.Sprintf("update of %d bytes after a message sent, as for its being read", d.frame.Length)))
	case d.size >= t.v.Message*uint32(d.packets):
		e := t.event(i, Message, Received, 0.65, fmt.Sprintf("update of %d bytes that shows no reading", d.frame.Length))
		t.received(d, &e)
	default:
		t.out = append(t.out, t.event(i, Presence, Received, 0.6, fmt.Sprintf("update of %d bytes, as for typing and online status", d.frame.Length)))
	}
}

// againFactor is how much less sure the second message in one segment is.
const againFactor = 0.7

// received notes a message for every packet of a segment that has room for one.
func (t *telegram) received(d *turn, e *Event) {
	t.out = append(t.out, *e)
	for n := min(uint32(d.packets), d.size/t.v.Message); n > 1; n-- {
		again := *e
		again.Confidence *= againFactor
		again.Evidence = []Evidence{{d.frame.Origin, fmt.Sprintf("one of %d packets in %d bytes", d.packets, d.frame.Length)}}
		t.out = append(t.out, again)
	}
}

// typed takes small updates shortly before a message for its being written.
func (t *telegram) typed(i int) {
	at := t.turns[i].frame.Time
	for j := len(t.out) - 1; j >= max(0, len(t.out)-lookMost) && at.Sub(t.out[j].Time) <= seconds(t.v.TypingS); j-- {
		if t.out[j].Kind == Presence {
			t.out[j].Kind = Typing
		}
	}
}

// reading finds the request that an update set off and its answer, -1 where
// there is none.
func (t *telegram) reading(i int) (up, down int) {
	up = -1
	for j := i + 1; j < min(len(t.turns), i+lookMost); j++ {
		u := &t.turns[j]
		if u.frame.Time.Sub(t.turns[i].frame.Time) > seconds(t.v.ReadS) {
			break
		}
		if u.frame.Up && up < 0 {
			up = j
		}
		if !u.frame.Up && u.asked && u.cycle && !t.empty(u) && up >= 0 {
			return up, j
		}
	}
	return up, -1
}

// request judges what the client sent out of the blue: a message if it gets a
// small result, a keepalive if the answer is empty.
func (t *telegram) request(i int) {
	for j := i + 1; j < min(len(t.turns), i+lookMost); j++ {
		d := &t.turns[j]
		if d.frame.Time.Sub(t.turns[i].frame.Time) > seconds(t.v.AnswerS) {
			return
		}
		if d.frame.Up || !d.asked {
			continue
		}
		switch {
		case t.empty(d):
			t.out = append(t.out, t.event(i, Keepalive, Sent, 0.7, fmt.Sprintf("%d bytes up, empty answer of %d bytes", t.turns[i].frame.Length, d.frame.Length)))
		case d.size <= t.v.ResultMost && !t.timed(i) && t.turns[i].frame.Time.Sub(t.wrote) > seconds(t.v.ReactS):
			t.sent(i, j)
		}
		return
	}
}

// follows tells whether turn i up comes right after an answer: it is the next
// step of something longer, as the fetching of settings or of history.
func (t *telegram) follows(i int) bool {
	for j := i - 1; j >= max(0, i-lookMost) && t.turns[i].frame.Time.Sub(t.turns[j].frame.Time) <= seconds(t.v.ReactS); j-- {
		if d := &t.turns[j]; !d.frame.Up && d.asked && !t.empty(d) {
			return true
		}
	}
	return false
}

// sent notes a message that the client wrote, or what looks like it. Requests
// with an empty answer shortly before, as for the typing action, speak for it;
// they look like pings and are half as likely without one.
func (t *telegram) sent(i, answer int) {
	p := 0.55
	at := t.turns[i].frame.Time
	for j := len(t.out) - 1; j >= max(0, len(t.out)-lookMost) && at.Sub(t.out[j].Time) <= seconds(t.v.TypingS); j-- {
		if t.out[j].Kind == Keepalive {
			p = 0.65
		}
	}
	e := t.event(i, Message, Sent, p, fmt.Sprintf("request of %d bytes out of the blue", t.turns[i].frame.Length))
	e.Evidence = append(e.Evidence, Evidence{t.turns[answer].frame.Origin, fmt.Sprintf("small result of %d bytes", t.turns[answer].frame.Length)})
	t.out, t.wrote = append(t.out, e), at
}

// timed tells whether turn i comes at the fixed time after the last update at
// which clients send a request of their own.
func (t *telegram) timed(i int) bool {
	for j := i - 1; j >= max(0, i-lookMost); j-- {
		gap := t.turns[i].frame.Time.Sub(t.turns[j].frame.Time)
		if gap >= seconds(t.v.TimerS[0]) {
			return gap <= seconds(t.v.TimerS[1]) && (t.turns[j].cycle || !t.turns[j].frame.Up && !t.turns[j].asked)
		}
		if !t.turns[j].frame.Up && !t.empty(&t.turns[j]) {
			return false
		}
	}
	return false
}

// albumLeast is the number of updates with photos in a row that make an album:
// nobody writes three long texts in a second.
const albumLeast = 3

// albums takes messages that come several at once, each as large as one with a
// photo is, for photos.
func (t *telegram) albums() {
	var run []int
	flush := func() {
		for _, i := range run {
			if len(run) >= albumLeast {
				t.out[i].Kind = Media
				t.out[i].Evidence[0].Note += ", one of several at once, as the photos of an album"
			}
		}
		run = run[:0]
	}
	for i := range t.out {
		e := &t.out[i]
		if e.Kind != Message || e.Direction != Received || e.Bytes < t.v.AlbumLeast {
			continue
		}
		if n := len(run); n > 0 && e.Time.Sub(t.out[run[n-1]].Time) > seconds(t.v.AlbumS) {
			flush()
		}
		run = append(run, i)
	}
	flush()
}
