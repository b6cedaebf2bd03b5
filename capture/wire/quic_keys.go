package wire

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// Initial salts, in hexadecimal digits of the documents.
const (
	saltDraft22 = "\x7f\xbc\xdb\x0e\x7c\x66\xbb\xe9\x19\x3a\x96\xcd\x21\x51\x9e\xbd\x7a\x02\x64\x4a" // draft-ietf-quic-tls-22
	saltDraft23 = "\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02" // -23 to -28
	saltDraft29 = "\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99" // -29 to -32
	saltV1      = "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a" // RFC 9001 section 5.2
	saltV2      = "\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9" // RFC 9369 section 3.3.1
	saltQ050    = "\x50\x45\x74\xef\xd0\x66\xfe\x2f\x9d\x94\x5c\xfc\xdb\xd3\xa7\xf0\xd3\xb5\x6b\x45" // Chromium, Q050
	saltT050    = "\x7f\xf5\x79\xe5\xac\xd0\x72\x91\x55\x80\x30\x4c\x43\xa2\x36\x7c\x60\x48\x83\x10" // Chromium, T050
	saltT051    = "\x7a\x4e\xde\xf4\xe7\xcc\xee\x5f\xa4\x50\x6c\x19\x12\x4f\xc8\xcc\xda\x6e\x03\x3d" // Chromium, T051
)

// mvfst's aliases of version 1 and its first number (mvfst QuicConstants.h).
const (
	quicMVFST22     = 0xfaceb001
	quicMVFSTAlias1 = 0xfaceb003
	quicMVFSTAlias2 = 0xfaceb004
)

// quicSalts gives the Initial salts that a packet of a known version may have
// been protected with: one as a rule. What mvfst's experimental numbers and the
// versions reserved to force negotiation (RFC 9000 section 15) stand for is
// told by the authentication tag alone.
func quicSalts(version uint32) []string {
	switch version {
	case QUICVersion1, quicMVFSTAlias1, quicMVFSTAlias2:
		return []string{saltV1}
	case QUICVersion2, quicVersion2Old:
		return []string{saltV2}
	case quicMVFST22:
		return []string{saltDraft22}
	case quicQ050:
		return []string{saltQ050}
	case quicT050:
		return []string{saltT050}
	case quicT051:
		return []string{saltT051}
	}
	switch draft := version - 0xff000000; {
	case draft == 22:
		return []string{saltDraft22}
	case draft >= 23 && draft <= 28:
		return []string{saltDraft23}
	case draft >= 29 && draft <= 32:
		return []string{saltDraft29}
	case draft == 33 || draft == 34:
		return []string{saltV1}
	}
	return []string{saltDraft23, saltV1, saltDraft29}
}

// quicReserved tells the versions that clients offer to force negotiation.
func quicReserved(version uint32) bool { return version&0x0f0f0f0f == 0x0a0a0a0a }

// quicKeys protects the Initial packets of one direction.
type quicKeys struct {
	block cipher.Block // of packets, for what a snap length cut
	aead  cipher.AEAD  // of packets
	iv    [12]byte
	mask  cipher.Block // of headers
}

// initialKeys derives the keys of the client's Initial packets ("client in"), or
// the server's, from the first destination connection ID (RFC 9001 section 5.2,
// RFC 9369 section 3.3).
func initialKeys(version uint32, salt string, dcid []byte, label string) (*quicKeys, error) {
	initial := hmacSHA256([]byte(salt), dcid) // HKDF-Extract of RFC 5869
	secret := expandLabel(initial[:], label, sha256.Size)
	prefix := "quic "
	if version == QUICVersion2 || version == quicVersion2Old {
		prefix = "quicv2 "
	}
	return packetKeys(secret[:], prefix)
}

