package logs

import "envelope/capture"

// networkFormats are the logs of network monitors: Zeek and Suricata.
func networkFormats(o Options) []capture.Format {
	return append(zeekFormats(o), eveFormat(o))
}
