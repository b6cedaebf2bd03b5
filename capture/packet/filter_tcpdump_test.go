package packet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// libpcapExpressions are held against libpcap. %s is the source and %d the
// destination address of a packet of the captures, and so on; see fillIn.
var libpcapExpressions = strings.Split(strings.TrimSpace(`
ip
ip6
tcp
udp
icmp
icmp6
igmp
not tcp
proto 17
ip proto 6
ip6 proto 17
proto \udp
host %s
src host %s
dst host %s
src %s
dst %s
src or dst host %s
src and dst host %s
host %s or %d
host %s and %d
host %s and not %d
not host %s and %d
not (host %s and %d)
host (%s or %d)
ip host %s
host %6
src host %6
ip6 host %6
net 10
net 192.168
src net 192.168
net 192.168.1
net 10.0.0.0/8
net 192.168.0.0/16 or 10.0.0.0/8
src net 192.168.0.0/16 and dst net 192.168.0.0/16
net 192.168.0.0 mask 255.255.0.0
net 0.0.1.0 mask 0.0.255.0
net 224.0.0.0/4
net 2000::/3
dst net fe80::/10
port 443
port 53 or 443
tcp port 443
udp port 443
udp port 53
src port 443
dst port 443
tcp src port 443
src or dst port 443
src and dst port 53
port %p
port %p or %q and host %s
portrange 1-1023
udp portrange 1024-65535
tcp dst portrange 400-500
portrange 500-400
not port 443
sctp
sctp port 2905
less 100
greater 1000
greater 60 and less 90
ether host %e
ether src %e
ether dst %e
tcp or udp and port 53
tcp or (udp and port 53)
udp and not port 53 and not port 443
host %s and tcp port (80 or 443)
(tcp or udp) and net 192.168 and !port 53 || icmp
ip and tcp and not port 80 or 443
not not udp && ! port 53
`), "\n")

// fillIn puts values of two packets into an expression: one of IPv4 with
// ports, and one of IPv6.
func fillIn(expr string, p, six *Packet) string {
	return strings.NewReplacer("%s", p.Src.String(), "%d", p.Dst.String(), "%6", six.Src.String(),
		"%p", fmt.Sprint(p.SrcPort), "%q", fmt.Sprint(p.DstPort), "%e", net.HardwareAddr(p.SrcMAC[:]).String()).Replace(expr)
}

// sample is packets that libpcap and this package look at alike: Ethernet
// without tags and tunnels, IP with no more than its own header in front of
// the transport header. The others are where the meaning differs on purpose.
type sample struct {
	file    []byte // a pcap whose time stamps are indices
	packets []Packet
}

func (s *sample) add(raw *Raw, p *Packet, v Verdict) {
	d := raw.Data
	if raw.Link != LinkEthernet || v.Outcome > NoPorts || p.VLANs > 0 || p.Tunnel > 0 || len(d) < 38 {
		return
	}
	switch t := binary.BigEndian.Uint16(d[12:]); {
	case t == etherIPv4 && d[23] == p.Proto && binary.BigEndian.Uint16(d[20:])&0x3fff == 0:
	case t == etherIPv6 && d[20] == p.Proto:
	default:
		return
	}
	kept := *p
	kept.Payload = nil
	for _, v := range []uint32{uint32(len(s.packets)), 0, uint32(len(d)), uint32(raw.Len)} {
		s.file = binary.LittleEndian.AppendUint32(s.file, v)
	}
	s.file = append(s.file, d...)
	s.packets = append(s.packets, kept)
}

func newSample() *sample {
	return &sample{file: littleFile.plain().b}
}

// corpusSample takes the first packets of each capture.
func corpusSample(t *testing.T) *sample {
	const each = 60
	s, d := newSample(), NewDecoder()
	for _, path := range captureFiles(t) {
		n := 0
		rawPackets(t, content(t, path), func(raw *Raw) {
			var p Packet
			if n++; n <= each {
				s.add(raw, &p, d.Decode(raw, &p))
			}
		})
	}
	return s
}

// TestAgainstLibpcap asks tcpdump which packets of the captures an expression
// selects, and compares packet by packet.
func TestAgainstLibpcap(t *testing.T) {
	if _, err := exec.LookPath("tcpdump"); err != nil {
		t.Skip("needs tcpdump")
	}
	s := corpusSample(t)
	file := filepath.Join(t.TempDir(), "sample.pcap")
	if err := os.WriteFile(file, s.file, 0o600); err != nil {
		t.Fatal(err)
	}
	empty := 0
	four, six := s.typical(4), s.typical(6)
	for _, expr := range libpcapExpressions {
		expr = fillIn(expr, four, six)
		theirs, err := s.libpcap(t, file, expr)
		if err != nil {
			t.Errorf("%q: %v", expr, err)
			continue
		}
		ours := s.ours(t, expr)
		if len(theirs) == 0 {
			empty++
		}
		if !slices.Equal(theirs, ours) {
			t.Errorf("%q selects %d packets, with libpcap %d of %d", expr, len(ours), len(theirs), len(s.packets))
		}
	}
	t.Logf("%d expressions over %d packets; %d select none", len(libpcapExpressions), len(s.packets), empty)
	if empty > 6 {
		t.Errorf("%d expressions select nothing and so show nothing", empty)
	}
}

// typical is the packet with ports whose source occurs most, of one IP version.
func (s *sample) typical(version uint8) *Packet {
	is, count := onVersion(version), map[string]int{}
	best := &Packet{}
	for i := range s.packets {
		if p := &s.packets[i]; is(p) && p.DstPort > 0 {
			if count[p.Src.String()]++; count[p.Src.String()] > count[best.Src.String()] {
				best = p
			}
		}
	}
	return best
}

func (s *sample) ours(t *testing.T, expr string) (selected []int) {
	f, err := ParseFilter(expr)
	if err != nil {
		t.Errorf("%q: %v", expr, err)
		return nil
	}
	for i := range s.packets {
		if f.Match(&s.packets[i]) {
			selected = append(selected, i)
		}
	}
	return selected
}

func (s *sample) libpcap(t *testing.T, file, expr string) (selected []int, err error) {
	var complaint bytes.Buffer
	cmd := exec.Command("tcpdump", "-n", "-r", file, "-w", "-", expr)
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, complaint.String())
	}
	rawPackets(t, out, func(raw *Raw) { selected = append(selected, int(raw.Time/1e9)) })
	return selected, nil
}
