package simulate

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"envelope/capture"
)

// Lengths of TLS records on Signal's WebSocket to chat.signal.org. The captures
// at hand hold no message, so these are computed, not measured: from
// Signal-Android's PushTransportDetails (contents are padded to blocks of 80
// bytes) and WebSocketResources.proto, with sealed sender around them, base64
// and JSON on the way up, plain protocol buffers on the way down, masked
// frames up (RFC 6455 section 5.2), and 17 bytes of TLS 1.3.
const (
	signalBlock    = 80
	signalUp       = 1055 // a message of one block
	signalUpStep   = 107  // base64 of one more block
	signalUpAck    = 108  // "200 OK" with {"needsSync":false}
	signalDown     = 713
	signalDownStep = 80
	signalDownAck  = 44
	signalPing     = 56 // GET /v1/keepalive
	signalPong     = 42
	signalOverhead = 48 // of a text in its Content: field headers, time stamp, profile key (32 bytes)
	signalQuiet    = 1  // "urgent":false is a byte longer than true: receipts; typing has "online":true in return
	signalPassing  = 2  // the field ephemeral of an Envelope: typing
)

// signalOpening is how the WebSocket opens: 431 and 236 bytes were measured
// (signal.pcap, 2019).
var signalOpening = [2]int{431, 236}

// signal is the messenger with its server. Its address is one for
// documentation: it is known by its name.
type signal struct {
	*world
	chat  *Host
	lines map[string]*socket
}

// socket is one person's WebSocket.
type socket struct {
	*Conn
	*person
	rand *rand.Rand
}

func newSignal(w *world) *signal {
	return &signal{world: w, chat: w.Server("chat.signal.org", netip.MustParseAddr("192.0.2.90")), lines: map[string]*socket{}}
}

func (s *socket) pause(lo, hi int) time.Duration {
	return between(s.rand, time.Duration(lo)*time.Millisecond, time.Duration(hi)*time.Millisecond)
}

// login opens the WebSocket; the server says at once that nothing is waiting.
func (sg *signal) login(p *person, at capture.Time) {
	s := &socket{person: p, rand: sg.Rand("signal " + p.Name)}
	s.Conn = sg.dial(at, p, "chat.signal.org", sg.chat, 443)
	sg.lines[p.Name] = s
	now := s.TLS(s.Ready(), Hello{Name: "chat.signal.org", ALPN: []string{"http/1.1"}, Flight: []int{30, 2046, 281, 69}, Finish: 69})
	s.Records(now, capture.Up, signalOpening[0])
	now = now.Add(s.Way() + s.pause(10, 30))
	s.Records(now, capture.Down, signalOpening[1])
	s.Records(now.Add(s.pause(20, 60)), capture.Down, 81) // PUT /api/v1/queue/empty
	s.Records(now.Add(s.Way()+s.pause(70, 110)), capture.Up, signalDownAck)
	sg.idle(s, now)
}

// idle sends a keepalive every 30 s.
func (sg *signal) idle(s *socket, now capture.Time) {
	end := sg.scenario.Start.Add(sg.scenario.Length - time.Second)
	for {
		now = now.Add(30*time.Second + s.pause(0, 60))
		if now > end {
			return
		}
		s.Records(now, capture.Up, signalPing)
		s.Records(now.Add(s.Way()+s.pause(5, 20)), capture.Down, signalPong)
	}
}

// parcel is one message as it passes the server, by the lengths of its records.
type parcel struct {
	kind, state string
	up, down    int
}

// parcelOf makes a message of so many blocks.
func parcelOf(kind, state string, blocks int) parcel {
	p := parcel{kind, state, signalUp + (blocks-1)*signalUpStep, signalDown + (blocks-1)*signalDownStep}
	switch kind {
	case "receipt":
		p.up += signalQuiet
	case "typing":
		p.down += signalPassing
	}
	return p
}

// perform sends a text. Typing and receipts are messages of one block too, so
// on the wire they differ by a byte or two from a text of up to 30 bytes.
func (sg *signal) perform(a Act, at capture.Time) {
	from, to := sg.lines[a.From], sg.lines[a.To]
	blocks := (a.Size + signalOverhead + 2 + signalBlock - 1) / signalBlock
	begin := at.Add(-time.Duration(min(a.Size*120, 8000)+1500) * time.Millisecond)
	sg.pass(from, to, begin, parcelOf("typing", "composing", 1))
	got := sg.pass(from, to, at, parcelOf("text", "", blocks))
	receipt := got.Add(to.pause(250, 700))
	sg.pass(to, from, receipt, parcelOf("receipt", "delivered", 1))
	sg.pass(to, from, receipt.Add(to.pause(1200, 5000)), parcelOf("receipt", "read", 1))
}

// pass carries one message through the server and returns when the receiver
// has it.
func (sg *signal) pass(from, to *socket, at capture.Time, p parcel) capture.Time {
	from.Records(at, capture.Up, p.up)
	stored := at.Add(from.Way() + from.pause(25, 60))
	from.Records(stored, capture.Down, signalUpAck)
	pushed := stored.Add(from.pause(3, 25))
	to.Records(pushed, capture.Down, p.down)
	got := pushed.Add(to.Way())
	to.Records(got.Add(to.pause(15, 60)), capture.Up, signalDownAck)
	sg.happened(at, from.person, to.person, Truth{Kind: p.kind, State: p.state, Service: "signal", StanzaLen: p.up, Delivered: delivered(to.person, got)})
	return got
}
