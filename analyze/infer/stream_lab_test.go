package infer

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
			at[rec.Flow.ID], out = i, append(out, Conn{Flow: &capture.Flow{}})
		}
		frames := out[i].Flow.Frames
		*out[i].Flow = *rec.Flow
		out[i].Flow.Frames = capture.Join(frames, rec.Flow.Frames)
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

// truthOf reads who sent and who received what from a recording, by address.
func truthOf(tb testing.TB, dir string) (sent, got []chatMoment) {
	tb.Helper()
	file, err := os.Open(filepath.Join(dir, "truth.jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	for dec := json.NewDecoder(file); dec.More(); {
		var row struct {
			Kind      string     `json:"kind"`
			At        float64    `json:"ts"`
			From      netip.Addr `json:"from_ip"`
			Delivered []struct {
				At float64    `json:"ts"`
				To netip.Addr `json:"ip"`
			} `json:"delivered"`
		}
		if err := dec.Decode(&row); err != nil {
			tb.Fatal(err)
		}
		if row.Kind != "text" && row.Kind != "media" {
			continue
		}
		sent = append(sent, chatMoment{row.From, row.At})
		for _, d := range row.Delivered {
			got = append(got, chatMoment{d.To, d.At})
		}
	}
	return sent, got
}

// TestStreamLab holds the rule to recordings of real messengers. The floors lie
// a little below what was measured on 2026-11-23.
func TestStreamLab(t *testing.T) {
	tests := []struct {
		name           string
		sent, received float64
	}{
		{"A-xmpp-prosody", 0.99, 0.98},
		{"A2-xmpp-prosody-16", 0.99, 0.97},
		{"C0-matrix-small", 0.98, 0.96},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := shared(t, "lab/"+tt.name)
			sent, got := truthOf(t, dir)
			events := Stream(labConns(t, filepath.Join(dir, "router.pcapng")))
			if x := chatF1(chatFits(events, sent, Sent, time.Second)); x < tt.sent {
				t.Errorf("sent: F1 %.4f, want at least %.2f", x, tt.sent)
			}
			if x := chatF1(chatFits(events, got, Received, time.Second)); x < tt.received {
				t.Errorf("received: F1 %.4f, want at least %.2f", x, tt.received)
			}
			calibrated(t, events, sent, got)
		})
	}
}

// calibrated tests that events as sure as p are right in a share of p or more,
// with room for chance where there are few.
func calibrated(t *testing.T, events []Event, sent, got []chatMoment) {
	t.Helper()
	for _, least := range []float64{0.5, 0.7, 0.9} {
		var some []Event
		sum := 0.0
		for _, e := range events {
			if e.Confidence >= least && e.Confidence < least+0.2 && (e.Kind == Message || e.Kind == Media) {
				some, sum = append(some, e), sum+e.Confidence
			}
		}
		a, _, _ := chatFits(some, sent, Sent, time.Second)
		b, _, _ := chatFits(some, got, Received, time.Second)
		if n := float64(len(some)); n >= 20 && float64(a+b) < sum-0.1*n {
			t.Errorf("of %v events at %.1f, %d are right, want %.0f", n, least, a+b, sum)
		}
	}
}

func TestStreamLabIdle(t *testing.T) {
	dir := shared(t, "lab/N-xmpp-idle")
	for _, e := range Stream(labConns(t, filepath.Join(dir, "router.pcapng"))) {
		if e.Kind == Message || e.Kind == Media {
			t.Errorf("nobody talks, but at packet %d: %s %s", e.Evidence[0].Origin.At, e.Kind, e.Direction)
		}
	}
}

// TestStreamLabDevices reads single devices' captures, one at a time.
func TestStreamLabDevices(t *testing.T) {
	for _, name := range []string{"A-xmpp-prosody", "A2-xmpp-prosody-16", "C0-matrix-small"} {
		dir := shared(t, "lab/"+name)
		sent, got := truthOf(t, dir)
		paths, err := filepath.Glob(filepath.Join(dir, "client-*.pcap.gz"))
		if err != nil {
			t.Fatal(err)
		}
		var all []Event
		for _, p := range paths {
			all = append(all, Stream(labConns(t, p))...)
		}
		s, r := chatF1(chatFits(all, sent, Sent, time.Second)), chatF1(chatFits(all, got, Received, time.Second))
		t.Logf("%s: %d devices, F1 sent %.3f, received %.3f", name, len(paths), s, r)
		if s < 0.9 || r < 0.8 {
			t.Errorf("%s: F1 sent %.3f, received %.3f, want at least 0.9 and 0.8", name, s, r)
		}
	}
}

// TestStreamServer reads XMPP at the server; the numbers of messages were read
// by hand.
func TestStreamServer(t *testing.T) {
	tests := []struct {
		name string
		sent int
	}{
		{"GroupChatRaw", 17}, {"big", 6}, {"small", 2}, {"keep_alive", 0}, {"unidirectional_msg_flow", 7},
	}
	for _, tt := range tests {
		conns := flowsOf(t, shared(t, "corpus/pcap/dmbb_xmpp__"+tt.name+".pcap"))
		conns = slices.DeleteFunc(conns, func(c Conn) bool { return c.Flow.Server.Port() != 5222 })
		sent := 0
		for i := range conns {
			conns[i].Service, conns[i].Role, conns[i].Weight = "xmpp", "message", 1
		}
		for _, e := range Stream(conns) {
			if e.Kind == Message && e.Direction == Sent {
				sent++
			}
		}
		if sent != tt.sent {
			t.Errorf("%s: %d messages sent, want %d", tt.name, sent, tt.sent)
		}
	}
}

// TestLongPollLab tells the one messenger without push from everything else.
func TestLongPollLab(t *testing.T) {
	for _, name := range []string{"A-xmpp-prosody", "A2-xmpp-prosody-16", "C0-matrix-small", "D-calls", "N-xmpp-idle"} {
		var best float64
		for _, c := range flowsOf(t, filepath.Join(shared(t, "lab/"+name), "router.pcapng")) {
			p := LongPoll(&c)
			if c.Flow.Host == "mx.test" {
				best = max(best, p)
			} else if p > 0.2 {
				t.Errorf("%s: %s: %.2f", name, c.Flow.Host, p)
			}
		}
		if (name == "C0-matrix-small") != (best >= 0.9) {
			t.Errorf("%s: the best flow to the messenger has %.2f", name, best)
		}
	}
}
