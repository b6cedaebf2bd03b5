package wire

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"envelope/capture"
)

// The test vectors of RFC 5769 sections 2.1 to 2.4.
const (
	rfc5769Request = `00010058 2112a442 b7e7a701 bc34d686 fa87dfae
		80220010 5354554e 20746573 7420636c 69656e74 00240004 6e0001ff 80290008 932ff9b1 51263b36
		00060009 6576746a 3a683676 59202020 00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
		80280004 e57a3bcf`
	rfc5769Response4 = `0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220
		00200008 0001a147 e112a643 00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96`
	rfc5769Response6 = `01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220
		00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
		00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c`
	rfc5769LongTerm = `00010060 2112a442 78ad3433 c6ad72c0 29da412e
		00060012 e3839ee3 8388e383 aae38383 e382afe3 82b90000 0015001c 662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 36347341
		0014000b 6578616d 706c652e 6f726700 00080014 f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666`
)

func TestParseSTUNVectors(t *testing.T) {
	ice := capture.AttrUsername | capture.AttrIntegrity | capture.AttrControlled | capture.AttrOther
	answer := capture.AttrIntegrity | capture.AttrOther
	for _, c := range []struct {
		name, in        string
		kind            uint16
		attrs           capture.AttrSet
		user, realm, sw string
		mapped          string
		priority        uint32
	}{
		{"request", rfc5769Request, STUNBindingRequest, ice, "evtj:h6vY", "", "STUN test client", "", 0x6e0001ff},
		{"response 4", rfc5769Response4, STUNBindingSuccess, answer, "", "", "test vector", "192.0.2.1:32853", 0},
		{"response 6", rfc5769Response6, STUNBindingSuccess, answer, "", "", "test vector", "[2001:db8:1234:5678:11:2233:4455:6677]:32853", 0},
		{"long-term", rfc5769LongTerm, STUNBindingRequest, capture.AttrUsername | capture.AttrRealm | capture.AttrIntegrity | capture.AttrOther, "マトリックス", "example.org", "", "", 0},
	} {
		b := unhex(t, c.in)
		var m STUN
		if !IsSTUN(b) || !ParseSTUN(b, len(b), &m) {
			t.Errorf("%s: not read", c.name)
			continue
		}
		if m.Type != c.kind || m.Attrs != c.attrs || m.Classic || m.Cut || m.Bad || m.Lifetime != -1 {
			t.Errorf("%s: type %#x attributes %#x in %+v", c.name, m.Type, m.Attrs, m)
		}
		if string(m.Username) != c.user || string(m.Realm) != c.realm || string(m.Software) != c.sw || m.Priority != c.priority {
			t.Errorf("%s: got %q %q %q %#x", c.name, m.Username, m.Realm, m.Software, m.Priority)
		}
		if got := m.Mapped.String(); m.Mapped.IsValid() && got != c.mapped || !m.Mapped.IsValid() && c.mapped != "" {
			t.Errorf("%s: mapped %s, want %s", c.name, got, c.mapped)
		}
	}
}

// stunAttr and stunMessage build messages for tests; align is the padding.
type stunAttr struct {
	kind  uint16
	value []byte
}

