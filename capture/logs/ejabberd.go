package logs

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// ejabberdFormat is ejabberd's own log and that of mod_message_log (of
// ejabberd-contrib), which has one line for every message.
func ejabberdFormat(o Options) capture.Format {
	return capture.Format{
		Name: "ejabberd", Title: "ejabberd server log, and mod_message_log",
		Observer: capture.Operator, Grain: capture.GrainEntry,
		Shows: []string{"who", "whom", "when", "duration", "volume", "service", "device", "location", "group", "presence"},
		Hides: "Without mod_message_log it names logins and uploads but not whom an account writes to; messages have no size, and addresses are missing where the server hides sensitive data.",
		Sniff: sniffLines(func(line []byte) bool {
			_, rest, ok := isoStamp(string(line), time.UTC)
			return ok && (messageLogLine(rest) || strings.Contains(rest, "@ejabberd_") || strings.Contains(rest, "@mod_"))
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			j := &ejabberd{r: r, o: &o}
			return j.line, j.end
		}),
	}
}

// ejabberd joins the lines of one log.
type ejabberd struct {
	r     *reader
	o     *Options
	calls bounded[capture.End] // who was given credentials of the relay, by their hash
	seen  bounded[bool]        // servers and their addresses
}

func (j *ejabberd) line(b []byte) error {
	at, rest, ok := isoStamp(string(b), j.o.zone())
	if !ok {
		return badStamp(string(b))
	}
	if j.relay(at, rest) || j.server(at, rest) {
		return nil
	}
	for _, e := range ejabberdEntry(rest) {
		e.Service, e.Unit = "xmpp", time.Second
		j.r.entry(at, &e)
	}
	return nil
}

func (j *ejabberd) end() error {
	j.calls.warn(j.r, "credentials of the relay")
	j.r.unused("the log of ejabberd names no account: nobody logged in, and messages are not logged")
	return nil
}

// server takes the lines of mod_s2s about another server that proved its name:
// "Accepted inbound s2s EXTERNAL authentication example.net -> example.org (192.0.2.1)",
// and outbound the other way round. It gives the address a name, once.
func (j *ejabberd) server(at capture.Time, s string) bool {
	way, rest, ok := strings.Cut(s, "bound s2s ")
	_, rest, ok2 := strings.Cut(rest, " authentication ")
	from, rest, ok3 := strings.Cut(rest, " -> ")
	to, rest, ok4 := strings.Cut(rest, " (")
	if !ok || !ok2 || !ok3 || !ok4 || !strings.Contains(way, "Accepted ") {
		return false
	}
	if strings.HasSuffix(way, "out") {
		from = to
	}
	namedServer(j.r, &j.seen, at, from, addrOf(rest))
	return true
}

// namedServer yields the name of another server behind an address, once. Private
// addresses are those of proxies, not of the server.
func namedServer(r *reader, seen *bounded[bool], at capture.Time, name string, addr netip.Addr) {
	key := addr.String() + " " + name
	if _, known := seen.get(key); known || !addr.IsGlobalUnicast() || addr.IsPrivate() || !hostName(name) {
		return
	}
	seen.put(key, true)
	r.name(at, &capture.Name{Addr: addr, Value: strings.ToLower(name), How: "federation"})
}

// hostName tells names of hosts, with a port or without.
func hostName(s string) bool {
	return len(s) > 0 && len(s) <= 255 && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789.-:_") == "" && strings.Contains(s, ".")
}

// relay takes the lines about ejabberd's own TURN server. "Offering STUN/TURN
// services to anna@example.org/phone (HASH)" prepares a call; its hash is the
// user name, behind the time it ends, in "Relayed 110 KiB (in 47665 B / 639
// packets, out 64823 B / 681 packets), duration: 10 seconds [UDP, session e42f,
// user 1767603600:HASH, client 192.0.2.10:44875, relay 203.0.113.4:60008]".
func (j *ejabberd) relay(at capture.Time, s string) bool {
	if who, ok := between(s, "Offering STUN/TURN services to ", ""); ok {
		who, hash, _ := strings.Cut(who, " (")
		if end := jidEnd(who); end.Account != "" {
			j.calls.put(strings.TrimSuffix(hash, ")"), end)
			j.r.entry(at, &capture.Entry{Kind: capture.EntryPresence, Service: "xmpp", From: end, Type: "relay offered", Unit: time.Second})
		}
		return true
	}
	sizes, about, ok := strings.Cut(s, "), duration: ")
	_, sizes, ok2 := strings.Cut(sizes, "Relayed ")
	if !ok || !ok2 {
		return false
	}
	j.relayed(at, sizes, about)
	return true
}

