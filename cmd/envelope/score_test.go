package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"envelope/analyze"
	"envelope/analyze/evaluate"
)

// Floors of what the whole program finds in recordings of which the truth is
// known. They are what was reached, so that no change takes anything away.

// labTruth reads what really happened in a lab recording.
func labTruth(t *testing.T, lab string) *evaluate.Truth {
	t.Helper()
	truth, err := readTruth(shared(t, "lab", lab), "")
	if err != nil {
		t.Fatal(err)
	}
	return truth
}

// Fifteen calls were answered and three turned down; the fewest figures that
// say all: who with whom, when over, which way, with a picture or without.
func TestScoreCallsOfTheLab(t *testing.T) {
	truth := labTruth(t, "D-calls")
	rep := reportOn(t, shared(t, "lab", "D-calls", "router.pcapng"))
	result, err := evaluate.Evaluate([]evaluate.Input{{Name: "D-calls", Report: rep}}, truth, evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := result.Reports[0].Calls
	if c.Answered != 15 || c.Linked != 15 || c.EndWithin != 15 || c.Path != 15 || c.Media != 15 || c.Unanswered != 3 || c.Attempts != 3 || c.WrongPairs != 0 {
		t.Errorf("%+v", c)
	}
	for _, e := range rep.Events {
		if e.Call != nil && e.Call.Outcome == "unanswered" {
			t.Errorf("call at %s: the other end turned it down", e.Time)
		}
	}
}

// reading is one event of a capture read by hand.
type reading struct {
	Kind       string
	Start      float64
	End        *float64
	PeerIP     string `json:"peer_ip"`
	Direction  string
	Confidence float64
}

// readings gives what was read by hand in a capture, with absolute times.
func readings(t *testing.T, name string) (list []reading, base time.Time) {
	t.Helper()
	one := expected(t, name)
	return one.Events, time.UnixMicro(int64(one.Start * 1e6)).UTC()
}

// corpusService is the messenger that a capture of the corpus was made for.
func corpusService(t *testing.T, name string) string { return expected(t, name).Service }

// readCapture is one capture of the corpus as it was read.
type readCapture struct {
	Service string
	Start   float64 `json:"capture_start_epoch"`
	Events  []reading
}

func expected(t *testing.T, name string) (one readCapture) {
	t.Helper()
	raw, err := os.ReadFile(shared(t, "corpus", "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(all[name], &one); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return one
}

// near tells that a reading and an event are within two seconds.
func near(base time.Time, seconds float64, at time.Time) bool {
	return at.Sub(base.Add(time.Duration(seconds*1e9))).Abs() <= 2*time.Second
}

func TestScoreCallsOfTheCorpus(t *testing.T) {
	found := 0
	for _, name := range []string{"whatsapp_login_call.pcap", "stun_wa_call.pcapng", "wa_video.pcap", "wissamnd__whatsAppCallAnsered.pcapng",
		"wissamnd__whatsappCall.pcapng", "telegram.pcap"} {
		rep := corpus(t, name)
		list, base := readings(t, name)
		events := slices.DeleteFunc(slices.Clone(rep.Events), func(e analyze.Event) bool { return e.Call == nil })
		calls := 0
		for _, want := range list {
			if want.Kind != "call" {
				continue
			}
			calls++
			i := slices.IndexFunc(events, func(e analyze.Event) bool { return near(base, want.Start, e.Time) })
			if i < 0 {
				t.Errorf("%s: no call at %.1f s", name, want.Start)
				continue
			}
			found++
			e := events[i]
			if want.End != nil && (e.End == nil || !near(base, *want.End, *e.End)) {
				t.Errorf("%s: call at %.1f s ends at %v, want %.1f s", name, want.Start, e.End, *want.End)
			}
			if want.PeerIP != "" && !slices.Contains(e.Call.PeerAddresses, want.PeerIP) {
				t.Errorf("%s: call at %.1f s: addresses of the peer %v, want %s", name, want.Start, e.Call.PeerAddresses, want.PeerIP)
			}
		}
		if len(events) != calls {
			t.Errorf("%s: %d calls, want %d", name, len(events), calls)
		}
	}
	if found != 9 {
		t.Errorf("%d calls of 9", found)
	}
}

func TestScoreLogins(t *testing.T) {
	rep := corpus(t, "whatsapp.pcap")
	list, base := readings(t, "whatsapp.pcap")
	right := 0
	for _, want := range list {
		if slices.ContainsFunc(rep.Events, func(e analyze.Event) bool { return e.Kind == "login" && near(base, want.Start, e.Time) }) {
			right++
		}
	}
	if len(list) != 86 || right != 86 || len(rep.Events) != 86 {
		t.Errorf("%d of %d logins right, %d events", right, len(list), len(rep.Events))
	}
}

// An attachment was read as a transfer and as the message that carries it; the
// report makes one event of both, which is right for either.
func TestScoreMessagesOfWhatsApp(t *testing.T) {
	const name = "wissamnd__whatsappCall.pcapng"
	rep := corpus(t, name)
	list, base := readings(t, name)
	talk := func(kind string) bool { return kind == "message" || kind == "media" }
	right, events := 0, 0
	for _, e := range rep.Events {
		if !talk(e.Kind) {
			continue
		}
		events++
		if slices.ContainsFunc(list, func(w reading) bool { return talk(w.Kind) && near(base, w.Start, e.Time) }) {
			right++
		}
	}
	want, told := 0, 0
	for _, w := range list {
		if talk(w.Kind) && w.Confidence >= 0.7 {
			want++
			if slices.ContainsFunc(rep.Events, func(e analyze.Event) bool { return talk(e.Kind) && near(base, w.Start, e.Time) }) {
				told++
			}
		}
	}
	precision, recall := float64(right)/float64(events), float64(told)/float64(want)
	t.Logf("%d events, precision %.2f, recall %.2f", events, precision, recall)
	if precision < 0.95 || recall < 1 {
		t.Errorf("precision %.2f, recall %.2f", precision, recall)
	}
}

// labs lists the lab recordings with their captures: the view of the network,
// and every client's own.
func labs(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, lab := range []string{"A-xmpp-prosody", "A2-xmpp-prosody-16", "C0-matrix-small", "D-calls", "N-xmpp-idle"} {
		dir := shared(t, "lab", lab)
		clients, err := filepath.Glob(filepath.Join(dir, "client-*.pcap.gz"))
		if err != nil {
			t.Fatal(err)
		}
		out[lab] = append([]string{filepath.Join(dir, "router.pcapng")}, clients...)
	}
	return out
}

func isClient(path string) bool { return strings.HasPrefix(filepath.Base(path), "client-") }
