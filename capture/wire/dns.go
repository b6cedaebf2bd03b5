package wire

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// maxAliases bounds the aliases that are remembered of one DNS message. Real
// chains have less than ten.
const maxAliases = 32

// DNSOverTCP gives the first message of a DNS stream over TCP (RFC 1035
// section 4.2.2: two bytes of length in front), or what of it is in b.
func DNSOverTCP(b []byte) []byte {
	if len(b) < 2 {
		return nil
	}
	n := int(binary.BigEndian.Uint16(b))
	return b[2:min(len(b), 2+n)]
}

// ParseDNSAnswers calls fn for every address that a DNS, mDNS (RFC 6762) or
// LLMNR (RFC 4795) response gives, with the name it is given for: lower case,
// without the last dot. Chains of aliases (CNAME, HTTPS, SVCB, SRV) are folded
// back, so the name is the one that was asked for; without a question (mDNS)
// it is the owner of the address. Address hints of HTTPS and SVCB records (RFC
// 9460) are addresses too, and so is the name in a reverse (PTR) answer for an
// address. Loopback and unspecified addresses, as filters answer, are left out.
//
// Of a query only what it claims is told: a device that probes for its name by
// mDNS sends the addresses it is about to use along (RFC 6762 section 8.1), and
// so does one that updates its name at a server (RFC 2136).
//
// Addresses found before an error are told all the same.
func ParseDNSAnswers(b []byte, fn func(name string, addr netip.Addr)) error {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil {
		return err
	}
	a := answers{fn: fn}
	_, err = p.Question()
	asked := err == nil
	if err = p.SkipAllQuestions(); err != nil {
		return err
	}
	if !h.Response {
		return a.claims(&p)
	}
	if err = a.section(p.AnswerHeader, &p, p.SkipAnswer); err != nil {
		return err
	}
	if err = p.SkipAllAuthorities(); err != nil {
		return err
	}
	a.known = asked
	return a.section(p.AdditionalHeader, &p, p.SkipAdditional)
}

// claims reads the authority section of a query.
func (a *answers) claims(p *dnsmessage.Parser) error {
	if err := p.SkipAllAnswers(); err != nil {
		return err
	}
	return a.section(p.AuthorityHeader, p, p.SkipAuthority)
}

// answers folds the aliases of one message.
type answers struct {
	fn    func(string, netip.Addr)
	alias map[string]string // target -> owner
	known bool              // only targets of aliases count: additional records of a resolver
}

// section reads the records of one section.
func (a *answers) section(next func() (dnsmessage.ResourceHeader, error), p *dnsmessage.Parser, skip func() error) error {
	for {
		h, err := next()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return nil
		}
		if err == nil {
			err = a.record(h, p, skip)
		}
		if err != nil {
			return err
		}
	}
}

// record reads the body of one record. The high bit of an mDNS class asks to
// flush a cache (RFC 6762 section 10.2).
func (a *answers) record(h dnsmessage.ResourceHeader, p *dnsmessage.Parser, skip func() error) error {
	owner := plainName(h.Name)
	if h.Class&0x7FFF != dnsmessage.ClassINET {
		return skip()
	}
	switch h.Type {
	case dnsmessage.TypeA:
		r, err := p.AResource()
		if err == nil && h.Length == 4 {
			a.address(owner, netip.AddrFrom4(r.A))
		}
		return err
	case dnsmessage.TypeAAAA:
		r, err := p.AAAAResource()
		if err == nil && h.Length == 16 {
			a.address(owner, netip.AddrFrom16(r.AAAA))
		}
		return err
	case dnsmessage.TypeCNAME:
		r, err := p.CNAMEResource()
		a.link(owner, r.CNAME, err)
		return err
	case dnsmessage.TypePTR:
		r, err := p.PTRResource()
		if addr, ok := reverseAddr(owner); ok && err == nil {
			a.tell(plainName(r.PTR), addr)
		}
		return err
	case dnsmessage.TypeHTTPS:
		r, err := p.HTTPSResource()
		a.service(owner, r.SVCBResource, err)
		return err
	case dnsmessage.TypeSVCB:
		r, err := p.SVCBResource()
		a.service(owner, r, err)
		return err
	}
	return skip()
}

