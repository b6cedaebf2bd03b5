package service

import (
	"net/netip"
	"slices"
	"strings"

	"envelope/capture"
)

// Match says which messenger a flow belongs to.
type Match struct {
	Service    string   // messenger id; "" where none is known
	Role       Role     // what the flow is for
	How        []string // sni, quic, http, dns, certificate, stun, frame, port, address, app, alpn, ja4: what the confidence rests on, sorted
	Confidence float64  // probability that the flow belongs to Service
}

const (
	// least is the confidence below which nothing is said: the design's
	// grades end at "possible", p >= 0.5.
	least = 0.5

	// most bounds the combined confidence: marks of different kinds are not
	// wholly independent, and every list has mistakes.
	most = 0.99

	// dnsFactor weakens a name that was learned from a DNS answer: several
	// names share an address, and the flow may have been opened for another
	// one of them.
	dnsFactor = 0.9

	// certificateFactor weakens a name out of the server's certificate, which
	// is often one for all hosts of a company.
	certificateFactor = 0.95
)

// Match tells which messenger a flow belongs to; the zero Match if none is
// known with a probability of one half or more.
//
// The rule: of each kind of mark the strongest counts; kinds are taken as
// independent, so that the confidence is one minus the product of what each of
// them leaves open. A name speaks before an address: where the server's name
// is known, address ranges count only for the messenger whose name it is, and
// for nobody if the name is nobody's. In the same way, an app that the
// recorder named settles for whom the address may speak. Where client and
// server could not be told apart with certainty, both ends are tried.
func (s *Set) Match(f *capture.Flow) Match {
	best := s.judge(f)
	if best.confidence < least {
		return Match{}
	}
	return Match{s.services[best.service].ID, best.role(), best.how(f), best.confidence}
}

// Of is Match for a reader that asks for every flow: service and role alone,
// "" where none is known. It allocates nothing.
func (s *Set) Of(f *capture.Flow) (service string, role Role) {
	best := s.judge(f)
	if best.confidence < least {
		return "", ""
	}
	return s.services[best.service].ID, best.role()
}

// judge weighs the marks of a flow.
func (s *Set) judge(f *capture.Flow) candidate {
	t := tally{hostFactor: 1}
	speak := s.names(f, &t)
	if speak == blocked {
		return candidate{}
	}
	for _, sign := range f.Signs {
		t.add(s.index.exact[rankSign][sign])
	}
	for _, name := range f.ALPN {
		t.add(s.index.exact[rankALPN][name])
	}
	if f.JA4 != "" {
		t.add(s.index.exact[rankJA4][f.JA4])
	}
	t.add(s.index.realm(f.Realm))
	if f.ClientHow == "syn" || f.ClientHow == "hello" || f.ClientHow == "log" {
		s.side(f, &t, f.Server, speak)
		return t.best()
	}
	return s.either(f, t, speak)
}

// Who an address may speak for, besides the number of a service.
const (
	nobody  int32 = -1
	anybody int32 = -2
	blocked int32 = -3 // and nothing else may speak either
)

// names adds what the app and the host say, and returns for whom an address
// may speak.
func (s *Set) names(f *capture.Flow, t *tally) int32 {
	speak := anybody
	if f.Host != "" && !isAddress(f.Host) {
		speak = nobody
		if r := s.index.host(f.Host); r != nil && r.role == Other {
			speak = blocked
		} else if r != nil {
			speak, t.hostFactor = r.service, hostFactor(f.HostHow)
			t.add(r)
		}
	}
	if f.App == "" {
		return speak
	}
	if r := s.index.exact[rankApp][strings.ToLower(f.App)]; r != nil {
		t.add(r)
		return r.service
	}
	if speak == anybody {
		speak = nobody
	}
	return speak
}

func hostFactor(how string) float64 {
	switch how {
	case "dns":
		return dnsFactor
	case "certificate":
		return certificateFactor
	}
	return 1
}

// either tries both ends and returns the better candidate, the server's if
// they are equal. It works on its own copy of t.
func (s *Set) either(f *capture.Flow, t tally, speak int32) candidate {
	swapped := t
	s.side(f, &t, f.Server, speak)
	s.side(f, &swapped, f.Client, speak)
	best, other := t.best(), swapped.best()
	if other.confidence > best.confidence {
		best = other
	}
	return best
}

