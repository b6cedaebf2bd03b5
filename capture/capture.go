// Package capture is the vocabulary of what was seen: inputs, the observer who
// held them, the grain at which they were seen, and the records read out of
// them. It opens inputs (recognised by content, decompressed on the way) and
// knows no format itself; formats are values that the caller hands to Open.
//
// Nothing here holds a payload. Contents are dropped by the readers, at the
// door; a Record carries lengths, times, addresses and clear-text protocol
// fields only.
package capture

import (
	"fmt"
	"time"
)

// Time is a moment in nanoseconds since 1970-01-01 UTC. It always comes from
// the data, never from a clock.
type Time int64

// UTC returns t as a time.Time in UTC.
func (t Time) UTC() time.Time { return time.Unix(0, int64(t)).UTC() }

// Add returns t moved by d.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Sub returns the duration from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// TimeOf converts a time.Time.
func TimeOf(t time.Time) Time { return Time(t.UnixNano()) }

// Observer is who held the vantage point of an input.
type Observer string

// The observers of the design. What one observer alone can tell is a different
// question from what several together can.
const (
	Device   Observer = "device"   // the phone or computer itself
	Network  Observer = "network"  // Wi-Fi, ISP, tap
	Resolver Observer = "resolver" // DNS
	Operator Observer = "operator" // the messenger's own server
	Relay    Observer = "relay"    // TURN
	Mailhop  Observer = "mailhop"
	Carrier  Observer = "carrier"
)

// Observers lists all observers in their fixed order.
var Observers = []Observer{Device, Network, Resolver, Operator, Relay, Mailhop, Carrier}

// Grain is how finely a record was seen. No later stage claims more than the
// grain allows.
type Grain string

// From fine to coarse.
const (
	GrainFrame Grain = "frame" // application frames by their clear lengths
	GrainFlow  Grain = "flow"  // one row per flow
	GrainEntry Grain = "entry" // one log line
)

// Origin points at the packet or line of an input behind a record.
type Origin struct {
	Input int32 // index of the input, in the order the inputs were given
	At    int64 // packet number or line number, from 1; 0 where unknown
}

// SyntaxError is a bad packet or line: a value that is counted and reported,
// and does not end the reading of its input.
type SyntaxError struct {
	Path string
	At   int64  // packet or line number, from 1; 0 for the input as a whole
	Unit string // "packet" or "line"
	Msg  string
}

// Error gives path, packet or line number, and what is wrong.
func (e *SyntaxError) Error() string {
	if e.At == 0 {
		return fmt.Sprintf("%s: %s", e.Path, e.Msg)
	}
	return fmt.Sprintf("%s: %s %d: %s", e.Path, e.Unit, e.At, e.Msg)
}
