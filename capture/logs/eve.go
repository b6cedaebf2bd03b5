package logs

import (
	"bytes"
	"fmt"
	"net/netip"

	"time"

	"envelope/capture"
)

// Fields of Suricata's eve.json that are read (docs.suricata.io, "Eve JSON
// Format"), in the order of eveKeys.
const (
	eveType = iota
	eveTime
	eveFlowID
	eveSrcAddr
	eveSrcPort
	eveDstAddr
	eveDstPort
	eveProto
	eveUpPackets
	eveDownPackets
	eveUpBytes
	eveDownBytes
	eveStart
	eveEnd
	eveSNI
	eveALPN
	eveJA4
	eveQUICHost
	eveQUICJA4
	eveDNSType
	eveDNSName
	eveDNSQueries
	eveDNSAnswers
	eveDNSGrouped
	eveDNSData
	eveLeaseType
	eveLeaseMAC
	eveLeaseAddr
	eveLeaseClient
	eveLeaseName
	eveLeaseTime
	eveMethod
	eveURI
)

var eveKeys = []string{"event_type", "timestamp", "flow_id", "src_ip", "src_port", "dest_ip", "dest_port", "proto",
	"flow.pkts_toserver", "flow.pkts_toclient", "flow.bytes_toserver", "flow.bytes_toclient", "flow.start", "flow.end",
	"tls.sni", "tls.client_alpns", "tls.ja4", "quic.sni", "quic.ja4",
	"dns.type", "dns.rrname", "dns.queries", "dns.answers", "dns.grouped", "dns.rdata",
	"dhcp.dhcp_type", "dhcp.client_mac", "dhcp.assigned_ip", "dhcp.client_ip", "dhcp.hostname", "dhcp.lease_time",
	"sip.method", "sip.uri"}

func eveFormat(o Options) capture.Format {
	return capture.Format{
		Name: "suricata-eve", Title: "Suricata eve.json", Observer: capture.Network, Grain: capture.GrainFlow,
		Shows: []string{"who", "when", "duration", "volume", "service", "device", "presence"},
		Hides: flowHides + "; its bytes count link headers too, and its SIP rows do not name the caller",
		Sniff: sniffLines(func(line []byte) bool {
			p := newJSONLine("event_type", "timestamp")
			_ = p.scan(line) // a line that is cut will do
			return p.values[0].kind == jsonString && p.values[1].kind == jsonString
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			e := &eve{rawValues: newRawValues(o.zone()), r: r, json: newJSONLine(eveKeys...),
				record: newJSONLine("rrname", "rdata"), grouped: newJSONLine("A", "AAAA"), devices: map[capture.MAC]string{}}
			return e.line, e.end
		}),
	}
}

// eve reads one eve.json.
type eve struct {
	*rawValues
	r                     *reader
	json, record, grouped *jsonLine
	flow                  capture.Flow
	used                  bool                   // an event of a type that is read was there
	asked                 bool                   // questions are logged, and not only answers
	devices               map[capture.MAC]string // host names of those that asked for a lease
}

// maxDevices bounds the devices whose host name is kept.
const maxDevices = 100_000

func (e *eve) text(field int) []byte { return e.json.values[field].text }

// end says of an input that holds only alerts and the like why it gave nothing.
func (e *eve) end() error {
	if !e.used {
		e.r.in.Warn("none of its events is of the types flow, tls, quic, dns, dhcp or sip: nothing of eve.json but these is used")
	}
	return nil
}

func (e *eve) line(line []byte) error {
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	if err := e.json.scan(line); err != nil {
		return err
	}
	take := e.event(e.text(eveType))
	if take == nil {
		return nil
	}
	e.used = true
	at, ok := e.stamp(e.text(eveTime))
	if !ok {
		return fmt.Errorf("timestamp: %s is no time", quoted(string(e.text(eveTime))))
	}
	return take(at)
}

// event is what reads an event of a type, nil for a type that tells nothing to us.
func (e *eve) event(kind []byte) func(capture.Time) error {
	switch string(kind) {
	case "flow":
		return e.ended
	case "tls", "quic":
		return e.named
	case "dns":
		return e.lookup
	case "dhcp":
		return e.lease
	case "sip":
		return e.call
	}
	return nil
}

// begin fills in what all rows of a flow say.
func (e *eve) begin(at capture.Time) error {
	e.flow = capture.Flow{
		Client: e.addrPort(e.text(eveSrcAddr), e.text(eveSrcPort)), Server: e.addrPort(e.text(eveDstAddr), e.text(eveDstPort)),
		ClientHow: "log", First: at, Last: at, Ref: e.ref(e.text(eveFlowID)), Proto: eveProtocol(e.text(eveProto)),
	}
	if !e.flow.Client.Addr().IsValid() || !e.flow.Server.Addr().IsValid() {
		return fmt.Errorf("an event of a flow without two addresses (src_ip, dest_ip)")
	}
	return nil
}

// eveProtocol is the protocol number of a name.
func eveProtocol(name []byte) uint8 {
	switch string(name) {
	case "TCP":
		return ipTCP
	case "UDP":
		return ipUDP
	case "ICMP":
		return ipICMP
	case "IPv6-ICMP":
		return ipICMP6
	}
	return 0
}

