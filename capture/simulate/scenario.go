package simulate

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"envelope/capture"
)

// Scenario is a story: who has which device and messengers, who does what and
// when, and who looks on.
type Scenario struct {
	Seed   uint64
	Start  capture.Time
	Length time.Duration
	People []Person
	Acts   []Act
	Taps   []Tap
}

// Person is one person with one device.
type Person struct {
	Name     string       // the account, in lower case
	Device   string       // the name its owner gave the device
	Addrs    []netip.Addr // of the device, the first one is that of its messengers
	Inner    netip.Addr   // an address of a private network that its calls offer as well; may be invalid
	Services []string     // messengers it is logged in to, "whatsapp" and "signal"
	Login    time.Duration
}

// Kinds of acts. A text brings typing and receipts along.
const (
	ActText   = "text"   // Size characters
	ActPhoto  = "photo"  // Size bytes, with an inline thumbnail
	ActVoice  = "voice"  // a voice note of Size bytes
	ActCall   = "call"   // rings for Ring, then lasts for Length; Ring 0 is not answered
	ActBrowse = "browse" // From loads Size bytes from the web site To
)

// Act is one thing that one person does.
type Act struct {
	At       time.Duration // after the start of the scenario
	Kind     string
	Service  string // messenger; "" for ActBrowse
	From, To string
	Size     int
	Ring     time.Duration
	Length   time.Duration
	Relayed  bool // of a call: the direct way is not tried
}

// Tap is one observer: the router, or the device of a person.
type Tap struct {
	Name     string // of the file
	Observer capture.Observer
	Person   string // "" for the router
	View     View   // impairments; its At is set from Person
}

// Recording is what a scenario leaves behind.
type Recording struct {
	Captures []File
	Truth    []Truth           // in order of time
	Hosts    map[string]string // address to account
}

// File is one capture.
type File struct {
	Name     string
	Data     []byte // pcap, nanoseconds
	Observer capture.Observer
}

// messenger is one service in a running scenario.
type messenger interface {
	login(p *person, at capture.Time)
	perform(a Act, at capture.Time)
}

// person is a Person in a running scenario.
type person struct {
	Person
	host *Host
}

// world is a running scenario.
type world struct {
	*Network
	scenario *Scenario
	people   map[string]*person
	resolver *Host
	sites    map[string]*Host
	truth    []Truth
}

// Run plays the scenario. The error names what is wrong with it; it is the
// first in the order people, acts, taps.
func (s *Scenario) Run() (*Recording, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	w := s.world()
	services := map[string]messenger{"whatsapp": newWhatsApp(w), "signal": newSignal(w)}
	for _, p := range s.People {
		w.arrive(w.people[p.Name], services)
	}
	for _, a := range s.Acts {
		if a.Kind == ActBrowse {
			w.browse(a, s.Start.Add(a.At))
		} else {
			services[a.Service].perform(a, s.Start.Add(a.At))
		}
	}
	return w.recording(), nil
}

func (s *Scenario) world() *world {
	w := &world{Network: NewNetwork(s.Seed), scenario: s, people: map[string]*person{}, sites: map[string]*Host{}}
	w.resolver = w.Server("resolver", netip.MustParseAddr("192.0.2.53"))
	w.resolver.Delay = 2 * time.Millisecond
	for _, p := range s.People {
		w.people[p.Name] = &person{p, w.Device(p.Name, p.Addrs...)}
	}
	return w
}

// arrive connects a device: lease, name, then its messengers.
func (w *world) arrive(p *person, services map[string]messenger) {
	at := w.scenario.Start.Add(p.Login)
	w.Lease(at, p.host, w.resolver, p.Device)
	w.Announce(at.Add(300*time.Millisecond), p.host, p.Device)
	for i, name := range p.Services {
		services[name].login(p, at.Add(time.Second+time.Duration(i)*1400*time.Millisecond))
	}
}

// recording lets every tap write down what it saw.
func (w *world) recording() *Recording {
	r := &Recording{Truth: w.sortedTruth(), Hosts: map[string]string{}}
	for _, p := range w.scenario.People {
		for _, a := range p.Addrs {
			r.Hosts[a.String()] = p.Name
		}
	}
	for _, t := range w.scenario.Taps {
		v := t.View
		if t.Person != "" {
			v.At = w.people[t.Person].host
		}
		r.Captures = append(r.Captures, File{Name: t.Name, Observer: t.Observer, Data: w.Capture(v)})
	}
	return r
}

// check finds mistakes in the scenario, so that nothing later can fail.
func (s *Scenario) check() error {
	known := map[string]Person{}
	for _, p := range s.People {
		if _, twice := known[p.Name]; twice || p.Name == "" || len(p.Addrs) == 0 {
			return fmt.Errorf("simulate: person %q has no name or address, or is there twice", p.Name)
		}
		for _, name := range p.Services {
			if kindsOf(name) == nil {
				return fmt.Errorf("simulate: this package does not simulate %q", name)
			}
		}
		known[p.Name] = p
	}
	sites := map[string]bool{}
	for i, a := range s.Acts {
		if err := a.check(known); err != nil {
			return fmt.Errorf("simulate: act %d: %w", i, err)
		}
		if a.Kind == ActBrowse {
			sites[a.To] = true
		}
	}
	if len(sites) > maxSites {
		return fmt.Errorf("simulate: %d web sites, at most %d have an address", len(sites), maxSites)
	}
	for _, t := range s.Taps {
		if _, ok := known[t.Person]; !ok && t.Person != "" {
			return fmt.Errorf("simulate: tap %s: nobody is called %q", t.Name, t.Person)
		}
	}
	return nil
}

