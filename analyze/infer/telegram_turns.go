package infer

import (
	"slices"
	"time"

	"envelope/capture"
)

// turn is one segment of a connection of Telegram and its part in the talk of
// client and server.
type turn struct {
	frame   *capture.Frame
	packets int    // MTProto packets in the segment
	size    uint32 // encrypted bytes of the packets together
	asked   bool   // down: the answer to something that the client sent
	cycle   bool   // up: set off by an update; down: the answer to that
}

// transport is the framing of MTProto by its overhead.
type transport uint8

// Transports of core.telegram.org/mtproto/mtproto-transports, obfuscated or not.
const (
	abridged     transport = iota // 1 byte of length, 4 from 508 bytes on
	intermediate                  // 4 bytes of length
	padded                        // 4 bytes of length, 0 to 15 bytes at the end
	fullLength                    // length, number and checksum: 12 bytes
)

const (
	// mtprotoHeader is the clear part of a message: key identifier and
	// message key (core.telegram.org/mtproto/description).
	mtprotoHeader = 24
	// abridgedShort is the payload from which on the abridged transport needs
	// four bytes of length: 127 words.
	abridgedShort = 508
	// mostPackets bounds how many packets a segment is taken to hold.
	mostPackets = 4
)

// transportOf tells the transport from what segments down leave when divided
// by the 16 bytes of a cipher block.
func transportOf(frames []capture.Frame) transport {
	var rest [16]int
	all := 0
	for i := range frames {
		if f := &frames[i]; !f.Up && f.Length >= 40 && f.Length < abridgedShort {
			rest[f.Length%16]++
			all++
		}
	}
	switch {
	case 2*rest[(mtprotoHeader+1)%16] >= all:
		return abridged
	case 2*rest[(mtprotoHeader+4)%16] >= all:
		return intermediate
	case 2*rest[(mtprotoHeader+12)%16] >= all:
		return fullLength
	}
	return padded
}

// content splits a segment into packets and encrypted bytes. The transport's
// overhead shows in the remainder of the division by the cipher's block.
func (t transport) content(n uint32) (packets int, size uint32) {
	least := [...]uint32{abridged: 1, intermediate: 4, padded: 4, fullLength: 12}[t] + mtprotoHeader
	if t == padded {
		return 1, max(n, least) - least - (max(n, least)-least)%16
	}
	for k := uint32(1); k <= mostPackets; k++ {
		for long := uint32(0); long <= k; long++ {
			over := k*least + 3*long
			if long > 0 && t != abridged || over > n || (n-over)%16 != 0 || long == 0 && t == abridged && n-over >= k*abridgedShort || long > 0 && n-over < long*(abridgedShort-mtprotoHeader) {
				continue
			}
			return int(k), n - over
		}
	}
	return 1, max(n, least) - least
}

// turnsOf cuts a connection into turns.
func turnsOf(frames []capture.Frame) []turn {
	how := transportOf(frames)
	var out []turn
	for i := range frames {
		f := &frames[i]
		if f.Kind != capture.FrameSegment && f.Kind != capture.FrameData {
			continue
		}
		t := turn{frame: f}
		t.packets, t.size = how.content(f.Length)
		out = append(out, t)
	}
	return out
}

// slack is the time that a server may need for an answer beyond that to a ping:
// measured up to 110 ms for lists and settings.
const slack = 120 * time.Millisecond

// roundTrip learns how long answers take, at least and at most: nearly all
// pairs of a segment up and one down are a ping and its answer.
func (v *telegramSizes) roundTrip(turns []turn) (least, most time.Duration) {
	var gaps []time.Duration
	for i := 1; i < len(turns); i++ {
		a, b := turns[i-1].frame, turns[i].frame
		if d := b.Time.Sub(a.Time); a.Up && !b.Up && d > 0 && d < time.Second {
			gaps = append(gaps, d)
		}
	}
	if len(gaps) == 0 {
		return 0, seconds(v.AnswerS)
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/4], min(2*gaps[len(gaps)*9/10]+slack, seconds(v.AnswerS))
}
