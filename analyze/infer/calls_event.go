package infer

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"envelope/capture"
)

// call is what is gathered of one call.
type call struct {
	g         *callGraph
	legs      []*Conn
	service   string
	weight    float64
	parties   []netip.Addr // ends that this capture shows at home
	sides     map[netip.Addr]*side
	setup     moment // first message of set-up with the other end, or with WhatsApp's and Telegram's relays
	gather    moment // first message to any relay
	release   moment // an allocation was let go
	hangUp    moment // WhatsApp's end of a call
	allocated bool   // a relay was asked for an address
	probed    bool   // relays were asked as only WhatsApp and Telegram do, for calls only
	joined    bool   // a media server answered checks
	checked   moment // last connectivity check
	data      bool   // DTLS: keys were agreed on
	probes    bool   // bandwidth probes, sent before video only
	seen      [2]bool
	answered  map[netip.Addr]capture.Origin
	peers     []netip.Addr // answered first
	relays    []netip.AddrPort
	keys      []string
	caller    netip.Addr // where it shows
	callee    netip.Addr // where only that one shows
}

// maxListed bounds the addresses and keys that one call keeps: WebRTC gathers a
// dozen candidates at most, hostile captures any number.
const maxListed = 64

// moment is a time and the packet that shows it.
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

func (s *span) length() time.Duration { return s.last.time.Sub(s.first.time) }

// side is the media of one party: what it sends at Up, what it gets at Down.
type side struct {
	media  [2]span
	direct [2]span // of it what passes no relay
	bytes  uint64
	video  int // packets of streams that look like video, and of others
	audio  int
}

func (s *side) packets() uint32 { return s.media[0].packets + s.media[1].packets }

// conclude makes the event of a call, if the legs are one.
func (g *callGraph) conclude(legs []*Conn, chats *chatIndex) (Event, bool) {
	c := &call{g: g, legs: legs, parties: g.home(legs), sides: map[netip.Addr]*side{}, answered: map[netip.Addr]capture.Origin{}}
	for _, l := range legs {
		c.take(l)
	}
	if c.gather.time == 0 || len(c.parties) == 0 {
		return Event{}, false
	}
	c.offer(chats)
	e, ok := c.event()
	if ok && e.Call.Outcome == "unanswered" {
		c.refused(&e, chats)
		c.called(&e, chats)
	}
	return e, ok
}

// take adds a leg.
func (c *call) take(l *Conn) {
	f := l.Flow
	if l.Weight > c.weight {
		c.service, c.weight = l.Service, l.Weight
	}
	for dir := range c.seen {
		c.seen[dir] = c.seen[dir] || f.Packets[dir] > 0
	}
	relay := c.g.relay(f)
	if relay && !slices.Contains(c.relays, f.Server) && len(c.relays) < maxListed {
		c.relays = append(c.relays, f.Server)
	}
	for i := range f.Signals {
		c.signal(f, &f.Signals[i], relay)
	}
	for i := range f.Bursts {
		c.burst(f, &f.Bursts[i])
	}
}

// burst adds media to the sides of the parties that send and get it.
func (c *call) burst(f *capture.Flow, b *capture.Burst) {
	switch {
	case b.Kind == capture.BurstPadding:
		c.probes = true
	case b.Kind == capture.BurstDTLS:
		c.data = true
	}
	if !isMedia(*b) {
		return
	}
	if k := sourceKey(b); k != "" {
		c.key(k)
	}
	direct := !c.g.roundabout(f) && !b.Relay
	if direct {
		c.peer(f.Server, b.FirstAt, !b.Up)
	}
	up, down := capture.Up, capture.Down
	if !b.Up {
		up, down = down, up
	}
	c.sideOf(f.Client.Addr()).add(b, up, direct, c)
	if a := f.Server.Addr(); slices.Contains(c.parties, a) {
		c.sideOf(a).add(b, down, direct, c)
	}
}

func (c *call) sideOf(a netip.Addr) *side {
	if c.sides[a] == nil {
		c.sides[a] = &side{}
	}
	return c.sides[a]
}

// add adds a burst that goes in a direction as the party sees it.
func (s *side) add(b *capture.Burst, dir int, direct bool, c *call) {
	s.bytes += b.Bytes
	s.media[dir].add(b)
	if direct {
		s.direct[dir].add(b)
	}
	if looksVideo(b, c.service, &c.g.sizes) {
		s.video += int(b.Packets)
	} else {
		s.audio += int(b.Packets)
	}
}

// event makes the statement.
func (c *call) event() (Event, bool) {
	start := c.setup
	if start.time == 0 {
		start = c.gather
	}
	e := Event{Kind: CallKind, Time: start.time, Service: c.service, Client: c.parties[0], Server: c.legs[0].Flow.Server,
		Flow: c.legs[0].Flow.ID, Grain: capture.GrainFrame, Call: &Call{Media: "unknown", Path: "unknown", Outcome: "unknown", Role: "unknown",
			Relays: c.relays, LinkKeys: c.keys}}
	if e.Service == "" {
		e.Service = unknownService
	}
	c.ends(&e)
	s := c.mediaOf(e.Client)
	if first := firstOf(&s.media[0], &s.media[1]); first.time != 0 && first.time < start.time {
		start, e.Time = first, first.time // the capture began in the middle of the call
	}
	e.Evidence = append(e.Evidence, Evidence{start.at, "the call begins"})
	end := c.ending(s)
	e.End, e.Bytes = end.time, s.bytes
	c.outcome(&e, s)
	c.path(&e, s)
	if end.at != (capture.Origin{}) {
		e.Evidence = append(e.Evidence, Evidence{end.at, "end of the call is signalled to the relays"})
	}
	return e, s.packets() > 0 || c.attempted(&e)
}

