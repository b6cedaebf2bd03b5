package wire

import (
	"bytes"
	"crypto/aes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// initialPlan is one Initial packet under construction.
type initialPlan struct {
	version    uint32
	keyID      []byte // connection ID that the keys come from
	dcid, scid []byte
	token      []byte
	number     uint64
	frames     []byte
	label      string // "client in" where empty
}

// seal gives the protected packet, with a packet number of four bytes.
func (p *initialPlan) seal(t testing.TB) []byte {
	t.Helper()
	k, err := initialKeys(p.version, quicSalts(p.version)[0], p.keyID, max(p.label, "client in"))
	if err != nil {
		t.Fatal(err)
	}
	first := byte(0xc3)
	if quicLongType(p.version, 0) != QUICInitial {
		first = 0xd3
	}
	b := binary.BigEndian.AppendUint32([]byte{first}, p.version)
	b = append(append(b, byte(len(p.dcid))), p.dcid...)
	b = append(append(b, byte(len(p.scid))), p.scid...)
	b = append(appendVarint(b, uint64(len(p.token))), p.token...)
	b = appendVarint(b, uint64(4+len(p.frames)+16))
	at := len(b)
	b = binary.BigEndian.AppendUint32(b, uint32(p.number))
	nonce := k.iv
	binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(nonce[4:])^p.number)
	b = k.aead.Seal(b, nonce[:], p.frames, b)
	var mask [16]byte
	k.mask.Encrypt(mask[:], b[at+4:at+20])
	b[0] ^= mask[0] & 15
	for i := range 4 {
		b[at+i] ^= mask[1+i]
	}
	return b
}

// appendVarint appends a variable-length integer of one or two bytes.
func appendVarint(b []byte, v uint64) []byte {
	if v < 64 {
		return append(b, byte(v))
	}
	return append(b, 0x40|byte(v>>8), byte(v))
}

// cryptoFrame builds a CRYPTO frame.
func cryptoFrame(kind byte, offset int, data []byte) []byte {
	b := appendVarint([]byte{kind}, uint64(offset))
	return append(appendVarint(b, uint64(len(data))), data...)
}

func padTo(b []byte, n int) []byte { return append(b, make([]byte, max(0, n-len(b)))...) }

func TestInitialKeysOfRFCs(t *testing.T) {
	for _, tt := range []struct {
		version uint32
		label   string
		iv, key string
	}{
		{QUICVersion1, "client in", "fa044b2f42a3fd3b46fb255c", "1f369613dd76d5467730efcbe3b1a22d"},
		{QUICVersion1, "server in", "0ac1493ca1905853b0bba03e", "cf3a5331653c364c88f0f379b6067e37"},
		{QUICVersion2, "client in", "91f73e2351d8fa91660e909f", "8b1a0bc121284290a29e0971b5cd045d"},
	} {
		k, err := initialKeys(tt.version, quicSalts(tt.version)[0], unhex(t, rfcDCID), tt.label)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(k.iv[:]); got != tt.iv {
			t.Errorf("%x %s: iv %s, want %s", tt.version, tt.label, got, tt.iv)
		}
		want, err := aes.NewCipher(unhex(t, tt.key))
		if err != nil {
			t.Fatal(err)
		}
		var a, b [aes.BlockSize]byte
		k.block.Encrypt(a[:], a[:])
		want.Encrypt(b[:], b[:])
		if a != b {
			t.Errorf("%x %s: wrong key", tt.version, tt.label)
		}
	}
}

// TestRFC9369Initial checks version 2 against the header and the sample that
// RFC 9369 appendix A.2 gives for the frames of RFC 9001 appendix A.2.
func TestRFC9369Initial(t *testing.T) {
	p := initialPlan{version: QUICVersion2, keyID: unhex(t, rfcDCID), dcid: unhex(t, rfcDCID), number: 2,
		frames: padTo(unhex(t, rfcClientFrame), 1162)}
	want := unhex(t, "d76b3343cf088394c8f03e5157080000449ea0c95e82 ffe67b6abcdb4298b485dd04de806071")
	packet := p.seal(t)
	if !bytes.Equal(packet[:len(want)], want) {
		t.Fatalf("got %x", packet[:len(want)])
	}
	var q QUICHello
	if done, err := q.Add(packet); !done || err != nil || q.Hello().ServerName != "example.com" {
		t.Errorf("done %v, %v", done, err)
	}
}

