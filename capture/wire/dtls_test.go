package wire

import (
	"encoding/binary"
	"slices"
	"testing"
)

// dtlsRecord wraps a body in a record of DTLS 1.2 in epoch 0.
func dtlsRecord(kind uint8, body []byte) []byte {
	b := []byte{kind, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 7}
	return append(binary.BigEndian.AppendUint16(b, uint16(len(body))), body...)
}

// dtlsFragments cuts a handshake message (with TLS's header) into DTLS
// fragments, one a record.
func dtlsFragments(msg []byte, number uint16, size int) [][]byte {
	var out [][]byte
	offset := 0
	for part := range slices.Chunk(msg[4:], size) {
		b := append([]byte(nil), msg[:4]...)
		b = binary.BigEndian.AppendUint16(b, number)
		b = append(b, byte(offset>>16), byte(offset>>8), byte(offset))
		b = append(b, byte(len(part)>>16), byte(len(part)>>8), byte(len(part)))
		out = append(out, dtlsRecord(TLSHandshake, append(b, part...)))
		offset += len(part)
	}
	return out
}

func dtlsPlan(t testing.TB, name string) *helloPlan {
	p := plainPlan(t, name)
	p.version, p.dtls, p.cookie = 0xfefd, true, []byte("cookie")
	p.extensions[2] = versionsOf(0xfefc, 0xfefd)
	return p
}

func TestParseDTLSRecord(t *testing.T) {
	unified := append([]byte{0x2f, 0x12, 0x34, 0, 16}, make([]byte, 16)...)
	for _, tt := range []struct {
		name string
		in   []byte
		want DTLSRecord
		ok   bool
		is   bool
	}{
		{"1.2", dtlsRecord(22, make([]byte, 20)), DTLSRecord{Type: 22, Version: 0xfefd, Seq: 7, Header: 13, Length: 20}, true, true},
		{"cut", dtlsRecord(23, make([]byte, 20))[:13], DTLSRecord{Type: 23, Version: 0xfefd, Seq: 7, Header: 13, Length: 20}, true, true},
		{"OpenSSL before 0.9.8f", []byte{22, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 9}, DTLSRecord{Type: 22, Version: 0x100, Seq: 1, Header: 13, Length: 9}, true, true},
		{"epoch 1", []byte{23, 0xfe, 0xff, 0, 1, 0, 0, 0, 0, 0, 1, 0, 9}, DTLSRecord{Type: 23, Version: 0xfeff, Epoch: 1, Seq: 1, Header: 13, Length: 9}, true, true},
		{"1.3", unified, DTLSRecord{Version: 0xfefc, Epoch: 3, Unified: true, Header: 5, Length: 16}, true, false},
		{"1.3 without length", append([]byte{0x22, 9}, make([]byte, 30)...), DTLSRecord{Version: 0xfefc, Epoch: 2, Unified: true, Header: 2, Length: 30}, true, false},
		{"empty body", dtlsRecord(22, nil), DTLSRecord{}, false, false},
		{"TLS", []byte{22, 3, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 9}, DTLSRecord{}, false, false},
		{"short", dtlsRecord(22, nil)[:12], DTLSRecord{}, false, false},
		{"nothing", nil, DTLSRecord{}, false, false},
	} {
		var r DTLSRecord
		if ok := ParseDTLSRecord(tt.in, &r); ok != tt.ok || IsDTLS(tt.in) != tt.is || ok && r != tt.want {
			t.Errorf("%s: got %v %+v", tt.name, ok, r)
		}
	}
}

func TestDTLSHello(t *testing.T) {
	msg := dtlsPlan(t, "dtls.example").build(t)
	for _, size := range []int{40, 100, 9000} {
		parts := dtlsFragments(msg, 1, size)
		slices.Reverse(parts)
		var d DTLSHello
		done := false
		for i, part := range parts {
			var err error
			if done, err = d.Add(part); err != nil || done != (i == len(parts)-1) {
				t.Fatalf("size %d, part %d: done %v, %v", size, i, done, err)
			}
		}
		h := d.Hello()
		if h == nil || h.Kind != HelloDTLS || h.ServerName != "dtls.example" || h.Truncated {
			t.Fatalf("size %d: %+v", size, h)
		}
		if ja4 := h.JA4(JA4DTLS); ja4[:10] != "dd3d0304h2" {
			t.Errorf("JA4 %s", ja4)
		}
	}
}

