package logs

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"envelope/capture"
)

// kindCounts counts the entries of a file by kind and half.
func kindCounts(t *testing.T, shared, path string) (format string, n map[string]int) {
	t.Helper()
	in, err := capture.Open(filepath.Join(shared, path), 0, serverFamily(Options{Year: 2026}))
	if err != nil {
		t.Fatal(err)
	}
	n = map[string]int{}
	for r, err := range in.All() {
		if err != nil {
			n["error"]++
			continue
		}
		half := []string{"", " sent", " received"}[r.Entry.Half]
		n[string(r.Entry.Kind)+half]++
	}
	return in.Format, n
}

// The counts are those of the truth of the lab, and of grep and awk over the
// logs of the corpus.
func TestServerLogsOfTheLabAndTheCorpus(t *testing.T) {
	shared := serverShared(t)
	for _, c := range []struct {
		path, format string
		want         map[string]int
	}{
		{"lab/A-xmpp-prosody/server/prosody-debug.log.gz", "prosody", map[string]int{"message sent": 789, "receipt sent": 512, "typing sent": 48, "media sent": 50, "login": 48, "error": 0}},
		{"lab/A-xmpp-prosody/server/prosody.log.gz", "prosody", map[string]int{"message sent": 789, "receipt sent": 512, "receipt received": 512, "typing sent": 48, "media sent": 50, "login": 48, "error": 0}},
		{"lab/A2-xmpp-prosody-16/server/prosody-debug.log.gz", "prosody", map[string]int{"message sent": 971, "receipt sent": 630, "typing sent": 80, "media sent": 50, "login": 66, "error": 0}},
		{"lab/D-calls/server/prosody-debug.log.gz", "prosody", map[string]int{"message sent": 72, "message received": 72, "login": 10, "logout": 10, "error": 0}},
		{"lab/D-calls/server/turn.log.gz", "coturn", map[string]int{"call": 33, "error": 0}},
		{"lab/C0-matrix-small/server/nginx-access.log.gz", "matrix-access", map[string]int{"message sent": 227, "receipt": 259, "typing": 185, "media sent": 13, "login": 8, "member": 15, "error": 0}},
		{"lab/C0-matrix-small/server/dendrite.log.gz", "dendrite", map[string]int{"message sent": 227, "receipt": 259, "media sent": 13, "member": 43, "error": 0}},
		{"corpus/logs/kdent__postfix_mail.log", "maillog", map[string]int{"message": 503, "error": 0}},
		{"corpus/logs/alexandru__prosody.log", "prosody", map[string]int{"login": 70, "logout": 70, "error": 0}},
		{"corpus/logs/dhirajwork__synapse_homeserver.log", "synapse", map[string]int{"message sent": 0, "error": 0}},
		{"corpus/logs/xxsnipxx__synapse_homeserver.log", "synapse", map[string]int{"message sent": 0, "error": 0}},
	} {
		format, n := kindCounts(t, shared, c.path)
		if format != c.format {
			t.Errorf("%s: read as %q, want %q", c.path, format, c.format)
		}
		for kind, want := range c.want {
			if n[kind] != want {
				t.Errorf("%s: %d %s, want %d", c.path, n[kind], kind, want)
			}
		}
	}
}

