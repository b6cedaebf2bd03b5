package capture

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

// Format is one kind of input.
type Format struct {
	Name     string   // "pcap", "pcapng", ...
	Observer Observer // default vantage point of such inputs
	// Sniff tells from the first bytes (up to SniffLen, decompressed) whether
	// an input is of this kind.
	Sniff func(head []byte) bool
	// Read yields the records of an input and keeps its counters. A
	// *SyntaxError is a bad packet or line and does not end the sequence; any
	// other error does.
	Read func(in *Input) iter.Seq2[Record, error]

	Title string // for people: "Zeek conn.log"
	Grain Grain
	// Shows are the facts that an input of this kind can tell: of who, whom, when,
	// duration, volume, service, device, location, group, presence.
	Shows []string
	Hides string // what it cannot tell, and why, in a sentence
	// Early inputs give names to addresses and hosts to flows: they are read
	// before the others. Undated ones have stamps without a year and are read
	// last, when the year is known from the others.
	Early, Undated bool
}

// Order says which inputs are read before which others.
type Order uint8

// In this order; see Format.
const (
	ReadFirst Order = iota
	ReadNext
	ReadLast
)

func (f *Format) order() Order {
	switch {
	case f.Undated:
		return ReadLast
	case f.Early:
		return ReadFirst
	}
	return ReadNext
}

// SniffLen is the most bytes that a Format is shown to recognise an input.
const SniffLen = 64 << 10

// Stdin is the path that stands for standard input.
const Stdin = "-"

// Errors of Open that callers may want to tell apart.
var (
	ErrEmpty   = errors.New("the input is empty")
	ErrUnknown = errors.New("the format is not known")
)

// Input is one opened input and what was counted while it was read. All but
// Consumed belongs to the goroutine that reads it.
type Input struct {
	Index       int32
	Path        string
	Format      string
	Compression []string  // outermost first, such as "gzip"; empty for none
	Observer    Observer  // the format's own; the caller may set another one
	Grain       Grain     // of its records
	Order       Order     // when to read it, among several inputs
	Reader      io.Reader // content, decompressed

	Packets     int64 // packets or lines read
	Records     int64 // records yielded
	Bytes       int64 // bytes of packets by their original length, or of log lines
	First, Last Time  // of packets or lines; 0 where there are none
	Warnings    []string

	disk   *stored
	closer io.Closer
	size   int64
	read   func(in *Input) iter.Seq2[Record, error]
}

// Open opens the file at path, a member of a ZIP archive ("a.zip/member"), or
// standard input for "-", takes off up to two
// layers of compression and recognises the format by the content. The error
// wraps ErrEmpty or ErrUnknown, or is that of the file.
func Open(path string, index int32, formats []Format) (*Input, error) {
	if path == Stdin {
		return OpenReader(os.Stdin, path, index, formats)
	}
	file, err := os.Open(path)
	if err != nil {
		if archive, member, ok := splitMember(path); ok {
			return openMember(archive, member, index, formats)
		}
		return nil, err
	}
	in, err := openFile(file, path, index, formats)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return in, nil
}

func openFile(file *os.File, path string, index int32, formats []Format) (*Input, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s: is a folder", path)
	}
	in, err := OpenReader(file, path, index, formats)
	if err != nil {
		return nil, err
	}
	in.closer = file
	if info.Mode().IsRegular() {
		in.size = info.Size()
	}
	return in, nil
}

// OpenReader is Open for bytes from elsewhere; path only names them.
func OpenReader(r io.Reader, path string, index int32, formats []Format) (*Input, error) {
	disk := &stored{r: r, sum: sha256.New()}
	in := &Input{Index: index, Path: path, disk: disk, size: -1}
	content, head, err := in.decompress()
	if err == nil {
		content, head, err = unmark(content, head)
	}
	if err != nil {
		return nil, err
	}
	for _, f := range formats {
		if f.Sniff(head) {
			in.Format, in.Observer, in.read, in.Grain, in.Order = f.Name, f.Observer, f.Read, f.Grain, f.order()
			in.Reader = content
			return in, nil
		}
	}
	return nil, refused(path, head, fmt.Errorf("%s: %w; tried %s%s", path, ErrUnknown, names(formats), hint(head)))
}

