package packet

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"testing"
	"time"

	"envelope/capture"
	"envelope/capture/simulate"

	"github.com/google/go-cmp/cmp"
)

var (
	caller = addr("10.0.0.7:50000")
	relay  = addr("192.0.2.33:3478")
	friend = addr("203.0.113.99:51000")
	ticket = filled(12, 0x31) // of every STUN transaction
)

// Message types and attributes of STUN and TURN (RFC 8489, RFC 8656).
const (
	bindRequest, bindDone           = 0x0001, 0x0101
	allocateRequest, refreshRequest = 0x0003, 0x0004
	sendIndication, dataIndication  = 0x0016, 0x0017
	channelBind                     = 0x0009
	attrUsername, attrChannel       = 0x0006, 0x000c
	attrPeer, attrData              = 0x0012, 0x0013
)

func stun(kind uint16, attrs ...simulate.Attr) []byte { return simulate.STUN(kind, ticket, attrs...) }

func peer(a netip.AddrPort) simulate.Attr {
	return simulate.Attr{Type: attrPeer, Value: simulate.XORAddress(a, ticket)}
}

func rtp(kind uint8, seq uint16, ssrc uint32, n int) []byte {
	return simulate.RTP(kind, seq, uint32(seq)*960, ssrc, filled(n-12, 0x6b))
}

func channelData(number uint16, b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, number), uint16(len(b))), b...)
}

