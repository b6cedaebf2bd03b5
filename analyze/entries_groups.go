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
	get := func(service string, e *logged) *roll {
		k := room{service, e.Group}
		r := of[k]
		if r == nil {
			r = &roll{room: k, members: map[string]bool{}, got: map[string]int{}}
			of[k] = r
		}
		r.name = cmp.Or(r.name, e.GroupName)
		return r
	}
	called := servicesOf(halves)
	for i := range entries {
		e := &entries[i]
		if e.Group == "" || e.Kind != capture.EntryMember {
			continue
		}
		r := get(cmp.Or(e.Service, called[e.at.Input]), e)
		r.member(who.party(e.From, e.at))
		for _, to := range e.To {
			r.member(who.party(to, e.at))
		}
	}
	counted := make([]bool, len(d.Events))
	for i := range halves {
		if h := &halves[i]; h.Group != "" && talks(h.Kind) && !h.faint {
			get(h.service, h.logged).add(h, who, counted[h.event])
			counted[h.event] = true
		}
	}
	return sortedRolls(of)
}

// servicesOf gives the messenger that the lines of each log turned out to be of
// where they do not say so.
func servicesOf(halves []half) map[int32]string {
	out := map[int32]string{}
	for i := range halves {
		if h := &halves[i]; h.Service == "" {
			out[h.at.Input] = h.service
		}
	}
	return out
}

// add counts what was said in a room; again is an event that another log has.
func (r *roll) add(h *half, who *ends, again bool) {
	r.member(h.party)
	r.at(h.time)
	if h.direction == received {
		r.member(h.peer)
		if !again {
			r.got[h.party]++
		}
		return
	}
	for _, to := range h.To {
		r.member(who.party(to, h.at))
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

// rooms gives the rooms of which logs tell who is in them, with an end for each:
// by a list of members, or by whom lines say that a message went to.
func (e *ends) rooms(entries []logged) map[room]map[string]*capture.End {
	out := map[room]map[string]*capture.End{}
	for i := range entries {
		x := &entries[i]
		if x.Group == "" || x.Kind != capture.EntryMember && len(x.To) == 0 {
			continue
		}
		k := room{x.Service, x.Group}
		if out[k] == nil {
			out[k] = map[string]*capture.End{}
		}
		for end := range x.ends() {
			if id := e.party(end, x.at); id != "" {
				out[k][id] = end
			}
		}
	}
	return out
}

// closed gives the rooms of two whose members a log lists: only of them is it
// known that there is nobody else.
func closed(rooms map[room]map[string]*capture.End, entries []logged) map[room]map[string]*capture.End {
	out := map[room]map[string]*capture.End{}
	for i := range entries {
		e := &entries[i]
		if k := (room{e.Service, e.Group}); e.Kind == capture.EntryMember && len(rooms[k]) == 2 {
			out[k] = rooms[k]
		}
	}
	return out
}

// roomsOfTwo makes of what is said in a room whose two members a log lists a
// conversation of the two: some messengers have no other (Matrix).
func roomsOfTwo(rooms map[room]map[string]*capture.End, entries []logged, who *ends) []logged {
	two := closed(rooms, entries)
	if len(two) == 0 {
		return entries
	}
	alone := map[*manner]*manner{}
	out := slices.Clone(entries)
	for i := range out {
		e := &out[i]
		members := two[room{e.Service, e.Group}]
		if e.Group == "" || members == nil || !talks(e.Kind) {
			continue
		}
		if alone[e.manner] == nil {
			m := *e.manner
			m.Group, m.GroupName = "", ""
			alone[e.manner] = &m
		}
		e.manner = alone[e.manner]
		e.between(members, who)
	}
	return out
}

// between names the end of a line that it leaves open, of two that there are.
func (e *logged) between(members map[string]*capture.End, who *ends) {
	from := who.party(e.From, e.at)
	for id, end := range members {
		switch {
		case e.Half != capture.HalfReceived && members[from] != nil && id != from:
			e.To = []*capture.End{end}
		case e.Half == capture.HalfReceived && from == "" && len(e.To) == 1 && who.party(e.To[0], e.at) != id:
			e.From = end
		}
	}
}

// sameGroup gives the group of the traffic that has the members of a logged one,
// -1 for none.
func (d *document) sameGroup(g *Group) int {
	return slices.IndexFunc(d.Groups, func(o Group) bool {
		if o.Grade == "seen" || o.Service != g.Service || len(o.Members) != len(g.Members) {
			return false
		}
		return !slices.ContainsFunc(o.Members, func(m string) bool { return !slices.Contains(g.Members, m) })
	})
}

// loggedGroups enters the groups that logs name, and the pairs that share one
// and show no talk of their own.
func (d *document) loggedGroups(entries []logged, halves []half, who *ends) {
	ids := map[room]*string{}
	known := d.contactIndex()
	for _, r := range d.rolls(entries, halves, who) {
		if r.messages() == 0 && len(r.members) < 3 {
			continue // a conversation of two, or nobody but its owner is known to be in it
		}
		g := Group{ID: groupID(len(d.Groups)), Name: r.name, Account: r.id, Members: sortedKeys(r.members), Service: r.service, Messages: r.messages(),
			Confidence: certain, Grade: "seen"}
		if r.first != 0 {
			g.First, g.Last = r.first.UTC(), r.last.UTC()
		}
		for range g.Members {
			g.MemberConfidence = append(g.MemberConfidence, certain)
		}
		if i := d.sameGroup(&g); i >= 0 {
			g.ID = d.Groups[i].ID
			d.Groups[i] = g
		} else {
			d.Groups = append(d.Groups, g)
		}
		ids[r.room] = &g.ID
		d.shareGroup(&g, known)
	}
	for i := range halves {
		if h := &halves[i]; h.Group != "" && h.event >= 0 {
			if id := ids[room{h.service, h.Group}]; id != nil {
				d.Events[h.event].Group = id
			}
		}
	}
}

// maxShared is the size up to which the pairs within a group are listed as
// contacts by the group: n members make n*(n-1)/2 pairs.
const maxShared = 32

// shareGroup adds a contact by the group for each pair of members that has none.
func (d *document) shareGroup(g *Group, known map[pairOf]int) {
	if len(g.Members) > maxShared {
		return
	}
	for i, a := range g.Members {
		for _, b := range g.Members[i+1:] {
			if _, ok := known[pairOf{a, b, g.Service}]; ok {
				continue
			}
			known[pairOf{a, b, g.Service}], known[pairOf{b, a, g.Service}] = len(d.Contacts), len(d.Contacts)
			d.Contacts = append(d.Contacts, Contact{A: min(a, b), B: max(a, b), Via: "group", Service: g.Service, First: g.First, Last: g.Last,
				Confidence: certain, Grade: "seen", Candidates: 1, Evidence: []string{}})
		}
	}
}
