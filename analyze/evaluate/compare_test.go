package evaluate

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"envelope/analyze"
	"envelope/capture"
)

func logTime(s float64) capture.Time {
	return capture.TimeOf(time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC).Add(time.Duration(s * 1e9)))
}

// twoLogs is a conversation of three as a record has it, and as seen on the wire.
func twoLogs(shift float64) (ours, record []LogRow) {
	who := map[string]string{"anna": "192.0.2.10", "ben": "192.0.2.11", "carla": "192.0.2.12"}
	names := []string{"anna", "ben", "carla"}
	for i := range 60 {
		from, to := names[(i*i)%3], names[(i*i+1+i%2)%3]
		s := float64(i*17%971) + float64(i)*20.137
		record = append(record, LogRow{Time: logTime(s), Sender: from, Recipients: []string{to}, Probability: 1})
		ours = append(ours, LogRow{Time: logTime(s + shift + 0.02*float64(i%5)), Sender: who[from], Recipients: []string{who[to]}, Probability: 0.97})
	}
	return ours, record
}

func TestCompareTellsWhoIsWhoByTheirMoments(t *testing.T) {
	ours, record := twoLogs(-3.4)
	c := Compare(ours, record)
	if len(c.Recovered) != 60 || len(c.Missed)+len(c.Invented) != 0 {
		t.Errorf("recovered %d missed %d invented %d", len(c.Recovered), len(c.Missed), len(c.Invented))
	}
	if c.Names["192.0.2.10"] != "anna" || c.Names["192.0.2.11"] != "ben" || c.Names["192.0.2.12"] != "carla" {
		t.Errorf("names %v", c.Names)
	}
	if off := c.Offset.Seconds(); off < 3.2 || off > 3.6 {
		t.Errorf("offset %v", off)
	}
	if c.Right != 60 {
		t.Errorf("recipients right %d of 60", c.Right)
	}
}

func TestCompareCountsWhatOnlyOneSideHas(t *testing.T) {
	ours, record := twoLogs(0)
	ours[3].Recipients = nil
	ours[4].Recipients = []string{ours[4].Sender}
	extra := LogRow{Time: logTime(5000), Sender: "192.0.2.10", Probability: 0.9}
	c := Compare(append(ours[:58:58], extra), record)
	if len(c.Recovered) != 58 || len(c.Missed) != 2 || len(c.Invented) != 1 || c.Unseen != 1 || c.Wrong != 1 {
		t.Errorf("%+v", c.Document(false))
	}
	var b bytes.Buffer
	if err := CompareText(&b, c, true, 100); err != nil || !strings.Contains(b.String(), "58 of the 60") || !strings.Contains(b.String(), "15:23:20") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestCompareOfNothing(t *testing.T) {
	_, record := twoLogs(0)
	for _, c := range []*Comparison{Compare(nil, nil), Compare(nil, record), Compare(record, nil)} {
		d := c.Document(true)
		if d.Recovered != 0 || len(d.Missed) != d.Record || len(d.Invented) != d.Ours {
			t.Errorf("%+v", d)
		}
		if err := CompareText(io.Discard, c, true, 100); err != nil {
			t.Error(err)
		}
	}
}

// A record that names no sender is compared by its times alone.
func TestCompareWithoutSenders(t *testing.T) {
	ours, record := twoLogs(0)
	for i := range ours {
		ours[i].Sender, ours[i].Recipients = "", nil
	}
	if c := Compare(ours, record); len(c.Recovered) != 60 || c.Unseen != 60 {
		t.Errorf("%+v", c.Document(false))
	}
}

// BenchmarkCompare holds two logs of 200,000 messages of an hour against each other.
func BenchmarkCompare(b *testing.B) {
	var ours, record []LogRow
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		row := LogRow{Time: logTime(rng.Float64() * 3600), Sender: fmt.Sprint("anna", rng.IntN(1000)), Recipients: []string{fmt.Sprint("ben", rng.IntN(1000))}, Probability: 1}
		record = append(record, row)
		row.Sender, row.Recipients = "x"+row.Sender, []string{"x" + row.Recipients[0]}
		ours = append(ours, row)
	}
	for b.Loop() {
		if c := Compare(ours, record); len(c.Recovered) < 190_000 {
			b.Fatalf("recovered %d", len(c.Recovered))
		}
	}
}

