package logs

import "envelope/capture"

// resolverFormats are the logs of resolvers and of address leases.
func resolverFormats(o Options) []capture.Format {
	return []capture.Format{
		dnsmasqLog(o), unboundLog(o), adguardLog(o), bindLog(o), dnsmasqLeases(o), iscLeases(), dhcpdLog(o), subscribersFormat(),
	}
}
