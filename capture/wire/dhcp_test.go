package wire

import (
	"net/netip"
	"testing"

	"envelope/capture"
)

// dhcp4 builds a DHCPv4 message with options.
func dhcp4(op byte, assigned [4]byte, options string) []byte {
	b := make([]byte, dhcpOptions)
	b[0], b[1], b[2] = op, 1, 6
	copy(b[16:], assigned[:])
	copy(b[28:], []byte{2, 0, 0, 0, 0, 1})
	copy(b[236:], []byte{0x63, 0x82, 0x53, 0x63})
	return append(b, options...)
}

func TestParseDHCP(t *testing.T) {
	mac := capture.MAC{2, 0, 0, 0, 0, 1}
	for _, c := range []struct {
		name string
		in   []byte
		ok   bool
		want DHCP
	}{
		{"request", dhcp4(1, [4]byte{}, "\x35\x01\x03\x00\x32\x04\xc0\x00\x02\x05\x0c\x05phone\x3c\x0fandroid-dhcp-13\xff"), true,
			DHCP{Type: DHCPRequest, MAC: mac, HostName: "phone", Vendor: "android-dhcp-13", Asked: netip.MustParseAddr("192.0.2.5")}},
		{"ack", dhcp4(2, [4]byte{192, 0, 2, 5}, "\x35\x01\x05\xff"), true, DHCP{Type: DHCPAck, Reply: true, MAC: mac, Assigned: netip.MustParseAddr("192.0.2.5")}},
		{"full name", dhcp4(1, [4]byte{}, "\x35\x01\x03\x51\x11\x04\x00\x00\x06laptop\x04corp\x00\x00"), true,
			DHCP{Type: DHCPRequest, MAC: mac, HostName: "laptop", FQDN: "laptop.corp"}},
		{"control bytes", dhcp4(1, [4]byte{}, "\x35\x01\x03\x0c\x04a\x1b[m"), true, DHCP{Type: DHCPRequest, MAC: mac, HostName: "a.[m"}},
		{"option too long", dhcp4(1, [4]byte{}, "\x35\x01\x03\x0c\xffphone"), true, DHCP{Type: DHCPRequest, MAC: mac}},
		{"no type", dhcp4(1, [4]byte{}, "\xff"), false, DHCP{MAC: mac}},
		{"short", dhcp4(1, [4]byte{}, "")[:200], false, DHCP{}},
	} {
		var d DHCP
		if ok := ParseDHCP(c.in, &d); ok != c.ok || d != c.want {
			t.Errorf("%s: %v %+v", c.name, ok, d)
		}
	}
}

func TestParseDHCPv6(t *testing.T) {
	b := unhex(t, `03 000001 0001000e 00010001 00000001 020000000001
		0027 000c 01 06 6c6170746f70 03 6c616e
		0003 0028 00000001 00000000 00000000 00050018 20010db8000000000000000000000005 00000000 00000000`)
	var d DHCP
	want := DHCP{V6: true, Type: 3, MAC: capture.MAC{2, 0, 0, 0, 0, 1}, HostName: "laptop", FQDN: "laptop.lan", Assigned: netip.MustParseAddr("2001:db8::5")}
	if !ParseDHCPv6(b, &d) || d != want {
		t.Errorf("got %+v", d)
	}
	if ParseDHCPv6(b[:len(b)-1], &d) {
		t.Error("a cut message was read whole")
	}
}

func FuzzDHCP(f *testing.F) {
	f.Add(dhcp4(1, [4]byte{}, "\x35\x01\x03\x51\x11\x04\x00\x00\x06laptop\x04corp\x00\x00\xff"))
	f.Add(unhex(f, "03000001 0001000e 00010001 00000001 020000000001"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d DHCP
		ParseDHCP(b, &d)
		ParseDHCPv6(b, &d)
	})
}
