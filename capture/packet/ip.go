package packet

import (
	"encoding/binary"
	"net/netip"
)

// IP protocol numbers of headers that are opened or skipped (IANA registry).
const (
	protoHopByHop = 0
	protoIPv4     = 4
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoGRE      = 47
	protoESP      = 50
	protoAH       = 51
	protoNoNext   = 59
	protoDestOpts = 60
	protoEtherIP  = 97
	protoMobility = 135
	protoMPLS     = 137
	protoHIP      = 139
	protoShim6    = 140
)

// ip decodes a packet whose version only its first nibble tells.
func (d *Decoder) ip(p *Packet, s span) Verdict {
	if len(s.data) == 0 {
		return short("no bytes of the IP header")
	}
	switch s.data[0] >> 4 {
	case 4:
		return d.ipv4(p, s)
	case 6:
		return d.ipv6(p, s)
	}
	return Verdict{NotIP, "neither IPv4 nor IPv6"}
}

// looksLikeIP tells whether s may be an IP packet that fits in its frame, for
// places where nothing names the protocol.
func looksLikeIP(s span) bool {
	b := s.data
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		n := int(binary.BigEndian.Uint16(b[2:]))
		return b[0]&0x0f >= 5 && (n == 0 || n >= 20 && n <= s.size)
	case len(b) >= 40 && b[0]>>4 == 6:
		return 40+int(binary.BigEndian.Uint16(b[4:])) <= s.size
	}
	return false
}

// enter starts a new IP packet: what was known of the one around it goes.
func (p *Packet) enter(src, dst netip.Addr) {
	if p.Src.IsValid() {
		p.Tunnel++
		p.Proto, p.SrcPort, p.DstPort = 0, 0, 0
		p.TCPFlags, p.Seq, p.Ack = 0, 0, 0
		p.Payload, p.PayloadLen = nil, 0
		p.Fragment = false
	}
	p.Src, p.Dst = src, dst
}

// ipv4 decodes RFC 791. A total length of 0 comes from segmentation offload:
// the packet was captured before the network card cut it, and its length is
// that of the frame. The checksum is not verified, for the same reason.
func (d *Decoder) ipv4(p *Packet, s span) Verdict {
	b := s.data
	if len(b) < 20 {
		return short("cut inside the IPv4 header")
	}
	header := int(b[0]&0x0f) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 {
		total = s.size
	}
	switch {
	case b[0]>>4 != 4:
		return Verdict{Malformed, "IP version is not 4"}
	case header < 20:
		return Verdict{Malformed, "IPv4 header length"}
	case total < header:
		return Verdict{Malformed, "IPv4 total length"}
	case d.tooDeep():
		return tooDeeply
	}
	p.enter(netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])))
	p.IPLen, p.Proto = total, b[9]
	if part := binary.BigEndian.Uint16(b[6:]); part&0x3fff != 0 {
		return d.fragment(p, piece{
			id: uint32(binary.BigEndian.Uint16(b[4:])), proto: b[9],
			off: int(part&0x1fff) * 8, more: part&0x2000 != 0, header: header,
		}, s.limit(total).skip(header))
	}
	return d.transport(p, b[9], s.limit(total).skip(header))
}

// ipv6 decodes RFC 8200. A payload length of 0 is a jumbogram (RFC 2675) or
// comes from segmentation offload; the length is then that of the frame.
func (d *Decoder) ipv6(p *Packet, s span) Verdict {
	b := s.data
	if len(b) < 40 {
		return short("cut inside the IPv6 header")
	}
	if b[0]>>4 != 6 {
		return Verdict{Malformed, "IP version is not 6"}
	}
	if d.tooDeep() {
		return tooDeeply
	}
	p.enter(netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40])))
	total := 40 + int(binary.BigEndian.Uint16(b[4:]))
	if total == 40 && b[6] != protoNoNext {
		total = s.size
	}
	p.IPLen, p.Proto = total, b[6]
	return d.extensions(p, b[6], s.limit(total).skip(40))
}

// extensions walks the IPv6 extension headers up to the transport header.
func (d *Decoder) extensions(p *Packet, next uint8, s span) Verdict {
	for {
		switch next {
		case protoHopByHop, protoRouting, protoDestOpts, protoMobility, protoHIP, protoShim6:
		case protoFragment:
			return d.fragment6(p, s)
		default:
			return d.transport(p, next, s)
		}
		if len(s.data) < 8 {
			p.Proto = next
			return Verdict{Cut, "cut inside an IPv6 extension header"}
		}
		n := 8 + int(s.data[1])*8
		if n > s.size {
			p.Proto = next
			return Verdict{Malformed, "IPv6 extension header length"}
		}
		next, s = s.data[0], s.skip(n)
		p.Proto = next
	}
}

