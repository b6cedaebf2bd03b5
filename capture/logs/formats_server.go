package logs

import "envelope/capture"

// serverFormats are the logs of messenger servers and relays.
func serverFormats(o Options) []capture.Format {
	return []capture.Format{
		prosodyFormat(o),
		ejabberdFormat(o),
		synapseFormat(o),
		matrixProxyFormat(),
		dendriteFormat(),
		coturnFormat(o),
		jicofoFormat(o),
		jvbFormat(o),
		asteriskCEL(o),
		messageRecordsFormat(),
	}
}
