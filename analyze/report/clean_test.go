package report

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"Anna's phone", "Anna's phone"},
		{"Zoë 安娜 Аня 🙂", "Zoë 安娜 Аня 🙂"},
		{"a\x1b[31mb\x1b[0m", `a\x1b[31mb\x1b[0m`},
		{"\x1b]0;title\x07", `\x1b]0;title\x07`},
		{"a\nb\tc\rd\x00\x7f", `a\nb\tc\rd\x00\x7f`},
		{"\u009b31m\u0085", `\u009b31m\u0085`},
		{"\u202egnp.exe\u2066x\u2069\u200f\u061c", `\u202egnp.exe\u2066x\u2069\u200f\u061c`},
		{"a\u200bb\ufeffc\u00add", `a\u200bb\ufeffc\u00add`},
		{"a\u00a0b\u2028c\u3000d", `a\u00a0b\u2028c\u3000d`},
		{"\xff\xc3", `\xff\xc3`},
		{"\ufffd", "\ufffd"},
		{"\U000e0041", `\U000e0041`},
	} {
		if got := Clean(c.in); got != c.want {
			t.Errorf("Clean(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("plain")
	f.Add("\x1b[2J\u202e\xff\u009b")
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !strconv.IsPrint(r) }) {
			t.Fatalf("Clean(%q) = %q", s, got)
		}
		if Clean(got) != got {
			t.Fatalf("Clean is not stable on %q", s)
		}
	})
}
