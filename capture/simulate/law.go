package simulate

import "time"

// law is how one messenger puts what people do into frames: all lengths are
// those of frames as a length field says them, without its header. Each is the
// same for all people, up to what is said here; a matcher has to learn them.
type law struct {
	protocol    string // what carries the frames: "noise", "tls", "starttls" or "http"
	host        string
	addr        string
	port        uint16
	text        padding  // from characters to bytes on the way up
	fromGroup   int      // added to a text to a group
	perMember   int      // and for each device that it is sealed for
	media       int      // the message that points at an attachment, on the way up
	down        int      // a message is so much longer on the way down
	growth      [2]int   // bytes down for bytes up, of what text.base is exceeded by; zero for one to one
	groupDown   int      // added for a message of a group
	pairSpan    int      // of pairs: the names of sender and receiver shift down by 0 to pairSpan
	copySpan    int      // of copies: each delivery is longer by 0 to copySpan more,
	copyStep    int      // in steps of copyStep
	ack         int      // the server's answer to a message; 0 for none
	taken       int      // the device's answer to a push; 0 for none
	delivered   exchange // receipts
	read        exchange //
	receiptSpan int      // their lengths vary by 0 to receiptSpan
	quiet       exchange // receipts that end at the server: of what one's further devices get, and of copies
	// deliveredTaken and readTaken are more to what a device answers to a push
	// that is a receipt.
	deliveredTaken, readTaken int
	typing                    exchange //
	presence                  exchange // "I am here", to all contacts that are connected; 0 for none
	ping                      exchange // keepalive
	pingEvery                 [2]int   // milliseconds
	served                    bool     // the server pings: the answer to a request that hung
	login                     []int    // above 0 up, below 0 down
	groupReceipt              bool     // members of groups confirm as well
}

// exchange is one word by its length up and down, and the server's answer to
// its sender (0 for none).
type exchange struct{ up, down, ack int }

// padding is the law from the length of a text to that of its frame.
type padding struct {
	base   int
	num    int // bytes on the wire for den bytes of text: base64 is 4 for 3
	den    int
	block  int // texts are filled to multiples of this many bytes; 0 for none
	random int // 1 to random bytes are added before
}

// length returns the length of a frame with a text of so many bytes.
func (p padding) length(d *dice, text int) int {
	if p.random > 0 {
		text += 1 + int(d.below(int64(p.random)))
	}
	if p.block > 0 {
		text = (text + p.block - 1) / p.block * p.block
	}
	return p.base + text*p.num/p.den
}

// lawOf returns the law of a kind of messenger. Lengths of "whatsapp" are those
// of whatsapp.go, of "signal" those of signal.go. Those of "xmpp" were measured
// in the recordings of OMEMO clients at a Prosody server, those of "matrix" in
// those of Olm clients at a Dendrite behind nginx (both November 2026).
func lawOf(kind string, build uint64) (law, bool) {
	var l law
	switch kind {
	case "whatsapp":
		l = whatsAppLaw()
	case "signal":
		l = signalLaw()
	case "xmpp":
		l = xmppLaw()
	case "matrix":
		l = matrixLaw()
	default:
		return law{}, false
	}
	return l.shifted(build), true
}

func whatsAppLaw() law {
	return law{protocol: "noise", host: "g.whatsapp.net", addr: "157.240.27.54", port: 5222,
		text: padding{base: waText - 16, num: 1, den: 1, block: 16, random: 16}, fromGroup: 96, perMember: 4, media: waPhoto,
		down: waPushMore, groupDown: 18, copySpan: 48, copyStep: 16, ack: waAck,
		delivered: exchange{waDelivered, waDeliveredTo, waReceiptAck}, read: exchange{waRead, waReadTo, waReceiptAck}, groupReceipt: true,
		quiet: exchange{waDelivered + waQuietMore, 0, waReceiptAck}, deliveredTaken: waDeliveredOK, readTaken: waReadOK,
		typing: exchange{waTyping, waTypingPush, 0}, ping: exchange{waPing, waPong, 0}, pingEvery: [2]int{45_000, 75_000},
		presence: exchange{waActive, 54, waActiveAck}, login: []int{238, waTyping, -waPong, -96}}
}

