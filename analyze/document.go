// Package analyze turns records into a Report: who talked to whom, when, how
// long and how, how sure that is, and on what evidence.
package analyze

import "time"

// Schema names the contract of the JSON document.
const Schema = "envelope/report/1"

// Report is the result of one analysis and the contract of --format json. It is
// deterministic for the same inputs and flags. Lists are sorted and never null.
type Report struct {
	Schema    string          `json:"schema"`
	Tool      Tool            `json:"tool"`
	Inputs    []Input         `json:"inputs"`
	Parties   []Party         `json:"parties"`
	Services  []ServiceUse    `json:"services"`
	Events    []Event         `json:"events"`
	Contacts  []Contact       `json:"contacts"`
	Groups    []Group         `json:"groups"`
	Channels  []Channel       `json:"channels"` // one for each message list given
	Observers []ObserverFacts `json:"observers"`
	Together  []Gain          `json:"together,omitzero"`  // what several observers know together
	Agreement []Agreement     `json:"agreement,omitzero"` // how far who inferred agrees with who read
	Claims    []ClaimState    `json:"claims"`
	Flows     []Flow          `json:"flows,omitzero"` // only with --flows
	Limits    []Limit         `json:"limits"`         // what cannot be seen from these inputs, and why
	Warnings  []string        `json:"warnings"`
}

// Tool says what made the report.
type Tool struct {
	Version string `json:"version"`
	Command string `json:"command"`
}

// Input is one file as it was read.
type Input struct {
	Index    int32      `json:"-"` // in the order the inputs were given
	ID       string     `json:"id"`
	Path     string     `json:"path"`
	SHA256   string     `json:"sha256"`
	Format   string     `json:"format"`
	Observer string     `json:"observer"`
	Grain    string     `json:"grain"`
	Records  int64      `json:"records"`
	Packets  int64      `json:"packets"`
	Bytes    int64      `json:"bytes"`
	First    *time.Time `json:"first"`
	Last     *time.Time `json:"last"`
	// ClockOffset is what to add to the input's own times, in seconds, to bring
	// them to the clock of the first input that it could be compared with, as all
	// times of the report are; First and Last are by its own clock.
	ClockOffset float64  `json:"clock_offset_s"`
	Warnings    []string `json:"warnings"`
}

// Party is a person, device or account as far as observers can tell.
type Party struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind"` // device, account, person
	Addresses []string   `json:"addresses"`
	MACs      []string   `json:"macs,omitempty"`
	Public    []string   `json:"public_addresses,omitempty"` // its addresses as the outside sees them (STUN)
	Names     []Name     `json:"names"`
	Accounts  []string   `json:"accounts"`
	Devices   []string   `json:"devices,omitzero"` // resources, models and user agents that logs name
	Services  []string   `json:"services"`
	Places    []string   `json:"places,omitzero"`       // where its public addresses are, by the user's database
	Known     []string   `json:"on_record,omitzero"`    // what else logs have of its accounts: registered, last_seen, email, platform, profile, blocked, groups
	Listed    int        `json:"address_book,omitzero"` // entries of its address book that logs show
	Same      []string   `json:"same_person,omitzero"`  // other parties that seem to be devices of the same person
	Evidence  []Evidence `json:"evidence"`
}

// Name is one name of a party, how it became known and how sure it is.
type Name struct {
	Value string `json:"value"`
	How   string `json:"how"` // names, dhcp, mdns, netbios, dns
	Grade string `json:"grade"`
}

// Evidence points at a packet or line of an input.
type Evidence struct {
	Input string `json:"input"` // id of the input
	At    int64  `json:"at"`    // packet or line number, from 1
	Note  string `json:"note"`
}

// ServiceUse is one messenger used by one party.
type ServiceUse struct {
	Service    string     `json:"service"`
	Party      string     `json:"party"`
	How        []string   `json:"how"` // sni, quic, dns, stun, frame, port, address, app, behaviour
	Flows      int        `json:"flows"`
	BytesUp    uint64     `json:"bytes_up"`
	BytesDown  uint64     `json:"bytes_down"`
	First      time.Time  `json:"first"`
	Last       time.Time  `json:"last"`
	Confidence float64    `json:"confidence"`
	Roles      []string   `json:"roles"`    // what its flows are for: message, media, call, push, web; only web is a visit, not use of the app
	Evidence   []Evidence `json:"evidence"` // the packets that carry the marks
}

// Event is one thing a party did at one time.
type Event struct {
	ID        string     `json:"id"`
	Time      time.Time  `json:"time"`
	End       *time.Time `json:"end"`
	Kind      string     `json:"kind"` // message, media, call, receipt, typing, presence, login, keepalive
	Service   string     `json:"service"`
	Party     string     `json:"party"`
	Direction string     `json:"direction,omitempty"` // sent, received
	Peer      *string    `json:"peer"`                // party id, or an address where only that is known
	Group     *string    `json:"group"`
	// PeerConfidence is that Peer is right, given that the event is.
	PeerConfidence float64 `json:"peer_confidence,omitzero"`
	Bytes          uint64  `json:"bytes"`
	Confidence     float64 `json:"confidence"`
	Grade          string  `json:"grade"`
	Grain          string  `json:"grain"`
	Call           *Call   `json:"call,omitempty"`
	// Address is that of the party in this event, with the port of its flow where
	// known.
	Address   string     `json:"address,omitzero"`
	Device    string     `json:"device,omitzero"`     // of the party in this event, as a log names it
	MessageID string     `json:"message_id,omitzero"` // of a log, as are the two below
	Type      string     `json:"type,omitzero"`       // the log's own word for the kind
	Style     string     `json:"style,omitzero"`      // and for the style: one to one, group
	Evidence  []Evidence `json:"evidence"`
}

