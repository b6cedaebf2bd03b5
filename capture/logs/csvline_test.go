package logs

import (
	"fmt"
	"testing"
)

func TestSplitRow(t *testing.T) {
	for line, want := range map[string]string{
		``:                      `[""]`,
		`a, b ,,c`:              `["a" "b" "" "c"]`,
		`"a,b","""x""",""`:      `["a,b" "\"x\"" ""]`,
		`"a" b ,"c"`:            `["ab" "c"]`,
		`a"b,c`:                 `["a\"b" "c"]`,
		`" a ",`:                `[" a " ""]`,
		`a,"b`:                  `["a"] a quotation mark is not closed`,
		`"""`:                   `[] a quotation mark is not closed`,
		"\xff,\"\x00\"\"\xff\"": `["\xff" "\x00\"\xff"]`,
	} {
		got, err := splitRow(nil, []byte(line), ',')
		s := fmt.Sprintf("%q", got)
		if err != nil {
			s += " " + err.Error()
		}
		if s != want {
			t.Errorf("%q: %s, want %s", line, s, want)
		}
	}
}