// Counts by grep -c, awk and a look at the files.
func TestFilesOfKnownKindsThatSayNothing(t *testing.T) {
	shared := serverShared(t)
	for _, c := range []struct {
		file, format              string
		records, errors, warnings int
	}{
		{"asterisk__CELMaster1.csv", "asterisk-cel", 1, 0, 0},
		{"crowdsec__asterisk-logs__asterisk-logs.log", "asterisk-log", 0, 1, 0},
		{"fail2ban__asterisk.log", "asterisk-log", 0, 1, 0},
		{"crowdsec__freeswitch-bf__freeswitch.log", "freeswitch-log", 0, 1, 0},
		{"fail2ban__kerio.log", "kerio-security", 0, 1, 0},
		{"fail2ban__sogo-auth.log", "sogo", 0, 1, 0},
		{"libremonde__sydent.log", "matrix-identity", 0, 1, 0},
		{"pion__stun_frombrowsers.csv", "stun-table", 0, 1, 0},
		{"telegramchat__README.md", "markdown", 0, 1, 0},
		{"fail2ban__exim.log", "exim", 0, 0, 1},
		{"crowdsec__postfix-helo__postfix-spam.log", "maillog", 0, 0, 1},
		{"dhirajwork__synapse_homeserver.log", "synapse", 0, 0, 1},
		{"xxsnipxx__synapse_homeserver.log", "synapse", 0, 0, 1},
		{"kumina__postqueue_showq.txt", "postqueue", 24, 0, 0},
		{"abhishektharu__jicofo.log", "jicofo", 6, 0, 0},
		{"abhishektharu__jvb.log", "jvb", 0, 0, 1},
	} {
		in, err := capture.Open(filepath.Join(shared, "corpus/logs", c.file), 0, Formats(Options{Year: 2026}))
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		records, faults := 0, 0
		for _, err := range in.All() {
			if err != nil {
				faults++
			} else {
				records++
			}
		}
		if in.Format != c.format || records != c.records || faults != c.errors || len(in.Warnings) != c.warnings {
			t.Errorf("%s: %s, %d records, %d errors, warnings %q, want %+v", c.file, in.Format, records, faults, in.Warnings, c)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

// truthRow is a row of what the clients of the lab did.
type truthRow struct {
	TS    float64
	Kind  string
	From  string
	Group string
	To    json.RawMessage
	ID    string
}

// Each message of the truth is in the debug log once, within a second, from
// and to the right ones; there are no others.
func TestProsodyDebugTellsWhoTalksToWhom(t *testing.T) {
	shared := serverShared(t)
	for _, lab := range []string{"A-xmpp-prosody", "A2-xmpp-prosody-16"} {
		want := labTruth(t, filepath.Join(shared, "lab", lab, "truth.jsonl"))
		in, err := capture.Open(filepath.Join(shared, "lab", lab, "server/prosody-debug.log.gz"), 0, serverFamily(Options{Year: 2026}))
		if err != nil {
			t.Fatal(err)
		}
		members := map[string][]string{}
		for r, err := range in.All() {
			if err != nil {
				t.Fatal(err)
			}
			checkSent(t, lab, r, want, members)
		}
		if len(want) > 0 {
			t.Errorf("%s: %d messages of the truth were not found", lab, len(want))
		}
		if len(members) != 2 {
			t.Errorf("%s: %d groups, want 2", lab, len(members))
		}
	}
}

func checkSent(t *testing.T, lab string, r capture.Record, want map[string]truthRow, members map[string][]string) {
	e := r.Entry
	if e.Kind == capture.EntryMember && !slices.Contains(members[e.Group], e.From.Account) {
		members[e.Group] = append(members[e.Group], e.From.Account)
	}
	if e.Kind != capture.EntryMessage || e.Half != capture.HalfSent {
		return
	}
	row, ok := want[e.ID]
	if !ok {
		t.Errorf("%s: line %d is of no message of the truth, or again of one", lab, r.Origin.At)
		return
	}
	delete(want, e.ID)
	to := ""
	if len(e.To) == 1 {
		to = user(e.To[0].Account)
	}
	said := fmt.Sprintf("%q", to)
	if row.Group != "" {
		said = string(row.To)
	}
	delay := float64(r.Time)/1e9 - row.TS
	if user(e.From.Account) != row.From || user(e.Group) != row.Group || said != string(row.To) || delay < -1 || delay > 1 {
		t.Errorf("%s: line %d: from %s to %s group %s after %.1f s, want %s to %s group %s", lab, r.Origin.At, user(e.From.Account), to, user(e.Group), delay, row.From, row.To, row.Group)
	}
}

func user(account string) string {
	name, _, _ := strings.Cut(account, "@")
	return name
}

// labTruth gives the texts and media of a truth by their ids.
func labTruth(t *testing.T, path string) map[string]truthRow {
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows := map[string]truthRow{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var row truthRow
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		if row.Kind == "text" || row.Kind == "media" {
			rows[row.ID] = row
		}
	}
	return rows
}
