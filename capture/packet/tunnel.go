package packet

import (
	"encoding/binary"
	"net/netip"
)

// UDP ports of tunnels (IANA registry; 8472 is what Linux used for VXLAN
// before it was assigned).
const (
	portL2TP      = 1701
	portGTPU      = 2152
	portTeredo    = 3544
	portVXLAN     = 4789
	portVXLANGPE  = 4790
	portGENEVE    = 6081
	portMPLS      = 6635
	portVXLANOld  = 8472
	smallestInner = 20 // an IPv4 header
)

// tunnel opens the IP protocols that carry another packet. Where that is not
// IP, or cannot be opened, the packet around it stands.
func (d *Decoder) tunnel(p *Packet, proto uint8, s span) Verdict {
	outer := *p
	var v Verdict
	switch proto {
	case protoIPv4:
		v = d.ipv4(p, s)
	case protoIPv6:
		v = d.ipv6(p, s)
	case protoGRE:
		v = d.gre(p, s)
	case protoEtherIP: // RFC 3378: four bits of version 3 and twelve of zero
		v = d.ethernet(p, s.skip(2))
	case protoMPLS: // RFC 4023
		v = d.mpls(p, s)
	}
	if p.Tunnel > outer.Tunnel && v.Outcome <= Cut || v.Outcome == Held {
		return v
	}
	*p = outer
	if v.Outcome == Malformed {
		return v
	}
	return Verdict{NoPorts, "tunnel that carries no IP"}
}

// gre opens RFC 2784 with key and sequence number (RFC 2890), the version 1 of
// PPTP (RFC 2637), and the mirrored frames of ERSPAN.
func (d *Decoder) gre(p *Packet, s span) Verdict {
	const checksum, routing, key, sequence, ack = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
	if len(s.data) < 4 {
		return short("cut inside the GRE header")
	}
	flags, proto := binary.BigEndian.Uint16(s.data), binary.BigEndian.Uint16(s.data[2:])
	n := 4
	for _, f := range [...]uint16{checksum, key, sequence} {
		if flags&f != 0 {
			n += 4
		}
	}
	switch version := flags & 7; {
	case version > 1 || flags&routing != 0:
		return Verdict{NotIP, "GRE of another version"}
	case version == 1 && flags&ack != 0:
		n += 4
	}
	if n > s.size {
		return Verdict{Malformed, "GRE header length"}
	}
	return d.greInner(p, proto, flags&sequence != 0, s.skip(n))
}

func (d *Decoder) greInner(p *Packet, proto uint16, sequence bool, s span) Verdict {
	const erspan2, erspan3, wccp = 0x88be, 0x22eb, 0x883e
	switch proto {
	case erspan2: // type I has neither sequence number nor header
		if sequence {
			s = s.skip(8)
		}
		return d.ethernet(p, s)
	case erspan3:
		n := 12
		if len(s.data) >= 12 && s.data[11]&1 != 0 { // platform specific subheader
			n = 20
		}
		return d.ethernet(p, s.skip(n))
	case wccp: // version 2 has four bytes of its own in front of the packet
		if !looksLikeIP(s) {
			s = s.skip(4)
		}
		return d.ipv4(p, s)
	}
	if proto < etherSmallest {
		return Verdict{NotIP, "GRE payload of another protocol"}
	}
	return d.etherType(p, proto, s)
}

// udpTunnel opens p.Payload where a port says that it is a tunnel and the
// bytes agree; otherwise the datagram itself is the packet.
func (d *Decoder) udpTunnel(p *Packet) Verdict {
	asIs := Verdict{Outcome: WithPorts}
	if p.PayloadLen < smallestInner || len(p.Payload) < 8 {
		return asIs
	}
	if !isTunnelPort(p.DstPort) && !isTunnelPort(p.SrcPort) && p.Payload[0]>>4 != 6 {
		return asIs
	}
	outer := *p
	v := d.openUDP(p, span{p.Payload, p.PayloadLen})
	if p.Tunnel > outer.Tunnel && v.Outcome <= Cut || v.Outcome == Held {
		return v
	}
	*p = outer
	return asIs
}

func isTunnelPort(port uint16) bool {
	switch port {
	case portL2TP, portGTPU, portTeredo, portVXLAN, portVXLANGPE, portGENEVE, portMPLS, portVXLANOld:
		return true
	}
	return false
}

func (d *Decoder) openUDP(p *Packet, s span) Verdict {
	switch p.DstPort {
	case portVXLAN, portVXLANOld:
		return d.vxlan(p, s)
	case portVXLANGPE:
		return d.vxlanGPE(p, s)
	case portGENEVE:
		return d.geneve(p, s)
	case portMPLS: // RFC 7510
		return d.mpls(p, s)
	}
	switch {
	case p.DstPort == portGTPU || p.SrcPort == portGTPU:
		return d.gtpu(p, s)
	case p.DstPort == portL2TP || p.SrcPort == portL2TP:
		return d.l2tp(p, s)
	}
	return d.teredo(p, s)
}

