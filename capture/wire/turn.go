package wire

import "encoding/binary"

// ParseChannelData reads a TURN ChannelData message (RFC 8656 section 12.4):
// channel number 0x4000 to 0x4FFF, length, data. wireLen is the original
// length of what b was captured from; data is what of the relayed datagram
// was captured, dataLen its original length.
//
// Over UDP the message must fill the datagram but for up to three bytes of
// padding, as over TCP.
func ParseChannelData(b []byte, wireLen int) (channel uint16, data []byte, dataLen int, ok bool) {
	if len(b) < 4 || b[0]&0xF0 != 0x40 {
		return 0, nil, 0, false
	}
	dataLen = int(binary.BigEndian.Uint16(b[2:]))
	if rest := max(wireLen, len(b)) - 4 - dataLen; rest < 0 || rest > 3 {
		return 0, nil, 0, false
	}
	return binary.BigEndian.Uint16(b), b[4:min(len(b), 4+dataLen)], dataLen, true
}