// fragment6 reads the fragment header of RFC 8200 section 4.5. A packet that
// is its own only fragment (RFC 6946) goes on at once.
func (d *Decoder) fragment6(p *Packet, s span) Verdict {
	if len(s.data) < 8 {
		return Verdict{Cut, "cut inside the IPv6 fragment header"}
	}
	part := binary.BigEndian.Uint16(s.data[2:])
	f := piece{
		id: binary.BigEndian.Uint32(s.data[4:]), proto: s.data[0],
		off: int(part &^ 7), more: part&1 != 0, header: p.IPLen - s.size,
	}
	p.Proto = f.proto
	s = s.skip(8)
	if f.off == 0 && !f.more {
		return d.next(p, f.proto, s)
	}
	return d.fragment(p, f, s)
}

// next goes on after a fragment header: IPv6 may have more extension headers.
func (d *Decoder) next(p *Packet, proto uint8, s span) Verdict {
	if p.Src.Is4() {
		return d.transport(p, proto, s)
	}
	if d.tooDeep() {
		return tooDeeply
	}
	return d.extensions(p, proto, s)
}

// transport decodes the header after IP. s is the IP payload, without padding.
func (d *Decoder) transport(p *Packet, proto uint8, s span) Verdict {
	p.Proto = proto
	p.Payload, p.PayloadLen = s.data, s.size
	switch proto {
	case ProtoTCP:
		return p.tcp(s)
	case ProtoUDP:
		if v := p.udp(s); v.Outcome != WithPorts {
			return v
		}
		return d.udpTunnel(p)
	case ProtoSCTP:
		return p.sctp(s)
	case ProtoICMP, ProtoICMPv6:
		return Verdict{NoPorts, "ICMP"}
	case protoESP:
		return Verdict{NoPorts, "ESP"}
	case protoAH:
		return d.authHeader(p, s)
	case protoIPv4, protoIPv6, protoGRE, protoEtherIP, protoMPLS:
		return d.tunnel(p, proto, s)
	case protoNoNext:
		return Verdict{NoPorts, "no next header"}
	}
	return Verdict{NoPorts, "another transport protocol"}
}

// authHeader skips an IPsec authentication header (RFC 4302 section 2.2),
// whose length counts in units of four bytes.
func (d *Decoder) authHeader(p *Packet, s span) Verdict {
	if len(s.data) < 8 {
		return p.cut(8, "cut inside the authentication header")
	}
	n := (int(s.data[1]) + 2) * 4
	if n > s.size {
		return Verdict{Malformed, "authentication header length"}
	}
	return d.next(p, s.data[0], s.skip(n))
}

// cut gives the verdict for a transport header of which at least need bytes
// were asked for and not captured, and the ports where they were.
func (p *Packet) cut(need int, why string) Verdict {
	size := p.PayloadLen
	if b := p.Payload; len(b) >= 4 && (p.Proto == ProtoTCP || p.Proto == ProtoUDP || p.Proto == ProtoSCTP) {
		p.SrcPort, p.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	}
	p.Payload, p.PayloadLen = nil, 0
	if size < need {
		return Verdict{Malformed, "IP payload shorter than the transport header"}
	}
	return Verdict{Cut, why}
}

// tcp reads RFC 9293 section 3.1.
func (p *Packet) tcp(s span) Verdict {
	b := s.data
	if len(b) < 20 {
		return p.cut(20, "cut inside the TCP header")
	}
	p.SrcPort, p.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	p.Seq, p.Ack = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	p.TCPFlags = b[13]
	header := int(b[12]>>4) * 4
	if header < 20 || header > s.size {
		p.Payload, p.PayloadLen = nil, 0
		return Verdict{Malformed, "TCP data offset"}
	}
	s = s.skip(header)
	p.Payload, p.PayloadLen = s.data, s.size
	return Verdict{Outcome: WithPorts}
}

// udp reads RFC 768. A length of 0 is a jumbogram (RFC 2675) or comes from
// segmentation offload; a length beyond the IP payload is taken as far as that
// goes.
func (p *Packet) udp(s span) Verdict {
	b := s.data
	if len(b) < 8 {
		return p.cut(8, "cut inside the UDP header")
	}
	p.SrcPort, p.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n == 0 {
		n = s.size
	}
	if n < 8 {
		p.Payload, p.PayloadLen = nil, 0
		return Verdict{Malformed, "UDP length"}
	}
	s = s.limit(min(n, s.size)).skip(8)
	p.Payload, p.PayloadLen = s.data, s.size
	return Verdict{Outcome: WithPorts}
}

// sctp reads the common header of RFC 9260 section 3.1; the chunks are the
// payload.
func (p *Packet) sctp(s span) Verdict {
	if len(s.data) < 12 {
		return p.cut(12, "cut inside the SCTP header")
	}
	p.SrcPort, p.DstPort = binary.BigEndian.Uint16(s.data), binary.BigEndian.Uint16(s.data[2:])
	s = s.skip(12)
	p.Payload, p.PayloadLen = s.data, s.size
	return Verdict{Outcome: WithPorts}
}
