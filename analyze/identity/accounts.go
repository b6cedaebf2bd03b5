package identity

import (
	"net/netip"
	"slices"

	"envelope/capture"
)

// Account is an account as logs name it: a JID, a Matrix id, a mail address, a
// telephone number.
type Account struct {
	Value   string
	Devices []string // resources, models, user agents
	Names   []Name
	Stays   []Stay
	Origin  capture.Origin // the line that names it first
	Listed  int            // entries of its address book
	Known   []string       // what else is on record of it; see capture.Entry
}

// Stay is a time that an account was at an address.
type Stay struct {
	Addr     netip.Addr
	From, To capture.Time // To is 0 while it is not known to have left; both are 0 where the log gives no time
	Origin   capture.Origin
}

// Bounds on what is kept of one account.
const (
	maxStays   = 1 << 12
	maxDevices = 64
)

// Account notes that a log names an account, and gives it.
func (b *Book) Account(value string, at capture.Origin) *Account {
	if a := b.accounts[value]; a != nil {
		return a
	}
	if b.accounts == nil {
		b.accounts = map[string]*Account{}
	}
	a := &Account{Value: value, Origin: at}
	b.accounts[value] = a
	b.accountOrder = append(b.accountOrder, a)
	return a
}

// List notes that an account is in the address book of another, and by which
// name. It makes no party of it: who is listed need not have talked.
func (b *Book) List(owner, account, name string, at capture.Origin) {
	if a := b.accounts[owner]; a != nil {
		a.Listed++
	}
	if account == "" || name == "" {
		return
	}
	if b.listed == nil {
		b.listed = map[string][]Name{}
	}
	b.listed[account] = withName(b.listed[account], Name{Value: name, How: "address book", Origin: at})
}

// Call notes a name that an account goes by.
func (a *Account) Call(name, how string, at capture.Origin) {
	if name != "" && name != a.Value {
		a.Names = withName(a.Names, Name{Value: name, How: how, Origin: at})
	}
}

// Record notes what is on record of the account.
func (a *Account) Record(known []string) {
	for _, k := range known {
		if !slices.Contains(a.Known, k) {
			a.Known = append(a.Known, k)
		}
	}
}

// Use notes a device of the account.
func (a *Account) Use(device string) {
	if device != "" && len(a.Devices) < maxDevices && !slices.Contains(a.Devices, device) {
		a.Devices = append(a.Devices, device)
	}
}

// Enter notes that an account is at an address from a moment on; what was
// entered before for the same address goes on. port is that of its connection
// as the log's owner saw it, 0 where not known.
func (b *Book) Enter(a *Account, addr netip.Addr, port uint16, t capture.Time, at capture.Origin) {
	if !addr.IsValid() || addr.IsUnspecified() || addr.IsLoopback() || len(a.Stays) >= maxStays {
		return
	}
	b.occupy(a, addr, port, at.Input)
	if n := len(a.Stays); n > 0 && a.Stays[n-1].Addr == addr && a.Stays[n-1].To == 0 {
		return // as mostly
	}
	if i := slices.IndexFunc(a.Stays, func(s Stay) bool { return s.Addr == addr && s.To == 0 }); i >= 0 {
		return
	}
	a.Stays = append(a.Stays, Stay{Addr: addr, From: t, Origin: at})
}

// Leave notes that the account is no longer at an address.
func (a *Account) Leave(addr netip.Addr, t capture.Time) {
	for i := range a.Stays {
		if s := &a.Stays[i]; s.Addr == addr && s.To == 0 {
			s.To = t
		}
	}
}

