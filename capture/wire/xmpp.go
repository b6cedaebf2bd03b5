package wire

import "bytes"

// XMPPRole is who opens an XMPP stream.
type XMPPRole uint8

// Roles of a clear stream header (RFC 6120 section 4.8.2).
const (
	XMPPNone   XMPPRole = iota
	XMPPStream          // a stream whose namespace is not in b
	XMPPClient          // jabber:client
	XMPPServer          // jabber:server: between two servers
)

// ParseXMPP recognises a stream header in clear at the start of b and tells
// between whom it is. to is the domain in its "to" attribute (for the answer
// of a server: "from"), empty where absent.
func ParseXMPP(b []byte) (role XMPPRole, to, from string) {
	b = bytes.TrimLeft(b, " \t\r\n")
	if !bytes.HasPrefix(b, []byte("<?xml")) && !bytes.HasPrefix(b, []byte("<stream:stream")) {
		return XMPPNone, "", ""
	}
	i := bytes.Index(b, []byte("<stream:stream"))
	if i < 0 {
		return XMPPNone, "", ""
	}
	head := b[i:]
	if end := bytes.IndexByte(head, '>'); end >= 0 {
		head = head[:end]
	}
	role = XMPPStream
	switch {
	case attribute(head, "xmlns") == "jabber:client":
		role = XMPPClient
	case attribute(head, "xmlns") == "jabber:server":
		role = XMPPServer
	}
	return role, attribute(head, "to"), attribute(head, "from")
}

// IsXMPPStanza tells whether b begins with the start tag of a stanza (RFC 6120
// section 8.1) or with the end of a stream.
func IsXMPPStanza(b []byte) bool {
	for _, tag := range []string{"<message ", "<iq ", "<presence ", "<presence/>", "</stream:stream>"} {
		if bytes.HasPrefix(b, []byte(tag)) {
			return true
		}
	}
	return false
}

// attribute gives the value of an XML attribute in a start tag, "" for none.
func attribute(tag []byte, name string) string {
	for rest := tag; ; {
		i := bytes.Index(rest, []byte(name))
		if i < 1 {
			return ""
		}
		before, after := rest[i-1], rest[i+len(name):]
		rest = after
		if before != ' ' && before != '\n' && before != '\t' && before != '\r' || len(after) < 2 || after[0] != '=' {
			continue
		}
		quote := after[1]
		end := bytes.IndexByte(after[2:], quote)
		if quote != '"' && quote != '\'' || end < 0 {
			return ""
		}
		return cleanText(after[2 : 2+end])
	}
}
