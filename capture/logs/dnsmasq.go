package logs

import (
	"fmt"
	"net/netip"
	"strings"

	"envelope/capture"
)

// dnsmasqLog is the log of dnsmasq with log-queries (or =extra), which is Pi-hole's
// too, with the DHCP lines of the same program.
func dnsmasqLog(o Options) capture.Format {
	return capture.Format{
		Name: "dnsmasq", Title: "dnsmasq or Pi-hole log", Observer: capture.Resolver, Grain: capture.GrainEntry,
		Shows: append(append([]string{}, askShows...), "device"), Hides: askHides, Early: true, Undated: true,
		Sniff: sniffLines(func(line []byte) bool {
			l, ok := cutSyslog(string(line))
			return ok && (l.program == "dnsmasq" || l.program == "dnsmasq-dhcp")
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			d := &dnsmasqReader{r: r, o: &o, questions: pending[question]{in: r.in}}
			return d.line, nil
		}),
	}
}

// question is what a client asked for.
type question struct {
	client netip.Addr
	name   string
}

type dnsmasqReader struct {
	r         *reader
	o         *Options
	questions pending[question] // by name, or by serial number with log-queries=extra
	alias     string            // the name asked for, while answers follow an alias of it
	target    string            // the name that the alias ended in
}

func (d *dnsmasqReader) line(b []byte) error {
	l, ok := cutSyslog(string(b))
	if !ok || l.program != "dnsmasq" && l.program != "dnsmasq-dhcp" {
		return nil
	}
	words := strings.Fields(l.text)
	serial := ""
	if len(words) > 2 && allDigits(words[0]) {
		serial, words = words[0], words[1:]
		if strings.Contains(words[0], "/") { // client/port
			words = words[1:]
		}
	}
	if len(words) < 4 && !strings.HasPrefix(l.text, "DHCPACK") && l.program != "dnsmasq-dhcp" {
		return nil
	}
	t, err := l.time(d.o, d.r.in)
	if err != nil {
		return err
	}
	if l.program == "dnsmasq-dhcp" {
		return d.dhcp(t, words)
	}
	return d.dns(t, serial, words)
}

func (d *dnsmasqReader) dns(t capture.Time, serial string, words []string) error {
	what, name := words[0], words[1]
	switch {
	case strings.HasPrefix(what, "query[") && words[2] == "from":
		return d.query(t, serial, name, words[3])
	case words[2] != "is":
		return nil
	case what == "reply", what == "cached", what == "cached-stale":
		return d.answer(t, serial, name, words[3])
	case what == "DHCP", what == "/etc/hosts", strings.HasSuffix(what, "/custom.list"):
		return d.local(t, name, words[3])
	}
	return nil
}

func (d *dnsmasqReader) query(t capture.Time, serial, name, from string) error {
	client := logAddr(from)
	if !client.IsValid() {
		return fmt.Errorf("%s is no address", quoted(from))
	}
	d.questions.put(questionKey(serial, name), question{client, name})
	return d.r.asked(t, client, name, netip.Addr{})
}

func questionKey(serial, name string) string {
	if serial != "" {
		return serial
	}
	return strings.ToLower(name)
}

// answer takes a line of an answer. The lines of a chain of aliases follow each
// other; all addresses belong to the name that was asked for.
func (d *dnsmasqReader) answer(t capture.Time, serial, name, value string) error {
	asked := name
	if d.alias != "" && (d.target == "" || d.target == name) {
		asked = d.alias
	} else {
		d.alias = ""
	}
	if value == "<CNAME>" {
		d.alias, d.target = asked, ""
		return nil
	}
	if d.alias != "" {
		d.target = name
	}
	q, ok := d.questions.open[questionKey(serial, asked)]
	if ok {
		asked = q.name
	}
	if addr := logAddr(value); addr.IsValid() {
		return d.r.asked(t, q.client, asked, addr)
	}
	return d.reverse(t, name, value)
}

// reverse takes the name of an address, which was asked for the other way around.
func (d *dnsmasqReader) reverse(t capture.Time, addr, name string) error {
	if a := logAddr(addr); a.IsValid() && strings.ContainsFunc(name, func(c rune) bool { return c >= 'a' && c <= 'z' }) {
		return d.r.asked(t, netip.Addr{}, name, a)
	}
	return nil
}

// local takes a name that dnsmasq knows of a lease or a list of hosts, asked either way.
func (d *dnsmasqReader) local(t capture.Time, a, b string) error {
	addr, name := logAddr(b), a
	if !addr.IsValid() {
		addr, name = logAddr(a), b
	}
	if !addr.IsValid() || addr.IsLoopback() || addr.IsUnspecified() || strings.HasPrefix(name, "<") || strings.HasPrefix(name, "NXDOMAIN") || strings.HasPrefix(name, "NODATA") {
		return nil
	}
	return d.r.lease(t, addr, capture.MAC{}, name, 0)
}

// dhcp takes "DHCPACK(br0) 192.0.2.10 02:00:5e:00:00:01 name".
func (d *dnsmasqReader) dhcp(t capture.Time, words []string) error {
	if len(words) < 3 || !strings.HasPrefix(words[0], "DHCPACK(") {
		return nil
	}
	name := ""
	if len(words) > 3 {
		name = words[3]
	}
	return d.r.lease(t, logAddr(words[1]), logMAC(words[2]), name, 0)
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
