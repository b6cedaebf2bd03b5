package packet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"net/netip"
	"slices"
	"testing"
	"time"

	"envelope/capture"

	"github.com/google/go-cmp/cmp"
)

const (
	up   = capture.Up
	down = capture.Down
)

// wa is bytes of WhatsApp: hexadecimal digits, then frames with bodies of the
// given lengths.
func wa(head string, lengths ...int) []byte {
	b, err := hex.DecodeString(head)
	if err != nil {
		panic(err)
	}
	for _, n := range lengths {
		b = append(b, sized(3, filled(n, 0xc3)...)...)
	}
	return b
}

// noise is a frame of n bytes that begins as a message of the Noise handshake
// does: its tag, its length, and the first field.
func noise(n int, tag byte, field ...byte) []byte {
	b := wa("", n)
	inner := n - 3
	copy(b[3:], append([]byte{tag, byte(inner&0x7f | 0x80), byte(inner >> 7)}, field...))
	return b
}

func TestTCPFrames(t *testing.T) {
	h := helloRecord("chat.example.org")
	opened := []string{"  up handshake 88 #4", "  down handshake 122 #5"}
	from := func(lines ...string) []string { return slices.Concat(lines[:1], opened, lines[1:]) }
	start := func(tp *tape) *talk { return tp.talk(phone, server).open().say(up, h).say(down, serverHello(122)) }
	const flow = "6 10.0.0.7:40000 > 192.0.2.80:443 syn"
	const named = flow + " chat.example.org(sni)"
	for _, tt := range []struct {
		name string
		play func(*tape)
		want []string
	}{
		{"several records in a segment", func(tp *tape) { start(tp).say(down, data(10, 20, 3000)) },
			from(named, "  down data 10 #6", "  down data 20 #6", "  down data 3000 #6")},
		{"records and headers split over segments", func(tp *tape) { start(tp).cut(up, data(100, 200, 300), 3, 50, 54, 1, 300) },
			from(named, "  up data 100 #6", "  up data 200 #8", "  up data 300 #10")},
		{"hello split inside its header", func(tp *tape) {
			tp.talk(phone, server).open().cut(up, h, 1, 2, 30).say(down, serverHello(122)).say(up, data(40))
		}, []string{named, "  up handshake 88 #4", "  down handshake 122 #8", "  up data 40 #9"}},
		{"alerts and change of cipher", func(tp *tape) { start(tp).say(up, slices.Concat(tls(20, 1), tls(22, 40), tls(21, 26))) },
			from(named, "  up handshake 1 #6", "  up handshake 40 #6", "  up alert 26 #6")},
		{"sent again", func(tp *tape) { start(tp).say(up, data(100)).at(up, 93, data(100)).say(up, data(50)) },
			from(named+" again=105/0", "  up data 100 #6", "  up data 50 #8")},
		{"overlap", func(tp *tape) {
			b := data(100, 200)
			start(tp).say(up, b[:105]).at(up, 93+50, b[50:]).lose(up, 205).say(up, data(30))
		}, from(named+" again=55/0", "  up data 100 #6", "  up data 200 #7", "  up data 30 #8")},
		{"out of order", func(tp *tape) {
			b := data(100, 200, 300)
			start(tp).at(up, 93+310, b[310:]).at(up, 93+105, b[105:310]).at(up, 93, b[:105]).lose(up, len(b)).say(up, data(30))
		}, from(named, "  up data 100 #8", "  up data 200 #7", "  up data 300 #6", "  up data 30 #9")},
		{"lost inside a body, the rest of which comes", func(tp *tape) {
			b := data(1000, 77)
			start(tp).say(up, b[:300]).lose(up, 300).say(up, b[600:]).ack(down).say(up, data(30))
		}, from(named+" missing=300/0", "  up data 1000 #6", "  up data 77 #7", "  up data 30 #9")},
		{"lost with headers, found again", func(tp *tape) {
			b := data(1000, 500, 77)
			start(tp).say(up, b[:300]).lose(up, 900).say(up, b[1200:]).ack(down).say(up, data(30))
		}, from(named+" missing=900/0", "  up data 1000 #6", "  up gap 505 #7", "  up data 77 #7 guess", "  up data 30 #9 guess")},
		{"late at the tap: acknowledged, and overtaken, before it was seen", func(tp *tape) {
			b := data(100, 200)
			start(tp).lose(up, 105).ack(down).say(up, b[105:]).at(up, 93, b[:105]).say(up, data(30))
		}, from(named, "  up data 100 #8", "  up data 200 #7", "  up data 30 #9")},
		{"lost: the gap stands where it was acknowledged, before the answer", func(tp *tape) {
			start(tp).lose(up, 105).ack(down).say(down, data(77)).say(up, data(30)).ack(down)
		}, from(named+" missing=105/0", "  up gap 105 #8", "  down data 77 #7", "  up data 30 #8 guess")},
		{"lost one after the other, each acknowledged: two gaps, each before its answer", func(tp *tape) {
			start(tp).lose(up, 105).ack(down)
			tp.now += time.Second
			c := &talk{tape: tp, ends: [2]netip.AddrPort{phone, server}, isn: [2]uint32{1000, 500000}, sent: [2]int{198, 127}}
			c.say(down, data(77)).lose(up, 55).ack(down).say(down, data(78)).say(up, data(30)).ack(down)
		}, from(named+" missing=160/0", "  up gap 105 #10", "  down data 77 #7", "  up gap 55 #10", "  down data 78 #9", "  up data 30 #10 guess")},
		{"lost on both sides: in the order of the talk", func(tp *tape) {
			start(tp).lose(up, 205).lose(down, 305).say(up, data(30)).say(down, data(77)).ack(up)
		}, from(named+" missing=205/305", "  up gap 205 #6", "  down gap 305 #7", "  up data 30 #6 guess", "  down data 77 #7 guess")},
		{"lost inside a body, and again beyond it", func(tp *tape) {
			b := data(3000, 50)
			start(tp).say(up, b[:1000]).lose(up, 500).say(up, b[1500:1600]).lose(up, 1900).say(up, data(30)).ack(down)
		}, from(named+" missing=2400/0", "  up data 3000 #6", "  up gap 495 #8", "  up data 30 #8 guess")},
		{"lost, and nothing says so until the end", func(tp *tape) { start(tp).lose(up, 500).at(up, 593, data(30)) },
			from(named+" missing=500/0", "  up gap 500 #6", "  up data 30 #6 guess")},
		{"server's half only", func(tp *tape) {
			c := tp.talk(phone, server)
			tp.tcp(server, phone, FlagSYN|FlagACK, c.isn[1]-1, c.isn[0], nil)
			c.say(down, serverHello(122)).say(down, data(500))
		}, []string{flow, "  down handshake 122 #2", "  down data 500 #3"}},
		{"client's half only, of loss no sign", func(tp *tape) {
			c := tp.talk(phone, server)
			c.flag(up, FlagSYN)
			c.isn[0]++
			c.say(up, h).lose(up, 100).say(up, data(40))
			tp.now += 4 * time.Second
			c.say(up, data(50))
		}, []string{named + " missing=100/0", "  up handshake 88 #2", "  up gap 100 #3", "  up data 40 #3 guess", "  up data 50 #4 guess"}},
		{"only the SYNs missing", func(tp *tape) { tp.talk(phone, server).ack(up).say(up, h).say(down, serverHello(122)) },
			[]string{"6 10.0.0.7:40000 > 192.0.2.80:443 port chat.example.org(sni)", "  up handshake 88 #2 guess", "  down handshake 122 #3 guess"}},
		{"mid-stream", func(tp *tape) {
			b := data(2000, 60)
			tp.talk(phone, server).say(down, b[1400:]).say(up, data(33)).say(down, data(70))
		}, []string{"6 10.0.0.7:40000 > 192.0.2.80:443 port midstream", "  down data 60 #1 guess", "  up data 33 #2 guess", "  down data 70 #3 guess"}},
		{"mid-stream, server sends first on odd ports", func(tp *tape) {
			a, b := addr("198.51.100.9:50000"), addr("198.51.100.1:50001")
			tp.talk(a, b).say(down, data(60)).say(up, h).say(down, data(70))
		}, []string{"6 198.51.100.9:50000 > 198.51.100.1:50001 hello midstream chat.example.org(sni)", "  down data 60 #1 guess",
			"  up handshake 88 #2 guess", "  down data 70 #3 guess"}},
		{"cut by a snap length", func(tp *tape) {
			start(tp)
			tp.snap = 14 + 20 + 20 + 40
			c := tp.talk(phone, server)
			c.sent = [2]int{93, 127}
			c.say(up, data(300)).say(up, data(20, 300)).say(down, data(1000, 50)).say(down, data(60))
		}, from(named, "  up data 300 #6", "  up data 20 #7", "  up data 300 #7", "  down data 1000 #8", "  down gap 55 #8", "  down data 60 #9 guess")},
		{"sequence numbers pass 2^32", func(tp *tape) {
			c := tp.talk(phone, server)
			c.isn = [2]uint32{1<<32 - 50, 1<<32 - 20}
			c.open().say(up, h).say(down, serverHello(122)).say(up, data(100))
		}, from(named, "  up data 100 #6")},
		{"jump of the sequence numbers", func(tp *tape) { start(tp).say(up, data(100)).lose(up, 1<<30).say(up, data(50)) },
			from(named, "  up data 100 #6", "  up gap 16777216 #7", "  up data 50 #7 guess")},
		{"SYN seen but not the hello", func(tp *tape) { tp.talk(phone, server).open().lose(up, 93).ack(down).say(up, data(70)) },
			[]string{flow + " missing=93/0", "  up data 70 #5 guess"}},
		{"keepalive probes", func(tp *tape) { start(tp).say(up, data(100)).at(up, 93+104, []byte{0}).say(up, data(50)) },
			from(named+" again=1/0", "  up data 100 #6", "  up data 50 #8")},
		{"STARTTLS", func(tp *tape) {
			tp.talk(phone, addr("192.0.2.80:5222")).open().say(up, []byte("<stream:stream xmlns='jabber:client'>")).
				say(down, []byte("<proceed/>")).say(up, h).say(down, serverHello(122)).say(down, data(99))
		}, []string{"6 10.0.0.7:40000 > 192.0.2.80:5222 syn chat.example.org(sni) xmpp-client", "  up clear 37 #4", "  down clear 10 #5",
			"  up handshake 88 #6", "  down handshake 122 #7", "  down data 99 #8"}},
		{"STARTTLS, both hellos lost", func(tp *tape) {
			tp.talk(phone, addr("192.0.2.80:5222")).open().say(up, []byte("<stream:stream xmlns='jabber:client'>")).
				say(down, []byte("<proceed/>")).lose(up, 93).lose(down, 127).say(up, data(60)).say(down, data(99)).ack(up)
		}, []string{"6 10.0.0.7:40000 > 192.0.2.80:5222 syn xmpp-client missing=93/127", "  up clear 37 #4", "  down clear 10 #5",
			"  down gap 127 #7", "  up data 60 #6", "  down data 99 #7 guess"}},
		{"STARTTLS, the SYNs missing", func(tp *tape) {
			tp.talk(phone, addr("192.0.2.80:5222")).say(up, []byte("<stream:stream xmlns='jabber:client'>")).say(down, []byte("<proceed/>")).say(up, h)
		}, []string{"6 10.0.0.7:40000 > 192.0.2.80:5222 port chat.example.org(sni) xmpp-client", "  up clear 37 #1", "  down clear 10 #2", "  up handshake 88 #3"}},
		{"HTTP and then TLS through a proxy", func(tp *tape) {
			tp.talk(phone, addr("192.0.2.80:3128")).open().say(up, []byte("CONNECT chat.example.org:443 HTTP/1.1\r\nHost: chat.example.org:443\r\n\r\n")).
				say(down, []byte("HTTP/1.1 200 OK\r\n\r\n")).say(up, h).say(up, data(99))
		}, []string{"6 10.0.0.7:40000 > 192.0.2.80:3128 syn chat.example.org(sni)", "  up handshake 88 #6", "  up data 99 #7"}},
		{"segments of one write", func(tp *tape) {
			c := tp.talk(phone, addr("192.0.2.80:9999")).open().say(up, filled(48, 0x99))
			for range 2 {
				tp.tcp(c.ends[1], c.ends[0], FlagACK, c.isn[1]+uint32(c.sent[1]), 0, filled(1400, 0x88))
				c.lose(down, 1400)
			}
			c.say(down, filled(200, 0x88)).say(down, filled(30, 0x77))
		}, []string{"6 10.0.0.7:40000 > 192.0.2.80:9999 syn", "  up segment 48 #4", "  down segment 3000 #5", "  down segment 30 #8"}},
		{"reset", func(tp *tape) { start(tp).flag(down, FlagRST) }, from(flow + " closed chat.example.org(sni)")},
		{"both FIN", func(tp *tape) { start(tp).flag(up, FlagFIN|FlagACK).flag(down, FlagFIN|FlagACK) }, from(flow + " closed chat.example.org(sni)")},
		{"one FIN", func(tp *tape) { start(tp).flag(up, FlagFIN|FlagACK).say(down, data(30)) }, from(named, "  down data 30 #7")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tp := newTape()
			tt.play(tp)
			if d := cmp.Diff(tt.want, read(t, Options{}, tp.b)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestCertificateName takes the server's name from its certificate where the
// client gave none, and only from a certificate that comes in clear.
func TestCertificateName(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plan := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"*.chat.example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, plan, plan, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	list := sized(3, sized(3, der...)...)
	certificate := append([]byte{22, 3, 3}, sized(2, append([]byte{11}, sized(3, list...)...)...)...)
	for _, tt := range []struct {
		name, sni, want string
		sealed          bool
	}{
		{"no name in the hello", "", "chat.example.org certificate", false},
		{"a name in the hello", "www.example.org", "www.example.org sni", false},
		{"behind the change of cipher", "", " ", true},
	} {
		tp := newTape()
		c := tp.talk(phone, server).open().say(up, helloRecord(tt.sni)).say(down, serverHello(122))
		if tt.sealed {
			c.say(down, tls(20, 1))
		}
		c.cut(down, certificate, 100).say(down, tls(20, 1)).say(down, tls(22, 40)).say(down, data(50))
		f := flowsOf(t, NewReader(Options{}), tp.b)[0]
		if got := f.Host + " " + f.HostHow; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
