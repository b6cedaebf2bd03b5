package logs

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// IP protocol numbers (IANA) of the transports that have ports, and those that
// flow tools write by name.
const (
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoSCTP    = 132
	protoUDPLite = 136
)

// flowRow is one row of a flow export: one direction or both.
type flowRow struct {
	at          int64 // its line
	first, last capture.Time
	proto       uint8
	src, dst    netip.AddrPort
	mac         [2]capture.MAC // of src and dst
	vlan        uint16
	packets     [2]uint64 // from src, from dst
	bytes       [2]uint64
	sampled     uint32
	syn         bool   // one of the packets from src had SYN
	ack         bool   // or ACK
	opener      int8   // 1: src opened the flow; -1: dst did; 0: not said
	how         string // what told the opener
	host        string
	app         string
}

// flow turns a row into a Flow from the client to the server.
func (w *flowRow) flow(input int32) *capture.Flow {
	opener, how := w.opener, w.how
	if opener == 0 {
		opener, how = w.guess()
	}
	f := &capture.Flow{
		Proto: w.proto, VLAN: w.vlan, Client: w.src, Server: w.dst, ClientMAC: w.mac[0], ServerMAC: w.mac[1], ClientHow: how,
		First: w.first, Last: w.last, Packets: w.packets, Bytes: w.bytes, Sampled: w.sampled, App: w.app,
		FirstAt: capture.Origin{Input: input, At: w.at}, LastAt: capture.Origin{Input: input, At: w.at},
	}
	if opener < 0 {
		f.Client, f.Server, f.ClientMAC, f.ServerMAC = f.Server, f.Client, f.ServerMAC, f.ClientMAC
		for _, n := range []*[2]uint64{&f.Packets, &f.Bytes} {
			n[0], n[1] = n[1], n[0]
		}
	}
	if f.Host = logHost(w.host); f.Host != "" {
		f.HostHow = "sni"
	}
	return f
}

// guess tells the client where no flag does, in the order that packets are judged
// in too: a service's port, the private address, the ephemeral port, the first.
func (w *flowRow) guess() (opener int8, how string) {
	if s, d := servicePort(w.src.Port()), servicePort(w.dst.Port()); s != d {
		return sign(d), "port"
	}
	if s, d := isLocal(w.src.Addr()), isLocal(w.dst.Addr()); s != d {
		return sign(s), "address"
	}
	const ephemeral = 32768 // lowest ephemeral port of Linux and Android; others begin higher (RFC 6335: 49152)
	if s, d := w.src.Port() >= ephemeral, w.dst.Port() >= ephemeral; s != d {
		return sign(s), "port"
	}
	return 1, "first"
}

func sign(b bool) int8 {
	if b {
		return 1
	}
	return -1
}

// servicePort tells ports that servers listen on: those below 1024, and those of
// messengers, their relays and the web (IANA; knowledge of messengers' own).
func servicePort(port uint16) bool {
	switch port {
	case 0:
		return false
	case 1194, 1883, 3306, 3389, 3478, 3479, 3480, 3481, 4244, 4443, 5060, 5061, 5222, 5223, 5228, 5229, 5230, 5242, 5269, 5280, 5281,
		5349, 5353, 5355, 6667, 6697, 8000, 8008, 8080, 8443, 8448, 8883, 19302, 19305, 51820:
		return true
	}
	return port < 1024
}

// carrierNAT is the shared address space of RFC 6598.
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

func isLocal(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLinkLocalUnicast() || carrierNAT.Contains(a)
}

// ends sets addresses and ports from text. Ports of protocols without are 0:
// flow tools put ICMP types there.
func (w *flowRow) ends(src, sport, dst, dport string) error {
	a, b, ok := logAddr(src), logAddr(dst), true
	if ok = a.IsValid() && b.IsValid(); !ok {
		return errors.New("no two addresses in it")
	}
	var p, q uint16
	if hasPorts(w.proto) {
		if p, ok = logPort(sport); ok {
			q, ok = logPort(dport)
		}
		if !ok {
			return fmt.Errorf("%s or %s is no port", quoted(sport), quoted(dport))
		}
	}
	w.src, w.dst = netip.AddrPortFrom(a, p), netip.AddrPortFrom(b, q)
	return nil
}

