package infer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"envelope/capture"
)

// Bounds of what a row of a flow export must look like to be a call's media. No
// row proves a call: games and tunnels can look the same.
const (
	rowCallLeast  = 10 * time.Second // shorter ones are checks of the path
	rowRateLeast  = 10_000           // bit/s with headers: Opus from 6 kbit/s on (RFC 6716 section 2.1.1)
	rowRateMost   = 2_000_000        // of video in common clients of WebRTC
	rowSkew       = 4                // one direction has at most so many times the bytes of the other
	rowPacketRate = 5                // packets a second: of 60 ms at most come 16, less where silence is left out
	rowBytesMost  = 1350             // of an average packet with headers: WebRTC keeps below 1200 of payload
)

// How sure calls and logins by rows are; estimates, so that a call is never more
// than possible.
const (
	sureRowServed = 0.65
	sureRowDirect = 0.5
	sureRowSyn    = 0.9 // the row has the connection's SYN
	sureRowStart  = 0.6 // it may be the rest of a row before the log began
)

// rowPause is the pause that ends a connection in a log of rows: keepalives come
// every 15 min or so, and no exporter's active timeout is longer than 30 min by default.
const rowPause = time.Hour

// rowLoginLeast is the least duration of a chat connection that is a login: shorter ones
// fetch something.
const rowLoginLeast = time.Minute

// IP protocol numbers (IANA).
const (
	rowTCP = 6
	rowUDP = 17
)

// MediaRow tells whether the totals of a UDP flow are like those of a call's
// media: both ways alike, steady, and of the volume of voice or video.
func MediaRow(f *capture.Flow) bool {
	length := f.Last.Sub(f.First)
	if !f.Row || f.Proto != rowUDP || length < rowCallLeast {
		return false
	}
	up, down, packets := f.Bytes[capture.Up], f.Bytes[capture.Down], f.Carries()
	times := uint64(max(f.Sampled, 1))
	rate, beat := float64((up+down)*8*times)/length.Seconds(), float64(packets*times)/length.Seconds()
	return min(up, down) > 0 && max(up, down) <= rowSkew*min(up, down) && rate >= rowRateLeast && rate <= rowRateMost &&
		beat >= rowPacketRate && up+down <= rowBytesMost*packets
}

// RowCalls finds possible calls among flows of which only the totals are known:
// to a media server of a messenger, or between two clients of one. uses tells
// the messengers that a client uses.
func RowCalls(rows []Conn, uses map[netip.Addr][]string) []Event {
	var out []Event
	for _, c := range joinRows(rows, callPause) {
		f := c.Flow
		if !MediaRow(f) {
			continue
		}
		e := Event{Kind: CallKind, Time: f.First, End: f.Last, Service: c.Service, Client: f.Client.Addr(), Server: f.Server, Port: f.Client.Port(), Flow: f.ID,
			Bytes: f.Bytes[capture.Up] + f.Bytes[capture.Down], Confidence: min(sureRowServed*c.Weight, sureRowServed), Grain: capture.GrainFlow,
			Call:     &Call{Media: "unknown", Path: "unknown", Outcome: "unknown", Role: "unknown"},
			Evidence: []Evidence{{f.FirstAt, fmt.Sprintf("a row of a flow like a call's media: %d and %d bytes in %v", f.Bytes[capture.Up], f.Bytes[capture.Down], f.Last.Sub(f.First).Round(time.Second))}}}
		if c.Role != "call" || c.Service == "" {
			if e.Service = common(uses[f.Client.Addr()], uses[f.Server.Addr()]); e.Service == "" {
				continue
			}
			e.Peer, e.Call.Path, e.Confidence = f.Server.Addr(), "direct", sureRowDirect
			e.Call.PeerAddresses = []netip.Addr{e.Peer}
		}
		out = mergeServed(out, e)
	}
	return out
}

// common is the messenger that two clients use: the only one, else unknown;
// "" where they share none.
func common(a, b []string) (service string) {
	for _, s := range a {
		switch {
		case !slices.Contains(b, s):
		case service != "":
			return unknownService
		default:
			service = s
		}
	}
	return service
}

// RowLogins finds when clients came to a messenger's chat server, among
// connections of which only the totals are known. A connection that is told of in
// several rows is one.
func RowLogins(rows []Conn) []Event {
	type user struct {
		client  netip.Addr
		service string
	}
	var out []Event
	last := map[user]capture.Time{}
	for _, c := range joinRows(rows, rowPause) {
		f := c.Flow
		if f.Proto != rowTCP || c.Role != "message" || c.Service == "" || f.Last.Sub(f.First) < rowLoginLeast {
			continue
		}
		who := user{f.Client.Addr(), c.Service}
		if t, again := last[who]; again && f.First.Sub(t) < loginApart {
			continue
		}
		last[who] = f.First
		sure, note := sureRowStart, "the row of a connection to a chat server begins"
		if f.ClientHow == "flags" {
			sure, note = sureRowSyn, "a connection to a chat server is opened"
		}
		out = append(out, Event{Kind: Login, Time: f.First, Service: c.Service, Client: f.Client.Addr(), Server: f.Server, Port: f.Client.Port(), Flow: f.ID,
			Confidence: sure * c.Weight, Grain: capture.GrainFlow, Evidence: []Evidence{{f.FirstAt, note}}})
	}
	return out
}

// joinRows makes one of the rows of each pair of sockets that follow each other
// without a pause, in the order of their times. The flows of the rows stay as they are.
func joinRows(rows []Conn, pause time.Duration) []Conn {
	type ends struct {
		proto          uint8
		client, server netip.AddrPort
	}
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, func(a, b Conn) int { return cmp.Compare(a.Flow.First, b.Flow.First) })
	open := map[ends]int{}
	var out []Conn
	for _, c := range sorted {
		f := c.Flow
		k, turned := ends{f.Proto, f.Client, f.Server}, false
		i, ok := open[k]
		if !ok {
			i, turned = open[ends{f.Proto, f.Server, f.Client}]
		}
		if (ok || turned) && f.First.Sub(out[i].Flow.Last) <= pause {
			addRow(out[i].Flow, f, turned)
			continue
		}
		sum := *f
		c.Flow = &sum
		open[k] = len(out)
		out = append(out, c)
	}
	return out
}

// addRow adds the totals of a row; turned, its directions are the other ones.
func addRow(sum, f *capture.Flow, turned bool) {
	sum.Last, sum.LastAt = max(sum.Last, f.Last), f.LastAt
	for dir := range f.Bytes {
		to := dir
		if turned {
			to = 1 - dir
		}
		sum.Bytes[to] += f.Bytes[dir]
		sum.Packets[to] += f.Packets[dir]
	}
}