func TestRFC9001Packets(t *testing.T) {
	client := unhex(t, rfcClientInitial)
	keep := slices.Clone(client)
	var q QUICHello
	done, err := q.Add(client)
	if h := q.Hello(); !done || err != nil || h == nil || h.ServerName != "example.com" ||
		!slices.Equal(h.ALPN, []string{"alpn"}) || h.Truncated {
		t.Errorf("client: %v %v %+v", done, err, h)
	}
	if !bytes.Equal(client, keep) {
		t.Error("Add must not change the datagram")
	}
	k, err := initialKeys(QUICVersion1, saltV1, unhex(t, rfcDCID), "server in")
	if err != nil {
		t.Fatal(err)
	}
	server := unhex(t, rfcServerInitial)
	var h QUICHeader
	if !ParseQUICHeader(server, &h) || h.Type != QUICInitial || hex.EncodeToString(h.SCID) != "f067a5502a4262b5" {
		t.Fatalf("server header %+v", h)
	}
	var other QUICHello
	if done, err := other.Add(server); done || !errors.Is(err, errQUICTag) {
		t.Errorf("a server's Initial is not a client's: %v, %v", done, err)
	}
	frames, number, err := k.open(server, h.Payload, false, 0)
	if err != nil || number != 1 || !bytes.HasPrefix(frames, unhex(t, "02000000000600405a020000560303")) {
		t.Errorf("server: %v, number %d, %x", err, number, frames)
	}
}

func TestParseQUICHeader(t *testing.T) {
	v2 := (&initialPlan{version: QUICVersion2, keyID: []byte{1}, dcid: []byte{1}, token: []byte("tok"), frames: make([]byte, 30)}).seal(t)
	negotiation := unhex(t, "80 00000000 02aabb 01cc 00000001 6b3343cf")
	unknown := unhex(t, rfcClientInitial)
	unknown[1] = 0x77
	for _, tt := range []struct {
		name    string
		in      []byte
		ok      bool
		kind    QUICType
		version uint32
		dcid    string
		initial bool
	}{
		{"A.2", unhex(t, rfcClientInitial), true, QUICInitial, 1, rfcDCID, true},
		{"A.4", unhex(t, rfcRetry), true, QUICRetry, 1, "", false},
		{"A.5", unhex(t, rfcShort), true, QUICShort, 0, "", false},
		{"version 2", v2, true, QUICInitial, QUICVersion2, "01", true},
		{"negotiation", negotiation, true, QUICVersions, 0, "aabb", false},
		{"unknown version", unknown, false, 0, 0, "", false},
		{"STUN", unhex(t, "000100002112a442000102030405060708090a0b"), false, 0, 0, "", false},
		{"RTP", padTo([]byte{0x80, 0x78}, 60), false, 0, 0, "", false},
		{"nothing", nil, false, 0, 0, "", false},
		{"Q043", googleQ043(t), true, QUICGoogle, 0x51303433, "0102030405060708", true},
		{"Q046", googleQ046(t), true, QUICInitial, quicQ046, "0102030405060708", true},
	} {
		var h QUICHeader
		ok := ParseQUICHeader(tt.in, &h)
		if ok != tt.ok || IsQUICInitial(tt.in) != tt.initial {
			t.Errorf("%s: ok %v, initial %v", tt.name, ok, IsQUICInitial(tt.in))
		} else if ok && (h.Type != tt.kind || h.Version != tt.version || hex.EncodeToString(h.DCID) != tt.dcid) {
			t.Errorf("%s: %+v", tt.name, h)
		}
	}
	var h QUICHeader
	if !ParseQUICHeader(v2, &h) || string(h.Token) != "tok" || h.End != len(v2) {
		t.Errorf("token %q, end %d of %d", h.Token, h.End, len(v2))
	}
}

// TestQUICHelloPieces sends a hello in pieces of several packets, shuffled and
// partly twice, for every version whose salt differs.
func TestQUICHelloPieces(t *testing.T) {
	msg := bigHello(t)
	random := rand.New(rand.NewPCG(1, 2))
	for _, version := range []uint32{1, QUICVersion2, 0xff000016, 0xff000017, 0xff00001d, 0xff000022,
		0xfaceb001, 0xfaceb002, 0xfaceb003, quicT050, quicT051, 0x1a2a3a4a} {
		var packets [][]byte
		offset, ping, crypto := 0, byte(1), byte(6)
		if quicGoogle(version) {
			ping, crypto = 7, 8
		}
		for part := range slices.Chunk(msg, 400) {
			half := len(part) / 2
			frames := append([]byte{ping}, cryptoFrame(crypto, offset+half, part[half:])...)
			frames = append(frames, 0, 0)
			frames = append(frames, cryptoFrame(crypto, offset, part[:half])...)
			p := initialPlan{version: version, keyID: []byte("original"), dcid: []byte("original"),
				number: uint64(len(packets)), frames: padTo(frames, 500)}
			packets = append(packets, p.seal(t))
			offset += len(part)
		}
		packets = append(packets, packets[0], packets[1])
		random.Shuffle(len(packets), func(i, j int) { packets[i], packets[j] = packets[j], packets[i] })
		var q QUICHello
		done := false
		for i := 0; i < len(packets) && !done; i++ {
			var err error
			if done, err = q.Add(packets[i]); err != nil {
				t.Errorf("%x: %v", version, err)
			}
		}
		if h := q.Hello(); !done || h == nil || h.ServerName != "pieces.example" || h.Truncated {
			t.Errorf("%x: done %v, %+v", version, done, h)
		}
	}
}

