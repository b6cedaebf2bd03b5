package wire

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// unhex decodes hexadecimal digits, blanks left out.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// extension is one extension of a hello under construction.
type extension struct {
	id   uint16
	body []byte
}

// helloPlan says what a hello under construction holds.
type helloPlan struct {
	version    uint16
	dtls       bool
	cookie     []byte
	suites     []uint16
	extensions []extension
	bare       bool // without the extension block
}

// build gives the handshake message.
func (p *helloPlan) build(t testing.TB) []byte {
	t.Helper()
	var b cryptobyte.Builder
	b.AddUint8(HandshakeClientHello)
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(p.version)
		b.AddBytes(make([]byte, 32))
		b.AddUint8(0) // session
		if p.dtls {
			b.AddUint8(uint8(len(p.cookie)))
			b.AddBytes(p.cookie)
		}
		addUint16s(b, p.suites)
		b.AddBytes([]byte{1, 0}) // compression
		if !p.bare {
			b.AddUint16LengthPrefixed(p.addExtensions)
		}
	})
	return buildBytes(t, &b)
}

func (p *helloPlan) addExtensions(b *cryptobyte.Builder) {
	for _, e := range p.extensions {
		b.AddUint16(e.id)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(e.body) })
	}
}

func buildBytes(t testing.TB, b *cryptobyte.Builder) []byte {
	t.Helper()
	out, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func addUint16s(b *cryptobyte.Builder, list []uint16) {
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, v := range list {
			b.AddUint16(v)
		}
	})
}

// sniOf, alpnOf, versionsOf and signaturesOf build single extensions.
func sniOf(t testing.TB, name string) extension {
	var b cryptobyte.Builder
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(0)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
	})
	return extension{extServerName, buildBytes(t, &b)}
}

func alpnOf(t testing.TB, names ...string) extension {
	var b cryptobyte.Builder
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, name := range names {
			b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
		}
	})
	return extension{extALPN, buildBytes(t, &b)}
}

func versionsOf(versions ...uint16) extension {
	body := []byte{byte(2 * len(versions))}
	for _, v := range versions {
		body = append(body, byte(v>>8), byte(v))
	}
	return extension{extSupportedVersions, body}
}

func signaturesOf(t testing.TB, list ...uint16) extension {
	var b cryptobyte.Builder
	addUint16s(&b, list)
	return extension{extSignatureAlgorithms, buildBytes(t, &b)}
}

// plainPlan is a hello for a name with what a browser offers.
func plainPlan(t testing.TB, name string) *helloPlan {
	return &helloPlan{
		version: 0x0303,
		suites:  []uint16{0x1301, 0x1302, 0xc02b},
		extensions: []extension{
			sniOf(t, name), alpnOf(t, "h2", "http/1.1"),
			versionsOf(0x0304, 0x0303), signaturesOf(t, 0x0403, 0x0804),
		},
	}
}

// records cuts handshake bytes into TLS records of at most size bytes.
func records(msg []byte, size int) []byte {
	var out []byte
	for part := range slices.Chunk(msg, size) {
		out = append(out, TLSHandshake, 3, 1, byte(len(part)>>8), byte(len(part)))
		out = append(out, part...)
	}
	return out
}
