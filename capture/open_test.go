package capture

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// lines is a format for tests: text that begins with "TEXT", one record a line.
var lines = Format{
	Name:     "text",
	Observer: Operator,
	Sniff:    func(head []byte) bool { return bytes.HasPrefix(head, []byte("TEXT")) },
	Read: func(in *Input) iter.Seq2[Record, error] {
		return func(yield func(Record, error) bool) {
			all, err := io.ReadAll(in.Reader)
			for i, line := range strings.Split(strings.TrimSuffix(string(all), "\n"), "\n") {
				in.Saw(Time(i+1), len(line))
				if !yield(Record{Time: Time(i + 1)}, nil) {
					return
				}
			}
			if err != nil {
				yield(Record{}, err)
			}
		}
	},
}

var never = Format{Name: "never", Sniff: func([]byte) bool { return false }}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	must(w.Write(b))
	must(0, w.Close())
	return out.Bytes()
}

func zstded(b []byte) []byte {
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out)
	must(0, err)
	must(w.Write(b))
	must(0, w.Close())
	return out.Bytes()
}

func xzed(b []byte) []byte {
	var out bytes.Buffer
	w, err := xz.NewWriter(&out)
	must(0, err)
	must(w.Write(b))
	must(0, w.Close())
	return out.Bytes()
}

func must(_ int, err error) {
	if err != nil {
		panic(err)
	}
}

// bzip2ed is "TEXT one\ntwo\n"; Go has no writer for it.
func bzip2ed() []byte {
	b, err := hex.DecodeString("425a68393141592653590017250b000002d780001040000200044002018480200031003020189a2220e945f07e2ee48a70a120002e4a16")
	must(0, err)
	return b
}

func TestOpenReader(t *testing.T) {
	text := []byte("TEXT one\ntwo\n")
	for _, c := range []struct {
		name        string
		stored      []byte
		compression string
	}{
		{"plain", text, ""},
		{"gzip", zipped(text), "gzip"},
		{"gzip of two members", append(zipped(text[:9]), zipped(text[9:])...), "gzip"},
		{"zstd", zstded(text), "zstd"},
		{"xz", xzed(text), "xz"},
		{"bzip2", bzip2ed(), "bzip2"},
		{"gzip in xz", xzed(zipped(text)), "xz gzip"},
		{"zstd in gzip", zipped(zstded(text)), "gzip zstd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, err := OpenReader(iotest.OneByteReader(bytes.NewReader(c.stored)), "f", 3, []Format{never, lines})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(in.Compression, " "); got != c.compression {
				t.Errorf("compression %q, want %q", got, c.compression)
			}
			for _, err := range in.All() {
				if err != nil {
					t.Error(err)
				}
			}
			got := fmt.Sprintln(in.Index, in.Path, in.Format, in.Observer, in.Packets, in.Records, in.Bytes, int64(in.First), int64(in.Last), in.Size())
			if want := "3 f text operator 2 2 11 1 2 -1\n"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			checkHash(t, in, c.stored)
		})
	}
}

func checkHash(t *testing.T, in *Input, stored []byte) {
	t.Helper()
	sum, err := in.SHA256()
	if want := sha256.Sum256(stored); err != nil || sum != hex.EncodeToString(want[:]) {
		t.Errorf("hash %s, %v, want %x", sum, err, want)
	}
	if in.Consumed() != int64(len(stored)) {
		t.Errorf("%d bytes consumed of %d", in.Consumed(), len(stored))
	}
}

// TestHashAfterBreak stops after the first record: the hash is still that of
// all bytes, of which not all had been read.
func TestHashAfterBreak(t *testing.T) {
	stored := append([]byte("TEXT\n"), bytes.Repeat([]byte("x\n"), 100000)...)
	first := Format{Name: "first", Sniff: lines.Sniff, Read: func(in *Input) iter.Seq2[Record, error] {
		return func(yield func(Record, error) bool) {
			must(in.Reader.Read(make([]byte, 5)))
			for yield(Record{}, nil) {
			}
		}
	}}
	in, err := OpenReader(bytes.NewReader(stored), "f", 0, []Format{first})
	if err != nil {
		t.Fatal(err)
	}
	for range in.All() {
		break
	}
	if in.Consumed() >= int64(len(stored)) || in.Records != 1 {
		t.Errorf("%d bytes and %d records read before the break", in.Consumed(), in.Records)
	}
	checkHash(t, in, stored)
}

