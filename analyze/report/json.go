package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"envelope/analyze"
)

// JSON writes r as one indented JSON object, the contract of --format json:
// lists are never null, times are RFC 3339 in UTC, and the order is that of the
// report. Characters that could drive a terminal are written as \u escapes,
// which loses nothing. It does not change r. The error is that of w, or of a
// value that JSON cannot hold (a number that is not finite).
func JSON(w io.Writer, r *analyze.Report) error {
	v := reflect.ValueOf(*r)
	open := "{\n"
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if omitted(f.Tag, v.Field(i)) {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if _, err := fmt.Fprintf(w, "%s  %q: ", open, name); err != nil {
			return err
		}
		if err := field(w, v.Field(i)); err != nil {
			return fmt.Errorf("writing JSON: %w", err)
		}
		open = ",\n"
	}
	_, err := io.WriteString(w, "\n}\n")
	return err
}

// chunk is the number of elements of a list that are written at once, so that
// the text of a long report is never held as a whole.
const chunk = 256

// field writes one field of the report: a list in pieces, all else at once.
func field(w io.Writer, v reflect.Value) error {
	if v.Kind() != reflect.Slice || v.Len() == 0 {
		b, err := indented(v, "  ")
		if err == nil {
			_, err = w.Write(b)
		}
		return err
	}
	for from := 0; from < v.Len(); from += chunk {
		b, err := indented(v.Slice(from, min(v.Len(), from+chunk)), "  ")
		if err != nil {
			return err
		}
		if from > 0 { // goes on in the list before: no bracket
			b = append([]byte{','}, b[1:]...)
		}
		if from+chunk < v.Len() {
			b = b[:len(b)-len("\n  ]")]
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// indented gives the text of one value, as it stands behind prefix.
func indented(v reflect.Value, prefix string) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent(prefix, "  ")
	if err := enc.Encode(normal(v).Interface()); err != nil {
		return nil, err
	}
	return escapeInvisible(bytes.TrimSuffix(buf.Bytes(), []byte{'\n'})), nil
}

// normal returns a copy of v with empty lists for nil ones and times in UTC.
func normal(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			out.Set(reflect.ValueOf(t.UTC()))
			break
		}
		for i := range v.NumField() {
			if f := v.Field(i); holds(f.Kind()) && !omitted(v.Type().Field(i).Tag, f) {
				out.Field(i).Set(normal(f))
			}
		}
	case reflect.Slice:
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		if !holds(v.Type().Elem().Kind()) {
			reflect.Copy(out, v)
			break
		}
		for i := range v.Len() {
			out.Index(i).Set(normal(v.Index(i)))
		}
	case reflect.Pointer:
		if !v.IsNil() && holds(v.Type().Elem().Kind()) {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(normal(v.Elem()))
		}
	}
	return out
}

// holds tells the kinds that normal looks into; all others stay as they are.
func holds(k reflect.Kind) bool {
	return k == reflect.Struct || k == reflect.Slice || k == reflect.Pointer
}

// omitted tells a list that was not asked for, and so is not written at all.
func omitted(tag reflect.StructTag, v reflect.Value) bool {
	return v.IsZero() && strings.Contains(tag.Get("json"), ",omitzero")
}

// escapeInvisible writes DEL, C1 controls, bidirectional overrides and the like
// as \u escapes. encoding/json escapes C0 controls only; whatever else is not
// printable can stand only inside a JSON string.
func escapeInvisible(b []byte) []byte {
	n := plain(b)
	if n == len(b) {
		return b
	}
	out := make([]byte, 0, len(b)+len(b)/16)
	for ; len(b) > 0; n = plain(b) {
		out, b = append(out, b[:n]...), b[n:]
		if len(b) == 0 {
			break
		}
		r, n := utf8.DecodeRune(b)
		if r == '\n' || strconv.IsPrint(r) {
			out = append(out, b[:n]...)
		} else {
			out = appendEscape(out, r)
		}
		b = b[n:]
	}
	return out
}

// plain gives the length of the printable ASCII and line feeds at the start of b.
func plain(b []byte) int {
	n := 0
	for n < len(b) && (' ' <= b[n] && b[n] < 0x7f || b[n] == '\n') {
		n++
	}
	return n
}

func appendEscape(out []byte, r rune) []byte {
	if r < 0x10000 {
		return fmt.Appendf(out, `\u%04x`, r)
	}
	r -= 0x10000 // UTF-16 surrogate pair (RFC 8259 section 7)
	return fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
}
