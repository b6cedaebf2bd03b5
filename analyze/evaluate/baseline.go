package evaluate

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"

	"envelope/analyze"
	"envelope/capture"
)

//go:embed data/baselines.json
var baselinesJSON []byte

// baselineSet is the file of the published methods.
type baselineSet struct {
	Date      string     `json:"date"`
	Baselines []Baseline `json:"baselines"`
}

// Baseline is a published method of finding out who talked to whom, with the
// parameters that it ran with.
type Baseline struct {
	ID         string             `json:"id"`
	Name       string             `json:"name"`
	Method     string             `json:"method"`
	Source     string             `json:"source"`
	Adapted    string             `json:"adapted"`
	Parameters map[string]float64 `json:"parameters"`
}

// Method is a baseline that can be run.
type Method struct {
	Baseline
	prepare func([]Stream) scorer
}

// scorer makes one person ready and gives the score of any other with it.
type scorer func(a int32) func(b int32) float64

// Sighting is one message as the wire shows it.
type Sighting struct {
	Time  capture.Time
	Bytes uint64
}

// Stream is what one person sent and received, each in order of time: all that
// a baseline gets to see.
type Stream struct{ Sent, Received []Sighting }

// quiet tells that a person did nothing.
func (s *Stream) quiet() bool { return len(s.Sent)+len(s.Received) == 0 }

// Baselines gives the published methods in their fixed order. The error is
// about the data that are built into this package.
func Baselines() ([]Method, error) {
	set, err := loadBaselines()
	if err != nil {
		return nil, err
	}
	return set.methods(), nil
}

func loadBaselines() (*baselineSet, error) {
	dec := json.NewDecoder(bytes.NewReader(baselinesJSON))
	dec.DisallowUnknownFields()
	set := &baselineSet{}
	if err := dec.Decode(set); err != nil {
		return nil, fmt.Errorf("data/baselines.json: %w", err)
	}
	for _, b := range set.Baselines {
		if b.prepare() == nil {
			return nil, fmt.Errorf("data/baselines.json: %s: unknown method %q", b.ID, b.Method)
		}
	}
	return set, nil
}

func (s *baselineSet) methods() []Method {
	var out []Method
	for _, b := range s.Baselines {
		out = append(out, Method{b, b.prepare()})
	}
	return out
}

// prepare is the method with its parameters, nil where it is not known.
func (b *Baseline) prepare() func([]Stream) scorer {
	p := b.Parameters
	switch b.Method {
	case "event-matching":
		return eventMatching{delta: inSeconds(p["delta_s"]), gamma: p["gamma"], merge: inSeconds(p["channel_merge_s"]), gap: inSeconds(p["burst_gap_s"])}.prepare
	case "shape-matching":
		return shapeMatching{bar: p["bar_s"], window: p["window_s"], step: p["delay_step_s"], delays: int(p["delays"])}.prepare
	case "wavelet-correlation":
		return waveletCorrelation{bin: inSeconds(p["bin_s"]), levels: int(p["levels"])}.prepare
	case "count-correlation":
		return countCorrelation{window: inSeconds(p["window_s"]), shift: inSeconds(p["shift_s"]), shifts: int(p["shifts"])}.prepare
	}
	return nil
}

// inSeconds is a parameter as a distance of times.
func inSeconds(s float64) capture.Time { return capture.Time(s * 1e9) }

// Score gives the score of every pair with at least one end in the sample;
// pairs with a score of 0 are left out. Time grows with the size of the sample
// times the number of people and of their sightings.
func (m *Method) Score(streams []Stream, sample []int32) map[Pair]float64 {
	out := map[Pair]float64{}
	score := m.prepare(streams)
	done := make([]bool, len(streams))
	for _, a := range sample {
		done[a] = true
		if streams[a].quiet() {
			continue
		}
		with := score(a)
		for b := range int32(len(streams)) {
			if done[b] || streams[b].quiet() {
				continue
			}
			if s := with(b); s != 0 {
				out[PairOf(a, b)] = s
			}
		}
	}
	return out
}

