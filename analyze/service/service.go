// Package service holds what is known of each messenger, as data, and tells
// which messenger a flow belongs to. The knowledge is in data/*.json, one file
// a messenger; every mark there says how far it can be trusted, where it comes
// from and when that was read. The user may add files of the same form.
//
// A mark is something that shows in clear: a server name, a wire signature, a
// TURN realm, an address range, a port, an ALPN name, a client fingerprint, or
// the app that the recorder named. The package reads no packets and keeps
// nothing between flows.
package service

import (
	"maps"
	"slices"
)

// Role is what a flow is for. It does not say what one flow really carried:
// many messengers send media over the connection of their messages.
type Role string

// The roles of the data files.
const (
	Message Role = "message" // the connection that carries messages, receipts and presence
	Media   Role = "media"   // attachments, stickers, profile pictures
	Call    Role = "call"    // call set-up and call media
	Push    Role = "push"    // the platform's wake-up channel, which serves other apps as well
	Web     Role = "web"     // the company's web site, help pages and links: a visit, not use of the app
	Other   Role = "other"   // under a messenger's domain and not the messenger: such a host matches nothing
)

// Kind is the sort of a mark.
type Kind string

// The kinds of marks, from what says most to what says least.
const (
	App   Kind = "app"   // package or app name as the recorder wrote it, in any letter case
	Host  Kind = "host"  // name of the server; see Service for the patterns
	Sign  Kind = "sign"  // wire signature, as capture/wire names it
	Realm Kind = "realm" // TURN realm (RFC 8656), a suffix on a label boundary
	ALPN  Kind = "alpn"  // protocol name offered by the client (RFC 7301)
	JA4   Kind = "ja4"   // fingerprint of the client hello
	Net   Kind = "net"   // address ranges
	Port  Kind = "port"  // "tcp/5222" or "udp/3478-3481"
)

// Mark is one fact by which a messenger is told.
type Mark struct {
	Kind   Kind    `json:"kind"`
	Value  string  `json:"value"`
	Tail   string  `json:"tail,omitempty"` // net only: how the address must end
	Port   string  `json:"port,omitempty"` // net only: the port that must be used at the address
	Role   Role    `json:"role"`
	Weight float64 `json:"weight"` // probability that a flow with this mark alone is this messenger, in (0,1]
	Source string  `json:"source"`
	Date   string  `json:"date"` // when the source was read or the capture measured, YYYY-MM-DD
	Note   string  `json:"note,omitempty"`
}

// Service is what is known of one messenger.
//
// A host mark is a domain, which holds for the name itself and all names below
// it; or it has one "*" in its first label, which stands for any characters of
// that label ("e*.whatsapp.net"); or its last label is "*", which stands for
// the rest of the name ("matrix.*"). Of several marks that hold, the one with
// the most labels wins, a plain one over one with "*".
//
// A net mark is one or more prefixes ("149.154.160.0/20"), with spaces between
// them. Its tail narrows it to addresses that end in one of the given last
// octets (IPv4: "53 60") or last four groups (IPv6: "face:b00c:0:167"), since
// some companies give each of their products the same host number in every
// data centre. Its port narrows it to flows that use that port there.
type Service struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Company string `json:"company"`
	Note    string `json:"note,omitempty"`
	Marks   []Mark `json:"marks"`
}

// Set is all messengers known, ready for matching. It is not changed after
// Load and may be used from several goroutines.
type Set struct {
	services []Service // by id
	index    index
}

// Services returns what is known of each messenger, sorted by id. The caller
// must not change what it holds.
func (s *Set) Services() []Service { return slices.Clip(s.services) }

// Row is one messenger in short, for a table.
type Row struct {
	ID, Name, Company string
	Marks             int
	Kinds             []Kind // in which marks are known, sorted
	Newest            string // date of the youngest mark, YYYY-MM-DD
}

// Describe returns one row a messenger, sorted by id.
func (s *Set) Describe() []Row {
	rows := make([]Row, 0, len(s.services))
	for _, v := range s.services {
		r := Row{ID: v.ID, Name: v.Name, Company: v.Company, Marks: len(v.Marks)}
		kinds := map[Kind]bool{}
		for _, m := range v.Marks {
			kinds[m.Kind] = true
			r.Newest = max(r.Newest, m.Date)
		}
		r.Kinds = slices.Sorted(maps.Keys(kinds))
		rows = append(rows, r)
	}
	return rows
}
