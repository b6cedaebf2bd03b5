package logs

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Columns says which columns of a carrier's call records hold what.
type Columns struct {
	// Names are our words for a field and the column of the file that holds it:
	// from and to, or owner (or OwnerNumber), other and direction; start,
	// answer, end, duration (seconds or h:mm:ss), kind, outcome, cell, device, id.
	Names map[string]string
	// Values are what the file writes for call, text, in and out, in lower case,
	// and which of these four each means.
	Values      map[string]string
	OwnerNumber string         // of the subscriber whose records the whole file is
	Layout      string         // of times, as package time has it; "" for RFC 3339 and the like
	Zone        *time.Location // of times; nil is that of the other logs
	Separator   byte           // of columns
}

// fieldWords and valueWords are our words on the left side of a column map.
var (
	fieldWords = []string{"from", "to", "owner", "other", "direction", "start", "answer", "end", "duration", "kind", "outcome", "cell", "device", "id"}
	valueWords = []string{"call", "text", "in", "out"}
)

// ReadColumns reads a column map: lines "word = column", "#" for comments. Words
// are those of Columns.Names for columns; call, text, in and out for what the
// file writes for them (several with commas); and four for the whole file:
//
//	owner-number = +15550100001
//	time = 02.01.2006 15:04:05     (the layout of Go's package time)
//	zone = Europe/Zagreb
//	separator = ;                  ("tab" for a tabulator)
//
// Errors give the line.
func ReadColumns(r io.Reader) (*Columns, error) {
	c := &Columns{Names: map[string]string{}, Values: map[string]string{}, Separator: ','}
	in := bufio.NewScanner(r)
	at := 0
	for in.Scan() {
		at++
		line := strings.TrimSpace(strings.TrimPrefix(in.Text(), "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		if err := c.set(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", at, err)
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", at+1, err)
	}
	return c, c.complete()
}

func (c *Columns) set(line string) error {
	word, value, ok := strings.Cut(line, "=")
	word, value = strings.ToLower(strings.TrimSpace(word)), strings.TrimSpace(value)
	if !ok || value == "" {
		return fmt.Errorf("%s is not of the form WORD = COLUMN", quoted(line))
	}
	switch {
	case slices.Contains(fieldWords, word):
		c.Names[word] = strings.ToLower(value)
	case slices.Contains(valueWords, word):
		for v := range strings.SplitSeq(value, ",") {
			c.Values[strings.ToLower(strings.TrimSpace(v))] = word
		}
	default:
		return c.setWhole(word, value)
	}
	return nil
}

// setWhole takes what is said of the whole file.
func (c *Columns) setWhole(word, value string) (err error) {
	switch word {
	case "owner-number":
		c.OwnerNumber = calledNumber(value)
	case "time":
		c.Layout = value
		if probe := time.Date(2013, 11, 22, 17, 44, 55, 0, time.UTC).Format(value); probe == value {
			return fmt.Errorf("%s is no layout of a time; write as 2006-01-02 15:04:05 would be", quoted(value))
		}
	case "zone":
		if c.Zone, err = time.LoadLocation(value); err != nil {
			return fmt.Errorf("%s is no time zone", quoted(value))
		}
	case "separator":
		if value == "tab" {
			value = "\t"
		}
		if len(value) != 1 {
			return fmt.Errorf("%s is not one character", quoted(value))
		}
		c.Separator = value[0]
	default:
		return fmt.Errorf("%s is none of %s, owner-number, time, zone, separator", quoted(word),
			strings.Join(slices.Concat(fieldWords, valueWords), ", "))
	}
	return nil
}

// complete tells what is missing.
func (c *Columns) complete() error {
	has := func(words ...string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return c.Names[w] == "" })
	}
	switch {
	case len(c.Names) == 0 && c.OwnerNumber != "": // only to name the owner of lists in known forms
		return nil
	case !has("start"):
		return fmt.Errorf("no column for start")
	case has("from", "to"), has("other", "direction"):
		return nil
	}
	return fmt.Errorf("no columns for from and to, nor for other and direction")
}
