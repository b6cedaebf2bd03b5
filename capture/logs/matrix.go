package logs

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// synapseFormat is the log of Synapse (element-hq.github.io/synapse, "Request
// log format").
func synapseFormat(o Options) capture.Format {
	return capture.Format{
		Name: "synapse", Title: "Synapse homeserver log",
		Observer: capture.Operator, Grain: capture.GrainEntry,
		Shows: []string{"who", "when", "volume", "service", "device", "location", "group", "presence"},
		Hides: "Whom a message reaches: it names the room that an account sends into, and who is in the room only where they act.",
		Sniff: sniffLines(func(line []byte) bool {
			_, rest, ok := isoStamp(string(line), time.UTC)
			return ok && (strings.HasPrefix(rest, "- synapse.") || strings.HasPrefix(rest, "- root - "))
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			y := &synapse{r: r, o: &o}
			return y.line, y.end
		}),
	}
}

// synapse joins the lines of one log.
type synapse struct {
	r    *reader
	o    *Options
	txns bounded[string] // what another server sent, in words, by the id of its request
	seen bounded[bool]   // servers and their addresses
}

func (y *synapse) line(b []byte) error {
	at, rest, ok := isoStamp(string(b), y.o.zone())
	if !ok {
		return badStamp(string(b))
	}
	parts := strings.SplitN(rest, " - ", 6)
	switch {
	case len(parts) < 4:
	case strings.HasPrefix(parts[0], "- synapse.federation.transport.server"):
		request, text, _ := strings.Cut(strings.Join(parts[3:], " - "), "- ")
		y.transaction(strings.TrimSpace(request), text)
	case len(parts) == 6 && strings.HasPrefix(parts[0], "- synapse.access.http"):
		if server, ok := between(parts[5], "{", "}"); ok && !strings.HasPrefix(server, "@") && strings.Contains(parts[5], ` "PUT /_matrix/federation/v1/send/`) {
			y.federation(at, parts[3], server, addrOf(parts[4]))
			return nil
		}
		if e := synapseAccess(rest); e != nil {
			e.Unit = time.Millisecond
			y.r.entry(at, e)
		}
	}
	return nil
}

func (y *synapse) end() error {
	y.txns.warn(y.r, "transactions")
	y.r.unused("the log of Synapse holds no request of a client and none of another server: it tells of the server's own working")
	return nil
}

// transaction takes "Received txn 1767600000000 from example.net. (PDUs: 3, EDUs: 1)":
// PDUs are events in rooms, EDUs such as typing and receipts.
func (y *synapse) transaction(request, text string) {
	txn, ok := between(text, "Received txn ", " from ")
	events, _ := between(text, "(PDUs: ", ",")
	if n, err := strconv.ParseUint(events, 10, 16); ok && err == nil && n > 0 {
		y.txns.put(request, txn+" "+events)
	}
}

// federation takes the request of another server, which stands behind what it
// brought. The server is known by its address, which gains its name; who of its
// users is behind it is not said.
func (y *synapse) federation(at capture.Time, request, server string, addr netip.Addr) {
	namedServer(y.r, &y.seen, at, server, addr)
	txn, ok := y.txns.get(request)
	y.txns.drop(request)
	if id, events, found := strings.Cut(txn, " "); ok && found && addr.IsValid() {
		y.r.entry(at, &capture.Entry{Kind: capture.EntryPresence, Service: "matrix", From: capture.End{Addr: addr}, ID: id,
			Type: "federation, events: " + events, Unit: time.Millisecond})
	}
}

func synapseAccess(s string) *capture.Entry {
	who, ok := between(s, "{", "}")
	status, request, ok2 := strings.Cut(s, ` "`)
	parts := strings.Split(s, " - ")
	if !ok || !ok2 || len(parts) < 6 {
		return nil
	}
	words := strings.Fields(status)
	request, agent, _ := strings.Cut(request, `" "`)
	agent, _, _ = strings.Cut(agent, `"`)
	from := capture.End{Addr: addrOf(parts[4]), Device: agent}
	if strings.HasPrefix(who, "@") {
		who, _, _ = strings.Cut(who, "|")
		from.Account = who
	}
	return matrixRequest(request, words[len(words)-1], from)
}

// matrixRequest is what a request of a client to a homeserver says, nil where
// that is nothing or it failed (Matrix client-server API).
func matrixRequest(request, status string, from capture.End) *capture.Entry {
	method, rest, _ := strings.Cut(request, " ")
	path, _, _ := strings.Cut(rest, " ")
	path, _, _ = strings.Cut(path, "?")
	if !strings.HasPrefix(status, "2") || method == "GET" || method == "OPTIONS" || len(path) > 4096 {
		return nil
	}
	e := &capture.Entry{Service: "matrix", From: from}
	p := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i := range p {
		p[i], _ = url.PathUnescape(p[i])
	}
	switch {
	case len(p) < 4 || p[0] != "_matrix":
		return nil
	case p[1] == "media" && p[len(p)-1] == "upload":
		e.Kind, e.Half = capture.EntryMedia, capture.HalfSent
	case p[1] != "client":
		return nil
	case len(p) == 4 && (p[3] == "login" || p[3] == "register"):
		e.Kind = capture.EntryLogin
	case len(p) == 4 && p[3] == "logout":
		e.Kind = capture.EntryLogout
	case len(p) == 5 && p[3] == "join" && strings.HasPrefix(p[4], "!"):
		e.Kind, e.Group = capture.EntryMember, p[4]
	case len(p) >= 6 && p[3] == "rooms" && strings.HasPrefix(p[4], "!"):
		e.Group = p[4]
		if !roomRequest(e, p[5:]) {
			return nil
		}
	default:
		return nil
	}
	return e
}

