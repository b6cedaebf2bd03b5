package logs

import (
	"fmt"
	"strings"
	"testing"

	"envelope/capture"
)

// accountWant is what every layout of the same report says.
const accountWant = `account +15550100001 Anna "Google Pixel 8" 2026-01-05T08:00:00Z [groups last_seen platform profile registered]
account +15550100001 192.0.2.10 2026-01-05T08:00:00Z []
contact +15550100001 > +15550100002
contact +15550100001 > +15550100003
member +15550100001 Chess Club
member +15550100001 Family`

var accountReports = map[string]string{
	"JSON as parsers of the report know it": `{"wa_account":{"phone_number":"+1 555 010 0001","push_name":"Anna","registration_time":"2020-05-01 10:00:00 UTC","about":"CANARY",
		"profile_picture":"CANARY.jpg","device":{"manufacturer":"Google","model":"Pixel 8"},"last_ip":"192.0.2.10","last_seen":"2026-01-05 08:00:00 UTC"},
		"wa_settings":{"last_seen":"contacts","groups":"everyone CANARY","about":"nobody"},
		"wa_contacts":{"wa_contacts":["+15550100002","15550100003"],"total":2},"wa_groups":{"wa_groups":["Chess Club",{"name":"Family","description":"CANARY"}]}}`,
	"JSON with objects in lists": "\ufeff" + `{"whatsAppAccountInformation":{"phoneNumber":15550100001,"name":"Anna","registrationTime":1588327200,"statusText":"CANARY","deviceManufacturer":"Google","deviceModel":"Pixel 8",
		"lastKnownIp":"192.0.2.10","lastSeen":1767600000,"contacts":[{"phone_number":"+15550100002","about":"CANARY"},{"jid":"15550100003@s.whatsapp.net"}],
		"groups":[{"subject":"Chess Club","description":{"text":"CANARY"}},{"subject":"Family"}]}}`,
	"page of tables": `<html><head><title>WhatsApp</title></head><body><h1>WhatsApp account information</h1><table><tr><td>Phone number</td><td>+1 555 010 0001</td></tr>
		<tr><td>Name</td><td>Anna</td></tr><tr><td>Registration time</td><td>2020-05-01 10:00:00 UTC</td></tr><tr><td>About</td><td>CANARY<br>Name: CANARY</td></tr>
		<tr><td>Device manufacturer</td><td>Google</td></tr><tr><td>Device model</td><td>Pixel 8</td></tr><tr><td>Last IP</td><td>192.0.2.10</td></tr>
		<tr><td>Last seen</td><td>2026-01-05 08:00:00 UTC</td></tr><tr><td>Contacts</td><td>+15550100002<br>+15550100003</td></tr><tr><td>Groups</td><td>Chess Club<br>Family</td></tr>
		<tr><td>Something else</td><td>CANARY</td></tr></table><h2>Settings</h2><table><tr><td>Groups</td><td>CANARY</td></tr></table></body></html>`,
	"page of lists": `<!DOCTYPE html><title>WhatsApp account report</title><style>CANARY</style><dl><dt>Phone number<dd>+15550100001<dt>Push name<dd>Anna<dt>Registered<dd>2020-05-01 10:00:00 UTC<dt>About<dd>CANARY
		<dt>Device manufacturer<dd>Google<dt>Device model<dd>Pixel 8<dt>Last known IP address<dd>192.0.2.10<dt>Last seen<dd>2026-01-05 08:00:00 UTC</dl>
		<h3>Contacts</h3><ul><li>+15550100002</li><li>+15550100003</li></ul><h3>Group names</h3><ul><li>Chess Club</li><li>Family</li></ul><h3>Terms</h3><p>CANARY</p>`,
	"page of divisions": `<div>WhatsApp</div><div class="l">Phone number</div><div>+15550100001</div><div>Name</div><div>Anna</div><p>Registration date: 2020-05-01 10:00:00 UTC</p><div>About</div><div>Name: CANARY</div>
		<div>Device manufacturer</div><div>Google</div><div>Device model</div><div>Pixel 8</div><div>Last IP: 192.0.2.10</div><div>Last seen: 2026-01-05 08:00:00 UTC</div>
		<div>Contacts</div><div>+15550100002</div><div>+15550100003</div><div>Groups</div><div>Chess Club</div><div>Family</div><div>Settings</div><div>Last seen</div><div>CANARY</div>`,
}

