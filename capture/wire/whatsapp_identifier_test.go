package wire

import (
	"slices"
	"testing"
)

// legacyStream is a client's first bytes by hand: prologue of 2015 and frames.
func legacyStream(frames ...[]byte) []byte {
	b := []byte("WA\x01\x05")
	for _, f := range frames {
		b = append(b, f...)
	}
	return b
}

// legacyFrame gives a body its header, with flags in the upper half byte.
func legacyFrame(flags byte, body string) []byte {
	return append([]byte{flags << 4, byte(len(body) >> 8), byte(len(body))}, body...)
}

func TestWhatsAppExposesIdentifier(t *testing.T) {
	open := legacyFrame(0, "\xf8\x05\x01\xa5\x91\x89\xfc\x05phone")
	ascii := "\xf8\x06\x0c\x56\xbf\xb5\xfc\x0a0000000000\xfc\x02ab"
	packed := "\xf8\x06\x0c\x56\xbf\xb5\xff\x05\x00\x00\x00\x00\x00\xfc\x02ab"
	odd := "\xf8\x04\x0c\x56\xff\x86\x00\x00\x00\x00\x00\x0f"
	for _, c := range []struct {
		name string
		b    []byte
		want bool
	}{
		{"digits in a later frame", legacyStream(open, legacyFrame(0, ascii)), true},
		{"packed digits", legacyStream(open, legacyFrame(0, packed)), true},
		{"odd number of packed digits", legacyStream(legacyFrame(0, odd)), true},
		{"behind a list with a long count", legacyStream(legacyFrame(0, "\xf9\x00\x02\x0c\xfc\x0a0000000000")), true},
		{"behind long data", legacyStream(legacyFrame(0, "\xf8\x02\xfd\x00\x00\x03abc\xfc\x0a0000000000")), true},
		{"encrypted", legacyStream(open, legacyFrame(8, ascii)), false},
		{"none", legacyStream(open), false},
		{"too few digits", legacyStream(legacyFrame(0, "\xf8\x01\xfc\x040000")), false},
		{"too many digits", legacyStream(legacyFrame(0, "\xf8\x01\xfc\x100000000000000000")), false},
		{"letters", legacyStream(legacyFrame(0, "\xf8\x01\xfc\x0a00000x0000")), false},
		{"packed beyond nine", legacyStream(legacyFrame(0, "\xf8\x01\xff\x05\x00\x00\xa0\x00\x00")), false},
		{"data that spells a token", legacyStream(legacyFrame(0, "\xf8\x01\xfc\x0e\xfc\x0a0000000000zz")), false},
		{"Noise", append([]byte("WA\x05\x02"), legacyFrame(0, ascii)...), false},
		{"cut off", legacyStream(legacyFrame(0, ascii))[:15], false},
		{"nothing", nil, false},
	} {
		if got := WhatsAppExposesIdentifier(c.b); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzWhatsAppExposesIdentifier(f *testing.F) {
	f.Add(legacyStream(legacyFrame(0, "\xf8\x06\x0c\xfc\x0a0000000000")))
	f.Add(legacyStream(legacyFrame(0, "\xf8\x02\xff\x05\x00\x00\x00\x00\x00")))
	f.Add([]byte("WA\x01\x05\x00\x00\x02\xfd\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		was := slices.Clone(b)
		if WhatsAppExposesIdentifier(b) && !slices.Equal(b[:2], []byte("WA")) && !slices.Equal(b[:2], []byte("ED")) {
			t.Error("an identifier without a prologue")
		}
		if !slices.Equal(was, b) {
			t.Error("bytes changed")
		}
	})
}
