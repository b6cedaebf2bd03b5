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

// TestWaitedTogether: of two messages of one size that waited for a phone it is not
// known which is which, but who wrote them, and that both arrived.
func TestWaitedTogether(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var events []Event
	put := func(at time.Duration, p int32, sent bool, size int) int {
		events = append(events, Event{Time: capture.Time(at), Party: p, Sent: sent, Size: uint32(size)})
		return len(events) - 1
	}
	const people = 12 // every second has a phone that sleeps
	type two struct {
		from       int32
		sent, recv [2]int
	}
	var waited []two
	for at := time.Duration(0); at < 20*time.Hour; at += 3 * time.Minute {
		for b := int32(1); b < people; b += 2 {
			a, wakes := (b+1+2*r.Int32N(3))%people, at+time.Duration(b)*13*time.Second
			switch r.IntN(3) {
			case 0: // written to while awake
				size, way := 300+r.IntN(400), 40*time.Millisecond+time.Duration(r.Int64N(int64(40*time.Millisecond)))
				put(wakes, a, true, size)
				put(wakes+way, b, false, size+90)
				put(wakes+2*time.Second, b, true, size+50)
				put(wakes+2*time.Second+way, a, false, size+140)
			case 1:
				x, size := two{from: a}, 300+r.IntN(400)
				for i := range 2 {
					x.sent[i] = put(wakes+time.Duration(60+40*i)*time.Second, a, true, size)
					x.recv[i] = put(wakes+3*time.Minute, b, false, size+90)
				}
				waited = append(waited, x)
			}
		}
	}
	res := Correlate(events, people, Options{})
	named, arrived := 0, 0
	for _, x := range waited {
		for i := range 2 {
			if res.Peers[x.recv[i]].Party == x.from {
				named++
			}
			if len(res.Peers[x.sent[i]].Matched) == 1 {
				arrived++
			}
		}
	}
	if all := 2 * len(waited); named < all*9/10 || arrived < all*9/10 {
		t.Errorf("of %d messages that waited two at a time the writer of %d is named, and %d are said to have arrived", all, named, arrived)
	}
}
