package wire

import (
	"bytes"
	"encoding/binary"

	"envelope/capture"
)

// signSTUN names the messenger whose own marks a STUN or TURN message bears.
func signSTUN(p *Probe) string {
	if !IsSTUN(p.Payload) {
		return ""
	}
	var m STUN
	if !ParseSTUN(p.Payload, p.WireLen, &m) {
		return ""
	}
	if name := m.vendor(); name != "" {
		return name
	}
	return m.byPort(p)
}

// signSTUNOverTCP looks at the start of a segment and behind the two bytes of
// length of RFC 4571, with which ICE over TCP (RFC 6544) and Teams frame it.
func signSTUNOverTCP(p *Probe) string {
	b := p.Payload
	if len(b) > 2 && int(binary.BigEndian.Uint16(b)) <= p.WireLen-2 && IsSTUN(b[2:]) {
		inner := *p
		inner.Payload, inner.WireLen = b[2:], p.WireLen-2
		return signSTUN(&inner)
	}
	return signSTUN(p)
}

// vendor tells by types and attributes.
//
// WhatsApp: types 0x0800 to 0x0805 and attributes 0x4000 to 0x4007 (nDPI's
// description; measured 2015 to 2023). Teams and Skype: attributes of
// [MS-ICE2BWN] and [MS-TURN]. Realms: as the TURN servers of Signal and
// Telegram send them (measured).
func (m *STUN) vendor() string {
	switch {
	case m.Type >= STUNWhatsAppEnd && m.Type <= STUNWhatsAppProbed, m.Attrs&capture.AttrWhatsApp != 0:
		return "whatsapp-stun"
	case m.Attrs&capture.AttrMicrosoft != 0:
		return "teams-stun"
	case bytes.Contains(m.Realm, []byte("signal.org")), bytes.Contains(m.Realm, []byte("whispersystems.org")):
		return "signal-turn"
	case bytes.Contains(m.Realm, []byte("telegram.org")):
		return "telegram-stun"
	case m.Attrs == capture.AttrIntegrity && m.Length == 24 && (m.Type == STUNBindingRequest || m.Type == STUNBindingSuccess):
		// A check between two phones: ICE asks for a USERNAME (RFC 8445
		// section 7.2.2), WhatsApp sends MESSAGE-INTEGRITY alone (measured).
		return "whatsapp-stun-p2p"
	}
	return ""
}

// byPort tells by the server's port where the message has no mark of its own.
//
// Telegram's TURN servers listen on port 1400 (measured). Zoom's media servers
// listen on 8801 to 8810 and answer STUN there, Google Meet's on 19303 to 19309
// (both as their documentation for firewalls says); 19302 is Google's public
// STUN server, which everybody uses, except where the message has a user name.
func (m *STUN) byPort(p *Probe) string {
	port := p.ServerPort
	switch {
	case port == 1400:
		return "telegram-stun"
	case port >= 8801 && port <= 8810:
		return "zoom-stun"
	case port == 19302 && len(m.Username) == 0:
		return "google-stun"
	case port >= 19302 && port <= 19309:
		return "google-meet-stun"
	}
	return ""
}
