package analyze_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"envelope/analyze"
	"envelope/analyze/service"
	"envelope/capture"
	"envelope/capture/packet"
)

// sharedFile gives the path of a file beside the repository, or skips the test
// where there is none; in CI that is a failure.
func sharedFile(tb testing.TB, path string) string {
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

// told is a line of the truth of a lab.
type told struct {
	TS        float64 `json:"ts"`
	Kind      string
	From      string
	FromIP    string `json:"from_ip"`
	Group     string
	Plain     uint64 `json:"plaintext_len"`
	Size      uint64
	FileSize  uint64 `json:"file_size"`
	Delivered []struct{ IP string }
}

func labTruth(t *testing.T, lab string) []told {
	file, err := os.Open(sharedFile(t, "lab/"+lab+"/truth.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out []told
	in := bufio.NewScanner(file)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var x told
		if err := json.Unmarshal(in.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		if x.Kind == "text" || x.Kind == "media" {
			out = append(out, x)
		}
	}
	return out
}

// labList is a message list with the addresses of those it concerns.
type labList struct {
	capture.MessageList
	concerns map[string]int // messages that the party sent or received
}

// labLists makes lists as somebody in a group, or a person, would keep them:
// times in units of res, sizes of texts and attachments.
func labLists(truth []told, res time.Duration, of func(*told) string) []*labList {
	byName := map[string]*labList{}
	var out []*labList
	for i := range truth {
		x := &truth[i]
		name := of(x)
		if name == "" {
			continue
		}
		l := byName[name]
		if l == nil {
			l = &labList{concerns: map[string]int{}}
			l.Name, l.Resolution = name, res
			byName[name], out = l, append(out, l)
		}
		at := capture.Time(x.TS * 1e9)
		if res > 0 {
			at -= at % capture.Time(res)
		}
		l.Messages = append(l.Messages, capture.ListedMessage{Time: at, Size: max(x.Plain, x.Size, x.FileSize), Media: x.Kind == "media", Text: x.Kind == "text"})
		l.concerns[x.FromIP]++
		for _, d := range x.Delivered {
			l.concerns[d.IP]++
		}
	}
	slices.SortFunc(out, func(x, y *labList) int { return strings.Compare(x.Name, y.Name) })
	return out
}

// rotatedList is a list with its clock moved on by d, within first to last.
func rotatedList(l *labList, d time.Duration, first, last capture.Time) capture.MessageList {
	out := l.MessageList
	out.Messages = slices.Clone(l.Messages)
	for i := range out.Messages {
		m := &out.Messages[i]
		m.Time = first + (m.Time-first+capture.Time(d))%(last-first)
	}
	slices.SortFunc(out.Messages, func(x, y capture.ListedMessage) int { return int(x.Time - y.Time) })
	return out
}

// reportWith analyses one capture with message lists.
func reportWith(t *testing.T, path string, lists []capture.MessageList) *analyze.Report {
	known, err := service.Load()
	if err != nil {
		t.Fatal(err)
	}
	an := analyze.New(analyze.Options{Services: known, Channels: lists})
	r := packet.NewReader(packet.Options{Classify: an.Classify, QUICHello: true})
	in, err := capture.Open(path, 0, r.Formats())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for rec, err := range in.All() {
		if err == nil {
			an.Add(&rec)
		}
	}
	for rec, err := range r.Finish() {
		if err == nil {
			an.Add(&rec)
		}
	}
	first, last := in.First.UTC(), in.Last.UTC()
	return an.Report([]analyze.Input{{ID: "i1", First: &first, Last: &last}})
}

// labTally counts who was named, as likely or at all, against what was so.
type labTally struct {
	likely, likelyFalse, named, namedFalse int
	doubt                                  float64 // expected among the named
	found, concerned                       int     // of those with ten messages of the list
}

func (s *labTally) add(rep *analyze.Report, c *analyze.Channel, l *labList) {
	address := map[string]string{}
	for _, p := range rep.Parties {
		address[p.ID] = p.Addresses[0]
	}
	likely := map[string]bool{}
	for _, p := range c.Parties {
		ip := address[p.Party]
		wrong := 0
		if l.concerns[ip] == 0 {
			wrong = 1
		}
		s.named, s.namedFalse, s.doubt = s.named+1, s.namedFalse+wrong, s.doubt+1-p.Confidence
		if p.Confidence >= 0.9 {
			s.likely, s.likelyFalse, likely[ip] = s.likely+1, s.likelyFalse+wrong, true
		}
	}
	for ip, n := range l.concerns {
		if n >= 10 {
			s.concerned++
			if likely[ip] {
				s.found++
			}
		}
	}
}

// TestChannelLab holds the lists of groups, as fine as a log can be and in whole
// seconds, and of what single people sent, against the parties of recordings;
// and the same lists of groups with their clocks rotated.
func TestChannelLab(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	for _, lab := range []string{"A-xmpp-prosody", "A2-xmpp-prosody-16", "C0-matrix-small"} {
		truth := labTruth(t, lab)
		group, person := func(x *told) string { return x.Group }, func(x *told) string { return x.From }
		groups := slices.Concat(labLists(truth, 0, group), labLists(truth, time.Second, group))
		all := slices.Concat(groups, labLists(truth, 0, person))
		var lists []capture.MessageList
		for _, l := range all {
			lists = append(lists, l.MessageList)
		}
		first, last := capture.Time(truth[0].TS*1e9).Add(-20*time.Second), capture.Time(truth[len(truth)-1].TS*1e9).Add(20*time.Second)
		for _, l := range groups {
			for _, d := range []time.Duration{61 * time.Second, 100 * time.Second, 150 * time.Second} {
				lists = append(lists, rotatedList(l, d, first, last))
			}
		}
		rep := reportWith(t, sharedFile(t, "lab/"+lab+"/router.pcapng"), lists)
		var ofGroups, ofPeople, rotated labTally
		for i := range rep.Channels {
			switch c := &rep.Channels[i]; {
			case i < len(groups):
				ofGroups.add(rep, c, all[i])
			case i < len(all):
				ofPeople.add(rep, c, all[i])
			default:
				rotated.add(rep, c, &labList{})
			}
		}
		t.Logf("%s: groups %+v, people %+v, rotated %+v", lab, ofGroups, ofPeople, rotated)
		if ofGroups.found < ofGroups.concerned || ofGroups.likelyFalse > ofGroups.likely/20 {
			t.Errorf("%s: groups %+v", lab, ofGroups)
		}
		if ofPeople.likelyFalse > ofPeople.likely/20 || ofPeople.found < ofPeople.concerned*8/10 || float64(ofPeople.namedFalse) > 2+2*ofPeople.doubt {
			t.Errorf("%s: people %+v", lab, ofPeople)
		}
		if rotated.likely > 0 {
			t.Errorf("%s: rotated %+v", lab, rotated)
		}
	}
}
