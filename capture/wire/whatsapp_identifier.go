package wire

// WhatsAppExposesIdentifier tells whether the first bytes of a WhatsApp client's
// stream hold the account's identifier in clear, as the protocol of 2015 did:
// its authentication node, which no key protects yet, names the account by its
// telephone number, in ASCII digits or packed two to a byte (measured in a
// capture of 2015; the token format is FunXMPP's). b begins at the prologue. The
// answer is all that is given: the identifier itself never leaves this function.
func WhatsAppExposesIdentifier(b []byte) bool {
	p, _, ok := ParseWhatsAppPrologue(b)
	if !ok || !p.Legacy {
		return false
	}
	for b = b[p.Consumed:]; ; {
		n, flags, ok := ParseWhatsAppFrame(b, true)
		if !ok || flags&whatsAppEncrypted != 0 {
			return false
		}
		b = b[WhatsAppFrameHeader:]
		if nodeHoldsNumber(b[:min(n, len(b))]) {
			return true
		}
		b = b[min(n, len(b)):]
	}
}

// whatsAppEncrypted is the flag of a frame whose body is encrypted.
const whatsAppEncrypted = 8

// Tokens of FunXMPP that are followed by a length; all others but the
// dictionary's second pages stand for one word each.
const (
	funList8   = 0xF8
	funList16  = 0xF9
	funBinary8 = 0xFC
	funBinary  = 0xFD // three bytes of length
	funNibbles = 0xFF // bytes to follow, the upper bit for an odd number of digits
)

// A telephone number has at most 15 digits (ITU-T E.164); with the country code
// at least 8 are in use.
const (
	leastDigits = 8
	mostDigits  = 15
)

// nodeHoldsNumber walks the tokens of a node.
func nodeHoldsNumber(b []byte) bool {
	for len(b) > 1 {
		size := 0
		switch b[0] {
		case funList8:
			b = b[2:]
			continue
		case funList16:
			b = b[min(3, len(b)):]
			continue
		case funBinary8:
			size, b = int(b[1]), b[2:]
			if size <= len(b) && allDigits(b[:size]) {
				return true
			}
		case funBinary:
			if len(b) < 4 {
				return false
			}
			size, b = uint24(b[1:]), b[4:]
		case funNibbles:
			odd := b[1]&0x80 != 0
			size, b = int(b[1]&0x7F), b[2:]
			if size <= len(b) && allNibbles(b[:size], odd) {
				return true
			}
		default:
			size = 1
		}
		b = b[min(size, len(b)):]
	}
	return false
}

func allDigits(b []byte) bool {
	if len(b) < leastDigits || len(b) > mostDigits {
		return false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// allNibbles is allDigits for two digits to a byte; where their number is odd,
// the last half is filled with 15.
func allNibbles(b []byte, odd bool) bool {
	digits := 2 * len(b)
	if odd {
		digits--
	}
	if digits < leastDigits || digits > mostDigits {
		return false
	}
	for i, c := range b {
		high, low := c>>4, c&15
		if high > 9 || low > 9 && !(odd && i == len(b)-1 && low == 15) {
			return false
		}
	}
	return true
}
