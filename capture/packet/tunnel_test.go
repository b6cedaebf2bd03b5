package packet

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeTunnel(t *testing.T) { checkDecode(t, tunnelCases()) }

// tunnelCases has each tunnel around a packet, all on raw IP, and look-alikes.
func tunnelCases() []decodeCase {
	const opened = " tunnel 1"
	udpTo := func(port int, body ...[]byte) []byte { return outer4Of(ProtoUDP, udpOf(9, port, glue(body...))) }
	gre := func(head string, body []byte) []byte { return outer4Of(protoGRE, glue(hexa(head), body)) }
	teredo := slices.Clone(udp6)
	copy(teredo[8:], hexa("20010000 00000000 00000000 00000001"))
	const saysTeredo = "udp [2001::1]:1000 [2001:db8::2]:2000 hello/5 tunnel 1"
	gtpu := func(flags, n string, body ...[]byte) []byte {
		return udpTo(portGTPU, hexa(flags+"ff"+n+"00000001"), glue(body...))
	}
	cases := []decodeCase{
		{name: "ip in ip", data: outer4Of(protoIPv4, udp4), want: saysUDP4 + opened},
		{name: "6in4", data: outer4Of(protoIPv6, udp6), want: saysUDP6 + opened},
		{name: "4in6", data: ipv6Of(protoIPv4, udp4), want: saysUDP4 + opened},
		{name: "gre", data: gre("0000 0800", udp4), want: saysUDP4 + opened},
		{name: "gre all fields", data: gre("b000 86dd 00000000 00000001 00000002", udp6), want: saysUDP6 + opened},
		{name: "gre ethernet", data: gre("2000 6558 00000001", inEther), want: saysUDP4 + opened},
		{name: "gre vlan", data: gre("0000 8100 0007 0800", udp4), want: saysUDP4 + opened + " vlan 7/7 of 1"},
		{name: "gre mpls", data: gre("0000 8847 00010140", udp4), want: saysUDP4 + opened},
		{name: "erspan 1", data: gre("0000 88be", inEther), want: saysUDP4 + opened},
		{name: "erspan 2", data: gre("1000 88be 00000001 10000001 00000000", inEther), want: saysUDP4 + opened},
		{name: "erspan 3", data: gre("1000 22eb 00000001 20000001 00000000 00000000", inEther), want: saysUDP4 + opened},
		{name: "erspan 3 subheader", data: gre("1000 22eb 00000001 20000001 00000000 00000001 0000000000000000", inEther), want: saysUDP4 + opened},
		{name: "wccp", data: gre("0000 883e 00000000", udp4), want: saysUDP4 + opened},
		{name: "pptp", data: gre("3081 880b 00230001 00000001 00000001 ff03 0021", udp4), want: saysUDP4 + opened},
		{name: "gre keepalive", data: gre("0000 0000", nil), want: "proto 47 192.0.2.1:0 192.0.2.2:0 \x00\x00\x00\x00/4 (without ports: tunnel that carries no IP)"},
		{name: "etherip", data: outer4Of(protoEtherIP, glue(hexa("3000"), inEther)), want: saysUDP4 + opened},
		{name: "mpls in ip", data: outer4Of(protoMPLS, glue(hexa("00010140"), udp4)), want: saysUDP4 + opened},
		{name: "mpls in udp", data: udpTo(portMPLS, hexa("00010140"), udp4), want: saysUDP4 + opened},
		{name: "vxlan", data: udpTo(portVXLAN, hexa("08000000 00000100"), inEther), want: saysUDP4 + opened},
		{name: "vxlan linux", data: udpTo(portVXLANOld, hexa("08000000 00000100"), inEther), want: saysUDP4 + opened},
		{name: "vxlan group policy", data: udpTo(portVXLAN, hexa("88000005 00000100"), inEther), want: saysUDP4 + opened},
		{name: "vxlan gpe", data: udpTo(portVXLANGPE, hexa("0c000002 00000100"), udp6), want: saysUDP6 + opened},
		{name: "geneve", data: udpTo(portGENEVE, hexa("0100 6558 00000100 00000000"), inEther), want: saysUDP4 + opened},
		{name: "geneve ip", data: udpTo(portGENEVE, hexa("0000 0800 00000100"), udp4), want: saysUDP4 + opened},
		{name: "gtpu", data: gtpu("30", "0021", udp4), want: saysUDP4 + opened},
		{name: "gtpu sequence", data: gtpu("32", "0025", hexa("00010000"), udp4), want: saysUDP4 + opened},
		{name: "gtpu extension", data: gtpu("34", "002d", hexa("00000085 01100985 01000100"), udp4), want: saysUDP4 + opened},
		{name: "gtpu echo", data: udpTo(portGTPU, hexa("3201 0004 00000000 00010000"), make([]byte, 8)),
			want: "udp 192.0.2.1:9 192.0.2.2:2152 2\x01\x00\x04\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00/20"},
		{name: "l2tp", data: udpTo(portL2TP, hexa("4002 0031 0001 0001 ff03 0021"), udp4), want: saysUDP4 + opened},
		{name: "l2tp offset", data: udpTo(portL2TP, hexa("0202 0001 0001 0002 0000 0021"), udp4), want: saysUDP4 + opened},
		{name: "teredo", data: udpTo(portTeredo, teredo), want: saysTeredo},
		{name: "teredo headers", data: udpTo(portTeredo, hexa("0001 00 00 0000000000000000 00  0000 0000 00000000"), teredo), want: saysTeredo},
		{name: "teredo between clients", data: udpTo(40000, teredo), want: saysTeredo},
		{name: "twice", data: outer4Of(protoIPv4, outer4Of(ProtoUDP, udpOf(9, portVXLAN, glue(hexa("08000000 00000100"), inEther)))),
			want: saysUDP4 + " tunnel 2"},
		{name: "no vxlan", data: udpTo(portVXLAN, []byte("not a tunnel, only its port")),
			want: "udp 192.0.2.1:9 192.0.2.2:4789 not a tunnel, only its port/27"},
		{name: "arp in vxlan stays outside", data: udpTo(portVXLAN, hexa("08000000 00000000"), etherOf(etherARP, nil)),
			want: "udp 192.0.2.1:9 192.0.2.2:4789 " + string(glue(hexa("08000000 00000000"), etherOf(etherARP, nil))) + "/22"},
		{name: "bad inner", data: outer4Of(protoIPv4, make([]byte, 20)), want: "malformed: IP version is not 4"},
	}
	for i := range cases {
		cases[i].link = LinkRaw
	}
	return cases
}

func TestNestingIsBounded(t *testing.T) {
	b := udp4
	for range 40 {
		b = outer4Of(protoIPv4, b)
	}
	if diff := cmp.Diff("malformed: headers nested too deeply", decodeOne(LinkRaw, b, len(b))); diff != "" {
		t.Error(diff)
	}
}

// TestTunnelCut cuts a tunnelled packet by a snap length inside of the inner
// transport header, and inside of the inner IP header, where only the packet
// around it can be told.
func TestTunnelCut(t *testing.T) {
	b := outer4Of(ProtoUDP, udpOf(9, portVXLAN, glue(hexa("08000000 00000100"), inEther)))
	if diff := cmp.Diff("udp 10.0.0.1:1000 10.0.0.2:2000 /0 tunnel 1 (cut: cut inside the UDP header)",
		decodeOne(LinkRaw, b[:len(b)-6], len(b))); diff != "" {
		t.Error(diff)
	}
	var p Packet
	v := NewDecoder().Decode(&Raw{Link: LinkRaw, Len: len(b), Data: b[:60]}, &p)
	if v.Outcome != WithPorts || p.DstPort != portVXLAN || p.PayloadLen != len(b)-28 || len(p.Payload) != 32 {
		t.Error(say(v, &p))
	}
}
