package exposure

import (
	"slices"

	"envelope/capture"
)

// sight is what an observer can in principle tell from inputs of one grain.
type sight struct {
	observer capture.Observer
	grain    capture.Grain
	can      []Question // of the eleven and of what claims speak of
	source   string     // where that is documented
}

// sights says who can know what. It decides between "no data" and "not
// visible"; what was really found decides everything else. Contents stand
// nowhere: messengers encrypt them end to end, and readers drop the rest.
//
// Whom and group from the frames of a tap take several clients, see crowd.
var sights = []sight{
	{capture.Device, capture.GrainFrame,
		[]Question{FactWho, FactWhom, FactWhen, FactDuration, FactVolume, FactService, FactDevice, FactLocation, FactGroup, FactPresence, FactAddress},
		"TLS record headers, RFC 8446 section 5.1; STUN addresses, RFC 8489; groups by frames alike: The Intercept, May 2024"},
	{capture.Device, capture.GrainFlow,
		[]Question{FactWho, FactWhen, FactDuration, FactVolume, FactService, FactDevice, FactLocation, FactAddress},
		"flow keys and counters, RFC 7011; app names, PCAPdroid"},
	{capture.Device, capture.GrainEntry,
		[]Question{FactWho, FactWhom, FactWhen, FactDuration, FactVolume, FactService, FactDevice, FactGroup, FactPresence, FactAccount, FactContacts},
		"a messenger's own exports and stores: account reports, chat exports, call history"},

	{capture.Network, capture.GrainFrame,
		[]Question{FactWho, FactWhom, FactWhen, FactDuration, FactVolume, FactService, FactDevice, FactLocation, FactGroup, FactPresence, FactAddress},
		"TLS record headers, RFC 8446 section 5.1; event matching: Bahramali et al., NDSS 2020; host names, RFC 2132"},
	{capture.Network, capture.GrainFlow,
		[]Question{FactWho, FactWhen, FactDuration, FactVolume, FactService, FactLocation, FactAddress},
		"flow keys and counters, RFC 7011; Zeek conn.log"},
	{capture.Network, capture.GrainEntry,
		[]Question{FactWho, FactWhen, FactDuration, FactVolume, FactService, FactDevice, FactLocation, FactAddress},
		"Zeek and Suricata logs of names, sessions and leases"},

	{capture.Resolver, capture.GrainFrame,
		[]Question{FactWho, FactWhen, FactService, FactDevice, FactLocation, FactAddress},
		"names asked for, RFC 1035; later use of a cached name does not show"},
	{capture.Resolver, capture.GrainFlow,
		[]Question{FactWho, FactWhen, FactService, FactLocation, FactAddress},
		"flow keys, RFC 7011"},
	{capture.Resolver, capture.GrainEntry,
		[]Question{FactWho, FactWhen, FactService, FactDevice, FactLocation, FactAddress},
		"query logs of dnsmasq, unbound, BIND; names of leases"},

	{capture.Operator, capture.GrainFrame,
		[]Question{FactWho, FactWhom, FactWhen, FactDuration, FactVolume, FactService, FactDevice, FactLocation, FactGroup, FactPresence, FactAddress},
		"as a tap, at the place where all clients meet"},
	{capture.Operator, capture.GrainFlow,
		[]Question{FactWho, FactWhen, FactDuration, FactVolume, FactService, FactLocation, FactAddress},
		"flow keys and counters, RFC 7011"},
	{capture.Operator, capture.GrainEntry,
		[]Question{FactWho, FactWhom, FactWhen, FactDuration, FactVolume, FactService, FactDevice, FactLocation, FactGroup, FactPresence, FactAddress, FactAccount, FactContacts},
		"routing fields that the server needs: RFC 6120 section 10, Matrix client-server API, WhatsApp's message log"},

	{capture.Relay, capture.GrainFrame,
		[]Question{FactWho, FactWhom, FactWhen, FactDuration, FactVolume, FactService, FactLocation, FactAddress},
		"TURN allocations, peers and realm, RFC 8656"},
	{capture.Relay, capture.GrainFlow,
		[]Question{FactWho, FactWhom, FactWhen, FactDuration, FactVolume, FactService, FactLocation, FactAddress},
		"both legs of a relayed call, RFC 8656"},
	{capture.Relay, capture.GrainEntry,
		[]Question{FactWho, FactWhom, FactWhen, FactDuration, FactVolume, FactService, FactLocation, FactAddress, FactAccount},
		"coturn session and peer lines"},

	{capture.Mailhop, capture.GrainFrame,
		[]Question{FactWho, FactWhen, FactVolume, FactService, FactLocation, FactAddress},
		"SMTP connections, RFC 5321; the envelope itself where STARTTLS is not used"},
	{capture.Mailhop, capture.GrainFlow,
		[]Question{FactWho, FactWhen, FactDuration, FactVolume, FactService, FactLocation, FactAddress},
		"flow keys and counters, RFC 7011"},
	{capture.Mailhop, capture.GrainEntry,
		[]Question{FactWho, FactWhom, FactWhen, FactVolume, FactService, FactDevice, FactLocation, FactGroup, FactAddress, FactAccount},
		"envelope and trace headers, RFC 5321 section 4.4, RFC 5322 section 3.6"},

	{capture.Carrier, capture.GrainFrame,
		[]Question{FactWho, FactWhom, FactWhen, FactDuration, FactVolume, FactService, FactDevice, FactLocation, FactGroup, FactPresence, FactAddress},
		"as a tap of all its subscribers"},
	{capture.Carrier, capture.GrainFlow,
		[]Question{FactWho, FactWhen, FactDuration, FactVolume, FactService, FactLocation, FactAddress},
		"flow keys and counters, RFC 7011"},
	{capture.Carrier, capture.GrainEntry,
		[]Question{FactWho, FactWhom, FactWhen, FactDuration, FactVolume, FactService, FactDevice, FactLocation, FactAddress, FactAccount},
		"call detail records, 3GPP TS 32.298"},
}

