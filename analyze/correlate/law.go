package correlate

import (
	"math"
	"math/bits"
	"slices"
	"time"

	"envelope/capture"
)

// law is how a messenger passes a message on, as densities against chance: how
// long it takes, by how much it grows, whether its kind is kept, and how the
// bytes of an attachment at one end compare with those at the other.
type law struct {
	lag      []float64 // of each lag bin: probability a second
	grow     table
	kind     [2][2]float64 // likelihood ratio by kind sent and received
	bulk     table
	inside   float64       // share of received messages that have a source inside
	reach    time.Duration // longest lag that is worth looking at
	back     time.Duration // how far a received message may precede the sent one: told times that are off, clocks of several inputs
	unproven bool          // the excess over chance was not more than luck gives
}

const (
	// longest is the longest delay of a receiver that is there: more than any
	// delay that was measured in a lab (3.4 s) or published (15 s is the
	// largest that the NDSS 2020 detector tries, mostly for uploads).
	longest = 10 * time.Second
	// lagUnit and lagOctave set the bins of lags: an eighth of an octave wide
	// above a few milliseconds.
	lagUnit   = 4 * time.Millisecond
	lagOctave = 8
	// slack is how far clocks of two inputs may still be apart.
	slack = 60 * time.Millisecond
	// early is by how much what is told of a received message may precede what is
	// told of the sent one: logs give times to the second. Nobody answers sooner.
	early = time.Second

	// lagZero is the bin of no lag, lagBins the number of bins from -early to
	// longest.
	lagZero = 64
	lagBins = lagZero + 91
)

// lagFrom is the least delay of each bin from lagZero on.
var lagFrom = func() (out [lagBins]time.Duration) {
	for b := lagZero; b < lagBins; b++ {
		out[b] = time.Duration(math.Ceil((math.Exp2(float64(b-lagZero)/lagOctave) - 1) * float64(lagUnit)))
	}
	return out
}()

// lagEighths gives the eighth of its octave that a number lies in, by the first
// five bits behind its leading one; some belong to the next one.
var lagEighths = func() (out [32]uint8) {
	for i := range out {
		out[i] = uint8(lagOctave * math.Log2(1+float64(i)/float64(len(out))))
	}
	return out
}()

func lagBin(d time.Duration) int {
	if d < 0 {
		return max(0, lagZero-1-int(lagOctave*math.Log2(1+float64(-d)/float64(lagUnit))))
	}
	bits := math.Float64bits(1 + float64(d)/float64(lagUnit))
	b := lagZero + lagOctave*(int(bits>>52)-1023) + int(lagEighths[bits>>47&31])
	if b < lagBins-1 && d >= lagFrom[b+1] {
		b++
	}
	return min(lagBins-1, b)
}

// lagWidths gives the width of each bin in seconds.
func lagWidths() []float64 {
	edge := func(k int) float64 { return math.Exp2(float64(k)/lagOctave) - 1 }
	out := make([]float64, lagBins)
	for b := range out {
		k := b - lagZero
		if k < 0 {
			k = -k - 1
		}
		out[b] = (edge(k+1) - edge(k)) * seconds(lagUnit)
	}
	return out
}

// pairing is one sent and one received message of which the law may hold.
type pairing struct {
	lag   int16
	kinds int8 // 2*sent + received
	class int8
	known bool // sizes of both are known
	bulks bool
	grow  int32
	bulk  float32
}

// pairingOf reads off what the law looks at.
func pairingOf(s, r *mark) pairing {
	p := sizesOf(s, r)
	p.lag = int16(lagBin(r.at.Sub(s.at)))
	return p
}

// sizesOf is pairingOf without the lag.
func sizesOf(s, r *mark) pairing {
	p := pairing{kinds: int8(2*s.kind + r.kind)}
	if p.known = s.size > 0 && r.size > 0; p.known {
		p.grow, p.class = r.size-s.size, sizeClass(s.size)
	}
	if p.bulks = s.bulk > 0 && r.bulk > 0; p.bulks {
		p.bulk = r.bulk - s.bulk
	}
	return p
}

