package logs

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"envelope/capture"
)

// formatSample is a good input of one format, with the canary in every place that
// can hold content.
type formatSample struct {
	text string
	// lines says that each line stands for itself: a bad one before the last
	// changes nothing else.
	lines bool
}

// sampleOptions are those under which all formats are there.
func sampleOptions() Options {
	return Options{Columns: &Columns{Names: map[string]string{"start": "zeit", "from": "von", "to": "nach", "kind": "art"}, Values: map[string]string{"gespräch": "call"}, Separator: ';'}}
}

// sampledFormats are all formats in the order in which they are asked.
func sampledFormats() []capture.Format { return Formats(sampleOptions()) }

// formatSamples gives the samples of all formats by name.
func formatSamples(t testing.TB) map[string]formatSample {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("..", "..", "testdata", "cases", "canary", "inputs.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]formatSample{}
	for _, f := range archive.Files {
		dir, name, _ := strings.Cut(f.Name, "/")
		all[name] = formatSample{string(f.Data), dir == "lines"}
	}
	database, err := os.ReadFile(databaseOf(t, strings.ReplaceAll(imessageTables, "CANARY", canary)))
	if err != nil {
		t.Fatal(err)
	}
	all["nfcapd"] = formatSample{text: "\x0c\xa5\x02\x00" + canary}
	all["sqlite"] = formatSample{text: string(database)}
	all["netflow"] = formatSample{text: netflow5Sample()}
	return all
}

// netflow5Sample is a datagram of version 5 with one flow: 24 bytes of header,
// 48 of flow (Cisco, "NetFlow Export Datagram Format").
func netflow5Sample() string {
	b := binary.BigEndian.AppendUint16(nil, 5)
	b = binary.BigEndian.AppendUint16(b, 1)
	b = binary.BigEndian.AppendUint32(b, 60_000) // uptime
	b = binary.BigEndian.AppendUint32(b, 1767600000)
	b = append(b, make([]byte, 12)...)
	b = append(b, 192, 0, 2, 10, 198, 51, 100, 7, 0, 0, 0, 0, 0, 1, 0, 2)
	for _, n := range []uint32{9, 900, 50_000, 59_000} { // packets, bytes, first, last
		b = binary.BigEndian.AppendUint32(b, n)
	}
	b = binary.BigEndian.AppendUint16(b, 50112)
	b = binary.BigEndian.AppendUint16(b, 443)
	return string(append(b, 0, 0x18, 6, 0, 0, 0, 0, 0, 24, 24, 0, 0))
}
