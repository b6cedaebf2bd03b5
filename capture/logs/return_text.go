package logs

import (
	"bytes"
	"iter"
	"strings"

	"envelope/capture"
)

// sniffReturnText knows the text by two labels of the request that stand at
// the beginning of lines.
func sniffReturnText(head []byte) bool {
	n := 0
	for line := range bytes.Lines(head) {
		label := strings.ToLower(strings.TrimSpace(string(line[:min(len(line), 80)])))
		for _, w := range []string{"facebook legal request", "request parameters", "internal ticket number", "account identifier", "message log definition", "call logs definition"} {
			if strings.HasPrefix(label, w) {
				n++
				break
			}
		}
	}
	return n >= 2
}

func readReturnText(o Options) func(*capture.Input) iter.Seq2[capture.Record, error] {
	return readLines(func(r *reader) (func([]byte) error, func() error) {
		t := &returnText{legalReturn: newReturn(r, &o)}
		return t.line, func() error { t.end(); return nil }
	})
}

// returnText reads the flattened layout: labels and values on lines of their
// own, or a label and its value on one line.
type returnText struct {
	*legalReturn
	waits bool // for the value of a label
	free  bool // which may be any text, a label's too
}

// freeLabels are those whose value somebody wrote: it is no label, whatever it
// says.
var freeLabels = map[string]bool{"subject": true, "push name": true, "description": true, "content": true, "about": true}

func (t *returnText) line(line []byte) error {
	for part := range strings.SplitSeq(string(line), " | ") {
		if part = strings.TrimSpace(part); part != "" {
			t.piece(part)
		}
	}
	return nil
}

func (t *returnText) piece(s string) {
	low := strings.ToLower(strings.TrimSuffix(s, ":"))
	switch {
	case t.free || t.waits && !t.knows(low):
		t.free, t.waits = false, false
		t.value(s)
	case !(t.kind == returnFact && t.knows(low)) && t.heads(low):
		t.waits = t.label == "definition"
	case t.knows(low):
		t.begin(low)
		t.waits, t.free = true, freeLabels[low]
	case t.label == "description" || t.label == "content":
	default:
		t.inline(s)
	}
}

// heads takes a heading.
func (t *returnText) heads(low string) bool {
	if name, is := strings.CutSuffix(low, " definition"); is {
		if _, known := sectionOf(name); known {
			t.begin(low)
			return true
		}
	}
	_, part := returnParts[low]
	_, section := sectionOf(low)
	if part || section {
		t.heading(low)
	}
	return part || section
}

// knows tells whether a label belongs to the record at hand, or to a call that
// is open: the people of a call may come behind its events.
func (t *returnText) knows(low string) bool {
	_, known := returnLabels[t.kind][low]
	return known || low == "call id" && t.kind >= returnCall && t.kind <= returnPeople
}

// inline takes a line that begins with a label, or else is a value. Sentences
// that define a section begin with its labels, too.
func (t *returnText) inline(s string) {
	low := strings.ToLower(s)
	best := ""
	for label := range returnLabels[t.kind] {
		if strings.HasPrefix(low, label) && len(s) > len(label) && strings.ContainsRune(" \t:", rune(s[len(label)])) && len(label) > len(best) {
			best = label
		}
	}
	if best == "" || strings.HasSuffix(s, ".") {
		t.value(s)
		return
	}
	t.begin(best)
	t.value(strings.TrimLeft(s[len(best):], " \t:"))
}
