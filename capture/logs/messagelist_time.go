package logs

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// layouts are the written times that are read besides numbers.
var layouts = []string{
	"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 -0700",
	"2006-01-02T15:04:05.999999999-0700",
}

// local are those without a zone.
var local = []string{"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04"}

// Years that a time may lie in: what is outside is no time of a message. The upper
// end is that of all other log formats, and within 63 bits of nanoseconds since 1970.
var (
	earliest = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// parseListTime reads a time, and tells whether its zone is known.
func parseListTime(s string, zone *time.Location) (t capture.Time, zoned bool, err error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, false, errors.New("no time")
	}
	if t, ok := unixTime(s); ok {
		return t, true, nil
	}
	for _, layout := range layouts {
		if at, err := time.Parse(layout, s); err == nil {
			return within(at, true, s)
		}
	}
	for _, layout := range local {
		if at, err := time.ParseInLocation(layout, s, zone); err == nil {
			return within(at, false, s)
		}
	}
	return 0, false, fmt.Errorf("%s is no time", quoted(s))
}

func within(at time.Time, zoned bool, s string) (capture.Time, bool, error) {
	if at.Before(earliest) || !at.Before(latest) {
		return 0, false, fmt.Errorf("%s is no time of a message", quoted(s))
	}
	return capture.TimeOf(at), zoned, nil
}

// unixTime reads a number as seconds, milli-, micro- or nanoseconds since 1970:
// the one of them by which it lies in a fitting year. Those ranges do not
// overlap. Decimal digits are kept as they stand, since a float64 of seconds
// holds but a quarter of a microsecond.
func unixTime(s string) (capture.Time, bool) {
	whole, part, _ := strings.Cut(s, ".")
	if strings.ContainsAny(s, "eE") { // as some writers of JSON put large numbers
		x, err := strconv.ParseFloat(s, 64)
		if err != nil || math.Abs(x) > 1<<62 {
			return 0, false
		}
		whole, part = strconv.FormatFloat(x, 'f', 0, 64), ""
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return 0, false
	}
	for unit := int64(1e9); unit >= 1; unit /= 1000 {
		if n < earliest.UnixNano()/unit || n >= latest.UnixNano()/unit {
			continue
		}
		more, ok := decimals(part, unit)
		return capture.Time(n*unit + more), ok
	}
	return 0, false
}

// decimals gives the digits after a point in nanoseconds; unit is that of what
// stands before it.
func decimals(digits string, unit int64) (int64, bool) {
	var sum int64
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		unit /= 10
		sum += int64(c-'0') * unit
	}
	return sum, true
}

// quoted shows the beginning of what could not be read; a whole line could hold
// the text of a message.
func quoted(s string) string {
	const most = 20
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strconv.Quote(s)
}
