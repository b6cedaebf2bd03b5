package packet

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"envelope/capture"
	"envelope/capture/simulate"
)

// FuzzReader reads any bytes as a capture: nothing panics or hangs, and what is
// told of a flow agrees with itself.
func FuzzReader(f *testing.F) {
	f.Add(pageLoad(1).Capture(simulate.View{Snap: 200}), uint8(0))
	f.Add(pageLoad(2).Capture(simulate.View{Miss: 100, Swap: 100, Again: 100}), uint8(1))
	tp := newTape()
	tp.talk(phone, server).open().say(up, slices.Concat(wa("454400010000040809080257410502"), noise(36, 0x12, 0x0a, 32)))
	tp.udp(caller, relay, stun(allocateRequest))
	tp.udp(caller, friend, rtp(111, 1, 77, 100))
	f.Add(tp.b, uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, verdict uint8) {
		interest := capture.Interest(verdict % 3)
		r := NewReader(Options{QUICHello: true, MaxFlows: 50, Classify: func(*capture.Flow) capture.Interest { return interest }})
		in, err := capture.OpenReader(bytes.NewReader(b), "f", 0, r.Formats())
		if err != nil {
			return
		}
		whole := map[uint64]*sums{}
		for rec, err := range in.All() {
			var syntax *capture.SyntaxError
			if err != nil && !errors.As(err, &syntax) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatal(err)
			}
			add(t, whole, &rec)
		}
		for rec := range r.Finish() {
			add(t, whole, &rec)
		}
		if r.undecided != 0 || r.reordered != 0 || r.table.live != 0 {
			t.Errorf("counts left at the end: %d undecided frames, %d reordered bytes, %d flows", r.undecided, r.reordered, r.table.live)
		}
	})
}

// sums is what the records of one flow held in all.
type sums struct {
	frames, bursts [2]uint64 // bytes
	final          bool
}

// add checks a record against those before it.
func add(t *testing.T, whole map[uint64]*sums, rec *capture.Record) {
	f := rec.Flow
	if f == nil {
		return
	}
	s := whole[f.ID]
	if s == nil {
		s = &sums{}
		whole[f.ID] = s
	}
	if s.final {
		t.Errorf("flow %d goes on behind its last record", f.ID)
	}
	s.final = f.Final
	for _, x := range f.Frames {
		if x.Kind == capture.FrameSegment || x.Kind == capture.FrameClear { // others may be longer than what was captured of them
			s.frames[side(x.Up)] += uint64(x.Length)
		}
	}
	for _, x := range f.Bursts {
		if s.bursts[side(x.Up)] += x.Bytes; x.Packets == 0 || x.Last < x.First {
			t.Errorf("flow %d: a burst of %d packets from %d to %d", f.ID, x.Packets, x.First, x.Last)
		}
	}
	for dir := range 2 {
		if s.frames[dir] > f.Payload[dir] || s.bursts[dir] > f.Payload[dir] {
			t.Errorf("flow %d: %d bytes in segments, %d in bursts, of %d bytes of payload", f.ID, s.frames[dir], s.bursts[dir], f.Payload[dir])
		}
		if f.Packets[dir] == 0 && f.Bytes[dir] > 0 {
			t.Errorf("flow %d: %d bytes in no packet", f.ID, f.Bytes[dir])
		}
	}
}

func side(isUp bool) int {
	if isUp {
		return up
	}
	return down
}

// pageLoad is a TLS connection with a few requests, a name that was looked up
// for it, and a datagram.
func pageLoad(seed uint64) *simulate.Network {
	n := simulate.NewNetwork(seed)
	phone := n.Device("phone", caller.Addr())
	web := n.Server("web", server.Addr())
	resolver := n.Server("resolver", relay.Addr())
	at := n.Resolve(epoch, phone, resolver, "www.example.org", web.Addr())
	c := n.TCP(at, phone.At(40000), web.At(443))
	at = c.TLS(c.Ready(), simulate.Hello{Name: "www.example.org"})
	for i := range 5 {
		c.Records(at.Add(time.Duration(i)*time.Second), up, 100+i, 20)
		c.Records(at.Add(time.Duration(i)*time.Second+100*time.Millisecond), down, 3000+i)
	}
	n.UDP(at, phone.At(50000), resolver.At(3478), stun(bindRequest))
	return n
}

// FuzzSegments sends known records in segments of any size, some lost, twice,
// overlapping or late. Every frame that is not called a guess must be one of
// them, in order, and none may come twice.
func FuzzSegments(f *testing.F) {
	f.Add([]byte{0, 10, 200, 40, 3, 77, 129, 5}, false)
	f.Add([]byte{1, 255, 2, 255, 3, 255, 0, 255, 1, 9}, true)
	f.Add(bytes.Repeat([]byte{0x43, 0x80, 0x05}, 20), false)
	f.Fuzz(func(t *testing.T, plan []byte, whatsapp bool) {
		stream, lengths := recordStream(whatsapp)
		tp := newTape()
		shuffle(tp.talk(phone, server).open(), stream, plan)
		last := -1
		for _, fl := range flowsOf(t, NewReader(Options{}), tp.b) {
			if fl.Payload[up]+fl.Missing[up] > uint64(len(stream)) {
				t.Errorf("%d bytes and %d missing of a stream of %d", fl.Payload[up], fl.Missing[up], len(stream))
			}
			for _, x := range fl.Frames {
				if x.Guess || x.Kind == capture.FrameSegment || x.Kind == capture.FrameHandshake || x.Kind == capture.FrameGap {
					continue
				}
				i := slices.Index(lengths, int(x.Length))
				if i <= last {
					t.Errorf("frame of %d bytes, record %d behind record %d", x.Length, i, last)
				}
				last = i
			}
		}
	})
}

