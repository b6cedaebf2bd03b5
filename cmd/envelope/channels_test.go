package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"envelope/analyze"
)

// channelOf gives the one channel of a report.
func channelOf(t *testing.T, rep *analyze.Report) analyze.Channel {
	t.Helper()
	if len(rep.Channels) != 1 {
		t.Fatalf("%d channels", len(rep.Channels))
	}
	return rep.Channels[0]
}

// TestChannelOfTelegram holds two recordings of a Telegram client against the
// logs of what was sent in its group: its own log, with its clock moved, and
// that of the other recording.
func TestChannelOfTelegram(t *testing.T) {
	names := []string{"lnx_telegram__evening1", "lnx_telegram__2xreplay_evening1"}
	for i, name := range names {
		log := shared(t, "corpus", "logs", name+".messages.json")
		c := channelOf(t, corpus(t, name+".pcap", "--channel", log))
		if c.InCapture < 50 || len(c.Parties) != 1 || 100*c.Parties[0].Matched < 95*c.InCapture || c.Parties[0].Confidence < 0.99 ||
			c.Parties[0].Direction != "received" || len(c.Parties[0].Evidence) != c.Parties[0].Matched {
			t.Errorf("%s: %+v", name, c)
		}
		other := shared(t, "corpus", "logs", names[1-i]+".messages.json")
		if c := channelOf(t, corpus(t, name+".pcap", "--channel", other)); len(c.Parties) > 0 || c.InCapture > 0 || c.Note == "" {
			t.Errorf("%s with the other log: %+v", name, c)
		}
		var flags []string
		for _, d := range []int64{-2700, -1500, -600, -240, -120, -60, 30, 60, 90, 150, 180, 300, 420, 720, 900, 1200, 1800, 2100, 2400, 3000, 3600} {
			flags = append(flags, "--channel", movedLog(t, log, d))
		}
		for _, c := range corpus(t, name+".pcap", flags...).Channels {
			for _, p := range c.Parties {
				if p.Confidence > 0.5 {
					t.Errorf("%s with the clock of its log moved by %s s: %+v", name, c.Name, p)
				}
			}
		}
	}
}

// movedLog writes a log with its clock moved on, within the time it covers.
func movedLog(t *testing.T, log string, by int64) string {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Messages []struct {
			Timestamp, Size int64
			Type            string
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	first := doc.Messages[0].Timestamp
	span := doc.Messages[len(doc.Messages)-1].Timestamp - first + 1
	var out strings.Builder
	out.WriteString("time,size,kind\n")
	for _, m := range doc.Messages {
		fmt.Fprintf(&out, "%d,%d,%s\n", first+((m.Timestamp-first+by)%span+span)%span, m.Size, m.Type)
	}
	path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.csv", by))
	if err := os.WriteFile(path, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestChannelErrors: what is no message list is told with its file and line.
func TestChannelErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(path, []byte("who,what\na,b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{path: "list.csv: line 1: no column named time", path + "x": "no such file"} {
		code, _, errs := try(t.Context(), nil, "analyze", "--channel", file, path)
		if code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d: %s", file, code, errs)
		}
	}
}
