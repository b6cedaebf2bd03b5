package logs

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// returnFormats read what WhatsApp hands over upon legal process. Four public
// parsers agree on the labels; the layouts differ.
func returnFormats(o Options) []capture.Format {
	base := capture.Format{
		Observer: capture.Operator, Grain: capture.GrainEntry, Early: true,
		Shows: []string{"who", "whom", "when", "duration", "volume", "service", "device", "location", "group", "presence"},
		Hides: "what was said: the company has no key; and whatever lies outside the dates or accounts of the request",
	}
	page, text := base, base
	page.Name, page.Title, page.Sniff, page.Read = "whatsapp-return", "WhatsApp legal-process return (HTML)", sniffReturnPage, readReturnPage(o)
	text.Name, text.Title, text.Sniff, text.Read = "whatsapp-return-text", "WhatsApp legal-process return (text of the PDF)", sniffReturnText, readReturnText(o)
	return []capture.Format{page, text}
}

// Bounds of one record of a return.
const (
	maxReturnValue = 16 << 10 // bytes of a value
	maxReturnPeers = 4096     // participants of a call, recipients of a message: groups have up to 1,024
	maxReturnKinds = 64       // different labels that are not known
)

// returnKind is the kind of record that labels belong to.
type returnKind uint8

const (
	returnOther returnKind = iota
	returnRequest
	returnMessage
	returnCall
	returnEvent
	returnPeople
	returnAddress
	returnBook
	returnGroup
	returnConnection
	returnWeb
	returnOffline
	returnFact  // sections of which only is told that they have something
	returnEmpty // sections without a reader, which mostly have no records
)

// returnSections are the sections, by the beginning of their names in headings
// ("Message Log") and identifiers ("property-message_log").
var returnSections = []struct {
	name string
	kind returnKind
}{
	{"request parameters", returnRequest}, {"message log", returnMessage}, {"call log", returnCall}, {"ip addresses", returnAddress},
	{"address book", returnBook}, {"groups", returnGroup}, {"connection", returnConnection}, {"web info", returnWeb}, {"offline log", returnOffline},
	{"ncmec reports", returnEmpty}, {"small medium business", returnEmpty}, {"device info", returnEmpty}, {"offline info", returnEmpty},
	{"emails", returnFact}, {"registrations info", returnFact}, {"about", returnFact}, {"profile", returnFact}, {"profile picture", returnFact}, {"blocked contacts", returnFact}, {"blocked users", returnFact},
}

// returnParts are headings within sections.
var returnParts = map[string]returnKind{
	"message": returnMessage, "messages": returnMessage, "call": returnCall, "calls": returnCall, "events": returnEvent, "event log": returnEvent,
	"participants": returnPeople, "owned groups": returnGroup, "owned": returnGroup, "participating groups": returnGroup, "participating": returnGroup,
}

// returnLabels are the fields of each kind of record. Those with false are
// known and not read into anything.
var returnLabels = map[returnKind]map[string]bool{
	returnRequest: {"service": true, "account identifier": true, "account type": false, "internal ticket number": false, "target": false, "generated": false, "date range": false},
	returnMessage: {"timestamp": true, "message id": true, "sender": true, "recipients": true, "group id": true, "sender ip": true, "sender port": true,
		"sender device": true, "type": true, "message style": true, "message size": true},
	returnCall:       {"call id": true, "call creator": true},
	returnEvent:      {"type": true, "timestamp": true, "from": true, "to": true, "from ip": true, "from port": true, "media type": true},
	returnPeople:     {"phone number": true, "state": false, "platform": true},
	returnAddress:    {"time": true, "ip address": true},
	returnBook:       {"symmetric contacts": true, "asymmetric contacts": true},
	returnGroup:      {"id": true, "subject": true, "picture": false, "thumbnail": false, "creation": false, "size": false, "description": false},
	returnConnection: {"device type": true, "device os build number": true, "online since": true, "last seen": true, "last ip": true, "connected from": true, "push name": true, "device id": false, "service start": true, "app version": false, "connection state": false},
	returnWeb:        {"platform": true, "online since": true, "inactive since": true, "version": false, "device manufacturer": false},
	returnFact: {"emails": true, "registered email addresses": true, "email": true, "about": true, "profile picture": true, "picture": true, "blocked contacts": true, "blocked users": true, "blocked": true,
		"registered": true, "registration time": true},
	returnOffline: {"timestamp": true, "from": true, "event": true, "subtype": true, "content": false},
}

