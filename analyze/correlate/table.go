package correlate

import "math"

// scale says at which resolutions a quantity is counted. Resolutions go from
// fine to coarse, each a multiple of the one before.
type scale struct {
	units  []float64 // widths of bins
	shifts []uint8   // binary logarithms of how many of the finest bins each holds
	limit  float64   // values beyond are taken as this
}

// growth counts by how many bytes a message grows on its way: from the
// granularity of length fields to "about as large".
func growth() scale {
	return scale{[]float64{growthUnit, 16, 64, 256, 1024, 8192}, []uint8{0, 2, 4, 6, 8, 11}, growthLimit}
}

// The finest bins of growth and its limit, in bytes.
const (
	growthUnit  = 4
	growthLimit = 1 << 14
)

// bulkRatio compares attachments, in octaves: from 1 per cent (framing and
// record headers) to twice.
func bulkRatio() scale { return scale{[]float64{1. / 64, 1. / 8, 1}, []uint8{0, 3, 6}, 16} }

// counts are weighted histograms of one quantity at several resolutions at
// once, by class. A narrow peak is seen by the fine ones, and where data are
// few the coarse ones still say something.
type counts struct {
	scale
	bins [classes + 1][][]float64 // by class, resolution and bin; the last class is all together
	sum  [classes + 1]float64
	mix  []float64 // weights of the resolutions
}

// classes is the number of classes; anyClass stands for all of them.
const (
	classes  = 16
	anyClass = classes
)

func newCounts(s scale) *counts {
	c := &counts{scale: s}
	c.open(anyClass)
	// The coarse ones only catch what the fine ones miss.
	var sum float64
	for u := range s.units {
		c.mix = append(c.mix, math.Exp2(-float64(u)/2))
		sum += c.mix[u]
	}
	for u := range c.mix {
		c.mix[u] /= sum
	}
	return c
}

// open makes room for a class.
func (c *counts) open(class int) {
	if c.bins[class] != nil {
		return
	}
	c.bins[class] = make([][]float64, len(c.units))
	for u, width := range c.units {
		c.bins[class][u] = make([]float64, int(2*c.limit/width)+1)
	}
}

// clear takes all counts back.
func (c *counts) clear() {
	for _, class := range c.bins {
		for _, bins := range class {
			clear(bins)
		}
	}
	clear(c.sum[:])
}

// bin gives the finest bin of a value.
func (s *scale) bin(x float64) int {
	return int((max(-s.limit, min(s.limit, x)) + s.limit) / s.units[0])
}

// bytesBin is bin for a scale in bytes, as growth.
func (s *scale) bytesBin(x int32) int {
	return int(min(max(x, -growthLimit), growthLimit)+growthLimit) / growthUnit
}

// coarse gives the bin at resolution u that holds a finest bin.
func (s *scale) coarse(bin, u int) int { return bin >> s.shifts[u] }

func (c *counts) add(class int8, x, w float64) {
	c.open(int(class))
	b := c.bin(x)
	for u := range c.units {
		k := c.coarse(b, u)
		c.bins[class][u][k] += w
		c.bins[anyClass][u][k] += w
	}
	c.sum[class] += w
	c.sum[anyClass] += w
}

// density is the mean of the densities that the resolutions give, of a class
// as far as it is known and of all classes otherwise.
func (c *counts) density(class, bin int) float64 {
	const floor = 1.0 // one observation spread over all values
	const lend = 8.0  // a class borrows from all as if these many were observed
	var all, own float64
	for u, width := range c.units {
		k := c.coarse(bin, u)
		all += c.mix[u] * c.bins[anyClass][u][k] / width
		if c.bins[class] != nil {
			own += c.mix[u] * c.bins[class][u][k] / width
		}
	}
	all = (all + floor/(2*c.limit)) / (c.sum[anyClass] + floor)
	return (own + lend*all) / (c.sum[class] + lend)
}

// table gives likelihood ratios of one quantity, by class and finest bin. An
// empty one prefers nothing. A ratio is worked out when it is first asked for:
// few of the bins ever are.
type table struct {
	scale
	seen, chance *counts
	ratio        [classes][]float32 // 0 where not asked for yet
}

// Bounds of what one quantity may say by itself.
const (
	leastRatio = 1e-3
	mostRatio  = 1e3
)

// against sets true counts against those by chance; neither may change any more.
func (c *counts) against(base *counts) table {
	return table{scale: c.scale, seen: c, chance: base}
}

// at is the likelihood ratio of value x in a class.
func (t *table) at(class int8, x float64) float64 {
	if t.seen == nil {
		return 1
	}
	return t.ratioOf(class, t.bin(x))
}

// ratioOf is the likelihood ratio of a finest bin in a class.
func (t *table) ratioOf(class int8, bin int) float64 {
	if list := t.ratio[class]; list != nil && list[bin] != 0 {
		return float64(list[bin])
	}
	return t.work(class, bin)
}

// work finds a ratio that was not asked for before.
func (t *table) work(class int8, bin int) float64 {
	if t.seen == nil {
		return 1
	}
	if t.ratio[class] == nil {
		t.ratio[class] = make([]float32, len(t.seen.bins[anyClass][0]))
	}
	d := t.seen.density(int(class), bin) / t.chance.density(int(class), bin)
	t.ratio[class][bin] = float32(max(leastRatio, min(mostRatio, d)))
	return float64(t.ratio[class][bin])
}
