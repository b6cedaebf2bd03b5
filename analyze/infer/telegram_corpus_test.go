package infer

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// telegramTruth is the message log of a recording, in seconds since 1970. The
// log is of one conversation and of texts only.
func telegramTruth(t *testing.T, name string) []float64 {
	t.Helper()
	text, err := os.ReadFile(shared(t, "corpus/expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	var one struct {
		Events []struct {
			Start float64 `json:"start_epoch"`
		}
	}
	if err := json.Unmarshal(all[name], &one); err != nil {
		t.Fatal(err)
	}
	var out []float64
	for _, e := range one.Events {
		out = append(out, e.Start)
	}
	return out
}

// corpusConns gives the connections of a capture as those of a messenger.
func corpusConns(t *testing.T, name, service string) []Conn {
	conns := flowsOf(t, shared(t, "corpus/pcap/"+name))
	for i := range conns {
		conns[i].Service, conns[i].Role, conns[i].Weight = service, "message", 1
	}
	return conns
}

// paired counts times that have an event within two seconds, each event taken
// once; both ascend.
func paired(times []float64, events []Event) int {
	n, next := 0, 0
	for _, at := range times {
		for ; next < len(events); next++ {
			if d := float64(events[next].Time)/1e9 - at; d > 2 {
				break
			} else if d >= -2 {
				n++
				next++
				break
			}
		}
	}
	return n
}

// unlogged gives what was found beyond a log, in seconds since the first event.
func unlogged(times []float64, events []Event) []float64 {
	var out []float64
	for _, e := range events {
		at := float64(e.Time) / 1e9
		if !slices.ContainsFunc(times, func(x float64) bool { return at-x >= -2 && at-x <= 2 }) {
			out = append(out, at-float64(events[0].Time)/1e9)
		}
	}
	return out
}

// TestTelegramCorpus holds the messages found against the logs of two
// recordings of one conversation that was played twice. The logs have its texts
// only; what was found beyond them (photos, by their sizes) has to come at the
// same times in both.
func TestTelegramCorpus(t *testing.T) {
	var more [2][]float64
	for k, name := range []string{"lnx_telegram__evening1.pcap", "lnx_telegram__2xreplay_evening1.pcap"} {
		truth := telegramTruth(t, name)
		found := without(Telegram(corpusConns(t, name, "telegram")), Keepalive, Receipt, Presence, Typing, Login)
		more[k] = unlogged(truth, found)
		n := paired(truth, without(slices.Clone(found), Media))
		t.Logf("%s: %d of %d logged messages found; %d messages and media in all", name, n, len(truth), len(found))
		if len(truth) < 50 || 100*n < 95*len(truth) {
			t.Errorf("%s: %d of %d logged messages found", name, n, len(truth))
		}
	}
	again := 0
	for _, x := range more[0] {
		if slices.ContainsFunc(more[1], func(y float64) bool { return x-y >= -2 && x-y <= 2 }) {
			again++
		}
	}
	t.Logf("not logged: %d, of which %d came again in the second recording, which has %d", len(more[0]), again, len(more[1]))
	if 100*again < 90*len(more[0]) {
		t.Errorf("of %d events that were not logged %d came again", len(more[0]), again)
	}
}

// TestThreemaCorpus reads a capture of six sessions of one client.
func TestThreemaCorpus(t *testing.T) {
	count := make(map[Kind]map[Direction]int)
	for _, e := range Threema(corpusConns(t, "threema.pcap", "threema")) {
		if count[e.Kind] == nil {
			count[e.Kind] = make(map[Direction]int)
		}
		count[e.Kind][e.Direction]++
		t.Logf("%s %s %s, %d bytes, %.2f: packet %d", e.Time.UTC().Format("15:04:05"), e.Kind, e.Direction, e.Bytes, e.Confidence, e.Evidence[0].Origin.At)
	}
	if count[Login][""] != 6 || count[Message][Received] != 3 || count[Message][Sent] != 2 {
		t.Errorf("got %v, want 6 logins, 3 messages received on connecting, 2 actions of sending", count)
	}
}
