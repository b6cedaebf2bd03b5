package simulate

import (
	"net/netip"
	"time"

	"envelope/capture"
)

// Frames of a call on the chat connection, measured at a caller in
// wissamnd__whatsappCall.pcapng and wissamnd__whatsAppCallAnsered.pcapng. Those
// of the callee are assumed where nothing else is said: no capture at hand
// holds a callee's chat connection of that protocol.
const (
	waOffer     = 231
	waRelayList = 1220
	waOfferPush = 1236 // assumed, within the 600 to 1900 bytes of other builds
	waAccept    = 154  // assumed: 20 less than its push
	waAcceptTo  = 174
	waReport    = 105 // latency of one relay
	waReportAck = 54
	waEnd       = 97
)

// Message types of call set-up (RFC 8489, RFC 8656, and WhatsApp's own).
const (
	stunBinding       = 0x0001
	stunAllocate      = 0x0003
	stunBindingDone   = 0x0101
	stunAllocateDone  = 0x0103
	waStunEnd         = 0x0800
	waStunPing        = 0x0801
	waStunPong        = 0x0802
	attrIntegrity     = 0x0008
	attrRelayed       = 0x0016
	attrMapped        = 0x0020
	attrWhatsAppToken = 0x4000
	rtpAudio          = 120
	rtpVideo          = 97 // stun_wa_call.pcapng (2023)
	rtcpReport        = 200
	rtcpDescription   = 202
)

// leg is one end of a call.
type leg struct {
	*line
	local       netip.AddrPort
	tokens      [][]byte // by relay
	transaction []byte   // 11 bytes that stay, one that counts
	ssrc        uint32
	sequence    uint16
	timestamp   uint32
	index       uint32 // of SRTCP
}

// phoneCall is one call on its way.
type phoneCall struct {
	*whatsApp
	caller, callee *leg
	relay          int // the one that both ends agree on
	video          bool
}

func (wa *whatsApp) newLeg(l *line) *leg {
	g := &leg{line: l, local: l.host.At(l.host.Port()), ssrc: l.rand.Uint32(), transaction: noise(l.rand, 12), timestamp: l.rand.Uint32()}
	for range wa.relays {
		g.tokens = append(g.tokens, noise(l.rand, 150))
	}
	return g
}

// call plays a call from offer to end. Its form is that of stun_wa_call.pcapng
// (2023): five relays tried at once by both ends, media through one of them
// first, then directly.
func (wa *whatsApp) call(a Act, from, to *line, at capture.Time) {
	c := &phoneCall{whatsApp: wa, caller: wa.newLeg(from), callee: wa.newLeg(to), relay: from.rand.IntN(len(wa.relays))}
	answered := a.Ring > 0
	t := Truth{Kind: "call", Service: "whatsapp", Media: "audio", Mode: "p2p", Answered: &answered, Why: "hangup"}
	if a.Relayed {
		t.Mode = "relayed"
	}
	c.offer(at)
	end := at.Add(a.Ring + a.Length)
	if answered {
		c.accept(at.Add(a.Ring))
		start := c.talk(at.Add(a.Ring), end, a.Relayed)
		t.Start = Seconds(start)
	}
	c.hangUp(end, answered && !a.Relayed)
	t.End = Seconds(end)
	wa.happened(at, from.person, to.person, t)
}

// offer lets the callee's phone ring and both ends look for relays.
func (c *phoneCall) offer(at capture.Time) {
	r, e := c.caller, c.callee
	r.frames(at, capture.Up, waOffer)
	stored := at.Add(r.Way() + r.pause(150, 220))
	r.frames(stored, capture.Down, waRelayList)
	listed := stored.Add(r.Way() + r.pause(190, 215))
	c.allocate(r, listed, nil)

	pushed := stored.Add(r.pause(80, 150))
	e.frames(pushed, capture.Down, waOfferPush)
	rings := pushed.Add(e.Way() + e.pause(180, 260))
	e.frames(rings, capture.Up, 46)
	c.allocate(e, rings.Add(20*time.Millisecond), nil)
	c.pass(e, r, rings.Add(e.pause(60, 120)), []int{98}, []int{109, 141}, []int{52, 55})

	c.reports(r, e, listed.Add(r.pause(460, 490)))
	c.reports(e, r, rings.Add(e.pause(480, 520)))
}

// pass carries frames from one end's chat connection to the other's, which
// acknowledges them.
func (c *phoneCall) pass(from, to *leg, at capture.Time, up, down, ack []int) {
	from.frames(at, capture.Up, up...)
	pushed := at.Add(from.Way() + from.pause(50, 90))
	to.frames(pushed, capture.Down, down...)
	to.frames(pushed.Add(to.Way()+to.pause(80, 150)), capture.Up, ack...)
}

