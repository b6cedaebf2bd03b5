package infer

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"envelope/capture"
	"envelope/capture/simulate"
)

// signalPlay is a made-up talk over Signal's protocol. Delays are drawn in the
// test, from other distributions than those that the rule presumes.
type signalPlay struct {
	typing, read, offline float64 // shares: texts announced, messages read on the spot, recipients offline
	sync                  float64 // share of texts that are copied to linked devices
	double                float64 // share of texts that are followed by another at once
	silent                bool    // no receipts at all
	flags                 bool    // typing notices and receipts differ from texts by a byte or two
	way                   time.Duration
	people, texts         int      // texts of each pair
	pairs                 [][2]int // who talk, at the same time; the first two where nil
	seed                  uint64

	r     *rand.Rand
	conns []Conn
	truth []signalTruth
}

// signalTruth is what one record carried.
type signalTruth struct {
	kind Kind
	way  Direction
	who  netip.Addr
	at   capture.Time
}

// records are the lengths of one block up and down, and of one more; see the
// data file.
const (
	oneUp, moreUp     = 1055, 107
	oneDown, moreDown = 713, 80
)

func (p *signalPlay) run() *signalPlay {
	p.r = rand.New(rand.NewPCG(p.seed, 1))
	for i := range p.people {
		c := Conn{Service: "signal", Role: "message", Weight: 0.98}
		c.Flow = &capture.Flow{ID: uint64(i + 1), Proto: 6, Midstream: true, Client: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 40000),
			Server: netip.MustParseAddrPort("198.51.100.1:443"), First: 0}
		p.conns = append(p.conns, c)
	}
	if p.pairs == nil {
		p.pairs = [][2]int{{0, 1}}
	}
	at := capture.Time(0)
	for _, pair := range p.pairs {
		at = max(at, p.converse(pair))
	}
	for i := range p.conns {
		for t := capture.Time(7e9 * int64(i+1)); t < at; t = t.Add(30 * time.Second) {
			p.record(i, t, true, 56)
			p.record(i, t.Add(2*p.way), false, 42)
		}
		f := p.conns[i].Flow
		slices.SortStableFunc(f.Frames, func(a, b capture.Frame) int { return int(a.Time - b.Time) })
		for k := range f.Frames {
			f.Frames[k].Origin.At = int64(k + 1)
		}
		f.Last = at
	}
	return p
}

// converse has two write to each other, and returns when they are done.
func (p *signalPlay) converse(pair [2]int) capture.Time {
	at := capture.Time(20e9).Add(p.between(0, 30000))
	for range p.texts {
		k := p.r.IntN(2)
		at = p.text(at, pair[k], pair[1-k])
		if p.r.Float64() < p.double {
			at = p.text(at.Add(p.between(1500, 4000)), pair[k], pair[1-k])
		}
		at = at.Add(p.between(2000, 45000))
	}
	return at
}

func (p *signalPlay) between(lo, hi int) time.Duration {
	return time.Duration(lo+p.r.IntN(hi-lo)) * time.Millisecond
}

func (p *signalPlay) record(who int, at capture.Time, up bool, n int) {
	f := p.conns[who].Flow
	f.Frames = append(f.Frames, capture.Frame{Time: at, Length: uint32(n), Kind: capture.FrameData, Up: up})
}

// text sends one text with all that belongs to it, and returns when it was sent.
func (p *signalPlay) text(at capture.Time, from, to int) capture.Time {
	online := p.r.Float64() >= p.offline
	size := 2 + p.r.IntN(150)
	if p.r.Float64() < p.typing {
		p.pass(Typing, from, to, at, 0, online)
		for write := p.between(1200, 1500+90*size); write > 0; write -= 10 * time.Second {
			if write > 10*time.Second {
				p.pass(Typing, from, to, at.Add(10*time.Second), 0, online)
			}
			at = at.Add(min(write, 10*time.Second))
		}
	}
	got := p.pass(Message, from, to, at, size/80, online)
	if p.r.Float64() < p.sync {
		p.request(from, at.Add(p.between(30, 250)), oneUp+moreUp*(size/80+1))
	}
	if online && !p.silent {
		receipt := got.Add(p.between(120, 900))
		p.pass(Receipt, to, from, receipt, 0, true)
		if p.r.Float64() < p.read {
			p.pass(Receipt, to, from, receipt.Add(p.between(300, 6000)), 0, true)
		}
	}
	return at
}