// legalReturn takes labels and values, in the order of the document, whatever
// its layout, and yields the records they make.
type legalReturn struct {
	*reader
	o       *Options
	account string
	refused bool // the return is of another service
	kind    returnKind
	part    string // heading of the record at hand, in lower case
	label   string // in lower case, "" for none
	fields  map[string]string
	call    *returnedCall
	unknown map[string]int
	// onRecord are the facts of Entry.Known that the return has.
	onRecord map[string]bool
	lost     int // values cut at maxReturnValue
}

func newReturn(r *reader, o *Options) *legalReturn {
	return &legalReturn{reader: r, o: o, fields: map[string]string{}, unknown: map[string]int{}}
}

func sectionOf(name string) (returnKind, bool) {
	for _, s := range returnSections {
		if name == s.name || name == s.name+" info" || name == s.name+"s" {
			return s.kind, true
		}
	}
	return 0, false
}

// section begins a section.
func (l *legalReturn) section(name string) {
	l.flush()
	l.yieldCall()
	name = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "_", " ")
	kind, known := sectionOf(name)
	if !known {
		l.miss("section " + name)
	}
	l.kind, l.part, l.label = kind, name, ""
}

// heading begins a record within a section.
func (l *legalReturn) heading(name string) {
	kind, known := returnParts[name]
	if !known {
		if _, section := sectionOf(name); section {
			l.section(name)
		} else {
			l.miss(name)
		}
		return
	}
	l.flush()
	if kind == returnCall {
		l.yieldCall()
	}
	l.kind, l.part, l.label = kind, name, ""
}

// begin takes a label. What it belongs to is told by its section; within a
// call the fields of its events and people stand below their headings.
func (l *legalReturn) begin(label string) {
	label = strings.ToLower(strings.Join(strings.Fields(label), " "))
	if name, is := strings.CutSuffix(label, " definition"); is {
		l.section(name)
		l.label = "definition"
		return
	}
	l.label = label
	if label == "call id" && l.kind != returnMessage {
		l.flush()
		l.yieldCall()
		l.kind = returnCall
	}
	if _, known := returnLabels[l.kind][label]; !known {
		return
	}
	if _, twice := l.fields[label]; twice && l.kind != returnBook {
		l.flush()
	}
	l.fields[label] = ""
}

// close makes a heading of a label that had other labels in it instead of a
// value.
func (l *legalReturn) close() {
	if l.label != "" && l.label != "definition" {
		if _, known := returnLabels[l.kind][l.label]; !known {
			l.heading(l.label)
		}
	}
}

// value takes the value of the last label, or one line of it.
func (l *legalReturn) value(text string) {
	read, known := returnLabels[l.kind][l.label]
	text = strings.TrimSpace(text)
	empty := text == "" || strings.Contains(strings.ToLower(text[:min(len(text), 64)]), "no responsive records")
	switch {
	case empty || l.label == "definition" || l.label == "":
	case l.kind == returnFact:
		l.note()
	case !known:
		l.miss(l.label)
	case !read:
	case l.kind == returnBook:
		l.contacts(text)
	default:
		if l.kind == returnConnection {
			l.note()
		}
		l.store(text)
	}
}

// returnLines are the labels whose value may go over several lines. A second line
// under any other is the value of a label that got lost.
var returnLines = map[string]bool{"recipients": true, "to": true, "subject": true, "push name": true}

func (l *legalReturn) store(text string) {
	old := l.fields[l.label]
	if len(old)+len(text) > maxReturnValue {
		l.lost++
		return
	}
	switch {
	case old == "":
		l.fields[l.label] = text
	case returnLines[l.label]:
		l.fields[l.label] = old + "\n" + text
	}
}

func (l *legalReturn) miss(label string) {
	if _, known := l.unknown[label]; known || len(l.unknown) < maxReturnKinds {
		l.unknown[label]++
	}
}

// end yields what is open, and says what could not be read.
func (l *legalReturn) end() {
	l.flush()
	l.yieldCall()
	l.yieldKnown()
	for _, label := range slices.Sorted(maps.Keys(l.unknown)) {
		l.in.Warn(fmt.Sprintf("%s is not known; left out %d times", quoted(label), l.unknown[label]))
	}
	if l.lost > 0 {
		l.in.Warn(fmt.Sprintf("%d values are longer than %d KiB; left out", l.lost, maxReturnValue>>10))
	}
	if l.in.Records == 0 && l.in.First == 0 && !l.refused {
		l.in.Warn("no records in it: the company had none, or the layout is not known")
	}
}