// sizeClass is the octave of a size: how much a message grows depends on how
// large it is, where larger ones are for more people or differently packed.
func sizeClass(size int32) int8 {
	return int8(min(classes-1, bits.Len32(uint32(size))-1))
}

// sampleRoom bounds the pairs that the law is learned from, so that learning
// costs the same in a crowd as among a few.
const sampleRoom = 1 << 17

// sample gives for a spread choice of received messages all pairings within
// the longest lag; shift moves the received messages in time, within the
// capture, to learn what chance makes. A mirrored sample pairs them with what
// was sent afterwards, by more than told times may be off: that cannot be their
// source, but shows as much of the rhythm in which people write as what was sent
// before.
func (n *net) sample(step int, shift time.Duration, mirrored bool) [][]pairing {
	var out [][]pairing
	var list, room []pairing
	span := n.last.Sub(n.first) + 1
	for i := step / 2; i < len(n.recv); i += step {
		r := n.recv[i]
		if shift != 0 {
			r.at = n.first.Add((r.at.Sub(n.first) + shift) % span)
		}
		from, to := r.at.Add(-longest), r.at.Add(early)
		if mirrored {
			from, to = r.at.Add(early), r.at.Add(longest)
		}
		k, _ := slices.BinarySearchFunc(n.sent, from, func(s mark, t capture.Time) int { return int(s.at.Sub(t)) })
		list = list[:0]
		for ; k < len(n.sent) && n.sent[k].at <= to; k++ {
			s := n.sent[k]
			if mirrored {
				s.at = r.at.Add(-s.at.Sub(r.at))
			}
			if n.possible(&s, &r) {
				list = append(list, pairingOf(&s, &r))
			}
		}
		if len(room) < len(list) {
			room = make([]pairing, max(len(list), pairingRoom))
		}
		k = copy(room, list)
		out, room = append(out, room[:k:k]), room[k:]
	}
	return out
}

// pairingRoom is for how many pairings room is made at once: of lists that grow one
// by one most of the memory is what they outgrew.
const pairingRoom = 1 << 12

// possible tells whether s may be the source of r: another party. By how much it
// may be told of later is for the law to say.
func (n *net) possible(s, r *mark) bool {
	return s.party != r.party
}

// learn finds the law of this messenger.
func (n *net) learn() *law {
	span := max(n.last.Sub(n.first), time.Second)
	crowd := float64(len(n.sent)) * math.Min(1, seconds(longest)/seconds(span))
	step := max(1, int(float64(len(n.recv))*(1+crowd)/sampleRoom))
	var chance [][]pairing
	for _, d := range rotations(span, chanceRounds) {
		chance = append(chance, n.sample(step, d, false)...)
	}
	base := newBase(chance, n.sample(step, 0, true))
	l, gain := base.fit(n.sample(step, 0, false))
	// The same learning on rotated clocks says what luck alone would give.
	luck := 0.0
	per := len(chance) / chanceRounds
	for k := range min(3, chanceRounds) {
		_, g := base.fit(chance[k*per : (k+1)*per])
		// Where the first rotation decides it by far, the rest change nothing.
		if luck = max(luck, g); gain < proof(luck) || gain > 5*luck+50 {
			break
		}
	}
	if gain < proof(luck) {
		l = base.broad()
		l.unproven = true
	}
	l.setReach(base.width)
	return l
}

// proof is the gain that a law must bring where luck brings so much: with nobody
// inside who writes to anybody inside, 5 of 20 simulated towns came to between 1.5
// and 2.6 times of it; in the recorded labs, of which only some clients are looked
// at, where some talk to each other it is 3 times and more.
func proof(luck float64) float64 { return 2*luck + 10 }

// chanceRounds is how many rotated samples make the chance level.
const chanceRounds = 6

// rotations gives n offsets, spread over the capture but for its ends, by which
// clocks are rotated. In long captures they stay within an hour or so, in which
// the traffic of a day keeps its shape.
func rotations(span time.Duration, n int) []time.Duration {
	least := min(2*longest, span/8)
	most := min(span-least, least+time.Hour)
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = least + time.Duration(float64(most-least)*(float64(i)+0.5)/float64(n))
	}
	return out
}

