package wire

import (
	"bytes"
	"strings"
)

// maxHTTPHead bounds the search for the Host field in bytes.
const maxHTTPHead = 4096

// ParseHTTPHost gives the Host field of an HTTP/1 request (RFC 9110 section
// 7.2) at the start of b: lower case, without the port. It reports false where
// b is no request or has no such field in its first four kilobytes.
func ParseHTTPHost(b []byte) (host string, ok bool) {
	b = b[:min(len(b), maxHTTPHead)]
	line, rest, found := bytes.Cut(b, []byte("\n"))
	if line = bytes.TrimRight(line, "\r"); !found || !bytes.HasSuffix(line, []byte(" HTTP/1.1")) && !bytes.HasSuffix(line, []byte(" HTTP/1.0")) {
		return "", false
	}
	for found {
		line, rest, found = bytes.Cut(rest, []byte("\n"))
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 || !found {
			break
		}
		if len(line) > 5 && strings.EqualFold(string(line[:5]), "host:") {
			host = hostOnly(line[5:])
			return host, host != ""
		}
	}
	return "", false
}

// hostOnly is a Host field without port, blanks and last dot, in lower case.
func hostOnly(field []byte) string {
	host := strings.TrimSpace(cleanText(field))
	if i := strings.LastIndexByte(host, ':'); i > 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