// crowd is how many clients of a messenger must be in view before frames can
// tell, other than in calls, who talks to whom or who is in a group: the frames
// of one client show no other end, and those of two no group.
var crowd = map[Question]int{FactWhom: 2, FactGroup: 3}

// meets tells whether inputs of this kind show the address of the other end of
// a call: frames hold the STUN checks between both (RFC 8489), and a relay knows
// its peers (RFC 8656).
func (in *Input) meets() bool {
	return in.Grain == capture.GrainFrame && in.Observer != capture.Resolver && in.Observer != capture.Mailhop ||
		in.Observer == capture.Relay
}

// able tells whether a view's inputs could answer a question within a scope.
func (v *View) able(q Question, s scope) bool {
	return slices.ContainsFunc(v.Inputs, func(in Input) bool {
		return in.shows(q) && (in.Grain != capture.GrainFrame || v.crowded(q, s))
	})
}

// shows tells whether inputs of this kind can answer a question at all.
func (in *Input) shows(q Question) bool {
	if q == FactPeerAddress {
		return in.meets()
	}
	return slices.ContainsFunc(sights, func(x sight) bool {
		return x.observer == in.Observer && x.grain == in.Grain && slices.Contains(x.can, q)
	})
}

// seesTalk tells whether single messages and calls could show in the inputs:
// what cannot tell the other end of a call cannot tell one message from the
// next either.
func (v *View) seesTalk() bool {
	return slices.ContainsFunc(v.Inputs, func(in Input) bool { return in.shows(FactWhom) })
}

// crowded tells whether enough clients of one messenger are in view to look for
// who talks to whom. A call shows its other end with one client.
func (v *View) crowded(q Question, s scope) bool {
	need := crowd[q]
	if need == 0 {
		return true
	}
	clients := map[string][]string{} // fewer than are needed of each
	enough := func(service, party string) bool {
		if !slices.Contains(clients[service], party) {
			clients[service] = append(clients[service], party)
		}
		return len(clients[service]) >= need
	}
	for u := range v.uses(scope{service: s.service}) {
		if enough(u.Service, u.Party) {
			return true
		}
	}
	for e := range v.events(scope{service: s.service}) {
		if enough(e.Service, e.Party) {
			return true
		}
	}
	return false
}
