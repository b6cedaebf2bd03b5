package identity

import (
	"net/netip"
	"testing"

	"envelope/capture"
)

func TestLeasesHandAnAddressOn(t *testing.T) {
	b := &Book{}
	addr := netip.MustParseAddr("192.0.2.10")
	first := b.Lease(addr, mac(1), 100, 200)
	second := b.Lease(addr, mac(2), 300, 400)
	again := b.Lease(addr, mac(1), 500, 0)
	if first != addr || second == addr || again != addr || Bare(second) != addr {
		t.Fatalf("tenants %v %v %v", first, second, again)
	}
	for _, c := range []struct {
		at   capture.Time
		want netip.Addr
	}{{0, first}, {150, first}, {299, first}, {300, second}, {499, second}, {900, first}} {
		if got := b.At(addr, 0, c.at); got != c.want {
			t.Errorf("at %d it is %v, want %v", c.at, got, c.want)
		}
	}
	if other := netip.MustParseAddr("192.0.2.11"); b.At(other, 0, 300) != other {
		t.Error("an address without leases has tenants")
	}
	list := b.Parties([]netip.Addr{first, second}, nil)
	if len(list) != 2 || list[0].Addrs[0] != addr || list[1].Addrs[0] != addr {
		t.Errorf("parties %+v", list)
	}
}

// An account that came to an address under the second of its leases is not of
// the device that had the first.
func TestAccountIsOfTheTenantOfItsTime(t *testing.T) {
	b := &Book{}
	addr := netip.MustParseAddr("192.0.2.10")
	first, second := b.Lease(addr, mac(1), 100, 200), b.Lease(addr, mac(2), 300, 400)
	b.Enter(b.Account("ben@example.org", capture.Origin{At: 1}), addr, 0, 350, capture.Origin{At: 1})
	list := b.Parties([]netip.Addr{first, second}, nil)
	if len(list) != 2 || len(list[0].Accounts) != 0 || len(list[1].Accounts) != 1 {
		t.Errorf("parties %+v", list)
	}
}

// An account that roams is one party at all its addresses, but for those at
// which the same log has others, at whatever time.
func TestRoamingAccount(t *testing.T) {
	b := &Book{}
	anna, ben := b.Account("anna@example.org", capture.Origin{}), b.Account("anna@example.net", capture.Origin{})
	var seen []netip.Addr
	for i := range 500 {
		a := netip.AddrFrom4([4]byte{198, 51, byte(i / 250), byte(1 + i%250)})
		seen = append(seen, a)
		b.Enter(anna, a, 0, capture.Time(i), capture.Origin{})
		if i < 3 {
			b.Enter(ben, a, 0, capture.Time(9000+i), capture.Origin{})
		}
	}
	list := b.Parties(seen, nil)
	if len(list) != 5 {
		t.Fatalf("%d parties, want the two accounts and three addresses that are nobody's", len(list))
	}
	for _, p := range list {
		if len(p.Accounts) == 1 && p.Accounts[0].Value == "anna@example.org" && len(p.Addrs) != 497 || len(p.Accounts) > 1 {
			t.Errorf("%d accounts at %d addresses", len(p.Accounts), len(p.Addrs))
		}
	}
}

func TestPortsTellAccountsBehindOneAddress(t *testing.T) {
	b := &Book{}
	nat := netip.MustParseAddr("203.0.113.1")
	anna, ben := b.Account("anna@example.org", capture.Origin{At: 1}), b.Account("ben@example.org", capture.Origin{At: 2})
	b.Enter(anna, nat, 40001, 10, capture.Origin{At: 1})
	if b.At(nat, 40001, 10) != nat {
		t.Error("one account alone needs no port")
	}
	b.Enter(ben, nat, 40002, 11, capture.Origin{At: 2})
	a, c := b.At(nat, 40001, 12), b.At(nat, 40002, 12)
	if a == c || b.At(nat, 40003, 12) != nat {
		t.Errorf("behind the ports are %v and %v", a, c)
	}
	list := b.Parties([]netip.Addr{a, c, nat}, nil)
	if len(list) != 3 || len(list[0].Accounts) != 1 || list[0].Accounts[0].Value != "anna@example.org" || list[1].Accounts[0].Value != "ben@example.org" || len(list[2].Accounts) != 0 {
		t.Errorf("parties %+v", list)
	}
}

func TestReachOfAddresses(t *testing.T) {
	for text, want := range map[string]string{"192.168.1.2": "seen", "fd00::1": "seen", "::ffff:10.0.0.1": "seen", "100.64.0.9": "possible", "198.51.100.7": "likely", "2001:db8::1": "likely"} {
		s := Stay{Addr: netip.MustParseAddr(text)}
		if got := s.Grade(); got != want {
			t.Errorf("an account at %s is its owner's: %s, want %s", text, got, want)
		}
	}
}