func TestMessageLogComesBack(t *testing.T) {
	peer, group := "p2", "g1"
	at := time.Date(2026, 3, 2, 14, 0, 0, 5e6, time.UTC)
	rep := &analyze.Report{
		Parties: []analyze.Party{{ID: "p1", Addresses: []string{"192.0.2.10"}}, {ID: "p2", Accounts: []string{"+15550100002"}}, {ID: "p3", Names: []analyze.Name{{Value: "=Carla, \"C\"\x1b"}}}},
		Groups:  []analyze.Group{{ID: "g1", Members: []string{"p1", "p2", "p3"}, Confidence: 0.95, Grade: "likely"}},
		Events: []analyze.Event{
			{Time: at, Kind: "message", Party: "p1", Direction: "sent", Peer: &peer, PeerConfidence: 0.97, Confidence: 0.98, Grade: "likely", Address: "192.0.2.10:50112", Bytes: 312},
			{Time: at, Kind: "message", Party: "p2", Direction: "received", Peer: &group, Confidence: 0.98, Grade: "likely"},
			{Time: at, Kind: "typing", Party: "p1", Direction: "sent"},
			{Time: at.Add(time.Minute), Kind: "media", Party: "p3", Direction: "sent", Group: &group, Confidence: 0.9999, Grade: "seen"},
		},
	}
	rows, err := MessagesOf(rep)
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v: %+v", len(rows), err, rows)
	}
	if r := rows[0]; r.Time != capture.TimeOf(at) || r.Sender != "192.0.2.10" || r.Recipients[0] != "+15550100002" || r.Probability != 0.98 || r.Line != 2 {
		t.Errorf("row %+v", r)
	}
	if r := rows[2]; len(r.Recipients) != 2 || r.Group != "g1" || !r.Media || r.Probability != 1 || !strings.HasPrefix(r.Sender, "'=") || strings.Contains(r.Sender, "\x1b") {
		t.Errorf("row %+v", r)
	}
}

// A message that only its deliveries tell of has one row, with all who got it.
func TestDeliveriesOfOneMessageAreOneRow(t *testing.T) {
	rep := &analyze.Report{Parties: []analyze.Party{{ID: "p1", Accounts: []string{"anna"}}, {ID: "p2", Accounts: []string{"ben"}}, {ID: "p3", Names: []analyze.Name{{Value: "Carla, at work"}}}}}
	sender := "p1"
	for i, to := range []string{"p2", "p3", "p2"} {
		id := "m1"
		if i == 2 {
			id = "m2"
		}
		rep.Events = append(rep.Events, analyze.Event{Kind: "message", Party: to, Direction: "received", Peer: &sender, PeerConfidence: 0.9999, MessageID: id, Confidence: 0.9999, Grade: "seen"})
	}
	rows, err := MessagesOf(rep)
	if err != nil || len(rows) != 2 || !slices.Equal(rows[0].Recipients, []string{"ben", "Carla; at work"}) || len(rows[1].Recipients) != 1 || rows[0].Sender != "anna" {
		t.Errorf("%v %+v", err, rows)
	}
}

func FuzzReadMessageLog(f *testing.F) {
	f.Add("Timestamp,Message Id,Sender,Recipients\n2026-03-02 14:00:00.000 UTC,not visible,anna,ben\n")
	f.Add("Timestamp,Message Id,Sender,Recipients,Message Probability\n2026-03-02 14:00:00 UTC,,,\"a, b\",2\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := ReadMessageLog(strings.NewReader(text))
		if err != nil && rows != nil {
			t.Fatal("rows and an error")
		}
		Compare(rows, rows)
	})
}
