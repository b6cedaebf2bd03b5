package packet

import "encoding/binary"

// Link types that are decoded, by their numbers in the tcpdump.org registry
// (LINKTYPE_ values; 12 and 14 are what some systems wrote for raw IP).
const (
	LinkNull      LinkType = 0
	LinkEthernet  LinkType = 1
	LinkSLIP      LinkType = 8
	LinkPPP       LinkType = 9
	LinkRawBSD    LinkType = 12
	LinkRawOpen   LinkType = 14
	LinkPPPHDLC   LinkType = 50
	LinkPPPoE     LinkType = 51
	LinkATM       LinkType = 100
	LinkRaw       LinkType = 101
	LinkCHDLC     LinkType = 104
	LinkWiFi      LinkType = 105
	LinkLoop      LinkType = 108
	LinkEnc       LinkType = 109
	LinkSLL       LinkType = 113
	LinkPFLog     LinkType = 117
	LinkPrism     LinkType = 119
	LinkRadiotap  LinkType = 127
	LinkPPPPPPD   LinkType = 166
	LinkAVS       LinkType = 163
	LinkPPI       LinkType = 192
	LinkPPPDir    LinkType = 204
	LinkIPv4      LinkType = 228
	LinkIPv6      LinkType = 229
	LinkNFLog     LinkType = 239
	LinkPKTAP     LinkType = 258
	LinkSLL2      LinkType = 276
	linkPKTAPUser LinkType = 149 // DLT_USER2, which older macOS writes for PKTAP
)

// EtherTypes (IEEE registry).
const (
	etherIPv4     = 0x0800
	etherARP      = 0x0806
	etherTEB      = 0x6558 // transparent Ethernet bridging, RFC 1701
	etherVLAN     = 0x8100
	etherIPv6     = 0x86dd
	etherPPP      = 0x880b
	etherMPLS     = 0x8847
	etherMPLSUp   = 0x8848 // upstream-assigned label, RFC 5332
	etherPPPoE    = 0x8864
	etherQinQ     = 0x88a8
	etherMACsec   = 0x88e5
	etherPBB      = 0x88e7 // IEEE 802.1ah
	etherQinQOld  = 0x9100
	etherQinQOld2 = 0x9200
	etherQinQOld3 = 0x9300
	etherSmallest = 0x0600 // below: a length, IEEE 802.3 clause 3.2.6
)

// link decodes the outermost header, which the link type tells.
func (d *Decoder) link(p *Packet, t LinkType, s span) Verdict {
	switch t {
	case LinkEthernet:
		return d.outerEthernet(p, s)
	case LinkRaw, LinkRawBSD, LinkRawOpen, LinkIPv4, LinkIPv6:
		return d.ip(p, s)
	case LinkSLL:
		return d.sll(p, s)
	case LinkSLL2:
		return d.sll2(p, s)
	case LinkNull, LinkLoop, LinkEnc, LinkPFLog:
		return d.family(p, t, s)
	case LinkPPP, LinkPPPHDLC, LinkPPPPPPD, LinkPPPDir:
		return d.serialPPP(p, t, s)
	case LinkPPPoE:
		return d.pppoe(p, s)
	case LinkCHDLC:
		return d.chdlc(p, s)
	case LinkSLIP: // direction and 15 bytes of compressed header come first
		return d.ip(p, s.skip(16))
	case LinkATM:
		return d.llc(p, s)
	case LinkWiFi:
		return d.wifi(p, s, false)
	case LinkRadiotap:
		return d.radiotap(p, s)
	case LinkPPI:
		return d.ppi(p, s)
	case LinkPrism, LinkAVS:
		return d.prism(p, s)
	case LinkNFLog:
		return d.nflog(p, s)
	case LinkPKTAP, linkPKTAPUser:
		return d.pktap(p, t, s)
	}
	return Verdict{UnknownLink, "link type is not decoded"}
}

// outerEthernet decodes the frame whose addresses are those of the packet.
func (d *Decoder) outerEthernet(p *Packet, s span) Verdict {
	if len(s.data) < 14 {
		return short("cut inside the Ethernet header")
	}
	p.DstMAC, p.SrcMAC = macAt(s.data), macAt(s.data[6:])
	return d.etherType(p, binary.BigEndian.Uint16(s.data[12:]), s.skip(14))
}

// ethernet decodes a frame inside a tunnel.
func (d *Decoder) ethernet(p *Packet, s span) Verdict {
	if len(s.data) < 14 {
		return short("cut inside the inner Ethernet header")
	}
	if d.tooDeep() {
		return tooDeeply
	}
	return d.etherType(p, binary.BigEndian.Uint16(s.data[12:]), s.skip(14))
}

// etherType goes on after an EtherType, over VLAN tags of any kind and number.
func (d *Decoder) etherType(p *Packet, t uint16, s span) Verdict {
	for {
		switch t {
		case etherIPv4:
			return d.ipv4(p, s)
		case etherIPv6:
			return d.ipv6(p, s)
		case etherVLAN, etherQinQ, etherQinQOld, etherQinQOld2, etherQinQOld3:
			if len(s.data) < 4 {
				return short("cut inside a VLAN tag")
			}
			p.tag(binary.BigEndian.Uint16(s.data) & 0x0fff)
			t, s = binary.BigEndian.Uint16(s.data[2:]), s.skip(4)
			continue
		}
		return d.rareEtherType(p, t, s)
	}
}

// tag notes one more VLAN tag, from the outside in.
func (p *Packet) tag(id uint16) {
	if p.VLANs == 0 {
		p.VLANOut = id
	}
	if p.VLANs < 255 {
		p.VLANs++
	}
	p.VLAN = id
}

