package logs

import (
	"bufio"
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"envelope/capture"
)

// accountFormat reads the report that WhatsApp gives to a user who requests
// their account's information: JSON and a page that say the same.
func accountFormat(o Options) capture.Format {
	return capture.Format{
		Name: "whatsapp-account", Title: "WhatsApp account report (\"request account info\": JSON, HTML)", Observer: capture.Operator, Grain: capture.GrainEntry, Early: true,
		Shows: []string{"who", "whom", "service", "device", "location", "group"},
		Hides: "With whom and when the user talked: it has the address book and the names of groups, and no message or call.",
		Sniff: sniffAccount,
		Read:  readAccount(o),
	}
}

// accountEnough is how many different fields an account report has at least.
const accountEnough = 3

// sniffAccount knows a report by its labels, and by the name of the service or
// of a list that only this report has. Exports of chats have some of the labels
// too, and messages.
func sniffAccount(head []byte) bool {
	text := bytes.TrimLeft(head, "\ufeff \t\r\n")
	low := bytes.ToLower(text)
	named := bytes.Contains(low, []byte("whatsapp")) || bytes.Contains(low, []byte(`"wa_contacts"`)) || bytes.Contains(low, []byte(`"wa_groups"`))
	switch {
	case len(text) == 0 || !named:
		return false
	case text[0] == '<':
		return len(pageFields(text)) >= accountEnough
	case text[0] == '{' || text[0] == '[':
		fields, other := keyFields(text)
		return !other && (fields[accountContacts] && fields[accountGroups] || len(fields) >= accountEnough)
	}
	return false
}

// keyFields are the fields among the keys of a beginning of JSON; other tells
// whether there are keys that only logs and exports of chats have.
func keyFields(text []byte) (fields map[accountField]bool, other bool) {
	words := newAccountWords()
	fields = map[accountField]bool{}
	for at := 0; at < len(text); at++ {
		if text[at] != '"' {
			continue
		}
		end, _ := jsonStringEnd(text, at+1)
		if end < 0 {
			break
		}
		key := string(text[at+1 : end])
		if at = end; len(key) > 64 || !bytes.HasPrefix(bytes.TrimLeft(text[end+1:], " \t\r\n"), []byte(":")) {
			continue
		}
		other = other || slices.Contains([]string{"messages", "chats", "sessions", "envelope", "subscribers", "event_type", "variables"}, key)
		if f := words[labelWords(key)]; f > accountSettings && f != accountID {
			fields[f] = true
		}
	}
	return fields, other
}

func readAccount(o Options) func(*capture.Input) iter.Seq2[capture.Record, error] {
	return func(in *capture.Input) iter.Seq2[capture.Record, error] {
		return func(yield func(capture.Record, error) bool) {
			src := bufio.NewReaderSize(in.Reader, 64<<10)
			a := &accountReport{reader: &reader{in: in, yield: yield, at: 1}, o: &o, words: newAccountWords()}
			head, _ := src.Peek(64) // an error comes again when it is read
			if bytes.HasPrefix(head, []byte("\ufeff")) {
				_, _ = src.Discard(len("\ufeff")) // it was peeked
			}
			in.Reader = src
			if bytes.HasPrefix(bytes.TrimLeft(head, "\ufeff \t\r\n"), []byte("<")) {
				a.readPage()
			} else {
				a.readJSON()
			}
			a.end()
		}
	}
}

// accountReport gathers what labels and values say. The number of the account
// may come behind its contacts, so that all is yielded at the end.
type accountReport struct {
	*reader
	o       *Options
	words   map[string]accountField
	owner   capture.End
	where   int64 // line of the account
	devices []string
	places  []accountPlace
	seen    capture.Time
	known   map[string]bool
	lists   []accountItem
	facts   int
	unknown int // values under labels that are not known
	lost    int // contacts and groups beyond maxHeldEntries
}

// accountPlace is an address that the account was at, and accountItem a contact
// or a group of it, each with the line that it stands on.
type accountPlace struct {
	at  int64
	end capture.End
}

type accountItem struct {
	at       int64
	field    accountField
	id, name string
}

// field is what a label stands for.
func (a *accountReport) field(label string) accountField {
	if len(label) > 64 {
		return accountUnknown
	}
	return a.words[labelWords(label)]
}

