package evaluate

import "envelope/analyze"

// naming tells which person each party of a report is.
type naming struct {
	truth   *Truth
	party   map[string]int32
	seen    map[int32]bool // people that are a party
	unknown int
}

// nameParties goes by the addresses of a party first, then by its accounts.
func nameParties(rep *analyze.Report, t *Truth) *naming {
	n := &naming{truth: t, party: map[string]int32{}, seen: map[int32]bool{}}
	for _, p := range rep.Parties {
		if who, ok := personOf(&p, t); ok {
			n.party[p.ID] = who
			n.seen[who] = true
		} else {
			n.unknown++
		}
	}
	return n
}

func personOf(p *analyze.Party, t *Truth) (int32, bool) {
	for _, a := range p.Addresses {
		if who, ok := t.byAddr[a]; ok {
			return who, true
		}
	}
	for _, a := range p.Accounts {
		if who, ok := t.byName[bare(a)]; ok {
			return who, true
		}
	}
	return Outside, false
}

// who is the person of a party or address.
func (n *naming) who(id string) int32 {
	if who, ok := n.party[id]; ok {
		return who
	}
	if who, ok := n.truth.byAddr[id]; ok {
		return who
	}
	return Outside
}

// peer is the person that an event names as its peer.
func (n *naming) peer(e *analyze.Event) int32 {
	if e.Peer == nil {
		return Outside
	}
	return n.who(*e.Peer)
}
