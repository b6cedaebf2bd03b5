package service

import (
	"slices"
	"testing"
)

// known is the ids that labels, captures and this program use.
var known = []string{
	"discord", "facetime", "google-chat", "google-meet", "imessage", "imo", "instagram", "kakaotalk", "line",
	"matrix", "messenger", "qq", "rcs", "session", "signal", "skype", "slack", "snapchat", "teams", "telegram",
	"threema", "viber", "webex", "wechat", "whatsapp", "wire", "xmpp", "zalo", "zoom",
}

func load(t testing.TB) *Set {
	t.Helper()
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryMessengerIsThere(t *testing.T) {
	var got []string
	for _, v := range load(t).Services() {
		got = append(got, v.ID)
	}
	if !slices.Equal(got, known) {
		t.Errorf("messengers %v, want %v", got, known)
	}
}

// An address range alone is never more than possible, and a port alone is the
// mark of an open protocol or of nobody.
func TestWeightsKeepTheRules(t *testing.T) {
	open := []string{"xmpp", "matrix"}
	for _, v := range load(t).Services() {
		for i, m := range v.Marks {
			switch {
			case m.Kind == Net && m.Port == "" && m.Weight >= 0.9:
				t.Errorf("%s marks[%d]: address range %q alone weighs %v", v.ID, i, m.Value, m.Weight)
			case m.Kind == Port && m.Weight >= least && !slices.Contains(open, v.ID):
				t.Errorf("%s marks[%d]: port %q alone weighs %v", v.ID, i, m.Value, m.Weight)
			case m.Note == "from memory, unverified" && m.Weight > 0.97:
				t.Errorf("%s marks[%d]: unverified %q weighs %v", v.ID, i, m.Value, m.Weight)
			}
		}
	}
}

func TestDescribe(t *testing.T) {
	rows := load(t).Describe()
	if len(rows) != len(known) || rows[0].ID != "discord" {
		t.Fatalf("%d rows, first %v", len(rows), rows[0])
	}
	for _, r := range rows {
		if r.Name == "" || r.Company == "" || r.Marks == 0 || r.Newest == "" || !slices.IsSorted(r.Kinds) {
			t.Errorf("incomplete row %+v", r)
		}
	}
}
