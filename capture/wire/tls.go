package wire

import "encoding/binary"

// TLS record content types (RFC 8446 section 5.1; heartbeat RFC 6520).
const (
	TLSChangeCipherSpec = 20
	TLSAlert            = 21
	TLSHandshake        = 22
	TLSApplicationData  = 23
	TLSHeartbeat        = 24
)

// TLS handshake message types (RFC 8446 section 4, RFC 5246 section 7.4).
const (
	HandshakeClientHello = 1
	HandshakeServerHello = 2
	HandshakeCertificate = 11
)

// TLSRecordHeaderLen is the number of bytes before a record's body.
const TLSRecordHeaderLen = 5

// maxTLSBody is the largest body a record may have: 2^14 bytes of plaintext and
// the 2048 bytes of expansion that TLS 1.2 allows (RFC 5246 section 6.2.3).
const maxTLSBody = 1<<14 + 2048

// TLSRecord is the header of one TLS record (RFC 8446 section 5.1).
type TLSRecord struct {
	Type    uint8
	Version uint16 // legacy_record_version, 0x0300 to 0x0304
	Length  int    // bytes of the body, without the header
}

// ParseTLSRecord reads the record header at the start of b into r. It is false
// unless b has five bytes that can be nothing but a header: a known type, a
// version from SSL 3.0 to TLS 1.3 and a length from 1 to 2^14+2048. The body
// need not be there.
func ParseTLSRecord(b []byte, r *TLSRecord) bool {
	if len(b) < TLSRecordHeaderLen || b[0] < TLSChangeCipherSpec || b[0] > TLSHeartbeat ||
		b[1] != 3 || b[2] > 4 {
		return false
	}
	n := int(binary.BigEndian.Uint16(b[3:5]))
	if n == 0 || n > maxTLSBody {
		return false
	}
	*r = TLSRecord{Type: b[0], Version: binary.BigEndian.Uint16(b[1:3]), Length: n}
	return true
}

// IsTLSClient tells whether the first payload bytes of a client begin a TLS
// handshake: a record with a ClientHello, or an SSLv2-compatible hello.
func IsTLSClient(b []byte) bool {
	return startsHandshake(b, HandshakeClientHello) || IsSSLv2Hello(b)
}

// IsTLSServer tells whether the first payload bytes of a server answer a TLS
// handshake: a record with a ServerHello, or an alert.
func IsTLSServer(b []byte) bool {
	var r TLSRecord
	if ParseTLSRecord(b, &r) && r.Type == TLSAlert {
		return r.Length == 2
	}
	return startsHandshake(b, HandshakeServerHello)
}

// startsHandshake tells whether b is a handshake record that begins with a
// message of the given type. A sixth byte must be there: five alone occur by
// chance too often.
func startsHandshake(b []byte, message uint8) bool {
	var r TLSRecord
	return len(b) > TLSRecordHeaderLen && ParseTLSRecord(b, &r) &&
		r.Type == TLSHandshake && b[TLSRecordHeaderLen] == message
}

// sslv2HeaderLen is the two-byte record header, the message type, the version
// and three lengths of an SSLv2 ClientHello (RFC 5246 appendix E.2).
const sslv2HeaderLen = 11

// IsSSLv2Hello tells whether b begins with a ClientHello in the SSLv2 format
// that old clients send to be understood by everyone (RFC 5246 appendix E.2).
func IsSSLv2Hello(b []byte) bool {
	if len(b) < sslv2HeaderLen || b[0]&0x80 == 0 || b[2] != HandshakeClientHello {
		return false
	}
	version := binary.BigEndian.Uint16(b[3:5])
	if version != 0x0002 && (version < 0x0300 || version > 0x0303) {
		return false
	}
	ciphers := int(binary.BigEndian.Uint16(b[5:7]))
	session := int(binary.BigEndian.Uint16(b[7:9]))
	challenge := int(binary.BigEndian.Uint16(b[9:11]))
	total := int(binary.BigEndian.Uint16(b[0:2]) & 0x7fff)
	return ciphers > 0 && ciphers%3 == 0 && (session == 0 || session == 16) &&
		challenge >= 16 && challenge <= 32 &&
		total == sslv2HeaderLen-2+ciphers+session+challenge
}

// ParseSSLv2Hello reads an SSLv2-compatible hello at the start of b into h:
// version and the cipher suites that TLS also knows. It carries no name. False
// if b does not begin with one.
func ParseSSLv2Hello(b []byte, h *ClientHello) bool {
	if !IsSSLv2Hello(b) {
		return false
	}
	h.reset()
	h.Kind = HelloSSLv2
	h.Version = binary.BigEndian.Uint16(b[3:5])
	specs := b[sslv2HeaderLen:]
	n := int(binary.BigEndian.Uint16(b[5:7]))
	h.Truncated = len(specs) < n
	specs = specs[:min(n, len(specs))]
	for ; len(specs) >= 3; specs = specs[3:] {
		// A first byte of zero marks a TLS suite; others are SSLv2's own.
		if specs[0] == 0 {
			h.CipherSuites = append(h.CipherSuites, binary.BigEndian.Uint16(specs[1:3]))
		}
	}
	return true
}