// reports tell the other end how far each relay is.
func (c *phoneCall) reports(from, to *leg, at capture.Time) {
	from.frames(at, capture.Up, waReport, waReport)
	second := at.Add(98 * time.Millisecond)
	from.frames(second, capture.Up, waReport, waReport, waReport)
	stored := second.Add(from.Way() + from.pause(70, 110))
	pushes := []int{138, 138, 130, 130, 138}
	for i, n := range pushes {
		from.frames(stored.Add(time.Duration(i)*time.Millisecond), capture.Down, waReportAck)
		to.frames(stored.Add(time.Duration(20+i)*time.Millisecond), capture.Down, n)
	}
	to.frames(stored.Add(to.Way()+to.pause(150, 200)), capture.Up, 54, 54, 54, 54, 54)
}

// next is a transaction of its own: the last byte counts.
func (g *leg) next() []byte {
	g.transaction[11]++
	return g.transaction
}

// candidates stand in the second Allocate of an end: three attributes 0x0022
// whose contents are not known.
func (g *leg) candidates() []Attr {
	return []Attr{{0x0022, noise(g.rand, 16)}, {0x0022, noise(g.rand, 14)}, {0x0022, noise(g.rand, 16)}}
}

// allocate asks every relay twice, all from one port within 10 ms: 212 bytes,
// or 272 with candidates, answered with 68 that name the end's own address.
func (c *phoneCall) allocate(g *leg, at capture.Time, more []Attr) {
	for i, relay := range c.relays {
		to := relay.At(3478)
		for range 2 {
			id := g.next()
			attrs := append([]Attr{{attrWhatsAppToken, g.tokens[i]}}, more...)
			attrs = append(attrs, Attr{attrRelayed, XORAddress(to, id)}, Attr{attrIntegrity, noise(g.rand, 20)})
			c.UDP(at, g.local, to, STUN(stunAllocate, id, attrs...))
			c.UDP(at.Add(way(g.host, relay)+200*time.Microsecond), to, g.local, STUN(stunAllocateDone, id,
				Attr{attrMapped, XORAddress(g.local, id)}, Attr{0x4002, noise(g.rand, 8)}, Attr{attrIntegrity, noise(g.rand, 20)}))
			at = at.Add(g.pause(0, 1) + 300*time.Microsecond)
		}
	}
}

// accept carries the word that the callee has taken the call.
func (c *phoneCall) accept(at capture.Time) {
	c.pass(c.callee, c.caller, at, []int{waAccept}, []int{waAcceptTo}, []int{118, 86})
	c.callee.frames(at.Add(c.callee.Way()+c.callee.pause(60, 90)), capture.Down, waReportAck)
}

// path sends a datagram from one end to the other.
type path func(at capture.Time, from, to *leg, payload []byte)

// relayed sends by the relay, which passes on what it gets.
func (c *phoneCall) relayed(at capture.Time, from, to *leg, payload []byte) {
	relay := c.relays[c.relay]
	c.UDP(at, from.local, relay.At(3478), payload)
	c.UDP(at.Add(way(from.host, relay)+300*time.Microsecond), relay.At(3478), to.local, payload)
}

func (c *phoneCall) direct(at capture.Time, from, to *leg, payload []byte) {
	c.UDP(at, from.local, to.local, payload)
}

// talk is the media, from the callee's first packet on, whose time it returns.
func (c *phoneCall) talk(taken, end capture.Time, relayed bool) capture.Time {
	r, e := c.caller, c.callee
	first := taken.Add(e.pause(50, 80))
	c.relayed(first, e, r, e.rtcp(rtcpDescription, 7, 32))
	c.allocate(e, first.Add(30*time.Millisecond), e.candidates())
	heard := first.Add(way(e.host, r.host) + 60*time.Millisecond)
	c.allocate(r, heard, r.candidates())
	c.relayed(heard.Add(12*time.Millisecond), r, e, r.rtcp(rtcpDescription, 7, 32))
	c.keepRelay(r, heard.Add(40*time.Millisecond), end)
	c.keepRelay(e, heard.Add(55*time.Millisecond), end)
	change := end
	if !relayed {
		change = c.check(heard.Add(r.pause(250, 400)))
	}
	for _, dir := range [][2]*leg{{e, r}, {r, e}} {
		next := c.voice(dir[0], dir[1], heard.Add(dir[0].pause(60, 140)), change, c.relayed)
		c.voice(dir[0], dir[1], next, end, c.direct)
		if c.video {
			next = c.picture(dir[0], dir[1], heard.Add(dir[0].pause(300, 500)), change, c.relayed)
			c.picture(dir[0], dir[1], next, end, c.direct)
		}
	}
	return first
}

// keepRelay asks the relay for a sign of life every 3 s.
func (c *phoneCall) keepRelay(g *leg, at, end capture.Time) {
	relay := c.relays[c.relay]
	for ; at < end; at = at.Add(3 * time.Second) {
		id := g.next()
		c.UDP(at, g.local, relay.At(3478), STUN(waStunPing, id))
		c.UDP(at.Add(way(g.host, relay)+200*time.Microsecond), relay.At(3478), g.local, STUN(waStunPong, id))
	}
}

