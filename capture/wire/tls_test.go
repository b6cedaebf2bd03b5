package wire

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

func TestParseTLSRecord(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []byte
		want TLSRecord
		ok   bool
	}{
		{"handshake", []byte{22, 3, 1, 2, 0, 1}, TLSRecord{22, 0x0301, 512}, true},
		{"heartbeat", []byte{24, 3, 3, 0, 3}, TLSRecord{24, 0x0303, 3}, true},
		{"largest", []byte{23, 3, 3, 0x48, 0}, TLSRecord{23, 0x0303, 18432}, true},
		{"too large", []byte{23, 3, 3, 0x48, 1}, TLSRecord{}, false},
		{"empty", []byte{23, 3, 3, 0, 0}, TLSRecord{}, false},
		{"short", []byte{23, 3, 3, 0}, TLSRecord{}, false},
		{"type below", []byte{19, 3, 3, 0, 1}, TLSRecord{}, false},
		{"type above", []byte{25, 3, 3, 0, 1}, TLSRecord{}, false},
		{"version", []byte{23, 3, 5, 0, 1}, TLSRecord{}, false},
		{"DTLS", []byte{22, 0xfe, 0xff, 0, 1}, TLSRecord{}, false},
		{"nothing", nil, TLSRecord{}, false},
	} {
		var r TLSRecord
		if ok := ParseTLSRecord(tt.in, &r); ok != tt.ok || r != tt.want {
			t.Errorf("%s: got %v %+v, want %v %+v", tt.name, ok, r, tt.ok, tt.want)
		}
	}
}

// sslv2Hello is built by the layout of RFC 5246 appendix E.2.
func sslv2Hello() []byte {
	b := []byte{0x80, 9 + 6 + 16, 1, 3, 1, 0, 6, 0, 0, 0, 16}
	b = append(b, 0, 0, 0x2f, 7, 0, 0xc0)
	return append(b, make([]byte, 16)...)
}

func TestProbes(t *testing.T) {
	hello := records(plainPlan(t, "a.example").build(t), 9000)
	server := append([]byte{22, 3, 3, 0, 80, HandshakeServerHello}, make([]byte, 79)...)
	for _, tt := range []struct {
		name           string
		in             []byte
		client, server bool
	}{
		{"hello", hello, true, false},
		{"hello cut to six bytes", hello[:6], true, false},
		{"five bytes", hello[:5], false, false},
		{"SSLv2", sslv2Hello(), true, false},
		{"server hello", server, false, true},
		{"alert", []byte{21, 3, 1, 0, 2, 2, 40}, false, true},
		{"application data", []byte{23, 3, 3, 0, 80, 1}, false, false},
		{"text", []byte("GET / HTTP/1.1"), false, false},
	} {
		if IsTLSClient(tt.in) != tt.client || IsTLSServer(tt.in) != tt.server {
			t.Errorf("%s: client %v, server %v", tt.name, IsTLSClient(tt.in), IsTLSServer(tt.in))
		}
	}
}

func TestSSLv2Hello(t *testing.T) {
	var h ClientHello
	if !ParseSSLv2Hello(sslv2Hello(), &h) || h.Kind != HelloSSLv2 || h.Version != 0x0301 ||
		!slices.Equal(h.CipherSuites, []uint16{0x2f}) {
		t.Errorf("got %+v", h)
	}
	if h.JA4(JA4TCP) != "" {
		t.Error("an SSLv2 hello has no JA4")
	}
	wrong := sslv2Hello()
	wrong[1]++
	if ParseSSLv2Hello(wrong, &h) {
		t.Error("the lengths contradict each other")
	}
}

