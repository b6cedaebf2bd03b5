package logs

import (
	"bytes"
	"errors"
	"mime"
	"net/mail"
	"net/netip"
	"slices"
	"strings"
	"time"

	"envelope/capture"
)

// mailFormat is mails themselves, one (RFC 5322) or many in an mbox (RFC
// 4155). Of the header the addresses, the date, the way and the type are read;
// bodies and subjects are passed over.
func mailFormat() capture.Format {
	return capture.Format{
		Name: "mail", Title: "Mail or mailbox (.eml, mbox)",
		Observer: capture.Mailhop, Grain: capture.GrainEntry,
		Shows: []string{"who", "whom", "when", "service", "location"},
		Hides: "Who got blind copies, and when a mail was read: the header has what its sender wrote into it and the servers on its way.",
		Sniff: sniffMail,
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			m := &mailbox{r: r, inHeader: true}
			return m.line, m.conclude
		}),
	}
}

// sniffMail tells whether a header with a sender, a date and one more field of
// mail stands at the start.
func sniffMail(head []byte) bool {
	if bytes.HasPrefix(head, []byte("From ")) {
		_, head, _ = bytes.Cut(head, []byte("\n"))
	}
	found := map[string]bool{}
	for range 200 {
		line, rest, more := bytes.Cut(head, []byte("\n"))
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _, ok := bytes.Cut(line, []byte(":"))
			if !ok || len(name) > 76 || bytes.ContainsAny(name, " \t\"{") {
				return false
			}
			found[strings.ToLower(string(name))] = true
		}
		if head = rest; !more {
			break
		}
	}
	return found["from"] && found["date"] && (found["received"] || found["message-id"] || found["to"] && found["mime-version"])
}

// maxField bounds one field of a header in bytes, maxHop one Received field, and maxHops
// their number: servers give a mail up as going round in circles behind a
// hundred of them (RFC 5321 section 6.3).
const (
	maxField = 64 << 10
	maxHop   = 4 << 10
	maxHops  = 100
)

// mailbox reads mails line by line.
type mailbox struct {
	r        *reader
	inHeader bool
	blank    bool   // the line before was empty
	name     string // of the field at hand, lower case, "" for one that is not read
	fields   map[string]string
	hops     []string // the Received fields, the last hop first
	at       int64
}

func (m *mailbox) line(b []byte) error {
	var err error
	switch {
	case bytes.HasPrefix(b, []byte("From ")) && (m.r.at == 1 || m.blank && !m.inHeader):
		m.inHeader, m.fields, m.name = true, nil, ""
	case !m.inHeader:
	case len(b) == 0:
		err = m.conclude()
		m.inHeader = false
	default:
		m.field(b)
	}
	m.blank = len(b) == 0
	return err
}

// field takes a line of a header; a line that begins with a blank goes on with
// the one before.
func (m *mailbox) field(b []byte) {
	if m.fields == nil {
		m.fields, m.at = map[string]string{}, m.r.at
	}
	if b[0] == ' ' || b[0] == '\t' {
		m.unfold(bytes.TrimSpace(b))
		return
	}
	name, value, _ := bytes.Cut(b, []byte(":"))
	switch m.name = strings.ToLower(string(name)); m.name {
	case "received":
		if len(m.hops) == maxHops || len(value) >= maxHop {
			m.name = ""
			break
		}
		m.hops = append(m.hops, string(bytes.TrimSpace(value)))
	case "from", "to", "cc", "date", "message-id", "content-type":
		if len(value) < maxField {
			m.fields[m.name] = string(bytes.TrimSpace(value))
		}
	default:
		m.name = ""
	}
}

// unfold adds a line to the field at hand.
func (m *mailbox) unfold(b []byte) {
	switch {
	case m.name == "":
	case m.name == "received":
		if k := len(m.hops) - 1; k >= 0 && len(m.hops[k])+len(b) < maxHop {
			m.hops[k] += " " + string(b)
		}
	case len(m.fields[m.name])+len(b) < maxField:
		m.fields[m.name] += " " + string(b)
	}
}