// roomRequest reads the part of a path behind the room.
func roomRequest(e *capture.Entry, p []string) bool {
	switch p[0] {
	case "send":
		if len(p) < 3 {
			return false
		}
		e.Type, e.ID, e.Half = p[1], p[2], capture.HalfSent
		e.Kind = sendKind(p[1])
		return e.Kind != ""
	case "typing":
		if e.Kind = capture.EntryTyping; len(p) > 1 && strings.HasPrefix(p[1], "@") {
			e.From.Account = p[1]
		}
	case "read_markers", "receipt":
		e.Kind = capture.EntryReceipt
	case "join":
		e.Kind = capture.EntryMember
	case "leave":
		e.Kind = capture.EntryLeave
	default:
		return false
	}
	return true
}

// sendKind is the kind of a room event by its type.
func sendKind(eventType string) capture.EntryKind {
	switch {
	case eventType == "m.room.message", eventType == "m.room.encrypted", eventType == "m.sticker":
		return capture.EntryMessage
	case eventType == "m.call.invite":
		return capture.EntryCall
	}
	return ""
}

// matrixProxyFormat is the access log of a web server before a homeserver, in
// the common or combined format, or as "epoch addr:port "REQUEST" status in=
// out= rt= ua=".
func matrixProxyFormat() capture.Format {
	return capture.Format{
		Name: "matrix-access", Title: "Access log of a web server before a Matrix homeserver",
		Observer: capture.Operator, Grain: capture.GrainEntry,
		Shows: []string{"who", "when", "volume", "service", "device", "location", "group"},
		Hides: "The accounts, other than those that typing notices name: a request carries them in a token; and whom a message reaches, for it names the room only.",
		Sniff: sniffLines(func(line []byte) bool {
			s := string(line)
			_, _, ok := accessLine(s)
			return ok && (strings.Contains(s, ` /_matrix/client/`) || strings.Contains(s, " /_matrix/media/"))
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			return func(b []byte) error {
					at, e, ok := accessLine(string(b))
					if !ok && strings.Contains(string(b), ` /_matrix/client/`) {
						return errNoAccess
					}
					if e != nil {
						r.entry(at, e)
					}
					return nil
				}, func() error {
					r.unused("no request in this access log says what anybody did on a Matrix homeserver")
					return nil
				}
		}),
	}
}

var errNoAccess = errors.New("a request without a time or an address")

// accessLine reads a line of an access log. ok tells whether it is one; the
// entry is nil where it says nothing.
func accessLine(s string) (capture.Time, *capture.Entry, bool) {
	head, rest, ok := strings.Cut(s, ` "`)
	request, tail, ok2 := strings.Cut(rest, `" `)
	if !ok || !ok2 || len(head) > 400 {
		return 0, nil, false
	}
	at, unit, from, ok := accessHead(head)
	if !ok {
		return 0, nil, false
	}
	f := keyValues(tail)
	status, _, _ := strings.Cut(tail, " ")
	if agent, ok := between(tail, `ua="`, `"`); ok {
		from.Device = agent
	} else if parts := strings.Split(tail, `"`); len(parts) >= 4 {
		from.Device = parts[3]
	}
	e := matrixRequest(request, status, from)
	if e != nil {
		e.Unit = unit
		if e.Half == capture.HalfSent {
			e.Size, _ = strconv.ParseUint(f["in"], 10, 48)
		}
	}
	return at, e, true
}

// accessHead reads what stands before the request: time and client.
func accessHead(head string) (at capture.Time, unit time.Duration, from capture.End, ok bool) {
	words := strings.Fields(head)
	if len(words) == 2 {
		client, err := netip.ParseAddrPort(words[1])
		seconds, fraction, _ := strings.Cut(words[0], ".")
		whole, err2 := strconv.ParseInt(seconds, 10, 34)
		part, err3 := strconv.ParseInt((fraction + "000")[:3], 10, 32)
		if err != nil || err2 != nil || err3 != nil || whole <= 0 || whole > 7e9 {
			return 0, 0, from, false
		}
		from.Addr, from.Port = client.Addr().Unmap().WithZone(""), client.Port()
		return capture.Time(whole*1e9 + part*1e6), time.Millisecond, from, true
	}
	stamp, ok := between(head, "[", "]")
	if !ok || len(words) < 4 {
		return 0, 0, from, false
	}
	t, err := parseZoned("02/Jan/2006:15:04:05 -0700", stamp, time.UTC)
	from.Addr = addrOf(words[0])
	return t, time.Second, from, err == nil && from.Addr.IsValid()
}
