package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"envelope/analyze"
	"envelope/analyze/evaluate"
)

// The labs whose people write to each other.
var writing = []string{"A-xmpp-prosody", "A2-xmpp-prosody-16", "C0-matrix-small"}

// The message log from the capture alone holds nearly all that was written.
func TestMessageLogOfTheLab(t *testing.T) {
	for _, lab := range writing {
		code, out, errs := try(t.Context(), nil, "compare", "--format", "json", shared(t, "lab", lab, "router.pcapng"), shared(t, "lab", lab, "truth.jsonl"))
		if code != exitDone {
			t.Fatalf("%s: exit code %d: %s", lab, code, errs)
		}
		var got evaluate.CompareDocument
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		if got.Recall < 0.98 || got.Precision < 0.98 || got.Recipients["right"] < got.Recovered*95/100 {
			t.Errorf("%s: recovered %d of %d, precision %.3f, recipients %v", lab, got.Recovered, got.Record, got.Precision, got.Recipients)
		}
	}
}

// Capture, operator's record and subscriber database together: every message
// once, with the evidence of both who saw it.
func TestEveryMessageOnce(t *testing.T) {
	for _, x := range []struct{ lab, log string }{
		{writing[0], "truth.jsonl"}, {writing[1], "truth.jsonl"}, {writing[2], "truth.jsonl"},
		{writing[0], "server/prosody-debug.log.gz"}, {writing[1], "server/prosody-debug.log.gz"}, {writing[2], "server/dendrite.log.gz"},
	} {
		lab, dir := x.lab, filepath.Dir(shared(t, "lab", x.lab, "truth.jsonl"))
		rep := reportOn(t, filepath.Join(dir, "router.pcapng"), filepath.Join(dir, x.log), filepath.Join(dir, "hosts.json"))
		sent, both, media := 0, 0, 0
		for _, e := range rep.Events {
			if e.Kind != "message" && e.Kind != "media" || e.Direction != "sent" {
				continue
			}
			sent++
			if e.Kind == "media" {
				media++
			}
			if of := inputsBehind(&e); of["i1"] && of["i2"] {
				both++
			}
		}
		want := messagesIn(labTruth(t, lab))
		// An upload that no message followed is one more.
		if sent < want || sent > want+1 || both < want*97/100 {
			t.Errorf("%s and its %s: %d messages sent, %d with the evidence of both; %d were written", lab, x.log, sent, both, want)
		}
		if want := mediaIn(labTruth(t, lab)); media < want || media > want+1 {
			t.Errorf("%s and its %s: %d attachments sent, want %d", lab, x.log, media, want)
		}
		if want := map[string]int{writing[0]: 2, writing[1]: 2, writing[2]: 1}[lab]; len(rep.Groups) != want {
			t.Errorf("%s and its %s: groups %+v", lab, x.log, rep.Groups)
		}
		for _, p := range rep.Parties {
			if len(p.Addresses) == 1 && len(p.Accounts) == 0 {
				t.Errorf("%s: %s at %v has no account", lab, p.ID, p.Addresses)
			}
		}
	}
}

func inputsBehind(e *analyze.Event) map[string]bool {
	of := map[string]bool{}
	for _, v := range e.Evidence {
		of[v.Input] = true
	}
	return of
}

