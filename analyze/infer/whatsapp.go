package infer

import (
	"cmp"
	_ "embed" // for the measured sizes
	"encoding/json"
	"slices"
	"strings"
	"time"

	"envelope/capture"
)

//go:embed data/whatsapp.json
var whatsAppData []byte

// band is a range of sizes in bytes, both ends included.
type band [2]uint32

func (b band) holds(n uint32) bool { return n >= b[0] && n <= b[1] }

// whatsAppSizes is the vocabulary of frame sizes; see the data file.
type whatsAppSizes struct {
	TypingUp       band    `json:"typing_up"`
	PresenceDown   band    `json:"presence_down"`
	MessageUp      band    `json:"message_up"`
	MessageAck     band    `json:"message_ack_down"`
	MessageAckS    float64 `json:"message_ack_s"`
	ReceiptDown    band    `json:"receipt_down"`
	ReceiptAckUp   band    `json:"receipt_ack_up"`
	ReceiptS       float64 `json:"receipt_s"`
	ReceiptAckS    float64 `json:"receipt_ack_s"`
	MessageDown    band    `json:"message_down"`
	ReceiptUp      band    `json:"receipt_up"`
	ReceiptUpS     float64 `json:"receipt_up_s"`
	LateReceiptS   float64 `json:"late_receipt_up_s"`
	ReceiptAckDown band    `json:"receipt_ack_down"`
	KeepaliveUp    band    `json:"keepalive_up"`
	KeepaliveDown  band    `json:"keepalive_down"`
	KeepaliveS     float64 `json:"keepalive_s"`
	LoginS         float64 `json:"login_s"`
}

// WhatsApp reads the events of chat connections with WhatsApp's own framing.
// Connections of the role media among conns give the attachments.
func WhatsApp(conns []Conn) []Event {
	var v whatsAppSizes
	if err := json.Unmarshal(whatsAppData, &v); err != nil {
		panic(err) // embedded, and checked by a test
	}
	var parts [][]Event
	var media []Conn
	said := notebook{}
	for i := range conns {
		c := &conns[i]
		if c.Role == "media" && !strings.HasPrefix(c.Flow.Host, "pps.") { // profile pictures are no attachments
			media = append(media, *c)
		}
		if hasSignPrefix(c.Flow, "whatsapp-") {
			w := whatsApp{c: c, v: &v, used: make([]bool, len(c.Flow.Frames)), said: said}
			parts = append(parts, w.read())
		}
	}
	list := transfersOf(media)
	return attachTo(joinedWithRoom(parts, len(list)), list, true)
}

// whatsApp reads one connection. A frame explains at most one event.
type whatsApp struct {
	c    *Conn
	v    *whatsAppSizes
	used []bool
	out  []Event
	said notebook
	open capture.Time // end of the login, where the connection begins with one
}

func (w *whatsApp) read() []Event {
	w.login()
	frames := w.c.Flow.Frames
	for i := range frames {
		f := &frames[i]
		if w.used[i] || f.Kind != capture.FrameData {
			continue
		}
		switch {
		case f.Up && w.v.MessageUp.holds(f.Length):
			w.sent(i)
		case !f.Up && w.v.MessageDown.holds(f.Length):
			w.received(i)
		}
	}
	if !slices.Contains(w.c.Flow.Signs, "whatsapp-xmpp") { // the sizes of 2015 were other ones
		w.small()
	}
	InOrder(w.out, func(a, b *Event) int { return cmp.Compare(a.Time, b.Time) })
	return w.out
}

// signExposed marks a connection whose client named its account in clear; see
// wire.WhatsAppExposesIdentifier.
const signExposed = "whatsapp-identifier-exposed"

// login notes the opening of the connection: the prologue, and the handshake
// of the Noise protocol behind it.
func (w *whatsApp) login() {
	frames := w.c.Flow.Frames
	if len(frames) == 0 || frames[0].Kind != capture.FrameHandshake {
		return
	}
	end := frames[0].Time
	for i := range frames {
		if frames[i].Time.Sub(end) > time.Second || frames[i].Time.Sub(frames[0].Time) > seconds(w.v.LoginS) {
			break
		}
		end = frames[i].Time
	}
	w.open = end
	e := w.event(&frames[0], Login, "", 0.97, "stream start of WhatsApp: prologue in clear")
	e.Time, e.End, e.Seen, e.Bytes = w.c.Flow.First, end, true, 0
	if slices.Contains(w.c.Flow.Signs, signExposed) {
		e.Evidence = append(e.Evidence, Evidence{frames[0].Origin, "the account's identifier is sent in clear (not shown here)"})
	}
	w.out = append(w.out, e)
}

