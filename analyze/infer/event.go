// Package infer turns the frames of flows into events of one party: messages,
// media transfers, calls, receipts, typing, presence, logins and keepalives.
// Its functions are pure: frames in, events out. Sizes and gaps that were
// measured are data (data/*.json, with source and date); the logic is here.
package infer

import (
	"net/netip"

	"envelope/capture"
)

// Kind is what a party did.
type Kind string

// The kinds of the design. An attachment and the message that carries it are
// one event of kind Media.
const (
	Message   Kind = "message"
	Media     Kind = "media"
	CallKind  Kind = "call"
	Receipt   Kind = "receipt"
	Typing    Kind = "typing"
	Presence  Kind = "presence"
	Login     Kind = "login"
	Keepalive Kind = "keepalive"
)

// Direction of an event as its party sees it.
type Direction string

// Directions; empty where an event has none.
const (
	Sent     Direction = "sent"
	Received Direction = "received"
)

// Evidence is a packet behind a statement and what it shows.
type Evidence struct {
	Origin capture.Origin
	Note   string
}

// Event is one thing one client did at one time.
type Event struct {
	Kind       Kind
	Time       capture.Time
	End        capture.Time // 0 where there is none
	Service    string
	Client     netip.Addr // the party
	Server     netip.AddrPort
	Flow       uint64 // flow that shows it
	Direction  Direction
	Peer       netip.Addr // invalid where not seen
	Bytes      uint64     // of the frame, or of the media transfer
	Frame      uint64     // of the frame that carries an attachment; 0 where Bytes says it or none was seen
	Confidence float64
	Seen       bool   // read directly from a field, not inferred
	Port       uint16 // of the client in the flow, set by the caller; 0 where not set
	Grain      capture.Grain
	Call       *Call
	Evidence   []Evidence
}

// Call is what is known of a call beyond its times.
type Call struct {
	Media         string       // "audio", "video", "unknown"
	Path          string       // "direct", "relayed", "unknown"
	PeerAddresses []netip.Addr // public and internal addresses of the other end
	Outcome       string       // "answered", "rejected", "unanswered", "unknown"
	AnsweredAt    capture.Time // 0 where not seen
	Role          string       // "caller", "callee", "unknown"
	Relays        []netip.AddrPort
	LinkKeys      []string // what the other end's leg shows as well: ICE user names, peer tags
}

// Conn is one flow of a messenger with all of its frames that are at hand, in
// time order.
type Conn struct {
	Flow    *capture.Flow // totals; Frames, Signals and Bursts complete
	Service string        // messenger id; "" where the flow's service is not known
	Role    string        // message, media, call, push, web; "" where not known
	Weight  float64       // confidence that the flow belongs to Service
	Own     bool          // the server is the messenger's own by its address or name, and no peer
}
