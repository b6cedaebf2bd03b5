package infer

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"envelope/capture"
)

// Calls finds the calls in the UDP flows of call set-up and media: one event a
// call, also where the flows of both ends are at hand; in a call of more than
// two, one event for each two that are connected. chats are the flows of
// messages, by messenger; they show who offered a call.
//
// A call is a set of sockets that belong together: flows of one socket, ICE
// checks with the same pair of user names, addresses that a relay lent to a
// socket, Telegram's peer tags, media sources that one sends and another gets,
// and sockets that one client opened at the same moment.
func Calls(legs []Conn, chats map[string][]Conn) []Event {
	if len(legs) == 0 {
		return nil
	}
	g := newCallGraph(legs)
	x := newChatIndex(chats)
	var out []Event
	for _, set := range g.sets() {
		for _, part := range splitByPause(set) {
			for _, one := range g.connections(part) {
				if e, ok := g.conclude(one, x); ok {
					out = mergeMeeting(out, e)
					g.claim(one)
				}
			}
		}
	}
	out = mirrored(out)
	return append(out, served(g.unclaimed(), out)...)
}

// CallsOver tells for each of the legs whether all that can belong to its call
// is at hand at the time now: every flow of its set has ended, and was silent for
// longer than a call can be.
func CallsOver(legs []Conn, now capture.Time) []bool {
	g := newCallGraph(legs)
	over := make([]bool, len(legs))
	for i := range legs {
		over[g.root(i)] = true
	}
	for i := range legs {
		if f := legs[i].Flow; !f.Final || now.Sub(f.Last) <= callPause {
			over[g.root(i)] = false
		}
	}
	for i := range legs {
		over[i] = over[g.root(i)]
	}
	return over
}

// Time constants of calls.
const (
	// sameSetup is how close together one client opens the sockets of a call:
	// the agents of WebRTC gather on all interfaces at once, relays answer
	// within a round trip or are asked again after 0.5 s (RFC 8489 section 6.2.1).
	sameSetup = 2 * time.Second
	// callPause ends a call: consent to receive is asked for every 5 s and is
	// lost after 30 s (RFC 7675 section 5.1).
	callPause = 30 * time.Second
)

// callGraph joins legs by their sockets.
type callGraph struct {
	legs   []Conn
	relays map[netip.AddrPort]bool // servers: STUN, TURN, WhatsApp's and Telegram's relays, media servers
	hosts  map[netip.Addr]bool     // their addresses: what they lend is not the peer's
	lent   map[netip.AddrPort]bool // addresses of relays lent to sockets
	inside map[netip.Addr]bool     // clients that talk to a relay or server: parties of this capture
	index  map[uint64]int          // of legs, by flow
	parent []int                   // union-find over legs
	core   []int                   // parent before sockets were joined by their moment
	done   map[uint64]bool         // flows that an event speaks for
	sizes  callSizes
}

func newCallGraph(legs []Conn) *callGraph {
	g := &callGraph{legs: legs, relays: map[netip.AddrPort]bool{}, hosts: map[netip.Addr]bool{}, lent: map[netip.AddrPort]bool{},
		inside: map[netip.Addr]bool{}, done: map[uint64]bool{}, index: map[uint64]int{}, sizes: sizesOfCalls()}
	for i := range legs {
		g.parent = append(g.parent, i)
		g.index[legs[i].Flow.ID] = i
		g.noteServer(&legs[i])
	}
	for i := range legs {
		g.noteLent(legs[i].Flow)
	}
	g.join()
	g.core = append(g.core, g.parent...)
	g.joinSetups()
	return g
}

