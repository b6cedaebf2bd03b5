package analyze

import (
	"fmt"

	"envelope/capture"
)

// limits says what cannot be seen from these inputs, and why: another answer
// than "not seen".
func (d *document) limits(used []*conn) {
	var oneWay, midstream, missing, undecoded, quic int
	for _, c := range used {
		f := &c.Flow
		if f.Proto == protoTCP && (f.Packets[capture.Up] == 0) != (f.Packets[capture.Down] == 0) && f.Carries() > 2 {
			oneWay++
		}
		if f.Midstream {
			midstream++
		}
		if f.Missing[capture.Up]+f.Missing[capture.Down] > 0 {
			missing++
		}
		if f.FramesUncollected {
			undecoded++
		}
		if f.Proto == protoUDP && f.HostHow == "quic" {
			quic++
		}
	}
	say := func(n int, what, why string) {
		if n > 0 {
			d.Limits = append(d.Limits, Limit{what, fmt.Sprintf("%s (%d of %d flows of messengers)", why, n, len(used))})
		}
	}
	if len(used) > 0 {
		d.Limits = append(d.Limits, Limit{"content", "end-to-end encrypted; nothing here is decrypted, and no content is kept"})
	}
	say(oneWay, "the other direction", "only one direction was captured, so that answers and receipts cannot be told from their absence")
	say(midstream, "login", "the connection began before the capture: when it was opened and under which name cannot be seen")
	say(missing, "frames", "bytes are missing from the capture: frames within them cannot be seen")
	say(undecoded, "frames", "frames were not gathered over the bound of memory")
	say(quic, "single messages", "QUIC encrypts its frame lengths: transfers show, messages do not")
}