func (p *signalPlay) request(who int, at capture.Time, n int) capture.Time {
	p.record(who, at, true, n)
	done := at.Add(2*p.way + p.between(20, 70))
	p.record(who, done, false, 108)
	return done
}

// pass carries one message to the other end, and returns when it has come.
func (p *signalPlay) pass(k Kind, from, to int, at capture.Time, blocks int, online bool) capture.Time {
	up, down := oneUp+moreUp*blocks, oneDown+moreDown*blocks
	if p.flags && k == Receipt {
		up++
	}
	if p.flags && k == Typing {
		down += 2
	}
	done := p.request(from, at, up)
	p.truth = append(p.truth, signalTruth{k, Sent, p.conns[from].Flow.Client.Addr(), at})
	if !online {
		return done
	}
	got := done.Add(p.between(2, 40) - p.way)
	p.record(to, got, false, down)
	p.record(to, got.Add(2*p.way+p.between(10, 90)), true, 44)
	p.truth = append(p.truth, signalTruth{k, Received, p.conns[to].Flow.Client.Addr(), got})
	return got.Add(p.way)
}

// score compares texts found with those that were, in one direction.
func (p *signalPlay) score(events []Event, way Direction, clients int) (f1 float64, found, were int) {
	seen := map[signalTruth]int{}
	for _, t := range p.truth {
		if t.kind == Message && t.way == way && int(t.who.As4()[3]) <= clients {
			seen[t]++
			were++
		}
	}
	right := 0
	for _, e := range events {
		if e.Kind == Message && e.Direction == way {
			found++
			if k := (signalTruth{Message, way, e.Client, e.Time}); seen[k] > 0 {
				seen[k]--
				right++
			}
		}
	}
	return 2 * float64(right) / float64(max(1, found+were)), found, were
}

// reliability is the mean distance between what events claim and how often they
// are right, over bins of a tenth (expected calibration error), and their mean
// probability.
func (p *signalPlay) reliability(events []Event) (off float64, n int) {
	truth := map[signalTruth]bool{}
	for _, t := range p.truth {
		truth[t] = true
	}
	var sum, hit [11]float64
	for _, e := range events {
		if e.Kind == Keepalive || e.Kind == Login {
			continue
		}
		b := int(e.Confidence * 10)
		sum[b] += e.Confidence
		n++
		if truth[signalTruth{e.Kind, e.Direction, e.Client, e.Time}] {
			hit[b]++
		}
	}
	for b := range sum {
		off += math.Abs(sum[b] - hit[b])
	}
	return off / float64(max(1, n)), n
}

