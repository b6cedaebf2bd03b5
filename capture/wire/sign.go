package wire

// Probe is what is known of a flow when a payload packet arrives.
type Probe struct {
	Proto      uint8 // IP protocol number
	Up         bool  // from client to server
	ClientPort uint16
	ServerPort uint16
	Nth        int // payload packet number in this direction, from 0
	Payload    []byte
	WireLen    int // original length of the payload, more than len(Payload) where it was cut
}

// Sign names the wire signature that the payload shows, "" for none. A sign is
// a property of a protocol, told by bytes in clear; it says nothing of
// addresses. Signs that end in "-obfuscated" are weak: they need a second mark.
func Sign(p *Probe) string {
	switch p.Proto {
	case 6:
		return signTCP(p)
	case 17:
		return signUDP(p)
	}
	return ""
}

func signTCP(p *Probe) string { return "" }

func signUDP(p *Probe) string { return "" }
