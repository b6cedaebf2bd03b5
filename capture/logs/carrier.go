package logs

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"envelope/capture"
)

// carrier reads the call records of a carrier, for which there is no standard,
// by a column map.
func carrier(o Options) capture.Format {
	return capture.Format{
		Name: "carrier-cdr", Title: "a carrier's call records (CSV, with --columns)", Observer: capture.Carrier, Grain: capture.GrainEntry,
		Shows: []string{"who", "whom", "when", "duration", "device", "location"},
		Hides: "What was said or written, and messages of Internet services, which are but data to a carrier.",
		Sniff: func(head []byte) bool {
			if o.Columns == nil || len(o.Columns.Names) == 0 {
				return false
			}
			line, _, _ := bytes.Cut(bytes.TrimPrefix(head, []byte("\ufeff")), []byte("\n"))
			fields, err := splitRow(nil, bytes.TrimRight(line, "\r"), o.Columns.Separator)
			return err == nil && o.Columns.in(columnsAt(fields))
		},
		Read: readLines(o.carrier),
	}
}

// in tells whether all columns of the map are among those of a table.
func (c *Columns) in(at map[string]int) bool {
	for _, column := range c.Names {
		if _, ok := at[column]; !ok {
			return false
		}
	}
	return true
}

func (o *Options) carrier(r *reader) (func([]byte) error, func() error) {
	c := o.Columns
	own := *o
	if c.Zone != nil {
		own.Zone = c.Zone
	}
	t := &subscriberTable{o: &own, names: c.Names, values: c.Values, owner: c.OwnerNumber, layout: c.Layout, sep: c.Separator}
	return t.reader(r), nil
}

// restamp writes a time of a given layout in the usual form; none stays none.
func restamp(layout, s string, zone *time.Location) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", nil
	}
	at, err := time.ParseInLocation(layout, strings.TrimSpace(s), zone)
	if err != nil {
		return "", fmt.Errorf("%s is no time of the form %s", quoted(s), layout)
	}
	return at.Format(time.RFC3339Nano), nil
}
