package simulate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"envelope/capture"
)

// Names of the files that a play is recorded in. Devices have captures of
// their own, named after their people.
const (
	RouterFile  = "router.pcap"
	TruthFile   = "truth.jsonl"
	OutsideFile = "truth-outside.jsonl"
	LogFile     = "server.jsonl"
	HostsFile   = "hosts.json"
	TownFile    = "scenario.json"
)

// slice is how much of the play is held in memory as packets.
const slice = 5 * time.Second

// lag is how long after its place in the play the packets of a scene may come:
// the longest way that Check lets through, and then some.
const lag = 35 * time.Second

// recorder turns the scenes of a play into packets and lets taps write them
// down.
type recorder struct {
	*Network
	play    *Play
	hosts   []*Host // by device
	away    map[int32]*Host
	servers []*Host // by messenger
	media   []*Host
	relays  []*Host                   // TURN servers, by messenger
	calls   []*whatsApp               // by messenger; nil for those of other kinds
	chats   map[[2]int32]*chat        // by device and messenger
	known   map[[2]int32]capture.Time // when a device last asked for the address of a server
	tracks  []*track                  // media of calls
	sites   []*Host
	lookup  *Host
	taps    []*stream
	files   []*output
	open    func(name string) (io.WriteCloser, error)
}

// output is a file that is buffered.
type output struct {
	*bufio.Writer
	file io.WriteCloser
}

// Record plays the town and writes what every observer saw, and the truth, to
// files that open makes: the names above, and a capture for each device where
// Tap asks for that. Memory does not grow with the length of the play. Record
// can be called once, and not together with Events. The first error of a file
// ends it.
func (p *Play) Record(open func(name string) (io.WriteCloser, error)) (err error) {
	r := &recorder{Network: NewNetwork(p.seed), play: p, open: open, away: map[int32]*Host{}, chats: map[[2]int32]*chat{}, known: map[[2]int32]capture.Time{}}
	r.live = true
	defer func() {
		for _, f := range r.files {
			if closed := f.close(); err == nil {
				err = closed
			}
		}
	}()
	r.settle()
	if err := r.writeHosts(); err != nil {
		return err
	}
	if err := r.keepBook(); err != nil {
		return err
	}
	if !p.Tap.None {
		if err := r.listen(); err != nil {
			return err
		}
	}
	return r.record()
}

func (o *output) close() error {
	err := o.Flush()
	if closed := o.file.Close(); err == nil {
		err = closed
	}
	return err
}

func (r *recorder) create(name string) (*output, error) {
	f, err := r.open(name)
	if err != nil {
		return nil, err
	}
	o := &output{bufio.NewWriterSize(f, 1<<16), f}
	r.files = append(r.files, o)
	return o, nil
}

// record plays all scenes, slice by slice.
func (r *recorder) record() error {
	next := r.play.start.Add(slice)
	for s := range r.play.run() {
		for s.Time >= next {
			if err := r.flush(next.Add(-lag)); err != nil {
				return err
			}
			next = next.Add(slice)
		}
		if !r.play.Tap.None {
			r.perform(s)
		}
	}
	r.play.book.finish()
	return r.flush(r.play.end)
}

