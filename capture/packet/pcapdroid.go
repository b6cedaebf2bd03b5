package packet

// PCAPdroid, a recorder for Android, names the app behind each packet in one
// of two ways (its source, jni/core/pcap_dump.c, read in 2026):
//   - pcap with "dump extensions": a made-up Ethernet header with zero
//     addresses, the IP packet, padding to a multiple of four bytes, and a
//     trailer of 32 bytes in network byte order: magic, user id, app name
//     (20 bytes, padded with zeros), frame check sequence;
//   - pcapng: a custom block of its own for each user id with the names of the
//     package and the app, and a comment "u-<uid>" on each packet.
const (
	droidTrailer = 32
	droidMagic   = 0x01072021
	droidNameLen = 20
	droidPEN     = 62652
)

// maxApps bounds the apps that are remembered; Android has room for far fewer.
const maxApps = 4096

// droid knows the apps of a PCAPdroid capture.
type droid struct {
	byName map[[droidNameLen]byte]string
	byUID  map[int64]string
}

// strip removes the trailer from p where there is one and takes the app's name
// from it. The magic alone is not enough: it must stand right behind the IP
// packet and its padding, and the trailer must end the packet.
func (d *droid) strip(p *Raw) {
	end := ipEnd(p)
	if end == 0 {
		return
	}
	at := (end + 3) &^ 3
	if len(p.Data) != at+droidTrailer || byteOrder(true).u32(p.Data[at:]) != droidMagic {
		return
	}
	p.App = d.nameOf([droidNameLen]byte(p.Data[at+8:]))
	p.Len -= len(p.Data) - end
	p.Data = p.Data[:end]
}

// ipEnd is the offset in p at which the IP packet that fills it ends by its
// own length field, 0 where p is not of the kind that PCAPdroid writes.
func ipEnd(p *Raw) int {
	off := 0
	switch {
	case len(p.Data) < 14+20+droidTrailer:
		return 0
	case p.Link == linkEthernet:
		off = 14
	case p.Link != linkRaw:
		return 0
	}
	b := p.Data[off:]
	switch b[0] >> 4 {
	case 4:
		return off + int(byteOrder(true).u16(b[2:]))
	case 6:
		return off + 40 + int(byteOrder(true).u16(b[4:]))
	}
	return 0
}

// Link types that PCAPdroid writes (tcpdump.org registry).
const (
	linkEthernet = 1
	linkRaw      = 101
)

// nameOf makes the text of a name field, once per name.
func (d *droid) nameOf(field [droidNameLen]byte) string {
	if name, ok := d.byName[field]; ok {
		return name
	}
	if len(d.byName) >= maxApps {
		return ""
	}
	if d.byName == nil {
		d.byName = map[[droidNameLen]byte]string{}
	}
	name := text(field[:])
	d.byName[field] = name
	return name
}

// uidMaps are the layouts of the body of a UID block behind version and type
// that are tried: the offset of the user id, and that of the names. The lengths
// of the two names are one byte each, right behind the user id.
var uidMaps = [...]struct{ uid, names int }{{2, 8}, {4, 10}, {4, 12}}

// addUID takes a custom block, from its enterprise number on. Of the layouts
// the one is taken whose lengths fill the block exactly.
func (d *droid) addUID(order byteOrder, b []byte) {
	if len(b) < 4 || order.u32(b) != droidPEN || len(d.byUID) >= maxApps {
		return
	}
	b = b[4:]
	for _, at := range uidMaps {
		if len(b) < at.names {
			return
		}
		pkg, app := int(b[at.uid+4]), int(b[at.uid+5])
		if pkg == 0 || (at.names+pkg+app+3)&^3 != len(b) {
			continue
		}
		name := text(b[at.names+pkg : at.names+pkg+app])
		if name == "" {
			name = text(b[at.names : at.names+pkg])
		}
		if d.byUID == nil {
			d.byUID = map[int64]string{}
		}
		d.byUID[int64(int32(order.u32(b[at.uid:])))] = name
		return
	}
}

// ofComment gives the app for a packet comment "u-<uid>".
func (d *droid) ofComment(b []byte) string {
	if len(b) < 3 || b[0] != 'u' || b[1] != '-' {
		return ""
	}
	uid, neg := int64(0), b[2] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) < 3 || len(b) > 12 {
		return ""
	}
	for _, c := range b[2:] {
		if c < '0' || c > '9' {
			return ""
		}
		uid = uid*10 + int64(c-'0')
	}
	if neg {
		uid = -uid
	}
	return d.byUID[uid]
}