// Bounds of one comparison: all pairs of a thousand people, and as many
// sightings looked at as a few seconds allow for.
const (
	maxPairs = 500_000
	maxWork  = 500_000_000
)

// SampleOf chooses the people whose pairs with everybody the baselines look at:
// all of up to a thousand, else as many as the bounds allow, at least one. The
// choice does not depend on what the people did.
func SampleOf(streams []Stream) []int32 {
	total := 0
	order := make([]int32, len(streams))
	for i := range streams {
		total += len(streams[i].Sent) + len(streams[i].Received)
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(scatter(uint64(a)), scatter(uint64(b))) })
	pairs, work := 0, 0
	for i, p := range order {
		pairs += len(streams) - 1 - i
		work += len(streams)*(len(streams[p].Sent)+len(streams[p].Received)) + total
		if i > 0 && (pairs > maxPairs || work > maxWork) {
			order = order[:i]
			break
		}
	}
	slices.Sort(order)
	return order
}

// scatter is the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): a
// fixed order that has nothing to do with the indices.
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Ranked is how well one method ranks pairs.
type Ranked struct {
	ID     string         `json:"id"`
	Any    RankingFigures `json:"contacts_any"`
	Direct RankingFigures `json:"contacts_direct"`
}

// SampleOfPairs is what the baselines looked at: every pair of these people
// with anybody.
type SampleOfPairs struct {
	People int `json:"people"`
	Of     int `json:"of"`
	Pairs  int `json:"pairs"`
}

// compare runs the methods on the messages of the report.
func (r *Run) compare(rep *analyze.Report, n *naming, k *talk, c *claims, methods []Method) {
	streams := streamsOf(rep, n, k.who)
	sample := SampleOf(streams)
	v := view{k: k, who: sample, within: make([]bool, k.who)}
	for _, p := range sample {
		v.within[p] = true
	}
	s := len(sample)
	v.total = s*(k.who-s) + s*(s-1)/2
	r.Sample = &SampleOfPairs{s, k.who, v.total}
	for _, m := range methods {
		scores := m.Score(streams, sample)
		r.Baselines = append(r.Baselines, v.ranked(m.ID, scores, scores))
	}
	if s < k.who {
		same := v.ranked("report", c.any, c.direct)
		r.Same = &same
	}
}

// streamsOf are the messages and media of a report by person.
func streamsOf(rep *analyze.Report, n *naming, people int) []Stream {
	out := make([]Stream, people)
	for _, direction := range []string{"sent", "received"} {
		events, _ := messageEvents(rep, n, direction)
		for who, list := range events {
			s := &out[who].Sent
			if direction == "received" {
				s = &out[who].Received
			}
			for _, e := range list {
				*s = append(*s, Sighting{timeOf(e), e.Bytes})
			}
		}
	}
	return out
}

// view is the truth as far as a sample of the people shows it.
type view struct {
	k      *talk
	who    []int32
	within []bool
	total  int
}

func (v *view) ranked(id string, any, direct map[Pair]float64) Ranked {
	return Ranked{id, v.figures(any, v.k.any), v.figures(direct, v.k.direct)}
}

func (v *view) figures(scores map[Pair]float64, truth map[Pair]int) RankingFigures {
	excused := part(v, v.k.excused(truth))
	scores, truth = without(part(v, scores), excused), part(v, truth)
	return rankingFigures(Pairs(scores, truth, v.total-len(excused)), scores, truth, v.who)
}

// part is the pairs that the sample shows.
func part[V any](v *view, pairs map[Pair]V) map[Pair]V {
	out := make(map[Pair]V, len(pairs))
	for p, x := range pairs {
		if v.within[p.A] || v.within[p.B] {
			out[p] = x
		}
	}
	return out
}
