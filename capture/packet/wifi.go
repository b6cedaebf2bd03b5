package packet

import (
	"encoding/binary"

	"envelope/capture"
)

// radiotap skips the radiotap header (radiotap.org): version, length, and a
// chain of present words. Only the flags field is read: it says whether the
// frame ends with a checksum, and whether the body is aligned.
func (d *Decoder) radiotap(p *Packet, s span) Verdict {
	const fcs, dataPad, badFCS = 0x10, 0x20, 0x40
	b := s.data
	if len(b) < 8 {
		return short("cut inside the radiotap header")
	}
	n := int(binary.LittleEndian.Uint16(b[2:]))
	if b[0] != 0 || n < 8 || n > s.size {
		return Verdict{Malformed, "radiotap header"}
	}
	flags := radiotapFlags(b[:min(n, len(b))])
	if flags&badFCS != 0 {
		return Verdict{Malformed, "802.11 frame with a wrong checksum"}
	}
	s = s.skip(n)
	if flags&fcs != 0 {
		s = s.limit(max(s.size-4, 0))
	}
	return d.wifi(p, s, flags&dataPad != 0)
}

// radiotapFlags returns field 1, or 0 where it is absent. Only field 0, a
// timestamp of eight bytes aligned to eight, can come before it.
func radiotapFlags(b []byte) byte {
	present := binary.LittleEndian.Uint32(b[4:])
	if present&2 == 0 {
		return 0
	}
	at := 8
	for word := present; word&(1<<31) != 0; at += 4 {
		if at+4 > len(b) {
			return 0
		}
		word = binary.LittleEndian.Uint32(b[at:])
	}
	if present&1 != 0 {
		at = (at+7)&^7 + 8
	}
	if at >= len(b) {
		return 0
	}
	return b[at]
}

// ppi skips the per-packet information header (LINKTYPE_PPI) and takes from
// the 802.11 common field whether the frame ends with a checksum.
func (d *Decoder) ppi(p *Packet, s span) Verdict {
	const common = 2
	b := s.data
	if len(b) < 8 {
		return short("cut inside the PPI header")
	}
	n, inner := int(binary.LittleEndian.Uint16(b[2:])), LinkType(binary.LittleEndian.Uint32(b[4:]))
	if n < 8 || n > s.size || inner == LinkPPI {
		return Verdict{Malformed, "PPI header"}
	}
	fcs := false
	for f := b[8:max(8, min(n, len(b)))]; len(f) >= 4; {
		kind, size := binary.LittleEndian.Uint16(f), int(binary.LittleEndian.Uint16(f[2:]))
		if kind == common && size >= 10 && len(f) >= 14 {
			fcs = f[12]&1 != 0
		}
		f = f[min(4+size, len(f)):]
	}
	if s = s.skip(n); fcs {
		s = s.limit(max(s.size-4, 0))
	}
	if d.tooDeep() {
		return tooDeeply
	}
	return d.link(p, inner, s)
}

// prism skips a Prism II header (host order) or an AVS one (big-endian), which
// share a link type and can be told by AVS's magic number.
func (d *Decoder) prism(p *Packet, s span) Verdict {
	if len(s.data) < 8 {
		return short("cut inside the Prism header")
	}
	n := binary.LittleEndian.Uint32(s.data[4:])
	if n > 0xffff || binary.BigEndian.Uint32(s.data)&^0xff == 0x80211000 {
		n = binary.BigEndian.Uint32(s.data[4:])
	}
	if n < 8 || n > 0xffff {
		return Verdict{Malformed, "Prism header"}
	}
	return d.wifi(p, s.skip(int(n)), false)
}

// Bits of the second byte of the 802.11 frame control field (IEEE 802.11-2020
// section 9.2.4.1).
const (
	wifiToDS      = 0x01
	wifiFromDS    = 0x02
	wifiProtected = 0x40
	wifiOrder     = 0x80
)

