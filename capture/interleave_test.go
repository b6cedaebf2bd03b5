package capture

import (
	"fmt"
	"strings"
	"testing"
)

// line makes frames of words such as u3, d5 or ug4: a direction, g for a gap, a time.
func line(s string) (out []Frame) {
	for _, w := range strings.Fields(s) {
		f := Frame{Up: w[0] == 'u'}
		if w[1] == 'g' {
			f.Kind, w = FrameGap, w[1:]
		}
		if _, err := fmt.Sscan(w[1:], &f.Time); err != nil {
			panic(err)
		}
		out = append(out, f)
	}
	return out
}

func words(frames []Frame) string {
	var out []string
	for _, f := range frames {
		w := "d"
		if f.Up {
			w = "u"
		}
		if f.Kind == FrameGap {
			w += "g"
		}
		out = append(out, fmt.Sprint(w, int64(f.Time)))
	}
	return strings.Join(out, " ")
}

func TestJoin(t *testing.T) {
	for _, tt := range []struct{ name, have, more, want string }{
		{"in order", "u1 d2", "u3 d4", "u1 d2 u3 d4"},
		{"nothing yet", "", "d4 u3", "d4 u3"},
		{"a gap that shows later", "u1 d2 d4", "ug3 u5", "u1 d2 ug3 d4 u5"},
		{"a gap that the next of the other side showed", "u1 d2 u4", "dg4 d5", "u1 d2 dg4 u4 d5"},
		{"late ones keep their order", "u1 d2", "u9 u7 d8", "u1 d2 d8 u9 u7"},
		{"nothing more", "u1 d2", "", "u1 d2"},
	} {
		if got := words(Join(line(tt.have), line(tt.more))); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
