package packet

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"envelope/capture"
)

// TestOldFramesMakeARecord: what was gathered is yielded once it is a minute
// old, without waiting for the end of the flow or for many frames.
func TestOldFramesMakeARecord(t *testing.T) {
	tp := newTape()
	c := tp.talk(phone, server).open().say(up, helloRecord("chat.example.org")).say(down, data(50))
	tp.now += 50 * time.Second
	c.say(up, data(60))
	tp.now += 20 * time.Second
	c.say(up, data(70))
	tp.now += time.Second
	c.say(up, data(80))
	var got []string
	take := func(rec capture.Record) {
		var lengths []uint32
		for _, f := range rec.Flow.Frames[max(0, len(rec.Flow.Frames)-2):] {
			lengths = append(lengths, f.Length)
		}
		got = append(got, fmt.Sprint(rec.Flow.Final, lengths))
	}
	r := NewReader(Options{})
	for rec := range open(t, r, tp.b).All() {
		take(rec)
	}
	for rec := range r.Finish() {
		take(rec)
	}
	if d := cmp.Diff([]string{"false [60 70]", "true [80]"}, got); d != "" {
		t.Error(d)
	}
}

// TestFirstFragmentAlone counts a datagram whose rest never came, and says so.
func TestFirstFragmentAlone(t *testing.T) {
	for _, later := range []bool{false, true} {
		tp := newTape()
		tp.udp(phone, friend, filled(16, 0xf0))
		tp.b[len(tp.b)-(20+8+16)+6] = 0x20 // more fragments
		want := []string{fmt.Sprintf("17 %v > %v address", phone, friend)}
		if later {
			tp.now += time.Minute
			tp.udp(friend, relay, filled(16, 0xf0))
		}
		got := read(t, Options{}, tp.b)
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, want[0]) }) || !slices.Contains(got, "warning 1 fragmented datagrams are incomplete") {
			t.Errorf("later packets %v: %q", later, got)
		}
	}
}

func TestAppsAreSeenOnTheDevice(t *testing.T) {
	for _, c := range []struct {
		app  string
		want capture.Observer
	}{{"", capture.Network}, {"org.example.chat", capture.Device}} {
		r := NewReader(Options{})
		r.in = &capture.Input{Observer: capture.Network}
		r.packet(&pending{Packet: Packet{Number: 1, App: c.app}, verdict: Verdict{Outcome: NotIP}})
		if r.in.Observer != c.want {
			t.Errorf("app %q: %s", c.app, r.in.Observer)
		}
	}
}

func TestNoLinkAddressesOfTunnels(t *testing.T) {
	for _, tunnel := range []uint8{0, 1} {
		p := Packet{Tunnel: tunnel, Src: phone.Addr(), Dst: server.Addr(), SrcMAC: capture.MAC{2, 1}, DstMAC: capture.MAC{2, 2}}
		var fl flow
		fl.begin(&p, true, 1, capture.Origin{})
		if seen := fl.f.ClientMAC != (capture.MAC{}) || fl.f.ServerMAC != (capture.MAC{}); seen != (tunnel == 0) {
			t.Errorf("%d packets around this one: %v, %v", tunnel, fl.f.ClientMAC, fl.f.ServerMAC)
		}
	}
}

func TestNamesOfTheCaptureFile(t *testing.T) {
	l := littleFile
	b := sectionAnd(l).block(blockNames, l.u16(nameIPv4, 14).raw(192, 0, 2, 7).text("a.example\x00").raw(0, 0)).b
	want := []string{`name "a.example" pcapng for 192.0.2.7 000000000000 #0`}
	if d := cmp.Diff(want, read(t, Options{}, b, b)); d != "" { // once, though given twice
		t.Error(d)
	}
}

// TestRunOfTelegramLengths: a connection that began before the capture is
// taken for Telegram's if nearly all of its segments have the length of a
// message, look random and are not all alike.
func TestRunOfTelegramLengths(t *testing.T) {
	random := rand.NewChaCha8([32]byte{5})
	fit := []int{105, 137, 169, 185, 105, 121, 249, 105, 137}
	for _, c := range []struct {
		name  string
		whole bool // the beginning was captured
		byte  func([]byte)
		sizes []int
		want  bool
	}{
		{"messages", false, nil, fit, true},
		{"one other", false, nil, append([]int{100}, fit...), true},
		{"from the beginning", true, nil, fit, false},
		{"too few", false, nil, fit[:7], false},
		{"other lengths", false, nil, []int{100, 137, 170, 186, 105, 122, 249, 106, 137}, false},
		{"all alike", false, nil, slices.Repeat([]int{105}, 12), false},
		{"readable", false, func(b []byte) { copy(b, slices.Repeat([]byte("to be "), 100)) }, fit, false},
	} {
		tp := newTape()
		talk := tp.talk(phone, server)
		if c.whole {
			talk.open()
		}
		for i, n := range c.sizes {
			b := make([]byte, n)
			_, _ = random.Read(b)
			b[0] = 0x40 // not the start of TLS
			if c.byte != nil {
				c.byte(b)
			}
			talk.say(i%2, b)
		}
		got := strings.Contains(strings.Join(read(t, Options{}, tp.b), "\n"), "telegram-mtproto-lengths")
		if got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestJudgedByWhatItCarries: a flow that only what it carries speaks for, as one in
// mid-stream by its port, is asked for again once it carries something, and keeps
// all of its frames.
func TestJudgedByWhatItCarries(t *testing.T) {
	for _, opened := range []bool{true, false} {
		tp := newTape()
		c := tp.talk(phone, server)
		if opened {
			c.open()
		}
		for i := range 2 * maxUndecidedFrames {
			c.say(i%2, data(50+i%7))
		}
		r := NewReader(Options{Classify: func(f *capture.Flow) capture.Interest {
			if f.Payload == [2]uint64{} {
				return capture.Undecided
			}
			return capture.Collect
		}})
		n := 0
		for rec := range open(t, r, tp.b).All() {
			n += len(rec.Flow.Frames)
		}
		for rec := range r.Finish() {
			n += len(rec.Flow.Frames)
		}
		if n != 2*maxUndecidedFrames {
			t.Errorf("opened %v: %d frames, want %d", opened, n, 2*maxUndecidedFrames)
		}
	}
}