// bigHello has the size that post-quantum key shares give.
func bigHello(t testing.TB) []byte {
	plan := plainPlan(t, "pieces.example")
	plan.extensions = append(plan.extensions, extension{0x33, make([]byte, 1300)})
	return plan.build(t)
}

func TestQUICHelloRetryAndServerID(t *testing.T) {
	msg := bigHello(t)
	first := initialPlan{version: 1, keyID: []byte("original"), dcid: []byte("original"), frames: padTo(cryptoFrame(6, 0, msg[:700]), 1100)}
	again := initialPlan{version: 1, keyID: []byte("retry id"), dcid: []byte("retry id"), token: []byte("token"), number: 1,
		frames: padTo(cryptoFrame(6, 0, msg[:800]), 1100)}
	// After the server's answer the client sends to its ID but keeps the keys.
	rest := initialPlan{version: 1, keyID: []byte("retry id"), dcid: []byte("server"), number: 2,
		frames: append([]byte{2, 0, 0, 0, 0}, cryptoFrame(6, 800, msg[800:])...)}
	server := initialPlan{version: 1, keyID: []byte("retry id"), dcid: []byte("client"), label: "server in", frames: padTo([]byte{1}, 60)}
	handshake := append(unhex(t, "e3 00000001 06 736572766572 00 1e"), make([]byte, 30)...)
	var q QUICHello
	for i, datagram := range [][]byte{first.seal(t), handshake, server.seal(t), again.seal(t)} {
		if done, _ := q.Add(datagram); done {
			t.Fatalf("%d: done too early", i)
		}
	}
	if h := q.Hello(); h == nil || !h.Truncated || h.ServerName != "pieces.example" {
		t.Errorf("before the end: %+v", h)
	}
	if done, err := q.Add(append(handshake, rest.seal(t)...)); !done || err != nil {
		t.Errorf("coalesced: %v, %v", done, err)
	}
	if h := q.Hello(); h == nil || h.Truncated {
		t.Errorf("got %+v", h)
	}
}

func TestQUICHelloCutBySnapLength(t *testing.T) {
	packet := unhex(t, rfcClientInitial)
	var q QUICHello
	if done, err := q.Add(packet[:200]); done || err != nil {
		t.Fatalf("done %v, %v", done, err)
	}
	if h := q.Hello(); h == nil || !h.Truncated || h.ServerName != "example.com" {
		t.Errorf("got %+v", h)
	}
	packet[10] ^= 1 // another connection ID: other keys
	var wrong QUICHello
	if _, err := wrong.Add(packet[:200]); !errors.Is(err, errQUICTag) || wrong.Hello() != nil {
		t.Errorf("wrong keys: %v", err)
	}
}

func TestQUICHelloBounds(t *testing.T) {
	p := initialPlan{version: 1, keyID: []byte("original"), dcid: []byte("original"), frames: padTo([]byte{1}, 60)}
	packet := p.seal(t)
	var q QUICHello
	for i := range maxInitials {
		if done, _ := q.Add(packet); done != (i == maxInitials-1) {
			t.Fatalf("datagram %d: done %v", i, done)
		}
	}
	var short QUICHello
	for i := range maxDatagrams {
		if done, _ := short.Add(unhex(t, rfcShort)); done != (i == maxDatagrams-1) {
			t.Fatalf("short %d: done %v", i, done)
		}
	}
	far := initialPlan{version: 1, keyID: []byte("original"), dcid: []byte("original"),
		frames: append([]byte{6, 0x80, 0, 0x50, 0, 0x40, 50}, make([]byte, 60)...)}
	var beyond QUICHello
	if _, err := beyond.Add(far.seal(t)); !errors.Is(err, ErrQUICLimit) || len(beyond.crypto.buf) > 0 {
		t.Errorf("offset beyond the bound: %v", err)
	}
}

func TestPieces(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	want := make([]byte, 600)
	for i := range want {
		want[i] = byte(random.Uint32())
	}
	var p pieces
	for len(p.prefix()) < len(want) {
		from := random.IntN(len(want))
		to := min(len(want), from+1+random.IntN(40))
		if !p.put(uint64(from), want[from:to]) {
			t.Fatal("refused")
		}
		for i := 1; i < len(p.have); i++ {
			if p.have[i].from <= p.have[i-1].to {
				t.Fatalf("not sorted apart: %v", p.have)
			}
		}
	}
	if !bytes.Equal(p.prefix(), want) {
		t.Error("put together wrong")
	}
	var gaps pieces
	for i := range 2 * maxSpans {
		gaps.put(uint64(2*i), []byte{1})
	}
	if len(gaps.have) != maxSpans {
		t.Errorf("%d spans", len(gaps.have))
	}
}

