package correlate

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

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

// labServer is the chat server of all recordings.
var labServer = netip.MustParseAddr("10.77.1.10")

// labFrames reads the chat frames of the clients of a recording, each client
// an input, moved by shifts.
func labFrames(tb testing.TB, dir string, shifts []time.Duration) (events []Event, inputs int) {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "client-*.pcap.gz"))
	if err != nil || len(files) == 0 {
		tb.Fatal("no clients in ", dir)
	}
	slices.Sort(files)
	for i, path := range files {
		r := packet.NewReader(packet.Options{})
		in, err := capture.Open(path, int32(i), r.Formats())
		if err != nil {
			tb.Fatal(err)
		}
		take := func(rec capture.Record, err error) {
			if err != nil || rec.Flow == nil || rec.Flow.Server.Addr() != labServer || rec.Flow.Proto != packet.ProtoTCP {
				return
			}
			for _, f := range rec.Flow.Frames {
				if f.Kind == capture.FrameData {
					events = append(events, Event{Time: f.Time.Add(shifts[i%len(shifts)]), Party: int32(i), Sent: f.Up, Size: f.Length, Input: int32(i)})
				}
			}
		}
		for rec, err := range in.All() {
			take(rec, err)
		}
		for rec, err := range r.Finish() {
			take(rec, err)
		}
		in.Close()
	}
	return events, len(files)
}

// TestClocksLab finds the clocks of a recording's clients again after they were
// moved by up to 5 s, within 20 ms, from what they wrote to each other.
func TestClocksLab(t *testing.T) {
	shifts := []time.Duration{1700, -4321, 2950, 4870, -150, -2890, 3333, 0, -4990, 640, 1200, -777, 4444, -3600, 90, 2222}
	for i := range shifts {
		shifts[i] *= time.Millisecond
	}
	for _, lab := range []string{"A-xmpp-prosody", "A2-xmpp-prosody-16", "C0-matrix-small", "D-calls", "N-xmpp-idle"} {
		t.Run(lab, func(t *testing.T) {
			events, inputs := labFrames(t, shared(t, "lab/"+lab), shifts)
			begin := time.Now()
			clocks := Clocks(events, inputs)
			t.Log(len(events), "frames", time.Since(begin))
			for i, c := range clocks {
				off := c.Offset + shifts[i] - shifts[c.Reference]
				t.Log(i, c.Known, c.Reference, "offset", c.Offset, "wrong by", off, "said", c.Error, "moments", c.Matched)
			}
		})
	}
}

var _ = json.Marshal
var _ = fmt.Sprint