// unknownService stands for a messenger that nothing names.
const unknownService = "unknown"

// attempted tells set-up without media from what only looks like it: a relay
// asked for an address by an app of no known messenger, keepalives, a test of
// the network, a channel of data.
func (c *call) attempted(e *Event) bool {
	known := e.Service != unknownService
	switch {
	case c.setup.time == 0:
		return known && c.allocated && e.End.Sub(e.Time) >= trying
	case c.probed || known && e.End.Sub(e.Time) >= trying:
		return true
	}
	return !known && !c.data && c.checked.time.Sub(c.setup.time) >= trying
}

// trying is how long a client must have tried to reach the other end before that
// is taken for a call: a phone that rings, rings for longer.
const trying = time.Second

// mediaOf gives the media as the client sees it, or where its own flows are not
// at hand, as another end does.
func (c *call) mediaOf(client netip.Addr) *side {
	if s := c.sides[client]; s != nil && s.packets() > 0 {
		return s
	}
	best := &side{}
	for _, l := range c.legs {
		if s := c.sides[l.Flow.Client.Addr()]; s != nil && s.packets() > best.packets() {
			best = s
		}
	}
	return best
}

// markedEnd is how far a marked end may lie from the last media: relays are
// also let go in the middle of a call, when it turns direct.
const markedEnd = 3 * time.Second

// ending gives the marked end, or the last of the media, or the last message;
// the packet only where the end is marked.
func (c *call) ending(s *side) moment {
	media := max(s.media[0].last.time, s.media[1].last.time)
	if c.hangUp.time >= c.begin() && media.Sub(c.hangUp.time) <= markedEnd {
		return c.hangUp
	}
	if c.release.time >= c.begin() && (media == 0 || c.release.time.Sub(media).Abs() <= markedEnd) {
		return c.release
	}
	if media != 0 {
		return moment{time: media}
	}
	var t capture.Time
	for _, l := range c.legs {
		t = max(t, l.Flow.Last)
	}
	return moment{time: t}
}

// How sure a call is by what is seen of it, measured on 33 calls of the lab and
// of real captures: with media both ways all were calls; without any, some were
// tests of the network, which messengers do as well.
const (
	sureTalk    = 0.97
	sureMedia   = 0.8
	sureAttempt = 0.7
	sureUnnamed = 0.6 // an attempt by an app of no known messenger, or in half of the packets
)

// talk is the least media in both directions that makes a call answered.
const talk = 500 * time.Millisecond

// outcome tells whether the call was answered, and how sure all of it is.
func (c *call) outcome(e *Event, s *side) {
	known := c.weight
	if known == 0 {
		known = 1 // a call of some app: what is stated is the call, not the messenger
	}
	up, down := &s.media[capture.Up], &s.media[capture.Down]
	switch {
	case min(up.packets, down.packets) > 0 && min(up.length(), down.length()) >= talk:
		e.Call.Outcome, e.Confidence = "answered", sureTalk*known
		last := up.first
		if down.first.time > last.time {
			last = down.first
		}
		e.Call.AnsweredAt = last.time
		e.Evidence = append(e.Evidence, Evidence{last.at, fmt.Sprintf("media in both directions, %d and %d packets", up.packets, down.packets)})
	case s.packets() > 0:
		e.Confidence = sureMedia * known
		e.Evidence = append(e.Evidence, Evidence{firstOf(up, down).at, fmt.Sprintf("media, %d packets sent and %d received", up.packets, down.packets)})
	case c.joined || !c.seen[capture.Up] || !c.seen[capture.Down]: // who answers a server is not seen, nor what was not captured
		e.Confidence = sureUnnamed * known
	case e.Service == unknownService:
		e.Call.Outcome, e.Confidence = "unanswered", sureUnnamed
	default:
		e.Call.Outcome, e.Confidence = "unanswered", sureAttempt*known
	}
}

// firstOf gives the earlier beginning of two spans.
func firstOf(a, b *span) moment {
	m := a.first
	m.earliest(b.first.time, b.first.at)
	return m
}

// ends names the parties and the addresses of the other end.
func (c *call) ends(e *Event) {
	other := func(a netip.Addr) netip.Addr {
		for _, p := range c.parties {
			if p != a {
				return p
			}
		}
		return netip.Addr{}
	}
	switch {
	case slices.Contains(c.parties, c.caller):
		e.Client, e.Call.Role, e.Direction = c.caller, "caller", Sent
	case c.callee.IsValid() && other(c.callee).IsValid():
		e.Client, e.Call.Role, e.Direction = other(c.callee), "caller", Sent
	case c.caller.IsValid() || c.callee == e.Client:
		e.Call.Role, e.Direction = "callee", Received
	}
	e.Peer = other(e.Client)
	e.Call.PeerAddresses = c.peers
	if e.Peer.IsValid() {
		if s := c.sides[e.Client]; s != nil && s.direct[0].packets+s.direct[1].packets > 0 && !slices.Contains(c.peers, e.Peer) {
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

// path tells a direct call from a relayed one, and video from audio.
func (c *call) path(e *Event, s *side) {
	if s.packets() == 0 {
		return
	}
	e.Call.Path = "relayed"
	if s.direct[0].packets+s.direct[1].packets >= minMedia {
		e.Call.Path = "direct"
		e.Evidence = append(e.Evidence, Evidence{firstOf(&s.direct[0], &s.direct[1]).at, "media goes directly between the two ends"})
	}
	e.Call.Media = "audio"
	if s.video*20 > s.video+s.audio && s.video > 20 || c.probes {
		e.Call.Media = "video"
	}
}
