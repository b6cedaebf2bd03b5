package infer

import (
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"

	"envelope/capture"
)

// chatIndex finds the message flows of one client of one messenger.
type chatIndex struct {
	services []string // sorted
	flows    map[chatKey][]*capture.Flow
	clients  map[string][]netip.Addr // by messenger, in the order of their first flows
}

type chatKey struct {
	service string
	client  netip.Addr
}

func newChatIndex(chats map[string][]Conn) *chatIndex {
	x := &chatIndex{flows: map[chatKey][]*capture.Flow{}, clients: map[string][]netip.Addr{}}
	for id, conns := range chats {
		x.services = append(x.services, id)
		for i := range conns {
			f := conns[i].Flow
			k := chatKey{id, f.Client.Addr()}
			if x.flows[k] == nil {
				x.clients[id] = append(x.clients[id], k.client)
			}
			x.flows[k] = append(x.flows[k], f)
		}
	}
	slices.Sort(x.services)
	return x
}

// between gives the frames of a flow in a stretch of time.
func between(f *capture.Flow, from, to capture.Time) []capture.Frame {
	lo := sort.Search(len(f.Frames), func(i int) bool { return f.Frames[i].Time >= from })
	hi := lo
	for hi < len(f.Frames) && f.Frames[hi].Time <= to {
		hi++
	}
	return f.Frames[lo:hi]
}

// offer looks for what the messenger's own connection shows of the call: who
// offered it, and when.
func (c *call) offer(x *chatIndex) {
	if c.service == whatsAppService {
		for _, p := range c.parties {
			for _, f := range x.flows[chatKey{whatsAppService, p}] {
				if hasSignPrefix(f, "whatsapp-") {
					c.whatsAppOffer(f)
				}
			}
		}
	}
	if c.service == "" {
		c.service = c.signalledBy(x)
	}
}

// whatsAppService is the id of the messenger whose framing shows offers.
const whatsAppService = "whatsapp"

func hasSignPrefix(f *capture.Flow, prefix string) bool {
	return slices.ContainsFunc(f.Signs, func(s string) bool { return strings.HasPrefix(s, prefix) })
}

// whatsAppOffer finds the frames before the first allocation that offer the
// call: a frame up that the server answers with the list of relays, or the
// server's push of an offer by the other end.
func (c *call) whatsAppOffer(f *capture.Flow) {
	v := &c.g.sizes.Offer
	frames := between(f, c.gather.time.Add(-seconds(v.Before)), c.gather.time)
	var lastUp *capture.Frame
	pushed := false
	for i := range frames {
		fr := &frames[i]
		switch {
		case fr.Kind != capture.FrameData:
		case fr.Up:
			if fr.Length >= v.ClientMin {
				lastUp = fr
			}
		case fr.Length >= v.AnswerMin && lastUp != nil && fr.Time.Sub(lastUp.Time) <= seconds(v.Answer):
			c.setup, pushed = moment{lastUp.Time, lastUp.Origin}, true
			c.caller = f.Client.Addr()
		case fr.Length >= v.PushMin && !pushed:
			pushed = true
			if c.callee = f.Client.Addr(); c.setup.time > fr.Time {
				c.setup = moment{fr.Time, fr.Origin}
			}
		}
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// signalledBy names the messenger over which a call of no known messenger was
// arranged: the only one on which every party had a frame as large as a
// session description shortly before.
func (c *call) signalledBy(x *chatIndex) string {
	name := ""
	for _, id := range x.services {
		all := true
		for _, p := range c.parties {
			all = all && slices.ContainsFunc(x.flows[chatKey{id, p}], c.described)
		}
		if all && name != "" {
			return ""
		}
		if all {
			name = id
		}
	}
	return name
}

// signalling is how long before the first check a session description may be:
// the callee answers after some rings.
const signalling = 30 * time.Second

// begin is when the call's set-up began, with the other end if that is seen.
func (c *call) begin() capture.Time {
	if c.setup.time != 0 {
		return c.setup.time
	}
	return c.gather.time
}

func (c *call) described(f *capture.Flow) bool {
	return slices.ContainsFunc(between(f, c.begin().Add(-signalling), c.begin().Add(time.Second)), func(fr capture.Frame) bool {
		return fr.Length >= c.g.sizes.Description && fr.Kind != capture.FrameGap
	})
}

// refusal is how long before a call's end the other end's word may come, and
// ringing the longest ring: WhatsApp and Signal give up after a minute.
const (
	refusal = 1500 * time.Millisecond
	ringing = 45 * time.Second
)

// refused tells that the other end turned the call down: the last frame on the
// messenger's connection before the end came down, and the call had not rung
// out. A frame up says that the caller hung up first.
func (c *call) refused(e *Event, x *chatIndex) {
	if e.End.Sub(e.Time) > ringing {
		return
	}
	var last *capture.Frame
	for _, f := range x.flows[chatKey{e.Service, e.Client}] {
		near := between(f, e.End.Add(-refusal), e.End.Add(refusal))
		for i := range near {
			if near[i].Length >= c.g.sizes.Word && near[i].Kind != capture.FrameGap && (last == nil || near[i].Time > last.Time) {
				last = &near[i]
			}
		}
	}
	if last != nil && !last.Up {
		e.Call.Outcome = "rejected"
		e.Evidence = append(e.Evidence, Evidence{last.Origin, fmt.Sprintf("frame of %d bytes from the other end just before the end", last.Length)})
	}
}

// Bounds of the offer of a call as a server passes it on: it is sent when the
// client begins to gather, reaches the other end within a second, and grows or
// shrinks by the names that the server puts in (112 bytes at most in the lab).
const (
	offerBefore = 10 * time.Second
	offerAfter  = 1500 * time.Millisecond
	offerRelay  = time.Second
	offerGrowth = 256
)

// called finds who was called where no call came about: the only other client
// to whom the messenger passed a frame of the offer's size on at once.
func (c *call) called(e *Event, x *chatIndex) {
	if e.Peer.IsValid() || e.Service == unknownService || e.Call.Role == "callee" {
		return
	}
	offer := c.offered(e.Client, e.Service, x)
	if offer == nil {
		return
	}
	var got *capture.Frame
	var who netip.Addr
	for _, p := range x.clients[e.Service] {
		if p == e.Client {
			continue
		}
		for _, f := range x.flows[chatKey{e.Service, p}] {
			near := between(f, offer.Time, offer.Time.Add(offerRelay))
			for i := range near {
				fr := &near[i]
				if fr.Up || fr.Kind != offer.Kind || max(fr.Length, offer.Length)-min(fr.Length, offer.Length) > offerGrowth {
					continue
				}
				if got != nil && who != p {
					return
				}
				got, who = fr, p
			}
		}
	}
	if got != nil {
		e.Peer, e.Call.Role, e.Direction = who, "caller", Sent
		e.Evidence = append(e.Evidence, Evidence{offer.Origin, fmt.Sprintf("offer of %d bytes", offer.Length)},
			Evidence{got.Origin, fmt.Sprintf("passed on to the other end, %d bytes", got.Length)})
	}
}

// offered gives the largest frame that a client sent as it began to gather, if
// it can hold a session description.
func (c *call) offered(client netip.Addr, service string, x *chatIndex) *capture.Frame {
	var best *capture.Frame
	for _, f := range x.flows[chatKey{service, client}] {
		near := between(f, c.gather.time.Add(-offerBefore), c.gather.time.Add(offerAfter))
		for i := range near {
			if fr := &near[i]; fr.Up && fr.Length >= c.g.sizes.Description && (best == nil || fr.Length > best.Length) {
				best = fr
			}
		}
	}
	return best
}
