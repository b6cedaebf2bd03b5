package infer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"envelope/capture"
)

// Calls finds the calls in the UDP flows of call set-up and media: one event a
// call, also where the flows of both ends are at hand. chats are the flows of
// messages, by messenger; they show who offered the call.
//
// A call is a set of sockets that belong together: flows of one socket, ICE
// checks with the same pair of user names, addresses that a relay lent to a
// socket, Telegram's peer tags, and sockets that one client opened at the same
// moment.
func Calls(legs []Conn, chats map[string][]Conn) []Event {
	g := newCallGraph(legs)
	var out []Event
	for _, set := range g.sets() {
		for _, part := range splitByPause(set) {
			if e, ok := g.conclude(part, chats); ok {
				out = append(out, e)
				g.claim(part)
			}
		}
	}
	return append(out, served(g.unclaimed(), out)...)
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
	// talk is the least media in both directions that makes a call answered.
	talk = 500 * time.Millisecond
)

// callGraph joins legs by their sockets.
type callGraph struct {
	legs   []Conn
	relays map[netip.AddrPort]bool // servers that answered an allocation, or are WhatsApp's or Telegram's
	lent   map[netip.AddrPort]bool // addresses of relays lent to sockets
	inside map[netip.Addr]bool     // clients that talk to a relay or STUN server: parties of this capture
	parent []int
	done   map[uint64]bool // flows that an event speaks for
	sizes  callSizes
	// relayAddr holds the addresses of relays: what is lent by them is not the peer's.
	relayAddr map[netip.Addr]bool
}

func newCallGraph(legs []Conn) *callGraph {
	g := &callGraph{legs: legs, relays: map[netip.AddrPort]bool{}, lent: map[netip.AddrPort]bool{}, inside: map[netip.Addr]bool{}, done: map[uint64]bool{},
		sizes: sizesOfCalls(), relayAddr: map[netip.Addr]bool{}}
	for i := range legs {
		g.parent = append(g.parent, i)
		g.noteRelay(&legs[i].Flow)
	}
	g.join()
	return g
}

// noteRelay tells relays and STUN servers from peers.
func (g *callGraph) noteRelay(f *capture.Flow) {
	for i := range f.Signals {
		s := &f.Signals[i]
		if s.Relayed.IsValid() {
			g.lent[s.Relayed] = true
		}
		if isRelaySignal(s) {
			g.relays[f.Server], g.relayAddr[f.Server.Addr()] = true, true
			g.inside[f.Client.Addr()] = true
		}
	}
}

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
		return s.Attrs&(capture.AttrUsername|capture.AttrIntegrity) == 0 && s.Length <= maxPlainRequest
	}
	return false
}

// maxPlainRequest is the size of a binding request without ICE's attributes in
// bytes: 20 of header, SOFTWARE at most. A check has 80 and more; its
// attributes may be cut off.
const maxPlainRequest = 56

// relay tells that a leg goes to a relay or STUN server.
func (g *callGraph) relay(f *capture.Flow) bool { return g.relays[f.Server] }

func (g *callGraph) root(i int) int {
	for g.parent[i] != i {
		g.parent[i] = g.parent[g.parent[i]]
		i = g.parent[i]
	}
	return i
}

func (g *callGraph) unite(i, j int) {
	i, j = g.root(i), g.root(j)
	g.parent[max(i, j)] = min(i, j)
}

