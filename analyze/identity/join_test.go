package identity

import (
	"net/netip"
	"slices"
	"testing"

	"envelope/capture"
)

func addrs(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func mac(b byte) capture.MAC { return capture.MAC{2, 0, 0, 0, 0, b} }

// sight notes addresses behind one link-layer address.
func sight(b *Book, m capture.MAC, list ...string) {
	for i, a := range addrs(list...) {
		b.Sighting(a, m, capture.Origin{At: int64(i + 1)})
	}
}

func groups(list []Party) [][]netip.Addr {
	var out [][]netip.Addr
	for _, p := range list {
		out = append(out, p.Addrs)
	}
	return out
}

func TestPartiesJoinAddresses(t *testing.T) {
	for _, c := range []struct {
		name  string
		seen  func(*Book)
		given map[string]string
		addrs []netip.Addr
		want  [][]netip.Addr
	}{
		{"nothing known", func(*Book) {}, nil, addrs("192.0.2.1", "192.0.2.2"), [][]netip.Addr{addrs("192.0.2.1"), addrs("192.0.2.2")}},
		{"both families of one device", func(b *Book) { sight(b, mac(1), "192.0.2.1", "2001:db8::1", "fe80::1") }, nil,
			addrs("192.0.2.1", "2001:db8::1"), [][]netip.Addr{addrs("192.0.2.1", "2001:db8::1")}},
		{"privacy extensions", func(b *Book) { sight(b, mac(1), "2001:db8::1", "2001:db8::2:3") }, nil,
			addrs("2001:db8::1", "2001:db8::2:3"), [][]netip.Addr{addrs("2001:db8::1", "2001:db8::2:3")}},
		{"behind a router", func(b *Book) { sight(b, mac(1), "192.0.2.1", "198.51.100.1", "2001:db8::1") }, nil,
			addrs("192.0.2.1", "198.51.100.1", "2001:db8::1"), [][]netip.Addr{addrs("192.0.2.1"), addrs("198.51.100.1"), addrs("2001:db8::1")}},
		{"networks behind a router", func(b *Book) { sight(b, mac(1), "2001:db8:1::1", "2001:db8:2::1") }, nil,
			addrs("2001:db8:1::1", "2001:db8:2::1"), [][]netip.Addr{addrs("2001:db8:1::1"), addrs("2001:db8:2::1")}},
		{"no link-layer address, or one of a group", func(b *Book) {
			sight(b, capture.MAC{}, "192.0.2.1", "2001:db8::1")
			sight(b, capture.MAC{1}, "192.0.2.1", "2001:db8::1")
		}, nil,
			addrs("192.0.2.1", "2001:db8::1"), [][]netip.Addr{addrs("192.0.2.1"), addrs("2001:db8::1")}},
		{"the user says so", func(*Book) {}, map[string]string{"192.0.2.1": "Anna", "198.51.100.9": "Anna", "192.0.2.2": "Ben"},
			addrs("192.0.2.1", "192.0.2.2", "198.51.100.9"), [][]netip.Addr{addrs("192.0.2.1", "198.51.100.9"), addrs("192.0.2.2")}},
	} {
		b := &Book{}
		c.seen(b)
		if got := groups(b.Parties(c.addrs, c.given)); !slices.EqualFunc(got, c.want, slices.Equal) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestNamesAndPublicAddresses(t *testing.T) {
	b := &Book{}
	sight(b, mac(1), "192.0.2.1", "2001:db8::1")
	b.Name(&capture.Name{MAC: mac(1), Value: "phone", How: "dhcp"}, capture.Origin{At: 7})
	b.Name(&capture.Name{Addr: addrs("192.0.2.1")[0], MAC: mac(1), Value: "phone.local", How: "mdns"}, capture.Origin{At: 8})
	b.Name(&capture.Name{Addr: addrs("192.0.2.1")[0], Value: "web.example", How: "dns"}, capture.Origin{At: 9})
	b.Name(&capture.Name{Addr: addrs("192.0.2.1")[0], How: "mdns"}, capture.Origin{})
	for range 3 {
		b.Mapped(addrs("192.0.2.1")[0], addrs("203.0.113.1")[0], capture.Origin{At: 10})
	}
	b.Mapped(addrs("192.0.2.1")[0], addrs("192.0.2.1")[0], capture.Origin{})
	list := b.Parties(addrs("192.0.2.1", "2001:db8::1"), map[string]string{"2001:db8::1": "Anna"})
	if len(list) != 1 || !list[0].Person || list[0].Names[0].Value != "Anna" {
		t.Errorf("%+v: the name of one address is that of the device", list)
	}
	list = b.Parties(addrs("192.0.2.1", "2001:db8::1"), map[string]string{"192.0.2.1": "Ben", "2001:db8::1": "Anna"})
	if len(list) != 2 {
		t.Errorf("%+v: what the user names apart is apart", list)
	}
	list = b.Parties(addrs("192.0.2.1", "2001:db8::1"), nil)
	p := list[0]
	SortNames(p.Names)
	if len(list) != 1 || len(p.Names) != 2 || p.Names[0].Value != "phone" || p.Names[0].Origin.At != 7 || p.Names[1].How != "mdns" {
		t.Errorf("names %+v of %d parties", p.Names, len(list))
	}
	if len(p.Public) != 1 || p.Public[0].Origin.At != 10 || !slices.Equal(p.MACs, []capture.MAC{mac(1)}) || len(p.Joined) != 1 {
		t.Errorf("party %+v", p)
	}
}

func TestBookIsBounded(t *testing.T) {
	b := &Book{}
	for i := range 1000 {
		a := netip.AddrFrom16([16]byte{0x20, 1, 14: byte(i >> 8), 15: byte(i)})
		b.Sighting(a, mac(1), capture.Origin{})
		b.Mapped(addrs("192.0.2.1")[0], a, capture.Origin{})
		b.Name(&capture.Name{MAC: mac(1), Value: a.String(), How: "mdns"}, capture.Origin{})
	}
	if len(b.links[mac(1)].addrs) > maxAddrs || len(b.outer[addrs("192.0.2.1")[0]]) > maxAddrs || len(b.byMAC[mac(1)]) > 8 {
		t.Error("more is kept than one device can have")
	}
}
