package analyze

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"envelope/capture"
)

// from is a line of another input.
func from(input int32, r *capture.Record) *capture.Record {
	r.Origin.Input = input
	return r
}

// wrote is a line about a message from one account to another.
func wrote(id, a, b string, h capture.Half) capture.Entry {
	return capture.Entry{Kind: capture.EntryMessage, Service: "xmpp", From: account(a), To: accounts(b), Half: h, ID: id}
}

// servers are inputs of operators.
func servers(n int) (out []Input) {
	for i := range n {
		out = append(out, Input{ID: fmt.Sprintf("i%d", i+1), Path: fmt.Sprintf("%d.log", i), Format: "prosody", Observer: "operator", Grain: "entry"})
	}
	return out
}

func reportOf(t *testing.T, inputs []Input, records ...*capture.Record) *Report {
	t.Helper()
	a := newTest(t, Options{})
	for _, r := range records {
		a.Add(r)
	}
	return a.Report(inputs)
}

const (
	annaAt  = "anna@example.org"
	benAt   = "ben@example.net"
	carlaAt = "carla@example.org"
)

// Files of one server that overlap: a line in both is one event, and another
// message of the same second is another one.
func TestOverlappingLogsOfOneServer(t *testing.T) {
	var records []*capture.Record
	for i := range 20 {
		e := wrote(fmt.Sprintf("m%d", i), annaAt, benAt, capture.HalfSent)
		if i < 12 {
			records = append(records, from(0, logLine(int64(i+1), float64(i/4), e)))
		}
		if i >= 8 {
			records = append(records, from(1, logLine(int64(i+1), float64(i/4), e)))
		}
	}
	r := reportOf(t, servers(2), records...)
	both := 0
	for _, e := range r.Events {
		if len(e.Evidence) == 2 {
			both++
		}
	}
	if len(r.Events) != 20 || both != 4 || len(r.Contacts) != 1 || r.Contacts[0].Messages != 20 {
		t.Errorf("%d events, %d in both, contacts %+v", len(r.Events), both, r.Contacts)
	}
}

// IDs in common tell the clock of a log, and who sent what another server
// delivered.
func TestServersOfBothEnds(t *testing.T) {
	var records []*capture.Record
	for i := range 10 {
		id := fmt.Sprintf("m%d", i)
		sent := wrote(id, annaAt, benAt, capture.HalfSent)
		got := capture.Entry{Kind: capture.EntryMessage, Service: "xmpp", From: capture.End{Name: "somebody"}, To: accounts(benAt), Half: capture.HalfReceived, ID: id}
		records = append(records, from(0, logLine(int64(i+1), float64(30*i), sent)), from(1, logLine(int64(i+1), float64(30*i)+0.4, got)))
	}
	r := reportOf(t, servers(2), records...)
	anna, ben := partyNamed(t, r, annaAt), partyNamed(t, r, benAt)
	if len(r.Events) != 20 || len(r.Contacts) != 1 || r.Contacts[0].Messages != 10 || len(r.Parties) != 2 {
		t.Fatalf("%d events, parties %+v, contacts %+v", len(r.Events), r.Parties, r.Contacts)
	}
	for _, e := range r.Events {
		if e.Peer == nil || e.Party == ben && *e.Peer != anna || e.Party == anna && *e.Peer != ben {
			t.Errorf("event %+v", e)
		}
	}
}

func TestClockOfACopyIsToldByIDs(t *testing.T) {
	var records []*capture.Record
	for i := range 6 {
		e := wrote(fmt.Sprintf("m%d", i), annaAt, benAt, capture.HalfSent)
		records = append(records, from(0, logLine(int64(i+1), float64(i*i*7), e)), from(1, logLine(int64(i+1), float64(i*i*7)+19803.7, e)))
	}
	r := reportOf(t, servers(2), records...)
	if len(r.Events) != 6 || r.Inputs[1].ClockOffset != -19803.7 {
		t.Errorf("%d events, clock off by %v", len(r.Events), r.Inputs[1].ClockOffset)
	}
}

