package evaluate

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"envelope/capture"
)

// maxLine is the longest line of a truth file in bytes: a message to ten
// thousand people takes less than one megabyte.
const maxLine = 16 << 20

// row is one line of truth.jsonl.
type row struct {
	Time      seconds   `json:"ts"`
	Kind      string    `json:"kind"`
	From      string    `json:"from"`
	FromIP    string    `json:"from_ip"`
	To        names     `json:"to"`
	ToIP      string    `json:"to_ip"`
	ToIPs     []string  `json:"to_ips"`
	Beyond    []string  `json:"to_outside"` // receivers of whom no address is known
	Group     string    `json:"group"`
	Delivered []arrival `json:"delivered"`
	Media     string    `json:"media"`
	Mode      string    `json:"mode"`
	Answered  bool      `json:"answered"`
	Start     seconds   `json:"start"`
	End       seconds   `json:"end"`
}

type arrival struct {
	To   string  `json:"to"`
	IP   string  `json:"ip"`
	Time seconds `json:"ts"`
}

// names is one name or a list of names.
type names []string

// UnmarshalJSON reads a string, a list of strings, or null for none.
func (n *names) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]string)(n))
	}
	*n = make(names, 1)
	return json.Unmarshal(b, &(*n)[0])
}

// seconds is a time written in decimal seconds since 1970; 0 for null.
type seconds capture.Time

// maxSeconds is the last second that capture.Time can hold.
const maxSeconds = math.MaxInt64 / 1_000_000_000

// UnmarshalJSON reads up to nine decimals without going through floating point.
func (s *seconds) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	whole, frac, _ := strings.Cut(string(b), ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	nano, err2 := strconv.ParseUint((frac + "000000000")[:9], 10, 64)
	if err != nil || err2 != nil || strings.ContainsAny(frac, "eE") || strings.HasPrefix(whole, "-") {
		f, err := strconv.ParseFloat(string(b), 64)
		if err != nil || !(f >= 0 && f < maxSeconds) {
			return fmt.Errorf("%s is not a time in seconds since 1970", b)
		}
		*s = seconds(f * 1e9)
		return nil
	}
	if sec >= maxSeconds {
		return fmt.Errorf("%s is not a time in seconds since 1970", b)
	}
	*s = seconds(sec*1e9 + int64(nano))
	return nil
}

// ReadTruth reads the truth of a recording: one JSON object a line, with the
// kinds text, media and call; other kinds are passed over. hosts says which
// address belongs to which account; where it is nil, the addresses in the
// truth itself say it. path names the file in errors, which are
// *capture.SyntaxError with the line for what is wrong with the text.
func ReadTruth(in io.Reader, path string, hosts map[string]string) (*Truth, error) {
	rows, err := readRows(in, path)
	if err != nil {
		return nil, err
	}
	return newTruth(rows, hosts), nil
}

// Add reads a further file of the same recording, such as what the people did
// with others whom the capture does not show. It adds no people. Errors are
// those of ReadTruth.
func (t *Truth) Add(in io.Reader, path string) error {
	rows, err := readRows(in, path)
	if err != nil {
		return err
	}
	for i := range rows {
		t.take(&rows[i])
	}
	t.inOrder()
	return nil
}

func readRows(in io.Reader, path string) ([]row, error) {
	var rows []row
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, maxLine)
	line := int64(0)
	for sc.Scan() {
		line++
		if len(bytes.TrimSpace(sc.Bytes())) == 0 {
			continue
		}
		r, err := parseRow(sc.Bytes())
		if err != nil {
			return nil, &capture.SyntaxError{Path: path, At: line, Unit: "line", Msg: err.Error()}
		}
		rows = append(rows, r)
	}
	if err := sc.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, &capture.SyntaxError{Path: path, At: line + 1, Unit: "line", Msg: "longer than 16 MB"}
	} else if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return rows, nil
}

// parseRow reads one line and checks what the figures rest on.
func parseRow(line []byte) (row, error) {
	var kind struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(line, &kind); err != nil {
		return row{}, plainError(err)
	}
	if kind.Kind == "" {
		return row{}, errors.New(`no "kind"`)
	}
	r := row{Kind: kind.Kind}
	if !r.message() && r.Kind != "call" {
		return r, nil
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return row{}, plainError(err)
	}
	switch {
	case r.Time == 0:
		return row{}, fmt.Errorf(`%s without a time "ts"`, r.Kind)
	case r.From == "":
		return row{}, fmt.Errorf(`%s without "from"`, r.Kind)
	case len(r.To)+len(r.Beyond) == 0 || slices.Contains(r.To, ""):
		return row{}, fmt.Errorf(`%s without "to"`, r.Kind)
	case r.Kind == "call" && len(r.To)+len(r.Beyond) != 1:
		return row{}, errors.New("call to several people")
	}
	return r, nil
}

