package analyze

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"envelope/capture"
	"envelope/capture/packet"
)

// shared gives the path of a recording in the folder beside the repository.
func shared(t testing.TB, parts ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{"..", "..", "shared"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("CI without %s", path)
		}
		t.Skipf("needs %s", path)
	}
	return path
}

// flowsOf reads the flows of a capture whole.
func flowsOf(t testing.TB, a *Analyzer, path string) []*made {
	t.Helper()
	var list []*made
	of := map[uint64]*made{}
	take := func(rec *capture.Record, err error) {
		if err != nil || rec.Flow == nil {
			return
		}
		m := of[rec.Flow.ID]
		if m == nil {
			m = &made{}
			of[rec.Flow.ID] = m
			list = append(list, m)
		}
		frames, signals, bursts := m.Frames, m.Signals, m.Bursts
		m.Flow = *rec.Flow
		m.Signs = slices.Clone(m.Signs)
		m.Frames, m.Signals, m.Bursts = append(frames, m.Frames...), append(signals, m.Signals...), append(bursts, m.Bursts...)
	}
	r := packet.NewReader(packet.Options{Classify: a.Classify, QUICHello: true})
	in, err := capture.Open(path, 0, r.Formats())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for rec, err := range in.All() {
		take(&rec, err)
	}
	for rec, err := range r.Finish() {
		take(&rec, err)
	}
	return list
}

// Recordings give nearly the same events when a quarter of their frames is all
// that may be held: calls and WhatsApp's to the last, what is learned from sizes
// to a few in a hundred, because it is learned from less.
func TestRoundsOnRecordings(t *testing.T) {
	for _, c := range []struct {
		path  []string
		kind  string  // only this kind of events; "" for all
		least float64 // share of the events of either report that the other has
	}{
		{[]string{"corpus", "pcap", "whatsapp.pcap"}, "", 1},
		{[]string{"corpus", "pcap", "wissamnd__whatsappCall.pcapng"}, "", 1},
		{[]string{"lab", "D-calls", "router.pcapng"}, "call", 1},
		{[]string{"lab", "A-xmpp-prosody", "router.pcapng"}, "", 0.95},
	} {
		a := newTest(t, Options{})
		list := flowsOf(t, a, shared(t, c.path...))
		feed(a, 1, list...)
		b := newTest(t, Options{})
		b.bound = a.weight() / 4
		b.next = b.bound
		feed(b, 1, list...)
		rounds := len(b.events)
		whole, parts := keysOf(a.Report(nil), c.kind), keysOf(b.Report(nil), c.kind)
		both := 0
		for k := range whole {
			if parts[k] {
				both++
			}
		}
		got := float64(2*both) / float64(len(whole)+len(parts))
		t.Logf("%s: %d events, %d in rounds (%d before the last), %.3f alike", filepath.Join(c.path...), len(whole), len(parts), rounds, got)
		if got < c.least {
			t.Errorf("%s: %.3f of the events alike, want %.3f", filepath.Join(c.path...), got, c.least)
		}
	}
}

// keysOf gives what tells events from each other.
func keysOf(rep *Report, kind string) map[string]bool {
	out := map[string]bool{}
	for _, e := range rep.Events {
		if kind == "" || e.Kind == kind {
			peer := ""
			if e.Call != nil && e.Peer != nil {
				peer = *e.Peer
			}
			out[fmt.Sprint(e.Time, e.Kind, e.Direction, e.Party, e.Service, peer)] = true
		}
	}
	return out
}
