package packet

import (
	"net/netip"
	"strings"
	"testing"

	"envelope/capture"
)

// filterPackets are packets to select from, by name.
func filterPackets() map[string]*Packet {
	tcp := &Packet{Len: 100, Src: netip.MustParseAddr("10.1.2.3"), Dst: netip.MustParseAddr("192.168.1.1"), Proto: ProtoTCP, SrcPort: 5000, DstPort: 443,
		SrcMAC: capture.MAC{2, 0, 0, 0, 0, 1}, DstMAC: capture.MAC{2, 0, 0, 0, 0, 2}}
	udp := &Packet{Len: 60, Src: netip.MustParseAddr("10.1.9.9"), Dst: netip.MustParseAddr("10.1.2.3"), Proto: ProtoUDP, SrcPort: 53, DstPort: 53,
		VLAN: 300, VLANOut: 200, VLANs: 2}
	part := &Packet{Len: 1500, Src: udp.Src, Dst: udp.Dst, Proto: ProtoUDP, Fragment: true}
	ping := &Packet{Len: 98, Src: tcp.Dst, Dst: tcp.Src, Proto: ProtoICMP, VLANs: 1}
	six := &Packet{Len: 90, Src: netip.MustParseAddr("2001:db8::1"), Dst: netip.MustParseAddr("2001:db8:1::2"), Proto: ProtoUDP, SrcPort: 443, DstPort: 6000}
	ping6 := &Packet{Len: 70, Src: six.Src, Dst: six.Dst, Proto: ProtoICMPv6}
	return map[string]*Packet{"tcp": tcp, "udp": udp, "part": part, "ping": ping, "six": six, "ping6": ping6}
}

