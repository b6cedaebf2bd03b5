// Package identity joins addresses and names to parties: the persons, devices
// or accounts of a capture, as far as observers can tell. Every join keeps its
// evidence and how sure it is.
package identity

import (
	"cmp"
	"net/netip"
	"slices"

	"envelope/capture"
)

// Book gathers what is known of addresses. The zero value is ready for use.
type Book struct {
	links map[capture.MAC]*link
	macs  map[netip.Addr]capture.MAC
	names map[netip.Addr][]Name
	byMAC map[capture.MAC][]Name
	outer map[netip.Addr][]Public // by inner address

	accounts     map[string]*Account
	accountOrder []*Account                  // in the order they were named
	occupant     map[inLog]*Account          // the first account that a log has at an address
	shared       map[netip.Addr]bool         // addresses at which one log has several accounts
	ports        map[netip.AddrPort]*Account // whose connections were
	leases       map[netip.Addr][]tenancy    // in order of time
	listed       map[string][]Name           // of accounts, in address books
}

// link is the addresses seen with one link-layer address.
type link struct {
	addrs  []netip.Addr
	origin []capture.Origin
}

// Name is one name of a party and where it was read.
type Name struct {
	Value  string
	How    string
	Origin capture.Origin
}

// Public is an address of a party as the outside sees it, read from a STUN
// answer.
type Public struct {
	Addr   netip.Addr
	Origin capture.Origin
}

// Party is one device or person.
type Party struct {
	Addrs    []netip.Addr
	Tenants  []netip.Addr // the same as At gives them
	MACs     []capture.MAC
	Names    []Name
	Public   []Public
	Joined   []capture.Origin // packets that tie further addresses to the first
	Person   bool             // named by the user
	Accounts []AccountOf

	gone bool // became part of another one
}

// maxAddrs bounds the addresses kept per link-layer address. More than one
// IPv4 address means a router, and IPv6 privacy extensions give a device about
// one new address a day (RFC 8981), with a handful valid at once.
const maxAddrs = 16

// Sighting notes that an address was seen behind a link-layer address.
func (b *Book) Sighting(addr netip.Addr, mac capture.MAC, at capture.Origin) {
	if mac == (capture.MAC{}) || mac[0]&1 != 0 || !addr.IsValid() || addr.IsMulticast() || addr.IsUnspecified() {
		return
	}
	if b.links == nil {
		b.links, b.macs = map[capture.MAC]*link{}, map[netip.Addr]capture.MAC{}
	}
	if b.macs[addr] == mac {
		return
	}
	l := b.links[mac]
	if l == nil {
		l = &link{}
		b.links[mac] = l
	}
	if len(l.addrs) < maxAddrs && !slices.Contains(l.addrs, addr) {
		l.addrs, l.origin = append(l.addrs, addr), append(l.origin, at)
		b.macs[addr] = mac
	}
}

// Name notes a name that a device gave itself.
func (b *Book) Name(n *capture.Name, at capture.Origin) {
	if n.Value == "" || n.How == "dns" {
		return
	}
	entry := Name{Value: n.Value, How: n.How, Origin: at}
	if n.Addr.IsValid() && !n.Addr.IsUnspecified() {
		b.Sighting(n.Addr, n.MAC, at)
		if b.names == nil {
			b.names = map[netip.Addr][]Name{}
		}
		b.names[n.Addr] = withName(b.names[n.Addr], entry)
	}
	if n.MAC != (capture.MAC{}) {
		if b.byMAC == nil {
			b.byMAC = map[capture.MAC][]Name{}
		}
		b.byMAC[n.MAC] = withName(b.byMAC[n.MAC], entry)
	}
}

// withName appends a name that the list does not hold yet, up to eight.
func withName(list []Name, n Name) []Name {
	if len(list) >= 8 || slices.ContainsFunc(list, func(o Name) bool { return o.Value == n.Value && o.How == n.How }) {
		return list
	}
	return append(list, n)
}

