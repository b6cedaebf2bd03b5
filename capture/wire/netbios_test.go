package wire

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// netbiosLabel encodes a name as RFC 1001 section 14.1 says.
func netbiosLabel(name string, suffix byte) string {
	raw := []byte(fmt.Sprintf("%-15s", name) + string(rune(suffix)))
	var s strings.Builder
	for _, c := range raw {
		s.WriteByte('A' + c>>4)
		s.WriteByte('A' + c&15)
	}
	return s.String()
}

func TestParseNetBIOS(t *testing.T) {
	host := netbiosLabel("LAPTOP", 0x20) + "."
	registration := dnsPack(t, dnsmessage.Message{Header: dnsmessage.Header{OpCode: 5}, Questions: dnsQuestion(host, typeNB),
		Additionals: []dnsmessage.Resource{dnsRecord(host, dnsmessage.ClassINET, &dnsmessage.UnknownResource{Type: typeNB, Data: []byte{0, 0, 192, 0, 2, 7}})}})
	status := dnsPack(t, dnsmessage.Message{Header: dnsmessage.Header{Response: true},
		Answers: []dnsmessage.Resource{dnsRecord(host, dnsmessage.ClassINET, &dnsmessage.UnknownResource{Type: typeNBSTAT,
			Data: []byte("\x02LAPTOP         \x00\x04\x00WORKGROUP      \x00\x84\x00")})}})
	for _, c := range []struct {
		name string
		in   []byte
		want string
	}{
		{"registration", registration, "LAPTOP/20 192.0.2.7 true"},
		{"status", status, "LAPTOP/00 invalid IP true, WORKGROUP/00 invalid IP false"},
		{"cut status", status[:len(status)-1], ""},
	} {
		var got []string
		err := ParseNetBIOS(c.in, func(n NetBIOSName) {
			got = append(got, fmt.Sprintf("%s/%02x %v %v", n.Name, n.Suffix, n.Addr, n.Host()))
		})
		if strings.Join(got, ", ") != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s: got %q, %v", c.name, got, err)
		}
	}
	datagram := append(unhex(t, "110a0001 c0000207 008a 0064 0000 20"), netbiosLabel("LAPTOP", 0)+"\x00 more"...)
	if n, ok := ParseNetBIOSDatagram(datagram); !ok || n.Name != "LAPTOP" || n.Addr.String() != "192.0.2.7" {
		t.Errorf("datagram: %+v %v", n, ok)
	}
	if _, ok := ParseNetBIOSDatagram(datagram[:40]); ok {
		t.Error("a cut datagram was read")
	}
}

func FuzzNetBIOS(f *testing.F) {
	host := netbiosLabel("LAPTOP", 0x20) + "."
	f.Add(dnsPack(f, dnsmessage.Message{Answers: []dnsmessage.Resource{dnsRecord(host, dnsmessage.ClassINET, &dnsmessage.UnknownResource{Type: typeNB, Data: []byte{0, 0, 192, 0, 2, 7}})}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = ParseNetBIOS(b, func(n NetBIOSName) { n.Host() })
		ParseNetBIOSDatagram(b)
	})
}