func hasPorts(proto uint8) bool {
	switch proto {
	case protoTCP, protoUDP, protoDCCP, protoSCTP, protoUDPLite:
		return true
	}
	return false
}

// times sets first and last; where last is empty, it is first and a duration in
// seconds.
func (w *flowRow) times(o *Options, first, last, duration string) error {
	var err error
	if w.first, _, err = parseListTime(first, o.zone()); err != nil {
		return err
	}
	if last != "" {
		w.last, _, err = parseListTime(last, o.zone())
	} else {
		var d time.Duration
		d, err = logSeconds(duration)
		w.last = w.first.Add(d)
	}
	if err == nil && w.last < w.first {
		return errors.New("it ends before it begins")
	}
	return err
}

// logSeconds reads a duration: seconds, or "00:01:02.345"; "" is none.
func logSeconds(s string) (time.Duration, error) {
	var sum float64
	for part := range strings.SplitSeq(s, ":") {
		x, err := strconv.ParseFloat(part, 64)
		if s != "" && (err != nil || math.IsNaN(x) || x < 0) {
			return 0, fmt.Errorf("%s is no duration", quoted(s))
		}
		sum = sum*60 + x
	}
	const most = 100 * 365 * 24 * 3600 // seconds of a century
	if sum > most {
		return 0, fmt.Errorf("%s is no duration of a flow", quoted(s))
	}
	return time.Duration(math.Round(sum*1e3)) * time.Millisecond, nil
}

// logAddr reads an address without its zone; the zero Addr where it is none.
func logAddr(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

func logPort(s string) (uint16, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil
}

// logCount reads a counter; "" and "-" are 0. Tables for people scale by powers of 1000:
// "1.2 M".
func logCount(s string) (uint64, error) {
	if s == "" || s == "-" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(s, 10, 63); err == nil {
		return n, nil
	}
	number, unit, _ := strings.Cut(s, " ")
	scale := map[string]float64{"": 1, "K": 1e3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}[unit]
	x, err := strconv.ParseFloat(number, 64)
	if err != nil || scale == 0 || !(x >= 0 && x*scale < 1<<62) {
		return 0, fmt.Errorf("%s is no count", quoted(s))
	}
	return uint64(math.Round(x * scale)), nil
}

// counts sets packets and bytes from src and from dst.
func (w *flowRow) counts(packets, bytes, packetsBack, bytesBack string) (err error) {
	for i, c := range []struct {
		text string
		to   *uint64
	}{{packets, &w.packets[0]}, {bytes, &w.bytes[0]}, {packetsBack, &w.packets[1]}, {bytesBack, &w.bytes[1]}} {
		if *c.to, err = logCount(c.text); err != nil {
			return fmt.Errorf("count %d: %w", i+1, err)
		}
	}
	return nil
}

// logProto reads an IP protocol by number or name (IANA keywords as flow tools
// write them); ok is false for what is no IP protocol, such as ARP.
func logProto(s string) (proto uint8, ok bool) {
	if n, err := strconv.ParseUint(s, 10, 8); err == nil {
		return uint8(n), true
	}
	switch strings.ToLower(s) {
	case "tcp":
		return protoTCP, true
	case "udp":
		return protoUDP, true
	case "icmp":
		return 1, true
	case "igmp":
		return 2, true
	case "ipip":
		return 4, true
	case "dccp":
		return protoDCCP, true
	case "gre":
		return 47, true
	case "esp":
		return 50, true
	case "ah":
		return 51, true
	case "icmp6", "ipv6-icmp", "icmpv6":
		return 58, true
	case "sctp":
		return protoSCTP, true
	case "udplite":
		return protoUDPLite, true
	}
	return 0, false
}

// logMAC reads a link address; the zero value where there is none.
func logMAC(s string) (m capture.MAC) {
	if hw, err := net.ParseMAC(s); err == nil && len(hw) == len(m) {
		copy(m[:], hw)
	}
	return m
}

// logHost gives a DNS name in lower case without its last dot, "" for what is
// none: an address, or anything with other signs than names have.
func logHost(s string) string {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if len(s) > 253 || strings.ContainsFunc(s, notInNames) || logAddr(s).IsValid() {
		return ""
	}
	return s
}

func notInNames(c rune) bool {
	return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_'
}
