package logs

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxHeader bounds the date and time that a message of a chat export begins
// with, in bytes: the longest of WhatsApp's styles, with marks, takes some 60.
const maxHeader = 96

// chatHeader is what a message of a chat export begins with.
type chatHeader struct {
	style  chatStyle
	date   [3]int32 // numbers of the date in the order they are written
	era    int32    // years to add to the year, as the calendar's name says
	second int32    // of the day
	marked bool     // a direction mark stands before the bracket: an attachment, in exports of iOS
}

// chatStyle is how one export writes all its headers. A pasted chat within a
// message mostly has another one.
type chatStyle struct {
	bracket bool // "[...] " and not "... - "
	sep     rune // between the numbers of the date
	comma   bool // behind the date
	seconds bool
	wide    int8 // place of the number of four digits, -1 where there is none
}

// directionMark tells the invisible characters that exports put around names
// and notes (Unicode Bidirectional Algorithm, UAX 9; byte order mark).
func directionMark(c rune) bool {
	switch {
	case c == 0x200e, c == 0x200f, c == 0xfeff, c >= 0x202a && c <= 0x202e, c >= 0x2066 && c <= 0x2069:
		return true
	}
	return false
}

// digitOf gives the value of a decimal digit of any script in which phones
// write dates: each has its ten digits in a row (Unicode, category Nd).
func digitOf(c rune) (int32, bool) {
	for _, zero := range []rune{'0', 0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0x1040} {
		if c >= zero && c <= zero+9 {
			return c - zero, true
		}
	}
	return 0, false
}

// parseChatHeader reads the header of a line and gives what stands behind it.
func parseChatHeader(line []byte) (h chatHeader, rest []byte, ok bool) {
	line, h.marked = trimMarks(line)
	text, rest, bracket := cutHeader(line)
	if text == nil {
		return h, nil, false
	}
	h.style.bracket = bracket
	return h, rest, h.scan(text)
}

// trimMarks takes direction marks off the start.
func trimMarks(b []byte) (rest []byte, found bool) {
	for {
		c, n := utf8.DecodeRune(b)
		if n == 0 || !directionMark(c) {
			return b, found
		}
		b, found = b[n:], true
	}
}

// cutHeader separates the header from the rest by its closing bracket or dash.
func cutHeader(line []byte) (text, rest []byte, bracket bool) {
	head := string(line[:min(len(line), maxHeader)])
	if strings.HasPrefix(head, "[") {
		if i := strings.IndexByte(head, ']'); i > 0 {
			return line[1:i], line[i+1:], true
		}
		return nil, nil, false
	}
	for _, dash := range []string{" - ", " – "} {
		if i := strings.Index(head, dash); i > 0 {
			return line[:i], line[i+len(dash):], false
		}
	}
	return nil, nil, false
}

// headerScan gathers the numbers and words of a header.
type headerScan struct {
	numbers [6]int32
	digits  [6]int
	count   int
	seps    [6]rune // first sign behind each number that is no space
	words   strings.Builder
	inside  bool // within a number
}

// scan reads five or six numbers, and words that may stand between them.
func (h *chatHeader) scan(text []byte) bool {
	var s headerScan
	for _, c := range string(text) {
		if !s.take(c) {
			return false
		}
	}
	return h.settle(&s)
}

func (s *headerScan) take(c rune) bool {
	if d, is := digitOf(c); is {
		return s.digit(d)
	}
	s.inside = false
	switch {
	case directionMark(c) || unicode.IsSpace(c):
	case unicode.IsLetter(c) || unicode.IsMark(c):
		s.words.WriteRune(unicode.ToLower(c))
		if s.count == 0 {
			break
		}
		fallthrough
	case s.count > 0 && strings.ContainsRune("/.-:,،'’", c):
		if s.seps[s.count-1] == 0 {
			s.seps[s.count-1] = c
		}
	default:
		return false
	}
	return true
}

func (s *headerScan) digit(d int32) bool {
	if !s.inside {
		if s.count == len(s.numbers) {
			return false
		}
		s.count++
	}
	s.inside = true
	i := s.count - 1
	s.numbers[i] = s.numbers[i]*10 + d
	s.digits[i]++
	return s.digits[i] <= 4
}