// join unites the legs that share something only one call has.
func (g *callGraph) join() {
	first := map[string]int{}
	share := func(i int, k string) {
		if j, ok := first[k]; ok && g.near(i, j) {
			g.unite(i, j)
		} else {
			first[k] = i
		}
	}
	for i := range g.legs {
		f := &g.legs[i].Flow
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
	g.joinSetups()
}

// near tells that two legs overlap in time or follow within the pause that
// ends a call: ports are used again.
func (g *callGraph) near(i, j int) bool {
	a, b := &g.legs[i].Flow, &g.legs[j].Flow
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
	if s.Relayed.IsValid() && s.Type&0x0110 == 0x0100 { // WhatsApp's requests name the relay itself in this attribute
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

// joinSetups unites legs of one client that began at the same moment.
func (g *callGraph) joinSetups() {
	type setup struct {
		client  netip.Addr
		service string
	}
	last := map[setup]int{}
	for i := range g.legs {
		f := &g.legs[i].Flow
		if !g.relay(f) {
			continue
		}
		k := setup{f.Client.Addr(), g.legs[i].Service}
		if j, ok := last[k]; ok && f.First.Sub(g.legs[j].Flow.First) < sameSetup {
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

// splitByPause parts the legs of one set where nothing happened for longer than
// a call can be silent.
func splitByPause(set []*Conn) [][]*Conn {
	slices.SortStableFunc(set, func(a, b *Conn) int { return cmp.Compare(a.Flow.First, b.Flow.First) })
	var out [][]*Conn
	var until capture.Time
	for _, c := range set {
		if len(out) == 0 || c.Flow.First.Sub(until) > callPause {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], c)
		until = max(until, c.Flow.Last)
	}
	return out
}

// call is what is gathered of one call.
type call struct {
	g        *callGraph
	legs     []*Conn
	service  string
	weight   float64
	parties  []netip.Addr
	setup    moment // first message of set-up with the other end, or with WhatsApp's and Telegram's relays
	gather   moment // first message to any relay
	end      moment // an allocation was let go
	hangUp   moment // WhatsApp's end of a call
	media    [2]span
	direct   [2]span
	video    int // packets of streams that look like video, and of all
	audio    int
	probes   bool // bandwidth probes, sent before video only
	bytes    uint64
	peers    []netip.Addr // answered first
	answered map[netip.Addr]capture.Origin
	relays   []netip.AddrPort
	keys     []string
	caller   netip.Addr // where it shows
	callee   netip.Addr // where only that one shows
}

type moment struct {
	time capture.Time
	at   capture.Origin
}

// earliest keeps the earlier of two moments.
func (m *moment) earliest(t capture.Time, at capture.Origin) {
	if t != 0 && (m.time == 0 || t < m.time) {
		m.time, m.at = t, at
	}
}

// latest keeps the later of two moments.
func (m *moment) latest(t capture.Time, at capture.Origin) {
	if t > m.time {
		m.time, m.at = t, at
	}
}

// span is the time from the first to the last packet of media in one direction.
type span struct {
	first, last moment
	packets     uint32
}

func (s *span) add(b *capture.Burst) {
	s.first.earliest(b.First, b.FirstAt)
	s.last.latest(b.Last, b.LastAt)
	s.packets += b.Packets
}

// conclude makes the event of a call, if the legs are one.
func (g *callGraph) conclude(legs []*Conn, chats map[string][]Conn) (Event, bool) {
	c := &call{g: g, legs: legs, answered: map[netip.Addr]capture.Origin{}}
	for _, l := range legs {
		c.take(l)
	}
	if c.setup.time == 0 && c.gather.time == 0 || len(c.parties) == 0 {
		return Event{}, false
	}
	c.offer(chats)
	e, ok := c.event()
	if ok && e.Call.Outcome == "unanswered" && c.refused(&e, chats) {
		e.Call.Outcome = "rejected"
	}
	return e, ok
}

// take adds a leg.
func (c *call) take(l *Conn) {
	f := &l.Flow
	if l.Weight > c.weight {
		c.service, c.weight = l.Service, l.Weight
	}
	relay := c.g.relay(f)
	c.party(f.Client.Addr())
	if relay {
		if !slices.Contains(c.relays, f.Server) {
			c.relays = append(c.relays, f.Server)
		}
	} else if c.g.inside[f.Server.Addr()] {
		c.party(f.Server.Addr())
	}
	for i := range f.Signals {
		c.signal(f, &f.Signals[i], relay)
	}
	for i := range f.Bursts {
		c.burst(f, &f.Bursts[i], relay)
	}
}

// party notes an end of the call that this capture shows at home.
func (c *call) party(a netip.Addr) {
	if slices.Contains(c.parties, a) || len(c.g.inside) > 0 && !c.g.inside[a] {
		return
	}
	c.parties = append(c.parties, a)
}

// burst adds media.
func (c *call) burst(f *capture.Flow, b *capture.Burst, relay bool) {
	if b.Kind == capture.BurstPadding {
		c.probes = true
		return
	}
	if b.Kind != capture.BurstRTP && b.Kind != capture.BurstOpaque || b.Packets < 3 {
		return
	}
	dir := capture.Down
	if b.Up {
		dir = capture.Up
	}
	c.bytes += b.Bytes
	c.media[dir].add(b)
	if !relay && !b.Relay {
		c.direct[dir].add(b)
		c.peer(f.Server, b.FirstAt, !b.Up)
	}
	if looksVideo(b, c.service, &c.g.sizes) {
		c.video += int(b.Packets)
	} else {
		c.audio += int(b.Packets)
	}
}

// event makes the statement.
func (c *call) event() (Event, bool) {
	start := c.setup
	if start.time == 0 {
		start = c.gather
	}
	up, down := &c.media[capture.Up], &c.media[capture.Down]
	e := Event{Kind: CallKind, Time: start.time, End: c.ending(), Service: c.service, Client: c.parties[0], Server: c.legs[0].Flow.Server,
		Flow: c.legs[0].Flow.ID, Bytes: c.bytes, Grain: capture.GrainFrame, Call: &Call{Media: "unknown", Path: "unknown", Outcome: "unknown", Role: "unknown",
			Relays: c.relays, LinkKeys: c.keys}}
	if e.Service == "" {
		e.Service = "unknown"
	}
	e.Evidence = append(e.Evidence, Evidence{start.at, "call set-up begins"})
	c.outcome(&e, up, down)
	c.ends(&e)
	c.path(&e)
	if e.End != 0 && c.end.time != 0 {
		e.Evidence = append(e.Evidence, Evidence{c.end.at, "end of the call is signalled to the relays"})
	}
	if e.Call.Outcome == "unanswered" && c.setup.time == 0 && e.Service == "unknown" {
		return e, false // a relay was asked for an address, and no more: not yet a call
	}
	return e, true
}

// markedEnd is how far a marked end may lie from the last media: relays are
// also let go in the middle of a call, when it turns direct.
const markedEnd = 3 * time.Second

// ending gives the marked end, or the last of the media, or the last message.
func (c *call) ending() capture.Time {
	media := max(c.media[0].last.time, c.media[1].last.time)
	if c.hangUp.time != 0 {
		c.end = c.hangUp
		return c.end.time
	}
	if c.end.time != 0 && (media == 0 || c.end.time.Sub(media).Abs() <= markedEnd) {
		return c.end.time
	}
	c.end = moment{}
	if media != 0 {
		return media
	}
	var t capture.Time
	for _, l := range c.legs {
		t = max(t, l.Flow.Last)
	}
	return t
}

// outcome tells whether the call was answered, and how sure all of it is.
func (c *call) outcome(e *Event, up, down *span) {
	known := c.weight
	if known == 0 {
		known = 1 // a call of some app: what is stated is the call, not the messenger
	}
	both := min(up.packets, down.packets) > 0
	long := both && min(up.last.time.Sub(up.first.time), down.last.time.Sub(down.first.time)) >= talk
	switch {
	case long:
		e.Call.Outcome, e.Confidence = "answered", 0.97*known
		e.Call.AnsweredAt = max(up.first.time, down.first.time)
		e.Evidence = append(e.Evidence, Evidence{later(up.first, down.first).at, fmt.Sprintf("media in both directions, %d and %d packets", up.packets, down.packets)})
	case up.packets+down.packets > 0:
		e.Confidence = 0.8 * known
	default:
		e.Call.Outcome, e.Confidence = "unanswered", 0.7*known
	}
}

func later(a, b moment) moment {
	if b.time > a.time {
		return b
	}
	return a
}

// ends names the parties and the addresses of the other end.
func (c *call) ends(e *Event) {
	switch {
	case slices.Contains(c.parties, c.caller):
		e.Client, e.Call.Role, e.Direction = c.caller, "caller", Sent
	case c.caller.IsValid() || c.callee == e.Client:
		e.Call.Role, e.Direction = "callee", Received
	}
	for _, p := range c.parties {
		if p != e.Client {
			e.Peer = p
		}
	}
	e.Call.PeerAddresses = c.peers
	if e.Peer.IsValid() {
		if c.direct[0].packets+c.direct[1].packets > 0 {
			e.Call.PeerAddresses = append([]netip.Addr{e.Peer}, c.peers...)
		}
		return
	}
	for _, p := range c.peers {
		if at, ok := c.answered[p]; ok {
			e.Peer = p
			e.Evidence = append(e.Evidence, Evidence{at, "the peer's address answers"})
			return
		}
	}
}

// path tells a direct call from a relayed one.
func (c *call) path(e *Event) {
	direct, all := c.direct[0].packets+c.direct[1].packets, c.media[0].packets+c.media[1].packets
	switch {
	case direct >= 3:
		e.Call.Path = "direct"
		first := c.direct[0].first
		first.earliest(c.direct[1].first.time, c.direct[1].first.at)
		e.Evidence = append(e.Evidence, Evidence{first.at, "media goes directly between the two ends"})
	case all > 0:
		e.Call.Path = "relayed"
	}
	if all == 0 {
		return
	}
	e.Call.Media = "audio"
	if c.video*20 > c.video+c.audio && c.video > 20 || c.probes {
		e.Call.Media = "video"
	}
}
