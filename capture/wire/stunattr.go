package wire

import (
	"encoding/binary"

	"envelope/capture"
)

// Attribute types: RFC 8489 section 18.3, RFC 8656 section 18, RFC 8445
// section 16.1, RFC 5780; the old ones from RFC 3489 section 11.2.
const (
	attrMapped        = 0x0001
	attrSource        = 0x0004 // RFC 3489
	attrChanged       = 0x0005 // RFC 3489
	attrUsername      = 0x0006
	attrIntegrity     = 0x0008
	attrErrorCode     = 0x0009
	attrChannel       = 0x000C
	attrLifetime      = 0x000D
	attrXORPeer       = 0x0012
	attrData          = 0x0013
	attrRealm         = 0x0014
	attrNonce         = 0x0015
	attrXORRelayed    = 0x0016
	attrTransport     = 0x0019
	attrIntegrity256  = 0x001C
	attrXORMapped     = 0x0020
	attrPriority      = 0x0024
	attrUseCandidate  = 0x0025
	attrWhatsAppToken = 0x4000 // measured: 102 bytes until about 2020, 150 in 2023
	attrWhatsAppLast  = 0x4007
	attrXORMappedOld  = 0x8020 // drafts of RFC 5389, still sent by Vovida servers
	attrSoftware      = 0x8022
	attrControlled    = 0x8029
	attrControlling   = 0x802A
	attrOrigin        = 0x802B
	attrOther         = 0x802C
)

// attrBit gives the bit under which a record remembers an attribute.
func attrBit(kind uint16) capture.AttrSet {
	switch kind {
	case attrUsername:
		return capture.AttrUsername
	case attrIntegrity, attrIntegrity256:
		return capture.AttrIntegrity
	case attrUseCandidate:
		return capture.AttrUseCandidate
	case attrControlling:
		return capture.AttrControlling
	case attrControlled:
		return capture.AttrControlled
	case attrRealm:
		return capture.AttrRealm
	case attrData:
		return capture.AttrData
	case 0x8054, 0x8055, 0x8070, 0x8095: // candidate identifier, service quality, MS-VERSION, and one not published
		return capture.AttrMicrosoft
	}
	if kind >= attrWhatsAppToken && kind <= attrWhatsAppLast {
		return capture.AttrWhatsApp
	}
	return capture.AttrOther
}

// isClassicType lists the message types of RFC 3489 section 11.1 and of
// TURN before it had the cookie (drafts, [MS-TURN] section 2.2.1).
func isClassicType(kind uint16) bool {
	switch kind {
	case 0x0001, 0x0101, 0x0111, 0x0002, 0x0102, 0x0112: // binding, shared secret
		return true
	case 0x0003, 0x0103, 0x0113, 0x0004, 0x0104, 0x0114, 0x0115, 0x0006, 0x0106, 0x0116: // allocate, send, data, set active destination
		return true
	}
	return false
}

// readClassic is read for messages without the cookie: since nothing else
// tells them from other protocols, all attributes must be known and must fill
// the message exactly.
func (m *STUN) readClassic(body []byte) bool {
	if m.Length%4 != 0 {
		return false
	}
	off := 0
	for off+4 <= len(body) {
		kind, n := binary.BigEndian.Uint16(body[off:]), int(binary.BigEndian.Uint16(body[off+2:]))
		off += 4
		if off+n > m.Length || !isClassicAttr(kind) {
			return false
		}
		m.attribute(kind, n, body[off:min(len(body), off+n)])
		off += (n + 3) &^ 3
	}
	return m.Cut || off == m.Length
}

// isClassicAttr lists the attributes that messages without the cookie have:
// RFC 3489's eleven, those of the first TURN drafts and of [MS-TURN].
func isClassicAttr(kind uint16) bool {
	return kind >= 0x0001 && kind <= 0x0015 || kind >= 0x8000 && kind <= 0x80FF
}
