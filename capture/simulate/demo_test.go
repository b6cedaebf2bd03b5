package simulate_test

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"envelope/capture"
	"envelope/capture/simulate"
	"envelope/capture/wire"
)

var update = flag.Bool("update", false, "write the goldens anew")

func run(t *testing.T, s *simulate.Scenario) *simulate.Recording {
	t.Helper()
	r, err := s.Run()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// golden compares got with a file, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes differ from the golden's %d; see -update", name, len(got), len(want))
	}
}

func sums(r *simulate.Recording) string {
	var b strings.Builder
	for _, f := range r.Captures {
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(f.Data), f.Name)
	}
	return b.String()
}

func TestDemoIsTheSameEveryTime(t *testing.T) {
	first, second := run(t, simulate.Demo()), run(t, simulate.Demo())
	if sums(first) != sums(second) {
		t.Fatalf("two runs differ:\n%s%s", sums(first), sums(second))
	}
	golden(t, "demo.sha256", []byte(sums(first)))
	var truth, hosts bytes.Buffer
	if err := first.WriteTruth(&truth); err != nil {
		t.Fatal(err)
	}
	golden(t, "demo.truth.jsonl", truth.Bytes())
	if err := first.WriteHosts(&hosts); err != nil {
		t.Fatal(err)
	}
	golden(t, "demo.hosts.json", hosts.Bytes())

	other := simulate.Demo()
	other.Seed++
	if sums(run(t, other)) == sums(first) {
		t.Error("another seed gives the same bytes")
	}
}

// TestSeedsDoNotTouchEachOther holds the promise of Network.Rand: what one
// person does leaves the bytes of others as they are.
func TestSeedsDoNotTouchEachOther(t *testing.T) {
	only := func(s *simulate.Scenario) []string {
		var out []string
		for _, p := range decode(t, run(t, s).Captures[1].Data) {
			out = append(out, string(p.payload))
		}
		return out
	}
	less := simulate.Demo()
	kept := less.Acts[:0:0]
	for _, a := range less.Acts {
		if a.Service != "signal" {
			kept = append(kept, a)
		}
	}
	less.Acts = kept
	whole, without := only(simulate.Demo()), only(less)
	if strings.Join(whole, "|") != strings.Join(without, "|") {
		t.Error("Anna's phone saw other bytes because Ben and Carla did not talk")
	}
}

func TestDemoStreams(t *testing.T) {
	for _, f := range run(t, simulate.Demo()).Captures {
		t.Run(f.Name, func(t *testing.T) {
			chats, hellos := 0, map[string]int{}
			for key, s := range streams(t, decode(t, f.Data)) {
				if key.server.Port() == 5222 {
					chats++
					checkChat(t, s)
				} else {
					hellos[checkTLS(t, s)]++
				}
			}
			if chats == 0 || hellos["mmg.whatsapp.net"] == 0 || hellos["media-fra3-1.cdn.whatsapp.net"] != 1 && f.Observer == capture.Device {
				t.Errorf("%d chat connections, hellos %v", chats, hellos)
			}
			if want := map[capture.Observer]int{capture.Network: 2}[f.Observer]; hellos["chat.signal.org"] != want {
				t.Errorf("%d connections to Signal, want %d", hellos["chat.signal.org"], want)
			}
		})
	}
}

// checkChat reads both directions of a WhatsApp connection to the last byte.
func checkChat(t *testing.T, s *stream) {
	t.Helper()
	p, more, ok := wire.ParseWhatsAppPrologue(s.data[capture.Up])
	if !ok || more || p.Version != 5 || p.Dict != 2 || len(p.Routing) != 4 {
		t.Fatalf("prologue %+v, %v %v", p, more, ok)
	}
	up, down := s.data[capture.Up][p.Consumed:], s.data[capture.Down]
	if n := len(frames(t, up)[0]); n < 259 || n > 276 {
		t.Errorf("client hello of %d bytes, want 259 to 276", n)
	}
	if k := wire.ParseNoiseHello(frames(t, up)[0]); k != wire.NoiseClientResume {
		t.Errorf("client hello read as %v", k)
	}
	first := frames(t, down)[0]
	if wire.ParseNoiseHello(first) != wire.NoiseServerResume || len(first) != 54 {
		t.Errorf("server hello of %d bytes is not one of a resumed handshake", len(first))
	}
}

func frames(t *testing.T, b []byte) [][]byte {
	t.Helper()
	var out [][]byte
	for len(b) > 0 {
		n, _, ok := wire.ParseWhatsAppFrame(b, false)
		if !ok || len(b) < wire.WhatsAppFrameHeader+n || n == 0 {
			t.Fatalf("frame of %d bytes in %d", n, len(b))
		}
		out = append(out, b[wire.WhatsAppFrameHeader:][:n])
		b = b[wire.WhatsAppFrameHeader+n:]
	}
	return out
}

// checkTLS reads both directions record by record and returns the server name.
func checkTLS(t *testing.T, s *stream) string {
	t.Helper()
	up := records(t, s.data[capture.Up])
	records(t, s.data[capture.Down])
	var h wire.ClientHello
	if err := wire.ParseClientHello(up[0], &h); err != nil || h.Truncated {
		t.Fatalf("client hello: %v %+v", err, h)
	}
	return h.ServerName
}

