package simulate

import (
	"encoding/binary"
	"time"

	"envelope/capture"
)

// Hello is what a client says in clear when it opens TLS 1.3, and how long the
// sealed part of the server's flight is.
type Hello struct {
	Name   string   // SNI
	ALPN   []string // none for no extension
	Flight []int    // lengths of the server's sealed records; nil for a usual chain
	Finish int      // length of the client's Finished record; 0 for 53 (SHA-256)
}

// TLS record types (RFC 8446 section 5.1).
const (
	recordChangeCipher = 20
	recordHandshake    = 22
	recordData         = 23
)

// usualFlight is EncryptedExtensions, Certificate, CertificateVerify (an RSA
// key of 2048 bits) and Finished: the lengths of section 4 of RFC 8446 with
// their 4-byte headers, one byte of content type and 16 of tag.
var usualFlight = []int{32, 2657, 281, 53}

// TLS runs a TLS 1.3 handshake whose first record leaves at the given time. It
// returns when the client can send application data.
func (c *Conn) TLS(at capture.Time, h Hello) capture.Time {
	const compute = 2 * time.Millisecond
	c.Send(at, capture.Up, record(recordHandshake, clientHello(c, h)))
	answer := at.Add(c.Way() + compute)
	flight := record(recordHandshake, serverHello(c))
	flight = append(flight, record(recordChangeCipher, []byte{1})...)
	lengths := h.Flight
	if lengths == nil {
		lengths = usualFlight
	}
	for _, n := range lengths {
		flight = append(flight, record(recordData, noise(c.rand, n))...)
	}
	c.Send(answer, capture.Down, flight)
	finish := h.Finish
	if finish == 0 {
		finish = 53
	}
	// The client needs the last segment of the flight.
	done := answer.Add(c.Way() + time.Duration(len(flight)/mss)*spacing + compute)
	last := append(record(recordChangeCipher, []byte{1}), record(recordData, noise(c.rand, finish))...)
	c.Send(done, capture.Up, last)
	return done.Add(time.Millisecond)
}

// Records lets one side send application data records of the given lengths (of
// the body, as the record header says) in one write.
func (c *Conn) Records(at capture.Time, dir int, lengths ...int) {
	var out []byte
	for _, n := range lengths {
		out = append(out, record(recordData, noise(c.rand, n))...)
	}
	c.Send(at, dir, out)
}

// record puts the header of a TLS record before its body.
func record(kind byte, body []byte) []byte {
	version := uint16(0x0303)
	if kind == recordHandshake && body[0] == 1 {
		version = 0x0301 // as clients send it (RFC 8446 section 5.1)
	}
	out := binary.BigEndian.AppendUint16([]byte{kind}, version)
	return append(binary.BigEndian.AppendUint16(out, uint16(len(body))), body...)
}

// vector puts the length of body, in size bytes, before it.
func vector(size int, body ...byte) []byte {
	length := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	return append(length[4-size:], body...)
}

// extension is one TLS extension (RFC 8446 section 4.2).
func extension(kind uint16, body ...byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, kind), vector(2, body...)...)
}

// numbers writes 16-bit values one after the other.
func numbers(values ...uint16) []byte {
	var out []byte
	for _, v := range values {
		out = binary.BigEndian.AppendUint16(out, v)
	}
	return out
}

// clientHello offers what TLS clients of phones offer (RFC 8446 section 4.1.2
// and the extensions named below).
func clientHello(c *Conn, h Hello) []byte {
	body := append([]byte{3, 3}, noise(c.rand, 32)...)
	body = append(body, vector(1, noise(c.rand, 32)...)...) // session id, for middleboxes
	body = append(body, vector(2, numbers(0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xcca9, 0xc02f, 0xc030, 0xcca8, 0x009c, 0x009d)...)...)
	body = append(body, 1, 0) // no compression
	body = append(body, vector(2, clientExtensions(c, h)...)...)
	return append([]byte{1}, vector(3, body...)...)
}

func clientExtensions(c *Conn, h Hello) []byte {
	var out []byte
	if h.Name != "" {
		out = append(out, extension(0, vector(2, append([]byte{0}, vector(2, []byte(h.Name)...)...)...)...)...) // server_name (RFC 6066)
	}
	out = append(out, extension(23)...)                                       // extended_master_secret (RFC 7627)
	out = append(out, extension(0xff01, 0)...)                                // renegotiation_info (RFC 5746)
	out = append(out, extension(10, vector(2, numbers(29, 23, 24)...)...)...) // supported_groups
	out = append(out, extension(11, 1, 0)...)                                 // ec_point_formats (RFC 8422)
	if len(h.ALPN) > 0 {
		var list []byte
		for _, p := range h.ALPN {
			list = append(list, vector(1, []byte(p)...)...)
		}
		out = append(out, extension(16, vector(2, list...)...)...) // RFC 7301
	}
	out = append(out, extension(13, vector(2, numbers(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)...)...)...) // signature_algorithms
	share := append(numbers(29), vector(2, noise(c.rand, 32)...)...)
	out = append(out, extension(51, vector(2, share...)...)...)                    // key_share, X25519
	out = append(out, extension(45, 1, 1)...)                                      // psk_key_exchange_modes
	return append(out, extension(43, vector(1, numbers(0x0304, 0x0303)...)...)...) // supported_versions
}

// serverHello chooses TLS 1.3 and AES-128-GCM: 122 bytes, the length measured
// for servers of messengers.
func serverHello(c *Conn) []byte {
	body := append([]byte{3, 3}, noise(c.rand, 32)...)
	body = append(body, vector(1, noise(c.rand, 32)...)...)
	body = append(body, 0x13, 0x01, 0)
	extensions := append(extension(43, 3, 4), extension(51, append(numbers(29), vector(2, noise(c.rand, 32)...)...)...)...)
	body = append(body, vector(2, extensions...)...)
	return append([]byte{2}, vector(3, body...)...)
}
