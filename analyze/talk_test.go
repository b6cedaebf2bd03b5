package analyze

import (
	"slices"
	"testing"

	"envelope/analyze/correlate"
	"envelope/analyze/infer"
)

// TestJoinContact: how many wrong ones are expected is that of the contacts which are
// as sure as what is stated, not of the less sure half of it.
func TestJoinContact(t *testing.T) {
	for _, tt := range []struct {
		name        string
		calls, talk float64 // confidence
		want        float64
	}{
		{"calls surer", 0.97, 0.1, 0.5},
		{"talk surer", 0.6, 0.99, 96},
	} {
		d := &document{Report: &Report{}}
		d.Contacts = []Contact{{A: "p1", B: "p2", Service: "signal", Confidence: tt.calls, ExpectedFalse: 0.5, Calls: 1}}
		d.join(Contact{A: "p1", B: "p2", Service: "signal", Via: "direct", Messages: 3, Confidence: tt.talk, ExpectedFalse: 96}, d.contactIndex())
		if c := d.Contacts[0]; len(d.Contacts) != 1 || c.Messages != 3 || c.Confidence != max(tt.calls, tt.talk) || c.ExpectedFalse != tt.want {
			t.Errorf("%s: %+v", tt.name, c)
		}
	}
}

// TestEnterPeer: the record that a message seemed to be passed on from is evidence
// only where it is that of the peer that is named.
func TestEnterPeer(t *testing.T) {
	for _, tt := range []struct {
		name string
		from int64
		want []int64
	}{
		{"the same", 7, []int64{9, 7, 7}},
		{"another's", 5, []int64{9, 7}},
	} {
		d := &document{Report: &Report{Parties: []Party{{ID: "p1"}, {ID: "p2"}}, Events: []Event{
			{Evidence: []Evidence{{"i1", 7, "sent"}}},
			{Evidence: []Evidence{{"i1", 9, "received"}, {"i1", tt.from, infer.PassedOn}}},
		}}}
		d.enterPeer(&d.Events[1], &correlate.Peer{Party: 0, Group: correlate.None, Confidence: 0.9, Matched: []int32{0}}, []int32{0, 1})
		var got []int64
		for _, x := range d.Events[1].Evidence {
			got = append(got, x.At)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: evidence %v, want %v", tt.name, got, tt.want)
		}
	}
}
