package packet

import (
	"net/netip"
	"slices"
	"time"

	"envelope/capture"
	"envelope/capture/wire"
)

// Bounds of one flow between two records of it.
const (
	maxUndecidedFrames = 512         // 16 kB; a browser's page load is shorter
	keptFrames         = 16          // capacity that an empty place of the table keeps: 512 bytes
	firstFrames        = 4           // room for the handshake of a connection
	maxGathered        = 256         // frames, signals and bursts together that make a record: 8 kB a flow
	maxKept            = time.Minute // of packet time, after which what was gathered makes a record
	probedPayloads     = 8           // payload packets per direction shown to the signature functions
)

// Idle times after which a flow is over. Messenger connections are kept alive
// by a ping every few minutes at most (WhatsApp 30 s, Threema 300 s), phones
// in doze mode by one every 28 minutes (FCM); a day is on the safe side.
const (
	idleAnswered = 10 * time.Second // DNS and other single exchanges; the shortest
	idleDatagram = 2 * time.Minute
	idleStream   = 10 * time.Minute
	idleClosed   = 30 * time.Second
	idleCall     = 10 * time.Minute
	idleChat     = 24 * time.Hour
)

// flow is one live flow: its public facts and the state of its framing. What
// every packet looks at comes first, so that it shares few cache lines.
type flow struct {
	key       key
	hash      uint32
	place     uint32
	used      bool
	clientIsA bool
	interest  capture.Interest
	parked    bool // undecided, and enough was gathered
	asked     bool // Classify has judged the facts as they are now
	fins      uint8
	counted   int       // frames counted as those of an undecided flow
	payloads  [2]uint8  // payload packets seen, saturating
	early     int       // segments held because others are missing before them
	seq       [2]seqNos // TCP
	tcp       *tcpFraming
	udp       *udpFraming
	f         capture.Flow
}

// fetch reads the cache lines that a packet of the flow needs.
func (fl *flow) fetch() uint64 {
	f := &fl.f
	return uint64(fl.seq[1].acked) + f.Packets[0] + f.Missing[0] + uint64(len(f.Host)) + uint64(cap(f.Signals))
}

// fetchState is fetch for what lies behind the flow's pointers.
func (fl *flow) fetchState() (n uint64) {
	if t := fl.tcp; t != nil {
		n += uint64(t.kind) + uint64(t.cut[0].need) + uint64(t.cut[1].need) + uint64(t.order[1].bytes) + uint64(t.burst[0])
		if i := len(fl.f.Frames); i > 0 {
			n += uint64(fl.f.Frames[i-1].Length)
		}
	}
	if u := fl.udp; u != nil {
		n += uint64(u.tag[0])
		if i := len(u.live); i > 0 {
			n += uint64(u.live[i-1].Packets)
		}
	}
	return n
}

// clear makes the place fit for another flow and keeps small buffers: the
// large ones of rare flows would gather in all places.
func (fl *flow) clear() {
	frames := fl.f.Frames[:0]
	*fl = flow{place: fl.place}
	if cap(frames) <= keptFrames {
		fl.f.Frames = frames
	}
}

// begin fills in what the first packet shows.
func (fl *flow) begin(p *Packet, fromA bool, id uint64, at capture.Origin) {
	f := &fl.f
	f.ID, f.Proto, f.VLAN = id, p.Proto, p.VLAN
	f.First, f.FirstAt = p.Time, at
	fromClient, how := clientSends(p)
	fl.clientIsA = fromA == fromClient
	f.ClientHow = how
	src, dst := netip.AddrPortFrom(p.Src, p.SrcPort), netip.AddrPortFrom(p.Dst, p.DstPort)
	if fromClient {
		f.Client, f.Server, f.ClientMAC, f.ServerMAC = src, dst, p.SrcMAC, p.DstMAC
	} else {
		f.Client, f.Server, f.ClientMAC, f.ServerMAC = dst, src, p.DstMAC, p.SrcMAC
	}
	if p.Tunnel > 0 { // the link joins the ends of the tunnel, not these
		f.ClientMAC, f.ServerMAC = capture.MAC{}, capture.MAC{}
	}
	f.Midstream = p.Proto == ProtoTCP && p.TCPFlags&FlagSYN == 0
}

