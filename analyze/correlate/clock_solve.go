package correlate

import "math"

// solve finds the offsets, link delays and messenger delays that fit all edges
// best, by weighted least squares:
//
//	diff(a to b)        = offset a - offset b + delay of the messenger + link a + link b
//	diff(to a and to b) = offset a - offset b - link a + link b
//
// Link delays are held near nothing by what is usual, and the reference of
// each group at offset 0.
func (c *comparison) solve() {
	for range robustRounds {
		c.leastSquares()
	}
}

// robustRounds is how often the edges are weighed anew by how well they fit; an
// edge that misses by misfit counts half, as in a fit to Cauchy's distribution.
const (
	robustRounds = 8
	misfit       = 0.012
)

func (c *comparison) leastSquares() {
	n := 2*c.inputs + len(c.taps)
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n+1)
	}
	for k := range c.edges {
		c.enter(m, &c.edges[k])
	}
	for i := range c.inputs {
		if c.group[i] == int32(i) {
			m[i][i] += 1e12
		}
		m[i][i] += 1e-2 // ten seconds around where it was, for those that no edge holds
		m[i][n] += 1e-2 * c.offset[i]
		m[c.inputs+i][c.inputs+i] += 1 / (seconds(linkDelay) * seconds(linkDelay))
	}
	for s := range c.taps {
		m[2*c.inputs+s][2*c.inputs+s] += 1e-2
		m[2*c.inputs+s][n] += 1e-2 * c.delay[s]
	}
	x, spread := eliminate(m)
	copy(c.offset, x[:c.inputs])
	copy(c.link, x[c.inputs:2*c.inputs])
	copy(c.delay, x[2*c.inputs:])
	for i := range c.inputs {
		c.error[i] = math.Sqrt(spread[i])
	}
}

// expected is the difference of an edge by what was found so far.
func (c *comparison) expected(e *edge) float64 {
	if e.tie {
		return c.offset[e.a] - c.offset[e.b]
	}
	if e.both {
		return c.offset[e.a] - c.offset[e.b] - c.link[e.a] + c.link[e.b]
	}
	return c.offset[e.a] - c.offset[e.b] + c.delay[e.service] + c.link[e.a] + c.link[e.b]
}

// Standard errors of one edge: what jitter leaves, and what does not become
// less by more moments.
const (
	edgeNoise = 0.020
	edgeFloor = 0.003
	tieFloor  = 0.0005
)

// enter adds one edge to the normal equations.
func (c *comparison) enter(m [][]float64, e *edge) {
	at := []int{int(e.a), int(e.b)}
	by := []float64{1, -1}
	err := tieFloor + e.err
	switch {
	case e.both:
		at = append(at, c.inputs+int(e.a), c.inputs+int(e.b))
		by = append(by, -1, 1)
	case !e.tie:
		at = append(at, c.inputs+int(e.a), c.inputs+int(e.b), 2*c.inputs+int(e.service))
		by = append(by, 1, 1, 1)
	}
	if !e.tie {
		err = edgeFloor + edgeNoise/math.Sqrt(float64(max(1, e.n))) + e.err
	}
	w := 1 / (err * err)
	if off := (e.diff - c.expected(e)) / max(misfit, e.err); !e.tie {
		w /= 1 + off*off
	}
	last := len(m)
	for i, p := range at {
		for j, q := range at {
			m[p][q] += w * by[i] * by[j]
		}
		m[p][last] += w * by[i] * e.diff
	}
}

// eliminate solves symmetric positive equations, the right side in the last
// column, by the method of Gauss and Jordan, and gives the diagonal of the
// inverse too. Unknowns that no equation holds are 0.
func eliminate(m [][]float64) (x, spread []float64) {
	n := len(m)
	inv := make([][]float64, n)
	for i := range inv {
		inv[i] = make([]float64, n)
		inv[i][i] = 1
		m[i][i] += 1e-9
	}
	for k := range n {
		f := 1 / m[k][k]
		multiply(m[k], f)
		multiply(inv[k], f)
		for i := range n {
			if g := m[i][k]; i != k && g != 0 {
				subtract(m[i], m[k], g)
				subtract(inv[i], inv[k], g)
			}
		}
	}
	x, spread = make([]float64, n), make([]float64, n)
	for i := range n {
		x[i], spread[i] = m[i][n], math.Abs(inv[i][i])
	}
	return x, spread
}

func multiply(row []float64, f float64) {
	for i := range row {
		row[i] *= f
	}
}

func subtract(row, from []float64, f float64) {
	for i := range row {
		row[i] -= f * from[i]
	}
}
