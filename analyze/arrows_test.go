package analyze_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows says which packages of this module each package may import: two
// columns that meet only in cmd and in capture. What is not listed imports
// nothing of this module.
var arrows = map[string][]string{
	"cmd/envelope":      {"analyze", "analyze/evaluate", "analyze/exposure", "analyze/identity", "analyze/report", "analyze/service", "capture", "capture/logs", "capture/packet", "capture/simulate"},
	"analyze":           {"analyze/correlate", "analyze/exposure", "analyze/identity", "analyze/infer", "analyze/service", "capture"},
	"analyze/evaluate":  {"analyze", "analyze/correlate", "analyze/report", "capture"},
	"analyze/report":    {"analyze", "analyze/exposure", "analyze/service", "capture"},
	"analyze/correlate": {"capture"},
	"analyze/exposure":  {"capture"},
	"analyze/identity":  {"capture"},
	"analyze/infer":     {"capture"},
	"analyze/service":   {"capture"},
	"capture":           {},
	"capture/logs":      {"capture"},
	"capture/packet":    {"capture", "capture/wire"},
	"capture/simulate":  {"capture", "capture/wire"},
	"capture/wire":      {"capture"},
}

func TestImportsRunAlongTheArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "envelope/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); ; seen++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, "envelope/")
		allowed, known := arrows[name]
		if !known {
			t.Errorf("%s: a new package; say in the table what it may import", name)
		}
		for _, path := range p.Imports {
			if to, ours := strings.CutPrefix(path, "envelope/"); ours && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s", name, to)
			}
		}
	}
	if seen != len(arrows) {
		t.Errorf("%d packages, the table has %d", seen, len(arrows))
	}
}
