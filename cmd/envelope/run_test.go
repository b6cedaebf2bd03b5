package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"envelope/capture"
)

// try runs the program in this process.
func try(ctx context.Context, stdin io.Reader, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(ctx, args, stdin, &out, &errs)
	return code, out.String(), errs.String()
}

// demo writes the captures of the demonstration and returns their folder.
func demo(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if code, _, errs := try(t.Context(), nil, "demo", "-o", dir); code != exitDone {
		t.Fatalf("demo: exit code %d: %s", code, errs)
	}
	return dir
}

func TestExitCodes(t *testing.T) {
	dir := demo(t)
	router := filepath.Join(dir, "router.pcap")
	notes := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(notes, []byte("no capture"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		want int
	}{
		{"done", []string{"analyze", router}, exitDone},
		{"version", []string{"version"}, exitDone},
		{"no file", []string{"analyze", filepath.Join(dir, "nowhere")}, exitFailed},
		{"no place for the report", []string{"analyze", "-o", filepath.Join(dir, "no", "report"), router}, exitFailed},
		{"no input", []string{"analyze"}, exitUsage},
		{"unknown command", []string{"analyse", router}, exitUsage},
		{"unknown flag", []string{"demo", "--bogus"}, exitUsage},
		{"bad filter", []string{"analyze", "--filter", "gateway x", router}, exitUsage},
		{"unknown format", []string{"analyze", notes}, exitPartial},
		{"one of two", []string{"analyze", router, notes}, exitPartial},
		{"one is not there", []string{"analyze", router, filepath.Join(dir, "nowhere")}, exitPartial},
	} {
		if got, _, errs := try(t.Context(), nil, c.args...); got != c.want {
			t.Errorf("%s: exit code %d, want %d: %s", c.name, got, c.want, errs)
		}
	}
}

// TestInterrupt ends the program while it waits for more on standard input: what
// was found so far is reported.
func TestInterrupt(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(demo(t), "router.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stdin, feed := io.Pipe() // stays open: a live capture
	go func() {
		feed.Write(data)
		cancel()
	}()
	code, out, errs := try(ctx, stdin, "analyze", "-")
	if code != exitPartial || !strings.Contains(errs, "interrupted") {
		t.Errorf("exit code %d, stderr %q", code, errs)
	}
	if !strings.Contains(out, "used WhatsApp") {
		t.Errorf("no report of what was read: %s", out)
	}
}

func TestInterruptBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, out, _ := try(ctx, nil, "analyze", demo(t)); code != exitPartial || out == "" {
		t.Errorf("exit code %d, report %q", code, out)
	}
}

func TestParseTime(t *testing.T) {
	tokyo := time.FixedZone("Tokyo", 9*3600)
	want := time.Date(2026, 3, 2, 14, 5, 0, 0, time.UTC)
	for _, s := range []string{"2026-03-02T14:05:00Z", "2026-03-02T15:05:00+01:00", "2026-03-02 23:05", "2026-03-02T23:05:00",
		"2026-03-02 23:05:00.000"} {
		if got, err := parseTime("from", s, tokyo); err != nil || got != capture.TimeOf(want) {
			t.Errorf("%s: got %v, %v", s, got.UTC(), err)
		}
	}
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, tokyo)
	if got, err := parseTime("from", "2026-03-02", tokyo); err != nil || got != capture.TimeOf(day) {
		t.Errorf("a date: got %v, %v", got.UTC(), err)
	}
	for _, s := range []string{"14:05", "2026-02-30", "now", "2026-03-02T14:05:00Zjunk", "1772460300"} {
		if got, err := parseTime("from", s, tokyo); err == nil {
			t.Errorf("%s: read as %v", s, got.UTC())
		}
	}
}

func TestProgressLine(t *testing.T) {
	for _, c := range []struct {
		bytes, total, packets int64
		spent                 time.Duration
		want                  string
	}{
		{0, 0, 0, 0, "0.0 MB"},
		{50e6, 100e6, 1000, 2 * time.Second, "50.0 MB of 100.0 MB, 500 packets/s, 2 s left"},
		{50e6, 0, 1000, time.Second, "50.0 MB, 1000 packets/s"},
		{100e6, 100e6, 10, time.Second, "100.0 MB read, working out who did what"},
	} {
		if got := progressLine(c.bytes, c.total, c.packets, c.spent); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	var none *progress
	none.start(1, nil)
	none.stop()
	if newProgress(&bytes.Buffer{}) != nil {
		t.Error("progress on what is no terminal")
	}
}

func TestReplaceKeepsMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	failed := func(w io.Writer) error { io.WriteString(w, "half"); return io.ErrUnexpectedEOF }
	if err := replace(path, failed); err == nil {
		t.Error("no error")
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("a failed write left %q", got)
	}
	if err := replace(path, func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err }); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if got, _ := os.ReadFile(path); err != nil || string(got) != "new" || info.Mode().Perm() != 0o600 {
		t.Errorf("content %q, mode %v, %v", got, info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
