package infer

import (
	"cmp"
	_ "embed" // for the measured sizes
	"encoding/json"
	"net/netip"
	"slices"

	"envelope/capture"
)

//go:embed data/telegram.json
var telegramData []byte

// telegramSizes is the vocabulary of sizes and times; see the data file. Sizes
// are encrypted bytes of one MTProto message, times are seconds.
type telegramSizes struct {
	Empty       uint32     `json:"empty"`
	Update      uint32     `json:"update"`
	Message     uint32     `json:"message"`
	MessageMost uint32     `json:"message_most"`
	AnswerMost  uint32     `json:"answer_most"`
	AlbumLeast  uint64     `json:"album_least"`
	AlbumS      float64    `json:"album_s"`
	ReceiptMost uint32     `json:"receipt_most"`
	ReceiptS    float64    `json:"receipt_s"`
	ResultMost  uint32     `json:"result_most"`
	ReactS      float64    `json:"react_s"`
	AnswerS     float64    `json:"answer_s"`
	ReadS       float64    `json:"read_s"`
	TimerS      [2]float64 `json:"timer_s"`
	TypingS     float64    `json:"typing_s"`
	LoginS      float64    `json:"login_s"`
	MediaMin    uint64     `json:"media_min"`
}

// Telegram reads the events of Telegram's own connections, which show segments
// and no lengths of messages. MTProto is a protocol of requests, answers and
// updates that the server sends unasked: an update that the client goes on to
// read is a message received, a request out of the blue with a small result a
// message sent. Files go over connections beside the main one.
func Telegram(conns []Conn) []Event {
	var v telegramSizes
	if err := json.Unmarshal(telegramData, &v); err != nil {
		panic(err) // embedded, and checked by a test
	}
	side := sideConns(conns)
	var parts [][]Event
	var files []Conn
	for i := range conns {
		if side[i] && carriesFiles(&conns[i]) {
			files = append(files, conns[i])
			continue
		}
		t := telegram{c: &conns[i], v: &v, side: side[i], turns: turnsOf(conns[i].Flow.Frames)}
		parts = append(parts, t.events())
	}
	out := attachTo(Joined(parts), v.filesOf(files), true)
	InOrder(out, func(a, b *Event) int { return cmp.Compare(a.Time, b.Time) })
	return out
}

// sideConns tells which connections run beside a busier one of the same client.
// Clients keep one connection for requests and updates, which is active all the
// time, and open others for files.
func sideConns(conns []Conn) []bool {
	out := make([]bool, len(conns))
	active := make([]int, len(conns))
	byClient := make(map[netip.Addr][]int)
	for i := range conns {
		active[i] = activeSeconds(conns[i].Flow)
		who := conns[i].Flow.Client.Addr()
		byClient[who] = append(byClient[who], i)
	}
	for _, own := range byClient {
		for _, i := range own {
			out[i] = slices.ContainsFunc(own, func(j int) bool {
				a, b := conns[i].Flow, conns[j].Flow
				busier := active[j] > active[i] || active[j] == active[i] && b.ID < a.ID
				return busier && a.First < b.Last && b.First < a.Last
			})
		}
	}
	return out
}

// activeSeconds counts the seconds in which a flow carried something.
func activeSeconds(f *capture.Flow) int {
	n, last := 0, capture.Time(0)
	for i := range f.Frames {
		if s := f.Frames[i].Time / 1e9; s != last {
			n, last = n+1, s
		}
	}
	return n
}

// carriesFiles tells whether most of what a connection carried went in
// stretches as files do.
func carriesFiles(c *Conn) bool {
	var moved uint64
	for _, up := range []bool{true, false} {
		for _, t := range c.transfers(up) {
			moved += t.bytes
		}
	}
	return 2*moved > c.Flow.Payload[capture.Up]+c.Flow.Payload[capture.Down]
}

// filesOf finds the transfers of connections beside the main one. Clients fetch
// a file in parts over several connections at once, so what overlaps is one.
func (v *telegramSizes) filesOf(conns []Conn) []transfer {
	type way struct {
		client netip.Addr
		up     bool
	}
	var out []transfer
	latest := make(map[way]int) // index of the latest transfer in out
	for _, t := range transfersOf(conns) {
		w := way{t.client, t.up}
		if i, ok := latest[w]; ok && t.first.Sub(out[i].last) <= transferGap {
			out[i].bytes += t.bytes
			out[i].last = max(out[i].last, t.last)
			continue
		}
		latest[w] = len(out)
		out = append(out, t)
	}
	return slices.DeleteFunc(out, func(t transfer) bool { return t.bytes < v.MediaMin })
}
