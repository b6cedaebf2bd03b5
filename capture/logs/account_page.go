package logs

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// accountPage reads the page of an account report. Labels are known by their
// words, and by where they stand: in headings, table headers, the first cell
// of a row, terms of a list and bold text everything is a label, and in list
// items and other cells nothing is.
type accountPage struct {
	*accountReport
	tag      string // element that the next text stands in
	row      int    // cells of the row so far
	skip     string // script, style
	label    accountField
	heading  bool // nothing came behind the label yet
	settings bool // the section is of settings
	cell     bool // the label is the first cell of a row
	free     bool // what comes next, somebody wrote: it is no label
	cut      bool // the next text is the rest of one that was too long
}

func (a *accountReport) readPage() {
	p := &accountPage{accountReport: a}
	a.tokens(p.token, func() { p.cut = true })
}

func (p *accountPage) token(kind html.TokenType, z *html.Tokenizer) {
	switch kind {
	case html.TextToken:
		if text := strings.Join(strings.Fields(string(z.Text())), " "); text != "" && p.skip == "" && !p.cut {
			p.fail(p.text(text))
		}
		p.cut = false
	case html.StartTagToken:
		name, _ := z.TagName()
		p.start(string(name))
	case html.EndTagToken:
		name, _ := z.TagName()
		if string(name) == p.skip {
			p.skip = ""
		}
		p.tag = ""
	}
}

func (p *accountPage) start(tag string) {
	switch tag {
	case "script", "style", "title":
		p.skip = tag
	case "tr":
		p.row = 0
	case "th", "td":
		p.row++
	case "br", "a", "img", "wbr":
		return
	}
	p.tag, p.free = tag, p.free && p.heading
}

// text takes one piece of text.
func (p *accountPage) text(s string) error {
	if p.labels(s) {
		p.begin(s)
		return nil
	}
	if first, rest, ok := strings.Cut(s, ":"); ok && rest != "" && !p.free && p.field(first) != accountUnknown {
		p.begin(first)
		s = rest
	}
	return p.value(s)
}

// labels tells whether a text is a label.
func (p *accountPage) labels(s string) bool {
	switch p.tag {
	case "h1", "h2", "h3", "h4", "h5", "h6":
		p.settings = false
		return true
	case "th", "dt", "b", "strong", "label", "summary":
		return true
	case "td":
		return p.row == 1 && (p.cell || !p.list())
	case "li", "dd":
		return false
	}
	return p.field(s) != accountUnknown
}

// list tells whether the label at hand is one of many values.
func (p *accountPage) list() bool { return p.label == accountContacts || p.label == accountGroups }

// begin takes a label. One of settings with another label behind it instead of
// a value was the heading of a section.
func (p *accountPage) begin(s string) {
	p.settings = p.settings || p.heading && p.label == accountSettings
	p.label, p.heading = p.field(s), true
	p.cell = p.tag == "td"
	p.free = p.label == accountProfile && !strings.HasPrefix(labelWords(s), "profile") // not pictures
}

// value takes a value of the label at hand. Only lists have more than one.
func (p *accountPage) value(s string) error {
	f := p.label
	p.heading = false
	switch {
	case p.settings:
		return nil
	case !p.list():
		p.label = accountIgnored
	}
	return p.take(f, s)
}

// pageFields are the fields whose labels are among the texts of the beginning
// of a page.
func pageFields(head []byte) map[accountField]bool {
	words, fields := newAccountWords(), map[accountField]bool{}
	z := html.NewTokenizer(bytes.NewReader(head))
	z.SetMaxBuf(maxToken)
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		if kind != html.TextToken {
			continue
		}
		text, _, _ := strings.Cut(string(z.Text()), ":")
		if len(text) > 256 {
			continue
		}
		if f := words[labelWords(text)]; f > accountSettings && f != accountID {
			fields[f] = true
		}
	}
	return fields
}
