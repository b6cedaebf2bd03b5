package infer

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"envelope/capture"
	"envelope/capture/packet"
)

// shared gives a path in the folder beside the repository that holds recorded
// captures; the test is skipped where that is absent, and fails in CI.
func shared(tb testing.TB, path string) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		p := filepath.Join(filepath.Dir(dir), "shared", path)
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	if os.Getenv("CI") == "true" {
		tb.Fatalf("shared/%s is absent", path)
	}
	tb.Skipf("needs shared/%s beside the repository", path)
	return ""
}

// flowsOf reads a capture into flows with all of their frames.
func flowsOf(tb testing.TB, path string) []Conn {
	tb.Helper()
	r := packet.NewReader(packet.Options{QUICHello: true, Classify: func(*capture.Flow) capture.Interest { return capture.Collect }})
	in, err := capture.Open(path, 0, r.Formats())
	if err != nil {
		tb.Fatal(err)
	}
	at := map[uint64]int{}
	var out []Conn
	take := func(rec capture.Record, err error) {
		if err != nil || rec.Flow == nil {
			return
		}
		i, ok := at[rec.Flow.ID]
		if !ok {
			i = len(out)
			at[rec.Flow.ID], out = i, append(out, Conn{})
		}
		frames := out[i].Flow.Frames
		out[i].Flow = *rec.Flow
		out[i].Flow.Frames = append(frames, rec.Flow.Frames...)
	}
	for rec, err := range in.All() {
		take(rec, err)
	}
	for rec, err := range r.Finish() {
		take(rec, err)
	}
	return out
}

// labConns gives the flows of the messenger of a recording with their roles.
func labConns(tb testing.TB, path string) []Conn {
	var out []Conn
	for _, c := range flowsOf(tb, path) {
		if c.Flow.Server.Addr() != netip.MustParseAddr("10.77.1.10") || c.Flow.Proto != packet.ProtoTCP {
			continue
		}
		c.Service, c.Role, c.Weight = "lab", "message", 1
		if strings.HasPrefix(c.Flow.Host, "upload.") {
			c.Role = "media"
		}
		out = append(out, c)
	}
	return out
}
