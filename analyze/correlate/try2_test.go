package correlate

import "testing"

func TestTryGroups(t *testing.T) {
	x := newTown(1000, 8, 2)
	x.locked = 0.8
	x.make()
	res := Correlate(x.events, x.people, Options{})
	t.Logf("%+v", x.judge(res))
	shown := 0
	for _, g := range res.Groups {
		best, bi := 0., -1
		for i, who := range x.sets {
			both, all := 0., float64(len(g.Members))
			for _, p := range who {
				if !x.seen[p] {
					continue
				}
				in := false
				for _, m := range g.Members {
					in = in || m.Party == p
				}
				if in {
					both++
				} else {
					all++
				}
			}
			if both/all > best {
				best, bi = both/all, i
			}
		}
		if bi >= 0 && best < 0.5 && shown < 25 {
			shown++
			var seen []bool
			for _, p := range x.sets[bi] {
				seen = append(seen, x.seen[p])
			}
			t.Logf("%v conf %.3f messages %d best %.2f of %v seen %v sent %d", g.Members, g.Confidence, g.Messages, best, x.sets[bi], seen, x.sent[bi])
			for i, m := range g.Members {
				for _, o := range g.Members[i+1:] {
					t.Log("   pair", m.Party, o.Party, x.pairs[ordered(m.Party, o.Party)])
				}
			}
		}
	}
}
