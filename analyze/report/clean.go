package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Clean returns s with everything that could drive a terminal or deceive its
// reader made visible: control characters (C0, DEL, C1), bidirectional
// overrides and other invisible format characters, unusual spaces and line
// ends become escapes such as \n, \x1b or \u202e, and bytes that are not UTF-8
// become \xNN. Printable text in any script stays as it is.
func Clean(s string) string {
	if clean(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		b.WriteString(visible(r, s[:n]))
		s = s[n:]
	}
	return b.String()
}

func clean(s string) bool {
	for _, r := range s {
		// RuneError is what an invalid byte reads as; a real one is rare
		// enough to take the slow way.
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

// visible gives one character, or the escape that stands for it.
func visible(r rune, raw string) string {
	switch {
	case r == utf8.RuneError && len(raw) == 1:
		return fmt.Sprintf(`\x%02x`, raw[0])
	case strconv.IsPrint(r):
		return raw
	case r == '\n':
		return `\n`
	case r == '\t':
		return `\t`
	case r == '\r':
		return `\r`
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
