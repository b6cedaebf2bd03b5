package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"envelope/analyze"
)

// corpusTable says what is read of each log of the corpus: the first digits of
// the SHA-256 of its name (some names are those of people), its format ("-" for
// one that is refused), records, and errors and warnings.
const corpusTable = "../../testdata/cases/logs/corpus.tsv"

// Every file is read by the right format or refused with a reason; none ends in
// silence. The table was gone through by hand; what changes it is looked at.
func TestLogsOfTheCorpus(t *testing.T) {
	dir := filepath.Dir(shared(t, "corpus", "logs", "magnc__eve.json"))
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		rep := reportOn(t, filepath.Join(dir, f.Name()))
		name := fmt.Sprintf("%.6x", sha256.Sum256([]byte(f.Name())))
		got = append(got, name+"\t"+readOf(&rep.Inputs[0]))
		if in := rep.Inputs[0]; in.Records == 0 && len(in.Warnings) == 0 {
			t.Errorf("%s: no record, and no word of why", name)
		}
	}
	slices.Sort(got)
	text := "file\tformat\trecords\twarnings\n" + strings.Join(got, "\n") + "\n"
	if *update {
		if err := os.WriteFile(corpusTable, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(corpusTable)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSuffix(string(want), "\n"), "\n"); string(want) != text {
		for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			if i >= len(lines) || line != lines[i] {
				t.Errorf("read %q, the table has %q", line, lines[min(i, len(lines)-1)])
			}
		}
	}
}

func readOf(in *analyze.Input) string {
	format := in.Format
	if format == "" {
		format = "-"
	}
	return fmt.Sprintf("%s\t%d\t%d", format, in.Records, len(in.Warnings))
}