// base is the chance level of pairings.
type base struct {
	width []float64 // of each lag bin, in seconds
	lag   []float64 // pairings expected for one received message, by bin
	all   float64
	grow  *counts
	bulk  *counts
	kinds [4]float64
}

// newBase takes sizes and kinds from rotated clocks; of lags, the greater of
// what these and what the mirror shows.
func newBase(chance, mirror [][]pairing) *base {
	b := &base{width: lagWidths(), lag: make([]float64, lagBins), grow: newCounts(growth()), bulk: newCounts(bulkRatio())}
	per := 1 / float64(max(1, len(chance)))
	for _, list := range chance {
		for i := range list {
			p := &list[i]
			b.lag[p.lag] += per
			b.all += per
			b.kinds[p.kinds]++
			if p.known {
				b.grow.add(p.class, float64(p.grow), 1)
			}
			if p.bulks {
				b.bulk.add(0, float64(p.bulk), 1)
			}
		}
	}
	b.lag = smooth(b.lag)
	back := make([]float64, lagBins)
	for _, list := range mirror {
		for i := range list {
			back[list[i].lag] += 1 / float64(len(mirror))
		}
	}
	for i, x := range smooth(back) {
		b.lag[i] = max(b.lag[i], x)
	}
	// Where chance is rarely seen it is not never.
	for i := range b.lag {
		b.lag[i] += b.all / seconds(longest) * b.width[i] * 0.1
	}
	return b
}

// fitRounds is the number of rounds in which the law settles.
const fitRounds = 12

// fit learns the law by expectation-maximisation: which pairing of each
// received message is the true one, if any, and how the true ones look. It
// also gives the gain in log likelihood over chance alone.
func (b *base) fit(real [][]pairing) (*law, float64) {
	l := b.excess(real)
	gain := 0.0
	var fits []float64
	// The law of a round is read from its counts in the next one.
	grow, bulk := newCounts(growth()), newCounts(bulkRatio())
	nextGrow, nextBulk := newCounts(growth()), newCounts(bulkRatio())
	for range fitRounds {
		grow, nextGrow, bulk, nextBulk = nextGrow, grow, nextBulk, bulk
		grow.clear()
		bulk.clear()
		lag := make([]float64, lagBins)
		var kinds [4]float64
		var sum float64
		gain = 0
		for _, list := range real {
			all := 1 - l.inside
			fits = fits[:0]
			for i := range list {
				w := l.inside * b.ratio(l, &list[i])
				fits = append(fits, w)
				all += w
			}
			gain += math.Log(all)
			for i := range list {
				p := &list[i]
				w := fits[i] / all
				if w < 1e-6 {
					continue
				}
				sum += w
				lag[p.lag] += w
				kinds[p.kinds] += w
				if p.known {
					grow.add(p.class, float64(p.grow), w)
				}
				if p.bulks {
					bulk.add(0, float64(p.bulk), w)
				}
			}
		}
		b.update(l, lag, kinds, grow, bulk)
		l.inside = math.Min(0.98, (sum+0.1)/(float64(len(real))+1))
	}
	return l, gain
}

// ratio is how much likelier a pairing is for a true one than for chance.
func (b *base) ratio(l *law, p *pairing) float64 {
	return l.lag[p.lag] * b.width[p.lag] / (b.lag[p.lag] + 1e-9) * l.likeness(p)
}

// likeness is the ratio by all but the lag.
func (l *law) likeness(p *pairing) float64 {
	x := l.kind[p.kinds/2][p.kinds%2]
	if p.known {
		x *= l.grow.ratioOf(p.class, l.grow.bytesBin(p.grow))
	}
	if p.bulks {
		x *= l.bulk.at(0, float64(p.bulk))
	}
	return x
}

