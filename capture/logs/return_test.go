package logs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"envelope/capture"
)

// returnTruth is the layout of testdata/return/expected.json.
type returnTruth struct {
	Account  string
	Messages []struct {
		Time                time.Time
		ID, Sender          string
		Recipients          []string
		Group, IP           string
		Port                uint16
		Device, Type, Style string
		Size                uint64
		Media               bool
	}
	Calls []struct {
		ID, Creator          string
		To                   []string
		Start, End, Answered string
		Outcome, Media       string
	}
	Addresses, Contacts []string
	Groups              []struct{ ID, Name string }
	PushName            string `json:"push_name"`
	Known, Never        []string
}

// facts writes what is expected in one line each.
func (w *returnTruth) facts() (list []string) {
	for _, m := range w.Messages {
		list = append(list, fmt.Sprintln("message", m.Time.UTC(), m.ID, m.Sender, m.Recipients, m.Group, m.IP, m.Port, m.Device, m.Type, m.Style, m.Size, m.Media))
	}
	for _, c := range w.Calls {
		list = append(list, fmt.Sprintln("call", c.ID, c.Creator, c.To, c.Start, c.End, c.Answered, c.Outcome, c.Media))
	}
	for _, a := range w.Addresses {
		list = append(list, "address "+w.Account+" "+a)
	}
	for _, c := range w.Contacts {
		list = append(list, "contact "+w.Account+" "+c)
	}
	for _, g := range w.Groups {
		list = append(list, "group "+w.Account+" "+g.ID+" "+g.Name)
	}
	return append(list, "name "+w.Account+" "+w.PushName, "known "+w.Account+" "+strings.Join(w.Known, " "))
}

func accountsOf(ends []capture.End) (list []string) {
	for _, e := range ends {
		list = append(list, e.Account)
	}
	return list
}

