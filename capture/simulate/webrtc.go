package simulate

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net/netip"
	"time"

	"envelope/capture"
)

// Message types and attributes of ICE and TURN (RFC 8445, RFC 8656).
const (
	turnAllocateError   = 0x0113
	turnRefresh         = 0x0004
	turnRefreshDone     = 0x0104
	turnPermission      = 0x0008
	turnPermissionDone  = 0x0108
	turnChannelBind     = 0x0009
	turnChannelBindDone = 0x0109
	attrUsername        = 0x0006
	attrErrorCode       = 0x0009
	attrChannel         = 0x000c
	attrLifetime        = 0x000d
	attrPeer            = 0x0012
	attrRealm           = 0x0014
	attrNonce           = 0x0015
	attrTransport       = 0x0019
	attrPriority        = 0x0024
	attrUse             = 0x0025
	attrFingerprint     = 0x8028
	attrControlled      = 0x8029
	attrControlling     = 0x802a
)

// webCall is a call as WebRTC makes it: ICE, DTLS-SRTP, through a TURN relay or
// from device to device. Both ends of a relayed call use one relay, so that
// neither sees the other's address.
type webCall struct {
	*Network
	*dialled
	relay          *Host
	realm          string
	caller, callee *peer
}

// peer is one end of it.
type peer struct {
	*Host
	chat     *chat
	rand     *rand.Rand
	local    netip.AddrPort
	relayed  netip.AddrPort // its address at the relay
	ufrag    string
	user     string // at the relay
	controls bool
	channel  uint16
}

func (w *webCall) peer(h *Host, c *chat, role string, d *dialled) *peer {
	r := w.Rand(fmt.Sprint("call ", role, " ", h.Name, " ", d.at))
	p := &peer{Host: h, chat: c, rand: r, local: h.At(h.Port()), controls: role == "caller", channel: 0x4000 + uint16(r.IntN(64))}
	p.relayed = w.relay.At(49152 + uint16(r.IntN(16000)))
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
	p.user = fmt.Sprintf("%d:%08x", int64(d.at)/1e9+86400, r.Uint32())
	for range 4 {
		p.ufrag += string(letters[r.IntN(len(letters))])
	}
	return p
}

// place plays the call from the offer to the end, but for its media.
func (w *webCall) place() (media []*track) {
	r, e := w.caller, w.callee
	w.tell(r, e, w.at, 2300+r.rand.IntN(300))
	w.tell(e, r, w.at.Add(400*time.Millisecond), 420)
	if !w.direct {
		w.allocate(r, w.at.Add(100*time.Millisecond))
		w.allocate(e, w.at.Add(700*time.Millisecond))
	}
	end := w.end()
	if w.answered {
		taken := w.at.Add(w.ring - 700*time.Millisecond)
		w.tell(e, r, taken, 2100+e.rand.IntN(300))
		w.check(taken.Add(250 * time.Millisecond))
		media = w.talk(w.at.Add(w.ring), end)
	}
	w.tell(r, e, end, 390)
	if !w.direct {
		w.release(r, end.Add(20*time.Millisecond))
		w.release(e, end.Add(150*time.Millisecond))
	}
	return media
}

// tell carries signalling from one chat to the other, as messages are carried.
func (w *webCall) tell(from, to *peer, at capture.Time, size int) {
	from.chat.write(max(at, from.chat.ready[capture.Up]), capture.Up, size)
	pushed := at.Add(from.chat.Way() + between(from.rand, 10*time.Millisecond, 40*time.Millisecond))
	to.chat.write(max(pushed, to.chat.ready[capture.Down]), capture.Down, size+150)
}

// signed is STUN with MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489 sections
// 14.5 and 14.7), the keys of which nobody here has.
func (p *peer) signed(kind uint16, id []byte, attrs ...Attr) []byte {
	m := STUN(kind, id, append(attrs, Attr{attrIntegrity, noise(p.rand, 20)}, Attr{attrFingerprint, make([]byte, 4)})...)
	sum := crc32.ChecksumIEEE(m[:len(m)-8]) ^ 0x5354554e
	binary.BigEndian.PutUint32(m[len(m)-4:], sum)
	return m
}

// attributes are those of a message, some of which depend on its transaction.
type attributes func(id []byte) []Attr

// ask sends a request to the relay, which answers. It returns when the answer
// is there.
func (w *webCall) ask(p *peer, at capture.Time, kind, answer uint16, attrs, told attributes) capture.Time {
	id, to := noise(p.rand, 12), w.relay.At(3478)
	w.UDP(at, p.local, to, p.signed(kind, id, attrs(id)...))
	back := at.Add(way(p.Host, w.relay) + time.Millisecond)
	w.UDP(back, to, p.local, p.signed(answer, id, told(id)...))
	return back.Add(way(p.Host, w.relay) + time.Millisecond)
}

