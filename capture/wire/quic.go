package wire

import "encoding/binary"

// QUIC versions whose packets can be told and read. Drafts are 0xFF000000 plus
// their number.
const (
	QUICVersion1     = 0x00000001 // RFC 9000
	QUICVersion2     = 0x6b3343cf // RFC 9369
	quicVersion2Old  = 0x709a50c4 // draft-ietf-quic-v2-01 to -04, otherwise the same
	quicDraftFirst   = 0xff000016 // draft-22
	quicDraftLast    = 0xff000022 // draft-34
	quicMVFSTFirst   = 0xfaceb000 // Meta's mvfst and its aliases
	quicMVFSTLast    = 0xfaceb01f
	quicQ046         = 0x51303436 // "Q046", the last Google QUIC without encryption of the first packet
	quicQ050         = 0x51303530 // "Q050", Google QUIC crypto in an encrypted Initial
	quicT050         = 0x54303530 // "T050", TLS in Google QUIC
	quicT051         = 0x54303531 // "T051"
	quicMaxCIDLen    = 20         // RFC 9000 section 17.2
	quicMinSampleLen = 20         // a packet number and a header protection sample (RFC 9001 section 5.4.2)
)

// QUICType is the kind of a QUIC packet.
type QUICType uint8

// Kinds of packets (RFC 9000 section 17).
const (
	QUICShort     QUICType = iota // 1-RTT, short header
	QUICInitial                   // carries the hellos
	QUICZeroRTT                   // data of a client that was here before
	QUICHandshake                 // rest of the handshake, encrypted
	QUICRetry                     // the server asks the client to begin anew
	QUICVersions                  // version negotiation by the server
	QUICGoogle                    // Google QUIC with a public header (before Q046)
)

// QUICHeader is the part of a packet's header that is not protected. Slices
// point into the packet.
type QUICHeader struct {
	Type    QUICType
	Version uint32 // 0 for short headers and version negotiation
	DCID    []byte // destination connection ID; nil for short headers, where its length is not shown
	SCID    []byte // source connection ID
	Token   []byte // of an Initial
	Payload int    // where the packet number begins; of a Retry or version negotiation, the rest
	End     int    // end of the packet in its datagram, by its length field; may be beyond what was captured
}

// Long tells whether the packet has a long header.
func (h *QUICHeader) Long() bool { return h.Type != QUICShort && h.Type != QUICGoogle }

// ParseQUICHeader reads the header of the packet at the start of b (RFC 9000
// section 17, Google QUIC "Q" versions by their own layout). It is false where
// b cannot be QUIC or is of a version unknown here. A short header shows only
// one bit, so that true then means no more than "may be": the flow's earlier
// packets must tell.
func ParseQUICHeader(b []byte, h *QUICHeader) bool {
	*h = QUICHeader{}
	switch {
	case len(b) == 0:
		return false
	case b[0]&0x80 != 0:
		return parseQUICLong(b, h)
	case b[0]&0x40 != 0:
		h.Payload, h.End = 1, len(b)
		// The shortest 1-RTT packet: byte, packet number, sample.
		return len(b) >= 1+quicMinSampleLen
	}
	return parseGoogleHeader(b, h)
}

// parseQUICLong reads a long header.
func parseQUICLong(b []byte, h *QUICHeader) bool {
	if len(b) < 7 {
		return false
	}
	h.Version = binary.BigEndian.Uint32(b[1:5])
	if h.Version == quicQ046 {
		return parseQ046(b, h)
	}
	rest, ok := readCIDs(b[5:], h)
	if !ok {
		return false
	}
	at := len(b) - len(rest)
	if h.Version == 0 {
		h.Type, h.Payload, h.End = QUICVersions, at, len(b)
		return len(rest) >= 4 && len(rest)%4 == 0
	}
	if !quicKnown(h.Version) || b[0]&0x40 == 0 {
		return false
	}
	h.Type = quicLongType(h.Version, b[0]>>4&3)
	if h.Type == QUICRetry {
		h.Payload, h.End = at, len(b)
		return len(rest) > 16 // a token and the integrity tag
	}
	if h.Type == QUICInitial {
		size, n := quicVarint(rest)
		if n == 0 || size > uint64(len(rest)-n) {
			return false
		}
		h.Token = rest[n:][:size]
		at += n + int(size)
	}
	size, n := quicVarint(b[at:])
	if n == 0 || size < quicMinSampleLen || size > 1<<16 {
		return false
	}
	h.Payload = at + n
	h.End = h.Payload + int(size)
	return true
}

// readCIDs reads the two connection IDs with their lengths.
func readCIDs(b []byte, h *QUICHeader) (rest []byte, ok bool) {
	for _, cid := range []*[]byte{&h.DCID, &h.SCID} {
		if len(b) == 0 || int(b[0]) > quicMaxCIDLen || int(b[0]) >= len(b) {
			return nil, false
		}
		*cid, b = b[1:][:b[0]], b[1+int(b[0]):]
	}
	return b, true
}

// quicLongType gives the packet type; version 2 numbers them differently
// (RFC 9369 section 3.2).
func quicLongType(version uint32, bits byte) QUICType {
	if version == QUICVersion2 || version == quicVersion2Old {
		bits = (bits + 3) & 3
	}
	return [...]QUICType{QUICInitial, QUICZeroRTT, QUICHandshake, QUICRetry}[bits]
}

// quicKnown tells whether the version has the long header of RFC 8999 and
// Initial keys that are known.
func quicKnown(v uint32) bool {
	return v == QUICVersion1 || v == QUICVersion2 || v == quicVersion2Old ||
		v >= quicDraftFirst && v <= quicDraftLast ||
		v >= quicMVFSTFirst && v <= quicMVFSTLast ||
		quicGoogle(v) || quicReserved(v)
}

// IsQUICInitial tells whether a datagram begins with a packet that can open a
// QUIC connection: an Initial of a known version or the first packet of Google
// QUIC. Clients and servers both send Initials; QUICHello tells them apart.
func IsQUICInitial(b []byte) bool {
	var h QUICHeader
	return ParseQUICHeader(b, &h) && (h.Type == QUICInitial || h.Type == QUICGoogle)
}

// quicVarint reads a variable-length integer (RFC 9000 section 16) and its
// number of bytes, 0 where b is too short.
func quicVarint(b []byte) (v uint64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	n = 1 << (b[0] >> 6)
	if len(b) < n {
		return 0, 0
	}
	v = uint64(b[0] & 0x3f)
	for _, c := range b[1:n] {
		v = v<<8 | uint64(c)
	}
	return v, n
}
