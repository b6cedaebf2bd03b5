package wire

import "testing"

func TestParseRTP(t *testing.T) {
	for _, c := range []struct {
		name, in string
		ok       bool
		want     RTP
	}{
		{"opus", "8078 0001 00000a00 0badcafe ff", true, RTP{2, 120, false, 1, 2560, 0x0badcafe, 12}},
		{"marker", "80f8 0001 00000a00 0badcafe", true, RTP{2, 120, true, 1, 2560, 0x0badcafe, 12}},
		{"source", "8160 0001 00000a00 0badcafe 00000001 ff", true, RTP{2, 96, false, 1, 2560, 0x0badcafe, 16}},
		{"extension", "9060 0001 00000a00 0badcafe bede0001 10000000 ff", true, RTP{2, 96, false, 1, 2560, 0x0badcafe, 20}},
		{"cut before extension", "9060 0001 00000a00 0badcafe", true, RTP{2, 96, false, 1, 2560, 0x0badcafe, 16}},
		{"long extension", "9060 0001 00000a00 0badcafe bedeffff", false, RTP{}},
		{"rtcp", "80c8 0006 00000a00 0badcafe", false, RTP{}},
		{"dtls", "16fe ff00 00000000 00000000 00", false, RTP{}},
		{"short", "8078 0001 00000a00 0badca", false, RTP{}},
		{"sources missing", "8f78 0001 00000a00 0badcafe", false, RTP{}},
	} {
		var h RTP
		if ok := ParseRTP(unhex(t, c.in), &h); ok != c.ok || h != c.want {
			t.Errorf("%s: %v %+v", c.name, ok, h)
		}
	}
}

func TestParseRTCP(t *testing.T) {
	for _, c := range []struct {
		name, in string
		ok       bool
		want     RTCP
	}{
		{"receiver report", "81c90007 0badcafe 00000001", true, RTCP{201, 1, 32, 0x0badcafe}},
		{"cut", "80c80006 0badcafe", true, RTCP{200, 0, 28, 0x0badcafe}},
		{"rtp", "80780001 00000a00 0badcafe", false, RTCP{}},
		{"long", "80c8ffff 0badcafe", false, RTCP{}},
		{"no source", "80c80000 0badcafe", false, RTCP{}},
		{"short", "80c80006 0badca", false, RTCP{}},
	} {
		var h RTCP
		if ok := ParseRTCP(unhex(t, c.in), &h); ok != c.ok || h != c.want {
			t.Errorf("%s: %v %+v", c.name, ok, h)
		}
	}
}

func FuzzRTP(f *testing.F) {
	f.Add(unhex(f, "9060 0001 00000a00 0badcafe bede0001 10000000 ff"))
	f.Add(unhex(f, "81c90007 0badcafe 00000001"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h RTP
		var c RTCP
		if ParseRTP(b, &h) && ParseRTCP(b, &c) {
			t.Error("both RTP and RTCP")
		}
	})
}
