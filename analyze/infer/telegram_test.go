package infer

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"envelope/capture"
)

// segments builds a connection from words such as "0.250^201" and "1v137":
// seconds, up or down, bytes.
func segmentConn(tb testing.TB, id uint64, midstream bool, words string) Conn {
	tb.Helper()
	c := Conn{Service: "telegram", Role: "message", Weight: 1}
	c.Flow = &capture.Flow{ID: id, Proto: 6, Midstream: midstream,
		Client: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.7"), 40000+uint16(id)), Server: netip.MustParseAddrPort("198.51.100.9:443")}
	for n, w := range strings.Fields(words) {
		var at float64
		var way rune
		var size uint32
		if _, err := fmt.Sscanf(w, "%f%c%d", &at, &way, &size); err != nil {
			tb.Fatalf("%q: %v", w, err)
		}
		f := capture.Frame{Time: capture.Time(time.Hour + seconds(at)), Origin: capture.Origin{At: int64(n + 1)}, Length: size, Kind: capture.FrameSegment, Up: way == '^'}
		c.Flow.Frames = append(c.Flow.Frames, f)
		c.Flow.Payload[direction(f.Up)] += uint64(size)
	}
	c.Flow.First, c.Flow.Last = c.Flow.Frames[0].Time, c.Flow.Frames[len(c.Flow.Frames)-1].Time
	return c
}

// summary gives events as one line each: kind, direction, second, bytes.
func summary(events []Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, fmt.Sprintf("%s %s %.2f %d", e.Kind, e.Direction, e.Time.Sub(capture.Time(time.Hour)).Seconds(), e.Bytes))
	}
	return out
}

// without drops the kinds that a case does not look at.
func without(events []Event, kinds ...Kind) []Event {
	return slices.DeleteFunc(events, func(e Event) bool { return slices.Contains(kinds, e.Kind) })
}

// pings are requests with empty answers, from which a connection's round trip
// shows.
const pings = "900^201 900.02v89 910^313 910.02v89 920^105 920.021v89 930^121 930.02v89"

