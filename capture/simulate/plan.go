package simulate

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"envelope/capture"
)

// resident is one person of a running town.
type resident struct {
	name    string
	outside bool
	nat     bool
	uses    uint32       // messengers, by bit
	first   int32        // device
	devices int32        // 0 for people outside
	weight  int32        // how many contacts, compared with others
	busy    capture.Time // in a call until then
}

// device is one device inside the capture.
type device struct {
	dice
	pulse      dice // of its keepalives: apart, so that Talk can leave them out
	person     int32
	locked     bool
	phone      bool
	delay      time.Duration // one way, to the router
	up         bool          // connected
	usable     capture.Time  // when the login is over
	awakeUntil capture.Time
	dropped    capture.Time // when the last connection ended
	nextPoll   capture.Time
	hung       capture.Time // when the request that hangs was made, where the server pings
	errands    []errand     // that wait for a connection
}

// relation is two people, or a group, and how far their conversation is.
type relation struct {
	dice
	a, b    int32   // persons
	members []int32 // of a group, sorted; nil for a pair
	group   int32   // -1 for a pair
	service int32
	shift   int32         // of lengths on the way down
	gap     time.Duration // mean time between two conversations
	calls   time.Duration // mean time between two calls, 0 for none
	left    int32         // messages of this conversation to come
	writer  int32         // of the next message
	count   int64         // messages so far
	called  int64
}

// service is one messenger of a running town.
type service struct {
	Messenger
	law
	delay time.Duration // one way, router to server
}

// plan is a town before anything happens.
type plan struct {
	*Town
	seed      uint64
	start     capture.Time
	end       capture.Time
	services  []service
	people    []resident
	devices   []device
	relations []relation
	groups    []int32   // number of the relation
	names     []string  // of the groups
	contacts  [][]int32 // numbers of relations by person, for presence; nil where no messenger has it
}

// parts of the seed: each has a stream of its own.
const (
	dicePerson = iota + 1
	diceFriends
	diceGroup
	diceRelation
	diceDevice
	diceService
	diceFlaw
	dicePage
	dicePulse
)

// newPlan draws who there is and who knows whom.
func newPlan(t *Town, seed uint64) *plan {
	p := &plan{Town: t, seed: seed, start: capture.TimeOf(t.Start)}
	p.end = p.start.Add(time.Duration(t.Length))
	for i, m := range t.Messengers {
		l, _ := lawOf(m.Kind, m.Build)
		if m.Host != "" {
			l.host = m.Host
		}
		d := newDice(seed, diceService, uint64(i))
		p.services = append(p.services, service{m, l, d.between(time.Duration(t.Phones.Server[0]), time.Duration(t.Phones.Server[1]))})
	}
	byName := map[string]int32{}
	for i, c := range t.People {
		byName[c.Name] = int32(i)
		p.settle(p.citizen(i, c), c)
	}
	for i := range t.Crowd {
		p.settle(p.stranger(len(t.People)+i), Citizen{})
	}
	p.named(byName)
	p.befriend()
	p.gather()
	p.introduce()
	return p
}

// stranger draws one person of the crowd.
func (p *plan) stranger(i int) resident {
	d := newDice(p.seed, dicePerson, uint64(i))
	r := resident{name: "p" + strconv.Itoa(i), outside: d.chance(p.Outside), nat: d.chance(p.Phones.NAT), devices: 1}
	if d.chance(p.Phones.Second) {
		r.devices = 2
	}
	for s, m := range p.Messengers {
		if d.chance(m.Share) {
			r.uses |= 1 << s
		}
	}
	if r.uses == 0 && len(p.Messengers) > 0 {
		r.uses = 1 << d.below(int64(len(p.Messengers)))
	}
	// Twice as many contacts have a quarter of the people: index 2.
	r.weight = int32(d.tail(1000, 1414, 20_000))
	return r
}

