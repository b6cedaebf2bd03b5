package packet

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"envelope/capture"

	"github.com/google/go-cmp/cmp"
)

// letters is a UDP datagram of 40 bytes whose payload tells its places.
var letters = udpOf(1000, 2000, []byte("abcdefghijklmnopqrstuvwxyz012345"))

// fragOf is bytes from..to of letters as an IPv4 fragment; the last one unless
// there is more.
func fragOf(id, from, to int) []byte {
	return fragBytes(id, from, letters[from:to], to < len(letters))
}

func fragBytes(id, from int, body []byte, more bool) []byte {
	part := from / 8
	if more {
		part |= 0x2000
	}
	return ipv4Part(ProtoUDP, id, part, body)
}

// fragOf6 is the same in IPv6, behind a destination options header.
func fragOf6(from, to int) []byte {
	field := from
	if to < len(letters) {
		field |= 1
	}
	return ipv6Of(protoDestOpts, glue(hexa("2c 00 0104 00000000 11 00"), two(field), hexa("00000007"), letters[from:to]))
}

const (
	saysHeld  = "fragment held: fragment of a datagram"
	saysWhole = "udp 10.0.0.1:1000 10.0.0.2:2000 abcdefghijklmnopqrstuvwxyz012345/32"
)

func TestReassembly(t *testing.T) {
	xs := func(n int) []byte { return slices.Repeat([]byte("X"), n) }
	cut := func(b []byte, n int) Raw { return Raw{Data: b[:len(b)-n], Len: len(b)} }
	whole := func(b []byte) Raw { return Raw{Data: b} }
	cases := []struct {
		name  string
		raws  []Raw
		want  []string
		stats FragmentStats
	}{
		{"in order", []Raw{whole(fragOf(1, 0, 16)), whole(fragOf(1, 16, 32)), whole(fragOf(1, 32, 40))},
			[]string{saysHeld, saysHeld, saysWhole}, FragmentStats{Fragments: 3, Datagrams: 1}},
		{"last first", []Raw{whole(fragOf(1, 32, 40)), whole(fragOf(1, 0, 16)), whole(fragOf(1, 16, 32))},
			[]string{saysHeld, saysHeld, saysWhole}, FragmentStats{Fragments: 3, Datagrams: 1}},
		{"ipv6", []Raw{whole(fragOf6(16, 40)), whole(fragOf6(0, 16))},
			[]string{saysHeld, "udp [2001:db8::1]:1000 [2001:db8::2]:2000 abcdefghijklmnopqrstuvwxyz012345/32"},
			FragmentStats{Fragments: 2, Datagrams: 1}},
		{"two datagrams", []Raw{whole(fragOf(1, 0, 16)), whole(fragOf(2, 0, 16)), whole(fragOf(2, 16, 40)), whole(fragOf(1, 16, 40))},
			[]string{saysHeld, saysHeld, saysWhole, saysWhole}, FragmentStats{Fragments: 4, Datagrams: 2}},
		{"in a tunnel", []Raw{whole(outer4Of(protoIPv4, fragOf(1, 0, 16))), whole(outer4Of(protoIPv4, fragOf(1, 16, 40)))},
			[]string{saysHeld, saysWhole + " tunnel 1"}, FragmentStats{Fragments: 2, Datagrams: 1}},
		{"the first bytes win", []Raw{whole(fragOf(1, 0, 16)), whole(fragBytes(1, 8, xs(16), true)), whole(fragOf(1, 24, 40))},
			[]string{saysHeld, saysHeld, "udp 10.0.0.1:1000 10.0.0.2:2000 abcdefghXXXXXXXXqrstuvwxyz012345/32"},
			FragmentStats{Fragments: 3, Datagrams: 1, Overlapping: 1}},
		{"around one that was there", []Raw{whole(fragOf(1, 16, 24)), whole(fragBytes(1, 8, xs(24), true)), whole(fragOf(1, 0, 8)), whole(fragOf(1, 32, 40))},
			[]string{saysHeld, saysHeld, saysHeld, "udp 10.0.0.1:1000 10.0.0.2:2000 XXXXXXXXijklmnopXXXXXXXXyz012345/32"},
			FragmentStats{Fragments: 4, Datagrams: 1, Overlapping: 1}},
		{"repeated", []Raw{whole(fragOf(1, 0, 16)), whole(fragOf(1, 0, 16)), whole(fragOf(1, 16, 40))},
			[]string{saysHeld, saysHeld, saysWhole}, FragmentStats{Fragments: 3, Datagrams: 1, Overlapping: 1}},
		{"cut by a snap length", []Raw{cut(fragOf(1, 0, 24), 2), cut(fragOf(1, 24, 40), 2)},
			[]string{saysHeld, "udp 10.0.0.1:1000 10.0.0.2:2000 abcdefghijklmn/32"}, FragmentStats{Fragments: 2, Datagrams: 1}},
		{"odd length", []Raw{whole(fragBytes(1, 0, letters[:15], true))},
			[]string{"malformed: fragment offset or length"}, FragmentStats{Fragments: 1}},
		{"no length", []Raw{whole(fragBytes(1, 8, nil, true))},
			[]string{"malformed: fragment offset or length"}, FragmentStats{Fragments: 1}},
		{"beyond 64 kB", []Raw{whole(fragBytes(1, 65528, letters[:8], false))},
			[]string{"malformed: fragment offset or length"}, FragmentStats{Fragments: 1}},
		{"two ends", []Raw{whole(fragOf(1, 32, 40)), whole(fragBytes(1, 16, xs(8), false))},
			[]string{saysHeld, "malformed: fragments contradict each other"}, FragmentStats{Fragments: 2, Incomplete: 1}},
		{"behind the end", []Raw{whole(fragOf(1, 32, 40)), whole(fragBytes(1, 40, xs(8), true))},
			[]string{saysHeld, "malformed: fragments contradict each other"}, FragmentStats{Fragments: 2, Incomplete: 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d, got := NewDecoder(), []string(nil)
			for i, raw := range c.raws {
				raw.Number, raw.Link = int64(i+1), LinkRaw
				var p Packet
				v := d.Decode(&raw, &p)
				got = append(got, say(v, &p))
				if p.Number != int64(i+1) {
					t.Errorf("packet %d has the number %d", i+1, p.Number)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.stats, d.Fragments()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestIncomplete leaves datagrams unfinished: by time, by the end of the
// input, and by the bound of the table.
func TestIncomplete(t *testing.T) {
	d := NewDecoder()
	feed := func(n int64, at time.Duration, data []byte) {
		t.Helper()
		var p Packet
		if v := d.Decode(&Raw{Number: n, Time: capture.Time(at), Link: LinkRaw, Data: data}, &p); v.Outcome != Held {
			t.Fatal(say(v, &p))
		}
	}
	drain := func(now capture.Time) (got []string) {
		var p Packet
		for v, ok := d.Incomplete(now, &p); ok; v, ok = d.Incomplete(now, &p) {
			got = append(got, fmt.Sprint(p.Number, " ", p.IPLen, " ", say(v, &p)))
		}
		return got
	}
	feed(1, 0, fragOf(1, 16, 24))
	feed(2, time.Second, fragOf(1, 0, 8))
	feed(3, 2*time.Second, fragOf(2, 32, 40))
	feed(4, 20*time.Second, fragOf(3, 0, 16))
	if got := drain(capture.Time(30 * time.Second)); got != nil {
		t.Error(got)
	}
	want := []string{
		"2 36 udp 10.0.0.1:1000 10.0.0.2:2000 /8",
		"3 28 udp 10.0.0.1:0 10.0.0.2:0 /8 fragment (without ports: fragment without its first one)",
	}
	if diff := cmp.Diff(want, drain(capture.Time(33*time.Second))); diff != "" {
		t.Error(diff)
	}
	want = []string{"4 36 udp 10.0.0.1:1000 10.0.0.2:2000 abcdefgh/8"}
	if diff := cmp.Diff(want, drain(math.MaxInt64)); diff != "" {
		t.Error(diff)
	}
	for i := range 3 * maxDatagrams {
		feed(int64(i), time.Minute, fragOf(i, 0, 16))
	}
	if got := drain(capture.Time(time.Minute)); len(got) != maxDatagrams {
		t.Errorf("%d given out of those that the table had no place for", len(got))
	}
	if want := (FragmentStats{Fragments: 4 + 3*maxDatagrams, Incomplete: 3 + 2*maxDatagrams, Lost: maxDatagrams}); d.Fragments() != want {
		t.Errorf("%+v, want %+v", d.Fragments(), want)
	}
}

// TestReassemblyReusesMemory puts datagrams together again and again.
func TestReassemblyReusesMemory(t *testing.T) {
	d := NewDecoder()
	a, b := Raw{Link: LinkRaw, Data: fragOf(1, 0, 16)}, Raw{Link: LinkRaw, Data: fragOf(1, 16, 40)}
	var p Packet
	if n := testing.AllocsPerRun(100, func() { d.Decode(&a, &p); d.Decode(&b, &p) }); n > 0.1 {
		t.Errorf("%v allocations for each datagram", n)
	}
}

// FuzzFragments cuts one datagram at places that the fuzzer chooses, repeats
// and reorders the pieces, and asks for the datagram whole or not at all.
func FuzzFragments(f *testing.F) {
	f.Add([]byte{0x02, 0x23, 0x55})
	f.Add([]byte{0x55, 0x04, 0x13, 0x24, 0x02})
	f.Fuzz(func(t *testing.T, cuts []byte) {
		d := NewDecoder()
		for _, c := range cuts {
			from, to := int(c>>4)*8, int(c&15)*8
			if from >= to || to > len(letters) {
				continue
			}
			var p Packet
			v := d.Decode(&Raw{Link: LinkRaw, Data: fragOf(1, from, to)}, &p)
			if s := say(v, &p); s != saysHeld && s != saysWhole {
				t.Fatal(s)
			}
		}
	})
}
