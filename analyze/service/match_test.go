package service

import (
	"net/netip"
	"slices"
	"testing"

	"envelope/capture"
)

// flow makes a flow of a client at 192.0.2.1 to a server.
func flow(proto uint8, server string, change ...func(*capture.Flow)) *capture.Flow {
	f := &capture.Flow{Proto: proto, Client: netip.MustParseAddrPort("192.0.2.1:40000"), Server: netip.MustParseAddrPort(server), ClientHow: "syn"}
	f.Payload = [2]uint64{100, 100}
	for _, c := range change {
		c(f)
	}
	return f
}

func host(name, how string) func(*capture.Flow) {
	return func(f *capture.Flow) { f.Host, f.HostHow = name, how }
}
func sign(names ...string) func(*capture.Flow) { return func(f *capture.Flow) { f.Signs = names } }
func app(name string) func(*capture.Flow)      { return func(f *capture.Flow) { f.App = name } }
func realm(name string) func(*capture.Flow)    { return func(f *capture.Flow) { f.Realm = name } }
func alpn(names ...string) func(*capture.Flow) { return func(f *capture.Flow) { f.ALPN = names } }
func clientHow(how string) func(*capture.Flow) { return func(f *capture.Flow) { f.ClientHow = how } }
func silent(f *capture.Flow)                   { f.Payload = [2]uint64{} }
func swap(f *capture.Flow)                     { f.Client, f.Server = f.Server, f.Client }

