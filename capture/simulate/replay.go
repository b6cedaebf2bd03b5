package simulate

import (
	"slices"
	"time"
)

// withNames returns the town with all people of a log, who use its first
// messenger, and no crowd.
func (t *Town) withNames(lines []Line) *Town {
	out := *t
	out.People = slices.Clone(t.People)
	out.Crowd, out.Pairs, out.Circles = 0, nil, nil
	known := map[string]bool{}
	for _, c := range t.People {
		known[c.Name] = true
	}
	for _, l := range lines {
		for _, name := range []string{l.From, l.To} {
			if name != "" && !known[name] {
				known[name] = true
				out.People = append(out.People, Citizen{Name: name, Messengers: []string{t.Messengers[0].Name}})
			}
		}
	}
	return &out
}

// relationsOf makes the relations of a log: a pair for each two people, and a group
// of all who ever wrote to it.
func (p *plan) relationsOf(lines []Line) {
	people := map[string]int32{}
	for i := range p.people {
		people[p.people[i].name] = int32(i)
	}
	groups := map[string][]int32{}
	for _, l := range lines {
		if who := people[l.From]; l.Group != "" && !slices.Contains(groups[l.Group], who) {
			groups[l.Group] = append(groups[l.Group], who)
		}
	}
	pairs, circles := map[[2]int32]int32{}, map[string]int32{}
	for i := range lines {
		l := &lines[i]
		l.from = people[l.From]
		if l.Group != "" {
			k, ok := circles[l.Group]
			if !ok {
				k = int32(len(p.relations))
				circles[l.Group] = k
				slices.Sort(groups[l.Group])
				p.names = append(p.names, l.Group)
				p.relate(relation{group: int32(len(p.groups)), members: groups[l.Group]}, 0)
			}
			l.relation = k
			continue
		}
		pair := [2]int32{min(l.from, people[l.To]), max(l.from, people[l.To])}
		k, ok := pairs[pair]
		if !ok {
			k = int32(len(p.relations))
			pairs[pair] = k
			p.relate(relation{a: pair[0], b: pair[1], group: -1}, 0)
		}
		l.relation = k
	}
}

// follow prepares the play of a log, from just before its first line on.
func (p *Play) follow(lines []Line) {
	lines = slices.Clone(lines)
	p.relationsOf(lines)
	p.introduce()
	lead := time.Duration(p.Phones.Arrive) + 15*time.Second
	p.start = lines[0].at.Add(-lead)
	p.end = p.start.Add(time.Duration(p.Length))
	p.lines = lines
}

// line lets the message of one line of the log be written, and the next one
// come.
func (p *Play) line(i int32) {
	l := &p.lines[i]
	if next := int(i) + 1; next < len(p.lines) {
		p.habits.push(max(p.now, p.lines[next].at), habit{what: doLine, who: i + 1})
	}
	r := &p.relations[l.relation]
	if len(r.members) == 1 {
		return // nobody else ever wrote to that group
	}
	if l.Kind == "call" {
		if r.group < 0 {
			p.dial(l.relation, l.from, l.Size != 0, time.Duration(max(l.Size, 5))*time.Second)
		}
		return
	}
	r.writer = l.from
	n := p.compose(r)
	n.kind, n.bulk = KindText, 0
	if l.Kind == "media" {
		n.kind, n.bulk = KindMedia, uint64(min(r.quantile(bytesOf), int64(p.Habits.MediaMax)))
	}
	switch {
	case l.Size < 0:
	case l.Kind == "media":
		n.bulk = uint64(min(l.Size, p.Habits.MediaMax))
	default:
		n.text = min(l.Size, 1<<14)
	}
	p.write(l.relation, n)
}