// count adds one packet to the totals.
func (fl *flow) count(p *Packet, dir int, at capture.Origin) {
	f := &fl.f
	f.Packets[dir]++
	f.Bytes[dir] += uint64(p.IPLen)
	if p.Time > f.Last {
		f.Last = p.Time
	}
	if p.Time < f.First {
		f.First = p.Time
	}
	f.LastAt = at
	if p.App != "" && f.App == "" {
		f.App = p.App
		fl.asked = false
	}
}

// direction tells whether a packet goes up or down.
func (fl *flow) direction(fromA bool) int {
	if fromA == fl.clientIsA {
		return capture.Up
	}
	return capture.Down
}

// sign notes a wire signature.
func (fl *flow) sign(s string) {
	if s == "" || slices.Contains(fl.f.Signs, s) {
		return
	}
	fl.f.Signs = append(fl.f.Signs, s)
	fl.asked = false
}

// host notes a name of the server; a name from the server's own mouth or from
// the client hello replaces one from DNS.
func (fl *flow) host(name, how string) {
	if name == "" || fl.f.Host != "" && (how == "dns" || fl.f.HostHow == "sni" || fl.f.HostHow == "quic") {
		return
	}
	fl.f.Host, fl.f.HostHow = name, how
	fl.asked = false
}

// turn makes the client the server: a later packet, such as a client hello,
// proved the first guess wrong.
func (fl *flow) turn(how string) {
	f := &fl.f
	fl.clientIsA = !fl.clientIsA
	f.ClientHow = how
	f.Client, f.Server = f.Server, f.Client
	f.ClientMAC, f.ServerMAC = f.ServerMAC, f.ClientMAC
	for _, c := range []*[2]uint64{&f.Packets, &f.Bytes, &f.Payload, &f.Missing, &f.Retransmitted} {
		c[0], c[1] = c[1], c[0]
	}
	fl.fins = fl.fins&^3 | fl.fins>>1&1 | fl.fins<<1&2
	fl.payloads[0], fl.payloads[1] = fl.payloads[1], fl.payloads[0]
	fl.seq[0], fl.seq[1] = fl.seq[1], fl.seq[0]
	if fl.tcp != nil {
		fl.tcp.turn()
	}
	if fl.udp != nil {
		fl.udp.turn()
	}
	for i := range f.Frames {
		f.Frames[i].Up = !f.Frames[i].Up
	}
	for i := range f.Signals {
		f.Signals[i].Up = !f.Signals[i].Up
	}
	for i := range f.Bursts {
		f.Bursts[i].Up = !f.Bursts[i].Up
	}
	fl.asked = false
}

// carry counts payload. That a flow carries any is a fact to judge it by: a port
// where somebody only knocked says nothing of a service.
func (fl *flow) carry(dir, size int) {
	fl.asked = fl.asked && fl.f.Payload != [2]uint64{}
	fl.f.Payload[dir] += uint64(size)
}

// timeout is the pause after which the flow is over.
func (fl *flow) timeout() time.Duration {
	switch {
	case fl.f.Closed:
		return idleClosed
	case fl.interest == capture.Collect && fl.f.Proto == ProtoTCP:
		return idleChat
	case fl.interest == capture.Collect:
		return idleCall
	case fl.f.Proto == ProtoTCP:
		return idleStream
	case fl.naming():
		return idleAnswered
	}
	return idleDatagram
}

// over tells that a packet begins a new flow: the old one was idle for too
// long, or a new connection uses the same ports.
func (fl *flow) over(p *Packet, dir int) bool {
	if pause := p.Time.Sub(fl.f.Last); pause > idleAnswered && pause > fl.timeout() {
		return true
	}
	if p.Proto != ProtoTCP || p.TCPFlags&FlagSYN == 0 {
		return false
	}
	s := &fl.seq[dir]
	if s.known && p.Seq+1 == s.first {
		return false // the same one sent again
	}
	if p.TCPFlags&FlagACK != 0 { // a SYN sent again may have two answers
		return s.known && (fl.f.Payload[dir] > 0 || fl.f.Closed)
	}
	carried := fl.f.Payload != [2]uint64{}
	return s.known && (carried || fl.f.Closed) || fl.f.Midstream && carried
}