// accountLine writes what a record of a report says.
func accountLine(r capture.Record) string {
	e := r.Entry
	switch e.Kind {
	case capture.EntryContact:
		return fmt.Sprintf("contact %s > %s", e.From.Account, e.To[0].Account)
	case capture.EntryMember:
		return fmt.Sprintf("member %s %s", e.From.Account, e.GroupName)
	}
	if e.From.Addr.IsValid() {
		return fmt.Sprintf("account %s %s %s %v", e.From.Account, e.From.Addr, stamp(r.Time), e.Known)
	}
	return fmt.Sprintf("account %s %s %q %s %v", e.From.Account, e.From.Name, e.From.Device, stamp(r.Time), e.Known)
}

func TestAccountReport(t *testing.T) {
	for name, text := range accountReports {
		in, err := capture.OpenReader(strings.NewReader(text), "report", 0, Formats(Options{}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		whole := ""
		for r, err := range in.All() {
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			got = append(got, accountLine(r))
			whole += fmt.Sprintf("%+v", r.Entry)
		}
		if in.Format != "whatsapp-account" || in.Order != capture.ReadFirst || strings.Join(got, "\n") != accountWant {
			t.Errorf("%s: %s\n%s\nwant\n%s", name, in.Format, strings.Join(got, "\n"), accountWant)
		}
		if strings.Contains(whole+fmt.Sprint(in.Warnings), "CANARY") {
			t.Errorf("%s: content came out:\n%s\n%q", name, whole, in.Warnings)
		}
	}
}

// What is not known is counted in one warning, and what is wrong is told with
// its line.
func TestAccountReportTroubles(t *testing.T) {
	format := accountFormat(Options{})
	for text, want := range map[string]string{
		`{"wa_contacts":[],"x":"CANARY","y":{"z":1}}`:                             "[2 values under labels that are not known; left out nothing of an account in it: the layout is not known]",
		"{\"phone_number\":\"+15550100001\",\n\"last_ip\":\"192.0.2\"}":           `line 2: "192.0.2" is no address`,
		"{\"phone_number\":\"+15550100001\",\n\"last_seen\":\"2026-13-01\"}":      `line 2: "2026-13-01" is no time`,
		"{\"wa_groups\":[\"Chess Club\"],\n":                                      "the document is cut or no JSON: it ends too early",
		`{"wa_groups":["Chess Club"]}`:                                            "[the report does not say whose it is: no number of the account]",
		`{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`:       "it is nested too deeply",
		"<table><tr><td>Phone number<td>+15550100001<tr><td>Colour<td>CANARY":     "[1 values under labels that are not known; left out]",
		"<p>Phone number: +15550100001<p>" + strings.Repeat("CANARY ", 1<<18):     "a tag or text longer than 1 MiB; passed over",
		"<p>Phone number: +15550100001<script>Name: CANARY</script>\x00\xff<p a=": "Account:+15550100001",
	} {
		_, out := readExport(t, format, text)
		if !strings.Contains(out, want) || strings.Contains(out, "CANARY") {
			t.Errorf("%.80s:\n%.500s\nwant %s", text, out, want)
		}
	}
}

func TestAccountSniff(t *testing.T) {
	for _, text := range []string{
		"", "{}", "<html>WhatsApp</html>", `{"whatsapp":1}`, `{"about":"Telegram, not whatsapp","personal_information":{"phone_number":"1","name":"x"},"contacts":{"list":[]},"chats":{"list":[]}}`,
		`{"phone_number":"1","name":"x","contacts":[]}`,
	} {
		if sniffAccount([]byte(text)) {
			t.Errorf("%s is no report", text)
		}
	}
}

// TestAccountReportCut cuts each report at every byte and takes each of its lines
// away: what is left of a text that somebody wrote is no name and no group.
func TestAccountReportCut(t *testing.T) {
	format := accountFormat(Options{})
	for name, text := range accountReports {
		lines := strings.SplitAfter(text, "\n")
		for i := range lines {
			if _, out := readExport(t, format, strings.Join(lines[:i], "")+strings.Join(lines[i+1:], "")); strings.Contains(out, "CANARY") && strings.Contains(lines[i], "CANARY") {
				t.Errorf("%s without line %d: %s", name, i+1, out)
			}
		}
		for cut := range text {
			if _, out := readExport(t, format, text[:cut]); strings.Contains(out, "CANARY") {
				t.Fatalf("%s cut at %d: %s", name, cut, out)
			}
		}
	}
}
