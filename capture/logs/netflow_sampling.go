package logs

import (
	"math"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// samplerKey is a sampler of an exporter: records name it by its number, or
// have none where there is only one.
type samplerKey struct {
	domain uint32
	id     uint64
}

// sampling keeps the rate that a record of options tells of a sampler.
func (d *Datagrams) sampling(domain uint32, options, scopes []netflow.DataField) {
	rate := samplingRate(options)
	if rate == 0 || len(d.rates) >= maxTemplates {
		return
	}
	if d.rates == nil {
		d.rates = map[samplerKey]uint32{}
	}
	d.rates[samplerKey{domain, max(samplerOf(options), samplerOf(scopes))}] = rate
}

// rate is that of the sampler a record names, else that of all of the domain;
// 0 where it is not known.
func (d *Datagrams) rate(domain uint32, sampler uint64) uint32 {
	if rate, ok := d.rates[samplerKey{domain, sampler}]; ok {
		return rate
	}
	return d.rates[samplerKey{domain: domain}]
}

// samplerOf is the sampler that a record names, 0 for none: samplerId of
// NetFlow 9, selectorId of IPFIX.
func samplerOf(values []netflow.DataField) uint64 {
	return max(elementValue(values, 48), elementValue(values, 302))
}

// samplingRate is N of one packet in N as a record has it, 0 where it does not say:
// samplingInterval, samplerRandomInterval, or samplingPacketInterval, which
// with a samplingPacketSpace is the run of packets that are taken before so
// many are left out (RFC 5477 section 8.2).
func samplingRate(values []netflow.DataField) uint32 {
	run, space := elementValue(values, 305), elementValue(values, 306)
	if run > 0 && space > 0 && space < math.MaxUint32 {
		return uint32(min((run+space)/run, math.MaxUint32))
	}
	return uint32(min(max(elementValue(values, 34), elementValue(values, 50), run), math.MaxUint32))
}
