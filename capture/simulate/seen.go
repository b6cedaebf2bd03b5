package simulate

import "envelope/capture"

// Kind is what a frame of a Town is.
type Kind uint8

// Kinds of frames. An observer sees lengths and times only; the kind is truth.
const (
	KindText      Kind = iota // a message, at its sender or one of its receivers
	KindMedia                 // a message that points at an attachment of Bulk bytes
	KindReceipt               // delivered or read
	KindTyping                // somebody writes
	KindAck                   // an answer of the server, or of a device to a push
	KindSync                  // a copy of one's own message, for one's other devices
	KindPresence              // somebody came
	KindLogin                 // of the exchange that opens a connection
	KindKeepalive             // a ping or its answer
	KindFalse                 // nothing: an error of the frame reader
)

// talk tells whether frames of this kind come of what people say.
func (k Kind) talk() bool {
	switch k {
	case KindText, KindMedia, KindReceipt, KindTyping, KindSync, KindFalse:
		return true
	}
	return false
}

// kindNames are the words for kinds, in their order.
var kindNames = [...]string{"text", "media", "receipt", "typing", "ack", "sync", "presence", "login", "keepalive", "false"}

// String returns the word for k.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Seen is one frame as an ideal frame reader at the router would see it, and
// the truth about it.
type Seen struct {
	Time    capture.Time
	Party   int32 // the device, from 0; see Play.Party
	Service int32 // index into the messengers
	Size    uint32
	Bulk    uint64 // bytes of the attachment, 0 for none
	Kind    Kind
	Sent    bool // by the device; else received
	Login   bool // during the exchange that opens the connection

	Message int64 // number of the message that the frame belongs to, from 1; 0 for none
	From    int32 // who wrote that message, as a number of a person; -1 for nobody
	Group   int32 // number of its group, from 0; -1 for none
}

// Party is one device inside the capture, as frames name it.
type Party struct {
	Person int32
	Name   string // of the person
	Phone  bool   // its first device
	Locked bool   // it sleeps when not in use
}

// PairTruth is two people of whom at least one wrote to the other, or who
// called each other.
type PairTruth struct {
	A, B     int32 // persons, A < B
	Service  int32
	Messages int64 // that the one sent to the other directly
	Calls    int64
}

// GroupTruth is one group.
type GroupTruth struct {
	Group    int32
	Service  int32
	Members  []int32 // persons, sorted, inside and outside
	Messages int64
}
