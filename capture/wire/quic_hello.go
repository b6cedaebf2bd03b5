package wire

import (
	"bytes"
	"errors"
)

// Bounds of QUICHello: a client's first flight has at most some four Initials;
// repetitions and Retry come on top. Datagrams without an Initial of the client
// (0-RTT data, the server's answers) are counted apart.
const (
	maxInitials  = 10
	maxDatagrams = 32
)

// Errors of QUICHello.Add.
var (
	ErrNoInitial    = errors.New("quic: no initial packet")
	ErrQUICLimit    = errors.New("quic: no client hello within the limits")
	errQUICFrame    = errors.New("quic: malformed frame")
	errNoQUICClient = errors.New("quic: not a client's crypto stream")
)

// QUICHello gathers the ClientHello of one QUIC connection from the datagrams
// of the client, in any order, with repetitions, coalesced packets, and a new
// beginning after Retry or version negotiation. The zero value is ready. It
// holds at most 16 kB and looks at 10 datagrams with an Initial of the client, and
// 32 others.
//
// Initial keys differ by direction, and the authentication tag is checked. A
// datagram that Add accepts was therefore sent by the client; one with an
// Initial that it refuses was sent by the server, or is not the first flight.
type QUICHello struct {
	version  uint32
	dcid     []byte // from which the keys come
	keys     *quicKeys
	expected uint64 // packet number
	crypto   pieces
	initials int
	others   int
	done     bool
	hello    *ClientHello
}

// Add takes the payload of one UDP datagram, which it does not change or keep.
// It is done when the ClientHello is complete or the bounds are reached
// (ErrQUICLimit). Another error concerns this datagram only.
func (q *QUICHello) Add(datagram []byte) (done bool, err error) {
	if q.done {
		return true, nil
	}
	err = ErrNoInitial
	for rest := datagram; len(rest) > 0 && !q.done; {
		var h QUICHeader
		if !ParseQUICHeader(rest, &h) {
			break
		}
		if h.Type == QUICInitial || h.Type == QUICGoogle {
			if e := q.initial(rest, &h); e == nil {
				err = nil
			} else if err == ErrNoInitial {
				err = e
			}
		}
		rest = rest[min(h.End, len(rest)):]
	}
	return q.conclude(err)
}

// conclude keeps the bounds after each datagram.
func (q *QUICHello) conclude(err error) (bool, error) {
	if q.done {
		return true, nil
	}
	if err == nil {
		q.initials++
	} else {
		q.others++
	}
	if q.initials >= maxInitials || q.others >= maxDatagrams {
		q.done = true
		return true, ErrQUICLimit
	}
	return false, err
}

// initial reads one packet and, if that completes it, the hello.
func (q *QUICHello) initial(packet []byte, h *QUICHeader) error {
	cut := h.End > len(packet)
	packet = packet[:min(h.End, len(packet))]
	if len(packet) > maxHandshake {
		return ErrQUICLimit
	}
	if h.Type == QUICGoogle || h.Version == quicQ046 {
		return q.googleFrames(packet[h.Payload:], h.Version)
	}
	frames, err := q.unprotect(packet, h, cut)
	if err != nil {
		return err
	}
	if quicGoogle(h.Version) {
		return q.googleCrypto(frames)
	}
	if err := q.readFrames(frames); err != nil && !cut {
		return err
	}
	return q.check()
}

// unprotect opens the packet with the keys at hand or, at the beginning, after
// Retry and after version negotiation, with new ones.
func (q *QUICHello) unprotect(packet []byte, h *QUICHeader, cut bool) ([]byte, error) {
	if q.keys != nil && q.version == h.Version {
		frames, number, err := q.keys.openCopy(packet, h.Payload, cut, q.expected)
		if err == nil {
			q.expected = max(q.expected, number+1)
			return frames, nil
		}
		if string(q.dcid) == string(h.DCID) {
			return nil, err
		}
	}
	for _, salt := range quicSalts(h.Version) {
		keys, err := initialKeys(h.Version, salt, h.DCID, "client in")
		if err != nil {
			return nil, err
		}
		frames, number, err := keys.openCopy(packet, h.Payload, cut, 0)
		if err == nil {
			// The client began anew: its crypto stream starts again at 0.
			q.crypto.reset()
			q.version, q.keys, q.expected = h.Version, keys, number+1
			q.dcid = append(q.dcid[:0], h.DCID...)
			return frames, nil
		}
	}
	return nil, errQUICTag
}