// noteServer tells relays and media servers from peers, and gathers what is
// lent. At an address of the messenger's own that sends checks, the other end
// is behind a relay that this client does not use.
func (g *callGraph) noteServer(c *Conn) {
	f := c.Flow
	relay, asks := false, false
	for i := range f.Signals {
		s := &f.Signals[i]
		if s.Relayed.IsValid() && isSuccess(s.Type) {
			g.lent[s.Relayed] = true
		}
		relay = relay || isRelaySignal(s)
		asks = asks || s.Type == bindingRequest && !s.Up && !s.Relay
	}
	relay = relay || c.Own && !asks || isLite(f)
	if relay || c.Own {
		g.hosts[f.Server.Addr()], g.inside[f.Client.Addr()] = true, true
	}
	if relay {
		g.relays[f.Server] = true
	}
}

// noteLent takes who talks to a lent address for a client at home, too: outside
// of this capture its packets would go by unseen.
func (g *callGraph) noteLent(f *capture.Flow) {
	switch {
	case g.lent[f.Server]:
		g.inside[f.Client.Addr()] = true
	case g.lent[f.Client]:
		g.inside[f.Server.Addr()] = true
	}
}

// isSuccess tells the class of a STUN message (RFC 8489 section 5).
func isSuccess(t uint16) bool { return t&0x0110 == 0x0100 }

// isRelaySignal tells the messages that only a server gets: TURN's methods,
// a plain binding request without ICE's attributes to STUN's own ports,
// WhatsApp's types, Telegram's probes.
func isRelaySignal(s *capture.Signal) bool {
	if s.Relay {
		return false
	}
	if s.Tag != "" {
		return true
	}
	switch method := s.Type & 0x3eef; {
	case method >= 0x800 && method < 0x810, method == 0x003, method == 0x004, method == 0x008, method == 0x009:
		return true
	case s.Type == bindingRequest && s.Up:
		return !isCheck(s) && s.Length <= maxPlainRequest
	}
	return false
}

// maxPlainRequest is the size of a binding request without ICE's attributes in
// bytes: 20 of header, SOFTWARE at most. A check has 80 and more; its
// attributes may be cut off.
const maxPlainRequest = 56

// liteAnswers is how many checks a server answers before it counts for one that
// never asks itself: a full agent checks back at once (RFC 8445 section 7.3.1.4).
const liteAnswers = 3

// isLite tells an ICE-lite end (RFC 8445 section 2.5): it answers checks and
// sends none, as servers that mix or forward the media of meetings do.
func isLite(f *capture.Flow) bool {
	asked, answered := false, 0
	for i := range f.Signals {
		s := &f.Signals[i]
		switch {
		case s.Relay || s.Tag != "":
			return false
		case s.Type == bindingRequest && !s.Up:
			return false
		case s.Type == bindingRequest && s.Ufrags != "":
			asked = true
		case s.Type == bindingSuccess && !s.Up && asked:
			answered++
		}
	}
	return answered >= liteAnswers
}

// relay tells that a leg goes to a relay or server.
func (g *callGraph) relay(f *capture.Flow) bool { return g.relays[f.Server] }

// roundabout tells that what goes over a leg passes a relay: the client's own or
// one of the other end.
func (g *callGraph) roundabout(f *capture.Flow) bool {
	return g.relays[f.Server] || g.lent[f.Server] || g.lent[f.Client] || g.hosts[f.Server.Addr()]
}

func (g *callGraph) root(i int) int { return root(g.parent, i) }

func root(parent []int, i int) int {
	for parent[i] != i {
		parent[i] = parent[parent[i]]
		i = parent[i]
	}
	return i
}

func (g *callGraph) unite(i, j int) {
	i, j = g.root(i), g.root(j)
	g.parent[max(i, j)] = min(i, j)
}

// join unites the legs that share something only one call has.
func (g *callGraph) join() {
	latest := map[string]int{} // of the legs that share a key, the one that ended last
	share := func(i int, k string) {
		j, ok := latest[k]
		if ok && g.near(i, j) {
			g.unite(i, j)
		}
		if !ok || g.legs[i].Flow.Last > g.legs[j].Flow.Last {
			latest[k] = i
		}
	}
	for i := range g.legs {
		f := g.legs[i].Flow
		share(i, "s"+f.Client.String())
		if !g.relay(f) {
			share(i, "s"+f.Server.String())
		}
		for j := range f.Signals {
			for _, k := range signalKeys(&f.Signals[j]) {
				share(i, k)
			}
		}
		for j := range f.Bursts {
			if f.Bursts[j].Tag != "" {
				share(i, "t"+f.Bursts[j].Tag)
			}
		}
	}
	g.joinSources()
}

