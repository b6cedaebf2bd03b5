package analyze

import "testing"

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