func stamp(t capture.Time) string {
	if t == 0 {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// factsOf writes what a record says the same way.
func factsOf(r capture.Record) (list []string) {
	e := r.Entry
	switch e.Kind {
	case capture.EntryMessage, capture.EntryMedia:
		list = append(list, fmt.Sprintln("message", r.Time.UTC(), e.ID, e.From.Account, accountsOf(e.To), e.Group, e.From.Addr, e.From.Port, e.From.Device, e.Type, e.Style, e.Size, e.Kind == capture.EntryMedia))
	case capture.EntryCall:
		list = append(list, fmt.Sprintln("call", e.ID, e.From.Account, accountsOf(e.To), stamp(r.Time), stamp(e.Until), stamp(e.Call.Answered), e.Call.Outcome, e.Call.Media))
	case capture.EntryContact:
		list = append(list, "contact "+e.From.Account+" "+e.To[0].Account)
	case capture.EntryMember:
		list = append(list, "group "+e.From.Account+" "+e.Group+" "+e.GroupName)
	case capture.EntryAccount:
		if len(e.Known) > 0 {
			return []string{"known " + e.From.Account + " " + strings.Join(e.Known, " ")}
		}
		if list = append(list, "address "+e.From.Account+" "+e.From.Addr.String()); e.From.Name != "" {
			list = append(list, "name "+e.From.Account+" "+e.From.Name)
		}
	}
	return list
}

func TestReturnLayouts(t *testing.T) {
	raw, err := os.ReadFile("testdata/return/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var want returnTruth
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	facts := want.facts()
	slices.Sort(facts)
	for _, name := range []string{"div.html", "table.html", "text.txt"} {
		in, err := capture.Open(filepath.Join("testdata/return", name), 0, Formats(Options{}))
		if err != nil {
			t.Error(err)
			continue
		}
		var got []string
		all := ""
		for r, err := range in.All() {
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			got = append(got, factsOf(r)...)
			all += fmt.Sprintf("%+v\n", r.Entry)
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, facts) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(facts, "\n"))
		}
		for _, word := range want.Never {
			if strings.Contains(all+fmt.Sprint(in.Warnings), word) {
				t.Errorf("%s: %q came out", name, word)
			}
		}
		if len(in.Warnings) > 0 {
			t.Errorf("%s: %q", name, in.Warnings)
		}
		in.Close()
	}
}

// readExport reads bytes by one format, and writes all that comes out as text.
func readExport(t testing.TB, f capture.Format, text string) (records int, out string) {
	t.Helper()
	in := &capture.Input{Reader: strings.NewReader(text)}
	var b strings.Builder
	for r, err := range f.Read(in) {
		if err != nil {
			fmt.Fprintln(&b, err)
			continue
		}
		records++
		if r.Time != 0 && (r.Time.UTC().Year() < 1970 || r.Time.UTC().Year() > 2262) {
			t.Errorf("a record of the year %d", r.Time.UTC().Year())
		}
		fmt.Fprintf(&b, "%s %+v\n", stamp(r.Time), r.Entry)
		if r.Entry.Call != nil {
			fmt.Fprintf(&b, "%+v\n", r.Entry.Call)
		}
	}
	fmt.Fprintln(&b, in.Warnings)
	return records, b.String()
}

func TestReturnInline(t *testing.T) {
	text := "Facebook Legal Request\nService WhatsApp\nAccount Identifier +15550100001\nMessage Log Definition\nType of each message and more, in a sentence.\n" +
		"Timestamp 2026-01-05 08:00:00 UTC | Message Id 3EB0 | Sender 15550100001 | Recipients 15550100002 | Type text | Message Style individual | Message Size 312\n" +
		"Timestamp 2026-01-05 08:00:01 UTC | Message Id 3EB1 | Sender 15550100002 | Recipients 15550100001 | Type text | Message Style individual | Message Size x\n"
	n, out := readExport(t, returnFormats(Options{})[1], text)
	if n != 2 || !strings.Contains(out, "Account:+15550100002") || !strings.Contains(out, `line 7: the message size "x" is no number`) {
		t.Errorf("%d records\n%s", n, out)
	}
}

// TestReturnHostile reads pages that are no pages: nothing of them harms, and
// the message behind the trouble is read.
func TestReturnHostile(t *testing.T) {
	field := func(label, value string) string {
		return `<div class="t i">` + label + `<div class="m"><div>` + value + `<div class="p">`
	}
	message := `<div id="property-message_log">` + field("Timestamp", "2026-01-05 08:00:00 UTC") + field("Sender", "15550100001") + field("Recipients", "15550100002")
	for name, before := range map[string]string{
		"unclosed tags":  strings.Repeat("<div><table><b>", 1000),
		"script":         `<script>document.write("<div class='t i'>Sender")</script>`,
		"long attribute": `<div title="` + strings.Repeat("canary ", 1<<19) + `">`,
		"long text":      strings.Repeat("canary ", 1<<19),
		"deep nesting":   strings.Repeat(`<div class="t i">`, 100000),
		"entities, NUL":  "&amp;&#0;&bogus;\x00\xff" + strings.Repeat("&#x10ffff;", 1000),
		"content":        `<div id="property-offline_log_info">` + field("Content", "canary") + `<div id="property-groups_info">` + field("Description", "canary"),
	} {
		n, out := readExport(t, returnFormats(Options{})[0], before+message)
		if n != 1 || strings.Contains(out, "canary") {
			t.Errorf("%s: %d records\n%.500s", name, n, out)
		}
	}
}

func TestReturnOfAnotherService(t *testing.T) {
	page := `<div id="property-request_parameters"><table><tr><th>Service</th><td>Facebook</td></tr></table></div>` +
		`<div id="property-message_log"><table><tr><th>Timestamp</th><td>2026-01-05 08:00:00 UTC</td></tr></table></div>`
	n, out := readExport(t, returnFormats(Options{})[0], page)
	if n != 0 || !strings.Contains(out, `for "Facebook" and not for WhatsApp`) {
		t.Errorf("%d records\n%s", n, out)
	}
}

// A section of which nothing is read tells that it has something.
func TestReturnKnown(t *testing.T) {
	page := `<div id="property-request_parameters"><table><tr><th>Service</th><td>WhatsApp</td></tr><tr><th>Account Identifier</th><td>+15550100001</td></tr></table></div>` +
		`<div id="property-emails"><table><tr><th>Emails Definition</th><td>x</td></tr><tr><th>Registered Email Addresses</th><td>canary</td></tr></table></div>` +
		`<div id="property-about"><table><tr><th>About</th><td>canary</td></tr></table></div><div id="property-blocked_contacts"><table><tr><th>Blocked Contacts</th><td>No responsive records located</td></tr></table></div>`
	text := "Facebook Legal Request\nRequest Parameters\nService WhatsApp\nAccount Identifier +15550100001\nEmails Definition\nThe addresses.\nRegistered Email Addresses\ncanary\nProfile Definition\nThe profile.\nAbout\ncanary\nBlocked Contacts\nNo responsive records located\n"
	for i, doc := range []string{page, text} {
		_, out := readExport(t, returnFormats(Options{})[i], doc)
		if !strings.Contains(out, "Known:[email profile]") || strings.Contains(out, "canary") {
			t.Errorf("layout %d:\n%s", i, out)
		}
	}
}

func FuzzReturn(f *testing.F) {
	for _, name := range []string{"div.html", "table.html", "text.txt"} {
		raw, err := os.ReadFile(filepath.Join("testdata/return", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range returnFormats(Options{}) {
			readExport(t, format, text)
		}
	})
}
