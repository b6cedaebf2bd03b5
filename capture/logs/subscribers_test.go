package logs

import (
	"strings"
	"testing"

	"envelope/capture"
)

func TestSubscribers(t *testing.T) {
	const text = "{\n \"subscribers\": {\n  \"192.0.2.11\": \"ben@example.net\",\n  \"192.0.2.10\": \"anna@example.org\",\n  \"somewhere\": \"x\"\n },\n" +
		" \"services\": {\"198.51.100.7\": [\"chat.example\"]}\n}\n"
	in, err := capture.OpenReader(strings.NewReader(text), "hosts.json", 0, Formats(Options{}))
	if err != nil || in.Format != "subscribers" {
		t.Fatal(in, err)
	}
	var accounts, hosts []string
	var lines []int64
	bad := ""
	for rec, err := range in.All() {
		switch {
		case err != nil:
			bad = err.Error()
		case rec.Entry != nil:
			accounts, lines = append(accounts, rec.Entry.From.Account), append(lines, rec.Origin.At)
		default:
			hosts = append(hosts, rec.Name.Value)
		}
	}
	if strings.Join(accounts, " ") != "anna@example.org ben@example.net" || lines[0] != 4 || lines[1] != 3 || len(hosts) != 1 {
		t.Errorf("accounts %v lines %v hosts %v", accounts, lines, hosts)
	}
	if !strings.Contains(bad, "hosts.json: line 5") {
		t.Errorf("error %q", bad)
	}
}

func FuzzSubscribers(f *testing.F) {
	f.Add(`{"subscribers":{"192.0.2.1":"anna"},"services":{"::1":["a"]}}`)
	f.Add(`{"subscribers":{"x":1}}`)
	f.Fuzz(func(t *testing.T, text string) {
		in := &capture.Input{Reader: strings.NewReader(text)}
		for rec, err := range readSubscribers(in) {
			if err == nil && rec.Entry == nil && rec.Name == nil {
				t.Fatal("an empty record")
			}
		}
	})
}
