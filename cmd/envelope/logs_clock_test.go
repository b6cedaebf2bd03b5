package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// An operator's log with a wrong clock, coarse stamps or gaps meets the capture
// all the same: what it has carries both pieces of evidence, and no contact is wrong.
func TestLogsWithWrongClocksAndGaps(t *testing.T) {
	truth, err := os.ReadFile(shared(t, "lab", writing[0], "truth.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(shared(t, "lab", writing[0], "truth.jsonl"))
	same := func(s float64) float64 { return s }
	for _, c := range []struct {
		name  string
		clock func(float64) float64
		lacks int // every so many lines, 0 for none
	}{
		{"off by seconds", func(s float64) float64 { return s + 3.7 }, 0},
		{"in another zone", func(s float64) float64 { return s + 19800 }, 0},
		{"in whole seconds", math.Floor, 0},
		{"a fifth is missing", same, 5},
	} {
		path := filepath.Join(t.TempDir(), "log.jsonl")
		if err := os.WriteFile(path, bent(t, truth, c.clock, c.lacks), 0o600); err != nil {
			t.Fatal(err)
		}
		rep := reportOn(t, filepath.Join(dir, "router.pcapng"), path, filepath.Join(dir, "hosts.json"))
		logged, both, direct := 0, 0, 0
		for i := range rep.Events {
			e := &rep.Events[i]
			if of := inputsBehind(e); e.Direction == "sent" && (e.Kind == "message" || e.Kind == "media") && of["i2"] {
				logged++
				if of["i1"] {
					both++
				}
			}
		}
		for _, x := range rep.Contacts {
			if x.Via != "group" {
				direct++
			}
		}
		if logged < 600 || both < logged*95/100 || direct != 18 || len(rep.Groups) != 2 {
			t.Errorf("%s: %d of %d with both pieces of evidence, %d contacts, %d groups", c.name, both, logged, direct, len(rep.Groups))
		}
	}
}

// bent writes the lines of a log by another clock, and leaves some out.
func bent(t *testing.T, log []byte, clock func(float64) float64, lacks int) []byte {
	var out bytes.Buffer
	n := 0
	for line := range bytes.Lines(log) {
		if n++; lacks > 0 && n%lacks == 0 {
			continue
		}
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		m["ts"] = clock(m["ts"].(float64))
		list, _ := m["delivered"].([]any)
		for _, d := range list {
			d := d.(map[string]any)
			d["ts"] = clock(d["ts"].(float64))
		}
		if err := json.NewEncoder(&out).Encode(m); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}
