package capture

import "net/netip"

// Interest is a caller's word on a flow, by what is known of it so far: whether
// a packet reader should cut it into frames.
type Interest uint8

// Undecided flows have their frames gathered up to a bound, so that none is
// lost when the verdict comes late.
const (
	Undecided Interest = iota
	Ignore             // one record at its end, without frames
	Collect            // all frames, signals and bursts
)

// Record is one thing that one observer saw: a flow with its frames, a name for
// an address, or what a log says. Exactly one of Flow, Name and Entry is set.
//
// A Record and what it points to belong to the receiver only until the next
// record is asked for; a receiver that keeps something copies it.
type Record struct {
	Origin Origin
	Time   Time
	Grain  Grain
	Flow   *Flow
	Name   *Name
	Entry  *Entry
}

// MAC is a link-layer address; the zero value means that none was seen.
type MAC [6]byte

// Flow is the facts of one flow (RFC 7011 terms: a biflow) and the part of its
// frames that was gathered since the last record of the same flow. A long flow
// yields several records with the same ID; counters are totals since its first
// packet, while Frames, Signals and Bursts hold only what is new.
type Flow struct {
	ID        uint64 // unique within a run, in order of the first packet
	Proto     uint8  // IP protocol number
	VLAN      uint16 // innermost VLAN identifier, 0 for none
	Client    netip.AddrPort
	Server    netip.AddrPort
	ClientMAC MAC // link addresses as seen at this tap: often those of routers
	ServerMAC MAC
	ClientHow string // what told the client from the server: "syn", "hello", "stun", "port", "address", "first"

	First, Last       Time
	FirstAt, LastAt   Origin
	Packets           [2]uint64 // up, down
	Bytes             [2]uint64 // IP bytes by original length, up, down
	Payload           [2]uint64 // transport payload bytes by original length, without retransmissions
	Missing           [2]uint64 // TCP payload bytes that the capture does not hold, up, down
	Retransmitted     [2]uint64 // TCP payload bytes seen more than once
	Midstream         bool      // TCP that began before the capture did
	Closed            bool      // FIN or RST was seen, or the input ended
	Final             bool      // no further record of this flow follows
	FramesUncollected bool      // the flow had frames that were not gathered (not a flow of interest, or over a bound)

	Host    string   // name of the server, lower case
	HostHow string   // "sni", "quic" (public handshake), "http", "dns", "certificate"
	ALPN    []string // offered by the client
	JA4     string
	ECH     bool     // the client hello offered encrypted client hello
	Signs   []string // wire signatures recognised in clear bytes, such as "whatsapp-noise"; see capture/wire
	Realm   string   // TURN realm
	App     string   // true app as named by the recorder (PCAPdroid)
	Kin     uint64   // ID of an earlier flow of the client's UDP socket that showed call set-up, 0 for none
	PeerKin uint64   // the same for the server's socket: both ends of a direct call are known here

	// Ref is the name of a flow in logs that tell of it in several rows (Zeek's
	// uid, Suricata's flow_id): one row has its host, another its totals.
	Ref string
	// Sampled is N where only one packet in N was counted (RFC 5477); 0 and 1
	// mean all. Counters are as the log has them.
	Sampled uint32
	Row     bool // a row of a log: nothing but totals is known, and no frames were to be had

	Frames  []Frame
	Signals []Signal
	Bursts  []Burst
}

// Up and Down index the two directions of a flow: client to server and back.
const (
	Up   = 0
	Down = 1
)

// FrameKind is the framing layer that gave a frame its length.
type FrameKind uint8

// Kinds of frames. Data frames are those that can carry messages.
const (
	FrameData      FrameKind = iota // TLS application data, WhatsApp, MTProto, Threema frame
	FrameHandshake                  // TLS handshake or change of cipher, Noise hello, Threema login
	FrameAlert                      // TLS alert
	FrameClear                      // clear text before STARTTLS
	FrameSegment                    // no readable lengths: one TCP segment, or adjacent full segments joined
	FrameDatagram                   // one UDP or QUIC datagram
	FrameGap                        // bytes that the capture does not hold, in which frames began: one or several, or part of one
)