func TestSignalVariations(t *testing.T) {
	usual := signalPlay{typing: 1, read: 1, people: 2, texts: 60, way: 15 * time.Millisecond}
	cases := []struct {
		name  string
		make  func(p *signalPlay)
		only  int // clients in the capture, 0 for all
		least float64
	}{
		{"usual", func(*signalPlay) {}, 0, 0.9},
		{"flags", func(p *signalPlay) { p.flags = true }, 0, 0.9},
		{"no typing", func(p *signalPlay) { p.typing = 0 }, 0, 0.9},
		{"some typing", func(p *signalPlay) { p.typing = 0.5 }, 0, 0.9},
		{"no read receipts", func(p *signalPlay) { p.read = 0 }, 0, 0.9},
		{"some read receipts", func(p *signalPlay) { p.read = 0.4 }, 0, 0.9},
		{"no typing, no read receipts", func(p *signalPlay) { p.typing, p.read = 0, 0 }, 0, 0.9},
		{"no receipts", func(p *signalPlay) { p.silent = true }, 0, 0.7},
		{"two in a row", func(p *signalPlay) { p.double = 0.5 }, 0, 0.9},
		{"far", func(p *signalPlay) { p.way = 150 * time.Millisecond }, 0, 0.9},
		{"linked devices", func(p *signalPlay) { p.sync = 1 }, 0, 0.85},
		{"three talks", func(p *signalPlay) { p.people, p.pairs = 6, [][2]int{{0, 1}, {2, 3}, {4, 5}} }, 0, 0.9},
		{"ring", func(p *signalPlay) { p.people, p.pairs = 4, [][2]int{{0, 1}, {1, 2}, {2, 3}, {3, 0}} }, 0, 0.9},
		{"crowd", func(p *signalPlay) {
			p.people, p.texts = 16, 15
			for i := range 16 {
				p.pairs = append(p.pairs, [2]int{i, (i + 1) % 16})
			}
		}, 0, 0.9},
		{"one client, two talks", func(p *signalPlay) { p.people, p.pairs = 3, [][2]int{{0, 1}, {0, 2}} }, 1, 0.85},
		{"one client, four talks", func(p *signalPlay) { p.people, p.pairs = 5, [][2]int{{0, 1}, {0, 2}, {0, 3}, {0, 4}} }, 1, 0.7},
		{"short", func(p *signalPlay) { p.texts = 6 }, 0, 0.8},
		{"one client", func(*signalPlay) {}, 1, 0.9},
		{"one client, no typing", func(p *signalPlay) { p.typing = 0 }, 1, 0.9},
		{"one client, some typing", func(p *signalPlay) { p.typing = 0.5 }, 1, 0.85},
		{"one client, no read receipts", func(p *signalPlay) { p.read = 0 }, 1, 0.9},
		{"one client, two in a row", func(p *signalPlay) { p.double = 0.5 }, 1, 0.85},
		{"one client, far", func(p *signalPlay) { p.way = 150 * time.Millisecond }, 1, 0.85},
		{"one client, others offline", func(p *signalPlay) { p.offline = 0.5 }, 1, 0.75},
		{"one client, linked devices", func(p *signalPlay) { p.sync = 1 }, 1, 0.8},
		{"one client, no receipts", func(p *signalPlay) { p.silent = true }, 1, 0.6},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var f1 [2]float64
			var found, were [2]int
			var off float64
			n := 0
			const seeds = 2
			for seed := range uint64(seeds) {
				p := usual
				p.seed = seed
				c.make(&p)
				p.run()
				if c.only == 0 {
					c.only = p.people
				}
				events := Signal(p.conns[:c.only])
				for k, way := range []Direction{Sent, Received} {
					f, a, b := p.score(events, way, c.only)
					f1[k], found[k], were[k] = f1[k]+f/seeds, found[k]+a, were[k]+b
				}
				e, k := p.reliability(events)
				off, n = off+e*float64(k), n+k
			}
			t.Logf("sent F1 %.3f (%d of %d), received F1 %.3f (%d of %d), calibration error %.3f of %d", f1[0], found[0], were[0], f1[1], found[1], were[1], off/float64(n), n)
			if bound := 0.1; off > bound*float64(n) && c.name != "one client, four talks" || off > 1.5*bound*float64(n) {
				t.Errorf("probabilities are off by %.3f on the mean", off/float64(n))
			}
			for k := range found {
				if d := math.Abs(float64(found[k] - were[k])); d > 0.2*float64(were[k]) {
					t.Errorf("%d texts counted, %d were", found[k], were[k])
				}
			}
			if f1[0] < c.least || f1[1] < c.least {
				t.Errorf("F1 %.3f sent, %.3f received, want %.2f", f1[0], f1[1], c.least)
			}
		})
	}
}

// play gives the flows of Signal in a capture as Conns.
func signalConns(tb testing.TB, path string) []Conn {
	var out []Conn
	for _, c := range flowsOf(tb, path) {
		c.Service, c.Weight = "signal", 0.98
		switch c.Flow.Host {
		case "chat.signal.org", "textsecure-service.whispersystems.org":
			c.Role = "message"
		case "cdn.signal.org":
			c.Role = "media"
		default:
			continue
		}
		out = append(out, c)
	}
	return out
}

// TestSignalDemo reads the demonstration and others like it, by what their
// records say, from both ends and from one.
func TestSignalDemo(t *testing.T) {
	for seed := range uint64(6) {
		s := simulate.Demo()
		s.Seed += seed
		rec, err := s.Run()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "router.pcap")
		if err := os.WriteFile(path, rec.Captures[0].Data, 0o600); err != nil {
			t.Fatal(err)
		}
		conns := signalConns(t, path)
		if len(conns) != 2 {
			t.Fatalf("%d connections, want 2", len(conns))
		}
		for _, some := range [][]Conn{conns, conns[:1], conns[1:]} {
			events := Signal(some)
			for _, way := range []Direction{Sent, Received} {
				if f1 := demoF1(rec.Truth, events, some, way); f1 < 0.9 {
					t.Errorf("seed %d, %d of 2 clients: F1 %s %.3f, want at least 0.9", s.Seed, len(some), way, f1)
				}
			}
		}
	}
}

