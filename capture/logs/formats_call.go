package logs

import "envelope/capture"

// callFormats are call records of exchanges and carriers.
func callFormats(o Options) []capture.Format {
	return []capture.Format{
		carrier(o),
		bandicoot(o),
		asterisk(o),
		freeswitch(o),
		kamailio(o),
	}
}
