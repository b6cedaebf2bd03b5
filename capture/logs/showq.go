package logs

import (
	"strconv"
	"strings"
	"time"

	"envelope/capture"
)

// showqFormat is the list of mails that wait in Postfix's queue, as postqueue -p and mailq
// print it (Postfix: showq(8)): one row for a mail, below it the reason why it
// waits, in brackets, and its recipients.
func showqFormat(o Options) capture.Format {
	return capture.Format{
		Name: "postqueue", Title: "Mails in Postfix's queue (postqueue -p, mailq)",
		Observer: capture.Mailhop, Grain: capture.GrainEntry, Undated: true,
		Shows: []string{"who", "whom", "when", "volume", "service"},
		Hides: "Whether a mail reached anybody: it lists those that still wait, and of their recipients those that are still due.",
		Sniff: sniffLines(func(line []byte) bool {
			s := string(line)
			return strings.Contains(s, "Queue ID-") && strings.Contains(s, "-Sender/Recipient-")
		}),
		Read: readLines(func(r *reader) (func([]byte) error, func() error) {
			q := &showq{r: r, o: &o}
			return q.line, q.end
		}),
	}
}

// showq reads the list mail by mail.
type showq struct {
	r    *reader
	o    *Options
	e    *capture.Entry // the mail whose recipients come, nil where its sender is not named
	time capture.Time
	at   int64
}

// showqStamp is the layout of the time of arrival, behind the day of the week.
const showqStamp = "Jan 2 15:04:05"

func (q *showq) line(b []byte) error {
	s := string(b)
	switch text := strings.TrimSpace(s); {
	case text == "", strings.HasPrefix(text, "-"), strings.HasPrefix(text, "("), text == "Mail queue is empty":
		return nil
	case s[0] == ' ' || s[0] == '\t':
		q.recipient(text)
		return nil
	}
	q.flush()
	return q.mail(strings.Fields(s))
}

// mail takes the row of a mail: id (with "*" for one that is being sent and "!"
// for one that is held), size, time of arrival and sender.
func (q *showq) mail(words []string) error {
	if len(words) != 7 || !queueID(strings.TrimRight(words[0], "*!#")) {
		return errNoRow
	}
	size, err := strconv.ParseUint(words[1], 10, 48)
	if err != nil {
		return errNoRow
	}
	q.at = q.r.at
	if q.time, err = q.o.yearless(q.r.in, showqStamp, strings.Join(words[3:6], " ")); err != nil {
		return err
	}
	if from := mailAccount(words[6]); from != "" { // else a bounce of the server
		q.e = &capture.Entry{Kind: capture.EntryMessage, Service: "mail", From: capture.End{Account: from},
			Half: capture.HalfSent, ID: strings.TrimRight(words[0], "*!#"), Size: size, Unit: time.Second}
	}
	return nil
}

// maxRecipients bounds the recipients that are kept of one mail.
const maxRecipients = 10_000

func (q *showq) recipient(text string) {
	if account := mailAccount(text); q.e != nil && account != "" && len(q.e.To) < maxRecipients {
		q.e.To = append(q.e.To, capture.End{Account: account})
	}
}

// flush yields the mail at hand, at the line it began on.
func (q *showq) flush() {
	if q.e == nil {
		return
	}
	line := q.r.at
	q.r.at = q.at
	q.r.entry(q.time, q.e)
	q.r.at, q.e = line, nil
}

func (q *showq) end() error {
	q.flush()
	q.r.unused("the queue of Postfix holds no mail with a sender")
	return nil
}