func TestOpenRefuses(t *testing.T) {
	dictionary := xzed([]byte("TEXT"))
	i := bytes.Index(dictionary, []byte{0x21, 0x01})
	dictionary[i+2] = 40 // 4 GiB - 1
	tar := make([]byte, 512)
	copy(tar[257:], "ustar")
	for _, c := range []struct {
		name   string
		stored []byte
		want   string
		is     error
	}{
		{"empty", nil, "f: the input is empty", ErrEmpty},
		{"empty in gzip", zipped(nil), "f: the input is empty", ErrEmpty},
		{"unknown", []byte("hello"), "f: the format is not known; tried never, text", ErrUnknown},
		{"unknown in gzip", zipped([]byte("hello")), "f: the format is not known; tried never, text", ErrUnknown},
		{"zip", []byte("PK\x03\x04...."), "f: the format is not known; tried never, text; it is a ZIP archive from standard input or inside another file, which has to be unpacked first", ErrUnknown},
		{"tar in gzip", zipped(tar), "f: the format is not known; tried never, text; it is a tar archive, which has to be unpacked first", ErrUnknown},
		{"three layers", zipped(zipped(zipped([]byte("TEXT")))), "f: compressed more than 2 times over", nil},
		{"xz that asks for much memory", dictionary, "f: xz: needs a dictionary of 4096 MB, more than the 128 MB allowed", nil},
		{"only a gzip magic", []byte("\x1f\x8b\x08"), "f: gzip: unexpected EOF", io.ErrUnexpectedEOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, err := OpenReader(bytes.NewReader(c.stored), "f", 0, []Format{never, lines})
			if err == nil || err.Error() != c.want || (c.is != nil && !errors.Is(err, c.is)) {
				t.Errorf("got %v, %v, want %q", in, err, c.want)
			}
		})
	}
}

// noise is text that no compression makes short.
func noise(n int) []byte {
	out := []byte("TEXT ")
	for sum := sha256.Sum256(nil); len(out) < n; sum = sha256.Sum256(sum[:]) {
		out = hex.AppendEncode(out, sum[:])
	}
	return append(out, '\n')
}

// TestDamagedCompression checks that what was readable is used and that the
// damage is a *SyntaxError.
func TestDamagedCompression(t *testing.T) {
	text := noise(1 << 20)
	for name, stored := range map[string][]byte{"gzip": zipped(text), "zstd": zstded(text), "xz": xzed(text)} {
		cut := stored[:len(stored)*3/4]
		bent := slices.Clone(stored)
		bent[len(bent)-6] ^= 1
		for damage, b := range map[string][]byte{"cut": cut, "bent": bent} {
			in, err := OpenReader(bytes.NewReader(b), "f", 0, []Format{lines})
			if err != nil {
				t.Fatal(err)
			}
			var bad *SyntaxError
			for _, err := range in.All() {
				if err != nil && !errors.As(err, &bad) {
					t.Errorf("%s %s: %v", name, damage, err)
				}
			}
			if bad == nil || !strings.Contains(bad.Msg, name) || in.Bytes < int64(len(text)/2) {
				t.Errorf("%s %s: %d bytes of %d, error %v", name, damage, in.Bytes, len(text), bad)
			}
		}
	}
}

// TestReadError checks that an error of the file beneath the compression is
// not taken for damaged data.
func TestReadError(t *testing.T) {
	broken := errors.New("disk on fire")
	b := zipped(noise(1 << 20))
	in, err := OpenReader(io.MultiReader(bytes.NewReader(b[:len(b)/2]), iotest.ErrReader(broken)), "f", 0, []Format{lines})
	if err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range in.All() {
		last = err
	}
	if !errors.Is(last, broken) {
		t.Errorf("got %v", last)
	}
	if _, err := in.SHA256(); !errors.Is(err, broken) {
		t.Errorf("hash: %v", err)
	}
}

func TestOpenFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	stored := zipped([]byte("TEXT\n"))
	if err := os.WriteFile(path, stored, 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := Open(path, 0, []Format{lines})
	if err != nil {
		t.Fatal(err)
	}
	if in.Size() != int64(len(stored)) {
		t.Errorf("size %d", in.Size())
	}
	checkHash(t, in, stored)
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(dir, 0, []Format{lines}); err == nil || !strings.HasSuffix(err.Error(), "is a folder") {
		t.Errorf("folder: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "b"), 0, []Format{lines}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}

func TestExpand(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"d/2", "d/10", "d/e/1", "z", "d/.hidden"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"d/link": "../z", "d/loop": "..", "d/lost": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip("no links here")
		}
	}
	got, err := Expand([]string{filepath.Join(dir, "z"), Stdin, filepath.Join(dir, "d")})
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i] = strings.TrimPrefix(filepath.ToSlash(got[i]), filepath.ToSlash(dir)+"/")
	}
	want := []string{"z", "-", "d/.hidden", "d/10", "d/2", "d/e/1", "d/link"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := Expand([]string{filepath.Join(dir, "absent")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	text := []byte("TEXT one\ntwo\n")
	f.Add(text)
	f.Add(zipped(text))
	f.Add(zstded(text))
	f.Add(xzed(zipped(text)))
	f.Add(bzip2ed())
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := OpenReader(bytes.NewReader(b), "f", 0, []Format{lines})
		if err != nil {
			return
		}
		// Compressed data may grow without bound: a reader stops when it likes.
		_, err = io.CopyN(io.Discard, in.Reader, 1<<20)
		var bad *SyntaxError
		if err != nil && err != io.EOF && !errors.As(err, &bad) {
			t.Error(err)
		}
		checkHash(t, in, b)
	})
}
