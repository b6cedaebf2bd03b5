package report

import (
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// gap is the space between two columns of a table, in terminal columns.
const gap = 2

// maxWord is the longest word that is kept in one piece at the cost of other
// columns, in terminal columns: an IPv6 address with brackets and port takes 47.
const maxWord = 47

// column is one column of a table and what becomes of it when room is short.
type column struct {
	title  string
	right  bool   // aligned to the right: numbers
	keep   int    // columns of the smallest keep move first
	least  int    // terminal columns below which the text would be hard to read
	prefix string // put before the value once it has moved under another column
	spare  bool   // left out, not moved: nice to have, and in the JSON in any case
	index  int    // place among the columns before any moved
}

// cell is the text of one column of one row, and below it what moved there.
type cell struct {
	text  string
	below []moved
}

// moved is a text that moved below another and the column that it came from.
type moved struct {
	index int
	text  string
}

// table is a table before it is laid out. Columns that do not fit the width
// move into the column named by into, a line below its own text.
type table struct {
	cols []column
	into int
	rows [][]cell
	more int // rows left out
}

// add appends a row of cleaned texts, one for each column.
func (t *table) add(texts ...string) {
	row := make([]cell, len(t.cols))
	for i := range row {
		row[i].text = texts[i]
	}
	t.rows = append(t.rows, row)
}

// width is the number of terminal columns that s takes. It does not depend on
// the locale, as that of the table library does by default.
func width(s string) int { return twwidth.WidthWithOptions(s, twwidth.Options{}) }

// dropEmpty takes out the columns that say nothing in any row.
func (t *table) dropEmpty() {
	for i := len(t.cols) - 1; i >= 0; i-- {
		said := slices.ContainsFunc(t.rows, func(r []cell) bool { return r[i].text != "" })
		if !said && i != t.into {
			t.drop(i)
		}
	}
}

func (t *table) drop(i int) {
	t.cols = slices.Delete(slices.Clone(t.cols), i, i+1)
	for n, r := range t.rows {
		t.rows[n] = slices.Delete(r, i, i+1)
	}
	if i < t.into {
		t.into--
	}
}

// fold moves column i below the text of the column into.
func (t *table) fold(i int) {
	for _, r := range t.rows {
		if r[i].text != "" {
			r[t.into].put(moved{t.cols[i].index, t.cols[i].prefix + r[i].text})
		}
	}
	t.drop(i)
}

// put keeps what moved in the order of the columns.
func (c *cell) put(m moved) {
	c.below = append(c.below, m)
	slices.SortStableFunc(c.below, func(a, b moved) int { return a.index - b.index })
}

// fit folds or leaves out columns until the rest can be shown in the width, and returns the
// width of each.
func (t *table) fit(total int) []int {
	for {
		want, least := t.measure(total)
		room := total - gap*(len(t.cols)-1)
		if sum(least) <= room {
			return shrink(want, least, room)
		}
		i := t.first()
		if i < 0 {
			return shrink(want, make([]int, len(want)), max(room, len(want)))
		}
		if t.cols[i].spare {
			t.drop(i)
		} else {
			t.fold(i)
		}
	}
}

// first is the column that folds first, -1 where none can.
func (t *table) first() int {
	best := -1
	for i, c := range t.cols {
		if i != t.into && (best < 0 || c.keep < t.cols[best].keep) {
			best = i
		}
	}
	return best
}

// measure gives for each column the width of its longest line and of its
// longest word, which is not broken as long as anything else can give way.
func (t *table) measure(total int) (want, least []int) {
	want, least = make([]int, len(t.cols)), make([]int, len(t.cols))
	for i, c := range t.cols {
		want[i], least[i] = width(c.title), width(c.title)
		for _, r := range t.rows {
			for _, line := range r[i].lines() {
				want[i] = min(max(want[i], width(line)), total)
				for word := range strings.SplitSeq(line, " ") {
					least[i] = max(least[i], min(width(word), maxWord))
				}
			}
		}
		least[i] = max(least[i], min(c.least, want[i]))
	}
	return want, least
}

// lines are the text and what moved below it, not wrapped.
func (c cell) lines() []string {
	if len(c.below) == 0 {
		return []string{c.text}
	}
	below := c.below[0].text
	for _, m := range c.below[1:] {
		below += "; " + m.text
	}
	if c.text == "" {
		return []string{below}
	}
	return []string{c.text, below}
}

// shrink takes room away from the widest columns until all fit.
func shrink(want, least []int, room int) []int {
	for sum(want) > room {
		widest := -1
		for i := range want {
			if want[i] > max(least[i], 1) && (widest < 0 || want[i] > want[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		want[widest]--
	}
	return want
}

func sum(v []int) int {
	n := 0
	for _, x := range v {
		n += x
	}
	return n
}

// render lays the table out in total terminal columns and writes it.
func (t *table) render(w io.Writer, total int) error {
	for i := range t.cols {
		t.cols[i].index = i
	}
	t.dropEmpty()
	widths := t.fit(total)
	var b strings.Builder
	out := tablewriter.NewTable(&b, options(t.cols)...)
	titles := make([]string, len(t.cols))
	for i, c := range t.cols {
		titles[i] = c.title
	}
	out.Header(titles)
	for _, r := range t.rows {
		texts := make([]string, len(r))
		for i := range r {
			texts[i] = strings.Join(wrapLines(r[i].lines(), widths[i]), "\n")
		}
		if err := out.Append(texts); err != nil {
			return err
		}
	}
	if err := out.Render(); err != nil {
		return err
	}
	return writeTrimmed(w, b.String())
}

// options draw a table without a frame: a line of titles, a rule, the rows.
// Texts come wrapped, so that the library neither wraps nor cuts any.
func options(cols []column) []tablewriter.Option {
	align, padding := make([]tw.Align, len(cols)), make([]tw.Padding, len(cols))
	for i, c := range cols {
		padding[i] = tw.Padding{Right: strings.Repeat(" ", gap), Overwrite: true}
		if i == len(cols)-1 {
			padding[i].Right = ""
		}
		align[i] = tw.AlignLeft
		if c.right {
			align[i] = tw.AlignRight
		}
	}
	return []tablewriter.Option{
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleASCII),
			Settings: tw.Settings{
				Separators: tw.Separators{ShowHeader: tw.On, BetweenRows: tw.Off, BetweenColumns: tw.Off},
				Lines:      tw.Lines{ShowHeaderLine: tw.On},
			},
		})),
		tablewriter.WithEastAsian(tw.Off), // the library's default depends on the locale
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithHeaderPaddingPerColumn(padding),
		tablewriter.WithRowPaddingPerColumn(padding),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
	}
}

