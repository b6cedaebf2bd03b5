package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"envelope/capture"
)

// maxToken bounds one tag or text of a page, in bytes.
const maxToken = 1 << 20

// sniffReturnPage knows the page by the identifiers of its sections, which all
// services of the company share, and by WhatsApp's name or sections.
func sniffReturnPage(head []byte) bool {
	head = bytes.ToLower(head)
	if !bytes.Contains(head, []byte("<div")) && !bytes.Contains(head, []byte("<table")) {
		return false
	}
	return bytes.Contains(head, []byte("property-request_parameters")) || bytes.Contains(head, []byte("property-message_log")) ||
		bytes.Contains(head, []byte("facebook legal request"))
}

func readReturnPage(o Options) func(*capture.Input) iter.Seq2[capture.Record, error] {
	return func(in *capture.Input) iter.Seq2[capture.Record, error] {
		return func(yield func(capture.Record, error) bool) {
			r := &reader{in: in, yield: yield, at: 1}
			p := &returnPage{legalReturn: newReturn(r, &o)}
			p.read()
			if !r.done {
				p.end()
			}
		}
	}
}

// pagePlace is what text of a page belongs to.
type pagePlace uint8

const (
	nowhere pagePlace = iota
	inLabel
	inValue
)

// returnPage reads both HTML layouts: labels in <div class="t i"> with values
// in <div class="m">, and labels in <th> with values in <td>. Where tags are
// closed is not asked for; each label says that the value before has ended.
type returnPage struct {
	*legalReturn
	place pagePlace
	words strings.Builder // of the label
	skip  string          // element whose text is none of the page's: script, style
	cut   bool            // the next text is the rest of one that was too long
}

// read takes the page token by token. What was cut is not read on with.
func (p *returnPage) read() {
	p.tokens(p.token, func() { p.cut, p.place = true, nowhere })
}

// tokens takes an HTML page token by token. A token that is too long is passed
// over, and cut is called; the next text is the rest of it.
func (r *reader) tokens(take func(html.TokenType, *html.Tokenizer), cut func()) {
	z := html.NewTokenizer(r.in.Reader)
	z.SetMaxBuf(maxToken)
	for !r.done {
		kind := z.Next()
		if kind == html.ErrorToken {
			if !errors.Is(z.Err(), html.ErrBufferExceeded) {
				if !errors.Is(z.Err(), io.EOF) {
					r.fail(z.Err())
				}
				return
			}
			r.in.Bytes += maxToken
			r.fail(fmt.Errorf("a tag or text longer than %d MiB; passed over", maxToken>>20))
			cut()
			z = html.NewTokenizer(r.in.Reader)
			z.SetMaxBuf(maxToken)
			continue
		}
		raw := z.Raw()
		lines, length := bytes.Count(raw, []byte("\n")), len(raw)
		take(kind, z)
		r.at += int64(lines)
		r.in.Packets += int64(lines)
		r.in.Bytes += int64(length)
	}
}

func (p *returnPage) token(kind html.TokenType, z *html.Tokenizer) {
	switch kind {
	case html.TextToken:
		if p.skip == "" && !p.cut {
			p.text(string(z.Text()))
		}
		p.cut = false
	case html.StartTagToken, html.SelfClosingTagToken:
		name, more := z.TagName()
		tag := string(name)
		if tag == "script" || tag == "style" {
			p.skip = tag
		}
		p.start(tag, z, more)
	case html.EndTagToken:
		name, _ := z.TagName()
		switch tag := string(name); {
		case tag == p.skip:
			p.skip = ""
		case tag == "th" && p.place == inLabel:
			p.labelled()
		case tag == "td":
			p.place = nowhere
		}
	}
}

// start takes the beginning of an element.
func (p *returnPage) start(tag string, z *html.Tokenizer, more bool) {
	switch tag {
	case "div":
		p.div(attributes(z, more))
	case "th":
		p.open()
	case "td":
		if p.place == inLabel {
			p.labelled()
		}
		p.place = inValue
	}
}

// attributes gives the class and the id of a tag.
func attributes(z *html.Tokenizer, more bool) (class []string, id string) {
	for n := 0; more && n < 64; n++ {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch {
		case len(value) > 256:
		case string(key) == "class":
			class = strings.Fields(string(value))
		case string(key) == "id":
			id = string(value)
		}
	}
	return class, id
}

func (p *returnPage) div(class []string, id string) {
	if name, is := strings.CutPrefix(id, "property-"); is {
		p.section(name)
		p.place = nowhere
	}
	switch {
	case slices.Contains(class, "t") && slices.Contains(class, "i"):
		p.open()
	case slices.Contains(class, "m") && p.place == inLabel:
		p.labelled()
	case slices.Contains(class, "p"):
		p.place = nowhere
	}
}

// open begins a label; the label before it, if it had no value, was a heading.
func (p *returnPage) open() {
	if p.place == inValue {
		p.legalReturn.close()
	}
	p.place = inLabel
	p.words.Reset()
}

func (p *returnPage) labelled() {
	p.begin(p.words.String())
	p.place = inValue
}

func (p *returnPage) text(s string) {
	switch p.place {
	case inLabel:
		if p.words.Len()+len(s) <= 256 {
			p.words.WriteString(s)
		}
	case inValue:
		if s = strings.TrimSpace(s); s != "" {
			p.value(s)
		}
	}
}
