package capture

import (
	"bufio"
	"bytes"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Byte order marks (Unicode, section 23.8).
const (
	markUTF8    = "\xef\xbb\xbf"
	markUTF16LE = "\xff\xfe"
	markUTF16BE = "\xfe\xff"
)

// unmark takes a byte order mark off, and makes UTF-8 of text in UTF-16, which
// shells of Windows write a program's output in. No binary format that is read
// begins with one.
func unmark(content io.Reader, head []byte) (io.Reader, []byte, error) {
	wide := bytes.HasPrefix(head, []byte(markUTF16LE)) || bytes.HasPrefix(head, []byte(markUTF16BE))
	if !wide && !bytes.HasPrefix(head, []byte(markUTF8)) {
		return content, head, nil
	}
	if wide {
		content = &utf16Reader{src: bufio.NewReader(content), big: head[0] == markUTF16BE[0]}
	}
	content, head, err := peek(content)
	if err != nil || !bytes.HasPrefix(head, []byte(markUTF8)) {
		return content, head, err
	}
	_, err = io.CopyN(io.Discard, content, int64(len(markUTF8)))
	return content, head[len(markUTF8):], err
}

// utf16Reader gives UTF-16 (RFC 2781) as UTF-8. What is no character becomes
// U+FFFD, and an odd byte at the end is left out.
type utf16Reader struct {
	src  *bufio.Reader
	big  bool
	high rune // the first half of a surrogate pair that waits for its second, or 0
	rest []byte
	err  error
}

func (u *utf16Reader) Read(b []byte) (n int, err error) {
	for n < len(b) {
		if len(u.rest) == 0 && !u.next() {
			break
		}
		k := copy(b[n:], u.rest)
		n, u.rest = n+k, u.rest[k:]
	}
	if n == 0 && len(b) > 0 {
		return 0, u.err
	}
	return n, nil
}

// next puts one unit's characters into rest, and tells whether there was one.
func (u *utf16Reader) next() bool {
	var unit [2]byte
	if u.err == nil {
		_, u.err = io.ReadFull(u.src, unit[:])
	}
	if u.err == io.ErrUnexpectedEOF {
		u.err = io.EOF
	}
	u.rest = u.rest[:0]
	if u.err != nil {
		if u.high != 0 {
			u.rest, u.high = utf8.AppendRune(u.rest, utf8.RuneError), 0
		}
		return len(u.rest) > 0
	}
	low, high := 0, 1
	if u.big {
		low, high = 1, 0
	}
	u.unit(rune(unit[low]) | rune(unit[high])<<8)
	return true
}

func (u *utf16Reader) unit(c rune) {
	if u.high != 0 {
		pair := utf16.DecodeRune(u.high, c)
		u.rest, u.high = utf8.AppendRune(u.rest, pair), 0
		if pair != utf8.RuneError {
			return
		}
	}
	if c >= 0xd800 && c < 0xdc00 {
		u.high = c
		return
	}
	u.rest = utf8.AppendRune(u.rest, c)
}
