package identity

import (
	"maps"
	"strings"
	"testing"
)

func TestReadNames(t *testing.T) {
	anna := map[string]string{"192.0.2.1": "Anna"}
	for _, c := range []struct {
		name, text string
		want       map[string]string
		wrong      string // part of the error
	}{
		{"empty", "", map[string]string{}, ""},
		{"plain", "192.0.2.1,Anna\n", anna, ""},
		{"header", "Address,Name\n192.0.2.1,Anna\n", anna, ""},
		{"header of the manual", "address-or-account,name\n192.0.2.1,Anna", anna, ""},
		{"byte order mark", "\ufeffaddress,name\r\n192.0.2.1,Anna\r\n", anna, ""},
		{"byte order mark without header", "\ufeff192.0.2.1,Anna\n", anna, ""},
		{"comment, empty line, spaces, more columns", "# phones\n\n 192.0.2.1 , Anna ,note\n", anna, ""},
		{"quoted comma", "anna@msg.example,\"Anna, at work\"\n", map[string]string{"anna@msg.example": "Anna, at work"}, ""},
		{"twice the same", "192.0.2.1,Anna\n192.0.2.1,Anna\n", anna, ""},
		{"one column", "192.0.2.1,Anna\n192.0.2.2\n", nil, "line 2"},
		{"no name", "192.0.2.1,\n", nil, "line 1: address or account, or name, is empty"},
		{"two names", "address,name\n192.0.2.1,Anna\n192.0.2.1,Ben\n", nil, "line 3"},
		{"open quote", "192.0.2.1,Anna\n192.0.2.2,\"Ben\n", nil, "line 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadNames(strings.NewReader(c.text))
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Fatalf("error %v, want one with %q", err, c.wrong)
				}
				return
			}
			if err != nil || !maps.Equal(got, c.want) {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func FuzzReadNames(f *testing.F) {
	f.Add("address,name\n192.0.2.1,Anna\n")
	f.Add("\ufeffa,\"b\nc\"\n#\n")
	f.Fuzz(func(t *testing.T, text string) {
		names, err := ReadNames(strings.NewReader(text))
		if (names == nil) == (err == nil) {
			t.Fatalf("names %v with error %v", names, err)
		}
		for k, v := range names {
			if k == "" || v == "" {
				t.Fatalf("empty key or name: %q, %q", k, v)
			}
		}
	})
}