// citizen is one person by name, drawn where the scenario leaves it open.
func (p *plan) citizen(i int, c Citizen) resident {
	r := p.stranger(i)
	r.name, r.outside = c.Name, c.Outside
	if c.Devices > 0 {
		r.devices = int32(c.Devices)
	}
	if c.NAT != nil {
		r.nat = *c.NAT
	}
	if c.Messengers != nil {
		r.uses = 0
	}
	for _, name := range c.Messengers {
		r.uses |= 1 << slices.IndexFunc(p.Messengers, func(m Messenger) bool { return m.Name == name })
	}
	return r
}

// settle adds a person with its devices.
func (p *plan) settle(r resident, c Citizen) {
	r.first = int32(len(p.devices))
	if r.outside {
		r.devices = 0
	}
	for i := range r.devices {
		d := device{dice: newDice(p.seed, diceDevice, uint64(len(p.people)), uint64(i)), person: int32(len(p.people)), phone: i == 0}
		d.pulse = newDice(p.seed, dicePulse, uint64(len(p.people)), uint64(i))
		d.locked = d.chance(p.Phones.Locked) && d.phone
		if c.Locked != nil {
			d.locked = *c.Locked && d.phone
		}
		d.delay = d.between(time.Duration(p.Phones.Delay[0]), time.Duration(p.Phones.Delay[1]))
		p.devices = append(p.devices, d)
	}
	p.people = append(p.people, r)
}

// day is the unit of all rates.
const day = 24 * time.Hour

// relate adds a relation with so many messages a day.
func (p *plan) relate(r relation, daily int64) {
	i := uint64(len(p.relations))
	r.dice = newDice(p.seed, diceRelation, i)
	if span := p.services[r.service].pairSpan; span > 0 {
		r.shift = int32(r.below(int64(span) + 1))
	}
	r.gap = p.gapOf(daily)
	if r.group < 0 && p.Calls.Daily > 0 {
		r.calls = time.Duration(int64(day) / max(1, int64(p.Calls.Daily)/1000) * 1000)
	}
	if r.group >= 0 {
		p.groups = append(p.groups, int32(i))
	}
	p.relations = append(p.relations, r)
}

// gapOf is the mean time between conversations, at the most active hour, that
// gives so many messages a day.
func (p *plan) gapOf(daily int64) time.Duration {
	if daily <= 0 {
		return 0
	}
	most, sum := 0, 0
	for _, w := range p.Habits.Hours {
		most, sum = max(most, w), sum+w
	}
	if most == 0 {
		return 0
	}
	active := int64(day) / int64(24*most) * int64(sum) // time a day, in hours of full activity
	return max(time.Second, time.Duration(active/daily*int64(p.Habits.Burst)))
}

// named adds the pairs and groups that the scenario names.
func (p *plan) named(byName map[string]int32) {
	number := func(name string) int32 {
		return int32(slices.IndexFunc(p.Messengers, func(m Messenger) bool { return m.Name == name }))
	}
	for _, x := range p.Pairs {
		a, b := byName[x.A], byName[x.B]
		p.relate(relation{a: min(a, b), b: max(a, b), group: -1, service: number(x.Messenger)}, int64(x.Daily))
	}
	for _, c := range p.Circles {
		var members []int32
		for _, name := range c.Members {
			members = append(members, byName[name])
		}
		slices.Sort(members)
		p.names = append(p.names, c.Name)
		p.relate(relation{group: int32(len(p.groups)), members: members, service: number(c.Messenger)}, int64(c.Daily))
	}
}

// near is within how many people most contacts live.
const near = 50