// conclude yields the mail whose header has ended.
func (m *mailbox) conclude() error {
	f, hops := m.fields, m.hops
	m.fields, m.name, m.hops = nil, "", nil
	if f == nil {
		return nil
	}
	from := mailEnds(f["from"])
	date, err := mail.ParseDate(f["date"])
	if err != nil || date.Year() < 1970 || date.Year() > 2200 {
		return errors.New("the date of the mail is missing or no date")
	}
	if len(from) == 0 {
		return errors.New("the sender of the mail is missing or no address")
	}
	e := capture.Entry{Kind: capture.EntryMessage, Service: "mail", From: from[0], Unit: time.Second,
		To: append(mailEnds(f["to"]), mailEnds(f["cc"])...), ID: strings.Trim(f["message-id"], "<> "), Style: mailStyle(f["content-type"])}
	if k := len(hops); k > 0 {
		e.From.Addr = hopAddr(hops[k-1])
		hops = hops[:k-1]
	}
	line := m.r.at
	m.r.at = m.at
	m.r.entry(capture.TimeOf(date), &e)
	for _, hop := range slices.Backward(hops) {
		m.hop(hop)
	}
	m.r.at = line
	return nil
}

// hop yields the name of a server that handed the mail on, at the time when it did.
func (m *mailbox) hop(field string) {
	k := strings.LastIndexByte(field, ';')
	addr, name := hopAddr(field), hopName(field)
	date, err := mail.ParseDate(strings.TrimSpace(field[k+1:]))
	if k < 0 || err != nil || date.Year() < 1970 || date.Year() > 2200 || name == "" || !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return
	}
	m.r.name(capture.TimeOf(date), &capture.Name{Addr: addr, Value: strings.ToLower(name), How: "received"})
}

// hopAddr is the address that a server took a mail from, as it saw it: in brackets
// within the comment (RFC 5321 section 4.4, "TCP-info"), in brackets where there is no such
// comment, or bare in one. What stands before the comment the client said of itself.
func hopAddr(field string) netip.Addr {
	from, _, _ := strings.Cut(field, " by ")
	said, comment, _ := strings.Cut(from, " (")
	for _, part := range []string{comment, said} {
		if inside, ok := between(part, "[", "]"); ok {
			if addr := addrOf(strings.TrimPrefix(inside, "IPv6:")); addr.IsValid() {
				return addr
			}
		}
	}
	for word := range strings.FieldsSeq(comment) {
		if addr := addrOf(word); addr.IsValid() {
			return addr
		}
	}
	return netip.Addr{}
}

// hopName is the name of that host as the server looked it up, "" where it did
// not find one: the first word of the comment.
func hopName(field string) string {
	from, _, _ := strings.Cut(field, " by ")
	_, comment, _ := strings.Cut(from, " (")
	name, _, _ := strings.Cut(comment, " ")
	name = strings.TrimSuffix(name, ".")
	if name == "unknown" || !hostName(name) || addrOf(name).IsValid() {
		return ""
	}
	return name
}

func mailEnds(list string) []capture.End {
	addresses, err := mail.ParseAddressList(strings.ToValidUTF8(list, "?")) // display names may be in any charset
	if err != nil {
		return nil
	}
	var ends []capture.End
	for _, a := range addresses {
		if account := mailAccount(a.Address); account != "" {
			ends = append(ends, capture.End{Account: account, Name: a.Name})
		}
	}
	return ends
}

// mailStyle tells OpenPGP (RFC 3156) and S/MIME (RFC 8551) by the type of the
// content.
func mailStyle(contentType string) string {
	kind, params, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
	case kind == "multipart/encrypted" && params["protocol"] == "application/pgp-encrypted":
		return "openpgp"
	case kind == "application/pkcs7-mime", kind == "application/x-pkcs7-mime":
		return "smime"
	}
	return ""
}
