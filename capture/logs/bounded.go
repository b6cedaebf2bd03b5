package logs

import "fmt"

// maxOpen bounds what joins between lines hold: sessions, queue ids, messages.
const maxOpen = 100_000

// bounded is a map that forgets its oldest keys beyond maxOpen.
type bounded[V any] struct {
	m     map[string]V
	order []string
	lost  bool
}

func (b *bounded[V]) get(key string) (V, bool) {
	v, ok := b.m[key]
	return v, ok
}

// put sets key, and forgets the oldest where there are too many.
func (b *bounded[V]) put(key string, v V) {
	if b.m == nil {
		b.m = map[string]V{}
	}
	if _, known := b.m[key]; !known {
		b.order = append(b.order, key)
	}
	b.m[key] = v
	for len(b.m) > maxOpen {
		delete(b.m, b.order[0])
		b.order, b.lost = b.order[1:], true
	}
	if len(b.order) > 2*maxOpen {
		b.sweep()
	}
}

// sweep drops the keys that were deleted meanwhile from the order.
func (b *bounded[V]) sweep() {
	kept := make([]string, 0, len(b.m))
	seen := make(map[string]bool, len(b.m))
	for _, key := range b.order {
		if _, ok := b.m[key]; ok && !seen[key] {
			seen[key] = true
			kept = append(kept, key)
		}
	}
	b.order = kept
}

func (b *bounded[V]) drop(key string) { delete(b.m, key) }

// warn says that some were forgotten.
func (b *bounded[V]) warn(r *reader, what string) {
	if b.lost {
		r.in.Warn(fmt.Sprintf("more than %d %s were open at a time; the oldest were forgotten", maxOpen, what))
	}
}
