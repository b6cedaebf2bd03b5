package logs

import (
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// ejabberdFormat is ejabberd's own log and that of mod_message_log (of
// ejabberd-contrib), which has one line for every message.
func ejabberdFormat(o Options) capture.Format {
	return capture.Format{
		Name: "ejabberd", Title: "ejabberd server log, and mod_message_log",
		Observer: capture.Operator, Grain: capture.GrainEntry,
		Shows: []string{"who", "whom", "when", "volume", "service", "device", "location", "group", "presence"},
		Hides: "Without mod_message_log it names logins and uploads but not whom an account writes to; messages have no size, and addresses are missing where the server hides sensitive data.",
		Sniff: sniffLines(func(line []byte) bool {
			_, rest, ok := isoStamp(string(line), time.UTC)
			return ok && (messageLogLine(rest) || strings.Contains(rest, "@ejabberd_") || strings.Contains(rest, "@mod_"))
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			return func(b []byte) error {
				at, rest, ok := isoStamp(string(b), o.zone())
				if !ok {
					return nil
				}
				for _, e := range ejabberdEntry(rest) {
					e.Service, e.Unit = "xmpp", time.Second
					r.entry(at, &e)
				}
				return nil
			}, nil
		}),
	}
}

// messageLogLine tells "[outgoing, chat] anna@example.org/phone -> ...".
func messageLogLine(s string) bool {
	return strings.HasPrefix(s, "[") && strings.Contains(s, "] ") && strings.Contains(s, " -> ") &&
		(strings.HasPrefix(s, "[outgoing") || strings.HasPrefix(s, "[incoming") || strings.HasPrefix(s, "[carbon"))
}

func ejabberdEntry(s string) []capture.Entry {
	if messageLogLine(s) {
		return messageLogEntry(s)
	}
	if who, ok := between(s, "authentication for ", " by "); ok && strings.Contains(s, "Accepted c2s") {
		from, _ := between(s, "backend from ", " ")
		end := jidEnd(who)
		end.Addr = addrOf(from)
		return named(capture.Entry{Kind: capture.EntryLogin, From: end})
	}
	if who, ok := between(s, "Opened c2s session for ", " "); ok {
		return named(capture.Entry{Kind: capture.EntryAccount, From: jidEnd(who)})
	}
	if who, ok := between(s, "Closing c2s session for ", " "); ok {
		return named(capture.Entry{Kind: capture.EntryLogout, From: jidEnd(strings.TrimSuffix(who, ":"))})
	}
	if who, ok := between(s, "Got HTTP upload slot for ", " "); ok {
		k := strings.LastIndex(s, "size: ") // behind the name of the file, which is passed over
		e := capture.Entry{Kind: capture.EntryMedia, From: jidEnd(who), Half: capture.HalfSent, Type: "upload slot"}
		if k >= 0 {
			e.Size, _ = strconv.ParseUint(strings.TrimRight(s[k+6:], ") "), 10, 48)
		}
		return named(e)
	}
	return nil
}

// named drops an entry whose account the line does not name.
func named(e capture.Entry) []capture.Entry {
	if e.From.Account == "" {
		return nil
	}
	return []capture.Entry{e}
}

// messageLogEntry reads a line of mod_message_log. Copies for the sender's other
// devices are no message of their own.
func messageLogEntry(s string) []capture.Entry {
	head, rest, _ := strings.Cut(s[1:], "] ")
	from, to, _ := strings.Cut(rest, " -> ")
	way, style, _ := strings.Cut(head, ", ")
	if strings.Contains(head, "carbon") || style == "headline" || style == "error" {
		return nil
	}
	e := capture.Entry{Kind: capture.EntryMessage, Style: style, From: jidEnd(from), Half: capture.HalfSent}
	end := jidEnd(strings.TrimSpace(to))
	e.To = []capture.End{end}
	if way == "incoming" {
		e.Half = capture.HalfReceived
	}
	if style == "groupchat" {
		if e.Half == capture.HalfSent {
			e.Group, e.To = end.Account, nil
		} else {
			e.Group, e.From = e.From.Account, capture.End{Name: e.From.Device}
		}
	}
	if e.From.Account == "" && e.From.Name == "" || len(e.To) > 0 && end.Account == "" {
		return nil
	}
	return []capture.Entry{e}
}

// isoStamp cuts a stamp such as "2026-01-05 08:00:00", with parts of a second
// and a zone or not, from the start of a line.
func isoStamp(s string, zone *time.Location) (capture.Time, string, bool) {
	if len(s) < 20 || s[4] != '-' || s[7] != '-' || s[13] != ':' {
		return 0, s, false
	}
	stamp, rest := s[:19], s[19:]
	n := 0
	if rest[0] == '.' || rest[0] == ',' {
		for n = 1; n < len(rest) && n < 10 && rest[n] >= '0' && rest[n] <= '9'; n++ {
		}
		stamp += "." + rest[1:n]
	}
	layout := "2006-01-02" + string(s[10]) + "15:04:05"
	if s[10] != ' ' && s[10] != 'T' {
		return 0, s, false
	}
	switch {
	case n < len(rest) && rest[n] == 'Z':
		stamp, layout, n = stamp+"Z", layout+"Z07:00", n+1
	case n+6 <= len(rest) && (rest[n] == '+' || rest[n] == '-') && rest[n+3] == ':':
		stamp, layout, n = stamp+rest[n:n+6], layout+"Z07:00", n+6
	}
	at, err := parseZoned(layout, stamp, zone)
	return at, strings.TrimLeft(rest[n:], " "), err == nil
}