func TestParseClientHello(t *testing.T) {
	plan := plainPlan(t, "Chat.Example.ORG.")
	plan.extensions = append(plan.extensions,
		extension{extECH, []byte{0}}, extension{extPreSharedKey, nil},
		// initial_source_connection_id, then the user agent
		extension{extQUICParameters, append([]byte{0x0f, 0, 0x71, 0x29, 8}, "Test/1.0"...)})
	var h ClientHello
	if err := ParseClientHello(plan.build(t), &h); err != nil {
		t.Fatal(err)
	}
	if h.ServerName != "chat.example.org" || !h.SNI || !h.ECH || !h.PSK || h.Truncated ||
		h.UserAgent != "Test/1.0" || h.Version != 0x0303 || h.Kind != HelloTLS {
		t.Errorf("got %+v", h)
	}
	if !slices.Equal(h.ALPN, []string{"h2", "http/1.1"}) ||
		!slices.Equal(h.CipherSuites, []uint16{0x1301, 0x1302, 0xc02b}) ||
		!slices.Equal(h.SupportedVersions, []uint16{0x0304, 0x0303}) ||
		!slices.Equal(h.SignatureAlgorithms, []uint16{0x0403, 0x0804}) ||
		!slices.Equal(h.Extensions, []uint16{0, 0x10, 0x2b, 0x0d, 0xfe0d, 0x29, 0x39}) {
		t.Errorf("lists: %+v", h)
	}
	// Nothing of it may stay when the struct is used again.
	old := helloPlan{version: 0x0301, suites: []uint16{5}, bare: true}
	if err := ParseClientHello(old.build(t), &h); err != nil || h.ServerName != "" || h.ECH || h.SNI ||
		len(h.ALPN)+len(h.Extensions) != 0 || !slices.Equal(h.CipherSuites, []uint16{5}) {
		t.Errorf("reused: %v %+v", err, h)
	}
}

func TestClientHelloCutAnywhere(t *testing.T) {
	msg := plainPlan(t, "cut.example").build(t)
	nameAt := bytes.Index(msg, []byte("cut.example")) + len("cut.example")
	for n := 4; n <= len(msg); n++ {
		var h ClientHello
		if err := ParseClientHello(msg[:n], &h); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if h.Truncated != (n < len(msg)) {
			t.Errorf("%d bytes: truncated %v", n, h.Truncated)
		}
		if got, want := h.ServerName != "", n >= nameAt; got != want {
			t.Errorf("%d bytes: name %q", n, h.ServerName)
		}
		if h.Truncated && h.JA4(JA4TCP) != "" {
			t.Errorf("%d bytes: a cut hello has no JA4", n)
		}
	}
}

func TestParseClientHelloErrors(t *testing.T) {
	good := plainPlan(t, "a.example").build(t)
	long := slices.Clone(good)
	long[4+34+1]++ // 256 bytes of suites more than there are
	inner := slices.Clone(good)
	inner[4+2+32] = 33 // session longer than RFC 8446 allows
	for _, tt := range []struct {
		name string
		in   []byte
		want error
	}{
		{"nothing", nil, ErrNotClientHello},
		{"server hello", append([]byte{2}, good[1:]...), ErrNotClientHello},
		{"session", inner, ErrMalformedHello},
		{"suites", long, ErrMalformedHello},
		{"empty body", []byte{1, 0, 0, 0}, ErrMalformedHello},
	} {
		var h ClientHello
		if err := ParseClientHello(tt.in, &h); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
		if tt.want == ErrMalformedHello && h.JA4(JA4TCP) != "" {
			t.Errorf("%s: a malformed hello has no JA4", tt.name)
		}
	}
}

func TestHostName(t *testing.T) {
	for in, want := range map[string]string{
		"Example.COM":                         "example.com",
		"a_b.example.":                        "a_b.example",
		"localhost":                           "localhost",
		"xn--bcher-kva.example":               "xn--bcher-kva.example",
		"192.0.2.1":                           "",
		"2001:db8::1":                         "",
		"":                                    "",
		".":                                   "",
		"a..b":                                "",
		"a b":                                 "",
		"evil\x00.example":                    "",
		"bücher.example":                      "",
		strings.Repeat("a", 64) + ".example":  "",
		strings.Repeat("a.", 127) + "example": "",
		"1.2.3.4.example":                     "1.2.3.4.example",
	} {
		if got := hostName([]byte(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestHelloAssembler(t *testing.T) {
	msg := plainPlan(t, "split.example").build(t)
	for _, recordSize := range []int{1, 3, 100, 9000} {
		for _, segmentSize := range []int{1, 7, 1460} {
			var a HelloAssembler
			done := false
			for part := range slices.Chunk(records(msg, recordSize), segmentSize) {
				if done {
					t.Fatalf("%d/%d: done too early", recordSize, segmentSize)
				}
				done = a.AddStream(part)
			}
			if h := a.Hello(); !done || h == nil || h.ServerName != "split.example" || h.Truncated {
				t.Errorf("%d/%d: done %v, hello %+v", recordSize, segmentSize, done, h)
			}
		}
	}
}

func TestHelloAssemblerGivesUp(t *testing.T) {
	var a HelloAssembler
	if !a.Add([]byte{2, 0, 0, 1, 0}) || a.Hello() != nil {
		t.Error("a client does not begin with a server hello")
	}
	var text HelloAssembler
	if !text.AddStream([]byte("GET / HTTP/1.1\r\n")) || text.Hello() != nil {
		t.Error("text is no TLS")
	}
	big := HelloAssembler{}
	for i := 0; i < 100 && !big.Add(append([]byte{1, 0xff, 0xff, 0xff}, make([]byte, 1000)...)); i++ {
	}
	if !big.Add(nil) || len(big.Message()) > maxHandshake {
		t.Errorf("kept %d bytes", len(big.Message()))
	}
	var part HelloAssembler
	if part.Add(plainPlan(t, "part.example").build(t)[:100]) {
		t.Error("done with a part")
	}
	if h := part.Hello(); h == nil || !h.Truncated || h.ServerName != "part.example" {
		t.Errorf("part: %+v", h)
	}
}

// certificateMessage makes a Certificate message with one self-signed leaf.
func certificateMessage(t testing.TB, cn string, names ...string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn}, DNSNames: names,
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<31, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	var b cryptobyte.Builder
	b.AddUint8(HandshakeCertificate)
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(der) })
		})
	})
	return buildBytes(t, &b)
}

