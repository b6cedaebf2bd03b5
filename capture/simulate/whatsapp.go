package simulate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"envelope/capture"
)

// Lengths of frames on WhatsApp's chat connection, in bytes of the body as the
// 3-byte length says. Measured in wissamnd__whatsappCall.pcapng and
// wissamnd__whatsAppCallAnsered.pcapng (Android, September 2020) except where
// a comment says "assumed".
const (
	waTyping       = 41 // composing or paused
	waTypingPush   = 52
	waText         = 188 // a short text; the next step is 220
	waTextStep     = 32
	waPushMore     = 20 // an incoming text is 20, 36, 52 or 68 longer: 208 to 337 were seen
	waAck          = 72
	waDelivered    = 62 // receipts of the receiver, and what the sender gets of them
	waDeliveredTo  = 74
	waDeliveredOK  = 68
	waRead         = 60
	waReadTo       = 76
	waReadOK       = 70
	waReceiptAck   = 64
	waQuietMore    = 2    // assumed: a receipt of the type "inactive" or "sender", two words of the dictionary
	waPhoto        = 1169 // with thumbnail
	waPhotoPush    = 1219
	waVoice        = 545 // assumed: 565 less the 20 by which texts grow
	waVoicePush    = 565
	waPing         = 22
	waPong         = 46
	waActive       = 35
	waActiveAck    = 38
	waEdgeRouting  = "\x45\x44\x00\x01\x00\x00\x04\x08\x0b\x08\x09" // "ED", version, length, 4 bytes of routing
	waPrologue     = "\x57\x41\x05\x02"                             // "WA", version 5, dictionary 2: Noise
	waMediaHost    = "mmg.whatsapp.net"
	waUploadHost   = "media-fra3-1.cdn.whatsapp.net"
	waUploadRecord = 8209
	waMediaRecord  = 1517
)

// whatsApp is the messenger with its servers. The addresses are inside Meta's
// published ranges (157.240.0.0/17, 31.13.64.0/18, 185.60.216.0/22): the
// service is known by them where there is no name.
type whatsApp struct {
	*world
	chat, media, upload *Host
	relays              []*Host
	lines               map[string]*line
}

// line is one person's chat connection.
type line struct {
	*Conn
	*person
	rand *rand.Rand
}

func newWhatsApp(w *world) *whatsApp {
	server := func(name, addr string) *Host { return w.Server(name, netip.MustParseAddr(addr)) }
	wa := &whatsApp{world: w, lines: map[string]*line{},
		chat:   server("g.whatsapp.net", "157.240.27.54"),
		media:  server(waMediaHost, "157.240.27.52"),
		upload: server(waUploadHost, "185.60.216.53"),
	}
	for i, addr := range []string{"185.60.216.51", "157.240.20.51", "31.13.84.48", "31.13.81.50", "157.240.21.51"} {
		relay := server(fmt.Sprint("relay ", i), addr)
		relay.Delay += time.Duration(i) * 3 * time.Millisecond
		wa.relays = append(wa.relays, relay)
	}
	return wa
}

// frames lets one side write frames in one go.
func (l *line) frames(at capture.Time, dir int, lengths ...int) {
	var out []byte
	for _, n := range lengths {
		out = append(out, vector(3, noise(l.Conn.rand, n)...)...)
	}
	l.Send(at, dir, out)
}

// pause is a random time within the limits, from the person's own stream.
func (l *line) pause(lo, hi int) time.Duration {
	return between(l.rand, time.Duration(lo)*time.Millisecond, time.Duration(hi)*time.Millisecond)
}

