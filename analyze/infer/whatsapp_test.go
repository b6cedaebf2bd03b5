package infer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"envelope/capture"
)

// outline puts events into words: when, what, which way, of how many bytes.
func outline(events []Event) []string {
	var out []string
	for i := range events {
		e := &events[i]
		s := fmt.Sprintf("%.1f %s %s", e.Time.Sub(secondOf(0)).Seconds(), e.Kind, e.Direction)
		if e.Kind == Message || e.Kind == Media {
			s += fmt.Sprintf(" %d", e.Bytes)
		}
		out = append(out, strings.TrimSpace(s))
	}
	return out
}

// greeted makes a connection begin with a prologue.
func greeted(c Conn, syn float64) Conn {
	c.Flow.Frames[0].Kind, c.Flow.First = capture.FrameHandshake, secondOf(syn)
	return c
}

func phoneChat(frames ...string) Conn {
	return chat(phone+":4000", "whatsapp", "whatsapp-noise", frames...)
}

// files is a connection to a server of attachments.
func files(host string, frames ...string) Conn {
	c := chat(phone+":4500", "whatsapp", "", frames...)
	c.Role, c.Flow.ID, c.Flow.Host = "media", 2000, host
	return c
}

// The sizes are those of data/whatsapp.json: typing 41, a text 188, its
// acknowledgement 72, receipts 74 and 76 with their acknowledgements 68 and 70,
// a text that came 272, its receipt 62 and the server's word on that 64.
func TestWhatsApp(t *testing.T) {
	for _, c := range []struct {
		name  string
		conns []Conn
		want  []string
	}{
		{"sent, delivered and read", []Conn{phoneChat("1^41", "2^188", "2.2_72", "2.6_74", "2.7^68", "3_76", "3.1^70")},
			[]string{"1.0 typing sent", "2.0 message sent 188", "2.6 receipt received", "3.0 receipt received"}},
		{"sent, read the next minute", []Conn{phoneChat("2^188", "2.2_72", "60_74", "60.1^68")}, []string{"2.0 message sent 188", "60.0 receipt received"}},
		{"sent to four, of whom one is away", []Conn{phoneChat("2^188", "2.2_72", "2.6_74", "2.65_74", "2.7^68", "2.75^68", "3_74", "3.1^68", "170_74", "170.1^68")},
			[]string{"2.0 message sent 188", "2.6 receipt received", "2.6 receipt received", "3.0 receipt received", "170.0 receipt received"}},
		{"an acknowledgement without an answer is no receipt", []Conn{phoneChat("2^188", "2.2_72", "170_74", "172^68")}, []string{"2.0 message sent 188"}},
		{"sent to somebody offline", []Conn{phoneChat("2^188", "2.2_72")}, []string{"2.0 message sent 188"}},
		{"not acknowledged", []Conn{phoneChat("2^188", "9_72")}, nil},
		{"answered by something else", []Conn{phoneChat("2^188", "2.1_500", "2.2_72")}, nil},
		{"sent with a word that the client is there", []Conn{phoneChat("2^35", "2^188", "2.1_38", "2.2_72", "2.6_74", "2.7^68")},
			[]string{"2.0 message sent 188", "2.0 keepalive sent", "2.6 receipt received"}},
		{"sent between the answers to two words", []Conn{phoneChat("2^22", "2^35", "2.1_46", "2.11^188", "2.12_38", "2.2_72")},
			[]string{"2.0 keepalive sent", "2.0 keepalive sent", "2.1 message sent 188"}},
		{"sent with a word that is answered late", []Conn{phoneChat("2^22", "2.1^188", "2.2_46", "2.3_500", "2.4_72")}, []string{"2.0 keepalive sent"}},
		{"received", []Conn{phoneChat("5_272", "5.2^62", "5.4_64")}, []string{"5.0 message received 272", "5.2 receipt sent"}},
		{"received while the phone slept", []Conn{phoneChat("5_272", "8^62", "8.2_64")}, []string{"5.0 message received 272", "8.0 receipt sent"}},
		{"pushed, without a receipt", []Conn{phoneChat("5_272", "5.1^120")}, nil},
		{"three at once", []Conn{phoneChat("5_272", "5.01_208", "5.02_240", "5.2^62", "5.21^62", "5.22^62", "5.4_64", "5.41_64", "5.42_64")},
			[]string{"5.0 message received 272", "5.0 message received 208", "5.0 message received 240", "5.2 receipt sent", "5.2 receipt sent", "5.2 receipt sent"}},
		{"set-up of a call", []Conn{phoneChat("1^231", "1.3_1220", "1.6^99", "1.7_47", "1.8^101", "1.9_54", "3_277", "3.1_134")}, []string{"1.9 presence received"}},
		{"latency reports of a call", []Conn{phoneChat("1^151", "1.2_54", "1.3^151", "1.5_54")}, []string{"1.2 presence received", "1.5 presence received"}},
		{"presence for many at once", []Conn{phoneChat("1^60", "1^60", "1^60", "1.2_43", "1.2_43", "1.2_43")}, nil},
		{"others type", []Conn{phoneChat("1_52", "4_54")}, []string{"1.0 presence received", "4.0 presence received"}},
		{"keepalive", []Conn{phoneChat("1^22", "1.2_46")}, []string{"1.0 keepalive sent"}},
		{"login", []Conn{greeted(phoneChat("1^11", "1.1^260", "1.3_54", "1.5^60"), 0.8)}, []string{"0.8 login"}},
		{"login without the opening of the connection", []Conn{greeted(phoneChat("1^11", "1.1^260", "1.3_54"), 1)}, []string{"1.0 login"}},
		{"mid-stream", []Conn{phoneChat("1^260", "1.3_54")}, []string{"1.3 presence received"}},
		{"one direction only", []Conn{greeted(phoneChat("1^11", "1.1^260", "3^188", "9^62", "12^41"), 1)}, []string{"1.0 login", "12.0 typing sent"}},
		{"the protocol of 2015", []Conn{chat(phone+":4000", "whatsapp", "whatsapp-xmpp", "1^41", "2^188", "2.2_72", "3_52")}, []string{"2.0 message sent 188"}},
		{"upload, then the message", []Conn{phoneChat("10^1169", "10.2_72"), files("media.example", "8^8209", "8.1^8209", "8.2_400")}, []string{"10.0 media sent 16418"}},
		{"message, then the download", []Conn{phoneChat("10_565", "10.2^62", "10.4_64"), files("mmg.example", "10.3^400", "10.4_9000", "10.5_9000")},
			[]string{"10.0 media received 18000", "10.2 receipt sent"}},
		{"profile picture", []Conn{phoneChat("10_272", "10.2^62"), files("pps.example", "10.3^400", "10.4_9000")}, []string{"10.0 message received 272", "10.2 receipt sent"}},
		{"two messages and one download", []Conn{phoneChat("10_565", "10.1_272", "10.2^62", "10.3^62"), files("mmg.example", "10.4_9000", "10.5_9000")},
			[]string{"10.0 media received 18000", "10.1 message received 272", "10.2 receipt sent", "10.3 receipt sent"}},
		{"the message is on another connection", []Conn{phoneChat("1_52"), files("mmg.example", "10.4_9000")}, []string{"1.0 presence received", "10.4 media received 9000"}},
	} {
		if got := outline(WhatsApp(c.conns)); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestWhatsAppConfidence(t *testing.T) {
	p := func(frames ...string) float64 { return WhatsApp([]Conn{phoneChat(frames...)})[0].Confidence }
	sent, read := p("2^188", "2.2_72"), p("2^188", "2.2_72", "2.6_74", "2.7^68")
	if sent >= 0.9 || read < 0.9 {
		t.Errorf("%v acknowledged, %v with a receipt: only the second is likely", sent, read)
	}
	late, prompt, done := p("5_272", "8^62"), p("5_272", "5.2^62"), p("5_272", "5.2^62", "5.4_64")
	if !(late < prompt && prompt < done && done <= 1) {
		t.Errorf("late %v, prompt %v, acknowledged %v: not in this order", late, prompt, done)
	}
	half := phoneChat("2^188", "2.2_72")
	half.Weight = 0.5
	if got := WhatsApp([]Conn{half})[0].Confidence; got != sent/2 {
		t.Errorf("%v on a connection that is WhatsApp's at one half, want %v", got, sent/2)
	}
}

// The account's number in clear is told without being shown.
func TestWhatsAppSaysThatTheAccountIsExposed(t *testing.T) {
	c := greeted(chat(phone+":4000", "whatsapp", "whatsapp-xmpp", "1^11", "1.1^102"), 1)
	says := func() bool {
		e := WhatsApp([]Conn{c})[0]
		return slices.ContainsFunc(e.Evidence, func(v Evidence) bool {
			return strings.Contains(v.Note, "in clear") && strings.Contains(v.Note, "not shown")
		})
	}
	if says() {
		t.Error("exposed without the sign")
	}
	c.Flow.Signs = append(c.Flow.Signs, signExposed)
	if !says() {
		t.Error("not told")
	}
}

func TestWhatsAppSizesAreGiven(t *testing.T) {
	c := phoneChat("1^41", "2^188", "2.2_72", "2.6_74", "2.7^68", "5_272", "5.2^62", "5.4_64", "20^22", "20.1_46", "30_52")
	got := map[Kind]int{}
	for _, e := range WhatsApp([]Conn{c}) {
		got[e.Kind]++
	}
	for _, k := range []Kind{Message, Receipt, Typing, Presence, Keepalive} {
		if got[k] == 0 {
			t.Errorf("no %s: does data/whatsapp.json lack its sizes?", k)
		}
	}
}

func FuzzWhatsApp(f *testing.F) {
	f.Add([]byte{1, 188, 0, 2, 72, 1, 4, 74, 1, 5, 68, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := phoneChat()
		at := secondOf(0)
		for ; len(b) >= 3; b = b[3:] {
			at += capture.Time(b[0]) * 1e8
			c.Flow.Frames = append(c.Flow.Frames, capture.Frame{Time: at, Length: uint32(b[1]) * uint32(1+b[2]>>4), Kind: capture.FrameKind(b[2] >> 1 & 7), Up: b[2]&1 == 0})
		}
		file := files("mmg.example")
		file.Flow.Frames = c.Flow.Frames
		last := capture.Time(0)
		for _, e := range WhatsApp([]Conn{c}) {
			if e.Time < last || e.Confidence <= 0 || e.Confidence > 1 || len(e.Evidence) == 0 {
				t.Fatalf("%+v after %v", e, last)
			}
			last = e.Time
		}
		WhatsApp([]Conn{c, file})
	})
}