func TestMatch(t *testing.T) {
	const tcp, udp = protoTCP, protoUDP
	const meta, telegram, elsewhere = "157.240.196.60", "149.154.167.91", "198.51.100.1"
	for _, c := range []struct {
		name  string
		flow  *capture.Flow
		want  string
		role  Role
		how   []string
		least float64
		most  float64
	}{
		{"server name", flow(tcp, elsewhere+":443", host("chat.signal.org", "sni")), "signal", Message, []string{"sni"}, 0.95, 1},
		{"server name of QUIC", flow(udp, elsewhere+":443", host("media.fxyz1-1.fna.whatsapp.net", "quic")), "whatsapp", Media, []string{"quic"}, 0.9, 1},
		{"name by DNS is weaker", flow(tcp, elsewhere+":443", host("chat.signal.org", "dns")), "signal", Message, []string{"dns"}, 0.8, 0.9},
		{"wildcard certificate", flow(tcp, elsewhere+":443", host("*.kakao.com", "certificate")), "kakaotalk", Message, []string{"certificate"}, 0.5, 0.7},
		{"web visit", flow(tcp, elsewhere+":443", host("faq.whatsapp.com", "sni")), "whatsapp", Web, []string{"sni"}, 0.9, 1},
		{"link", flow(tcp, elsewhere+":443", host("t.me", "sni")), "telegram", Web, []string{"sni"}, 0.9, 1},
		{"name and address", flow(tcp, telegram+":443", host("web.telegram.org", "sni")), "telegram", Message, []string{"address", "sni"}, 0.98, 1},

		{"name of nobody at a messenger's address", flow(tcp, meta+":443", host("www.facebook.com", "sni")), "", "", nil, 0, 0},
		{"name of nobody at Telegram's address", flow(tcp, telegram+":443", host("www.example.org", "sni")), "", "", nil, 0, 0},
		{"name of another messenger at a messenger's address", flow(tcp, telegram+":443", host("chat.signal.org", "sni")), "signal", Message, []string{"sni"}, 0.95, 1},
		{"similar name", flow(tcp, elsewhere+":443", host("notwhatsapp.net", "sni")), "", "", nil, 0, 0},
		{"longer name", flow(tcp, elsewhere+":443", host("whatsapp.net.example.org", "sni")), "", "", nil, 0, 0},
		{"below a messenger's domain but not it", flow(tcp, elsewhere+":443", host("config.edge.skype.com", "sni")), "", "", nil, 0, 0},
		{"all of Apple is no messenger", flow(tcp, "17.253.1.1:443", host("www.apple.com", "sni")), "", "", nil, 0, 0},
		{"all of Apple is no messenger, nameless", flow(tcp, "17.253.1.1:443"), "", "", nil, 0, 0},
		{"all of Meta is no messenger, nameless", flow(tcp, "157.240.196.35:443"), "", "", nil, 0, 0},
		{"an address as host is no name", flow(tcp, telegram+":80", host(telegram, "http")), "telegram", Message, []string{"address"}, 0.5, 0.8999},

		{"WhatsApp in mid-stream, IPv4", flow(tcp, meta+":443"), "whatsapp", Message, []string{"address", "port"}, 0.5, 0.9},
		{"WhatsApp in mid-stream, IPv6", flow(tcp, "[2a03:2880:f242:c8:face:b00c:0:167]:443"), "whatsapp", Message, []string{"address"}, 0.5, 0.9},
		{"Facebook in mid-stream, IPv6", flow(tcp, "[2a03:2880:f165:81:face:b00c:0:25de]:443"), "", "", nil, 0, 0},
		{"WhatsApp on phones in mid-stream", flow(tcp, "185.60.216.54:5222"), "whatsapp", Message, []string{"address", "port"}, 0.9, 1},
		{"frames", flow(tcp, elsewhere+":443", sign("whatsapp-noise")), "whatsapp", Message, []string{"frame"}, 0.9, 1},
		{"call", flow(udp, elsewhere+":50000", sign("whatsapp-stun")), "whatsapp", Call, []string{"stun"}, 0.9, 1},
		{"relay by its host number", flow(udp, "31.13.86.48:3478"), "whatsapp", Call, []string{"address", "port"}, 0.8, 0.9},
		{"relay of Meta's, whose is open", flow(udp, "157.240.16.128:3478"), "whatsapp", Call, []string{"address", "port"}, 0.5, 0.6},
		{"weak sign alone", flow(tcp, elsewhere+":8080", sign("telegram-mtproto-obfuscated")), "", "", nil, 0, 0},
		{"weak sign at the address", flow(tcp, telegram+":443", sign("telegram-mtproto-obfuscated")), "telegram", Message, []string{"address", "frame"}, 0.93, 1},
		{"reflector by address and port", flow(udp, "91.108.8.1:533"), "telegram", Call, []string{"address", "port"}, 0.9, 1},
		{"realm", flow(udp, elsewhere+":3478", realm("voip.signal.org")), "signal", Call, []string{"stun"}, 0.9, 1},
		{"ALPN", flow(tcp, elsewhere+":443", host("im.example.org", "sni"), alpn("h2", "xmpp-client")), "xmpp", Message, []string{"alpn"}, 0.9, 1},

		{"open protocol by port", flow(tcp, elsewhere+":5222"), "xmpp", Message, []string{"port"}, 0.5, 0.7},
		{"open protocol by port, own name", flow(tcp, elsewhere+":5222", host("im.example.org", "sni")), "xmpp", Message, []string{"port"}, 0.5, 0.7},
		{"knock at a port", flow(tcp, elsewhere+":5222", silent), "", "", nil, 0, 0},
		{"HTTP at a port", flow(tcp, elsewhere+":5222", host("im.example.org", "http")), "", "", nil, 0, 0},
		{"messenger's port alone", flow(tcp, elsewhere+":4244"), "", "", nil, 0, 0},
		{"UDP is not TCP", flow(udp, elsewhere+":5222"), "", "", nil, 0, 0},

		{"server on the wrong side", flow(tcp, telegram+":443", swap, clientHow("first")), "telegram", Message, []string{"address"}, 0.5, 0.8999},
		{"sides are certain", flow(tcp, telegram+":443", swap), "", "", nil, 0, 0},

		{"app", flow(tcp, elsewhere+":443", app("org.thoughtcrime.securesms")), "signal", Message, []string{"app"}, 0.9, 1},
		{"app in another letter case", flow(tcp, elsewhere+":443", app("WHATSAPP")), "whatsapp", Message, []string{"app"}, 0.9, 1},
		{"app of nobody at a messenger's address", flow(tcp, telegram+":443", app("com.example.game")), "", "", nil, 0, 0},
		{"browser on a web client", flow(tcp, meta+":443", app("com.android.chrome"), host("web.whatsapp.com", "sni")), "whatsapp", Message, []string{"address", "port", "sni"}, 0.95, 1},
		{"app with a name of nobody", flow(tcp, elsewhere+":443", app("com.whatsapp"), host("www.example.org", "sni")), "whatsapp", Message, []string{"app"}, 0.9, 1},
		{"nothing", flow(tcp, elsewhere+":443"), "", "", nil, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := load(t).Match(c.flow)
			if got.Service != c.want || got.Role != c.role || !slices.Equal(got.How, c.how) {
				t.Errorf("got %q %q %v, want %q %q %v", got.Service, got.Role, got.How, c.want, c.role, c.how)
			}
			if got.Confidence < c.least || got.Confidence > c.most {
				t.Errorf("confidence %v, want %v to %v", got.Confidence, c.least, c.most)
			}
		})
	}
}

