package logs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"envelope/capture"
)

// exportCorpus finds the logs of the corpus beside the repository. It skips the
// test where there is none, unless in CI.
func exportCorpus(t *testing.T) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if logs := filepath.Join(dir, "shared", "corpus", "logs"); isDir(logs) {
			return logs
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("../shared/corpus is absent")
	}
	t.Skip("../shared/corpus is absent")
	return ""
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// TestExportCorpus holds counts and days that were read off the files by hand:
// entries, those of attachments, calls, errors, and the first and last day.
func TestExportCorpus(t *testing.T) {
	logs := exportCorpus(t)
	for _, c := range []struct {
		file, format                  string
		entries, media, calls, errors int
		first, last                   string
	}{
		{"chatminer__whatsapp_test__mmddyy__24hrs.txt", "whatsapp-chat", 8, 0, 0, 0, "2019-01-01", "2021-12-30"},
		{"chatminer__whatsapp_test_mmddyy_24hrs.txt", "whatsapp-chat", 8, 0, 0, 0, "2019-01-01", "2021-12-30"},
		{"chatminer__whatsapp_test_yyyymmdd_24hrs.txt", "whatsapp-chat", 8, 0, 0, 0, "2019-01-01", "2021-12-30"},
		{"rwhatsapp__sample.txt", "whatsapp-chat", 7, 1, 0, 0, "2017-07-12", "2018-09-28"},
		{"whatstk__lorem.txt", "whatsapp-chat", 500, 0, 0, 0, "2020-01-15", "2020-05-11"},
		{"whatstk__lorem-merge-part1.txt", "whatsapp-chat", 300, 0, 0, 0, "2019-10-20", "2020-01-10"},
		{"whatsjson__android_Chat_WhatsApp_s_u_ivatelem_Dmitry_S_CZ_Android.txt", "whatsapp-chat", 59, 29, 2, 0, "2022-03-18", "2023-01-07"},
		{"whatsjson__android_WhatsApp_Chat_with_Dmitry_S_EN_Media_Android.txt", "whatsapp-chat", 59, 29, 2, 0, "2022-03-18", "2023-01-07"},
		{"whatsjson__android_WhatsApp_Dmitry_S_RU_Android.txt", "whatsapp-chat", 59, 29, 2, 0, "2022-03-18", "2023-01-07"},
		{"whatsjson__languages_deutch_android_media.txt", "whatsapp-chat", 40, 21, 2, 0, "2022-03-18", "2023-01-07"},
		{"whatsjson__calendars_Gregorian_iOS.txt", "whatsapp-chat", 22, 14, 0, 0, "2022-03-27", "2022-03-27"},
		{"whatsjson__ios_WhatsApp_Chat_-_Elon_Musk_Arabic_.txt", "whatsapp-chat", 22, 14, 0, 0, "2022-03-27", "2022-03-27"},
		{"whatsjson__ios_WhatsApp_Chat_-_Elon_Musk_FR_.txt", "whatsapp-chat", 22, 14, 0, 0, "2022-03-27", "2022-03-27"},
		{"whatsjson__ios_WhatsApp_Chat_-_Elon_Musk_RU_.txt", "whatsapp-chat", 22, 14, 0, 0, "2022-03-27", "2022-03-27"},
		{"whatsjson__ios_iOS_Indonesian.txt", "whatsapp-chat", 25, 16, 0, 0, "2022-03-27", "2023-01-12"},
		{"whatsjson__ios_iOS_Thai.txt", "whatsapp-chat", 25, 16, 0, 0, "2022-03-27", "2023-01-12"},
		{"whatsjson__languages_japanese_ios.txt", "whatsapp-chat", 22, 14, 0, 0, "2022-03-27", "2022-03-27"},
		{"whatsjson__languages_spanish_ios.txt", "whatsapp-chat", 22, 14, 0, 0, "2022-03-27", "2022-03-27"},
		{"chatminer__telegram_test_batch_export.json", "telegram-export", 2, 0, 0, 0, "2018-12-05", "2018-12-05"},
		{"telegramchat__private_group.json", "telegram-export", 2, 0, 0, 0, "2021-03-18", "2021-03-18"},
		{"telegramchat__users_test.json", "telegram-export", 8, 2, 0, 0, "2020-10-15", "2021-03-22"},
		{"telegramchat__error-unexpected.json", "telegram-export", 14, 4, 0, 1, "2020-08-01", "2021-03-21"},
		{"telegramchat__personal.json", "telegram-export", 0, 0, 0, 0, "", ""},
		{"chatminer__instagram_test_export.json", "meta-export", 2, 0, 0, 0, "2019-12-24", "2020-01-17"},
		{"lnx_telegram__evening1.messages.json", "message-list", 55, 0, 0, 0, "2023-06-15", "2023-06-15"},
		{"gabrc52__signal_cli_receive.jsonl", "signal-cli", 3, 0, 0, 0, "2025-04-23", "2025-04-23"},
	} {
		in, err := capture.Open(filepath.Join(logs, c.file), 0, Formats(Options{}))
		if err != nil {
			t.Error(err)
			continue
		}
		got := c
		got.format, got.entries, got.media, got.calls, got.errors, got.first, got.last = in.Format, 0, 0, 0, 0, "", ""
		for r, err := range in.All() {
			switch {
			case err != nil:
				got.errors++
				continue
			case r.Entry.Kind == capture.EntryMedia:
				got.media++
			case r.Entry.Kind == capture.EntryCall:
				got.calls++
			}
			got.entries++
		}
		if in.First != 0 {
			got.first, got.last = stamp(in.First)[:10], stamp(in.Last)[:10]
		}
		if got != c {
			t.Errorf("got  %+v\nwant %+v", got, c)
		}
		if got.entries == 0 && len(in.Warnings) == 0 {
			t.Errorf("%s ends in silence", c.file)
		}
		in.Close()
	}
}