// joinAccounts gives each account its party: that of an address which it alone
// was at, or that of the user's name for it, else one of its own. at holds the
// parties by address.
//
// An address that several accounts of one log were at is not one person's: it
// is that of a router, of a shared device, or was handed on.
func (b *Book) joinAccounts(out []Party, at map[netip.Addr]int, given map[string]string) []Party {
	person := map[string]int{}
	for i, p := range out {
		if p.Person {
			person[p.Names[0].Value] = i
		}
	}
	for _, a := range b.accountOrder {
		i, joined := b.placeOf(a, at, person, given)
		if i < 0 {
			i = len(out)
			out = append(out, Party{})
		}
		out[i].take(a, joined)
		for _, s := range a.Stays { // further devices of the account
			if k, known := at[b.tenantAt(&s)]; known && k != i && !b.shared[s.Addr] && !out[k].Person && len(out[k].Accounts) == 0 {
				for _, addr := range out[k].Tenants {
					at[addr] = i
				}
				out[i].merge(&out[k], s.Origin)
			}
		}
		for _, n := range b.listed[a.Value] {
			out[i].Names = withName(out[i].Names, n)
		}
		for _, s := range a.Stays {
			tenant := b.tenantAt(&s)
			if _, known := at[tenant]; !known && !b.shared[s.Addr] {
				at[tenant] = i
				out[i].Addrs, out[i].Tenants = append(out[i].Addrs, s.Addr), append(out[i].Tenants, tenant)
			}
		}
		if name := given[a.Value]; name != "" && !out[i].Person {
			out[i].Person, person[name] = true, i
			out[i].Names = append([]Name{{Value: name, How: "names"}}, out[i].Names...)
		}
	}
	return slices.DeleteFunc(out, func(p Party) bool { return p.gone })
}

// merge takes over what is known of another party, which is no more.
func (p *Party) merge(o *Party, at capture.Origin) {
	p.Addrs, p.Tenants = append(p.Addrs, o.Addrs...), append(p.Tenants, o.Tenants...)
	p.MACs, p.Public = append(p.MACs, o.MACs...), append(p.Public, o.Public...)
	for _, n := range o.Names {
		p.Names = withName(p.Names, n)
	}
	p.Joined = append(append(p.Joined, at), o.Joined...)
	*o = Party{gone: true}
}

// placeOf gives the party that an account belongs to, -1 for none so far, and
// the line that ties it.
func (b *Book) placeOf(a *Account, at map[netip.Addr]int, person map[string]int, given map[string]string) (int, *Stay) {
	for _, name := range []string{given[a.Value], a.Value} {
		if i, ok := person[name]; ok && name != "" {
			return i, nil
		}
	}
	for i := range a.Stays {
		s := &a.Stays[i]
		if p, known := at[b.tenantAt(s)]; known && !b.shared[s.Addr] {
			return p, s
		}
		if p, known := at[portTenant(s.Addr, a)]; known {
			return p, s
		}
	}
	return -1, nil
}

// tenantAt is the tenant that the address of a stay had when it began: a lease
// may have given it to another device since.
func (b *Book) tenantAt(s *Stay) netip.Addr { return b.At(s.Addr, 0, s.From) }

// take makes an account one of the party's.
func (p *Party) take(a *Account, tie *Stay) {
	p.Accounts = append(p.Accounts, AccountOf{a, tie})
	for _, n := range a.Names {
		p.Names = withName(p.Names, n)
	}
}

// AccountOf is an account of a party and what ties it to the party's address,
// nil where nothing does or the user did.
type AccountOf struct {
	*Account
	Tie *Stay
}

// reach tells how far an address names one device.
type reach uint8

const (
	public  reach = iota
	private       // RFC 1918, RFC 4193, link-local: one device of one network
	shared        // RFC 6598: many customers of a carrier stand behind one
)

var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")

// reachOf tells private, carrier-grade and public addresses apart.
func reachOf(a netip.Addr) reach {
	switch a = a.Unmap(); {
	case carrierGrade.Contains(a):
		return shared
	case a.IsPrivate(), a.IsLinkLocalUnicast():
		return private
	}
	return public
}

// Grade is how sure the tie of an account to its address is: one that nobody
// else was at is the account's own where it is private to a network; a public
// one may be a router's, and a carrier-grade one mostly is.
func (t *Stay) Grade() string {
	switch reachOf(t.Addr) {
	case private:
		return "seen"
	case shared:
		return "possible"
	}
	return "likely"
}
