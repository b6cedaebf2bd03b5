package report

import (
	"io"
	"strings"

	"envelope/analyze/exposure"
)

// KnownClaims writes the ledger of claims as a table of at most width terminal
// columns.
func KnownClaims(w io.Writer, ledger exposure.Ledger, width int) error {
	t := &table{into: 1, cols: []column{
		{title: "id", keep: 9},
		{title: "claim", keep: 9, least: 30},
		{title: "facts", keep: 5, least: 8, prefix: "facts "},
		{title: "can see", keep: 8, prefix: "can see "},
		{title: "keeps", keep: 7, prefix: "keeps "},
		{title: "hands over", keep: 6, prefix: "hands over "},
		{title: "grade", keep: 4, prefix: "grade "},
	}}
	for _, c := range ledger {
		t.add(c.ID, c.Who+": "+c.Statement, factWords(c.Facts), c.CanSee.Word, c.Keeps.Word, c.HandsOver.Word, c.Grade)
	}
	return t.render(w, max(width, minWidth))
}

// OneClaim writes all that is known of one claim, in lines of at most width
// terminal columns.
func OneClaim(w io.Writer, c exposure.Claim, width int) error {
	rows := [][2]string{
		{"claim", c.Statement},
		{"made by", c.Who},
		{"date", orWord(c.Date, "undated")},
		{"messenger", orWord(c.Service, "any")},
		{"who sees it", string(c.Observer)},
		{"facts", factWords(c.Facts)},
		{"can see", answer(c.CanSee)},
		{"keeps", answer(c.Keeps)},
		{"hands over", answer(c.HandsOver)},
		{"source", c.Source.Title},
		{"", c.Source.URL},
		{"grade", claimGrades[c.Grade]},
		{"tested", testWords(c.Test)},
		{"note", c.Note},
	}
	const indent = 13
	text := c.ID + "\n"
	for _, r := range rows {
		label := r[0]
		for _, line := range wrap(r[1], max(width, minWidth)-indent) {
			if line != "" {
				text += label + strings.Repeat(" ", indent-len(label)) + line + "\n"
			}
			label = ""
		}
	}
	return writeTrimmed(w, text)
}

// claimGrades says what the letters of the ledger mean.
var claimGrades = map[string]string{
	"P": "P: read in a primary source",
	"S": "S: read in a secondary source",
}

func orWord(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func answer(a exposure.Answer) string {
	if a.Note == "" {
		return a.Word
	}
	return a.Word + ": " + a.Note
}

func factWords(facts []exposure.Question) string {
	out := make([]string, len(facts))
	for i, f := range facts {
		out[i] = strings.ReplaceAll(string(f), "_", " ")
	}
	return strings.Join(out, ", ")
}

// testWords says how data decide a claim.
func testWords(t exposure.Test) string {
	switch t.Rule {
	case exposure.RuleNone:
		return "by no data that could be given here: " + t.Needs
	case exposure.RuleHides:
		return "contradicted by data that show the facts; needs " + t.Needs
	}
	return "reproduced by data that show the facts; needs " + t.Needs
}
