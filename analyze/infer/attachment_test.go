package infer

import (
	"slices"
	"testing"

	"envelope/capture"
)

// message is one that was sent ("^") or received ("_") at a time.
func message(at float64, way Direction) Event {
	return Event{Kind: Message, Time: secondOf(at), Client: phoneChat().Flow.Client.Addr(), Direction: way, Bytes: 300, Confidence: 0.9}
}

// datagrams is a connection to a server of attachments over QUIC.
func datagrams(from, to float64, up bool, bytes uint64) Conn {
	c := files("mmg.example")
	c.Flow.Bursts = []capture.Burst{{Kind: capture.BurstQUIC, Up: up, First: secondOf(from), Last: secondOf(to), Bytes: bytes, Packets: 9}}
	return c
}

// opened is a connection whose opening is in the capture.
func opened(c Conn) Conn {
	c.Flow.JA4 = "q13d0310h3_55b375c5d22e_cd85d2d88918"
	return c
}

// shaken is a connection over TLS whose hellos are in the capture.
func shaken(c Conn) Conn {
	hello := capture.Frame{Time: c.Flow.Frames[0].Time - 2, Length: 512, Kind: capture.FrameHandshake, Up: true}
	answer := capture.Frame{Time: c.Flow.Frames[0].Time - 1, Length: 122, Kind: capture.FrameHandshake}
	c.Flow.Frames = append([]capture.Frame{hello, answer}, c.Flow.Frames...)
	return c
}

func TestAttach(t *testing.T) {
	for _, c := range []struct {
		name     string
		messages []Event
		conns    []Conn
		alone    bool
		want     []string
	}{
		{"none", []Event{message(10, Sent)}, nil, true, []string{"10.0 message sent 300"}},
		{"upload before", []Event{message(10, Sent)}, []Conn{files("", "8^7000")}, true, []string{"10.0 media sent 7000"}},
		{"upload long before", []Event{message(60, Sent)}, []Conn{files("", "8^7000")}, true, []string{"60.0 message sent 300", "8.0 media sent 7000"}},
		{"upload after", []Event{message(10, Sent)}, []Conn{files("", "14^7000")}, true, []string{"10.0 message sent 300", "14.0 media sent 7000"}},
		{"upload that took a minute", []Event{message(70, Sent)}, []Conn{datagrams(8, 69, true, 9_000_000)}, true, []string{"70.0 media sent 9000000"}},
		{"the last of two uploads", []Event{message(10, Sent)}, []Conn{files("", "5^7000", "8^8000")}, false, []string{"10.0 media sent 8000"}},
		{"download after", []Event{message(10, Received)}, []Conn{files("", "11^300", "11.2_7000")}, true, []string{"10.0 media received 7000"}},
		{"download before", []Event{message(10, Received)}, []Conn{files("", "8_7000")}, true, []string{"10.0 message received 300", "8.0 media received 7000"}},
		{"download when the user looks", []Event{message(10, Received)}, []Conn{files("", "50_7000")}, true, []string{"10.0 message received 300", "50.0 media received 7000"}},
		{"download over QUIC", []Event{message(10, Received)}, []Conn{datagrams(10.5, 12, false, 70000)}, true, []string{"10.0 media received 70000"}},
		{"the handshake of QUIC", []Event{message(10, Received)}, []Conn{opened(datagrams(10.5, 12, false, 6900))}, true, []string{"10.0 message received 300"}},
		{"a file behind it", []Event{message(10, Received)}, []Conn{opened(datagrams(10.5, 12, false, 20000))}, true, []string{"10.0 media received 16000"}},
		{"the handshake of TLS 1.3", []Event{message(10, Received)}, []Conn{shaken(files("", "10.5_5000", "10.6^69", "10.8_2000"))}, true, []string{"10.0 message received 300"}},
		{"requests are too small", []Event{message(10, Sent)}, []Conn{files("", "8^2000")}, true, []string{"10.0 message sent 300"}},
		{"two messages, one transfer", []Event{message(10, Received), message(10.2, Received)}, []Conn{files("", "10.5_7000")}, true,
			[]string{"10.0 media received 7000", "10.2 message received 300"}},
		{"one message, two transfers", []Event{message(10, Received)}, []Conn{files("", "10.5_7000", "13_8000")}, true,
			[]string{"10.0 media received 7000", "13.0 media received 8000"}},
		{"not alone", nil, []Conn{files("", "10.5_7000")}, false, nil},
		{"of somebody else", []Event{message(10, Received)}, []Conn{chatOf(phone2, "10.5_7000")}, false, []string{"10.0 message received 300"}},
	} {
		if got := outline(attach(c.messages, c.conns, c.alone)); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func chatOf(client string, frames ...string) Conn {
	c := chat(client+":4500", "whatsapp", "", frames...)
	c.Role = "media"
	return c
}

func TestAttachKeepsTheFrameOfTheMessage(t *testing.T) {
	list := attach([]Event{message(10, Sent)}, []Conn{files("mmg.example", "8^7000")}, true)
	if e := list[0]; e.Frame != 300 || e.Bytes != 7000 || len(e.Evidence) != 1 {
		t.Errorf("%+v, want the frame's 300 bytes, the transfer's 7000 and its packet", e)
	}
}
