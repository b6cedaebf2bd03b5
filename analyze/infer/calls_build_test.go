package infer

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"envelope/capture"
)

// leg builds a UDP flow of a call by hand. Times are seconds from an arbitrary
// start; every call of a method adds one thing that was seen.
type leg struct{ Conn }

func newLeg(client, server, service string) *leg {
	l := &leg{Conn{Flow: &capture.Flow{}, Service: service}}
	l.Flow.Proto, l.Flow.Client, l.Flow.Server = 17, netip.MustParseAddrPort(client), netip.MustParseAddrPort(server)
	if service != "" {
		l.Weight, l.Role = 1, "call"
	}
	return l
}

// secondOf gives the time of a second of a test.
func secondOf(at float64) capture.Time { return capture.Time(time.Hour) + capture.Time(seconds(at)) }

func (l *leg) seen(from, to float64, up bool, packets uint64) {
	f := l.Flow
	if f.First == 0 || secondOf(from) < f.First {
		f.First = secondOf(from)
	}
	f.Last = max(f.Last, secondOf(to))
	dir := capture.Down
	if up {
		dir = capture.Up
	}
	f.Packets[dir] += packets
}

func (l *leg) signal(at float64, way string, s capture.Signal) *leg {
	s.Time, s.Up, s.Origin.At = secondOf(at), way == "up", int64(at*1000)
	if s.Lifetime == 0 && s.Type != refreshRequest {
		s.Lifetime = -1
	}
	if s.Length == 0 {
		s.Length = 100
	}
	l.Flow.Signals = append(l.Flow.Signals, s)
	l.seen(at, at, s.Up, 1)
	return l
}

// allocate asks a relay for an address and is lent one.
func (l *leg) allocate(at float64, lent string) *leg {
	l.signal(at, "up", capture.Signal{Type: allocateRequest})
	return l.signal(at+0.02, "down", capture.Signal{Type: 0x0103, Relayed: netip.MustParseAddrPort(lent)})
}

// whatsApp asks one of WhatsApp's relays.
func (l *leg) whatsApp(at float64) *leg {
	l.signal(at, "up", capture.Signal{Type: allocateRequest, Attrs: capture.AttrWhatsApp, Relayed: l.Flow.Server})
	return l.signal(at+0.05, "down", capture.Signal{Type: 0x0103, Attrs: capture.AttrWhatsApp})
}

// hangUp is WhatsApp's end of a call.
func (l *leg) hangUp(at float64) *leg {
	return l.signal(at, "up", capture.Signal{Type: whatsAppEnd, Attrs: capture.AttrWhatsApp})
}

// release lets an allocation go.
func (l *leg) release(at float64) *leg {
	return l.signal(at, "up", capture.Signal{Type: refreshRequest})
}

// check is a connectivity check with ICE user names, answered where answer is set.
func (l *leg) check(at float64, way, names string, control capture.AttrSet, answer bool) *leg {
	l.signal(at, way, capture.Signal{Type: bindingRequest, Ufrags: names, Attrs: capture.AttrUsername | capture.AttrIntegrity | control})
	if answer {
		l.signal(at+0.01, map[string]string{"up": "down", "down": "up"}[way], capture.Signal{Type: bindingSuccess, Attrs: capture.AttrIntegrity})
	}
	return l
}

// bare is a check of WhatsApp's: MESSAGE-INTEGRITY and no user names.
func (l *leg) bare(at float64, answer bool) *leg { return l.check(at, "up", "", 0, answer) }

// inRelay makes the last signals of the leg go through its relay to a far end.
func (l *leg) inRelay(n int, through string) *leg {
	for i := len(l.Flow.Signals) - n; i < len(l.Flow.Signals); i++ {
		l.Flow.Signals[i].Relay, l.Flow.Signals[i].Through = true, netip.MustParseAddrPort(through)
	}
	return l
}

