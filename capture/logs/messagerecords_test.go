package logs

import (
	"strings"
	"testing"
	"time"

	"envelope/capture"
)

const recordLines = `{"ts":1772438560.6961,"kind":"text","service":"whatsapp","id":"t1","from":"anna","from_ip":"192.0.2.10","to":"ben","stanza_len":188,"body":"CANARY","delivered":[{"to":"ben","ip":"192.0.2.11","ts":1772438560.8367}]}
{"ts":1772438570,"service":"whatsapp","op":"text","from":"anna","group":"g1","to":["ben","carla"],"size":536}
{"ts":1772438580,"kind":"call","id":"c1","from":"ben","to":"anna","media":"audio","mode":"relayed","answered":true,"start":1772438585.5,"end":1772438590}

{"ts":1772438580,"kind":"call-signal","from":"ben","to":"anna"}
{"ts":"CANARY","kind":"text","from":"ben"}
{"kind":"text","from":"ben"}
{"ts":1772438599,"op":"login","from":"carla","from_ip":"::ffff:192.0.2.12"}
{"ts":17724385
`

func TestMessageRecords(t *testing.T) {
	in, err := capture.OpenReader(strings.NewReader(recordLines), "server.jsonl", 0, Formats(Options{}))
	if err != nil || in.Format != "message-records" {
		t.Fatal(in, err)
	}
	var got []capture.Record
	var bad []string
	for rec, err := range in.All() {
		if err != nil {
			bad = append(bad, err.Error())
		} else {
			e := *rec.Entry
			rec.Entry = &e
			got = append(got, rec)
		}
	}
	if len(got) != 5 {
		t.Fatalf("%d records", len(got))
	}
	sent, passed, group, call, login := got[0].Entry, got[1].Entry, got[2].Entry, got[3].Entry, got[4].Entry
	if sent.Half != capture.HalfSent || sent.Size != 188 || sent.From.Addr.String() != "192.0.2.10" || sent.To[0].Account != "ben" ||
		got[0].Time.UTC().Format(time.RFC3339Nano) != "2026-03-02T08:02:40.6961Z" {
		t.Errorf("sent %v %+v", got[0].Time.UTC(), sent)
	}
	if passed.Half != capture.HalfReceived || passed.ID != "t1" || passed.To[0].Addr.String() != "192.0.2.11" || got[1].Origin.At != 1 {
		t.Errorf("passed on %+v", passed)
	}
	if group.Half != capture.HalfBoth || group.Group != "g1" || len(group.To) != 2 {
		t.Errorf("group %+v", group)
	}
	if call.Kind != capture.EntryCall || call.Call.Outcome != "answered" || call.Call.Path != "relayed" || call.Until.Sub(call.Call.Answered) != 4500*time.Millisecond {
		t.Errorf("call %+v", call.Call)
	}
	if login.From.Addr.String() != "192.0.2.12" {
		t.Errorf("login %+v", login)
	}
	if len(bad) != 3 || !strings.Contains(bad[0], "line 6") || !strings.Contains(bad[2], "line 9") || strings.Contains(strings.Join(bad, " "), "CANARY") {
		t.Errorf("errors %q", bad)
	}
}

func FuzzMessageRecords(f *testing.F) {
	f.Add(recordLines)
	f.Add(`{"ts":1e400,"kind":"text","from":"a","to":[null,1]}`)
	format := messageRecordsFormat()
	f.Fuzz(func(t *testing.T, text string) {
		in := &capture.Input{Reader: strings.NewReader(text)}
		for rec, err := range format.Read(in) {
			if err == nil && (rec.Entry == nil || rec.Time <= 0) {
				t.Fatalf("record %+v", rec)
			}
		}
	})
}
