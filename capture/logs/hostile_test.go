package logs

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"

	"envelope/capture"
)

// hostileLines are lines that are of no log, made of a good one. None holds a
// line end.
func hostileLines(good string) map[string]string {
	half := good[:len(good)/2]
	lines := map[string]string{
		"control characters":     "\x00\x01\x02\x1b[2J\x7f\x08",
		"control characters in":  half + "\x00\x1b[31m\x07" + good[len(half):],
		"long line":              strings.Repeat("x", 10<<20),
		"long line of this kind": half + strings.Repeat("x", 10<<20),
		"long field":             half + strings.Repeat("x", 1<<20) + good[len(half):],
		"UTF-16":                 wide(good),
		"Latin-1":                half + "\xe4\xf6\xfc\xdf" + good[len(half):],
		"cut":                    half,
	}
	for _, open := range []string{`"`, "[", "(", "{", `{"a":`, "<", "<div>", "'", "&", "=", ",", "\\", "%", "|"} {
		lines["100,000 of "+open] = strings.Repeat(open, 100_000)
		lines["100,000 in a line of "+open] = half + strings.Repeat(open, 100_000)
	}
	for name, seconds := range map[string]string{"0": "-62135596800", "1969": "-1", "2500": "16725225600", "9999": "253402300799", "none": "1e300"} {
		year := name
		if name == "none" {
			year = "99999999"
		}
		line := strings.ReplaceAll(strings.ReplaceAll(good, "1767600000", seconds), "2026", fmt.Sprintf("%04s", year))
		lines["year "+name] = strings.ReplaceAll(line, "25/01/", "99/99/")
	}
	return lines
}

// wide is a text in UTF-16, little-endian.
func wide(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		b.Write([]byte{byte(u), byte(u >> 8)})
	}
	return b.String()
}

// TestHostileLines puts bad lines before the last line of every sample: what is
// good is read as before, the memory is bounded, and errors point at the bad line.
func TestHostileLines(t *testing.T) {
	for name, sample := range formatSamples(t) {
		format := formatNamed(t, name)
		if !sample.lines || len(format.Shows) == 0 {
			continue
		}
		before, last := sample.text[:strings.LastIndex(strings.TrimSuffix(sample.text, "\n"), "\n")+1], ""
		last = strings.TrimSuffix(sample.text[len(before):], "\n")
		want, _ := checkedRead(t, format, []byte(sample.text), 1<<30, func(any) {})
		line := fmt.Sprint("line ", 1+strings.Count(before, "\n"))
		for kind, bad := range hostileLines(last) {
			t.Run(name+"/"+kind, func(t *testing.T) {
				text := []byte(before + bad + "\n" + last + "\n")
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				start := m.TotalAlloc
				records, faults := checkedRead(t, format, text, 1<<30, func(what any) {
					if s, is := what.(string); is && !strings.Contains(s, line) {
						t.Errorf("%.200q does not name %s", s, line)
					}
				})
				runtime.ReadMemStats(&m)
				if records < want {
					t.Errorf("%d records, want %d", records, want)
				}
				if len(bad) > 10<<20 && faults != 1 {
					t.Errorf("%d errors for a line that is not read", faults)
				}
				if used := m.TotalAlloc - start; used > 64<<20 {
					t.Errorf("%d MiB were allocated", used>>20)
				}
			})
		}
	}
}

// TestHostileDocuments damages the samples whose lines hang together.
func TestHostileDocuments(t *testing.T) {
	for name, sample := range formatSamples(t) {
		format := formatNamed(t, name)
		if sample.lines || len(format.Shows) == 0 {
			continue
		}
		for _, good := range []string{sample.text[:len(sample.text)/4], sample.text[:len(sample.text)*3/4], sample.text} {
			for kind, bad := range hostileLines(good) {
				t.Run(name+"/"+kind, func(t *testing.T) {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					start := m.TotalAlloc
					checkedRead(t, format, []byte(bad+sample.text), 1<<30, func(any) {})
					runtime.ReadMemStats(&m)
					if used := m.TotalAlloc - start; used > 256<<20 {
						t.Errorf("%d MiB were allocated", used>>20)
					}
				})
			}
		}
	}
}

// readWhole opens a text with all formats and writes down what comes out, but for
// the sizes of texts, which have their line ends in them.
func readWhole(t *testing.T, text string) string {
	t.Helper()
	in, err := capture.OpenReader(strings.NewReader(text), "named.log", 0, sampledFormats())
	if err != nil {
		return err.Error()
	}
	all := []any{in.Format}
	for r, err := range in.All() {
		if err != nil {
			all = append(all, err.Error())
			continue
		}
		one, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, "\n"+textSize.ReplaceAllString(string(one), ""))
	}
	return fmt.Sprint(append(all, in.Warnings)...)
}

var textSize = regexp.MustCompile(`"Size":\d+`)

// TestLineEndsAndEncodings reads samples with CRLF, with a byte order mark and in
// UTF-16: all records are the same, and no carriage return is in one.
func TestLineEndsAndEncodings(t *testing.T) {
	for name, sample := range formatSamples(t) {
		if strings.Contains("netflow nfcapd sqlite", name) {
			continue
		}
		want := readWhole(t, sample.text)
		ends := strings.ReplaceAll(sample.text, "\n", "\r\n")
		for kind, text := range map[string]string{"CRLF": ends, "mark": "\ufeff" + sample.text, "both": "\ufeff" + ends, "UTF-16": wide("\ufeff" + ends)} {
			if got := readWhole(t, text); got != want || strings.Contains(got, `\r`) {
				t.Errorf("%s, %s:\n%s\nwant\n%s", name, kind, got, want)
			}
		}
	}
}

// TestSamplesAreClaimed opens every sample with all formats: its own claims it, also
// when compressed, and none other where it is cut short.
func TestSamplesAreClaimed(t *testing.T) {
	for name, sample := range formatSamples(t) {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := z.Write([]byte(sample.text)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		for kind, c := range map[string]struct {
			text string
			may  bool // it may be refused
		}{
			"whole": {sample.text, false},
			"gzip":  {packed.String(), false},
			"head":  {sample.text[:min(200, len(sample.text))], true},
		} {
			in, err := capture.OpenReader(strings.NewReader(c.text), "named.log", 0, sampledFormats())
			switch {
			case err != nil && !c.may:
				t.Errorf("%s, %s: %v", name, kind, err)
			case err == nil && in.Format != name:
				t.Errorf("%s, %s: read as %s", name, kind, in.Format)
			}
		}
	}
}

// TestRowsOfOneFlow reads many rows between the same ends, first one way, then the
// other: none is lost, and the search for the other direction stays short.
func TestRowsOfOneFlow(t *testing.T) {
	const rows = 60_000
	var b strings.Builder
	b.WriteString("ts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt,opkt,obyt\n")
	for i := range 2 * rows {
		ends := "192.0.2.10,198.51.100.7,50112,443"
		if i >= rows {
			ends = "198.51.100.7,192.0.2.10,443,50112"
		}
		fmt.Fprintf(&b, "2026-01-05 08:00:00,2026-01-05 08:00:09,9.0,%s,TCP,...AP.S.,1,100,0,0\n", ends)
	}
	in := &capture.Input{Path: "named.log", Reader: strings.NewReader(b.String())}
	var packets uint64
	for r, err := range formatNamed(t, "nfdump-csv").Read(in) {
		if err != nil {
			t.Fatal(err)
		}
		packets += r.Flow.Carries()
	}
	if packets != 2*rows {
		t.Errorf("%d packets, want %d", packets, 2*rows)
	}
}
