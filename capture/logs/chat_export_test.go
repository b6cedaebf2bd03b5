package logs

import (
	"strings"
	"testing"
	"time"
)

// TestChatHeaders reads one moment, 22 March 2026 20:05:09, as phones of many
// languages write it.
func TestChatHeaders(t *testing.T) {
	for _, head := range []string{
		"[22/03/2026, 20:05:09] ", "[3/22/26, 8:05:09\u202fPM] ", "[22.03.26, 20:05:09] ", "[2026-03-22, 8:05:09 p.\u00a0m.] ", "[2026/03/22 20:05:09] ",
		"\u200e[22-03-26 20.05.09] ", "[\u200f22\u200f/3\u200f/2026، 8:05:09 م] ", "[٢٢/٣/٢٠٢٦، ٨:٠٥:٠٩ م] ", "[22/3/2569 20:05:09] ", "[๒๒/๓/๒๕๖๙ ๒๐:๐๕:๐๙] ",
		"[22/3/2569 BE, 20:05:09] ", "[2026年3月22日 下午8:05:09] ", "[2026. 3. 22. 오후 8:05:09] ", "[22. 3. 2026 20:05:09] ", "[3/22/8 R, 20:05:09] ",
		"22/03/2026, 20:05 - ", "3/22/26, 8:05 PM - ", "22.03.26, 20:05 – ", "2026/03/22 20:05 - ", "22/3/2026 à 20:05 - ", "22.3.2026 klo 20.05 - ", "2026/03/22, 下午8:05 - ",
	} {
		text := head + "Anna: x\n"
		n, out := readExport(t, whatsappFormat(Options{}), text)
		if n != 1 || !strings.HasPrefix(out, "2026-03-22T20:05:0") || !strings.Contains(out, "Name:Anna") {
			t.Errorf("%q: %s", head, out)
		}
	}
}

// TestChatOrder settles day and month where single lines do not tell them.
func TestChatOrder(t *testing.T) {
	line := func(date string) string { return "[" + date + ", 08:00:00] Anna: x\n" }
	for name, c := range map[string]struct {
		dates []string
		last  string
		warns bool
	}{
		"a day above 12 late in the file":        {[]string{"01/02/26", "03/02/26", "13/02/26"}, "2026-02-13", false},
		"a month in the second place":            {[]string{"02/01/26", "02/03/26", "02/13/26"}, "2026-02-13", false},
		"steps back under the other reading":     {[]string{"11/01/26", "12/01/26", "01/02/26"}, "2026-02-01", false},
		"month first, steps back the other way":  {[]string{"01/11/26", "01/12/26", "02/01/26"}, "2026-02-01", false},
		"year first in two digits":               {[]string{"15-01-20", "15-01-31", "15-12-24"}, "2015-12-24", false},
		"one day only, which may be two":         {[]string{"02/03/2026"}, "2026-03-02", true},
		"the same day and month":                 {[]string{"03/03/2026"}, "2026-03-03", false},
		"a notice with a later date comes first": {[]string{"23/03/22", "18/03/22", "20/03/22"}, "2022-03-20", false},
	} {
		var text strings.Builder
		for _, d := range c.dates {
			text.WriteString(line(d))
		}
		_, out := readExport(t, whatsappFormat(Options{}), text.String())
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if len(lines) != len(c.dates)+1 || !strings.HasPrefix(lines[len(lines)-2], c.last) || strings.Contains(out, "would do as well") != c.warns {
			t.Errorf("%s:\n%s", name, out)
		}
	}
}

func TestChatTalk(t *testing.T) {
	const two = "05/01/2026, 08:00 - Anna: first\nsecond line\n05/01/2026, 08:01 - +1 555 010 0002: Missed voice call\n25/01/2026, 08:02 - Anna: <Media omitted>\nnot said\n"
	n, out := readExport(t, whatsappFormat(Options{}), two)
	for _, part := range []string{"Size:17 Text:true", "To:[{Account:+15550100002", "Kind:call", "Kind:media", "Outcome:unanswered"} {
		if n != 3 || !strings.Contains(out, part) {
			t.Errorf("no %q in\n%s", part, out)
		}
	}
	const group = "25/01/2026, 08:00 - Anna created group \"Walks\"\n25/01/2026, 08:00 - Anna added Ben and Carla\n25/01/2026, 08:00 - Ben: a\n25/01/2026, 08:01 - Ben left\n25/01/2026, 08:02 - You were added\n"
	n, out = readExport(t, whatsappFormat(Options{}), group)
	for _, part := range []string{"GroupName:Walks", "Group:chat 1", "To:[{Account: Name:Ben", "Name:Carla", "Kind:leave"} {
		if n != 4 || !strings.Contains(out, part) {
			t.Errorf("%d records, no %q in\n%s", n, part, out)
		}
	}
}

func TestChatZone(t *testing.T) {
	_, out := readExport(t, whatsappFormat(Options{Zone: time.FixedZone("", 3600)}), "25/01/2026, 08:00 - Anna: a\n")
	if !strings.HasPrefix(out, "2026-01-25T07:00:00Z") {
		t.Error(out)
	}
}

func TestChatSniff(t *testing.T) {
	for text, want := range map[string]string{
		"[2026-01-05 08:00:00] NOTICE[12]: chan_sip.c: x\n":  "",
		"2026-01-05 08:00:00,000 - synapse - 1 - INFO - x\n": "",
		"[2026-01-05, 08:00] Anna: x\n":                      "signal-export",
		"[2026-01-05, 08:00:00] Anna: x\n":                   "whatsapp-chat",
		"Dear Anna: 05/01/2026, 08:00 - Ben: x\n":            "",
	} {
		got := ""
		for _, f := range exportFormats(Options{}) {
			if f.Sniff([]byte(text)) {
				got = f.Name
				break
			}
		}
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// TestExportsHostile reads what no app writes.
func TestExportsHostile(t *testing.T) {
	good := "25/01/2026, 08:00 - Anna: a\n"
	for name, text := range map[string]string{
		"control characters":     good + "\x00\x01\x1b[2J\n" + good,
		"a line of 10 MB":        good + strings.Repeat("x", 10<<20) + "\n" + good,
		"Latin-1 and UTF-16":     good + "\xe4\xf6\xfc\xff\xfe\x00\n" + good,
		"wrong years":            good + "25/01/9999, 08:00 - Anna: a\n25/01/1026, 08:00 - Anna: a\n" + good,
		"a cut last line":        good + good + "25/01/2026, 0",
		"megabytes of one field": good + "25/01/2026, 08:00 - " + strings.Repeat("A", 2<<20) + ": a\n" + good,
	} {
		if n, out := readExport(t, whatsappFormat(Options{}), text); n != 2 {
			t.Errorf("%s: %d records\n%.300s", name, n, out)
		}
	}
	long := `{"messages":[{"sender_name":"Anna","timestamp_ms":1767600000000,"content":"` + strings.Repeat("x", 20<<20) + `"}]}`
	for _, f := range chatJSONFormats(Options{}) {
		if n, out := readExport(t, f, long); n != 0 || !strings.Contains(out, "a message of more than 8 MiB") {
			t.Errorf("%s: %d records\n%.300s", f.Name, n, out)
		}
		readExport(t, f, strings.Repeat(`{"a":[`, 1<<20))
	}
}
