package packet

import (
	"encoding/binary"
	"testing"

	"envelope/capture"
)

func TestDecodeLink(t *testing.T) { checkDecode(t, linkCases()) }

// linkCases has one packet for each link type and each header below IP.
func linkCases() []decodeCase {
	snap := glue(hexa("aaaa03 000000 0800"), udp4)
	ppp4 := glue(hexa("0021"), udp4)
	sll := glue(hexa("0000 0001 0006 020000000001 0000"), two(etherIPv4), udp4)
	sll2 := glue(two(etherIPv6), hexa("0000 00000003 0001 04 06 020000000001 0000"), udp6)
	nflog := glue(hexa("02 00 0000  0800 0100 0800 0003"), hexa("0a00 0a00 65746830 0000 0000"),
		[]byte{byte(4 + len(udp4)), 0, 9, 0}, udp4)
	nflogBig := glue(hexa("0a 00 0000  0008 0001 86dd 0003"), []byte{0, byte(4 + len(udp6)), 0, 9}, udp6)
	pktap := func(t uint32) []byte {
		b := binary.LittleEndian.AppendUint32(nil, 108)
		b = binary.LittleEndian.AppendUint32(b, 1)
		return glue(binary.LittleEndian.AppendUint32(b, t), make([]byte, 96))
	}
	mpls := func(body []byte) []byte { return etherOf(etherMPLS, glue(hexa("00010040 00020140"), body)) }
	const tagged = " vlan 100/200 of 2"
	return []decodeCase{
		{"ethernet", LinkEthernet, inEther, saysUDP4},
		{"arp", LinkEthernet, etherOf(etherARP, make([]byte, 28)), "not IP: EtherType is not IP"},
		{"vlan", LinkEthernet, etherOf(etherVLAN, glue(hexa("6064 0800"), udp4)), saysUDP4 + " vlan 100/100 of 1"},
		{"qinq", LinkEthernet, etherOf(etherQinQ, glue(hexa("0064 8100 00c8 86dd"), udp6)), saysUDP6 + tagged},
		{"qinq 9100", LinkEthernet, etherOf(etherQinQOld, glue(hexa("0064 9100 00c8 0800"), udp4)), saysUDP4 + tagged},
		{"cut tag", LinkEthernet, etherOf(etherVLAN, hexa("00")), "malformed: cut inside a VLAN tag"},
		{"snap", LinkEthernet, etherOf(len(snap), snap), saysUDP4},
		{"llc ip", LinkEthernet, etherOf(3+len(udp4), glue(hexa("060603"), udp4)), saysUDP4},
		{"stp", LinkEthernet, etherOf(38, glue(hexa("424203"), make([]byte, 35))), "not IP: LLC frame of another protocol"},
		{"pppoe", LinkEthernet, etherOf(etherPPPoE, glue(hexa("1100 0001"), two(len(ppp4)), ppp4, make([]byte, 9))), saysUDP4},
		{"pppoe discovery", LinkEthernet, etherOf(etherPPPoE, hexa("1109 0000 0000")), "not IP: PPPoE discovery"},
		{"pppoe link", LinkPPPoE, glue(hexa("1100 0001"), two(1+len(udp6)), hexa("57"), udp6), saysUDP6},
		{"mpls", LinkEthernet, mpls(udp4), saysUDP4},
		{"mpls 6", LinkEthernet, mpls(udp6), saysUDP6},
		{"pseudowire with control word", LinkEthernet, mpls(glue(hexa("00000001"), inEther)), saysUDP4},
		{"pseudowire without", LinkEthernet, mpls(inEther), saysUDP4},
		{"associated channel", LinkEthernet, mpls(hexa("10000021 45000000")), "not IP: MPLS payload of another protocol"},
		{"backbone bridge", LinkEthernet, etherOf(etherPBB, glue(hexa("00000001"), inEther)), saysUDP4},
		{"macsec encrypted", LinkEthernet, etherOf(etherMACsec, glue(hexa("2c 00 00000001 0200000000010001"), udp4)), "encrypted at the link layer: MACsec"},
		{"macsec integrity", LinkEthernet, etherOf(etherMACsec, glue(hexa("20 00 00000001 0200000000010001 0800"), udp4)), saysUDP4},
		{"cooked", LinkSLL, sll, saysUDP4},
		{"cooked 2", LinkSLL2, sll2, saysUDP6},
		{"cooked vlan", LinkSLL, glue(sll[:14], hexa("8100 0007 0800"), udp4), saysUDP4 + " vlan 7/7 of 1"},
		{"cooked gre", LinkSLL, glue(hexa("0000 030a 0004 c0000201 00000000"), two(etherIPv4), udp4), saysUDP4},
		{"cooked netlink", LinkSLL, glue(hexa("0004 0338 0000 0000000000000000 0000"), udp4), "not IP: cooked frame of another protocol"},
		{"cooked without protocol", LinkSLL, glue(hexa("0004 fffe 0000 0000000000000000 0000"), udp4), saysUDP4},
		{"raw 12", LinkRawBSD, udp4, saysUDP4},
		{"raw 14", LinkRawOpen, udp6, saysUDP6},
		{"ipv4", LinkIPv4, udp4, saysUDP4},
		{"ipv6", LinkIPv6, udp6, saysUDP6},
		{"null little-endian", LinkNull, glue(hexa("02000000"), udp4), saysUDP4},
		{"null big-endian", LinkNull, glue(hexa("0000001e"), udp6), saysUDP6},
		{"null freebsd", LinkNull, glue(hexa("1c000000"), udp6), saysUDP6},
		{"null other", LinkNull, glue(hexa("10000000"), udp6), "not IP: address family is not IP"},
		{"loop", LinkLoop, glue(hexa("00000002"), udp4), saysUDP4},
		{"enc", LinkEnc, glue(hexa("02000000 00000000 00000000"), udp4), saysUDP4},
		{"pflog", LinkPFLog, glue(hexa("3d 02"), make([]byte, 62), udp4), saysUDP4},
		{"ppp", LinkPPP, ppp4, saysUDP4},
		{"ppp hdlc", LinkPPPHDLC, glue(hexa("ff03 0057"), udp6), saysUDP6},
		{"ppp direction", LinkPPPDir, glue(hexa("01 ff03 0021"), udp4), saysUDP4},
		{"pppd", LinkPPPPPPD, glue(hexa("0103 0021"), udp4), saysUDP4},
		{"ppp lcp", LinkPPP, hexa("ff03 c021 0101 0004"), "not IP: PPP frame of another protocol"},
		{"ppp encrypted", LinkPPP, hexa("ff03 00fd 9000"), "encrypted at the link layer: PPP encryption or compression"},
		{"cisco hdlc", LinkCHDLC, glue(hexa("0f00 0800"), udp4), saysUDP4},
		{"cisco hdlc as ppp", LinkPPPHDLC, glue(hexa("0f00 0800"), udp4), saysUDP4},
		{"slip", LinkSLIP, glue(make([]byte, 16), udp4), saysUDP4},
		{"atm", LinkATM, snap, saysUDP4},
		{"nflog", LinkNFLog, nflog, saysUDP4},
		{"nflog big-endian", LinkNFLog, nflogBig, saysUDP6},
		{"nflog without packet", LinkNFLog, hexa("02000000 0800 0100 00000000"), "not IP: nflog message without a packet"},
		{"nflog bad", LinkNFLog, hexa("02000000 0300 0100 00000000"), "malformed: nflog attribute shorter than its header"},
		{"pktap", LinkPKTAP, glue(pktap(1), inEther), saysUDP4},
		{"pktap user", linkPKTAPUser, glue(pktap(0), hexa("02000000"), udp4), saysUDP4},
		{"pktap in pktap", LinkPKTAP, glue(pktap(258), pktap(1), inEther), "malformed: PKTAP header length"},
	}
}

func TestLinkAddresses(t *testing.T) {
	for _, c := range linkCases() {
		var p Packet
		if NewDecoder().Decode(&Raw{Link: c.link, Data: c.data}, &p); c.link == LinkSLL2 || c.name == "cooked" {
			if p.SrcMAC != (capture.MAC{2, 0, 0, 0, 0, 1}) || p.DstMAC != (capture.MAC{}) {
				t.Errorf("%s: %x %x", c.name, p.SrcMAC, p.DstMAC)
			}
		}
	}
}
