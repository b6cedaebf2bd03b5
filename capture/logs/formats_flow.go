package logs

import (
	"slices"

	"envelope/capture"
)

// flowFormats are flow exports: NetFlow, IPFIX, argus and the tables of flow tools.
func flowFormats(o Options) []capture.Format {
	return slices.Concat(nfdumpCSV(o), []capture.Format{
		nfdumpJSON(o), nfdumpText(o), nfcapd(), netflowFile(), goflow2JSON(o), argusCSV(o), pcapdroidCSV(o), ndpiCSV(o), tsharkFields(o), wiresharkList(),
	})
}
