package logs

import "envelope/capture"

// flowFormats are flow exports: NetFlow, IPFIX, argus and the tables of flow tools.
func flowFormats(o Options) []capture.Format {
	return nil
}
