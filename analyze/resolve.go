package analyze

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"envelope/analyze/infer"
	"envelope/analyze/service"
	"envelope/capture"
)

// verdicts is what flows showed of servers and sockets. It outlives their
// frames, so that later flows profit from it.
type verdicts struct {
	sockets map[netip.AddrPort]socket // of calls
	chats   map[netip.Addr]chatServer
	polled  map[endpoint]float64 // servers at which clients wait with a hanging request, with how sure that is
}

// socket is a client's UDP socket that took part in a call.
type socket struct {
	match service.Match
	last  capture.Time
}

// chatServer is a server that speaks one messenger's own protocol.
type chatServer struct{ service, host string }

func newVerdicts() verdicts {
	return verdicts{map[netip.AddrPort]socket{}, map[netip.Addr]chatServer{}, map[endpoint]float64{}}
}

// resolve gives each flow its messenger by what other flows show: flows of one
// socket belong together, a server that speaks one messenger's protocol holds
// its files as well, and a messenger of unknown name is known by what it does.
func (a *Analyzer) resolve(all []*conn) {
	for _, c := range all {
		c.Own = slices.ContainsFunc(c.how, func(h string) bool { return slices.Contains(ownMarks, h) })
	}
	a.byKin(all)
	a.bySibling(all)
	a.byBehaviour(all)
	for _, c := range all {
		c.Service, c.Role, c.Weight = c.match.Service, string(c.match.Role), c.match.Confidence
	}
}

// ownMarks are the marks that make a server the messenger's own. What a flow
// speaks, or which port it uses, it may speak with a peer.
var ownMarks = []string{"address", "certificate", "dns", "http", "quic", "sni"}

// kinFactor is how much less sure a flow is for being known by its socket only:
// sockets are used again after minutes by chance.
const kinFactor = 0.98

// socketIdle is the pause after which a socket may be another one: NATs forget
// a port after two minutes at least (RFC 4787 section 4.3), and clients open a
// new one for every call.
const socketIdle = 10 * time.Minute

// byKin gives flows of a call's socket the call's messenger.
func (a *Analyzer) byKin(all []*conn) {
	for _, c := range all {
		if c.Flow.Proto != protoUDP || c.match.Service == "" || len(c.Flow.Signals) == 0 {
			continue
		}
		s, ok := a.known.sockets[c.Flow.Client]
		if !ok || c.match.Confidence > s.match.Confidence || c.Flow.First.Sub(s.last) > socketIdle {
			s.match = c.match
		}
		s.last = max(s.last, c.Flow.Last)
		a.known.sockets[c.Flow.Client] = s
	}
	for _, c := range all {
		s, ok := a.known.sockets[c.Flow.Client]
		if c.match.Service != "" && c.match.Confidence >= s.match.Confidence || !ok || c.Flow.Proto != protoUDP || !inCall(c.Flow) ||
			c.Flow.First.Sub(s.last) > socketIdle {
			continue
		}
		c.match = service.Match{Service: s.match.Service, Role: service.Call, How: []string{"stun"}, Confidence: s.match.Confidence * kinFactor}
		c.how = c.match.How
		c.aside = false
	}
}

// inCall tells that a flow is known to share its socket with a call's, or shows
// call set-up itself.
func inCall(f *capture.Flow) bool { return f.Kin != 0 || len(f.Signals) > 0 }

// endpoint is a server as far as clients tell them apart.
type endpoint struct {
	addr netip.Addr
	host string
}

// siblingConfidence is for a TLS flow to the address of a messenger's own
// server under the same domain: a company's web site may live there as well.
const siblingConfidence = 0.8

// bySibling takes flows to a known chat server's address, under a name of the
// same domain, for that messenger's files.
func (a *Analyzer) bySibling(all []*conn) {
	for _, c := range all {
		if c.match.Role == service.Message && c.match.Confidence >= 0.9 && c.Flow.Host != "" && slices.Contains(c.how, "frame") {
			a.known.chats[c.Flow.Server.Addr()] = chatServer{c.match.Service, c.Flow.Host}
		}
	}
	for _, c := range all {
		k, ok := a.known.chats[c.Flow.Server.Addr()]
		if ok && c.aside && c.Flow.Host != "" && strings.HasSuffix("."+c.Flow.Host, "."+k.host) {
			a.claim(c, service.Match{Service: k.service, Role: service.Media, How: []string{"address", c.Flow.HostHow}, Confidence: siblingConfidence})
		}
	}
}

// claim gives a flow that little or nothing was known of to a messenger.
func (a *Analyzer) claim(c *conn, m service.Match) {
	if c.aside && c.Flow.Final {
		a.asides -= len(c.Flow.Frames)
	}
	slices.Sort(m.How)
	c.match, c.how, c.aside = m, m.How, false
}

// unknownMessenger names a messenger that is known by its behaviour only.
const unknownMessenger = "unknown"

// longPolling is the probability from which a flow's behaviour makes its server
// a messenger's.
const longPolling = 0.8

