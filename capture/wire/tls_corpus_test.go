package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// heardSegment is one transport payload with what puts TCP in order.
type heardSegment struct {
	proto    uint8
	src, dst netip.AddrPort
	seq      uint32
	syn      bool
	payload  []byte
}

// readTransport calls fn for the innermost TCP or UDP payload of each packet.
func readTransport(path string, fn func(*heardSegment)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var read func() ([]byte, gopacket.CaptureInfo, error)
	var link func() layers.LinkType
	if r, err := pcapgo.NewReader(f); err == nil {
		r.SetSnaplen(1 << 18)
		read, link = r.ReadPacketData, r.LinkType
	} else if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	} else if r, err := pcapgo.NewNgReader(f, pcapgo.DefaultNgReaderOptions); err == nil {
		read, link = r.ReadPacketData, r.LinkType
	} else {
		return err
	}
	for {
		data, _, err := read()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if s := innermost(gopacket.NewPacket(data, link(), gopacket.NoCopy)); s != nil {
			fn(s)
		}
	}
}

// innermost gives the last transport layer of a packet.
func innermost(p gopacket.Packet) (s *heardSegment) {
	var src, dst netip.Addr
	for _, l := range p.Layers() {
		switch l := l.(type) {
		case *layers.IPv4:
			src, _ = netip.AddrFromSlice(l.SrcIP)
			dst, _ = netip.AddrFromSlice(l.DstIP)
		case *layers.IPv6:
			src, _ = netip.AddrFromSlice(l.SrcIP)
			dst, _ = netip.AddrFromSlice(l.DstIP)
		case *layers.TCP:
			s = &heardSegment{proto: 6, seq: l.Seq, syn: l.SYN, payload: l.Payload}
			s.src, s.dst = netip.AddrPortFrom(src, uint16(l.SrcPort)), netip.AddrPortFrom(dst, uint16(l.DstPort))
		case *layers.UDP:
			s = &heardSegment{proto: 17, payload: l.Payload}
			s.src, s.dst = netip.AddrPortFrom(src, uint16(l.SrcPort)), netip.AddrPortFrom(dst, uint16(l.DstPort))
		}
	}
	return s
}

// heardFlow is one direction of a flow with the hello found in it.
type heardFlow struct {
	tcp       pieces
	base      uint32 // sequence number of the first byte
	started   bool
	quic      QUICHello
	dtls      DTLSHello
	cert      DTLSHello
	transport byte
	hello     *ClientHello
}

// direction names one direction of a flow.
type heardKey struct {
	proto    uint8
	src, dst netip.AddrPort
}

// hearFlows reads a capture and gives the client hellos, by direction.
func hearFlows(t *testing.T, path string) map[heardKey]*heardFlow {
	t.Helper()
	flows := map[heardKey]*heardFlow{}
	err := readTransport(path, func(s *heardSegment) {
		k := heardKey{s.proto, s.src, s.dst}
		f := flows[k]
		if f == nil {
			f = &heardFlow{}
			flows[k] = f
		}
		if s.proto == 6 {
			f.addTCP(s)
		} else {
			f.addUDP(s)
		}
	})
	if err != nil {
		t.Logf("%s: %v", filepath.Base(path), err)
	}
	for _, f := range flows {
		f.finish()
	}
	return flows
}

// certificate gives the names in the certificate that the stream holds.
func (f *heardFlow) certificate() (CertificateNames, error) {
	a := HelloAssembler{Want: HandshakeCertificate}
	a.AddStream(f.tcp.prefix())
	if f.transport == JA4DTLS {
		return ParseCertificateNames(f.cert.Message())
	}
	return ParseCertificateNames(a.Message())
}

// addTCP keeps the first 16 kB of the stream in the order of its numbers.
func (f *heardFlow) addTCP(s *heardSegment) {
	if s.syn {
		f.base, f.started = s.seq+1, true
		return
	}
	if len(s.payload) == 0 {
		return
	}
	if !f.started {
		f.base, f.started = s.seq, true
	}
	f.tcp.put(uint64(s.seq-f.base), s.payload)
}

func (f *heardFlow) addUDP(s *heardSegment) {
	switch {
	case f.hello != nil:
	case IsQUICInitial(s.payload) || f.transport == JA4QUIC:
		f.transport = JA4QUIC
		if done, _ := f.quic.Add(s.payload); done {
			f.hello = f.quic.Hello()
		}
	case IsDTLS(s.payload):
		f.transport = JA4DTLS
		f.cert.Want = HandshakeCertificate
		f.cert.Add(s.payload)
		if done, _ := f.dtls.Add(s.payload); done {
			f.hello = f.dtls.Hello()
		}
	}
}

// finish takes what is there at the end of the capture.
func (f *heardFlow) finish() {
	switch b := f.tcp.prefix(); {
	case f.hello != nil:
	case f.transport == JA4QUIC:
		f.hello = f.quic.Hello()
	case f.transport == JA4DTLS:
		f.hello = f.dtls.Hello()
	case IsSSLv2Hello(b):
		f.hello = new(ClientHello)
		ParseSSLv2Hello(b, f.hello)
	default:
		f.transport = JA4TCP
		f.hello = helloInStream(b)
	}
}

