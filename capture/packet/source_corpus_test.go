package packet

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"envelope/capture"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/pcapgo"
)

// captureFiles gives the paths of all captures in the folder shared beside the
// repository. Where that is absent the test is skipped, in CI it fails.
func captureFiles(tb testing.TB) []string {
	tb.Helper()
	shared := sharedFolder()
	if shared == "" {
		if os.Getenv("CI") == "true" {
			tb.Fatal("the folder shared beside the repository is absent")
		}
		tb.Skip("needs the folder shared beside the repository, with real captures")
	}
	var files []string
	for _, dir := range []string{"corpus/pcap", "lab"} {
		err := filepath.WalkDir(filepath.Join(shared, dir), func(path string, _ fs.DirEntry, err error) error {
			if strings.Contains(path, ".pcap") || strings.HasSuffix(path, ".cap") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return files
}

func sharedFolder() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
	shared := filepath.Join(filepath.Dir(dir), "shared")
	if _, err := os.Stat(shared); err != nil {
		return ""
	}
	return shared
}

// content is a capture without its compression.
func content(tb testing.TB, path string) []byte {
	tb.Helper()
	in, err := capture.Open(path, 0, []capture.Format{{Sniff: SniffPcap}, {Sniff: SniffPcapng}})
	if err != nil {
		tb.Fatal(err)
	}
	defer in.Close()
	b, err := io.ReadAll(in.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// gopacketReader opens a capture with pcapgo.
func gopacketReader(b []byte) (gopacket.ZeroCopyPacketDataSource, error) {
	if SniffPcapng(b) {
		return pcapgo.NewNgReader(bytes.NewReader(b), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	}
	r, err := pcapgo.NewReader(bytes.NewReader(b))
	if err == nil {
		r.SetSnaplen(maxPacket)
	}
	return r, err
}

// known are the captures that pcapgo reads otherwise, and why ours is right.
var known = map[string]string{
	"pcapngtest__output_be_advanced_test101.pcapng":  simple,
	"pcapngtest__output_le_advanced_test101.pcapng":  simple,
	"pcapngtest__output_be_basic_test011.pcapng":     simple,
	"pcapngtest__output_le_basic_test011.pcapng":     simple,
	"pcapngtest__output_be_difficult_test202.pcapng": simple,
	"pcapngtest__output_le_difficult_test202.pcapng": simple,
	"pcpp__pcapng-example.pcapng.zst":                "a time of the year 586524, which no 64 bits of nanoseconds hold",
	"tcpdump__aoe-oobr-1.pcap":                       longer,
	"tcpdump__slip-sliplink_print-oobr.pcap":         longer,
	"tcpdump__bgp_vpn_rt-oobr.pcap":                  "zeros behind the last packet, taken for empty packets",
	"tcpdump__rx_serviceid_oobr.pcap":                fraction,
	"fuzz-2021-06-07-c6c72a0a56.pcap":                fraction,
}

const (
	simple   = "a simple packet block has no time, and pcapgo makes it the year 1"
	fraction = "a fraction of more than 4 s overflows 32 bits of nanoseconds"
	longer   = "more captured than on the wire, where pcapgo stops"
)

// TestAgainstPcapgo compares numbers, lengths, times and bytes of all packets
// with those that pcapgo gives, up to where pcapgo stops.
func TestAgainstPcapgo(t *testing.T) {
	packets := 0
	for _, path := range captureFiles(t) {
		n, diff := comparePcapgo(content(t, path), path)
		packets += n
		if why, ok := known[filepath.Base(path)]; ok != (diff != "") {
			t.Errorf("%s: difference %q, known one %q", path, diff, why)
		}
	}
	t.Logf("%d packets", packets)
}

// comparePcapgo gives the number of packets that both read alike, and the
// first difference.
func comparePcapgo(b []byte, path string) (n int, diff string) {
	s, err := NewSource(bytes.NewReader(b), path)
	if err != nil {
		return 0, err.Error()
	}
	other, err := gopacketReader(b)
	if err != nil {
		return 0, "pcapgo: " + err.Error()
	}
	var p Raw
	for {
		ourErr := s.Next(&p)
		data, info, theirErr := other.ZeroCopyReadPacketData()
		switch {
		case ourErr == io.EOF && theirErr == io.EOF:
			return n, ""
		case ourErr != nil || theirErr != nil:
			return n, fmt.Sprintf("packet %d: %v; pcapgo: %v", n+1, ourErr, theirErr)
		case !bytes.Equal(p.Data, data):
			return n, fmt.Sprintf("packet %d: other bytes, %d and %d", n+1, len(p.Data), len(data))
		case p.Len != max(info.Length, info.CaptureLength):
			return n, fmt.Sprintf("packet %d: length %d, pcapgo: %d", n+1, p.Len, info.Length)
		case p.Time != capture.TimeOf(info.Timestamp):
			return n, fmt.Sprintf("packet %d: time %v, pcapgo: %v", n+1, p.Time.UTC(), info.Timestamp.UTC())
		}
		n++
	}
}

// TestRealErrors checks that no real capture gives an error but those known to
// be damaged.
func TestRealErrors(t *testing.T) {
	var got []string
	for _, path := range captureFiles(t) {
		s, err := NewSource(bytes.NewReader(content(t, path)), "")
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var p Raw
		for err != io.EOF {
			if err = s.Next(&p); err != nil && err != io.EOF {
				got = append(got, filepath.Base(path)+err.Error())
			}
		}
	}
	want := []string{
		"tcpdump__bgp_vpn_rt-oobr.pcap: packet 2: no record header here (it would give 0 captured bytes), and none found behind it",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// BenchmarkPcapgo is what BenchmarkSource is to be held against.
func BenchmarkPcapgo(b *testing.B) {
	for _, name := range []string{"pcap", "pcapng"} {
		file := benchFile(name)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := gopacketReader(file)
				for err == nil {
					_, _, err = r.ZeroCopyReadPacketData()
				}
				if err != io.EOF {
					b.Fatal(err)
				}
			}
		})
	}
}
