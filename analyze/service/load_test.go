package service

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"envelope/capture"
)

const mark = `{"kind": "host", "value": "chat.example", "role": "message", "weight": 0.9, "source": "test", "date": "2026-11-23"}`

func file(id, marks string) string {
	return `{"id": "` + id + `", "name": "N", "company": "C", "marks": [` + marks + `]}`
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoadAddsAndReplaces(t *testing.T) {
	dir := folder(t, map[string]string{
		"mine.json":   file("mine", mark),
		"signal.json": file("signal", strings.Replace(mark, "chat.example", "signal.example", 1)),
		"notes.txt":   "not read",
	})
	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{"a.chat.example": "mine", "signal.example": "signal", "chat.signal.org": ""} {
		if got := s.Match(&capture.Flow{Host: host, HostHow: "sni"}).Service; got != want {
			t.Errorf("%s is %q, want %q", host, got, want)
		}
	}
}

func TestLoadNamesFileAndField(t *testing.T) {
	with := func(old, new string) string { return file("mine", strings.Replace(mark, old, new, 1)) }
	for _, c := range []struct{ name, text, want string }{
		{"unknown field", with(`"source"`, `"sauce"`), `unknown field "sauce"`},
		{"not JSON", `{`, "unexpected EOF"},
		{"two values", file("mine", mark) + "{}", "more than one value"},
		{"no id", file("", mark), "id: "},
		{"bad id", file("Mine", mark), "id: "},
		{"no marks", file("mine", ""), "marks: none"},
		{"unknown kind", with(`"host"`, `"smell"`), `marks[0] (smell "chat.example"): kind: unknown`},
		{"unknown role", with(`"message"`, `"fun"`), "role: unknown"},
		{"weight nil", with("0.9", "0"), "weight: 0"},
		{"weight over", with("0.9", "1.1"), "weight: 1.1"},
		{"no source", with(`"test"`, `""`), "source: empty"},
		{"bad date", with("2026-11-23", "23.11.2026"), "date: "},
		{"upper case", with("chat.example", "Chat.example"), "value: "},
		{"two stars", with("chat.example", "*a*.example"), "value: more than one *"},
		{"star within", with("chat.example", "a.*b.example"), "value: the *"},
		{"star alone", with("chat.example", "*"), "value: "},
		{"net without prefix", with(`"host", "value": "chat.example"`, `"net", "value": "10.0.0.1"`), "value: "},
		{"net with host bits", with(`"host", "value": "chat.example"`, `"net", "value": "10.0.0.1/8"`), "bits beyond"},
		{"net with bad tail", with(`"host", "value": "chat.example"`, `"net", "value": "10.0.0.0/8", "tail": "256"`), "tail: "},
		{"net with bad port", with(`"host", "value": "chat.example"`, `"net", "value": "10.0.0.0/8", "port": "5222"`), "tcp/ or udp/"},
		{"host with port", with(`"chat.example"`, `"chat.example", "port": "tcp/1"`), "net marks only"},
		{"port without transport", with(`"host", "value": "chat.example"`, `"port", "value": "5222"`), "tcp/ or udp/"},
		{"ports backwards", with(`"host", "value": "chat.example"`, `"port", "value": "tcp/9-8"`), "range of ports"},
		{"too many ports", with(`"host", "value": "chat.example"`, `"port", "value": "udp/1-65535"`), "more than 256"},
		{"host of another", with("chat.example", "telegram.org"), "is a mark of telegram already"},
		{"host twice", file("mine", mark+","+mark), "is a mark of mine already"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(folder(t, map[string]string{"bad.json": c.text}))
			if err == nil || !strings.Contains(err.Error(), "bad.json") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with bad.json and %q", err, c.want)
			}
		})
	}
}

func TestLoadRefusesOneIDTwiceInAFolder(t *testing.T) {
	_, err := Load(folder(t, map[string]string{"a.json": file("mine", mark), "b.json": file("mine", mark)}))
	if err == nil || !strings.Contains(err.Error(), "b.json") || !strings.Contains(err.Error(), "a.json") {
		t.Errorf("error %v, want both files named", err)
	}
	if _, err := Load(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("no error for a folder that is not there")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(file("mine", mark)))
	f.Add([]byte(file("n", `{"kind": "net", "value": "2001:db8::/32", "tail": "a:b:0:1", "port": "udp/1-2", "role": "call", "weight": 1, "source": "s", "date": "2026-01-01"}`)))
	f.Add([]byte(file("p", `{"kind": "port", "value": "tcp/1-2", "role": "call", "weight": 1, "source": "s", "date": "2026-01-01"}`)))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := parse(text)
		if err != nil {
			return
		}
		s := build(map[string]located{v.ID: {Service: v, path: "fuzz.json"}})
		for _, m := range v.Marks {
			s.Match(&capture.Flow{Host: m.Value, HostHow: "sni", App: m.Value, Realm: m.Value})
		}
	})
}
