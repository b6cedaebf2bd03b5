package service

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"envelope/capture"
)

// corpusDir gives the folder of labelled captures beside the repository. Where
// it is absent the test is skipped, in CI it fails.
func corpusDir(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	corpus := filepath.Join(dir, "..", "shared", "corpus")
	if _, err := os.Stat(corpus); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the labelled captures are absent: %v", err)
		}
		t.Skip("needs the labelled captures in the folder shared beside the repository")
	}
	return corpus
}

// label is one flow as labels.json has it.
type label struct {
	L4       string  `json:"l4"`
	Src      string  `json:"src"`
	Sport    uint16  `json:"sport"`
	Dst      string  `json:"dst"`
	Dport    uint16  `json:"dport"`
	Proto    string  `json:"proto"`
	Hostname string  `json:"hostname"`
	Service  *string `json:"service"`
}

// flow gives what address, port and name say of the labelled flow; signs need
// the packets.
func (l *label) flow() *capture.Flow {
	f := &capture.Flow{ClientHow: "first", Payload: [2]uint64{1, 1}}
	f.Proto = map[string]uint8{"TCP": protoTCP, "UDP": protoUDP}[l.L4]
	src, err1 := netip.ParseAddr(l.Src)
	dst, err2 := netip.ParseAddr(l.Dst)
	if err1 == nil && err2 == nil {
		f.Client, f.Server = netip.AddrPortFrom(src, l.Sport), netip.AddrPortFrom(dst, l.Dport)
	}
	for prefix, how := range map[string]string{"TLS": "sni", "DTLS": "sni", "QUIC": "quic", "HTTP": "http"} {
		if l.Hostname != "" && strings.HasPrefix(l.Proto, prefix) {
			name, _, _ := strings.Cut(strings.ToLower(l.Hostname), ":")
			f.Host, f.HostHow = name, how
		}
	}
	return f
}

// disputed tells labels that the captures themselves contradict: weixin and wx
// are WeChat's names, which the labelling tool counts to QQ for their domain.
func (l *label) disputed() bool {
	return *l.Service == "qq" && (strings.Contains(l.Hostname, "weixin.") || strings.Contains(l.Hostname, ".wx."))
}

func TestCorpusLabels(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(corpusDir(t), "labels.json"))
	if err != nil {
		t.Fatal(err)
	}
	var captures map[string]struct{ Flows []label }
	if err := json.Unmarshal(text, &captures); err != nil {
		t.Fatal(err)
	}
	s := load(t)
	var named, right, nameless, found, others int
	for name, c := range captures {
		for _, l := range c.Flows {
			if l.Service == nil {
				continue
			}
			f := l.flow()
			got := s.Match(f)
			switch {
			case *l.Service == "":
				others++
				if got.Service != "" {
					t.Errorf("%s: %s %s:%d-%s:%d %s %q is called %+v", name, l.L4, l.Src, l.Sport, l.Dst, l.Dport, l.Proto, l.Hostname, got)
				}
			case f.Host == "":
				nameless++
				if got.Service == *l.Service {
					found++
				} else if got.Service != "" {
					t.Logf("%s: %s %s:%d-%s:%d %s is called %+v", name, l.L4, l.Src, l.Sport, l.Dst, l.Dport, *l.Service, got)
				}
			case !l.disputed():
				named++
				if got.Service == *l.Service {
					right++
				} else {
					t.Errorf("%s: %s %q is called %+v, the label says %s", name, l.Proto, l.Hostname, got, *l.Service)
				}
			}
		}
	}
	t.Logf("with a name: %d of %d right; without name and signs: %d of %d found; no messenger: %d", right, named, found, nameless, others)
	if named < 100 || others < 500 {
		t.Errorf("only %d named messenger flows and %d others in the labels", named, others)
	}
}