func TestFilter(t *testing.T) {
	for expr, want := range map[string]string{
		"":                                  "tcp udp part ping six ping6",
		"tcp":                               "tcp",
		"udp":                               "udp part six",
		"ip":                                "tcp udp part ping",
		"ip6":                               "six ping6",
		"icmp":                              "ping",
		"icmp6":                             "ping6",
		"proto 17":                          "udp part six",
		"ip proto 17":                       "udp part",
		`ip6 proto \udp`:                    "six",
		"proto icmp":                        "ping",
		"proto 1 or 58":                     "ping ping6",
		"host 10.1.2.3":                     "tcp udp part ping",
		"src host 10.1.2.3":                 "tcp",
		"src 10.1.2.3":                      "tcp",
		"dst 10.1.2.3":                      "udp part ping",
		"host 10.1.2.3 and 10.1.9.9":        "udp part",
		"host (10.1.9.9 or 2001:db8::1)":    "udp part six ping6",
		"ip6 host 2001:db8::1":              "six ping6",
		"net 10":                            "tcp udp part ping",
		"src and dst net 10.1":              "udp part",
		"src or dst net 192.168.1":          "tcp ping",
		"dst and src net 10.1.0.0/16":       "udp part",
		"net 10.1.0.0 mask 255.255.0.0":     "tcp udp part ping",
		"net 10.0.2.0 mask 255.0.255.0":     "tcp udp part ping",
		"net 192/8":                         "tcp ping",
		"net 2001:db8:1::/48":               "six ping6",
		"src net 2001:db8:1::/48":           "",
		"ip net 0.0.0.0/0":                  "tcp udp part ping",
		"port 443":                          "tcp six",
		"udp port 443":                      "six",
		"src port 443":                      "six",
		"port 443 or 53":                    "tcp udp six",
		"port (443 or 53)":                  "tcp udp six",
		"tcp port 80 or (443 or 53)":        "tcp",
		"src and dst port 53":               "udp",
		"portrange 5000-6000":               "tcp six",
		"portrange 6000-5000":               "tcp six",
		"udp dst portrange 5000-6000":       "six",
		"port 0":                            "",
		"port 0x1bb":                        "tcp six",
		"not port 443":                      "udp part ping ping6",
		"! tcp && ! udp":                    "ping ping6",
		"not not tcp":                       "tcp",
		"tcp or udp and ip6":                "six",
		"tcp or (udp and ip6)":              "tcp six",
		"not (tcp or udp)":                  "ping ping6",
		"not host 10.1.2.3 and 10.1.9.9":    "",
		"port 443 and not 6000":             "tcp",
		"vlan":                              "udp ping",
		"vlan 300":                          "udp",
		"vlan 200 and udp":                  "udp",
		"vlan 0":                            "ping",
		"ether host 02:00:00:00:00:01":      "tcp",
		"ether src 2:0:0:0:0:1":             "tcp",
		"ether dst 0200.0000.0001":          "",
		"src or dst 10.1.9.9":               "udp part",
		"ether src or dst 020000000002":     "tcp",
		"less 70":                           "udp ping6",
		"greater 100":                       "tcp part",
		"greater 60 and less 90":            "udp six ping6",
		"(host 10.1.2.3)and(port 443)||ip6": "tcp six ping6",
	} {
		f, err := ParseFilter(expr)
		if err != nil {
			t.Errorf("%q: %v", expr, err)
			continue
		}
		packets, names := filterPackets(), []string(nil)
		for _, name := range []string{"tcp", "udp", "part", "ping", "six", "ping6"} {
			if f.Match(packets[name]) {
				names = append(names, name)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q selects %q, want %q", expr, got, want)
		}
	}
	if !(*Filter)(nil).Match(&Packet{}) {
		t.Error("no filter selects everything")
	}
}

// TestFilterErrors asks for the word and the position in each error.
func TestFilterErrors(t *testing.T) {
	for expr, want := range map[string]string{
		"tcp[13] & 2 != 0":              `"[13]" at position 4: byte tests`,
		"len > 100":                     `">" at position 5: byte tests`,
		"ip and len>100":                `">100" at position 11: byte tests`,
		"gateway 10.0.0.1":              `"gateway" at position 1: not known here; known are host, net`,
		"arp":                           `"arp" at position 1: not known here`,
		"broadcast":                     `"broadcast" at position 1`,
		"host example.org":              `"example.org" at position 6: expected an address in full`,
		"host 10.1":                     `"10.1" at position 6: expected an address in full`,
		"host fe80::1%eth0":             `"%eth0" at position 13: byte tests`,
		"host 10.0.0.0/8":               `"10.0.0.0/8" at position 6: expected an address`,
		"port http":                     `"http" at position 6: expected a port number`,
		"port 1-9":                      `"1-9" at position 6: expected a port number`,
		"port 65536":                    `"65536" at position 6: expected a port number`,
		"port 010":                      `"010" at position 6`,
		"portrange 1-":                  `"1-" at position 11: expected a range`,
		"net 10.1.2.3/16":               `"10.1.2.3/16" at position 5: the network has bits outside`,
		"net 10.1.2.3 mask 255.0.0.0":   `"255.0.0.0" at position 19: the network has bits outside`,
		"net 10.0.0.0/33":               `"10.0.0.0/33" at position 5: the length`,
		"net 10.":                       `"10." at position 5: expected a network`,
		"net 1.2.3.4.5":                 `"1.2.3.4.5" at position 5: expected a network`,
		"net 2001:db8:: mask 255.0.0.0": `"255.0.0.0" at position 21: expected an IPv4 mask`,
		"proto 300":                     `"300" at position 7: expected a protocol number`,
		"proto 47":                      `"47" at position 7: headers of this protocol are opened`,
		"ip proto foo":                  `"foo" at position 10: expected a protocol number`,
		"udp host 10.0.0.1":             `"host" at position 5: udp goes with port`,
		"ip port 80":                    `"port" at position 4: ip does not go with ports`,
		"icmp port 80":                  `"port" at position 6: icmp takes no qualifiers`,
		"src proto 6":                   `"proto" at position 5: proto has no direction`,
		"ether port 80":                 `"port" at position 7: ether goes with`,
		"ether proto 0x800":             `"proto" at position 7: ether goes with`,
		"ether host 10.0.0.1":           `"10.0.0.1" at position 12: expected a link address`,
		"ether host 00:11:22:33:44":     `"00:11:22:33:44" at position 12: expected a link address`,
		"ip host 2001:db8::1":           `"2001:db8::1" at position 9: the address is not of the version`,
		"ip6 net 10":                    `"10" at position 9: the address is not of the version`,
		"vlan 4096":                     `"4096" at position 6: expected a VLAN`,
		"less x":                        `"x" at position 6: expected a length`,
		"10.0.0.1":                      `"10.0.0.1" at position 1: not known here`,
		"tcp 80":                        `"80" at position 5: expected and, or`,
		"tcp or 80":                     `"80" at position 8: not known here`,
		"(port 80 or 443) and 22":       `"22" at position 22: not known here`,
		"host 10.0.0.1 10.0.0.2":        `"10.0.0.2" at position 15: expected and, or`,
		"tcp and":                       `at the end (position 8): an expression is missing`,
		"tcp and and udp":               `"and" at position 9: not known here; expected the start`,
		"not":                           `at the end (position 4)`,
		"(tcp":                          `at the end (position 5): expected and, or, or a closing`,
		"tcp)":                          `")" at position 4: expected and, or`,
		"()":                            `")" at position 2`,
		"host":                          `at the end (position 5)`,
		"host (tcp)":                    `"(" at position 6: expected an address`,
		"port & 80":                     `"&" at position 6: byte tests`,
		"TCP":                           `"TCP" at position 1: not known here`,
		strings.Repeat("(", 200):        `at position 101: too many parentheses`,
	} {
		f, err := ParseFilter(expr)
		if err == nil || f != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", expr, err, want)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{
		"tcp port 80 or (443 or not 22)", "host 10.0.0.1 and not net 2001:db8::/32", "ether host 2:0:0:0:0:1",
		"src or dst portrange 1-0xff", "vlan 5 && less 10", "net 10.1 mask 255.255.0.0", "!(ip proto \\tcp)", "host (",
	} {
		f.Add(s)
	}
	packets := filterPackets()
	f.Fuzz(func(t *testing.T, expr string) {
		filter, err := ParseFilter(expr)
		if (filter == nil) == (err == nil) {
			t.Fatal(filter, err)
		}
		if err != nil || strings.TrimSpace(expr) == "" {
			return
		}
		opposite, err := ParseFilter("not (" + expr + ")")
		if err != nil && !strings.Contains(err.Error(), "too many") {
			t.Fatal(err)
		}
		for _, p := range packets {
			if err == nil && filter.Match(p) == opposite.Match(p) {
				t.Fatalf("%q and its negation agree", expr)
			}
		}
	})
}
