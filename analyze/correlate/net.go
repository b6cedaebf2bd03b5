package correlate

import (
	"math"
	"slices"
	"time"

	"envelope/capture"
)

// mark is what the matcher needs of one message or attachment.
type mark struct {
	at    capture.Time
	party int32
	unit  int32   // the device; the party is the person's first
	id    int32   // index of the event as it was given
	size  int32   // 0 where not known
	bulk  float32 // binary logarithm of the attachment's bytes; 0 where not known
	conf  float32
	kind  Kind
	input int32

	told   capture.Time  // of a received one: when its device confirmed it, 0 where that was not seen
	turned time.Duration // of a sent one: by how much its clock was rotated
}

// net is one messenger: its events and what was found of them so far.
type net struct {
	events  []Event
	ids     []int32          // of the events of this messenger
	owner   []int32          // the party that each belongs to, nil where that is itself
	copies  map[int32]copyOf // what a device got of what its own person sent
	parties int
	active  int // parties with messages
	sent    []mark
	recv    []mark
	nSent   []int32          // moments at which each party sent
	nRecv   []int32          // messages that each party received
	life    [][]capture.Time // when each device showed any sign of life
	first   capture.Time
	last    capture.Time
	rate    []float64       // of each received: messages a second around it
	gap     []time.Duration // of each received: how long its party had been silent
	law     *law

	start  []int32 // candidates of received i are cand[start[i]:start[i+1]]
	cand   []candidate
	pairs  []pair
	pairID *pairIndex
	share  []float64 // of each party: share of received messages from outside
	waits  []float64 // of each party: share of received messages that had to wait for it
	total  []float64 // of each received: intensity of all sources
	theta0 float64   // intensity that two parties have before anything is known

	groups []*set
	conv   []int32   // of each sent: its group, None for direct or unknown
	direct []float64 // of each sent: probability that it was meant for one
	fans   []fan
	via    []int32 // of each received message in a fan: the pair from its sender
	scores []score

	confirmed  *receipts
	confirming confirming
	seen       seen // how much of what there was

	perhaps map[uint64]bool // pairs that may be two devices of one person
}

// newNet gathers the events of one messenger; ids are in order of time. Where
// owner is not nil it says which party each belongs to; copies are left out.
func newNet(events []Event, ids []int32, parties int, owner []int32, copies map[int32]copyOf) *net {
	n := &net{events: events, ids: ids, owner: owner, copies: copies, parties: parties, nSent: make([]int32, parties), nRecv: make([]int32, parties),
		first: math.MaxInt64, last: math.MinInt64}
	n.makeRoom()
	for _, id := range ids {
		e := &events[id]
		n.first, n.last = min(n.first, e.Time), max(n.last, e.Time)
		n.life[e.Party] = append(n.life[e.Party], e.Time)
		if e.Kind != Message && e.Kind != Media {
			continue
		}
		if _, ok := copies[id]; ok {
			continue
		}
		m := newMark(e, id)
		m.party = n.ownerOf(m.unit)
		if e.Sent {
			n.sent = append(n.sent, m)
		} else {
			n.recv = append(n.recv, m)
			n.nRecv[m.party]++
		}
	}
	n.total, n.share = make([]float64, len(n.recv)), make([]float64, parties)
	n.countMoments()
	n.measureRates()
	n.noteReceipts()
	return n
}

// makeRoom makes room for what there is of each party: lists of millions are else
// copied over and over.
func (n *net) makeRoom() {
	life, sent, recv := make([]int32, n.parties), 0, 0
	for _, id := range n.ids {
		e := &n.events[id]
		switch life[e.Party]++; {
		case e.Kind != Message && e.Kind != Media:
		case e.Sent:
			sent++
		default:
			recv++
		}
	}
	n.life, n.sent, n.recv = rooms[capture.Time](life), make([]mark, 0, sent), make([]mark, 0, recv)
}