// demoF1 compares texts of one direction within 20 ms, the way to the tap.
func demoF1(truth []simulate.Truth, events []Event, conns []Conn, way Direction) float64 {
	right, were, found := 0, 0, 0
	for _, e := range events {
		if e.Kind == Message && e.Direction == way {
			found++
		}
	}
	for _, l := range truth {
		who, at := l.FromIP, capture.Time(l.Time)
		if way == Received && len(l.Delivered) > 0 {
			who, at = l.ToIP, capture.Time(l.Delivered[0].Time)
		}
		if l.Service != "signal" || l.Kind != "text" || !slices.ContainsFunc(conns, func(c Conn) bool { return c.Flow.Client.Addr().String() == who }) {
			continue
		}
		were++
		if slices.ContainsFunc(events, func(e Event) bool {
			return e.Kind == Message && e.Direction == way && e.Client.String() == who && e.Time.Sub(at).Abs() <= 100*time.Millisecond
		}) {
			right++
		}
	}
	return 2 * float64(right) / float64(max(1, found+were))
}

// TestSignalCorpus reads a recorded app start: two logins, a file that goes up,
// and no message.
func TestSignalCorpus(t *testing.T) {
	count := map[Kind]int{}
	for _, e := range Signal(signalConns(t, shared(t, "corpus/pcap/signal.pcap"))) {
		count[e.Kind]++
	}
	if count[Login] != 2 || count[Media] != 1 || count[Message] != 0 {
		t.Errorf("%v, want 2 logins, 1 media, no message", count)
	}
}

func signalLawOf(tb testing.TB) *signalLaw {
	var law signalLaw
	if err := json.Unmarshal(signalData, &law); err != nil {
		tb.Fatal(err)
	}
	return &law
}

func TestSignalDataIsWhole(t *testing.T) {
	law := signalLawOf(t)
	for _, f := range []following{law.DeliveredNear, law.DeliveredFar, law.Read, law.Composed, law.Refreshed, law.Resumed, law.Synced} {
		if f.MedianS <= 0 || f.Spread <= 0 || f.WindowS < f.MedianS || f.Share <= 0 || f.Share >= 1 {
			t.Errorf("%+v", f)
		}
	}
	if law.Composed.Share+law.Refreshed.Share+law.Resumed.Share >= 1 {
		t.Error("something always follows a typing notice")
	}
	for _, name := range meaningNames {
		if p := law.Short[name]; p <= 0 || p >= 1 {
			t.Errorf("%s is short with probability %v", name, p)
		}
	}
}

// TestSignalIsDeterministic reads the same talk twice, in two orders.
func TestSignalIsDeterministic(t *testing.T) {
	p := (&signalPlay{typing: 1, read: 1, people: 4, texts: 20, way: 15 * time.Millisecond, pairs: [][2]int{{0, 1}, {1, 2}, {2, 3}}}).run()
	first := Signal(p.conns)
	slices.Reverse(p.conns)
	again := Signal(p.conns)
	if len(first) == 0 || len(first) != len(again) {
		t.Fatalf("%d and %d events", len(first), len(again))
	}
	for i := range first {
		if first[i].Time != again[i].Time || first[i].Kind != again[i].Kind || math.Abs(first[i].Confidence-again[i].Confidence) > 1e-6 {
			t.Fatalf("event %d differs: %+v, %+v", i, first[i], again[i])
		}
	}
}

// FuzzSignal gives two clients any frames: nothing panics, and events keep to
// their order and bounds.
func FuzzSignal(f *testing.F) {
	f.Add([]byte{0, 1, 4, 31, 0, 1, 0, 108, 1, 1, 2, 201, 3, 1, 0, 44})
	f.Add([]byte{2, 0, 2, 201, 0, 0, 2, 201, 3, 0, 0, 44, 3, 0, 0, 44, 0, 255, 4, 31})
	f.Add([]byte{0, 0, 255, 255, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		p := signalPlay{people: 2, pairs: [][2]int{}}
		p.run()
		at := capture.Time(0)
		for ; len(b) >= 4; b = b[4:] {
			at = at.Add(time.Duration(b[1]) * time.Duration(b[1]) * time.Millisecond)
			p.record(int(b[0]>>1&1), at, b[0]&1 == 0, int(b[2])<<8|int(b[3]))
		}
		for i := range p.conns {
			p.conns[i].Flow.Last = at
		}
		last := capture.Time(0)
		for _, e := range Signal(p.conns) {
			if e.Time < last || !(e.Confidence >= 0.5 && e.Confidence <= 0.98) {
				t.Fatalf("%+v", e)
			}
			last = e.Time
		}
	})
}
