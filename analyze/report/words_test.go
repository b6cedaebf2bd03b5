package report

import (
	"strings"
	"testing"
	"time"

	"envelope/analyze"
)

func TestWords(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{size(0), "0 B"}, {size(999), "999 B"}, {size(1000), "1.0 kB"}, {size(48_213), "48.2 kB"}, {size(999_499), "999 kB"},
		{size(999_500), "1.0 MB"}, {size(1 << 63), "9.2 EB"},
		{length(-time.Second), "0.0 s"}, {length(300 * time.Millisecond), "0.3 s"}, {length(29900 * time.Millisecond), "29 s"},
		{length(192 * time.Second), "3 min 12 s"}, {length(3 * time.Minute), "3 min"}, {length(3*time.Hour + 61*time.Second), "3 h 1 min"},
		{length(188_176_050 * time.Second), "2,177 d 23 h"},
		{grouped(0), "0"}, {grouped(999), "999"}, {grouped(1000), "1,000"}, {grouped(-1234567), "-1,234,567"},
		{plural(1, "party"), "1 party"}, {plural(2, "party"), "2 parties"}, {plural(3, "other address"), "3 other addresses"},
		{number(3), "Three"}, {number(1300), "1,300"},
		{list(nil), ""}, {list([]string{"a"}), "a"}, {list([]string{"a", "b", "c"}), "a, b and c"},
		{sure("likely", 0.997), "likely >0.99"}, {sure("seen", 1), "seen 1.00"}, {sure("", 0.31), "unsure 0.31"},
		{sureRange("likely", 0.91, 0.914), "likely 0.91"}, {sureRange("likely", 0.91, 0.97), "likely 0.91-0.97"},
		{shorten(strings.Repeat("x", 41)), strings.Repeat("x", 37) + "..."},
	} {
		if got := strings.ReplaceAll(c.got, hard, " "); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestPackets(t *testing.T) {
	e := func(input string, at int64) analyze.Evidence { return analyze.Evidence{Input: input, At: at} }
	for _, c := range []struct {
		in   []analyze.Evidence
		want string
	}{
		{nil, ""},
		{[]analyze.Evidence{e("1", 7)}, "1:7"},
		{[]analyze.Evidence{e("1", 9), e("1", 7), e("1", 8), e("1", 8)}, "1:7-9"},
		{[]analyze.Evidence{e("1", 1), e("1", 3), e("1", 5), e("1", 6)}, "1:1,3 +2"},
		{[]analyze.Evidence{e("2", 3), e("1", 3)}, "1:3 2:3"},
		{[]analyze.Evidence{e("\x1b", 3)}, `\x1b:3`},
	} {
		if got := strings.ReplaceAll(packets(c.in), hard, " "); got != c.want {
			t.Errorf("packets(%v) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"", 10, ""},
		{"one two three", 7, "one two|three"},
		{"one two" + hard + "three", 7, "one|two" + hard + "thr|ee"},
		{"abcdefghij", 4, "abcd|efgh|ij"},
		{"安娜安娜", 4, "安娜|安娜"},
		{"x 安", 1, "x|安"},
	} {
		if got := strings.Join(wrap(c.in, c.n), "|"); got != c.want {
			t.Errorf("wrap(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

// TestFold looks at the rows that many events become.
func TestFold(t *testing.T) {
	var events []analyze.Event
	all := func(list []analyze.Event) []*analyze.Event {
		return those(list, func(*analyze.Event) bool { return true })
	}
	for i := range 40 {
		events = append(events, event(i, at(0, 0).Add(time.Duration(i)*time.Second), "p1", "message", []string{"sent", "received"}[i/20], 0.9))
	}
	rows := fold(all(events))
	if len(rows) != 2 || rows[0].count != 20 || len(rows[0].evidence) != 40 || rows[0].Bytes != 20*220 {
		t.Errorf("%d rows, first %+v", len(rows), rows[0])
	}
	if len(fold(all(events[:fewRows]))) != fewRows {
		t.Error("few events were folded")
	}
	for i := range events { // no two are alike
		events[i].Party = string(rune('a' + i))
	}
	if got := fold(all(events)); len(got) != 40 {
		t.Errorf("%d rows of 40 that differ", len(got))
	}
	if events[0].Bytes != 220 {
		t.Error("the events were changed")
	}
}

func TestManyRowsAreCounted(t *testing.T) {
	r := &analyze.Report{Inputs: []analyze.Input{input("1", "a.pcap", 10)}}
	for i := range 100 {
		e := event(i, at(0, i), string(rune('a'+i)), "message", "sent", 0.9)
		r.Events = append(r.Events, e)
	}
	if got := text(t, r, TextOptions{}); !strings.Contains(got, "and 70 more rows; --all lists them") {
		t.Errorf("rows left out are not counted:\n%s", got)
	}
	if got := text(t, r, TextOptions{All: true}); strings.Contains(got, "more rows") || strings.Count(got, "message sent") != 100 {
		t.Error("--all does not list all")
	}
}

// FuzzText lays out hostile texts in any width.
func FuzzText(f *testing.F) {
	f.Add("Anna", "192.0.2.1", "content", uint8(60))
	f.Add("\x1b[31m", strings.Repeat("x", 300), "安娜 \u202e", uint8(0))
	f.Fuzz(func(t *testing.T, name, addr, why string, columns uint8) {
		r := storyCall()
		r.Parties[0].Names[0].Value, r.Parties[1].Addresses[0], r.Limits[0].Why, r.Events[0].Peer = name, addr, why, &addr
		o := TextOptions{Width: int(columns)}
		for line := range strings.Lines(text(t, r, o)) {
			line = strings.TrimSuffix(line, "\n")
			// One character may be wider than a column of one.
			if most := max(int(columns), minWidth); columns > 0 && width(line) > most+1 {
				t.Fatalf("%d columns in a width of %d: %q", width(line), most, line)
			}
			if Clean(line) != line {
				t.Fatalf("not clean: %q", line)
			}
		}
	})
}