func TestParseCertificateNames(t *testing.T) {
	cert := certificateMessage(t, "WebRTC", "Chat.Example.org", "*.example.org", "no name")
	stream := append([]byte{HandshakeServerHello, 0, 0, 3, 1, 2, 3}, cert...)
	a := HelloAssembler{Want: HandshakeCertificate}
	done := false
	for part := range slices.Chunk(records(stream, 50), 33) {
		done = a.AddStream(part)
	}
	names, err := ParseCertificateNames(a.Message())
	if err != nil || !done || names.CommonName != "WebRTC" ||
		!slices.Equal(names.DNSNames, []string{"chat.example.org", "*.example.org"}) {
		t.Errorf("got %+v, %v, done %v", names, err, done)
	}
	if _, err := ParseCertificateNames(cert[:len(cert)-1]); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("cut: %v", err)
	}
	cert[20] ^= 0xff
	if _, err := ParseCertificateNames(cert); err == nil {
		t.Error("damaged: no error")
	}
}

func FuzzTLSRecord(f *testing.F) {
	f.Add(records([]byte{1, 0, 0, 1, 0}, 10))
	f.Add(sslv2Hello())
	f.Fuzz(func(t *testing.T, b []byte) {
		var r TLSRecord
		if ParseTLSRecord(b, &r) && (r.Length < 1 || r.Length > maxTLSBody) {
			t.Errorf("length %d", r.Length)
		}
		IsTLSClient(b)
		IsTLSServer(b)
		var h ClientHello
		ParseSSLv2Hello(b, &h)
		var a, c HelloAssembler
		a.AddStream(b)
		for i := range b {
			c.AddStream(b[i : i+1])
		}
		if !bytes.Equal(a.Message(), c.Message()) {
			t.Error("the cut into segments must not matter")
		}
	})
}

func FuzzClientHello(f *testing.F) {
	f.Add(plainPlan(f, "a.example").build(f))
	f.Add((&helloPlan{version: 0xfefd, dtls: true, cookie: []byte{1, 2}, suites: []uint16{1}}).build(f))
	f.Add(certificateMessage(f, "a", "a.example"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h ClientHello
		if err := ParseClientHello(b, &h); err == nil && !h.Truncated && len(h.JA4(JA4TCP)) != 36 {
			t.Errorf("JA4 %q", h.JA4(JA4TCP))
		}
		if h.ServerName != "" && hostName([]byte(h.ServerName)) != h.ServerName {
			t.Errorf("name %q", h.ServerName)
		}
		if names, err := ParseCertificateNames(b); err == nil && len(names.DNSNames) > maxNames {
			t.Error("too many names")
		}
	})
}

func BenchmarkParseClientHello(b *testing.B) {
	msg := plainPlan(b, "chat.example.org").build(b)
	var h ClientHello
	b.ReportAllocs()
	for b.Loop() {
		if ParseClientHello(msg, &h) != nil {
			b.Fatal("error")
		}
	}
}
