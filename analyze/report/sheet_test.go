package report

import (
	"strings"
	"testing"
)

func TestSheet(t *testing.T) {
	titles := []string{"figure", "report", "other"}
	want := "figure       report  other\n" +
		"--------------------------\n" +
		"contacts\n" +
		"  recall      0.950      -\n" +
		"  precision   1.000    0.5\n"
	rows := [][]string{{"contacts", "", ""}, {"  recall", "0.950", "-"}, {"  precision", "1.000", "0.5"}}
	var b strings.Builder
	if err := Sheet(&b, titles, rows, 0); err != nil {
		t.Fatal(err)
	}
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestSheetNarrow(t *testing.T) {
	titles := []string{"figure", "the report itself", "another method", "a third method"}
	rows := [][]string{{"a figure with a long name", "1", "2", "3"}}
	var b strings.Builder
	if err := Sheet(&b, titles, rows, minWidth); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := width(strings.TrimSuffix(line, "\n")); n > minWidth {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	if !strings.Contains(strings.Join(strings.Fields(b.String()), " "), "a third method 3") {
		t.Errorf("what did not fit is lost:\n%s", b.String())
	}
}
