package packet

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func addr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestMessengerFrames(t *testing.T) {
	const edge, pro = "4544000100000408090802", "57410502"
	const flow = "6 10.0.0.7:40000 > 192.0.2.80:5222 syn "
	chat := addr("192.0.2.80:5222")
	full := noise(36, 0x12, 0x0a, 32)
	server := noise(250, 0x1a, 0x0a, 32)
	finish := noise(180, 0x22, 0x0a, 48)
	login := []string{"  up handshake 15 #4", "  up handshake 36 #4", "  down handshake 250 #5", "  up handshake 180 #6", "  down data 600 #7"}
	for _, tt := range []struct {
		name string
		play func(*tape)
		want []string
	}{
		{"WhatsApp, full login", func(tp *tape) {
			tp.talk(phone, chat).open().say(up, slices.Concat(wa(edge+pro), full)).say(down, server).say(up, finish).say(down, wa("", 600)).say(up, wa("", 188, 41))
		}, slices.Concat([]string{flow + "whatsapp-noise"}, login, []string{"  up data 188 #8", "  up data 41 #8"})},
		{"WhatsApp, resumed login without routing", func(tp *tape) {
			tp.talk(phone, chat).open().say(up, slices.Concat(wa(pro), noise(260, 0x12, 0x0a, 32))).say(down, noise(54, 0x1a, 0x0a, 32)).say(up, wa("", 41))
		}, []string{flow + "whatsapp-noise", "  up handshake 4 #4", "  up handshake 260 #4", "  down handshake 54 #5", "  up data 41 #6"}},
		{"WhatsApp, prologue split", func(tp *tape) {
			tp.talk(phone, chat).open().cut(up, slices.Concat(wa(edge+pro), noise(270, 0x12, 0x0a, 32)), 4, 14).say(down, noise(54, 0x1a, 0x0a, 32))
		}, []string{flow + "whatsapp-noise", "  up handshake 15 #4", "  up handshake 270 #5", "  down handshake 54 #7"}},
		{"WhatsApp, prologue byte by byte and out of order", func(tp *tape) {
			b := slices.Concat(wa(edge+pro), full)
			c := tp.talk(phone, chat).open()
			c.cut(up, b[:6], 1, 1, 1, 1, 1).at(up, 10, b[10:]).at(up, 6, b[6:10]).lose(up, len(b)-6).say(up, wa("", 90))
		}, []string{flow + "whatsapp-noise", "  up handshake 15 #4", "  up handshake 36 #10", "  up data 90 #12"}},
		{"WhatsApp, frames split over segments", func(tp *tape) {
			tp.talk(phone, chat).open().say(up, slices.Concat(wa(edge+pro), full)).cut(up, wa("", 188, 300, 20), 2, 100, 92, 250)
		}, []string{flow + "whatsapp-noise", "  up handshake 15 #4", "  up handshake 36 #4", "  up data 188 #5", "  up data 300 #7", "  up data 20 #9"}},
		{"WhatsApp, the SYN was not seen and the server's port says nothing", func(tp *tape) {
			a, b := addr("198.51.100.9:443"), addr("198.51.100.1:50001")
			tp.talk(b, a).say(up, slices.Concat(wa(edge+pro), full)).say(down, server)
			tp.talk(addr("198.51.100.3:50002"), addr("198.51.100.4:50003")).ack(down).say(up, slices.Concat(wa(pro), full)).say(down, server)
		}, []string{"6 198.51.100.1:50001 > 198.51.100.9:443 port midstream whatsapp-noise", "  up handshake 15 #1", "  up handshake 36 #1", "  down handshake 250 #2",
			"6 198.51.100.3:50002 > 198.51.100.4:50003 hello midstream whatsapp-noise", "  up handshake 4 #4", "  up handshake 36 #4", "  down handshake 250 #5"}},
		{"WhatsApp of 2015, with flags in the length", func(tp *tape) {
			login := wa("57410105", 30)
			login[4] |= 0x80
			tp.talk(phone, chat).open().say(up, login).say(down, wa("", 77))
		}, []string{flow + "whatsapp-xmpp", "  up handshake 4 #4", "  up data 30 #4", "  down data 77 #5"}},
		{"WhatsApp, mid-stream", func(tp *tape) {
			tp.talk(phone, chat).say(up, filled(300, 0xd1)).say(up, wa("", 188)).say(down, wa("", 72, 74)).say(up, wa("", 68)).say(down, wa("", 54))
		}, []string{"6 10.0.0.7:40000 > 192.0.2.80:5222 port midstream whatsapp-frames", "  up data 188 #2 guess", "  down data 72 #3 guess", "  down data 74 #3 guess",
			"  up data 68 #4 guess", "  down data 54 #5 guess"}},
		{"WhatsApp, lost inside a body and outside", func(tp *tape) {
			b := wa("", 500, 90)
			c := tp.talk(phone, chat).open().say(up, slices.Concat(wa(edge+pro), full))
			c.say(up, b[:100]).lose(up, 200).say(up, b[300:]).ack(down).lose(up, 120).say(up, wa("", 60)).ack(down).say(up, wa("", 61))
		}, []string{flow + "whatsapp-noise missing=320/0", "  up handshake 15 #4", "  up handshake 36 #4", "  up data 500 #5", "  up data 90 #6",
			"  up gap 120 #8", "  up data 60 #8 guess", "  up data 61 #10 guess"}},
		{"random bytes are not WhatsApp's", func(tp *tape) {
			c := tp.talk(phone, chat)
			for i := range 12 {
				c.say(i&1, filled(100+i, byte(0x51+i)))
			}
		}, []string{"6 10.0.0.7:40000 > 192.0.2.80:5222 port midstream", "  up segment 100 #1", "  down segment 101 #2", "  up segment 102 #3", "  down segment 103 #4",
			"  up segment 104 #5", "  down segment 105 #6", "  up segment 106 #7", "  down segment 107 #8", "  up segment 108 #9", "  down segment 109 #10",
			"  up segment 110 #11", "  down segment 111 #12"}},
		{"Threema", func(tp *tape) {
			tp.talk(phone, chat).open().say(up, scrambled(48)).say(down, scrambled(80)).say(up, scrambled(191)).
				say(down, slices.Concat(scrambled(32), little(20), little(300))).say(up, slices.Concat(little(442), little(36))).cut(down, little(36), 1, 20)
		}, []string{flow + "threema-hello", "  up handshake 48 #4", "  down handshake 80 #5", "  up handshake 191 #6", "  down handshake 32 #7", "  down data 20 #7",
			"  down data 300 #7", "  up data 442 #8", "  up data 36 #8", "  down data 36 #9"}},
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

// little is a frame of Threema: two bytes of length, the low one first.
func little(n int) []byte { return append([]byte{byte(n), byte(n >> 8)}, filled(n, 0x3c)...) }

// scrambled is n bytes without a pattern: the high halves of a multiplicative
// sequence (Knuth, The Art of Computer Programming, volume 2).
func scrambled(n int) []byte {
	out := make([]byte, n)
	x := uint32(7)
	for i := range out {
		x = x*1664525 + 1013904223
		out[i] = byte(x >> 24)
	}
	return out
}
