package correlate_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"envelope/analyze/correlate"
	"envelope/analyze/evaluate"
	"envelope/capture/simulate"
)

// city is a simulated town as the matcher sees it, with the truth by person.
type city struct {
	events  []correlate.Event
	person  []int32 // of each device
	people  int
	inside  []bool
	from    []int32 // of each event: who wrote the message, None outside the capture
	what    []simulate.Kind
	direct  map[evaluate.Pair]int // messages, both inside
	any     map[evaluate.Pair]int
	groups  [][]int32 // members inside, of groups with three of them and five messages
	allSets [][]int32 // members inside of every group that was used
}

// cityKinds is what a frame reader takes each kind of frame for: copies for
// one's own devices look like messages that came in.
var cityKinds = map[simulate.Kind]correlate.Kind{
	simulate.KindText: correlate.Message, simulate.KindMedia: correlate.Media, simulate.KindSync: correlate.Message,
	simulate.KindFalse: correlate.Message, simulate.KindReceipt: correlate.Receipt, simulate.KindTyping: correlate.Typing,
}

// newCity plays the embedded town, changed by change.
func newCity(tb testing.TB, people int, length time.Duration, seed uint64, change func(*simulate.Town)) *city {
	tb.Helper()
	town, err := simulate.Embedded("town")
	if err != nil {
		tb.Fatal(err)
	}
	town.Crowd, town.Length = people, simulate.Span(length)
	if length < 24*time.Hour {
		town.Start = town.Start.Add(12 * time.Hour)
	}
	if change != nil {
		change(town)
	}
	p, err := town.Play(seed)
	if err != nil {
		tb.Fatal(err)
	}
	c := &city{people: p.Persons(), direct: map[evaluate.Pair]int{}, any: map[evaluate.Pair]int{}}
	for i := range p.Parties() {
		c.person = append(c.person, p.Party(int32(i)).Person)
	}
	for i := range p.Persons() {
		_, out := p.Person(int32(i))
		c.inside = append(c.inside, !out)
	}
	for s := range p.Talk() {
		c.take(&s)
	}
	c.truth(p)
	return c
}

func (c *city) take(s *simulate.Seen) {
	kind, ok := cityKinds[s.Kind]
	if !ok {
		return
	}
	e := correlate.Event{Time: s.Time, Party: s.Party, Sent: s.Sent, Kind: kind, Size: s.Size, Bulk: s.Bulk, Service: s.Service, Confidence: 0.97}
	from := s.From
	if from >= 0 && !c.inside[from] {
		from = correlate.None
	}
	c.events, c.from, c.what = append(c.events, e), append(c.from, from), append(c.what, s.Kind)
}

func (c *city) truth(p *simulate.Play) {
	for _, x := range p.Pairs() {
		if x.Messages > 0 && c.inside[x.A] && c.inside[x.B] {
			c.direct[evaluate.PairOf(x.A, x.B)] += int(x.Messages)
			c.any[evaluate.PairOf(x.A, x.B)] += int(x.Messages)
		}
	}
	for _, g := range p.Groups() {
		if g.Messages == 0 {
			continue
		}
		in := slices.DeleteFunc(slices.Clone(g.Members), func(m int32) bool { return !c.inside[m] })
		c.allSets = append(c.allSets, in)
		if len(in) >= 3 && g.Messages >= 5 {
			c.groups = append(c.groups, in)
		}
		for i, a := range in {
			for _, b := range in[i+1:] {
				c.any[evaluate.PairOf(a, b)] += int(g.Messages)
			}
		}
	}
}

// verdict is how well a result agrees with a city.
type verdict struct {
	precision, recall float64 // of direct contacts at 0.9; recall of those with ten messages
	wrong, expected   float64 // of these contacts
	sharing, self     int     // of the wrong ones: that share a group, that are one person
	hit1, tpr, auc    float64
	brier             float64
	groups, spurious  int
	jaccard           float64
	attribP, attribR  float64
	outside           float64 // share of the messages from outside that got a source inside
	same, wrongSame   int
	anyP              float64
	scores            map[evaluate.Pair]float64
}

func (c *city) judge(res *correlate.Result) verdict {
	v := verdict{scores: map[evaluate.Pair]float64{}}
	right, said, anyRight, anySaid := 0., 0., 0., 0.
	for _, x := range res.Contacts {
		a, b := c.person[x.A], c.person[x.B]
		p := evaluate.PairOf(a, b)
		if x.Confidence >= 0.9 {
			anySaid++
			if c.any[p] > 0 {
				anyRight++
			}
		}
		if x.Via != "direct" {
			continue
		}
		if a != b {
			v.scores[p] = max(v.scores[p], x.Confidence)
		}
		if x.Confidence < 0.9 {
			continue
		}
		said++
		v.expected += 1 - x.Confidence
		switch {
		case c.direct[p] > 0:
			right++
		case a == b:
			v.self++
		case c.any[p] > 0:
			v.sharing++
		}
	}
	v.precision, v.wrong, v.anyP = right/max(1, said), said-right, anyRight/max(1, anySaid)
	found, all := 0., 0.
	for p, n := range c.direct {
		if n >= 10 {
			all++
			if v.scores[p] >= 0.9 {
				found++
			}
		}
	}
	v.recall = found / max(1, all)
	c.rank(&v)
	c.judgeGroups(res, &v)
	c.judgeEvents(res, &v)
	for _, s := range res.Same {
		for _, d := range s[1:] {
			if c.person[d] == c.person[s[0]] {
				v.same++
			} else {
				v.wrongSame++
			}
		}
	}
	return v
}

