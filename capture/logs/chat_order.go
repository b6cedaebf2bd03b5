package logs

import (
	"cmp"
	"time"

	"envelope/capture"
)

// dateOrder says at which place of a written date year, month and day stand.
type dateOrder struct {
	name             string
	year, month, day int8
}

// dateOrders are the orders that phones write, the more common ones first. The
// last is written by none of CLDR's languages, but by some tools.
var dateOrders = []dateOrder{
	{"day, month, year", 2, 1, 0}, {"month, day, year", 2, 0, 1}, {"year, month, day", 0, 1, 2}, {"year, day, month", 0, 2, 1},
}

// firstYear is the first that a chat can be of: WhatsApp began in 2009, the
// other messengers with such exports later.
const firstYear = 2009

// date gives year, month and day of a header, false where there is no such day.
func (o dateOrder) date(h *chatHeader) (year, month, day int, ok bool) {
	if h.style.wide >= 0 && h.style.wide != o.year {
		return 0, 0, 0, false
	}
	year, month, day = int(h.date[o.year]+h.era), int(h.date[o.month]), int(h.date[o.day])
	switch {
	case h.era == 0 && h.style.wide < 0:
		year += 2000
	case year > 2400 && h.era == 0: // Buddhist years, as phones set to Thai write them without a word
		year -= 543
	}
	if month < 1 || month > 12 || day < 1 || year < firstYear || year > 2200 {
		return 0, 0, 0, false
	}
	last := time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return year, month, day, day <= last
}

// at gives the time of a header.
func (o dateOrder) at(h *chatHeader, zone *time.Location) (capture.Time, bool) {
	year, month, day, ok := o.date(h)
	if !ok {
		return 0, false
	}
	return capture.TimeOf(time.Date(year, time.Month(month), day, int(h.second/3600), int(h.second/60%60), int(h.second%60), 0, zone)), true
}

// orderVote counts what speaks against an order: days that do not exist, steps
// back in time, and the way that all steps together cover. A chat is written
// in order of time, and many messages stand close together.
type orderVote struct {
	bad, back int
	way       int64 // in days
	last, sum int64 // days since 1970 of the last date, and of all: equal sums are the same reading
}

func (v *orderVote) add(o dateOrder, h *chatHeader) {
	year, month, day, ok := o.date(h)
	if !ok {
		v.bad++
		return
	}
	now := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Unix() / 86400
	if v.last != 0 {
		v.way += max(now-v.last, v.last-now)
		if now < v.last {
			v.back++
		}
	}
	v.last, v.sum = now, v.sum+now
}

// less tells whether v speaks less against its order than w.
func (v *orderVote) less(w *orderVote) bool {
	return cmp.Or(cmp.Compare(v.bad, w.bad), cmp.Compare(v.back, w.back), cmp.Compare(v.way, w.way)) < 0
}

// rivals tells whether v would do as well as the best, w. Readings of the year as
// a day scatter the messages over years: a way a hundred times as long is no rival.
func (v *orderVote) rivals(w *orderVote) bool {
	return v.bad == w.bad && v.back == w.back && v.sum != w.sum && v.way <= 100*(w.way+1)
}

// orderOf settles the order of day and month from all headers of a file. other
// names an order that would do as well, "" where there is none.
func orderOf(headers func(yield func(*chatHeader) bool)) (best dateOrder, other string) {
	votes := make([]orderVote, len(dateOrders))
	for h := range headers {
		for i := range votes {
			votes[i].add(dateOrders[i], h)
		}
	}
	first := 0
	for i := 1; i < len(votes); i++ {
		if votes[i].less(&votes[first]) {
			first = i
		}
	}
	for i := range votes {
		a, b := &votes[i], &votes[first]
		if i != first && i < 3 && a.rivals(b) {
			other = dateOrders[i].name
			break
		}
	}
	return dateOrders[first], other
}