// signalLaw has members of groups confirm as well: clients send a receipt for
// every message that came with a sealed sender, which those to groups do
// (DataMessageProcessor of Signal-Android, read).
func signalLaw() law {
	receipt := exchange{signalUp + signalQuiet, signalDown, signalUpAck}
	return law{protocol: "tls", host: "chat.signal.org", addr: "192.0.2.90", port: 443,
		text: padding{base: signalUp - signalUpStep, num: signalUpStep, den: signalBlock, block: signalBlock}, fromGroup: 160, perMember: 36,
		media: signalUp + 2*signalUpStep, down: signalDown - signalUp + signalUpStep - signalDownStep, growth: [2]int{signalDownStep, signalUpStep}, ack: signalUpAck, taken: signalDownAck,
		delivered: receipt, read: receipt, typing: exchange{signalUp, signalDown + signalPassing, signalUpAck},
		ping: exchange{signalPing, signalPong, 0}, pingEvery: [2]int{30_000, 30_060}, groupReceipt: true,
		login: []int{signalOpening[0], -signalOpening[1], -81, signalDownAck}}
}

func xmppLaw() law {
	return law{protocol: "starttls", host: "xmpp.example.org", addr: "192.0.2.91", port: 5222,
		text: padding{base: 565, num: 4, den: 3}, fromGroup: 580, perMember: 117, media: 770,
		down: 160, groupDown: 106, pairSpan: 12, copySpan: 4, copyStep: 1, ack: 34, taken: 33,
		delivered: exchange{213, 377, 34}, read: exchange{226, 390, 34}, receiptSpan: 4, typing: exchange{164, 244, 34},
		presence: exchange{211, 286, 0}, ping: exchange{110, 145, 0}, pingEvery: [2]int{60_000, 60_400},
		login: []int{224, -256, 609, -180, 227, -864, 207, -286, 223, -935, 241, -179}}
}

func matrixLaw() law {
	return law{protocol: "http", host: "matrix.example.org", addr: "192.0.2.92", port: 443,
		text: padding{base: 1290, num: 4, den: 3}, perMember: 0, media: 1560, down: 420, copySpan: 90, copyStep: 1,
		ack: 338, taken: 318, delivered: exchange{}, read: exchange{486, 690, 291}, receiptSpan: 6, typing: exchange{402, 610, 291},
		ping: exchange{318, 380, 0}, pingEvery: [2]int{30_000, 30_120}, served: true, groupReceipt: true,
		login: []int{520, -640, 410, -2200, 318, -1450, 318}}
}

// shifted gives the lengths of another version or operator: receipts, texts and
// what the server adds move by some tens of bytes. Build 0 changes nothing.
func (l law) shifted(build uint64) law {
	if build == 0 {
		return l
	}
	d := newDice(build, 0x1a7)
	move := func(v *int, by int64) {
		if by := min(by, int64(max(*v, -*v)/2)); by > 0 {
			*v += int(d.below(2*by+1) - by)
		}
	}
	move(&l.text.base, 40)
	move(&l.media, 60)
	move(&l.down, 60)
	move(&l.fromGroup, 40)
	for _, x := range []*exchange{&l.delivered, &l.read, &l.typing, &l.presence} {
		move(&x.up, 16)
		move(&x.down, 24)
	}
	return l
}

// pushed returns the length on the way down of a message that was up bytes on
// the way up, without what varies.
func (l *law) pushed(up int, group bool) int {
	more := up - l.text.base
	if l.growth[1] > 0 {
		more = more * l.growth[0] / l.growth[1]
	}
	if group {
		more += l.groupDown
	}
	return l.text.base + l.down + more
}

// every draws the time to the next keepalive.
func (l *law) every(d *dice) time.Duration { return d.ms(l.pingEvery[0], l.pingEvery[1]) }

// charactersOf are the quantiles of the length of a text in bytes. The mean, 46,
// is that of chats between people; texts in channels are longer (a mean of 307
// bytes on Telegram, NDSS 2020).
var charactersOf = []int64{1, 3, 7, 12, 18, 25, 34, 47, 68, 110, 420}

// bytesOf are the quantiles of an attachment: photos from 2.4 to 378.7 kB (NDSS
// 2020), mixed with voice notes.
var bytesOf = []int64{2_400, 9_000, 18_000, 34_000, 55_000, 80_000, 105_000, 135_000, 180_000, 250_000, 378_700}
