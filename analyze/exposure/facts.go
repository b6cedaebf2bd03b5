package exposure

// State is how far an observer can answer a question.
type State string

// The states of a fact. Not visible and no data are different answers: the
// first is of what cannot be known from such inputs, the second of what could
// be known but did not happen or was not given.
const (
	Seen       State = "seen"
	Inferred   State = "inferred"
	NotVisible State = "not_visible"
	NoData     State = "no_data"
)

// Fact is one question and how far a view answers it.
type Fact struct {
	Fact  Question
	State State
	Count int // statements: parties, pairs, events or groups, as the question asks
	Read  int // of them read directly from a field
	// Confidence is the mean probability of the statements, in [0,1]; 0 without
	// any.
	Confidence float64
	Evidence   []string // ids of events, parties or groups, and A-B of contacts; the surest, few, never nil
}

// Facts answers the questions of a report for a view, in their order.
func Facts(v View) []Fact {
	out := make([]Fact, 0, len(Questions))
	for _, q := range Questions {
		t := v.tally(q, scope{})
		out = append(out, Fact{q, v.state(q, scope{}, t), t.count, t.seen, t.mean(), t.ids()})
	}
	return out
}

// state is that of most statements; without any it is up to the inputs.
func (v *View) state(q Question, s scope, t *tally) State {
	switch {
	case t.count > 0 && 2*t.seen > t.count:
		return Seen
	case t.count > 0:
		return Inferred
	case v.able(q, s):
		return NoData
	}
	return NotVisible
}
