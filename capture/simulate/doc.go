// Package simulate turns a story into captures: people, their devices and
// messengers become the packets that every observer would have recorded, and
// the truth of who did what.
//
// A Scenario (data) becomes acts in time, acts become frames on connections,
// connections become packets, and a View writes what one tap sees of them.
// Everything is drawn from one seed, with integers only, so the same scenario
// gives the same bytes on every run and platform. Headers, handshakes, lengths
// and checksums are those of the real protocols; sealed bodies are random.
//
// A Town is for more people than one can write a story for: who there is and
// how they behave, by number or by name, from a JSON file (ReadTown), one of
// those embedded here (Embedded), or with the messages of a log (ReadLog,
// Town.Replay). Play draws its people from a seed. Then either Play.Events
// generates the frames that an ideal reader would see, for a matcher of who
// wrote to whom, in memory that grows with the people and not with the time:
//
//	play, err := town.Play(1)
//	for seen := range play.Events() { ... }
//	truth := play.Pairs()
//
// or Play.Record writes captures at the router and at each device, the
// server's log, and the truth line by line, as valid packets. Both tell of the
// same messages. What people do is drawn from published statistics (gaps with
// a Pareto tail, sizes of attachments: NDSS 2020) and habits that a scenario
// sets; frame lengths are those of whatsapp.go, signal.go and law.go, which
// say what was measured and what is assumed. A town does not know: voice
// notes, messages that are edited or deleted, calls in groups, IPv6.
//
// Network is the lower half on its own, for tests that need a conversation of
// their own making:
//
//	n := simulate.NewNetwork(1)
//	phone := n.Device("phone", netip.MustParseAddr("203.0.113.7"))
//	server := n.Server("server", netip.MustParseAddr("192.0.2.80"))
//	c := n.TCP(start, phone.At(phone.Port()), server.At(443))
//	ready := c.TLS(c.Ready(), simulate.Hello{Name: "www.example.org"})
//	c.Records(ready, capture.Up, 431)
//	pcap := n.Capture(simulate.View{Snap: 128})
//
// The package panics on mistakes of the caller, such as an address that no
// host has; a Scenario is checked before it runs.
package simulate