// Frame is one application frame by the length that is readable in clear.
type Frame struct {
	Time   Time // arrival of the packet that held its first byte; of a gap, when it first showed
	Origin Origin
	Length uint32 // bytes of the frame's body as its length field says, without the header; of a gap, all of its bytes
	Kind   FrameKind
	Up     bool
	Guess  bool // framing was found anew after missing bytes or in mid-stream
}

// Signal is one message of call set-up in clear: STUN and TURN (RFC 8489,
// 8656) with the messengers' own types, Telegram's reflector probes.
type Signal struct {
	Time     Time
	Origin   Origin
	Up       bool
	Length   uint32 // bytes of the message
	Type     uint16 // STUN message type; 0 for a reflector probe
	Attrs    AttrSet
	Mapped   netip.AddrPort // XOR-MAPPED-ADDRESS or MAPPED-ADDRESS
	Relayed  netip.AddrPort // XOR-RELAYED-ADDRESS
	Peer     netip.AddrPort // XOR-PEER-ADDRESS
	Channel  uint16         // CHANNEL-NUMBER
	Lifetime int64          // seconds, -1 where absent
	Error    uint16         // ERROR-CODE, 0 where absent
	Ufrags   string         // ICE user names "receiver:sender" as in USERNAME
	Tag      string         // Telegram peer tag, in hexadecimal
	Through  netip.AddrPort // for a message inside a relay's Send, Data or ChannelData: the far end it names (zero where only the channel is known)
	Relay    bool           // the message was carried inside a relay's Send, Data or ChannelData
}

// AttrSet says which STUN attributes were present.
type AttrSet uint32

// Attributes that call set-up is read from.
const (
	AttrUsername AttrSet = 1 << iota
	AttrIntegrity
	AttrUseCandidate
	AttrControlling // ICE-CONTROLLING 0x802A: this side is the caller in most clients
	AttrControlled  // ICE-CONTROLLED 0x8029
	AttrRealm
	AttrData
	AttrWhatsApp  // 0x4000 to 0x4007
	AttrMicrosoft // 0x8054, 0x8055, 0x8070, 0x8095
	AttrOther
)

// BurstKind is what a burst of datagrams consists of.
type BurstKind uint8

// Kinds of bursts.
const (
	BurstOpaque  BurstKind = iota // neither STUN nor RTP: unknown framing
	BurstRTP                      // RTP or SRTP headers (RFC 3550) of one SSRC
	BurstRTCP                     // RTCP or SRTCP
	BurstDTLS                     // DTLS records
	BurstQUIC                     // QUIC packets
	BurstPadding                  // bandwidth probes and other filler
)

// Burst is datagrams of one flow, one direction and one kind without a pause
// longer than BurstGap.
type Burst struct {
	Kind        BurstKind
	Up          bool
	Relay       bool           // inside TURN ChannelData or Send and Data indications
	Through     netip.AddrPort // the far end that the relay was told to reach, where known
	SSRC        uint32         // RTP
	PayloadType uint8          // RTP
	First, Last Time
	FirstAt     Origin
	LastAt      Origin
	Packets     uint32
	Bytes       uint64 // UDP payload bytes by original length
	Tag         string // Telegram peer tag, in hexadecimal
}

// BurstGap is the pause that ends a burst, in nanoseconds: two seconds, longer
// than the packet spacing of any voice codec with discontinuous transmission
// (Opus DTX sends at least every 400 ms, RFC 6716 section 2.1.9).
const BurstGap = 2_000_000_000

// Name is a name that an observer saw for an address: a DNS answer, a DHCP
// host name, an mDNS or NetBIOS name. A DHCP server that confirms an address
// without a name gives one with an empty Value: it ties Addr to MAC.
type Name struct {
	Addr   netip.Addr
	MAC    MAC
	Value  string
	How    string     // "dns", "mdns", "llmnr", "netbios", "dhcp", "pcapng" (name resolution block)
	Client netip.Addr // who asked, for "dns": with no Addr it is known to have asked, and not what the answer was
	Until  Time       // end of a lease, 0 where there is none
}

// Carries tells the total of packets in both directions.
func (f *Flow) Carries() uint64 { return f.Packets[Up] + f.Packets[Down] }
