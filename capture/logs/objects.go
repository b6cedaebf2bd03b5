package logs

import (
	"encoding/json"
	"errors"
	"fmt"
)

// maxObject bounds one object of a JSON log, in bytes.
const maxObject = maxLine

// objects cuts JSON into objects: one a line, several a line, or spread over
// lines, in an array or not. What stands between objects is passed over.
type objects struct {
	take  func(object []byte, at int64) error // an object and the line that it begins in
	buf   []byte
	at    int64
	depth int
	quote bool
	skip  bool // the object is too large
}

// line takes the next line, the at-th. An object that never ends is given up where
// a line begins with the next one.
func (o *objects) line(line []byte, at int64) error {
	var errs []error
	if o.depth > 0 && len(line) > 0 && line[0] == '{' {
		errs = append(errs, o.end())
	}
	o.quote = false // JSON has no line end in quotes
	begin := 0
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case o.quote:
			if c == '\\' {
				i++
			} else if c == '"' {
				o.quote = false
			}
		case c == '"':
			o.quote = o.depth > 0
		case c == '{':
			if o.depth == 0 {
				begin, o.at, o.buf, o.skip = i, at, o.buf[:0], false
			}
			o.depth++
		case c == '}' && o.depth > 0:
			if o.depth--; o.depth == 0 {
				errs = append(errs, o.close(line[begin:i+1]))
			}
		}
	}
	if o.depth > 0 {
		o.keep(line[begin:])
	}
	return errors.Join(errs...)
}

func (o *objects) keep(part []byte) {
	if o.skip = o.skip || len(o.buf)+len(part) >= maxObject; !o.skip {
		o.buf = append(append(o.buf, part...), '\n')
	}
}

func (o *objects) close(part []byte) error {
	if len(o.buf) > 0 {
		o.keep(part)
		part = o.buf
	}
	if o.skip {
		return fmt.Errorf("the object that begins in line %d is longer than %d MiB; not read", o.at, maxObject>>20)
	}
	return o.take(part, o.at)
}

// end reports an object that was cut.
func (o *objects) end() error {
	if o.depth == 0 {
		return nil
	}
	o.depth, o.buf = 0, o.buf[:0]
	return fmt.Errorf("the object that begins in line %d has no end", o.at)
}

// objectFields reads the members of an object; those of inner objects are left
// out.
func objectFields(object []byte) (rowFields, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return nil, errors.New("no JSON object")
	}
	return func(names ...string) string {
		for _, name := range names {
			if raw, ok := members[name]; ok {
				return plainValue(raw)
			}
		}
		return ""
	}, nil
}

// plainValue is a string without its quotes, and a number as it is written.
func plainValue(raw json.RawMessage) string {
	if len(raw) == 0 || raw[0] != '"' {
		return string(raw)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
