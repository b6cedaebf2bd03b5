package logs

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// stanza takes a line of a module that logs each stanza's addresses and size:
// "STANZA dir=in kind=message:omemo type=chat from=JID to=JID size=705 ip=ADDR".
func (p *prosody) stanza(text string) {
	f := keyValues(text)
	kind, isMessage := strings.CutPrefix(f["kind"], "message")
	from, style := jidEnd(f["from"]), dash(f["type"])
	if from.Addr = addrOf(f["ip"]); from.Addr.IsValid() && from.Account != "" {
		p.located(from)
	}
	size, _ := strconv.ParseUint(f["size"], 10, 32)
	switch {
	case f["kind"] == "presence" && f["dir"] == "in" && from.Account != "":
		p.occupant(from.Account, f["to"])
	case !isMessage || style == "headline" || style == "error":
	case f["dir"] == "in":
		p.stanzaIn(capture.Entry{Kind: stanzaKind(kind, style, f["to"]), From: from, Size: size, Style: style, Half: capture.HalfSent}, f["to"])
	case !p.debug:
		p.delivered(capture.Entry{Kind: stanzaKind(kind, style, f["to"]), Size: size, Style: style}, f["from"], jidEnd(f["to"]))
	}
}

// located yields an address that an account's device is seen at for the first
// time.
func (p *prosody) located(who capture.End) {
	key := who.Account + "/" + who.Device + " " + who.Addr.String()
	if _, known := p.joined.get(key); !known {
		p.joined.put(key, true)
		p.give(capture.Entry{Kind: capture.EntryAccount, From: who})
	}
}

// stanzaIn adds what is said of the message that just came in, or yields one
// where the log has no other line of it.
func (p *prosody) stanzaIn(e capture.Entry, to string) {
	if s := p.open; s != nil && s.to == to && s.rec.From.Account == e.From.Account {
		s.rec.Kind, s.rec.Size, s.rec.From = e.Kind, e.Size, e.From
		return
	}
	p.address(&e, to)
	if !p.debug && e.From.Account != "" && (e.Group != "" || len(e.To) > 0) {
		p.give(e)
	}
}

// stanzaKind is the kind that the module saw in the stanza.
func stanzaKind(kind, style, to string) capture.EntryKind {
	switch kind {
	case ":receipt", ":marker":
		return capture.EntryReceipt
	case ":chatstate":
		return capture.EntryTyping
	case "":
		return plainKind(style, to)
	}
	return capture.EntryMessage
}

// keyValues reads "a=b c=d"; values have no blanks.
func keyValues(s string) map[string]string {
	m := map[string]string{}
	for _, word := range strings.Fields(s) {
		if k, v, ok := strings.Cut(word, "="); ok {
			m[k] = v
		}
	}
	return m
}

func dash(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// attribute gives the value of an attribute in a tag, in either quotes.
func attribute(tag, name string) string {
	for _, quote := range []string{"'", `"`} {
		if v, ok := between(tag, " "+name+"="+quote, quote); ok {
			return v
		}
	}
	return ""
}

// roundedSize reads "43.9 KiB" as bytes, 0 where it is none.
func roundedSize(s string) uint64 {
	number, unit, _ := strings.Cut(strings.TrimSpace(s), " ")
	n, err := strconv.ParseFloat(number, 64)
	power := map[string]float64{"B": 0, "KiB": 1, "MiB": 2, "GiB": 3}
	exponent, ok := power[unit]
	if err != nil || !ok || n < 0 || n > 1e6 {
		return 0
	}
	return uint64(n * math.Pow(1024, exponent))
}

// parseZoned reads a stamp with a year in a zone.
func parseZoned(layout, s string, zone *time.Location) (capture.Time, error) {
	at, err := time.ParseInLocation(layout, s, zone)
	if err != nil || at.Year() < 1970 || at.Year() > 2200 {
		return 0, notTime(s)
	}
	return capture.TimeOf(at), nil
}

// notTime says that what stands in the place of a time is none.
func notTime(s string) error { return fmt.Errorf("%s is no time", quoted(s)) }