// recordStream is a client's bytes: a hello, and 60 records of different
// lengths that hold nothing like a header.
func recordStream(whatsapp bool) (stream []byte, lengths []int) {
	stream = helloRecord("www.example.org")
	if whatsapp {
		stream = slices.Concat(wa("57410502"), noise(270, 0x12, 0x0a, 32))
	}
	for i := range 60 {
		n := 100 + 37*i%1500
		if lengths = append(lengths, n); whatsapp {
			stream = append(stream, wa("", n)...)
		} else {
			stream = append(stream, data(n)...)
		}
	}
	return stream, lengths
}

// shuffle sends a stream as a plan says: of two bytes each, the first tells
// what becomes of a segment, the second its size.
func shuffle(c *talk, stream []byte, plan []byte) {
	for i := 0; c.sent[up] < len(stream); i += 2 {
		act, size := byte(0), 1400
		if i+1 < len(plan) {
			act, size = plan[i], 1+int(plan[i+1])*6
		}
		from := c.sent[up]
		b := stream[from:min(from+size, len(stream))]
		switch act & 7 {
		case 1: // lost
			c.lose(up, len(b))
		case 2: // seen twice
			c.say(up, b).at(up, from, b)
		case 3: // behind the next one
			next := stream[from+len(b) : min(from+len(b)+int(act), len(stream))]
			c.at(up, from+len(b), next).say(up, b).lose(up, len(next))
		case 4: // with some of the bytes before it
			back := min(from, int(act))
			c.at(up, from-back, stream[from-back:from+len(b)]).lose(up, len(b))
		case 5: // acknowledged as well
			c.say(up, b).ack(down)
		case 6: // lost, which the other side says
			c.lose(up, len(b)).ack(down)
		default:
			c.say(up, b)
		}
	}
}

// TestViews reads one conversation as taps of all kinds saw it.
func TestViews(t *testing.T) {
	n := simulate.NewNetwork(5)
	phone := n.Device("phone", caller.Addr())
	web := n.Server("web", server.Addr())
	c := n.TCP(epoch, phone.At(40000), web.At(443))
	at := c.TLS(c.Ready(), simulate.Hello{Name: "www.example.org"})
	var want [2][]uint32
	for i := range 200 {
		now := at.Add(time.Duration(i+1) * time.Second)
		c.Records(now, up, 100+i, 40)
		c.Records(now.Add(200*time.Millisecond), down, 2000+i)
		want[up], want[down] = append(want[up], uint32(100+i), 40), append(want[down], uint32(2000+i))
	}
	for _, tt := range []struct {
		name  string
		view  simulate.View
		least float64 // share of the frames found
	}{
		{"perfect", simulate.View{}, 1},
		{"at the phone", simulate.View{At: phone}, 1},
		{"seen again", simulate.View{Again: 200}, 1},
		{"seen late", simulate.View{Late: 20}, 0.9}, // acknowledged before it is seen, which no receiver does
		{"swapped", simulate.View{Swap: 50}, 0.95},
		{"snap length", simulate.View{Snap: 96}, 0.6}, // headers beyond it are not there
		{"half", simulate.View{Only: phone}, 0.5},
		{"some missed", simulate.View{Miss: 20}, 0.85},
		{"mid-stream", simulate.View{From: at.Add(100 * time.Second)}, 0.49},
	} {
		var got [2][]uint32
		for _, f := range flowsOf(t, NewReader(Options{}), n.Capture(tt.view)) {
			for _, x := range f.Frames {
				if x.Kind == capture.FrameData && x.Time > at.Add(900*time.Millisecond) { // behind the handshake
					got[side(x.Up)] = append(got[side(x.Up)], x.Length)
				}
			}
		}
		found := 0
		for dir := range 2 {
			if !subsequence(got[dir], want[dir]) {
				t.Errorf("%s: direction %d has frames that were not sent: %v", tt.name, dir, got[dir])
			}
			found += len(got[dir])
		}
		if all := len(want[up]) + len(want[down]); float64(found) < tt.least*float64(all) {
			t.Errorf("%s: %d of %d frames", tt.name, found, all)
		}
	}
}

// subsequence tells whether a is what is left of b when some of it is taken out.
func subsequence(a, b []uint32) bool {
	for _, x := range a {
		i := slices.Index(b, x)
		if i < 0 {
			return false
		}
		b = b[i+1:]
	}
	return true
}
