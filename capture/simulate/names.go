package simulate

import (
	"net/netip"
	"strings"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"envelope/capture"
)

// Resolve asks a DNS server for a name, for a record of the family of addr, and
// returns when the answer, addr, is there.
func (n *Network) Resolve(at capture.Time, client, resolver *Host, name string, addr netip.Addr) capture.Time {
	r := n.Rand("dns " + client.Name + " " + name + " " + at.UTC().String())
	id, src := uint16(r.Uint32()), client.At(client.Port())
	question := layers.DNSQuestion{Name: []byte(name), Type: recordType(addr), Class: layers.DNSClassIN}
	query := &layers.DNS{ID: id, RD: true, Questions: []layers.DNSQuestion{question}}
	answer := &layers.DNS{ID: id, QR: true, RD: true, RA: true, Questions: query.Questions,
		Answers: []layers.DNSResourceRecord{addressRecord(name, addr, 300, layers.DNSClassIN)}}
	n.UDP(at, src, resolver.At(53), serialize(query))
	back := at.Add(way(client, resolver) + between(r, time.Millisecond, 9*time.Millisecond))
	n.UDP(back, resolver.At(53), src, serialize(answer))
	return back.Add(way(client, resolver))
}

func recordType(a netip.Addr) layers.DNSType {
	if a.Is4() {
		return layers.DNSTypeA
	}
	return layers.DNSTypeAAAA
}

func addressRecord(name string, a netip.Addr, ttl uint32, class layers.DNSClass) layers.DNSResourceRecord {
	return layers.DNSResourceRecord{Name: []byte(name), Type: recordType(a), Class: class, TTL: ttl, IP: a.AsSlice()}
}

// hostName is what a device calls itself where only letters, digits and
// hyphens are allowed (RFC 952): "Anna's phone" becomes "Annas-phone".
func hostName(device string) string {
	return strings.ReplaceAll(strings.ReplaceAll(device, "'", ""), " ", "-")
}

// mdns is where multicast DNS goes (RFC 6762 section 3).
var mdns = netip.MustParseAddrPort("224.0.0.251:5353")

// Announce lets a device tell its link its name by multicast DNS, as phones do
// for sharing and casting: a service instance under the name its owner gave
// it, and the address of its host name.
func (n *Network) Announce(at capture.Time, h *Host, device string) {
	const service, flush = "_companion-link._tcp.local", layers.DNSClass(0x8001) // cache flush: RFC 6762 section 10.2
	host := hostName(device) + ".local"
	instance := device + "." + service
	packet := &layers.DNS{QR: true, AA: true, Answers: []layers.DNSResourceRecord{
		{Name: []byte(service), Type: layers.DNSTypePTR, Class: layers.DNSClassIN, TTL: 4500, PTR: []byte(instance)},
		{Name: []byte(instance), Type: layers.DNSTypeSRV, Class: flush, TTL: 120, SRV: layers.DNSSRV{Port: 49152, Name: []byte(host)}},
		addressRecord(host, h.Addr(), 120, flush),
	}}
	n.UDP(at, h.At(5353), mdns, serialize(packet))
}

// Lease lets a device take its address by DHCP (RFC 2131) with its host name.
func (n *Network) Lease(at capture.Time, h, server *Host, device string) {
	x := n.Rand("dhcp " + h.Name).Uint32()
	addr, dhcp := h.Addr().AsSlice(), server.Addr().AsSlice()
	ask := func(kind layers.DHCPMsgType, more ...layers.DHCPOption) []byte {
		options := append(layers.DHCPOptions{layers.NewDHCPOption(layers.DHCPOptMessageType, []byte{byte(kind)})}, more...)
		return serialize(&layers.DHCPv4{Operation: layers.DHCPOpRequest, HardwareType: layers.LinkTypeEthernet, HardwareLen: 6,
			Xid: x, ClientHWAddr: h.MAC[:], Options: options})
	}
	request := ask(layers.DHCPMsgTypeRequest,
		layers.NewDHCPOption(layers.DHCPOptHostname, []byte(hostName(device))),
		layers.NewDHCPOption(layers.DHCPOptRequestIP, addr),
		layers.NewDHCPOption(layers.DHCPOptParamsRequest, []byte{1, 3, 6, 15}))
	ack := serialize(&layers.DHCPv4{Operation: layers.DHCPOpReply, HardwareType: layers.LinkTypeEthernet, HardwareLen: 6,
		Xid: x, YourClientIP: addr, NextServerIP: dhcp, ClientHWAddr: h.MAC[:], Options: layers.DHCPOptions{
			layers.NewDHCPOption(layers.DHCPOptMessageType, []byte{byte(layers.DHCPMsgTypeAck)}),
			layers.NewDHCPOption(layers.DHCPOptServerID, dhcp),
			layers.NewDHCPOption(layers.DHCPOptLeaseTime, []byte{0, 0, 0x0e, 0x10}),
			layers.NewDHCPOption(layers.DHCPOptSubnetMask, []byte{255, 255, 255, 0})}})
	n.datagram(at, h, netip.AddrPortFrom(netip.IPv4Unspecified(), 68), netip.AddrPortFrom(broadcast, 67), request)
	n.UDP(at.Add(way(h, server)+time.Millisecond), server.At(67), h.At(68), ack)
}

// Unreachable lets a host answer a datagram with ICMP port unreachable (RFC
// 792), which quotes that datagram's headers and first bytes.
func (n *Network) Unreachable(at capture.Time, from, to netip.AddrPort, quoted []byte) {
	h, peer := n.hostAt(from), n.hostAt(to)
	_, inner := n.envelope(peer, h, to.Addr(), from.Addr(), layers.IPProtocolUDP)
	udp := &layers.UDP{SrcPort: layers.UDPPort(to.Port()), DstPort: layers.UDPPort(from.Port())}
	if err := udp.SetNetworkLayerForChecksum(inner.(gopacket.NetworkLayer)); err != nil {
		panic(err)
	}
	quote := serialize(inner, udp, gopacket.Payload(quoted))
	eth, ip := n.envelope(h, peer, from.Addr(), to.Addr(), layers.IPProtocolICMPv4)
	icmp := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodePort)}
	n.packets = append(n.packets, packet{sent: at, src: h, dst: peer, data: serialize(eth, ip, icmp, gopacket.Payload(quote))})
}