func TestDTLSHelloOfOneDatagram(t *testing.T) {
	parts := dtlsFragments(dtlsPlan(t, "one.example").build(t), 0, 50)
	var d DTLSHello
	if done, err := d.Add(slices.Concat(parts...)); !done || err != nil || d.Hello().ServerName != "one.example" {
		t.Errorf("done %v, %v", done, err)
	}
	// A part of the first hello must not be mixed with the second.
	first := dtlsFragments(dtlsPlan(t, "first.example").build(t), 0, 50)
	second := dtlsFragments(dtlsPlan(t, "other.example").build(t), 1, 50)
	var mixed DTLSHello
	for _, part := range slices.Concat(first[:2], second) {
		if _, err := mixed.Add(part); err != nil {
			t.Error(err)
		}
	}
	if h := mixed.Hello(); h == nil || h.ServerName != "other.example" || h.Truncated {
		t.Errorf("mixed: %+v", h)
	}
}

func TestDTLSCertificate(t *testing.T) {
	d := DTLSHello{Want: HandshakeCertificate}
	server := dtlsFragments([]byte{HandshakeServerHello, 0, 0, 2, 1, 1}, 1, 9)
	cert := dtlsFragments(certificateMessage(t, "WebRTC"), 2, 100)
	for _, part := range slices.Concat(server, cert) {
		d.Add(part)
	}
	if names, err := ParseCertificateNames(d.Message()); err != nil || names.CommonName != "WebRTC" {
		t.Errorf("got %+v, %v", names, err)
	}
}

func TestDTLSHelloBounds(t *testing.T) {
	var d DTLSHello
	for i := range maxDatagrams {
		if done, _ := d.Add(dtlsRecord(TLSApplicationData, make([]byte, 20))); done != (i == maxDatagrams-1) {
			t.Fatalf("datagram %d: done %v", i, done)
		}
	}
	// A message of 16 MB whose fragment lies far behind the bound.
	huge := []byte{1, 0xff, 0xff, 0xff, 0, 0, 0xff, 0, 0, 0, 0, 4, 1, 2, 3, 4}
	var h DTLSHello
	if _, err := h.Add(dtlsRecord(TLSHandshake, huge)); err == nil || cap(h.parts.buf) > maxHandshake {
		t.Errorf("%v, %d bytes kept", err, cap(h.parts.buf))
	}
}

func FuzzDTLS(f *testing.F) {
	f.Add(slices.Concat(dtlsFragments(dtlsPlan(f, "a.example").build(f), 0, 60)...))
	f.Add(append([]byte{0x2f, 0x12, 0x34, 0, 16}, make([]byte, 16)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r DTLSRecord
		if ParseDTLSRecord(b, &r) && (r.Header <= 0 || r.Header > len(b) || r.Length < 0) {
			t.Errorf("%+v", r)
		}
		for _, want := range []uint8{0, HandshakeCertificate} {
			d := DTLSHello{Want: want}
			d.Add(b)
			d.Add(b[:len(b)/2])
			d.Hello()
			ParseCertificateNames(d.Message())
			if cap(d.parts.buf) > 2*maxHandshake {
				t.Errorf("%d bytes kept", cap(d.parts.buf))
			}
		}
	})
}

func BenchmarkDTLSHello(b *testing.B) {
	datagram := slices.Concat(dtlsFragments(dtlsPlan(b, "a.example").build(b), 0, 9000)...)
	b.ReportAllocs()
	for b.Loop() {
		var d DTLSHello
		if done, _ := d.Add(datagram); !done {
			b.Fatal("not done")
		}
	}
}
