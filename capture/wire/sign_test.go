package wire

import (
	"encoding/binary"
	"strings"
	"testing"
)

// tcp and udp make probes of first payloads from the client.
func tcp(port uint16, payload string) Probe {
	return Probe{Proto: 6, Up: true, ClientPort: 50000, ServerPort: port, Payload: []byte(payload), WireLen: len(payload)}
}

func udp(port uint16, payload string) Probe {
	p := tcp(port, payload)
	p.Proto = 17
	return p
}

func down(p Probe) Probe { p.Up = false; return p }
func late(p Probe) Probe { p.Midstream = true; return p }

// locoPacket builds a KakaoTalk packet in clear.
func locoPacket(method string) string {
	b := append([]byte{1, 0, 0, 0, 0, 0}, method...)
	b = append(append(b, make([]byte, 11-len(method))...), 0)
	b = append(b, 30, 0, 0, 0, 30, 0, 0, 0)
	return string(append(b, make([]byte, 26)...))
}

// zoomPacket builds a server's media packet of a kind with RTP at an offset.
func zoomPacket(kind byte, at int) string {
	b := append(make([]byte, zoomServerHeader), kind)
	b[0] = zoomMedia
	b = append(b, make([]byte, at-1)...)
	return string(append(b, "\x80\x70\x00\x01\x00\x00\x0a\x00\x0b\xad\xca\xfe payload"...))
}

