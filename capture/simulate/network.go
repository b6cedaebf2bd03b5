package simulate

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"envelope/capture"
)

// Network is hosts around one router, and the packets they send. Times are
// those of sending at the sender; every tap sees a packet when it gets there.
// The same seed and calls give the same bytes on every platform: all
// arithmetic is on integers.
type Network struct {
	seed    uint64
	hosts   map[netip.Addr]*Host
	count   int
	conns   []*Conn
	packets []packet
	live    bool    // connections are played while they go on: see advance
	busy    []*Conn // of these, those with something to come
	played  capture.Time
}

// Host is one device or server. Delay is the one-way time to the router.
type Host struct {
	Name   string
	Addrs  []netip.Addr // the first one is used where nothing says otherwise
	MAC    capture.MAC
	Delay  time.Duration
	Inside bool // behind an access link of the router: a party's device

	lastPort uint16
	lastID   uint16
	home     *home // the router that hides this host behind its address; nil for none
}

// packet is one packet on its way. A local one does not pass the router.
type packet struct {
	sent     capture.Time
	src, dst *Host // dst is nil for multicast
	local    bool
	stream   bool // TCP with payload
	data     []byte
}

// routerMAC is the link address of the router on every access link. It and those
// of the hosts are from the range for local administration (IEEE 802 section 8.4).
var routerMAC = capture.MAC{0x02, 0x00, 0x5e, 0x00, 0x53, 0x01}

// NewNetwork returns an empty network whose random bytes come from seed.
func NewNetwork(seed uint64) *Network {
	return &Network{seed: seed, hosts: map[netip.Addr]*Host{}}
}

// Rand returns the stream of random numbers that belongs to name. Streams are
// independent, so that one more conversation leaves all others as they were.
func (n *Network) Rand(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(n.seed, h.Sum64()))
}

// Device adds a phone or computer, 8 ms from the router.
func (n *Network) Device(name string, addrs ...netip.Addr) *Host {
	return n.add(&Host{Name: name, Addrs: addrs, Delay: 8 * time.Millisecond, Inside: true})
}

// Server adds a server, 20 ms behind the router.
func (n *Network) Server(name string, addrs ...netip.Addr) *Host {
	return n.add(&Host{Name: name, Addrs: addrs, Delay: 20 * time.Millisecond})
}

func (n *Network) add(h *Host) *Host {
	h.lastPort = 40000 + uint16(n.Rand("port "+h.Name).IntN(8000))
	h.MAC = capture.MAC{0x02, 0x00, 0x5e, byte(n.count >> 16), byte(n.count >> 8), byte(n.count)}
	n.count++
	for _, a := range h.Addrs {
		n.hosts[a] = h
	}
	return h
}

// Addr returns the first address of h.
func (h *Host) Addr() netip.Addr { return h.Addrs[0] }

// Port returns the next port of h for a connection of its own, from the range
// that Linux uses up to the end; only after some 20,000 do they repeat, and
// behind a home router after homePorts.
func (h *Host) Port() uint16 {
	h.lastPort = max(h.lastPort+1, 32768)
	if first, ok := h.firstPort(); ok && h.lastPort-first >= homePorts {
		h.lastPort = first
	}
	return h.lastPort
}

// At returns the address of h with a port.
func (h *Host) At(port uint16) netip.AddrPort { return netip.AddrPortFrom(h.Addr(), port) }

// way is the one-way time between two hosts.
func way(a, b *Host) time.Duration { return a.Delay + b.Delay }

// UDP sends one datagram. It panics where src is no address of the network: a
// mistake of the caller, not of data.
func (n *Network) UDP(at capture.Time, src, dst netip.AddrPort, payload []byte) {
	n.datagram(at, n.hostAt(src), src, dst, payload)
}

