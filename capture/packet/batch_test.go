package packet

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"envelope/capture"
)

// TestBatchesChangeNothing reads a capture whole and byte by byte, where no two
// packets are at hand at once: what is found must be the same, in the same
// order, also around fragments that make a datagram or are left alone.
func TestBatchesChangeNothing(t *testing.T) {
	for _, o := range []Options{{}, {Classify: classify}, {From: epoch.Add(2e9), To: epoch.Add(4e9)}, {MaxFlows: 2}} {
		file := street(3)
		tp := newTape()
		for i := range 40 {
			media := filled(16, 0)
			media[0], media[1], media[3], media[11] = 0x80, 111, byte(i/2), byte(i&1)
			for part := range 2 {
				tp.udp(phone, friend, media)
				at := len(tp.b) - (20 + 8 + 16)
				if tp.b[at+6] = 0x20; part == 1 { // more fragments follow, or it is the rest, 24 bytes further on
					tp.b[at+6], tp.b[at+7] = 0, 3
				}
				if i%16 == 15 { // the rest never comes
					break
				}
			}
		}
		whole, single := found(t, o, file, tp.b, false), found(t, o, file, tp.b, true)
		if d := cmp.Diff(single, whole); d != "" {
			t.Errorf("%+v: one by one (-), in batches (+):\n%s", o, d)
		}
		if len(whole) < 10 || !slices.ContainsFunc(whole, func(s string) bool { return s[0] == 'w' }) && o.From == 0 {
			t.Errorf("%d lines found: %q", len(whole), whole)
		}
	}
}

// found lists the records and warnings of two captures.
func found(t *testing.T, o Options, first, second []byte, single bool) (out []string) {
	r := NewReader(o)
	take := func(rec capture.Record, err error) {
		out = append(out, fmt.Sprint(rec.Origin, rec.Time, err))
		if rec.Flow != nil {
			out = append(out, fmt.Sprintf("%+v", *rec.Flow))
		}
	}
	for i, b := range [][]byte{first, second} {
		var from io.Reader = bytes.NewReader(b)
		if single {
			from = iotest.OneByteReader(from)
		}
		in, err := capture.OpenReader(bytes.NewReader(b), "f", int32(i), r.Formats())
		if err != nil {
			t.Fatal(err)
		}
		in.Reader = from
		for rec, err := range in.All() {
			take(rec, err)
		}
		for _, w := range in.Warnings {
			out = append(out, "warning "+w)
		}
	}
	for rec, err := range r.Finish() {
		take(rec, err)
	}
	return out
}
