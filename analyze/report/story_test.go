package report

import (
	"fmt"
	"time"

	"envelope/analyze"
)

// The reports below are made by hand; names and addresses are invented
// (RFC 5737 and RFC 3849 address space).

func at(minute, second int) time.Time {
	return time.Date(2026, 3, 2, 14, minute, second, 0, time.UTC)
}

func ptr[T any](v T) *T { return &v }

func input(id, path string, number int64) analyze.Input {
	return analyze.Input{ID: id, Path: path, SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		Format: "pcapng", Observer: "network", Packets: number, Records: 12, Bytes: number * 400,
		First: ptr(at(2, 0)), Last: ptr(at(40, 0))}
}

func party(id, addr, name string) analyze.Party {
	p := analyze.Party{ID: id, Kind: "device", Addresses: []string{addr}, Services: []string{"whatsapp"},
		Evidence: evidence(1)}
	if name != "" {
		p.Names = []analyze.Name{{Value: name, How: "dhcp", Grade: "seen"}}
	}
	return p
}

func evidence(at ...int64) []analyze.Evidence {
	var out []analyze.Evidence
	for _, n := range at {
		out = append(out, analyze.Evidence{Input: "1", At: n})
	}
	return out
}

func event(n int, t time.Time, party, kind, direction string, p float64) analyze.Event {
	return analyze.Event{ID: fmt.Sprintf("e%d", n), Time: t, Kind: kind, Service: "whatsapp", Party: party, Direction: direction,
		Bytes: 220, Confidence: p, Grade: analyze.Grade(p), Grain: "frame", Evidence: evidence(int64(100+10*n), int64(101+10*n))}
}

func use(service, party string, p float64, how ...string) analyze.ServiceUse {
	return analyze.ServiceUse{Service: service, Party: party, How: how, Flows: 3, BytesUp: 48_213, BytesDown: 1_204_331,
		First: at(2, 3), Last: at(39, 50), Confidence: p, Evidence: evidence(4)}
}

var limits = []analyze.Limit{
	{What: "content", Why: "the messages are end-to-end encrypted"},
	{What: "whom", Why: "the messenger's server stands between the two ends of each message"},
}

// storyCall is three people, a chat and a call between two of them.
func storyCall() *analyze.Report {
	call := event(20, at(31, 4), "p1", "call", "", 1)
	call.Grade, call.End, call.Peer, call.Bytes = "seen", ptr(at(31, 33)), ptr("p2"), 412_000
	call.Call = &analyze.Call{Media: "audio", Path: "direct", PeerAddresses: []string{"203.0.113.9", "2001:db8:1234:5678:9abc:def0:1234:5678"},
		Outcome: "answered", Role: "caller", Relays: []string{"198.51.100.4:3478"}}
	r := &analyze.Report{Schema: analyze.Schema, Tool: analyze.Tool{Version: "test", Command: "analyze"},
		Inputs: []analyze.Input{input("1", "router.pcapng", 41_344)},
		Parties: []analyze.Party{party("p1", "192.0.2.11", "Annas-iPhone"), party("p2", "2001:db8:1:2:3:4:5:6", "pixel-7"),
			party("p3", "192.0.2.13", ""), party("p9", "192.0.2.99", "printer")},
		Services: []analyze.ServiceUse{use("whatsapp", "p1", 0.995, "sni", "frame", "stun"), use("whatsapp", "p2", 0.93, "frame", "address"),
			use("signal", "p3", 1, "sni")},
		Limits: limits,
	}
	for i := range 12 {
		r.Events = append(r.Events, event(i, at(5, 4*i), "p1", "message", "sent", 0.97))
	}
	for i := range 5 {
		r.Events = append(r.Events, event(12+i, at(12, 7*i), "p2", "message", "received", 0.55+0.08*float64(i)))
	}
	media := event(18, at(20, 11), "p1", "media", "sent", 0.96)
	media.Bytes = 178_000
	r.Events = append(r.Events, media, event(19, at(21, 0), "p3", "login", "", 0.9), call)
	return r
}

// storyContacts adds what a later stage finds: pairs and groups.
func storyContacts() *analyze.Report {
	r := storyCall()
	r.Contacts = []analyze.Contact{{A: "p1", B: "p2", Via: "direct", Service: "whatsapp", Messages: 12, Media: 1, Calls: 1, CallSeconds: 29,
		First: at(5, 0), Last: at(31, 33), Confidence: 0.97, Grade: "likely", Evidence: []string{"e1", "e2", "e3", "e4", "e5", "e6"}}}
	r.Groups = []analyze.Group{{ID: "g1", Members: []string{"p1", "p2", "p3"}, Service: "whatsapp", Messages: 7,
		First: at(6, 0), Last: at(22, 0), Confidence: 0.81, Grade: "possible"}}
	return r
}

