package analyze

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"envelope/capture"
)

// logLine is a record of a log.
func logLine(at int64, second float64, e capture.Entry) *capture.Record {
	return &capture.Record{Origin: capture.Origin{Input: 0, At: at}, Time: capture.TimeOf(noon.Add(time.Duration(second * 1e9))), Grain: capture.GrainEntry, Entry: &e}
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func account(account string) capture.End { return capture.End{Account: account} }

func accounts(names ...string) (out []capture.End) {
	for _, a := range names {
		out = append(out, account(a))
	}
	return out
}

// logReport is the report of an operator's log.
func logReport(t *testing.T, records ...*capture.Record) *Report {
	a := newTest(t, Options{})
	for _, r := range records {
		a.Add(r)
	}
	return a.Report([]Input{{ID: "i1", Path: "server.log", Observer: "operator", Grain: "entry"}})
}

func partyNamed(t *testing.T, r *Report, account string) string {
	t.Helper()
	for _, p := range r.Parties {
		if slices.Contains(p.Accounts, account) {
			return p.ID
		}
	}
	t.Fatalf("no party has the account %s", account)
	return ""
}

func TestOperatorsLogNamesBothEnds(t *testing.T) {
	sent := capture.Entry{Kind: capture.EntryMessage, Service: "xmpp", From: account("anna@example.org"), To: accounts("ben@example.org"), Half: capture.HalfSent, ID: "m1"}
	got := sent
	got.Half = capture.HalfReceived
	r := logReport(t, logLine(1, 0, sent), logLine(2, 0.1, got))
	anna, ben := partyNamed(t, r, "anna@example.org"), partyNamed(t, r, "ben@example.org")
	if len(r.Events) != 2 || r.Events[0].Direction != "sent" || r.Events[0].Party != anna || *r.Events[0].Peer != ben ||
		r.Events[1].Direction != "received" || r.Events[1].Party != ben || *r.Events[1].Peer != anna {
		t.Errorf("events %+v", r.Events)
	}
	if len(r.Contacts) != 1 || r.Contacts[0].Messages != 1 || r.Contacts[0].Via != "direct" || r.Contacts[0].Grade != "seen" ||
		!slices.Equal(r.Contacts[0].Evidence, []string{"e1"}) {
		t.Errorf("contacts %+v", r.Contacts)
	}
	if v := r.Events[1].Evidence; len(v) != 1 || v[0].At != 2 || v[0].Input != "i1" {
		t.Errorf("evidence %+v", v)
	}
}

func TestDeliveriesToldByIDInARoom(t *testing.T) {
	room := capture.Entry{Kind: capture.EntryMessage, Service: "xmpp", From: account("anna@example.org"), Group: "team@rooms.example.org", Half: capture.HalfSent, ID: "g1"}
	var records []*capture.Record
	records = append(records, logLine(1, 0, room))
	for i, to := range []string{"ben@example.org", "carla@example.org"} {
		got := room
		got.From, got.To, got.Half = capture.End{Name: "nick"}, accounts(to), capture.HalfReceived
		records = append(records, logLine(int64(2+i), 0.2, got))
	}
	r := logReport(t, records...)
	anna := partyNamed(t, r, "anna@example.org")
	if len(r.Parties) != 3 || len(r.Groups) != 1 || len(r.Groups[0].Members) != 3 || r.Groups[0].Messages != 1 {
		t.Fatalf("parties %+v groups %+v", r.Parties, r.Groups)
	}
	for _, e := range r.Events[1:] {
		if e.Peer == nil || *e.Peer != anna || e.Group == nil || *e.Group != r.Groups[0].ID {
			t.Errorf("delivery %+v", e)
		}
	}
	for _, c := range r.Contacts {
		if c.Via != "group" {
			t.Errorf("contact %+v: nobody wrote to one alone", c)
		}
	}
	if len(r.Contacts) != 3 {
		t.Errorf("%d contacts, want the three pairs of the group", len(r.Contacts))
	}
}

func TestWhoButNotWhom(t *testing.T) {
	login := capture.Entry{Kind: capture.EntryLogin, Service: "xmpp", From: capture.End{Account: "anna@example.org", Addr: netip.MustParseAddr("192.0.2.10"), Device: "phone"}}
	upload := capture.Entry{Kind: capture.EntryMedia, Service: "xmpp", From: account("anna@example.org"), Size: 70000, Half: capture.HalfSent}
	r := logReport(t, logLine(1, 0, login), logLine(5, 60, upload))
	if len(r.Contacts)+len(r.Groups) != 0 || len(r.Events) != 2 || r.Events[1].Peer != nil || r.Events[1].Bytes != 70000 {
		t.Errorf("contacts %+v events %+v", r.Contacts, r.Events)
	}
	p := r.Parties[0]
	if p.Kind != "account" || !slices.Equal(p.Addresses, []string{"192.0.2.10"}) || !slices.Equal(p.Devices, []string{"phone"}) {
		t.Errorf("party %+v", p)
	}
}

func TestAddressOfSeveralAccountsIsNobodys(t *testing.T) {
	at := netip.MustParseAddr("198.51.100.7")
	login := func(account string) capture.Entry {
		return capture.Entry{Kind: capture.EntryLogin, Service: "xmpp", From: capture.End{Account: account, Addr: at}}
	}
	r := logReport(t, logLine(1, 0, login("anna@example.org")), logLine(2, 1, login("ben@example.org")))
	if len(r.Parties) != 2 || len(r.Parties[0].Addresses)+len(r.Parties[1].Addresses) != 0 {
		t.Errorf("parties %+v: one address behind which both are is neither's", r.Parties)
	}
}

func TestCallsOfALog(t *testing.T) {
	call := capture.Entry{Kind: capture.EntryCall, Service: "sip", From: account("+15550100001"), To: accounts("+15550100002"), ID: "c1",
		Until: capture.TimeOf(noon.Add(95 * time.Second)), Call: &capture.CallEntry{Media: "audio", Outcome: "answered", Answered: capture.TimeOf(noon.Add(5 * time.Second))}}
	r := logReport(t, logLine(1, 0, call))
	if len(r.Contacts) != 1 || r.Contacts[0].Via != "call" || r.Contacts[0].Calls != 1 || r.Contacts[0].CallSeconds != 95 {
		t.Errorf("contacts %+v", r.Contacts)
	}
	if len(r.Events) != 1 || r.Events[0].Call == nil || !*r.Events[0].Call.Answered || r.Events[0].Call.Role != "caller" {
		t.Errorf("events %+v", r.Events)
	}
}

func TestAddressBookIsNoContact(t *testing.T) {
	book := capture.Entry{Kind: capture.EntryContact, Service: "whatsapp", From: account("+15550100001"), To: []capture.End{{Account: "+15550100002", Name: "Ben"}}}
	r := logReport(t, logLine(1, 0, book))
	if len(r.Contacts) != 0 || len(r.Parties) != 1 || r.Parties[0].Listed != 1 {
		t.Errorf("contacts %+v parties %+v", r.Contacts, r.Parties)
	}
}
