package wire

import "testing"

func TestParseXMPP(t *testing.T) {
	for _, c := range []struct {
		name, in string
		role     XMPPRole
		to, from string
	}{
		{"client", "<?xml version='1.0'?><stream:stream to='im.example' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>", XMPPClient, "im.example", ""},
		{"no declaration", "<stream:stream\n xmlns=\"jabber:client\" from=\"im.example\">", XMPPClient, "", "im.example"},
		{"server", "<?xml version='1.0'?><stream:stream xmlns:stream='x' xmlns='jabber:server' xmlns:db='jabber:server:dialback' from='a.example' to='b.example'>", XMPPServer, "b.example", "a.example"},
		{"cut", "<?xml version='1.0'?><stream:stream to='im.exam", XMPPStream, "", ""},
		{"declaration alone", "<?xml version='1.0' ?>", XMPPNone, "", ""},
		{"html", "<html to='x'>", XMPPNone, "", ""},
		{"control bytes", "<stream:stream to='a\x1b[2J' xmlns='jabber:client'>", XMPPClient, "a.[2J", ""},
		{"empty", "", XMPPNone, "", ""},
	} {
		role, to, from := ParseXMPP([]byte(c.in))
		if role != c.role || to != c.to || from != c.from {
			t.Errorf("%s: %d %q %q", c.name, role, to, from)
		}
	}
	for in, want := range map[string]bool{"<iq type='get'>": true, "<message to='a'>": true, "</stream:stream>": true, "<iqx>": false, "<html>": false} {
		if IsXMPPStanza([]byte(in)) != want {
			t.Errorf("%s: want %v", in, want)
		}
	}
}

func TestParseStartTLS(t *testing.T) {
	for _, c := range []struct {
		in    string
		up    bool
		state StartTLS
		proto string
	}{
		{"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>", false, StartTLSOffered, "xmpp"},
		{"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", true, StartTLSAsked, "xmpp"},
		{"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", false, StartTLSProceed, "xmpp"},
		{"250-mx.example\r\n250 STARTTLS\r\n", false, StartTLSOffered, "smtp"},
		{"starttls\r\n", true, StartTLSAsked, "smtp"},
		{"* CAPABILITY IMAP4rev1 STARTTLS\r\n", false, StartTLSOffered, "imap"},
		{"a1 STARTTLS\r\n", true, StartTLSAsked, "imap"},
		{"STLS\r\n", true, StartTLSAsked, "pop3"},
		{"+OK\r\nTOP\r\nSTLS\r\n.\r\n", false, StartTLSOffered, "pop3"},
		{"250 fine\r\n", false, StartTLSNone, ""},
		{"", true, StartTLSNone, ""},
	} {
		if state, proto := ParseStartTLS([]byte(c.in), c.up); state != c.state || proto != c.proto {
			t.Errorf("%q: %d %q", c.in, state, proto)
		}
	}
}

func TestParseHTTPHost(t *testing.T) {
	for _, c := range []struct {
		in, host string
		ok       bool
	}{
		{"GET / HTTP/1.1\r\nAccept: */*\r\nhOsT: Chat.Example:8080\r\n\r\n", "chat.example", true},
		{"POST /x HTTP/1.0\nHost:[2001:db8::1]:80\n\n", "[2001:db8::1]", true},
		{"GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n", "[2001:db8::1]", true},
		{"GET / HTTP/1.1\r\nAccept: x\r\n\r\nHost: body.example\r\n", "", false},
		{"GET / HTTP/1.1\r\nHost: cut.exam", "", false},
		{"HTTP/1.1 200 OK\r\nHost: x\r\n", "", false},
		{"GET / HTTP/1.0\nHost:. \n", "", false},
		{"SIP sip:x SIP/2.0\r\nHost: x\r\n", "", false},
		{"", "", false},
	} {
		if host, ok := ParseHTTPHost([]byte(c.in)); host != c.host || ok != c.ok {
			t.Errorf("%q: %q %v", c.in, host, ok)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte("<?xml version='1.0'?><stream:stream to='im.example' xmlns='jabber:client'>"))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n"))
	f.Add([]byte("a1 STARTTLS\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		ParseXMPP(b)
		ParseStartTLS(b, true)
		ParseStartTLS(b, false)
		if host, ok := ParseHTTPHost(b); ok == (host == "") {
			t.Errorf("%q %v", host, ok)
		}
	})
}
