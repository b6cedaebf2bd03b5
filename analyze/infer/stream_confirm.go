package infer

import (
	"slices"

	"envelope/capture"
)

// A message that came in one record with much else is known by its receipt: who
// got it confirms it, and the server passes that on to who wrote it. Between the
// same two clients receipts are of one size on either side, as the names in them
// are the same, so that each pair shows its own.

const (
	// confirmShare is the share of the commonest pair of sizes that others need to
	// be as good: what a client says along with its receipt is as common.
	confirmShare = 0.8
	// sureConfirmed is the probability of a message that only its receipt shows:
	// all 7 in the laboratory recordings of XMPP (2026-11-30) were right, which says
	// no more of it.
	sureConfirmed = 0.85
	// confirmLook is the number of units that are looked at for a receipt at either
	// end: behind one address there may be a whole office.
	confirmLook = 32
)

// confirmation is the size of a receipt as who got the message sends it, and as who
// wrote it has it.
type confirmation struct{ up, down uint32 }

// arrival is a message that is known to have come.
type arrival struct {
	source, who int32
	unit, conn  int32
	at          capture.Time
}

// confirms finds messages by their receipts.
type confirms struct {
	v        *view
	grown    map[delivery]int64   // by how many bytes messages grow between two clients at least
	taken    map[int32]bool       // messages that came to anybody
	used     map[int32]int        // of how many known messages a unit is the receipt
	said     map[setupSaying]bool // what clients say in the set-ups of sessions
	sessions [][]int32            // of each client: its connections with a set-up
	sure     map[int32]bool       // units whose message is confirmed
	law      map[delivery]confirmation
	from     map[int32][]int32 // by who got messages: who wrote them
	written  map[int32][]int32 // by client: messages that nobody is known to have got
}

// confirmed finds the messages that only their receipts show.
func (v *view) confirmed(ups [][]int32) {
	known := v.known()
	c := &confirms{v: v, grown: make(map[delivery]int64), taken: make(map[int32]bool), used: make(map[int32]int),
		sure: make(map[int32]bool), law: make(map[delivery]confirmation), from: make(map[int32][]int32), written: make(map[int32][]int32)}
	c.said, c.sessions = v.saidInSetups()
	c.learn(known)
	for _, k := range known {
		c.use(&k)
	}
	sent := slices.Concat(ups...)
	slices.Sort(sent)
	for _, id := range sent {
		if who := v.units[id].who; !c.taken[id] {
			c.written[who] = append(c.written[who], id)
		}
	}
	// What comes through is of the last that may be it: set-ups say things of the
	// size of receipts.
	for who := range v.index {
		for _, id := range slices.Backward(v.index[who][capture.Up]) {
			c.tell(id)
		}
	}
}

// setupSaying is a size that a client said in the set-up of a session.
type setupSaying struct {
	size uint32
	conn int32
}

// saidInSetups gives what clients say in set-ups, and the connections of each.
func (v *view) saidInSetups() (said map[setupSaying]bool, sessions [][]int32) {
	said, sessions = make(map[setupSaying]bool), make([][]int32, len(v.clients))
	for i := range v.units {
		if u := &v.units[i]; u.login && u.up {
			said[setupSaying{u.size, u.conn}] = true
			if list := sessions[u.who]; !slices.Contains(list[max(0, len(list)-4):], u.conn) {
				sessions[u.who] = append(list, u.conn)
			}
		}
	}
	return said, sessions
}

// usual tells whether a client says something of that size in half of the set-ups
// of its other sessions: a request is no receipt. Without others nothing is usual.
func (c *confirms) usual(u *unit) bool {
	n, all := 0, 0
	for _, conn := range c.sessions[u.who] {
		if conn == u.conn {
			continue
		}
		all++
		if c.said[setupSaying{u.size, conn}] {
			n++
		}
	}
	return n > 0 && float64(n) >= scriptShare*float64(all)
}

// known lists the messages that are known to have come.
func (v *view) known() (out []arrival) {
	for _, id := range v.downs {
		if d := &v.units[id]; d.source >= 0 && !d.echo && (d.ground == groundLaw || d.ground == groundDelay) {
			out = append(out, arrival{d.source, d.who, id, d.conn, d.at})
		}
	}
	for _, p := range v.parts {
		d := &v.units[p.unit]
		out = append(out, arrival{p.source, d.who, p.unit, d.conn, d.at})
	}
	return out
}

// receiptsOf calls f for what may be the receipt of a message, at who got it and,
// so much later, at who wrote it.
func (c *confirms) receiptsOf(k *arrival, later capture.Time, f func(x, y int32)) {
	v := c.v
	ups := v.between(k.who, capture.Up, k.at, k.at.Add(receiptWithin))
	for _, x := range ups[:min(len(ups), confirmLook)] {
		if u := &v.units[x]; u.content || u.conn != k.conn || u.size < leastContent {
			continue
		}
		c.passed(x, v.units[k.source].who, later, func(y int32) { f(x, y) })
	}
}

// passed calls f for what may be unit x, passed on to a client.
func (c *confirms) passed(x, to int32, later capture.Time, f func(y int32)) {
	v := c.v
	at := v.units[x].at + later
	downs := v.between(to, capture.Down, at, at.Add(relayWithin))
	for _, y := range downs[:min(len(downs), confirmLook)] {
		if d := &v.units[y]; d.ground == groundNone && d.size >= v.units[x].size {
			f(y)
		}
	}
}

