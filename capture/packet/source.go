package packet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"

	"envelope/capture"
)

// Source reads the packets of one capture file, pcap or pcapng, in file order.
// It reads blocks from its io.Reader and hands out slices of them, so that
// nothing is allocated per packet.
type Source struct {
	in       window
	path     string
	file     fileFormat
	number   int64 // packets so far
	pending  error // what the next call of Next returns before anything else
	over     bool  // nothing more can be read
	warnings []string
	names    []capture.Name
	droid    droid
}

// fileFormat is what differs between the file formats.
type fileFormat interface {
	name() string
	next(s *Source, p *Raw) error
	// ready tells whether b begins with an ordinary packet, whole, so that next
	// would take it from there without reading more.
	ready(b []byte) bool
}

// ready tells that the next packet is at hand: Next leaves those before it as
// they are.
func (s *Source) ready() bool {
	return s.pending == nil && !s.over && s.file.ready(s.in.bytes())
}

// maxPacket is the most captured bytes that a packet may have, in bytes:
// MAXIMUM_SNAPLEN of libpcap and WTAP_MAX_PACKET_SIZE_STANDARD of Wireshark.
// More in a record header means that it is not a record header.
const maxPacket = 262144

// minPartial is the least number of readable bytes, for which the rest of a
// packet that the end of the file cut off is handed out: more than the headers
// of Ethernet, IPv4 and UDP.
const minPartial = 14 + 20 + 8 + 1

// maxResync is how far, in bytes, the next packet is looked for after bytes
// that cannot be one.
const maxResync = 1 << 20

// maxWarnings bounds the list of warnings of one source.
const maxWarnings = 100

// maxNames bounds the names that wait to be fetched, against captures made of
// nothing else.
const maxNames = 1 << 16

// ErrNotCapture says that the input is neither pcap nor pcapng.
var ErrNotCapture = errors.New("neither pcap nor pcapng")

