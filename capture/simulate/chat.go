package simulate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"envelope/capture"
)

// chat is the connection of one device to one messenger.
type chat struct {
	*Conn
	protocol string
	rand     *rand.Rand
	ready    [2]capture.Time // when each side can send, at its own place
	requests *chat           // over HTTP/1.1, all but the request that hangs
}

// local is the time at which something that passes the router at a given time
// leaves its sender; never before the connection is open.
func (c *chat) local(at capture.Time, dir int) capture.Time {
	return max(at.Add(-c.ends[dir].Delay), c.ready[dir])
}

// frame puts one frame of the play on the wire.
func (c *chat) frame(s *scene) {
	dir := capture.Down
	if s.Sent {
		dir = capture.Up
	}
	if own := s.Sent && s.Kind != KindAck || !s.Sent && s.Kind == KindAck; c.requests != nil && own && s.Kind != KindLogin && s.Kind != KindKeepalive {
		c = c.requests
	}
	c.write(c.local(s.Time, dir), dir, int(s.Size))
}

// write sends one frame or record with a body of so many bytes.
func (c *chat) write(at capture.Time, dir, size int) {
	if c.protocol == "noise" {
		c.Send(at, dir, vector(3, noise(c.Conn.rand, size)...))
		return
	}
	const most = 16384 + 17 // RFC 8446 section 5.2, with the overhead of AEAD
	for ; size > most; size -= most {
		c.Records(at, dir, most)
	}
	c.Records(at, dir, size)
}

// reach opens a TCP connection from a device, after asking for the address
// where that was long ago (a TTL of 300 s).
func (r *recorder) reach(at capture.Time, i int32, key int32, name string, server *Host, port uint16) *Conn {
	h, id := r.hosts[i], [2]int32{i, key}
	if last, ok := r.known[id]; !ok || at.Sub(last) > 300*time.Second {
		r.known[id] = at
		at = r.Resolve(at, h, r.lookup, name, server.Addr()).Add(time.Millisecond)
	}
	return r.TCP(at, h.At(h.Port()), server.At(port))
}

// connect opens a chat connection; over HTTP/1.1 two, since one of them waits.
func (r *recorder) connect(s *scene) {
	c := r.dial(s, 0)
	if c.protocol == "http" {
		c.requests = r.dial(s, 150*time.Millisecond)
	}
	r.chats[[2]int32{s.Party, s.Service}] = c
}

// dial opens one connection to a messenger's server.
func (r *recorder) dial(s *scene, after time.Duration) *chat {
	sv := &r.play.services[s.Service]
	c := &chat{protocol: sv.protocol}
	c.Conn = r.reach(s.Time.Add(after-r.hosts[s.Party].Delay), s.Party, s.Service, sv.host, r.servers[s.Service], sv.port)
	c.rand = c.Conn.rand
	ready := c.Ready()
	switch sv.protocol {
	case "noise":
		ready = c.noise(ready)
	case "starttls":
		ready = c.TLS(c.startTLS(ready, sv.host), Hello{Name: sv.host})
	case "http":
		ready = c.TLS(ready, Hello{Name: sv.host, ALPN: []string{"http/1.1"}})
	default:
		ready = c.TLS(ready, Hello{Name: sv.host, ALPN: []string{"http/1.1"}, Flight: []int{30, 2046, 281, 69}, Finish: 69})
	}
	c.ready = [2]capture.Time{ready, ready.Add(c.Way() + time.Millisecond)}
	return c
}

// noise is the resumed handshake of whatsApp.login.
func (c *chat) noise(at capture.Time) capture.Time {
	hello := append([]byte(waEdgeRouting+waPrologue), vector(3, noiseHello(c.rand, 169+c.rand.IntN(18))...)...)
	c.Send(at, capture.Up, hello)
	at = at.Add(c.Way() + between(c.rand, 15*time.Millisecond, 40*time.Millisecond))
	c.Send(at, capture.Down, vector(3, noiseAnswer(c.rand)...))
	return at.Add(c.Way() + 2*time.Millisecond)
}