// link remembers that target stands for owner.
func (a *answers) link(owner string, target dnsmessage.Name, err error) {
	if err != nil || len(a.alias) >= maxAliases {
		return
	}
	if a.alias == nil {
		a.alias = make(map[string]string)
	}
	if t := plainName(target); t != owner && t != "" {
		a.alias[t] = owner
	}
}

// service reads address hints (RFC 9460 section 7.3) and the target.
func (a *answers) service(owner string, r dnsmessage.SVCBResource, err error) {
	a.link(owner, r.Target, err)
	if err != nil {
		return
	}
	for _, p := range r.Params {
		switch p.Key {
		case dnsmessage.SVCParamIPv4Hint:
			for v := p.Value; len(v) >= 4; v = v[4:] {
				a.tell(a.asked(owner), netip.AddrFrom4([4]byte(v)))
			}
		case dnsmessage.SVCParamIPv6Hint:
			for v := p.Value; len(v) >= 16; v = v[16:] {
				a.tell(a.asked(owner), netip.AddrFrom16([16]byte(v)))
			}
		}
	}
}

// address tells one address.
func (a *answers) address(owner string, addr netip.Addr) {
	if _, ok := a.alias[owner]; a.known && !ok {
		return // glue: an address that nobody asked for
	}
	a.tell(a.asked(owner), addr)
}

func (a *answers) tell(name string, addr netip.Addr) {
	if name != "" && !addr.IsUnspecified() && !addr.IsLoopback() {
		a.fn(name, addr)
	}
}

// asked follows aliases back to the name that was asked for.
func (a *answers) asked(name string) string {
	for range maxAliases {
		owner, ok := a.alias[name]
		if !ok {
			break
		}
		name = owner
	}
	return name
}

// plainName is a name in lower case without its last dot.
func plainName(n dnsmessage.Name) string {
	return strings.ToLower(strings.TrimSuffix(n.String(), "."))
}

// reverseAddr reads the address out of a name under in-addr.arpa (RFC 1035
// section 3.5) or ip6.arpa (RFC 3596 section 2.5).
func reverseAddr(name string) (netip.Addr, bool) {
	if s, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		return reverse4(strings.Split(s, "."))
	}
	if s, ok := strings.CutSuffix(name, ".ip6.arpa"); ok {
		return reverse6(s)
	}
	return netip.Addr{}, false
}

func reverse4(parts []string) (netip.Addr, bool) {
	var ip [4]byte
	if len(parts) != len(ip) {
		return netip.Addr{}, false
	}
	for i, s := range parts {
		n, err := strconv.ParseUint(s, 10, 8)
		if err != nil {
			return netip.Addr{}, false
		}
		ip[3-i] = byte(n)
	}
	return netip.AddrFrom4(ip), true
}

func reverse6(s string) (netip.Addr, bool) {
	var ip [16]byte
	if len(s) != 63 { // 32 nibbles with dots between them
		return netip.Addr{}, false
	}
	for i := range 32 {
		n, err := strconv.ParseUint(s[62-2*i:63-2*i], 16, 4)
		if err != nil {
			return netip.Addr{}, false
		}
		ip[i/2] = ip[i/2]<<4 | byte(n)
	}
	return netip.AddrFrom16(ip), true
}

// ParseDNSQuestion gives the first question of a DNS, mDNS or LLMNR message:
// name in lower case without the last dot, record type, and whether the
// message is a response.
func ParseDNSQuestion(b []byte) (name string, kind uint16, response, ok bool) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil {
		return "", 0, false, false
	}
	q, err := p.Question()
	if err != nil {
		return "", 0, h.Response, false
	}
	return plainName(q.Name), uint16(q.Type), h.Response, true
}
