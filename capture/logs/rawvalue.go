package logs

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"

	"envelope/capture"
)

// cache keeps what was made of the texts met most lately, since logs repeat
// them: the same text costs no memory again.
type cache[T any] struct {
	known map[string]T
	parse func(string) T
}

// maxCache bounds a cache, in entries; beyond it starts anew.
const maxCache = 1 << 14

func newCache[T any](parse func(string) T) cache[T] {
	return cache[T]{map[string]T{}, parse}
}

func (c *cache[T]) get(text []byte) T {
	if v, ok := c.known[string(text)]; ok {
		return v
	}
	if len(c.known) >= maxCache {
		clear(c.known)
	}
	s := string(text)
	v := c.parse(s)
	c.known[s] = v
	return v
}

// rawValues makes values of the bytes of a line, nearly all of them without
// taking memory. What is empty or malformed gives the zero value.
type rawValues struct {
	addrs cache[netip.Addr]
	hosts cache[string]
	words cache[string]
	lists cache[[]string]
	refs  strings.Builder // of the flows met last
	zone  *time.Location  // of stamps without one
}

func newRawValues(zone *time.Location) *rawValues {
	return &rawValues{addrs: newCache(parseAddr), hosts: newCache(plainHost), words: newCache(plainText),
		lists: newCache(func(s string) []string { return []string{plainText(s)} }), zone: zone}
}

func parseAddr(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// plainHost gives a host name in lower case without the final dot, "" for what
// cannot be one (RFC 1035 section 2.3.4: 255 octets).
func plainHost(s string) string {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if len(s) > 255 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return ""
	}
	return s
}

// maxText bounds names and identifiers, in bytes.
const maxText = 512

// plainText gives a text on one line without control characters, "" where it
// is longer than any name.
func plainText(s string) string {
	if len(s) > maxText {
		return ""
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
}

// refChunk is how many bytes of references share one piece of memory: enough
// to take it seldom, and so few that a flow that is kept keeps little else.
const refChunk = 1 << 10

// ref gives the name of a flow. Every row has another.
func (v *rawValues) ref(text []byte) string {
	if len(text) == 0 || len(text) > 64 {
		return ""
	}
	for _, c := range text {
		if c <= ' ' || c > '~' {
			return ""
		}
	}
	if v.refs.Cap()-v.refs.Len() < len(text) {
		v.refs = strings.Builder{}
		v.refs.Grow(refChunk)
	}
	from := v.refs.Len()
	v.refs.Write(text)
	return v.refs.String()[from:]
}

func (v *rawValues) addrPort(addr, port []byte) netip.AddrPort {
	n := number(port)
	if n > 0xffff {
		n = 0
	}
	return netip.AddrPortFrom(v.addrs.get(addr), uint16(n))
}

// number reads a count, 0 where it is none.
func number(b []byte) uint64 {
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' || n > 1<<60/10 {
			return 0
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}

func macOf(b []byte) (m capture.MAC) {
	if len(b) != 17 {
		return m
	}
	if hw, err := net.ParseMAC(string(b)); err == nil && len(hw) == len(m) {
		m = capture.MAC(hw)
	}
	return m
}

// seconds reads a decimal number of seconds (of at most 300 years) as
// nanoseconds; further digits are cut off.
func seconds(b []byte) (time.Duration, bool) {
	var n, digits int64
	i := 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9' && n < 1e10; i++ {
		n = n*10 + int64(b[i]-'0')
	}
	if i == len(b) && i > 0 && n < 9e9 {
		return time.Duration(n) * time.Second, true
	}
	if i == 0 || n >= 9e9 || b[i] != '.' {
		return exponent(b)
	}
	unit := int64(time.Second)
	n *= unit
	for i++; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		digits++
		unit /= 10
		n += int64(b[i]-'0') * unit
	}
	if i < len(b) || digits == 0 {
		return exponent(b)
	}
	return time.Duration(n), true
}

// maxSpan bounds a duration that is believed, in time.Duration: more is an
// infinite lease (RFC 2131 section 3.3) or an error, and no end.
const maxSpan = 50 * 365 * 24 * time.Hour

// after gives the moment that a number of seconds is behind another one, 0
// where there is none.
func after(at capture.Time, b []byte) capture.Time {
	if d, ok := seconds(b); ok && d > 0 && d < maxSpan {
		return at.Add(d)
	}
	return 0
}

// exponent reads numbers such as 1.7e9 and 4.5e-05.
func exponent(b []byte) (time.Duration, bool) {
	if len(b) > 32 {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || !(f >= 0 && f < 9e9) {
		return 0, false
	}
	return time.Duration(f * 1e9), true
}

// lastStamp is behind every stamp of a log, in seconds: the year 2100.
const lastStamp = 4102444800

// stamp reads a moment: seconds since 1970 with decimals, milliseconds since
// then as a whole number of 13 digits, or ISO 8601 with date and time.
func (v *rawValues) stamp(b []byte) (capture.Time, bool) {
	if len(b) > 10 && b[4] == '-' {
		return v.isoStamp(b)
	}
	if len(b) == 13 && jsonDigits(b, 0) == 13 {
		n := number(b)
		return capture.Time(n) * 1e6, n < lastStamp*1000
	}
	d, ok := seconds(b)
	return capture.Time(d), ok && d > 0 && d < lastStamp*time.Second
}

// isoStamp reads "2026-01-05T08:00:00.123456+0000": the decimals and the zone
// may be missing, the zone may be "Z" or have a colon.
func (v *rawValues) isoStamp(b []byte) (capture.Time, bool) {
	if len(b) < 19 || b[7] != '-' || b[10]|0x20 != 't' && b[10] != ' ' || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	var f [6]int
	for i, at := range [...][2]int{{0, 4}, {5, 7}, {8, 10}, {11, 13}, {14, 16}, {17, 19}} {
		if jsonDigits(b[:at[1]], at[0]) != at[1] {
			return 0, false
		}
		f[i] = int(number(b[at[0]:at[1]]))
	}
	end, nanos := 19, 0
	if len(b) > 20 && b[19] == '.' {
		end = jsonDigits(b, 20)
		for i, unit := 20, 100_000_000; i < end && unit > 0; i, unit = i+1, unit/10 {
			nanos += int(b[i]-'0') * unit
		}
	}
	zone, east := time.UTC, 0
	if end == len(b) {
		zone = v.zone
	} else {
		var ok bool
		if east, ok = zoneOffset(b[end:]); !ok {
			return 0, false
		}
	}
	at := time.Date(f[0], time.Month(f[1]), f[2], f[3], f[4], f[5], nanos, zone)
	if at.Day() != f[2] || f[1] > 12 || f[3] > 23 || f[4] > 59 || f[5] > 60 || f[0] < 1970 || f[0] >= 2100 {
		return 0, false
	}
	return capture.TimeOf(at) - capture.Time(east)*capture.Time(time.Second), true
}

// zoneOffset reads a zone as seconds east of UTC.
func zoneOffset(b []byte) (int, bool) {
	if len(b) == 1 && b[0]|0x20 == 'z' {
		return 0, true
	}
	if len(b) == 6 && b[3] == ':' {
		b = []byte{b[0], b[1], b[2], b[4], b[5]}
	}
	if len(b) != 5 || b[0] != '+' && b[0] != '-' || jsonDigits(b, 1) != 5 {
		return 0, false
	}
	n := int(number(b[1:3]))*3600 + int(number(b[3:]))*60
	if b[0] == '-' {
		n = -n
	}
	return n, n > -86400 && n < 86400
}
