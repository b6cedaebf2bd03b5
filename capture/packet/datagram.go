package packet

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"

	"envelope/capture"
	"envelope/capture/wire"
)

// udpFraming is the state of one UDP flow that may belong to a call.
type udpFraming struct {
	r        *Reader
	fl       *flow
	quic     *wire.QUICHello
	opened   [2]bool // directions of which an Initial opened with the client's keys
	helloed  bool
	stun     bool     // STUN was seen: the flow is looked at as part of a call
	tag      [12]byte // the part of Telegram's peer tag that both ends share
	tagged   bool     // a probe showed it
	live     []capture.Burst
	sources  [2][8]source // candidates for RTP streams, by direction, the newest first
	channels []channel    // TURN channels bound by the client
}

// source is an SSRC that appeared in a direction. Ciphertexts look like RTP one
// time in five; a second packet of the same SSRC proves it.
type source struct {
	used  bool
	known bool // proven
	seq   uint16
	ssrc  uint32
	size  int // of the first packet
	time  capture.Time
	at    capture.Origin
}

// channel is a TURN channel and the far end it stands for (RFC 8656 section 12).
type channel struct {
	number uint16
	peer   netip.AddrPort
}

// maxLive and maxChannels bound the state of one flow. Calls have at most an
// audio and two video streams with their RTCP in each direction, and one
// channel per candidate of the peer.
const (
	maxLive     = 16
	maxChannels = 32
)

func (u *udpFraming) reset(r *Reader, fl *flow) {
	live, channels := u.live[:0], u.channels[:0]
	*u = udpFraming{r: r, fl: fl, live: live, channels: channels}
}

// turn exchanges the directions of what is pending.
func (u *udpFraming) turn() {
	for i := range u.live {
		u.live[i].Up = !u.live[i].Up
	}
	u.sources[0], u.sources[1] = u.sources[1], u.sources[0]
	u.opened[0], u.opened[1] = u.opened[1], u.opened[0]
}

// udpPayload is one UDP payload, or one that a relay carried.
type udpPayload struct {
	data    []byte
	size    int // original length
	dir     int
	time    capture.Time
	at      capture.Origin
	relay   bool
	through netip.AddrPort
}

// take looks at the next datagram of the flow.
func (u *udpFraming) take(d *udpPayload) {
	if len(d.data) == 0 {
		return
	}
	switch b := d.data[0]; {
	case !u.stun && u.hello(d):
		u.add(d, capture.BurstQUIC, 0, 0)
	case !d.relay && u.reflected(d): // before all others: a tag is random bytes
		u.reflector(d)
	case b < 16 && u.message(d): // 0 and 1 by RFC 8489, 8 for WhatsApp's own types
	case b >= 0x40 && b <= 0x4f && u.stun && u.channelData(d):
	case u.helloed:
		u.add(d, capture.BurstQUIC, 0, 0)
	case b >= 20 && b <= 63 && wire.IsDTLS(d.data):
		u.add(d, capture.BurstDTLS, 0, 0)
	case b >= 128 && b <= 191 && u.realTime(d):
	default:
		u.add(d, capture.BurstOpaque, 0, 0)
	}
}

// hello gathers the client hello of a QUIC connection, whose Initial packets
// are protected by keys that are public (RFC 9001 section 5.2).
func (u *udpFraming) hello(d *udpPayload) bool {
	if u.helloed || !wire.IsQUICInitial(d.data) {
		return u.helloed && d.data[0]&0x40 != 0
	}
	if !u.r.opt.QUICHello {
		u.helloed = true
		return true
	}
	if u.quic == nil {
		u.quic = new(wire.QUICHello)
	}
	if len(d.data) < d.size || u.opened[1-d.dir] { // the server's need other keys
		return true
	}
	done, err := u.quic.Add(d.data)
	u.opened[d.dir] = u.opened[d.dir] || err == nil
	if done {
		u.helloed = true
		if h := u.quic.Hello(); h != nil {
			if d.dir == capture.Down { // only clients send it
				u.fl.turn("hello")
				d.dir = capture.Up
			}
			u.fl.hello(h, "quic", 'q')
		}
		u.quic = nil
	}
	return true
}

// message takes a STUN message, alone or inside a relay's indication.
func (u *udpFraming) message(d *udpPayload) bool {
	var m wire.STUN
	if !wire.ParseSTUN(d.data, d.size, &m) || m.Classic && !u.stun && !classicPort(u.fl) {
		return u.cutMessage(d)
	}
	u.stun = true
	u.fl.sign("stun")
	if len(m.Realm) > 0 && u.fl.f.Realm == "" {
		u.fl.f.Realm = string(m.Realm)
		u.fl.asked = false
	}
	if m.Channel != 0 && m.Peer.IsValid() {
		u.bind(m.Channel, m.Peer)
	}
	if !u.inner(d, &m) {
		u.note(d, &m)
	}
	return true
}

