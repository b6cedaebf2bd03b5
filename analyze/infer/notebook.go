package infer

import "fmt"

// notebook keeps what was said of sizes, so that events that say the same share
// one text: there are hundreds of thousands of keepalives, of a few sizes.
type notebook map[saying]string

// saying is a format and the numbers in it.
type saying struct {
	format string
	a, b   uint32
}

// note gives the text of a format with one number.
func (n notebook) note(format string, a uint32) string {
	k := saying{format: format, a: a}
	if _, ok := n[k]; !ok {
		n[k] = fmt.Sprintf(format, a)
	}
	return n[k]
}

// note2 gives the text of a format with two numbers.
func (n notebook) note2(format string, a, b uint32) string {
	k := saying{format, a, b}
	if _, ok := n[k]; !ok {
		n[k] = fmt.Sprintf(format, a, b)
	}
	return n[k]
}

// joinedWithRoom gives lists of events as one, with room for some more: to grow
// by a few would copy them all.
func joinedWithRoom(parts [][]Event, more int) []Event {
	for _, p := range parts {
		more += len(p)
	}
	out := make([]Event, 0, more)
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}
