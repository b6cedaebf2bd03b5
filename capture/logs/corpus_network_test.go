package logs

import (
	"os"
	"path/filepath"
	"testing"

	"envelope/capture"
)

// networkFolder is the folder of real logs beside the repository. Where that is
// absent the test is skipped, in CI it fails.
func networkFolder(t *testing.T) string {
	t.Helper()
	for up := ".."; len(up) < 30; up += "/.." {
		if dir := filepath.Join(up, "shared", "corpus", "logs"); isFolder(dir) {
			return dir
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("the folder shared beside the repository is absent")
	}
	t.Skip("needs the folder shared beside the repository, with real logs")
	return ""
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// TestCorpusNetwork: rows were counted with grep and jq. Zeek's baselines have
// XXXXXXXXXX.XXXXXX for most times: each such row is an error. Several records
// of one row of dns.log are its addresses.
func TestCorpusNetwork(t *testing.T) {
	folder := networkFolder(t)
	for _, c := range []struct {
		file, format          string
		records, errs, warned int
	}{
		{"evanswj_json__conn.log", "zeek-conn", 110, 0, 0},
		{"evanswj_json__ssl.log", "zeek-ssl", 50, 0, 0},
		{"rita_json__dns.log", "zeek-dns", 34, 0, 0},
		{"rita_json__open_ssl.log", "zeek-ssl", 20, 0, 0},
		{"zat_json__dns.log", "zeek-dns", 98, 0, 0},
		{"zat_json__ssl.log", "zeek-ssl", 50, 0, 0},
		{"zat_tsv__dns.log", "zeek-dns", 141, 0, 0},
		{"zat_tsv__ssl.log", "zeek-ssl", 37, 0, 0},
		{"zat_tsv__http.log", "zeek-other", 0, 0, 1},
		{"zat_tsv__weird.log", "zeek-other", 0, 0, 1},
		{"wrccdc_json__smtp.json.gz", "zeek-smtp", 0, 0, 0},
		{"wrccdc_tsv__dpd.log.gz", "zeek-other", 0, 0, 1},
		{"wrccdc_tsv__ntp.log.gz", "zeek-other", 0, 0, 1},
		{"wrccdc_tsv__ssl.log.gz", "zeek-ssl", 49474, 0, 0},
		{"wrccdc_tsv__x509.log.gz", "zeek-other", 0, 0, 1},
		{"magnc__eve.json", "suricata-eve", 227, 0, 0},
		{"xhpx__eve.json", "suricata-eve", 4, 0, 0},
		{"crowdsec__suricata-eve-detect.json", "suricata-eve", 0, 0, 1},
		{"zeekbl__scripts.base.protocols.irc.basic__conn.log", "zeek-conn", 0, 3, 0},
		{"zeekbl__scripts.base.protocols.quic.interop.quic-go_quic-go.handshake__conn.log.cut", "zeek-conn", 0, 3, 0},
		{"zeekbl__scripts.base.protocols.quic.interop.quic-go_quic-go.retry__quic.log", "zeek-quic", 2, 0, 0},
		{"zeekbl__scripts.base.protocols.quic.dpd-custom-port__quic.log", "zeek-quic", 0, 1, 0},
		{"zeekbl__scripts.base.protocols.smtp.bdat-gap__conn.log.cut", "zeek-conn", 0, 1, 0},
		{"zeekbl__scripts.base.protocols.smtp.one-side__smtp.log", "zeek-smtp", 0, 2, 0},
		{"zeekbl__scripts.base.protocols.sip.junk__sip.log", "zeek-sip", 0, 1, 0},
		{"zeekbl__scripts.base.protocols.mqtt.mqtt__mqtt_publish.log", "zeek-other", 0, 0, 1},
		{"zeekbl__scripts.base.protocols.websocket.key-accept-wrong__websocket.log", "zeek-other", 0, 0, 1},
	} {
		t.Run(c.file, func(t *testing.T) {
			in, err := capture.Open(filepath.Join(folder, c.file), 0, Formats(Options{}))
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			errs := 0
			for _, err := range in.All() {
				if err != nil {
					errs++
				}
			}
			if in.Format != c.format || int(in.Records) != c.records || errs != c.errs || len(in.Warnings) != c.warned {
				t.Errorf("%s: %d records, %d errors, warnings %q", in.Format, in.Records, errs, in.Warnings)
			}
		})
	}
}