// cutMessage takes a STUN message of which the snap length left less than the
// header: the type and the magic cookie.
func (u *udpFraming) cutMessage(d *udpPayload) bool {
	if !u.stun || len(d.data) == d.size || len(d.data) < 8 || binary.BigEndian.Uint32(d.data[4:]) != stunCookie {
		return false
	}
	u.note(d, &wire.STUN{Type: binary.BigEndian.Uint16(d.data), Lifetime: -1})
	return true
}

// stunCookie marks STUN messages (RFC 8489 section 5).
const stunCookie = 0x2112a442

// classicPort tells that a flow uses STUN's own port: without the magic cookie
// (RFC 3489) nothing else marks the message.
func classicPort(fl *flow) bool {
	for _, p := range []uint16{fl.f.Server.Port(), fl.f.Client.Port()} {
		if p >= 3478 && p <= 3481 || p == 19302 {
			return true
		}
	}
	return false
}

// inner takes the datagram inside a Send or Data indication.
func (u *udpFraming) inner(d *udpPayload, m *wire.STUN) bool {
	if d.relay || len(m.Data) == 0 || m.Type != wire.STUNSendIndication && m.Type != wire.STUNDataIndication {
		return false
	}
	in := *d
	in.data, in.size, in.relay, in.through = m.Data, m.DataLen, true, m.Peer
	u.take(&in)
	return true
}

// note keeps a STUN message as a signal.
func (u *udpFraming) note(d *udpPayload, m *wire.STUN) {
	u.r.signal(u.fl, capture.Signal{
		Time: d.time, Origin: d.at, Up: d.dir == capture.Up, Length: uint32(d.size), Type: m.Type, Attrs: m.Attrs,
		Mapped: m.Mapped, Relayed: m.Relayed, Peer: m.Peer, Channel: m.Channel, Lifetime: m.Lifetime, Error: m.ErrorCode,
		Ufrags: ufrags(m), Relay: d.relay, Through: d.through,
	})
}

// ufrags gives the ICE user names of a connectivity check ("receiver:sender",
// RFC 8445 section 7.2.2). TURN's long-term user names are left out.
func ufrags(m *wire.STUN) string {
	if len(m.Realm) > 0 || len(m.Username) == 0 || len(m.Username) > 128 {
		return ""
	}
	return printable(m.Username)
}

func printable(b []byte) string {
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			return hex.EncodeToString(b)
		}
	}
	return string(b)
}

// bind notes a channel of the relay.
func (u *udpFraming) bind(number uint16, peer netip.AddrPort) {
	for i := range u.channels {
		if u.channels[i].number == number {
			u.channels[i].peer = peer
			return
		}
	}
	if len(u.channels) < maxChannels {
		u.channels = append(u.channels, channel{number, peer})
	}
}

// channelData takes the datagram inside a ChannelData message.
func (u *udpFraming) channelData(d *udpPayload) bool {
	number, data, size, ok := wire.ParseChannelData(d.data, d.size)
	if !ok || d.relay {
		return false
	}
	in := *d
	in.data, in.size, in.relay, in.through = data, size, true, netip.AddrPort{}
	for _, c := range u.channels {
		if c.number == number {
			in.through = c.peer
		}
	}
	u.take(&in)
	return true
}

// realTime takes RTP and RTCP.
func (u *udpFraming) realTime(d *udpPayload) bool {
	var c wire.RTCP
	if wire.ParseRTCP(d.data, &c) {
		if u.knows(c.SSRC) || u.stun {
			u.add(d, capture.BurstRTCP, c.SSRC, c.Type)
			return true
		}
		return false
	}
	var h wire.RTP
	if !wire.ParseRTP(d.data, &h) {
		return false
	}
	first, ok := u.confirm(d, &h)
	if !ok {
		return false
	}
	joins := first.used && d.time.Sub(first.time) <= capture.BurstGap
	if joins {
		u.reclaim(d, &first)
	}
	b := u.add(d, capture.BurstRTP, h.SSRC, h.PayloadType)
	if joins && b.Packets == 1 {
		b.First, b.FirstAt = first.time, first.at
		b.Packets, b.Bytes = 2, b.Bytes+uint64(first.size)
	}
	return true
}

// reclaim takes the first packet of a stream, which nothing told from others
// when it came, out of the burst of datagrams without framing.
func (u *udpFraming) reclaim(d *udpPayload, first *source) {
	for i := range u.live {
		b := &u.live[i]
		if b.Kind != capture.BurstOpaque || b.Up != (d.dir == capture.Up) || b.Relay != d.relay || b.Through != d.through || b.First > first.time {
			continue
		}
		if b.Packets--; b.Packets == 0 {
			u.live = u.live[:i+copy(u.live[i:], u.live[i+1:])]
			return
		}
		b.Bytes -= min(b.Bytes, uint64(first.size))
		return
	}
}