// rooms gives an empty list for each count, with room for so many.
func rooms[T any](counts []int32) [][]T {
	all := 0
	for _, k := range counts {
		all += int(k)
	}
	out, room := make([][]T, len(counts)), make([]T, all)
	for p, k := range counts {
		out[p], room = room[:0:k], room[k:]
	}
	return out
}

// byParty parts a list by party, each part in the order of the list.
func byParty[T any](list []T, parties int, of func(*T) int32) [][]T {
	counts := make([]int32, parties)
	for i := range list {
		counts[of(&list[i])]++
	}
	out := rooms[T](counts)
	for i := range list {
		p := of(&list[i])
		out[p] = append(out[p], list[i])
	}
	return out
}

// ownerOf gives the party that a device belongs to.
func (n *net) ownerOf(unit int32) int32 {
	if n.owner == nil {
		return unit
	}
	return n.owner[unit]
}

func newMark(e *Event, id int32) mark {
	m := mark{at: e.Time, party: e.Party, unit: e.Party, id: id, size: int32(min(e.Size, math.MaxInt32)), kind: e.Kind, input: e.Input, conf: float32(e.Confidence)}
	if e.Confidence <= 0 {
		m.conf = 1
	}
	if e.Bulk > 0 {
		m.bulk = float32(math.Log2(float64(e.Bulk)))
	}
	return m
}

// oneMoment is the time within which several events count as one: a client that
// sends or gets several frames at once says one thing by it.
const oneMoment = 1500 * time.Millisecond

// countMoments counts for each party the moments at which it sent.
func (n *net) countMoments() {
	last := make([]capture.Time, n.parties)
	for i := range last {
		last[i] = math.MinInt64
	}
	for i := range n.sent {
		if p := n.sent[i].party; last[p] == math.MinInt64 || n.sent[i].at.Sub(last[p]) > oneMoment {
			n.nSent[p]++
			last[p] = n.sent[i].at
		}
	}
	for p := range n.nSent {
		if n.nSent[p] > 0 || n.nRecv[p] > 0 {
			n.active++
		}
	}
}

// rateWithin is the time on each side over which the rate of a party's received
// messages is taken: a conversation's length rather than a day's, since people
// write in bouts and chance is as great as in the bout.
const rateWithin = 30 * time.Second

// measureRates finds for each received message how many its party received
// around it, and how long the party had been silent before.
func (n *net) measureRates() {
	n.rate, n.gap = make([]float64, len(n.recv)), make([]time.Duration, len(n.recv))
	own := rooms[int32](n.nRecv)
	for i := range n.recv {
		p := n.recv[i].party
		own[p] = append(own[p], int32(i))
	}
	for _, list := range own {
		lo, hi := 0, 0
		for _, i := range list {
			at := n.recv[i].at
			for n.recv[list[lo]].at < at.Add(-rateWithin) {
				lo++
			}
			for hi < len(list) && n.recv[list[hi]].at <= at.Add(rateWithin) {
				hi++
			}
			n.rate[i] = float64(hi-lo) / seconds(2*rateWithin)
			n.gap[i] = n.silence(n.recv[i].unit, at)
		}
	}
}

const (
	// catchUp is how long a client takes to fetch what waited for it.
	catchUp = 10 * time.Second
	// awayLeast is the silence from which a party may have been away.
	awayLeast = 20 * time.Second
	// awayMost bounds how long a message may wait.
	awayMost = 12 * time.Hour
)

// silence is how long party p had shown no sign of life before the bout of
// events that holds at; 0 where it had been there.
func (n *net) silence(p int32, at capture.Time) time.Duration {
	life := n.life[p]
	j, _ := slices.BinarySearch(life, at)
	for j > 0 && life[j].Sub(life[j-1]) < awayLeast {
		if j--; at.Sub(life[j]) > catchUp {
			return 0
		}
	}
	from := n.first
	if j > 0 {
		from = life[j-1]
	}
	if d := at.Sub(from); d >= awayLeast {
		return min(d, awayMost)
	}
	return 0
}

// present is how near in time a sign of life shows that a party was there.
const present = 5 * time.Second

