package simulate_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"envelope/capture"
	"envelope/capture/simulate"
)

// memory is a file that stays in memory.
type memory struct{ bytes.Buffer }

func (*memory) Close() error { return nil }

// record plays a town and returns its files.
func record(t *testing.T, town *simulate.Town, seed uint64) map[string][]byte {
	t.Helper()
	files := map[string]*memory{}
	err := play(t, town, seed).Record(func(name string) (io.WriteCloser, error) {
		files[name] = &memory{}
		return files[name], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for name, f := range files {
		out[name] = f.Bytes()
	}
	return out
}

// small is a town with everything: every messenger, a home router, a computer,
// sleeping phones, people outside, groups, calls, pages.
func small(t *testing.T) *simulate.Town {
	t.Helper()
	town, err := simulate.ReadTown("small", strings.NewReader(`{
		"crowd": 14, "outside": 0.2, "length": "12m",
		"messengers": [{"name": "whatsapp", "kind": "whatsapp", "share": 0.5}, {"name": "signal", "kind": "signal", "share": 0.4},
			{"name": "xmpp", "kind": "xmpp", "share": 0.5, "build": 3}, {"name": "matrix", "kind": "matrix", "share": 0.3}],
		"friends": {"contacts": 5, "daily": 2000, "groups": 0.3, "group_size": 4, "group_rate": 2000},
		"phones": {"locked": 0.4, "second": 0.4, "nat": 0.5, "poll": "1m", "relogin": "4m"},
		"calls": {"daily": 150, "mean": "10s", "max": "20s"},
		"web": {"hourly": 20}}`))
	if err != nil {
		t.Fatal(err)
	}
	return town
}

func TestRecordIsTheSameEveryTime(t *testing.T) {
	sum := func(files map[string][]byte) string {
		h := sha256.New()
		for _, name := range slices.Sorted(maps.Keys(files)) {
			fmt.Fprintf(h, "%s %x\n", name, sha256.Sum256(files[name]))
		}
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	first := record(t, small(t), 1)
	if again := sum(record(t, small(t), 1)); again != sum(first) {
		t.Fatal("two runs differ")
	}
	if sum(record(t, small(t), 2)) == sum(first) {
		t.Error("another seed gives the same bytes")
	}
	golden(t, "small.sha256", []byte(sum(first)+"\n"))
	for _, name := range []string{simulate.RouterFile, simulate.TruthFile, simulate.OutsideFile, simulate.LogFile, simulate.HostsFile, simulate.TownFile, "client-p0.pcap"} {
		if len(first[name]) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}

// TestRecordStreams puts the streams of every capture together: none has a gap.
func TestRecordStreams(t *testing.T) {
	files := record(t, small(t), 1)
	captures := 0
	for name, data := range files {
		if !strings.HasSuffix(name, ".pcap") {
			continue
		}
		captures++
		found := streams(t, decode(t, data))
		if len(found) < 2 {
			t.Errorf("%s: %d streams", name, len(found))
		}
	}
	if captures < 8 {
		t.Errorf("%d captures", captures)
	}
}

// truthLine is what this test reads of a line of the truth.
type truthLine struct {
	Time      float64         `json:"ts"`
	Kind      string          `json:"kind"`
	Service   string          `json:"service"`
	From      string          `json:"from"`
	FromIP    string          `json:"from_ip"`
	To        json.RawMessage `json:"to"`
	Group     string          `json:"group"`
	Length    int             `json:"stanza_len"`
	Delivered []struct {
		To, IP string
		Time   float64 `json:"ts"`
	} `json:"delivered"`
}

func readTruth(t *testing.T, data []byte) []truthLine {
	t.Helper()
	var out []truthLine
	s := bufio.NewScanner(bytes.NewReader(data))
	for s.Scan() {
		var l truthLine
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v", s.Bytes(), err)
		}
		out = append(out, l)
	}
	return out
}

// TestRecordedTruth looks for the frame of every message of the truth at the
// router, at its sender, and the arrival of data at each of its receivers.
func TestRecordedTruth(t *testing.T) {
	files := record(t, small(t), 1)
	var hosts struct{ Subscribers map[string]string }
	if err := json.Unmarshal(files[simulate.HostsFile], &hosts); err != nil {
		t.Fatal(err)
	}
	packets := decode(t, files[simulate.RouterFile])
	header := map[string]int{"whatsapp": 3, "signal": 5, "xmpp": 5, "matrix": 5}
	sent := func(l truthLine) bool {
		for _, p := range packets {
			d := float64(p.at)/1e9 - l.Time
			if p.src.Addr().String() == l.FromIP && d >= 0 && d < 0.2 && (len(p.payload) == l.Length+header[l.Service] || l.Length > 1300 && len(p.payload) == 1400) {
				return true
			}
		}
		return false
	}
	got := func(ip string, at float64) bool {
		for _, p := range packets {
			if d := at - float64(p.at)/1e9; p.dst.Addr().String() == ip && d >= -0.001 && d < 0.2 && len(p.payload) > 40 {
				return true
			}
		}
		return false
	}
	var missing, messages, deliveries, lost int
	groups, services := map[string]bool{}, map[string]int{}
	for _, l := range readTruth(t, files[simulate.TruthFile]) {
		if hosts.Subscribers[l.FromIP] != l.From {
			t.Errorf("%s is not %s", l.FromIP, l.From)
		}
		services[l.Service]++
		if l.Kind != "text" && l.Kind != "media" {
			continue
		}
		messages++
		groups[l.Group] = true
		if !sent(l) {
			missing++
		}
		for _, d := range l.Delivered {
			deliveries++
			if hosts.Subscribers[d.IP] != d.To || d.Time < l.Time {
				t.Errorf("delivery %+v of %+v", d, l)
			}
			if !got(d.IP, d.Time) {
				lost++
			}
		}
	}
	// A few frames wait behind others of the same connection.
	if messages < 60 || missing*50 > messages || lost*50 > deliveries || len(groups) < 2 || len(services) != 4 {
		t.Errorf("%d messages, %d without a frame; %d deliveries, %d without; %d groups; %v", messages, missing, deliveries, lost, len(groups), services)
	}
}

// TestHomeRouter: a device behind a home router sees its own address, the
// network the one that all devices of the home share.
func TestHomeRouter(t *testing.T) {
	town, err := simulate.ReadTown("nat", strings.NewReader(`{"length": "3m", "people": [{"name": "ada", "nat": true, "devices": 2}, {"name": "bo"}],
		"pairs": [{"a": "ada", "b": "bo", "messenger": "xmpp", "daily": 20000}]}`))
	if err != nil {
		t.Fatal(err)
	}
	files := record(t, town, 1)
	addresses := func(name string) map[string]bool {
		out := map[string]bool{}
		for _, p := range decode(t, files[name]) {
			for _, a := range []string{p.src.Addr().String(), p.dst.Addr().String()} {
				if strings.HasPrefix(a, "10.") || strings.HasPrefix(a, "192.168.") {
					out[a] = true
				}
			}
		}
		return out
	}
	for name, want := range map[string][]string{simulate.RouterFile: {"10.16.0.1", "10.16.0.3"}, "client-ada.pcap": {"192.168.1.10"}, "client-ada.2.pcap": {"192.168.1.11"}, "client-bo.pcap": {"10.16.0.3"}} {
		if got := slices.Sorted(maps.Keys(addresses(name))); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	router := streams(t, decode(t, files[simulate.RouterFile]))
	for _, name := range []string{"client-ada.pcap", "client-ada.2.pcap"} {
		for key := range streams(t, decode(t, files[name])) {
			found := false
			for k := range router {
				found = found || k.client.Port() == key.client.Port() && k.server == key.server
			}
			if !found {
				t.Errorf("%s: the router does not have %v", name, key)
			}
		}
	}
}

func TestRecordTellsOfAFullDisk(t *testing.T) {
	err := play(t, small(t), 1).Record(func(name string) (io.WriteCloser, error) {
		if name == simulate.TruthFile {
			return full{}, nil
		}
		return &memory{}, nil
	})
	if err != errFull {
		t.Errorf("error %v, want %v", err, errFull)
	}
}

type full struct{}

var errFull = fmt.Errorf("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }
func (full) Close() error              { return nil }

// TestEventsAreInTheCapture: what Events tells of a town is what its capture
// holds: as many frames of messages in each service.
func TestEventsMatchTheTruth(t *testing.T) {
	town := small(t)
	sent := 0
	p := play(t, town, 1)
	for s := range p.Events() {
		if s.Sent && (s.Kind == simulate.KindText || s.Kind == simulate.KindMedia) {
			sent++
		}
	}
	files, lines := record(t, town, 1), 0
	for _, name := range []string{simulate.TruthFile, simulate.OutsideFile} {
		for _, l := range readTruth(t, files[name]) {
			if (l.Kind == "text" || l.Kind == "media") && l.FromIP != "" {
				lines++
			}
		}
	}
	if sent != lines || sent < 60 {
		t.Errorf("%d messages sent in the events, %d in the truth", sent, lines)
	}
}

// TestTsharkReadsTowns lets a second reader check every header and checksum.
func TestTsharkReadsTowns(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	for name, data := range record(t, small(t), 1) {
		if !strings.HasSuffix(name, ".pcap") || strings.HasPrefix(name, "client-p1") {
			continue
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(tshark, "-r", path, "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
			"-Y", "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0 ||"+
				"(tcp.analysis.flags && !tcp.analysis.window_update)").Output()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%.2000s", name, err, out)
		}
	}
}

// TestImpairedTap: the shares of a Watch show in the capture.
func TestImpairedTap(t *testing.T) {
	count := func(w simulate.Watch) int {
		town := small(t)
		town.Tap = w
		n, last := 0, capture.Time(0)
		for _, p := range decode(t, record(t, town, 1)[simulate.RouterFile]) {
			n++
			if p.at < last {
				t.Fatal("back in time")
			}
			last = p.at
		}
		return n
	}
	whole := count(simulate.Watch{Snap: 96})
	if n := count(simulate.Watch{Snap: 96, Missed: 100_000}); n < whole*87/100 || n > whole*93/100 {
		t.Errorf("%d of %d packets, want nine of ten", n, whole)
	}
	if n := count(simulate.Watch{Snap: 96, Again: 100_000}); n < whole*101/100 {
		t.Errorf("%d of %d packets, want more", n, whole)
	}
}
