package wire

import "encoding/binary"

// DTLS record layouts (RFC 6347 section 4.1, RFC 9147 section 4).
const (
	DTLSRecordHeaderLen = 13
	dtlsCID             = 25 // tls12_cid, RFC 9146
	dtlsACK             = 26 // RFC 9147
	dtlsHandshakeLen    = 12 // handshake header with message number and fragment
)

// DTLSRecord is the header of one DTLS record.
type DTLSRecord struct {
	Type    uint8  // content type; 0 for a record with the unified header, which hides it
	Version uint16 // 0xFEFF (1.0), 0xFEFD (1.2, and 1.3 before encryption), 0x0100 (OpenSSL before 0.9.8f); 0xFEFC for the unified header
	Epoch   uint16 // of the unified header only the low two bits
	Seq     uint64 // sequence number; encrypted in the unified header and then 0
	Header  int    // bytes before the body
	Length  int    // bytes of the body; up to the end of the datagram where the header does not tell
	Unified bool   // DTLS 1.3 ciphertext
}

// ParseDTLSRecord reads the record header at the start of b into r. It is false
// where b cannot be a DTLS record. A body that is not all there is none of its
// concern. The unified header of DTLS 1.3 shows three bits only; among
// datagrams of an unknown flow it proves nothing. If it has a connection ID,
// whose length is not shown, the length is that of the rest.
func ParseDTLSRecord(b []byte, r *DTLSRecord) bool {
	if len(b) > 0 && b[0]>>5 == 1 {
		return parseUnified(b, r)
	}
	if len(b) < DTLSRecordHeaderLen || b[0] < TLSChangeCipherSpec || b[0] > dtlsACK {
		return false
	}
	version := binary.BigEndian.Uint16(b[1:3])
	if version != 0xfeff && version != 0xfefd && version != 0xfefc && version != 0x0100 {
		return false
	}
	*r = DTLSRecord{
		Type:    b[0],
		Version: version,
		Epoch:   binary.BigEndian.Uint16(b[3:5]),
		Seq:     binary.BigEndian.Uint64(b[3:11]) & (1<<48 - 1),
		Header:  DTLSRecordHeaderLen,
		Length:  int(binary.BigEndian.Uint16(b[11:13])),
	}
	if b[0] == dtlsCID { // the connection ID is in the way of the length
		r.Header = 11
		r.Length = len(b) - r.Header
		return true
	}
	return r.Length > 0 && r.Length <= maxTLSBody
}

// parseUnified reads 0 0 1 C S L E E (RFC 9147 section 4).
func parseUnified(b []byte, r *DTLSRecord) bool {
	const cid, seq16, length = 0x10, 0x08, 0x04
	*r = DTLSRecord{Version: 0xfefc, Epoch: uint16(b[0] & 3), Unified: true, Header: 2}
	if b[0]&seq16 != 0 {
		r.Header++
	}
	if b[0]&length != 0 && b[0]&cid == 0 {
		if len(b) < r.Header+2 {
			return false
		}
		r.Length = int(binary.BigEndian.Uint16(b[r.Header:]))
		r.Header += 2
	} else {
		r.Length = len(b) - r.Header
	}
	// A record has at least a tag of 16 bytes (8 with CCM_8).
	return r.Length >= 8 && r.Length <= maxTLSBody
}

// IsDTLS tells whether a datagram begins with a DTLS record that shows its
// version. Records with the unified header of DTLS 1.3 come only after such ones.
func IsDTLS(b []byte) bool {
	var r DTLSRecord
	return ParseDTLSRecord(b, &r) && !r.Unified
}
