package logs

import (
	"bytes"
	"fmt"
	"strings"

	"envelope/capture"
)

func zeekDNS() *zeekLog {
	return &zeekLog{
		name:    "dns",
		columns: "proto trans_id rtt query qclass qclass_name qtype qtype_name rcode rcode_name AA TC RD RA Z answers TTLs rejected opcode opcode_name auth addl",
		marks:   [][]string{{"query"}, {"qtype_name"}, {"trans_id", "rcode"}},
		wanted:  []string{"query", "answers"},
		start: func(z *zeek) zeekRows {
			n := new(capture.Name)
			return zeekRows{row: func(at capture.Time) error { return z.lookup(n, at) }}
		},
		format: capture.Format{Grain: capture.GrainEntry, Early: true, Shows: []string{"who", "when", "service"},
			Hides: "whom, and how long or how much: a name that was asked for was not always used, and a name still known to the device is used without asking"},
	}
}

// lookupHow is how a name came about, by the port that was asked (IANA).
func lookupHow(port uint64) string {
	switch port {
	case 5353:
		return "mdns"
	case 5355:
		return "llmnr"
	case 137:
		return "netbios"
	}
	return "dns"
}

func (z *zeek) lookup(n *capture.Name, at capture.Time) error {
	*n = capture.Name{Value: z.hosts.get(zeekUnescape(z.values[zeekOwn])), How: lookupHow(number(z.values[zeekRespPort])), Client: z.addrs.get(z.values[zeekOrigAddr])}
	if reverseOrNone(n.Value) {
		return nil
	}
	answered := false
	for answer := range z.list(zeekOwn + 1) {
		if n.Addr = z.addrs.get(answer); n.Addr.IsValid() {
			answered = true
			z.r.name(at, n)
		}
	}
	if !answered && n.How == "dns" { // asked all the same; the others ask everybody
		z.r.name(at, n)
	}
	return nil
}

// reverseOrNone tells names that are asked for the name of an address.
func reverseOrNone(name string) bool {
	return name == "" || strings.HasSuffix(name, ".arpa")
}

func zeekDHCP() *zeekLog {
	return &zeekLog{
		name:    "dhcp",
		columns: "uids client_addr server_addr mac host_name client_fqdn domain requested_addr assigned_addr lease_time client_message server_message msg_types duration assigned_ip trans_id",
		marks:   [][]string{{"msg_types"}, {"assigned_addr"}, {"assigned_ip"}, {"mac", "lease_time"}},
		wanted:  []string{"client_addr", "mac", "host_name", "client_fqdn", "assigned_addr", "lease_time", "msg_types", "assigned_ip"},
		start:   func(z *zeek) zeekRows { return zeekRows{row: z.lease} },
		format: capture.Format{Grain: capture.GrainEntry, Early: true, Shows: []string{"device", "presence", "when"},
			Hides: "whom and what: it says which device had which address, and nothing of what it did there"},
	}
}

// lease gives an address that a server confirmed. Rows without a confirmation
// (an offer, a request without an answer) tie nothing.
func (z *zeek) lease(at capture.Time) error {
	v := z.values[zeekOwn:]
	if v[6] != nil && !z.confirmed() {
		return nil
	}
	n := capture.Name{How: "dhcp", MAC: macOf(v[1])}
	for _, addr := range [...][]byte{v[4], v[7], v[0]} {
		if !n.Addr.IsValid() {
			n.Addr = z.addrs.get(addr)
		}
	}
	if !n.Addr.IsValid() || n.Addr.IsUnspecified() {
		return nil
	}
	if n.MAC == (capture.MAC{}) {
		return fmt.Errorf("a lease without a link address (mac)")
	}
	if n.Value = z.text(zeekOwn + 2); n.Value == "" {
		n.Value = z.text(zeekOwn + 3)
	}
	n.Until = after(at, v[5])
	z.r.name(at, &n)
	return nil
}

func (z *zeek) confirmed() bool {
	for t := range z.list(zeekOwn + 6) {
		if bytes.Equal(t, []byte("ACK")) {
			return true
		}
	}
	return false
}