func (d *Decoder) rareEtherType(p *Packet, t uint16, s span) Verdict {
	switch t {
	case etherMPLS, etherMPLSUp:
		return d.mpls(p, s)
	case etherPPPoE:
		return d.pppoe(p, s)
	case etherTEB:
		return d.ethernet(p, s)
	case etherPPP:
		return d.ppp(p, s)
	case etherPBB: // four bytes of I-TAG, then the customer's frame
		return d.ethernet(p, s.skip(4))
	case etherMACsec:
		return d.macsec(p, s)
	}
	if t < etherSmallest {
		return d.llc(p, s.limit(min(s.size, int(t))))
	}
	return Verdict{NotIP, "EtherType is not IP"}
}

// llc decodes IEEE 802.2 LLC, with SNAP (RFC 1042) or IP as a service access
// point of its own. 00-00-F8 is the bridge tunnel of IEEE 802.1H.
func (d *Decoder) llc(p *Packet, s span) Verdict {
	b := s.data
	if len(b) < 3 {
		return Verdict{NotIP, "frame without LLC header"}
	}
	if b[0] == 0x06 && b[1] == 0x06 && b[2] == 0x03 {
		return d.ipv4(p, s.skip(3))
	}
	if !isSNAP(b) {
		return Verdict{NotIP, "LLC frame of another protocol"}
	}
	if d.tooDeep() {
		return tooDeeply
	}
	t := binary.BigEndian.Uint16(b[6:])
	if t < etherSmallest {
		return Verdict{NotIP, "SNAP frame of another protocol"}
	}
	return d.etherType(p, t, s.skip(8))
}

// isSNAP tells whether b starts with the eight bytes of LLC and SNAP that name
// an EtherType.
func isSNAP(b []byte) bool {
	return len(b) >= 8 && b[0] == 0xaa && b[1] == 0xaa && b[2] == 0x03 &&
		b[3] == 0 && b[4] == 0 && (b[5] == 0 || b[5] == 0xf8)
}

// macsec opens a frame that is protected by IEEE 802.1AE for integrity only.
func (d *Decoder) macsec(p *Packet, s span) Verdict {
	const encrypted, changed, explicitSCI = 0x08, 0x04, 0x20
	if len(s.data) < 6 {
		return short("cut inside the MACsec tag")
	}
	tci := s.data[0]
	if tci&(encrypted|changed) != 0 {
		return Verdict{Encrypted, "MACsec"}
	}
	s = s.skip(6)
	if tci&explicitSCI != 0 {
		s = s.skip(8)
	}
	if len(s.data) < 2 {
		return short("cut inside the MACsec tag")
	}
	if d.tooDeep() {
		return tooDeeply
	}
	return d.etherType(p, binary.BigEndian.Uint16(s.data), s.skip(2))
}

// mpls skips a label stack (RFC 3032). What follows is not named: the first
// nibble tells IP from a pseudowire control word (RFC 4385); an Ethernet
// pseudowire without control word is recognised by its EtherType (RFC 4448).
func (d *Decoder) mpls(p *Packet, s span) Verdict {
	for bottom := false; !bottom; s = s.skip(4) {
		if len(s.data) < 4 {
			return short("cut inside the MPLS labels")
		}
		bottom = s.data[2]&1 != 0
	}
	if len(s.data) == 0 {
		return short("nothing captured after the MPLS labels")
	}
	switch {
	case looksLikeIP(s):
		return d.ip(p, s)
	case s.data[0]>>4 == 0 && looksLikeEthernet(s.skip(4)):
		return d.ethernet(p, s.skip(4))
	case looksLikeEthernet(s):
		return d.ethernet(p, s)
	}
	return Verdict{NotIP, "MPLS payload of another protocol"}
}

// looksLikeEthernet tells whether the EtherType is one that carries IP, or ARP.
func looksLikeEthernet(s span) bool {
	if len(s.data) < 14 {
		return false
	}
	switch binary.BigEndian.Uint16(s.data[12:]) {
	case etherIPv4, etherIPv6, etherARP, etherVLAN, etherQinQ, etherQinQOld, etherMPLS, etherPPPoE:
		return true
	}
	return false
}

// pppoe decodes a PPPoE session packet (RFC 2516) up to its length field.
func (d *Decoder) pppoe(p *Packet, s span) Verdict {
	if len(s.data) < 6 {
		return short("cut inside the PPPoE header")
	}
	if s.data[0] != 0x11 || s.data[1] != 0 {
		return Verdict{NotIP, "PPPoE discovery"}
	}
	n := int(binary.BigEndian.Uint16(s.data[4:]))
	s = s.skip(6)
	if n > 0 { // 0 comes from segmentation offload
		s = s.limit(min(n, s.size))
	}
	return d.ppp(p, s)
}

// ppp decodes from the PPP protocol field on, which may be one byte long
// (RFC 1661 section 6.5), after the address and control bytes if there are any.
func (d *Decoder) ppp(p *Packet, s span) Verdict {
	if len(s.data) >= 2 && s.data[0] == 0xff && s.data[1] == 0x03 {
		s = s.skip(2)
	}
	if len(s.data) < 2 {
		return short("cut inside the PPP header")
	}
	if d.tooDeep() {
		return tooDeeply
	}
	proto, n := int(s.data[0]), 1
	if proto&1 == 0 {
		proto, n = int(binary.BigEndian.Uint16(s.data)), 2
	}
	switch s = s.skip(n); proto {
	case 0x21:
		return d.ipv4(p, s)
	case 0x57:
		return d.ipv6(p, s)
	case 0x281, 0x283:
		return d.mpls(p, s)
	case 0x53, 0x55, 0xfd, 0xfb: // ECP and compression, which MPPE uses too
		return Verdict{Encrypted, "PPP encryption or compression"}
	}
	return Verdict{NotIP, "PPP frame of another protocol"}
}