// excess is the law to begin with: by lag alone, what is more than chance.
func (b *base) excess(real [][]pairing) *law {
	lag := make([]float64, lagBins)
	per := 1 / float64(max(1, len(real)))
	for _, list := range real {
		for i := range list {
			lag[list[i].lag] += per
		}
	}
	lag = smooth(lag)
	for i := range lag {
		noise := math.Sqrt(b.lag[i]*per) + per/2
		lag[i] = math.Max(0, lag[i]-b.lag[i]-noise)
	}
	l := &law{lag: b.density(lag), inside: 0.5, kind: [2][2]float64{{1, 1}, {1, 1}}}
	return l
}

// update sets the law from weighted counts of true pairings.
func (b *base) update(l *law, lag []float64, kinds [4]float64, grow, bulk *counts) {
	l.lag = oneHumped(b.density(smooth(lag)), b.width)
	var sum, all float64
	for k := range kinds {
		sum += kinds[k]
		all += b.kinds[k]
	}
	for k := range kinds {
		true, chance := (kinds[k]+4*(b.kinds[k]+1)/(all+4))/(sum+4), (b.kinds[k]+1)/(all+4)
		l.kind[k/2][k%2] = true / chance
	}
	l.grow = grow.against(b.grow)
	l.bulk = bulk.against(b.bulk)
}

// broad is a law that presumes little: an answer within seconds, sizes as they
// come.
func (b *base) broad() *law {
	l := &law{lag: b.density(make([]float64, lagBins)), inside: 0.5, kind: [2][2]float64{{1, 1}, {1, 1}}}
	return l
}

// density makes probabilities a second of weights by bin, with a few messages'
// worth of a law that knows nothing but that delays of 5 ms to 3 s are usual.
func (b *base) density(lag []float64) []float64 {
	const prior = 0.5
	lo, hi := lagBin(5*time.Millisecond), lagBin(3*time.Second)
	var sum float64
	for _, w := range lag {
		sum += w
	}
	scale := 1.0
	if sum > 0 && sum < 1 { // shares rather than counts
		scale = 20 / sum
	}
	out := make([]float64, len(lag))
	for i, w := range lag {
		w *= scale
		if i >= lo && i <= hi {
			w += prior / float64(hi-lo+1)
		}
		out[i] = w / (sum*scale + prior) / b.width[i]
	}
	return out
}

// oneHumped takes from densities what rises again away from the most common delay.
// Servers pass on what they get in one way; a second hump is the time that people
// take to answer, of whom those outside are seen by their answers only.
func oneHumped(density, width []float64) []float64 {
	top, most := 0, 0.0
	for b, d := range density {
		if d*width[b] > most {
			top, most = b, d*width[b]
		}
	}
	for b := top + 1; b < len(density); b++ {
		density[b] = math.Min(density[b], density[b-1])
	}
	for b := top - 1; b >= 0; b-- {
		density[b] = math.Min(density[b], density[b+1])
	}
	return density
}

// smooth spreads counts over neighbouring bins: delays vary smoothly on a
// scale of a quarter of an octave.
func smooth(x []float64) []float64 {
	kernel := [...]float64{1. / 9, 2. / 9, 3. / 9, 2. / 9, 1. / 9}
	out := make([]float64, len(x))
	for i, w := range x {
		for k, f := range kernel {
			out[min(max(i+k-2, 0), len(x)-1)] += w * f
		}
	}
	return out
}

// beyondReach is the share of messages that take longer than the law's reach.
const beyondReach = 0.003

// setReach bounds the lags.
func (l *law) setReach(width []float64) {
	var tail float64
	b := lagBins - 1
	for ; b > lagZero; b-- {
		if tail += l.lag[b] * width[b]; tail > beyondReach {
			break
		}
	}
	var until float64
	for i := lagZero; i <= b; i++ {
		until += width[i]
	}
	l.reach = min(longest, time.Duration(until*1.2*float64(time.Second)))
	for i := range lagZero {
		if l.back > 0 || l.lag[i]*width[i] > 1e-4 {
			l.back += time.Duration(width[i] * float64(time.Second))
		}
	}
}