// helloInStream finds the hello at the start of a stream or, after STARTTLS, at
// the start of a later line.
func helloInStream(b []byte) *ClientHello {
	for i := range b {
		if i > 0 && b[i-1] != '\n' && b[i-1] != '>' || !startsHandshake(b[i:], HandshakeClientHello) {
			continue
		}
		var a HelloAssembler
		a.AddStream(b[i:])
		return a.Hello()
	}
	return nil
}

// helloLabel is what nDPI, an independent reader, printed of a flow.
type helloLabel struct {
	L4    string `json:"l4"`
	Src   string `json:"src"`
	Sport uint16 `json:"sport"`
	Dst   string `json:"dst"`
	Dport uint16 `json:"dport"`
	Host  string `json:"hostname"`
	ALPN  string `json:"alpn_adv"`
	JA4   string `json:"ja4"`
	Names string `json:"server_names"` // of the certificate
}

func (l *helloLabel) key() (heardKey, bool) {
	src, err1 := netip.ParseAddr(strings.Trim(l.Src, "[]"))
	dst, err2 := netip.ParseAddr(strings.Trim(l.Dst, "[]"))
	proto := map[string]uint8{"TCP": 6, "UDP": 17}[l.L4]
	return heardKey{proto, netip.AddrPortFrom(src, l.Sport), netip.AddrPortFrom(dst, l.Dport)}, err1 == nil && err2 == nil && proto != 0
}

// TestHellosAgainstLabels compares names, ALPN and JA4 with the labels. In JA4
// the hashes, version and number of suites must agree. nDPI 4.11 is left out of
// account where it departs from FoxIO's description: it takes the first two
// characters of the ALPN, and says "d" without SNI where it knows a host from
// elsewhere.
func TestHellosAgainstLabels(t *testing.T) {
	corpus := corpusDir(t)
	raw, err := os.ReadFile(filepath.Join(corpus, "labels.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]struct{ Flows []helloLabel }
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	var names, alpns, prints, certificates tally
	for path, v := range all {
		flows := hearFlows(t, filepath.Join(corpus, path))
		for _, l := range v.Flows {
			k, ok := l.key()
			if !ok {
				continue
			}
			client, server := flows[k], flows[heardKey{k.proto, k.dst, k.src}]
			if server != nil && server.hello != nil {
				// Where the server sent first, nDPI has the ends the other way round.
				client, server = server, client
			}
			if client != nil && client.hello != nil {
				compareHello(client, &l, path, &names, &alpns, &prints)
			} else if l.JA4 != "" {
				prints.add(false, "%s: no hello, want %s", path, l.JA4)
			}
			if l.Names != "" && server != nil {
				got, err := server.certificate()
				certificates.add(strings.EqualFold(strings.Join(got.DNSNames, ","), l.Names), "%s: certificate names %q, %v, want %q", path, got.DNSNames, err, l.Names)
			}
		}
	}
	names.report(t, "names", 0.98)
	alpns.report(t, "ALPN", 0.99)
	prints.report(t, "JA4", 0.98)
	certificates.report(t, "certificates", 0.9)
}

func compareHello(f *heardFlow, l *helloLabel, path string, names, alpns, prints *tally) {
	h := f.hello
	if l.Host != "" && h.SNI {
		names.add(strings.EqualFold(h.ServerName, l.Host), "%s: name differs", path)
	}
	if l.ALPN != "" {
		got := strings.Join(h.ALPN, ";")
		alpns.add(strings.HasPrefix(got, l.ALPN), "%s: ALPN %q, want %q", path, got, l.ALPN)
	}
	if l.JA4 != "" {
		got := h.JA4(f.transport)
		prints.add(comparableJA4(got) == comparableJA4(l.JA4), "%s: JA4 %q, want %q", path, got, l.JA4)
	}
}

// comparableJA4 leaves out SNI and ALPN.
func comparableJA4(s string) string {
	if len(s) != 36 {
		return s
	}
	return s[:3] + s[4:8] + s[10:]
}

// tally counts agreements and keeps what differs.
type tally struct {
	same, all int
	notes     []string
}

func (c *tally) add(same bool, format string, args ...any) {
	c.all++
	if same {
		c.same++
	} else {
		c.notes = append(c.notes, fmt.Sprintf(format, args...))
	}
}

// report fails below the share that must agree.
func (c *tally) report(t *testing.T, what string, least float64) {
	t.Helper()
	t.Logf("%s: %d of %d agree", what, c.same, c.all)
	if c.all == 0 || float64(c.same) < least*float64(c.all) {
		t.Errorf("%s: fewer than %.0f %% agree", what, 100*least)
	}
	slices.Sort(c.notes)
	for _, note := range c.notes {
		t.Log(note)
	}
}
