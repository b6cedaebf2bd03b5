package simulate

import (
	"encoding/binary"
	"net/netip"
)

// Attr is one STUN attribute. Its length is that of Value; padding is added.
type Attr struct {
	Type  uint16
	Value []byte
}

const stunCookie = 0x2112A442 // RFC 8489 section 5

// STUN builds a message of the given type with a transaction of 12 bytes.
func STUN(kind uint16, transaction []byte, attrs ...Attr) []byte {
	var body []byte
	for _, a := range attrs {
		body = append(body, numbers(a.Type, uint16(len(a.Value)))...)
		body = append(body, a.Value...)
		body = append(body, make([]byte, -len(a.Value)&3)...)
	}
	out := numbers(kind, uint16(len(body)))
	out = binary.BigEndian.AppendUint32(out, stunCookie)
	return append(append(out, transaction[:12]...), body...)
}

// XORAddress is the value of XOR-MAPPED-ADDRESS and its kin (RFC 8489 section
// 14.2) for the transaction.
func XORAddress(a netip.AddrPort, transaction []byte) []byte {
	mask := append(binary.BigEndian.AppendUint32(nil, stunCookie), transaction[:12]...)
	family := byte(1)
	if a.Addr().Is6() {
		family = 2
	}
	out := append([]byte{0, family}, numbers(a.Port()^stunCookie>>16)...)
	for i, b := range a.Addr().AsSlice() {
		out = append(out, b^mask[i])
	}
	return out
}

// RTP builds an RTP packet (RFC 3550 section 5.1) around a sealed body.
func RTP(payloadType uint8, sequence uint16, timestamp, ssrc uint32, body []byte) []byte {
	out := append([]byte{0x80, payloadType}, numbers(sequence)...)
	out = binary.BigEndian.AppendUint32(out, timestamp)
	out = binary.BigEndian.AppendUint32(out, ssrc)
	return append(out, body...)
}

// RTCP builds a packet of SRTCP (RFC 3711 section 3.4): a header in clear
// whose length counts the words of the report alone, then the sealed report,
// the index with its E bit, and the tag.
func RTCP(kind uint8, words uint16, ssrc, index uint32, sealed, tag []byte) []byte {
	out := append([]byte{0x81, kind}, numbers(words)...)
	out = binary.BigEndian.AppendUint32(out, ssrc)
	out = append(out, sealed...)
	out = binary.BigEndian.AppendUint32(out, 1<<31|index)
	return append(out, tag...)
}