// event makes an event of a frame.
func (w *whatsApp) event(f *capture.Frame, k Kind, d Direction, p float64, note string) Event {
	return Event{Kind: k, Time: f.Time, Service: w.c.Service, Client: w.c.Flow.Client.Addr(), Server: w.c.Flow.Server, Flow: w.c.Flow.ID,
		Direction: d, Bytes: uint64(f.Length), Confidence: p * w.c.Weight, Grain: capture.GrainFrame, Evidence: []Evidence{{f.Origin, note}}}
}

// ahead bounds how many frames are looked through for an answer: in the
// captures read by hand at most some dozens lie between a message and the last
// receipt that counts.
const ahead = 256

// next finds the first unused frame of a direction within a time after frame i
// that is of a size in one of the bands, or is of any size where there is none.
func (w *whatsApp) next(i int, up bool, within float64, size ...band) (int, bool) {
	frames := w.c.Flow.Frames
	for j := i + 1; j < min(len(frames), i+ahead) && frames[j].Time.Sub(frames[i].Time) <= seconds(within); j++ {
		f := &frames[j]
		if f.Up == up && !w.used[j] && f.Kind == capture.FrameData && (len(size) == 0 || size[0].holds(f.Length)) {
			return j, true
		}
	}
	return 0, false
}

// sent takes a frame up for a message if the server acknowledges it at once;
// receipts of the other end's devices, acknowledged by the client, prove it.
func (w *whatsApp) sent(i int) {
	frames := w.c.Flow.Frames
	ack, ok := w.ack(i)
	if !ok || !w.v.MessageAck.holds(frames[ack].Length) {
		return
	}
	w.used[i], w.used[ack] = true, true
	f := &frames[i]
	e := w.event(f, Message, Sent, sureAcked, w.said.note("frame of %d bytes up", f.Length))
	e.Evidence = append(e.Evidence, Evidence{frames[ack].Origin, w.said.note("acknowledged by the server, %d bytes", frames[ack].Length)})
	w.receipts(&e, f.Time, ack)
	w.out = append(w.out, e)
}

// ack finds what the server says first after frame i. The answer to a short word
// of the client's, such as that it is there, is not it: clients say such words
// along with messages, and the server answers each.
func (w *whatsApp) ack(i int) (int, bool) {
	frames := w.c.Flow.Frames
	open := 0 // short words without an answer
	from := i
	for from > 0 && i-from < ahead && frames[i].Time.Sub(frames[from-1].Time) <= seconds(w.v.KeepaliveS) {
		from--
	}
	for j := from; j < i; j++ {
		if w.word(&frames[j]) {
			open++
		} else if w.answersWord(&frames[j]) {
			open = max(0, open-1)
		}
	}
	for j := i + 1; j < min(len(frames), i+ahead) && frames[j].Time.Sub(frames[i].Time) <= seconds(w.v.MessageAckS); j++ {
		switch f := &frames[j]; {
		case w.word(f):
			open++
		case f.Up || w.used[j] || f.Kind != capture.FrameData:
		case open > 0 && w.answersWord(f):
			open--
		default:
			return j, true
		}
	}
	return 0, false
}

// word tells whether a frame is a short word of the client's, and answersWord
// whether it is the server's answer to one, by their lengths.
func (w *whatsApp) word(f *capture.Frame) bool {
	return f.Up && f.Kind == capture.FrameData && w.v.KeepaliveUp.holds(f.Length)
}

func (w *whatsApp) answersWord(f *capture.Frame) bool {
	return !f.Up && f.Kind == capture.FrameData && w.v.KeepaliveDown.holds(f.Length)
}

// maxReceipts is how many receipts one message is given: delivered and read.
// Later ones may be for a message before it, and those of a group come one by
// one for minutes: they count for themselves.
const (
	maxReceipts  = 2
	receiptsSoon = 5 * time.Second
)