// maxSites is how many web sites fit into 192.0.2.100 to 192.0.2.254.
const maxSites = 155

// settled is how long after its login a person can act: by then all of its
// connections are up, and the typing before a text lies after the login.
const settled = 20 * time.Second

func (a Act) check(known map[string]Person) error {
	from, ok := known[a.From]
	if !ok {
		return fmt.Errorf("nobody is called %q", a.From)
	}
	to, ok := known[a.To]
	switch {
	case a.Size < 0 || a.Ring < 0 || a.Length < 0:
		return fmt.Errorf("a size or duration below 0")
	case a.Kind == ActBrowse:
		return nil
	case !ok || a.To == a.From:
		return fmt.Errorf("%q cannot write to %q", a.From, a.To)
	case !slices.Contains(from.Services, a.Service) || !slices.Contains(to.Services, a.Service):
		return fmt.Errorf("%q and %q do not both use %q", a.From, a.To, a.Service)
	case !slices.Contains(kindsOf(a.Service), a.Kind):
		return fmt.Errorf("%q cannot do %q", a.Service, a.Kind)
	case a.At < max(from.Login, to.Login)+settled:
		return fmt.Errorf("at %v, which is before %v after both have logged in", a.At, settled)
	}
	return nil
}

// kindsOf lists what this package can do in a messenger; nil for one that it
// does not know.
func kindsOf(service string) []string {
	switch service {
	case "whatsapp":
		return []string{ActText, ActPhoto, ActVoice, ActCall}
	case "signal":
		return []string{ActText}
	}
	return nil
}

// dial resolves a name and opens a connection.
func (w *world) dial(at capture.Time, p *person, name string, server *Host, port uint16) *Conn {
	local, remote := pair(p.Addrs, server.Addrs)
	found := w.Resolve(at, p.host, w.resolver, name, remote)
	return w.TCP(found.Add(time.Millisecond), netip.AddrPortFrom(local, p.host.Port()), netip.AddrPortFrom(remote, port))
}

// pair chooses the addresses of a connection: IPv6 where both ends have it
// (RFC 6724), else the first one of each.
func pair(client, server []netip.Addr) (netip.Addr, netip.Addr) {
	is6 := func(a netip.Addr) bool { return a.Is6() }
	if i, j := slices.IndexFunc(client, is6), slices.IndexFunc(server, is6); i >= 0 && j >= 0 {
		return client[i], server[j]
	}
	return client[0], server[0]
}

// site is the server of a web site, which comes into being when first asked
// for. It has an address for documentation in each family.
func (w *world) site(name string) *Host {
	if h, ok := w.sites[name]; ok {
		return h
	}
	i := byte(len(w.sites) + 100)
	v6 := netip.MustParseAddr("2001:db8:80::").As16()
	v6[15] = i
	h := w.Server(name, netip.AddrFrom4([4]byte{192, 0, 2, i}), netip.AddrFrom16(v6))
	w.sites[name] = h
	return h
}

// browse loads one page of a web site over HTTP/2: a request, a page in
// records of the size that servers like to write, a close.
func (w *world) browse(a Act, at capture.Time) {
	r := w.Rand(fmt.Sprint("browse ", a))
	site := w.site(a.To)
	c := w.dial(at, w.people[a.From], a.To, site, 443)
	ready := c.TLS(c.Ready(), Hello{Name: a.To, ALPN: []string{"h2", "http/1.1"}})
	c.Records(ready, capture.Up, 86, 420+r.IntN(120))
	begin := ready.Add(c.Way() + between(r, 20*time.Millisecond, 90*time.Millisecond))
	end := c.Load(begin, capture.Down, a.Size, 4113)
	c.Records(end.Add(between(r, 5*time.Second, 20*time.Second)), capture.Up, 30)
	c.Close(end.Add(21*time.Second), capture.Up)
}

// Load sends size bytes in records of the given length and returns when the
// last one has left.
func (c *Conn) Load(at capture.Time, dir, size, length int) capture.Time {
	for size > 0 {
		n := min(size+17, length) // TLS 1.3 adds 17 bytes to each record
		c.Records(at, dir, n)
		at = at.Add(time.Duration(n/mss+1) * spacing)
		size -= n - 17
	}
	return at
}

// WriteHosts writes which address belongs to which account, as the lab's
// hosts.json does: what a subscriber database knows.
func (r *Recording) WriteHosts(w io.Writer) error {
	return writeIndented(w, map[string]map[string]string{"subscribers": r.Hosts})
}