// packetKeys derives key, IV and header key from a secret (RFC 9001 section 5.1).
func packetKeys(secret []byte, prefix string) (*quicKeys, error) {
	key := expandLabel(secret, prefix+"key", 16)
	iv := expandLabel(secret, prefix+"iv", 12)
	hp := expandLabel(secret, prefix+"hp", 16)
	k := &quicKeys{iv: [12]byte(iv[:12])}
	var err error
	if k.block, err = aes.NewCipher(key[:16]); err != nil {
		return nil, err
	}
	if k.aead, err = cipher.NewGCM(k.block); err != nil {
		return nil, err
	}
	k.mask, err = aes.NewCipher(hp[:16])
	return k, err
}

// expandLabel is HKDF-Expand-Label of RFC 8446 section 7.1 without a context;
// the first size bytes count, at most 32: one block of RFC 5869 section 2.3.
func expandLabel(secret []byte, label string, size int) [sha256.Size]byte {
	info := make([]byte, 0, sha256.BlockSize)
	info = append(info, 0, byte(size), byte(6+len(label)))
	info = append(info, "tls13 "...)
	info = append(info, label...)
	return hmacSHA256(secret, append(info, 0, 1))
}

// hmacSHA256 is RFC 2104 with a key of at most one block. crypto/hmac and
// crypto/hkdf make some thirty objects for the keys of a connection.
func hmacSHA256(key, message []byte) [sha256.Size]byte {
	buf := make([]byte, sha256.BlockSize, 2*sha256.BlockSize)
	copy(buf, key)
	for i := range buf {
		buf[i] ^= 0x36
	}
	inner := sha256.Sum256(append(buf, message...))
	for i := range buf {
		buf[i] ^= 0x36 ^ 0x5c
	}
	return sha256.Sum256(append(buf, inner[:]...))
}

// errQUICTag tells that a packet is not protected by the keys: it is not an
// Initial of this client, or damaged.
var errQUICTag = errors.New("quic: packet does not authenticate")

// open removes the protection from one Initial packet and gives its frames.
// The packet is changed in place. at is where its packet number begins, expected
// the number that would follow earlier packets, number this one's.
//
// A packet that a snap length cut cannot be authenticated. Its frames are
// deciphered all the same, and the caller must check that they make sense.
func (k *quicKeys) open(packet []byte, at int, cut bool, expected uint64) (frames []byte, number uint64, err error) {
	if len(packet) < at+quicMinSampleLen {
		return nil, 0, errQUICTag
	}
	var mask [aes.BlockSize]byte
	k.mask.Encrypt(mask[:], packet[at+4:at+quicMinSampleLen])
	packet[0] ^= mask[0] & 0x0f
	n := int(packet[0]&3) + 1
	var short uint64
	for i := range n {
		packet[at+i] ^= mask[1+i]
		short = short<<8 | uint64(packet[at+i])
	}
	number = packetNumber(expected, short, n)
	nonce := k.iv
	tail := binary.BigEndian.Uint64(nonce[4:]) ^ number
	binary.BigEndian.PutUint64(nonce[4:], tail)
	header, body := packet[:at+n], packet[at+n:]
	if cut {
		return k.decipher(nonce, body), number, nil
	}
	frames, err = k.aead.Open(body[:0], nonce[:], body, header)
	if err != nil {
		return nil, 0, errQUICTag
	}
	return frames, number, nil
}

// decipher is the counter mode inside AES-GCM, whose first block has the
// counter 2 (NIST SP 800-38D section 7.2), without the tag.
func (k *quicKeys) decipher(nonce [12]byte, body []byte) []byte {
	var counter [aes.BlockSize]byte
	copy(counter[:], nonce[:])
	counter[aes.BlockSize-1] = 2
	cipher.NewCTR(k.block, counter[:]).XORKeyStream(body, body)
	return body
}

// packetNumber restores a packet number of which n bytes were sent, next to the
// one expected (RFC 9000 appendix A.3).
func packetNumber(expected, short uint64, n int) uint64 {
	window := uint64(1) << (8 * n)
	candidate := expected&^(window-1) | short
	switch {
	case candidate+window/2 <= expected && candidate < 1<<62-window:
		return candidate + window
	case candidate > expected+window/2 && candidate >= window:
		return candidate - window
	}
	return candidate
}
