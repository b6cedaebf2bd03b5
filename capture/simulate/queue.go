package simulate

import "envelope/capture"

// queue is a heap of things to come, first by time and then by the order in
// which they were put in.
type queue[T any] struct {
	items []entry[T]
	count uint64
}

type entry[T any] struct {
	at    capture.Time
	order uint64
	value T
}

func (e *entry[T]) before(o *entry[T]) bool {
	return e.at < o.at || e.at == o.at && e.order < o.order
}

// never is later than everything.
const never = capture.Time(1<<63 - 1)

// first returns the time of the first thing, or never.
func (q *queue[T]) first() capture.Time {
	if len(q.items) == 0 {
		return never
	}
	return q.items[0].at
}

func (q *queue[T]) push(at capture.Time, v T) {
	q.count++
	e := entry[T]{at, q.count, v}
	q.items = append(q.items, e)
	i := len(q.items) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !e.before(&q.items[up]) {
			break
		}
		q.items[i] = q.items[up]
		i = up
	}
	q.items[i] = e
}

// pop takes the first thing out. Four children a node make the heap half as
// deep as two do, and things here are moved more often than compared.
func (q *queue[T]) pop() T {
	top, n := q.items[0], len(q.items)-1
	e := q.items[n]
	q.items[n] = entry[T]{}
	q.items = q.items[:n]
	i := 0
	for {
		least := -1
		for c := 4*i + 1; c < min(4*i+5, n); c++ {
			if least < 0 || q.items[c].before(&q.items[least]) {
				least = c
			}
		}
		if least < 0 || !q.items[least].before(&e) {
			break
		}
		q.items[i] = q.items[least]
		i = least
	}
	if n > 0 {
		q.items[i] = e
	}
	return top.value
}
