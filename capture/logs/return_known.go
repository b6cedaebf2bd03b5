package logs

import (
	"maps"
	"slices"
	"strings"

	"envelope/capture"
)

// returnFacts are words of labels and sections of a return, and what they say
// is on record of the account, as Entry.Known has it.
var returnFacts = []struct{ part, known string }{
	{"mail", "email"}, {"block", "blocked"}, {"about", "profile"}, {"profile", "profile"}, {"picture", "profile"},
	{"regist", "registered"}, {"service start", "registered"}, {"last seen", "last_seen"}, {"device type", "platform"}, {"groups", "groups"},
}

// note keeps what the label or the section of a value says is on record; the
// value itself is not looked at.
func (l *legalReturn) note() {
	for _, name := range []string{l.label, l.part} {
		for _, f := range returnFacts {
			if strings.Contains(name, f.part) {
				l.known(f.known)
				return
			}
		}
	}
}

func (l *legalReturn) known(word string) {
	if l.onRecord == nil {
		l.onRecord = map[string]bool{}
	}
	l.onRecord[word] = true
}

// yieldKnown yields what is on record of the account.
func (l *legalReturn) yieldKnown() {
	if len(l.onRecord) > 0 && !l.refused && l.account != "" {
		l.entry(0, &capture.Entry{Kind: capture.EntryAccount, Service: "whatsapp", From: capture.End{Account: l.account}, Known: slices.Sorted(maps.Keys(l.onRecord))})
	}
}
