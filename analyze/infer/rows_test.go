package infer

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"envelope/capture"
)

// rowOf is a row of an export: from a socket to a socket, from second to second,
// with packets and bytes of both directions.
func rowOf(proto uint8, client, server string, from, to int, packets, bytes [2]uint64) capture.Flow {
	at := func(s int) capture.Time { return capture.Time(1767600000+s) * 1e9 }
	return capture.Flow{ID: 1<<63 | uint64(from+1), Row: true, Proto: proto, Client: netip.MustParseAddrPort(client), Server: netip.MustParseAddrPort(server), ClientHow: "port",
		First: at(from), Last: at(to), Packets: packets, Bytes: bytes}
}

// voice is a minute of voice at 50 packets a second each way.
var voice = [2][2]uint64{{3000, 2900}, {360000, 348000}}

func TestRowCalls(t *testing.T) {
	const relay, anna, ben = "198.51.100.7:3478", "192.0.2.10:40000", "192.0.2.11:50000"
	media := rowOf(rowUDP, anna, relay, 0, 60, voice[0], voice[1])
	media2 := rowOf(rowUDP, anna, relay, 61, 121, voice[0], voice[1])
	short := rowOf(rowUDP, anna, relay, 0, 5, [2]uint64{250, 250}, [2]uint64{30000, 30000})
	load := rowOf(rowUDP, anna, relay, 0, 60, [2]uint64{3000, 3000}, [2]uint64{180000, 3600000})
	keep := rowOf(rowUDP, anna, relay, 0, 600, [2]uint64{40, 40}, [2]uint64{4000, 4000})
	fast := rowOf(rowUDP, anna, relay, 0, 60, [2]uint64{30000, 30000}, [2]uint64{30e6, 30e6})
	sampled := rowOf(rowUDP, anna, relay, 0, 60, [2]uint64{30, 29}, [2]uint64{3600, 3480})
	thin := sampled
	sampled.Sampled = 100
	direct := rowOf(rowUDP, anna, ben, 0, 60, voice[0], voice[1])
	back := rowOf(rowUDP, ben, anna, 62, 120, voice[0], voice[1])
	tcp := rowOf(rowTCP, anna, relay, 0, 60, voice[0], voice[1])
	both := map[string][]string{"192.0.2.10": {"signal", "whatsapp"}, "192.0.2.11": {"signal"}}
	for _, c := range []struct {
		name    string
		service string // of the server, which is one of calls
		rows    []capture.Flow
		uses    map[string][]string
		want    string
	}{
		{"to a call server", "signal", []capture.Flow{media}, nil, "signal 1m0s peer invalid IP unknown 0.65"},
		{"in two rows", "signal", []capture.Flow{media, media2}, nil, "signal 2m1s peer invalid IP unknown 0.65"},
		{"short", "signal", []capture.Flow{short}, nil, ""},
		{"a download", "signal", []capture.Flow{load}, nil, ""},
		{"keepalives", "signal", []capture.Flow{keep}, nil, ""},
		{"too fast", "signal", []capture.Flow{fast}, nil, ""},
		{"one packet in 100", "signal", []capture.Flow{sampled}, nil, "signal 1m0s peer invalid IP unknown 0.65"},
		{"the same without sampling", "signal", []capture.Flow{thin}, nil, ""},
		{"TCP", "signal", []capture.Flow{tcp}, nil, ""},
		{"two clients of one messenger", "", []capture.Flow{direct}, both, "signal 1m0s peer 192.0.2.11 direct 0.50"},
		{"in two rows, the second the other way round", "", []capture.Flow{direct, back}, both, "signal 2m0s peer 192.0.2.11 direct 0.50"},
		{"one end is no client", "", []capture.Flow{direct}, map[string][]string{"192.0.2.10": {"signal"}}, ""},
		{"two clients of two messengers", "", []capture.Flow{direct}, map[string][]string{"192.0.2.10": {"signal", "whatsapp"}, "192.0.2.11": {"signal", "whatsapp"}}, "unknown 1m0s peer 192.0.2.11 direct 0.50"},
	} {
		var rows []Conn
		for i := range c.rows {
			conn := Conn{Flow: &c.rows[i], Service: c.service, Weight: 1}
			if c.service != "" {
				conn.Role = "call"
			}
			rows = append(rows, conn)
		}
		uses := map[netip.Addr][]string{}
		for a, list := range c.uses {
			uses[netip.MustParseAddr(a)] = list
		}
		var got []string
		for _, e := range RowCalls(rows, uses) {
			got = append(got, fmt.Sprintf("%s %v peer %v %s %.2f", e.Service, e.End.Sub(e.Time).Round(time.Second), e.Peer, e.Call.Path, e.Confidence))
			if e.Grain != capture.GrainFlow || e.Confidence >= 0.9 {
				t.Errorf("%s: grain %s, confidence %v", c.name, e.Grain, e.Confidence)
			}
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestRowLogins(t *testing.T) {
	const chat, anna = "198.51.100.7:443", "192.0.2.10:40000"
	long := rowOf(rowTCP, anna, chat, 0, 1800, [2]uint64{90, 90}, [2]uint64{9000, 9000})
	rest := rowOf(rowTCP, anna, chat, 1800, 3600, [2]uint64{90, 90}, [2]uint64{9000, 9000})
	again := rowOf(rowTCP, anna, chat, 9000, 9900, [2]uint64{90, 90}, [2]uint64{9000, 9000})
	other := rowOf(rowTCP, "192.0.2.10:40001", chat, 2, 900, [2]uint64{90, 90}, [2]uint64{9000, 9000})
	syn := long
	syn.ClientHow = "flags"
	short := rowOf(rowTCP, anna, chat, 0, 3, [2]uint64{9, 9}, [2]uint64{900, 900})
	for _, c := range []struct {
		name, role string
		rows       []capture.Flow
		want       string
	}{
		{"without flags", "message", []capture.Flow{long}, "0s 0.60"},
		{"with the SYN", "message", []capture.Flow{syn}, "0s 0.90"},
		{"two rows of one connection", "message", []capture.Flow{rest, syn}, "0s 0.90"},
		{"after hours", "message", []capture.Flow{syn, rest, again}, "0s 0.90; 2h30m0s 0.60"},
		{"two connections at once", "message", []capture.Flow{syn, other}, "0s 0.90"},
		{"short", "message", []capture.Flow{short}, ""},
		{"a server of files", "media", []capture.Flow{syn}, ""},
	} {
		var rows []Conn
		for i := range c.rows {
			rows = append(rows, Conn{Flow: &c.rows[i], Service: "signal", Role: c.role, Weight: 1})
		}
		var got []string
		for _, e := range RowLogins(rows) {
			got = append(got, fmt.Sprintf("%v %.2f", e.Time.Sub(1767600000e9), e.Confidence))
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