// startTLS is the clear part of an XMPP stream (RFC 6120 section 5.4).
func (c *chat) startTLS(at capture.Time, host string) capture.Time {
	say := func(dir int, text string) {
		c.Send(at, dir, []byte(text))
		at = at.Add(c.Way() + 3*time.Millisecond)
	}
	open := "<?xml version='1.0'?><stream:stream to='%s' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
	say(capture.Up, fmt.Sprintf(open, host))
	say(capture.Down, fmt.Sprintf("<?xml version='1.0'?><stream:stream id='%08x' from='%s' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"+
		"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>", c.rand.Uint32(), host))
	say(capture.Up, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	say(capture.Down, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	return at
}

// load uploads or downloads an attachment over a connection of its own. Sealed
// attachments have the same length both ways: 16 bytes more than the contents.
func (r *recorder) load(s *scene) {
	sv := &r.play.services[s.Service]
	h, server := r.hosts[s.Party], r.media[s.Service]
	c := r.reach(s.Time.Add(-h.Delay), s.Party, 1000+s.Service, server.Name, server, 443)
	hello := Hello{Name: server.Name, ALPN: []string{"h2", "http/1.1"}}
	if sv.Kind == "whatsapp" {
		hello.Flight = metaFlight
	}
	now := c.TLS(c.Ready(), hello)
	size, d := int(s.Bulk)+16, c.rand
	if s.op == opUpload {
		c.Records(now, capture.Up, 440+d.IntN(30))
		end := c.Load(now.Add(4*time.Millisecond), capture.Up, size, waUploadRecord)
		answer := end.Add(c.Way() + between(d, 40*time.Millisecond, 160*time.Millisecond))
		c.Records(answer, capture.Down, 360+d.IntN(60))
		c.Close(answer.Add(c.Way()+between(d, 2*time.Second, 20*time.Second)), capture.Up)
		return
	}
	c.Records(now, capture.Up, 430+d.IntN(30))
	begin := now.Add(c.Way() + between(d, 10*time.Millisecond, 80*time.Millisecond))
	c.Records(begin, capture.Down, 300+d.IntN(80))
	end := c.Load(begin.Add(time.Millisecond), capture.Down, size, waMediaRecord)
	c.Close(end.Add(c.Way()+between(d, 2*time.Second, 20*time.Second)), capture.Up)
}

// siteNames are the web sites of the background.
var siteNames = []string{"www.example.org", "news.example.net", "shop.example.com", "weather.example.com", "video.example.net", "mail.example.org",
	"maps.example.com", "wiki.example.org", "games.example.net", "bank.example.com", "sport.example.org", "music.example.net"}

// browse loads a page.
func (r *recorder) browse(s *scene) {
	if r.sites == nil {
		for i, name := range siteNames {
			r.sites = append(r.sites, r.Server(name, netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)})))
		}
	}
	k := int(s.Size) % len(r.sites)
	h := r.hosts[s.Party]
	c := r.reach(s.Time.Add(-h.Delay), s.Party, int32(2000+k), siteNames[k], r.sites[k], 443)
	ready := c.TLS(c.Ready(), Hello{Name: siteNames[k], ALPN: []string{"h2", "http/1.1"}})
	c.Records(ready, capture.Up, 86, 420+c.rand.IntN(120))
	begin := ready.Add(c.Way() + between(c.rand, 20*time.Millisecond, 90*time.Millisecond))
	end := c.Load(begin, capture.Down, int(s.Bulk), 4113)
	c.Close(end.Add(between(c.rand, 5*time.Second, 20*time.Second)), capture.Up)
}

// elsewhere is the host of a person outside the capture.
func (r *recorder) elsewhere(who int32) *Host {
	h := r.away[who]
	if h == nil {
		h = r.Server(fmt.Sprint("away ", who), numbered([4]byte{198, 18, 0, 0}, int(who)))
		h.Delay = 25 * time.Millisecond
		r.away[who] = h
	}
	return h
}

// end is what one person has of a call: a device, or a place outside, and the
// chat connection, which is deaf outside.
func (r *recorder) end(who, service int32) (*Host, *chat) {
	p := &r.play.people[who]
	if p.devices > 0 {
		if c := r.chats[[2]int32{p.first, service}]; c != nil {
			return r.hosts[p.first], c
		}
		h := r.hosts[p.first]
		return h, r.deafChat(h, service)
	}
	h := r.elsewhere(who)
	return h, r.deafChat(h, service)
}

func (r *recorder) deafChat(h *Host, service int32) *chat {
	c := &Conn{n: r.Network, ends: [2]*Host{h, r.servers[service]}, deaf: true, rand: r.Rand("away " + h.Name)}
	return &chat{Conn: c, protocol: r.play.services[service].protocol, rand: c.rand}
}

// call puts a call on the wire.
func (r *recorder) call(s *scene) {
	d := s.call
	if wa := r.calls[d.service]; wa != nil {
		r.phone(wa, d)
		return
	}
	fromHost, from := r.end(d.from, d.service)
	toHost, to := r.end(d.to, d.service)
	w := &webCall{Network: r.Network, relay: r.relays[d.service], realm: r.play.services[d.service].realm(), dialled: d}
	w.caller, w.callee = w.peer(fromHost, from, "caller", d), w.peer(toHost, to, "callee", d)
	r.tracks = append(r.tracks, w.place()...)
}

// realm is that of the messenger's TURN server.
func (s *service) realm() string {
	if s.Kind == "signal" {
		return "signal.org"
	}
	return s.host
}

// phone is a call of the kind that whatsApp.call plays.
func (r *recorder) phone(wa *whatsApp, d *dialled) {
	lineOf := func(who int32) *line {
		h, c := r.end(who, d.service)
		person := &person{host: h}
		person.Inner = h.innerAddr()
		return &line{Conn: c.Conn, person: person, rand: c.rand}
	}
	from, to := lineOf(d.from), lineOf(d.to)
	c := &phoneCall{whatsApp: wa, caller: wa.newLeg(from), callee: wa.newLeg(to), relay: from.rand.IntN(len(wa.relays)), video: d.video}
	c.offer(d.at)
	if d.answered {
		c.accept(d.at.Add(d.ring))
		c.talk(d.at.Add(d.ring), d.end(), !d.direct)
	}
	c.hangUp(d.end(), d.answered && d.direct)
}
