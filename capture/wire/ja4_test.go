package wire

import "testing"

// chromePlan has the lists of the example in FoxIO's JA4 description, with
// GREASE values and out of order as Chrome sends them.
func chromePlan(t testing.TB) *helloPlan {
	p := &helloPlan{
		version: 0x0303,
		suites: []uint16{0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9,
			0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035},
		extensions: []extension{
			{0xfafa, nil}, {0x001b, nil}, sniOf(t, "a.example"), {0x0033, nil}, alpnOf(t, "h2", "http/1.1"),
			{0x4469, nil}, {0x0017, nil}, {0x002d, nil}, {0x0005, nil},
			signaturesOf(t, 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601),
			versionsOf(0x1a1a, 0x0304, 0x0303), {0x0012, nil}, {0x0023, nil}, {0x000b, nil},
			{0x000a, nil}, {0xff01, nil}, {0x3a3a, nil}, {0x0015, nil},
		},
	}
	return p
}

func TestJA4(t *testing.T) {
	none := &helloPlan{version: 0x0301, suites: []uint16{0x0a0a}, bare: true}
	dtls := &helloPlan{version: 0xfefd, dtls: true, suites: []uint16{0xc02b},
		extensions: []extension{versionsOf(0xfefd, 0xfefc)}}
	named := &helloPlan{version: 0x0303, suites: []uint16{0xc02b}, extensions: []extension{sniOf(t, "a.example")}}
	for _, tt := range []struct {
		name      string
		plan      *helloPlan
		transport byte
		want      string
	}{
		{"Chrome, FoxIO's example", chromePlan(t), JA4TCP, "t13d1516h2_8daaf6152771_e5627efa2ab1"},
		{"over QUIC", chromePlan(t), JA4QUIC, "q13d1516h2_8daaf6152771_e5627efa2ab1"},
		{"nothing but GREASE", none, JA4TCP, "t10i000000_000000000000_000000000000"},
		{"DTLS counts downwards", dtls, JA4DTLS, "dd3i010100"},
		{"only a name", named, JA4TCP, "t12d010100_"},
	} {
		var h ClientHello
		if err := ParseClientHello(tt.plan.build(t), &h); err != nil {
			t.Fatal(err)
		}
		if got := h.JA4(tt.transport); got[:len(tt.want)] != tt.want || len(got) != 36 {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	// An extension list of SNI and ALPN alone hashes to the empty mark.
	var h ClientHello
	if err := ParseClientHello(named.build(t), &h); err != nil || h.JA4(JA4TCP)[24:] != emptyJA4Hash {
		t.Errorf("got %s, %v", h.JA4(JA4TCP), err)
	}
}

// TestJA4ALPN has the examples of FoxIO's description.
func TestJA4ALPN(t *testing.T) {
	for in, want := range map[string]string{
		"h2": "h2", "http/1.1": "h1", "h": "hh", "\xab": "ab", "\xab\xcd": "ad",
		"0\xab": "3b", "01\xab\xcd": "3d", "0\xab\xcd1": "01",
	} {
		h := ClientHello{ALPN: []string{in}}
		if a, b := h.ja4ALPN(); string([]byte{a, b}) != want {
			t.Errorf("%q: got %c%c, want %s", in, a, b, want)
		}
	}
}

func BenchmarkJA4(b *testing.B) {
	var h ClientHello
	if err := ParseClientHello(chromePlan(b).build(b), &h); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		h.JA4(JA4TCP)
	}
}