// Mapped notes the public address that a STUN server saw for an address.
func (b *Book) Mapped(addr, public netip.Addr, at capture.Origin) {
	if !public.IsValid() || public == addr {
		return
	}
	if b.outer == nil {
		b.outer = map[netip.Addr][]Public{}
	}
	list := b.outer[addr]
	if len(list) < maxAddrs && !slices.ContainsFunc(list, func(p Public) bool { return p.Addr == public }) {
		b.outer[addr] = append(list, Public{public, at})
	}
}

// Parties joins the addresses, given in the order of their first appearance,
// to parties, and adds the accounts that logs name. given holds the user's own
// names by address or account.
func (b *Book) Parties(addrs []netip.Addr, given map[string]string) []Party {
	out := make([]Party, 0, len(addrs))
	place := make(map[netip.Addr]int, len(addrs))
	at := map[capture.MAC]int{}
	person := map[string]int{}
	for _, a := range addrs {
		name := given[a.String()]
		i, ok := person[name]
		if name == "" {
			i, ok = 0, false
		}
		mac, single := b.deviceMAC(a)
		if j, known := at[mac]; !ok && single && known && !(name != "" && out[j].Person) {
			i, ok = j, true
		}
		if !ok {
			i = len(out)
			out = append(out, Party{})
		}
		if single {
			at[mac] = i
		}
		b.extend(&out[i], a, mac, single)
		place[a] = i
		if name != "" && !out[i].Person {
			person[name] = i
			out[i].Person = true
			out[i].Names = append([]Name{{Value: name, How: "names"}}, out[i].Names...)
		}
	}
	return b.joinAccounts(out, place, given)
}

// extend adds an address and what is known of it to a party.
func (b *Book) extend(p *Party, a netip.Addr, mac capture.MAC, single bool) {
	p.Addrs = append(p.Addrs, Bare(a))
	p.Tenants = append(p.Tenants, a)
	for _, n := range b.names[a] {
		p.Names = withName(p.Names, n)
	}
	for _, o := range b.outer[a] {
		if !slices.ContainsFunc(p.Public, func(x Public) bool { return x.Addr == o.Addr }) {
			p.Public = append(p.Public, o)
		}
	}
	if !single {
		return
	}
	for _, n := range b.byMAC[mac] {
		p.Names = withName(p.Names, n)
	}
	if !slices.Contains(p.MACs, mac) {
		p.MACs = append(p.MACs, mac)
	}
	if i := slices.Index(b.links[mac].addrs, a); i >= 0 && len(p.Addrs) > 1 {
		p.Joined = append(p.Joined, b.links[mac].origin[i])
	}
}

// deviceMAC gives the link-layer address of an address if it is that of one
// device: at most one IPv4 address, and IPv6 addresses of one network. A
// router's link-layer address stands before the addresses of many.
func (b *Book) deviceMAC(a netip.Addr) (capture.MAC, bool) {
	mac, ok := b.macs[a]
	if !ok {
		return mac, false
	}
	var four int
	var network netip.Prefix
	for _, x := range b.links[mac].addrs {
		if x.Unmap().Is4() {
			four++
			continue
		}
		if x.IsLinkLocalUnicast() {
			continue
		}
		p, _ := x.Prefix(64)
		if network.IsValid() && network != p {
			return mac, false
		}
		network = p
	}
	return mac, four <= 1
}

// SortNames orders names by how much they say: the user's own, then the one that
// an account goes by, then what a device told a server that gave it an address,
// then what it tells everyone, and last what others call it.
func SortNames(list []Name) {
	rank := map[string]int{"names": 0, "profile": 1, "dhcp": 2, "mdns": 3, "netbios": 4, "llmnr": 5, "pcapng": 6, "address book": 7}
	slices.SortStableFunc(list, func(x, y Name) int {
		return cmp.Or(cmp.Compare(rank[x.How], rank[y.How]), cmp.Compare(x.Value, y.Value))
	})
}