// settle gives the numbers their meaning.
func (h *chatHeader) settle(s *headerScan) bool {
	if s.count < 5 || s.digits[4] != 2 || s.digits[3] > 2 || !strings.ContainsRune(":.时時시", s.seps[3]) || !dateSign(s.seps[0]) || !dateSign(s.seps[1]) {
		return false
	}
	if s.count == 6 && s.digits[5] != 2 {
		return false
	}
	copy(h.date[:], s.numbers[:3])
	h.style.sep, h.style.seconds, h.style.wide = s.seps[0], s.count == 6, -1
	h.style.comma = s.seps[2] == ',' || s.seps[2] == '،'
	for i, n := range s.digits[:3] {
		switch {
		case n == 4 && h.style.wide < 0:
			h.style.wide = int8(i)
		case n > 2:
			return false
		}
	}
	half, era, ok := headerWords(s.words.String())
	h.era = era
	return ok && h.clock(s.numbers[3], s.numbers[4], s.numbers[5], half)
}

func dateSign(c rune) bool { return strings.ContainsRune("/.-年月년월", c) }

// clock turns hour, minute and second into the second of the day.
func (h *chatHeader) clock(hour, minute, second int32, half dayHalf) bool {
	if half != wholeDay {
		if hour > 12 { // "13:05 pm" is written where the phone says 24 hours and the language adds the word
			half = wholeDay
		} else {
			hour %= 12
		}
	}
	if half == afternoon {
		hour += 12
	}
	if hour > 23 || minute > 59 || second > 60 {
		return false
	}
	h.second = hour*3600 + minute*60 + min(second, 59)
	return true
}

// dayHalf is which half of the day a clock of twelve hours means.
type dayHalf uint8

const (
	wholeDay dayHalf = iota
	morning
	afternoon
)

// halfWords are the words for the halves of the day, without points and
// spaces, in lower case (Unicode CLDR 45, dayPeriods).
var halfWords = map[string]dayHalf{
	"am": morning, "a": morning, "πμ": morning, "ص": morning, "上午": morning, "午前": morning, "오전": morning, "öö": morning,
	"de": morning, "ap": morning, "fm": morning, "vm": morning, "قظ": morning, "pg": morning, "sa": morning, "dop": morning,
	"पूर्वाह्न": morning, "凌晨": morning, "早上": morning, "清晨": morning, "delamañana": morning, "pd": morning, "ก่อนเที่ยง": morning, "préd": morning, "संध": afternoon,
	"pm": afternoon, "p": afternoon, "μμ": afternoon, "م": afternoon, "下午": afternoon, "午後": afternoon, "오후": afternoon, "ös": afternoon,
	"du": afternoon, "ip": afternoon, "em": afternoon, "nm": afternoon, "بظ": afternoon, "ptg": afternoon, "ch": afternoon, "odp": afternoon,
	"अपराह्न": afternoon, "中午": afternoon, "晚上": afternoon, "delatarde": afternoon, "delanoche": afternoon, "md": afternoon, "หลังเที่ยง": afternoon, "ptang": afternoon,
}

// eraWords are the names of calendars, by what has to be added to their years.
var eraWords = []struct {
	word string
	add  int32
}{
	{"พศ", -543}, {"buddhistera", -543}, {"be", -543},
	{"令和", 2018}, {"reiwa", 2018}, {"平成", 1988}, {"heisei", 1988}, {"西暦", 0}, {"ad", 0}, {"r", 2018}, {"h", 1988},
}

// headerWords reads the words of a header; one that is not known makes it none.
func headerWords(words string) (half dayHalf, era int32, ok bool) {
	words = strings.NewReplacer("年", "", "月", "", "日", "", "년", "", "월", "", "일", "", "时", "", "時", "", "分", "", "秒", "", "시", "", "분", "", "초", "").Replace(words)
	if words == "" {
		return wholeDay, 0, true
	}
	if half, ok := halfWords[words]; ok {
		return half, 0, true
	}
	for _, e := range eraWords {
		for _, rest := range []string{strings.TrimPrefix(words, e.word), strings.TrimSuffix(words, e.word)} {
			if half, known := halfWords[rest]; rest != words && (rest == "" || known) {
				return half, e.add, true
			}
		}
	}
	for _, at := range []string{"at", "um", "à", "às", "kl", "klo", "alle", "om", "в", "alas", "a las"} {
		if rest, found := strings.CutPrefix(words, at); found && (rest == "" || halfWords[rest] != wholeDay) {
			return halfWords[rest], 0, true
		}
	}
	return wholeDay, 0, false
}