func (e *eve) ended(at capture.Time) error {
	if start, ok := e.stamp(e.text(eveStart)); ok {
		at = start
	}
	if err := e.begin(at); err != nil {
		return err
	}
	f := &e.flow
	if end, ok := e.stamp(e.text(eveEnd)); ok {
		f.Last = max(f.Last, end)
	}
	f.Packets = [2]uint64{number(e.text(eveUpPackets)), number(e.text(eveDownPackets))}
	f.Bytes = [2]uint64{number(e.text(eveUpBytes)), number(e.text(eveDownBytes))}
	e.r.flow(f)
	return nil
}

// named gives the host of a flow, whose totals another row has.
func (e *eve) named(at capture.Time) error {
	if err := e.begin(at); err != nil {
		return err
	}
	f, host, how, ja4 := &e.flow, e.text(eveSNI), "sni", e.text(eveJA4)
	if string(e.text(eveType)) == "quic" {
		host, how, ja4 = e.text(eveQUICHost), "quic", e.text(eveQUICJA4)
	}
	if f.Host = e.hosts.get(host); f.Host != "" {
		f.HostHow = how
	}
	f.JA4 = e.words.get(ja4)
	for v := range e.json.items(e.json.values[eveALPN]) {
		f.ALPN = append(f.ALPN, e.words.get(v.text))
	}
	e.r.flow(f)
	return nil
}

// lookup gives what a DNS event says. Version 1 has a row for each record of an
// answer, version 2 one row for all of them, version 3 lists of questions too.
func (e *eve) lookup(at capture.Time) error {
	n := capture.Name{How: lookupHow(number(e.text(eveDstPort))), Client: e.addrs.get(e.text(eveSrcAddr)), Value: e.question()}
	if src := lookupHow(number(e.text(eveSrcPort))); number(e.text(eveSrcPort)) == 53 || src != "dns" {
		n.How, n.Client = src, e.addrs.get(e.text(eveDstAddr))
	}
	kind := string(e.text(eveDNSType))
	answer := kind == "answer" || kind == "response"
	e.asked = e.asked || !answer
	if reverseOrNone(n.Value) {
		return nil
	}
	found := false
	for _, addr := range e.answers() {
		found, n.Addr = true, addr
		e.r.name(at, &n)
	}
	if !found && n.How == "dns" && (!answer || !e.asked) {
		e.r.name(at, &n)
	}
	return nil
}

func (e *eve) question() string {
	if name := e.text(eveDNSName); len(name) > 0 {
		return e.hosts.get(name)
	}
	for v := range e.json.items(e.json.values[eveDNSQueries]) {
		if v.kind == jsonObject && e.record.scan(v.text) == nil {
			return e.hosts.get(e.record.values[0].text)
		}
	}
	return ""
}

// answers are the addresses of an answer, each once.
func (e *eve) answers() []netip.Addr {
	var list []netip.Addr
	add := func(text []byte) {
		a := e.addrs.get(text)
		for _, have := range list {
			if have == a {
				return
			}
		}
		if a.IsValid() && len(list) < maxAnswers {
			list = append(list, a)
		}
	}
	add(e.text(eveDNSData))
	for v := range e.json.items(e.json.values[eveDNSAnswers]) {
		if v.kind == jsonObject && e.record.scan(v.text) == nil {
			add(e.record.values[1].text)
		}
	}
	if v := e.json.values[eveDNSGrouped]; v.kind == jsonObject && e.grouped.scan(v.text) == nil {
		for _, kind := range e.grouped.values {
			for a := range e.grouped.items(kind) {
				add(a.text)
			}
		}
	}
	return list
}

// maxAnswers bounds the addresses taken of one answer: one of 64 KiB, the most
// DNS allows, holds some 4,000.
const maxAnswers = 4096

// lease joins the host name of a request with the address of its confirmation.
func (e *eve) lease(at capture.Time) error {
	mac := macOf(e.text(eveLeaseMAC))
	if mac == (capture.MAC{}) {
		return nil
	}
	if name := e.words.get(e.text(eveLeaseName)); name != "" && (len(e.devices) < maxDevices || e.devices[mac] != "") {
		e.devices[mac] = name
	}
	if string(e.text(eveLeaseType)) != "ack" {
		return nil
	}
	n := capture.Name{How: "dhcp", MAC: mac, Value: e.devices[mac], Addr: e.addrs.get(e.text(eveLeaseAddr))}
	if !n.Addr.IsValid() || n.Addr.IsUnspecified() { // to an inform: the address it has
		n.Addr = e.addrs.get(e.text(eveLeaseClient))
	}
	if !n.Addr.IsValid() || n.Addr.IsUnspecified() {
		return nil
	}
	n.Until = after(at, e.text(eveLeaseTime))
	e.r.name(at, &n)
	return nil
}

// call gives a request to set up a call: to whom, and from which address.
func (e *eve) call(at capture.Time) error {
	if string(e.text(eveMethod)) != "INVITE" {
		return nil
	}
	to := sipEnd(e.words.get(e.text(eveURI)))
	if to.Account == "" {
		return nil
	}
	from := e.addrPort(e.text(eveSrcAddr), e.text(eveSrcPort))
	e.r.entry(at, &capture.Entry{Kind: capture.EntryCall, Service: "sip", From: capture.End{Addr: from.Addr(), Port: from.Port()},
		To: []capture.End{to}, Unit: time.Microsecond, Call: &capture.CallEntry{}})
	return nil
}
