package packet

import (
	"net/netip"
	"time"

	"envelope/capture"
	"envelope/capture/wire"
)

// maxRemembered bounds each half of the memory of names: some 10 MB.
const maxRemembered = 1 << 16

// recent is a map that forgets the oldest half of its entries when it is full.
type recent[K comparable, V any] struct{ young, old map[K]V }

func (m *recent[K, V]) get(k K) (V, bool) {
	if v, ok := m.young[k]; ok {
		return v, true
	}
	v, ok := m.old[k]
	return v, ok
}

func (m *recent[K, V]) put(k K, v V) {
	if m.young == nil || len(m.young) >= maxRemembered {
		m.young, m.old = m.old, m.young
		if m.young == nil {
			m.young = map[K]V{}
		}
		clear(m.young) // and use its memory again
	}
	m.young[k] = v
}

func (m *recent[K, V]) reset() { m.young, m.old = nil, nil }

// names remembers which host names DNS gave for an address, and to whom.
type names struct {
	asked nameTable                      // by asker and address
	any   nameTable                      // by address
	told  recent[capture.Name, struct{}] // names already yielded
}

// of gives the name under which client last looked up server; failing that, the
// last name that anybody got for that address.
func (n *names) of(client, server netip.Addr) string {
	if name, ok := n.asked.get(pairOf(client, server)); ok {
		return name
	}
	name, _ := n.any.get(answerOf(server))
	return name
}

// naming reads what a packet of a name or address service tells.
func (r *Reader) naming(p *Packet, at capture.Origin) {
	switch {
	case p.SrcPort == 53:
		_ = wire.ParseDNSAnswers(p.Payload, func(name string, addr netip.Addr) {
			r.names.asked.put(pairOf(p.Dst, addr), name)
			r.names.any.put(answerOf(addr), name)
		})
	case p.SrcPort == 5353 || p.SrcPort == 5355:
		r.localNames(p, at)
	case p.SrcPort == 137 || p.DstPort == 137:
		_ = wire.ParseNetBIOS(p.Payload, func(n wire.NetBIOSName) {
			if n.Host() {
				r.named(p, at, capture.Name{Addr: orSource(n.Addr, p), Value: n.Name, How: "netbios"})
			}
		})
	default:
		r.lease(p, at)
	}
}

// localNames takes the names that a device gives itself on the local network.
func (r *Reader) localNames(p *Packet, at capture.Origin) {
	how := "mdns"
	if p.SrcPort == 5355 {
		how = "llmnr"
	}
	_ = wire.ParseDNSAnswers(p.Payload, func(name string, addr netip.Addr) {
		r.named(p, at, capture.Name{Addr: addr, Value: name, How: how})
	})
}

// lease takes the host name of a DHCP client.
func (r *Reader) lease(p *Packet, at capture.Origin) {
	var d wire.DHCP
	if !wire.ParseDHCP(p.Payload, &d) && !wire.ParseDHCPv6(p.Payload, &d) || d.HostName == "" && !d.Assigned.IsValid() {
		return
	}
	addr := d.Assigned
	if !addr.IsValid() {
		addr = d.Asked
	}
	r.named(p, at, capture.Name{Addr: addr, MAC: d.MAC, Value: d.HostName, How: "dhcp"})
}

func orSource(a netip.Addr, p *Packet) netip.Addr {
	if a.IsValid() {
		return a
	}
	return p.Src
}

// named yields a name once.
func (r *Reader) named(p *Packet, at capture.Origin, n capture.Name) {
	if r.stopped {
		return
	}
	if n.MAC == (capture.MAC{}) && n.Addr == p.Src && p.Tunnel == 0 {
		n.MAC = p.SrcMAC
	}
	r.tell(&n, p.Time, at)
}

// tell yields a name unless it was yielded before.
func (r *Reader) tell(n *capture.Name, now capture.Time, at capture.Origin) {
	if _, ok := r.names.told.get(*n); ok || r.stopped {
		return
	}
	r.names.told.put(*n, struct{}{})
	r.stopped = !r.yield(capture.Record{Origin: at, Time: now, Grain: capture.GrainFrame, Name: n}, nil)
}

// given yields the names that the capture file itself gives for addresses, such
// as those of hosts that the recording machine knew.
func (r *Reader) given(src *Source) {
	for _, n := range src.Names() {
		r.tell(&n, r.now, capture.Origin{Input: r.in.Index})
	}
}

// sockets remembers the UDP sockets that showed call set-up: what else comes
// from such a socket belongs to the same call, such as the direct path to the
// peer, which carries no mark of its own.
type sockets struct {
	calls recent[netip.AddrPort, socket]
}

// socket is a UDP socket that showed call set-up.
type socket struct {
	flow uint64       // ID of the first flow that showed it
	last capture.Time // when call set-up was seen last, to a minute
}

// socketFor is how long a socket belongs to the call after its last message
// of call set-up. Calls check their paths all the time (RFC 7675: at most
// every 30 s), and after minutes another application may have the port.
const socketFor = 5 * time.Minute

// add notes the client's socket of a flow with call set-up.
func (s *sockets) add(f *capture.Flow, now capture.Time) {
	k, ok := s.calls.get(f.Client)
	if ok && now.Sub(k.last) < time.Minute {
		return
	}
	if !ok || now.Sub(k.last) > socketFor {
		k.flow = f.ID
	}
	k.last = now
	s.calls.put(f.Client, k)
}

// of gives the flow whose call the socket belongs to, 0 for none.
func (s *sockets) of(a netip.AddrPort, now capture.Time) uint64 {
	k, ok := s.calls.get(a)
	if !ok || now.Sub(k.last) > socketFor {
		return 0
	}
	return k.flow
}

// relate looks both ends of a new flow up, and turns the flow where only its
// server's socket belongs to a call: that one is the party.
func (s *sockets) relate(fl *flow, now capture.Time) {
	f := &fl.f
	mine, peer := s.of(f.Client, now), s.of(f.Server, now)
	if peer != 0 && mine == 0 {
		fl.turn("stun")
		mine, peer = peer, 0
	}
	f.Kin, f.PeerKin = mine, peer
}

func (s *sockets) reset() { s.calls.reset() }