func (c *city) total() int {
	n := 0
	for _, in := range c.inside {
		if in {
			n++
		}
	}
	return n * (n - 1) / 2
}

func (c *city) rank(v *verdict) {
	r := evaluate.Pairs(v.scores, c.direct, c.total())
	v.tpr, _ = r.TPRAt(1e-3)
	v.auc, _ = r.AUC()
	if h := evaluate.HitRate(v.scores, c.direct, nil, 1); h != nil {
		v.hit1 = h[0]
	}
	for p, s := range v.scores {
		y := 0.
		if c.direct[p] > 0 {
			y = 1
		}
		v.brier += (s - y) * (s - y) / max(1, float64(len(v.scores)))
	}
}

func (c *city) judgeGroups(res *correlate.Result, v *verdict) {
	best := make([]float64, len(c.groups))
	for _, g := range res.Groups {
		var who []int32
		for _, m := range g.Members {
			if p := c.person[m.Party]; !slices.Contains(who, p) {
				who = append(who, p)
			}
		}
		top := 0.
		for _, want := range c.allSets {
			top = max(top, overlap(who, want))
		}
		for i, want := range c.groups {
			best[i] = max(best[i], overlap(who, want))
		}
		v.groups++
		if top < 0.5 {
			v.spurious++
		}
	}
	for _, b := range best {
		v.jaccard += b / float64(len(best))
	}
}

// overlap is the Jaccard index.
func overlap(x, y []int32) float64 {
	both := 0.
	for _, p := range x {
		if slices.Contains(y, p) {
			both++
		}
	}
	return both / max(1, float64(len(x)+len(y))-both)
}

func (c *city) judgeEvents(res *correlate.Result, v *verdict) {
	var in, told, right, out, named float64
	for i, e := range c.events {
		if e.Sent || c.what[i] != simulate.KindText && c.what[i] != simulate.KindMedia {
			continue
		}
		p := res.Peers[i].Party
		if c.from[i] == correlate.None {
			if out++; p != correlate.None {
				named++
			}
			continue
		}
		if in++; p != correlate.None {
			if told++; c.person[p] == c.from[i] {
				right++
			}
		}
	}
	v.attribP, v.attribR, v.outside = right/max(1, told+named), right/max(1, in), named/max(1, out)
}

// TestCities scores the matcher on the embedded town: a thousand people for a
// day, three messengers, sleeping phones, computers, three in ten people
// outside. Floors lie a little below what was measured.
func TestCities(t *testing.T) {
	seeds := []uint64{1, 2, 3}
	if testing.Short() {
		seeds = seeds[:1]
	}
	for _, seed := range seeds {
		c := newCity(t, 1000, 24*time.Hour, seed, nil)
		v := c.judge(correlate.Correlate(c.events, len(c.person), correlate.Options{}))
		ranked := c.judge(correlate.Correlate(c.events, len(c.person), correlate.Options{Level: 1e-4}))
		t.Logf("seed %d: %s; TPR at 1e-3 with all pairs ranked %.3f; reliability%s", seed, v.String(), ranked.tpr, c.reliability(v))
		if v.precision < 0.98 || v.recall < 0.96 || v.hit1 < 0.96 || v.tpr < 0.92 || ranked.tpr < 0.975 || v.attribP < 0.98 || v.wrongSame > 2 || v.same < 110 || v.spurious > 5 || v.brier > 0.025 {
			t.Errorf("seed %d: worse than the floors", seed)
		}
	}
}

// reliability lists for steps of confidence how many pairs of people were said
// to talk directly, and which share of them did.
func (c *city) reliability(v verdict) string {
	steps := []float64{0.5, 0.7, 0.9, 0.95, 0.99, 0.999, 1}
	said, right := make([]int, len(steps)), make([]int, len(steps))
	for p, s := range v.scores {
		k := 0
		for s >= steps[k+1] {
			k++
		}
		if said[k]++; c.direct[p] > 0 {
			right[k]++
		}
	}
	out := ""
	for k, n := range said[:len(said)-1] {
		out += fmt.Sprintf(" %g: %d of %d", steps[k], right[k], n)
	}
	return out
}

func (v *verdict) String() string {
	return fmt.Sprintf("precision %.3f recall %.3f; wrong %.0f, expected %.1f, share a group %d, one person %d; hit@1 %.3f TPR at 1e-3 %.3f AUC %.3f Brier %.3f; groups %d spurious %d Jaccard %.3f; sources %.3f of %.3f, outside %.3f; devices joined %d, wrongly %d; any precision %.3f",
		v.precision, v.recall, v.wrong, v.expected, v.sharing, v.self, v.hit1, v.tpr, v.auc, v.brier, v.groups, v.spurious, v.jaccard, v.attribP, v.attribR, v.outside, v.same, v.wrongSame, v.anyP)
}

// BenchmarkCities plays the embedded town for a day at several sizes, and gives
// beside the time of an event how right the result is. The largest takes minutes
// and some gigabytes: go test -bench Cities -benchtime 1x -run '^$' -timeout 1h.
func BenchmarkCities(b *testing.B) {
	for _, people := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(people), func(b *testing.B) {
			c := newCity(b, people, 24*time.Hour, 1, nil)
			var res *correlate.Result
			for b.Loop() {
				res = correlate.Correlate(c.events, len(c.person), correlate.Options{})
			}
			v := c.judge(res)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(c.events)), "ns/event")
			b.ReportMetric(float64(len(c.events)), "events")
			b.ReportMetric(v.precision, "precision")
			b.ReportMetric(v.recall, "recall")
			b.ReportMetric(v.hit1, "hit@1")
		})
	}
}