// NewSource reads the file header from r and returns the packets behind it.
// path is used in errors only. The error is ErrNotCapture, a
// *capture.SyntaxError for a bad file header, or that of r.
func NewSource(r io.Reader, path string) (*Source, error) {
	s := &Source{path: path}
	s.in.init(r)
	s.in.need(sniffLen)
	head := s.in.bytes()
	var err error
	switch {
	case SniffPcap(head):
		s.file, err = newPcap(s)
	case SniffPcapng(head):
		s.file = &pcapng{}
	case s.in.failed() != nil:
		err = s.in.failed()
	default:
		err = fmt.Errorf("%s: %w", path, ErrNotCapture)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// sniffLen is the number of bytes that the sniffers look at.
const sniffLen = 12

// Format is the name of the file format: "pcap" or "pcapng".
func (s *Source) Format() string { return s.file.name() }

// Warnings are oddities of the file as a whole that were met so far and cost
// no packet.
func (s *Source) Warnings() []string { return s.warnings }

// Names returns the names for addresses that the capture file itself gives
// (pcapng name resolution blocks) and that were read since the last call.
func (s *Source) Names() []capture.Name {
	names := s.names
	s.names = nil
	return names
}

// Next reads the next packet into p. At the end it returns io.EOF. A
// *capture.SyntaxError is a bad packet or a bad stretch of the file: Next may
// be called again and gives the packets behind it, or io.EOF where reading on
// is not possible. Other errors are those of the reader and final.
func (s *Source) Next(p *Raw) error {
	if s.pending != nil {
		err := s.pending
		s.pending = nil
		return err
	}
	if s.over {
		return s.end()
	}
	if err := s.file.next(s, p); err != nil {
		return err
	}
	s.droid.strip(p)
	return nil
}

// end is what Next returns once nothing more can be read: the error of the
// reader, if any. Compressed data that end early are a *capture.SyntaxError,
// given once.
func (s *Source) end() error {
	s.over = true
	err := s.in.failed()
	if err == nil {
		return io.EOF
	}
	var syntax *capture.SyntaxError
	if errors.As(err, &syntax) {
		s.in.err = io.EOF
	}
	return err
}

// bad makes the error for the packet with number at; 0 means the file.
func (s *Source) bad(at int64, format string, args ...any) error {
	return &capture.SyntaxError{Path: s.path, At: at, Unit: "packet", Msg: fmt.Sprintf(format, args...)}
}

// warn notes something about the file, once.
func (s *Source) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, w := range s.warnings {
		if w == text {
			return
		}
	}
	if len(s.warnings) < maxWarnings {
		s.warnings = append(s.warnings, text)
	}
}

// cut ends the reading at a last packet of which only data is there. It is
// handed out in p where that is more than headers; the error follows.
func (s *Source) cut(p *Raw, data []byte, want int) error {
	s.number++
	s.over = true
	err := s.bad(s.number, "cut short by the end of the file: %d of %d bytes", len(data), want)
	if len(data) < minPartial {
		return err
	}
	s.pending = err
	p.Number, p.Data, p.App = s.number, data, ""
	return nil
}

// wireLen makes a length on the wire from a length field: at least captured,
// and within an int where that has 32 bits.
func wireLen(field uint32, captured int) int {
	return max(int(min(uint64(field), math.MaxInt)), captured)
}

// window is a sliding view of a reader: bytes from pos to end of buf are read
// and not consumed.
type window struct {
	r        io.Reader
	buf      []byte
	pos, end int
	err      error // what ended the reading; io.EOF at the end
}

// windowSize bounds what can be looked at in one piece, in bytes: the largest
// packet and the headers and options around it. readSize is asked of the reader
// at once (measured: 64, 128 and 256 kB cost the same, 4 kB twice as much). A
// rest of smallMove bytes or less is moved to the front of the buffer before
// more is read, so that only a part of it is in use, which the cache holds.
const (
	windowSize = 2 * maxPacket
	readSize   = 128 << 10
	smallMove  = 16 << 10
)

func (w *window) init(r io.Reader) { w.r, w.buf = r, make([]byte, windowSize) }

// bytes are those at hand.
func (w *window) bytes() []byte { return w.buf[w.pos:w.end] }

// failed is the error of the reader other than io.EOF.
func (w *window) failed() error {
	if w.err == io.EOF {
		return nil
	}
	return w.err
}

// need reads until n bytes are at hand and tells whether they are. n is at
// most windowSize. Slices given out before are invalid after it.
func (w *window) need(n int) bool {
	if w.end-w.pos >= n {
		return true
	}
	if left := w.end - w.pos; w.pos+n > len(w.buf) || left <= smallMove {
		w.end = copy(w.buf, w.buf[w.pos:w.end])
		w.pos = 0
	}
	for idle := 0; w.end-w.pos < n && w.err == nil; {
		got, err := w.r.Read(w.buf[w.end:min(w.end+readSize, len(w.buf))])
		w.end += got
		w.err = err
		if idle++; got > 0 {
			idle = 0
		}
		if idle == 100 {
			w.err = io.ErrNoProgress
		}
	}
	return w.end-w.pos >= n
}

// skip consumes n bytes, more than windowSize if need be, and tells whether
// there were as many.
func (w *window) skip(n int) bool {
	for {
		step := min(n, w.end-w.pos)
		w.pos += step
		if n -= step; n == 0 {
			return true
		}
		if !w.need(1) {
			return false
		}
	}
}

// search consumes bytes until found holds for those at hand, and returns their
// number; it gives up after maxResync bytes or at the end. At each try at
// least maxPacket bytes are at hand, or all that are left.
func (w *window) search(found func(b []byte) bool) (skipped int, ok bool) {
	for ; skipped < maxResync; skipped++ {
		if skipped%(windowSize/4) == 0 {
			w.need(windowSize)
		}
		if w.pos == w.end {
			return skipped, false
		}
		if found(w.buf[w.pos:w.end]) {
			return skipped, true
		}
		w.pos++
	}
	return skipped, false
}

// byteOrder reads numbers; true is big-endian.
type byteOrder bool

func (big byteOrder) u16(b []byte) uint16 {
	if big {
		return uint16(b[0])<<8 | uint16(b[1])
	}
	return uint16(b[1])<<8 | uint16(b[0])
}

func (big byteOrder) u32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if big {
		return bits.ReverseBytes32(v)
	}
	return v
}