// login opens the chat connection with a resumed Noise handshake: client hello
// of 259 to 276 bytes, server hello of 54, then 41 and up to 1206 bytes from
// the client (measured). The lengths of the server's frames are assumed.
func (wa *whatsApp) login(p *person, at capture.Time) {
	l := &line{person: p, rand: wa.Rand("whatsapp " + p.Name)}
	l.Conn = wa.dial(at, p, "g.whatsapp.net", wa.chat, 5222)
	wa.lines[p.Name] = l
	now := l.Ready()
	hello := append([]byte(waEdgeRouting+waPrologue), vector(3, noiseHello(l.Conn.rand, 169+l.rand.IntN(18))...)...)
	l.Send(now, capture.Up, hello)
	now = now.Add(l.Way() + l.pause(15, 40))
	l.Send(now, capture.Down, vector(3, noiseAnswer(l.Conn.rand)...))
	l.frames(now.Add(l.pause(30, 50)), capture.Down, 315)
	now = now.Add(l.Way() + l.pause(90, 120))
	l.frames(now, capture.Up, waTyping, 238+l.rand.IntN(300))
	l.frames(now.Add(l.Way()+l.pause(30, 60)), capture.Down, waPong, 96)
	wa.idle(l, now)
}

// idle keeps the connection alive until the end of the scenario: pings, and at
// times a word that the app is in front.
func (wa *whatsApp) idle(l *line, now capture.Time) {
	end := wa.scenario.Start.Add(wa.scenario.Length)
	for {
		now = now.Add(l.pause(45_000, 75_000))
		if now > end.Add(-time.Second) {
			return
		}
		back := now.Add(l.Way() + l.pause(40, 80))
		if l.rand.IntN(3) > 0 {
			l.frames(now, capture.Up, waPing)
			l.frames(back, capture.Down, waPong)
		} else {
			l.frames(now, capture.Up, waPing, waActive)
			l.frames(back, capture.Down, waPong)
			l.frames(back.Add(time.Millisecond), capture.Down, waActiveAck)
		}
	}
}

// noiseHello is the client hello of Noise IK: ephemeral key, sealed static key
// and sealed payload, as fields of a protocol buffer. payload counts its tag.
func noiseHello(r *rand.Rand, payload int) []byte {
	inner := append([]byte{0x0a, 32}, noise(r, 32)...)
	inner = append(append(inner, 0x12, 48), noise(r, 48)...)
	inner = append(append(inner, 0x1a), varint(payload)...)
	inner = append(inner, noise(r, payload)...)
	return append(append([]byte{0x12}, varint(len(inner))...), inner...)
}

// noiseAnswer is the server hello of a resumed handshake: 54 bytes.
func noiseAnswer(r *rand.Rand) []byte {
	inner := append([]byte{0x0a, 32}, noise(r, 32)...)
	inner = append(append(inner, 0x1a, 16), noise(r, 16)...)
	return append([]byte{0x1a, byte(len(inner))}, inner...)
}

// varint is a protocol buffer's number, below 2^14.
func varint(n int) []byte {
	if n < 128 {
		return []byte{byte(n)}
	}
	return []byte{byte(n) | 0x80, byte(n >> 7)}
}

func (wa *whatsApp) perform(a Act, at capture.Time) {
	from, to := wa.lines[a.From], wa.lines[a.To]
	switch a.Kind {
	case ActText:
		wa.typing(from, to, at, a.Size)
		up := waText + a.Size/100*waTextStep
		push := up + waPushMore + 16*from.rand.IntN(4)
		got := wa.message(from, to, at, up, push)
		wa.happened(at, from.person, to.person, Truth{Kind: "text", Service: "whatsapp", StanzaLen: up, Delivered: delivered(to.person, got)})
	case ActPhoto:
		wa.attachment(from, to, at, a.Size, waPhoto, waPhotoPush)
	case ActVoice:
		wa.attachment(from, to, at, a.Size, waVoice, waVoicePush)
	case ActCall:
		wa.call(a, from, to, at)
	}
}

// typing shows that from writes a text that is sent at the given time.
func (wa *whatsApp) typing(from, to *line, at capture.Time, size int) {
	begin := at.Add(-time.Duration(min(size*120, 8000)+600) * time.Millisecond)
	push := begin.Add(from.Way() + from.pause(30, 70))
	from.frames(begin, capture.Up, waTyping)
	to.frames(push, capture.Down, waTypingPush)
	wa.happened(begin, from.person, to.person, Truth{Kind: "typing", Service: "whatsapp", State: "composing", StanzaLen: waTyping,
		Delivered: delivered(to.person, push.Add(to.Way()))})
}