func TestPacketNumber(t *testing.T) {
	// RFC 9000 appendix A.3: 0xa82f30ea is the largest received, 0x9b32 came.
	if got := packetNumber(0xa82f30ea+1, 0x9b32, 2); got != 0xa82f9b32 {
		t.Errorf("got %x", got)
	}
	if got := packetNumber(0, 7, 1); got != 7 {
		t.Errorf("got %x", got)
	}
}

// chlo builds a hello of the QUIC crypto protocol.
func chlo(tags ...string) []byte {
	var index, values []byte
	for i := 0; i+1 < len(tags); i += 2 {
		values = append(values, tags[i+1]...)
		index = append(index, tags[i]...)
		index = binary.LittleEndian.AppendUint32(index, uint32(len(values)))
	}
	b := append([]byte("CHLO"), byte(len(tags)/2), 0, 0, 0)
	return append(append(b, index...), values...)
}

// googlePayload is a hash and a STREAM frame of stream 1 with the hello.
func googlePayload() []byte {
	hello := chlo("PAD\x00", "----", "SNI\x00", "Google.Example", "UAID", "Test/2")
	b := append(make([]byte, googleHashLen), 0xa0, 1, byte(len(hello)>>8), byte(len(hello)))
	return padTo(append(b, hello...), 300)
}

func googleQ043(t testing.TB) []byte {
	return append(unhex(t, "09 0102030405060708 51303433 01"), googlePayload()...)
}

func googleQ046(t testing.TB) []byte {
	return append(unhex(t, "c3 51303436 50 0102030405060708 00000001"), googlePayload()...)
}

func TestGoogleQUIC(t *testing.T) {
	hello := chlo("SNI\x00", "Google.Example", "UAID", "Test/2")
	frames := append([]byte{8, 0}, appendVarint(nil, uint64(len(hello)))...)
	q050 := initialPlan{version: quicQ050, keyID: []byte("original"), dcid: []byte("original"),
		frames: padTo(append(frames, hello...), 300)}
	for name, datagram := range map[string][]byte{"Q043": googleQ043(t), "Q046": googleQ046(t), "Q050": q050.seal(t)} {
		var q QUICHello
		done, err := q.Add(datagram)
		if h := q.Hello(); !done || err != nil || h == nil || h.ServerName != "google.example" ||
			h.UserAgent != "Test/2" || h.Kind != HelloGQUIC || h.JA4(JA4QUIC) != "" {
			t.Errorf("%s: %v, %v, %+v", name, done, err, h)
		}
	}
}

func FuzzQUICHeader(f *testing.F) {
	for _, s := range []string{rfcClientInitial, rfcServerInitial, rfcRetry, rfcShort} {
		f.Add(unhex(f, s))
	}
	f.Add(googleQ043(f))
	f.Add(googleQ046(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h QUICHeader
		if ParseQUICHeader(b, &h) && (h.Payload > len(b) || h.End < h.Payload) {
			t.Errorf("%+v of %d bytes", h, len(b))
		}
	})
}

func FuzzQUICHello(f *testing.F) {
	f.Add(unhex(f, rfcClientInitial), []byte{})
	f.Add(unhex(f, rfcServerInitial), unhex(f, rfcClientFrame))
	f.Add(googleQ043(f), chlo("SNI\x00", "a.example"))
	f.Add([]byte{}, []byte{2, 0, 0, 0, 0, 6, 0, 4, 1, 0, 0, 0, 3})
	f.Fuzz(func(t *testing.T, datagram, frames []byte) {
		var q QUICHello
		q.Add(datagram)
		q.Add(datagram[min(len(datagram), 1):])
		if len(frames) < 16000 {
			for _, version := range []uint32{1, quicQ050} {
				p := initialPlan{version: version, keyID: []byte("original"), dcid: []byte("original"), frames: frames}
				q.Add(p.seal(t))
			}
		}
		q.Hello()
		if cap(q.crypto.buf) > 2*maxHandshake {
			t.Errorf("%d bytes kept", cap(q.crypto.buf))
		}
	})
}

func BenchmarkQUICHello(b *testing.B) {
	packet := unhex(b, rfcClientInitial)
	b.ReportAllocs()
	for b.Loop() {
		var q QUICHello
		if done, err := q.Add(packet); !done || err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIsQUICInitial measures the test that each datagram goes through.
func BenchmarkIsQUICInitial(b *testing.B) {
	packet := unhex(b, rfcClientInitial)
	b.ReportAllocs()
	for b.Loop() {
		IsQUICInitial(packet)
	}
}
