package capture

import (
	"net/netip"
	"time"
)

// EntryKind is what a line of a log says that somebody did, or is.
type EntryKind string

// Kinds of entries. The first eight are events; the others are facts about
// accounts that no moment of talk belongs to.
const (
	EntryMessage  EntryKind = "message"
	EntryMedia    EntryKind = "media" // an attachment, or the message that carries one
	EntryCall     EntryKind = "call"  // from Record.Time to Until
	EntryReceipt  EntryKind = "receipt"
	EntryTyping   EntryKind = "typing"
	EntryPresence EntryKind = "presence"
	EntryLogin    EntryKind = "login"  // From is at From.Addr from now on
	EntryLogout   EntryKind = "logout" // and no longer

	EntryMember  EntryKind = "member"  // From is a member of Group; To too, where From added them
	EntryLeave   EntryKind = "leave"   // From is no longer
	EntryContact EntryKind = "contact" // From has To in its address book
	EntryAccount EntryKind = "account" // From's account, names, address and device belong together
)

// Event tells whether k is something that happened at a moment, and not a fact
// about accounts.
func (k EntryKind) Event() bool {
	switch k {
	case EntryMember, EntryLeave, EntryContact, EntryAccount:
		return false
	}
	return true
}

// Entry is one thing that a log says: who did what, to whom. What the log does
// not say is empty; no field is a guess of the reader.
type Entry struct {
	Kind    EntryKind
	Service string // messenger as in analyze/service; "xmpp", "matrix", "mail", "sip", "phone"; "" where the log is not of one messenger
	From    End
	To      []End // empty where the log does not name them
	Group   string
	// GroupName is the name of the group for people.
	GroupName string
	// Half is the half of a message that the line is about: HalfSent is that
	// From handed it over, HalfReceived that it reached To. HalfBoth where one
	// line stands for the whole.
	Half Half
	ID   string // of the message, call or session, as the log has it: lines of one thing share it
	// Size is of the message or attachment in bytes, 0 where not said; Text is set where
	// it is the length of the text itself, which only an end of the conversation knows.
	Size  uint64
	Text  bool
	Until Time // end of a call, session or lease; 0 where not said
	Call  *CallEntry
	// Unit is the unit the time is written in: 1 s for whole seconds, 1 min for
	// chat exports without seconds. The event lies within [Time, Time+Unit).
	Unit time.Duration
	// Known names what an EntryAccount says is on record of the account besides,
	// without the values: registered, last_seen, email, platform, profile, blocked,
	// groups.
	Known []string
	Type  string // the log's own words for the kind and style of a message
	Style string
}

// End is one end of an Entry as the log names it.
type End struct {
	Account string     // JID without resource, Matrix id, mail address, telephone number with "+", user id; "" where not named
	Name    string     // display name
	Addr    netip.Addr // as the log's owner saw it: behind NAT the public one
	Port    uint16
	Device  string // resource, device id, user agent or model
	Cell    string // cell or antenna that served it, as a carrier's log names it
}

// Half of a message.
type Half uint8

// Halves; see Entry.
const (
	HalfBoth Half = iota
	HalfSent
	HalfReceived
)

// CallEntry is what a log says of a call beyond its ends and times.
type CallEntry struct {
	Media    string // "audio", "video", "" where not said
	Path     string // "direct", "relayed", ""
	Outcome  string // "answered", "rejected", "unanswered", "busy", "failed", ""
	Answered Time   // 0 where not said
	// Relay is the address and port that a relay gave From for its media, and Peers
	// those it exchanged data with there: two allocations that name each other
	// are the two ends of one call.
	Relay netip.AddrPort
	Peers []netip.AddrPort
	Bytes [2]uint64 // relayed from and to From
	// PeerBytes are those that came from the other end and went to it: the two
	// ends of a call through one relay have the same, the other way round.
	PeerBytes [2]uint64
}
