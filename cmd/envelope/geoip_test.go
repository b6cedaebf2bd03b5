package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// A place database by hand (MaxMind DB file format 2.0): one node, whose left
// branch, the addresses below 128.0.0.0, is a place, and whose right is empty.

func mmdbMap(pairs ...string) string {
	out := string([]byte{byte(7<<5 | len(pairs)/2)})
	for i := 0; i < len(pairs); i += 2 {
		out += mmdbText(pairs[i]) + pairs[i+1]
	}
	return out
}

// mmdbText writes strings of up to 284 bytes.
func mmdbText(s string) string {
	if len(s) < 29 {
		return string([]byte{byte(2<<5 | len(s))}) + s
	}
	return string([]byte{2<<5 | 29, byte(len(s) - 29)}) + s
}

func mmdbUint(kind, n byte) string { return string([]byte{kind<<5 | 1, n}) }

func mmdbFile() string {
	tree := "\x00\x00\x11" + "\x00\x00\x01" // 1 node, 24-bit records: 1+16 is the first byte of the data
	data := mmdbMap("country", mmdbMap("iso_code", mmdbText("NL"), "names", mmdbMap("en", mmdbText("Netherlands"))),
		"city", mmdbMap("names", mmdbMap("en", mmdbText("Delft"))))
	meta := mmdbMap("node_count", mmdbUint(6, 1), "record_size", mmdbUint(5, 24), "ip_version", mmdbUint(5, 4),
		"database_type", mmdbText("Test"), "languages", "\x00\x04", "binary_format_major_version", mmdbUint(5, 2),
		"binary_format_minor_version", "\xa0", "build_epoch", "\x01\x02\x01", "description", "\xe0")
	return tree + string(make([]byte, 16)) + data + "\xab\xcd\xefMaxMind.com" + meta
}

func TestPlaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "places.mmdb")
	if err := os.WriteFile(path, []byte(mmdbFile()), 0o600); err != nil {
		t.Fatal(err)
	}
	where, err := openPlaces(path)
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]string{"100.0.2.1": "Delft, Netherlands", "::ffff:100.0.2.1": "Delft, Netherlands", "203.0.113.1": "", "2001:db8::1": ""} {
		if got := where(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is in %q, want %q", addr, got, want)
		}
	}
	if _, err := openPlaces(path + ".none"); err == nil {
		t.Error("a database that is not there opens")
	}
}