// message carries one message: acknowledgement, push, and the receipts that
// come back when it is delivered and when it is read. It returns when the
// receiver has it.
func (wa *whatsApp) message(from, to *line, at capture.Time, up, push int) capture.Time {
	from.frames(at, capture.Up, up)
	stored := at.Add(from.Way() + from.pause(60, 130))
	from.frames(stored, capture.Down, waAck)
	pushed := stored.Add(from.pause(3, 30))
	to.frames(pushed, capture.Down, push)
	got := pushed.Add(to.Way())
	sent := got.Add(to.pause(80, 330))
	wa.receipt(to, from, sent, waDelivered, waDeliveredTo, waDeliveredOK, "delivered")
	read := sent.Add(to.pause(900, 4000))
	wa.receipt(to, from, read, waRead, waReadTo, waReadOK, "read")
	return got
}

// receipt goes from the receiver of a message to its sender.
func (wa *whatsApp) receipt(from, to *line, at capture.Time, up, push, ok int, state string) {
	from.frames(at, capture.Up, up)
	stored := at.Add(from.Way() + from.pause(90, 140))
	from.frames(stored, capture.Down, waReceiptAck)
	pushed := stored.Add(from.pause(2, 25))
	to.frames(pushed, capture.Down, push)
	got := pushed.Add(to.Way())
	to.frames(got.Add(to.pause(90, 400)), capture.Up, ok)
	wa.happened(at, from.person, to.person, Truth{Kind: "receipt", Service: "whatsapp", State: state, StanzaLen: up, Delivered: delivered(to.person, got)})
}

// attachment uploads bytes over TLS, sends the message that points at them,
// and lets the receiver download them.
func (wa *whatsApp) attachment(from, to *line, at capture.Time, size, up, push int) {
	done := wa.put(from, at, size)
	sent := done.Add(from.pause(150, 300))
	got := wa.message(from, to, sent, up, push)
	wa.get(to, got.Add(to.pause(200, 450)), size)
	wa.happened(sent, from.person, to.person, Truth{Kind: "media", Service: "whatsapp", StanzaLen: up, MediaBytes: size,
		UploadStart: Seconds(at), Delivered: delivered(to.person, got)})
}

// metaFlight is the sealed part of the server's flight at Meta's hosts, as
// measured: 1017, 1517 and 389 bytes.
var metaFlight = []int{1017, 1517, 389}

// put uploads: records of 8209 bytes, now and then one of 25 between them, and
// 393 bytes in answer. It returns when the answer is there.
func (wa *whatsApp) put(l *line, at capture.Time, size int) capture.Time {
	c := wa.dial(at, l.person, waUploadHost, wa.upload, 443)
	now := c.TLS(c.Ready(), Hello{Name: waUploadHost, ALPN: []string{"h2", "http/1.1"}, Flight: metaFlight})
	c.Records(now, capture.Up, 458)
	c.Records(now.Add(c.Way()+l.pause(2, 6)), capture.Down, 180)
	end := c.Load(now.Add(l.pause(3, 9)), capture.Up, size, waUploadRecord)
	c.Records(end, capture.Up, 25)
	answer := end.Add(c.Way() + l.pause(60, 160))
	c.Records(answer, capture.Down, 393)
	c.Close(answer.Add(l.pause(20_000, 30_000)), capture.Up)
	return answer.Add(c.Way())
}

// get downloads: a request of 443 bytes, 180 in answer, then records of 1517.
func (wa *whatsApp) get(l *line, at capture.Time, size int) {
	c := wa.dial(at, l.person, waMediaHost, wa.media, 443)
	now := c.TLS(c.Ready(), Hello{Name: waMediaHost, ALPN: []string{"h2", "http/1.1"}, Flight: metaFlight})
	c.Records(now, capture.Up, 443)
	begin := now.Add(c.Way() + l.pause(3, 8))
	c.Records(begin, capture.Down, 180)
	end := c.Load(begin.Add(l.pause(60, 150)), capture.Down, size, waMediaRecord)
	c.Close(end.Add(l.pause(30_000, 60_000)), capture.Up)
}