// operatorAlone holds the report on an operator's logs against the truth: it
// names both ends, so that nothing may be missing or wrong.
func operatorAlone(t *testing.T, lab string, logs ...string) {
	t.Helper()
	rep := reportOn(t, logs...)
	result, err := evaluate.Evaluate([]evaluate.Input{{Name: lab, Report: rep}}, labTruth(t, lab), evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := result.Reports[0]
	for what, c := range map[string]evaluate.Counts{"any": r.Any.Counts, "direct": r.Direct.Counts} {
		if c.Right == 0 || c.Wrong+c.Missed > 0 {
			t.Errorf("%s, contacts %s: %+v", lab, what, c)
		}
	}
	if r.Groups.Jaccard == nil || *r.Groups.Jaccard < 1 || r.Groups.Spurious > 0 {
		t.Errorf("%s: groups %+v", lab, r.Groups)
	}
	for _, c := range rep.Contacts {
		if c.Grade != "seen" {
			t.Errorf("%s: contact %+v of a log is %s", lab, c, c.Grade)
		}
	}
}

func TestOperatorAlone(t *testing.T) {
	server := func(lab string, names ...string) (paths []string) {
		for _, name := range names {
			paths = append(paths, shared(t, "lab", lab, "server", name))
		}
		return paths
	}
	operatorAlone(t, "A-xmpp-prosody", server("A-xmpp-prosody", "prosody-debug.log.gz")...)
	operatorAlone(t, "A2-xmpp-prosody-16", server("A2-xmpp-prosody-16", "prosody-debug.log.gz")...)
	operatorAlone(t, "C0-matrix-small", server("C0-matrix-small", "dendrite.log.gz", "nginx-access.log.gz")...)
}

// The same conversations in the words of other servers.
func TestOperatorAloneInOtherWords(t *testing.T) {
	for _, lab := range writing {
		truth := labTruth(t, lab)
		for name, write := range map[string]func(*evaluate.Truth) string{"ejabberd": asEjabberd, "synapse": asSynapse} {
			path := filepath.Join(t.TempDir(), name+".log")
			if err := os.WriteFile(path, []byte(write(truth)), 0o600); err != nil {
				t.Fatal(err)
			}
			if name == "ejabberd" {
				operatorAlone(t, lab, path)
				continue
			}
			// Synapse names the sender and the room, and not who is in it.
			rep := reportOn(t, path)
			sent := 0
			for _, e := range rep.Events {
				if e.Direction == "sent" && e.Peer == nil && (e.Kind == "message" || e.Kind == "media") {
					sent++
				}
			}
			if sent != len(truth.Messages) || len(rep.Contacts) != countGroupPairs(rep) {
				t.Errorf("%s in Synapse's words: %d of %d messages by sender alone, contacts %+v", lab, sent, len(truth.Messages), rep.Contacts)
			}
		}
	}
}

func countGroupPairs(rep *analyze.Report) (n int) {
	for _, c := range rep.Contacts {
		if c.Via == "group" {
			n++
		}
	}
	return n
}

// asEjabberd writes the messages as ejabberd's mod_message_log does.
func asEjabberd(truth *evaluate.Truth) string {
	var b strings.Builder
	for _, m := range truth.Messages {
		kind, to := "chat", truth.People[m.To[0]]+"@example.net/phone"
		if m.Group != "" {
			kind, to = "groupchat", m.Group+"@rooms.example.net"
		}
		at := m.Time.UTC()
		fmt.Fprintf(&b, "%s [outgoing, %s] %s@example.net/phone -> %s\n", at.Format(time.DateTime), kind, truth.People[m.From], to)
		for _, got := range m.Got {
			from := truth.People[m.From] + "@example.net/phone"
			if m.Group != "" {
				from = m.Group + "@rooms.example.net/" + truth.People[m.From]
			}
			fmt.Fprintf(&b, "%s [incoming, %s] %s -> %s@example.net/phone\n", at.Format(time.DateTime), kind, from, truth.People[got.To])
		}
	}
	return b.String()
}

// asSynapse writes the messages as the lines of Synapse's access log.
func asSynapse(truth *evaluate.Truth) string {
	var b strings.Builder
	for i, m := range truth.Messages {
		room := m.Group
		if room == "" {
			room = fmt.Sprintf("dm%d.%d", min(m.From, m.To[0]), max(m.From, m.To[0]))
		}
		fmt.Fprintf(&b, "%s,%03d - synapse.access.http.8008 - 460 - INFO - PUT-%d - 192.0.2.10 - 8008 - {@%s:example.org} Processed request: 0.02sec/0.00sec (0.001sec, 0.000sec) (0.001sec/0.002sec/2) 59B 200 \"PUT /_matrix/client/v3/rooms/!%s:example.org/send/m.room.encrypted/txn%d HTTP/1.1\" \"Element/1.11\" [0 dbevts]\n",
			m.Time.UTC().Format(time.DateTime), m.Time.UTC().Nanosecond()/1e6, i, truth.People[m.From], room, i)
	}
	return b.String()
}

func mediaIn(truth *evaluate.Truth) (n int) {
	for _, m := range truth.Messages {
		if m.Media {
			n++
		}
	}
	return n
}

func messagesIn(truth *evaluate.Truth) int { return len(truth.Messages) }

// The network and the operator side by side: the operator names both ends, the
// network infers them, and alone it has no names.
func TestObserversSideBySide(t *testing.T) {
	dir := filepath.Dir(shared(t, "lab", "A-xmpp-prosody", "truth.jsonl"))
	rep := reportOn(t, filepath.Join(dir, "router.pcapng"), filepath.Join(dir, "truth.jsonl"))
	if len(rep.Observers) != 2 || rep.Observers[0].Observer != "network" || rep.Observers[1].Observer != "operator" {
		t.Fatalf("observers %+v", rep.Observers)
	}
	state := func(i int, fact string) string {
		for _, f := range rep.Observers[i].Facts {
			if f.Fact == fact {
				return f.State
			}
		}
		return ""
	}
	for _, c := range []struct{ fact, network, operator string }{{"whom", "inferred", "seen"}, {"group", "inferred", "seen"}, {"content", "not_visible", "not_visible"}} {
		if state(0, c.fact) != c.network || state(1, c.fact) != c.operator {
			t.Errorf("%s: %s by the network, %s by the operator", c.fact, state(0, c.fact), state(1, c.fact))
		}
	}
	for _, g := range rep.Together {
		if g.What == "contacts" && (g.Alone["network"] != 18 || g.Alone["operator"] != 18 || g.Together != 18) {
			t.Errorf("contacts %+v: the network found those that the operator knows", g)
		}
	}
}
