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
)

// Match tells which messenger a flow belongs to; the zero Match if none is
// known with a probability of one half or more.
//
// The rule: of each kind of mark the strongest counts; kinds are taken as
// independent, so that the confidence is one minus the product of what each of
// them leaves open. A name speaks before an address: where the server's name
// is known, address ranges count only for the messenger whose name it is, and
// for nobody if the name is nobody's. In the same way, an app that the
// recorder named settles whose flow it is. Where client and server could not
// be told apart with certainty, addresses and ports of both ends are tried.
func (s *Set) Match(f *capture.Flow) Match {
	t := tally{}
	only, named := s.names(f, &t)
	if named && only == nobody && t.blocked {
		return Match{}
	}
	for _, sign := range f.Signs {
		t.addExact(s, Sign, sign)
	}
	for _, name := range f.ALPN {
		t.addExact(s, ALPN, name)
	}
	t.addExact(s, JA4, f.JA4)
	if r, ok := s.index.realm(f.Realm); ok {
		t.add(r)
	}
	best := s.side(f, t, f.Server, only, named)
	if !firm(f.ClientHow) {
		if other := s.side(f, t, f.Client, only, named); other.confidence > best.confidence {
			best = other
		}
	}
	if best.confidence < least {
		return Match{}
	}
	return Match{s.services[best.service].ID, best.role(), best.how(f.HostHow, f.Signs), best.confidence}
}

// nobody and anybody stand for a service where addresses are judged.
const (
	nobody  int32 = -1
	anybody int32 = -2
)

// names adds what the app and the host say. It returns the only service for
// which an address may speak, and whether the flow has a name at all.
func (s *Set) names(f *capture.Flow, t *tally) (only int32, named bool) {
	only = anybody
	if f.Host != "" && !isAddress(f.Host) {
		only, named = nobody, true
		if r, ok := s.index.host(f.Host); ok {
			if f.HostHow == "dns" {
				r.weight *= dnsFactor
			}
			if r.role == Other {
				t.blocked = true
			} else {
				t.add(r)
				only = r.service
			}
		}
	}
	if f.App != "" {
		named = true
		if r, ok := s.index.exact[rank(App)][strings.ToLower(f.App)]; ok {
			t.add(r)
			only, t.blocked = r.service, false
		} else if only == anybody {
			only = nobody
		}
	}
	return only, named
}

// side adds the marks of one end to a copy of t and returns its best candidate.
func (s *Set) side(f *capture.Flow, t tally, end netip.AddrPort, only int32, named bool) candidate {
	addr := end.Addr().Unmap()
	for _, m := range s.index.net(addr) {
		if (only == anybody || m.ref.service == only) && (!m.tailed || lowBits(addr) == m.tail) {
			t.add(m.ref)
		}
	}
	if f.HostHow != "http" || !named { // a port says nothing of a protocol that is known to be HTTP
		for _, r := range s.index.ports[uint32(f.Proto)<<16|uint32(end.Port())] {
			if f.Payload[capture.Up]+f.Payload[capture.Down] > 0 || t.has(r.service) {
				t.add(r)
			}
		}
	}
	return t.best()
}

// firm tells whether client and server are known from the flow itself.
func firm(how string) bool { return how == "syn" || how == "hello" || how == "stun" }

// isAddress tells whether a host is an address, which is no name.
func isAddress(host string) bool {
	if last := host[len(host)-1]; last != ']' && (last < '0' || last > '9') && !strings.Contains(host, ":") {
		return false
	}
	if _, err := netip.ParseAddrPort(host); err == nil {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

// candidates is how many messengers one flow may point to. No address lies in
// the ranges of more than a handful; what is above it is not looked at.
const candidates = 12

// tally gathers the marks of one flow. It lives on the stack.
type tally struct {
	n       int
	of      [candidates]candidate
	blocked bool // the name is known to be no messenger's
}

// candidate is a messenger with the strongest mark of each kind, by rank.
type candidate struct {
	service    int32
	kinds      [nkinds]bool
	weights    [nkinds]float64
	roles      [nkinds]Role
	confidence float64
}

func (t *tally) addExact(s *Set, k Kind, value string) {
	if value == "" {
		return
	}
	if r, ok := s.index.exact[rank(k)][value]; ok {
		t.add(r)
	}
}

func (t *tally) add(r ref) {
	c := t.find(r.service)
	if c == nil || c.kinds[r.rank] && c.weights[r.rank] >= r.weight {
		return
	}
	c.kinds[r.rank], c.weights[r.rank], c.roles[r.rank] = true, r.weight, r.role
}

// find returns the candidate of a service, a new one if need be; nil if there is no room.
func (t *tally) find(service int32) *candidate {
	for i := range t.of[:t.n] {
		if t.of[i].service == service {
			return &t.of[i]
		}
	}
	if t.n == len(t.of) {
		return nil
	}
	t.of[t.n].service = service
	t.n++
	return &t.of[t.n-1]
}

func (t *tally) has(service int32) bool {
	for i := range t.of[:t.n] {
		if t.of[i].service == service {
			return true
		}
	}
	return false
}

// best returns the most likely candidate; of equal ones the first by id.
func (t *tally) best() candidate {
	b := candidate{service: nobody}
	for i := range t.of[:t.n] {
		c := &t.of[i]
		open := 1.0
		for k, on := range c.kinds {
			if on {
				open *= 1 - c.weights[k]
			}
		}
		c.confidence = min(1-open, most)
		if c.confidence > b.confidence || c.confidence == b.confidence && c.service < b.service {
			b = *c
		}
	}
	return b
}

// role is that of the mark of the first rank.
func (c *candidate) role() Role {
	for k, on := range c.kinds {
		if on {
			return c.roles[k]
		}
	}
	return ""
}

// how names what the confidence rests on, sorted.
func (c *candidate) how(hostHow string, signs []string) []string {
	var out []string
	for k, on := range c.kinds {
		if !on {
			continue
		}
		switch k {
		case rank(Host):
			out = append(out, hostHow)
		case rank(Sign):
			out = append(out, signHow(signs))
		case rank(Realm):
			out = append(out, "stun")
		case rank(Net):
			out = append(out, "address")
		case rank(Port):
			out = append(out, "port")
		case rank(App):
			out = append(out, "app")
		case rank(ALPN):
			out = append(out, "alpn")
		case rank(JA4):
			out = append(out, "ja4")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
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
