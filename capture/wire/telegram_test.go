package wire

import (
	"encoding/binary"
	"strings"
	"testing"
)

// randomBytes gives bytes that look random, the same each time (xorshift).
func randomBytes(n int) []byte {
	b := make([]byte, n)
	x := uint64(88172645463325252)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x >> 32)
	}
	return b
}

func TestParseMTProto(t *testing.T) {
	plain := append(make([]byte, 8), append(randomBytes(8), 20, 0, 0, 0, 0xf1, 0x8e, 0x7e, 0xbe)...) // key identifier 0
	plain = append(plain, make([]byte, 16)...)
	message := randomBytes(24 + 32)
	with := func(head string, body []byte) []byte { return append([]byte(head), body...) }
	full := with("\x34\x00\x00\x00\x00\x00\x00\x00", plain)
	for _, c := range []struct {
		name string
		in   []byte
		want MTProtoTransport
	}{
		{"abridged", with("\xef\x0e", message), MTProtoAbridged},
		{"abridged plain", with("\xef\x0a", plain), MTProtoAbridged},
		{"abridged long", with("\xef\x7f\x86\x00\x00", randomBytes(536)), MTProtoAbridged},
		{"abridged over segments", with("\xef\x7f\x86\x10\x00", randomBytes(1400)), MTProtoAbridged},
		{"abridged misfit", with("\xef\x0d", message), MTProtoNone},
		{"abridged cut short", with("\xef\x12", message), MTProtoNone},
		{"intermediate tag alone", []byte("\xee\xee\xee\xee"), MTProtoIntermediate},
		{"padded tag alone", []byte("\xdd\xdd\xdd\xdd"), MTProtoPadded},
		{"intermediate", with("\xee\xee\xee\xee\x38\x00\x00\x00", message), MTProtoIntermediate},
		{"padded", with("\xdd\xdd\xdd\xdd\x3d\x00\x00\x00", message), MTProtoPadded},
		{"full", full, MTProtoFull},
		{"obfuscated", randomBytes(64 + 1 + 24 + 48), MTProtoObfuscated},
		{"obfuscated, two messages", randomBytes(64 + 2*25 + 5*16), MTProtoObfuscated},
		{"obfuscated, four messages", randomBytes(64 + 4*25 + 4*16), MTProtoObfuscated},
		{"random of another length", randomBytes(64 + 50), MTProtoNone},
		{"tls", append([]byte{22, 3, 1, 2, 0}, randomBytes(132)...), MTProtoNone},
		{"text", []byte(strings.Repeat("some words in a row ", 7)[:137]), MTProtoNone},
		{"short", []byte("\xef\x0e"), MTProtoNone},
	} {
		if got := ParseMTProto(c.in, len(c.in)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestMTProtoLength(t *testing.T) {
	for n, want := range map[int]bool{41: true, 44: true, 105: true, 137: true, 169: true, 281: true, 40: false, 25: false, 100: false, 1460: false} {
		if MTProtoLength(n) != want {
			t.Errorf("%d: want %v", n, want)
		}
	}
}

// reflectorPacket builds a datagram with a tag in front.
func reflectorPacket(parts ...string) []byte {
	return []byte("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10" + strings.Join(parts, ""))
}

func TestParseReflector(t *testing.T) {
	ff := strings.Repeat("\xff", 12)
	inner := string(stunMessage(STUNBindingRequest, 4, stunAttr{attrUsername, []byte("abcd:efgh")}))
	length := string(binary.BigEndian.AppendUint32(nil, uint32(len(inner))))
	for _, c := range []struct {
		name         string
		in           []byte
		proof, probe bool
		mapped, peer string
		inner        int
	}{
		{"who am I", reflectorPacket(ff, "\xfe\xff\xff\xff", "12345678"), true, true, "", "", 0},
		{"who is my peer", reflectorPacket(ff, "\xff\xff\xff\xff"), true, true, "", "", 0},
		{"self", reflectorPacket(ff, "\xc7\x72\x15\xc0", "date", "query id", strings.Repeat("\x00", 10), "\xff\xff\xc0\x00\x02\x01", "\x5d\xdc\x00\x00"), true, true, "192.0.2.1:56413", "", 0},
		{"peer", reflectorPacket(ff, "\x1c\x37\xd9\x27", "\xc0\x00\x02\x01\x5d\xdc\x00\x00", "\xc6\x33\x64\x07\x33\xed\x00\x00"), true, true, "192.0.2.1:56413", "198.51.100.7:60723", 0},
		{"carried", reflectorPacket("\x9b\x92\x85\xee", length, inner), true, false, "", "", len(inner)},
		{"silence", []byte("\x80\x00\x00\x01\x00\x00\x00\xa0\x0b\xad\xca\xfe" + strings.Repeat("\xff", 160)), false, false, "", "", 0},
		{"media", reflectorPacket(string(randomBytes(80))), false, false, "", "", 0},
		{"cut answer", reflectorPacket(ff, "\x1c\x37\xd9\x27", "\xc0\x00"), false, false, "", "", 0},
	} {
		var r Reflector
		ok := ParseReflector(c.in, len(c.in), &r)
		if IsReflector(c.in, len(c.in)) != c.proof || !ok || r.Probe != c.probe || len(r.Data) != c.inner || len(r.Tag) != 12 {
			t.Errorf("%s: proof %v %+v", c.name, !c.proof, r)
		}
		if r.Mapped.IsValid() && r.Mapped.String() != c.mapped || r.Mapped.IsValid() != (c.mapped != "") || r.Peer.IsValid() && r.Peer.String() != c.peer || r.Peer.IsValid() != (c.peer != "") {
			t.Errorf("%s: mapped %v peer %v", c.name, r.Mapped, r.Peer)
		}
	}
	var r Reflector
	if ParseReflector(make([]byte, 15), 15, &r) {
		t.Error("15 bytes were read")
	}
}

func FuzzTelegram(f *testing.F) {
	f.Add(append([]byte("\xef\x0e"), randomBytes(56)...), 58)
	f.Add(reflectorPacket(strings.Repeat("\xff", 12), "\x1c\x37\xd9\x27", strings.Repeat("\x01", 16)), 0)
	f.Fuzz(func(t *testing.T, b []byte, wire int) {
		var r Reflector
		ParseMTProto(b, wire)
		IsReflector(b, wire)
		if ParseReflector(b, wire, &r) && len(r.Data) > r.DataLen {
			t.Errorf("%d bytes of %d", len(r.Data), r.DataLen)
		}
	})
}
