package exposure

import (
	"slices"
	"strings"
	"testing"

	"envelope/analyze/service"
)

func ledger(t testing.TB) Ledger {
	t.Helper()
	l, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLedgerIsWholeAndBeginsWithTheFirstClaim(t *testing.T) {
	l := ledger(t)
	if len(l) != 96 {
		t.Errorf("%d claims, want the 96 that are graded P or S", len(l))
	}
	if first := l[0]; first.ID != "WA-01" || !slices.Equal(first.Facts, []Question{FactWho, FactWhom, FactWhen}) {
		t.Errorf("the first claim is %+v", first)
	}
}

// Messengers of claims are those of analyze/service, but for two that leave no
// mark known there.
func TestClaimsAreAboutKnownMessengers(t *testing.T) {
	set, err := service.Load()
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{"olvid", "wickr"}
	for _, s := range set.Services() {
		ids = append(ids, s.ID)
	}
	for _, id := range ledger(t).Services() {
		if !slices.Contains(ids, id) {
			t.Errorf("no messenger %q is known", id)
		}
	}
}

func TestFindAndOf(t *testing.T) {
	l := ledger(t)
	if c, ok := l.Find("wa-27"); !ok || c.ID != "WA-27" {
		t.Errorf("found %v %v", c.ID, ok)
	}
	if _, ok := l.Find("WA-99"); ok {
		t.Error("found what is not there")
	}
	if got := len(l.Of("whatsapp")); got != 50 {
		t.Errorf("%d claims about WhatsApp, want 50", got)
	}
}

const good = `[{"id":"XX-01","who":"Anna","service":"pigeon","date":"2026-03","source":{"title":"A book"},"grade":"P","statement":"Sees it.",
"facts":["who"],"observer":"operator","can_see":{"word":"yes"},"keeps":{"word":"no"},"hands_over":{"word":"unsaid"},
"test":{"rule":"shows","by":["network"],"needs":"a capture"}}]`

func TestParseIsStrict(t *testing.T) {
	if _, err := parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ from, to, want string }{
		{`"who":"Anna"`, `"who":""`, "who: empty"},
		{`"XX-01"`, `"xx1"`, "id:"},
		{`"2026-03"`, `"March"`, "date:"},
		{`"grade":"P"`, `"grade":"M"`, "grade:"},
		{`["who"]`, `["whence"]`, "facts: unknown"},
		{`["who"]`, `[]`, "facts: none"},
		{`"observer":"operator"`, `"observer":"nobody"`, "observer:"},
		{`{"word":"yes"}`, `{"word":"maybe"}`, "can_see"},
		{`"rule":"shows"`, `"rule":"guess"`, "test: rule"},
		{`["network"]`, `["neighbour"]`, "test: by"},
		{`"needs":"a capture"`, `"needs":""`, "needs: empty"},
		{`"title":"A book"`, `"title":"A book","url":"ftp://x"`, "url"},
		{`"service":"pigeon"`, `"service":"Pigeon Post"`, "service:"},
		{`"who":"Anna"`, `"whose":"Anna"`, "unknown field"},
		{`}}]`, `}}] 1`, "more than one"},
		{`}}]`, `}},` + good[1:], "already"},
	} {
		text := strings.Replace(good, x.from, x.to, 1)
		if _, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: error %v, want %q", x.to, err, x.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`[]`))
	f.Add([]byte(`[{"id":"XX-01"}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := parse(text)
		if err != nil {
			return
		}
		for i, v := range Judge(l, View{}, nil) {
			if v.State != NotTestable || l[i].ID != v.ID {
				t.Errorf("without data %+v", v)
			}
		}
	})
}