// near tells that two legs overlap in time or follow within the pause that
// ends a call: ports are used again.
func (g *callGraph) near(i, j int) bool {
	a, b := g.legs[i].Flow, g.legs[j].Flow
	return a.First.Sub(b.Last) < callPause && b.First.Sub(a.Last) < callPause
}

// signalKeys gives what one signal shares with others of its call.
func signalKeys(s *capture.Signal) []string {
	var keys []string
	if a, b, ok := strings.Cut(s.Ufrags, ":"); ok {
		keys = append(keys, "u"+min(a, b)+":"+max(a, b))
	}
	if s.Tag != "" {
		keys = append(keys, "t"+s.Tag)
	}
	if s.Relayed.IsValid() && isSuccess(s.Type) { // WhatsApp's requests name the relay itself in this attribute
		keys = append(keys, "s"+s.Relayed.String())
	}
	if s.Through.IsValid() {
		keys = append(keys, "s"+s.Through.String())
	}
	if s.Peer.IsValid() {
		keys = append(keys, "s"+s.Peer.String())
	}
	return keys
}

// smallestSource is the least SSRC that is taken for a random one (RFC 3550
// section 8): Signal numbers its sources from 1001 and 2001.
const smallestSource = 1 << 16

// sourceKey names the source of a burst of media; "" where it has none that
// tells it from others.
func sourceKey(b *capture.Burst) string {
	if b.Kind != capture.BurstRTP || b.SSRC < smallestSource || b.Packets < minMedia {
		return ""
	}
	return fmt.Sprintf("r%08x", b.SSRC)
}

// joinSources unites two legs where one client sends what just one other gets:
// relays hand media on as it is. What several get is a meeting.
func (g *callGraph) joinSources() {
	sender, getter := map[string]int{}, map[string]int{}
	for i := range g.legs {
		f := g.legs[i].Flow
		for j := range f.Bursts {
			k := sourceKey(&f.Bursts[j])
			if k == "" {
				continue
			}
			of := getter
			if f.Bursts[j].Up {
				of = sender
			}
			if was, ok := of[k]; ok && (was < 0 || g.legs[was].Flow.Client.Addr() != f.Client.Addr()) {
				of[k] = -1
			} else if !ok {
				of[k] = i
			}
		}
	}
	for i := range g.legs {
		f := g.legs[i].Flow
		for j := range f.Bursts {
			k := sourceKey(&f.Bursts[j])
			s, sent := sender[k]
			r, got := getter[k]
			if k != "" && sent && got && s >= 0 && r >= 0 && g.legs[s].Flow.Client.Addr() != g.legs[r].Flow.Client.Addr() && g.near(s, r) {
				g.unite(s, r)
			}
		}
	}
}

// joinSetups unites legs of one client that began at the same moment.
func (g *callGraph) joinSetups() {
	type setup struct {
		client  netip.Addr
		service string
	}
	last := map[setup]int{}
	for i := range g.legs {
		f := g.legs[i].Flow
		if !g.relay(f) {
			continue
		}
		k := setup{f.Client.Addr(), g.legs[i].Service}
		if j, ok := last[k]; ok && f.First.Sub(g.legs[j].Flow.First).Abs() < sameSetup {
			g.unite(i, j)
		}
		last[k] = i
	}
}

// sets gives the legs of each call, in the order of their first packets.
func (g *callGraph) sets() [][]*Conn {
	at := map[int]int{}
	var out [][]*Conn
	for i := range g.legs {
		r := g.root(i)
		k, ok := at[r]
		if !ok {
			k = len(out)
			at[r], out = k, append(out, nil)
		}
		out[k] = append(out[k], &g.legs[i])
	}
	return out
}
