package correlate

import (
	"math/rand/v2"
	"testing"
	"time"

	"envelope/capture"
)

// TestHeldUp: a few messages of a thousand that the server holds up by seconds have
// their source; as many that come from outside have none.
func TestHeldUp(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var events []Event
	put := func(at time.Duration, p int32, sent bool, size int) int {
		events = append(events, Event{Time: capture.Time(at), Party: p, Sent: sent, Size: uint32(size)})
		return len(events) - 1
	}
	held, strange := map[int]int32{}, []int{}
	for at := time.Duration(0); at < 3*time.Hour; at += time.Duration(r.Int64N(int64(2 * time.Second))) {
		a := r.Int32N(16)
		b, size := a^1, 300+r.IntN(400) // who is written to
		way := 40*time.Millisecond + time.Duration(r.Int64N(int64(40*time.Millisecond)))
		switch r.IntN(500) {
		case 0:
			put(at, a, true, size)
			held[put(at+way+400*time.Millisecond+time.Duration(r.Int64N(int64(3*time.Second))), b, false, size+90)] = a
		case 1:
			strange = append(strange, put(at, b, false, size+90))
		default:
			put(at, a, true, size)
			put(at+way, b, false, size+90)
		}
	}
	res := Correlate(events, 16, Options{})
	right := 0
	for i, a := range held {
		if res.Peers[i].Party == a {
			right++
		}
	}
	if len(held) < 15 || right < len(held)*8/10 {
		t.Errorf("%d of %d held up have their source", right, len(held))
	}
	wrong := 0
	for _, i := range strange {
		if res.Peers[i].Party != None {
			wrong++
		}
	}
	if wrong > len(strange)/10 {
		t.Errorf("%d of %d from outside have a source", wrong, len(strange))
	}
}
