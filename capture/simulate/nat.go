package simulate

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"

	"envelope/capture"
)

// home is a router that hides the devices of a household behind one address
// (RFC 3022). It keeps ports as they are: each device has ports of its own.
type home struct {
	devices []*Host
	addrs   []netip.Addr  // of the devices behind it
	macs    []capture.MAC // and on that side
}

// homeMAC is the link address of a home router on the side of its devices.
var homeMAC = capture.MAC{0x02, 0x00, 0x5e, 0x00, 0x53, 0x02}

// ports of a household are shared out in parts of 4096 from 32768 on.
const homePorts = 4096

// join puts a host behind a home router, with an address that only its own
// network knows.
func (h *Host) join(r *home, inner netip.Addr) {
	h.home = r
	k := len(r.devices)
	r.devices = append(r.devices, h)
	r.addrs = append(r.addrs, inner)
	r.macs = append(r.macs, h.MAC)
	h.MAC = r.devices[0].MAC
	h.lastPort = 32768 + uint16(k)*homePorts
}

// hostAt finds the host that has an address; of those behind one home router
// it is told by the port.
func (n *Network) hostAt(a netip.AddrPort) *Host {
	h := n.hosts[a.Addr()]
	if h == nil || h.home == nil {
		return h
	}
	if k := int(a.Port()-32768) / homePorts; a.Port() >= 32768 && k < len(h.home.devices) {
		return h.home.devices[k]
	}
	return h
}

// firstPort is the first of the ports that a home router leaves to h.
func (h *Host) firstPort() (uint16, bool) {
	k := slices.Index(h.home.list(), h)
	return 32768 + uint16(k)*homePorts, k >= 0
}

// innerAddr is the address of h in its own network; invalid where that is the
// one that all see.
func (h *Host) innerAddr() netip.Addr {
	if i := slices.Index(h.home.list(), h); i >= 0 {
		return h.home.addrs[i]
	}
	return netip.Addr{}
}

func (r *home) list() []*Host {
	if r == nil {
		return nil
	}
	return r.devices
}

// inner gives an Ethernet frame with IPv4 the addresses that it has between a
// device and its home router. On nil it changes nothing.
func (r *home) inner(h *Host, data []byte, sent bool) []byte {
	addr := h.innerAddr()
	if !addr.Is4() || len(data) < 34 || data[12] != 0x08 || data[13] != 0 {
		return data
	}
	out := bytes.Clone(data)
	mac := r.macs[slices.Index(r.devices, h)]
	if sent {
		copy(out, homeMAC[:])
		copy(out[6:], mac[:])
		replace4(out, 26, addr.As4())
	} else {
		copy(out, mac[:])
		copy(out[6:], homeMAC[:])
		replace4(out, 30, addr.As4())
	}
	return out
}

// replace4 changes an address in the IPv4 header of a frame and adjusts the
// checksums that cover it (RFC 1624).
func replace4(frame []byte, at int, addr [4]byte) {
	var old [4]byte
	copy(old[:], frame[at:])
	copy(frame[at:], addr[:])
	adjust(frame[24:], old, addr)
	rest := frame[14+int(frame[14]&15)*4:]
	switch {
	case frame[23] == 6 && len(rest) >= 18:
		adjust(rest[16:], old, addr)
	case frame[23] == 17 && len(rest) >= 8 && (rest[6]|rest[7]) != 0:
		adjust(rest[6:], old, addr)
		if rest[6]|rest[7] == 0 {
			rest[6], rest[7] = 0xff, 0xff // RFC 768: 0 means none
		}
	}
}

// adjust is equation 3 of RFC 1624: HC' = ~(~HC + ~m + m').
func adjust(sum []byte, old, now [4]byte) {
	v := uint32(^binary.BigEndian.Uint16(sum))
	for i := 0; i < 4; i += 2 {
		v += uint32(^binary.BigEndian.Uint16(old[i:])) + uint32(binary.BigEndian.Uint16(now[i:]))
	}
	for v>>16 != 0 {
		v = v&0xffff + v>>16
	}
	binary.BigEndian.PutUint16(sum, ^uint16(v))
}
