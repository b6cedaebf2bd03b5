// Package exposure says what those who held the inputs could tell from them:
// the facts of each observer (who, whom, when and so on), what several of them
// know only together, how well the peer of an event can be guessed, and what
// becomes of the claims that companies and researchers make of their sight.
//
// Its input is a View, which the caller fills from a report. The functions are
// pure; lists come out in a fixed order, so that equal views give equal
// answers. Contents are in no view: nothing here could show them.
package exposure

import (
	"iter"

	"envelope/capture"
)

// Question is one thing that can be known of talk between people.
type Question string

// The questions. The first eleven are those that a report answers for each
// observer; the last four occur in claims.
const (
	FactWho      Question = "who"      // which party uses a messenger
	FactWhom     Question = "whom"     // with which other party or group
	FactWhen     Question = "when"     // at what time
	FactDuration Question = "duration" // for how long
	FactVolume   Question = "volume"   // how many bytes
	FactService  Question = "service"  // by which messenger
	FactDevice   Question = "device"   // what device or client software
	FactLocation Question = "location" // where on Earth
	FactGroup    Question = "group"    // who is in a group
	FactPresence Question = "presence" // online, read, typing
	FactContent  Question = "content"  // what was said

	FactAddress     Question = "address"      // network address of a party
	FactPeerAddress Question = "peer_address" // network address that one end of a call learns of the other
	FactAccount     Question = "account"      // identifier or record of an account
	FactContacts    Question = "contacts"     // address book
)

// Questions lists what a report answers for each observer, in its order.
var Questions = []Question{FactWho, FactWhom, FactWhen, FactDuration, FactVolume, FactService,
	FactDevice, FactLocation, FactGroup, FactPresence, FactContent}

// claimed lists what only claims speak of.
var claimed = []Question{FactAddress, FactPeerAddress, FactAccount, FactContacts}

// View is what one observer, or several together, could tell from their inputs.
// Probabilities are in [0,1].
type View struct {
	Observer capture.Observer // "" for several together
	Inputs   []Input
	Parties  []Party
	Uses     []Use
	Events   iter.Seq[*Event] // each good until the next, as there may be millions; nil for none
	Contacts []Contact
	Groups   []Group
}

// Input is one input of a view.
type Input struct {
	Observer capture.Observer
	Grain    capture.Grain
	Format   string // as capture.Format names it
}

// Party is what is known of one party besides what it did.
type Party struct {
	ID         string
	Services   []string
	Addresses  int      // network addresses known
	Named      bool     // a name or an account is known
	Accounts   int      // account identifiers known, such as numbers
	Details    []Detail // what else is known of its account
	Contacts   int      // entries of its address book known
	Device     bool     // model, name, system or client software is known
	Location   bool     // a place was found, from an address or a field
	Seen       bool     // what is known of it was read from fields
	Confidence float64  // that what is known of it holds; 0 stands for 1 where Seen
}

// Detail is something known of an account beyond its identifier.
type Detail string

// The details of which claims speak.
const (
	DetailRegistered Detail = "registered" // when the account was created
	DetailLastSeen   Detail = "last_seen"  // when it was last used
	DetailEmail      Detail = "email"
	DetailPlatform   Detail = "platform" // system or kind of phone
	DetailProfile    Detail = "profile"  // picture or about
	DetailBlocked    Detail = "blocked"  // whom it blocks or who blocks it
	DetailGroups     Detail = "groups"   // names or identifiers of its groups
)

// details lists the words that a ledger may use.
var details = []Detail{DetailRegistered, DetailLastSeen, DetailEmail, DetailPlatform, DetailProfile, DetailBlocked, DetailGroups}

// Use is one messenger used by one party.
type Use struct {
	Party      string
	Service    string
	How        []string // as in a report: sni, dns, frame, address, port, behaviour, ...
	Roles      []string // message, media, call, push, web
	Bytes      uint64
	Lasted     bool // begin and end of its flows are known
	Confidence float64
}

// Event is one thing that a party did at one time.
type Event struct {
	ID        string
	Kind      string // message, media, call, receipt, typing, presence, login, keepalive
	Service   string
	Party     string
	Peer      string // party or address of the other end, "" where not known
	Group     string // "" where none is known
	Direction string // sent, received
	// PeerConfidence is that Peer is right, given that the event is; 0 where the
	// peer is in no doubt of its own, as it was read.
	PeerConfidence float64
	// Odds are the probabilities of the parties that could be the peer, where
	// these were worked out; they may sum to less than 1.
	Odds        []float64
	Confidence  float64
	Bytes       uint64
	Lasted      bool // it has an end
	Seen        bool // read directly from a field, and the peer with it where there is one
	PeerAddress bool // the network address of the other end is known
}

// Contact is two parties that talked.
type Contact struct {
	A, B       string
	Via        string // direct, call, group
	Service    string
	Messages   int // media included
	Calls      int
	Seen       bool // both ends were read from fields
	Confidence float64
}

// ref names a contact where ids of other things stand too.
func (c *Contact) ref() string { return c.A + "-" + c.B }

// Group is three or more parties that receive the same messages.
type Group struct {
	ID         string
	Members    []string
	Service    string
	Messages   int
	Seen       bool // membership was read from fields
	Confidence float64
}