// media is bursts in both directions, 50 packets a second.
func (l *leg) media(from, to float64, kind capture.BurstKind, pt uint8, size uint64) *leg {
	return l.burst(from, to, "up", kind, pt, size, 0).burst(from+0.1, to, "down", kind, pt, size, 0)
}

func (l *leg) burst(from, to float64, way string, kind capture.BurstKind, pt uint8, size uint64, ssrc uint32) *leg {
	n := uint32((to - from) * 50)
	l.Flow.Bursts = append(l.Flow.Bursts, capture.Burst{Kind: kind, Up: way == "up", PayloadType: pt, SSRC: ssrc, First: secondOf(from), Last: secondOf(to),
		FirstAt: capture.Origin{At: int64(from * 1000)}, LastAt: capture.Origin{At: int64(to * 1000)}, Packets: n, Bytes: uint64(n) * size})
	l.seen(from, to, way == "up", uint64(n))
	return l
}

// through makes the last bursts go through the leg's relay.
func (l *leg) through(n int) *leg {
	for i := len(l.Flow.Bursts) - n; i < len(l.Flow.Bursts); i++ {
		l.Flow.Bursts[i].Relay = true
	}
	return l
}

// tagged gives the last bursts Telegram's peer tag.
func (l *leg) tagged(n int, tag string) *leg {
	for i := len(l.Flow.Bursts) - n; i < len(l.Flow.Bursts); i++ {
		l.Flow.Bursts[i].Tag = tag
	}
	return l
}

func (l *leg) own() *leg { l.Own = true; return l }

// oneWay drops what went in one direction, as a tap on one fibre does.
func (l *leg) oneWay(way string) *leg {
	up := way == "up"
	var s []capture.Signal
	for _, x := range l.Flow.Signals {
		if x.Up == up {
			s = append(s, x)
		}
	}
	var b []capture.Burst
	for _, x := range l.Flow.Bursts {
		if x.Up == up {
			b = append(b, x)
		}
	}
	l.Flow.Signals, l.Flow.Bursts = s, b
	if up {
		l.Flow.Packets[capture.Down] = 0
	} else {
		l.Flow.Packets[capture.Up] = 0
	}
	return l
}

// legs numbers flows in the order given.
func legs(list ...*leg) []Conn {
	var out []Conn
	for i, l := range list {
		l.Flow.ID = uint64(i + 1)
		out = append(out, l.Conn)
	}
	return out
}

// chat builds a message flow: frames as "seconds^size" up, "seconds_size" down.
func chat(client, service, sign string, frames ...string) Conn {
	c := Conn{Flow: &capture.Flow{}, Service: service, Role: "message", Weight: 1}
	c.Flow.Proto, c.Flow.Client, c.Flow.Server = 6, netip.MustParseAddrPort(client), netip.MustParseAddrPort("192.0.2.53:5222")
	c.Flow.ID = 1000
	if sign != "" {
		c.Flow.Signs = []string{sign}
	}
	for i, s := range frames {
		var at float64
		var size uint32
		up := strings.Contains(s, "^")
		if _, err := fmt.Sscanf(strings.NewReplacer("^", " ", "_", " ").Replace(s), "%g %d", &at, &size); err != nil {
			panic(s)
		}
		c.Flow.Frames = append(c.Flow.Frames, capture.Frame{Time: secondOf(at), Origin: capture.Origin{At: int64(i + 1)}, Length: size, Up: up})
		c.Flow.First, c.Flow.Last = c.Flow.Frames[0].Time, secondOf(at)
	}
	return c
}

// said puts a call into words: when, whose, to whom, how.
func said(e *Event) string {
	at := func(t capture.Time) string { return fmt.Sprintf("%.1f", t.Sub(secondOf(0)).Seconds()) }
	c := e.Call
	peer := "?"
	if e.Peer.IsValid() {
		peer = e.Peer.String()
	}
	return fmt.Sprintf("%s-%s %s %s %s %s %s %s %s %v", at(e.Time), at(e.End), e.Service, e.Client, c.Role, peer, c.Media, c.Path, c.Outcome, c.PeerAddresses)
}
