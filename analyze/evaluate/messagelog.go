package evaluate

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"envelope/analyze"
	"envelope/analyze/report"
	"envelope/capture"
)

// LogRow is one row of a message log.
type LogRow struct {
	Time        capture.Time
	Sender      string   // "" where not visible
	Recipients  []string // nil where not visible
	Group       string
	Media       bool
	Probability float64 // that there was such a message; 1 where it was read
	Line        int     // of the log, from 1
}

// MessagesOf gives the rows of the message log of a report.
func MessagesOf(r *analyze.Report) ([]LogRow, error) {
	var b bytes.Buffer
	if err := report.MessageLog(&b, r); err != nil {
		return nil, err
	}
	return ReadMessageLog(&b)
}

// IsMessageLog tells by its first bytes whether a file is a message log.
func IsMessageLog(head []byte) bool {
	line, _, _ := strings.Cut(strings.TrimPrefix(string(head), "\ufeff"), "\n")
	return strings.HasPrefix(line, strings.Join(report.MessageLogColumns[:4], ","))
}

// ReadMessageLog reads a message log as report.MessageLog writes it. Columns
// are known by their header. Errors give the line.
func ReadMessageLog(r io.Reader) ([]LogRow, error) {
	in := csv.NewReader(r)
	header, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("message log: %w", err)
	}
	at := map[string]int{}
	for i, name := range header {
		at[strings.TrimPrefix(name, "\ufeff")] = i
	}
	for _, name := range report.MessageLogColumns[:4] {
		if _, ok := at[name]; !ok {
			return nil, fmt.Errorf("message log: line 1: no column %q", name)
		}
	}
	var out []LogRow
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("message log: %w", err)
		}
		line, _ := in.FieldPos(0)
		m, err := messageOf(row, at)
		if err != nil {
			return nil, fmt.Errorf("message log: line %d: %w", line, err)
		}
		m.Line = line
		out = append(out, m)
	}
}

func messageOf(row []string, at map[string]int) (LogRow, error) {
	cell := func(name string) string {
		i, ok := at[name]
		if !ok || row[i] == report.NotVisible {
			return ""
		}
		return row[i]
	}
	t, err := time.Parse("2006-01-02 15:04:05.999999999 MST", cell("Timestamp"))
	if err != nil {
		return LogRow{}, fmt.Errorf("timestamp: %w", err)
	}
	m := LogRow{Time: capture.TimeOf(t), Sender: cell("Sender"), Group: cell("Group Id"), Media: cell("Type") == "media", Probability: 1}
	if list := cell("Recipients"); list != "" {
		m.Recipients = strings.Split(list, ", ")
	}
	if p := cell("Message Probability"); p != "" {
		if m.Probability, err = strconv.ParseFloat(p, 64); err != nil || !probability(m.Probability) {
			return LogRow{}, fmt.Errorf("message probability: %q is none", p)
		}
	}
	return m, nil
}