// known is the long-term credential of an end (RFC 8489 section 9.2), of the
// form that servers hand out for a day, before other attributes.
func (w *webCall) known(p *peer, attrs ...Attr) []Attr {
	return append([]Attr{{attrUsername, []byte(p.user)}, {attrRealm, []byte(w.realm)}, {attrNonce, noise(p.rand, 16)}}, attrs...)
}

func nothing([]byte) []Attr { return nil }

// allocate gets an address at the relay for ten minutes, once the first try was
// refused for want of credentials.
func (w *webCall) allocate(p *peer, at capture.Time) {
	transport := Attr{attrTransport, []byte{17, 0, 0, 0}}
	at = w.ask(p, at, stunAllocate, turnAllocateError, func([]byte) []Attr { return []Attr{transport} }, func([]byte) []Attr {
		return []Attr{{attrErrorCode, append([]byte{0, 0, 4, 1}, "Unauthorized"...)}, {attrRealm, []byte(w.realm)}, {attrNonce, noise(p.rand, 16)}}
	})
	w.ask(p, at, stunAllocate, stunAllocateDone, func([]byte) []Attr { return w.known(p, transport) }, func(id []byte) []Attr {
		return []Attr{{attrRelayed, XORAddress(p.relayed, id)}, {attrMapped, XORAddress(p.local, id)}, {attrLifetime, []byte{0, 0, 2, 88}}}
	})
}

// bind opens a channel to the other end's address at the relay.
func (w *webCall) bind(p, to *peer, at capture.Time) {
	at = w.ask(p, at, turnPermission, turnPermissionDone, func(id []byte) []Attr {
		return w.known(p, Attr{attrPeer, XORAddress(to.relayed, id)})
	}, nothing)
	w.ask(p, at, turnChannelBind, turnChannelBindDone, func(id []byte) []Attr {
		return w.known(p, Attr{attrChannel, []byte{byte(p.channel >> 8), byte(p.channel), 0, 0}}, Attr{attrPeer, XORAddress(to.relayed, id)})
	}, nothing)
}

// release gives the address back: Refresh with a LIFETIME of 0.
func (w *webCall) release(p *peer, at capture.Time) {
	none := Attr{attrLifetime, []byte{0, 0, 0, 0}}
	w.ask(p, at, turnRefresh, turnRefreshDone, func([]byte) []Attr { return w.known(p, none) }, func([]byte) []Attr { return []Attr{none} })
}

// send carries one datagram to the other end and returns when it is there.
func (w *webCall) send(at capture.Time, from, to *peer, payload []byte) capture.Time {
	if w.direct {
		w.UDP(at, from.local, to.local, payload)
		return at.Add(way(from.Host, to.Host))
	}
	relay := w.relay.At(3478)
	w.UDP(at, from.local, relay, channelData(from.channel, payload))
	at = at.Add(way(from.Host, w.relay) + 300*time.Microsecond)
	w.UDP(at, relay, to.local, channelData(to.channel, payload))
	return at.Add(way(w.relay, to.Host))
}

// channelData is RFC 8656 section 12.4.
func channelData(channel uint16, payload []byte) []byte {
	return append(numbers(channel, uint16(len(payload))), payload...)
}

// check makes sure that both ends reach each other, and agrees on keys.
func (w *webCall) check(at capture.Time) {
	r, e := w.caller, w.callee
	if !w.direct {
		w.bind(r, e, at)
		w.bind(e, r, at.Add(3*time.Millisecond))
		at = at.Add(2*(way(r.Host, w.relay)+way(e.Host, w.relay)) + 15*time.Millisecond)
	}
	w.binding(at, r, e, false)
	w.binding(at.Add(11*time.Millisecond), e, r, false)
	w.binding(at.Add(60*time.Millisecond), r, e, true)
	now := at.Add(90 * time.Millisecond)
	for i, flight := range []int{157, 840, 610, 91} { // DTLS 1.2: hello, certificates, finished
		from, to := r, e
		if i%2 == 1 {
			from, to = e, r
		}
		now = w.send(now, from, to, dtls(from.rand, i, flight)).Add(time.Millisecond)
	}
}

// dtls is one flight of the DTLS 1.2 handshake (RFC 6347): the hellos in clear,
// the rest in records of the next epoch that are sealed.
func dtls(r *rand.Rand, flight, size int) []byte {
	var out []byte
	if flight < 2 {
		out = dtlsRecord(0, uint16(flight), dtlsHello(r, flight == 0))
	}
	if size -= len(out) + dtlsHeader; size > 0 {
		out = append(out, dtlsRecord(1, uint16(flight), noise(r, size))...)
	}
	return out
}

const dtlsHeader = 13

// dtlsRecord is a handshake record (RFC 6347 section 4.1).
func dtlsRecord(epoch, sequence uint16, body []byte) []byte {
	head := append([]byte{22, 0xfe, 0xfd}, numbers(epoch, 0, 0, sequence, uint16(len(body)))...)
	return append(head, body...)
}

