package infer

import (
	"slices"
	"time"

	"envelope/capture"
)

const (
	// hangAtLeast is the least time that an answer is held back for lack of
	// news. Answers that merely take long (search, compression) seldom do.
	hangAtLeast = time.Second
	// renewWithin is the time in which a waiting client asks again once it has
	// been answered: a round trip and what reading the answer takes.
	renewWithin = 600 * time.Millisecond
	// pollMost is the greatest size of a request that only waits, in bytes:
	// a path, identifiers and a cookie.
	pollMost = 4096
	// leastRequest is the least size of a request on HTTP/2, in bytes: a path
	// that changes and the cipher. Flow control takes 30 to 43.
	leastRequest = 60
	// leastWaiting is the share of a connection's pauses that it waits for news
	// in: the rest lies between other requests.
	leastWaiting = 0.3
)

// hang is one request that was held back, and what followed its answer.
type hang struct {
	wait    time.Duration
	request uint32
	answer  uint32
	renewed uint32 // size of the next request where it came at once, else 0
}

// LongPoll gives the probability, 0 to 1, that a connection is one at which a
// client waits for news with a hanging request, asking again as soon as it is
// answered, as messengers without push do (Matrix's GET /sync, Client-Server
// API section 6.4; BOSH, XEP-0124). Only record lengths and times are used. Web
// pages, downloads and polling by the clock are answered without delay; a push
// channel sends without being asked. On HTTP/2 other requests go on beside the
// one that hangs, and the client's flow control looks like short requests;
// fewer signs are left, and the probability stays below 0.9.
func LongPoll(c *Conn) float64 { return new(Polls).LongPoll(c) }

// Polls looks for long polling at one connection after the other, in the same
// memory. The zero value is ready.
type Polls struct {
	frames []capture.Frame
	units  []unit
}

// LongPoll is the function of that name.
func (p *Polls) LongPoll(c *Conn) float64 {
	p.frames = application(p.frames[:0], c.Flow)
	kept, broken := turns(p.frames, false)
	switch {
	case kept >= 4 && broken*10 <= kept:
		p.units = appendCut(p.units[:0], p.frames, 0, 0, true)
		return waiting(hangsOf(p.units), idleTime(p.units))
	case slices.Contains(c.Flow.ALPN, "h2"):
		p.units = appendCut(p.units[:0], p.frames, 0, 0, false)
		hangs := newsOf(p.units)
		if len(hangs) < 5 {
			return 0
		}
		return 0.89 * waiting(hangs, idleTime(p.units))
	}
	return 0
}

// waiting is the probability that hangs are those of a client that waits for
// news, given the total of pauses on their connection.
func waiting(hangs []hang, idle time.Duration) float64 {
	var renewed, alike, answers int
	var waits time.Duration
	for i, h := range hangs {
		waits += h.wait
		if h.renewed == 0 {
			continue
		}
		renewed++
		if near(h.renewed, h.request) {
			alike++
		}
		if i > 0 && !near(h.answer, hangs[i-1].answer) {
			answers++
		}
	}
	if renewed < 3 || alike < 3 {
		return 0
	}
	p := share(renewed, len(hangs)) * share(alike, renewed)
	p *= min(1, float64(waits)/float64(idle)/leastWaiting)
	if regular(hangs) && answers < 2 {
		p *= 0.5 // answers by the clock: a keepalive at the server's side
	}
	return p * float64(alike) / float64(alike+1)
}

// newsOf finds, where requests are multiplexed, what came after a silence of
// both sides, and whether the client asked again at once. The request that was
// answered is taken to be as long as the one before.
func newsOf(units []unit) []hang {
	var out []hang
	var last uint32
	for i := 1; i < len(units); i++ {
		say := &units[i]
		wait := say.at.Sub(units[i-1].end)
		if say.up || wait < hangAtLeast {
			continue
		}
		h := hang{wait: wait, request: last, answer: say.size}
		j := i + 1
		for ; j < len(units) && !units[j].up && units[j].at.Sub(say.end) <= renewWithin; j++ {
			h.answer += units[j].size
		}
		if j < len(units) && units[j].up && units[j].at.Sub(say.end) <= renewWithin && units[j].size >= leastRequest {
			h.renewed, last = units[j].size, units[j].size
		}
		if h.request == 0 {
			h.request = last
		}
		out = append(out, h)
	}
	return out
}

// hangsOf finds the requests that were held back.
func hangsOf(units []unit) []hang {
	var out []hang
	for i := 1; i < len(units); i++ {
		ask, say := &units[i-1], &units[i]
		wait := say.at.Sub(ask.end)
		if !ask.up || say.up || wait < hangAtLeast || ask.size > pollMost {
			continue
		}
		h := hang{wait: wait, request: ask.size, answer: say.size}
		if i+1 < len(units) && units[i+1].up && units[i+1].at.Sub(say.end) <= renewWithin {
			h.renewed = units[i+1].size
		}
		out = append(out, h)
	}
	return out
}

// idleTime sums the pauses of a connection of at least hangAtLeast.
func idleTime(units []unit) time.Duration {
	var sum time.Duration
	for i := 1; i < len(units); i++ {
		if d := units[i].at.Sub(units[i-1].end); d >= hangAtLeast {
			sum += d
		}
	}
	return max(sum, 1)
}

// regular tells whether all waits are of the same length.
func regular(hangs []hang) bool {
	waits := make([]time.Duration, len(hangs))
	for i, h := range hangs {
		waits[i] = h.wait
	}
	slices.Sort(waits)
	lo, hi := waits[len(waits)/10], waits[len(waits)*9/10]
	return hi-lo < hi/10
}

// near tells whether two sizes differ by no more than a counter or a token may.
func near(a, b uint32) bool {
	return max(a, b)-min(a, b) <= max(16, max(a, b)/20)
}

// share is a/b, or 0 for none.
func share(a, b int) float64 {
	return float64(a) / float64(max(b, 1))
}
