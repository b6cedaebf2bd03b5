package infer

import (
	_ "embed" // for the measured sizes
	"encoding/json"
	"net/netip"
	"slices"

	"envelope/capture"
)

// STUN message types (RFC 8489, 8656) and WhatsApp's own (captures.md section
// 3, measured 2015 to 2023).
const (
	bindingRequest  = 0x0001
	bindingSuccess  = 0x0101
	allocateRequest = 0x0003
	refreshRequest  = 0x0004
	whatsAppEnd     = 0x0800
	whatsAppProbe   = 0x0804
)

// signal takes one message of call set-up.
func (c *call) signal(f *capture.Flow, s *capture.Signal, relay bool) {
	c.gather.earliest(s.Time, s.Origin)
	switch {
	case s.Tag != "" || s.Attrs&capture.AttrWhatsApp != 0 && s.Type&0x0110 == 0 && s.Type < whatsAppEnd:
		c.probed = true
		c.setup.earliest(s.Time, s.Origin)
	case s.Type == whatsAppEnd && s.Up:
		c.hangUp.latest(s.Time, s.Origin)
	case s.Type == refreshRequest && s.Up && s.Lifetime == 0:
		c.release.latest(s.Time, s.Origin)
	case s.Type == allocateRequest:
		c.allocated = true
	case s.Type == whatsAppProbe:
		c.probes = true
	case s.Type == bindingRequest && isCheck(s):
		c.check(f, s, relay)
	}
	if s.Relay && isCheck(s) || !relay && (isCheck(s) || s.Type == bindingSuccess) {
		c.checked.latest(s.Time, s.Origin)
	}
	for _, k := range signalKeys(s) {
		c.key(k)
	}
	c.addresses(f, s, relay)
}

// key notes what the other end's leg shows as well; sockets are no such thing.
func (c *call) key(k string) {
	if k[0] != 's' && len(c.keys) < maxListed && !slices.Contains(c.keys, k) {
		c.keys = append(c.keys, k)
	}
}

// isCheck tells ICE's connectivity checks (RFC 8445 section 7.2.2) and
// WhatsApp's, which bear MESSAGE-INTEGRITY only.
func isCheck(s *capture.Signal) bool {
	return s.Attrs&(capture.AttrUsername|capture.AttrIntegrity) != 0
}

// check takes a connectivity check: set-up with the other end has begun. The
// controlling side made the offer (RFC 8445 section 6.1.1), unless the other is
// a media server, which never controls.
func (c *call) check(f *capture.Flow, s *capture.Signal, relay bool) {
	c.setup.earliest(s.Time, s.Origin)
	if relay && !s.Relay {
		c.joined = true
		return
	}
	caller := s.Attrs&capture.AttrControlling != 0
	if !caller && s.Attrs&capture.AttrControlled == 0 {
		return
	}
	mine, other := f.Client.Addr(), netip.Addr{}
	if !c.g.roundabout(f) {
		other = f.Server.Addr()
	}
	if s.Up != caller {
		mine, other = other, mine
	}
	if slices.Contains(c.parties, mine) || mine.IsValid() && len(c.parties) == 1 {
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
	if !a.IsValid() || a.IsUnspecified() || c.g.relays[p] || c.g.lent[p] || c.g.hosts[a] || slices.Contains(c.parties, a) {
		return
	}
	_, before := c.answered[a]
	if answered && !before {
		c.answered[a] = at
		if i := slices.Index(c.peers, a); i >= 0 {
			c.peers = slices.Delete(c.peers, i, i+1)
		}
		c.peers = slices.Insert(c.peers, len(c.answered)-1, a)
	} else if !slices.Contains(c.peers, a) && len(c.peers) < maxListed {
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
