package infer

import (
	"math"
	"slices"

	"envelope/capture"
)

// A phone that connects to look for news, or to say something, does so before its
// session's set-up has come to a rest. What it says and gets then is told from the
// set-up by its sizes: a set-up says much the same each time.

const (
	// setupsFew is the number of set-ups of one client from which their sizes are
	// known.
	setupsFew = 4
	// setupOwn and setupAll are the shares of a client's set-ups, and of those of
	// all, in which a size is part of what set-ups say. In a simulated afternoon
	// of XMPP a list of contacts is in each, a message of one size in 1 of 50.
	setupOwn = 0.25
	setupAll = 0.1
	// setupWidth is how far sizes of one kind lie apart, one part in 100: counters
	// and stamps.
	setupWidth = 100
)

// setups is what sessions say while they are set up, as far as it is of the size
// of messages.
type setups struct {
	families  []family
	low, high uint32  // sizes of received messages
	sessions  []int32 // of each client
	all       float64
	units     []int32     // of the size of messages, by time
	sizes     []setupSize // of each of them
	said      []setupSize // the same once for each session, in order
}

// setupSize is a size that one session said or got in its set-up.
type setupSize struct {
	up        bool
	again     bool  // after another of that size: a list of contacts comes but once
	bin       int32 // of the size
	who, conn int32
}

func compareSetup(a, b setupSize) int {
	side := func(up bool) int32 {
		if up {
			return 1
		}
		return 0
	}
	for _, d := range [...]int32{side(a.up) - side(b.up), side(a.again) - side(b.again), a.bin - b.bin, a.who - b.who, a.conn - b.conn} {
		if d != 0 {
			return int(d)
		}
	}
	return 0
}

func setupBin(size uint32) int32 { return int32(setupWidth * math.Log(float64(size))) }

// unusual takes out of the set-ups of sessions what is of the size of messages and
// not usual there.
func (v *view) unusual(fs []family) {
	s := v.setups(fs)
	for k, id := range s.units {
		if u := &v.units[id]; s.rare(s.sizes[k]) {
			u.login, u.waited = false, true
		}
	}
	for k := range v.falls {
		f := &v.falls[k]
		f.login = v.units[f.id].login
	}
}

// likeMessage tells whether a unit has a size that messages may have.
func (s *setups) likeMessage(u *unit) bool {
	if u.up {
		return chosen(s.families, u.size) != nil
	}
	return s.low <= u.size && u.size <= s.high
}

// setups gathers the set-ups of all sessions.
func (v *view) setups(fs []family) *setups {
	s := &setups{families: fs, sessions: make([]int32, len(v.clients))}
	s.low, s.high = arriving(fs)
	for i, until := range v.loginEnds() {
		if until > 0 {
			s.sessions[v.who[i]]++
			s.all++
		}
	}
	before := make(map[setupSize]bool)
	for i := range v.units {
		u := &v.units[i]
		if !u.login || !s.likeMessage(u) {
			continue
		}
		x := setupSize{up: u.up, bin: setupBin(u.size), who: u.who, conn: u.conn}
		again := x.in(before)
		before[x] = true
		x.again = again
		s.units, s.sizes = append(s.units, int32(i)), append(s.sizes, x)
	}
	s.said = slices.Clone(s.sizes)
	slices.SortFunc(s.said, compareSetup)
	s.said = slices.Compact(s.said)
	return s
}

// in tells whether a size, or one nearly so, is among others.
func (x setupSize) in(said map[setupSize]bool) bool {
	below, above := x, x
	below.bin--
	above.bin++
	return said[x] || said[below] || said[above]
}

// rare tells whether few set-ups say or get a size, those of its client and those
// of all.
func (s *setups) rare(x setupSize) bool {
	own := float64(s.sessions[x.who])
	if own < setupsFew {
		return false
	}
	mine, all := 0.0, 0.0
	for bin := x.bin - 1; bin <= x.bin+1; bin++ {
		y := setupSize{x.up, x.again, bin, -1, -1}
		from := s.from(y)
		y.who = x.who
		first := s.from(y)
		y.who++
		mine += float64(s.from(y) - first)
		y.bin, y.who = bin+1, -1
		all += float64(s.from(y) - from)
	}
	return mine <= setupOwn*own && all <= setupAll*s.all
}

// from gives the place of the first that is not before x.
func (s *setups) from(x setupSize) int { return place(s.said, x) }

// place is where x is, or would be, in a list in order.
func place(list []setupSize, x setupSize) int {
	i, _ := slices.BinarySearchFunc(list, x, compareSetup)
	return i
}

const (
	// scriptShare is the share of set-ups in which what they usually say is, and
	// that of what they usually say which a set-up has at least. In the laboratory
	// recordings of XMPP and in simulated ones every set-up has three quarters.
	scriptShare = 0.5
	// scriptLeast is the number of things that set-ups must usually say to be
	// known by them: a preface and settings, as of HTTP/2, come with each
	// connection, and more comes with each session.
	scriptLeast = 5
)

// partHouses finds the sessions that begin beside a live one of the same address:
// behind one address of a house there may be several devices, each of which sets
// up its sessions as all others do. What was opened for more requests says
// something else at first.
func (v *view) partHouses() {
	said := v.openings()
	script := v.script(said)
	if len(script) < scriptLeast {
		return
	}
	repeats, last := make([]int, len(v.conns)), make([]int, len(v.conns))
	for k, x := range script {
		from := place(said, setupSize{x.up, false, x.bin - 1, -1, -1})
		to := place(said, setupSize{x.up, false, x.bin + 2, -1, -1})
		for _, y := range said[from:to] {
			if last[y.conn] != k+1 {
				last[y.conn] = k + 1
				repeats[y.conn]++
			}
		}
	}
	for i, n := range repeats {
		if float64(n) >= scriptShare*float64(len(script)) {
			v.beside[i] = false
		}
	}
}

// openings gives what connections say before their first pause, in order, but for
// those of requests, each of which is answered before the next.
func (v *view) openings() []setupSize {
	until := make([]capture.Time, len(v.conns))
	for i, c := range v.conns {
		if !c.Flow.Midstream && !v.request[i] {
			until[i] = quietAfter(c.Flow)
		}
	}
	var said []setupSize
	for i := range v.units {
		if u := &v.units[i]; u.at <= until[u.conn] {
			said = append(said, setupSize{up: u.up, bin: setupBin(u.size), who: u.who, conn: u.conn})
		}
	}
	slices.SortFunc(said, compareSetup)
	return slices.Compact(said)
}

// script is what the set-ups of sessions usually say. It is learned from those that
// are known to be such, since they have nothing beside them.
func (v *view) script(said []setupSize) (out []setupSize) {
	sessions := make(map[int32]bool)
	count := make(map[setupSize]int)
	for _, x := range said {
		if !v.beside[x.conn] {
			sessions[x.conn] = true
			count[setupSize{up: x.up, bin: x.bin}]++
		}
	}
	for x, n := range count {
		below, above := count[setupSize{up: x.up, bin: x.bin - 1}], count[setupSize{up: x.up, bin: x.bin + 1}]
		if n > below && n >= above && float64(n+below+above) >= scriptShare*float64(len(sessions)) {
			out = append(out, x)
		}
	}
	return out
}
