package logs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"envelope/capture"
)

// serverShared is the folder shared beside the repository, "" where it is absent.
func serverShared(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		shared := filepath.Join(filepath.Dir(dir), "shared")
		if _, err := os.Stat(filepath.Join(shared, "lab")); err == nil {
			return shared
		}
		if filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("the folder shared beside the repository is absent")
	}
	t.Skip("needs the folder shared beside the repository, with real logs")
	return ""
}

// serverFamily are the formats of this family.
func serverFamily(o Options) []capture.Format {
	return append(serverFormats(o), mailFormats(o)...)
}

// readEntries reads text with the formats of this family, and tells the name of
// the one that took it ("" for none).
func readEntries(t testing.TB, text string) (format string, entries []capture.Entry, times []capture.Time, faults []string) {
	t.Helper()
	in, err := capture.OpenReader(strings.NewReader(text), "test", 0, serverFamily(Options{Year: 2026}))
	if err != nil {
		return "", nil, nil, []string{err.Error()}
	}
	for r, err := range in.All() {
		if err != nil {
			faults = append(faults, err.Error())
			continue
		}
		entries, times = append(entries, *r.Entry), append(times, r.Time)
	}
	return in.Format, entries, times, append(faults, in.Warnings...)
}
