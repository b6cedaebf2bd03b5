package analyze

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"envelope/analyze/service"
	"envelope/capture"
)

// Hand-made flows. Seconds are counted from an arbitrary start.

func at(s float64) capture.Time {
	return capture.TimeOf(time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)) + capture.Time(s*1e9)
}

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// made is a flow under construction.
type made struct{ capture.Flow }

func tcp(client, server string) *made { return newMade(protoTCP, client, server) }
func udp(client, server string) *made { return newMade(protoUDP, client, server) }

func newMade(proto uint8, client, server string) *made {
	return &made{capture.Flow{Proto: proto, Client: ap(client), Server: ap(server), ClientHow: "syn", Final: true}}
}

func (m *made) host(name string) *made { m.Host, m.HostHow = name, "sni"; return m }
func (m *made) sign(s string) *made    { m.Signs = append(m.Signs, s); return m }
func (m *made) mac(b byte) *made       { m.ClientMAC = capture.MAC{2, 0, 0, 0, 0, b}; return m }

func (m *made) seen(t capture.Time, up bool, bytes uint64) {
	if m.First == 0 || t < m.First {
		m.First = t
	}
	m.Last = max(m.Last, t)
	dir := capture.Down
	if up {
		dir = capture.Up
	}
	m.Packets[dir]++
	m.Bytes[dir] += bytes + 40
	m.Payload[dir] += bytes
	m.FirstAt.At = max(m.FirstAt.At, 1)
}

// frame adds a frame; negative lengths go down.
func (m *made) frame(s float64, length int) *made {
	up := length > 0
	m.Frames = append(m.Frames, capture.Frame{Time: at(s), Origin: capture.Origin{At: int64(s*1000) + 1}, Length: uint32(max(length, -length)), Up: up})
	m.seen(at(s), up, uint64(max(length, -length)))
	return m
}

func (m *made) signal(s float64, up bool, x capture.Signal) *made {
	x.Time, x.Up, x.Origin.At, x.Length = at(s), up, int64(s*1000)+1, 100
	if x.Lifetime == 0 {
		x.Lifetime = -1
	}
	m.Signals = append(m.Signals, x)
	m.seen(at(s), up, 100)
	m.sign("stun")
	m.Signs = slices.Compact(m.Signs)
	return m
}

// talk adds media both ways.
func (m *made) talk(from, to float64) *made {
	for _, up := range []bool{true, false} {
		n := uint32((to - from) * 50)
		m.Bursts = append(m.Bursts, capture.Burst{Kind: capture.BurstRTP, Up: up, PayloadType: 120, SSRC: 7, First: at(from), Last: at(to), Packets: n, Bytes: uint64(n) * 100})
		m.seen(at(to), up, uint64(n)*100)
	}
	return m
}

// whatsAppLeg is a call through one of WhatsApp's relays.
func whatsAppLeg(client string, from, to float64) *made {
	m := udp(client, "157.240.1.62:3478").
		signal(from, true, capture.Signal{Type: 3, Attrs: capture.AttrWhatsApp}).
		signal(from+0.1, false, capture.Signal{Type: 0x0103, Attrs: capture.AttrWhatsApp, Mapped: ap("198.51.100.9:4000")}).
		talk(from+3, to).signal(to+0.2, true, capture.Signal{Type: 0x0800, Attrs: capture.AttrWhatsApp})
	return m.sign("whatsapp-stun")
}

// whatsAppChat is a chat connection with n messages sent and as many received,
// one of each every twenty seconds.
func whatsAppChat(client string, from float64, n int) *made {
	m := tcp(client, "157.240.1.60:5222").host("g.whatsapp.net").sign("whatsapp-noise")
	m.frame(from, 11)
	m.Frames[0].Kind = capture.FrameHandshake
	for i := range n {
		t := from + 10 + 20*float64(i)
		m.frame(t, 188).frame(t+0.2, -72).frame(t+0.6, -74).frame(t+0.7, 68)
		m.frame(t+5, -272).frame(t+5.2, 62).frame(t+5.4, -64)
	}
	return m
}

// number gives flows that have none an identity.
func number(list []*made) {
	for i, m := range list {
		if m.ID == 0 {
			m.ID = uint64(i + 1)
		}
	}
}

func newTest(t testing.TB, o Options) *Analyzer {
	t.Helper()
	set, err := service.Load()
	if err != nil {
		t.Fatal(err)
	}
	o.Services = set
	return New(o)
}

// feed gives the flows to an analyzer in pieces of so many frames, in order of
// time, as a packet reader does; 0 for whole flows.
func feed(a *Analyzer, piece int, list ...*made) {
	number(list)
	if piece == 0 {
		for _, m := range list {
			f := m.Flow
			a.Add(&capture.Record{Flow: &f})
		}
		return
	}
	type part struct {
		at capture.Time
		f  capture.Flow
	}
	var parts []part
	for _, m := range list {
		rest := m.Flow
		for done := false; !done; {
			f := rest
			n := min(piece, len(rest.Frames))
			f.Frames, rest.Frames = rest.Frames[:n], rest.Frames[n:]
			n = min(piece, len(rest.Signals))
			f.Signals, rest.Signals = rest.Signals[:n], rest.Signals[n:]
			n = min(piece, len(rest.Bursts))
			f.Bursts, rest.Bursts = rest.Bursts[:n], rest.Bursts[n:]
			done = len(rest.Frames)+len(rest.Signals)+len(rest.Bursts) == 0
			f.Final = done
			if !done {
				f.Last = latest(&f)
			}
			parts = append(parts, part{latest(&f), f})
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return int(a.at - b.at) })
	for i := range parts {
		a.Add(&capture.Record{Flow: &parts[i].f})
	}
}

// latest is the time of the last thing that a piece holds.
func latest(f *capture.Flow) capture.Time {
	t := f.First
	for _, x := range f.Frames {
		t = max(t, x.Time)
	}
	for _, x := range f.Signals {
		t = max(t, x.Time)
	}
	for _, x := range f.Bursts {
		t = max(t, x.Last)
	}
	return t
}

// told puts the events of a report into words.
func told(rep *Report) []string {
	var out []string
	for _, e := range rep.Events {
		peer := "-"
		if e.Peer != nil {
			peer = *e.Peer
		}
		end := ""
		if e.End != nil && e.Call != nil {
			end = fmt.Sprintf("-%.1f", capture.TimeOf(*e.End).Sub(at(0)).Seconds())
		}
		out = append(out, fmt.Sprintf("%.1f%s %s %s %s %s %s %d %.4f", capture.TimeOf(e.Time).Sub(at(0)).Seconds(), end, e.Service, e.Kind, e.Direction, e.Party, peer, e.Bytes, e.Confidence))
	}
	return out
}