func TestUDPFlows(t *testing.T) {
	const direct = "17 10.0.0.7:50000 > 203.0.113.99:51000 address"
	const turn = "17 10.0.0.7:50000 > 192.0.2.33:3478 port"
	media := func(tp *tape, seq uint16) { tp.udp(caller, friend, rtp(111, seq, 77, 100)) }
	for _, tt := range []struct {
		name string
		play func(*tape)
		want []string
	}{
		{"RTP is proven by a second packet", func(tp *tape) { media(tp, 1); media(tp, 2); media(tp, 3) },
			[]string{direct, "  up rtp 3 packets 300 bytes #1-#3 ssrc 77 type 111"}},
		{"what only looks like RTP", func(tp *tape) {
			media(tp, 1)
			tp.udp(caller, friend, rtp(111, 30000, 77, 90))
			tp.udp(caller, friend, rtp(111, 1, 78, 80))
		}, []string{direct, "  up opaque 3 packets 270 bytes #1-#3"}},
		{"a stray packet between proven streams", func(tp *tape) {
			for i := range uint16(3) {
				tp.udp(caller, friend, rtp(111, i, 77, 100))
				tp.udp(friend, caller, rtp(96, i, 88, 1000))
				tp.udp(caller, friend, rtp(97, i, 99, 500))
			}
			for i := range uint32(20) {
				tp.udp(caller, friend, rtp(10, 5, 1000+i, 40))
			}
			media(tp, 3)
		}, []string{direct, "  up rtp 4 packets 400 bytes #1-#30 ssrc 77 type 111", "  up rtp 3 packets 1500 bytes #3-#9 ssrc 99 type 97",
			"  down rtp 3 packets 3000 bytes #2-#8 ssrc 88 type 96", "  up opaque 20 packets 800 bytes #10-#29"}},
		{"a pause ends a burst", func(tp *tape) {
			media(tp, 1)
			media(tp, 2)
			tp.now += 2100 * time.Millisecond
			media(tp, 3)
		}, []string{direct, "  up rtp 2 packets 200 bytes #1-#2 ssrc 77 type 111", "  up rtp 1 packets 100 bytes #3-#3 ssrc 77 type 111"}},
		{"RTCP beside RTP, cut by a snap length", func(tp *tape) {
			media(tp, 1)
			media(tp, 2)
			tp.snap = 14 + 20 + 8 + 16
			tp.udp(caller, friend, simulate.RTCP(200, 12, 77, 1, filled(44, 9), filled(10, 8)))
			media(tp, 3)
			b := rtp(111, 4, 77, 200)
			b[0] |= 0x10 // a header extension, most of which was not captured
			copy(b[12:], []byte{0xbe, 0xde, 0, 20})
			tp.udp(caller, friend, b)
		}, []string{direct, "  up rtcp 1 packets 66 bytes #3-#3 ssrc 77 type 200", "  up rtp 4 packets 500 bytes #1-#5 ssrc 77 type 111"}},
		{"connectivity check", func(tp *tape) {
			tp.udp(caller, friend, stun(bindRequest, simulate.Attr{Type: attrUsername, Value: []byte("AbCd:eFgH")}))
			tp.udp(friend, caller, stun(bindDone))
			tp.udp(caller, friend, filled(60, 0xc5))
		}, []string{direct + " stun", "  up signal 0001 36 #1 AbCd:eFgH", "  down signal 0101 20 #2", "  up opaque 1 packets 60 bytes #3-#3"}},
		{"STUN cut by a snap length", func(tp *tape) {
			tp.udp(caller, relay, stun(bindRequest))
			tp.snap = 14 + 20 + 8 + 10
			tp.udp(relay, caller, stun(bindDone, simulate.Attr{Type: 0x20, Value: simulate.XORAddress(caller, ticket)}))
		}, []string{turn + " stun", "  up signal 0001 20 #1", "  down signal 0101 32 #2"}},
		{"inside a relay's messages", func(tp *tape) {
			tp.udp(caller, relay, stun(allocateRequest))
			tp.udp(caller, relay, stun(sendIndication, peer(friend), simulate.Attr{Type: attrData, Value: stun(bindRequest)}))
			tp.udp(relay, caller, stun(dataIndication, peer(friend), simulate.Attr{Type: attrData, Value: stun(bindDone)}))
			tp.udp(caller, relay, stun(channelBind, simulate.Attr{Type: attrChannel, Value: []byte{0x40, 1, 0, 0}}, peer(friend)))
			for i := range uint16(3) {
				tp.udp(caller, relay, channelData(0x4001, rtp(111, i, 77, 100)))
				tp.udp(relay, caller, channelData(0x4002, rtp(111, i, 88, 120)))
			}
		}, []string{turn + " stun", "  up signal 0003 20 #1", "  up signal 0001 20 #2 relayed 203.0.113.99:51000", "  down signal 0101 20 #3 relayed 203.0.113.99:51000",
			"  up signal 0009 40 #4", "  up rtp 3 packets 300 bytes #5-#9 ssrc 77 type 111 relayed 203.0.113.99:51000",
			"  down rtp 3 packets 360 bytes #6-#10 ssrc 88 type 111 relayed somewhere"}},
		{"the direct path beside a relay's socket", func(tp *tape) {
			tp.udp(caller, relay, stun(allocateRequest))
			tp.udp(caller, friend, filled(50, 0xf1))
			tp.udp(friend, caller, filled(51, 0xf2))
			tp.udp(addr("203.0.113.5:7000"), caller, filled(52, 0xf3)) // comes first: turned, since the party's socket is known
		}, []string{turn + " stun", "  up signal 0003 20 #1", direct + " kin=1", "  up opaque 1 packets 50 bytes #2-#2", "  down opaque 1 packets 51 bytes #3-#3",
			"17 10.0.0.7:50000 > 203.0.113.5:7000 address kin=1", "  down opaque 1 packets 52 bytes #4-#4"}},
		{"both ends of a call", func(tp *tape) {
			tp.udp(caller, relay, stun(allocateRequest))
			tp.udp(addr("10.0.0.8:50001"), relay, stun(allocateRequest))
			tp.udp(caller, addr("10.0.0.8:50001"), filled(50, 0xf1))
		}, []string{turn + " stun", "  up signal 0003 20 #1", "17 10.0.0.8:50001 > 192.0.2.33:3478 port stun", "  up signal 0003 20 #2",
			"17 10.0.0.7:50000 > 10.0.0.8:50001 first kin=1 peerkin=2", "  up opaque 1 packets 50 bytes #3-#3"}},
		{"another application has the port later", func(tp *tape) {
			tp.udp(caller, relay, stun(allocateRequest))
			tp.now += 6 * time.Minute
			tp.udp(caller, friend, filled(50, 0xf1))
		}, []string{turn + " stun", "  up signal 0003 20 #1", direct, "  up opaque 1 packets 50 bytes #2-#2"}},
		{"Telegram's reflector", func(tp *tape) {
			tag, mine := filled(12, 0xa1), filled(4, 0xb2)
			reflector := addr("192.0.2.44:533")
			tp.udp(caller, reflector, slices.Concat(tag, mine, filled(16, 0xff)))
			tp.udp(caller, reflector, slices.Concat(tag, mine, filled(180, 0x77)))
			tp.udp(reflector, caller, slices.Concat(tag, mine, filled(150, 0x79)))
		}, []string{"17 10.0.0.7:50000 > 192.0.2.44:533 port telegram-reflector", "  up signal 0000 32 #1 tag a1a1a1a1a1a1a1a1a1a1a1a1",
			"  up opaque 1 packets 196 bytes #2-#2 tag a1a1a1a1a1a1a1a1a1a1a1a1", "  down opaque 1 packets 166 bytes #3-#3 tag a1a1a1a1a1a1a1a1a1a1a1a1"}},
		{"DTLS", func(tp *tape) { tp.udp(caller, friend, dtls(60)); tp.udp(friend, caller, dtls(70)) },
			[]string{direct, "  up dtls 1 packets 73 bytes #1-#1", "  down dtls 1 packets 83 bytes #2-#2"}},
		{"an empty datagram", func(tp *tape) { tp.udp(caller, friend, nil) }, []string{direct}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tp := newTape()
			tt.play(tp)
			got, want := read(t, Options{}, tp.b), slices.Clone(tt.want)
			sortBursts(got)
			sortBursts(want)
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// sortBursts brings neighbouring lines of bursts into one order: they are told
// in the order in which they ended.
func sortBursts(lines []string) {
	isBurst := func(s string) bool { return len(s) > 2 && s[0] == ' ' && slices.Contains([]byte(s), '-') }
	for i := 0; i < len(lines); i++ {
		j := i
		for j < len(lines) && isBurst(lines[j]) {
			j++
		}
		slices.Sort(lines[i:j])
		i = j
	}
}

// dtls is a record of DTLS 1.2 with n bytes of application data.
func dtls(n int) []byte {
	return append([]byte{23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 5, byte(n >> 8), byte(n)}, filled(n, 0x5e)...)
}

// initial is a QUIC version 1 Initial packet of the client with one CRYPTO
// frame, sealed with the keys that RFC 9001 section 5.2 makes public, padded to
// 1200 bytes.
func initial(t *testing.T, id []byte, number byte, offset int, crypto []byte) []byte {
	t.Helper()
	salt, _ := hex.DecodeString("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
	expand := func(secret []byte, label string, n int) []byte {
		info := slices.Concat([]byte{0, byte(n)}, sized(1, []byte("tls13 "+label)...), []byte{0})
		b, err := hkdf.Expand(sha256.New, secret, string(info), n)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	secret, err := hkdf.Extract(sha256.New, id, salt)
	if err != nil {
		t.Fatal(err)
	}
	client := expand(secret, "client in", 32)
	block, err1 := aes.NewCipher(expand(client, "quic key", 16))
	mask, err2 := aes.NewCipher(expand(client, "quic hp", 16))
	gcm, err3 := cipher.NewGCM(block)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	varint := func(n int) []byte { return []byte{0x40 | byte(n>>8), byte(n)} }
	plain := slices.Concat([]byte{6}, varint(offset), varint(len(crypto)), crypto)
	plain = append(plain, make([]byte, 1200-27-len(id)-len(plain))...)
	head := slices.Concat([]byte{0xc0, 0, 0, 0, 1}, sized(1, id...), []byte{0, 0}, varint(1+len(plain)+16), []byte{number})
	nonce := expand(client, "quic iv", 12)
	nonce[11] ^= number
	out := gcm.Seal(slices.Clone(head), nonce, plain, head)
	at, sample := len(head)-1, make([]byte, 16)
	mask.Encrypt(sample, out[at+4:at+20])
	out[0] ^= sample[0] & 15
	out[at] ^= sample[1]
	return out
}

func TestQUICHello(t *testing.T) {
	id := filled(8, 0x83)
	m := clientHello("video.example.org")
	tp := newTape()
	tp.udp(caller, addr("192.0.2.80:443"), initial(t, id, 1, 50, m[50:]))
	tp.udp(caller, addr("192.0.2.80:443"), initial(t, id, 0, 0, m[:50]))
	tp.udp(addr("192.0.2.80:443"), caller, append([]byte{0x41}, filled(99, 3)...))
	n := len(initial(t, id, 0, 0, m[:50]))
	for _, open := range []bool{true, false} {
		want := []string{"17 10.0.0.7:50000 > 192.0.2.80:443 port" + only(open, " video.example.org(quic)"),
			"  up quic 2 packets 2400 bytes #1-#2", "  down quic 1 packets 100 bytes #3-#3"}
		if n != 1200 {
			t.Fatalf("the Initial has %d bytes", n)
		}
		if d := cmp.Diff(want, read(t, Options{QUICHello: open}, tp.b)); d != "" {
			t.Errorf("QUICHello %v: %s", open, d)
		}
	}
	// The wrong end was taken for the client: the hello proves it.
	tp = newTape()
	a, b := addr("198.51.100.1:50000"), addr("198.51.100.2:50001")
	tp.udp(a, b, append([]byte{0x41}, filled(99, 3)...))
	tp.udp(b, a, initial(t, id, 0, 0, m))
	want := []string{"17 198.51.100.2:50001 > 198.51.100.1:50000 hello video.example.org(quic)", "  down opaque 1 packets 100 bytes #1-#1", "  up quic 1 packets 1200 bytes #2-#2"}
	if d := cmp.Diff(want, read(t, Options{QUICHello: true}, tp.b)); d != "" {
		t.Error(d)
	}
}

// TestQUICHelloStaysShut holds the reader to --no-quic-hello by the record
// itself: nothing that stands inside the protected packet is known.
func TestQUICHelloStaysShut(t *testing.T) {
	tp := newTape()
	tp.udp(caller, addr("192.0.2.80:443"), initial(t, filled(8, 1), 0, 0, clientHello("secret.example.org")))
	r := NewReader(Options{})
	for _, f := range flowsOf(t, r, tp.b) {
		if f.Host != "" || f.JA4 != "" || f.ALPN != nil || f.ECH {
			t.Errorf("host %q, JA4 %q, ALPN %q without opening the hello", f.Host, f.JA4, f.ALPN)
		}
	}
}

// flowsOf copies the flows of a capture as a receiver has to.
func flowsOf(t testing.TB, r *Reader, file []byte) []capture.Flow {
	t.Helper()
	var out []capture.Flow
	take := func(rec capture.Record, err error) {
		if err != nil {
			t.Error(err)
		} else if rec.Flow != nil {
			f := *rec.Flow
			f.Frames, f.Signals, f.Bursts = slices.Clone(f.Frames), slices.Clone(f.Signals), slices.Clone(f.Bursts)
			out = append(out, f)
		}
	}
	for rec, err := range open(t, r, file).All() {
		take(rec, err)
	}
	for rec, err := range r.Finish() {
		take(rec, err)
	}
	return out
}