// storyBusy is one phone with hundreds of events over two days.
func storyBusy() *analyze.Report {
	r := &analyze.Report{Inputs: []analyze.Input{input("1", "phone.pcap", 900_000)},
		Parties:  []analyze.Party{party("p1", "192.0.2.11", "")},
		Services: []analyze.ServiceUse{use("whatsapp", "p1", 0.97, "frame")},
	}
	n := 0
	add := func(t time.Time, kind, direction string) {
		r.Events = append(r.Events, event(n, t, "p1", kind, direction, 0.91))
		n++
	}
	for day := range 2 {
		for i := range 120 {
			t := at(0, 0).Add(time.Duration(day)*24*time.Hour + time.Duration(i/40)*3*time.Hour + time.Duration(i%40)*20*time.Second)
			add(t, "message", []string{"sent", "received"}[i%2])
			add(t.Add(time.Second), "receipt", []string{"received", "sent"}[i%2])
			add(t.Add(2*time.Second), "keepalive", "")
		}
	}
	return r
}

func storyAddress() *analyze.Report {
	return &analyze.Report{Inputs: []analyze.Input{input("1", "tap.pcap", 812)}, Limits: limits,
		Parties:  []analyze.Party{party("p1", "192.0.2.11", "")},
		Services: []analyze.ServiceUse{use("telegram", "p1", 0.6, "address")}}
}

func storyWeb() *analyze.Report {
	r := storyAddress()
	r.Services = []analyze.ServiceUse{use("whatsapp", "p1", 0.99, "sni")}
	r.Services[0].Roles = []string{"web"}
	return r
}

func storyBelow() *analyze.Report {
	r := storyAddress()
	r.Services[0].Confidence = 0.32
	return r
}

func storyNothing() *analyze.Report {
	return &analyze.Report{Inputs: []analyze.Input{input("1", "tap.pcap", 812)}}
}

func storyEmpty() *analyze.Report {
	in := input("1", "empty.pcap", 0)
	in.Records, in.First, in.Last = 0, nil, nil
	return &analyze.Report{Inputs: []analyze.Input{in}}
}

// storyLogins is a connection without messages that could have been seen.
func storyLogins() *analyze.Report {
	r := &analyze.Report{Inputs: []analyze.Input{input("1", "a.pcap", 3000), input("2", "b.pcap", 500)},
		Parties:  []analyze.Party{party("p1", "192.0.2.11", "")},
		Services: []analyze.ServiceUse{use("whatsapp", "p1", 0.97, "frame")},
		Warnings: []string{"the capture holds one direction only"},
		Limits:   []analyze.Limit{{What: "messages received", Why: "the capture holds one direction only"}}}
	for i := range 86 {
		e := event(i, at(i/3, i%3*20), "p1", "login", "", 1)
		e.Grade = "seen"
		r.Events = append(r.Events, e)
	}
	r.Inputs[1].Warnings = []string{"packet 500: cut short"}
	return r
}

// storyHostile has names that try to drive the terminal.
func storyHostile() *analyze.Report {
	r := storyCall()
	r.Parties[0].Names = []analyze.Name{{Value: "\x1b]0;owned\x07\x1b[2J", How: "dhcp\x1b[31m", Grade: "seen"},
		{Value: "\u202egnp.exe\u2066", How: "mdns", Grade: "seen"}}
	r.Parties[1].Names = []analyze.Name{{Value: "a\nb\tc\r\u0085\u009b31m\x7f", How: "mdns", Grade: "likely"}}
	r.Parties[2].Names = []analyze.Name{{Value: "\xff\xfe" + string(make([]byte, 3)), How: "netbios", Grade: "likely"},
		{Value: "eine-sehr-lange-Bezeichnung-ohne-ein-einziges-Leerzeichen-die-nie-in-eine-Spalte-passt", How: "dns", Grade: "likely"}}
	r.Inputs[0].Path = "dir/\x1b[2Jname.pcap"
	r.Warnings = []string{"bad name \x1b[31mred"}
	r.Events[0].Kind = "mes\x1bsage"
	r.Events[1].Peer = ptr("\x9b31m")
	r.Services[0].Service = "whats\x1bapp"
	r.Limits = append(r.Limits, analyze.Limit{What: "x\x1b", Why: "\u202ey"})
	return r
}
