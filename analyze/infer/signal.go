package infer

import (
	_ "embed" // for the measured sizes and times
	"encoding/json"

	"envelope/capture"
)

//go:embed data/signal.json
var signalData []byte

// signalLaw is what is known of Signal's protocol; see the data file. Sizes are
// lengths of TLS records in bytes, times are seconds.
type signalLaw struct {
	MessageUp      band               `json:"message_up"`
	MessageDown    band               `json:"message_down"`
	AnswerUp       band               `json:"answer_up"`
	AnswerDown     band               `json:"answer_down"`
	AnswerS        float64            `json:"answer_s"`
	ResponseS      float64            `json:"response_s"`
	KeepaliveS     [2]float64         `json:"keepalive_s"`
	OneBlock       uint32             `json:"one_block"`
	DeliveredNear  following          `json:"delivered_near"`
	DeliveredFar   following          `json:"delivered_far"`
	Read           following          `json:"read"`
	Composed       following          `json:"composed"`
	Refreshed      following          `json:"refreshed"`
	Resumed        following          `json:"resumed"`
	Synced         following          `json:"synced"`
	Announced      following          `json:"announced"`
	Late           float64            `json:"late"`
	OwedS          float64            `json:"owed_s"`
	QueuedReceipts float64            `json:"queued_receipts"`
	BackReceipts   float64            `json:"back_receipts"`
	ActsOfRequests float64            `json:"acts_of_requests"`
	Short          map[string]float64 `json:"short"`
	ShortWeight    float64            `json:"short_weight"`
	SizeWeight     float64            `json:"size_weight"`
	SureMost       float64            `json:"sure_most"`
}

// following is how often and how soon one thing follows another.
type following struct {
	MedianS float64 `json:"median_s"`
	Spread  float64 `json:"spread"`
	WindowS float64 `json:"window_s"`
	Share   float64 `json:"share"`
	Weight  float64 `json:"weight"`
}

// Signal finds the events of Signal's chat connections, whose records have
// nearly the same length whatever they carry: contents are padded, and sealed
// sender makes typing notices, delivery and read receipts messages as texts are.
// What each is follows from what it sets off: a text is answered with a receipt
// by itself, a typing notice is followed by a text, a receipt by nothing. conns
// are as for Stream. Events come in order of time; none is less sure than 0.5,
// and none surer than the messenger is.
//
//   - Requests and answers are told apart by structure: a push is what the
//     client answers with a short record, a request up of the size of a message
//     what the server answers so.
//   - Where both ends are seen, the law of relay ties what one sent to what the
//     other got (see Stream), and parts the talk of different pairs.
//   - In the talk of each pair, all readings of the requests are weighed at once
//     by the forward-backward algorithm (Rabiner, Proceedings of the IEEE 77(2),
//     1989), and habits and exact sizes are learned from the result
//     (expectation-maximisation): who shows typing, who sends read receipts.
//
// Two texts in quick succession and a notice with its text look alike where no
// receipt tells them apart; their probabilities say so.
func Signal(conns []Conn) []Event { return new(Room).Signal(conns) }

// Signal is the function of this name, in memory that was used before.
func (r *Room) Signal(conns []Conn) []Event {
	var law signalLaw
	if err := json.Unmarshal(signalData, &law); err != nil {
		panic(err) // embedded, and checked by a test
	}
	byService := make(map[string][]*Conn)
	for i := range conns {
		byService[conns[i].Service] = append(byService[conns[i].Service], &conns[i])
	}
	var parts [][]Event
	for _, group := range byService {
		parts = append(parts, law.events(group, r))
	}
	out := Joined(parts)
	InOrder(out, before)
	return out
}

// events is Signal for one messenger.
func (law *signalLaw) events(conns []*Conn, room *Room) []Event {
	var chat, media []*Conn
	for _, c := range conns {
		switch c.Role {
		case "media":
			media = append(media, c)
		case "", "message":
			chat = append(chat, c)
		}
	}
	v := newView(chat, room)
	out := v.logins()
	if v.oneSided() {
		return v.withMedia(out, media)
	}
	x := &signalTalk{view: law.requests(v, &out), law: law}
	x.source = x.tie()
	for i, p := range x.weigh() {
		if e, ok := x.event(int32(i), p); ok {
			out = append(out, e)
		}
	}
	InOrder(out, before)
	return v.withMedia(out, media)
}

// signalTalk is the requests of one messenger that carry messages.
type signalTalk struct {
	*view
	law    *signalLaw
	source []int32 // by unit down: the unit up that it was passed on from, -1 for none
}

// meanings of a request.
const (
	aText = iota
	aTyping
	aReceipt
	aSync // for linked devices of one's own
	meanings
)

var meaningNames = [meanings]string{"text", "typing", "receipt", "sync"}

// event makes an event of a unit of which the likeliest meaning is likely
// enough. A copy for one's own devices is none.
func (x *signalTalk) event(id int32, p [meanings]float64) (Event, bool) {
	u := &x.units[id]
	best := aText
	for m := range p {
		if p[m] > p[best] {
			best = m
		}
	}
	sure := min(p[best], x.law.SureMost)
	if best == aSync || sure*x.conns[u.conn].Weight < leastSure {
		return Event{}, false
	}
	d, note := Received, "a push that the client answered"
	if u.up {
		d, note = Sent, "a request up that the server answered"
	}
	e := x.view.event(u, [...]Kind{Message, Typing, Receipt}[best], d, sure, note+", by its place in the talk "+[...]string{"a text", "a typing notice", "a receipt"}[best])
	if s := x.source[id]; s >= 0 {
		e.Evidence = append(e.Evidence, Evidence{x.units[s].origin, PassedOn})
	}
	return e, true
}

// requests gives the requests with messages as a view of their own, and adds
// the keepalives to out. v holds all connections.
func (law *signalLaw) requests(v *view, out *[]Event) *view {
	w := &view{conns: v.conns, clients: v.clients, who: v.who, beside: v.beside, request: make([]bool, len(v.conns)), room: new(Room)}
	until := v.loginEnds()
	var frames []capture.Frame
	var units []unit
	for i, c := range v.conns {
		frames = application(frames[:0], c.Flow)
		units = appendCut(units[:0], frames, int32(i), v.who[i], false)
		t := turnsOfSignal{law: law, c: c, units: units, until: until[i]}
		t.read()
		w.units = append(w.units, t.kept()...)
		*out = append(*out, t.keepalives()...)
	}
	inTime(w.units, &w.room.sorter)
	w.build()
	return w
}