// openCopy is open without changing the packet. Of a cut one the frames must
// make sense.
func (k *quicKeys) openCopy(packet []byte, at int, cut bool, expected uint64) (frames []byte, number uint64, err error) {
	frames, number, err = k.open(append([]byte(nil), packet...), at, cut, expected)
	if err == nil && cut && !plausible(frames) {
		return nil, 0, errQUICTag
	}
	return frames, number, err
}

// plausible tells whether frames that could not be authenticated begin like
// those of a client's first Initial: a CRYPTO frame, or PING and PADDING before
// it, with a ClientHello at offset 0. Wrong keys pass by chance once in 2^32.
func plausible(frames []byte) bool {
	for len(frames) > 0 && frames[0] <= 1 {
		frames = frames[1:]
	}
	return len(frames) > 10 && frames[0] == 0x06 && frames[1] == 0 &&
		frames[2]>>6 == 1 && frames[4] == HandshakeClientHello && frames[5] == 0 && frames[8] == 3
}

// readFrames collects the CRYPTO frames of an Initial, which may also hold
// PADDING, PING, ACK and CONNECTION_CLOSE (RFC 9000 section 12.4).
func (q *QUICHello) readFrames(b []byte) error {
	r := frameReader{b: b}
	for len(r.b) > 0 && !r.bad {
		switch kind := r.varint(); kind {
		case 0x00: // PADDING, of which a client's first packets have a thousand bytes
			r.b = bytes.TrimLeft(r.b, "\x00")
		case 0x01: // PING
		case 0x02, 0x03:
			r.ack(kind == 0x03)
		case 0x06: // CRYPTO
			offset := r.varint()
			data := r.bytes(r.varint())
			if !q.crypto.put(offset, data) {
				return ErrQUICLimit
			}
		case 0x1c, 0x1d: // CONNECTION_CLOSE: nothing follows that matters
			return nil
		default:
			return errQUICFrame
		}
	}
	if r.bad {
		return errQUICFrame
	}
	return nil
}

// frameReader reads frames and remembers whether one was cut or wrong.
type frameReader struct {
	b   []byte
	bad bool
}

// varint reads a variable-length integer, 0 at the end.
func (r *frameReader) varint() uint64 {
	v, n := quicVarint(r.b)
	r.bad = r.bad || n == 0
	r.b = r.b[n:]
	return v
}

// bytes reads as many of n bytes as there are.
func (r *frameReader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad = true
		n = uint64(len(r.b))
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

// ack skips an ACK frame (RFC 9000 section 19.3).
func (r *frameReader) ack(ecn bool) {
	r.varint() // largest acknowledged
	r.varint() // delay
	ranges := r.varint()
	r.varint() // first range
	for i := uint64(0); i < ranges && !r.bad; i++ {
		r.varint() // gap
		r.varint() // length
	}
	if ecn {
		r.varint()
		r.varint()
		r.varint()
	}
}

// check parses the hello once it is complete.
func (q *QUICHello) check() error {
	b := q.crypto.prefix()
	if isCHLO(b) {
		return q.readCHLO(b)
	}
	if len(b) > 0 && b[0] != HandshakeClientHello {
		q.done = true
		return errNoQUICClient
	}
	size := messageLen(b)
	if size == 0 || len(b) < size && size <= maxHandshake {
		return nil
	}
	q.finish(b[:min(size, len(b))])
	return nil
}

// finish keeps the hello that b holds and lets go of the memory.
func (q *QUICHello) finish(b []byte) {
	h := new(ClientHello)
	if ParseClientHello(b, h) == nil || h.Version != 0 {
		q.hello = h
	}
	q.done = true
	q.crypto, q.keys = pieces{}, nil
}

// Hello gives the ClientHello: whole when Add is done, and before that, or
// where packets are missing, the part up to the first gap, marked Truncated.
// It is nil if there is none.
func (q *QUICHello) Hello() *ClientHello {
	if q.hello != nil {
		return q.hello
	}
	h := new(ClientHello)
	if ParseClientHello(q.crypto.prefix(), h) != nil || h.Version == 0 {
		return nil
	}
	return h
}
