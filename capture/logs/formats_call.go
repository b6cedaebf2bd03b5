package logs

import "envelope/capture"

// callFormats are call records of exchanges and of subscribers.
func callFormats(o Options) []capture.Format {
	return []capture.Format{
		bandicoot(o),
		asterisk(o),
		freeswitch(o),
		kamailio(o),
	}
}
