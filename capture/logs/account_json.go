package logs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// accountJSON walks through the JSON of an account report.
type accountJSON struct {
	*accountReport
	src *lineReader
	dec *json.Decoder
}

func (a *accountReport) readJSON() {
	src := &lineReader{r: a.in.Reader}
	j := &accountJSON{a, src, json.NewDecoder(src)}
	j.dec.UseNumber()
	err := j.value(accountUnknown, 0)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		a.at = src.line(j.dec.InputOffset())
		a.fail(fmt.Errorf("the document is cut or no JSON: %s", jsonTrouble(err)))
	}
	a.in.Bytes = src.read
}

// token takes the next token, and tells the line it ends on.
func (j *accountJSON) token() (json.Token, error) {
	j.src.limit = j.dec.InputOffset() + maxChatItem
	token, err := j.dec.Token()
	j.at = j.src.line(j.dec.InputOffset())
	return token, err
}

// value takes a value that stands under a label of field f.
func (j *accountJSON) value(f accountField, depth int) error {
	if depth > jsonDepth {
		return errDeep
	}
	token, err := j.token()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '{' {
			return j.object(f, depth)
		}
		for j.dec.More() && !j.done {
			if err := j.value(f, depth+1); err != nil {
				return err
			}
		}
		return j.close()
	case string:
		j.fail(j.take(f, v))
	case json.Number:
		j.fail(j.take(f, v.String()))
	case bool:
		if v {
			j.fail(j.take(f, "true"))
		}
	}
	return nil
}

// close takes the end of an object or array.
func (j *accountJSON) close() error {
	if j.done {
		return io.EOF
	}
	_, err := j.token()
	return err
}

// object takes the members of an object. Of one in a list they are those of a
// contact or a group; of what is not read they are not looked at.
func (j *accountJSON) object(f accountField, depth int) error {
	item := accountItem{field: f}
	for j.dec.More() && !j.done {
		token, err := j.token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		switch g := j.field(key); {
		case f == accountContacts || f == accountGroups:
			err = j.member(&item, g, key, depth)
		case f != accountUnknown && f != accountDevice && (f != accountRegistered || g == accountUnknown):
			err = j.value(f, depth+1)
		default:
			err = j.value(g, depth+1)
		}
		if err != nil {
			return err
		}
	}
	if f == accountContacts || f == accountGroups {
		j.item(item)
	}
	return j.close()
}

// member takes one member of a contact or a group. A list may stand in an object
// of the list's own name, and numbers may be the names of members.
func (j *accountJSON) member(item *accountItem, g accountField, key string, depth int) error {
	if number := e164(key); number != "" && item.field == accountContacts {
		j.item(accountItem{field: item.field, id: number})
		g = accountIgnored
	}
	into := &item.name
	switch {
	case g == accountContacts && item.field == g || g == accountGroups && item.field == g && labelWords(key) != "subject" && labelWords(key) != "group name":
		return j.value(g, depth+1)
	case g == accountName || g == accountGroups:
	case g == accountNumber || g == accountID:
		into = &item.id
	default:
		var skipped json.RawMessage
		j.src.limit = j.dec.InputOffset() + maxChatItem
		return j.dec.Decode(&skipped)
	}
	var raw json.RawMessage
	j.src.limit = j.dec.InputOffset() + maxChatItem
	if err := j.dec.Decode(&raw); err != nil {
		return err
	}
	text := plainValue(raw)
	if len(raw) == 0 || raw[0] == '{' || raw[0] == '[' || len(text) > maxText || string(raw) == "null" {
		return nil
	}
	if into == &item.id && item.field == accountContacts {
		text = whatsappAccount(text)
	}
	if *into == "" {
		*into = text
	}
	return nil
}
