package logs

import (
	"bytes"
	"errors"
	"mime"
	"net/mail"
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

// maxField bounds one field of a header in bytes.
const maxField = 64 << 10

// mailbox reads mails line by line.
type mailbox struct {
	r        *reader
	inHeader bool
	blank    bool   // the line before was empty
	name     string // of the field at hand, lower case, "" for one that is not read
	fields   map[string]string
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
		if m.name != "" && len(m.fields[m.name])+len(b) < maxField {
			m.fields[m.name] += " " + string(bytes.TrimSpace(b))
		}
		return
	}
	name, value, _ := bytes.Cut(b, []byte(":"))
	switch m.name = strings.ToLower(string(name)); m.name {
	case "from", "to", "cc", "date", "message-id", "received", "content-type":
		if len(value) < maxField {
			m.fields[m.name] = string(bytes.TrimSpace(value)) // the last Received is the first hop
		}
	default:
		m.name = ""
	}
}

// conclude yields the mail whose header has ended.
func (m *mailbox) conclude() error {
	f := m.fields
	m.fields, m.name = nil, ""
	if f == nil {
		return nil
	}
	from := mailEnds(f["from"])
	date, err := mail.ParseDate(f["date"])
	if err != nil || date.Year() < 1970 || date.Year() > 2200 {
		return errors.New("the date of the mail is missing or no date")
	}
	if len(from) == 0 {
		return nil
	}
	e := capture.Entry{Kind: capture.EntryMessage, Service: "mail", From: from[0], Unit: time.Second,
		To: append(mailEnds(f["to"]), mailEnds(f["cc"])...), ID: strings.Trim(f["message-id"], "<> "), Style: mailStyle(f["content-type"])}
	if hop, ok := between(f["received"], "[", "]"); ok {
		e.From.Addr = addrOf(strings.TrimPrefix(hop, "IPv6:"))
	}
	line := m.r.at
	m.r.at = m.at
	m.r.entry(capture.TimeOf(date), &e)
	m.r.at = line
	return nil
}

func mailEnds(list string) []capture.End {
	addresses, err := mail.ParseAddressList(list)
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