func (r *row) message() bool { return r.Kind == "text" || r.Kind == "media" || r.Kind == "message" }

// plainError says in words what encoding/json found.
func plainError(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		if wrong.Field == "" {
			return fmt.Errorf("a JSON %s instead of an object", wrong.Value)
		}
		return fmt.Errorf("%q is a JSON %s, which does not fit", wrong.Field, wrong.Value)
	}
	return err
}

// hostsFile is hosts.json: what a subscriber database knows.
type hostsFile struct {
	Subscribers map[string]string `json:"subscribers"`
}

// ReadHosts reads which account each address belongs to, for ReadTruth. The
// error names the file and, for what is wrong with the text, the line.
func ReadHosts(in io.Reader, path string) (map[string]string, error) {
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	var f hostsFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, located(err, data, path)
	}
	if f.Subscribers == nil {
		return nil, &capture.SyntaxError{Path: path, Msg: `no "subscribers"`}
	}
	return f.Subscribers, nil
}

// located gives an error of encoding/json the line that it is about.
func located(err error, data []byte, path string) error {
	at := int64(0)
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &wrong):
		at = wrong.Offset
	default:
		return &capture.SyntaxError{Path: path, Msg: err.Error()}
	}
	before := data[:min(max(0, at), int64(len(data)))]
	return &capture.SyntaxError{Path: path, At: int64(bytes.Count(before, []byte("\n"))) + 1, Unit: "line", Msg: plainError(err).Error()}
}

// newTruth numbers the people and turns rows into what happened.
func newTruth(rows []row, hosts map[string]string) *Truth {
	if hosts == nil {
		hosts = addressesIn(rows)
	}
	t := &Truth{byName: map[string]int32{}, byAddr: map[string]int32{}}
	for _, account := range hosts {
		t.byName[bare(account)] = 0
	}
	t.People = slices.Sorted(maps.Keys(t.byName))
	for i, name := range t.People {
		t.byName[name] = int32(i)
	}
	for addr, account := range hosts {
		t.byAddr[addr] = t.byName[bare(account)]
	}
	for i := range rows {
		t.take(&rows[i])
	}
	t.inOrder()
	return t
}

// addressesIn gathers who had which address from the rows themselves; the
// least account stands where two claim one address.
func addressesIn(rows []row) map[string]string {
	out := map[string]string{}
	note := func(addr, who string) {
		if old, ok := out[addr]; addr != "" && (!ok || cmp.Less(who, old)) {
			out[addr] = who
		}
	}
	for _, r := range rows {
		note(r.FromIP, r.From)
		if len(r.To) == 1 {
			note(r.ToIP, r.To[0])
		}
		for i, addr := range r.ToIPs[:min(len(r.ToIPs), len(r.To))] {
			note(addr, r.To[i])
		}
		for _, d := range r.Delivered {
			note(d.IP, d.To)
		}
	}
	return out
}

// take adds what one row tells.
func (t *Truth) take(r *row) {
	switch {
	case r.message():
		m := Message{Time: capture.Time(r.Time), From: t.index(r.From), Group: r.Group, Media: r.Kind == "media"}
		beyond := m.From == Outside
		for _, to := range r.To {
			m.To = append(m.To, t.index(to))
			beyond = beyond || t.index(to) == Outside
		}
		for range r.Beyond {
			m.To, beyond = append(m.To, Outside), true
		}
		for _, d := range r.Delivered {
			m.Got = append(m.Got, Receipt{t.index(d.To), capture.Time(d.Time)})
		}
		t.Messages = append(t.Messages, m)
		t.count(beyond)
	case r.Kind == "call":
		c := TrueCall{From: t.index(r.From), To: Outside, Dialled: capture.Time(r.Time), Start: capture.Time(r.Start), End: capture.Time(r.End),
			Media: r.Media, Relayed: r.Mode == "relayed", Answered: r.Answered}
		if len(r.To) == 1 {
			c.To = t.index(r.To[0])
		}
		t.Calls = append(t.Calls, c)
		t.count(c.From == Outside || c.To == Outside)
	}
}

func (t *Truth) count(beyond bool) {
	if beyond {
		t.Beyond++
	}
}

// index is the person of a name, Outside where it is nobody's.
func (t *Truth) index(name string) int32 {
	if i, ok := t.byName[bare(name)]; ok {
		return i
	}
	return Outside
}