// flush lets the taps write what passed before a time.
func (r *recorder) flush(until capture.Time) error {
	r.advance(until)
	r.tracks = slices.DeleteFunc(r.tracks, func(t *track) bool { return !t.play(until) })
	for _, t := range r.taps {
		if err := t.flush(r.packets, until); err != nil {
			return err
		}
	}
	clear(r.packets)
	r.packets = r.packets[:0]
	for _, f := range r.files {
		if err := f.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// Addresses: people inside are in the part of 10.0.0.0/8 from 10.16.0.1 on,
// those outside in 198.18.0.0/15 (RFC 2544), home networks in 192.168.0.0/16.
func numbered(base [4]byte, i int) netip.Addr {
	v := uint32(base[0])<<24 | uint32(base[1])<<16 | uint32(base[2])<<8 | uint32(base[3])
	v += uint32(i/254)<<8 + uint32(i%254) + 1 // no .0 and no .255
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// settle gives every device its host.
func (r *recorder) settle() {
	p := r.play
	r.lookup = r.Server("resolver", netip.MustParseAddr("192.0.2.53"))
	r.lookup.Delay = 2 * time.Millisecond
	for i := range p.services {
		r.serve(i)
	}
	r.hosts = make([]*Host, len(p.devices))
	homes := 0
	for i := range p.people {
		who := &p.people[i]
		var shared *home
		if who.nat && who.devices > 0 {
			shared, homes = &home{}, homes+1
		}
		for k := range who.devices {
			d := who.first + k
			addr := numbered([4]byte{10, 16, 0, 0}, int(d))
			if shared != nil {
				addr = numbered([4]byte{10, 16, 0, 0}, int(who.first))
			}
			h := r.Device(fmt.Sprint(who.name, " ", k), addr)
			h.Delay = p.devices[d].delay
			if shared != nil {
				h.join(shared, netip.AddrFrom4([4]byte{192, 168, byte(homes), byte(10 + k)}))
				r.Network.hosts[addr] = shared.devices[0]
			}
			r.hosts[d] = h
		}
	}
}

// serve sets up the servers of one messenger.
func (r *recorder) serve(i int) {
	s := &r.play.services[i]
	at := func(addr string, by int) netip.Addr {
		a := netip.MustParseAddr(addr)
		for range by {
			a = a.Next()
		}
		return a
	}
	add := func(name string, addr netip.Addr) *Host {
		h := r.Server(name, addr)
		h.Delay = s.delay
		return h
	}
	by := 0
	if s.Host != "" {
		by = 1 + i // a second operator of the same kind
	}
	r.servers = append(r.servers, add(s.host, at(s.addr, by)))
	if s.Kind == "whatsapp" {
		wa := newWhatsApp(&world{Network: r.Network})
		r.Network.hosts[r.servers[i].Addr()] = r.servers[i]
		r.calls, r.media, r.relays = append(r.calls, wa), append(r.media, wa.media), append(r.relays, nil)
		wa.media.Delay = s.delay
		return
	}
	r.calls = append(r.calls, nil)
	r.media = append(r.media, add(s.mediaHost(), at("192.0.2.20", i)))
	r.relays = append(r.relays, add("turn."+s.host, at("192.0.2.30", i)))
}

// mediaHost is where attachments are.
func (s *service) mediaHost() string {
	switch s.Kind {
	case "signal":
		return "cdn2.signal.org"
	case "matrix":
		return s.host
	}
	return "upload." + s.host
}

// listen opens the captures.
func (r *recorder) listen() error {
	w := &r.play.Tap
	v := View{Snap: w.Snap, Miss: int(w.Missed / 1000), Late: int(w.Late / 1000), Again: int(w.Again / 1000)}
	if err := r.tap(RouterFile, v); err != nil {
		return err
	}
	if len(r.hosts) > w.Devices {
		return nil
	}
	for i := range r.hosts {
		if err := r.tap(r.fileOf(int32(i)), View{At: r.hosts[i], Snap: w.Snap}); err != nil {
			return err
		}
	}
	return nil
}

func (r *recorder) tap(name string, v View) error {
	f, err := r.create(name)
	if err != nil {
		return err
	}
	s, err := newStream(r.Network, v, f)
	r.taps = append(r.taps, s)
	return err
}

// fileOf names the capture of a device after its person.
func (r *recorder) fileOf(i int32) string {
	p := r.play
	who := p.devices[i].person
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c == '-' {
			return c
		}
		return '_'
	}, p.people[who].name)
	if name != p.people[who].name {
		name = fmt.Sprint(name, "-", who) // two names must not become one
	}
	if k := i - p.people[who].first; k > 0 {
		name = fmt.Sprint(name, ".", k+1)
	}
	return "client-" + name + ".pcap"
}

// writeHosts writes which address belongs to whom, inside, and what the
// servers are.
func (r *recorder) writeHosts() error {
	subscribers, services := map[string]string{}, map[string][]string{}
	for i, h := range r.hosts {
		name := r.play.people[r.play.devices[i].person].name
		subscribers[h.Addr().String()] = name
		if inner := h.innerAddr(); inner.IsValid() && len(r.hosts) <= r.play.Tap.Devices {
			subscribers[inner.String()] = name
		}
	}
	for i, h := range r.servers {
		services[h.Addr().String()] = []string{r.play.services[i].host}
		services[r.media[i].Addr().String()] = append(services[r.media[i].Addr().String()], r.media[i].Name)
	}
	if err := r.object(HostsFile, map[string]any{"subscribers": subscribers, "services": services}); err != nil {
		return err
	}
	return r.object(TownFile, r.play.Town)
}

func (r *recorder) object(name string, v any) error {
	f, err := r.create(name)
	if err != nil {
		return err
	}
	return writeIndented(f, v)
}

// keepBook opens the files of the truth and of the server. What cannot be
// written shows when the file is flushed.
func (r *recorder) keepBook() error {
	var sinks [3]*json.Encoder
	for i, name := range []string{TruthFile, OutsideFile, LogFile} {
		f, err := r.create(name)
		if err != nil {
			return err
		}
		sinks[i] = json.NewEncoder(f)
	}
	put := func(i int, v any) { _ = sinks[i].Encode(v) } // bufio keeps the error until Flush
	r.play.book = &book{pending: map[*Letter]bool{}, addr: func(i int32) string { return r.hosts[i].Addr().String() },
		truth: func(t *Truth) { put(0, t) }, outside: func(t *Truth) { put(1, t) }, log: func(l *LogLine) { put(2, l) }}
	return nil
}

// perform turns one scene into packets.
func (r *recorder) perform(s *scene) {
	switch s.op {
	case opFrame:
		if c := r.chats[[2]int32{s.Party, s.Service}]; c != nil {
			c.frame(s)
		}
	case opConnect:
		r.connect(s)
	case opDrop:
		if c := r.chats[[2]int32{s.Party, s.Service}]; c != nil {
			c.Close(c.local(s.Time, capture.Up), capture.Up)
			if c.requests != nil {
				c.requests.Close(c.requests.local(s.Time, capture.Up), capture.Up)
			}
			delete(r.chats, [2]int32{s.Party, s.Service})
		}
	case opUpload, opDownload:
		r.load(s)
	case opPage:
		r.browse(s)
	case opCall:
		r.call(s)
	}
}