// flush yields the record whose fields are gathered.
func (l *legalReturn) flush() {
	if len(l.fields) == 0 {
		return
	}
	any := false
	for _, v := range l.fields {
		any = any || v != ""
	}
	if any && !l.refused {
		l.fail(l.record())
	}
	clear(l.fields)
}

func (l *legalReturn) record() error {
	switch l.kind {
	case returnRequest:
		return l.request()
	case returnMessage:
		return l.message()
	case returnCall:
		l.openCall()
	case returnEvent:
		return l.event()
	case returnPeople:
		l.participant()
	case returnAddress:
		return l.address()
	case returnGroup:
		l.group()
	case returnConnection:
		return l.connection()
	case returnWeb:
		return l.seen("web "+l.fields["platform"], "online since", "inactive since")
	case returnOffline:
		return l.offline()
	}
	return nil
}

func (l *legalReturn) request() error {
	if service := l.fields["service"]; service != "" && !strings.Contains(strings.ToLower(service), "whatsapp") {
		l.refused = true
		return fmt.Errorf("a legal-process return for %s and not for WhatsApp; not read", quoted(service))
	}
	if id := l.fields["account identifier"]; id != "" {
		l.account = whatsappAccount(id)
	}
	return nil
}

// whatsappAccount makes "+" and digits of a number as the company writes it, in
// international form without a plus or as a JID.
func whatsappAccount(s string) string {
	s = strings.TrimSpace(s)
	if user, host, is := strings.Cut(s, "@"); is {
		if host != "s.whatsapp.net" && host != "c.us" {
			return strings.ToLower(s)
		}
		s, _, _ = strings.Cut(user, ":")
	}
	if n := e164(s); n != "" {
		return n
	}
	return s
}

// accounts splits a list of numbers.
func accounts(s string) (list []string) {
	for _, part := range strings.FieldsFunc(s, func(c rune) bool { return c == ',' || c == ';' || c == '\n' || c == '|' }) {
		part = strings.TrimSpace(part)
		split := []string{part}
		if words := strings.Fields(part); !slices.ContainsFunc(words, func(w string) bool { return len(w) < 7 }) {
			split = words
		}
		for _, one := range split {
			if one != "" && len(list) < maxReturnPeers {
				list = append(list, whatsappAccount(one))
			}
		}
	}
	return list
}

func ends(s string) (list []capture.End) {
	for _, a := range accounts(s) {
		list = append(list, capture.End{Account: a})
	}
	return list
}

// time reads a time of a record, which each must have.
func (l *legalReturn) time(s string) (capture.Time, error) {
	if s == "" {
		return 0, errors.New("a record without a time")
	}
	return returnTime(s, l.o.zone())
}

// returnTime reads a time with UTC or an offset behind it, or else in the zone.
func returnTime(s string, zone *time.Location) (capture.Time, error) {
	if t, is := strings.CutSuffix(strings.TrimSpace(s), " UTC"); is {
		s, zone = t, time.UTC
	}
	at, _, err := parseListTime(s, zone)
	return at, err
}

// source reads an address and a port; what is none is left empty.
func source(addr, port string) (netip.Addr, uint16) {
	addr = strings.TrimSpace(addr)
	if whole, err := netip.ParseAddrPort(addr); err == nil {
		return whole.Addr().Unmap(), whole.Port()
	}
	ip, err := netip.ParseAddr(strings.Trim(addr, "[]"))
	if err != nil {
		return netip.Addr{}, 0
	}
	n, err := strconv.ParseUint(strings.TrimSpace(port), 10, 16)
	if err != nil {
		n = 0
	}
	return ip.Unmap(), uint16(n)
}

// returnMedia are parts of the words for attachments in Type.
var returnMedia = []string{"image", "video", "audio", "ptt", "ptv", "voice", "document", "sticker", "gif", "media", "photo", "vcard", "contact"}