// hard is a space at which no line is broken (U+00A0). Clean leaves none in
// what comes from captures; it is an ordinary space in the finished text.
const hard = "\u00a0"

// writeTrimmed writes s without the spaces at the ends of its lines.
func writeTrimmed(w io.Writer, s string) error {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimRight(line, " \n"))
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, strings.ReplaceAll(b.String(), hard, " "))
	return err
}

func wrapLines(lines []string, n int) []string {
	var out []string
	for _, l := range lines {
		out = append(out, wrap(l, n)...)
	}
	return out
}

// wrap breaks s at its spaces into lines of at most n columns. A word that is
// longer than a line is continued on the next.
func wrap(s string, n int) []string {
	var out []string
	line := ""
	for word := range strings.SplitSeq(s, " ") {
		for width(word) > n {
			if line != "" {
				out, line = append(out, line), ""
			}
			head := prefixOf(word, n)
			out, word = append(out, head), word[len(head):]
		}
		switch {
		case line == "":
			line = word
		case word == "":
		case width(line)+1+width(word) <= n:
			line += " " + word
		default:
			out, line = append(out, line), word
		}
	}
	if line == "" && len(out) > 0 {
		return out
	}
	return append(out, line)
}

// prefixOf is the longest beginning of s that takes at most n columns, and at
// least one character.
func prefixOf(s string, n int) string {
	end := 0
	for i, r := range s {
		next := i + len(string(r))
		if end > 0 && width(s[:next]) > n {
			break
		}
		end = next
	}
	return s[:end]
}
