package infer

import (
	"cmp"
	_ "embed" // for the measured sizes
	"encoding/json"
	"fmt"
	"time"

	"envelope/capture"
)

//go:embed data/threema.json
var threemaData []byte

// threemaSizes is the vocabulary of frame sizes, in bytes with the two bytes of
// length; see the data file.
type threemaSizes struct {
	Ack          uint32  `json:"ack"`
	MessageLeast uint32  `json:"message_least"`
	ControlMost  uint32  `json:"control_most"`
	AckS         float64 `json:"ack_s"`
	ActionS      float64 `json:"action_s"`
	ReceiptS     float64 `json:"receipt_s"`
}

// Threema reads the events of Threema's chat connections. Every message is
// acknowledged, by the server if the client sent it and by the client if it
// came, with a frame of fixed length. Padding hides what a message is, so a
// delivery receipt is told by its time only.
func Threema(conns []Conn) []Event {
	var v threemaSizes
	if err := json.Unmarshal(threemaData, &v); err != nil {
		panic(err) // embedded, and checked by a test
	}
	var parts [][]Event
	var media []Conn
	for i := range conns {
		if conns[i].Role == "media" {
			media = append(media, conns[i])
			continue
		}
		t := threema{c: &conns[i], v: &v}
		parts = append(parts, t.read())
	}
	out := attach(Joined(parts), media, true)
	InOrder(out, func(a, b *Event) int { return cmp.Compare(a.Time, b.Time) })
	return out
}

// threema reads one connection.
type threema struct {
	c     *Conn
	v     *threemaSizes
	parts []part
	wait  [2][]int // by direction: parts with messages that were not acknowledged yet
	out   []Event
}

// part is a frame, or a segment of one or more frames, with its headers.
type part struct {
	frame *capture.Frame
	size  uint32
	acked int // acknowledgements that came for it
}

func (t *threema) read() []Event {
	t.split()
	for i := range t.parts {
		p := &t.parts[i]
		switch d := direction(p.frame.Up); {
		case p.size >= t.v.MessageLeast:
			t.wait[d] = append(t.wait[d], i)
		case p.size > 0 && p.size%t.v.Ack == 0:
			t.acknowledge(i, int(p.size/t.v.Ack))
		case p.size <= t.v.ControlMost && p.frame.Up:
			t.echo(i)
		}
	}
	InOrder(t.out, func(a, b *Event) int { return cmp.Compare(a.Time, b.Time) })
	t.group()
	return t.out
}

// split notes the login and gives what follows it as parts. Segments stand for
// frames where the capture does not hold the beginning of the connection.
func (t *threema) split() {
	frames, login := t.c.Flow.Frames, 0
	for i := range frames {
		f := &frames[i]
		switch f.Kind {
		case capture.FrameHandshake:
			if login++; login == loginMessages && !f.Up {
				t.login(f)
			}
		case capture.FrameData:
			t.parts = append(t.parts, part{frame: f, size: f.Length + threemaHeader})
		case capture.FrameSegment:
			t.parts = append(t.parts, part{frame: f, size: f.Length})
		}
	}
}

const (
	// loginMessages of Threema's protocol: hello, hello, login, acknowledgement.
	loginMessages = 4
	// threemaHeader is the length in front of a frame, in bytes.
	threemaHeader = 2
)

func (t *threema) login(last *capture.Frame) {
	e := t.event(&t.c.Flow.Frames[0], Login, "", 0.97, "the four messages of Threema's login by their sizes")
	e.End, e.Bytes, e.Seen = last.Time, 0, true
	t.out = append(t.out, e)
}

// event makes an event of a frame.
func (t *threema) event(f *capture.Frame, k Kind, d Direction, p float64, note string) Event {
	return Event{Kind: k, Time: f.Time, Service: t.c.Service, Client: t.c.Flow.Client.Addr(), Server: t.c.Flow.Server, Flow: t.c.Flow.ID,
		Direction: d, Bytes: uint64(f.Length), Confidence: p * t.c.Weight, Grain: capture.GrainFrame, Evidence: []Evidence{{f.Origin, note}}}
}

// acknowledge matches n acknowledgements to the messages from the other side
// that wait for one, the oldest first. One more of them than segments tells
// that the last segment held one more message.
func (t *threema) acknowledge(i, n int) {
	ack := t.parts[i].frame
	side := 1 - direction(ack.Up)
	for ; n > 0; n-- {
		if w := t.wait[side]; len(w) > 1 && t.parts[w[0]].acked > 0 {
			t.wait[side] = w[1:]
		}
		if len(t.wait[side]) == 0 || !t.room(t.wait[side][0]) {
			return
		}
		m := &t.parts[t.wait[side][0]]
		if m.acked++; ack.Time.Sub(m.frame.Time) <= seconds(t.v.AckS) {
			t.message(m.frame, ack)
		}
	}
}

// room tells whether a part is large enough for a message beyond those that
// were acknowledged.
func (t *threema) room(i int) bool {
	p := &t.parts[i]
	return p.size >= uint32(p.acked+1)*t.v.MessageLeast
}

// message notes a message that was acknowledged.
func (t *threema) message(f, ack *capture.Frame) {
	d, note := Received, "acknowledged by the client"
	if f.Up {
		d, note = Sent, "acknowledged by the server"
	}
	e := t.event(f, Message, d, 0.85, fmt.Sprintf("%d bytes, the size of a message", f.Length))
	e.Evidence = append(e.Evidence, Evidence{ack.Origin, note})
	t.out = append(t.out, e)
}

// echo notes a small frame up that the server answers with a small one.
func (t *threema) echo(i int) {
	for j := i + 1; j < len(t.parts); j++ {
		p := &t.parts[j]
		if p.frame.Time.Sub(t.parts[i].frame.Time) > time.Second {
			return
		}
		if !p.frame.Up && p.size <= t.v.ControlMost {
			t.out = append(t.out, t.event(t.parts[i].frame, Keepalive, Sent, 0.8, fmt.Sprintf("%d bytes up, %d bytes down", t.parts[i].frame.Length, p.frame.Length)))
			return
		}
	}
}

// group makes one event of frames of one action, and takes what comes right
// after a message from the other side for its receipt. Messages that waited for
// the client to come online came together, but are messages of their own.
func (t *threema) group() {
	last := [2]int{-1, -1} // index of the last event of either direction in kept
	kept := t.out[:0:0]
	for _, e := range t.out {
		if e.Kind != Message {
			kept = append(kept, e)
			continue
		}
		d := direction(e.Direction == Sent)
		if l := last[d]; l >= 0 && d == capture.Up && e.Time.Sub(max(kept[l].Time, kept[l].End)) <= seconds(t.v.ActionS) {
			kept[l].absorb(&e)
			continue
		}
		if l := last[1-d]; l >= 0 && kept[l].Kind == Message && e.Time.Sub(kept[l].Time) <= seconds(t.v.ReceiptS) {
			e.Kind, e.Confidence = Receipt, 0.65*t.c.Weight
			e.Evidence[0].Note += ", right after a message from the other side"
		}
		kept = append(kept, e)
		last[d] = len(kept) - 1
	}
	t.out = kept
}

// absorb adds what shows more of the same action.
func (e *Event) absorb(more *Event) {
	e.Evidence = append(e.Evidence, more.Evidence...)
	if e.Evidence[0].Origin == more.Evidence[0].Origin {
		return // another message in the same segment
	}
	e.End, e.Bytes = more.Time, e.Bytes+more.Bytes
}
