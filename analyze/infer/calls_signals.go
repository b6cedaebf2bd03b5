package infer

import (
	_ "embed" // for the measured sizes
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"envelope/capture"
)

// STUN message types (RFC 8489, 8656) and WhatsApp's own (captures.md section
// 3, measured 2015 to 2023).
const (
	bindingRequest = 0x0001
	bindingSuccess = 0x0101
	refreshRequest = 0x0004
	whatsAppEnd    = 0x0800
	whatsAppProbe  = 0x0804
)

// signal takes one message of call set-up.
func (c *call) signal(f *capture.Flow, s *capture.Signal, relay bool) {
	c.gather.earliest(s.Time, s.Origin)
	switch {
	case s.Tag != "" || s.Attrs&capture.AttrWhatsApp != 0 && s.Type&0x0110 == 0 && s.Type < whatsAppEnd:
		c.setup.earliest(s.Time, s.Origin)
	case s.Type == whatsAppEnd && s.Up:
		c.hangUp.latest(s.Time, s.Origin)
	case s.Type == refreshRequest && s.Up && s.Lifetime == 0:
		c.end.latest(s.Time, s.Origin)
	case s.Type == whatsAppProbe:
		c.probes = true
	case s.Type == bindingRequest && isCheck(s):
		c.check(f, s, relay)
	}
	for _, k := range signalKeys(s) {
		if k[0] != 's' && !slices.Contains(c.keys, k) {
			c.keys = append(c.keys, k)
		}
	}
	c.addresses(f, s, relay)
}

// isCheck tells ICE's connectivity checks (RFC 8445 section 7.2.2) and
// WhatsApp's, which bear MESSAGE-INTEGRITY only.
func isCheck(s *capture.Signal) bool {
	return s.Attrs&(capture.AttrUsername|capture.AttrIntegrity) != 0
}

// check takes a connectivity check: set-up with the other end has begun. The
// controlling side made the offer (RFC 8445 section 6.1.1).
func (c *call) check(f *capture.Flow, s *capture.Signal, relay bool) {
	c.setup.earliest(s.Time, s.Origin)
	caller := s.Attrs&capture.AttrControlling != 0
	if !caller && s.Attrs&capture.AttrControlled == 0 {
		return
	}
	mine, other := f.Client.Addr(), netip.Addr{}
	if !relay {
		other = f.Server.Addr()
	}
	if s.Up != caller {
		mine, other = other, mine
	}
	if slices.Contains(c.parties, mine) || mine.IsValid() && !c.g.inside[mine] && len(c.parties) == 1 {
		c.caller = mine
	} else if !mine.IsValid() {
		c.callee = other
	}
}

// addresses gathers the addresses of the other end: where checks go to, what
// relays are told to reach, what Telegram's relays answer.
func (c *call) addresses(f *capture.Flow, s *capture.Signal, relay bool) {
	switch {
	case relay:
		c.peer(s.Peer, s.Origin, false)
		c.peer(s.Through, s.Origin, s.Type == bindingSuccess && !s.Up)
	case !s.Relay && isCheck(s):
		answers := !s.Up && (s.Type == bindingRequest || s.Type == bindingSuccess)
		c.peer(f.Server, s.Origin, answers)
	}
}

// peer notes an address of the other end; answered ones come first.
func (c *call) peer(p netip.AddrPort, at capture.Origin, answered bool) {
	a := p.Addr()
	if !a.IsValid() || a.IsUnspecified() || c.g.relays[p] || c.g.lent[p] || c.g.relayAddr[a] || slices.Contains(c.parties, a) {
		return
	}
	_, before := c.answered[a]
	if answered && !before {
		c.answered[a] = at
		if i := slices.Index(c.peers, a); i >= 0 {
			c.peers = slices.Delete(c.peers, i, i+1)
		}
		c.peers = slices.Insert(c.peers, len(c.answered)-1, a)
	} else if !slices.Contains(c.peers, a) {
		c.peers = append(c.peers, a)
	}
}

//go:embed data/calls.json
var callData []byte

// callSizes are the measured sizes of calls, with their sources in the file.
type callSizes struct {
	Offer struct {
		ClientMin uint32  `json:"client_min"`
		AnswerMin uint32  `json:"answer_min"`
		PushMin   uint32  `json:"push_min"`
		Before    float64 `json:"before_s"`
		Answer    float64 `json:"answer_s"`
	} `json:"whatsapp_offer"`
	Video struct {
		PayloadTypes map[string][]uint8 `json:"payload_types"`
		AudioTypes   map[string][]uint8 `json:"audio_payload_types"`
		MeanMin      float64            `json:"mean_min"`
	} `json:"video"`
	Description uint32 `json:"session_description_min"`
	Word        uint32 `json:"signal_min"`
}