var notTunnel = Verdict{NotIP, "not the tunnel of that port"}

// vxlan opens RFC 7348: the I flag must be set and the last byte zero.
func (d *Decoder) vxlan(p *Packet, s span) Verdict {
	if s.data[0]&0x08 == 0 || s.data[7] != 0 {
		return notTunnel
	}
	return d.ethernet(p, s.skip(8))
}

// vxlanGPE opens the generic extension, which names the inner protocol.
func (d *Decoder) vxlanGPE(p *Packet, s span) Verdict {
	if s.data[0]&0xf8 != 0x08 || s.data[7] != 0 {
		return notTunnel
	}
	switch s.data[3] {
	case 1:
		return d.ipv4(p, s.skip(8))
	case 2:
		return d.ipv6(p, s.skip(8))
	case 3:
		return d.ethernet(p, s.skip(8))
	}
	return notTunnel
}

// geneve opens RFC 8926: version 0, options in units of four bytes, EtherType.
func (d *Decoder) geneve(p *Packet, s span) Verdict {
	if s.data[0]>>6 != 0 || s.data[7] != 0 {
		return notTunnel
	}
	t := binary.BigEndian.Uint16(s.data[2:])
	if t < etherSmallest {
		return notTunnel
	}
	return d.etherType(p, t, s.skip(8+int(s.data[0]&0x3f)*4))
}

// gtpu opens a G-PDU of GTPv1 (3GPP TS 29.281 section 5.1) and its extension
// headers.
func (d *Decoder) gtpu(p *Packet, s span) Verdict {
	const version1, protocolType, anyField, gPDU = 0x20, 0x10, 0x07, 0xff
	flags := s.data[0]
	if flags&0xe0 != version1 || flags&protocolType == 0 || s.data[1] != gPDU {
		return notTunnel
	}
	if n := int(binary.BigEndian.Uint16(s.data[2:])); n > 0 {
		s = s.limit(min(n+8, s.size))
	}
	s = s.skip(8)
	if flags&anyField != 0 {
		if len(s.data) < 4 {
			return notTunnel
		}
		next := s.data[3]
		for s = s.skip(4); next != 0; {
			if len(s.data) < 4 || s.data[0] == 0 || len(s.data) < int(s.data[0])*4 {
				return notTunnel
			}
			n := int(s.data[0]) * 4
			next, s = s.data[n-1], s.skip(n)
		}
	}
	return d.ip(p, s)
}

// l2tp opens a data message of L2TP version 2 (RFC 2661 section 3.1).
func (d *Decoder) l2tp(p *Packet, s span) Verdict {
	const control, length, sequence, offset = 0x8000, 0x4000, 0x0800, 0x0200
	flags := binary.BigEndian.Uint16(s.data)
	if flags&control != 0 || flags&0x0f != 2 {
		return notTunnel
	}
	n := 6
	if flags&length != 0 {
		n += 2
	}
	if flags&sequence != 0 {
		n += 4
	}
	if flags&offset != 0 {
		if len(s.data) < n+2 {
			return notTunnel
		}
		n += 2 + int(binary.BigEndian.Uint16(s.data[n:]))
	}
	return d.ppp(p, s.skip(n))
}

// teredo opens RFC 4380 section 5.1.1: IPv6 after an optional authentication
// and an optional origin indication. Clients talk to each other on any port,
// so that an address of the Teredo prefix and an exact length are asked for.
func (d *Decoder) teredo(p *Packet, s span) Verdict {
	if p.SrcPort == portTeredo || p.DstPort == portTeredo {
		s = teredoHeaders(s)
	}
	b := s.data
	if len(b) < 40 || b[0]>>4 != 6 || 40+int(binary.BigEndian.Uint16(b[4:])) != s.size {
		return notTunnel
	}
	src, dst := netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	if !teredoAddr(src) && !teredoAddr(dst) {
		return notTunnel
	}
	return d.ipv6(p, s)
}

// teredoAddr tells addresses that may be an end of a Teredo packet: 2001::/32,
// or link-local in the exchange with the server.
func teredoAddr(a netip.Addr) bool {
	b := a.As16()
	return b[0] == 0x20 && b[1] == 0x01 && b[2] == 0 && b[3] == 0 || a.IsLinkLocalUnicast()
}

func teredoHeaders(s span) span {
	if b := s.data; len(b) >= 13 && b[0] == 0 && b[1] == 1 { // authentication: two lengths, nonce, confirmation
		s = s.skip(13 + int(b[2]) + int(b[3]))
	}
	if b := s.data; len(b) >= 8 && b[0] == 0 && b[1] == 0 {
		s = s.skip(8)
	}
	return s
}
