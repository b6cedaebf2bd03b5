package logs

import (
	"errors"
	"strings"
	"time"

	"envelope/capture"
)

// dnsmasqLeases is dnsmasq.leases: "EXPIRY MAC ADDRESS NAME CLIENT-ID", and for
// DHCPv6 an identity number in the place of the MAC. When the lease began is not said.
func dnsmasqLeases(o Options) capture.Format {
	return capture.Format{
		Name: "dnsmasq-leases", Title: "dnsmasq.leases", Observer: capture.Network, Grain: capture.GrainEntry, Shows: leaseShows, Hides: leaseHides, Early: true,
		Sniff: sniffLines(func(line []byte) bool { return isLeaseLine(strings.Fields(string(line))) }),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			return func(b []byte) error {
				words := strings.Fields(string(b))
				if len(words) == 0 || words[0] == "duid" {
					return nil
				}
				if !isLeaseLine(words) {
					return errors.New("no lease")
				}
				var until capture.Time
				if words[0] != "0" { // 0 is for ever
					t, _, err := parseListTime(words[0], o.zone())
					if err != nil {
						return err
					}
					until = t
				}
				return r.lease(0, logAddr(words[2]), logMAC(words[1]), words[3], until)
			}, nil
		}),
	}
}

func isLeaseLine(words []string) bool {
	if len(words) != 5 || !allDigits(words[0]) || !logAddr(words[2]).IsValid() {
		return false
	}
	return logMAC(words[1]) != (capture.MAC{}) || allDigits(strings.TrimPrefix(words[1], "T"))
}

// iscLeases is dhcpd.leases of ISC DHCP: blocks of "lease ADDRESS { ... }", the last one of an
// address being the present one and the others its past (dhcpd.leases(5)). Times are UTC.
func iscLeases() capture.Format {
	return capture.Format{
		Name: "dhcpd-leases", Title: "ISC dhcpd.leases", Observer: capture.Network, Grain: capture.GrainEntry, Shows: leaseShows, Hides: leaseHides, Early: true,
		Sniff: sniffLines(func(line []byte) bool {
			words := strings.Fields(string(line))
			return len(words) == 3 && words[0] == "lease" && words[2] == "{" && logAddr(words[1]).IsValid()
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			l := &iscLease{r: r}
			return l.line, func() error {
				if l.open {
					return errors.New("the last lease has no end")
				}
				return nil
			}
		}),
	}
}

type iscLease struct {
	r             *reader
	open          bool
	addr          string
	starts, until capture.Time
	mac           capture.MAC
	name          string
}

func (l *iscLease) line(b []byte) (err error) {
	text := strings.TrimSpace(string(b))
	words := strings.Fields(strings.TrimSuffix(text, ";"))
	switch {
	case len(words) == 3 && words[0] == "lease":
		*l = iscLease{r: l.r, open: true, addr: words[1]}
	case !l.open || len(words) == 0:
	case words[0] == "}":
		l.open = false
		if l.mac == (capture.MAC{}) || l.starts == 0 {
			return nil // an address that was never given out
		}
		return l.r.lease(l.starts, logAddr(l.addr), l.mac, l.name, l.until)
	case words[0] == "starts":
		l.starts, err = iscTime(words[1:])
	case words[0] == "ends":
		l.until, err = iscTime(words[1:])
	case words[0] == "hardware" && len(words) == 3:
		l.mac = logMAC(words[2])
	case words[0] == "client-hostname":
		l.name = strings.Trim(strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(text, words[0])), ";"), `"`)
	}
	return err
}

// iscTime reads "1 2026/01/05 08:00:00", "epoch 1767600000; # ..." or "never".
func iscTime(words []string) (capture.Time, error) {
	switch {
	case len(words) == 1 && words[0] == "never":
		return 0, nil
	case len(words) >= 2 && words[0] == "epoch":
		t, _, err := parseListTime(strings.TrimSuffix(words[1], ";"), time.UTC)
		return t, err
	case len(words) == 3:
		t, _, err := parseListTime(strings.ReplaceAll(words[1], "/", "-")+" "+words[2], time.UTC)
		return t, err
	}
	return 0, errors.New("no time of a lease")
}

// dhcpdLog is the log of ISC dhcpd: "DHCPACK on ADDRESS to MAC (NAME) via ...".
func dhcpdLog(o Options) capture.Format {
	return capture.Format{
		Name: "dhcpd", Title: "ISC dhcpd log", Observer: capture.Network, Grain: capture.GrainEntry, Shows: leaseShows, Hides: leaseHides, Early: true, Undated: true,
		Sniff: sniffLines(func(line []byte) bool {
			l, ok := cutSyslog(string(line))
			return ok && l.program == "dhcpd" && strings.HasPrefix(l.text, "DHCP")
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			return func(b []byte) error {
				l, ok := cutSyslog(string(b))
				words := strings.Fields(l.text)
				if !ok || l.program != "dhcpd" || len(words) < 5 || words[0] != "DHCPACK" || words[1] != "on" {
					return nil
				}
				t, err := l.time(&o, r.in)
				if err != nil {
					return err
				}
				_, name, _ := strings.Cut(l.text, " (")
				name, _, _ = strings.Cut(name, ") ")
				return r.lease(t, logAddr(words[2]), logMAC(words[4]), name, 0)
			}, nil
		}),
	}
}