func TestHostPatterns(t *testing.T) {
	x := &index{domains: map[string]*ref{}, starred: map[string][]starred{}}
	for i, value := range []string{"a.example", "e*.a.example", "e1.a.example", "*-x.a.example", "home.*"} {
		x.add(&Mark{Kind: Host, Value: value}, &ref{service: int32(i), rank: rankHost}, nil)
	}
	for name, want := range map[string]int32{
		"a.example": 0, "b.a.example": 0, "c.b.a.example": 0, "a.example.": 0,
		"e.a.example": 1, "e27.a.example": 1, "deep.e27.a.example": 1, "e1.a.example": 2, "12-x.a.example": 3,
		"home.example.org": 4, "home.": -1, "home": -1, "ba.example": -1, "example": -1, "": -1, ".": -1, "..": -1,
	} {
		got := int32(-1)
		if r := x.host(name); r != nil {
			got = r.service
		}
		if got != want {
			t.Errorf("%q gives mark %d, want %d", name, got, want)
		}
	}
}

func TestNetEdges(t *testing.T) {
	spans := []spanRef{}
	x := &index{}
	for i, value := range []string{"10.0.0.0/8", "10.1.0.0/16", "255.255.255.0/24", "2001:db8::/32", "ff00::/8"} {
		spans = x.add(&Mark{Kind: Net, Value: value}, &ref{service: int32(i), rank: rankNet}, spans)
	}
	x.nets = segments(spans)
	for addr, want := range map[string][]int32{
		"9.255.255.255": nil, "10.0.0.0": {0}, "10.1.0.0": {0, 1}, "10.1.255.255": {0, 1}, "10.2.0.0": {0}, "10.255.255.255": {0}, "11.0.0.0": nil,
		"255.255.255.255": {2}, "::": nil, "::1": nil, "2001:db7:ffff::": nil, "2001:db8::": {3}, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff": {3}, "2001:db9::": nil,
		"ffff::1": {4},
	} {
		var got []int32
		for _, m := range x.net(netip.MustParseAddr(addr)) {
			got = append(got, m.ref.service)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s lies in %v, want %v", addr, got, want)
		}
	}
	if x.net(netip.Addr{}) != nil {
		t.Error("no address lies in a range")
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("web.whatsapp.com", "sni", "com.whatsapp", "signal.org", "h2", []byte{10, 0, 0, 1, 149, 154, 167, 91}, uint16(443))
	f.Add("[::1]:80", "http", "", "", "", []byte{}, uint16(0))
	f.Add("..", "dns", "", ".", "", make([]byte, 32), uint16(5222))
	s := load(f)
	f.Fuzz(func(t *testing.T, host, how, app, realm, alpn string, addrs []byte, port uint16) {
		a, _ := netip.AddrFromSlice(addrs[:len(addrs)/2])
		b, _ := netip.AddrFromSlice(addrs[len(addrs)/2:])
		fl := &capture.Flow{Proto: protoTCP, Host: host, HostHow: how, App: app, Realm: realm, ALPN: []string{alpn}, Client: netip.AddrPortFrom(a, port), Server: netip.AddrPortFrom(b, port)}
		m := s.Match(fl)
		if (m.Service == "") != (m.Confidence == 0) || m.Confidence > most || m.Service != "" && (m.Confidence < least || len(m.How) == 0 || m.Role == "") {
			t.Errorf("half a match: %+v", m)
		}
	})
}

func TestNothingAllocatesNothing(t *testing.T) {
	s, f := load(t), flow(protoTCP, "198.51.100.1:443", host("a.long.name.of.nobody.example.org", "sni"), alpn("h2", "http/1.1"), clientHow("first"))
	if n := testing.AllocsPerRun(100, func() { s.Match(f) }); n != 0 {
		t.Errorf("%v allocations where nothing matches", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	s := load(b)
	for _, c := range []struct {
		name string
		flow *capture.Flow
	}{
		{"nothing", flow(protoTCP, "198.51.100.1:443", host("a.long.name.of.nobody.example.org", "sni"), alpn("h2"))},
		{"nameless", flow(protoUDP, "198.51.100.1:3478", clientHow("first"))},
		{"name", flow(protoTCP, "157.240.196.60:443", host("media-mrs2-2.cdn.whatsapp.net", "sni"), alpn("h2"))},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Match(c.flow)
			}
		})
	}
}
