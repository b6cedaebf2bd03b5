package wire

import (
	"encoding/binary"
	"errors"
)

// ErrNoDTLSHandshake tells that a datagram holds no readable handshake.
var ErrNoDTLSHandshake = errors.New("dtls: no readable handshake")

// DTLSHello gathers one handshake message from the datagrams of one direction,
// where it may be cut into fragments that come in any order (RFC 6347 section
// 4.2.3). Its zero value looks for a ClientHello. It holds at most 16 kB and
// looks at 32 datagrams.
type DTLSHello struct {
	// Want is the type of the message looked for; 0 stands for ClientHello.
	Want uint8

	number    uint16 // message_seq of the message at hand
	size      int    // bytes of its body
	started   bool
	parts     pieces
	datagrams int
	done      bool
	message   []byte
}

// Add takes the payload of one datagram. It is done when the message is
// complete or the bounds are reached; an error concerns this datagram only.
func (d *DTLSHello) Add(datagram []byte) (done bool, err error) {
	if d.done {
		return true, nil
	}
	err = ErrNoDTLSHandshake
	for len(datagram) > 0 && !d.done {
		var r DTLSRecord
		if !ParseDTLSRecord(datagram, &r) {
			break
		}
		body := datagram[r.Header:]
		body = body[:min(r.Length, len(body))]
		// From epoch 1 on the handshake is encrypted.
		if r.Type == TLSHandshake && r.Epoch == 0 && !r.Unified && d.addRecord(body) {
			err = nil
		}
		datagram = datagram[r.Header+len(body):]
	}
	if d.datagrams++; d.datagrams >= maxDatagrams {
		d.done = true
	}
	return d.done, err
}

// addRecord takes the fragments in one record; true if one was of use.
func (d *DTLSHello) addRecord(b []byte) (used bool) {
	for len(b) >= dtlsHandshakeLen && !d.done {
		n := int(b[9])<<16 | int(b[10])<<8 | int(b[11])
		fragment := b[dtlsHandshakeLen:]
		fragment = fragment[:min(n, len(fragment))]
		if b[0] == max(d.Want, HandshakeClientHello) && d.addFragment(b[:dtlsHandshakeLen], fragment) {
			used = true
		}
		b = b[dtlsHandshakeLen+len(fragment):]
	}
	return used
}

// addFragment takes one fragment of a message of the wanted type.
func (d *DTLSHello) addFragment(header, fragment []byte) bool {
	size := int(header[1])<<16 | int(header[2])<<8 | int(header[3])
	number := binary.BigEndian.Uint16(header[4:6])
	offset := int(header[6])<<16 | int(header[7])<<8 | int(header[8])
	if size == 0 || offset+len(fragment) > size {
		return false
	}
	// The hello that repeats a server's cookie is a new message with the same
	// contents; the newer one has better chances to be whole.
	if !d.started || number != d.number || size != d.size {
		d.parts.reset()
		d.started, d.number, d.size = true, number, size
	}
	// The message is kept with a TLS handshake header of four bytes in front.
	if !d.parts.put(0, header[:4]) || !d.parts.put(uint64(4+offset), fragment) {
		return false
	}
	if got := d.parts.prefix(); len(got) == 4+size {
		d.message, d.done = got, true
	}
	return true
}

// Message gives the message, as far as it was gathered without a gap, in the
// form that TLS has: type, three bytes of length, body. It is nil if none began.
func (d *DTLSHello) Message() []byte {
	if d.message != nil {
		return d.message
	}
	return d.parts.prefix()
}

// Hello parses the ClientHello as far as it was gathered; nil if there is none.
func (d *DTLSHello) Hello() *ClientHello {
	h := new(ClientHello)
	if err := ParseClientHello(d.Message(), h); err != nil && h.Version == 0 {
		return nil
	}
	return h
}