// side adds the marks of one end to t.
func (s *Set) side(f *capture.Flow, t *tally, end netip.AddrPort, speak int32) {
	addr, port := end.Addr().Unmap(), end.Port()
	nets := s.index.net(addr)
	for i := range nets {
		m := &nets[i]
		if (speak == anybody || m.ref.service == speak) && m.holds(addr, f.Proto, port) {
			t.add(m.ref)
		}
	}
	// HTTP on a messenger's port is another protocol; a port that nothing but a
	// knock was seen of says nothing.
	if f.HostHow == "http" && speak == nobody {
		return
	}
	spoken := f.Payload[capture.Up]+f.Payload[capture.Down] > 0
	for _, r := range s.index.ports[portKey(f.Proto, port)] {
		if spoken || t.find(r.service) != nil {
			t.add(r)
		}
	}
}

// isAddress tells whether a host is an address, which is no name.
func isAddress(host string) bool {
	last := host[len(host)-1]
	if last != ']' && (last < '0' || last > '9') && !strings.Contains(host, ":") {
		return false
	}
	if _, err := netip.ParseAddrPort(host); err == nil {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

// candidates is how many messengers one flow may point to; the data's ranges
// and ports never share one point among more than a few.
const candidates = 8

// tally gathers the marks of one flow. It lives on the stack.
type tally struct {
	n          int
	of         [candidates]candidate
	hostFactor float64
}

// candidate is a messenger with the strongest mark of each kind, by rank.
type candidate struct {
	service    int32
	marks      [nranks]*ref
	confidence float64
}

// add counts a mark, if there is one.
func (t *tally) add(r *ref) {
	if r == nil {
		return
	}
	c := t.find(r.service)
	if c == nil {
		if t.n == len(t.of) {
			return
		}
		c = &t.of[t.n]
		c.service = r.service
		t.n++
	}
	if old := c.marks[r.rank]; old == nil || old.weight < r.weight {
		c.marks[r.rank] = r
	}
}

// find returns the candidate of a service, nil if it has no mark yet.
func (t *tally) find(service int32) *candidate {
	for i := range t.of[:t.n] {
		if t.of[i].service == service {
			return &t.of[i]
		}
	}
	return nil
}

// best returns the most likely candidate; of equal ones the first by id.
func (t *tally) best() candidate {
	b := candidate{service: nobody}
	for i := range t.of[:t.n] {
		c := &t.of[i]
		c.confidence = min(1-t.doubt(c), most)
		if c.confidence > b.confidence || c.confidence == b.confidence && c.service < b.service {
			b = *c
		}
	}
	return b
}

// doubt is the product of what each mark of c leaves open.
func (t *tally) doubt(c *candidate) float64 {
	open := 1.0
	for k, r := range c.marks {
		switch {
		case r == nil:
		case k == rankHost:
			open *= 1 - r.weight*t.hostFactor
		default:
			open *= 1 - r.weight
		}
	}
	return open
}

// role is that of the mark of the first rank.
func (c *candidate) role() Role {
	for _, r := range c.marks {
		if r != nil {
			return r.role
		}
	}
	return ""
}

// how names what the confidence rests on, sorted.
func (c *candidate) how(f *capture.Flow) []string {
	words := [nranks]string{rankRealm: "stun", rankHost: f.HostHow, rankALPN: "alpn", rankPort: "port", rankNet: "address", rankJA4: "ja4", rankApp: "app"}
	words[rankSign] = signHow(f.Signs)
	var room [2 * nranks]string
	out := room[:0]
	for k, r := range c.marks {
		if r != nil {
			out = append(out, words[k])
		}
		if r != nil && r.ported {
			out = append(out, "port")
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return append(make([]string, 0, len(out)), out...) // and the room stays on the stack
}

// signHow tells signatures of STUN and TURN messages from those of other framing.
func signHow(signs []string) string {
	for _, s := range signs {
		if strings.HasSuffix(s, "-stun") || strings.HasSuffix(s, "-turn") {
			return "stun"
		}
	}
	return "frame"
}