// canaryInputs hold the word in every place that content can stand in.
var canaryInputs = map[string]string{
	"whatsapp": "[05/01/2026, 08:00:00] Anna: canary\nmore canary\n\u200e[05/01/2026, 08:00:01] Ben: canary.pdf \u200edocument omitted\n[05/01/2026, 08:00:02] Ben: <attached: canary.jpg>\n" +
		"[05/01/2026, 99:00:00] Ben: canary\n[31/31/2026, 08:00:02] Ben: canary\n",
	"telegram": `{"name":"Ben","type":"personal_chat","id":2,"messages":[{"id":1,"type":"message","date":"2026-01-05T08:00:00","from":"Ben","from_id":"user2","text":["canary",{"type":"bold","text":"canary"}],"file":"canary.pdf"},` +
		`{"id":2,"type":"service","action":"edit_group_title","title":"canary","date":"2026-01-05T08:00:00"},{"id":"canary","type":"message","date":"x","text":{"text":"canary"}},{"text":"canary"}, canary`,
	"meta":   `{"messages":[{"sender_name":"Anna","timestamp_ms":1767600000000,"content":"canary","share":{"link":"canary"}},{"sender_name":1,"timestamp_ms":2,"content":"canary"}]}`,
	"signal": `{"envelope":{"sourceNumber":"+15550100001","timestamp":1767600000000,"dataMessage":{"timestamp":1767600000000,"message":"canary","attachments":[{"contentType":"image/jpeg","filename":"canary","caption":"canary","size":3}]}}}` + "\n" + `{"envelope":{"sourceNumber":"+1555","canary` + "\n",
}

func TestExportCanary(t *testing.T) {
	for name, text := range canaryInputs {
		in, err := capture.OpenReader(strings.NewReader(text), "x", 0, Formats(Options{}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n := 0
		for _, f := range Formats(Options{}) {
			if f.Name != in.Format {
				continue
			}
			var out string
			if n, out = readExport(t, f, text); strings.Contains(out, "canary") {
				t.Errorf("%s: %s", name, out)
			}
		}
		if n == 0 {
			t.Errorf("%s, read as %s: no records", name, in.Format)
		}
	}
}

func FuzzExports(f *testing.F) {
	for _, text := range canaryInputs {
		f.Add(text)
	}
	f.Add("18/3/2565 BE, 2:56 PM - Anna: x\n19.03.26 14:56 - Ben left\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range exportFormats(Options{}) {
			readExport(t, format, text)
		}
	})
}
