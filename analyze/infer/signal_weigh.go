package infer

import (
	"maps"
	"math"
	"slices"

	"envelope/capture"
)

// habits is what one side of a talk usually does, learned from the talk.
type habits struct {
	delivered float64 // share of messages it answers at once
	read      float64 // share of these that it sends a read receipt for
	announced float64 // share of its texts that a typing notice precedes
	synced    float64 // share of its texts that it copies to its own devices
	rate      float64 // things it begins, per second
}

// dialogue is the requests between two, in order of time.
type dialogue struct {
	law    *signalLaw
	list   []request
	seen   [2]bool // whose own connection is in the capture
	habits [2]habits
	end    capture.Time
	sizes  *sizeTable
}

// learnRounds is how often habits and sizes are learned: they settle in three.
const learnRounds = 3

// weigh gives for every unit the probabilities of its meanings.
func (x *signalTalk) weigh() [][meanings]float64 {
	all, lives := x.talks(), x.lives()
	var talks []*dialogue
	for _, way := range slices.SortedFunc(maps.Keys(all), func(a, b pairing) int { return slices.Compare(a[:], b[:]) }) {
		talks = append(talks, x.newTalk(way, all[way], lives))
	}
	table := newSizeTable(x.law, talks)
	var read []reading
	for round := range learnRounds {
		read = read[:0]
		for _, t := range talks {
			t.sizes = table
			if round == 0 {
				t.sizes = newSizeTable(x.law, nil)
			}
			read = append(read, t.read())
		}
		table.clear()
		usual := x.law.usual(talks, read)
		for k, t := range talks {
			t.learn(&usual, &read[k])
			for i := range t.list {
				table.add(t.list[i].size, &read[k].p[i])
			}
		}
	}
	return x.collect(talks, read)
}

// collect gives each unit the mean of what its talks say: a message to a group
// is in several.
func (x *signalTalk) collect(talks []*dialogue, read []reading) [][meanings]float64 {
	out := make([][meanings]float64, len(x.units))
	count := make([]float64, len(x.units))
	for k, t := range talks {
		for i := range t.list {
			for _, id := range t.list[i].ids {
				if id < 0 {
					continue
				}
				count[id]++
				for m, p := range read[k].p[i] {
					out[id][m] += (p - out[id][m]) / count[id]
				}
			}
		}
	}
	return out
}

// newTalk makes a dialogue with the habits that are presumed at first.
func (x *signalTalk) newTalk(way pairing, list []request, lives []life) *dialogue {
	t := &dialogue{law: x.law, list: list, seen: [2]bool{way[0] >= 0, way[1] >= 0}}
	span := life{list[0].at(), list[len(list)-1].at()}
	for _, who := range way {
		if who >= 0 {
			span.first, span.last = min(span.first, lives[who].first), max(span.last, lives[who].last)
		}
	}
	t.end = span.last
	for s := range t.habits {
		n := 1.0
		for i := range list {
			if int(list[i].side) == s {
				n += x.law.ActsOfRequests
			}
		}
		t.habits[s] = habits{delivered: t.delivery(uint8(s)).Share, read: x.law.Read.Share, announced: x.law.Announced.Share,
			synced: x.law.Synced.Share, rate: n / max(1, span.last.Sub(span.first).Seconds())}
	}
	return t
}

// life is the time in which a client was connected.
type life struct {
	first, last capture.Time
}

// lives gives the time in which each client was connected.
func (x *signalTalk) lives() []life {
	out := make([]life, len(x.clients))
	for i := range out {
		out[i].first = math.MaxInt64
	}
	for i, c := range x.conns {
		l := &out[x.who[i]]
		l.first, l.last = min(l.first, c.Flow.First), max(l.last, c.Flow.Last)
	}
	return out
}

// delivery is the law of receipts by one side.
func (t *dialogue) delivery(side uint8) *following {
	if t.seen[side] {
		return &t.law.DeliveredNear
	}
	return &t.law.DeliveredFar
}

