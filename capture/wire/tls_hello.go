package wire

import (
	"errors"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// TLS extension types that an observer reads (IANA registry of TLS
// ExtensionType values).
const (
	extServerName          = 0x0000
	extSignatureAlgorithms = 0x000d
	extALPN                = 0x0010
	extPreSharedKey        = 0x0029
	extSupportedVersions   = 0x002b
	extQUICParameters      = 0x0039
	extQUICParametersDraft = 0xffa5 // until draft-ietf-quic-tls-32
	extECH                 = 0xfe0d
	extESNI                = 0xffce // draft-ietf-tls-esni-01 to -06, the forerunner of ECH
)

// quicUserAgent is the transport parameter in which Chrome's QUIC stack named
// its user agent (google_user_agent 0x3129, IANA QUIC registry).
const quicUserAgent = 0x3129

// Bounds on what one hello may make us keep. Real hellos stay far below:
// measured over public captures, at most 110 suites and 30 extensions.
const (
	maxHelloList  = 512
	maxALPN       = 32
	maxALPNLen    = 64
	maxUserAgent  = 256
	maxServerName = 253 // RFC 1035 section 2.3.4, without the final dot
)

// HelloKind is the protocol whose hello was read.
type HelloKind uint8

// Kinds of hellos.
const (
	HelloTLS   HelloKind = iota // TLS, also inside QUIC
	HelloDTLS                   // DTLS: with a cookie
	HelloSSLv2                  // SSLv2-compatible hello of an old client
	HelloGQUIC                  // Google QUIC crypto, before TLS
)

// ClientHello is what an observer reads of a client's first message (RFC 8446
// section 4.1.2, RFC 6347 section 4.2.1). Lists are in the client's order and
// still contain GREASE values (RFC 8701).
type ClientHello struct {
	Kind                HelloKind
	Truncated           bool   // the message was cut, or is malformed from some point on: the rest is missing
	ServerName          string // lower case, a valid host name or empty
	SNI                 bool   // the server_name extension was there, valid or not
	ALPN                []string
	Version             uint16 // legacy_version
	SupportedVersions   []uint16
	CipherSuites        []uint16
	Extensions          []uint16
	SignatureAlgorithms []uint16
	ECH                 bool   // encrypted_client_hello offered; GREASE ECH looks the same
	PSK                 bool   // pre_shared_key offered: the client was here before
	UserAgent           string // of a QUIC client that names it, else empty
}

// Errors of ParseClientHello.
var (
	ErrNotClientHello = errors.New("not a client hello")
	ErrMalformedHello = errors.New("malformed client hello")
)

// reset empties h and keeps the memory of its lists.
func (h *ClientHello) reset() {
	*h = ClientHello{
		ALPN:                h.ALPN[:0],
		SupportedVersions:   h.SupportedVersions[:0],
		CipherSuites:        h.CipherSuites[:0],
		Extensions:          h.Extensions[:0],
		SignatureAlgorithms: h.SignatureAlgorithms[:0],
	}
}

// ParseClientHello reads a handshake message (type 1, three bytes of length,
// body) into h, whose lists are reused. A version of 0xFExx or 0x0100 tells
// that the body is DTLS's, with a cookie. A message shorter than its length
// says is no error: h holds what was read and Truncated is set.
//
// The error is ErrNotClientHello for another message, ErrMalformedHello where
// lengths contradict each other; h then holds what came before, Truncated too.
func ParseClientHello(msg []byte, h *ClientHello) error {
	h.reset()
	if len(msg) < 4 || msg[0] != HandshakeClientHello {
		return ErrNotClientHello
	}
	n := int(msg[1])<<16 | int(msg[2])<<8 | int(msg[3])
	body := msg[4:]
	h.Truncated = len(body) < n
	body = body[:min(n, len(body))]
	if h.readBody(body) || h.Truncated {
		return nil
	}
	h.Truncated = true // what is missing behind the fault is missing all the same
	return ErrMalformedHello
}

// readBody reads everything after the handshake header. False means that the
// bytes ended too early or a length was wrong.
func (h *ClientHello) readBody(body cryptobyte.String) bool {
	var session, cookie, suites, methods cryptobyte.String
	if !body.ReadUint16(&h.Version) {
		return false
	}
	if h.Version>>8 == 0xfe || h.Version == 0x0100 {
		h.Kind = HelloDTLS
	}
	if !body.Skip(32) || !body.ReadUint8LengthPrefixed(&session) || len(session) > 32 {
		return false
	}
	if h.Kind == HelloDTLS && !body.ReadUint8LengthPrefixed(&cookie) {
		return false
	}
	whole := readCut16(&body, &suites)
	h.CipherSuites = appendUint16s(h.CipherSuites, suites)
	if !whole || len(suites)%2 != 0 || !body.ReadUint8LengthPrefixed(&methods) {
		return false
	}
	if body.Empty() { // extensions are optional before TLS 1.3
		return true
	}
	var extensions cryptobyte.String
	whole = readCut16(&body, &extensions)
	return h.readExtensions(extensions) && whole
}

// readExtensions walks the extension list.
func (h *ClientHello) readExtensions(list cryptobyte.String) bool {
	for !list.Empty() {
		var id uint16
		var data cryptobyte.String
		if !list.ReadUint16(&id) || len(h.Extensions) >= maxHelloList {
			return false
		}
		h.Extensions = append(h.Extensions, id)
		whole := readCut16(&list, &data)
		h.readExtension(id, data, whole)
		if !whole {
			return false
		}
	}
	return true
}

// readExtension reads one extension; a cut one only as far as single values
// stay trustworthy. Contents that make no sense are left out, as the server's
// rules for them are not ours.
func (h *ClientHello) readExtension(id uint16, data cryptobyte.String, whole bool) {
	switch id {
	case extServerName:
		h.SNI = true
		h.ServerName = readServerName(data)
	case extALPN:
		h.readALPN(data)
	case extSupportedVersions:
		var list cryptobyte.String
		if data.ReadUint8LengthPrefixed(&list) {
			h.SupportedVersions = appendUint16s(h.SupportedVersions, list)
		}
	case extSignatureAlgorithms:
		var list cryptobyte.String
		readCut16(&data, &list)
		h.SignatureAlgorithms = appendUint16s(h.SignatureAlgorithms, list)
	case extQUICParameters, extQUICParametersDraft:
		h.readQUICParameters(data)
	case extPreSharedKey:
		h.PSK = true
	case extECH, extESNI:
		h.ECH = h.ECH || whole
	}
}

// readServerName gives the first host_name entry (RFC 6066 section 3).
func readServerName(data cryptobyte.String) string {
	var list, name cryptobyte.String
	readCut16(&data, &list)
	for !list.Empty() {
		var kind uint8
		if !list.ReadUint8(&kind) || !list.ReadUint16LengthPrefixed(&name) {
			return ""
		}
		if kind == 0 {
			return hostName(name)
		}
	}
	return ""
}

// readALPN reads the protocol names the client offers (RFC 7301 section 3.1).
func (h *ClientHello) readALPN(data cryptobyte.String) {
	var list, name cryptobyte.String
	readCut16(&data, &list)
	for !list.Empty() && len(h.ALPN) < maxALPN {
		if !list.ReadUint8LengthPrefixed(&name) {
			return
		}
		if len(name) > 0 && len(name) <= maxALPNLen {
			h.ALPN = append(h.ALPN, protocolName(name))
		}
	}
}

// protocolName converts without allocating for the names that nearly every
// client sends.
func protocolName(b []byte) string {
	switch string(b) {
	case "h2":
		return "h2"
	case "http/1.1":
		return "http/1.1"
	case "h3":
		return "h3"
	}
	return string(b)
}

// readQUICParameters looks for the user agent among the QUIC transport
// parameters (RFC 9000 section 18).
func (h *ClientHello) readQUICParameters(data []byte) {
	for len(data) > 0 {
		id, n := quicVarint(data)
		size, m := quicVarint(data[n:])
		if n == 0 || m == 0 || size > uint64(len(data)-n-m) {
			return
		}
		value := data[n+m:][:size]
		if id == quicUserAgent && h.UserAgent == "" {
			h.UserAgent = printable(value, maxUserAgent)
		}
		data = data[n+m+int(size):]
	}
}

// readCut16 reads a list with two bytes of length; of a list that was cut it
// gives the part that is there and false.
func readCut16(s, out *cryptobyte.String) bool {
	var n uint16
	if !s.ReadUint16(&n) {
		*s, *out = nil, nil
		return false
	}
	have := min(int(n), len(*s))
	*out, *s = (*s)[:have], (*s)[have:]
	return have == int(n)
}

// appendUint16s appends the big-endian values in b to list, up to the bound.
func appendUint16s(list []uint16, b []byte) []uint16 {
	for ; len(b) >= 2 && len(list) < maxHelloList; b = b[2:] {
		list = append(list, uint16(b[0])<<8|uint16(b[1]))
	}
	return list
}

// hostName gives b as a lower-case host name without a final dot, or "" if it
// is none: a host name has labels of letters, digits, hyphen and underscore
// (which is common in practice) of up to 63 bytes, and the last label is not
// all digits (RFC 1123 section 2.1), so that an address is not taken for a name.
func hostName(b []byte) string {
	if n := len(b); n > 0 && b[n-1] == '.' {
		b = b[:n-1]
	}
	if len(b) == 0 || len(b) > maxServerName {
		return ""
	}
	label, digits := 0, true
	for _, c := range b {
		switch {
		case c == '.':
			if label == 0 {
				return ""
			}
			label, digits = 0, true
			continue
		case c >= '0' && c <= '9':
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_':
			digits = false
		default:
			return ""
		}
		if label++; label > 63 {
			return ""
		}
	}
	if label == 0 || digits {
		return ""
	}
	return strings.ToLower(string(b))
}

// printable gives b as a string if it is printable ASCII of at most limit
// bytes, else "".
func printable(b []byte, limit int) string {
	if len(b) > limit {
		return ""
	}
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			return ""
		}
	}
	return string(b)
}
