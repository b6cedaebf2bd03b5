package wire

import "testing"

func TestParseWhatsAppPrologue(t *testing.T) {
	for _, c := range []struct {
		name, in string
		more, ok bool
		routing  int
		consumed int
		legacy   bool
	}{
		{"noise", "WA\x05\x02\x00\x01\x0e", false, true, 0, 4, false},
		{"2015", "WA\x01\x05\x00\x00\x1a", false, true, 0, 4, true},
		{"routed", "ED\x00\x01\x00\x00\x04\x08\x09\x08\x02WA\x05\x02\x00", false, true, 4, 15, false},
		{"split in the header", "ED\x00\x01", true, false, 0, 0, false},
		{"split in the routing", "ED\x00\x01\x00\x00\x04\x08\x09", true, false, 2, 0, false},
		{"split before WA", "ED\x00\x01\x00\x00\x02\x08\x09", true, false, 2, 0, false},
		{"split in WA", "W", true, false, 0, 0, false},
		{"nothing yet", "", true, false, 0, 0, false},
		{"long routing", "ED\x00\x01\x00\x10\x00\x08", false, false, 0, 0, false},
		{"letters", "WATER", false, false, 0, 4, false},
		{"http", "GET / HTTP/1.1", false, false, 0, 0, false},
		{"routed to something else", "ED\x00\x01\x00\x00\x01\x08GET", false, false, 1, 0, false},
	} {
		p, more, ok := ParseWhatsAppPrologue([]byte(c.in))
		if more != c.more || ok != c.ok || len(p.Routing) != c.routing || p.Consumed != c.consumed || p.Legacy != c.legacy {
			t.Errorf("%s: %+v more %v ok %v", c.name, p, more, ok)
		}
	}
}

func TestParseWhatsAppFrame(t *testing.T) {
	for _, c := range []struct {
		in     string
		legacy bool
		length int
		flags  uint8
		ok     bool
	}{
		{"\x00\x01\x0e", false, 270, 0, true}, {"\x80\x00\x12", true, 18, 8, true}, {"\x80\x00\x12", false, 0x800012, 0, true}, {"\x00\x01", false, 0, 0, false},
	} {
		if n, flags, ok := ParseWhatsAppFrame([]byte(c.in), c.legacy); n != c.length || flags != c.flags || ok != c.ok {
			t.Errorf("%x: %d %d %v", c.in, n, flags, ok)
		}
	}
}

// noiseHello builds a handshake message: key of 32 bytes, with static another of 48.
func noiseHello(tag byte, static bool) []byte {
	inner := append([]byte{0x0A, 32}, make([]byte, 32)...)
	if static {
		inner = append(append(inner, 0x12, 48), make([]byte, 48)...)
		inner = append(append(inner, 0x1A, 150, 1), make([]byte, 150)...)
	}
	if len(inner) < 128 {
		return append([]byte{tag, byte(len(inner))}, inner...)
	}
	return append([]byte{tag, byte(len(inner)) | 0x80, byte(len(inner) >> 7)}, inner...)
}

func TestParseNoiseHello(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []byte
		want NoiseHello
	}{
		{"full", noiseHello(0x12, false), NoiseClientFull},
		{"resumed", noiseHello(0x12, true), NoiseClientResume},
		{"server full", noiseHello(0x1A, true), NoiseServerFull},
		{"server resumed", noiseHello(0x1A, false), NoiseServerResume},
		{"finish", []byte{0x22, 0x90, 0x01, 0x0A, 48, 1, 2}, NoiseClientFinish},
		{"ciphertext", []byte{0x7F, 0x33, 0x0A, 32, 1, 2}, NoiseNone},
		{"endless number", []byte{0x12, 0xFF, 0xFF, 0xFF, 0xFF}, NoiseNone},
		{"short", []byte{0x12, 0x24}, NoiseNone},
	} {
		if got := ParseNoiseHello(c.in); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func FuzzWhatsAppPrologue(f *testing.F) {
	f.Add([]byte("ED\x00\x01\x00\x00\x04\x08\x09\x08\x02WA\x05\x02\x00\x01\x0e"))
	f.Add([]byte("WA\x01\x05\x80\x00\x1a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, more, ok := ParseWhatsAppPrologue(b)
		if more && ok || ok && p.Consumed > len(b) {
			t.Errorf("%+v more %v ok %v", p, more, ok)
		}
		ParseWhatsAppFrame(b, p.Legacy)
		ParseNoiseHello(b)
	})
}