// A log of another messenger of the same people at the same times says nothing
// of this one, and what one log does not cover stays.
func TestOtherMessengerIsAnotherEvent(t *testing.T) {
	other := wrote("x", annaAt, benAt, capture.HalfSent)
	other.Service = "matrix"
	r := reportOf(t, servers(2), from(0, logLine(1, 0, wrote("m", annaAt, benAt, capture.HalfSent))), from(1, logLine(1, 0.1, other)))
	if len(r.Events) != 2 || len(r.Contacts) != 2 || r.Events[0].Service == r.Events[1].Service {
		t.Errorf("events %+v", r.Events)
	}
}

// A call in the rows of three logs is one call.
func TestCallOfThreeLogs(t *testing.T) {
	var records []*capture.Record
	for i := range int32(3) {
		e := capture.Entry{Kind: capture.EntryCall, Service: "sip", From: account("+15550100001"), To: accounts("+15550100002"),
			Until: capture.TimeOf(noon.Add(time.Minute)), Call: &capture.CallEntry{Outcome: "answered"}}
		records = append(records, from(i, logLine(1, float64(i), e)))
	}
	inputs := servers(3)
	for i := range inputs {
		inputs[i].Format = fmt.Sprint("cdr ", i)
	}
	r := reportOf(t, inputs, records...)
	if len(r.Events) != 1 || len(r.Events[0].Evidence) != 3 || r.Contacts[0].Calls != 1 {
		t.Errorf("events %+v, contacts %+v", r.Events, r.Contacts)
	}
}

// words puts a report into words that do not depend on the order of inputs.
func words(r *Report) (out []string) {
	of := map[string]string{}
	for _, p := range r.Parties {
		of[p.ID] = fmt.Sprint(p.Accounts)
	}
	for _, e := range r.Events {
		peer := ""
		if e.Peer != nil {
			peer = of[*e.Peer]
		}
		out = append(out, fmt.Sprint(e.Time, e.Kind, e.Direction, of[e.Party], peer, e.MessageID, len(e.Evidence), e.Group != nil))
	}
	for _, c := range r.Contacts {
		ends := []string{of[c.A], of[c.B]}
		slices.Sort(ends)
		out = append(out, fmt.Sprint(ends, c.Via, c.Messages, c.Calls, len(c.Evidence)))
	}
	for _, g := range r.Groups {
		var members []string
		for _, m := range g.Members {
			members = append(members, of[m])
		}
		slices.Sort(members)
		out = append(out, fmt.Sprint(g.Account, members, g.Messages))
	}
	slices.Sort(out)
	return out
}

// The order of inputs says nothing.
func TestOrderOfInputsSaysNothing(t *testing.T) {
	names := []string{annaAt, benAt, carlaAt}
	var want []string
	for _, order := range [][]int32{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {0, 2, 1}} {
		var records []*capture.Record
		add := func(log int, i int, second float64, e capture.Entry) {
			records = append(records, from(order[log], logLine(int64(i+1), second, e)))
		}
		for i := range 60 {
			at := float64(i*i%97) * 5
			e := wrote(fmt.Sprintf("m%d", i), names[i%3], names[(i+1+i%2)%3], capture.HalfSent)
			if i%5 == 0 {
				e.Group, e.To = "team@rooms.example.org", nil
			}
			if i < 45 {
				add(0, i, at, e)
			}
			if i > 20 {
				add(1, i, at, e)
			}
			e.Half, e.To = capture.HalfReceived, accounts(names[(i+1+i%2)%3])
			add(2, i, at+0.2, e)
		}
		slices.SortStableFunc(records, func(x, y *capture.Record) int { return int(x.Origin.Input - y.Origin.Input) })
		got := words(reportOf(t, servers(3), records...))
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("order %v: %s", order, firstDifference(got, want))
		}
	}
}
