package infer

import (
	"encoding/json"
	"strings"
	"testing"

	"envelope/capture"
)

// threemaConn builds a connection whose first messages are those of the login.
func threemaConn(t *testing.T, words string) Conn {
	t.Helper()
	c := segmentConn(t, 1, false, words)
	c.Service = "threema"
	for i := range min(loginMessages, len(c.Flow.Frames)) {
		c.Flow.Frames[i].Kind = capture.FrameHandshake
	}
	return c
}

// threemaLogin is the four messages of the login, and the end of the queue of
// waiting messages behind it.
const threemaLogin = "0^48 0.02v80 0.03^191 0.05v32 0.05v22 "

func TestThreema(t *testing.T) {
	for _, c := range []struct{ name, segments, want string }{
		{"login only", threemaLogin, "login  0.00 0"},
		{"login not answered", "0^48 0.02v80 0.03^191", ""},
		{"a message sent", threemaLogin + "40^444 40.02v38", "login  0.00 0; message sent 40.00 444"},
		{"a message that nobody acknowledged", threemaLogin + "40^444 90^50", "login  0.00 0"},
		{"a message to a group", threemaLogin + "40^444 40.02v38 40.03^313 40.05v38 40.06^361 40.08v38", "login  0.00 0; message sent 40.00 1118"},
		{"two frames in a segment", threemaLogin + "40^735 40.02v76 50^400 50.02v38", "login  0.00 0; message sent 40.00 735; message sent 50.00 400"},
		{"a message that waited", "0^48 0.02v80 0.03^191 0.05v32 0.05v414 0.05v22 0.1^38", "login  0.00 0; message received 0.05 414"},
		{"two messages that waited", "0^48 0.02v80 0.03^191 0.05v32 0.05v900 0.1^76", "login  0.00 0; message received 0.05 900; message received 0.05 900"},
		{"a message and its receipt", threemaLogin + "40v384 40.1^38 40.3^300 40.32v38", "login  0.00 0; message received 40.00 384; receipt sent 40.30 300"},
		{"a message answered", threemaLogin + "40v384 40.1^38 60^300 60.02v38", "login  0.00 0; message received 40.00 384; message sent 60.00 300"},
		{"a receipt of the other end", threemaLogin + "40^384 40.02v38 41v300 41.1^38", "login  0.00 0; message sent 40.00 384; receipt received 41.00 300"},
		{"an echo", threemaLogin + "300^26 300.02v26", "login  0.00 0; keepalive sent 300.00 26"},
		{"acknowledgements only", threemaLogin + "40^38 41v38", "login  0.00 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if s := strings.Join(summary(Threema([]Conn{threemaConn(t, c.segments)})), "; "); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}

// TestThreemaFrames reads frames whose lengths are known, in mid-stream.
func TestThreemaFrames(t *testing.T) {
	c := segmentConn(t, 1, true, "1^442 1.02v36 9v382 9.1^36")
	for i := range c.Flow.Frames {
		c.Flow.Frames[i].Kind = capture.FrameData
	}
	const want = "message sent 1.00 442; message received 9.00 382"
	if s := strings.Join(summary(Threema([]Conn{c})), "; "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func TestThreemaData(t *testing.T) {
	var v threemaSizes
	if err := json.Unmarshal(threemaData, &v); err != nil {
		t.Fatal(err)
	}
	if v.Ack == 0 || v.MessageLeast <= 3*v.Ack || v.ControlMost >= v.Ack || v.AckS <= 0 || v.ReceiptS <= 0 {
		t.Errorf("sizes are missing or out of order: %+v", v)
	}
}

func FuzzThreema(f *testing.F) {
	f.Add([]byte{8, 0, 0, 48, 9, 20, 0, 80, 8, 5, 0, 191, 9, 20, 0, 54, 8, 90, 1, 188, 9, 20, 0, 38})
	f.Add([]byte{9, 0, 3, 132, 8, 20, 0, 76, 8, 1, 0, 26, 9, 9, 0, 26})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := Conn{Flow: &capture.Flow{}, Service: "threema", Weight: 1}
		if c.Flow.Frames = framesFrom(b); len(c.Flow.Frames) == 0 {
			return
		}
		c.Flow.First, c.Flow.Last = c.Flow.Frames[0].Time, c.Flow.Frames[len(c.Flow.Frames)-1].Time
		checkEvents(t, c.Flow, Threema([]Conn{c}))
	})
}
