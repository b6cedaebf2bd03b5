package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// corpusDir walks up to the directory that holds shared beside the repository.
// Where it is absent the test is skipped; in CI its absence is a failure.
func corpusDir(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	corpus := filepath.Join(dir, "..", "shared", "corpus")
	if _, err := os.Stat(corpus); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s: the corpus is absent: %v", t.Name(), err)
		}
		t.Skipf("%s: the corpus is absent", t.Name())
	}
	return corpus
}

// label is one flow of labels.json.
type label struct {
	L4      string  `json:"l4"`
	Src     string  `json:"src"`
	Sport   uint16  `json:"sport"`
	Dst     string  `json:"dst"`
	Dport   uint16  `json:"dport"`
	Proto   string  `json:"proto"`
	Service *string `json:"service"`
}

func readLabels(t *testing.T, corpus string) map[string][]label {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(corpus, "labels.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]struct {
		Flows []label `json:"flows"`
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	out := make(map[string][]label, len(all))
	for path, v := range all {
		out[path] = v.Flows
	}
	return out
}

// flowKey names a flow by its lower and its higher end.
type flowKey struct {
	proto  uint8
	lo, hi netip.AddrPort
}

func keyOf(proto uint8, a, b netip.AddrPort) flowKey {
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	return flowKey{proto, a, b}
}

// segment is one transport payload of a capture.
type segment struct {
	number   int
	proto    uint8
	src, dst netip.AddrPort
	syn, ack bool
	payload  []byte
	wireLen  int
}

// readSegments calls fn for each TCP and UDP payload, innermost packet.
func readSegments(path string, fn func(*segment)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var src interface {
		ReadPacketData() ([]byte, gopacket.CaptureInfo, error)
	}
	var link func() layers.LinkType
	if r, err := pcapgo.NewReader(f); err == nil {
		src, link = r, r.LinkType
	} else if _, err = f.Seek(0, io.SeekStart); err != nil {
		return err
	} else if ng, err := pcapgo.NewNgReader(f, pcapgo.DefaultNgReaderOptions); err == nil {
		src, link = ng, ng.LinkType
	} else {
		return err
	}
	for n := 1; ; n++ {
		data, _, err := src.ReadPacketData()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if s := decodeSegment(data, link()); s != nil {
			s.number = n
			fn(s)
		}
	}
}

// decodeSegment takes a packet apart; layers.LinkTypeRaw and the cooked types
// are known to gopacket.
func decodeSegment(data []byte, link layers.LinkType) *segment {
	p := gopacket.NewPacket(data, link, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	var s *segment
	var src, dst netip.Addr
	for _, l := range p.Layers() {
		switch l := l.(type) {
		case *layers.IPv4:
			src, _ = netip.AddrFromSlice(l.SrcIP)
			dst, _ = netip.AddrFromSlice(l.DstIP)
		case *layers.IPv6:
			src, _ = netip.AddrFromSlice(l.SrcIP)
			dst, _ = netip.AddrFromSlice(l.DstIP)
		case *layers.TCP:
			s = &segment{proto: 6, syn: l.SYN, ack: l.ACK, payload: l.Payload, wireLen: len(l.Payload)}
			s.src, s.dst = netip.AddrPortFrom(src.Unmap(), uint16(l.SrcPort)), netip.AddrPortFrom(dst.Unmap(), uint16(l.DstPort))
		case *layers.UDP:
			s = &segment{proto: 17, payload: l.Payload, wireLen: max(int(l.Length)-8, len(l.Payload))}
			s.src, s.dst = netip.AddrPortFrom(src.Unmap(), uint16(l.SrcPort)), netip.AddrPortFrom(dst.Unmap(), uint16(l.DstPort))
		}
	}
	return s
}

// signedFlow is a flow of the corpus with what was found in it.
type signedFlow struct {
	client netip.AddrPort
	server netip.AddrPort
	mid    bool
	nth    [2]int
	signs  []string
	first  int // number of the packet of the first sign
}

// probeDepth is how many payload packets of a direction the flow layer shows
// to Sign at least.
const probeDepth = 8

func signFlows(t *testing.T, path string) map[flowKey]*signedFlow {
	t.Helper()
	flows := map[flowKey]*signedFlow{}
	err := readSegments(path, func(s *segment) {
		k := keyOf(s.proto, s.src, s.dst)
		f := flows[k]
		if f == nil {
			f = &signedFlow{client: s.src, server: s.dst, mid: s.proto == 6 && !s.syn}
			if s.syn && s.ack || !s.syn && s.src.Port() < 10000 && s.src.Port() < s.dst.Port() {
				f.client, f.server = s.dst, s.src
			}
			flows[k] = f
		}
		if len(s.payload) > 0 {
			f.add(s)
		}
	})
	if err != nil {
		t.Logf("%s: read up to here: %v", filepath.Base(path), err)
	}
	return flows
}

func (f *signedFlow) add(s *segment) {
	dir := 0
	if s.src != f.client {
		dir = 1
	}
	if f.nth[dir] >= probeDepth {
		return
	}
	p := Probe{Proto: s.proto, Up: dir == 0, Midstream: f.mid, ClientPort: f.client.Port(), ServerPort: f.server.Port(),
		Nth: f.nth[dir], Payload: s.payload, WireLen: s.wireLen}
	f.nth[dir]++
	sign := Sign(&p)
	for _, known := range f.signs {
		if sign == known {
			return
		}
	}
	if sign != "" {
		if f.first == 0 {
			f.first = s.number
		}
		f.signs = append(f.signs, sign)
	}
}

// techniques are the signs that name no messenger.
var techniques = map[string]bool{"mqtt": true, "google-stun": true}

// Captures where each sign has to show, and on how many flows at least.
var expectedSigns = []struct {
	capture, sign string
	flows         int
}{
	{"whatsapp.pcap", "whatsapp-noise", 86},
	{"whatsapp_login_call.pcap", "whatsapp-xmpp", 1},
	{"whatsapp_login_call.pcap", "whatsapp-stun", 16},
	{"whatsapp_login_call.pcap", "whatsapp-stun-p2p", 4},
	{"stun_wa_call.pcapng", "whatsapp-stun", 10},
	{"wa_video.pcap", "whatsapp-stun", 5},
	{"telegram.pcap", "telegram-reflector", 12},
	{"telegram_voice.pcapng", "telegram-reflector", 3},
	{"telegram_voice.pcapng", "telegram-stun", 3},
	{"threema.pcap", "threema-hello", 4},
	{"discord.pcap", "discord-ip-discovery", 27},
	{"oicq.pcap", "qq-oicq", 29},
	{"imo.pcap", "imo", 2},
	{"zoom2.pcap", "zoom-media", 3},
	{"stun_zoom.pcapng", "zoom-stun", 2},
	{"stun.pcap", "teams-stun", 1},
	{"stun_msteams_unidir.pcapng", "teams-stun", 1},
	{"stun_google_meet.pcapng", "google-meet-stun", 3},
	{"snapchat_call.pcapng", "snapchat-call", 1},
	{"jabber.pcap", "xmpp-client", 7},
	{"zeek__tls_xmpp-dialback-starttls.pcap", "xmpp-server", 1},
	{"KakaoTalk_chat.pcap", "kakaotalk-loco", 1},
}

// TestSignCorpus holds the signs against the labels of real captures: no flow
// that is certainly no messenger's may bear the sign of one. With -v it logs
// the whole table of sign, service, label and capture.
func TestSignCorpus(t *testing.T) {
	corpus := corpusDir(t)
	labels := readLabels(t, corpus)
	files, err := filepath.Glob(filepath.Join(corpus, "pcap", "*.pcap*"))
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]int{}
	found := map[[2]string]int{}
	for _, path := range files {
		name := filepath.Base(path)
		byKey := labelsByFlow(labels["pcap/"+name])
		for k, f := range signFlows(t, path) {
			l, service := byKey[k], "-"
			if l.Service != nil {
				service = fmt.Sprintf("%q", *l.Service)
			}
			for _, s := range f.signs {
				found[[2]string{name, s}]++
				table[fmt.Sprintf("%-32s %-14s %-24s %s", s, service, l.Proto, name)]++
				// TruPhone's chat is XMPP in clear; its label is that of the telephone service.
				if service == `""` && !techniques[s] && l.Proto != "TruPhone" {
					t.Errorf("%s: packet %d: %s on a flow labelled %s", name, f.first, s, l.Proto)
				}
			}
		}
	}
	for _, e := range expectedSigns {
		if n := found[[2]string{e.capture, e.sign}]; n < e.flows {
			t.Errorf("%s: %s on %d flows, want %d", e.capture, e.sign, n, e.flows)
		}
	}
	logTable(t, table)
}

func labelsByFlow(list []label) map[flowKey]label {
	byKey := map[flowKey]label{}
	for _, l := range list {
		src, err1 := netip.ParseAddr(l.Src)
		dst, err2 := netip.ParseAddr(l.Dst)
		if proto := map[string]uint8{"TCP": 6, "UDP": 17}[l.L4]; err1 == nil && err2 == nil && proto != 0 {
			byKey[keyOf(proto, netip.AddrPortFrom(src, l.Sport), netip.AddrPortFrom(dst, l.Dport))] = l
		}
	}
	return byKey
}

func logTable(t *testing.T, table map[string]int) {
	t.Helper()
	var rows []string
	for k, n := range table {
		rows = append(rows, fmt.Sprintf("%s %d", k, n))
	}
	sort.Strings(rows)
	t.Log("\n" + strings.Join(rows, "\n"))
}