// learn finds for each two clients the sizes of their receipts, against what
// chance makes of them.
func (c *confirms) learn(known []arrival) {
	count := make(map[delivery]map[confirmation]float64)
	for i := range known {
		k := &known[i]
		pair := delivery{c.v.units[k.source].who, k.who}
		c.taken[k.source] = true
		if g := int64(c.v.units[k.unit].size) - int64(c.v.units[k.source].size); c.grown[pair] == 0 || g < c.grown[pair] {
			c.grown[pair] = g
		}
		if count[pair] == nil {
			count[pair] = make(map[confirmation]float64)
		}
		seen := make(map[confirmation]bool)
		add := func(by float64) func(x, y int32) {
			return func(x, y int32) {
				if z := (confirmation{c.v.units[x].size, c.v.units[y].size}); by < 0 || !seen[z] {
					seen[z] = true
					count[pair][z] += by
				}
			}
		}
		c.receiptsOf(k, 0, add(1))
		for _, s := range shifts {
			c.receiptsOf(k, capture.Time(s), add(-1/float64(len(shifts))))
		}
	}
	for pair, sizes := range count {
		if z, ok := commonestOf(sizes); ok {
			c.law[pair] = z
			c.from[pair.who] = append(c.from[pair.who], pair.source)
		}
	}
	for _, list := range c.from {
		slices.Sort(list)
	}
}

// commonestOf gives the largest of the commonest sizes.
func commonestOf(sizes map[confirmation]float64) (best confirmation, ok bool) {
	most := 0.0
	for _, n := range sizes {
		most = max(most, n)
	}
	if most < wroteFew {
		return best, false
	}
	for z, n := range sizes {
		larger := z.up+z.down > best.up+best.down || z.up+z.down == best.up+best.down && z.up > best.up
		if n >= confirmShare*most && larger {
			best = z
		}
	}
	return best, true
}

// use takes the receipt of a known message.
func (c *confirms) use(k *arrival) {
	z, ok := c.law[delivery{c.v.units[k.source].who, k.who}]
	done := !ok
	c.receiptsOf(k, 0, func(x, y int32) {
		if !done && c.is(x, y, z) {
			c.used[x]++
			c.used[y]++
			c.sure[k.unit], done = true, true
		}
	})
}

// is tells whether two units are a receipt that is of no other message. What who
// wrote gets may be less a request to acknowledge, or several receipts in one.
func (c *confirms) is(x, y int32, z confirmation) bool {
	if c.v.units[x].size != z.up || c.used[x] > 0 {
		return false
	}
	n := int32(c.used[y] + 1)
	size := int32(c.v.units[y].size)
	for k := n; k <= apartMost; k++ {
		if over := size - k*int32(z.down); over <= apartOver && over >= -apartUnder*k {
			return true
		}
	}
	return false
}

// tell finds the message that unit x confirms, if any that is not known.
func (c *confirms) tell(x int32) {
	u := &c.v.units[x]
	if u.content || c.used[x] > 0 || c.v.request[u.conn] || u.login && c.usual(u) {
		return
	}
	for _, from := range c.from[u.who] {
		z := c.law[delivery{from, u.who}]
		if z.up != u.size {
			continue
		}
		c.passed(x, from, 0, func(y int32) {
			if c.is(x, y, z) {
				c.enclose(x, y, from)
			}
		})
	}
}

// enclose enters the message of a client that it wrote last before it was confirmed:
// receipts are gone through from the last.
func (c *confirms) enclose(x, y, from int32) {
	v, u := c.v, &c.v.units[x]
	list := c.written[from]
	n, _ := slices.BinarySearchFunc(list, u.at, func(id int32, at capture.Time) int { return int(v.units[id].at - at) })
	if n == 0 {
		return
	}
	if c.doubted(u) {
		c.used[x]++
		c.used[y]++
		return
	}
	source := list[n-1]
	least := int64(v.units[source].size) + c.grown[delivery{from, u.who}]
	downs := v.between(u.who, capture.Down, u.at.Add(-receiptWithin), u.at)
	for _, id := range slices.Backward(downs) {
		if d := &v.units[id]; d.conn == u.conn && d.ground == groundNone && int64(d.size) >= least+v.copied(d) {
			v.parts = append(v.parts, enclosed{unit: id, source: source, size: uint32(least), sure: sureConfirmed, confirmed: true})
			c.used[x]++
			c.used[y]++
			c.written[from] = slices.Delete(list, n-1, n)
			return
		}
	}
}

// copied is how much of a unit the copy of the client's own message takes.
func (v *view) copied(d *unit) int64 {
	if !d.echo || d.source < 0 {
		return 0
	}
	return int64(v.units[d.source].size)
}

// doubted tells whether a message just before is told whose receipt was not found:
// it was taken to be another client's, or from outside.
func (c *confirms) doubted(u *unit) bool {
	v := c.v
	for _, id := range slices.Backward(v.between(u.who, capture.Down, u.at.Add(-receiptWithin), u.at)) {
		if d := &v.units[id]; d.conn == u.conn && d.ground != groundNone && !c.sure[id] {
			c.sure[id] = true
			return true
		}
	}
	return false
}