// datagram is UDP from a host that may have no address yet.
func (n *Network) datagram(at capture.Time, from *Host, src, dst netip.AddrPort, payload []byte) {
	udp := &layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port())}
	n.emit(at, from, n.hostAt(dst), src.Addr(), dst.Addr(), udp, payload)
}

// transport is a transport header whose checksum covers the IP addresses.
type transport interface {
	gopacket.SerializableLayer
	SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
}

// emit serialises one packet and puts it on its way.
func (n *Network) emit(at capture.Time, from, to *Host, src, dst netip.Addr, header transport, payload []byte) {
	if from == nil {
		panic(fmt.Sprintf("simulate: no host has the address %v", src))
	}
	proto := layers.IPProtocolUDP
	if header.LayerType() == layers.LayerTypeTCP {
		proto = layers.IPProtocolTCP
	}
	eth, ip := n.envelope(from, to, src, dst, proto)
	if err := header.SetNetworkLayerForChecksum(ip.(gopacket.NetworkLayer)); err != nil {
		panic(err) // only for a network layer that is no IP layer
	}
	n.packets = append(n.packets, packet{
		sent: at, src: from, dst: to, local: dst.IsMulticast(),
		stream: proto == layers.IPProtocolTCP && len(payload) > 0,
		data:   serialize(eth, ip, header, gopacket.Payload(payload)),
	})
}

// broadcast is the limited broadcast address (RFC 919 section 7).
var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// envelope makes the link and IP headers. On an access link every packet has
// the router on its other end, unless it is a multicast.
func (n *Network) envelope(from, to *Host, src, dst netip.Addr, proto layers.IPProtocol) (*layers.Ethernet, gopacket.SerializableLayer) {
	eth := &layers.Ethernet{SrcMAC: routerMAC[:], DstMAC: routerMAC[:], EthernetType: layers.EthernetTypeIPv4}
	if from.Inside {
		eth.SrcMAC = from.MAC[:]
	} else if to != nil {
		eth.DstMAC = to.MAC[:]
	}
	if dst.IsMulticast() || dst == broadcast {
		eth.DstMAC = groupMAC(dst)
	}
	if src.Is4() {
		from.lastID++
		return eth, &layers.IPv4{Version: 4, TTL: from.ttl(dst), Id: from.lastID, Flags: layers.IPv4DontFragment,
			Protocol: proto, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	}
	eth.EthernetType = layers.EthernetTypeIPv6
	return eth, &layers.IPv6{Version: 6, HopLimit: from.ttl(dst), NextHeader: proto, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
}

// ttl is 64 as devices set it, less some hops for what comes from a server,
// and 255 for link-local multicast (RFC 6762 section 11).
func (h *Host) ttl(dst netip.Addr) uint8 {
	switch {
	case dst.IsLinkLocalMulticast():
		return 255
	case h.Inside:
		return 64
	}
	return 52
}

// groupMAC maps a multicast or broadcast address to its link address (RFC 1112
// section 6.4, RFC 2464 section 7).
func groupMAC(a netip.Addr) []byte {
	b := a.AsSlice()
	switch {
	case a == broadcast:
		return []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	case a.Is4():
		return []byte{0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3]}
	}
	return []byte{0x33, 0x33, b[12], b[13], b[14], b[15]}
}

// serialize puts layers into bytes with lengths and checksums. The layers are
// of our own making, so an error is a mistake in this package.
func serialize(ls ...gopacket.SerializableLayer) []byte {
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...); err != nil {
		panic(err)
	}
	return bytes.Clone(buf.Bytes())
}

// noise returns n random bytes: what a sealed body looks like.
func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := 0; i < n; i += 8 {
		v := r.Uint64()
		for j := i; j < min(i+8, n); j++ {
			b[j] = byte(v)
			v >>= 8
		}
	}
	return b
}

// between returns a duration from lo to hi.
func between(r *rand.Rand, lo, hi time.Duration) time.Duration {
	return lo + time.Duration(r.Int64N(int64(hi-lo)+1))
}
