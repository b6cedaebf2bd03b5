package logs

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// coturnFormat is the log of the TURN server coturn; its lines begin with the
// seconds since it was started, or with a date.
func coturnFormat(o Options) capture.Format {
	return capture.Format{
		Name: "coturn", Title: "coturn TURN server log",
		Observer: capture.Relay, Grain: capture.GrainEntry, Undated: true,
		Shows: []string{"who", "whom", "when", "duration", "volume", "location"},
		Hides: "Which messenger a call is of and who calls whom by name: it sees addresses, and user names that are often random; the date is missing where the stamps are seconds since the start.",
		Sniff: sniffLines(func(line []byte) bool {
			_, text, ok := coturnStamp(string(line), time.UTC)
			return ok && (strings.HasPrefix(text, "session ") && strings.Contains(text, "realm") || strings.HasPrefix(text, "log file opened") || strings.Contains(text, "Relay ports initialization"))
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			c := &coturn{r: r, o: &o}
			return c.line, c.end
		}),
	}
}

// coturn joins the lines of allocations.
type coturn struct {
	r        *reader
	o        *Options
	relay    netip.AddrPort // of the allocation whose "new" line comes next
	sessions bounded[*allocation]
}

// end yields the allocations that are open where the log ends.
func (c *coturn) end() error {
	for _, id := range c.sessions.order {
		if a, ok := c.sessions.get(id); ok {
			c.r.entry(a.since, &a.e)
			c.sessions.drop(id)
		}
	}
	c.sessions.warn(c.r, "allocations")
	c.r.unused("the log of the relay holds no session: nobody was given an address there")
	return nil
}

// allocation is a session of the relay that is open.
type allocation struct {
	e     capture.Entry
	since capture.Time
}

// coturnStamp cuts the stamp from a line: "41: : text", "41: text" (then At is
// in seconds since the start, read as of the first day of 1972, see noYear),
// or a date and then those seconds.
func coturnStamp(s string, zone *time.Location) (at capture.Time, text string, ok bool) {
	if at, rest, ok := isoStamp(s, zone); ok {
		return at, strings.TrimPrefix(strings.TrimLeft(rest, ": "), "INFO: "), true
	}
	head, text, ok := strings.Cut(s, ": ")
	seconds, err := strconv.ParseUint(head, 10, 31)
	if !ok || err != nil || len(head) > 10 {
		return 0, s, false
	}
	text = strings.TrimPrefix(strings.TrimLeft(text, ": "), "INFO: ")
	return capture.TimeOf(time.Date(noYear, 1, 1, 0, 0, 0, 0, time.UTC)).Add(time.Duration(seconds) * time.Second), text, true
}

func (c *coturn) line(b []byte) error {
	at, text, ok := coturnStamp(string(b), c.o.zone())
	if !ok {
		return badStamp(string(b))
	}
	if relay, ok := between(text, "Local relay addr: ", " "); ok {
		c.relay, _ = netip.ParseAddrPort(relay)
		return nil
	}
	id, text, ok := strings.Cut(strings.TrimPrefix(text, "session "), ": ")
	if !ok || len(id) != 18 {
		return nil
	}
	if at.UTC().Year() == noYear {
		c.r.in.Warn("its times are seconds since the relay was started, and not when that was; read as of 1 January 1972")
	}
	c.session(id, text, at)
	return nil
}

func (c *coturn) session(id, text string, at capture.Time) {
	if strings.HasPrefix(text, "new, ") {
		user, _ := between(text, "username=<", ">")
		a := &allocation{since: at, e: capture.Entry{Kind: capture.EntryCall, ID: id, Unit: time.Second,
			From: capture.End{Account: turnAccount(user)}, Call: &capture.CallEntry{Path: "relayed", Relay: c.relay}}}
		c.relay = netip.AddrPort{}
		c.sessions.put(id, a)
		return
	}
	a, ok := c.sessions.get(id)
	if !ok {
		return
	}
	switch {
	case strings.HasPrefix(text, "peer ") && strings.Contains(text, " lifetime updated"):
		a.peer(text[len("peer "):])
	case strings.HasPrefix(text, "usage: "):
		addUsage(&a.e.Call.Bytes, text)
	case strings.HasPrefix(text, "peer usage: "):
		addUsage(&a.e.Call.PeerBytes, text)
	case strings.HasPrefix(text, "closed"):
		remote, _ := between(text, "remote ", ",")
		if ap, err := netip.ParseAddrPort(remote); err == nil {
			a.e.From.Addr, a.e.From.Port = ap.Addr().Unmap().WithZone(""), ap.Port()
		}
		a.e.Until = at
		c.r.entry(a.since, &a.e)
		c.sessions.drop(id)
	}
}

// addUsage adds the bytes received and sent that a usage line has.
func addUsage(sum *[2]uint64, text string) {
	f := keyValues(strings.ReplaceAll(text, ",", " "))
	for i, key := range []string{"rb", "sb"} {
		n, _ := strconv.ParseUint(f[key], 10, 48)
		sum[i] += n
	}
}

// turnAccount is the account in a user name of the relay: "1767603600:anna" is
// one of the REST interface (draft-uberti-behave-turn-rest-00, section 2.2), of
// anna until that time. Any other may be a credential that all clients share.
func turnAccount(user string) string {
	until, account, ok := strings.Cut(user, ":")
	if _, err := strconv.ParseUint(until, 10, 40); !ok || err != nil {
		return ""
	}
	return account
}

// maxPeers bounds the peers that are kept of one allocation.
const maxPeers = 64

// peer keeps a peer; coturn names its address without the port.
func (a *allocation) peer(text string) {
	word, _, _ := strings.Cut(text, " ")
	peer := netip.AddrPortFrom(addrOf(word), 0)
	if ap, err := netip.ParseAddrPort(word); err == nil {
		peer = ap
	}
	if !peer.Addr().IsValid() || len(a.e.Call.Peers) >= maxPeers {
		return
	}
	for _, known := range a.e.Call.Peers {
		if known == peer {
			return
		}
	}
	a.e.Call.Peers = append(a.e.Call.Peers, peer)
}
