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
	"envelope/capture/simulate"
)

// shared gives the path of a file of the shared corpus or lab. Where there is
// none, as in a user's own checkout, the test is skipped; in CI that is a
// failure.
func shared(t *testing.T, parts ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{"..", "..", "..", "shared"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("CI without %s", path)
		}
		t.Skipf("needs %s", path)
	}
	return path
}

// reportOn analyses inputs by the command line and returns the report.
func reportOn(t *testing.T, args ...string) *analyze.Report {
	t.Helper()
	code, out, errs := try(t.Context(), nil, append([]string{"analyze", "--format", "json", "--quiet"}, args...)...)
	if code != exitDone && code != exitPartial {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	rep := &analyze.Report{}
	if err := json.Unmarshal([]byte(out), rep); err != nil {
		t.Fatal(err)
	}
	return rep
}

// corpus is reportOn for a capture of the corpus.
func corpus(t *testing.T, name string, flags ...string) *analyze.Report {
	t.Helper()
	return reportOn(t, append([]string{shared(t, "corpus", "pcap", name)}, flags...)...)
}

// kinds counts the events of each kind, of one messenger or of all for "".
func kinds(rep *analyze.Report, service string) map[string]int {
	out := map[string]int{}
	for _, e := range rep.Events {
		if service == "" || e.Service == service {
			out[e.Kind]++
		}
	}
	return out
}

func calls(rep *analyze.Report, service string) []analyze.Event {
	return slices.DeleteFunc(slices.Clone(rep.Events), func(e analyze.Event) bool { return e.Call == nil || e.Service != service })
}

// A day of uplink only, 86 session starts and nothing else.
func TestTrapUplinkOnlyDayHas86LoginsAndNothingElse(t *testing.T) {
	got := kinds(corpus(t, "whatsapp.pcap"), "")
	if got["login"] != 86 || got["message"]+got["media"]+got["call"] != 0 {
		t.Errorf("events %v, want 86 logins and no message, media or call", got)
	}
}

// A profile picture is fetched when a call begins; presence subscriptions come
// in bursts of 60 bytes up and 43 down.
func TestTrapProfilePictureAndPresenceBurstsAreNoMessages(t *testing.T) {
	rep := corpus(t, "wissamnd__whatsappCall.pcapng")
	for _, e := range rep.Events {
		if e.Kind != "message" && e.Kind != "media" {
			continue
		}
		if e.Bytes < 100 {
			t.Errorf("%s of %d bytes at %s", e.Kind, e.Bytes, e.Time)
		}
		for _, v := range e.Evidence {
			if strings.Contains(v.Note, "pps.") {
				t.Errorf("%s at %s rests on a profile picture: %s", e.Kind, e.Time, v.Note)
			}
		}
	}
	if n := kinds(rep, "whatsapp")["media"]; n != 4 {
		t.Errorf("%d media, want the 4 attachments", n)
	}
}

// The recorder left most packets of a direct call out: how long it was must
// come from the signalled end.
func TestTrapPrunedMediaDurationComesFromTheEndMarker(t *testing.T) {
	list := calls(corpus(t, "stun_wa_call.pcapng"), "whatsapp")
	if len(list) != 2 {
		t.Fatalf("%d calls, want 2", len(list))
	}
	for i, want := range []float64{31.776, 67.273 - 52.596} {
		if got := list[i].End.Sub(list[i].Time).Seconds(); got < want-2 || got > want+2 {
			t.Errorf("call %d: %.1f s, want %.1f s", i, got, want)
		}
	}
}

// Carriers number their inside with 1.x and 10.x; relays and caches stand in
// providers' address space.
func TestTrapPeerCandidatesInCarrierSpaceAndRelaysInProviderSpace(t *testing.T) {
	rep := corpus(t, "stun_wa_call.pcapng")
	list := calls(rep, "whatsapp")
	if len(list) != 2 {
		t.Fatalf("%d calls, want 2", len(list))
	}
	relayed, direct := list[0], list[1]
	if len(relayed.Call.PeerAddresses) != 0 || relayed.Peer != nil || relayed.Call.Path != "relayed" {
		t.Errorf("relayed call: peer %v %v, path %s; the relay of the provider is not the peer", relayed.Peer, relayed.Call.PeerAddresses, relayed.Call.Path)
	}
	if !slices.Contains(direct.Call.PeerAddresses, "10.82.40.241") || direct.Peer == nil || direct.Call.Path != "direct" {
		t.Errorf("direct call: peer %v %v, path %s; want the inside candidate too", direct.Peer, direct.Call.PeerAddresses, direct.Call.Path)
	}
	if cache := corpus(t, "lielyoash__Mixed_.pcap", "--flows"); !slices.ContainsFunc(cache.Flows, func(f analyze.Flow) bool {
		return f.Service == "whatsapp" && strings.Contains(f.Host, ".fna.whatsapp.net")
	}) {
		t.Error("the cache inside the provider is not known by its name")
	}
}

// Telegram's ciphertext and WhatsApp's probes of 2019 begin like RTP.
func TestTrapRTPLookAlikesAreNoMedia(t *testing.T) {
	video := calls(corpus(t, "wa_video.pcap"), "whatsapp")
	if len(video) != 1 || video[0].Call.AnsweredAt == nil {
		t.Fatalf("calls %+v, want one answered", video)
	}
	at, err := time.Parse(time.RFC3339Nano, *video[0].Call.AnsweredAt)
	if err != nil {
		t.Fatal(err)
	}
	if got := at.Sub(video[0].Time).Seconds(); got < 14.83-2.891-2 || got > 14.83-2.891+2 {
		t.Errorf("answered %.1f s after the offer, want 11.9 s: the probes before are no media", got)
	}
	for _, e := range calls(corpus(t, "telegram.pcap"), "telegram") {
		if e.Call.Media != "audio" {
			t.Errorf("Telegram call at %s: media %s, want audio", e.Time, e.Call.Media)
		}
	}
}

// Segments sent twice and packets quoted in ICMP errors must not count.
func TestTrapRetransmissionsAndQuotedPacketsDoNotCount(t *testing.T) {
	rec, err := simulate.Demo().Run()
	if err != nil {
		t.Fatal(err)
	}
	once, twice := write(t, rec.Captures[0].Data), write(t, repeated(t, rec.Captures[0].Data))
	a, b := reportOn(t, once), reportOn(t, twice)
	if x, y := kinds(a, ""), kinds(b, ""); x["message"] == 0 || x["message"] != y["message"] || x["media"] != y["media"] || x["call"] != y["call"] {
		t.Errorf("every packet once gives %v, twice %v", x, y)
	}
	list := calls(corpus(t, "whatsapp_login_call.pcap"), "whatsapp")
	if len(list) != 2 || list[0].End.Sub(list[0].Time).Seconds() > 45.72-16.13+1 {
		t.Errorf("the ICMP errors after hang-up lengthen the call: %+v", list)
	}
}

// repeated doubles every packet of a pcap with nanoseconds or microseconds in
// this machine's byte order, as a tap at two ports of a switch does.
func repeated(t *testing.T, pcap []byte) []byte {
	t.Helper()
	out := append([]byte(nil), pcap[:24]...)
	for rest := pcap[24:]; len(rest) >= 16; {
		n := 16 + int(uint32(rest[8])|uint32(rest[9])<<8|uint32(rest[10])<<16|uint32(rest[11])<<24)
		out = append(append(out, rest[:n]...), rest[:n]...)
		rest = rest[n:]
	}
	return out
}

func write(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "capture.pcap")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// File sharing, music, mDNS and SSDP broadcasts surround the phone.
func TestTrapLocalNoiseIsNoEvent(t *testing.T) {
	for _, name := range []string{"whatsapp_login_call.pcap", "telegram.pcap"} {
		for _, f := range corpus(t, name, "--flows").Flows {
			switch f.Dport {
			case 1900, 5353, 17500, 57621:
				if f.Service != "" {
					t.Errorf("%s: %s:%d is called %s", name, f.Dst, f.Dport, f.Service)
				}
			}
		}
	}
	if got := kinds(corpus(t, "telegram.pcap"), ""); got["message"]+got["media"] != 0 {
		t.Errorf("telegram.pcap: %v, want calls only", got)
	}
}

// Linux cooked captures, one direction only, nanoseconds, mid-stream.
func TestTrapCookedUplinkOnlyNanosecondMidstream(t *testing.T) {
	cooked := corpus(t, "lielyoash__FileAudio.pcap")
	if !slices.ContainsFunc(cooked.Services, func(s analyze.ServiceUse) bool { return s.Service == "whatsapp" }) {
		t.Error("cooked capture: WhatsApp is not seen")
	}
	uplink := corpus(t, "yuvalbar__attacked.pcap")
	if !slices.ContainsFunc(uplink.Limits, func(l analyze.Limit) bool { return strings.Contains(l.Why, "one direction") }) {
		t.Errorf("uplink only: the limits do not say so: %v", uplink.Limits)
	}
	nano := corpus(t, "stun_wa_call.pcapng")
	if nano.Inputs[0].First.Nanosecond()%1000 == 0 {
		t.Error("nanoseconds are lost")
	}
	if got := calls(corpus(t, "wa_video.pcap"), "whatsapp"); len(got) != 1 || got[0].Call.Role != "caller" {
		t.Errorf("chat in mid-stream: the offer is not read: %+v", got)
	}
}

// Captures in which others saw a messenger by mistake.
func TestTrapFalsePositives(t *testing.T) {
	for _, name := range []string{"linecall_falsepositve.pcap", "dnscrypt_skype_false_positive.pcapng", "false_positives.pcapng"} {
		rep := corpus(t, name, "--flows")
		for _, f := range rep.Flows {
			if f.Service != "" {
				t.Errorf("%s: %s %s:%d is called %s (%v)", name, f.Proto, f.Dst, f.Dport, f.Service, f.How)
			}
		}
		if len(rep.Services)+len(rep.Events) != 0 {
			t.Errorf("%s: services %v, events %d", name, rep.Services, len(rep.Events))
		}
	}
}
