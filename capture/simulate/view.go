package simulate

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"envelope/capture"
)

// View is how a tap sees the packets that pass it. The zero value is a perfect
// tap at the router. Shares are in thousandths of the packets.
type View struct {
	At    *Host        // the device that records itself; nil is the router
	From  capture.Time // nothing before: connections are met in mid-stream
	Until capture.Time // nothing from here on; 0 for no end
	Snap  int          // bytes kept of each packet; 0 for all
	Only  *Host        // only what this host sends: half of each conversation
	Miss  int          // packets that the tap failed to record
	Again int          // TCP data lost behind the tap: seen a second time
	Late  int          // TCP data lost before the tap: seen only when sent again
	Swap  int          // packets that change places with the next one
}

// rto is when lost data is sent again: the lower bound of RFC 6298 is 1 s,
// Linux uses 200 ms.
const rto = 200 * time.Millisecond

// sight is one packet as a tap records it.
type sight struct {
	at   capture.Time
	data []byte
}

// Capture returns the pcap file (nanoseconds, Ethernet) of one tap.
func (n *Network) Capture(v View) []byte {
	for _, c := range n.conns {
		c.play()
	}
	sights := n.sights(v)
	slices.SortStableFunc(sights, func(a, b sight) int { return cmp.Compare(a.at, b.at) })
	r := n.Rand("swap")
	for i := 1; i < len(sights); i++ {
		if r.IntN(1000) < v.Swap {
			sights[i-1].data, sights[i].data = sights[i].data, sights[i-1].data
		}
	}
	return file(sights, v.Snap)
}

// sights lists what passes the tap.
func (n *Network) sights(v View) []sight {
	r := n.Rand("view")
	var out []sight
	for _, p := range n.packets {
		out = v.record(r, p, out)
	}
	return out
}

// record appends what the tap makes of one packet.
func (v View) record(r *rand.Rand, p packet, out []sight) []sight {
	at, data, ok := v.sees(p)
	if !ok {
		return out
	}
	late, again, miss := r.IntN(1000) < v.Late, r.IntN(1000) < v.Again, r.IntN(1000) < v.Miss
	if p.stream && late {
		at = at.Add(rto)
	}
	if miss || at < v.From || v.Until != 0 && at >= v.Until {
		return out
	}
	out = append(out, sight{at, data})
	if p.stream && again && !late {
		out = append(out, sight{at.Add(rto), data})
	}
	return out
}

// sees tells when and as what a packet passes the tap, if it does. The router
// sees a packet as it comes in.
func (v View) sees(p packet) (capture.Time, []byte, bool) {
	switch {
	case v.Only != nil && p.src != v.Only:
		return 0, nil, false
	case v.At == nil:
		return p.sent.Add(p.src.Delay), p.data, !p.local
	case p.src == v.At:
		return p.sent, v.At.home.inner(v.At, p.data, true), true
	case p.dst == v.At:
		return p.sent.Add(way(p.src, p.dst)), v.At.home.inner(v.At, lastHop(p), false), true
	}
	return 0, nil, false
}

// lastHop gives a packet between two devices the link addresses of the second
// access link.
func lastHop(p packet) []byte {
	if !p.src.Inside {
		return p.data
	}
	data := bytes.Clone(p.data)
	copy(data, p.dst.MAC[:])
	copy(data[6:], routerMAC[:])
	return data
}

// wholePacket is the snap length that tcpdump has by default.
const wholePacket = 262144

// file writes a pcap file. Writing to memory does not fail.
func file(sights []sight, snap int) []byte {
	if snap == 0 {
		snap = wholePacket
	}
	var buf bytes.Buffer
	w := pcapgo.NewWriterNanos(&buf)
	if err := w.WriteFileHeader(uint32(snap), layers.LinkTypeEthernet); err != nil {
		panic(err)
	}
	for _, s := range sights {
		kept := s.data[:min(snap, len(s.data))]
		info := gopacket.CaptureInfo{Timestamp: s.at.UTC(), CaptureLength: len(kept), Length: len(s.data)}
		if err := w.WritePacket(info, kept); err != nil {
			panic(err)
		}
	}
	return buf.Bytes()
}
