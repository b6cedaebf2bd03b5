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
