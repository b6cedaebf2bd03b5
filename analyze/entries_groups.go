package analyze

import (
	"cmp"
	"slices"

	"envelope/capture"
)

// room is a group as logs name it.
type room struct{ service, id string }

// roll is who is in a room, and what was said there.
type roll struct {
	room
	name    string
	members map[string]bool
	sent    int
	got     map[string]int // messages delivered, by receiver
	told    map[int]bool   // events that are counted: several logs may have one
	first   capture.Time
	last    capture.Time
}

func (r *roll) member(party string) {
	if party != "" {
		r.members[party] = true
	}
}

func (r *roll) at(t capture.Time) {
	if r.first == 0 || t < r.first {
		r.first = t
	}
	r.last = max(r.last, t)
}

// messages is how many were sent in the room; of a log that only has
// deliveries, how many the member who got most of them got.
func (r *roll) messages() int {
	n := r.sent
	for _, got := range r.got {
		n = max(n, got)
	}
	return n
}

// rolls gathers the rooms that logs name: who wrote there, who was handed what
// was written, and who is said to be a member.
func (d *document) rolls(entries []logged, halves []half, who *ends) []*roll {
	of := map[room]*roll{}
	get := func(e *logged) *roll {
		k := room{d.serviceOf(e), e.Group}
		r := of[k]
		if r == nil {
			r = &roll{room: k, members: map[string]bool{}, got: map[string]int{}, told: map[int]bool{}}
			of[k] = r
		}
		r.name = cmp.Or(r.name, e.GroupName)
		return r
	}
	for i := range entries {
		e := &entries[i]
		if e.Group == "" || e.Kind != capture.EntryMember {
			continue
		}
		r := get(e)
		r.member(who.party(&e.From, e.at))
		for k := range e.To {
			r.member(who.party(&e.To[k], e.at))
		}
	}
	for i := range halves {
		if h := &halves[i]; h.Group != "" && talks(h.Kind) && !h.faint {
			get(h.logged).add(h, who)
		}
	}
	return sortedRolls(of)
}

func (r *roll) add(h *half, who *ends) {
	r.member(h.party)
	r.at(h.time)
	again := r.told[h.event]
	r.told[h.event] = true
	if h.direction == "received" {
		r.member(h.peer)
		if !again {
			r.got[h.party]++
		}
		return
	}
	for k := range h.To {
		r.member(who.party(&h.To[k], h.at))
	}
	if !again {
		r.sent++
	}
}

func sortedRolls(of map[room]*roll) []*roll {
	list := make([]*roll, 0, len(of))
	for _, r := range of {
		list = append(list, r)
	}
	slices.SortFunc(list, func(x, y *roll) int { return cmp.Or(cmp.Compare(x.service, y.service), cmp.Compare(x.id, y.id)) })
	return list
}

// rooms gives the rooms whose members a log lists, by what it calls them, with
// an end for each member.
func (d *document) rooms(entries []logged, who *ends) map[room]map[string]capture.End {
	out := map[room]map[string]capture.End{}
	for i := range entries {
		e := &entries[i]
		if e.Group == "" || e.Kind != capture.EntryMember {
			continue
		}
		k := room{e.Service, e.Group}
		if out[k] == nil {
			out[k] = map[string]capture.End{}
		}
		for _, end := range append([]capture.End{e.From}, e.To...) {
			if id := who.party(&end, e.at); id != "" {
				out[k][id] = end
			}
		}
	}
	return out
}

// roomsOfTwo makes of what is said in a room whose two members a log lists a
// conversation of the two: some messengers have no other (Matrix).
func roomsOfTwo(rooms map[room]map[string]capture.End, halves []half) {
	for i := range halves {
		h := &halves[i]
		members := rooms[room{h.Service, h.Group}]
		if h.Group == "" || len(members) != 2 || !talks(h.Kind) {
			continue
		}
		e := *h.logged
		e.Group = ""
		for id, end := range members {
			if id != h.party {
				h.peer = id
				if h.direction == "sent" {
					e.To = []capture.End{end}
				}
			}
		}
		h.logged = &e
	}
}

// loggedGroups enters the groups that logs name, and the pairs that share one
// and show no talk of their own.
func (d *document) loggedGroups(entries []logged, halves []half, who *ends) {
	ids := map[room]string{}
	for _, r := range d.rolls(entries, halves, who) {
		if r.messages() == 0 && len(r.members) < 3 {
			continue // a conversation of two, or nobody but its owner is known to be in it
		}
		g := Group{ID: groupID(len(d.Groups)), Name: r.name, Account: r.id, Members: sortedKeys(r.members), Service: r.service, Messages: r.messages(),
			First: r.first.UTC(), Last: r.last.UTC(), Confidence: certain, Grade: "seen"}
		for range g.Members {
			g.MemberConfidence = append(g.MemberConfidence, certain)
		}
		ids[r.room] = g.ID
		d.Groups = append(d.Groups, g)
		d.shareGroup(&g)
	}
	for i := range halves {
		if h := &halves[i]; h.Group != "" && h.event >= 0 {
			if id, ok := ids[room{d.serviceOf(h.logged), h.Group}]; ok {
				d.Events[h.event].Group = &id
			}
		}
	}
}

// maxShared is the size up to which the pairs within a group are listed as
// contacts by the group: n members make n*(n-1)/2 pairs.
const maxShared = 32

// shareGroup adds a contact by the group for each pair of members that has none.
func (d *document) shareGroup(g *Group) {
	if len(g.Members) > maxShared {
		return
	}
	known := d.contactIndex()
	for i, a := range g.Members {
		for _, b := range g.Members[i+1:] {
			if _, ok := known[pairOf{a, b, g.Service}]; !ok {
				d.Contacts = append(d.Contacts, Contact{A: min(a, b), B: max(a, b), Via: "group", Service: g.Service, First: g.First, Last: g.Last,
					Confidence: certain, Grade: "seen", Candidates: 1, Evidence: []string{}})
			}
		}
	}
}