// byBehaviour finds servers that clients wait at with a hanging request, as
// messengers without push do. It takes all flows to them that are not known
// otherwise, and makes those surer that a habit of naming alone gave their
// messenger.
func (a *Analyzer) byBehaviour(all []*conn) {
	var polls infer.Polls
	for _, c := range all {
		if !c.aside && !c.doubtful() {
			continue
		}
		if p := polls.LongPoll(&c.Conn); p >= longPolling {
			e := endpoint{c.Flow.Server.Addr(), c.Flow.Host}
			a.known.polled[e] = max(a.known.polled[e], p)
		}
	}
	for _, c := range all {
		p := min(a.known.polled[endpoint{c.Flow.Server.Addr(), c.Flow.Host}], mostByBehaviour)
		switch {
		case p == 0:
		case c.aside:
			a.claim(c, service.Match{Service: unknownMessenger, Role: service.Message, How: []string{"behaviour"}, Confidence: p})
		case c.doubtful():
			m := service.Match{Service: c.match.Service, Role: service.Message, How: slices.Concat(c.how, []string{"behaviour"}), Confidence: p}
			a.claim(c, m)
		}
	}
}

// doubtful tells whether a chat connection's messenger is less sure than its
// behaviour could make it.
func (c *conn) doubtful() bool {
	return c.match.Role == service.Message && c.match.Confidence < mostByBehaviour && c.Flow.Proto == protoTCP
}

// mostByBehaviour bounds how sure behaviour alone can make: other apps wait with
// hanging requests as well.
const mostByBehaviour = 0.89

// split parts the flows of interest into those of calls and, by messenger, those
// of messages and files.
func (a *Analyzer) split(all []*conn) (calls []infer.Conn, chats map[string][]infer.Conn) {
	many := map[string]int{}
	for _, c := range all {
		many[c.match.Service]++
	}
	chats = map[string][]infer.Conn{}
	for _, c := range all {
		switch {
		case c.aside || a.opt.Service != "" && c.match.Service != "" && c.match.Service != a.opt.Service:
		case c.Flow.Proto == protoUDP && (len(c.Flow.Signals) > 0 || c.Flow.Kin != 0 || c.match.Role == service.Call):
			calls = append(calls, c.Conn)
		case c.match.Service != "" && c.match.Role != service.Web:
			id := c.match.Service
			if chats[id] == nil {
				chats[id] = make([]infer.Conn, 0, many[id])
			}
			chats[id] = append(chats[id], c.Conn)
		}
	}
	return calls, chats
}

// rules are the ways to read chat connections, each with the connections that
// it is for: messengers with a framing of their own have rules of their own,
// all others are learned from their record sizes. room is what those work in.
func rules(room *infer.Room) []rule {
	return []rule{
		{infer.WhatsApp, func(_ string, f *capture.Flow) bool { return hasSign(f, "whatsapp-") && f.Proto == protoTCP }},
		{infer.Telegram, func(id string, f *capture.Flow) bool { return id == "telegram" && segments(f) }},
		{infer.Threema, func(id string, f *capture.Flow) bool { return id == "threema" }},
		{room.Signal, func(id string, _ *capture.Flow) bool { return id == "signal" }},
		{room.Stream, func(string, *capture.Flow) bool { return true }},
	}
}

type rule struct {
	infer func([]infer.Conn) []infer.Event
	reads func(id string, f *capture.Flow) bool
}

// inferChats applies to each chat connection of one messenger the first rule
// that reads it. Connections of files go with the chat of the same client.
func inferChats(id string, conns []infer.Conn, room *infer.Room) batches {
	list := rules(room)
	of := ruleOf(id, conns, list)
	var parts batches
	for i := range list {
		if part := partOf(conns, of, uint8(i)); len(part) > 0 {
			parts = append(parts, list[i].infer(part))
		}
	}
	return parts
}

// ruleOf gives for every connection of one messenger the rule that reads it.
func ruleOf(id string, conns []infer.Conn, list []rule) []uint8 {
	of := make([]uint8, len(conns))
	home := map[netip.Addr]uint8{}
	for k := range conns {
		c := &conns[k]
		if c.Role == string(service.Media) {
			continue
		}
		of[k] = uint8(slices.IndexFunc(list, func(r rule) bool { return r.reads(id, c.Flow) }))
		if was, ok := home[c.Flow.Client.Addr()]; !ok || of[k] < was {
			home[c.Flow.Client.Addr()] = of[k]
		}
	}
	for k := range conns {
		if c := &conns[k]; c.Role == string(service.Media) {
			i, ok := home[c.Flow.Client.Addr()]
			if !ok {
				i = uint8(len(list) - 1)
			}
			of[k] = i
		}
	}
	return of
}

// partOf gives the connections that rule i reads: conns itself where it reads
// them all, since a copy of a great many is large.
func partOf(conns []infer.Conn, of []uint8, i uint8) []infer.Conn {
	n := 0
	for _, k := range of {
		if k == i {
			n++
		}
	}
	if n == len(conns) || n == 0 {
		return conns[:n]
	}
	part := make([]infer.Conn, 0, n)
	for k := range conns {
		if of[k] == i {
			part = append(part, conns[k])
		}
	}
	return part
}

func hasSign(f *capture.Flow, prefix string) bool {
	return slices.ContainsFunc(f.Signs, func(s string) bool { return strings.HasPrefix(s, prefix) })
}

// segments tells that a flow shows no lengths but those of its segments.
func segments(f *capture.Flow) bool {
	for _, fr := range f.Frames {
		if fr.Kind == capture.FrameSegment {
			return true
		}
	}
	return false
}
