package report

import (
	"encoding/csv"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"envelope/analyze"
)

// MessageLogColumns are those of WhatsApp's own record of a message, as its
// legal-process returns have them, and behind them how sure the row is and what
// it rests on.
var MessageLogColumns = []string{"Timestamp", "Message Id", "Sender", "Recipients", "Group Id", "Sender Ip", "Sender Port", "Sender Device",
	"Type", "Message Style", "Message Size", "Message Probability", "Sender Probability", "Recipients Probability", "Evidence"}

// NotVisible stands in a message log for what the observers of the inputs cannot know.
const NotVisible = "not visible"

// MessageLog writes the messages of a report as CSV (RFC 4180), one row each,
// in order of time: those that were sent, and those that were received and
// whose sending was not seen. A field that the inputs cannot tell reads "not
// visible"; what is inferred has its probability in a column of its own, which
// is empty where the field was read.
func MessageLog(w io.Writer, r *analyze.Report) error {
	l := newMessageLog(r)
	out := csv.NewWriter(w)
	if err := out.Write(MessageLogColumns); err != nil {
		return err
	}
	for i := range r.Events {
		e := &r.Events[i]
		if !l.stands(e) {
			continue
		}
		row := l.row(e)
		for k := range row {
			row[k] = inert(row[k])
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// inert keeps a spreadsheet from taking a cell for a formula: names come from
// whoever is in the capture. Telephone numbers begin with "+" and are left.
func inert(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@", rune(cell[0])) || cell[0] == '+' && strings.Trim(cell[1:], "0123456789, +") == "" {
		return cell
	}
	return "'" + cell
}

// messageLog is what the rows are made from.
type messageLog struct {
	party map[string]*analyze.Party
	group map[string]*analyze.Group
	sends map[string]bool     // parties and messengers of which sent messages are at hand
	got   map[string][]string // who got the messages that only deliveries tell of, by messenger and ID
	told  map[string]bool     // of which, those that have a row
}

func newMessageLog(r *analyze.Report) *messageLog {
	l := &messageLog{map[string]*analyze.Party{}, map[string]*analyze.Group{}, map[string]bool{}, map[string][]string{}, map[string]bool{}}
	for i := range r.Parties {
		l.party[r.Parties[i].ID] = &r.Parties[i]
	}
	for i := range r.Groups {
		l.group[r.Groups[i].ID] = &r.Groups[i]
	}
	for i := range r.Events {
		if e := &r.Events[i]; isMessage(e) && e.Direction == "sent" {
			l.sends[e.Party+" "+e.Service] = true
		}
	}
	for i := range r.Events {
		if e := &r.Events[i]; e.MessageID != "" && l.delivered(e) {
			l.got[e.Service+" "+e.MessageID] = append(l.got[e.Service+" "+e.MessageID], e.Party)
		}
	}
	return l
}

func isMessage(e *analyze.Event) bool { return e.Kind == "message" || e.Kind == "media" }

// delivered tells a message that was received and nothing of whose sender is at
// hand, or else it would stand twice.
func (l *messageLog) delivered(e *analyze.Event) bool {
	return isMessage(e) && e.Direction == "received" && (e.Peer == nil || !l.sends[*e.Peer+" "+e.Service])
}

// stands tells whether an event has a row: what was sent has, and the first
// delivery of what is known by its deliveries only.
func (l *messageLog) stands(e *analyze.Event) bool {
	if e.Direction != "received" {
		return isMessage(e)
	}
	id := e.Service + " " + e.MessageID
	if !l.delivered(e) || e.MessageID != "" && l.told[id] {
		return false
	}
	l.told[id] = true
	return true
}

func (l *messageLog) row(e *analyze.Event) []string {
	sender, recipients, address, device := NotVisible, NotVisible, "", ""
	var sure [2]string // of sender and recipients
	if e.Direction == "received" {
		recipients = l.receivers(e)
		if e.Peer != nil {
			sender, sure[0] = l.who(*e.Peer), inferred(e, e.PeerConfidence)
		}
	} else {
		sender, address, device = l.who(e.Party), e.Address, e.Device
		recipients, sure[1] = l.recipients(e)
	}
	ip, port := addressCells(address)
	return []string{e.Time.UTC().Format("2006-01-02 15:04:05.000 UTC"), orUnseen(e.MessageID), sender, recipients, l.groupID(e), ip, port, orUnseen(device),
		orUnseen(typeOf(e)), l.style(e), sizeCell(e), inferred(e, e.Confidence), sure[0], sure[1], evidenceCell(e.Evidence)}
}

// orUnseen puts "not visible" for what is not there.
func orUnseen(s string) string {
	if s == "" {
		return NotVisible
	}
	return Clean(s)
}

// who names a party as an operator would: by account, else by name, else by
// address.
func (l *messageLog) who(id string) string {
	p := l.party[id]
	switch {
	case p == nil:
		return Clean(id)
	case len(p.Accounts) > 0:
		return Clean(p.Accounts[0])
	case len(p.Names) > 0:
		return strings.ReplaceAll(Clean(p.Names[0].Value), ",", ";") // commas part recipients
	case len(p.Addresses) > 0:
		return p.Addresses[0]
	}
	return id
}

// recipients are the peer, or the other members of the group.
func (l *messageLog) recipients(e *analyze.Event) (names, probability string) {
	if e.Group != nil && l.group[*e.Group] != nil {
		g := l.group[*e.Group]
		var others []string
		for _, m := range g.Members {
			if m != e.Party {
				others = append(others, l.who(m))
			}
		}
		if g.Grade == "seen" {
			return strings.Join(others, ", "), ""
		}
		return strings.Join(others, ", "), probabilityCell(g.Confidence)
	}
	if e.Peer == nil {
		return NotVisible, ""
	}
	return l.who(*e.Peer), inferred(e, e.PeerConfidence)
}

// receivers are all who got a message, by its ID.
func (l *messageLog) receivers(e *analyze.Event) string {
	list := l.got[e.Service+" "+e.MessageID]
	if len(list) == 0 {
		return l.who(e.Party)
	}
	var names []string
	for _, id := range list {
		if name := l.who(id); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// inferred is a probability, empty where the event was read from a log's own
// fields.
func inferred(e *analyze.Event, p float64) string {
	if e.Grade == "seen" {
		return ""
	}
	return probabilityCell(p)
}

func probabilityCell(p float64) string { return strconv.FormatFloat(p, 'f', -1, 64) }

func (l *messageLog) groupID(e *analyze.Event) string {
	if e.Group == nil {
		return NotVisible
	}
	if g := l.group[*e.Group]; g != nil && g.Account != "" {
		return Clean(g.Account)
	}
	return *e.Group
}

// style says what kind of conversation it is, in the log's words or in ours.
func (l *messageLog) style(e *analyze.Event) string {
	switch {
	case e.Style != "":
		return Clean(e.Style)
	case e.Group != nil:
		return "group"
	case e.Peer != nil:
		return "individual"
	}
	return NotVisible
}

func typeOf(e *analyze.Event) string {
	if e.Type != "" {
		return e.Type
	}
	if e.Kind == "media" {
		return "media"
	}
	return "" // a text, a reaction or another thing as short
}

// sizeCell is the bytes on the wire or as the log has them.
func sizeCell(e *analyze.Event) string {
	if e.Bytes == 0 {
		return NotVisible
	}
	return strconv.FormatUint(e.Bytes, 10)
}

func addressCells(s string) (ip, port string) {
	if at, err := netip.ParseAddrPort(s); err == nil {
		return at.Addr().String(), strconv.Itoa(int(at.Port()))
	}
	if s == "" {
		return NotVisible, NotVisible
	}
	return s, NotVisible
}

// evidenceCell names packets and lines: "i1:311 i2:17".
func evidenceCell(list []analyze.Evidence) string {
	var out []string
	for _, v := range list {
		if at := v.Input + ":" + strconv.FormatInt(v.At, 10); !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	return strings.Join(out, " ")
}