func TestSign(t *testing.T) {
	stun := func(kind uint16, attrs ...stunAttr) string { return string(stunMessage(kind, 4, attrs...)) }
	realm := func(s string) string { return stun(STUNAllocateError, stunAttr{attrRealm, []byte(s)}) }
	hello := string(noiseHello(0x12, true))
	random := string(randomBytes(300))
	framed := string(binary.BigEndian.AppendUint16(nil, 32)) + stun(STUNBindingRequest, stunAttr{0x8070, []byte{0, 0, 0, 3}}, stunAttr{0x8999, nil})
	for _, c := range []struct {
		name string
		p    Probe
		want string
	}{
		{"whatsapp", tcp(443, "WA\x05\x02\x00\x00\xee"+hello), "whatsapp-noise"},
		{"whatsapp routed", tcp(5222, "ED\x00\x01\x00\x00\x02\x08\x09WA\x05\x02"), "whatsapp-noise"},
		{"whatsapp split", tcp(5222, "ED\x00\x01"), "whatsapp-noise"},
		{"whatsapp 2015", tcp(443, "WA\x01\x05\x00\x00\x1a"), "whatsapp-xmpp"},
		{"letters WA", tcp(9000, "WA\x05\x02 hello there"), ""},
		{"letters WA alone", tcp(9000, "WA\x05\x02"), ""},
		{"whatsapp down", down(tcp(443, "WA\x05\x02\x00\x00\xee"+hello)), ""},
		{"xmpp", tcp(5222, "<?xml version='1.0'?><stream:stream to='a' xmlns='jabber:client'>"), "xmpp-client"},
		{"xmpp servers", tcp(5269, "<stream:stream to='a"), "xmpp-server"},
		{"xmpp stanza", late(tcp(5222, "<iq type='get'>")), "xmpp-client"},
		{"xml", tcp(80, "<iq type='get'>"), ""},
		{"mtproto", tcp(80, "\xef\x0e"+random[:56]), "telegram-mtproto-abridged"},
		{"mtproto intermediate", tcp(80, "\xee\xee\xee\xee\x38\x00\x00\x00"+random[:56]), "telegram-mtproto-intermediate"},
		{"mtproto padded", tcp(80, "\xdd\xdd\xdd\xdd\x38\x00\x00\x00"+random[:56]), "telegram-mtproto-padded"},
		{"mtproto full", tcp(80, "\x34\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"+random[:36]), "telegram-mtproto-full"},
		{"mtproto obfuscated", tcp(443, random[:137]), "telegram-mtproto-obfuscated"},
		{"random on another port", tcp(9000, random[:137]), ""},
		{"random in mid-stream", late(tcp(443, random[:137])), ""},
		{"threema", tcp(5222, random[:48]), "threema-hello"},
		{"threema server", down(tcp(5222, random[:80])), "threema-hello"},
		{"text of 48 bytes", tcp(5222, strings.Repeat("word", 12)), ""},
		{"tls of 48 bytes", tcp(443, "\x17\x03\x03\x00\x2b"+random[:43]), ""},
		{"mmtls", tcp(80, "\x16\xf1\x03\x00\x40"+random[:64]), "wechat-mmtls"},
		{"mmtls in http", tcp(80, "POST /mmtls/0012abcd HTTP/1.1\r\n"), "wechat-mmtls"},
		{"tls", tcp(443, "\x16\x03\x01\x00\x40"+random[:64]), ""},
		{"wechat", tcp(8080, "\x00\x00\x00\x10\x00\x10\x00\x01\x00\x00\x00\x06\x00\x00\x00\x01"), "wechat-longlink"},
		{"wechat misfit", tcp(8080, "\x00\x00\x00\x08\x00\x10\x00\x01\x00\x00\x00\x06\x00\x00\x00\x01"), ""},
		{"loco", tcp(995, "\x00\x01\x00\x00\x0c\x00\x00\x00\x02\x00\x00\x00"+random[:256]), "kakaotalk-loco"},
		{"loco in clear", tcp(8080, locoPacket("CHECKIN")), "kakaotalk-loco"},
		{"not loco", tcp(8080, locoPacket("checkin")), ""},
		{"viber", tcp(4244, "\x0c\x00\x01\x00\x03\x80abcd\x0a!"), "viber"},
		{"not viber", tcp(4244, "\x0d\x00\x01\x00\x03\x80abcd\x0a!"), ""},
		{"mqtt", tcp(1883, "\x10\x10\x00\x04MQTT\x04\x02\x00\x3c"), "mqtt"},
		{"stun framed", tcp(443, framed[:2+20+8+4]), "teams-stun"},
		{"http", tcp(80, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"), ""},
		{"whatsapp call", udp(3478, stun(STUNAllocateRequest, stunAttr{attrWhatsAppToken, make([]byte, 150)})), "whatsapp-stun"},
		{"whatsapp keepalive", udp(3478, stun(STUNWhatsAppKeep)), "whatsapp-stun"},
		{"whatsapp check", udp(40000, stun(STUNBindingRequest, stunAttr{attrIntegrity, make([]byte, 20)})), "whatsapp-stun-p2p"},
		{"ice check", udp(40000, stun(STUNBindingRequest, stunAttr{attrUsername, []byte("abcd:efgh")}, stunAttr{attrIntegrity, make([]byte, 20)})), ""},
		{"teams", udp(3479, stun(STUNBindingSuccess, stunAttr{0x8070, []byte{0, 0, 0, 7}})), "teams-stun"},
		{"signal", udp(3478, realm("signal.org")), "signal-turn"},
		{"telegram turn", udp(3478, realm("telegram.org")), "telegram-stun"},
		{"telegram port", udp(1400, stun(STUNAllocateRequest)), "telegram-stun"},
		{"other turn", udp(3478, realm("turn.example.org")), ""},
		{"zoom stun", udp(8801, stun(STUNBindingRequest)), "zoom-stun"},
		{"google stun", udp(19302, stun(STUNBindingRequest)), "google-stun"},
		{"meet", udp(19305, stun(STUNBindingRequest, stunAttr{attrUsername, []byte("a:b")})), "google-meet-stun"},
		{"reflector", udp(533, string(reflectorPacket(strings.Repeat("\xff", 16)))), "telegram-reflector"},
		{"discord", udp(50004, "\x00\x01\x00\x46\x00\x00\xac\xe3"+strings.Repeat("\x00", 66)), "discord-ip-discovery"},
		{"discord ping", udp(50004, "\x13\x37\xca\xfe\x01\x00\x00\x00"), "discord-voice-keepalive"},
		{"oicq", udp(8000, "\x02\x3b\x0b\x00\x01\x00\x17\x00\x0f\x1f\x0c\x7b\x00\x03"), "qq-oicq"},
		{"oicq elsewhere", udp(9000, "\x02\x3b\x0b\x00\x01\x00\x17\x00\x0f\x1f\x0c\x7b\x00\x03"), ""},
		{"zoom", udp(8801, "\x01\x00\x03\xc8"+random[:100]), "zoom-sfu"},
		{"zoom audio", udp(8801, zoomPacket(15, 19)), "zoom-media"},
		{"zoom video between clients", udp(40000, zoomPacket(16, 24)[zoomServerHeader:]), "zoom-media"},
		{"line", udp(20610, "\xb6\x09\x00\x0c"+random[:12]), "line"},
		{"not line", udp(20610, "\xb6\x09\x00\x0d"+random[:13]), ""},
		{"viber call", udp(7985, "ab\x03\x00cd"), "viber"},
		{"viber elsewhere", udp(53, "ab\x03\x00cd"), ""},
		{"imo", udp(36535, "\x09\x02\xfd\x9a\x02\x00\x00\x00\x00\x00"), "imo"},
		{"imo server", down(udp(36535, "\x00\x09\x03\xfd\x9a\x02\x00\x00\x00\x00\x00")), "imo"},
		{"rtp", udp(40000, "\x80\x78\x00\x01\x00\x00\x0a\x00\x0b\xad\xca\xfe"+random[:100]), ""},
		{"nothing", udp(443, ""), ""},
		{"nothing captured of 48", Probe{Proto: 6, Up: true, ServerPort: 443, WireLen: 48}, ""},
		{"sctp", Probe{Proto: 132, Payload: []byte(random)}, ""},
	} {
		if got := Sign(&c.p); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Random bytes may give a sign once in a hundred at Zoom's own port, and
// nowhere else. Their length is none of MTProto's, see MTProtoLength.
func TestSignRandom(t *testing.T) {
	random := randomBytes(1 << 20)
	counts := map[string]int{}
	for i := 0; i+301 < len(random); i += 97 {
		for _, p := range []Probe{tcp(443, string(random[i:i+301])), udp(3478, string(random[i:i+301])), udp(8801, string(random[i:i+301]))} {
			if s := Sign(&p); s != "" {
				counts[s]++
			}
		}
	}
	for s, n := range counts {
		if s != "zoom-sfu" || n > 108 {
			t.Errorf("%s: %d times", s, n)
		}
	}
}

// Every flow's first packets pass here, so nothing may be put on the heap.
func TestSignAllocates(t *testing.T) {
	message := stunMessage(STUNBindingRequest, 4, stunAttr{attrUsername, []byte("abcd:efgh")}, stunAttr{attrXORMapped, xored("192.0.2.1:4000")})
	probes := []Probe{tcp(443, string(randomBytes(300))), udp(443, string(randomBytes(300))), udp(3478, string(message))}
	var m STUN
	if n := testing.AllocsPerRun(100, func() {
		for i := range probes {
			Sign(&probes[i])
		}
		ParseSTUN(message, len(message), &m)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzSign(f *testing.F) {
	f.Add(true, true, uint16(443), 0, []byte("WA\x05\x02\x00\x00\xee"), 7)
	f.Add(false, true, uint16(8801), 0, []byte(zoomPacket(15, 19)), 0)
	f.Add(false, false, uint16(3478), 3, stunMessage(STUNWhatsAppKeep, 4), 20)
	f.Add(true, false, uint16(5222), 0, randomBytes(80), 80)
	f.Fuzz(func(t *testing.T, overTCP, up bool, port uint16, nth int, payload []byte, wire int) {
		p := udp(port, string(payload))
		if overTCP {
			p.Proto = 6
		}
		p.Up, p.Nth, p.WireLen = up, nth, wire
		if len(payload) == 0 && Sign(&p) != "" {
			t.Errorf("%q of nothing", Sign(&p))
		}
	})
}
