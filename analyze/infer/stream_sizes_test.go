package infer

import (
	"net/netip"
	"testing"
)

// TestFanned: what a few write to a group of many goes to others at a difference of
// its own, which is too rare to be part of what is learned of all messages.
func TestFanned(t *testing.T) {
	for _, tt := range []struct {
		name   string
		takers int // of each
		want   bool
	}{{"to many", 8, true}, {"to one each", 1, true}, {"to nobody", 0, false}} {
		v := &view{clients: make([]netip.Addr, 12), room: new(Room)}
		for i := range 10 {
			at, size := 10+60*float64(i), uint32(4070+13*i)
			v.units = append(v.units, unit{at: secondOf(at), size: size, up: true, who: int32(i % 3), source: -1})
			for k := range int32(8) { // what comes to others all the time, of any size
				n := size + 223
				if int(k) >= tt.takers {
					n = 4000 + uint32(k)*31 + uint32(i)*47%400
				}
				v.units = append(v.units, unit{at: secondOf(at + 0.1), size: n, who: 4 + k, source: -1})
			}
		}
		inTime(v.units, &v.room.sorter)
		v.build()
		f := family{low: 4070, high: 4200}
		for i := range v.units {
			if v.units[i].up {
				f.units = append(f.units, int32(i))
			}
		}
		if got := v.fanned(&f); got != tt.want {
			t.Errorf("%s: %v, want %v; relayed %.2f to %.1f", tt.name, got, tt.want, f.relayed, f.fan)
		}
	}
}