// maxSeqStep is the widest jump of the RTP sequence number between two packets
// taken for one stream: RFC 3550 appendix A.1 drops out beyond 3000.
const maxSeqStep = 3000

// confirm tells whether the SSRC was seen before in this direction, with a
// sequence number that fits; the first such packet is given back once.
func (u *udpFraming) confirm(d *udpPayload, h *wire.RTP) (first source, ok bool) {
	list := &u.sources[d.dir]
	for i := range list {
		s := &list[i]
		if s.ssrc != h.SSRC || !s.used {
			continue
		}
		step := h.Seq - s.seq
		s.seq = h.Seq
		if s.known {
			return source{}, true
		}
		if step == 0 || step > maxSeqStep && -step > maxSeqStep { // the same packet again proves nothing
			return source{}, false
		}
		s.known = true
		return *s, true
	}
	victim := len(list) - 1
	for i := range list {
		if !list[i].known { // keep a proven stream in place of a stray one
			victim = i
		}
	}
	copy(list[1:victim+1], list[:victim])
	list[0] = source{used: true, ssrc: h.SSRC, seq: h.Seq, size: d.size, time: d.time, at: d.at}
	return source{}, false
}

// knows tells whether an SSRC is that of a proven stream.
func (u *udpFraming) knows(ssrc uint32) bool {
	for dir := range u.sources {
		for _, s := range u.sources[dir] {
			if s.known && s.ssrc == ssrc {
				return true
			}
		}
	}
	return false
}

// reflector takes a datagram of Telegram's call relays.
func (u *udpFraming) reflector(d *udpPayload) {
	var m wire.Reflector
	if !wire.ParseReflector(d.data, d.size, &m) {
		u.add(d, capture.BurstOpaque, 0, 0)
		return
	}
	if m.Probe {
		u.r.signal(u.fl, capture.Signal{Time: d.time, Origin: d.at, Up: d.dir == capture.Up, Length: uint32(d.size), Lifetime: -1,
			Tag: hex.EncodeToString(m.Tag), Mapped: m.Mapped, Peer: m.Peer})
		return
	}
	if m.DataLen > 0 {
		in := *d
		in.data, in.size, in.relay = m.Data, m.DataLen, true
		u.take(&in)
		return
	}
	if b := u.add(d, capture.BurstOpaque, 0, 0); b.Tag == "" {
		b.Tag = hex.EncodeToString(m.Tag)
	}
}

// reflected tells that the flow goes to a reflector: it showed one's own
// messages, and this datagram bears the tag of the call.
func (u *udpFraming) reflected(d *udpPayload) bool {
	if wire.IsReflector(d.data, d.size) {
		u.tagged = copy(u.tag[:], d.data) == len(u.tag)
		return true
	}
	return u.tagged && bytes.HasPrefix(d.data, u.tag[:])
}

// add counts a datagram into the burst of its kind, and begins one where none
// is going on.
func (u *udpFraming) add(d *udpPayload, kind capture.BurstKind, ssrc uint32, pt uint8) *capture.Burst {
	up := d.dir == capture.Up
	for i := range u.live {
		b := &u.live[i]
		if b.Kind != kind || b.Up != up || b.SSRC != ssrc || b.PayloadType != pt || b.Relay != d.relay || b.Through != d.through {
			continue
		}
		if d.time.Sub(b.Last) > capture.BurstGap {
			u.r.burst(u.fl, *b)
			*b = newBurst(d, kind, ssrc, pt)
			return b
		}
		b.Packets++
		b.Bytes += uint64(d.size)
		b.Last, b.LastAt = max(b.Last, d.time), d.at
		return b
	}
	if len(u.live) >= maxLive {
		u.r.burst(u.fl, u.live[0])
		u.live = u.live[:copy(u.live, u.live[1:])]
	}
	u.live = append(u.live, newBurst(d, kind, ssrc, pt))
	return &u.live[len(u.live)-1]
}

func newBurst(d *udpPayload, kind capture.BurstKind, ssrc uint32, pt uint8) capture.Burst {
	return capture.Burst{
		Kind: kind, Up: d.dir == capture.Up, Relay: d.relay, Through: d.through, SSRC: ssrc, PayloadType: pt,
		First: d.time, Last: d.time, FirstAt: d.at, LastAt: d.at, Packets: 1, Bytes: uint64(d.size),
	}
}

// flush ends all bursts.
func (u *udpFraming) flush() {
	for _, b := range u.live {
		u.r.burst(u.fl, b)
	}
	u.live = u.live[:0]
}
