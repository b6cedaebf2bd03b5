package logs

import (
	"errors"
	"strings"
	"testing"
	"time"

	"envelope/capture"
)

func at(s string) capture.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return capture.TimeOf(t)
}

func TestReadMessageList(t *testing.T) {
	noon := at("2026-03-02T12:00:00Z")
	for _, c := range []struct {
		name, text string
		want       []capture.ListedMessage
		resolution time.Duration
		unzoned    bool
	}{
		{"csv", "time,size,kind,from\n2026-03-02T12:00:00Z,12,text,a\n2026-03-02T12:00:07.25Z,70000,photo,b\n",
			[]capture.ListedMessage{{Time: noon, Size: 12, Text: true, At: 2}, {Time: noon + 7250e6, Size: 70000, Media: true, At: 3}}, time.Millisecond, false},
		{"csv with semicolons, byte order mark, local times, times only", "\ufeffDate;Who\n2026-03-02 12:00:00;x\n2026-03-02 12:00:01;y\n",
			[]capture.ListedMessage{{Time: noon, At: 2}, {Time: noon + 1e9, At: 3}}, time.Second, true},
		{"csv in seconds and milliseconds, out of order", "ts,length\n1772452801,5\n1772452800000,\n",
			[]capture.ListedMessage{{Time: noon, At: 3}, {Time: noon + 1e9, Size: 5, At: 2}}, time.Second, false},
		{"json array", `[{"timestamp": 1772452800.5, "size": 3, "type": "text"}]`,
			[]capture.ListedMessage{{Time: noon + 5e8, Size: 3, Text: true, At: 1}}, time.Millisecond, false},
		{"json lines with typing and receipts", "{\"ts\":1772452800,\"kind\":\"typing\"}\n{\"ts\":1772452801,\"kind\":\"text\",\"plaintext_len\":9}\n",
			[]capture.ListedMessage{{Time: noon + 1e9, Size: 9, Text: true, At: 2}}, time.Second, false},
		{"export with service notes, formatted text and a photo", `{"name": "x", "messages": [
 {"type": "service", "date": "2026-03-02T12:00:00", "date_unixtime": "1772452800"},
 {"type": "message", "date": "2026-03-02T13:00:00", "date_unixtime": "1772452800", "text": ["ab", {"type": "bold", "text": "cde"}]},
 {"type": "message", "date": "2026-03-02T13:00:00", "date_unixtime": "1772452801", "photo": "p.jpg", "photo_file_size": 900, "text": "f"}]}`,
			[]capture.ListedMessage{{Time: noon, Size: 5, Text: true, At: 3}, {Time: noon + 1e9, Size: 900, Media: true, At: 4}}, time.Second, false},
	} {
		got, err := ReadMessageList(strings.NewReader(c.text), "dir/list.txt", time.UTC)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if len(got.Messages) != len(c.want) {
			t.Errorf("%s: got %+v", c.name, got.Messages)
			continue
		}
		for i := range c.want {
			if got.Messages[i] != c.want[i] {
				t.Errorf("%s: message %d is %+v, want %+v", c.name, i, got.Messages[i], c.want[i])
			}
		}
		if got.Resolution != c.resolution || got.Unzoned != c.unzoned || got.Name != "list" || len(got.Warnings) > 0 {
			t.Errorf("%s: %v %v %q %q", c.name, got.Resolution, got.Unzoned, got.Name, got.Warnings)
		}
	}
}

func TestReadMessageListZone(t *testing.T) {
	got, err := ReadMessageList(strings.NewReader("time\n2026-03-02 12:00\n"), "l", time.FixedZone("", 3600))
	if err != nil || got.Messages[0].Time != at("2026-03-02T11:00:00Z") {
		t.Errorf("%+v %v", got, err)
	}
}

func TestReadMessageListBadLines(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"time,size\nyesterday,3\n2026-03-02T12:00:00Z,4\n", `l.csv: line 2: "yesterday" is no time`},
		{"{\"ts\":1772452800}\n{broken\n{\"ts\":1772452801}\n", "l.csv: line 2: "},
		{"[{\"ts\":1772452800},\n{\"ts\":\"x\"}]", `l.csv: line 2: "x" is no time`},
	} {
		got, err := ReadMessageList(strings.NewReader(c.text), "l.csv", time.UTC)
		if err != nil || len(got.Messages) == 0 || len(got.Warnings) == 0 || !strings.HasPrefix(got.Warnings[0], c.want) {
			t.Errorf("%q: %+v %v", c.text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                "l.csv: no message in it",
		"who,what\na,b\n": "l.csv: line 1: no column named time",
		"{}":              "l.csv: no message in it",
		"time\n":          "l.csv: no message in it",
		"time\nnever\n":   "l.csv: line 2: ",
	} {
		_, err := ReadMessageList(strings.NewReader(text), "l.csv", time.UTC)
		var wrong *capture.SyntaxError
		if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestWarningsHoldNoText(t *testing.T) {
	got, err := ReadMessageList(strings.NewReader("time\n1772452800\n\"what somebody wrote to somebody else\"\n"), "l", time.UTC)
	if err != nil || len(got.Warnings) != 1 || strings.Contains(got.Warnings[0], "somebody else") {
		t.Errorf("%+v %v", got, err)
	}
}

func FuzzReadMessageList(f *testing.F) {
	for _, seed := range []string{
		"time,size\n1772452800,3\n", "[{\"ts\":1772452800.123456789,\"text\":[\"a\",{\"text\":\"b\"}]}]", "{\"a\":{\"b\":[{\"date\":\"2026-03-02T12:00:00\"}]}}\n{\n",
		"ts\n9e99\n-1.5\n1.7e9\n", "{\"ts\":1772452800,\"size\":-3}\nnull\n[]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ReadMessageList(strings.NewReader(string(text)), "l", time.UTC)
		if (err == nil) != (got != nil) {
			t.Fatal("neither a list nor an error")
		}
		if err != nil {
			return
		}
		for i, m := range got.Messages {
			if m.Time < capture.TimeOf(earliest) || m.At < 1 || i > 0 && m.Time < got.Messages[i-1].Time {
				t.Fatalf("%+v", m)
			}
		}
	})
}