// take notes the value of a field.
func (a *accountReport) take(f accountField, value string) error {
	value = strings.TrimSpace(value)
	if value == "" || value == "null" || f == accountIgnored || f == accountSettings {
		return nil
	}
	a.in.Packets++
	switch f {
	case accountUnknown, accountID:
		a.unknown++
	case accountNumber:
		a.number(value)
	case accountName:
		if a.owner.Name == "" && len(value) <= maxText {
			a.owner.Name = value
			a.facts++
		}
	case accountAddress:
		return a.address(value)
	case accountDevice:
		if a.fact("platform"); len(a.devices) < 8 && len(value) <= maxText && !slices.Contains(a.devices, value) {
			a.devices = append(a.devices, value)
		}
	case accountSeen:
		return a.last(value)
	case accountContacts:
		for _, one := range accounts(value) {
			a.item(accountItem{field: f, id: one})
		}
	case accountGroups:
		a.item(accountItem{field: f, name: value})
	default:
		a.fact(map[accountField]string{accountRegistered: "registered", accountEmail: "email", accountProfile: "profile", accountBlocked: "blocked"}[f])
	}
	return nil
}

// fact notes that something is on record of the account.
func (a *accountReport) fact(word string) {
	if a.known == nil {
		a.known = map[string]bool{}
	}
	a.known[word] = true
	a.facts++
}

func (a *accountReport) number(value string) {
	if n := whatsappAccount(value); a.owner.Account == "" && strings.HasPrefix(n, "+") {
		a.owner.Account, a.where = n, a.at
		a.facts++
	}
}

func (a *accountReport) address(value string) error {
	addr, port := source(value, "")
	if !addr.IsValid() {
		return fmt.Errorf("%s is no address", quoted(value))
	}
	if a.facts++; len(a.places) < maxReturnPeers {
		a.places = append(a.places, accountPlace{a.at, capture.End{Addr: addr, Port: port}})
	}
	return nil
}

// last takes the time the account was last used. Who may see it is a setting of
// the same name, whose value has no digits.
func (a *accountReport) last(value string) error {
	if !strings.ContainsAny(value, "0123456789") {
		return nil
	}
	at, err := returnTime(value, a.o.zone())
	if err != nil {
		return err
	}
	a.fact("last_seen")
	a.seen = max(a.seen, at)
	return nil
}

// item keeps a contact or a group. What is no number is no contact, and a bare
// number no group: lists come with their length.
func (a *accountReport) item(i accountItem) {
	if i.field == accountContacts && !strings.HasPrefix(i.id, "+") && !strings.Contains(i.id, "@") {
		return
	}
	if i.field == accountGroups {
		if i.name == "" && i.id == "" || i.id == "" && strings.Trim(i.name, "0123456789 ") == "" || len(i.name) > maxText {
			return
		}
		a.fact("groups")
	}
	if a.facts++; len(a.lists) >= maxHeldEntries {
		a.lost++
		return
	}
	i.at = a.at
	a.lists = append(a.lists, i)
}

// end yields the account, then its contacts and groups.
func (a *accountReport) end() {
	if a.unknown > 0 {
		a.in.Warn(fmt.Sprintf("%d values under labels that are not known; left out", a.unknown))
	}
	if a.lost > 0 {
		a.in.Warn(fmt.Sprintf("%d contacts and groups beyond the first %d; left out", a.lost, maxHeldEntries))
	}
	if a.facts == 0 {
		a.in.Warn("nothing of an account in it: the layout is not known")
		return
	}
	if a.owner.Account == "" {
		a.in.Warn("the report does not say whose it is: no number of the account")
	}
	a.owner.Device = strings.Join(a.devices, " ")
	if a.at = a.where; a.at == 0 {
		a.at = 1
	}
	known := make([]string, 0, len(a.known))
	for word := range a.known {
		known = append(known, word)
	}
	slices.Sort(known)
	a.entry(a.seen, &capture.Entry{Kind: capture.EntryAccount, Service: "whatsapp", From: a.owner, Known: known, Unit: time.Second})
	for _, p := range a.places {
		a.at, p.end.Account = p.at, a.owner.Account
		a.entry(a.seen, &capture.Entry{Kind: capture.EntryAccount, Service: "whatsapp", From: p.end, Unit: time.Second})
	}
	for i := range a.lists {
		a.listed(&a.lists[i])
	}
}

// listed yields a contact or a group. A group without an identifier goes by its
// name, which is all that the report has of it.
func (a *accountReport) listed(i *accountItem) {
	a.at = i.at
	e := &capture.Entry{Service: "whatsapp", From: capture.End{Account: a.owner.Account, Name: a.owner.Name}}
	if e.From.Account != "" {
		e.From.Name = ""
	}
	if i.field == accountContacts {
		e.Kind, e.To = capture.EntryContact, []capture.End{{Account: i.id, Name: i.name}}
	} else {
		e.Kind, e.Group, e.GroupName = capture.EntryMember, i.id, i.name
		if e.Group == "" {
			e.Group = i.name
		}
	}
	a.entry(0, e)
}
