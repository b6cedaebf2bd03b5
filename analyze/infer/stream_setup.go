package infer

import (
	"math"
	"slices"
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
	said      []setupSize // in order
}

// setupSize is a size that one session said or got in its set-up.
type setupSize struct {
	up        bool
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
	for _, d := range [...]int32{side(a.up) - side(b.up), a.bin - b.bin, a.who - b.who, a.conn - b.conn} {
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
	for i := range v.units {
		u := &v.units[i]
		if u.login && s.likeMessage(u) && s.rare(u) {
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
	for i := range v.units {
		if u := &v.units[i]; u.login && s.likeMessage(u) {
			s.said = append(s.said, setupSize{u.up, setupBin(u.size), u.who, u.conn})
		}
	}
	slices.SortFunc(s.said, compareSetup)
	s.said = slices.Compact(s.said)
	return s
}

// rare tells whether few set-ups say or get a unit's size, those of its client
// and those of all.
func (s *setups) rare(u *unit) bool {
	own := float64(s.sessions[u.who])
	if own < setupsFew {
		return false
	}
	mine, all := 0.0, 0.0
	for bin := setupBin(u.size) - 1; bin <= setupBin(u.size)+1; bin++ {
		from := s.from(setupSize{u.up, bin, -1, -1})
		to := s.from(setupSize{u.up, bin + 1, -1, -1})
		all += float64(to - from)
		mine += float64(s.from(setupSize{u.up, bin, u.who + 1, -1}) - s.from(setupSize{u.up, bin, u.who, -1}))
	}
	return mine <= setupOwn*own && all <= setupAll*s.all
}

// from gives the place of the first that is not before x.
func (s *setups) from(x setupSize) int {
	i, _ := slices.BinarySearchFunc(s.said, x, compareSetup)
	return i
}
