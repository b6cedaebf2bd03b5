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
	say(t.missing, "frames", fmt.Sprintf("%s of the bytes of these connections are missing from the capture: what frames they were is told from their number at best, and less surely", percent(t.lost, t.lost+t.carried)))
	say(t.cut, "frames", "packets are cut short in the capture: of frames that begin behind the cut only the size of all together is known")
	say(t.uncollected, "frames", "frames were not gathered over the bound of memory")
	say(t.quic, "single messages", "QUIC encrypts its frame lengths: transfers show, messages do not")
	say(t.rows, "single messages", "one row per flow: single messages do not show, and a call is at most possible")
	say(t.sampled, "exact volumes", "the exporter counted only one packet in several: volumes are estimates")
	if t.halves*2 > t.unnamed && d.opt.Service == "" {
		d.Limits = append(d.Limits, Limit{"service", fmt.Sprintf("a messenger of unknown name is known by questions and answers; of %d of %d connections of unknown services only one direction was captured", t.halves, t.unnamed)})
	}
	if t.exposed > 0 {
		d.Warnings = append(d.Warnings, fmt.Sprintf("the account's identifier is sent in clear by WhatsApp's protocol of 2015 (%d of %d flows of messengers); it is not shown here", t.exposed, t.flows))
	}
}

// percent writes a share; it is never nothing where something is.
func percent(part, whole uint64) string {
	p := 100 * float64(part) / float64(max(1, whole))
	if p < 0.1 {
		return "less than 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", p)
}
