package logs

import (
	"bytes"

	"envelope/capture"
)

// refusedFormats are kinds of files that are known and tell nothing of who talked
// to whom, or nothing soundly. They come behind all formats that are read.
func refusedFormats() []capture.Format {
	list := []capture.Format{
		{Name: "asterisk-log", Title: "Asterisk text log (not read)", Observer: capture.Carrier, Sniff: sniffLines(asteriskText),
			Hides: "the text log of Asterisk is not read: it tells of refused registrations and of its own working, not of calls; read the call records (Master.csv) or the channel events (CEL)"},
		{Name: "freeswitch-log", Title: "FreeSWITCH text log (not read)", Observer: capture.Carrier, Sniff: sniffLines(freeswitchText),
			Hides: "the text log of FreeSWITCH is not read: it tells of refused registrations and of its own working, not of calls; read the call records (CDR)"},
		{Name: "kerio-security", Title: "Kerio Connect security log (not read)", Observer: capture.Mailhop, Sniff: sniffLines(kerioText),
			Hides: "the security log of Kerio Connect is not read: it has connections and mails that were turned away, and those reached nobody"},
		{Name: "sogo", Title: "SOGo log (not read)", Observer: capture.Mailhop,
			Sniff: sniffLines(func(line []byte) bool {
				return bytes.Contains(line, []byte(" sogod [")) || bytes.Contains(line, []byte(" sogod["))
			}),
			Hides: "the log of the web mailer SOGo is not read: it has requests and failed logins, and no mail; read the log of the mail server behind it"},
		{Name: "matrix-identity", Title: "Requests to a Matrix identity server (not read)", Observer: capture.Operator, Sniff: sniffLines(sydentText),
			Hides: "requests to a Matrix identity server are not read: they name an address that somebody looked up, and not who did; read the log of the homeserver"},
		{Name: "stun-table", Title: "Table of single STUN messages (not read)", Observer: capture.Network, Sniff: sniffLines(stunTable),
			Hides: "a table of single STUN messages is not read: it has no times and but one end of each; read the capture they are from"},
		{Name: "markdown", Title: "Text for people, Markdown (not read)", Observer: capture.Device, Sniff: markdown,
			Hides: "a text for people (Markdown) is not read: it is neither a log nor a capture"},
	}
	for i := range list {
		list[i].Grain = capture.GrainEntry
		list[i] = refused(list[i])
	}
	return list
}
