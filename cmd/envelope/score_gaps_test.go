package main

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"envelope/analyze/evaluate"
)

// taped is a pcapng file as its blocks: what comes before the packets, and those.
type taped struct {
	head    []byte
	packets []tapedPacket
}

// tapedPacket is an Enhanced Packet Block with its time in the file's units, which
// are microseconds in the recordings.
type tapedPacket struct {
	at    uint64
	block []byte
}

// readTaped cuts a little-endian pcapng file into blocks.
func readTaped(t *testing.T, path string) taped {
	t.Helper()
	const enhancedPacket = 6
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out taped
	word := binary.LittleEndian.Uint32
	for len(raw) >= 12 {
		n := word(raw[4:])
		if b := raw[:n]; word(b) == enhancedPacket {
			out.packets = append(out.packets, tapedPacket{uint64(word(b[12:]))<<32 | uint64(word(b[16:])), b})
		} else if len(out.packets) == 0 {
			out.head = append(out.head, b...)
		}
		raw = raw[n:]
	}
	return out
}

// bytes is the file again.
func (f taped) bytes() []byte {
	out := slices.Clone(f.head)
	for _, p := range f.packets {
		out = append(out, p.block...)
	}
	return out
}

// A flaw is what an imperfect tap makes of a packet: none, or some with other
// times.
type flaw func(p tapedPacket, r *rand.Rand) []tapedPacket

// dropped loses a share of the packets.
func dropped(share float64) flaw {
	return func(p tapedPacket, r *rand.Rand) []tapedPacket {
		if r.Float64() < share {
			return nil
		}
		return []tapedPacket{p}
	}
}

// blind sees nothing for 200 ms, every five seconds on average.
func blind() flaw {
	const length, every = 200e3, 5e6
	var next uint64
	return func(p tapedPacket, r *rand.Rand) []tapedPacket {
		for next == 0 || p.at > next+length {
			next = max(next, p.at) + uint64(every*r.ExpFloat64())
		}
		if p.at >= next {
			return nil
		}
		return []tapedPacket{p}
	}
}

// late tells one packet in ten 1 to 20 ms after it came.
func late(p tapedPacket, r *rand.Rand) []tapedPacket {
	if r.IntN(10) == 0 {
		p.at += 1e3 + r.Uint64N(19e3)
	}
	return []tapedPacket{p}
}

// twice tells every packet again 50 µs later, and loses a tenth of all.
func twice(p tapedPacket, r *rand.Rand) (out []tapedPacket) {
	for _, after := range []uint64{0, 50} {
		if r.IntN(10) > 0 {
			out = append(out, tapedPacket{p.at + after, p.block})
		}
	}
	return out
}

// snapped keeps the first 96 bytes of each packet.
func snapped(p tapedPacket, _ *rand.Rand) []tapedPacket {
	const header, keep = 28, 96
	if binary.LittleEndian.Uint32(p.block[20:]) <= keep {
		return []tapedPacket{p}
	}
	b := slices.Clone(p.block[:header+keep])
	b = binary.LittleEndian.AppendUint32(b, uint32(len(b)+4))
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)))
	binary.LittleEndian.PutUint32(b[20:], keep)
	return []tapedPacket{{p.at, b}}
}

// through gives a capture as a damaged tap would have made it.
func (f taped) through(d flaw, seed uint64) taped {
	r := rand.New(rand.NewPCG(seed, 0))
	out := taped{head: f.head}
	for _, p := range f.packets {
		for _, q := range d(p, r) {
			q.block = slices.Clone(q.block)
			binary.LittleEndian.PutUint32(q.block[12:], uint32(q.at>>32))
			binary.LittleEndian.PutUint32(q.block[16:], uint32(q.at))
			out.packets = append(out.packets, q)
		}
	}
	slices.SortStableFunc(out.packets, func(a, b tapedPacket) int { return int(int64(a.at - b.at)) })
	return out
}

// TestScoreGaps reads the recordings as imperfect taps would have made them. The
// floors lie a little below what was measured on 2026-11-30, and hold for each of
// the recordings; of what is stated with 0.9 or more nine in ten must be right, and
// the rest about as often as it is stated.
func TestScoreGaps(t *testing.T) {
	all := []string{"A-xmpp-prosody", "A2-xmpp-prosody-16", "C0-matrix-small"}
	for _, tt := range []struct {
		name                        string
		flaw                        flaw
		labs                        []string
		precision, sent, got, pairs float64 // precision of messages, and recall
	}{
		{"1 % dropped", dropped(0.01), all, 0.975, 0.98, 0.97, 0.97},
		{"10 % dropped", dropped(0.1), all, 0.965, 0.96, 0.95, 0.95},
		{"blind for 200 ms", blind(), all, 0.96, 0.9, 0.88, 0.97},
		{"late by 20 ms", late, all, 0.975, 0.98, 0.96, 0.97},
		{"twice, a tenth dropped", twice, all[1:], 0.975, 0.98, 0.97, 0.97},
		{"snap length 96", snapped, all[1:], 0.975, 0.98, 0.95, 0.97},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table := map[string]*bins{}
			for _, lab := range tt.labs {
				truth := labTruth(t, lab)
				path := filepath.Join(t.TempDir(), "damaged.pcapng")
				if err := os.WriteFile(path, readTaped(t, shared(t, "lab", lab, "router.pcapng")).through(tt.flaw, 1).bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
				rep := reportOn(t, path)
				result, err := evaluate.Evaluate([]evaluate.Input{{Name: lab, Report: rep}}, truth, evaluate.Options{})
				if err != nil {
					t.Fatal(err)
				}
				f := &result.Reports[0]
				t.Logf("%s: sent %.3f/%.3f, received %.3f/%.3f, pairs %.3f/%.3f", lab, *f.Sent.P, *f.Sent.R, *f.Received.P, *f.Received.R, *f.Any.P, *f.Any.R)
				if *f.Sent.P < tt.precision || *f.Received.P < tt.precision || *f.Sent.R < tt.sent || *f.Received.R < tt.got || *f.Any.P < 1 || *f.Any.R < tt.pairs {
					t.Errorf("%s: worse than the floors", lab)
				}
				judge(rep, truth, table, "all")
			}
			for _, key := range slices.Sorted(maps.Keys(table)) {
				table[key].hold(t, key)
			}
		})
	}
}

// hold tests that what is stated is right about as often as it says.
func (b *bins) hold(t *testing.T, name string) {
	t.Helper()
	const few, slack = 20, 0.1
	t.Logf("%-24s%s", name, b)
	for i, x := range b {
		if x.n >= few && float64(x.right) < x.p-slack*float64(x.n) {
			t.Errorf("%s: of %d stated with %.1f or more %d are right", name, x.n, float64(i)/10, x.right)
		}
	}
	if sure := b[9].n + b[10].n; (b[9].right+b[10].right)*10 < 9*sure {
		t.Errorf("%s: of %d stated with 0.9 or more %d are right", name, sure, b[9].right+b[10].right)
	}
}
