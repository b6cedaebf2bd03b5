package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// Transports of a JA4 fingerprint.
const (
	JA4TCP  = 't'
	JA4QUIC = 'q'
	JA4DTLS = 'd'
)

// emptyJA4Hash stands for a list without entries (FoxIO, JA4 technical
// details: "If there are no ciphers ... 000000000000").
const emptyJA4Hash = "000000000000"

// JA4 gives the client fingerprint of the hello by the JA4 method (FoxIO,
// BSD-3-Clause licence: only JA4 itself, not its relatives): transport,
// version, SNI, counts, ALPN, then hashes of the sorted suites and of the sorted
// extensions with the signature algorithms, all without GREASE. It is "" for a
// hello that was cut and for the kinds that JA4 does not know, since a
// fingerprint of a part would be another client's.
func (h *ClientHello) JA4(transport byte) string {
	if h.Truncated || h.Kind == HelloSSLv2 || h.Kind == HelloGQUIC {
		return ""
	}
	out := make([]byte, 0, 36)
	out = append(out, transport)
	out = append(out, ja4Version(h.version())...)
	out = append(out, h.ja4Destination())
	out = appendCount(out, countPlain(h.CipherSuites))
	out = appendCount(out, countPlain(h.Extensions))
	first, last := h.ja4ALPN()
	out = append(out, first, last, '_')
	out = appendJA4Hash(out, h.CipherSuites, nil, nil)
	out = append(out, '_')
	out = appendJA4Hash(out, h.Extensions, []uint16{extServerName, extALPN}, h.SignatureAlgorithms)
	return string(out)
}

func (h *ClientHello) ja4Destination() byte {
	if h.SNI {
		return 'd'
	}
	return 'i'
}

// ja4ALPN gives the first and last character of the first protocol offered, or
// of its hexadecimal form where one of these is not a letter or digit.
func (h *ClientHello) ja4ALPN() (first, last byte) {
	if len(h.ALPN) == 0 {
		return '0', '0'
	}
	name := h.ALPN[0]
	first, last = name[0], name[len(name)-1]
	if alphanumeric(first) && alphanumeric(last) {
		return first, last
	}
	const digits = "0123456789abcdef"
	return digits[first>>4], digits[last&15]
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// version is the newest version offered.
func (h *ClientHello) version() uint16 {
	best := uint16(0)
	for _, v := range h.SupportedVersions {
		// DTLS counts its versions downwards from 0xFEFF.
		if !isGREASE(v) && (best == 0 || (v > best) != (h.Kind == HelloDTLS)) {
			best = v
		}
	}
	if best == 0 {
		return h.Version
	}
	return best
}

// ja4Version gives the two characters for a version number.
func ja4Version(v uint16) string {
	switch v {
	case 0x0304:
		return "13"
	case 0x0303:
		return "12"
	case 0x0302:
		return "11"
	case 0x0301:
		return "10"
	case 0x0300:
		return "s3"
	case 0x0002:
		return "s2"
	case 0xfeff:
		return "d1"
	case 0xfefd:
		return "d2"
	case 0xfefc:
		return "d3"
	}
	return "00"
}

// isGREASE tells the values that clients offer only to keep servers tolerant
// (RFC 8701 section 2): 0x0A0A, 0x1A1A ... 0xFAFA.
func isGREASE(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

// countPlain counts the values that are not GREASE.
func countPlain(list []uint16) (n int) {
	for _, v := range list {
		if !isGREASE(v) {
			n++
		}
	}
	return n
}

// appendCount appends two digits; more than 99 is 99.
func appendCount(out []byte, n int) []byte {
	n = min(n, 99)
	return append(out, '0'+byte(n/10), '0'+byte(n%10))
}

// appendJA4Hash appends the first 12 hexadecimal digits of the SHA-256 of the
// sorted list without GREASE and without the values in drop, followed by the
// list in order, if any, behind an underscore.
func appendJA4Hash(out []byte, list, drop, order []uint16) []byte {
	var space [128]uint16
	sorted := space[:0]
	for _, v := range list {
		if !isGREASE(v) && !slices.Contains(drop, v) {
			sorted = append(sorted, v)
		}
	}
	if len(sorted) == 0 {
		return append(out, emptyJA4Hash...)
	}
	slices.Sort(sorted)
	var text [1024]byte
	b := appendHexList(text[:0], sorted)
	if countPlain(order) > 0 {
		b = appendHexList(append(b, '_'), order)
	}
	sum := sha256.Sum256(b)
	return hex.AppendEncode(out, sum[:6])
}

// appendHexList appends the values as four hexadecimal digits each, with commas.
func appendHexList(b []byte, list []uint16) []byte {
	first := true
	for _, v := range list {
		if isGREASE(v) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = hex.AppendEncode(b, []byte{byte(v >> 8), byte(v)})
	}
	return b
}
