package report

import (
	"io"
	"strings"
)

// Sheet writes rows of texts and figures as a table of at most width terminal
// columns, DefaultWidth where 0. The first column is text, in which leading
// spaces stay; the others are aligned to the right and move below the first
// where they do not fit. Each row must have a cell for each title; texts must
// be clean (see Clean).
func Sheet(w io.Writer, titles []string, rows [][]string, width int) error {
	if width == 0 {
		width = DefaultWidth
	}
	t := &table{}
	for i, title := range titles {
		t.cols = append(t.cols, column{title: title, right: i > 0, keep: len(titles) - i, prefix: title + " "})
	}
	for _, r := range rows {
		text := strings.TrimLeft(r[0], " ")
		indent := strings.Repeat(hard, len(r[0])-len(text))
		t.add(append([]string{indent + text}, r[1:]...)...)
	}
	return t.render(w, max(width, minWidth))
}
