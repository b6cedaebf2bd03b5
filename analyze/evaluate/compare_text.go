package evaluate

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"envelope/analyze/report"
)

// CompareDocument is a Comparison as JSON shows it.
type CompareDocument struct {
	Ours       int               `json:"ours"`
	Record     int               `json:"record"`
	Recovered  int               `json:"recovered"`
	Recall     float64           `json:"recall"`    // recovered of the record, 0 to 1
	Precision  float64           `json:"precision"` // recovered of ours, 0 to 1
	Offset     float64           `json:"clock_offset_s"`
	Recipients map[string]int    `json:"recipients"` // right, part, wrong, not_visible: of the recovered
	Senders    map[string]string `json:"senders"`    // who of ours was taken for whom of the record
	Missed     []CompareRow      `json:"missed,omitzero"`
	Invented   []CompareRow      `json:"not_in_record,omitzero"`
}

// CompareRow is a row that only one side has.
type CompareRow struct {
	Line       int      `json:"line"` // of the message log of that side
	Time       string   `json:"time"`
	Sender     string   `json:"sender"`
	Recipients []string `json:"recipients"`
	Media      bool     `json:"media"`
}

// Document gives the comparison for output, with the rows that only one side
// has if rows is set.
func (c *Comparison) Document(rows bool) *CompareDocument {
	d := &CompareDocument{Ours: c.Ours, Record: c.Theirs, Recovered: len(c.Recovered),
		Offset: c.Offset.Seconds(), Senders: c.Names,
		Recipients: map[string]int{"right": c.Right, "part": c.Part, "wrong": c.Wrong, "not_visible": c.Unseen}}
	d.Recall, _ = share(len(c.Recovered), c.Theirs)
	d.Precision, _ = share(len(c.Recovered), c.Ours)
	if rows {
		d.Missed, d.Invented = compareRows(c.Missed), compareRows(c.Invented)
	}
	return d
}

func compareRows(list []LogRow) []CompareRow {
	out := []CompareRow{}
	for _, m := range list {
		out = append(out, CompareRow{m.Line, m.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00"), m.Sender, m.Recipients, m.Media})
	}
	return out
}

// CompareText writes the comparison as text of at most width columns, with the
// rows that only one side has if rows is set.
func CompareText(w io.Writer, c *Comparison, rows bool, width int) error {
	d := c.Document(rows)
	fmt.Fprintf(w, "%d of the %d messages of the record were recovered (%.1f %%); %d of ours are not in it.\n",
		d.Recovered, d.Record, 100*d.Recall, len(c.Invented))
	if c.Offset != 0 {
		fmt.Fprintf(w, "%+.3f s were added to our times.\n", d.Offset)
	}
	fmt.Fprintln(w)
	err := report.Sheet(w, []string{"recovered messages", "count"}, [][]string{
		{"recipients right", strconv.Itoa(c.Right)}, {"some of the group's, none wrong", strconv.Itoa(c.Part)},
		{"recipients wrong", strconv.Itoa(c.Wrong)}, {"recipients not visible to us", strconv.Itoa(c.Unseen)}}, width)
	if err != nil {
		return err
	}
	fmt.Fprintln(w)
	if err := report.Sheet(w, []string{"sender of ours", "taken for", "ours", "record", "recovered"}, c.senderRows(), width); err != nil {
		return err
	}
	if !rows {
		return nil
	}
	return compareLists(w, c, width)
}

// senderRows tells how well each sender was recovered.
func (c *Comparison) senderRows() [][]string {
	sent := [2]map[string]int{{}, {}}
	recovered := map[string]int{}
	for _, p := range c.Recovered {
		recovered[p.Ours.Sender]++
		sent[0][p.Ours.Sender]++
		sent[1][p.Theirs.Sender]++
	}
	for _, m := range c.Invented {
		sent[0][m.Sender]++
	}
	for _, m := range c.Missed {
		sent[1][m.Sender]++
	}
	var out [][]string
	for name, n := range sent[0] {
		theirs := c.Names[name]
		out = append(out, []string{orNotVisible(name), orNotVisible(theirs), strconv.Itoa(n), strconv.Itoa(sent[1][theirs]), strconv.Itoa(recovered[name])})
	}
	slices.SortFunc(out, slices.Compare[[]string])
	return out
}

func orNotVisible(s string) string {
	if s == "" {
		return report.NotVisible
	}
	return report.Clean(s)
}

func compareLists(w io.Writer, c *Comparison, width int) error {
	for _, list := range []struct {
		title string
		rows  []LogRow
	}{{"missed", c.Missed}, {"not in the record", c.Invented}} {
		var rows [][]string
		for _, r := range compareRows(list.rows) {
			rows = append(rows, []string{r.Time, orNotVisible(r.Sender), orNotVisible(strings.Join(r.Recipients, ", ")), strconv.Itoa(r.Line)})
		}
		fmt.Fprintln(w)
		if err := report.Sheet(w, []string{list.title, "sender", "recipients", "line"}, rows, width); err != nil {
			return err
		}
	}
	return nil
}
