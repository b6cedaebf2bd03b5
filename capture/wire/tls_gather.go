package wire

// maxHandshake bounds what is kept of one handshake message, in bytes. A
// ClientHello with post-quantum key shares has about 1.8 kB; certificate chains
// have 2 to 8 kB and only their first certificate is read.
const maxHandshake = 16 << 10

// maxSpans bounds the number of separate pieces of one message. Chrome cuts a
// QUIC ClientHello into up to some twenty.
const maxSpans = 64

// span is the range of bytes [from, to).
type span struct{ from, to int }

// pieces puts a byte stream together from pieces that come in any order, twice
// or overlapping. Memory is bounded by maxHandshake and maxSpans.
type pieces struct {
	buf  []byte
	have []span // sorted, not touching
}

// put adds the bytes b at the offset. False if they lie beyond the bounds.
func (p *pieces) put(offset uint64, b []byte) bool {
	if offset > maxHandshake || len(b) > maxHandshake-int(offset) {
		return false
	}
	if len(b) == 0 {
		return true
	}
	add := span{int(offset), int(offset) + len(b)}
	if !p.merge(add) {
		return false
	}
	if len(p.buf) < add.to {
		p.buf = append(p.buf, make([]byte, add.to-len(p.buf))...)
	}
	copy(p.buf[add.from:], b)
	return true
}

// merge enters the range into the sorted list, joined with those it touches.
func (p *pieces) merge(add span) bool {
	i := 0
	for i < len(p.have) && p.have[i].to < add.from {
		i++
	}
	j := i
	for j < len(p.have) && p.have[j].from <= add.to {
		add.from = min(add.from, p.have[j].from)
		add.to = max(add.to, p.have[j].to)
		j++
	}
	if i == j && len(p.have) >= maxSpans {
		return false
	}
	tail := append([]span{add}, p.have[j:]...)
	p.have = append(p.have[:i], tail...)
	return true
}

// prefix gives the bytes from the start up to the first gap.
func (p *pieces) prefix() []byte {
	if len(p.have) == 0 || p.have[0].from != 0 {
		return nil
	}
	return p.buf[:p.have[0].to]
}

// reset forgets everything but keeps the memory.
func (p *pieces) reset() { p.buf, p.have = p.buf[:0], p.have[:0] }

// messageLen gives the length of the handshake message at the start of b with
// its four-byte header; 0 if the header is not there.
func messageLen(b []byte) int {
	if len(b) < 4 {
		return 0
	}
	return 4 + (int(b[1])<<16 | int(b[2])<<8 | int(b[3]))
}

// HelloAssembler gathers one handshake message that is split over TLS records
// and TCP segments. Its zero value looks for a ClientHello. It holds at most
// 16 kB; of a longer message it keeps that much.
type HelloAssembler struct {
	// Want is the type of the message looked for; 0 stands for ClientHello.
	// Other messages before it are passed over, except that a client that does
	// not begin with its ClientHello is given up at once.
	Want uint8

	buf     []byte
	skip    int // bytes of an unwanted message that are still to come
	done    bool
	header  [TLSRecordHeaderLen]byte // AddStream: of the record at hand
	nheader int
	left    int // AddStream: bytes of its body that are still to come
	kind    uint8
}

func (a *HelloAssembler) want() uint8 {
	if a.Want == 0 {
		return HandshakeClientHello
	}
	return a.Want
}

// Add takes the next bytes of the handshake stream: the bodies of handshake
// records, whole or in parts, in order. It is done when the message is
// complete, cannot come any more or does not fit. A message that came whole is
// not copied: what it is read for has to be asked before body changes.
func (a *HelloAssembler) Add(body []byte) (done bool) {
	for !a.done && len(body) > 0 {
		if n := min(a.skip, len(body)); n > 0 {
			a.skip -= n
			body = body[n:]
			continue
		}
		body = a.take(body)
	}
	return a.done
}

// take adds to the message at hand and gives back what lies behind it.
func (a *HelloAssembler) take(b []byte) []byte {
	limit := 4
	if len(a.buf) >= 4 {
		limit = min(messageLen(a.buf), maxHandshake)
	}
	if size := messageLen(b); len(a.buf) == 0 && size >= 4 && size <= min(len(b), maxHandshake) && b[0] == a.want() {
		a.buf, a.done = b[:size:size], true
		return b[size:]
	}
	n := min(limit-len(a.buf), len(b))
	if cap(a.buf) == 0 {
		a.buf = make([]byte, 0, min(len(b), maxHandshake))
	}
	a.buf = append(a.buf, b[:n]...)
	if len(a.buf) < 4 {
		return b[n:]
	}
	if a.buf[0] != a.want() {
		a.pass()
		return b[n:]
	}
	size := messageLen(a.buf)
	a.done = len(a.buf) >= min(size, maxHandshake)
	return b[n:]
}

// pass drops the header of an unwanted message and skips its body.
func (a *HelloAssembler) pass() {
	if a.want() == HandshakeClientHello || a.buf[0] == 0xff {
		a.done = true
	} else {
		a.skip = messageLen(a.buf) - 4
	}
	a.buf = a.buf[:0]
}

// AddStream is Add for the raw payload of a TCP direction, record headers
// included, in order and without gaps. Bytes that are no TLS records end it.
func (a *HelloAssembler) AddStream(b []byte) (done bool) {
	for !a.done && len(b) > 0 {
		if a.left == 0 {
			n := copy(a.header[a.nheader:], b)
			a.nheader += n
			b = b[n:]
			if a.nheader == TLSRecordHeaderLen {
				a.nextRecord()
			}
			continue
		}
		n := min(a.left, len(b))
		if a.kind == TLSHandshake {
			a.Add(b[:n])
		}
		a.left -= n
		b = b[n:]
	}
	return a.done
}

// nextRecord takes up the record whose header is complete.
func (a *HelloAssembler) nextRecord() {
	var r TLSRecord
	// Behind a ChangeCipherSpec, and in application data, the handshake is
	// encrypted: nothing more is to be read.
	if !ParseTLSRecord(a.header[:], &r) || r.Type == TLSChangeCipherSpec || r.Type == TLSApplicationData {
		a.done = true
		return
	}
	a.nheader, a.left, a.kind = 0, r.Length, r.Type
}

// Message gives the handshake message as far as it was gathered, with its
// header; nil if none of the wanted type began.
func (a *HelloAssembler) Message() []byte {
	if len(a.buf) == 0 || a.buf[0] != a.want() {
		return nil
	}
	return a.buf
}

// Hello parses the ClientHello as far as it was gathered; nil if there is none.
func (a *HelloAssembler) Hello() *ClientHello {
	h := new(ClientHello)
	if !a.Parse(h) {
		return nil
	}
	return h
}

// Parse is Hello into h, whose lists are reused. False if there is none.
func (a *HelloAssembler) Parse(h *ClientHello) bool {
	return ParseClientHello(a.Message(), h) == nil || h.Version != 0
}
