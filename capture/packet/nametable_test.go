package packet

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// TestNameTable holds the table against the map that it stands for, past the
// point where the older half is forgotten.
func TestNameTable(t *testing.T) {
	var got nameTable
	var want recent[[2]netip.Addr, string]
	r := rand.New(rand.NewPCG(1, 2))
	addr := func() netip.Addr {
		b := [16]byte{10: 0xff, 11: 0xff, 13: byte(r.IntN(8)), 14: byte(r.IntN(256)), 15: byte(r.IntN(256))}
		if a := netip.AddrFrom16(b); r.IntN(4) == 0 {
			return a // stands for an IPv4 address and is none
		}
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	for i := range 3 * maxRemembered {
		a, b := addr(), addr()
		name := fmt.Sprint("n", i)
		got.put(pairOf(a, b), name)
		want.put([2]netip.Addr{a, b}, name)
		if i%3 == 0 {
			got.put(pairOf(a, b), "again")
			want.put([2]netip.Addr{a, b}, "again")
		}
		ask := [2]netip.Addr{a, addr()}
		if i%2 == 0 {
			ask = [2]netip.Addr{a, b}
		}
		g, ok := got.get(pairOf(ask[0], ask[1]))
		w, known := want.get(ask)
		if g != w || ok != known {
			t.Fatalf("after %d: %v gives %q, %v; want %q, %v", i, ask, g, ok, w, known)
		}
	}
	for _, half := range []map[[2]netip.Addr]string{want.young, want.old} {
		for k := range half {
			g, _ := got.get(pairOf(k[0], k[1]))
			if w, _ := want.get(k); g != w {
				t.Fatalf("%v gives %q, want %q", k, g, w)
			}
		}
	}
}
