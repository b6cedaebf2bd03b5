package packet

import "envelope/capture"

// Outcome is what became of one raw packet.
type Outcome uint8

// Outcomes of Decode. For WithPorts, NoPorts and Cut the packet is filled in as
// far as it goes; for the others only its number, time, length, and link
// addresses and tags are sure.
const (
	// WithPorts is a TCP, UDP or SCTP packet.
	WithPorts Outcome = iota
	// NoPorts is an IP packet without ports: ICMP, another protocol, ESP, or a
	// part of a datagram whose first fragment was not captured. Its Payload is
	// all that follows the IP header and its extension headers. The packet
	// that an ICMP error quotes is part of that payload and is not looked at.
	NoPorts
	// Cut is an IP packet whose transport header was not captured whole: the
	// ports are given where they were captured, otherwise they are 0, and
	// there is no payload.
	Cut
	// NotIP is a frame of another protocol, such as ARP, STP or an 802.11
	// beacon.
	NotIP
	// Encrypted is a frame that is encrypted at the link layer: protected
	// 802.11 data or MACsec. Nothing in it can be seen from this capture.
	Encrypted
	// UnknownLink is a frame of a link type that is not decoded.
	UnknownLink
	// Malformed is a frame that contradicts itself, or was cut before the end
	// of its IP header.
	Malformed
	// Held is a fragment that waits for the rest of its datagram.
	Held

	outcomes = iota
)

// String names the outcome for messages and counters.
func (o Outcome) String() string {
	names := [outcomes]string{"with ports", "without ports", "cut", "not IP",
		"encrypted at the link layer", "unknown link type", "malformed", "fragment held"}
	if int(o) < len(names) {
		return names[o]
	}
	return "unknown"
}

// Verdict is the outcome of decoding one packet and, where that is not
// WithPorts, a short fixed phrase that says why. It holds no captured bytes.
type Verdict struct {
	Outcome Outcome
	Why     string
}

// maxNesting bounds how many Ethernet and IP headers are opened in one packet.
// Real traffic of a mobile operator (GTP-U in IPsec in VLAN) stays below five.
const maxNesting = 12

// Decoder turns raw packets into Packets. It keeps the fragments of incomplete
// datagrams; the zero value is not ready, use NewDecoder. A Decoder serves one
// capture and one goroutine.
type Decoder struct {
	nesting int // headers opened in the current packet
	frags   fragments
	msdus   int64
	later   bool // fragments are left alone for now
	left    bool // this packet is one
}

// NewDecoder returns a Decoder without held fragments.
func NewDecoder() *Decoder {
	return &Decoder{frags: newFragments()}
}

// Decode fills p from raw: the innermost IP packet that can be read and its
// transport header. All fields of p are set anew. p.Payload points into
// raw.Data or, for a datagram that was put together from fragments, into a
// buffer of the decoder that is valid until the next call.
func (d *Decoder) Decode(raw *Raw, p *Packet) Verdict {
	v, _ := d.decode(raw, p, false)
	return v
}

// decode is Decode. Where later is set it leaves a fragment alone, which changes
// what is held, and reports false.
func (d *Decoder) decode(raw *Raw, p *Packet, later bool) (Verdict, bool) {
	*p = Packet{Number: raw.Number, Time: raw.Time, App: raw.App, Len: max(raw.Len, len(raw.Data))}
	d.nesting, d.later, d.left = 0, later, false
	msdus := d.msdus
	v := d.link(p, raw.Link, span{raw.Data, p.Len})
	if d.later = false; d.left {
		d.msdus = msdus
	}
	return v, !d.left
}

// SkippedMSDUs is the number of packets that stood behind the first one in an
// 802.11 A-MSDU and were not decoded.
func (d *Decoder) SkippedMSDUs() int64 { return d.msdus }

// span is the rest of a packet: the bytes that were captured and the length
// they had on the wire, which is never less.
type span struct {
	data []byte
	size int
}

// skip leaves out the first n bytes, n >= 0. Skipping more than there is gives
// an empty span.
func (s span) skip(n int) span {
	if n > len(s.data) {
		return span{nil, max(s.size-n, 0)}
	}
	return span{s.data[n:], s.size - n}
}

// limit drops what follows the first size bytes, such as padding, size >= 0.
// The size may also be larger than what there is: a header that announces more
// bytes than the frame had.
func (s span) limit(size int) span {
	if len(s.data) > size {
		s.data = s.data[:size]
	}
	s.size = size
	return s
}

// short gives the verdict for a header below IP that does not fit.
func short(why string) Verdict { return Verdict{Malformed, why} }

// tooDeep counts one more opened header and tells whether the bound is passed.
func (d *Decoder) tooDeep() bool {
	d.nesting++
	return d.nesting > maxNesting
}

var tooDeeply = Verdict{Malformed, "headers nested too deeply"}

func macAt(b []byte) capture.MAC { return capture.MAC(b[:6]) }
