package packet

import (
	"encoding/binary"
	"testing"

	"envelope/capture"
)

func TestDecodeWiFi(t *testing.T) { checkDecode(t, wifiCases()) }

const (
	wifiA1 = "02 00 00 00 00 0a"
	wifiA2 = "02 00 00 00 00 0b"
	wifiA3 = "02 00 00 00 00 0c"
	wifiA4 = "02 00 00 00 00 0d"
	llc4   = "aaaa03 000000 0800"
)

// wifiOf is an 802.11 header of three addresses with what follows it.
func wifiOf(control string, sequence string, more ...[]byte) []byte {
	return glue(hexa(control+"0000"+wifiA1+wifiA2+wifiA3+sequence), glue(more...))
}

func wifiCases() []decodeCase {
	body := glue(hexa(llc4), udp4)
	plain := wifiOf("0802", "0000", body)
	qos := wifiOf("8801", "0000", hexa("0000"), body)
	tap := func(head string, frame []byte) []byte { return glue(hexa(head), frame) }
	msdu := func(body []byte) []byte { return glue(hexa(wifiA3+wifiA4), two(len(body)), body) }
	two4 := glue(msdu(body), make([]byte, 3-(14+len(body)-1)%4), msdu(body))
	prism := func(order binary.AppendByteOrder, code uint32, n int) []byte {
		return glue(order.AppendUint32(order.AppendUint32(nil, code), uint32(n)), make([]byte, n-8))
	}
	fcs := hexa("deadbeef")
	return []decodeCase{
		{"data", LinkWiFi, plain, saysUDP4},
		{"qos", LinkWiFi, qos, saysUDP4},
		{"qos and ht control", LinkWiFi, wifiOf("8881", "0000", hexa("0000 00000000"), body), saysUDP4},
		{"four addresses", LinkWiFi, wifiOf("0803", "0000", hexa(wifiA4), body), saysUDP4},
		{"four addresses and qos", LinkWiFi, wifiOf("8803", "0000", hexa(wifiA4+"0000"), body), saysUDP4},
		{"a-msdu", LinkWiFi, wifiOf("8802", "0000", hexa("8000"), two4), saysUDP4},
		{"protected", LinkWiFi, wifiOf("8842", "0000", hexa("0000 0100 0020 00000000"), make([]byte, 60)),
			"encrypted at the link layer: protected 802.11 frame"},
		{"decrypted by the driver", LinkWiFi, wifiOf("0842", "0000", body), saysUDP4},
		{"decrypted, cipher header left", LinkWiFi, wifiOf("0842", "0000", hexa("0100 0020 00000000"), body), saysUDP4},
		{"beacon", LinkWiFi, wifiOf("8000", "0000"), "not IP: 802.11 management or control frame"},
		{"ack", LinkWiFi, hexa("d400 0000" + wifiA1), "not IP: 802.11 management or control frame"},
		{"null", LinkWiFi, wifiOf("4801", "0000"), "not IP: 802.11 frame without data"},
		{"qos null", LinkWiFi, wifiOf("c801", "0000", hexa("0000")), "not IP: 802.11 frame without data"},
		{"later fragment", LinkWiFi, wifiOf("0802", "0100", body), "not IP: 802.11 fragment after the first"},
		{"eapol", LinkWiFi, wifiOf("0802", "0000", hexa("aaaa03 000000 888e 0103")), "not IP: EtherType is not IP"},
		{"version", LinkWiFi, wifiOf("0902", "0000", body), "malformed: 802.11 version"},
		{"cut", LinkWiFi, plain[:20], "malformed: cut inside the 802.11 header"},
		{"radiotap", LinkRadiotap, tap("0000 0800 00000000", plain), saysUDP4},
		{"radiotap checksum", LinkRadiotap, tap("0000 0900 02000000 10", glue(plain, fcs)), saysUDP4},
		{"radiotap timestamp and padding", LinkRadiotap,
			tap("0000 1100 03000000 0000000000000000 20", glue(qos[:26], hexa("0000"), qos[26:])), saysUDP4},
		{"radiotap chain", LinkRadiotap,
			tap("0000 1900 03000080 00000000 00000000 0000000000000000 10", glue(plain, fcs)), saysUDP4},
		{"radiotap wrong checksum", LinkRadiotap, tap("0000 0900 02000000 50", glue(plain, fcs)),
			"malformed: 802.11 frame with a wrong checksum"},
		{"radiotap length", LinkRadiotap, tap("0000 ffff 00000000", plain), "malformed: radiotap header"},
		{"ppi", LinkPPI, tap("0000 2000 69000000 0200 1400 0000000000000000 0100 0000 0000 0000 0000 0000", glue(plain, fcs)), saysUDP4},
		{"ppi ethernet", LinkPPI, tap("0000 0800 01000000", inEther), saysUDP4},
		{"prism", LinkPrism, glue(prism(binary.LittleEndian, 0x44, 144), plain), saysUDP4},
		{"avs", LinkPrism, glue(prism(binary.BigEndian, 0x80211001, 64), plain), saysUDP4},
	}
}

func TestWiFiAddresses(t *testing.T) {
	mac := func(last byte) capture.MAC { return capture.MAC{2, 0, 0, 0, 0, last} }
	for _, c := range []struct {
		control  string
		src, dst capture.MAC
	}{
		{"0800", mac(0xb), mac(0xa)}, // between stations
		{"0801", mac(0xb), mac(0xc)}, // to the access point
		{"0802", mac(0xc), mac(0xa)}, // from it
		{"0803", mac(0xd), mac(0xc)}, // between access points
	} {
		var p Packet
		NewDecoder().Decode(&Raw{Link: LinkWiFi, Data: wifiOf(c.control, "0000", hexa(wifiA4+llc4), udp4)}, &p)
		if p.SrcMAC != c.src || p.DstMAC != c.dst {
			t.Errorf("%s: %x to %x", c.control, p.SrcMAC, p.DstMAC)
		}
	}
}

func TestSkippedMSDUs(t *testing.T) {
	d := NewDecoder()
	for _, c := range wifiCases() {
		d.Decode(&Raw{Link: c.link, Data: c.data}, &Packet{})
	}
	if d.SkippedMSDUs() != 1 {
		t.Errorf("%d skipped, want the second of one frame", d.SkippedMSDUs())
	}
}