func (l *legalReturn) message() error {
	f := l.fields
	at, err := l.time(f["timestamp"])
	if err != nil {
		return err
	}
	e := &capture.Entry{Kind: capture.EntryMessage, Service: "whatsapp", ID: f["message id"], Group: f["group id"], To: ends(f["recipients"]), Unit: time.Second, Type: f["type"], Style: f["message style"]}
	e.From = capture.End{Account: whatsappAccount(f["sender"]), Device: f["sender device"]}
	e.From.Addr, e.From.Port = source(f["sender ip"], f["sender port"])
	kind := strings.ToLower(e.Type)
	if slices.ContainsFunc(returnMedia, func(w string) bool { return strings.Contains(kind, w) }) {
		e.Kind = capture.EntryMedia
	}
	if size := f["message size"]; size != "" {
		if e.Size, err = strconv.ParseUint(size, 10, 48); err != nil {
			err = fmt.Errorf("the message size %s is no number", quoted(size))
		}
	}
	l.entry(at, e)
	return err
}

func (l *legalReturn) address() error {
	addr, _ := source(l.fields["ip address"], "")
	if !addr.IsValid() {
		return fmt.Errorf("%s is no address", quoted(l.fields["ip address"]))
	}
	var at capture.Time
	var err error
	if s := l.fields["time"]; s != "" {
		if at, err = l.time(s); err != nil {
			return err
		}
	}
	l.entry(at, &capture.Entry{Kind: capture.EntryAccount, Service: "whatsapp", Unit: time.Second, From: capture.End{Account: l.account, Addr: addr}})
	return nil
}

// contacts yields the numbers of one line of an address book.
func (l *legalReturn) contacts(line string) {
	if l.refused || strings.HasSuffix(strings.ToLower(line), "total") {
		return
	}
	kind, _, _ := strings.Cut(l.label, " ")
	for _, to := range ends(line) {
		l.entry(0, &capture.Entry{Kind: capture.EntryContact, Service: "whatsapp", Type: kind, From: capture.End{Account: l.account}, To: []capture.End{to}})
	}
}

func (l *legalReturn) group() {
	if l.fields["id"] == "" {
		return
	}
	l.known("groups")
	style, _, _ := strings.Cut(l.part, " ")
	l.entry(0, &capture.Entry{Kind: capture.EntryMember, Service: "whatsapp", Style: style, From: capture.End{Account: l.account}, Group: l.fields["id"], GroupName: l.fields["subject"]})
}

func (l *legalReturn) connection() error {
	f := l.fields
	device := strings.TrimSpace(f["device type"] + " " + f["device os build number"])
	from := capture.End{Account: l.account, Name: f["push name"], Device: device}
	var at capture.Time
	if s := f["last seen"]; s != "" {
		at, _ = l.time(s) // a bad one is told below
	}
	from.Addr, from.Port = source(f["last ip"], "")
	l.entry(at, &capture.Entry{Kind: capture.EntryAccount, Service: "whatsapp", Unit: time.Second, From: from})
	if now, _ := source(f["connected from"], ""); now.IsValid() && now != from.Addr {
		from.Addr = now
		l.entry(0, &capture.Entry{Kind: capture.EntryAccount, Service: "whatsapp", From: from})
	}
	return l.seen(device, "online since", "last seen")
}

// seen yields the account's presence at the times of the given fields.
func (l *legalReturn) seen(device string, fields ...string) error {
	var errs []error
	for _, name := range fields {
		s := l.fields[name]
		if s == "" {
			continue
		}
		at, err := l.time(s)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		l.entry(at, &capture.Entry{Kind: capture.EntryPresence, Service: "whatsapp", Type: name, Unit: time.Second, From: capture.End{Account: l.account, Device: strings.TrimSpace(device)}})
	}
	return errors.Join(errs...)
}

// offline yields what waited for the account while it was away.
func (l *legalReturn) offline() error {
	f := l.fields
	at, err := l.time(f["timestamp"])
	if err != nil {
		return err
	}
	e := &capture.Entry{Service: "whatsapp", Unit: time.Second, Type: f["event"], Style: f["subtype"], From: capture.End{Account: whatsappAccount(f["from"])}, To: []capture.End{{Account: l.account}}}
	event := strings.ToLower(f["event"])
	for word, kind := range map[string]capture.EntryKind{"message": capture.EntryMessage, "receipt": capture.EntryReceipt, "call": capture.EntryCall} {
		if strings.Contains(event, word) {
			e.Kind = kind
		}
	}
	if e.Kind == "" {
		l.miss("offline event")
		return nil
	}
	l.entry(at, e)
	return nil
}
