package wire

// Probe is what is known of a flow when a payload packet arrives.
type Probe struct {
	Proto      uint8 // IP protocol number
	Up         bool  // from client to server
	Midstream  bool  // the flow began before the capture did, as far as is known
	ClientPort uint16
	ServerPort uint16
	Nth        int // payload packet number in this direction, from 0
	Payload    []byte
	WireLen    int // original length of the payload, more than len(Payload) where it was cut
}

// Sign names the wire signature that the payload shows, "" for none. A sign is
// a property of a protocol, told by clear bytes; addresses play no part. Show
// it the first packets of each direction: several signs look at these only.
//
// Signs by bytes that nothing else has:
//
//	whatsapp-noise whatsapp-xmpp whatsapp-stun wechat-mmtls wechat-longlink
//	telegram-mtproto-abridged telegram-mtproto-intermediate
//	telegram-mtproto-padded telegram-mtproto-full telegram-reflector
//	telegram-stun signal-turn teams-stun kakaotalk-loco viber line qq-oicq imo
//	discord-ip-discovery discord-voice-keepalive zoom-sfu zoom-media
//	xmpp-client xmpp-server
//
// Signs that need a port as well, or a second mark such as an address:
//
//	telegram-mtproto-obfuscated threema-hello whatsapp-stun-p2p
//	google-meet-stun zoom-stun snapchat-call
//
// Signs of techniques that many use, no messenger by themselves:
//
//	google-stun mqtt
func Sign(p *Probe) string {
	known := *p
	known.WireLen = max(p.WireLen, len(p.Payload))
	switch p.Proto {
	case 6:
		return signTCP(&known)
	case 17:
		return signUDP(&known)
	}
	return ""
}

// signTCP asks the signatures with the strongest bytes first. The calls are
// written out because function values would put the Probe on the heap.
func signTCP(p *Probe) string {
	if name := signWhatsApp(p); name != "" {
		return name
	}
	if name := signXMPP(p); name != "" {
		return name
	}
	if name := signMTProto(p); name != "" {
		return name
	}
	if name := signMMTLS(p); name != "" {
		return name
	}
	if name := signWeChatLong(p); name != "" {
		return name
	}
	if name := signLoco(p); name != "" {
		return name
	}
	if name := signViberTCP(p); name != "" {
		return name
	}
	if name := signMQTT(p); name != "" {
		return name
	}
	if name := signSTUNOverTCP(p); name != "" {
		return name
	}
	if name := signThreema(p); name != "" {
		return name
	}
	return signMTProtoObfuscated(p)
}

func signUDP(p *Probe) string {
	if name := signSTUN(p); name != "" {
		return name
	}
	if name := signReflector(p); name != "" {
		return name
	}
	if name := signDiscord(p); name != "" {
		return name
	}
	if name := signOICQ(p); name != "" {
		return name
	}
	if name := signZoom(p); name != "" {
		return name
	}
	if name := signLine(p); name != "" {
		return name
	}
	if name := signViberUDP(p); name != "" {
		return name
	}
	if name := signIMO(p); name != "" {
		return name
	}
	return signSnapchat(p)
}

// port tells whether either end of the flow has one of these ports.
func (p *Probe) port(ports ...uint16) bool {
	for _, n := range ports {
		if p.ServerPort == n || p.ClientPort == n {
			return true
		}
	}
	return false
}

// opens tells whether this is the first payload of the connection's client.
func (p *Probe) opens() bool { return p.Up && p.Nth == 0 && !p.Midstream }