func TestTelegram(t *testing.T) {
	for _, c := range []struct{ name, segments, want string }{
		{"a message that is read", "1v137 1.06^201 1.09^281 1.115v185 1.12^313 1.13v105 1.14^297", "message received 1.00 137; receipt sent 1.06 201"},
		{"a message that is only acknowledged", "1v233 1.4^121", "message received 1.00 233"},
		{"messages while another is read", "1v297 1.03^185 1.065v377 1.07^201 1.09^610 1.115v185 1.12^137 1.13v105 1.14^217",
			"message received 1.00 297; receipt sent 1.03 185; message received 1.06 377; receipt sent 1.07 201"},
		{"answers that come late", "1v540 1.03^249 1.04^233 1.48v185 1.485v105 1.49^121", "message received 1.00 540; receipt sent 1.03 249"},
		{"answers in one segment", "1v265 1.03^249 1.04^233 1.06v290 1.07^121", "message received 1.00 265; receipt sent 1.03 249"},
		{"settings fetched", "1^201 1.03v652 1.04^450 1.08v153 1.09^201 1.11v89", ""},
		{"a ping together with a request", "1^354 1.02v89 1.03v652 1.04^539 1.08v153 1.1^329 1.12v89", ""},
		{"a message after a ping was answered", "1^137 1.02v89 1.03^137 1.16v409 1.2^297 1.23v185 1.24^249", "message received 1.16 409; receipt sent 1.20 297"},
		{"a message sent", "1^297 1.04v105 1.05^121", "message sent 1.00 297"},
		{"a message sent and read", "1^297 1.04v169 1.05^121 5v137 5.4^121", "message sent 1.00 297; receipt received 5.00 137"},
		{"the timer after a message", "1v137 1.06^201 1.09^281 1.115v185 1.12^313 1.13v105 1.14^297 6.15^153 6.18v105", "message received 1.00 137; receipt sent 1.06 201"},
		{"two messages in a segment", "1v322 1.06^201 1.09v185 1.1^121", "message received 1.00 322; message received 1.00 322; receipt sent 1.06 201"},
		{"online status", "1v105 1.4^121", "presence received 1.00 105"},
		{"typing and a message", "1v105 1.4^121 5v153 5.06^201 5.09v185 5.1^121", "typing received 1.00 105; message received 5.00 153; receipt sent 5.06 201"},
		{"a very short message", "1v105 1.06^201 1.09v185 1.1^121", "message received 1.00 105; receipt sent 1.06 201"},
		{"an album", "1v604 1.2v636 1.4v620 1.45^313 1.48v185 1.49^121", "media received 1.00 604; media received 1.20 636; media received 1.40 620; receipt sent 1.45 313"},
		{"history that the client asked for", "1^297 1.05v8009 1.1^201 1.15v12009 1.2^121", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := without(Telegram([]Conn{segmentConn(t, 1, true, c.segments+" "+pings)}), Keepalive)
			if s := strings.Join(summary(got), "; "); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}

func TestTelegramKeepalive(t *testing.T) {
	got := Telegram([]Conn{segmentConn(t, 1, true, pings)})
	if len(got) != 4 || got[0].Kind != Keepalive || len(without(got, Keepalive)) != 0 {
		t.Errorf("got %v, want four keepalives", summary(got))
	}
}

func TestTelegramLogin(t *testing.T) {
	const start = "1^169 1.05v105 1.1^400 1.15v700 1.2^300 1.3v4009 1.5^200 1.6v900 "
	got := without(Telegram([]Conn{segmentConn(t, 1, false, start+pings)}), Keepalive)
	if s := strings.Join(summary(got), "; "); s != "login  1.00 0" {
		t.Errorf("got %s, want one login", s)
	}
	beside := segmentConn(t, 2, false, "905^169 905.05v105 905.1^400 905.15v700")
	got = without(Telegram([]Conn{segmentConn(t, 1, true, pings), beside}), Keepalive)
	if len(got) != 0 {
		t.Errorf("got %v of a connection beside another", summary(got))
	}
}

// file is a connection beside the main one that moves bytes.
func file(t *testing.T, id uint64, at float64, up bool, kilobytes int) Conn {
	words := []string{fmt.Sprintf("%.3f^530 %.3fv169", at, at+0.02)}
	way := "v"
	if up {
		way = "^"
	}
	for i := range kilobytes {
		words = append(words, fmt.Sprintf("%.3f%s1024", at+0.03+float64(i)/1000, way))
	}
	return segmentConn(t, id, false, strings.Join(words, " "))
}

func TestTelegramFiles(t *testing.T) {
	const got = "0.5^201 0.52v89 1v604 1.06^201 1.09^281 1.115v185 1.12^313 1.13v105 1.14^297 "
	const sent = "0.5^201 0.52v89 10^297 10.04v169 10.05^121 "
	for _, c := range []struct {
		name, segments string
		files          []Conn
		want           string
	}{
		{"a photo received", got, []Conn{file(t, 2, 1.2, false, 60)}, "media received 1.00"},
		{"a photo fetched over two connections", got, []Conn{file(t, 2, 1.2, false, 60), file(t, 3, 1.21, false, 60)}, "media received 1.00"},
		{"the preview of a link", got, []Conn{file(t, 2, 1.2, false, 9)}, "message received 1.00"},
		{"a photo sent", sent, []Conn{file(t, 2, 9, true, 90)}, "media sent 10.00"},
		{"a file fetched later", got, []Conn{file(t, 2, 50, false, 60)}, "message received 1.00; media received 50.02"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := Telegram(append([]Conn{segmentConn(t, 1, true, c.segments+pings)}, c.files...))
			var lines []string
			for _, l := range summary(without(all, Keepalive, Receipt)) {
				lines = append(lines, l[:strings.LastIndexByte(l, ' ')])
			}
			if s := strings.Join(lines, "; "); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}

func TestTransportContent(t *testing.T) {
	for _, c := range []struct {
		how     transport
		bytes   uint32
		packets int
		size    uint32
	}{
		{abridged, 89, 1, 64},
		{abridged, 137, 1, 112},
		{abridged, 604, 1, 576},
		{abridged, 290, 2, 240}, // 185 and 105
		{abridged, 290 + 604, 3, 816},
		{intermediate, 92, 1, 64},
		{intermediate, 92 + 140, 2, 176},
		{padded, 92 + 7, 1, 64},
		{fullLength, 100, 1, 64},
		{abridged, 3, 1, 0},
		{padded, 0, 1, 0},
	} {
		if packets, size := c.how.content(c.bytes); packets != c.packets || size != c.size {
			t.Errorf("transport %d, %d bytes: %d packets, %d bytes; want %d, %d", c.how, c.bytes, packets, size, c.packets, c.size)
		}
	}
}

// TestTelegramTransports reads the same talk in all transports.
func TestTelegramTransports(t *testing.T) {
	for name, extra := range map[string]func(i int) int{
		"intermediate": func(int) int { return 3 },
		"padded":       func(i int) int { return 3 + i*7%16 },
		"full":         func(int) int { return 11 },
	} {
		c := segmentConn(t, 1, true, "1v137 1.06^201 1.09^281 1.115v185 1.12^313 1.13v105 1.14^297 9v233 9.4^121 "+pings)
		for i := range c.Flow.Frames {
			c.Flow.Frames[i].Length += uint32(extra(i))
		}
		got := without(Telegram([]Conn{c}), Keepalive)
		if len(got) != 3 || got[0].Kind != Message || got[1].Kind != Receipt || got[2].Kind != Message {
			t.Errorf("%s: got %v, want a message, its receipt and another", name, summary(got))
		}
	}
}

func TestTelegramData(t *testing.T) {
	var v telegramSizes
	if err := json.Unmarshal(telegramData, &v); err != nil {
		t.Fatal(err)
	}
	if v.Empty >= v.Update || v.Update >= v.Message || v.MessageMost == 0 || v.AnswerS <= 0 || v.ReadS <= 0 || v.TimerS[0] >= v.TimerS[1] || v.MediaMin < transferMin {
		t.Errorf("sizes are missing or out of order: %+v", v)
	}
}

// framesFrom makes frames of any bytes: direction, pause, length.
func framesFrom(b []byte) []capture.Frame {
	var out []capture.Frame
	at := capture.Time(time.Hour)
	for ; len(b) >= 4; b = b[4:] {
		at = at.Add(time.Duration(b[1]) * time.Millisecond)
		out = append(out, capture.Frame{Time: at, Length: uint32(b[2])<<8 | uint32(b[3]), Up: b[0]&1 == 0, Kind: capture.FrameKind(b[0] >> 1 % 6), Origin: capture.Origin{At: int64(len(out) + 1)}})
	}
	return out
}

// checkEvents holds what is true of all events of one connection.
func checkEvents(t *testing.T, f *capture.Flow, events []Event) {
	t.Helper()
	if len(events) > 5*len(f.Frames)+1 {
		t.Fatalf("%d events of %d frames", len(events), len(f.Frames))
	}
	for _, e := range events {
		if e.Confidence <= 0 || e.Confidence > 1 || len(e.Evidence) == 0 || e.Time < f.First || e.Time > f.Last {
			t.Fatalf("event %+v", e)
		}
	}
}

func FuzzTelegram(f *testing.F) {
	f.Add([]byte{9, 0, 0, 137, 8, 60, 0, 201, 9, 25, 0, 185, 8, 5, 1, 1, 9, 10, 0, 105})
	f.Add([]byte{8, 0, 2, 82, 9, 20, 0, 169, 9, 1, 255, 255, 9, 1, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := Conn{Flow: &capture.Flow{}, Service: "telegram", Weight: 1}
		if c.Flow.Frames = framesFrom(b); len(c.Flow.Frames) == 0 {
			return
		}
		c.Flow.Midstream = len(b)%2 == 0
		c.Flow.First, c.Flow.Last = c.Flow.Frames[0].Time, c.Flow.Frames[len(c.Flow.Frames)-1].Time
		checkEvents(t, c.Flow, Telegram([]Conn{c}))
	})
}
