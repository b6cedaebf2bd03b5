package evaluate

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"envelope/analyze/report"
)

// Text writes the result for people: one table for each report, at most width
// terminal columns wide, report.DefaultWidth where 0. The error is that of w.
func Text(w io.Writer, r *Result, width int) error {
	t := r.Truth
	fmt.Fprintf(w, "The truth: %s, %s, %s; %s talked, %d of them directly; %s.\n", count(t.People, "person", "people"), count(t.Messages, "message", "messages"),
		count(t.Calls, "call", "calls"), count(t.Any, "pair", "pairs"), t.Direct, count(t.Groups, "group", "groups"))
	for i := range r.Reports {
		if _, err := fmt.Fprintf(w, "\n%s\n\n", report.Clean(r.Reports[i].Report)); err != nil {
			return err
		}
		s := newSheet(&r.Reports[i], r.Methods)
		s.fill(&r.Reports[i])
		if err := report.Sheet(w, s.titles, s.rows, width); err != nil {
			return err
		}
	}
	return writeNotes(w, r)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func writeNotes(w io.Writer, r *Result) error {
	var b strings.Builder
	if id := r.Identify; id != nil {
		fmt.Fprintf(&b, "\nMessages until a contact was likely, measured over the reports: median, 90 %%: %s; %d pairs never.\n", messagesUntil(*id), id.Never)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "\nNote: %s.\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// sheet is the table of one report: a column for the report, one for each
// baseline.
type sheet struct {
	titles []string
	rows   [][]string
}

func newSheet(r *Run, methods []Baseline) *sheet {
	s := &sheet{titles: []string{"figure", "report"}}
	if r.Same != nil {
		s.titles = append(s.titles, "on sample")
	}
	for i := range r.Baselines {
		name := r.Baselines[i].ID
		for _, m := range methods {
			if m.ID == name {
				name = m.Name
			}
		}
		s.titles = append(s.titles, name)
	}
	return s
}

func (s *sheet) fill(r *Run) {
	s.contacts("talked at all", &r.Any, rankings(r, func(x *Ranked) *RankingFigures { return &x.Any }))
	s.contacts("talked directly", &r.Direct, rankings(r, func(x *Ranked) *RankingFigures { return &x.Direct }))
	s.doubt(r)
	s.events(r)
	s.groups(&r.Groups)
	s.calls(&r.Calls)
}

// rankings are the figures of the columns beside the report's.
func rankings(r *Run, of func(*Ranked) *RankingFigures) []*RankingFigures {
	var out []*RankingFigures
	if r.Same != nil {
		out = append(out, of(r.Same))
	}
	for i := range r.Baselines {
		out = append(out, of(&r.Baselines[i]))
	}
	return out
}

// row adds one row; columns without a value stay empty.
func (s *sheet) row(title string, values ...string) {
	r := make([]string, len(s.titles))
	copy(r, append([]string{title}, values...))
	s.rows = append(s.rows, r)
}

func (s *sheet) contacts(title string, c *Contacts, others []*RankingFigures) {
	s.row(title)
	s.row("  pairs that talked", fmt.Sprintf("%d of %d", c.Ranking.Right, c.Ranking.Right+c.Ranking.Wrong))
	s.prf("  likely: ", c.Scores)
	for _, t := range c.Thresholds {
		if t.Threshold == possible {
			s.prf("  possible: ", t.Scores)
		}
	}
	for _, m := range c.ByMessages[2:] {
		s.row(fmt.Sprintf("  recall from %d messages on", m.Messages), decimal(m.Recall)+" of "+strconv.Itoa(m.Truth))
	}
	s.row("  recall, both ends seen", decimal(c.Seen))
	columns := append([]*RankingFigures{&c.Ranking}, others...)
	each := func(title string, of func(*RankingFigures) *float64) {
		var values []string
		for _, f := range columns {
			values = append(values, decimal(of(f)))
		}
		s.row(title, values...)
	}
	each("  best F1", func(f *RankingFigures) *float64 { return f.BestF1 })
	each("  area under ROC", func(f *RankingFigures) *float64 { return f.AUC })
	each("  average precision", func(f *RankingFigures) *float64 { return f.Average })
	for i, fpr := range falseRates() {
		each(fmt.Sprintf("  TPR at FPR %v", fpr), func(f *RankingFigures) *float64 { return f.TPR[i].TPR })
	}
	for i, k := range ranks() {
		each(fmt.Sprintf("  hit-rate@%d", k), func(f *RankingFigures) *float64 { return f.Hits[i].Rate })
	}
}

func (s *sheet) prf(title string, x Scores) {
	s.row(title+"precision", decimal(x.P))
	s.row(title+"recall", decimal(x.R))
	s.row(title+"F1", decimal(x.F))
}

func (s *sheet) doubt(r *Run) {
	s.row("probabilities")
	s.row("  Brier score", decimal(r.Calibration.Brier))
	s.row("  expected calibration error", decimal(r.Calibration.Error))
	for _, b := range r.Calibration.Bins {
		s.row(fmt.Sprintf("  %.1f-%.1f: mean, share right", b.From, b.To), fmt.Sprintf("%s, %s of %d", decimal(&b.Mean), decimal(&b.Right), b.Count))
	}
	for _, x := range r.Expected {
		s.row(fmt.Sprintf("  wrong from %v on, expected", x.Threshold), fmt.Sprintf("%d of %d, %s", x.Wrong, x.Contacts, decimal(&x.Announced)))
	}
	s.row("  messages until likely: 50, 90 %", messagesUntil(r.Identify))
}

func messagesUntil(id Identify) string {
	if id.Median == nil {
		return "-"
	}
	if id.How == measuredHow {
		return fmt.Sprintf("%v, %v", *id.Median, *id.P90)
	}
	return fmt.Sprintf("at most %v, %v", *id.Median, *id.P90)
}

func (s *sheet) events(r *Run) {
	s.row("messages")
	s.prf("  sent: ", r.Sent.Scores)
	s.prf("  received: ", r.Received.Scores)
	for _, a := range []struct {
		title string
		Attribution
	}{{"  peer of sent", r.From}, {"  peer of received", r.To}} {
		s.row(a.title+": precision", fmt.Sprintf("%s of %d", decimal(a.P), a.Told))
		s.row(a.title+": recall", fmt.Sprintf("%s of %d", decimal(a.R), a.Direct))
	}
}

func (s *sheet) groups(g *GroupFigures) {
	s.row("groups")
	s.row("  found, there", fmt.Sprintf("%d, %d", g.Found, g.Truth))
	s.row("  mean Jaccard", decimal(g.Jaccard))
	s.row("  spurious, missed", fmt.Sprintf("%d, %d", g.Spurious, g.Missed))
	s.row("  members missing, wrong", fmt.Sprintf("%d, %d", g.Missing, g.Extra))
}

func (s *sheet) calls(c *CallFigures) {
	if c.Answered+c.Unanswered+c.Extra == 0 {
		return
	}
	s.row("calls")
	s.row("  linked", fmt.Sprintf("%d of %d", c.Linked, c.Answered))
	s.row("  end within 3 s", fmt.Sprintf("%d of %d", c.EndWithin, c.Linked))
	s.row("  path, media right", fmt.Sprintf("%d, %d of %d", c.Path, c.Media, c.Linked))
	s.row("  unanswered found", fmt.Sprintf("%d of %d", c.Attempts, c.Unanswered))
	s.row("  wrong pairs, calls too many", fmt.Sprintf("%d, %d", c.WrongPairs, c.Extra))
	s.errors("  set-up", c.SetUp)
	s.errors("  answer", c.Answer)
	s.errors("  end", c.End)
}

func (s *sheet) errors(title string, q Quantiles) {
	s.row(title+" error: 50, 90, 100 %", fmt.Sprintf("%s, %s, %s s", decimal(q.Median), decimal(q.P90), decimal(q.Max)))
}

// decimal is a figure with three decimals; what is not 0 or 1 does not read so.
func decimal(v *float64) string {
	switch {
	case v == nil:
		return "-"
	case *v > 0 && *v < 0.0005:
		return "<0.001"
	case *v < 1 && *v >= 0.9995:
		return ">0.999"
	}
	return strconv.FormatFloat(*v, 'f', 3, 64)
}