// Call is what is known of a call beyond its times. A field that cannot be
// seen from the inputs is "unknown" or null, never a default.
type Call struct {
	Media         string   `json:"media"`          // audio, video, unknown
	Path          string   `json:"path"`           // direct, relayed, unknown
	PeerAddresses []string `json:"peer_addresses"` // public and internal addresses of the other end
	Answered      *bool    `json:"answered"`       // null where it cannot be seen
	Outcome       string   `json:"outcome"`        // answered, rejected, unanswered, unknown
	AnsweredAt    *string  `json:"answered_at,omitempty"`
	Role          string   `json:"role"` // caller, callee, unknown
	Relays        []string `json:"relays,omitempty"`
}

// Contact is two parties that talked.
type Contact struct {
	A             string    `json:"a"`
	B             string    `json:"b"`
	Via           string    `json:"via"` // direct, call, group
	Service       string    `json:"service"`
	Messages      int       `json:"messages"`
	Media         int       `json:"media"`
	Calls         int       `json:"calls"`
	CallSeconds   float64   `json:"call_seconds"`
	Bytes         uint64    `json:"bytes"`
	First         time.Time `json:"first"`
	Last          time.Time `json:"last"`
	Confidence    float64   `json:"confidence"`
	Grade         string    `json:"grade"`
	ExpectedFalse float64   `json:"expected_false"` // wrong contacts expected among those of at least this confidence
	Candidates    int       `json:"candidates"`     // parties that could have been the peer
	Evidence      []string  `json:"evidence"`       // event ids
}

// Group is three or more parties that receive the same messages.
type Group struct {
	ID      string   `json:"id"`
	Account string   `json:"account,omitzero"` // what logs call it
	Name    string   `json:"name,omitzero"`
	Members []string `json:"members"`
	// MemberConfidence holds one probability per member.
	MemberConfidence []float64 `json:"member_confidence"`
	Service          string    `json:"service"`
	Messages         int       `json:"messages"`
	First            time.Time `json:"first"`
	Last             time.Time `json:"last"`
	Confidence       float64   `json:"confidence"`
	Grade            string    `json:"grade"`
}

// ObserverFacts is what one observer can tell from its inputs.
type ObserverFacts struct {
	Observer string `json:"observer"`
	Facts    []Fact `json:"facts"`
	Guess    *Guess `json:"guess,omitempty"` // of the peers of events, where there are any
}

// Guess is how well the peers of events can be guessed that were not read.
type Guess struct {
	Events     int     `json:"events"`     // whose peer is in doubt
	Read       int     `json:"read"`       // whose peer is in none
	Outside    int     `json:"outside"`    // of which only is known that the other end is not in view
	Candidates float64 `json:"candidates"` // effective number, 2^entropy, on average
	Best       float64 `json:"best"`       // probability of the best candidate, on average
}

// Gain is one kind of finding, counted for each observer alone and for all
// together.
type Gain struct {
	What     string         `json:"what"`
	Alone    map[string]int `json:"alone"`
	Together int            `json:"together"`
	New      int            `json:"new"` // what all found beyond the best of them alone
}

// Fact is one question, such as "whom", and its state for one observer.
type Fact struct {
	Fact       string   `json:"fact"`
	State      string   `json:"state"` // seen, inferred, not_visible, no_data
	Count      int      `json:"count"`
	Confidence float64  `json:"confidence"`
	Evidence   []string `json:"evidence"` // ids, the surest few; "network:e3" is e3 of the report --as network
}

// ClaimState is one claim of the ledger held against the data.
type ClaimState struct {
	ID       string   `json:"id"`
	Who      string   `json:"who"`       // says so
	Says     string   `json:"statement"` // in our words
	State    string   `json:"state"`     // reproduced, partly, not_reproduced, not_testable, contradicted
	Evidence []string `json:"evidence"`
	Why      string   `json:"why"`
}

// Flow is one row of --flows.
type Flow struct {
	Proto      string    `json:"proto"`
	Src        string    `json:"src"`
	Sport      uint16    `json:"sport"`
	Dst        string    `json:"dst"`
	Dport      uint16    `json:"dport"`
	Service    string    `json:"service"`
	Role       string    `json:"role,omitempty"`
	How        []string  `json:"how"`
	Confidence float64   `json:"confidence"`
	Packets    uint64    `json:"packets"`
	Bytes      uint64    `json:"bytes"`
	First      time.Time `json:"first"`
	Last       time.Time `json:"last"`
	Host       string    `json:"host,omitempty"`
	HostHow    string    `json:"host_how,omitempty"`
	ALPN       []string  `json:"alpn,omitempty"`
	JA4        string    `json:"ja4,omitempty"`
	ECH        bool      `json:"ech,omitempty"`
	App        string    `json:"app,omitempty"`
}

// Limit is something that cannot be seen from these inputs: a different answer
// from "not seen".
type Limit struct {
	What string `json:"what"` // the fact or kind of event
	Why  string `json:"why"`
}

// Grade gives the fixed word for a probability: "likely" from 0.9, "possible"
// from 0.5, "" below. "seen" is given only where a field was read directly.
func Grade(p float64) string {
	switch {
	case p >= 0.9:
		return "likely"
	case p >= 0.5:
		return "possible"
	}
	return ""
}
