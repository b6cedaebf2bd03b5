package infer

import "math"

const (
	// variedSpread is the least ratio between the 90th and the 10th percentile
	// of sizes that speaks of written content by itself. Names of different
	// lengths in signals of one kind make less of a difference.
	variedSpread = 1.12
	// richSizes is a number of sizes at one client that no signal has, whatever
	// names it bears.
	richSizes = 12
	// signalPeaked is the share of pairs of a client's units of one size from
	// which a family is made of signals: 0.05 to 0.25 for messages, 0.3 to 1 for
	// receipts and typing (laboratory recordings and simulated XMPP and Matrix).
	signalPeaked = 0.3
	// relayedMost is the share of relayed units from which a family counts as
	// passed on to others.
	relayedMost = 0.5
	// leastContent is the least size in bytes of a record with a message: of 17
	// to 40 bytes for the cipher the rest must hold an address and a text.
	leastContent = 64
	// bulk is the size from which a unit is a transfer, not a message.
	bulk = 16 << 10
)

// choose marks the families that carry what people write and returns them all.
// The main one is that with the most units and the most variety; larger ones
// go with it, smaller ones only where they are close to it and passed on, and
// not so rare that chance makes them seem so.
func (v *view) choose(fs []family, l *law) []family {
	main, best := -1, 0.0
	for i := range fs {
		v.passed(&fs[i], l)
		if w := weight(&fs[i]); w > best {
			main, best = i, w
		}
	}
	if main < 0 {
		return fs
	}
	m := &fs[main]
	for i := range fs {
		f := &fs[i]
		varied := f.varied() && (f.relayed >= 0.3*m.relayed || !f.tested)
		switch {
		case i == main:
			f.content = true
		case f.low >= bulk || f.high < leastContent || f.broadcast():
		case f.written():
			f.content = true
		case f.low > m.low:
			f.content = f.relayed >= relayedMost || varied || len(f.units) < fewUnits || v.fanned(f)
		default:
			near := 2*f.high > m.low && float64(len(f.units)) >= rareShare*float64(len(m.units))
			f.content = near && !(m.varied() && f.single()) && f.relayed >= relayedMost || varied && f.rich()
		}
	}
	return fs
}

// passed measures how many units of a family were passed on, by law l or, for a
// family that may be content of a kind of its own, by one of its own.
func (v *view) passed(f *family, l *law) {
	f.tested = l.known()
	f.relayed, f.fan = v.relayedShare(l, f.units)
	if len(f.units) < fewUps || f.relayed >= relayedMost || !f.varied() {
		return
	}
	own := v.learn(f.units, false)
	f.tested = f.tested || own.known()
	if r, fan := v.relayedShare(own, f.units); r > f.relayed {
		f.relayed, f.fan = r, fan
	}
}

// fanned tells whether a family that is too rare to take part in the law goes to
// others at differences of its own, to one and more each: what few write to a group
// of many, which grows by the group's name.
func (v *view) fanned(f *family) bool {
	own := v.learn(f.units, false)
	if own.most < float64(len(f.units)) {
		return false
	}
	f.tested = true
	f.relayed, f.fan = v.relayedShare(own, f.units)
	return f.relayed >= relayedMost
}

// varied tells whether the sizes of a family are those of written content: far
// apart, or several and apart (ciphers and encodings work in blocks).
func (f *family) varied() bool {
	return len(f.units) >= 8 && (f.spread >= variedSpread || f.spread >= 1.05 && f.sizes >= 5)
}

// single tells whether a family is of one size whoever sends it, as signals are;
// what people write at the same messenger is of many.
func (f *family) single() bool { return f.low == f.high && len(f.units) >= fewUnits }

// rich tells whether a family has more sizes at one client, further apart, than
// signals have.
func (f *family) rich() bool {
	return f.spread >= variedSpread && f.sizes >= richSizes && f.peaked < signalPeaked
}

// written tells whether a family is what people write whoever gets it: of those
// who talk with people outside nobody inside gets anything. It must be common,
// and richer than is asked of a family that is passed on.
func (f *family) written() bool {
	return f.rich() && len(f.units) >= fewUps && f.peaked < signalPeaked*2/3 && f.leaving < 0.2
}

// broadcast tells whether a family is of one size, from everybody and to many:
// presence. What is written to a group is of many sizes.
func (f *family) broadcast() bool {
	return f.sizes == 1 && f.clients >= 3 && f.fan >= 1.5 && len(f.units) >= fewUnits
}

// weight is what speaks for a family being the main one; 0 rules it out.
func weight(f *family) float64 {
	if f.low >= bulk || f.high < leastContent || f.leaving > 0.6 && len(f.units) > 1 || f.broadcast() || f.relayed < relayedMost && !f.varied() {
		return 0
	}
	return float64(len(f.units)) * (math.Log(f.spread) + 0.02) * (f.relayed + 0.1) * f.loose()
}

// markContent marks the units up that are of a size that carries content: the
// leaders of the chosen families and what else has such a size without being
// plainly an answer. Where the server answers messages in one way, the answer
// decides, also for sizes beyond the family. Nothing smaller than the prior's
// least is content.
func (v *view) markContent(fs []family, p *prior) {
	for i := range v.units {
		u := &v.units[i]
		if !u.up || u.login || u.inner || u.size < p.LeastUp {
			continue
		}
		f := chosen(fs, u.size)
		switch a := answered(fs, u); {
		case a != nil:
			u.content = true
		case f != nil:
			u.content = u.react < 0.8 && f.answer == 0
		}
	}
}

// answered gives the content family whose usual answer a unit got, or nil.
func answered(fs []family, u *unit) *family {
	for i := range fs {
		f := &fs[i]
		if f.content && f.answer > 0 && f.answer == u.answer && f.low <= u.size+u.size/8 {
			return f
		}
	}
	return nil
}

// contents lists the units that carry content, by family; one beyond all
// families counts with the family whose answer it got.
func (v *view) contents(fs []family) [][]int32 {
	out := make([][]int32, len(fs))
	for i := range v.units {
		if u := &v.units[i]; u.content {
			k := home(fs, u)
			out[k] = append(out[k], int32(i))
		}
	}
	return out
}

// home gives the content family that unit u belongs to.
func home(fs []family, u *unit) int {
	best := 0
	for i := range fs {
		switch f := &fs[i]; {
		case !f.content:
		case f.low <= u.size && u.size <= f.high:
			return i
		case f.answer > 0 && f.answer == u.answer:
			best = i
		}
	}
	return best
}

// chosen gives the content family in whose range a size lies, or nil.
func chosen(fs []family, size uint32) *family {
	for i := range fs {
		if f := &fs[i]; f.content && f.low <= size && size <= f.high {
			return f
		}
	}
	return nil
}