func stunMessage(kind uint16, align int, attrs ...stunAttr) []byte {
	var body []byte
	for _, a := range attrs {
		body = binary.BigEndian.AppendUint16(body, a.kind)
		body = binary.BigEndian.AppendUint16(body, uint16(len(a.value)))
		body = append(body, a.value...)
		for len(body)%align != 0 {
			body = append(body, 0)
		}
	}
	b := binary.BigEndian.AppendUint16(nil, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	b = binary.BigEndian.AppendUint32(b, stunCookie)
	b = append(b, "transaction1"...)
	return append(b, body...)
}

// xored is the value of an XOR address attribute for IPv4.
func xored(addr string) []byte {
	a := netip.MustParseAddrPort(addr)
	ip := a.Addr().As4()
	v := []byte{0, 1}
	v = binary.BigEndian.AppendUint16(v, a.Port()^0x2112)
	return binary.BigEndian.AppendUint32(v, binary.BigEndian.Uint32(ip[:])^stunCookie)
}

func TestParseTURN(t *testing.T) {
	inner := stunMessage(STUNBindingRequest, 4)
	b := stunMessage(STUNSendIndication, 4, stunAttr{attrXORPeer, xored("198.51.100.7:4000")}, stunAttr{attrData, inner})
	var m STUN
	if !ParseSTUN(b, len(b), &m) || m.Peer.String() != "198.51.100.7:4000" || string(m.Data) != string(inner) || m.DataLen != len(inner) {
		t.Errorf("send indication: %+v", m)
	}
	cut := b[:len(b)-12]
	if !ParseSTUN(cut, len(b), &m) || !m.Cut || m.Bad || len(m.Data) != len(inner)-12 || m.DataLen != len(inner) {
		t.Errorf("cut send indication: %+v", m)
	}
	if ParseSTUN(cut, len(cut), &m) {
		t.Error("a message longer than its datagram was read")
	}
	b = stunMessage(STUNAllocateError, 4, stunAttr{attrErrorCode, append([]byte{0, 0, 4, 1}, "Unauthorized"...)},
		stunAttr{attrRealm, []byte("turn.example.org")}, stunAttr{attrLifetime, []byte{0, 0, 2, 0x58}},
		stunAttr{attrChannel, []byte{0x40, 1, 0, 0}}, stunAttr{attrXORRelayed, xored("192.0.2.9:50000")}, stunAttr{attrTransport, []byte{17, 0, 0, 0}})
	if !ParseSTUN(b, len(b), &m) || m.ErrorCode != 401 || string(m.Realm) != "turn.example.org" || m.Lifetime != 600 ||
		m.Channel != 0x4001 || m.Relayed.String() != "192.0.2.9:50000" || m.Transport != 17 {
		t.Errorf("allocate error: %+v", m)
	}
}

// WhatsApp's messages until about 2020 are not padded: 102 bytes of token, then
// the next attribute at once.
func TestParseSTUNUnpadded(t *testing.T) {
	token := make([]byte, 102)
	b := stunMessage(STUNAllocateRequest, 1, stunAttr{attrWhatsAppToken, token}, stunAttr{0x0022, make([]byte, 14)}, stunAttr{attrXORRelayed, xored("192.0.2.1:3478")})
	var m STUN
	if !ParseSTUN(b, len(b), &m) || m.Bad || m.WhatsAppToken != 102 || m.Relayed.String() != "192.0.2.1:3478" || m.Attrs&capture.AttrWhatsApp == 0 {
		t.Errorf("%+v", m)
	}
	b = stunMessage(STUNWhatsAppEnd, 1, stunAttr{attrWhatsAppToken, token})
	if !ParseSTUN(b, len(b), &m) || m.Bad || m.Length != 106 {
		t.Errorf("one attribute of 106 bytes: %+v", m)
	}
}

func TestParseSTUNClassic(t *testing.T) {
	answer := unhex(t, "0101000c 00112233445566778899aabbccddeeff 00010008 0001 9c40 c0000201")
	var m STUN
	if !ParseSTUN(answer, len(answer), &m) || !m.Classic || m.Mapped.String() != "192.0.2.1:40000" {
		t.Errorf("classic answer: %+v", m)
	}
	for _, bad := range []string{
		"0101000c 00112233445566778899aabbccddeeff 40010008 0001 9c40 c0000201", // unknown attribute
		"0101000c 00112233445566778899aabbccddeeff 00010007 0001 9c40 c00002",   // does not fit
		"0800000c 00112233445566778899aabbccddeeff 00010008 0001 9c40 c0000201", // unknown type
	} {
		if b := unhex(t, bad); ParseSTUN(b, len(b), &m) {
			t.Errorf("%s was taken for classic STUN", bad)
		}
	}
}

func TestParseSTUNMalformed(t *testing.T) {
	b := stunMessage(STUNBindingSuccess, 4, stunAttr{attrMapped, []byte{0, 1, 0x11, 0xfc, 192, 0, 2, 1}})
	binary.BigEndian.PutUint16(b[22:], 0xFFFF)
	var m STUN
	if !ParseSTUN(b, len(b), &m) || !m.Bad || m.Mapped.IsValid() {
		t.Errorf("attribute of 65535 bytes: %+v", m)
	}
	for n := range stunHeader {
		if ParseSTUN(b[:n], n, &m) {
			t.Errorf("%d bytes were taken for a message", n)
		}
	}
}

func TestParseChannelData(t *testing.T) {
	b := []byte{0x40, 0x01, 0, 5, 'h', 'e', 'l', 'l', 'o', 0, 0, 0}
	for _, c := range []struct {
		b    []byte
		wire int
		data string
		ok   bool
	}{
		{b, 12, "hello", true}, {b[:9], 9, "hello", true}, {b[:6], 9, "he", true},
		{b[:8], 8, "", false}, {append(b[:12:12], 0), 13, "", false}, {[]byte{0x50, 1, 0, 0}, 4, "", false}, {b[:3], 3, "", false},
	} {
		ch, data, n, ok := ParseChannelData(c.b, c.wire)
		if ok != c.ok || string(data) != c.data || ok && (ch != 0x4001 || n != 5) {
			t.Errorf("%x of %d: channel %#x data %q of %d, %v", c.b, c.wire, ch, data, n, ok)
		}
	}
}

func FuzzSTUN(f *testing.F) {
	for _, s := range []string{rfc5769Request, rfc5769Response4, rfc5769Response6, rfc5769LongTerm} {
		f.Add(unhex(f, s), 0)
	}
	f.Add(stunMessage(STUNWhatsAppEnd, 1, stunAttr{attrWhatsAppToken, make([]byte, 102)}), 1000)
	f.Fuzz(func(t *testing.T, b []byte, wire int) {
		var m STUN
		if ParseSTUN(b, wire, &m) && !m.Cut && len(m.Data) != m.DataLen {
			t.Errorf("data of %d bytes, length %d", len(m.Data), m.DataLen)
		}
	})
}

func FuzzChannelData(f *testing.F) {
	f.Add([]byte{0x40, 0x01, 0, 5, 'h', 'e', 'l', 'l', 'o', 0, 0, 0}, 12)
	f.Fuzz(func(t *testing.T, b []byte, wire int) {
		if _, data, n, ok := ParseChannelData(b, wire); ok && len(data) > n {
			t.Errorf("%d bytes of %d", len(data), n)
		}
	})
}
