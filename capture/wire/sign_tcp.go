package wire

import (
	"bytes"
	"encoding/binary"
)

// signWhatsApp recognises the prologue of the chat connection, whole or, where
// it is split over segments, by its first part; see ParseWhatsAppPrologue.
func signWhatsApp(p *Probe) string {
	if !p.Up || p.Nth > 1 {
		return ""
	}
	h, more, ok := ParseWhatsAppPrologue(p.Payload)
	switch edge := bytes.HasPrefix(p.Payload, []byte("ED\x00\x01")); {
	case ok && h.Legacy && whatsAppFrameFits(p, h):
		return "whatsapp-xmpp"
	case ok && (edge || whatsAppFrameFits(p, h)), more && edge:
		return "whatsapp-noise"
	}
	return ""
}

// whatsAppFrameFits asks for more than two letters: the first frame has to be
// that of a login. Where nothing follows, the port has to be WhatsApp's.
func whatsAppFrameFits(p *Probe, h WhatsAppPrologue) bool {
	rest := p.Payload[h.Consumed:]
	n, _, ok := ParseWhatsAppFrame(rest, h.Legacy)
	if !ok {
		return p.port(443, 5222, 80, 4244, 5223, 5228, 5242)
	}
	if h.Legacy {
		return n > 0 && n < 4096
	}
	body := rest[WhatsAppFrameHeader:]
	return n > 32 && n < 1<<16 && (len(body) < 4 || ParseNoiseHello(body) != NoiseNone)
}

// signXMPP recognises a stream header in clear (RFC 6120 section 4), or on the
// ports of XMPP a stanza in a stream whose beginning is missing. Where the
// namespace is missing, port 5269 is that of servers among each other.
func signXMPP(p *Probe) string {
	role, _, _ := ParseXMPP(p.Payload)
	if role == XMPPNone && p.port(5222, 5269) && IsXMPPStanza(p.Payload) {
		role = XMPPStream
	}
	switch {
	case role == XMPPNone:
		return ""
	case role == XMPPServer || role == XMPPStream && p.port(5269):
		return "xmpp-server"
	}
	return "xmpp-client"
}

// signMTProto recognises the transports of Telegram that name themselves.
func signMTProto(p *Probe) string {
	if !p.Up || p.Nth != 0 {
		return ""
	}
	switch ParseMTProto(p.Payload, p.WireLen) {
	case MTProtoAbridged:
		return "telegram-mtproto-abridged"
	case MTProtoIntermediate:
		return "telegram-mtproto-intermediate"
	case MTProtoPadded:
		return "telegram-mtproto-padded"
	case MTProtoFull:
		return "telegram-mtproto-full"
	}
	return ""
}

// signMTProtoObfuscated guesses Telegram's obfuscated transport on the ports
// that its servers have (443, 80, 5222: Telegram's documentation and measured).
// Anything else that looks random from the first byte passes now and then.
func signMTProtoObfuscated(p *Probe) string {
	if p.opens() && p.port(443, 80, 5222) && ParseMTProto(p.Payload, p.WireLen) == MTProtoObfuscated {
		return "telegram-mtproto-obfuscated"
	}
	return ""
}

// signThreema recognises the hellos of Threema's chat protocol by their sizes,
// 48 and 80 random bytes, on its ports (measured; Threema's cryptography paper).
func signThreema(p *Probe) string {
	size := ThreemaServerHello
	if p.Up {
		size = ThreemaClientHello
	}
	if p.Nth == 0 && !p.Midstream && p.WireLen == size && p.port(5222, 443) && !looksTLS(p.Payload) && looksRandom(p.Payload) {
		return "threema-hello"
	}
	return ""
}

// looksTLS tells a record header of TLS, version 3.x.
func looksTLS(b []byte) bool {
	return len(b) >= 3 && b[0] >= 20 && b[0] <= 24 && b[1] == 3 && b[2] <= 4
}

