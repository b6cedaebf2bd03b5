package logs

import (
	"fmt"
	"time"

	"envelope/capture"
)

// zone gives the zone of stamps that name none.
func (o *Options) zone() *time.Location {
	if o.Zone == nil {
		return time.UTC
	}
	return o.Zone
}

// noYear is the year of stamps without one where nothing tells it: a leap
// year, so that every day exists, and long before any messenger.
const noYear = 1972

// yearless reads a stamp that has no year, by a layout of the time package such as
// time.Stamp ("Jan _2 15:04:05"). The year is that of the user, or the one
// that brings the stamp nearest to what else is known; in the last resort it
// is noYear, and the input is warned of once.
func (o *Options) yearless(in *capture.Input, layout, s string) (capture.Time, error) {
	year, near := o.Year, capture.Time(0)
	if year == 0 && o.Near != nil {
		near = o.Near()
	}
	switch {
	case year != 0:
	case near != 0:
		year = near.UTC().Year()
	default:
		year = noYear
		in.Warn(fmt.Sprintf("its times have no year, and no other input tells it; read as of %d: give --year", noYear))
	}
	at, err := parseYear(layout, s, year, o.zone())
	if err != nil || near == 0 || o.Year != 0 {
		return at, err
	}
	for _, y := range []int{year - 1, year + 1} {
		if other, err := parseYear(layout, s, y, o.zone()); err == nil && other.Sub(near).Abs() < at.Sub(near).Abs() {
			at = other
		}
	}
	return at, nil
}

func parseYear(layout, s string, year int, zone *time.Location) (capture.Time, error) {
	at, err := time.ParseInLocation("2006 "+layout, fmt.Sprintf("%d %s", year, s), zone)
	if err != nil {
		return 0, fmt.Errorf("%s is no time", quoted(s))
	}
	return capture.TimeOf(at), nil
}

// badStamp is the error of a line that begins with something of the shape of a
// date and a time that is none, nil for any other line.
func badStamp(s string) error {
	if len(s) < 19 || s[4] != '-' || s[7] != '-' || s[13] != ':' || s[16] != ':' {
		return nil
	}
	return notTime(s[:19])
}
