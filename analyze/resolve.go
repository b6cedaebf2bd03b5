package analyze

import (
	"net/netip"
	"slices"
	"strings"

	"envelope/analyze/infer"
	"envelope/analyze/service"
	"envelope/capture"
)

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

// byKin gives flows of a call's socket the call's messenger.
func (a *Analyzer) byKin(all []*conn) {
	byID := map[uint64]*conn{}
	for _, c := range all {
		byID[c.Flow.ID] = c
	}
	best := map[netip.AddrPort]service.Match{}
	for _, c := range all {
		if c.Flow.Proto == protoUDP && c.match.Service != "" && len(c.Flow.Signals) > 0 && c.match.Confidence > best[c.Flow.Client].Confidence {
			best[c.Flow.Client] = c.match
		}
	}
	for _, c := range all {
		m, ok := best[c.Flow.Client]
		if c.match.Service != "" && c.match.Confidence >= m.Confidence || !ok || c.Flow.Proto != protoUDP || !sameSocket(c, byID) {
			continue
		}
		c.match = service.Match{Service: m.Service, Role: service.Call, How: []string{"stun"}, Confidence: m.Confidence * kinFactor}
		c.how = c.match.How
		c.aside = false
	}
}

// sameSocket tells that a flow is known to share its socket with a call's, or
// shows call set-up itself.
func sameSocket(c *conn, byID map[uint64]*conn) bool {
	_, kin := byID[c.Flow.Kin]
	return kin || len(c.Flow.Signals) > 0
}

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
	chat := map[netip.Addr]*conn{}
	for _, c := range all {
		if c.match.Role == service.Message && c.match.Confidence >= 0.9 && slices.Contains(c.how, "frame") {
			chat[c.Flow.Server.Addr()] = c
		}
	}
	for _, c := range all {
		if !c.aside || c.Flow.Host == "" {
			continue
		}
		k := chat[c.Flow.Server.Addr()]
		if k == nil || k.Flow.Host == "" || !strings.HasSuffix("."+c.Flow.Host, "."+k.Flow.Host) {
			continue
		}
		a.claim(c, service.Match{Service: k.match.Service, Role: service.Media, How: []string{"address", c.Flow.HostHow}, Confidence: siblingConfidence})
	}
}

// claim gives a flow that nothing was known of to a messenger.
func (a *Analyzer) claim(c *conn, m service.Match) {
	slices.Sort(m.How)
	c.match, c.how, c.aside = m, m.How, false
	a.asides -= len(c.Flow.Frames)
}

// unknownMessenger names a messenger that is known by its behaviour only.
const unknownMessenger = "unknown"

// longPolling is the probability from which a flow's behaviour makes its server
// a messenger's.
const longPolling = 0.8

// byBehaviour finds servers that clients wait at with a hanging request, as
// messengers without push do, and takes all flows to them.
func (a *Analyzer) byBehaviour(all []*conn) {
	polled := map[endpoint]float64{}
	for _, c := range all {
		if !c.aside {
			continue
		}
		if p := infer.LongPoll(&c.Conn); p >= longPolling {
			e := endpoint{c.Flow.Server.Addr(), c.Flow.Host}
			polled[e] = max(polled[e], p)
		}
	}
	for _, c := range all {
		p := polled[endpoint{c.Flow.Server.Addr(), c.Flow.Host}]
		if c.aside && p > 0 {
			a.claim(c, service.Match{Service: unknownMessenger, Role: service.Message, How: []string{"behaviour"}, Confidence: min(p, 0.89)})
		}
	}
}

// infer turns flows into events, messenger by messenger.
func (a *Analyzer) infer(all []*conn) []infer.Event {
	a.resolve(all)
	chats := map[string][]infer.Conn{}
	var calls []infer.Conn
	for _, c := range all {
		switch {
		case c.aside || a.opt.Service != "" && c.match.Service != a.opt.Service:
		case c.Flow.Proto == protoUDP && (len(c.Flow.Signals) > 0 || c.Flow.Kin != 0 || c.match.Role == service.Call):
			calls = append(calls, c.Conn)
		case c.match.Service != "" && c.match.Role != service.Web:
			chats[c.match.Service] = append(chats[c.match.Service], c.Conn)
		}
	}
	var events []infer.Event
	for _, id := range sortedKeys(chats) {
		events = append(events, inferChats(id, chats[id])...)
	}
	return append(events, infer.Calls(calls, chats)...)
}

// rules are the ways to read chat connections, each with the connections that
// it is for: messengers with a framing of their own have rules of their own,
// all others are learned from their record sizes.
func rules() []rule {
	return []rule{
		{infer.WhatsApp, func(_ string, f *capture.Flow) bool { return hasSign(f, "whatsapp-") && f.Proto == protoTCP }},
		{infer.Telegram, func(id string, f *capture.Flow) bool { return id == "telegram" && segments(f) }},
		{infer.Threema, func(id string, f *capture.Flow) bool { return id == "threema" }},
		{infer.Stream, func(string, *capture.Flow) bool { return true }},
	}
}

type rule struct {
	infer func([]infer.Conn) []infer.Event
	reads func(id string, f *capture.Flow) bool
}

// inferChats applies to each chat connection of one messenger the first rule
// that reads it. Connections of files go with the chat of the same client.
func inferChats(id string, conns []infer.Conn) []infer.Event {
	list := rules()
	parts := make([][]infer.Conn, len(list))
	home := map[netip.Addr]int{}
	for _, c := range conns {
		if c.Role == string(service.Media) {
			continue
		}
		i := slices.IndexFunc(list, func(r rule) bool { return r.reads(id, &c.Flow) })
		parts[i] = append(parts[i], c)
		if was, ok := home[c.Flow.Client.Addr()]; !ok || i < was {
			home[c.Flow.Client.Addr()] = i
		}
	}
	for _, c := range conns {
		if c.Role == string(service.Media) {
			i, ok := home[c.Flow.Client.Addr()]
			if !ok {
				i = len(list) - 1
			}
			parts[i] = append(parts[i], c)
		}
	}
	var events []infer.Event
	for i, part := range parts {
		if len(part) > 0 {
			events = append(events, list[i].infer(part)...)
		}
	}
	return events
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
