package capture

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"
	"unicode/utf16"
	"unicode/utf8"
)

// wideText is text in UTF-16 with its mark.
func wideText(text string, big bool) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return b
}

func TestUnmark(t *testing.T) {
	const text = "Grüße, 你好 \U0001f600\r\n"
	for name, c := range map[string]struct {
		in   []byte
		want string
	}{
		"UTF-8":             {[]byte("\ufeff" + text), text},
		"UTF-16, little":    {wideText(text, false), text},
		"UTF-16, big":       {wideText(text, true), text},
		"no mark":           {[]byte(text), text},
		"the mark alone":    {[]byte(markUTF8), ""},
		"half a pair":       {append(wideText("a", false), 0x3d, 0xd8), "a\ufffd"},
		"half a pair, text": {append(wideText("a", false), 0x3d, 0xd8, 'b', 0), "a\ufffdb"},
		"an odd byte":       {append(wideText("a", true), 'x'), "a"},
		"a broken UTF-8":    {[]byte("\xefabc"), "\xefabc"},
	} {
		content, head, err := peek(iotest.HalfReader(bytes.NewReader(c.in)))
		if err == nil {
			content, head, err = unmark(content, head)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := io.ReadAll(iotest.OneByteReader(content))
		if err != nil || string(got) != c.want || string(head) != c.want {
			t.Errorf("%s: %q, head %q, %v; want %q", name, got, head, err, c.want)
		}
	}
}

func FuzzUnmark(f *testing.F) {
	f.Add(wideText("Grüße \U0001f600", true))
	f.Add([]byte("\ufeffx"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, mark := range []string{markUTF16LE, markUTF16BE} {
			content, head, err := peek(bytes.NewReader(append([]byte(mark), text...)))
			if err == nil {
				content, head, err = unmark(content, head)
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(content)
			if err != nil || !utf8.Valid(got) || !bytes.HasPrefix(got, head) || len(got) > 3*len(text)/2 {
				t.Fatalf("%q, head %q, %v", got, head, err)
			}
		}
	})
}
