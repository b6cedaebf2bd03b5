package evaluate

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"envelope/capture"
)

// Truth is what really happened, by those who made the recording. People are
// indices into People; Outside stands for somebody who is not among them.
type Truth struct {
	People   []string // short names in order: those whose address or account is known
	Messages []Message
	Calls    []TrueCall
	Beyond   int // messages and calls with an end that is not among People

	byName map[string]int32
	byAddr map[string]int32
}

// Outside is the index of everybody who is not among the people.
const Outside int32 = -1

// Message is one message to one or more people, with or without an attachment.
type Message struct {
	Time  capture.Time // when the sender's client handed it on
	From  int32
	To    []int32
	Group string // name of the group, "" for a direct message
	Media bool
	Got   []Receipt
}

// Receipt is when a message came to one of its receivers.
type Receipt struct {
	To   int32
	Time capture.Time
}

// TrueCall is one call, answered or not.
type TrueCall struct {
	From, To   int32
	Dialled    capture.Time
	Start, End capture.Time // of the media; 0 where there was none or it is not known
	Media      string       // "audio", "video"
	Relayed    bool
	Answered   bool
}

// Person is the index of the person with the name, address or account.
func (t *Truth) Person(name string) (int32, bool) {
	if i, ok := t.byAddr[name]; ok {
		return i, true
	}
	i, ok := t.byName[bare(name)]
	return i, ok
}

// bare is the short name of an account: anna@example.org/phone and
// @anna:example.org are anna, as in the recordings that the rules came with.
func bare(account string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(account, "@"), "@")
	name, _, _ = strings.Cut(name, ":")
	return name
}

// talk is the truth by pairs of people.
type talk struct {
	any     map[Pair]int // messages, in groups too, and answered calls
	direct  map[Pair]int // direct messages and answered calls
	rang    map[Pair]bool
	groups  map[string][]int32
	who     int // number of people
	message map[Pair][]capture.Time
}

// talked gathers the pairs. Those with an end outside do not count: nobody
// could find them.
func (t *Truth) talked() *talk {
	k := &talk{any: map[Pair]int{}, direct: map[Pair]int{}, rang: map[Pair]bool{}, who: len(t.People), message: map[Pair][]capture.Time{}}
	members := map[string]map[int32]bool{}
	for i := range t.Messages {
		k.add(&t.Messages[i], members)
	}
	for _, c := range t.Calls {
		switch p, ok := pairOf(c.From, c.To); {
		case ok && c.Answered:
			k.any[p]++
			k.direct[p]++
		case ok:
			k.rang[p] = true
		}
	}
	k.groups = map[string][]int32{}
	for name, set := range members {
		k.groups[name] = slices.Sorted(maps.Keys(set))
	}
	return k
}

func (k *talk) add(m *Message, members map[string]map[int32]bool) {
	for i, to := range m.To {
		p, ok := pairOf(m.From, to)
		if !ok {
			continue
		}
		k.any[p]++
		k.message[p] = append(k.message[p], m.Time)
		if m.Group == "" && i == 0 {
			k.direct[p]++
		}
	}
	if m.Group == "" {
		return
	}
	if members[m.Group] == nil {
		members[m.Group] = map[int32]bool{}
	}
	for _, who := range append([]int32{m.From}, m.To...) {
		if who != Outside {
			members[m.Group][who] = true
		}
	}
}

// pairOf is the pair of two people, false where one is outside or both are one.
func pairOf(a, b int32) (Pair, bool) {
	return PairOf(a, b), a != b && a >= 0 && b >= 0
}

// excused are the pairs that tried to talk and did not: of these a statement is
// neither demanded nor held against the report.
func (k *talk) excused(truth map[Pair]int) map[Pair]bool {
	out := map[Pair]bool{}
	for p := range k.rang {
		if _, ok := truth[p]; !ok {
			out[p] = true
		}
	}
	return out
}

// pairs is how many pairs of people there are.
func (k *talk) pairs() int { return k.who * (k.who - 1) / 2 }

// inOrder sorts what was read, which may come from several files.
func (t *Truth) inOrder() {
	slices.SortStableFunc(t.Messages, func(a, b Message) int { return cmp.Compare(a.Time, b.Time) })
	slices.SortStableFunc(t.Calls, func(a, b TrueCall) int { return cmp.Compare(a.Dialled, b.Dialled) })
}