// relayed yields a leg of a call that has ended.
func (j *ejabberd) relayed(at capture.Time, sizes, about string) {
	number, _, _ := strings.Cut(about, " ")
	seconds, ok := callSeconds(number)
	if !ok || !strings.HasPrefix(about[len(number):], " second") {
		return
	}
	word := func(text, name, end string) string {
		v, _ := between(text, name, end)
		return strings.TrimRight(v, "]")
	}
	e := capture.Entry{Kind: capture.EntryCall, ID: word(about, "session ", ","), Unit: time.Second, Until: at, Call: &capture.CallEntry{Path: "relayed"}}
	_, hash, _ := strings.Cut(word(about, "user ", ","), ":")
	if end, known := j.calls.get(hash); known {
		e.From, e.Service = end, "xmpp"
	}
	if client, err := netip.ParseAddrPort(word(about, "client ", ",")); err == nil {
		e.From.Addr, e.From.Port = client.Addr().Unmap().WithZone(""), client.Port()
	}
	e.Call.Relay, _ = netip.ParseAddrPort(word(about, "relay ", "]"))
	e.Call.Bytes[0], _ = strconv.ParseUint(word(sizes, "(in ", " "), 10, 48)
	e.Call.Bytes[1], _ = strconv.ParseUint(word(sizes, " out ", " "), 10, 48)
	if e.From != (capture.End{}) {
		j.r.entry(at.Add(-seconds), &e)
	}
}

// messageLogLine tells "[outgoing, chat] anna@example.org/phone -> ...".
func messageLogLine(s string) bool {
	return strings.HasPrefix(s, "[") && strings.Contains(s, "] ") && strings.Contains(s, " -> ") &&
		(strings.HasPrefix(s, "[outgoing, ") || strings.HasPrefix(s, "[incoming, ") || strings.HasPrefix(s, "[offline, "))
}

func ejabberdEntry(s string) []capture.Entry {
	if messageLogLine(s) {
		return messageLogEntry(s)
	}
	if who, ok := between(s, "authentication for ", " by "); ok && strings.Contains(s, "Accepted c2s") {
		from, _ := between(s, "backend from ", " ")
		end := jidEnd(who)
		end.Addr = addrOf(from)
		return named(capture.Entry{Kind: capture.EntryLogin, From: end})
	}
	if who, ok := between(s, "Opened c2s session for ", " "); ok {
		return named(capture.Entry{Kind: capture.EntryAccount, From: jidEnd(who)})
	}
	if who, ok := between(s, "Closing c2s session for ", " "); ok {
		return named(capture.Entry{Kind: capture.EntryLogout, From: jidEnd(strings.TrimSuffix(who, ":"))})
	}
	if who, ok := between(s, "Got HTTP upload slot for ", " "); ok {
		k := strings.LastIndex(s, ", size: ") // behind the name of the file, which is passed over
		e := capture.Entry{Kind: capture.EntryMedia, From: jidEnd(who), Half: capture.HalfSent, Type: "upload slot"}
		if k >= 0 {
			e.Size, _ = strconv.ParseUint(strings.TrimRight(s[k+8:], ") "), 10, 48)
		}
		return named(e)
	}
	return nil
}

// named drops an entry whose account the line does not name.
func named(e capture.Entry) []capture.Entry {
	if e.From.Account == "" {
		return nil
	}
	return []capture.Entry{e}
}

// messageLogEntry reads a line of mod_message_log. Copies for the other devices of
// an account ("carbon") are no messages of their own, and one that is stored until
// its receiver comes ("offline") has a line when it was sent, and one when it is
// delivered.
func messageLogEntry(s string) []capture.Entry {
	head, rest, _ := strings.Cut(s[1:], "] ")
	from, to, _ := strings.Cut(rest, " -> ")
	way, style, _ := strings.Cut(head, ", ")
	if way == "offline" || style == "carbon" || style == "headline" || style == "error" {
		return nil
	}
	e := capture.Entry{Kind: capture.EntryMessage, Style: style, From: jidEnd(from), Half: capture.HalfSent}
	end := jidEnd(strings.TrimSpace(to))
	e.To = []capture.End{end}
	if way == "incoming" {
		e.Half = capture.HalfReceived
	}
	if style == "groupchat" {
		if e.Half == capture.HalfSent {
			e.Group, e.To = end.Account, nil
		} else {
			e.Group, e.From = e.From.Account, capture.End{Name: e.From.Device}
		}
	}
	if e.From.Account == "" && e.From.Name == "" || len(e.To) > 0 && end.Account == "" {
		return nil
	}
	return []capture.Entry{e}
}

// isoStamp cuts a stamp such as "2026-01-05 08:00:00", with parts of a second
// and a zone or not, from the start of a line.
func isoStamp(s string, zone *time.Location) (capture.Time, string, bool) {
	if len(s) < 20 || s[4] != '-' || s[7] != '-' || s[13] != ':' {
		return 0, s, false
	}
	stamp, rest := s[:19], s[19:]
	n := 0
	if rest[0] == '.' || rest[0] == ',' {
		for n = 1; n < len(rest) && n < 10 && rest[n] >= '0' && rest[n] <= '9'; n++ {
		}
		stamp += "." + rest[1:n]
	}
	layout := "2006-01-02" + string(s[10]) + "15:04:05"
	if s[10] != ' ' && s[10] != 'T' {
		return 0, s, false
	}
	switch {
	case n < len(rest) && rest[n] == 'Z':
		stamp, layout, n = stamp+"Z", layout+"Z07:00", n+1
	case n+6 <= len(rest) && (rest[n] == '+' || rest[n] == '-') && rest[n+3] == ':':
		stamp, layout, n = stamp+rest[n:n+6], layout+"Z07:00", n+6
	}
	at, err := parseZoned(layout, stamp, zone)
	return at, strings.TrimLeft(rest[n:], " "), err == nil
}
