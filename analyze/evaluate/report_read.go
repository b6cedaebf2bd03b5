package evaluate

import (
	"encoding/json"
	"fmt"
	"io"
	"math"

	"envelope/analyze"
	"envelope/capture"
)

// ReadReport reads what envelope analyze --format json wrote. path names the
// file in errors, which are *capture.SyntaxError with the line where one is to
// blame. Probabilities that are none are refused: the figures would be wrong.
func ReadReport(in io.Reader, path string) (*analyze.Report, error) {
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	var rep analyze.Report
	if err := json.Unmarshal(data, &rep); err != nil {
		return nil, located(err, data, path)
	}
	if rep.Schema != analyze.Schema {
		return nil, &capture.SyntaxError{Path: path, Msg: fmt.Sprintf("schema is %.40q, not %q: no report of envelope analyze --format json", rep.Schema, analyze.Schema)}
	}
	if msg := checkReport(&rep); msg != "" {
		return nil, &capture.SyntaxError{Path: path, Msg: msg}
	}
	return &rep, nil
}

// checkReport tells the first probability or number that cannot be.
func checkReport(rep *analyze.Report) string {
	for i, c := range rep.Contacts {
		if !probability(c.Confidence) {
			return fmt.Sprintf("contact %d: confidence %v is not from 0 to 1", i+1, c.Confidence)
		}
		if c.ExpectedFalse < 0 || math.IsNaN(c.ExpectedFalse) || c.Candidates < 0 {
			return fmt.Sprintf("contact %d: expected_false and candidates must not be negative", i+1)
		}
	}
	for i, e := range rep.Events {
		if y := e.Time.Year(); y < firstYear || y > lastYear {
			return fmt.Sprintf("event %d: the year %d is none of a capture", i+1, y)
		}
	}
	for i, g := range rep.Groups {
		if !probability(g.Confidence) {
			return fmt.Sprintf("group %d: confidence %v is not from 0 to 1", i+1, g.Confidence)
		}
	}
	return ""
}

// Years between which capture.Time can hold a moment.
const (
	firstYear = 1970
	lastYear  = 2261
)

func probability(p float64) bool { return p >= 0 && p <= 1 }
