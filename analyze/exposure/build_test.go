package exposure

import (
	"fmt"
	"iter"

	"envelope/capture"
)

// each gives a list of events as a view has them.
func each(list []Event) iter.Seq[*Event] {
	return func(yield func(*Event) bool) {
		for _, e := range list {
			if !yield(&e) {
				return
			}
		}
	}
}

// without gives events without their peers.
func without(events iter.Seq[*Event]) iter.Seq[*Event] {
	var list []Event
	for e := range events {
		list = append(list, *e)
		list[len(list)-1].Peer = ""
	}
	return each(list)
}

// rich is a view of Anna, Ben and Carla that shows everything that a view can
// hold of one messenger, read by one observer from inputs of one grain.
func rich(service string, o capture.Observer, g capture.Grain) View {
	v := View{Observer: o, Inputs: []Input{{o, g, "test"}}}
	for i := range 3 {
		id := fmt.Sprintf("p%d", i+1)
		v.Parties = append(v.Parties, Party{ID: id, Services: []string{service}, Addresses: 1, Named: true, Accounts: 1, Details: details,
			Contacts: 2, Device: true, Location: true, Seen: true})
		v.Uses = append(v.Uses, Use{Party: id, Service: service, How: []string{"sni"}, Roles: []string{"message", "push"}, Bytes: 9000, Lasted: true, Confidence: 0.98})
	}
	var list []Event
	for i, kind := range []string{"message", "media", "call", "receipt", "typing", "presence", "login"} {
		e := Event{ID: fmt.Sprintf("e%d", i+1), Kind: kind, Service: service, Party: "p1", Peer: "p2", Direction: "sent",
			Confidence: 0.97, Bytes: 200, Lasted: kind == "call", Seen: true, PeerAddress: kind == "call"}
		list = append(list, e)
	}
	v.Events = each(list)
	v.Contacts = []Contact{
		{A: "p1", B: "p2", Via: "direct", Service: service, Messages: 2, Calls: 1, Seen: true, Confidence: 0.99},
		{A: "p1", B: "p3", Via: "direct", Service: service, Messages: 1, Seen: true, Confidence: 0.95},
		{A: "p2", B: "p3", Via: "group", Service: service, Seen: true, Confidence: 0.99},
	}
	v.Groups = []Group{{ID: "g1", Members: []string{"p1", "p2", "p3"}, Service: service, Messages: 4, Seen: true, Confidence: 0.96}}
	return v
}

// idle is a tap of clients that are connected to a messenger and do not talk.
func idle(service string, g capture.Grain, clients int) View {
	v := View{Observer: capture.Network, Inputs: []Input{{capture.Network, g, "test"}}}
	for i := range clients {
		id := fmt.Sprintf("p%d", i+1)
		v.Parties = append(v.Parties, Party{ID: id, Services: []string{service}, Addresses: 1, Seen: true, Confidence: 0.98})
		v.Uses = append(v.Uses, Use{Party: id, Service: service, How: []string{"sni"}, Roles: []string{"message"}, Bytes: 9000, Lasted: true, Confidence: 0.98})
	}
	return v
}
