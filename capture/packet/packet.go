// Package packet reads packet captures and turns packets into flows, flows
// into application frames, and frames into capture.Records.
//
// The path of one packet: Source (pcap, pcapng: raw bytes with time and link
// type) -> Decoder (link layer, tunnels, IP, fragments: one Packet) -> flow
// table -> framer of the flow -> Record. Payload bytes never leave this
// package. It is the hot path: nothing in it allocates per packet.
package packet

import (
	"net/netip"

	"envelope/capture"
)

// LinkType is a value of the tcpdump.org registry of link-layer header types.
// gopacket's own type is eight bits wide and cannot hold LINUX_SLL2 (276).
type LinkType uint32

// Raw is one packet as a capture file holds it. Data is valid until the next
// call of Source.Next.
type Raw struct {
	Number int64        // from 1, in file order, over all interfaces and sections
	Time   capture.Time // 0 where the file gives none (pcapng simple packets)
	Link   LinkType
	Len    int    // original length on the wire in bytes, at least len(Data)
	Data   []byte // captured bytes, from the link-layer header on
	App    string // true app named by the recorder for this packet (PCAPdroid)
}

// Transport protocols by IP protocol number.
const (
	ProtoICMP   = 1
	ProtoTCP    = 6
	ProtoUDP    = 17
	ProtoICMPv6 = 58
	ProtoSCTP   = 132
)

// TCP flag bits (RFC 9293 section 3.1).
const (
	FlagFIN = 1 << iota
	FlagSYN
	FlagRST
	FlagPSH
	FlagACK
)

// Packet is one decoded packet: the innermost IP packet and its transport
// header. It is reused from packet to packet; Payload points into the raw
// bytes or, after reassembly of fragments, into the decoder's buffer.
type Packet struct {
	Number   int64
	Time     capture.Time
	Len      int         // original length of the whole frame on the wire
	SrcMAC   capture.MAC // outermost Ethernet, 802.11 or cooked address; zero where there is none
	DstMAC   capture.MAC
	VLAN     uint16 // innermost VLAN identifier, 0 for none
	VLANOut  uint16 // outermost VLAN identifier, 0 for none
	VLANs    uint8  // number of VLAN tags
	Tunnel   uint8  // number of IP packets around this one
	Fragment bool   // not the first fragment of a packet that was not put together: no ports
	Src, Dst netip.Addr
	Proto    uint8 // IP protocol number of the transport header
	SrcPort  uint16
	DstPort  uint16
	IPLen    int // bytes of the innermost IP packet by its own length field (or the wire length where that is 0)
	TCPFlags uint8
	Seq, Ack uint32
	// Payload is what was captured of the transport payload; PayloadLen is its
	// original length, which is more where a snap length cut the packet.
	Payload    []byte
	PayloadLen int
	App        string
}
