package infer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"envelope/capture"
)

// transfer is one upload or download: a stretch of bytes on a media connection.
type transfer struct {
	client      netip.Addr
	conn        *Conn
	up          bool
	first, last capture.Time
	at          capture.Origin
	bytes       uint64
	missing     uint64 // of these
	used        bool
}

// Constants of transfers.
const (
	// transferGap parts two transfers on one connection.
	transferGap = time.Second
	// transferMin is the least that counts as an attachment, in bytes: the
	// smallest media of the lab recordings has 8 kB encrypted, while requests
	// with their headers stay below 3 kB, and previews and profile pictures
	// below 5.
	transferMin = 5 << 10
	// uploadBefore is how long before its message an upload ends, and
	// fetchAfter how long after it a download begins: measured 0.2 to 1.5 s in
	// the lab and on phones of 2020, with room for slow links.
	uploadBefore = 15 * time.Second
	fetchAfter   = 5 * time.Second
	// quicHandshake is what the opening of a QUIC connection brings either way
	// besides contents, in bytes: certificates of 2 to 4 kB and hellos, each
	// padded to 1200 bytes (RFC 9000 section 14.1), of which a server may send
	// three for one until it knows its client (section 8.1). Opened anew with a
	// known client it takes less.
	quicHandshake = 4000
)

// transfersOf finds the uploads and downloads of media connections.
func transfersOf(conns []Conn) []transfer {
	var out []transfer
	for i := range conns {
		c := &conns[i]
		for _, up := range []bool{true, false} {
			out = append(out, c.transfers(up)...)
		}
	}
	slices.SortStableFunc(out, func(a, b transfer) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.conn.Flow.ID, b.conn.Flow.ID))
	})
	return out
}

// transfers gives the stretches of one direction: from frames where lengths
// show, from bursts of datagrams otherwise, without the handshake.
func (c *Conn) transfers(up bool) []transfer {
	var out []transfer
	add := func(from, to capture.Time, at capture.Origin, bytes, missing uint64) {
		if n := len(out); n > 0 && from.Sub(out[n-1].last) <= transferGap {
			out[n-1].last, out[n-1].bytes, out[n-1].missing = to, out[n-1].bytes+bytes, out[n-1].missing+missing
			return
		}
		out = append(out, transfer{client: c.Flow.Client.Addr(), conn: c, up: up, first: from, last: to, at: at, bytes: bytes, missing: missing})
	}
	contents := application(nil, c.Flow)
	for i := range c.Flow.Frames {
		if f := &c.Flow.Frames[i]; f.Kind == capture.FrameSegment {
			contents = append(contents, *f)
		}
	}
	slices.SortStableFunc(contents, func(a, b capture.Frame) int { return cmp.Compare(a.Time, b.Time) })
	for i := range contents {
		f := &contents[i]
		if f.Up != up {
			continue
		}
		missing := uint64(0)
		if f.Kind == capture.FrameGap {
			missing = uint64(f.Length)
		}
		add(f.Time, f.Time, f.Origin, uint64(f.Length), missing)
	}
	for i := range c.Flow.Bursts {
		if b := &c.Flow.Bursts[i]; b.Up == up && b.Kind == capture.BurstQUIC {
			add(b.First, b.Last, b.FirstAt, b.Bytes, 0)
		}
	}
	if len(out) > 0 && len(c.Flow.Bursts) > 0 && c.Flow.JA4 != "" { // opened in the capture
		out[0].bytes -= min(out[0].bytes, quicHandshake)
	}
	return slices.DeleteFunc(out, func(t transfer) bool { return t.bytes < transferMin })
}

// attach makes a message and the transfer of its attachment one event of kind
// Media. Transfers that no message is at hand for stay events of their own
// where alone is true: the message went over a connection that does not show.
func attach(messages []Event, conns []Conn, alone bool) []Event {
	return attachTo(messages, transfersOf(conns), alone)
}

// attachTo is attach for transfers that were found already.
func attachTo(messages []Event, list []transfer, alone bool) []Event {
	slices.SortStableFunc(list, func(a, b transfer) int { return cmp.Or(a.client.Compare(b.client), cmp.Compare(a.first, b.first)) })
	of := map[netip.Addr][]transfer{}
	for from := 0; from < len(list); {
		to := from + 1
		for to < len(list) && list[to].client == list[from].client {
			to++
		}
		of[list[from].client] = list[from:to]
		from = to
	}
	for i := range messages {
		messages[i].attach(of[messages[i].Client])
	}
	for i := range list {
		if t := &list[i]; alone && !t.used {
			messages = append(messages, t.event())
		}
	}
	return messages
}

// attach makes media of a message whose attachment is among transfers of its
// client, in order of time.
func (e *Event) attach(list []transfer) {
	if e.Kind != Message {
		return
	}
	if t := matching(list, e); t != nil {
		t.used = true
		e.carry(t)
	}
}

// longestUpload bounds how long before a message its upload may have begun:
// 100 MB, which was the most for a document until 2022, at 1 Mbit/s.
const longestUpload = 15 * time.Minute

// matching finds the transfer that belongs to a message: the last upload that
// ended before it was sent, the first download that began after it came. list
// is in order of time.
func matching(list []transfer, e *Event) *transfer {
	begun := func(at capture.Time) int { // the first that began then or later
		i, _ := slices.BinarySearchFunc(list, at, func(t transfer, at capture.Time) int { return cmp.Compare(t.first, at) })
		return i
	}
	fits := func(t *transfer) bool { return !t.used && t.client == e.Client && t.up == (e.Direction == Sent) }
	if e.Direction == Sent {
		for i := begun(e.Time.Add(time.Second)+1) - 1; i >= 0 && e.Time.Sub(list[i].first) <= longestUpload; i-- {
			if t := &list[i]; fits(t) && t.last <= e.Time.Add(time.Second) && e.Time.Sub(t.last) <= uploadBefore {
				return t
			}
		}
		return nil
	}
	for i := begun(e.Time.Add(-time.Second / 4)); i < len(list) && list[i].first.Sub(e.Time) <= fetchAfter; i++ {
		if t := &list[i]; fits(t) {
			return t
		}
	}
	return nil
}

// carry notes the attachment of a message.
func (e *Event) carry(t *transfer) {
	e.Kind, e.Frame, e.Bytes = Media, e.Bytes, t.bytes
	e.Evidence = append(e.Evidence, Evidence{t.at, t.note()})
	if e.End < t.last {
		e.End = t.last
	}
}

func (t *transfer) note() string {
	way := "download"
	if t.up {
		way = "upload"
	}
	if t.conn.Flow.Host == "" {
		return fmt.Sprintf("%s of %d bytes", way, t.bytes)
	}
	return fmt.Sprintf("%s of %d bytes, %s", way, t.bytes, t.conn.Flow.Host)
}

// aloneFactor is how much less sure a transfer without its message is: a
// sticker, a preview or an update comes from the same servers.
const aloneFactor = 0.8

func (t *transfer) event() Event {
	d := Received
	if t.up {
		d = Sent
	}
	return Event{Kind: Media, Time: t.first, End: t.last, Service: t.conn.Service, Client: t.client, Server: t.conn.Flow.Server, Flow: t.conn.Flow.ID,
		Direction: d, Bytes: t.bytes, Confidence: aloneFactor * t.conn.Weight, Grain: capture.GrainFrame, Evidence: []Evidence{{t.at, t.note()}}}
}