// wifi decodes an 802.11 data frame, without its checksum. With padded, the
// body starts at a multiple of four bytes.
func (d *Decoder) wifi(p *Packet, s span, padded bool) Verdict {
	b := s.data
	if len(b) < 2 {
		return short("cut inside the 802.11 header")
	}
	subtype := b[0] >> 4
	switch kind := b[0] >> 2 & 3; {
	case b[0]&3 != 0:
		return Verdict{Malformed, "802.11 version"}
	case kind != 2:
		return Verdict{NotIP, "802.11 management or control frame"}
	case subtype&4 != 0:
		return Verdict{NotIP, "802.11 frame without data"}
	}
	qos := subtype&8 != 0
	n := wifiHeader(qos, b[1])
	if len(b) < n {
		return short("cut inside the 802.11 header")
	}
	wifiAddresses(p, b)
	if b[22]&0x0f != 0 {
		return Verdict{NotIP, "802.11 fragment after the first"}
	}
	msdus := qos && wifiControl(b)&0x80 != 0
	if padded {
		n = (n + 3) &^ 3
	}
	s = s.skip(n)
	if b[1]&wifiProtected != 0 {
		return d.wifiProtectedBody(p, s, msdus)
	}
	return d.wifiBody(p, s, msdus)
}

// wifiHeader is the length of a data frame's header by its flags.
func wifiHeader(qos bool, flags byte) int {
	n := 24
	if flags&(wifiToDS|wifiFromDS) == wifiToDS|wifiFromDS {
		n += 6
	}
	if qos {
		n += 2
		if flags&wifiOrder != 0 { // HT control
			n += 4
		}
	}
	return n
}

// wifiControl is the first byte of the QoS control field; the header is there.
func wifiControl(b []byte) byte {
	if b[1]&(wifiToDS|wifiFromDS) == wifiToDS|wifiFromDS {
		return b[30]
	}
	return b[24]
}

// wifiAddresses takes source and destination from the address fields, whose
// meaning the two distribution system bits give (section 9.3.2.1).
func wifiAddresses(p *Packet, b []byte) {
	a1, a2, a3 := capture.MAC(b[4:10]), capture.MAC(b[10:16]), capture.MAC(b[16:22])
	p.DstMAC, p.SrcMAC = a1, a2
	switch b[1] & (wifiToDS | wifiFromDS) {
	case wifiToDS:
		p.DstMAC = a3
	case wifiFromDS:
		p.SrcMAC = a3
	case wifiToDS | wifiFromDS:
		p.DstMAC, p.SrcMAC = a3, capture.MAC(b[24:30])
	}
}

// wifiProtectedBody looks for a body that was decrypted by the driver, which
// leaves the flag set and, with some, the eight bytes of the cipher header.
func (d *Decoder) wifiProtectedBody(p *Packet, s span, msdus bool) Verdict {
	const cipherHeader = 8
	for _, n := range [...]int{0, cipherHeader} {
		body := s.skip(n)
		if isSNAP(body.data) || msdus && isSNAP(body.skip(14).data) {
			return d.wifiBody(p, body, msdus)
		}
	}
	return Verdict{Encrypted, "protected 802.11 frame"}
}

// wifiBody decodes LLC, or the first packet of an A-MSDU (section 9.3.2.2.2);
// those after it are counted.
func (d *Decoder) wifiBody(p *Packet, s span, msdus bool) Verdict {
	if !msdus {
		return d.llc(p, s)
	}
	if len(s.data) < 14 {
		return short("cut inside the A-MSDU header")
	}
	p.DstMAC, p.SrcMAC = macAt(s.data), macAt(s.data[6:])
	first := s.skip(14).limit(min(int(binary.BigEndian.Uint16(s.data[12:])), max(s.size-14, 0)))
	for rest := s; ; d.msdus++ {
		n := 14 + int(binary.BigEndian.Uint16(rest.data[12:]))
		if rest = rest.skip((n + 3) &^ 3); len(rest.data) < 14 {
			break
		}
	}
	return d.llc(p, first)
}