// there tells whether party p showed a sign of life around a time.
func (n *net) there(p int32, at capture.Time) bool {
	life := n.life[p]
	i, _ := slices.BinarySearch(life, at.Add(-present))
	return i < len(life) && life[i] <= at.Add(present)
}

// candidate is one sent message that a received one may have come from.
type candidate struct {
	from int32   // index into sent
	pair int32   // index into pairs: from sender to receiver
	fit  float32 // intensity by law: how often a second, times how much likelier than chance
	w    float32 // probability that it is the source
	late bool
}

// pair is one direction between two parties.
type pair struct {
	from, to int32
	back     int32   // index of the other direction, None where it has no candidates
	sent     int32   // moments at which the sender sent
	weight   float64 // expected number of messages
	answers  float64 // that of the other direction
}

func pairKey(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) }

// pairIndex numbers directions between two parties: a hash table with open
// addressing, since there are millions in a crowd, of which both directions lie
// in one place.
type pairIndex struct {
	places []pairPlace
	used   int
}

type pairPlace struct {
	key uint64   // of the lower party and the higher, + 1; 0 for a free place
	ids [2]int32 // numbers + 1 from the lower to the higher and back, 0 for none
}

func newPairIndex(n int) *pairIndex {
	size := 16
	for size < 2*n {
		size *= 2
	}
	return &pairIndex{places: make([]pairPlace, size)}
}

// place finds the place of two parties or a free one for them. The multiplier is
// 2^64 over the golden ratio (Knuth, volume 3, 6.4).
func (x *pairIndex) place(key uint64) *pairPlace {
	mask := uint64(len(x.places) - 1)
	h := key * 0x9e3779b97f4a7c15
	h ^= h >> 32
	for i := h & mask; ; i = (i + 1) & mask {
		if p := &x.places[i]; p.key == 0 || p.key == key+1 {
			return p
		}
	}
}

// upward is 0 from a lower party to a higher, else 1.
func upward(a, b int32) int {
	if a < b {
		return 0
	}
	return 1
}

// get gives the number of the direction from a to b, None where it has none.
func (x *pairIndex) get(a, b int32) int32 {
	return x.place(ordered(a, b)).ids[upward(a, b)] - 1
}

// put gives the number of the direction from a to b, and next to one that has
// none; and the number of the other direction or None.
func (x *pairIndex) put(a, b, next int32) (id, back int32) {
	key := ordered(a, b)
	p := x.place(key)
	if p.key == 0 {
		if x.used++; 2*x.used > len(x.places) {
			x.grow()
			p = x.place(key)
		}
		p.key = key + 1
	}
	at := upward(a, b)
	if p.ids[at] == 0 {
		p.ids[at] = next + 1
	}
	return p.ids[at] - 1, p.ids[1-at] - 1
}

func (x *pairIndex) grow() {
	old := x.places
	x.places = make([]pairPlace, 2*len(old))
	for i := range old {
		if old[i].key != 0 {
			*x.place(old[i].key - 1) = old[i]
		}
	}
}

// keySet tells whether a key was added: one bit of several for each (Bloom,
// "Space/Time Trade-offs in Hash Coding with Allowable Errors", CACM 13 (1970), with
// one place a key). Of few that were not it says so as well.
type keySet []uint64

// newKeySet is for up to n keys, with eight bits or more for each.
func newKeySet(n int) keySet {
	size := 1
	for 8*size < n {
		size *= 2
	}
	return make(keySet, size)
}

func (s keySet) place(key uint64) (word *uint64, bit uint64) {
	h := key * 0x9e3779b97f4a7c15
	h ^= h >> 32
	return &s[h>>6&uint64(len(s)-1)], 1 << (h & 63)
}

// add adds a key and tells whether it was there already.
func (s keySet) add(key uint64) bool {
	word, bit := s.place(key)
	had := *word&bit != 0
	*word |= bit
	return had
}

func (s keySet) has(key uint64) bool {
	word, bit := s.place(key)
	return *word&bit != 0
}
