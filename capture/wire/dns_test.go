package wire

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func dnsName(s string) dnsmessage.Name { return dnsmessage.MustNewName(s) }

func dnsRecord(name string, class dnsmessage.Class, body dnsmessage.ResourceBody) dnsmessage.Resource {
	return dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: dnsName(name), Class: class, TTL: 60}, Body: body}
}

func dnsPack(t testing.TB, m dnsmessage.Message) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// dnsTold gives the names of a message as "name=address", joined.
func dnsTold(b []byte) (string, error) {
	var told []string
	err := ParseDNSAnswers(b, func(name string, a netip.Addr) { told = append(told, name+"="+a.String()) })
	return strings.Join(told, " "), err
}

func dnsQuestion(name string, kind dnsmessage.Type) []dnsmessage.Question {
	return []dnsmessage.Question{{Name: dnsName(name), Type: kind, Class: dnsmessage.ClassINET}}
}

func TestParseDNSAnswers(t *testing.T) {
	a := func(d byte) *dnsmessage.AResource { return &dnsmessage.AResource{A: [4]byte{192, 0, 2, d}} }
	inet := dnsmessage.ClassINET
	response := dnsmessage.Header{Response: true}
	for _, c := range []struct {
		name string
		m    dnsmessage.Message
		want string
	}{
		{"aliases fold back", dnsmessage.Message{Header: response, Questions: dnsQuestion("Chat.Example.", dnsmessage.TypeA),
			Answers: []dnsmessage.Resource{
				dnsRecord("chat.example.", inet, &dnsmessage.CNAMEResource{CNAME: dnsName("edge.example.")}),
				dnsRecord("edge.example.", inet, &dnsmessage.CNAMEResource{CNAME: dnsName("pop.example.")}),
				dnsRecord("pop.example.", inet, a(1)), dnsRecord("pop.example.", inet, a(2))},
			Additionals: []dnsmessage.Resource{dnsRecord("ns.example.", inet, a(9))}}, "chat.example=192.0.2.1 chat.example=192.0.2.2"},
		{"mdns", dnsmessage.Message{Header: response,
			Answers:     []dnsmessage.Resource{dnsRecord("Phone.local.", inet|0x8000, a(3))},
			Additionals: []dnsmessage.Resource{dnsRecord("phone.local.", inet, &dnsmessage.AAAAResource{AAAA: [16]byte{0xfe, 0x80, 15: 1}})}},
			"phone.local=192.0.2.3 phone.local=fe80::1"},
		{"mdns probe", dnsmessage.Message{Questions: dnsQuestion("phone.local.", dnsmessage.TypeALL),
			Authorities: []dnsmessage.Resource{dnsRecord("phone.local.", inet, a(4))}}, "phone.local=192.0.2.4"},
		{"query", dnsmessage.Message{Questions: dnsQuestion("chat.example.", dnsmessage.TypeA)}, ""},
		{"reverse", dnsmessage.Message{Header: response, Questions: dnsQuestion("5.2.0.192.in-addr.arpa.", dnsmessage.TypePTR),
			Answers: []dnsmessage.Resource{dnsRecord("5.2.0.192.in-addr.arpa.", inet, &dnsmessage.PTRResource{PTR: dnsName("host.example.")})}},
			"host.example=192.0.2.5"},
		{"reverse 6", dnsmessage.Message{Header: response,
			Answers: []dnsmessage.Resource{dnsRecord("1."+strings.Repeat("0.", 27)+"0.8.e.f.ip6.arpa.", inet, &dnsmessage.PTRResource{PTR: dnsName("host.example.")})}},
			"host.example=fe80::1"},
		{"hints", dnsmessage.Message{Header: response, Questions: dnsQuestion("web.example.", dnsmessage.TypeHTTPS),
			Answers: []dnsmessage.Resource{dnsRecord("web.example.", inet, &dnsmessage.HTTPSResource{SVCBResource: dnsmessage.SVCBResource{
				Priority: 1, Target: dnsName("."), Params: []dnsmessage.SVCParam{{Key: dnsmessage.SVCParamIPv4Hint, Value: []byte{192, 0, 2, 6, 192, 0, 2, 7, 1}}}}})}},
			"web.example=192.0.2.6 web.example=192.0.2.7"},
		{"filtered", dnsmessage.Message{Header: response, Questions: dnsQuestion("ads.example.", dnsmessage.TypeA),
			Answers: []dnsmessage.Resource{dnsRecord("ads.example.", inet, &dnsmessage.AResource{}), dnsRecord("ads.example.", inet, &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}})}}, ""},
		{"loop", dnsmessage.Message{Header: response, Questions: dnsQuestion("a.example.", dnsmessage.TypeA),
			Answers: []dnsmessage.Resource{
				dnsRecord("a.example.", inet, &dnsmessage.CNAMEResource{CNAME: dnsName("b.example.")}),
				dnsRecord("b.example.", inet, &dnsmessage.CNAMEResource{CNAME: dnsName("a.example.")}),
				dnsRecord("b.example.", inet, a(8))}}, "b.example=192.0.2.8"},
	} {
		got, err := dnsTold(dnsPack(t, c.m))
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func TestParseDNSCut(t *testing.T) {
	b := dnsPack(t, dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Questions: dnsQuestion("a.example.", dnsmessage.TypeA),
		Answers: []dnsmessage.Resource{dnsRecord("a.example.", dnsmessage.ClassINET, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}),
			dnsRecord("a.example.", dnsmessage.ClassINET, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 2}})}})
	if got, err := dnsTold(b[:len(b)-3]); err == nil || got != "a.example=192.0.2.1" {
		t.Errorf("cut message: %q, %v", got, err)
	}
	stream := append([]byte{0, byte(len(b))}, append(b, 0xFF)...)
	if got := DNSOverTCP(stream); string(got) != string(b) {
		t.Errorf("over TCP: %x", got)
	}
	name, kind, response, ok := ParseDNSQuestion(b)
	if name != "a.example" || kind != 1 || !response || !ok {
		t.Errorf("question: %q %d %v %v", name, kind, response, ok)
	}
}

func FuzzDNS(f *testing.F) {
	f.Add(dnsPack(f, dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Questions: dnsQuestion("a.example.", dnsmessage.TypeA),
		Answers: []dnsmessage.Resource{dnsRecord("a.example.", dnsmessage.ClassINET, &dnsmessage.CNAMEResource{CNAME: dnsName("b.example.")}),
			dnsRecord("b.example.", dnsmessage.ClassINET, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 2}})}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = ParseDNSAnswers(DNSOverTCP(b), func(string, netip.Addr) {})
		_ = ParseDNSAnswers(b, func(name string, a netip.Addr) {
			if name == "" || !a.IsValid() {
				t.Errorf("told %q %v", name, a)
			}
		})
		ParseDNSQuestion(b)
	})
}
