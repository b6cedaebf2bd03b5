package capture

import (
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxLayers is how many layers of compression are taken off.
const maxLayers = 2

// maxWindow bounds the memory that a decoder may ask for, in bytes: 128 MiB,
// what zstd accepts by default (--long=27) and twice what xz -9 uses.
const maxWindow = 128 << 20

// compression is one kind of compressed data.
type compression struct {
	name  string
	magic string
	open  func(r io.Reader, head []byte) (io.Reader, error)
}

// compressions returns the kinds that are known (RFC 1952, RFC 8878, the .xz
// format 1.1.0, bzip2).
func compressions() []compression {
	return []compression{
		{"gzip", "\x1f\x8b\x08", func(r io.Reader, _ []byte) (io.Reader, error) { return gzip.NewReader(r) }},
		{"zstd", "\x28\xb5\x2f\xfd", openZstd},
		{"xz", "\xfd7zXZ\x00", openXz},
		{"bzip2", "BZh", func(r io.Reader, _ []byte) (io.Reader, error) { return bzip2.NewReader(r), nil }},
	}
}

// openZstd decodes in the calling goroutine. The decoder holds nothing that
// has to be closed then.
func openZstd(r io.Reader, _ []byte) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow))
}

// openXz checks the size of the dictionary first, which the decoder allocates
// as the block header says (.xz format 1.1.0, sections 3.1 and 5.3.1).
func openXz(r io.Reader, head []byte) (io.Reader, error) {
	if size := xzDictionary(head); size > maxWindow {
		return nil, fmt.Errorf("needs a dictionary of %d MB, more than the %d MB allowed", size>>20, maxWindow>>20)
	}
	return xz.NewReader(r)
}

// xzDictionary finds the dictionary size of the first block, 0 where there is
// none.
func xzDictionary(head []byte) uint64 {
	const block = 12 // behind the stream header
	if len(head) < block+2 || head[block] == 0 {
		return 0
	}
	end := min(len(head), block+(int(head[block])+1)*4)
	lzma2 := bytes.Index(head[block+2:end], []byte{0x21, 0x01}) // filter id, size of properties
	if lzma2 < 0 || block+2+lzma2+2 >= end {
		return 0
	}
	code := head[block+2+lzma2+2]
	if code > 40 {
		return 0 // the decoder refuses it
	}
	return uint64(2|code&1) << (code/2 + 11)
}

// decompress takes the layers of compression off and returns the content with
// its first bytes.
func (in *Input) decompress() (content io.Reader, head []byte, err error) {
	content = in.disk
	for {
		content, head, err = peek(content)
		if err != nil {
			return nil, nil, err
		}
		if len(head) == 0 {
			return nil, nil, fmt.Errorf("%s: %w", in.Path, ErrEmpty)
		}
		kind, ok := compressionOf(head)
		if !ok {
			return content, head, nil
		}
		if len(in.Compression) == maxLayers {
			return nil, nil, fmt.Errorf("%s: compressed more than %d times over", in.Path, maxLayers)
		}
		r, err := kind.open(content, head)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %s: %w", in.Path, kind.name, err)
		}
		in.Compression = append(in.Compression, kind.name)
		content = &decoder{r: r, in: in, kind: kind.name}
	}
}

func compressionOf(head []byte) (compression, bool) {
	for _, c := range compressions() {
		if bytes.HasPrefix(head, []byte(c.magic)) && (c.name != "bzip2" || isBzip2(head)) {
			return c, true
		}
	}
	return compression{}, false
}

// isBzip2 asks for more than three letters: the block size as a digit, and the
// magic number of a block or of the end.
func isBzip2(head []byte) bool {
	return len(head) >= 10 && head[3] >= '1' && head[3] <= '9' &&
		(bytes.HasPrefix(head[4:], []byte("1AY&SY")) || bytes.HasPrefix(head[4:], []byte("\x17\x72\x45\x38\x50\x90")))
}

// peek reads the first bytes of r and returns a reader that gives them again.
// An error behind the first byte is left to the reader.
func peek(r io.Reader) (again io.Reader, head []byte, err error) {
	head = make([]byte, SniffLen)
	n, err := io.ReadFull(r, head)
	head = head[:n]
	if err == io.EOF || err == io.ErrUnexpectedEOF || n > 0 {
		err = nil
	}
	return io.MultiReader(bytes.NewReader(head), r), head, err
}

// decoder tells errors of compressed data from errors of the file beneath:
// the former are a *SyntaxError, what was decoded before them stays valid.
type decoder struct {
	r    io.Reader
	in   *Input
	kind string
	err  error
}

func (d *decoder) Read(b []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	n, err := d.r.Read(b)
	if err == nil {
		return n, nil
	}
	d.err = d.explain(err)
	return n, d.err
}

func (d *decoder) explain(err error) error {
	var syntax *SyntaxError
	switch {
	case err == io.EOF, d.in.disk.err != nil, errors.As(err, &syntax):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &SyntaxError{Path: d.in.Path, Unit: "packet", Msg: d.kind + " data end early; what was readable is used"}
	}
	return &SyntaxError{Path: d.in.Path, Unit: "packet", Msg: fmt.Sprintf("bad %s data: %v; what was readable is used", d.kind, err)}
}
