package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"envelope/analyze"
)

var update = flag.Bool("update", false, "write the golden files anew")

var stories = []struct {
	name string
	make func() *analyze.Report
}{
	{"call", storyCall}, {"contacts", storyContacts}, {"busy", storyBusy}, {"address", storyAddress}, {"web", storyWeb},
	{"below", storyBelow}, {"nothing", storyNothing}, {"empty", storyEmpty}, {"logins", storyLogins}, {"hostile", storyHostile},
}

var names = map[string]string{"whatsapp": "WhatsApp", "signal": "Signal", "telegram": "Telegram"}

func text(t *testing.T, r *analyze.Report, o TextOptions) string {
	t.Helper()
	var buf bytes.Buffer
	if o.ServiceNames == nil {
		o.ServiceNames = names
	}
	if err := Text(&buf, r, o); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// golden compares got with a file of testdata/cases/report at the root of the
// repository, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("..", "..", "testdata", "cases", "report", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

func TestTextGolden(t *testing.T) {
	for _, s := range stories {
		for _, w := range []int{100, 60} {
			t.Run(fmt.Sprint(s.name, w), func(t *testing.T) {
				golden(t, fmt.Sprintf("%s-%d.txt", s.name, w), text(t, s.make(), TextOptions{Width: w, Min: 0.5}))
			})
		}
	}
}

// TestTextFits holds for any width: no line is wider than asked, no address is
// cut, nothing reaches the terminal that could drive it.
func TestTextFits(t *testing.T) {
	for _, s := range stories {
		for w := 48; w < 200; w += 7 {
			got := text(t, s.make(), TextOptions{Width: w, Min: 0.5})
			for line := range strings.Lines(got) {
				line = strings.TrimSuffix(line, "\n")
				if width(line) > w {
					t.Errorf("%s: %d columns in a width of %d: %q", s.name, width(line), w, line)
				}
				if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
					t.Errorf("%s: not printable: %q", s.name, line)
				}
				if strings.TrimRight(line, " ") != line {
					t.Errorf("%s: spaces at the end of %q", s.name, line)
				}
			}
			for _, p := range s.make().Parties[:min(3, len(s.make().Parties))] {
				if a := p.Addresses[0]; strings.Contains(got, a[:8]) && !strings.Contains(got, a) {
					t.Errorf("%s at %d: address %s is cut", s.name, w, a)
				}
			}
		}
	}
}

func TestTextSaysNothingTwice(t *testing.T) {
	r := storyCall()
	if a, b := text(t, r, TextOptions{}), text(t, r, TextOptions{}); a != b {
		t.Error("two runs differ")
	}
	if d := cmp.Diff(storyCall(), r); d != "" {
		t.Errorf("the report was changed: %s", d)
	}
	if n := strings.Count(text(t, r, TextOptions{}), "UTC"); n != 1 {
		t.Errorf("the zone is named %d times", n)
	}
}

func TestTextZone(t *testing.T) {
	zone := time.FixedZone("Europe/Berlin", 3600)
	got := text(t, storyCall(), TextOptions{Zone: zone, Width: 500})
	if !strings.Contains(got, "between 15:02 and 15:39 (Europe/Berlin) on 2026-03-02") || strings.Contains(got, "14:05:") {
		t.Errorf("not in the zone asked for:\n%s", got)
	}
}

func TestTextAll(t *testing.T) {
	got := text(t, storyBusy(), TextOptions{All: true, Min: 0.5})
	if n := strings.Count(got, "keepalive"); n != 240 {
		t.Errorf("--all lists %d of 240 keepalives", n)
	}
}

// TestHeadline checks the first sentences, which must be true in each case.
func TestHeadline(t *testing.T) {
	for _, c := range []struct {
		name   string
		report *analyze.Report
		want   string
	}{
		{"call", storyCall(), "Three parties used WhatsApp (seen >0.99) and Signal (seen 1.00) between 14:02 and 14:39 UTC on 2026-03-02. " +
			"Annas-iPhone sent 13 messages, 1 of them with media (likely 0.96-0.97). " +
			"pixel-7 received 5 messages (possible 0.55-0.87). " +
			"Annas-iPhone had one audio call of 29 s with pixel-7, direct, answered (seen 1.00)."},
		{"nothing", storyNothing(), "No known messenger was recognised in 812 packets between 14:02 and 14:40 UTC on 2026-03-02."},
		{"empty", storyEmpty(), "The input held nothing to read: no packet and no record."},
		{"no input", &analyze.Report{}, "No input was read."},
		{"address", storyAddress(), "Only addresses or ports point to Telegram (possible 0.60): 192.0.2.11 exchanged traffic with such servers " +
			"between 14:02 and 14:39 UTC on 2026-03-02. No message and no call was recognised."},
		{"web", storyWeb(), "192.0.2.11 visited web pages of WhatsApp (seen 0.99) between 14:02 and 14:39 UTC on 2026-03-02. " +
			"No message and no call was recognised."},
		{"below", storyBelow(), "There are signs of a messenger in 812 packets between 14:02 and 14:40 UTC on 2026-03-02, " +
			"but none is as sure as 0.50; the strongest has probability 0.32. A lower --min-confidence lists them."},
		{"logins", storyLogins(), "192.0.2.11 used WhatsApp (seen 0.97) between 14:00 and 14:39 UTC on 2026-03-02. There were 86 logins (seen 1.00); no message was recognised."},
	} {
		got, _, _ := strings.Cut(text(t, c.report, TextOptions{Width: 2000, Min: 0.5}), "\n")
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestTextGuess: how far other ends are in doubt is said in words that fit.
func TestTextGuess(t *testing.T) {
	for _, c := range []struct {
		guess analyze.Guess
		want  string
	}{
		{analyze.Guess{Read: 1, Events: 80, Candidates: 1.01, Best: 0.997}, "network: the other end was read for 1 event; for 80 events it is inferred, and the likeliest is right with >0.99"},
		{analyze.Guess{Events: 3, Candidates: 2.34, Best: 0.58, Outside: 2}, "network: the other end was read for 0 events; for 3 events it is inferred, and the likeliest is right with 0.58, in doubt among 2.3 candidates on average; for 2 it is not in view"},
		{analyze.Guess{Read: 2}, "network: the other end was read for 2 events"},
	} {
		p := &printer{r: &analyze.Report{}}
		p.r.Observers = []analyze.ObserverFacts{{Observer: "network", Guess: &c.guess}}
		if got := p.beyond(); len(got) != 1 || got[0] != c.want {
			t.Errorf("%+v: %q", c.guess, got)
		}
	}
}
