package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"envelope/analyze"
	"envelope/analyze/evaluate"
	"envelope/capture"
)

// bin is the statements of about one probability: how many, the sum of their
// probabilities, and how many are right.
type bin struct {
	n     int
	p     float64
	right int
}

// bins are by tenths of probability.
type bins [11]bin

func (b *bins) add(p float64, right bool) {
	x := &b[int(p*10+1e-9)]
	x.n++
	x.p += p
	if right {
		x.right++
	}
}

func (b *bins) String() string {
	var s strings.Builder
	for i, x := range b {
		if x.n > 0 {
			fmt.Fprintf(&s, "  %.1f-: %d of %d (said %.2f, is %.2f)", float64(i)/10, x.right, x.n, x.p/float64(x.n), float64(x.right)/float64(x.n))
		}
	}
	return s.String()
}

// happening is one thing that really happened to one person.
type happening struct {
	at   capture.Time
	used bool
}

// matches takes the nearest unused happening within a tolerance in seconds.
func matches(list []happening, at capture.Time, tolerance float64) bool {
	best := -1
	for i := range list {
		d := list[i].at.Sub(at).Abs()
		if !list[i].used && d.Seconds() <= tolerance && (best < 0 || d < list[best].at.Sub(at).Abs()) {
			best = i
		}
	}
	if best >= 0 {
		list[best].used = true
	}
	return best >= 0
}

// lives gives what happened by person and kind: "sent", "received", "call".
func lives(truth *evaluate.Truth) map[int32]map[string][]happening {
	out := map[int32]map[string][]happening{}
	add := func(who int32, kind string, at capture.Time) {
		if out[who] == nil {
			out[who] = map[string][]happening{}
		}
		out[who][kind] = append(out[who][kind], happening{at: at})
	}
	for _, m := range truth.Messages {
		add(m.From, "sent", m.Time)
		for _, g := range m.Got {
			add(g.To, "received", g.Time)
		}
	}
	for _, c := range truth.Calls {
		at := c.Dialled
		if c.Start != 0 {
			at = c.Start
		}
		add(c.From, "call", at)
		add(c.To, "call", at)
	}
	return out
}

// judge holds the events of a report against what happened, each used once.
func judge(rep *analyze.Report, truth *evaluate.Truth, table map[string]*bins, group string) {
	life := lives(truth)
	who := map[string]int32{}
	for _, p := range rep.Parties {
		for _, a := range p.Addresses {
			if i, ok := truth.Person(a); ok {
				who[p.ID] = i
			}
		}
	}
	for _, e := range rep.Events {
		kind, tolerance := e.Direction, 1.0
		switch e.Kind {
		case "message", "media":
		case "call":
			kind, tolerance = "call", 8
		default:
			continue
		}
		person, ok := who[e.Party]
		right := ok && matches(life[person][kind], capture.TimeOf(e.Time), tolerance)
		row(table, group+", "+e.Kind+map[bool]string{true: "", false: " " + e.Direction}[e.Kind == "call"]).add(e.Confidence, right)
	}
}

func row(table map[string]*bins, key string) *bins {
	if table[key] == nil {
		table[key] = &bins{}
	}
	return table[key]
}

// Ninety in a hundred of what is stated with 0.9 and more must be right. The
// table is in the log (go test -run Calibration -v).
func TestCalibration(t *testing.T) {
	table := map[string]*bins{}
	for lab, paths := range labs(t) {
		truth := labTruth(t, lab)
		for _, path := range paths {
			group := "lab, network"
			if isClient(path) {
				group = "lab, one client"
			}
			judge(reportOn(t, path), truth, table, group)
		}
	}
	for _, name := range []string{"whatsapp.pcap", "whatsapp_login_call.pcap", "stun_wa_call.pcapng", "wa_video.pcap", "wissamnd__whatsAppCallAnsered.pcapng",
		"wissamnd__whatsappCall.pcapng", "telegram.pcap", "signal.pcap", "lielyoash__VideoOnly.pcap", "lielyoash__FileAudio.pcap", "lielyoash__Mixed_.pcap",
		"lnx_telegram__evening1.pcap", "lnx_telegram__2xreplay_evening1.pcap", "dmbb_xmpp__GroupChatRaw.pcap"} {
		judgeReadings(t, name, table)
	}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		t.Logf("%-46s %s", key, table[key])
	}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		var sure bin
		for _, x := range table[key][9:] {
			sure.n, sure.right = sure.n+x.n, sure.right+x.right
		}
		if own := strings.Contains(key, "call") || strings.Contains(key, "login") || strings.HasPrefix(key, "corpus, whatsapp"); own && sure.right*10 < sure.n*9 {
			t.Errorf("%s: %d of %d right that are stated with 0.9 or more", key, sure.right, sure.n)
		}
	}
}

// judgeReadings is judge for a capture read by hand. A reading of any confidence
// makes an event right; messages seen at both ends share one reading.
func judgeReadings(t *testing.T, name string, table map[string]*bins) {
	list, base := readings(t, name)
	service := corpusService(t, name)
	for _, e := range corpus(t, name).Events {
		if e.Service != service || e.Kind != "message" && e.Kind != "media" && e.Kind != "call" && e.Kind != "login" {
			continue
		}
		talk := e.Kind == "message" || e.Kind == "media"
		right := slices.ContainsFunc(list, func(w reading) bool {
			same := w.Kind == e.Kind || talk && (w.Kind == "message" || w.Kind == "media")
			return same && near(base, w.Start, e.Time)
		})
		row(table, "corpus, "+service+", "+e.Kind).add(e.Confidence, right)
	}
}