// dtlsHello is a client or server hello that asks for SRTP (RFC 5764).
func dtlsHello(r *rand.Rand, client bool) []byte {
	body := append([]byte{0xfe, 0xfd}, noise(r, 32)...)
	kind := byte(2)
	if client {
		kind = 1
		body = append(body, 0, 0) // neither session nor cookie
		body = append(body, vector(2, numbers(0xc02b, 0xc02f, 0xc00a, 0xc014)...)...)
		body = append(body, 1, 0)
	} else {
		body = append(body, 0, 0xc0, 0x2b, 0)
	}
	extensions := append(extension(14, 0, 2, 0, 1, 0), extension(23)...) // use_srtp, extended_master_secret
	body = append(body, vector(2, extensions...)...)
	length := vector(3, body...)[:3]
	head := append(append([]byte{kind}, length...), 0, 0, 0, 0, 0)
	return append(append(head, length...), body...)
}

// binding is one connectivity check and its answer (RFC 8445 section 7).
func (w *webCall) binding(at capture.Time, from, to *peer, nominate bool) {
	role := Attr{attrControlled, noise(from.rand, 8)}
	if from.controls {
		role.Type = attrControlling
	}
	attrs := []Attr{{attrUsername, []byte(to.ufrag + ":" + from.ufrag)}, role, {attrPriority, []byte{0x7e, 0x7f, 0x1e, 0xff}}}
	if nominate {
		attrs = append(attrs, Attr{attrUse, nil})
	}
	id, seen := noise(from.rand, 12), from.local
	if !w.direct {
		seen = from.relayed
	}
	there := w.send(at, from, to, from.signed(stunBinding, id, attrs...))
	w.send(there.Add(time.Millisecond), to, from, to.signed(stunBindingDone, id, Attr{attrMapped, XORAddress(seen, id)}))
}

// talk is consent checks every 5 s (RFC 7675), and the media as tracks: they are
// too many packets to be made at once.
func (w *webCall) talk(at, end capture.Time) []*track {
	var out []*track
	for _, dir := range [][2]*peer{{w.caller, w.callee}, {w.callee, w.caller}} {
		from, to := dir[0], dir[1]
		out = append(out, w.track(from, to, at, end, false))
		if w.video {
			out = append(out, w.track(from, to, at.Add(120*time.Millisecond), end, true))
		}
		for t := at.Add(5 * time.Second); t < end; t = t.Add(between(from.rand, 4*time.Second, 6*time.Second)) {
			w.binding(t, from, to, false)
		}
	}
	return out
}

// track is one RTP stream.
type track struct {
	*webCall
	rand     *rand.Rand
	from, to *peer
	at, end  capture.Time
	video    bool
	ssrc     uint32
	sequence uint16
	stamp    uint32
	count    int
	reports  uint32
	talking  bool
	left     int
}

func (w *webCall) track(from, to *peer, at, end capture.Time, video bool) *track {
	r := w.Rand(fmt.Sprint("track ", from.local, " ", at, video))
	return &track{webCall: w, rand: r, from: from, to: to, at: at, end: end, video: video,
		ssrc: r.Uint32(), sequence: uint16(r.Uint32()), stamp: r.Uint32(), talking: true, left: r.IntN(100)}
}

// play sends what is due before a time, and tells whether more is to come.
func (t *track) play(until capture.Time) bool {
	for t.at < min(until, t.end) {
		if t.video {
			t.picture()
		} else {
			t.voice()
		}
	}
	return t.at < t.end
}

func (t *track) rtp(at capture.Time, kind uint8, size int) {
	t.sequence++
	t.webCall.send(at, t.from, t.to, RTP(kind, t.sequence, t.stamp, t.ssrc, noise(t.rand, size+10))) // SRTP adds a tag of 10 bytes
}

// voice is a frame of Opus of 20 ms, with a sender report every 5 s.
func (t *track) voice() {
	if t.left--; t.left < 0 {
		t.talking, t.left = !t.talking, 30+t.rand.IntN(200)
	}
	size := 50 + t.rand.IntN(50)
	if !t.talking {
		size = 14 + t.rand.IntN(8)
	}
	t.stamp += 960
	t.rtp(t.at, 111, size)
	if t.count++; t.count%250 == 0 {
		t.reports++
		t.webCall.send(t.at.Add(3*time.Millisecond), t.from, t.to, RTCP(rtcpReport, 6, t.ssrc, t.reports, noise(t.rand, 44), noise(t.rand, 10)))
	}
	t.at = t.at.Add(between(t.rand, 19*time.Millisecond, 21*time.Millisecond))
}

// picture is a frame of VP8, 25 a second, in up to three packets.
func (t *track) picture() {
	t.stamp += 3600
	for k := range 1 + t.rand.IntN(3) {
		t.rtp(t.at.Add(time.Duration(k)*300*time.Microsecond), 96, 500+t.rand.IntN(600))
	}
	t.at = t.at.Add(40 * time.Millisecond)
}