// befriend draws the pairs of the crowd: one end by weight, the other mostly
// among its neighbours. Both must use one messenger.
func (p *plan) befriend() {
	base, n := int64(len(p.Town.People)), int64(p.Crowd)
	if n < 2 || p.Friends.Contacts == 0 {
		return
	}
	d := newDice(p.seed, diceFriends)
	sums := make([]int64, n+1)
	for i := range n {
		sums[i+1] = sums[i] + int64(p.people[base+i].weight)
	}
	draw := func() int64 {
		at := d.below(sums[n])
		i, ok := slices.BinarySearch(sums, at)
		if !ok {
			i--
		}
		return int64(i)
	}
	known := make(map[[2]int32]bool, n*int64(p.Friends.Contacts)/2)
	for range n * int64(p.Friends.Contacts) / 2 {
		for range 8 { // tries
			a, b := draw(), draw()
			if d.chance(p.Friends.Near) {
				b = (a + d.below(2*near+1) - near + n*near) % n
			}
			if pair := p.pair(&d, int32(base+a), int32(base+max(b, 0))); pair.a >= 0 && !known[[2]int32{pair.a, pair.b}] {
				known[[2]int32{pair.a, pair.b}] = true
				p.relate(pair, p.daily(&d, p.Friends.Daily))
				break
			}
		}
	}
}

// daily draws how many messages a day a relation has: most have few, some many.
// A Pareto law of index 1.5 whose least value is a third of the mean.
func (p *plan) daily(d *dice, mean int) int64 {
	return max(1, d.tail(int64(mean)*1000/3, 1587, int64(mean)*30_000)/1000)
}

// pair makes a relation of two people, or one with a of -1 where they cannot
// write to each other.
func (p *plan) pair(d *dice, a, b int32) relation {
	x, y := &p.people[a], &p.people[b]
	common := x.uses & y.uses
	switch {
	case a == b, common == 0, x.outside && y.outside, p.Strangers && !x.outside && !y.outside:
		return relation{a: -1}
	}
	return relation{a: min(a, b), b: max(a, b), group: -1, service: pick(d, common)}
}

// pick chooses one of the bits that are set.
func pick(d *dice, bits uint32) int32 {
	var set []int32
	for i := range int32(32) {
		if bits>>i&1 == 1 {
			set = append(set, i)
		}
	}
	return set[d.below(int64(len(set)))]
}

// gather draws the groups of the crowd.
func (p *plan) gather() {
	base, n := int64(len(p.Town.People)), int64(p.Crowd)
	if n < 3 || len(p.services) == 0 {
		return
	}
	d := newDice(p.seed, diceGroup)
	for range n * int64(p.Friends.Groups) / 1_000_000 {
		// Sizes from 3 on, index 1.5: the mean of the law is three times its least.
		size := 3 + d.tail(max(1, int64(p.Friends.GroupSize-3))*1000/3, 1587, 60_000)/1000
		service, centre := int32(d.below(int64(len(p.services)))), d.below(n)
		members := p.circle(&d, base, centre, size, service)
		if len(members) < 3 {
			continue
		}
		p.names = append(p.names, fmt.Sprint("g", len(p.groups)))
		p.relate(relation{group: int32(len(p.groups)), members: members, service: service}, p.daily(&d, p.Friends.GroupRate))
	}
}

// circle draws the members of a group around a centre.
func (p *plan) circle(d *dice, base, centre, size int64, service int32) []int32 {
	var members []int32
	inside := 0
	for range 4 * size {
		who := int32(base + (centre+d.below(2*near+1)-near+int64(p.Crowd)*near)%int64(p.Crowd))
		r := &p.people[who]
		if r.uses>>service&1 == 0 || slices.Contains(members, who) || p.Strangers && !r.outside && inside == 1 {
			continue
		}
		if !r.outside {
			inside++
		}
		if members = append(members, who); int64(len(members)) == size {
			break
		}
	}
	slices.Sort(members)
	return members
}

// introduce lists the pairs of each person where a messenger tells presence.
func (p *plan) introduce() {
	if !slices.ContainsFunc(p.services, func(s service) bool { return s.presence.down > 0 }) {
		return
	}
	p.contacts = make([][]int32, len(p.people))
	for i := range p.relations {
		if r := &p.relations[i]; r.group < 0 && p.services[r.service].presence.down > 0 {
			p.contacts[r.a] = append(p.contacts[r.a], int32(i))
			p.contacts[r.b] = append(p.contacts[r.b], int32(i))
		}
	}
}