// usual is the law with what people of the capture do on the mean.
func (law *signalLaw) usual(talks []*dialogue, read []reading) signalLaw {
	out := *law
	var sum [doings]float64
	for k := range talks {
		for s := range read[k].count {
			for d, n := range read[k].count[s] {
				sum[d] += n
			}
		}
	}
	texts := sum[didText] + sum[didCompose]
	out.Read.Share = law.Read.learned(sum[didRead], sum[didDeliver])
	out.Announced.Share = law.Announced.learned(sum[didType], sum[didType]+sum[didText])
	out.Synced.Share = law.Synced.learned(sum[didSync], texts)
	return out
}

// learn takes the habits of both sides from a reading.
func (t *dialogue) learn(usual *signalLaw, r *reading) {
	for s := range t.habits {
		h, n, o := &t.habits[s], &r.count[s], &r.count[1-s]
		h.delivered = t.delivery(uint8(s)).learned(n[didDeliver], o[didText]+o[didCompose])
		h.read = usual.Read.learned(n[didRead], n[didDeliver])
		h.announced = usual.Announced.learned(n[didType], n[didType]+n[didText])
		h.synced = usual.Synced.learned(n[didSync], n[didText]+n[didCompose])
	}
}

// learned is a share after some observations.
func (f *following) learned(hits, of float64) float64 {
	p := (f.Share*f.Weight + min(hits, of)) / (f.Weight + of)
	return min(max(p, 0.01), 0.99)
}

// density is the probability per second of a delay in seconds.
func (f *following) density(s float64) float64 {
	if s <= 0 || s > f.WindowS {
		return 0
	}
	z := math.Log(s/f.MedianS) / f.Spread
	return math.Exp(-z*z/2) / (s * f.Spread * math.Sqrt(2*math.Pi))
}

// sizeTable is what sizes requests of each meaning have, learned from the
// capture as a whole: flags and names make a difference of some bytes.
type sizeTable struct {
	law   *signalLaw
	kinds [2]map[int16]bool // by end: exact short sizes that were seen
	short [meanings][2]float64
	count [2]map[int16]*[meanings]float64
	sum   [2][meanings]float64
}

func newSizeTable(law *signalLaw, talks []*dialogue) *sizeTable {
	t := &sizeTable{law: law, kinds: [2]map[int16]bool{{}, {}}}
	t.clear()
	for _, k := range talks {
		for i := range k.list {
			for end, s := range k.list[i].size {
				if s >= 0 {
					t.kinds[end][s] = true
				}
			}
		}
	}
	return t
}

// clear forgets what was learned, but not which sizes there are.
func (t *sizeTable) clear() {
	t.count, t.sum = [2]map[int16]*[meanings]float64{{}, {}}, [2][meanings]float64{}
	for m, name := range meaningNames {
		t.short[m] = [2]float64{t.law.Short[name] * t.law.ShortWeight, t.law.ShortWeight}
	}
}

// add counts a request with the probabilities of its meanings.
func (t *sizeTable) add(s sizes, p *[meanings]float64) {
	for m := range p {
		t.short[m][1] += p[m]
		if !s.long() {
			t.short[m][0] += p[m]
		}
	}
	for end, n := range s {
		if n < 0 {
			continue
		}
		if t.count[end][n] == nil {
			t.count[end][n] = new([meanings]float64)
		}
		for m := range p {
			t.count[end][n][m] += p[m]
			t.sum[end][m] += p[m]
		}
	}
}

// likelihood gives for each meaning the probability of a size, up to a factor
// common to all. Given that it is short, what flags add at one end is taken to
// be independent of what they add at the other.
func (t *sizeTable) likelihood(s sizes) [meanings]float64 {
	var out [meanings]float64
	for m := range out {
		if out[m] = t.short[m][0] / t.short[m][1]; s.long() {
			out[m] = 1 - out[m]
		}
		for end, n := range s {
			if c := t.count[end][n]; c != nil {
				w, k := t.law.SizeWeight, float64(len(t.kinds[end]))
				out[m] *= (w + k*c[m]) / (w + t.sum[end][m])
			}
		}
	}
	return out
}
