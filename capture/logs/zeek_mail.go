package logs

import (
	"net/mail"
	"strings"

	"time"

	"envelope/capture"
)

func zeekSMTP() *zeekLog {
	return &zeekLog{
		name:    "smtp",
		columns: "trans_depth helo mailfrom rcptto date from to cc reply_to msg_id in_reply_to subject x_originating_ip first_received second_received last_reply path user_agent tls fuids is_webmail",
		marks:   [][]string{{"helo"}, {"mailfrom"}, {"rcptto"}},
		wanted:  []string{"mailfrom", "rcptto", "from", "to", "cc", "msg_id", "x_originating_ip", "user_agent", "last_reply"},
		start:   func(z *zeek) zeekRows { return zeekRows{row: z.mail} },
		format: capture.Format{Grain: capture.GrainEntry, Shows: []string{"who", "whom", "when", "device", "group"},
			Hides: "anything behind STARTTLS, where most mail is: only mail that went in clear between servers shows, and not its size"},
	}
}

// mail gives a message that was handed over in clear. A refused one, and one
// that names only one end, are none.
func (z *zeek) mail(at capture.Time) error {
	v := z.values[zeekOwn:]
	if reply := v[8]; len(reply) > 0 && (reply[0] == '4' || reply[0] == '5') {
		return nil
	}
	e := capture.Entry{Kind: capture.EntryMessage, Service: "mail", Unit: time.Microsecond, From: mailEnd(z.text(zeekOwn + 2))}
	if envelope := mailEnd(z.text(zeekOwn)); envelope.Account != "" {
		envelope.Name = e.From.Name
		e.From = envelope
	}
	e.From.Addr, e.From.Device = z.addrs.get(v[6]), z.text(zeekOwn+7)
	if e.To = z.recipients(nil, zeekOwn+1); len(e.To) == 0 {
		e.To = z.recipients(z.recipients(nil, zeekOwn+3), zeekOwn+4)
	}
	e.ID = strings.Trim(z.text(zeekOwn+5), "<>")
	if e.From.Account == "" || len(e.To) == 0 {
		return nil
	}
	z.r.entry(at, &e)
	return nil
}

// maxEnds bounds the recipients of one message.
const maxEnds = 10_000

func (z *zeek) recipients(to []capture.End, field int) []capture.End {
	for item := range z.list(field) {
		if end := mailEnd(z.words.get(item)); end.Account != "" && len(to) < maxEnds {
			to = append(to, end)
		}
	}
	return to
}

// mailEnd reads a mailbox (RFC 5322 section 3.4), with or without a name.
func mailEnd(s string) capture.End {
	name, addr := "", s
	if a, err := mail.ParseAddress(s); err == nil {
		name, addr = a.Name, a.Address
	} else if _, inside, ok := strings.Cut(s, "<"); ok {
		addr, _, _ = strings.Cut(inside, ">")
	}
	at := strings.LastIndexByte(addr, '@')
	if at <= 0 || at == len(addr)-1 || strings.ContainsAny(addr, " \t,;<>\"") {
		return capture.End{}
	}
	return capture.End{Account: addr[:at] + strings.ToLower(addr[at:]), Name: plainText(name)}
}
