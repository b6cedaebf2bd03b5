// Package correlate says who talked to whom: from the messages that single
// parties sent and received it finds the peer of each event, the pairs that
// talked, and the groups, each with a probability.
//
// Nothing is presumed of a messenger. What it can do and how:
//
//   - The law by which a messenger passes messages on (delay, growth in size,
//     kinds, equal attachments) is learned from the events at hand, as the
//     excess of sent-received pairs over those at shifted times (law.go).
//   - Every received event has one source inside, or one outside the capture.
//     Sources compete, weighted by how often a pair talks, which is found by
//     expectation-maximisation (assign.go): the branching process of Veen and
//     Schoenberg, "Estimation of Space-Time Branching Process Models in
//     Seismology Using an EM-Type Algorithm", JASA 103 (2008), with sparse
//     affinities between parties in the place of space.
//   - Who was away gets messages later: what was sent while a party showed no
//     sign of life may arrive at its next one; how often what comes to a party
//     had to wait is learned (candidates.go). What one got at once may come to
//     others later, if they were seen to get the same messages (groups_late.go).
//   - A message is confirmed by a receipt, which comes to its writer: that tells
//     apart who may have written what waited (receipts.go).
//   - Messages that several receive at once are a group's; groups are found as
//     sets whose members may miss a message (groups.go), and a message that
//     only one member got is held against its group before it counts as direct
//     (direct.go).
//   - Several devices of one person are taken together, where what the one gets
//     the other gets, whoever else is concerned (devices.go), or where messages
//     that only three know of look like those of two (looks.go), or where the one
//     does not confirm what the other sends (confirmed.go); pairs that may be two
//     devices are doubted (self.go). How much they must share follows how much is
//     seen at all, which is measured in the midst of conversations (seen.go).
//   - Two members of a group whose others are outside are told from two who
//     talk directly by what comes to both from outside (outside.go).
//   - A pair is scored by a likelihood ratio over distinct moments (pairs.go).
//     The same scores with every sender's clock rotated give what chance
//     makes of the same traffic; probabilities follow from the two, as in
//     Efron, "Large-Scale Inference" (2010), local false discovery rates
//     (chance.go).
//
// What it cannot do: it does not see people outside the capture, and says
// "unknown" of their messages; two people of whom each other's messages were
// always delivered in a crowd of simultaneous ones of equal size are not told
// apart; a group of which only two members are inside looks like the two talking
// directly where its other members are silent or there are few parties, and two
// people of whom one gets whatever the other gets look like one with two
// devices.
//
// All functions are pure and deterministic, and do not depend on the order of
// the events given.
package correlate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"envelope/capture"
)

// Kind is what an event is. Receipts and typing are not talk; they show that a
// party was there.
type Kind uint8

// The kinds of events that are of use here.
const (
	Message Kind = iota
	Media
	Receipt
	Typing
)

// None stands for no party and no group.
const None = -1

// Event is one message-like thing of one party at one time.
type Event struct {
	Time       capture.Time
	Party      int32 // index, from 0
	Sent       bool
	Kind       Kind
	Size       uint32  // bytes of the frame, also of one that carries media; 0 where not known
	Bulk       uint64  // bytes of the attachment; 0 where there is none or it is not known
	Service    int32   // messenger; different messengers never talk to each other
	Confidence float64 // that the event is what it seems; 0 counts as 1
	Input      int32   // which tap saw it
}

// Options are what a caller may choose.
type Options struct {
	Level float64 // least probability of what is stated; 0.5 where it is 0
}

// Peer is who stands at the other end of an event. Of a copy that a device got of
// what its own person sent it is the device that sent it.
type Peer struct {
	Party      int32   // None: nobody inside that can be named
	Confidence float64 // that Party, or where there is none Group, is right
	Group      int32   // index into Groups, None where it is not a group's
	Matched    []int32 // events at the other end, ascending
}

// Contact is two parties that talked, A < B.
type Contact struct {
	A, B          int32
	Via           string // "direct" or "group": shared a group, maybe with people outside, and showed no talk of their own
	Service       int32
	Messages      int    // sent ones between the two, media included; for a group those of A or B to it
	Media         int    // sent ones with an attachment
	Bytes         uint64 // of the sent frames and attachments
	First, Last   capture.Time
	Confidence    float64
	ExpectedFalse float64 // wrong ones expected among the contacts of at least this confidence
	Candidates    int     // parties that could have been the peer for the events of this pair
	Events        []int32 // of both ends, ascending
}

// Member is a party of a group and how sure that is.
type Member struct {
	Party      int32
	Confidence float64
}