// check tries the direct way: binding requests of 44 bytes to the addresses
// that the other end offered. The one inside a private network stays without
// answer. It returns when the direct way is known to work.
func (c *phoneCall) check(at capture.Time) capture.Time {
	r, e := c.caller, c.callee
	c.binding(r, e, at)
	if inner := e.Inner; inner.IsValid() {
		for i := range 3 {
			c.UDP(at.Add(time.Duration(100+600*i)*time.Millisecond), r.local, netip.AddrPortFrom(inner, e.local.Port()), r.bindingRequest())
		}
	}
	back := at.Add(way(r.host, e.host) + e.pause(50, 80))
	c.binding(e, r, back)
	return back.Add(2*way(r.host, e.host) + e.pause(100, 300))
}

func (g *leg) bindingRequest() []byte {
	return STUN(stunBinding, noise(g.rand, 12), Attr{attrIntegrity, noise(g.rand, 20)})
}

// binding is one request and its answer, which has the same transaction.
func (c *phoneCall) binding(from, to *leg, at capture.Time) {
	request := from.bindingRequest()
	c.UDP(at, from.local, to.local, request)
	c.UDP(at.Add(way(from.host, to.host)+2*time.Millisecond), to.local, from.local,
		STUN(stunBindingDone, request[8:20], Attr{attrIntegrity, noise(to.rand, 20)}))
}

// voice sends RTP every 120 ms (1920 ticks of 16 kHz): bodies of 60 to 250
// bytes while somebody speaks, small and few ones in silence. A sender report
// follows every 40 packets. It returns when the next packet would be due.
func (c *phoneCall) voice(from, to *leg, at, end capture.Time, send path) capture.Time {
	talking := false
	for left := 0; at < end; left-- {
		if left == 0 {
			talking, left = !talking, 6+from.rand.IntN(30)
		}
		size, ticks := 60+from.rand.IntN(190), 1
		if !talking {
			size, ticks = 13+from.rand.IntN(12), 3
		}
		from.sequence++
		send(at, from, to, RTP(rtpAudio, from.sequence, from.timestamp, from.ssrc, noise(from.rand, size)))
		if from.sequence%40 == 0 {
			send(at.Add(9*time.Millisecond), from, to, from.rtcp(rtcpReport, 18, 108))
		}
		from.timestamp += uint32(1920 * ticks)
		at = at.Add(time.Duration(ticks)*120*time.Millisecond + from.pause(0, 8) - 4*time.Millisecond)
	}
	return at
}

// picture sends 15 frames a second of video in one to three packets each, with a
// source of its own on each way (assumed: no video of this protocol is at hand
// that is not pruned). It returns when the next frame would be due.
func (c *phoneCall) picture(from, to *leg, at, end capture.Time, send path) capture.Time {
	ssrc, stamp := from.rand.Uint32(), from.rand.Uint32()
	for n := uint16(0); at < end; at = at.Add(time.Second / 15) {
		stamp += 90_000 / 15
		for k := range 1 + from.rand.IntN(3) {
			n++
			send(at.Add(time.Duration(k)*300*time.Microsecond), from, to, RTP(rtpVideo, n, stamp, ssrc, noise(from.rand, 500+from.rand.IntN(600))))
		}
	}
	return at
}

// rtcp is a compound packet of the given length in clear terms, to which SRTCP
// adds 14 bytes: 46 and 122 bytes were measured.
func (g *leg) rtcp(kind uint8, words uint16, length int) []byte {
	g.index++
	return RTCP(kind, words, g.ssrc, g.index, noise(g.rand, length-8), noise(g.rand, 10))
}

// hangUp ends the call: the caller says so to the callee, the server and every
// relay. Late packets of the callee meet a closed port.
func (c *phoneCall) hangUp(at capture.Time, direct bool) {
	r, e := c.caller, c.callee
	c.pass(r, e, at.Add(-18*time.Millisecond), []int{waEnd}, []int{157, 54, 121}, []int{77, 86})
	r.frames(at.Add(r.Way()+r.pause(60, 90)), capture.Down, 130, waReportAck)
	c.endRelays(r, at)
	told := at.Add(way(r.host, e.host) + e.pause(150, 190))
	c.endRelays(e, told)
	if !direct {
		return
	}
	for i := range 3 {
		gap := time.Duration(i) * 200 * time.Microsecond
		c.direct(at.Add(gap-165*time.Millisecond), r, e, r.rtcp(rtcpDescription, 7, 60))
		late := e.rtcp(rtcpDescription, 7, 60)
		sent := at.Add(gap - 8*time.Millisecond)
		c.direct(sent, e, r, late)
		c.Unreachable(sent.Add(way(r.host, e.host)+300*time.Microsecond), r.local, e.local, late)
	}
}

// endRelays tells every relay that the call is over: 0x0800, 220 bytes.
func (c *phoneCall) endRelays(g *leg, at capture.Time) {
	for i, relay := range c.relays {
		id := g.next()
		c.UDP(at.Add(time.Duration(i)*400*time.Microsecond), g.local, relay.At(3478), STUN(waStunEnd, id,
			Attr{attrWhatsAppToken, g.tokens[i]}, Attr{0x802b, noise(g.rand, 4)},
			Attr{attrRelayed, XORAddress(relay.At(3478), id)}, Attr{attrIntegrity, noise(g.rand, 20)}))
	}
}
