package simulate

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

// Span is a duration that JSON writes as Go does: "90s", "3m", "1h30m".
type Span time.Duration

// MarshalJSON writes the span as a string.
func (s Span) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).String()) }

// UnmarshalJSON reads a span; one below 0 is an error.
func (s *Span) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		if d, err := time.ParseDuration(text); err == nil && d >= 0 && d <= maxSpan {
			*s = Span(d)
			return nil
		}
	}
	return unfit(b, reflect.TypeFor[Span]())
}

// maxSpan keeps sums of times within 63 bits.
const maxSpan = 10 * 366 * 24 * time.Hour

// Share is a part of one, in millionths. JSON writes it as a number from 0 to 1.
type Share int32

// MarshalJSON writes the share as a decimal number.
func (p Share) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(p)/1e6, 'f', -1, 64), nil
}

// UnmarshalJSON reads a number from 0 to 1.
func (p *Share) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || !(v >= 0 && v <= 1) {
		return unfit(b, reflect.TypeFor[Share]())
	}
	*p = Share(math.Round(v * 1e6))
	return nil
}

// Rate is how often a day something happens, in millionths. JSON writes it as a
// number from 0 to 1000.
type Rate int64

// MarshalJSON writes the rate as a decimal number.
func (r Rate) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(r)/1e6, 'f', -1, 64), nil
}

// UnmarshalJSON reads a number from 0 to 1000.
func (r *Rate) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || !(v >= 0 && v <= 1000) {
		return unfit(b, reflect.TypeFor[Rate]())
	}
	*r = Rate(math.Round(v * 1e6))
	return nil
}

// unfit is the error that encoding/json completes with the name of the field.
func unfit(b []byte, want reflect.Type) error {
	return &json.UnmarshalTypeError{Value: string(b), Type: want}
}

// forms says in words what a field of a type looks like.
func forms(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[Span]():
		return `a duration such as "90s" or "3m"`
	case reflect.TypeFor[Share]():
		return "a number from 0 to 1"
	case reflect.TypeFor[Rate]():
		return "a number from 0 to 1000"
	}
	switch t.Kind() {
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		return "an object"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint64, reflect.Uint32, reflect.Uint16:
		return "a whole number"
	}
	return fmt.Sprint("a ", t.Kind())
}