// sizesOfCalls parses the embedded file, which a test checks.
func sizesOfCalls() (v callSizes) {
	if err := json.Unmarshal(callData, &v); err != nil {
		panic(err)
	}
	return v
}

// looksVideo tells a stream of video by its payload type where the messenger's
// is known, and by its packets' mean size otherwise: voice codecs stay below.
func looksVideo(b *capture.Burst, service string, v *callSizes) bool {
	if b.Kind == capture.BurstRTP {
		if slices.Contains(v.Video.PayloadTypes[service], b.PayloadType) {
			return true
		}
		if slices.Contains(v.Video.AudioTypes[service], b.PayloadType) {
			return false
		}
	}
	return b.Packets >= 10 && float64(b.Bytes)/float64(b.Packets) >= v.Video.MeanMin
}

// offer looks for what the messenger's own connection shows of the call: who
// offered it, and when.
func (c *call) offer(chats map[string][]Conn) {
	if c.service == "whatsapp" {
		for i := range chats["whatsapp"] {
			f := &chats["whatsapp"][i].Flow
			if hasSignPrefix(f, "whatsapp-") && slices.Contains(c.parties, f.Client.Addr()) {
				c.whatsAppOffer(f)
			}
		}
	}
	if c.service == "" {
		c.service = c.signalledBy(chats)
	}
}

func hasSignPrefix(f *capture.Flow, prefix string) bool {
	return slices.ContainsFunc(f.Signs, func(s string) bool { return strings.HasPrefix(s, prefix) })
}

// whatsAppOffer finds the frames before the first allocation that offer the
// call: a frame up that the server answers with the list of relays, or the
// server's push of an offer by the other end.
func (c *call) whatsAppOffer(f *capture.Flow) {
	v := &c.g.sizes.Offer
	from := c.gather.time.Add(-seconds(v.Before))
	var lastUp *capture.Frame
	pushed := false
	for i := range f.Frames {
		fr := &f.Frames[i]
		if fr.Kind != capture.FrameData || fr.Time < from || fr.Time > c.gather.time {
			continue
		}
		if fr.Up {
			if fr.Length >= v.ClientMin {
				lastUp = fr
			}
			continue
		}
		offered := lastUp != nil && fr.Time.Sub(lastUp.Time) <= seconds(v.Answer)
		switch {
		case fr.Length >= v.AnswerMin && offered:
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
func (c *call) signalledBy(chats map[string][]Conn) string {
	name := ""
	for id, conns := range chats {
		all := true
		for _, p := range c.parties {
			all = all && slices.ContainsFunc(conns, func(k Conn) bool { return k.Flow.Client.Addr() == p && c.described(&k.Flow) })
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

// refusal is how long before a call's end the other end's word may come, and
// ringing the longest ring: WhatsApp and Signal give up after a minute.
const (
	refusal = 1500 * time.Millisecond
	ringing = 45 * time.Second
)

// refused tells that the other end turned the call down: the last frame on the
// messenger's connection before the end came down, and the call had not rung
// out. A frame up says that the caller hung up first.
func (c *call) refused(e *Event, chats map[string][]Conn) bool {
	if e.End.Sub(e.Time) > ringing || e.Service == "" {
		return false
	}
	var last *capture.Frame
	for i := range chats[e.Service] {
		f := &chats[e.Service][i].Flow
		for j := range f.Frames {
			fr := &f.Frames[j]
			if f.Client.Addr() == e.Client && fr.Length >= c.g.sizes.Word && e.End.Sub(fr.Time).Abs() < refusal && (last == nil || fr.Time > last.Time) {
				last = fr
			}
		}
	}
	if last == nil || last.Up {
		return false
	}
	e.Evidence = append(e.Evidence, Evidence{last.Origin, fmt.Sprintf("frame of %d bytes from the other end just before the end", last.Length)})
	return true
}

// signalling is how long before the first check a session description may be:
// the callee answers after some rings.
const signalling = 30 * time.Second

func (c *call) described(f *capture.Flow) bool {
	start := c.setup.time
	if start == 0 {
		start = c.gather.time
	}
	return slices.ContainsFunc(f.Frames, func(fr capture.Frame) bool {
		d := start.Sub(fr.Time)
		return d > -time.Second && d < signalling && fr.Length >= c.g.sizes.Description
	})
}
