package logs

import (
	"net/netip"
	"strings"

	"envelope/capture"
)

// splitJID parts an XMPP address (RFC 7622) into the bare address, in lower
// case, and the resource. Of what is no address with a local part the account
// is empty: that is a server.
func splitJID(s string) (bare, resource string) {
	bare, resource, _ = strings.Cut(s, "/")
	if at := strings.IndexByte(bare, '@'); at <= 0 || at == len(bare)-1 {
		return "", resource
	}
	return strings.ToLower(bare), resource
}

// jidEnd is the end that an XMPP address names.
func jidEnd(s string) capture.End {
	bare, resource := splitJID(s)
	return capture.End{Account: bare, Device: resource}
}

// bareHost is the domain of a bare address.
func bareHost(bare string) string {
	_, host, _ := strings.Cut(bare, "@")
	return host
}

// addrOf reads an address, the zero one where s is none.
func addrOf(s string) netip.Addr {
	a, err := netip.ParseAddr(strings.Trim(s, "[]<>(),"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// between gives what stands behind the first a and before the next b, or to
// the end where there is no b; ok tells whether a was there.
func between(s, a, b string) (mid string, ok bool) {
	_, rest, ok := strings.Cut(s, a)
	if !ok {
		return "", false
	}
	if b != "" {
		rest, _, _ = strings.Cut(rest, b)
	}
	return rest, true
}
