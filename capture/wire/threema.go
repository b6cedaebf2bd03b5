package wire

import "encoding/binary"

// Sizes of the four login messages of Threema's chat protocol in bytes
// (Threema cryptography whitepaper, chat protocol; measured): client hello, server
// hello, login, login acknowledgement. They come alone, in turn, without a
// length in front; frames with a length follow.
const (
	ThreemaClientHello = 48 // ephemeral public key 32, nonce prefix 16
	ThreemaServerHello = 80 // nonce prefix 16, box of 64
	ThreemaLogin       = 191
	ThreemaLoginAck    = 32
)

// ThreemaFrameHeader is the size of a frame header in bytes.
const ThreemaFrameHeader = 2

// ParseThreemaFrame reads the header of a frame after the login: two bytes of
// length, little endian.
func ParseThreemaFrame(b []byte) (length int, ok bool) {
	if len(b) < ThreemaFrameHeader {
		return 0, false
	}
	return int(binary.LittleEndian.Uint16(b)), true
}
