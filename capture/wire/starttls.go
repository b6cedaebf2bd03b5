package wire

import "bytes"

// StartTLS is the state of an upgrade from clear text to TLS on the same
// connection.
type StartTLS uint8

// States as one segment shows them.
const (
	StartTLSNone    StartTLS = iota
	StartTLSOffered          // by the server
	StartTLSAsked            // by the client
	StartTLSProceed          // granted by the server: TLS follows
)

// ParseStartTLS looks for the upgrade in one segment of clear text: XMPP (RFC
// 6120 section 5.4), SMTP (RFC 3207), IMAP (RFC 9051 section 6.2.1) and POP3
// (RFC 2595 section 4). proto is "xmpp", "smtp", "imap" or "pop3"; "" where
// the segment alone does not tell.
func ParseStartTLS(b []byte, up bool) (state StartTLS, proto string) {
	const xmlns = "urn:ietf:params:xml:ns:xmpp-tls"
	switch {
	case bytes.Contains(b, []byte(xmlns)):
		return xmppStartTLS(b, up), "xmpp"
	case up:
		return askedStartTLS(b)
	case bytes.HasPrefix(b, []byte("250")) && bytes.Contains(b, []byte("STARTTLS")):
		return StartTLSOffered, "smtp"
	case bytes.HasPrefix(b, []byte("* ")) && bytes.Contains(b, []byte("STARTTLS")):
		return StartTLSOffered, "imap"
	case bytes.HasPrefix(b, []byte("+OK")) && bytes.Contains(b, []byte("\r\nSTLS\r\n")):
		return StartTLSOffered, "pop3"
	}
	return StartTLSNone, ""
}

func xmppStartTLS(b []byte, up bool) StartTLS {
	switch {
	case up:
		return StartTLSAsked
	case bytes.Contains(b, []byte("<proceed")):
		return StartTLSProceed
	}
	return StartTLSOffered
}

func askedStartTLS(b []byte) (StartTLS, string) {
	line := bytes.ToUpper(bytes.TrimRight(b[:min(len(b), 64)], "\r\n"))
	switch {
	case string(line) == "STARTTLS":
		return StartTLSAsked, "smtp"
	case string(line) == "STLS":
		return StartTLSAsked, "pop3"
	case bytes.HasSuffix(line, []byte(" STARTTLS")): // behind a tag
		return StartTLSAsked, "imap"
	}
	return StartTLSNone, ""
}