// Group is three or more parties that receive the same messages.
type Group struct {
	Members     []Member // by party
	Service     int32
	Messages    int // sent to it from inside the capture
	First, Last capture.Time
	Confidence  float64
	Events      []int32 // of all ends, ascending
}

// Result is all that was concluded. Peers has one entry for each event given.
type Result struct {
	Peers    []Peer
	Contacts []Contact // by confidence, falling
	Groups   []Group   // by time of the first message
	Same     [][]int32 // parties that are devices of one person, as it seems; what is said of them names the first
	Notes    []string  // what could not be told, and how much would be needed
}

// Correlate finds who talked to whom. parties is the number of parties; events
// of a party that is not below it are left out. The events may come in any
// order. Times are used as they are: clocks of several inputs must have been
// brought together before. Running time is near n log n in the number of
// events.
func Correlate(events []Event, parties int, o Options) *Result {
	if o.Level == 0 {
		o.Level = 0.5
	}
	res := &Result{Peers: make([]Peer, len(events))}
	for i := range res.Peers {
		res.Peers[i] = Peer{Party: None, Group: None}
	}
	var nets []*net
	for _, ids := range byService(events, parties) {
		n := newNet(events, ids, parties, nil, nil)
		if len(n.sent) < fewest || len(n.recv) < fewest {
			res.Notes = append(res.Notes, n.tooFew())
			continue
		}
		n.law = n.learn()
		n.match()
		nets = append(nets, n)
	}
	res.Same = unite(nets, parties)
	for _, n := range nets {
		n.findGroups()
		n.scorePairs()
		n.conclude(o, res)
	}
	slices.SortStableFunc(res.Contacts, func(x, y Contact) int {
		return cmp.Or(-cmp.Compare(x.Confidence, y.Confidence), cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B), cmp.Compare(x.Service, y.Service))
	})
	expectFalse(res.Contacts)
	return res
}

// byService parts the indices of events by messenger, each in an order that
// does not depend on the order given.
func byService(events []Event, parties int) [][]int32 {
	lists := make(map[int32][]int32)
	for i := range events {
		if e := &events[i]; e.Party >= 0 && int(e.Party) < parties {
			lists[e.Service] = append(lists[e.Service], int32(i))
		}
	}
	var names []int32
	for s := range lists {
		names = append(names, s)
	}
	slices.Sort(names)
	var out [][]int32
	for _, s := range names {
		ids := lists[s]
		slices.SortStableFunc(ids, func(i, j int32) int { return order(&events[i], &events[j]) })
		out = append(out, ids)
	}
	return out
}

// order sorts events by time, then by all that tells them apart.
func order(x, y *Event) int {
	if c := cmp.Compare(x.Time, y.Time); c != 0 {
		return c
	}
	up := func(e *Event) int {
		if e.Sent {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(x.Party, y.Party), cmp.Compare(up(x), up(y)), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Size, y.Size),
		cmp.Compare(x.Bulk, y.Bulk), cmp.Compare(x.Input, y.Input), cmp.Compare(x.Confidence, y.Confidence))
}

// expectFalse fills the running sum of doubt; contacts are sorted by
// confidence. Those of equal confidence have the same sum.
func expectFalse(list []Contact) {
	var sum float64
	for i := 0; i < len(list); {
		j := i
		for j < len(list) && list[j].Confidence == list[i].Confidence {
			sum += 1 - list[j].Confidence
			j++
		}
		for ; i < j; i++ {
			list[i].ExpectedFalse = sum
		}
	}
}

// match finds the probable source of every received message.
func (n *net) match() {
	n.link()
	n.assign()
	n.learnReceipts()
	n.addWaiting()
}

// rematch is match for the same messenger when more is known of who is one person:
// what was sent shortly before each received message is what it was then.
func (n *net) rematch(old *net) {
	n.relink(old, false)
	n.assign()
	n.learnReceipts()
	n.addWaiting()
}

// resume is rematch where few parties are joined: what waited is what it was, too.
func (n *net) resume(old *net) {
	n.confirmed.learned(old.confirmed)
	n.waits = old.waits
	n.relink(old, true)
	n.maximise()
	n.alternate(reassignRounds)
}

// addWaiting adds the sources of what was not received at once.
func (n *net) addWaiting() {
	n.addLate()
	n.reassign()
	n.addLateTogether()
}

// fewest is the number of events of a direction below which nothing is tried:
// two messages each way are the least that repeats.
const fewest = 2

// tooFew says what is missing.
func (n *net) tooFew() string {
	return fmt.Sprintf("not enough to tell: %d sent and %d received messages of %d parties; at least %d of each are needed, and about 5 a pair to be sure of it",
		len(n.sent), len(n.recv), n.active, fewest)
}

// seconds is a duration as a number.
func seconds(d time.Duration) float64 { return d.Seconds() }
