package packet

import (
	"encoding/binary"

	"envelope/capture"
)

// ARPHRD_ values of cooked captures whose protocol field has another meaning
// (tcpdump.org LINKTYPE_LINUX_SLL).
const (
	arpIPGRE    = 778
	arpRadiotap = 803
	arpFRAD     = 770
	arpNetlink  = 824
)

// sll decodes a Linux cooked header of 16 bytes (LINKTYPE_LINUX_SLL).
func (d *Decoder) sll(p *Packet, s span) Verdict {
	if len(s.data) < 16 {
		return short("cut inside the cooked header")
	}
	b := s.data
	if binary.BigEndian.Uint16(b[4:]) == 6 {
		p.SrcMAC = capture.MAC(b[6:12])
	}
	return d.cooked(p, binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint16(b[14:]), s.skip(16))
}

// sll2 decodes a Linux cooked header of 20 bytes (LINKTYPE_LINUX_SLL2).
func (d *Decoder) sll2(p *Packet, s span) Verdict {
	if len(s.data) < 20 {
		return short("cut inside the cooked header")
	}
	b := s.data
	if b[11] == 6 {
		p.SrcMAC = capture.MAC(b[12:18])
	}
	return d.cooked(p, binary.BigEndian.Uint16(b[8:]), binary.BigEndian.Uint16(b), s.skip(20))
}

func (d *Decoder) cooked(p *Packet, hardware, proto uint16, s span) Verdict {
	switch hardware {
	case arpRadiotap:
		return d.radiotap(p, s)
	case arpNetlink, arpFRAD:
		return Verdict{NotIP, "cooked frame of another protocol"}
	}
	switch proto {
	case 0, 1: // 802.3 without LLC; some tunnel devices give no protocol
		if looksLikeIP(s) {
			return d.ip(p, s)
		}
	case 4: // 802.2 LLC
		return d.llc(p, s)
	}
	if proto < etherSmallest {
		return Verdict{NotIP, "cooked frame of another protocol"}
	}
	return d.etherType(p, proto, s)
}

// family decodes the link types that start with a BSD address family.
func (d *Decoder) family(p *Packet, t LinkType, s span) Verdict {
	header, at := 4, 0
	switch t {
	case LinkEnc: // family, index and flags of four bytes each
		header = 12
	case LinkPFLog: // its own length without padding, then the family
		if len(s.data) < 2 {
			return short("cut inside the pflog header")
		}
		header, at = (int(s.data[0])+3)&^3, 1
	}
	if len(s.data) < max(header, 4) {
		return short("cut inside the address family")
	}
	var af uint32
	if t == LinkPFLog {
		af = uint32(s.data[at])
	} else if af = binary.LittleEndian.Uint32(s.data); af > 0xffff {
		// The field is in the byte order of the machine that wrote it, which
		// need not be that of the file; families are small numbers.
		af = binary.BigEndian.Uint32(s.data)
	}
	return d.byFamily(p, af, s.skip(header))
}

// byFamily knows the values of AF_INET6 of Linux, Windows, the BSDs and Darwin.
func (d *Decoder) byFamily(p *Packet, af uint32, s span) Verdict {
	switch af {
	case 2:
		return d.ipv4(p, s)
	case 10, 23, 24, 28, 30:
		return d.ipv6(p, s)
	}
	return Verdict{NotIP, "address family is not IP"}
}

// serialPPP decodes PPP and what HDLC-like links put in front of it.
func (d *Decoder) serialPPP(p *Packet, t LinkType, s span) Verdict {
	if len(s.data) < 2 {
		return short("cut inside the PPP header")
	}
	switch {
	case t == LinkPPPDir: // direction in front of the header
		return d.ppp(p, s.skip(1))
	case t == LinkPPPPPPD && s.data[0] <= 1: // direction in place of the address
		return d.ppp(p, s.skip(2))
	case s.data[0] == 0x0f || s.data[0] == 0x8f: // Cisco HDLC under the same number
		return d.chdlc(p, s)
	}
	return d.ppp(p, s)
}

// chdlc decodes Cisco HDLC (RFC 1547 section 4.3.1): address, control,
// EtherType.
func (d *Decoder) chdlc(p *Packet, s span) Verdict {
	if len(s.data) < 4 {
		return short("cut inside the HDLC header")
	}
	t := binary.BigEndian.Uint16(s.data[2:])
	if t < etherSmallest {
		return Verdict{NotIP, "HDLC frame of another protocol"}
	}
	return d.etherType(p, t, s.skip(4))
}

// nflog finds the packet among the attributes of a Linux netfilter log
// message: four bytes of family, version and group, then attributes of length
// and type in the byte order of the writer, aligned to four bytes.
func (d *Decoder) nflog(p *Packet, s span) Verdict {
	const payload = 9 // NFULA_PAYLOAD
	if len(s.data) < 4 {
		return short("cut inside the nflog header")
	}
	af := uint32(s.data[0])
	s = s.skip(4)
	for len(s.data) >= 4 {
		// Types are small numbers, so that their high byte tells the order.
		n, kind := int(binary.LittleEndian.Uint16(s.data)), binary.LittleEndian.Uint16(s.data[2:])&0x7fff
		if kind > 0xff {
			n, kind = int(binary.BigEndian.Uint16(s.data)), binary.BigEndian.Uint16(s.data[2:])&0x7fff
		}
		if n < 4 {
			return Verdict{Malformed, "nflog attribute shorter than its header"}
		}
		if kind == payload {
			return d.byFamily(p, af, s.skip(4).limit(min(n, s.size)-4))
		}
		s = s.skip((n + 3) &^ 3)
	}
	return Verdict{NotIP, "nflog message without a packet"}
}

// pktap decodes what macOS puts in front of the frame of each interface
// (bsd/net/pktap.h): length of this header, record type, link type, all in
// little-endian order.
func (d *Decoder) pktap(p *Packet, t LinkType, s span) Verdict {
	if len(s.data) < 12 {
		return short("cut inside the PKTAP header")
	}
	n, inner := binary.LittleEndian.Uint32(s.data), LinkType(binary.LittleEndian.Uint32(s.data[8:]))
	if inner == t || n < 12 || n > 1024 {
		if t == linkPKTAPUser {
			return Verdict{UnknownLink, "link type is not decoded"}
		}
		return Verdict{Malformed, "PKTAP header length"}
	}
	if inner == LinkPKTAP || inner == linkPKTAPUser {
		return tooDeeply
	}
	return d.link(p, inner, s.skip(int(n)))
}
