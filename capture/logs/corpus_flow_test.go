package logs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"envelope/capture"
)

// flowCorpus finds the recorded logs by walking up.
func flowCorpus(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		for _, at := range []string{"shared", "../shared"} {
			path := filepath.Join(dir, at, "corpus", "logs")
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("the corpus is not here")
	}
	t.Skip("the corpus is not here")
	return ""
}

// TestFlowCorpus holds counts against other tools: rows of argus and ndpiReader by
// wc and awk, flows of tshark's lists by their distinct pairs of ends, packets and
// bytes of nfdump by its own summary.
func TestFlowCorpus(t *testing.T) {
	folder := flowCorpus(t)
	for _, c := range []struct {
		file, format    string
		records, errors int
		packets, bytes  uint64 // of all flows; 0 is not compared
	}{
		{"argus__lnx_telegram__evening1.csv", "argus", 1029, 0, 0, 0},
		{"argus__signal.csv", "argus", 25, 0, 0, 0},
		{"argus__stun_wa_call.csv", "argus", 31, 0, 0, 0},
		{"argus__whatsapp_login_call.csv", "argus", 108, 0, 0, 0},
		{"argus__wissamnd__whatsappCall.csv", "argus", 161, 0, 0, 0},
		{"ndpireader42__lnx_telegram__evening1.csv", "ndpireader-csv", 4, 0, 5570, 0},
		{"ndpireader42__signal.csv", "ndpireader-csv", 19, 0, 637, 0},
		{"ndpireader42__stun_wa_call.csv", "ndpireader-csv", 13, 0, 591, 0},
		{"ndpireader42__whatsapp_login_call.csv", "ndpireader-csv", 57, 0, 1251, 0},
		{"ndpireader42__wissamnd__whatsappCall.csv", "ndpireader-csv", 37, 0, 0, 0},
		{"nfdump17__lnx_telegram__evening1.csv", "nfdump-csv", 276, 0, 5570, 937255},
		{"nfdump17__lnx_telegram__evening1.json", "nfdump-json", 276, 0, 5570, 937255},
		{"nfdump17__lnx_telegram__evening1.txt", "nfdump-text", 276, 0, 5570, 937255},
		{"nfdump17__lnx_telegram__evening1.ext.txt", "nfdump-text", 276, 0, 5570, 937255},
		{"nfdump17__signal.csv", "nfdump-csv", 19, 0, 637, 306850},
		{"nfdump17__signal.json", "nfdump-json", 19, 0, 637, 306850},
		{"nfdump17__signal.ext.txt", "nfdump-text", 19, 0, 637, 306850},
		{"nfdump17__whatsapp_login_call.json", "nfdump-json", 74, 0, 1251, 175592},
		{"nfdump17__whatsapp_login_call.txt", "nfdump-text", 72, 2, 0, 0}, // shortened IPv6 addresses
		{"nfdump17__wissamnd__whatsappCall.txt", "nfdump-text", 69, 11, 0, 0},
		{"nfcapd17__whatsapp_login_call.nfcapd", "nfcapd", 0, 1, 0, 0},
		{"tshark40__lnx_telegram__evening1.csv", "tshark-fields", 4, 0, 5570, 1015235},
		{"tshark40__signal.csv", "tshark-fields", 18, 0, 0, 0},
		{"tshark40__stun_wa_call.csv", "tshark-fields", 12, 0, 0, 0},
		{"tshark40__whatsapp_login_call.csv", "tshark-fields", 56, 0, 0, 0},
		{"tshark40__wissamnd__whatsappCall.csv", "tshark-fields", 34, 0, 0, 0},
		{"graylog_netflow__netflow-v5-1.dat", "netflow", 15, 0, 0, 0},
		{"graylog_netflow__netflow-v9-2-2.dat", "netflow", 0, 1, 0, 0}, // without its template
		{"thelegitbaljit__AttackerSent.csv", "wireshark-list", 0, 1, 0, 0},
		{"wissamnd__whatsappCall.csv", "wireshark-list", 0, 1, 0, 0},
		{"dmbb_xmpp__GroupChatTalkative.csv", "wireshark-list", 0, 1, 0, 0},
	} {
		in, err := capture.Open(filepath.Join(folder, c.file), 0, ownFormats())
		if err != nil {
			t.Error(err)
			continue
		}
		records, errs, packets, bytes := 0, 0, uint64(0), uint64(0)
		for rec, err := range in.All() {
			if err != nil {
				errs++
				continue
			}
			records++
			packets += rec.Flow.Carries()
			bytes += rec.Flow.Bytes[capture.Up] + rec.Flow.Bytes[capture.Down]
		}
		if in.Format != c.format || records != c.records || errs != c.errors || c.packets != 0 && packets != c.packets || c.bytes != 0 && bytes != c.bytes {
			t.Errorf("%s: %s, %d records, %d errors, %d packets, %d bytes; want %+v", c.file, in.Format, records, errs, packets, bytes, c)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFlowAndResolverContents plants a word wherever a log could hold what is not ours
// to keep: columns that are not read, foreign lines, and cells that are broken.
func TestFlowAndResolverContents(t *testing.T) {
	const canary = "canarywordinplainsight"
	for _, c := range familyCases {
		text := c.text + canary + " " + canary + "\n" + strings.Repeat("\x00\x1b[31m"+canary, 3) + "\n" + strings.ReplaceAll(c.text, "192.0.2.10", "not an address "+canary)
		in, err := capture.OpenReader(strings.NewReader(text), "log", 0, ownFormats())
		if err != nil {
			t.Error(err)
			continue
		}
		for rec, err := range in.All() {
			if err != nil && strings.Contains(err.Error(), canary) || err == nil && strings.Contains(shown(&rec), canary) {
				t.Errorf("%s: the word is in %v", c.name, err)
			}
		}
		if strings.Contains(strings.Join(in.Warnings, " "), canary) {
			t.Errorf("%s: the word is in %q", c.name, in.Warnings)
		}
	}
}

// TestFlowAndResolverHostile reads every log with a line of 10 MB, other
// encodings and a cut end: what stands before is read as ever.
func TestFlowAndResolverHostile(t *testing.T) {
	long := strings.Repeat("x", 10<<20)
	for _, c := range familyCases {
		whole := strings.Join(c.want, "\n")
		_, got, errs := readAll(t, c.text+"\xff\xfe\x00\n"+long+"\n"+c.text[:len(c.text)/2], ownFormats())
		if len(errs) == 0 || !strings.HasPrefix(strings.Join(got, "\n"), whole[:len(whole)/3]) {
			t.Errorf("%s: %d errors, records %q", c.name, len(errs), got)
		}
	}
}