// receipts takes the receipts that follow a sent message.
func (w *whatsApp) receipts(e *Event, sent capture.Time, at int) {
	frames := w.c.Flow.Frames
	for range maxReceipts {
		r, ok := w.next(at, false, w.v.ReceiptS, w.v.ReceiptDown)
		if !ok {
			return
		}
		back, ok := w.next(r, true, w.v.ReceiptAckS, w.v.ReceiptAckUp)
		if !ok {
			return
		}
		w.used[r], w.used[back] = true, true
		e.Confidence = sureReceipt * w.c.Weight
		e.Evidence = append(e.Evidence, Evidence{frames[r].Origin, "receipt of the other end"})
		w.out = append(w.out, w.event(&frames[r], Receipt, Received, 0.9,
			w.said.note2("receipt of %d bytes, answered by %d bytes", frames[r].Length, frames[back].Length)))
		if at = r; frames[r].Time.Sub(sent) > receiptsSoon {
			return
		}
	}
}

// How sure a message is by the frames that go with it. In the captures read by
// hand 28 of 29 were right; of those with a receipt, all.
const (
	sureAcked    = 0.8  // sent, acknowledged by the server
	sureReceipt  = 0.97 // sent, and a receipt came back
	sureAnswered = 0.9  // received, and a receipt was sent at once
	sureLate     = 0.7  // received, and a receipt was sent after a while
	sureDone     = 0.06 // more where the server acknowledges the receipt

	sureLaterReceipt = 0.8 // by its length and the client's answer alone
)

// received takes a push of the server for a message if the client answers with
// a receipt.
func (w *whatsApp) received(i int) {
	frames := w.c.Flow.Frames
	if w.answers(i) {
		return
	}
	p := sureAnswered
	r, ok := w.next(i, true, w.v.ReceiptUpS, w.v.ReceiptUp)
	if !ok {
		if r, ok = w.next(i, true, w.v.LateReceiptS, w.v.ReceiptUp); !ok {
			return
		}
		p = sureLate
	}
	w.used[i], w.used[r] = true, true
	f := &frames[i]
	e := w.event(f, Message, Received, p, w.said.note("frame of %d bytes down", f.Length))
	e.Evidence = append(e.Evidence, Evidence{frames[r].Origin, w.said.note("receipt of %d bytes up", frames[r].Length)})
	if back, ok := w.next(r, false, w.v.ReceiptAckS, w.v.ReceiptAckDown); ok {
		w.used[back] = true
		e.Confidence = (p + sureDone) * w.c.Weight
		e.Evidence = append(e.Evidence, Evidence{frames[back].Origin, "receipt acknowledged by the server"})
	}
	sent := w.event(&frames[r], Receipt, Sent, p, "receipt for the message before")
	w.out = append(w.out, e, sent)
}

// answers tells that a frame down answers a request of the client, such as the
// offer of a call: a large frame up just before it that no message's
// acknowledgement followed.
func (w *whatsApp) answers(i int) bool {
	frames := w.c.Flow.Frames
	for j := i - 1; j >= 0 && frames[i].Time.Sub(frames[j].Time) <= seconds(w.v.MessageAckS); j-- {
		if f := &frames[j]; f.Kind == capture.FrameData {
			return f.Up && !w.used[j] && w.v.MessageUp.holds(f.Length)
		}
	}
	return false
}

// small takes what is left of the small frames: typing, presence, keepalives, and
// the receipts of those who got a message long after it was sent.
func (w *whatsApp) small() {
	frames := w.c.Flow.Frames
	for i := range frames {
		f := &frames[i]
		if w.used[i] || f.Kind != capture.FrameData || f.Time <= w.open {
			continue
		}
		switch {
		case f.Up && w.v.TypingUp.holds(f.Length):
			w.out = append(w.out, w.event(f, Typing, Sent, 0.8, w.said.note("frame of %d bytes up, as for composing and paused", f.Length)))
		case !f.Up && w.v.ReceiptDown.holds(f.Length):
			if j, ok := w.next(i, true, w.v.ReceiptAckS, w.v.ReceiptAckUp); ok {
				w.used[j] = true
				w.out = append(w.out, w.event(f, Receipt, Received, sureLaterReceipt, w.said.note2("receipt of %d bytes, answered by %d bytes, for no message just before", f.Length, frames[j].Length)))
			}
		case !f.Up && w.v.PresenceDown.holds(f.Length):
			w.out = append(w.out, w.event(f, Presence, Received, 0.65, w.said.note("push of %d bytes, as for typing and presence", f.Length)))
		case f.Up && w.v.KeepaliveUp.holds(f.Length):
			if j, ok := w.next(i, false, w.v.KeepaliveS, w.v.KeepaliveDown); ok {
				w.used[j] = true
				w.out = append(w.out, w.event(f, Keepalive, Sent, 0.75, w.said.note2("%d bytes up, %d bytes down", f.Length, frames[j].Length)))
			}
		}
	}
}