func names(formats []Format) string {
	list := make([]string, len(formats))
	for i, f := range formats {
		list[i] = f.Name
	}
	return strings.Join(list, ", ")
}

// All yields the records of the input, as its Format reads them, and counts
// them.
func (in *Input) All() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for r, err := range in.read(in) {
			if err == nil {
				in.Records++
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// Saw counts one packet or line of the given length and widens First and Last
// to its time; a time of 0 is none.
func (in *Input) Saw(t Time, length int) {
	in.Packets++
	in.Bytes += int64(length)
	switch {
	case t == 0:
	case in.First == 0:
		in.First, in.Last = t, t
	case t < in.First:
		in.First = t
	case t > in.Last:
		in.Last = t
	}
}

// maxWarnings bounds the warnings of one input.
const maxWarnings = 1000

// Warn adds a warning about the input as a whole, once.
func (in *Input) Warn(text string) {
	if len(in.Warnings) < maxWarnings && !slices.Contains(in.Warnings, text) {
		in.Warnings = append(in.Warnings, text)
	}
}

// Consumed is the number of stored bytes read so far, before decompression.
// It may be called from another goroutine.
func (in *Input) Consumed() int64 { return in.disk.n.Load() }

// Size is the number of stored bytes of a regular file, -1 where it is not
// known.
func (in *Input) Size() int64 { return in.size }

// SHA256 reads what is left of the input and returns the hash of all of its
// stored bytes in hexadecimal. The error is that of the reader; the hash is
// then of what was readable.
func (in *Input) SHA256() (string, error) {
	_, err := io.Copy(io.Discard, onlyReader{in.disk})
	return hex.EncodeToString(in.disk.sum.Sum(nil)), err
}

// Close closes the file. It does not read what is left of it.
func (in *Input) Close() error {
	if in.closer == nil {
		return nil
	}
	return in.closer.Close()
}

// stored is the bytes as stored: they are counted and hashed on the way.
type stored struct {
	r   io.Reader
	sum hash.Hash
	n   atomic.Int64
	err error // of r, other than io.EOF
}

func (d *stored) Read(b []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	n, err := d.r.Read(b)
	if n > 0 {
		d.sum.Write(b[:n])
		d.n.Add(int64(n))
	}
	if err != nil && err != io.EOF {
		d.err = err
	}
	return n, err
}

// onlyReader hides all other methods, so that io.Copy uses Read.
type onlyReader struct{ io.Reader }

// Expand replaces each folder among paths by the regular files in it and below
// it, in lexical order of their paths, and each ZIP archive by its members but
// for media. Links to files count as files, links to
// folders are not followed. "-" stays. The error is that of a path that cannot
// be read.
func Expand(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		if path == Stdin {
			files = append(files, path)
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			if _, _, ok := splitMember(path); ok {
				files = append(files, path)
				continue
			}
			return nil, err
		}
		below := []string{path}
		if info.IsDir() {
			if below, err = filesBelow(path); err != nil {
				return nil, err
			}
		}
		for _, file := range below {
			files = append(files, expandZip(file)...)
		}
	}
	return files, nil
}

func filesBelow(folder string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		mode := entry.Type()
		if mode&fs.ModeSymlink != 0 {
			info, err := os.Stat(path)
			if err != nil {
				return nil // a dangling link is no file
			}
			mode = info.Mode()
		}
		if mode.IsRegular() {
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// hint names well-known kinds of files that are containers and not read.
func hint(head []byte) string {
	for _, k := range []struct {
		at          int
		magic, name string
	}{
		{0, zipMagic, "a ZIP archive from standard input or inside another file"},
		{257, "ustar", "a tar archive"},
		{0, "7z\xbc\xaf\x27\x1c", "a 7z archive"},
		{0, "Rar!", "a RAR archive"},
	} {
		if len(head) > k.at && bytes.HasPrefix(head[k.at:], []byte(k.magic)) {
			return "; it is " + k.name + ", which has to be unpacked first"
		}
	}
	return ""
}
