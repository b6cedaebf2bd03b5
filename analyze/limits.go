package analyze

import "fmt"

// limits says what cannot be seen from these inputs, and why: another answer
// than "not seen".
func (d *document) limits(t *tally) {
	say := func(n int, what, why string) {
		if n > 0 {
			d.Limits = append(d.Limits, Limit{what, fmt.Sprintf("%s (%d of %d flows of messengers)", why, n, t.flows)})
		}
	}
	if t.flows > 0 {
		d.Limits = append(d.Limits, Limit{"content", "end-to-end encrypted; nothing here is decrypted, and no content is kept"})
	}
	say(t.oneWay, "the other direction", "only one direction was captured, so that answers and receipts cannot be told from their absence")
	say(t.midstream, "login", "the connection began before the capture: when it was opened and under which name cannot be seen")
	say(t.missing, "frames", "bytes are missing from the capture: frames within them cannot be seen")
	say(t.uncollected, "frames", "frames were not gathered over the bound of memory")
	say(t.quic, "single messages", "QUIC encrypts its frame lengths: transfers show, messages do not")
	say(t.rows, "single messages", "one row per flow: single messages do not show, and a call is at most possible")
	say(t.sampled, "exact volumes", "the exporter counted only one packet in several: volumes are estimates")
	if t.exposed > 0 {
		d.Warnings = append(d.Warnings, fmt.Sprintf("the account's identifier is sent in clear by WhatsApp's protocol of 2015 (%d of %d flows of messengers); it is not shown here", t.exposed, t.flows))
	}
}
