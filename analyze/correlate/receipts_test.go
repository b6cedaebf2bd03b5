package correlate

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"envelope/capture"
)

// waitingTalk has people write to sleepers. The sleepers connect every few
// minutes, get what waited and confirm it; what they get has one size, so that
// only where the receipts go tells who wrote it.
func waitingTalk(confirmed bool) (events []Event, from map[int]int32) {
	const people, sleepers = 24, 6
	r := rand.New(rand.NewPCG(3, 5))
	from = map[int]int32{}
	add := func(at time.Duration, party int, sent bool, kind Kind, size uint32) {
		events = append(events, Event{Time: capture.Time(at), Party: int32(party), Sent: sent, Kind: kind, Size: size, Confidence: 0.97})
	}
	pass := func(at time.Duration, a, b int, kind Kind, size uint32) {
		add(at, a, true, kind, size)
		add(at+40*time.Millisecond+time.Duration(r.IntN(60))*time.Millisecond, b, false, kind, size+20)
	}
	for at := 5 * time.Minute; at < 10*time.Hour; at += 5 * time.Minute {
		// Talk of those who are awake, from which the law is learned.
		for range 6 {
			a := sleepers + 2*r.IntN((people-sleepers)/2)
			t := at + time.Duration(r.IntN(200))*time.Second
			pass(t, a, a+1, Message, 200+uint32(r.IntN(300)))
			if confirmed {
				pass(t+400*time.Millisecond, a+1, a, Receipt, 60)
			}
		}
		s := r.IntN(sleepers)
		var writers []int
		for len(writers) < 4 { // four write, each to a sleeper of their own
			a := sleepers + r.IntN(people-sleepers)
			if slices.Contains(writers, a) {
				continue
			}
			writers = append(writers, a)
			add(at+10*time.Second+time.Duration(r.IntN(100))*time.Second, a, true, Message, 300)
		}
		for k, a := range writers {
			b := (s + k) % sleepers
			t := at + 240*time.Second + time.Duration(b)*7*time.Second
			from[len(events)] = int32(a)
			add(t, b, false, Message, 320)
			if confirmed {
				pass(t+300*time.Millisecond, b, a, Receipt, 60)
			}
		}
	}
	return events, from
}

// TestReceiptsTellWhoWrote: of what waited, the one who got the receipt wrote it.
func TestReceiptsTellWhoWrote(t *testing.T) {
	share := func(confirmed bool) float64 {
		events, from := waitingTalk(confirmed)
		res := Correlate(events, 24, Options{Level: 0.01})
		right := 0.0
		for i, a := range from {
			if res.Peers[i].Party == a {
				right++
			}
		}
		return right / float64(len(from))
	}
	with, without := share(true), share(false)
	t.Logf("right with receipts %.2f, without %.2f", with, without)
	if with < 0.9 || without > 0.7 {
		t.Errorf("right with receipts %.2f, without %.2f", with, without)
	}
}