// full tells that enough was gathered to make a record, or that the oldest of
// it is a minute old, so that what belongs together reaches the receiver about
// in order of time. Frames that are growing or may yet be cut otherwise are
// waited for, and those that are held because others are missing before them.
func (fl *flow) full() bool {
	f := &fl.f
	n := len(f.Frames) + len(f.Signals) + len(f.Bursts)
	if n == 0 || fl.interest != capture.Collect {
		return false
	}
	if n >= 2*maxGathered {
		return true
	}
	if fl.tcp != nil && (fl.early > 0 || fl.tcp.burst != [2]int32{-1, -1} || n < maxGathered && fl.tcp.kind == framingUnknown) {
		return false
	}
	return n >= maxGathered || f.Last.Sub(oldest(f)) > maxKept
}

// oldest is when the first gathered frame or signal came.
func oldest(f *capture.Flow) capture.Time {
	t := f.Last
	if len(f.Frames) > 0 {
		t = min(t, f.Frames[0].Time)
	}
	if len(f.Signals) > 0 {
		t = min(t, f.Signals[0].Time)
	}
	return t
}

// serverPorts are well-known ports above 1023 of services that phones use.
// IANA service names registry, read 2026-11; messengers from wire.md 5.1, 5.2.
var serverPorts = map[uint16]bool{
	1080: true, 1400: true, 1433: true, 1521: true, 1883: true, 1900: true, 2049: true, 2152: true, 3128: true, 3306: true,
	3389: true, 3478: true, 3479: true, 3480: true, 3481: true, 4070: true, 4244: true, 4500: true, 5000: true,
	5060: true, 5061: true, 5222: true, 5223: true, 5228: true, 5229: true, 5230: true, 5242: true, 5269: true,
	5349: true, 5353: true, 5355: true, 5432: true, 5900: true, 6379: true, 6667: true, 6697: true, 8000: true,
	8008: true, 8009: true, 8080: true, 8081: true, 8443: true, 8448: true, 8801: true, 8883: true, 9000: true, 9200: true, 19302: true,
	19305: true, 27017: true,
}

// clientSends tells whether the source of a flow's first packet is its client,
// and what that rests on.
func clientSends(p *Packet) (bool, string) {
	if p.Proto == ProtoTCP && p.TCPFlags&FlagSYN != 0 {
		return p.TCPFlags&FlagACK == 0, "syn"
	}
	if s, d := servicePort(p.SrcPort), servicePort(p.DstPort); s != d {
		return d, "port"
	}
	if s, d := isLocal(p.Src), isLocal(p.Dst); s != d {
		return s, "address"
	}
	const ephemeral = 32768 // lowest ephemeral port of Linux and Android; others begin higher (RFC 6335: 49152)
	if s, d := p.SrcPort >= ephemeral, p.DstPort >= ephemeral; s != d {
		return s, "port"
	}
	return true, "first"
}

func servicePort(port uint16) bool {
	return port != 0 && (port < 1024 || serverPorts[port])
}

// carrierNAT is the shared address space of RFC 6598.
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

// isLocal tells that an address belongs to a private or carrier-internal
// network: the side where clients live.
func isLocal(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLinkLocalUnicast() || carrierNAT.Contains(a)
}

// naming tells that the flow belongs to a name or address service.
func (fl *flow) naming() bool {
	return fl.f.Proto == ProtoUDP && (isNamePort(fl.f.Server.Port()) || isNamePort(fl.f.Client.Port()))
}

// isNamePort tells the ports of name and address services: DNS, mDNS, LLMNR,
// NetBIOS, DHCP.
func isNamePort(port uint16) bool {
	switch port {
	case 53, 5353, 5355, 137, 67, 68, 546, 547:
		return true
	}
	return false
}

// hello takes what a client hello says; how is "sni" or "quic", transport as
// in JA4: 't' for TCP, 'q' for QUIC, 'd' for DTLS.
func (fl *flow) hello(h *wire.ClientHello, how string, transport byte) {
	fl.host(h.ServerName, how)
	fl.f.ALPN = append([]string(nil), h.ALPN...)
	fl.f.ECH = h.ECH
	fl.f.JA4 = h.JA4(transport)
	fl.asked = false
}

// probe asks the signature functions about one payload.
func (fl *flow) probe(dir int, payload []byte, size int) string {
	return wire.Sign(&wire.Probe{
		Proto: fl.f.Proto, Up: dir == capture.Up, ClientPort: fl.f.Client.Port(), ServerPort: fl.f.Server.Port(),
		Nth: int(fl.payloads[dir]) - 1, Midstream: fl.f.Midstream, Payload: payload, WireLen: size})
}
