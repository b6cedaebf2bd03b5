package identity

import (
	"fmt"
	"net/netip"
	"slices"

	"envelope/capture"
)

// An address is one party's at a time only: leases hand it on, and behind a
// router or a carrier's NAT it is that of many at once, told apart by port.
//
// The tenants of one address are kept apart by the zone of a netip.Addr, which
// no address of a capture has: the first tenant is the bare address. At finds
// the tenant, Bare takes the zone off again.

// tenancy is a lease of an address.
type tenancy struct {
	mac         capture.MAC
	from, until capture.Time
}

// Lease notes that an address was given to a link-layer address at a moment, and
// until when (0 where not said), and returns the tenant.
func (b *Book) Lease(addr netip.Addr, mac capture.MAC, from, until capture.Time) netip.Addr {
	if mac == (capture.MAC{}) || !addr.IsValid() {
		return addr
	}
	if b.leases == nil {
		b.leases = map[netip.Addr][]tenancy{}
	}
	list := b.leases[addr]
	if n := len(list); n > 0 && list[n-1].mac == mac {
		list[n-1].until = max(list[n-1].until, until)
	} else if n < maxStays {
		b.leases[addr] = append(list, tenancy{mac, from, until})
		slices.SortStableFunc(b.leases[addr], func(x, y tenancy) int { return int(min(1, max(-1, x.from-y.from))) })
	}
	return b.tenant(addr, mac)
}

// tenant gives the address as that of one of its link-layer addresses, which
// are numbered in the order of their first leases.
func (b *Book) tenant(addr netip.Addr, mac capture.MAC) netip.Addr {
	var seen []capture.MAC
	for _, l := range b.leases[addr] {
		if !slices.Contains(seen, l.mac) {
			seen = append(seen, l.mac)
		}
	}
	if n := slices.Index(seen, mac); n > 0 {
		return zoned(addr, fmt.Sprintf("lease %d", n+1))
	}
	return addr
}

// zoned marks a tenant of an address; IPv4 is written as IPv4-mapped IPv6,
// since it has no zones.
func zoned(addr netip.Addr, zone string) netip.Addr {
	return netip.AddrFrom16(addr.As16()).WithZone(zone)
}

// Bare is the address of a tenant.
func Bare(addr netip.Addr) netip.Addr {
	if addr.Zone() == "" {
		return addr
	}
	return addr.WithZone("").Unmap()
}

// inLog is an address in one log.
type inLog struct {
	addr  netip.Addr
	input int32
}

// occupy notes whose account an address is in a log, and a port of it. Accounts
// of different logs may be one person's; of one log they are different people,
// or one device that several share.
func (b *Book) occupy(a *Account, addr netip.Addr, port uint16, input int32) {
	if b.occupant == nil {
		b.occupant, b.shared, b.ports = map[inLog]*Account{}, map[netip.Addr]bool{}, map[netip.AddrPort]*Account{}
	}
	k := inLog{addr, input}
	if was := b.occupant[k]; was == nil {
		b.occupant[k] = a
	} else if was != a {
		b.shared[addr] = true
	}
	if port != 0 {
		b.ports[netip.AddrPortFrom(addr, port)] = a
	}
}

// portTenant is an address as that of one of several accounts behind it.
func portTenant(addr netip.Addr, a *Account) netip.Addr { return zoned(addr, "account "+a.Value) }

// At gives the tenant that an address had at a time: by the port, where a log
// says whose connection that was and several accounts share the address, else
// by the leases. port is 0 where it is not known.
func (b *Book) At(addr netip.Addr, port uint16, t capture.Time) netip.Addr {
	if a := b.ports[netip.AddrPortFrom(addr, port)]; a != nil && b.shared[addr] {
		return portTenant(addr, a)
	}
	list := b.leases[addr]
	if len(list) < 2 {
		return addr
	}
	now := list[0]
	for _, l := range list {
		if l.from <= t {
			now = l
		}
	}
	return b.tenant(addr, now.mac)
}
