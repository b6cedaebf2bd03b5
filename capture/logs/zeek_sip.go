package logs

import (
	"cmp"
	"slices"
	"strings"

	"time"

	"envelope/capture"
)

func zeekSIP() *zeekLog {
	return &zeekLog{
		name:    "sip",
		columns: "trans_depth method uri date request_from request_to response_from response_to reply_to call_id seq subject request_path response_path user_agent status_code status_msg warning request_body_len response_body_len content_type",
		marks:   [][]string{{"request_from"}, {"call_id"}, {"method", "request_path"}},
		wanted:  []string{"method", "request_from", "request_to", "call_id", "user_agent", "status_code"},
		start: func(z *zeek) zeekRows {
			s := &zeekCalls{newSIPCalls(z.r), z}
			return zeekRows{row: s.row, end: s.end}
		},
		format: capture.Format{Grain: capture.GrainEntry, Shows: []string{"who", "whom", "when", "duration", "device"},
			Hides: "signalling over TLS, where most of it is; and the media, which goes other ways"},
	}
}

// maxCalls bounds the calls that are kept open until their end shows.
const maxCalls = 100_000

// sipCalls joins the requests of a call by its Call-ID (RFC 3261 section 8.1.1.4).
type sipCalls struct {
	r       *reader
	open    map[string]*sipCall
	ordered []string // Call-IDs in the order in which the calls began
}

type sipCall struct {
	time  capture.Time
	at    int64 // line
	entry capture.Entry
}

func newSIPCalls(r *reader) *sipCalls { return &sipCalls{r: r, open: map[string]*sipCall{}} }

// zeekCalls takes the rows of a sip.log.
type zeekCalls struct {
	*sipCalls
	z *zeek
}

func (s *zeekCalls) row(at capture.Time) error {
	v := s.z.values[zeekOwn:]
	id, code := s.z.text(zeekOwn+3), number(v[5])
	from, to := sipEnd(s.z.text(zeekOwn+1)), sipEnd(s.z.text(zeekOwn+2))
	from.Addr, from.Device = s.z.addrs.get(s.z.values[zeekOrigAddr]), s.z.text(zeekOwn+4)
	e := capture.Entry{Service: "sip", From: from, ID: id, Unit: time.Microsecond}
	switch string(v[0]) {
	case "INVITE":
		if id != "" {
			s.invite(at, &e, to, code)
		}
	case "BYE":
		s.bye(at, id)
	case "MESSAGE":
		if code/100 == 2 || code == 0 {
			e.Kind, e.To = capture.EntryMessage, []capture.End{to}
			s.tell(at, &e)
		}
	case "REGISTER":
		if code/100 == 2 {
			e.Kind = capture.EntryLogin
			s.tell(at, &e)
		}
	}
	return nil
}

// tell gives an entry of an account that is known.
func (s *sipCalls) tell(at capture.Time, e *capture.Entry) {
	if e.From.Account != "" {
		s.r.entry(at, e)
	}
}

// invite opens a call; a further one of the same call brings its outcome, or
// only changes its media.
func (s *sipCalls) invite(at capture.Time, e *capture.Entry, to capture.End, code uint64) {
	call := s.open[e.ID]
	if call == nil {
		e.Kind, e.To, e.Call = capture.EntryCall, some(to), &capture.CallEntry{}
		call = &sipCall{time: at, at: s.r.at, entry: *e}
		s.open[e.ID] = call
		s.ordered = append(s.ordered, e.ID)
		if len(s.ordered) > maxCalls {
			s.drop()
		}
	}
	if was := call.entry.Call.Outcome; was == "" || was == "failed" {
		call.entry.Call.Outcome = sipOutcome(code)
	}
}

func (s *sipCalls) bye(at capture.Time, id string) {
	if call := s.open[id]; call != nil {
		call.entry.Until = at
		call.entry.Call.Outcome = "answered" // only what was answered ends so (RFC 3261 section 15)
		s.give(id)
	}
}

// drop gives the oldest open call, without its end.
func (s *sipCalls) drop() {
	id := s.ordered[0]
	s.ordered = s.ordered[1:]
	if s.open[id] != nil {
		s.r.in.Warn("more than 100000 calls are open at one time: the oldest are told without their end")
		s.give(id)
	}
}

func (s *sipCalls) end() {
	ids := make([]string, 0, len(s.open))
	for id := range s.open {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(s.open[a].at, s.open[b].at) })
	for _, id := range ids {
		s.give(id)
	}
}

// give yields a call as of the line that it began with.
func (s *sipCalls) give(id string) {
	call, now := s.open[id], s.r.at
	delete(s.open, id)
	s.r.at = call.at
	s.r.entry(call.time, &call.entry)
	s.r.at = now
}

// sipOutcome is what the final answer to an INVITE says (RFC 3261 section 21),
// "" where it was none.
func sipOutcome(code uint64) string {
	switch {
	case code < 200, code == 401, code == 407: // provisional, or asked again with credentials
		return ""
	case code < 300:
		return "answered"
	case code == 486, code == 600:
		return "busy"
	case code == 603:
		return "rejected"
	case code == 408, code == 480, code == 487:
		return "unanswered"
	}
	return "failed"
}

// sipEnd reads an address of record with or without a name: a SIP URI gives
// user and domain, a telephone number its digits (RFC 3261 section 19.1.6).
func sipEnd(s string) capture.End {
	var end capture.End
	if name, rest, ok := strings.Cut(s, "<"); ok {
		end.Name = strings.Trim(strings.TrimSpace(name), `"`)
		s, _, _ = strings.Cut(rest, ">")
	}
	s, _, _ = strings.Cut(s, ";")
	scheme, uri, ok := strings.Cut(strings.TrimSpace(s), ":")
	if scheme = strings.ToLower(scheme); !ok || scheme != "sip" && scheme != "sips" && scheme != "tel" {
		return end
	}
	user, host, _ := strings.Cut(uri, "@")
	host, _, _ = strings.Cut(host, "?")
	if scheme == "tel" {
		end.Account = calledNumber(user)
	} else if host != "" || isDialled(user) {
		end.Account = sipUser(user, host)
	}
	return end
}

// sipUser is the account of a user at a host: a telephone number in full stands
// for itself, and another name with its host, where it is known.
func sipUser(user, host string) string {
	switch {
	case user == "" || strings.ContainsAny(user, " <>\""):
		return ""
	case host == "" || isDialled(user):
		return calledNumber(user)
	}
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	return user + "@" + strings.ToLower(host)
}

// isDialled tells telephone numbers in full from the short names of extensions:
// seven digits at least (E.164 has up to fifteen).
func isDialled(user string) bool {
	digits := strings.TrimPrefix(user, "+")
	return len(digits) >= 7 && strings.Trim(digits, "0123456789-.()") == ""
}
