package logs

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"envelope/capture"
)

// askShows and askHides are of all logs of resolvers.
var askShows = []string{"who", "when", "service"}

const askHides = "It cannot tell whom, how much or how long: names are asked for before a connection, a device that keeps the answer asks no more, and DNS over HTTPS goes past the resolver."

// leaseShows and leaseHides are of all lists of leases.
var leaseShows = []string{"who", "when", "device"}

const leaseHides = "It cannot tell whom or what: it ties addresses to devices for a time, and says nothing of their traffic."

// syslogLine is a line of a program's log: stamp, host (left out), program and text.
type syslogLine struct {
	stamp   string
	yearly  bool // the stamp has a year
	program string
	text    string
}

// cutSyslog cuts a line in the form of syslog (RFC 3164), or with an RFC 3339 stamp
// as rsyslog and systemd write it; the host may be missing, as in dnsmasq's own file.
func cutSyslog(line string) (l syslogLine, ok bool) {
	if len(line) < len(time.Stamp)+2 {
		return l, false
	}
	rest := ""
	if line[0] >= '0' && line[0] <= '9' {
		l.stamp, rest, _ = strings.Cut(line, " ")
		l.yearly = true
		ok = len(l.stamp) >= len("2006-01-02T15:04:05") && strings.Contains(l.stamp, "T")
	} else {
		l.stamp, rest = line[:len(time.Stamp)], line[len(time.Stamp):]
		ok = rest[0] == ' ' && l.stamp[3] == ' ' && l.stamp[9] == ':'
	}
	if !ok {
		return l, false
	}
	for range 2 { // the program, or the host and the program
		word, after, more := strings.Cut(strings.TrimPrefix(rest, " "), " ")
		if name, tagged := strings.CutSuffix(word, ":"); tagged && more {
			l.program, _, _ = strings.Cut(name, "[")
			l.text = after
			return l, true
		}
		rest = after
	}
	return l, false
}

// time reads the stamp.
func (l *syslogLine) time(o *Options, in *capture.Input) (capture.Time, error) {
	if !l.yearly {
		return o.yearless(in, time.Stamp, l.stamp)
	}
	t, _, err := parseListTime(l.stamp, o.zone())
	return t, err
}

// asked yields that client asked for name; addr is the answer, or zero.
func (r *reader) asked(t capture.Time, client netip.Addr, name string, addr netip.Addr) error {
	if name = logHost(name); name == "" {
		return nil
	}
	if addr.IsUnspecified() || addr.IsLoopback() {
		return nil // a filter's answer
	}
	if !client.IsValid() && !addr.IsValid() {
		return errors.New("no client address")
	}
	r.name(t, &capture.Name{How: "dns", Client: client, Value: name, Addr: addr})
	return nil
}

// lease yields that addr belongs to mac, called name, until then.
func (r *reader) lease(t capture.Time, addr netip.Addr, mac capture.MAC, name string, until capture.Time) error {
	if !addr.IsValid() {
		return errors.New("no address in it")
	}
	if name == "*" {
		name = ""
	}
	r.name(t, &capture.Name{How: "dhcp", Addr: addr, MAC: mac, Value: deviceName(name), Until: until})
	return nil
}

// deviceName is a name that a device gave itself, as it stands; "" for what has
// control characters or is longer than a DHCP option can be (RFC 2132: 255 bytes).
func deviceName(s string) string {
	if len(s) > 255 || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\ufffd' }) {
		return ""
	}
	return s
}

// maxAsked bounds the questions whose answers are waited for.
const maxAsked = 100_000

// pending keeps the last maxAsked questions by a key.
type pending[V any] struct {
	in    *capture.Input
	open  map[string]V
	queue []string
}

func (p *pending[V]) put(key string, v V) {
	if p.open == nil {
		p.open = make(map[string]V)
	}
	if _, known := p.open[key]; !known {
		p.queue = append(p.queue, key)
	}
	p.open[key] = v
	if len(p.queue) > 2*maxAsked {
		p.queue = append([]string(nil), p.queue[maxAsked:]...)
		p.keepQueued()
	}
}

// keepQueued drops what is no longer queued: the oldest half.
func (p *pending[V]) keepQueued() {
	kept := make(map[string]V, len(p.queue))
	for _, key := range p.queue {
		if v, ok := p.open[key]; ok {
			kept[key] = v
		}
	}
	if len(kept) < len(p.open) {
		p.in.Warn(fmt.Sprintf("more than %d questions were open; the oldest were no longer tied to their answers", maxAsked))
	}
	p.open = kept
}