func records(t *testing.T, b []byte) [][]byte {
	t.Helper()
	var out [][]byte
	for len(b) > 0 {
		if len(b) < 5 || b[0] < 20 || b[0] > 23 || b[1] != 3 {
			t.Fatalf("no TLS record: % x", b[:min(5, len(b))])
		}
		n := int(b[3])<<8 | int(b[4])
		if len(b) < 5+n || n == 0 || n > 1<<14+256 {
			t.Fatalf("record of %d bytes in %d", n, len(b))
		}
		out = append(out, b[5:5+n])
		b = b[5+n:]
	}
	return out
}

// TestTruthIsInTheCapture looks for every text of the truth among the frames
// and records that its sender sent at that time, at the router.
func TestTruthIsInTheCapture(t *testing.T) {
	r := run(t, simulate.Demo())
	sent := map[string]map[int][]capture.Time{} // address, bytes of the segment, times
	for _, p := range decode(t, r.Captures[0].Data) {
		who := p.src.Addr().String()
		if sent[who] == nil {
			sent[who] = map[int][]capture.Time{}
		}
		sent[who][len(p.payload)] = append(sent[who][len(p.payload)], p.at)
	}
	header := map[string]int{"whatsapp": 3, "signal": 5}
	texts := 0
	for _, x := range r.Truth {
		if x.Kind != "text" {
			continue
		}
		texts++
		found := false
		for _, at := range sent[x.FromIP][x.StanzaLen+header[x.Service]] {
			d := at.Sub(capture.Time(x.Time))
			found = found || d >= 0 && d < 20*time.Millisecond
		}
		if !found {
			t.Errorf("%s from %s to %s at %d: no frame of %d bytes", x.Service, x.From, x.To, x.Time, x.StanzaLen)
		}
		if len(x.Delivered) != 1 || x.Delivered[0].Time <= x.Time || x.Delivered[0].Time > x.Time+1e9 {
			t.Errorf("delivery %+v of a text at %d", x.Delivered, x.Time)
		}
	}
	if texts != 38 {
		t.Errorf("%d texts in the truth, want 38", texts)
	}
}

// TestCallOnTheWire counts the messages of the call as Anna's phone saw it, by
// type and length: the lengths are those measured in real calls.
func TestCallOnTheWire(t *testing.T) {
	r := run(t, simulate.Demo())
	type message struct {
		kind   uint16
		length int
	}
	got := map[message]int{}
	relays := map[netip.Addr]bool{}
	var rtp, late int
	for _, p := range decode(t, r.Captures[1].Data) {
		if p.proto != 17 {
			late += map[int]int{1: 1}[p.proto]
			continue
		}
		var m wire.STUN
		var h wire.RTP
		switch {
		case wire.IsSTUN(p.payload) && wire.ParseSTUN(p.payload, len(p.payload), &m):
			if m.Bad || m.Cut {
				t.Errorf("bad STUN message of %d bytes", len(p.payload))
			}
			got[message{m.Type, len(p.payload)}]++
			if m.Type == wire.STUNAllocateRequest {
				relays[p.dst.Addr()] = true
				if m.Relayed != p.dst {
					t.Errorf("request to %v names %v", p.dst, m.Relayed)
				}
			}
			if m.Type == wire.STUNAllocateSuccess && m.Mapped != p.dst {
				t.Errorf("answer names %v, not %v", m.Mapped, p.dst)
			}
		case p.dst.Port() != 53 && wire.ParseRTP(p.payload, &h) && h.PayloadType == 120:
			rtp++
		}
	}
	want := map[message]int{
		{wire.STUNAllocateRequest, 212}: 10, {wire.STUNAllocateRequest, 272}: 10, {wire.STUNAllocateSuccess, 68}: 20,
		{wire.STUNBindingRequest, 44}: 5, {wire.STUNBindingSuccess, 44}: 2,
		{wire.STUNWhatsAppKeep, 20}: 40, {wire.STUNWhatsAppKept, 20}: 40, {wire.STUNWhatsAppEnd, 220}: 5,
	}
	for m, n := range want {
		if got[m] != n {
			t.Errorf("%d messages %#04x of %d bytes, want %d", got[m], m.kind, m.length, n)
		}
		delete(got, m)
	}
	if len(got) != 0 {
		t.Errorf("also %v", got)
	}
	if len(relays) != 5 || rtp < 600 || late != 3 {
		t.Errorf("%d relays, %d RTP packets, %d ICMP, want 5, over 600, 3", len(relays), rtp, late)
	}
}

// TestTshark lets a second reader check every header and checksum.
func TestTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	for _, f := range run(t, simulate.Demo()).Captures {
		path := filepath.Join(t.TempDir(), f.Name)
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(tshark, "-r", path, "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
			"-Y", "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0 ||"+
				"(tcp.analysis.flags && !tcp.analysis.window_update)").Output()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", f.Name, err, out)
		}
	}
}
