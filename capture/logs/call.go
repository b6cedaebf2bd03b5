package logs

import (
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// Words for what became of a call, as capture.CallEntry has them.
const (
	answered   = "answered"
	unanswered = "unanswered"
	rejected   = "rejected"
	busy       = "busy"
	failed     = "failed"
)

// callTimes are the times of one call as a table writes them.
type callTimes struct {
	start, answer, end string
	duration, billed   string // seconds: from the start, and from the answer
}

// read gives the start, the answer and the end; 0 where the table does not
// say. An answer is also known by the seconds talked.
func (c callTimes) read(zone *time.Location) (start, answer, end capture.Time, err error) {
	if start, _, err = parseListTime(c.start, zone); err != nil {
		return 0, 0, 0, err
	}
	answer, end = optionalTime(c.answer, zone), optionalTime(c.end, zone)
	if took, ok := callSeconds(c.duration); ok && end == 0 {
		end = start.Add(took)
	}
	if talked, ok := callSeconds(c.billed); ok && answer == 0 && talked > 0 && end != 0 {
		answer = end.Add(-talked)
	}
	if end != 0 && end < start {
		end = 0
	}
	if answer < start || end != 0 && answer > end {
		answer = 0
	}
	return start, answer, end, nil
}

// optionalTime is 0 where there is none.
func optionalTime(s string, zone *time.Location) capture.Time {
	t, _, err := parseListTime(s, zone)
	if err != nil {
		return 0
	}
	return t
}

// longestCall bounds durations: a hundred days, more than any exchange keeps a
// call.
const longestCall = 100 * 24 * time.Hour

// callSeconds reads a duration: seconds, or hours, minutes and seconds with colons.
func callSeconds(s string) (time.Duration, bool) {
	var sum float64
	parts := strings.Split(strings.TrimSpace(s), ":")
	if len(parts) > 3 {
		return 0, false
	}
	for _, part := range parts {
		x, err := strconv.ParseFloat(part, 64)
		if err != nil || !(x >= 0 && x <= longestCall.Seconds()) {
			return 0, false
		}
		sum = sum*60 + x
	}
	if sum > longestCall.Seconds() {
		return 0, false
	}
	return time.Duration(sum * float64(time.Second)), true
}

// stampUnit is the unit that a stamp is written in: its last digits. Numbers
// are seconds, milli-, micro- or nanoseconds since 1970, as unixTime has them.
func stampUnit(s string) time.Duration {
	s = strings.TrimRight(strings.TrimSpace(s), "Z")
	if len(s) > 12 && strings.Trim(s, "0123456789") == "" {
		return map[int]time.Duration{13: time.Millisecond, 16: time.Microsecond, 19: time.Nanosecond}[len(s)]
	}
	if strings.Count(s, ":") == 1 && len(s) <= len("2006-01-02 15:04") {
		return time.Minute
	}
	_, part, ok := strings.Cut(s, ".")
	if !ok {
		return time.Second
	}
	unit := time.Second
	for i := 0; i < len(part) && part[i] >= '0' && part[i] <= '9' && unit > 1; i++ {
		unit /= 10
	}
	return unit
}

// calledNumber gives a telephone number as "+" and digits where it is written in
// international form, its digits where it is a number otherwise, and else the
// name as it stands: exchanges know people by either. "anonymous" and the like
// are none.
func calledNumber(s string) string {
	s = strings.TrimSpace(s)
	switch strings.ToLower(s) {
	case "anonymous", "unknown", "unavailable", "restricted", "private", "withheld", "<unknown>":
		return ""
	}
	digits := strings.Map(func(c rune) rune {
		if strings.ContainsRune(" -./()\u00a0", c) {
			return -1
		}
		return c
	}, s)
	bare := strings.TrimPrefix(digits, "+")
	if bare == "" || strings.Trim(bare, "0123456789") != "" {
		return s
	}
	return digits
}

// some is a list of one end, or none where the log does not name it.
func some(e capture.End) []capture.End {
	if e == (capture.End{}) {
		return nil
	}
	return []capture.End{e}
}