// signMMTLS recognises WeChat's own kind of TLS 1.3: record types as in TLS but
// version F1 03 or F1 04, also behind an HTTP upgrade (Citizen Lab's report on
// MMTLS, 2024).
func signMMTLS(p *Probe) string {
	b := p.Payload
	if p.Nth > 1 {
		return ""
	}
	if len(b) >= 5 && b[0] >= 0x15 && b[0] <= 0x19 && b[1] == 0xF1 && (b[2] == 3 || b[2] == 4) {
		if n := int(binary.BigEndian.Uint16(b[3:])); n > 0 && n <= 1<<14+256 {
			return "wechat-mmtls"
		}
	}
	if bytes.HasPrefix(b, []byte("POST /mmtls/")) {
		return "wechat-mmtls"
	}
	return ""
}

// signWeChatLong recognises the header of WeChat's long connection before
// mmtls: length of the packet, 16 bytes of header, version 1, operation,
// sequence number, all big endian (the "mars" library that WeChat published).
func signWeChatLong(p *Probe) string {
	b := p.Payload
	if len(b) < 16 || p.Nth > 1 || binary.BigEndian.Uint16(b[4:]) != 16 || binary.BigEndian.Uint16(b[6:]) != 1 {
		return ""
	}
	n, op := int64(binary.BigEndian.Uint32(b)), binary.BigEndian.Uint32(b[8:])
	if n < 16 || n > 1<<20 || op == 0 || op >= 1<<31 || int64(p.WireLen) > n && p.Nth == 0 && len(b) < 32 {
		return ""
	}
	if op < 1<<16 || op > 1000000000 {
		return "wechat-longlink"
	}
	return ""
}

// signLoco recognises KakaoTalk's LOCO protocol: the key exchange, which is
// the size of an RSA key in bytes, the two kinds of encryption and as many
// bytes; or a packet in clear, whose method is padded text and whose body is
// BSON, so that its length stands there twice (open-source clients).
func signLoco(p *Probe) string {
	b := p.Payload
	if len(b) < 26 {
		return ""
	}
	size, key, cipher := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
	exchange := (size == 128 || size == 256) && key >= 1 && key <= 16 && cipher >= 1 && cipher <= 3
	if p.Up && p.Nth == 0 && exchange && p.WireLen >= 12+int(size) {
		return "kakaotalk-loco"
	}
	body := binary.LittleEndian.Uint32(b[18:])
	if p.Nth == 0 && isLocoMethod(b[6:17]) && b[17] == 0 && body >= 5 && body == binary.LittleEndian.Uint32(b[22:]) {
		return "kakaotalk-loco"
	}
	return ""
}

// isLocoMethod tells capital letters and digits, padded with zeros.
func isLocoMethod(b []byte) bool {
	name := bytes.TrimRight(b, "\x00")
	for _, c := range name {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(name) >= 3
}

// signViberTCP recognises Viber's frames: two bytes of length, little endian,
// that count themselves, and fixed bytes further on (nDPI's description), on
// its ports (Viber's documentation for firewalls).
func signViberTCP(p *Probe) string {
	b := p.Payload
	if len(b) < 11 || p.Nth > 1 || int(binary.LittleEndian.Uint16(b)) != p.WireLen {
		return ""
	}
	first := b[6] == 0xFC && b[7] == 0xFF && b[9] == 0x80
	second := b[4] == 0x03 && b[5] == 0x80 && b[10] == 0x0A
	if first || second {
		return "viber"
	}
	return ""
}

// signMQTT recognises CONNECT of MQTT 3.1, 3.1.1 and 5 (OASIS MQTT 5.0 section
// 3.1): packet type 1, remaining length, name of the protocol.
func signMQTT(p *Probe) string {
	b := p.Payload
	if !p.Up || p.Nth != 0 || len(b) < 10 || b[0] != 0x10 {
		return ""
	}
	rest, ok := skipVarint(b[1:])
	if ok && (bytes.HasPrefix(rest, []byte("\x00\x04MQTT")) || bytes.HasPrefix(rest, []byte("\x00\x06MQIsdp"))) {
		return "mqtt"
	}
	return ""
}
